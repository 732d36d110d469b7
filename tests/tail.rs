//! Tails: any number of readers, at any time, from any page, in this process and from others, none in anybody's way.

mod common;

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use common::{Gate, MARKED, PLAIN, all, count, is_marked, no_text, numbers, options, pipeline_on, source, submit};
use futures::StreamExt;
use pagestream::{
    DocumentHandle, DocumentId, DocumentState, PageNumber, PageRecord, PageStatus, PageStream, Pipeline,
    PipelineOptions, SubmitOptions, Tail,
};
use pagestream_store::{DocumentState as StoredState, Retention, Store, StoreOptions};

use crate::common::temporary_store;

fn page(n: u32) -> PageNumber {
    PageNumber::new(n).unwrap()
}

async fn tail(pipeline: &Pipeline, id: DocumentId, tail: Tail) -> PageStream {
    pipeline.tail(id, tail).await.unwrap().unwrap()
}

async fn take(pages: &mut PageStream, n: usize) -> Vec<u32> {
    pages.by_ref().take(n).map(|page| page.unwrap().page.get()).collect().await
}

async fn rest(pages: PageStream) -> Vec<u32> {
    pages.map(|page| page.unwrap().page.get()).collect().await
}

/// A pipeline whose device waits at a gate before each page, and that writes to `store`. One page at a time, so that
/// they pass in order.
fn gated(store: Store, options: PipelineOptions) -> (Pipeline, Gate) {
    let options = PipelineOptions { pages_in_flight: count(1), ..options };
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let pipeline = pipeline_on(store, options, 1, move |input| {
        at_the_gate.pass();
        Ok(no_text(input))
    });
    (pipeline, gate)
}

#[tokio::test]
async fn any_number_of_tails_replay_from_any_page() {
    let (pipeline, gate) = gated(temporary_store(), options());
    let document = submit(&pipeline, "a.tif", &[PLAIN; 9]).await;
    let id = document.id();
    let mut first = tail(&pipeline, id, Tail::default()).await;
    let later = tail(&pipeline, id, Tail::InOrder(page(6))).await;
    gate.open(4);
    assert_eq!(take(&mut first, 4).await, [1, 2, 3, 4]);
    // One that comes late gets what has been, and one that wants news only does not.
    let mut replayed = tail(&pipeline, id, Tail::InOrder(page(2))).await;
    assert_eq!(take(&mut replayed, 3).await, [2, 3, 4]);
    let live = tail(&pipeline, id, Tail::Live).await;
    gate.open(5);
    assert_eq!(rest(first).await, [5, 6, 7, 8, 9]);
    assert_eq!(rest(later).await, [6, 7, 8, 9]);
    assert_eq!(rest(replayed).await, [5, 6, 7, 8, 9]);
    assert_eq!(rest(live).await, [5, 6, 7, 8, 9]);
    // And when all is over, from the log.
    drop(document);
    assert_eq!(rest(tail(&pipeline, id, Tail::InOrder(page(8))).await).await, [8, 9]);
    assert_eq!(rest(tail(&pipeline, id, Tail::AsReady(page(3))).await).await, [3, 4, 5, 6, 7, 8, 9]);
    assert!(pipeline.tail(DocumentId::new(), Tail::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_tail_gives_pages_as_they_become_ready() {
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let pipeline = pipeline_on(temporary_store(), options(), 2, move |input| {
        if is_marked(input) {
            at_the_gate.pass();
        }
        Ok(no_text(input))
    });
    let unordered = SubmitOptions { unordered: true, ..SubmitOptions::default() };
    let document = pipeline.submit(source("a.tif", &[MARKED, PLAIN, PLAIN]), unordered).await.unwrap();
    let mut as_ready = tail(&pipeline, document.id(), Tail::AsReady(PageNumber::FIRST)).await;
    assert_eq!(take(&mut as_ready, 1).await, [2]);
    let in_order = tail(&pipeline, document.id(), Tail::default()).await;
    gate.open(1);
    assert_eq!(rest(in_order).await, [1, 2, 3], "page 1 holds back those behind it");
    let mut left = rest(as_ready).await;
    left.sort_unstable();
    assert_eq!(left, [1, 3]);
}

#[tokio::test]
async fn a_slow_or_vanished_reader_costs_nobody_anything() {
    // So narrow a window that a reader which counted would stop its document at once.
    let options = PipelineOptions { reader_window: count(1), ..options() };
    let pipeline = pipeline_on(temporary_store(), options, 2, |input| Ok(no_text(input)));
    let document = submit(&pipeline, "a.tif", &[PLAIN; 30]).await;
    let mut slow = tail(&pipeline, document.id(), Tail::default()).await;
    let vanished = tail(&pipeline, document.id(), Tail::default()).await;
    assert_eq!(take(&mut slow, 1).await, [1]);
    drop(vanished);
    // The document ends although one reader stands at its first page.
    assert_eq!(document.finished().await.committed, 30);
    assert_eq!(rest(slow).await, (2..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_tail_of_a_document_that_waits_to_be_resumed_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let id = interrupted_after(folder.path(), 3, 7).await;
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let pipeline = pipeline_on(store, options(), 1, |input| Ok(no_text(input)));
    let mut pages = tail(&pipeline, id, Tail::default()).await;
    assert_eq!(take(&mut pages, 3).await, [1, 2, 3]);
    let (left, resumed) = tokio::join!(rest(pages), pipeline.resume());
    assert_eq!(left, [4, 5, 6, 7]);
    assert_eq!(resumed.unwrap().len(), 1);
}

/// Leaves a document of `pages` pages in `folder`, `committed` of which have been read.
async fn interrupted_after(folder: &Path, committed: u32, pages: usize) -> DocumentId {
    let store = Store::open(folder, StoreOptions::default()).unwrap();
    let (pipeline, gate) = gated(store, options());
    let document = submit(&pipeline, "a.tif", &vec![PLAIN; pages]).await;
    gate.open(committed as usize);
    document.watch().wait_for(|p| p.committed == committed).await.unwrap();
    pipeline.drain(Duration::ZERO).await;
    // The thread that still waits must not outlive the test's gate.
    gate.open(usize::MAX);
    pipeline.stop().await;
    document.id()
}

// ---- from other processes ----

fn pagestream(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagestream"));
    command.args(arguments).arg("--data-dir").arg(folder).env_remove("PAGESTREAM_CONFIG").env("HOME", folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    command
}

async fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = pagestream(folder, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = output;
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A running `pagestream tail -f jsonl`.
struct OtherProcess {
    child: Child,
    out: Option<BufReader<std::process::ChildStdout>>,
}

impl OtherProcess {
    fn tail(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = pagestream(folder, &[&["tail", "-f", "jsonl"], arguments].concat()).spawn().unwrap();
        let out = child.stdout.take().map(BufReader::new);
        Self { child, out }
    }

    /// Waits for `n` lines.
    async fn lines(&mut self, n: usize) -> Vec<u32> {
        let mut out = self.out.take().unwrap();
        let (out, pages) = tokio::task::spawn_blocking(move || {
            let pages: Vec<_> = out.by_ref().lines().take(n).map(|line| page_of(&line.unwrap())).collect();
            (out, pages)
        })
        .await
        .unwrap();
        self.out = Some(out);
        pages
    }

    /// Waits for its end.
    async fn end(mut self) -> (Vec<u32>, i32) {
        let pages = self.lines(usize::MAX).await;
        let status = tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap();
        (pages, status.code().unwrap())
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn page_of(line: &str) -> u32 {
    serde_json::from_str::<PageRecord>(line).unwrap().page.get()
}

#[tokio::test]
async fn another_process_tails_a_document_while_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let (pipeline, gate) = gated(store, options());
    let document = submit(&pipeline, "a.tif", &[PLAIN; 8]).await;
    let id = document.id().to_string();
    let mut whole = OtherProcess::tail(folder.path(), &[&id]);
    let later = OtherProcess::tail(folder.path(), &[&id[..18], "--from", "5"]);
    let mut everything = OtherProcess::tail(folder.path(), &["--all"]);
    gate.open(3);
    assert_eq!(whole.lines(3).await, [1, 2, 3]);
    assert_eq!(everything.lines(3).await, [1, 2, 3]);
    // What is there, and no more.
    let once = OtherProcess::tail(folder.path(), &[&id, "--once", "--unordered"]);
    assert_eq!(once.end().await, (vec![1, 2, 3], 0));
    gate.open(usize::MAX);
    assert_eq!(whole.end().await, ((4..=8).collect(), 0));
    assert_eq!(later.end().await, ((5..=8).collect(), 0));
    // A tail of everything goes on with the next document; it ends when it is stopped.
    let next = submit(&pipeline, "b.tif", &[MARKED; 2]).await;
    next.finished().await;
    assert_eq!(everything.lines(7).await, [4, 5, 6, 7, 8, 1, 2]);
    everything.kill();
}

#[tokio::test]
async fn another_process_cancels_and_removes_documents_that_are_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let (pipeline, gate) = gated(store, options());
    let cancelled = submit(&pipeline, "cancelled.tif", &[PLAIN; 5]).await;
    gate.open(2);
    cancelled.watch().wait_for(|p| p.committed == 2).await.unwrap();
    let tail = OtherProcess::tail(folder.path(), &[&cancelled.id().to_string()]);
    let (code, _, said) = run(folder.path(), &["cancel", &cancelled.id().to_string()]).await;
    assert_eq!(code, 0);
    assert!(said.contains("(cancelled.tif) will be cancelled"), "{said}");
    assert_eq!(cancelled.finished().await.state, DocumentState::Cancelled);
    assert_eq!(statuses(&all(&cancelled).await), "ok ok skipped skipped skipped");
    assert_eq!(tail.end().await, (vec![1, 2, 3, 4, 5], 0));

    let removed = submit(&pipeline, "removed.tif", &[MARKED; 3]).await;
    let (code, _, _) = run(folder.path(), &["rm", &removed.id().to_string()]).await;
    assert_eq!(code, 0);
    assert_eq!(removed.finished().await.state, DocumentState::Cancelled);
    until(&pipeline, |store| store.state(removed.id()).unwrap().is_none()).await;
    let (code, _, said) = run(folder.path(), &["tail", &removed.id().to_string()]).await;
    assert_eq!((code, said.contains("no document")), (9, true), "{said}");
    gate.open(usize::MAX);
}

fn statuses(pages: &[PageRecord]) -> String {
    pages.iter().map(|page| page.status.as_str()).collect::<Vec<_>>().join(" ")
}

/// Waits until the store is as it should be, looking whenever it has changed.
async fn until(pipeline: &Pipeline, done: impl Fn(&Store) -> bool) {
    let mut watch = pipeline.store().watch().unwrap();
    while !done(pipeline.store()) {
        while !watch.changed().unwrap() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn documents_that_nobody_reads_are_cancelled_and_removed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let id = interrupted_after(folder.path(), 2, 4).await.to_string();
    let (code, _, said) = run(folder.path(), &["cancel", &id]).await;
    assert_eq!((code, said), (0, format!("{id} (a.tif) is cancelled\n")));
    let tail = OtherProcess::tail(folder.path(), &[&id]);
    assert_eq!(tail.end().await, (vec![1, 2, 3, 4], 0), "what was not read has records that say so");
    let (code, _, said) = run(folder.path(), &["cancel", &id]).await;
    assert_eq!((code, said), (0, format!("{id} (a.tif) had ended before: cancelled\n")));
    let (_, status, _) = run(folder.path(), &["status", &id, "--json"]).await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["state"], &status["committed"]), (&"cancelled".into(), &4.into()));
    let (code, _, said) = run(folder.path(), &["rm", &id[..20]]).await;
    assert_eq!((code, said), (0, format!("{id} (a.tif) is removed\n")));
    let (_, status, _) = run(folder.path(), &["status"]).await;
    assert!(status.starts_with("0 open, 0 done, 0 failed, 0 cancelled; 0 pages"), "{status}");
}

#[tokio::test]
async fn retention_removes_what_has_ended_and_never_what_is_open_or_read() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path(), StoreOptions::default()).unwrap();
    let ended = {
        let pipeline = pipeline_on(open(), options(), 1, |input| Ok(no_text(input)));
        let document = submit(&pipeline, "ended.tif", &[MARKED; 2]).await;
        document.finished().await;
        pipeline.stop().await;
        document.id()
    };
    let interrupted = interrupted_after(folder.path(), 1, 3).await;
    let retention = Retention { max_age: Some(Duration::ZERO), max_size: None };
    let pipeline = pipeline_on(open(), PipelineOptions { retention, ..options() }, 1, |input| Ok(no_text(input)));
    until(&pipeline, |store| store.state(ended).unwrap().is_none()).await;
    assert_eq!(pipeline.store().state(interrupted).unwrap(), Some(StoredState::Open));
    let resumed: Vec<DocumentHandle> = pipeline.resume().await.unwrap();
    let pages = all(&resumed[0]).await;
    assert_eq!(numbers(&pages), [1, 2, 3]);
    assert!(pages.iter().all(|page| page.status == PageStatus::Ok));
}

#[tokio::test]
async fn commands_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    for command in [&["status"][..], &["tail", "--all"], &["cancel", "01"], &["rm", "01"]] {
        let (code, out, said) = run(&nothing, command).await;
        assert_eq!((code, out.as_str()), (9, ""), "{said}");
        assert!(said.starts_with("error: there is no pagestream data in "), "{said}");
    }
    assert!(!nothing.exists(), "a mistyped directory is not made");
    let first = interrupted_after(folder.path(), 0, 1).await.to_string();
    let (code, _, said) = run(folder.path(), &["tail", "ffff"]).await;
    assert_eq!(
        (code, said.lines().next().unwrap()),
        (9, "error: no document is called `ffff`, or has an identity that begins so")
    );
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let (pipeline, gate) = gated(store, options());
    let second = submit(&pipeline, "b.tif", &[MARKED]).await.id().to_string();
    assert_eq!(first[..2], second[..2]);
    let (code, _, said) = run(folder.path(), &["status", &first[..2]]).await;
    assert_eq!(
        (code, said.lines().next().unwrap()),
        (9, format!("error: `{}` may mean any of 2 documents", &first[..2]).as_str())
    );
    gate.open(usize::MAX);
}
