//! What is cut: gone on with by ranges, or begun anew, and the bytes are the right ones in the end.

use pagestream::Digest;

use super::{
    ETAG, download, downloader, incoming,
    origin::{Origin, Reply, Request},
    pipeline, refusal, scan, sha256,
};
use crate::{Failure, common};

/// Where the first answer is cut.
const CUT: usize = 100_000;

/// Another document of the same length: as the server has it later.
fn newer() -> Vec<u8> {
    common::document(&[common::PLAIN, common::MARKED, common::PLAIN])
}

/// Downloads what is answered so; what was asked for.
async fn downloaded(
    expected: &[u8],
    answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
) -> Vec<Request> {
    let (origin, pipeline) = (Origin::new(answer), pipeline());
    let document = download(&downloader(|_| {}), &pipeline, &origin.url("/a.tif")).await.unwrap();
    assert_eq!(sha256(&pipeline, &document), Digest::of(expected));
    assert_eq!(incoming(&pipeline), 0, "what was dropped is gone");
    assert_eq!(common::numbers(&common::all(&document).await), [1, 2, 3]);
    origin.requests()
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on_where_it_was() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (version, condition) in [(ETAG, "\"first\""), (("Last-Modified", DATE), DATE)] {
        let requests = downloaded(&scan(3), move |number, request| {
            let whole = scan(3);
            match number {
                0 => Reply::cut("200 OK", &[version], &whole, CUT),
                // Cut twice, and the second time with less than was promised.
                1 => Reply::cut(
                    "206 Partial Content",
                    &[version, ("Content-Range", "bytes 100000-153999/*")],
                    &whole[CUT..],
                    20_000,
                ),
                _ => {
                    let from = request.header("range").unwrap().trim_start_matches("bytes=").trim_end_matches('-');
                    Reply::rest(&[version], &whole, from.parse().unwrap())
                }
            }
        })
        .await;
        let asked: Vec<_> =
            requests.iter().map(|request| (request.header("range"), request.header("if-range"))).collect();
        assert_eq!(
            asked,
            [(None, None), (Some("bytes=100000-"), Some(condition)), (Some("bytes=120000-"), Some(condition))]
        );
    }
}

#[tokio::test]
async fn a_redirect_is_followed_again_for_the_rest() {
    let requests = downloaded(&scan(3), |number, request| match (request.path.as_str(), number) {
        ("/a.tif", _) => Reply::redirect("/there"),
        (_, 1) => Reply::cut("200 OK", &[ETAG], &scan(3), CUT),
        _ => Reply::rest(&[ETAG], &scan(3), CUT),
    })
    .await;
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn what_cannot_be_gone_on_with_is_begun_anew() {
    const NEWER: (&str, &str) = ("ETag", "\"second\"");
    // What is answered to the request for the rest; a request without a range follows where that is not the whole.
    type Case = (&'static str, fn() -> Reply, usize);
    let answers: [Case; 6] = [
        ("the whole, newer", || Reply::new("200 OK", &[NEWER], &newer()), 2),
        ("a part of another version", || Reply::rest(&[NEWER], &newer(), CUT), 3),
        ("another part", || Reply::rest(&[ETAG], &newer(), CUT - 1), 3),
        (
            "a part of something longer",
            || {
                let range = [ETAG, ("Content-Range", "bytes 100000-153999/999999")];
                Reply::new("206 Partial Content", &range, &newer()[CUT..])
            },
            3,
        ),
        ("a part that is not said which", || Reply::new("206 Partial Content", &[ETAG], &newer()[CUT..]), 3),
        ("no such part", || Reply::new("416 Range Not Satisfiable", &[], b""), 3),
    ];
    for (what, answer, asked) in answers {
        let requests = downloaded(&newer(), move |number, request| match number {
            0 => Reply::cut("200 OK", &[ETAG], &scan(3), CUT),
            1 => answer(),
            _ => {
                assert_eq!(request.header("range"), None);
                Reply::new("200 OK", &[NEWER], &newer())
            }
        })
        .await;
        assert_eq!(requests.len(), asked, "{what}");
        assert_eq!(requests[1].header("range"), Some("bytes=100000-"), "{what}");
    }
}

#[tokio::test]
async fn without_a_name_for_its_bytes_a_version_is_not_gone_on_with() {
    for version in [("ETag", "W/\"weak\""), ("Last-Modified", "yesterday"), ("X", "y")] {
        let requests = downloaded(&newer(), move |number, _| match number {
            0 => Reply::cut("200 OK", &[version], &scan(3), CUT),
            _ => Reply::new("200 OK", &[version], &newer()),
        })
        .await;
        assert_eq!(requests.len(), 2);
        assert_eq!((requests[1].header("range"), requests[1].header("if-range")), (None, None), "{version:?}");
    }
}

#[tokio::test]
async fn a_server_that_always_cuts_at_the_same_place_is_given_up() {
    // It knows no ranges: the same bytes again are no progress.
    let (error, asked) = refusal(|_| {}, |_, _| Reply::cut("200 OK", &[ETAG], &scan(3), CUT)).await;
    assert!(matches!(error.failure, Failure::Cut(_)), "{error}");
    // The first brought something; five more did not.
    assert_eq!(asked, 5);
    // One that goes away before it has said anything.
    let (error, asked) = refusal(|settings| settings.attempts = 3, |_, _| Reply::raw("", &[], b"").nothing()).await;
    assert!(matches!(error.failure, Failure::Cut(_)) && asked == 3, "{error}");
}

#[tokio::test]
async fn a_rest_that_is_longer_than_it_may_be_is_refused() {
    let (error, _) = refusal(
        |_| {},
        |number, _| match number {
            0 => Reply::cut("200 OK", &[ETAG], &scan(3), CUT),
            _ => {
                let (whole, range) = (scan(3), format!("bytes {CUT}-{}/*", scan(3).len() - 1));
                Reply::new(
                    "206 Partial Content",
                    &[ETAG, ("Content-Range", &range)],
                    &[&whole[CUT..], b"more"].concat(),
                )
            }
        },
    )
    .await;
    assert!(matches!(error.failure, Failure::Nonsense(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_is_gone_for_the_rest_ends_it_with_its_answer() {
    let (error, asked) = refusal(
        |_| {},
        |number, _| match number {
            0 => Reply::cut("200 OK", &[ETAG], &scan(3), CUT),
            _ => Reply::new("410 Gone", &[], b""),
        },
    )
    .await;
    assert!(matches!(error.failure, Failure::Status { status: 410, .. }) && asked == 2, "{error}");
}
