//! Counters of the running pipeline. Every stage has the same few, so that the slowest can be named.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::Serialize;

use crate::sessions::LoadedModels;

/// The stages, in the order a page passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    Ingest,
    PageSplitter,
    Preprocessor,
    GpuScheduler,
    Decoder,
    EmbeddingDeduper,
    Sink,
}

impl Stage {
    pub const ALL: [Self; 7] = [
        Self::Ingest,
        Self::PageSplitter,
        Self::Preprocessor,
        Self::GpuScheduler,
        Self::Decoder,
        Self::EmbeddingDeduper,
        Self::Sink,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::PageSplitter => "page_splitter",
            Self::Preprocessor => "preprocessor",
            Self::GpuScheduler => "gpu_scheduler",
            Self::Decoder => "decoder",
            Self::EmbeddingDeduper => "embedding_deduper",
            Self::Sink => "sink",
        }
    }
}

/// Upper bounds of the classes that durations are counted in, seconds. From what a page of a text layer takes in a stage to what no
/// page should take; each about twice the one before it, so that a percentile is told to within that.
pub const TIME_CLASSES: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A sum of durations, how many there were, and how they are spread.
#[derive(Debug, Default)]
pub struct TimeCounter {
    nanoseconds: AtomicU64,
    count: AtomicU64,
    /// How many are in each class and in none before it; what is longer than the last is in `count` alone.
    classes: [AtomicU64; TIME_CLASSES.len()],
}

impl TimeCounter {
    pub fn add(&self, duration: Duration) {
        self.nanoseconds.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        self.count.fetch_add(1, Relaxed);
        let seconds = duration.as_secs_f64();
        let class = TIME_CLASSES.iter().zip(&self.classes).find(|(bound, _)| seconds <= **bound);
        if let Some((_, class)) = class {
            class.fetch_add(1, Relaxed);
        }
    }

    /// How many took at most so long, for each of [`TIME_CLASSES`].
    pub fn up_to(&self) -> [u64; TIME_CLASSES.len()] {
        let mut total = 0;
        std::array::from_fn(|i| {
            total += self.classes[i].load(Relaxed);
            total
        })
    }

    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Relaxed))
    }

    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

#[derive(Debug, Default)]
pub struct StageMetrics {
    /// Items that are in the stage now, waiting or worked on.
    depth: AtomicU64,
    /// Time spent working, summed over threads.
    pub busy: TimeCounter,
    /// Times the stage's actor or one of its threads had to be made anew.
    restarts: AtomicU64,
}

impl StageMetrics {
    pub fn enter(&self) {
        self.depth.fetch_add(1, Relaxed);
    }

    pub fn leave(&self) {
        // A stage made anew after a panic may not have seen its items enter.
        let _ = self.depth.fetch_update(Relaxed, Relaxed, |depth| Some(depth.saturating_sub(1)));
    }

    pub fn depth(&self) -> u64 {
        self.depth.load(Relaxed)
    }

    pub fn restarted(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    pub fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }
}

/// Runs of models and the inputs that they had.
#[derive(Debug, Default)]
pub struct BatchCounter {
    batches: AtomicU64,
    items: AtomicU64,
}

impl BatchCounter {
    pub fn add(&self, items: usize) {
        self.batches.fetch_add(1, Relaxed);
        self.items.fetch_add(items as u64, Relaxed);
    }
}

/// What was done for semantic search.
#[derive(Debug, Default)]
pub struct EmbeddingMetrics {
    pages: AtomicU64,
    passages: AtomicU64,
    from_log: AtomicU64,
    /// From asking a device to its answer, waiting included, a page each.
    pub busy: TimeCounter,
}

impl EmbeddingMetrics {
    /// A page was kept with its vectors.
    pub fn kept(&self) {
        self.pages.fetch_add(1, Relaxed);
    }

    /// The passages of a page were embedded by a model.
    pub fn computed(&self, passages: usize, elapsed: Duration) {
        self.passages.fetch_add(passages as u64, Relaxed);
        self.busy.add(elapsed);
    }

    /// The log had the vectors of a page's text.
    pub fn found_in_log(&self) {
        self.from_log.fetch_add(1, Relaxed);
    }

    fn snapshot(&self) -> EmbeddingSnapshot {
        EmbeddingSnapshot {
            pages: self.pages.load(Relaxed),
            computed: self.busy.count(),
            passages: self.passages.load(Relaxed),
            from_log: self.from_log.load(Relaxed),
            busy_ms: self.busy.total().as_secs_f64() * 1e3,
            cache_hits: 0,
            cache_misses: 0,
        }
    }
}

#[derive(Debug, Default)]
pub struct Metrics {
    stages: [StageMetrics; Stage::ALL.len()],
    /// Time that documents waited for page slots and bytes: back pressure.
    pub budget_wait: TimeCounter,
    pub batches: BatchCounter,
    pub pages_committed: AtomicU64,
    pub pages_retried: AtomicU64,
    pub embeddings: EmbeddingMetrics,
    devices: Mutex<BTreeMap<String, DeviceUse>>,
}

/// What a device has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeviceUse {
    /// Threads that run models on it now.
    pub threads: usize,
    /// Time that they worked, summed over them: over a while, divided by threads, it is how busy the device was.
    pub busy_ms: f64,
    pub runs: u64,
}

impl Metrics {
    /// A device has so many threads now.
    pub fn device_has(&self, device: &str, threads: usize) {
        self.devices().entry(device.to_owned()).or_default().threads = threads;
    }

    /// A device has run a model.
    pub fn device_ran(&self, device: &str, elapsed: Duration) {
        if let Some(usage) = self.devices().get_mut(device) {
            usage.busy_ms += elapsed.as_secs_f64() * 1e3;
            usage.runs += 1;
        }
    }

    fn devices(&self) -> MutexGuard<'_, BTreeMap<String, DeviceUse>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn stage(&self, stage: Stage) -> &StageMetrics {
        &self.stages[stage as usize]
    }

    pub fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot {
            stages: Stage::ALL
                .iter()
                .map(|&stage| {
                    let metrics = self.stage(stage);
                    StageSnapshot {
                        stage: stage.as_str(),
                        depth: metrics.depth(),
                        busy_ms: metrics.busy.total().as_secs_f64() * 1e3,
                        items: metrics.busy.count(),
                        up_to: metrics.busy.up_to(),
                        restarts: metrics.restarts(),
                        oldest_ms: 0.0,
                    }
                })
                .collect(),
            budget_wait_ms: self.budget_wait.total().as_secs_f64() * 1e3,
            budget_waits: self.budget_wait.count(),
            batches: self.batches.batches.load(Relaxed),
            inferences: self.batches.items.load(Relaxed),
            pages_committed: self.pages_committed.load(Relaxed),
            pages_retried: self.pages_retried.load(Relaxed),
            models: LoadedModels::default(),
            embeddings: self.embeddings.snapshot(),
            devices: self.devices().clone(),
        }
    }
}

/// The counters at one moment.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    pub stages: Vec<StageSnapshot>,
    pub budget_wait_ms: f64,
    pub budget_waits: u64,
    /// Runs of models, and inferences in them: their ratio is the mean batch.
    pub batches: u64,
    pub inferences: u64,
    pub pages_committed: u64,
    pub pages_retried: u64,
    /// Of all devices.
    pub models: LoadedModels,
    pub embeddings: EmbeddingSnapshot,
    /// By the name of the device.
    pub devices: BTreeMap<String, DeviceUse>,
}

/// What was done for semantic search.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct EmbeddingSnapshot {
    /// Pages that have got their vectors in this run.
    pub pages: u64,
    /// Those of them for which a model computed.
    pub computed: u64,
    /// Passages that a model embedded.
    pub passages: u64,
    /// Pages whose text had vectors in the log.
    pub from_log: u64,
    pub busy_ms: f64,
    /// Of the cache of vectors by text, which is asked before the log.
    pub cache_hits: u64,
    pub cache_misses: u64,
}

#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StageSnapshot {
    pub stage: &'static str,
    pub depth: u64,
    pub busy_ms: f64,
    pub items: u64,
    pub restarts: u64,
    /// How long the page that is in the stage for longest has been there; 0 for none. Of documents that are being opened nothing is known.
    pub oldest_ms: f64,
    /// Items that took at most as long as each of [`TIME_CLASSES`].
    #[serde(skip)]
    pub up_to: [u64; TIME_CLASSES.len()],
}

impl MetricsSnapshot {
    /// The stage with the most items in it: where pages wait. `None` when all are empty.
    pub fn bottleneck(&self) -> Option<&'static str> {
        self.stages.iter().filter(|s| s.depth > 0).max_by_key(|s| s.depth).map(|s| s.stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_the_classes_that_they_belong_to() {
        let counter = TimeCounter::default();
        for milliseconds in [0, 1, 2, 60, 31_000] {
            counter.add(Duration::from_millis(milliseconds));
        }
        let up_to = counter.up_to();
        assert_eq!((up_to[0], up_to[1], up_to[5], up_to[6], up_to[13], counter.count()), (2, 3, 3, 4, 4, 5));
    }
}
