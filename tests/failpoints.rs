//! Stages that panic: what is lost with them, which is nothing, and what happens when one does not stop. A target of its
//! own, `cargo test --features failpoints --test failpoints`, since fail points are no part of what is shipped.

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use common::{
    Gate, MARKED, PLAIN, all, is_marked, no_text, numbers, options, pipeline_on, source, submit, temporary_store,
};
use pagestream::{DocumentState, Error, PageStatus, SubmitOptions};
use pagestream_actors::{failpoints, metrics::Stage};
use pagestream_models::Error as ModelError;
use tokio::sync::{Mutex, MutexGuard};

/// Fail points are the process's: the tests take turns.
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

#[tokio::test]
async fn a_panicking_stage_is_made_anew() {
    let _turn = turn().await;
    for stage in [Stage::Preprocessor, Stage::GpuScheduler, Stage::Decoder, Stage::EmbeddingDeduper, Stage::Sink] {
        for pass in [0, 5, 11] {
            let pipeline = pipeline_on(temporary_store(), options(), 2, |input| Ok(no_text(input)));
            failpoints::arm(stage, pass, 2);
            let document = submit(&pipeline, "a.tif", &[PLAIN; 12]).await;
            let pages = all(&document).await;
            assert_eq!(numbers(&pages), (1..=12).collect::<Vec<_>>(), "{stage:?} {pass}");
            assert!(pages.iter().all(|page| page.status == PageStatus::Ok), "{stage:?} {pass}: {pages:?}");
            assert_eq!(document.progress().state, DocumentState::Done);
            assert_eq!(failpoints::left(stage), 0, "{stage:?} has panicked");
            let metrics = pipeline.metrics();
            let restarts = metrics.stages.iter().find(|s| s.stage == stage.as_str()).unwrap().restarts;
            assert!(restarts >= 1, "{stage:?} was made anew");
            assert_eq!(pipeline.fatal(), None);
            pipeline.stop().await;
        }
    }
}

#[tokio::test]
async fn a_panic_while_a_lost_page_is_seen_to_loses_neither_page_nor_document() {
    let _turn = turn().await;
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = failures.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 1, move |input| {
        if is_marked(input) && counted.fetch_add(1, SeqCst) == 0 {
            return Err(ModelError::Inference { model: "fake".into(), cause: "a passing fault".into() });
        }
        Ok(no_text(input))
    });
    failpoints::arm(Stage::PageSplitter, 0, 2);
    let mut backgrounds = [PLAIN; 30];
    backgrounds[1] = MARKED;
    let document = submit(&pipeline, "a.tif", &backgrounds).await;
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), (1..=30).collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.status == PageStatus::Ok));
    assert_eq!(failpoints::left(Stage::PageSplitter), 0);
}

#[tokio::test]
async fn a_panic_over_the_end_of_a_cancelled_document_does_not_keep_it_open() {
    let _turn = turn().await;
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 1, move |input| {
        at_the_gate.pass();
        Ok(no_text(input))
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN; 12]).await;
    pipeline.pages_admitted().wait_for(|&n| n == 2).await.unwrap();
    failpoints::arm(Stage::Sink, 0, 1);
    document.cancel();
    assert_eq!(document.finished().await.state, DocumentState::Cancelled);
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), (1..=12).collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.status == PageStatus::Skipped));
    assert_eq!(failpoints::left(Stage::Sink), 0);
    gate.open(usize::MAX);
}

#[tokio::test]
async fn a_panic_over_a_submission_is_told_to_its_submitter_and_to_nobody_else() {
    let _turn = turn().await;
    let pipeline = pipeline_on(temporary_store(), options(), 1, |input| Ok(no_text(input)));
    let before = submit(&pipeline, "before.tif", &[PLAIN; 5]).await;
    failpoints::arm(Stage::Ingest, 0, 1);
    let refused = pipeline.submit(source("a.tif", &[MARKED; 3]), SubmitOptions::default()).await;
    assert!(matches!(refused, Err(Error::Closed)));
    assert_eq!(all(&before).await.len(), 5);
    let again = submit(&pipeline, "a.tif", &[MARKED; 3]).await;
    assert_eq!(all(&again).await.len(), 3);
}

#[tokio::test]
async fn a_stage_that_does_not_stop_failing_ends_the_pipeline_with_the_cause() {
    let _turn = turn().await;
    for stage in [Stage::EmbeddingDeduper, Stage::Sink] {
        let pipeline = pipeline_on(temporary_store(), options(), 1, |input| Ok(no_text(input)));
        failpoints::arm(stage, 3, usize::MAX);
        let document = submit(&pipeline, "a.tif", &[PLAIN; 20]).await;
        assert_eq!(document.finished().await.state, DocumentState::Interrupted, "{stage:?}: left for the next run");
        let cause = pipeline.fatal().unwrap();
        assert_eq!(cause, format!("the {} keeps failing: made anew 8 times within 60 s", stage.as_str()));
        let refused = pipeline.submit(source("b.tif", &[PLAIN]), SubmitOptions::default()).await;
        assert!(matches!(refused, Err(Error::Fatal(_))));
        failpoints::arm(stage, 0, 0);
        pipeline.stop().await;
    }
}
