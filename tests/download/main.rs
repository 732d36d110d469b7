//! Documents that are named by a URL, from a server whose every answer is decided here: what is cut is gone on with or begun anew and never
//! half, what is refused is refused in one sentence, and nobody is asked who should not be.

#[path = "../common/mod.rs"]
mod common;
mod guarded;
mod in_flight;
mod origin;
mod program;
mod resumed;
#[path = "../shell/mod.rs"]
mod shell;
mod versions;

use std::time::Duration;

use common::{PLAIN, document, no_text, options, pipeline_on, temporary_store};
use pagestream::{
    Digest, DocumentHandle, Pipeline, Settings, SubmitOptions,
    download::{DownloadError, DownloadOptions, Downloader, Failure},
    settings::DownloadSettings,
};

use self::origin::{Origin, Reply};

const ETAG: (&str, &str) = ("ETag", "\"first\"");

fn settings() -> DownloadSettings {
    let mut settings = Settings::defaults().download;
    settings.retry_pause = Duration::ZERO;
    settings
}

fn downloader(change: impl FnOnce(&mut DownloadSettings)) -> Downloader {
    let mut settings = settings();
    change(&mut settings);
    Downloader::new(DownloadOptions::trusting(settings))
}

/// One whose device finds no text.
fn pipeline() -> Pipeline {
    pipeline_on(temporary_store(), options(), 2, |input| Ok(no_text(input)))
}

/// 50 KB a page.
fn scan(pages: usize) -> Vec<u8> {
    document(&vec![PLAIN; pages])
}

async fn download(downloader: &Downloader, pipeline: &Pipeline, url: &str) -> Result<DocumentHandle, DownloadError> {
    downloader.submit(pipeline, url, SubmitOptions::default()).await
}

/// Why a document is not downloaded, and how often it was asked for.
async fn refusal(
    change: impl FnOnce(&mut DownloadSettings),
    answer: impl Fn(usize, &origin::Request) -> Reply + Send + Sync + 'static,
) -> (DownloadError, usize) {
    let (origin, pipeline) = (Origin::new(answer), pipeline());
    let error = download(&downloader(change), &pipeline, &origin.url("/a.tif")).await.err().expect("a refusal");
    let sentence = error.to_string();
    assert!(sentence.starts_with(&format!("{}: ", origin.url("/a.tif"))) && !sentence.contains('\n'), "{sentence}");
    assert!(pipeline.store().documents(Default::default()).unwrap().is_empty(), "nothing is kept of it");
    assert_eq!(incoming(&pipeline), 0);
    (error, origin.requests().len())
}

/// Files that are being written into the spool.
fn incoming(pipeline: &Pipeline) -> usize {
    std::fs::read_dir(pipeline.store().dir().join("spool/incoming")).unwrap().count()
}

fn sha256(pipeline: &Pipeline, document: &DocumentHandle) -> Digest {
    pipeline.store().document(document.id()).unwrap().unwrap().sha256
}

#[tokio::test]
async fn a_document_is_downloaded_read_and_called_as_its_server_says() {
    let whole = scan(3);
    let body = whole.clone();
    let origin = Origin::new(move |_, request| match request.path.as_str() {
        "/chunked%20one.tif" => Reply::chunked(&[], &body),
        "/until-the-end.tif" => Reply::raw("200 OK", &[], &body),
        "/named" => Reply::new("200 OK", &[("Content-Disposition", "attachment; filename=\"../r.tif\"")], &body),
        "/moved" => Reply::redirect("/further"),
        "/further" => Reply::redirect("/here/a.tif?b=c#d"),
        "/here/a.tif?b=c" => Reply::new("200 OK", &[("Content-Type", "text/html")], &body),
        path => panic!("{path}"),
    });
    let (downloader, pipeline) = (downloader(|_| {}), pipeline());
    for (path, name) in [
        ("/chunked%20one.tif", "chunked one.tif"),
        ("/until-the-end.tif#page=2", "until-the-end.tif"),
        ("/named", "r.tif"),
        ("/moved", "moved"),
    ] {
        let document = download(&downloader, &pipeline, &origin.url(path)).await.unwrap();
        assert_eq!(document.source(), name);
        assert_eq!(sha256(&pipeline, &document), Digest::of(&whole));
        assert_eq!(common::numbers(&common::all(&document).await), [1, 2, 3]);
    }
    for request in origin.requests() {
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert_eq!(request.header("host"), Some(&*origin.address.to_string()));
        assert!(!request.headers.contains_key("range") && !request.headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn what_is_no_document_or_too_large_is_refused_before_it_is_taken() {
    let page = b"<!doctype html><title>Please sign in</title>".repeat(200);
    let (error, asked) = refusal(
        |_| {},
        move |_, _| Reply::cut("200 OK", &[("Content-Type", "application/pdf")], &page, 5_000).and_stays(),
    )
    .await;
    assert!(matches!(error.failure, Failure::Document(_)) && asked == 1, "{error}");
    let (error, _) = refusal(|_| {}, |_, _| Reply::new("200 OK", &[], b"")).await;
    assert!(matches!(error.failure, Failure::Empty), "{error}");
    let most = |settings: &mut DownloadSettings| settings.max_size = pagestream::ByteSize::kib(64);
    // Announced: not a byte of it is awaited. Not announced: given up when it has been too much.
    let (error, _) = refusal(most, |_, _| Reply::cut("200 OK", &[], &scan(2), 0).and_stays()).await;
    assert!(matches!(error.failure, Failure::TooLarge(_)), "{error}");
    let (error, _) = refusal(most, |_, _| Reply::chunked(&[], &scan(2)).and_stays()).await;
    assert!(matches!(error.failure, Failure::TooLarge(_)), "{error}");
    assert!(error.to_string().ends_with("the document has more than 64 KiB"), "{error}");
    for encoding in ["gzip", "identity, br", "x"] {
        let (error, asked) =
            refusal(|_| {}, move |_, _| Reply::new("200 OK", &[("Content-Encoding", encoding)], &scan(1))).await;
        assert!(matches!(&error.failure, Failure::Encoded(found) if found == encoding) && asked == 1, "{error}");
    }
    let pipeline = pipeline();
    let origin = Origin::new(|_, _| Reply::new("200 OK", &[("Content-Encoding", "Identity")], &scan(1)));
    download(&downloader(|_| {}), &pipeline, &origin.url("/")).await.unwrap();
}

#[tokio::test]
async fn what_a_server_refuses_is_told_with_what_to_do() {
    for (status, hint) in [
        ("404 Not Found", "address is right"),
        ("403 Forbidden", "a name and a password"),
        ("500 No", "later"),
        ("204 No Content", "later"),
    ] {
        let (error, asked) = refusal(|_| {}, move |_, _| Reply::new(status, &[], b"")).await;
        assert!(error.to_string().ends_with(&format!("the server answers {}", &status[..3])), "{error}");
        assert!(error.hint().unwrap().contains(hint) && asked == 1, "{:?}", error.hint());
    }
    // A part that nobody asked for.
    let (error, _) = refusal(|_| {}, |_, _| Reply::rest(&[], &scan(1), 10)).await;
    assert!(matches!(error.failure, Failure::Status { status: 206, .. }), "{error}");
    let (error, _) = refusal(|_| {}, |_, _| Reply::new("304 Not Modified", &[], b"")).await;
    assert!(matches!(error.failure, Failure::Status { status: 304, .. }), "{error}");
    let (error, _) = refusal(|_| {}, |_, _| Reply::raw("one OK", &[], b"")).await;
    assert!(matches!(error.failure, Failure::Nonsense(_)), "{error}");
    let nobody = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let error = download(&downloader(|_| {}), &pipeline(), &format!("http://{nobody}/")).await.err().unwrap();
    assert!(matches!(error.failure, Failure::NoConnection { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_puts_it_off_is_asked_again_but_not_for_ever() {
    let origin = Origin::new(|number, _| match number {
        0 => Reply::new("503 Busy", &[("Retry-After", "0")], b""),
        1 => Reply::new("429 Slow", &[("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")], b""),
        _ => Reply::new("200 OK", &[], &scan(1)),
    });
    download(&downloader(|_| {}), &pipeline(), &origin.url("/")).await.unwrap();
    assert_eq!(origin.requests().len(), 3);
    let (error, asked) = refusal(|settings| settings.attempts = 4, |_, _| Reply::new("503 Busy", &[], b"")).await;
    assert!(matches!(error.failure, Failure::Status { status: 503, .. }) && asked == 4, "{error}");
    let (error, asked) = refusal(|_| {}, |_, _| Reply::new("429 Slow", &[("Retry-After", "61")], b"")).await;
    assert!(asked == 1 && error.to_string().ends_with("answers 429, and to come again in 61 s"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_silent_or_takes_too_long_is_given_up() {
    let soon = |settings: &mut DownloadSettings| {
        settings.idle_time = Duration::from_millis(5);
        settings.attempts = 2;
    };
    let (error, asked) = refusal(soon, |_, _| Reply::silence()).await;
    assert!(matches!(error.failure, Failure::Silent(_)) && asked <= 2, "{error}");
    let (error, asked) = refusal(soon, |_, _| Reply::cut("200 OK", &[], &scan(1), 1_000).and_stays()).await;
    assert!(matches!(error.failure, Failure::Silent(_)) && asked <= 2, "{error}");
    let in_all = |settings: &mut DownloadSettings| settings.time = Duration::from_millis(5);
    let (error, _) = refusal(in_all, |_, _| Reply::silence()).await;
    assert!(matches!(error.failure, Failure::TooLong(_)), "{error}");
}
