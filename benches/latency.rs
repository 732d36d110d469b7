//! How long somebody waits for one page while bulk work fills the pipeline: `cargo bench --bench latency [-- --pages 60]
//! [PAGE…]`.
//!
//! One page is submitted at a time, as interactive work, and the time from there to its record is taken: first with nothing
//! else under way, then with bulk documents kept open all the time, and once more with nothing, so that a machine that
//! drifts shows.

mod common;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    time::Instant,
};

use common::{argument, pages, percentile, read, settings, submit};
use futures::{StreamExt, stream::FuturesUnordered};
use pagestream::Pipeline;

/// Bulk documents open at the same time: half of what the pipeline takes, and many times what can be under way.
const BULK: usize = 32;

fn main() {
    common::set_up();
    let (pages, count) = (pages(), argument("--pages", 60).max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(async {
        let pipeline = pagestream::start_with(settings(), common::fetching()).await.expect("the pipeline starts");
        // Once unmeasured: models are loaded, arenas have grown.
        latencies(&pipeline, &pages, pages.len()).await;
        let mut idle = latencies(&pipeline, &pages, count / 2).await;
        let (stop, bulk_read) = (AtomicBool::new(false), AtomicUsize::new(0));
        let measured = async {
            // The measured pages begin when the pipeline is full.
            while pipeline.budget().1 == 0 {
                tokio::task::yield_now().await;
            }
            let before = (bulk_read.load(Relaxed), Instant::now());
            let busy = latencies(&pipeline, &pages, count).await;
            let speed = (bulk_read.load(Relaxed) - before.0) as f64 / before.1.elapsed().as_secs_f64();
            stop.store(true, Relaxed);
            (busy, speed)
        };
        let ((busy, speed), ()) = futures::join!(measured, keep_full(&pipeline, &pages, &stop, &bulk_read));
        idle.extend(latencies(&pipeline, &pages, count - count / 2).await);
        pipeline.stop().await;
        println!("{:28} {:>6} {:>9} {:>9} {:>9}", "one interactive page, ms", "pages", "p50", "p95", "p99");
        for (name, values) in [("nothing else under way", &idle), ("under bulk work", &busy)] {
            let [p50, p95, p99] = [50, 95, 99].map(|percent| percentile(values, percent));
            println!("{name:28} {:>6} {p50:>9.0} {p95:>9.0} {p99:>9.0}", values.len());
        }
        let ratio = |percent| percentile(&busy, percent) / percentile(&idle, percent);
        println!("{:28} {:>6} {:>9.2} {:>9.2} {:>9.2}", "ratio", "", ratio(50), ratio(95), ratio(99));
        println!("bulk pages/s meanwhile: {speed:.2}");
    });
}

/// Milliseconds from submission to record, of one page after the other.
async fn latencies(pipeline: &Pipeline, pages: &[PathBuf], count: usize) -> Vec<f64> {
    let mut latencies = Vec::new();
    for page in pages.iter().cycle().take(count) {
        let since = Instant::now();
        read(&submit(pipeline, page, false).await).await;
        latencies.push(since.elapsed().as_secs_f64() * 1e3);
    }
    latencies
}

/// Keeps so many bulk documents open until it is told to stop, and cancels what is left.
async fn keep_full(pipeline: &Pipeline, pages: &[PathBuf], stop: &AtomicBool, done: &AtomicUsize) {
    let mut pages = pages.iter().cycle();
    let mut open = FuturesUnordered::new();
    while !stop.load(Relaxed) {
        while open.len() < BULK {
            let document = submit(pipeline, pages.next().expect("there are pages"), true).await;
            open.push(async move {
                document.finished().await;
                document
            });
        }
        open.next().await;
        done.fetch_add(1, Relaxed);
    }
    for document in pipeline.store().reader().open_documents().expect("the journal is read") {
        pipeline.document(document.id).iter().for_each(pagestream::DocumentHandle::cancel);
    }
    while open.next().await.is_some() {}
}
