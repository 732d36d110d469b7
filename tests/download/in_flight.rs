//! Many downloads at once, beside the reading: as many as may be, with the pipeline's own places, and gone when they are not wanted.

use std::sync::{
    Arc, Barrier, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures::{StreamExt, poll, stream::FuturesUnordered};
use pagestream::{DocumentState, Error, PipelineOptions, SubmitOptions};

use super::{
    ETAG, common, download, downloader, incoming,
    origin::{Origin, Reply},
    pipeline, scan,
};
use crate::Failure;

#[tokio::test]
async fn as_many_are_in_flight_as_may_be() {
    let (now, most, barrier) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)), Barrier::new(3));
    let seen = most.clone();
    let origin = Origin::new(move |_, _| {
        seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Three together, or nobody goes on.
        barrier.wait();
        now.fetch_sub(1, Ordering::SeqCst);
        Reply::new("200 OK", &[], &scan(1))
    });
    let (downloader, pipeline) = (downloader(|settings| settings.at_once = common::count(3)), pipeline());
    let urls: Vec<String> = (0..12).map(|n| origin.url(&format!("/{n}.tif"))).collect();
    let downloads: FuturesUnordered<_> = urls.iter().map(|url| download(&downloader, &pipeline, url)).collect();
    let documents: Vec<_> = downloads.map(Result::unwrap).collect().await;
    assert_eq!((documents.len(), most.load(Ordering::SeqCst)), (12, 3));
    // Who does not wait is told.
    let hanging = Origin::new(|_, _| Reply::silence());
    let urls: Vec<String> = (0..3).map(|n| hanging.url(&format!("/{n}.tif"))).collect();
    let mut held: Vec<_> = urls.iter().map(|url| Box::pin(download(&downloader, &pipeline, url))).collect();
    for download in &mut held {
        assert!(poll!(download).is_pending());
    }
    let refused = downloader.try_submit(&pipeline, &*hanging.url("/4.tif"), SubmitOptions::default()).await;
    assert!(matches!(refused.err().unwrap().failure, Failure::Busy(3)));
}

#[tokio::test]
async fn a_full_pipeline_is_waited_for_before_anybody_is_asked() {
    let origin = Origin::new(|_, _| Reply::new("200 OK", &[], &scan(1)));
    let options = PipelineOptions { open_documents: common::count(1), ..common::options() };
    let (pipeline, gate) = common::gated_pipeline(common::temporary_store(), options, 1);
    let first = common::submit(&pipeline, "first", &[common::PLAIN; 2]).await;
    let (downloader, url) = (downloader(|_| {}), origin.url("/a.tif"));
    let mut waiting = Box::pin(download(&downloader, &pipeline, &url));
    assert!(poll!(&mut waiting).is_pending());
    let refused = downloader.try_submit(&pipeline, &*url, SubmitOptions::default()).await.err().unwrap();
    assert!(matches!(refused.failure, Failure::Pipeline(Error::Busy { open: 1 })), "{refused}");
    assert!(matches!(refused.into_error(), Error::Busy { .. }));
    assert_eq!((origin.requests().len(), pipeline.capacity().documents_free), (0, 0));
    gate.open(usize::MAX);
    first.finished().await;
    drop(first);
    let document = waiting.await.unwrap();
    assert_eq!(document.finished().await.state, DocumentState::Done);
}

/// An origin that sends half of a document and no more, and says when it has.
fn half() -> (Origin, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let tell = Mutex::new(tell);
    let origin = Origin::new(move |_, _| {
        tell.lock().unwrap().send(()).unwrap();
        Reply::cut("200 OK", &[ETAG], &scan(30), 1_000_000).and_stays()
    });
    (origin, told)
}

#[tokio::test]
async fn a_download_that_nobody_wants_any_more_leaves_nothing() {
    let (origin, mut told) = half();
    let (downloader, pipeline, url) = (downloader(|_| {}), pipeline(), origin.url("/a.tif"));
    let mut hanging = Box::pin(download(&downloader, &pipeline, &url));
    tokio::select! {
        ended = &mut hanging => panic!("{:?}", ended.err()),
        sent = told.recv() => sent.unwrap(),
    }
    // It has begun to write before it waits for more.
    while incoming(&pipeline) == 0 {
        tokio::select! {
            biased;
            ended = &mut hanging => panic!("{:?}", ended.err()),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(pipeline.capacity().documents_free, pipeline.capacity().documents - 1);
    drop(hanging);
    assert_eq!(pipeline.capacity().documents_free, pipeline.capacity().documents);
    // What is being written at this moment is let go of when it is.
    while incoming(&pipeline) > 0 {
        tokio::task::yield_now().await;
    }
    assert!(pipeline.store().documents(Default::default()).unwrap().is_empty());
}

#[tokio::test]
async fn a_pipeline_that_drains_ends_its_downloads() {
    let (origin, mut told) = half();
    let (downloader, pipeline, url) =
        (downloader(|settings| settings.at_once = common::count(1)), pipeline(), origin.url("/a.tif"));
    let (hanging, waiting) = (download(&downloader, &pipeline, &url), download(&downloader, &pipeline, &url));
    let drained = async {
        told.recv().await.unwrap();
        pipeline.drain(std::time::Duration::ZERO).await
    };
    let (hanging, waiting, _) = tokio::join!(hanging, waiting, drained);
    for ended in [hanging, waiting] {
        assert!(matches!(ended.err().unwrap().into_error(), Error::Closed));
    }
    assert_eq!(origin.requests().len(), 1);
    assert!(pipeline.store().documents(Default::default()).unwrap().is_empty());
}
