//! A soak: documents go in for so many minutes while devices panic, fail and hang, readers vanish and documents are
//! cancelled; at the end every page is accounted for. The device is a fake one, so that it is the pipeline that works.
//!
//! `cargo run --release --example soak -- 20` (minutes); with `--features failpoints` stages panic as well.

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use common::{MARKED, PLAIN, count, device, no_text, options, source, temporary_store};
use futures::StreamExt;
use pagestream::{DocumentState, PageNumber, PageStatus, Pipeline, PipelineOptions, SubmitOptions, Tail};
use pagestream_models::{Error, Tensor, TensorView};
use tokio::task::JoinSet;

/// Documents that are read at once.
const AT_ONCE: usize = 12;

fn main() {
    let minutes: f64 = std::env::args().nth(1).map_or(1.0, |text| text.parse().expect("a number of minutes"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(soak(Duration::from_secs_f64(minutes * 60.0)));
}

/// What came of the pages, by status, and how many documents there were.
#[derive(Default)]
struct Account {
    documents: u64,
    cancelled: u64,
    submitted: u64,
    pages: BTreeMap<&'static str, u64>,
}

async fn soak(length: Duration) {
    // Hung inferences take a fifth of a second longer than they may; so few are left behind at any time.
    let options = PipelineOptions {
        pages_in_flight: count(8),
        open_documents: count(AT_ONCE),
        reader_window: count(16),
        inference_time_limit: Duration::from_millis(300),
        device_losses: u32::MAX,
        ..options()
    };
    let faults = Arc::new(Faults::default());
    let devices = ["one", "two"].map(|name| {
        let faults = faults.clone();
        device(name, 2, move |input| faults.answer(input))
    });
    let pipeline = pagestream_actors::start(options, temporary_store(), devices.into()).unwrap();
    let (since, mut random, mut account) = (Instant::now(), Random(42), Account::default());
    let (mut reading, mut told) = (JoinSet::new(), Instant::now());
    while since.elapsed() < length || !reading.is_empty() {
        if since.elapsed() < length && reading.len() < AT_ONCE {
            reading.spawn(one_document(pipeline.clone(), random.next()));
            continue;
        }
        let (pages, cancelled): (Vec<PageStatus>, bool) = reading.join_next().await.unwrap().unwrap();
        account.documents += 1;
        account.cancelled += u64::from(cancelled);
        account.submitted += pages.len() as u64;
        for status in pages {
            *account.pages.entry(status.as_str()).or_default() += 1;
        }
        arm_a_fail_point(&mut random, account.documents);
        if told.elapsed() > Duration::from_secs(20) {
            told = Instant::now();
            tell(&account, &pipeline, &faults, since.elapsed());
        }
    }
    tell(&account, &pipeline, &faults, since.elapsed());
    assert_eq!(account.pages.values().sum::<u64>(), account.submitted, "every page is accounted for");
    assert_eq!(pipeline.fatal(), None);
    assert_eq!(pipeline.budget().0.pages, 8, "every slot is free again");
    pipeline.stop().await;
}

fn tell(account: &Account, pipeline: &Pipeline, faults: &Faults, elapsed: Duration) {
    let metrics = pipeline.metrics();
    let restarts: Vec<_> =
        metrics.stages.iter().filter(|s| s.restarts > 0).map(|s| format!("{} {}", s.stage, s.restarts)).collect();
    println!(
        "{:4.0} s: {} documents ({} cancelled), {} pages: {:?}; retried {}; faults: {} panics, {} errors, {} hung; made anew: {}; {} resident",
        elapsed.as_secs_f32(),
        account.documents,
        account.cancelled,
        account.submitted,
        account.pages,
        metrics.pages_retried,
        faults.panics.load(Relaxed),
        faults.errors.load(Relaxed),
        faults.hangs.load(Relaxed),
        if restarts.is_empty() { "nothing".to_owned() } else { restarts.join(", ") },
        resident(),
    );
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or("unknown".to_owned(), |line| line.trim().to_owned())
}

/// Submits a document, reads it in one of several ways, and looks whether the log has every page of it once. Gives what
/// became of the pages, and whether the document was cancelled.
async fn one_document(pipeline: Pipeline, seed: u64) -> (Vec<PageStatus>, bool) {
    let mut random = Random(seed | 1);
    let total = 1 + random.next() % 60;
    let backgrounds: Vec<u8> = (0..total).map(|n| if n % 2 == 0 { PLAIN } else { MARKED }).collect();
    let submit =
        SubmitOptions { force: true, bulk: random.one_in(3), unordered: random.one_in(4), ..SubmitOptions::default() };
    let document = pipeline.submit(source("soak.tif", &backgrounds), submit).await.unwrap();
    let id = document.id();
    let from = PageNumber::from_index((random.next() % total) as u32);
    let mut tail = pipeline.tail(id, Tail::InOrder(from)).await.unwrap().unwrap();
    match random.next() % 4 {
        // Read by its submitter.
        0 => assert_eq!(document.pages().count().await as u64, total),
        // Whose stream is dropped somewhere.
        1 => drop(document.pages().take((random.next() % total) as usize).count().await),
        // By nobody but a tail, which stops in the middle.
        2 => drop(tail.by_ref().take(3).count().await),
        _ if random.one_in(2) => document.cancel(),
        _ => {}
    }
    let progress = document.finished().await;
    let cancelled = progress.state == DocumentState::Cancelled;
    assert!(cancelled || progress.state == DocumentState::Done, "{progress:?}");
    let pages: Vec<_> = pipeline.tail(id, Tail::default()).await.unwrap().unwrap().map(Result::unwrap).collect().await;
    let numbers: Vec<_> = pages.iter().map(|page| u64::from(page.page.get())).collect();
    // A document that was cancelled before it was opened has no pages that anybody knows of.
    let expected = if cancelled && progress.pages.is_none() { 0 } else { total };
    assert_eq!(numbers, (1..=expected).collect::<Vec<_>>());
    for page in &pages {
        let reason = page.reason.as_deref().unwrap_or_default();
        assert!(
            match page.status {
                PageStatus::Ok | PageStatus::Duplicate => true,
                PageStatus::Failed => reason.starts_with("given up after 3 attempts: "),
                PageStatus::Skipped => cancelled && reason == "cancelled",
            },
            "{page:?}"
        );
    }
    let statuses = pages.iter().map(|page| page.status).collect();
    let store = pipeline.store().clone();
    tokio::task::spawn_blocking(move || store.remove(id).unwrap()).await.unwrap();
    (statuses, cancelled)
}

/// What goes wrong on the device: one call in so many.
#[derive(Default)]
struct Faults {
    calls: AtomicU64,
    panics: AtomicU64,
    errors: AtomicU64,
    hangs: AtomicU64,
}

impl Faults {
    fn answer(&self, input: TensorView<'_>) -> Result<Tensor, Error> {
        match Random(self.calls.fetch_add(1, Relaxed) * 2 + 1).next() % 1_000 {
            0..20 => {
                self.panics.fetch_add(1, Relaxed);
                // Not `panic!`, whose message would be printed each time.
                std::panic::resume_unwind(Box::new("a fault of the soak"));
            }
            20..50 => {
                self.errors.fetch_add(1, Relaxed);
                Err(Error::Inference { model: "fake".into(), cause: "a fault of the soak".into() })
            }
            50 => {
                self.hangs.fetch_add(1, Relaxed);
                std::thread::sleep(Duration::from_millis(700));
                Ok(no_text(input))
            }
            _ => Ok(no_text(input)),
        }
    }
}

/// A stage panics, once in a while, if that is compiled in: seldom enough that none is given up as always failing.
#[cfg(feature = "failpoints")]
fn arm_a_fail_point(random: &mut Random, documents: u64) {
    use pagestream_actors::{failpoints, metrics::Stage};
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    if documents > 10 && now > LAST.load(Relaxed) + 5 {
        LAST.store(now, Relaxed);
        let stages = [Stage::PageSplitter, Stage::Preprocessor, Stage::GpuScheduler, Stage::Decoder];
        let stages = [&stages[..], &[Stage::EmbeddingDeduper, Stage::Sink]].concat();
        failpoints::arm(stages[(random.next() % 6) as usize], (random.next() % 50) as usize, 1);
    }
}

#[cfg(not(feature = "failpoints"))]
fn arm_a_fail_point(_: &mut Random, _: u64) {}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}
