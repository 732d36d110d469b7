//! The same URL again: asked whether it has changed, and what was read is found.

use std::path::Path;

use pagestream::{Digest, SubmitOptions};
use pagestream_store::{DownloadedFrom, Store, StoreOptions};

use super::{
    ETAG, common, download, downloader,
    origin::{Origin, Reply},
    scan, sha256,
};

const DATE: (&str, &str) = ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");

fn store(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).unwrap()
}

#[tokio::test]
async fn what_has_not_changed_is_found_and_not_downloaded_again_also_by_another_run() {
    let origin = Origin::new(|number, request| match number {
        0 => Reply::new("200 OK", &[ETAG, DATE], &scan(3)),
        4 => Reply::new("200 OK", &[("ETag", "\"second\"")], &scan(2)),
        _ => {
            assert_eq!(request.header("if-none-match"), Some("\"first\""));
            assert_eq!(request.header("if-modified-since"), Some(DATE.1));
            Reply::new("304 Not Modified", &[ETAG], b"")
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let run = async |options: SubmitOptions| {
        let pipeline =
            common::pipeline_on(store(folder.path()), common::options(), 2, |input| Ok(common::no_text(input)));
        // With a password, which nobody finds again.
        let url = origin.url("/a.tif").replace("http://", "http://ann:secret@");
        let document = downloader(|_| {}).submit(&pipeline, &*url, options).await.unwrap();
        let pages = common::numbers(&common::all(&document).await);
        let found = (document.id(), sha256(&pipeline, &document), pages);
        assert_eq!(document.source(), "a.tif");
        let noted = pipeline.store().document(document.id()).unwrap().unwrap().download.unwrap();
        pipeline.stop().await;
        (found, noted)
    };
    let (first, noted) = run(SubmitOptions::default()).await;
    let from = DownloadedFrom {
        url: origin.url("/a.tif"),
        etag: Some(ETAG.1.to_owned()),
        last_modified: Some(DATE.1.to_owned()),
    };
    assert_eq!(noted, from);
    assert_eq!(run(SubmitOptions::default()).await, (first.clone(), from.clone()), "the same document");
    let some = SubmitOptions { pages: "2".parse().unwrap(), ..SubmitOptions::default() };
    let (other, noted) = run(some).await;
    assert!(
        other.0 != first.0 && other.1 == first.1 && other.2 == [2],
        "the same bytes, asked for otherwise: {other:?}"
    );
    assert_eq!(noted, from);
    let force = SubmitOptions { force: true, ..SubmitOptions::default() };
    let (again, _) = run(force).await;
    assert!(again.0 != first.0 && again.1 == first.1, "read again, and not transferred again");
    let (newer, noted) = run(SubmitOptions::default()).await;
    assert_eq!((newer.1, newer.2), (Digest::of(&scan(2)), vec![1, 2]));
    assert_eq!((noted.etag.as_deref(), noted.last_modified), (Some("\"second\""), None));
    let requests = origin.requests();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.header("authorization") == Some("Basic YW5uOnNlY3JldA==")));
    // Neither the database nor what stands beside it.
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        assert!(!bytes.windows(6).any(|part| part == b"secret"), "{}", path.display());
    }
}

#[tokio::test]
async fn what_was_removed_or_is_somebody_elses_is_downloaded_again() {
    let origin = Origin::new(|_, request| {
        assert_eq!(request.header("if-none-match"), None);
        Reply::new("200 OK", &[ETAG], &scan(1))
    });
    let (downloader, pipeline) = (downloader(|_| {}), super::pipeline());
    let url = origin.url("/a.tif");
    let first = download(&downloader, &pipeline, &url).await.unwrap();
    first.finished().await;
    pipeline.store().remove(first.id()).unwrap();
    let of_ann = SubmitOptions { owner: Some("key:ann".parse().unwrap()), ..SubmitOptions::default() };
    downloader.submit(&pipeline, &*url, of_ann).await.unwrap().finished().await;
    let of_bob = SubmitOptions { owner: Some("key:bob".parse().unwrap()), ..SubmitOptions::default() };
    let of_bob = downloader.submit(&pipeline, &*url, of_bob).await.unwrap();
    assert!(of_bob.finished().await.committed == 1 && origin.requests().len() == 3);
}

#[tokio::test]
async fn downloads_and_uploads_of_the_same_bytes_are_one_reading() {
    let origin = Origin::new(|_, _| Reply::new("200 OK", &[], &scan(2)));
    let pipeline = super::pipeline();
    let uploaded = common::submit(&pipeline, "a.tif", &[common::PLAIN; 2]).await;
    uploaded.finished().await;
    let downloaded = download(&downloader(|_| {}), &pipeline, &origin.url("/a.tif")).await.unwrap();
    assert_eq!(downloaded.id(), uploaded.id(), "of the same name and the same bytes");
    let noted = pipeline.store().document(uploaded.id()).unwrap().unwrap().download.unwrap();
    assert_eq!(noted, DownloadedFrom { url: origin.url("/a.tif"), etag: None, last_modified: None });
}
