//! What the benches of the pipeline share: pages, a pipeline that answers nothing from a cache, clocks.

#![allow(dead_code, reason = "each bench uses its own part")]

use std::{
    mem::MaybeUninit,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::StreamExt;
use pagestream::{ByteSize, DocumentHandle, OcrMode, PageStatus, Pipeline, Settings, Source, SubmitOptions};

/// The process as the program sets itself up: no reports to the maker of ONNX Runtime, large blocks given back at once.
pub fn set_up() {
    // SAFETY: called first in `main`, when no other thread reads the environment.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") };
    pagestream::allocator::give_back_large_blocks();
}

/// The user's settings, but no page or line is answered from what was read before.
pub fn settings() -> Settings {
    let mut settings = Settings::load().expect("the settings are understood");
    settings.store.data_dir = None;
    (settings.cache.pages, settings.cache.lines) = (ByteSize(0), ByteSize(0));
    settings
}

/// What the models of the settings' quality take is fetched.
pub fn fetching() -> pagestream::Fetching {
    pagestream::Fetching::allowed()
}

/// Arguments that are files, or page images of our own, and with `PAGESTREAM_CORPORA` of old books too.
pub fn pages() -> Vec<PathBuf> {
    let given: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).filter(|path| path.is_file()).collect();
    if !given.is_empty() {
        return given;
    }
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/pages"));
    let names = ["book.png", "digital.png", "scanned.jpg", "two-columns.png", "typewriter.png"];
    let mut pages: Vec<PathBuf> = names.iter().map(|name| own.join(name)).collect();
    if let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) {
        let book = |page: &str| corpora.join(format!("ocr/old-books-dataset/{page}.tiff"));
        pages.extend(["a020", "c015", "f023", "i021"].map(book));
    }
    pages
}

/// The number after `name` among the arguments.
pub fn argument(name: &str, default: usize) -> usize {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name);
    at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
}

pub fn options(bulk: bool) -> SubmitOptions {
    SubmitOptions { ocr: OcrMode::Always, force: true, bulk, ..SubmitOptions::default() }
}

/// Submits a page.
pub async fn submit(pipeline: &Pipeline, page: &Path, bulk: bool) -> DocumentHandle {
    pipeline.submit(Source::Path(page.to_owned()), options(bulk)).await.expect("the page is submitted")
}

/// Waits for the pages of a document, and says how many there were.
pub async fn read(document: &DocumentHandle) -> usize {
    let mut count = 0;
    let mut pages = document.pages();
    while let Some(page) = pages.next().await {
        let page = page.expect("the log is read");
        let reason = page.reason.unwrap_or_default();
        assert!(matches!(page.status, PageStatus::Ok | PageStatus::Duplicate), "{}: {reason}", document.source());
        count += 1;
    }
    count
}

/// CPU time of all threads of this process.
pub fn cpu_time() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills the place, which is ours, and all zeroes are a valid rusage.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// CPU time of this thread.
pub fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec, to a place that is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The value that so many percent are not above, by nearest rank.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
