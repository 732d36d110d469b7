//! Faults: what a panic, a hung device or a poison page costs, and what survives a stop.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use common::{
    Gate, MARKED, PLAIN, all, count, device, is_marked, no_text, numbers, options, pipeline_on, source, submit,
    temporary_store,
};
use pagestream::{DocumentState, PageStatus, PipelineOptions, QuarantinedPage, SubmitOptions};
use pagestream_models::Error;
use pagestream_store::{Store, StoreOptions};

#[tokio::test]
async fn a_poison_page_costs_that_page_and_is_quarantined_after_three_attempts() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 2, move |input| {
        if is_marked(input) {
            counted.fetch_add(1, SeqCst);
            panic!("a poison page");
        }
        Ok(no_text(input))
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN, PLAIN, MARKED, PLAIN, PLAIN]).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), [1, 2, 3, 4, 5]);
    let statuses: Vec<_> = pages.iter().map(|page| page.status.as_str()).collect();
    assert_eq!(statuses, ["ok", "ok", "failed", "ok", "ok"]);
    let reason = pages[2].reason.as_deref().unwrap();
    assert_eq!(attempts.load(SeqCst), 3);
    // What it looked like is kept for as long as the document.
    let [QuarantinedPage { page, image: Some(image) }] = document.quarantined()[..] else {
        panic!("one image is kept")
    };
    assert_eq!(page.get(), 3);
    let kept = format!("; its image is kept in the spool as {image}");
    assert_eq!(reason, format!("given up after 3 attempts: the device thread panicked: a poison page{kept}"));
    let png = pipeline.store().open_blob(image).unwrap();
    assert_eq!(image::load_from_memory((*png).as_ref()).unwrap().to_luma8().dimensions(), (320, 160));
    pipeline.store().remove(document.id()).unwrap();
    assert!(pipeline.store().open_blob(image).is_err());
}

#[tokio::test]
async fn a_page_that_fails_once_is_read_the_second_time() {
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = failures.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 1, move |input| {
        if is_marked(input) && counted.fetch_add(1, SeqCst) == 0 {
            return Err(Error::Inference { model: "fake".into(), cause: "a passing fault".into() });
        }
        Ok(no_text(input))
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN, MARKED, PLAIN]).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), [1, 2, 3]);
    assert!(pages.iter().all(|page| page.status == PageStatus::Ok));
    assert_eq!(pipeline.metrics().pages_retried, 1);
}

#[tokio::test]
async fn a_hung_device_thread_is_replaced_and_its_page_read_again() {
    let hung = Arc::new(AtomicUsize::new(0));
    let (counted, gate) = (hung.clone(), Gate::default());
    let at_the_gate = gate.clone();
    let options = PipelineOptions { inference_time_limit: Duration::from_millis(50), ..options() };
    let pipeline = pipeline_on(temporary_store(), options, 1, move |input| {
        if is_marked(input) && counted.fetch_add(1, SeqCst) == 0 {
            at_the_gate.pass();
        }
        Ok(no_text(input))
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN, MARKED, PLAIN]).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), [1, 2, 3]);
    assert!(pages.iter().all(|page| page.status == PageStatus::Ok), "{pages:?}");
    assert_eq!(hung.load(SeqCst), 2);
    gate.open(1);
}

#[tokio::test]
async fn a_page_past_its_time_limit_fails_and_the_others_go_on() {
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let options = PipelineOptions { page_time_limit: Duration::from_secs(4), ..options() };
    let pipeline = pipeline_on(temporary_store(), options, 2, move |input| {
        if is_marked(input) {
            at_the_gate.pass();
        }
        Ok(no_text(input))
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN, MARKED, PLAIN, PLAIN]).await;
    let pages = all(&document).await;
    let statuses: Vec<_> = pages.iter().map(|page| page.status.as_str()).collect();
    assert_eq!(statuses, ["ok", "failed", "ok", "ok"]);
    assert_eq!(pages[1].reason.as_deref(), Some("took longer than 4 s (in the gpu_scheduler)"));
    gate.open(usize::MAX);
}

#[tokio::test]
async fn work_moves_to_another_device_when_one_is_lost() {
    let unfit = |_: pagestream_models::TensorView<'_>| {
        Err(Error::Load { model: "fake".into(), backend: "fake".into(), cause: "no such device".into() })
    };
    let devices = vec![device("broken", 1, unfit), device("sound", 1, |input| Ok(no_text(input)))];
    let pipeline = pagestream_actors::start(options(), temporary_store(), devices).unwrap();
    let document = submit(&pipeline, "a.tif", &[PLAIN; 10]).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), (1..=10).collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.status == PageStatus::Ok), "{pages:?}");
    assert_eq!(pipeline.fatal(), None);
}

#[tokio::test]
async fn no_device_left_fails_loudly_with_the_root_cause() {
    let pipeline = pipeline_on(temporary_store(), options(), 1, |_| {
        Err(Error::Load { model: "fake".into(), backend: "fake".into(), cause: "no such device".into() })
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN; 3]).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), [1, 2, 3]);
    assert!(pages.iter().all(|page| page.status == PageStatus::Failed));
    assert!(pages[2].reason.as_deref().unwrap().contains("no such device"), "{:?}", pages[2].reason);
    assert!(pipeline.fatal().unwrap().contains("no such device"));
}

#[tokio::test]
async fn what_a_drain_leaves_is_read_when_resumed_and_no_page_twice() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let gate = Gate::default();
    let (counted, at_the_gate) = (asked.clone(), gate.clone());
    let options = PipelineOptions { pages_in_flight: count(2), ..options() };
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let pipeline = pipeline_on(store, options.clone(), 1, move |input| {
        at_the_gate.pass();
        counted.fetch_add(1, SeqCst);
        Ok(no_text(input))
    });
    // As ready: whichever pages are the first through the gate, they are out.
    let unordered = SubmitOptions { unordered: true, ..SubmitOptions::default() };
    let document = pipeline.submit(source("a.tif", &[PLAIN; 9]), unordered).await.unwrap();
    let id = document.id();
    gate.open(3);
    document.watch().wait_for(|p| p.committed == 3).await.unwrap();
    pipeline.pages_admitted().wait_for(|&n| n == 5).await.unwrap();
    // Polled in this order, so that nothing new is begun when the two pages under way go on.
    let (report, ()) = tokio::join!(pipeline.drain(Duration::from_secs(30)), async { gate.open(2) });
    assert_eq!(report.pages_abandoned, 0);
    assert_eq!(report.interrupted, [(id, "a.tif".to_owned(), 5)]);
    assert_eq!(document.progress().state, DocumentState::Interrupted);
    assert!(pipeline.submit(source("b.tif", &[PLAIN]), SubmitOptions::default()).await.is_err());
    pipeline.stop().await;
    drop((pipeline, document));

    let counted = asked.clone();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let pipeline = pipeline_on(store, options, 1, move |input| {
        counted.fetch_add(1, SeqCst);
        Ok(no_text(input))
    });
    let resumed = pipeline.resume().await.unwrap();
    assert_eq!(resumed.len(), 1);
    assert_eq!(resumed[0].id(), id);
    assert_eq!(numbers(&all(&resumed[0]).await), (1..=9).collect::<Vec<_>>());
    assert_eq!(asked.load(SeqCst), 9, "each page was read once, over both runs");
    pipeline.stop().await;
}

#[tokio::test]
async fn the_same_document_submitted_again_is_answered_from_the_log() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 1, move |input| {
        counted.fetch_add(1, SeqCst);
        Ok(no_text(input))
    });
    let first = submit(&pipeline, "a.tif", &[PLAIN; 4]).await;
    let pages = all(&first).await;
    let again = submit(&pipeline, "copy of a.tif", &[PLAIN; 4]).await;
    assert_ne!(again.id(), first.id());
    for (copy, page) in all(&again).await.iter().zip(&pages) {
        assert_eq!((copy.document.id, copy.document.source.as_str()), (again.id(), "copy of a.tif"));
        assert_eq!((copy.page, copy.status, &copy.text), (page.page, page.status, &page.text));
    }
    let once_more = submit(&pipeline, "a.tif", &[PLAIN; 4]).await;
    assert_eq!(once_more.id(), first.id());
    assert_eq!(all(&once_more).await, pages);
    assert_eq!(asked.load(SeqCst), 4);
    let forced = SubmitOptions { force: true, ..SubmitOptions::default() };
    let forced = pipeline.submit(source("a.tif", &[PLAIN; 4]), forced).await.unwrap();
    assert_ne!(forced.id(), first.id());
    assert_eq!(all(&forced).await.len(), 4);
    assert_eq!(asked.load(SeqCst), 8);
}

#[tokio::test]
async fn the_same_scan_in_another_file_is_not_read_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 1, move |input| {
        counted.fetch_add(1, SeqCst);
        Ok(no_text(input))
    });
    let first = submit(&pipeline, "a.tif", &[PLAIN; 2]).await;
    let pages = all(&first).await;
    // Another document, whose first two pages have the same pixels.
    let longer = submit(&pipeline, "b.tif", &[PLAIN; 3]).await;
    let again = all(&longer).await;
    assert_eq!(asked.load(SeqCst), 3);
    assert_eq!((again[0].page, again[0].document.id), (pages[0].page, longer.id()));
    assert_eq!(pipeline.cache_stats().pages.hits, 2);
    let forced = SubmitOptions { force: true, ..SubmitOptions::default() };
    all(&pipeline.submit(source("c.tif", &[PLAIN; 2]), forced).await.unwrap()).await;
    assert_eq!(asked.load(SeqCst), 5);
}

#[tokio::test]
async fn a_document_past_its_time_limit_fails_what_it_has_not_read() {
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let options = PipelineOptions { document_time_limit: Some(Duration::from_secs(4)), ..options() };
    let pipeline = pipeline_on(temporary_store(), options, 2, move |input| {
        if is_marked(input) {
            at_the_gate.pass();
        }
        Ok(no_text(input))
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN, MARKED, MARKED, MARKED, MARKED, MARKED]).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), [1, 2, 3, 4, 5, 6]);
    assert_eq!(pages[0].status, PageStatus::Ok);
    for page in &pages[1..] {
        assert_eq!(page.status, PageStatus::Failed);
        assert_eq!(page.reason.as_deref(), Some("the document took longer than 4 s"));
    }
    assert_eq!(document.progress().state, DocumentState::Done);
    gate.open(usize::MAX);
}
