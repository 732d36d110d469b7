//! Flow control: what is bounded, by how much, and who waits for whom.

mod common;

use common::{
    Gate, MARKED, PLAIN, all, count, document, gated_pipeline, is_marked, no_text, numbers, options, pipeline_on,
    submit,
};
use futures::StreamExt;
use pagestream::{
    DocumentState, Error, OcrMode, PageStatus, PipelineOptions, Priority, Source, SubmitOptions, Tail,
    settings::Settings,
};

use crate::common::temporary_store;

#[tokio::test]
async fn every_submitted_page_ends_as_exactly_one_record_in_order() {
    let pipeline = pipeline_on(temporary_store(), options(), 2, |input| Ok(no_text(input)));
    let document = submit(&pipeline, "a.tif", &[PLAIN; 40]).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), (1..=40).collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.status == PageStatus::Ok && page.document.pages == 40));
    // Whoever comes later, or starts again, sees the same.
    assert_eq!(all(&document).await, pages);
    assert_eq!(document.progress().state, DocumentState::Done);
}

/// Words, places and structure: who reads along has them from memory, and others from the log.
#[tokio::test]
async fn who_reads_along_gets_what_the_log_has() {
    let pipeline = pipeline_on(temporary_store(), options(), 2, |input| Ok(no_text(input)));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/sample.pdf");
    let never = SubmitOptions { ocr: OcrMode::Never, ..SubmitOptions::default() };
    let document = pipeline.submit(Source::Path(sample.into()), never).await.unwrap();
    let along = all(&document).await;
    assert!(along.len() == 4 && along[0].lines.len() > 10, "{along:?}");
    let tail = pipeline.tail(document.id(), Tail::default()).await.unwrap().unwrap();
    assert_eq!(tail.map(Result::unwrap).collect::<Vec<_>>().await, along);
}

#[tokio::test]
async fn a_stalled_device_stops_ingest_after_exactly_n_pages() {
    let options = PipelineOptions { pages_in_flight: count(5), ..options() };
    let (pipeline, gate) = gated_pipeline(temporary_store(), options, 2);
    // As ready: whichever of the pages under way is the first through the gate, it is out.
    let unordered = SubmitOptions { unordered: true, ..SubmitOptions::default() };
    let document = pipeline.submit(common::source("a.tif", &[PLAIN; 20]), unordered).await.unwrap();
    let mut admitted = pipeline.pages_admitted();
    // Before the first page is out, no more than two are under way: the third is not even rasterised.
    admitted.wait_for(|&n| n == 2).await.unwrap();
    gate.open(1);
    // One page is done, and as many follow as there are slots: 1 + 5.
    admitted.wait_for(|&n| n == 6).await.unwrap();
    // The seventh waits for a slot: that it has asked, and has none, is what shows that it is stopped.
    while pipeline.budget().1 == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((*admitted.borrow(), pipeline.budget().0.pages), (6, 0));
    gate.open(usize::MAX);
    assert_eq!(all(&document).await.len(), 20);
}

#[tokio::test]
async fn a_slow_reader_stops_its_document_after_exactly_n_pages() {
    let options = PipelineOptions { reader_window: count(4), ..options() };
    let pipeline = pipeline_on(temporary_store(), options, 2, |input| Ok(no_text(input)));
    let gate_free = Source::Bytes { name: "slow.tif".into(), bytes: document(&[PLAIN; 12]).into() };
    let slow = pipeline.submit(gate_free, SubmitOptions::default()).await.unwrap();
    let mut pages = slow.pages();
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!(first.page.get(), 1);
    // One was taken, so that five may be there; four can be told to have come, and the sixth never to have begun.
    slow.watch().wait_for(|p| p.committed == 5).await.unwrap();
    // Other documents are not held up meanwhile.
    let quick = submit(&pipeline, "quick.tif", &[PLAIN; 8]).await;
    assert_eq!(all(&quick).await.len(), 8);
    assert_eq!(slow.progress().committed, 5);
    // Taking one lets exactly one more begin.
    pages.next().await.unwrap().unwrap();
    slow.watch().wait_for(|p| p.committed == 6).await.unwrap();
    // Nobody waits for a reader that has gone.
    drop(pages);
    assert_eq!(slow.finished().await.committed, 12);
}

#[tokio::test]
async fn a_full_system_says_busy_and_waits_when_asked_to() {
    let options = PipelineOptions { open_documents: count(1), ..options() };
    let (pipeline, gate) = gated_pipeline(temporary_store(), options, 1);
    let first = submit(&pipeline, "first.tif", &[PLAIN]).await;
    let second = common::source("second.tif", &[PLAIN, PLAIN]);
    let refused = pipeline.try_submit(second.clone(), SubmitOptions::default()).await;
    assert!(matches!(refused, Err(Error::Busy { open: 1 })));
    let waiting = pipeline.submit(second, SubmitOptions::default());
    gate.open(usize::MAX);
    let second = waiting.await.unwrap();
    assert_eq!(all(&second).await.len(), 2);
    assert_eq!(first.finished().await.state, DocumentState::Done);
}

#[tokio::test]
async fn a_long_document_does_not_hold_up_a_short_one() {
    let options = PipelineOptions { pages_in_flight: count(2), ..options() };
    let (pipeline, gate) = gated_pipeline(temporary_store(), options, 1);
    let long = submit(&pipeline, "long.tif", &[PLAIN; 200]).await;
    pipeline.pages_admitted().wait_for(|&n| n == 2).await.unwrap();
    let short = submit(&pipeline, "short.tif", &[MARKED]).await;
    let mut passed = 0;
    while short.progress().committed == 0 {
        gate.open(1);
        passed += 1;
        let (mut a, mut b) = (long.watch(), short.watch());
        tokio::select! {
            changed = a.changed() => changed.unwrap(),
            changed = b.changed() => changed.unwrap(),
        }
        assert!(passed < 12, "the short document waits for the long one");
    }
    gate.open(usize::MAX);
    assert_eq!(long.finished().await.committed, 200);
}

#[tokio::test]
async fn bulk_work_steps_back_for_interactive_work() {
    let options = PipelineOptions { pages_in_flight: count(2), ..options() };
    let (pipeline, gate) = gated_pipeline(temporary_store(), options, 1);
    let bulk = SubmitOptions { bulk: true, ..SubmitOptions::default() };
    assert_eq!(bulk.priority(), Priority::Bulk);
    let archive = pipeline.submit(common::source("archive.tif", &[PLAIN; 100]), bulk).await.unwrap();
    // Of two slots bulk work takes one.
    pipeline.pages_admitted().wait_for(|&n| n == 1).await.unwrap();
    let urgent = submit(&pipeline, "urgent.tif", &[MARKED; 6]).await;
    gate.open(usize::MAX);
    urgent.finished().await;
    assert!(archive.progress().committed < 50, "{} pages of bulk work went first", archive.progress().committed);
    archive.finished().await;
}

#[tokio::test]
async fn a_cancelled_document_frees_its_memory_and_every_page_has_its_record() {
    // Two threads, because the second page may come to the device before the first and wait there.
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let options = PipelineOptions { pages_in_flight: count(4), ..options() };
    let pipeline = pipeline_on(temporary_store(), options.clone(), 2, move |input| {
        if is_marked(input) {
            at_the_gate.pass();
        }
        Ok(no_text(input))
    });
    let stuck = submit(&pipeline, "stuck.tif", &[PLAIN, MARKED, MARKED, MARKED, MARKED, MARKED]).await;
    stuck.watch().wait_for(|p| p.committed == 1).await.unwrap();
    stuck.cancel();
    assert_eq!(stuck.finished().await.state, DocumentState::Cancelled);
    let pages = all(&stuck).await;
    assert_eq!(numbers(&pages), [1, 2, 3, 4, 5, 6]);
    assert_eq!(pages[0].status, PageStatus::Ok);
    assert!(pages[1..].iter().all(|p| p.status == PageStatus::Skipped && p.reason.as_deref() == Some("cancelled")));
    assert_eq!(pipeline.budget().0.pages, 4, "the slots are free although a device thread still works on a page");
    gate.open(usize::MAX);
    let next = submit(&pipeline, "next.tif", &[PLAIN; 3]).await;
    assert_eq!(all(&next).await.len(), 3);
}

#[tokio::test]
async fn pages_come_as_they_are_ready_when_no_order_is_asked_for() {
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 2, move |input| {
        if is_marked(input) {
            at_the_gate.pass();
        }
        Ok(no_text(input))
    });
    let unordered = SubmitOptions { unordered: true, ..SubmitOptions::default() };
    let document = pipeline.submit(common::source("a.tif", &[MARKED, PLAIN, PLAIN]), unordered).await.unwrap();
    let mut pages = document.pages();
    let second = pages.next().await.unwrap().unwrap();
    assert_eq!(second.page.get(), 2);
    gate.open(1);
    let mut rest = [pages.next().await.unwrap().unwrap().page.get(), pages.next().await.unwrap().unwrap().page.get()];
    rest.sort_unstable();
    assert_eq!(rest, [1, 3]);
    assert!(pages.next().await.is_none());
}

#[tokio::test]
async fn only_the_pages_asked_for_are_read() {
    let pipeline = pipeline_on(temporary_store(), options(), 2, |input| Ok(no_text(input)));
    let some = SubmitOptions { pages: "2,4-5".parse().unwrap(), ..SubmitOptions::default() };
    let document = pipeline.submit(common::source("a.tif", &[PLAIN; 6]), some).await.unwrap();
    assert_eq!(numbers(&all(&document).await), [2, 4, 5]);
    let none = SubmitOptions { pages: "7-".parse().unwrap(), ..SubmitOptions::default() };
    let document = pipeline.submit(common::source("b.tif", &[PLAIN; 6]), none).await.unwrap();
    let DocumentState::Failed(failure) = document.finished().await.state else { panic!("no page was selected") };
    assert_eq!(failure.message, "it has 6 pages, and `7-` selects none of them");
}

#[tokio::test]
async fn a_pipeline_embeds_in_a_single_threaded_runtime_and_reads_text_without_models() {
    let settings = Settings::defaults();
    let pipeline = pagestream::start(settings).await.unwrap();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/sample.pdf");
    let options = SubmitOptions { pages: "1-2".parse().unwrap(), ..SubmitOptions::default() };
    let document = pipeline.submit(Source::Path(sample.into()), options).await.unwrap();
    let pages = all(&document).await;
    assert!(pages[0].text.starts_with("Reading Documents Within a Budget\n"));
    assert!(pages.iter().all(|page| page.models.is_empty()));
    pipeline.stop().await;
}
