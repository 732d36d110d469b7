//! Finds the batch size at which a device does most, within the time and memory that a batch may take.
//!
//! Nothing is assumed of a device's cost curve: on a GPU a batch of sixteen may cost little more than one, on a CPU each
//! further input costs more than the one before. So sizes are tried, in steps of two, and judged by what they cost per
//! number of input, which makes lines of different widths comparable. A larger batch has to be better by `GAIN`, because
//! everybody in it waits for the last; a smaller one need only be as good. What was found is tried again now and then, more
//! and more rarely while nothing changes: devices are shared, throttle, and are given other models.
//!
//! The search is the hill climbing that adaptive batching in model servers uses (Clipper, Crankshaw et al. 2017, section
//! 4.3), with medians instead of single measurements and with a latency bound that is predicted for each batch.

use std::{collections::BTreeMap, time::Duration};

use pagestream_models::ocr::Task;
use tokio::time::Instant;

use super::queue::BatchPolicy;

/// What a batch may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most inputs in a batch. 1 on a CPU, where larger ones were measured to be slower (2.38 s a page at 1, 2.79 at 6,
    /// 3.40 at 16) and where 1 makes results independent of the load by construction.
    pub items: usize,
    /// Most bytes that a batch may take on the device while it runs: inputs, activations and outputs, as measured.
    pub bytes: u64,
    /// How long an inference may wait for others to share a batch with. 0: not at all, a free device takes what there is.
    pub max_queue_delay: Duration,
    /// Within this time an inference that is first in line should be answered: the batch that runs before it and its own,
    /// each half of it.
    pub target_latency: Duration,
}

impl BatchLimits {
    /// One input at a time.
    pub const ONE: Self =
        Self { items: 1, bytes: u64::MAX, max_queue_delay: Duration::ZERO, target_latency: Duration::MAX };
}

/// A larger batch has to cost this much less per input. Medians of [`TRIAL`] runs on a device that varies by a tenth are
/// sure to about 4%.
const GAIN: f64 = 0.05;

/// A smaller batch is taken when it costs at most this much more per input.
const TIE: f64 = 0.02;

/// Full batches by which a size is judged.
const TRIAL: u32 = 12;

/// Full batches after which a size may be judged early, when it is plainly better: work that waits while a device is
/// slow at small batches would wait for the whole trial.
const EARLY: u32 = 3;

/// How much better is plainly better.
const PLAIN_GAIN: f64 = 0.2;

/// Costs remembered of each size: their median is what the size costs, the second highest what it costs at worst, which
/// lets one run in sixty-four be an accident.
const REMEMBERED: usize = 64;

/// Batches after which another size is tried again, doubled each time that nothing came of it.
const RETRY: std::ops::RangeInclusive<u32> = 64..=1024;

/// Bytes per number of input before anything was measured, and of devices that cannot be asked: PP-OCRv6's recogniser was
/// measured to take 155 to 182.
const BYTES_PER_ELEMENT: f64 = 512.0;

/// What a run of a batch came to.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    pub items: usize,
    /// Numbers in the batch's input.
    pub elements: usize,
    pub elapsed: Duration,
    /// Most bytes that the model has ever taken on its device, where it can be asked.
    pub peak_bytes: Option<u64>,
}

/// One device's batch sizes, model by model.
#[derive(Debug)]
pub struct BatchController {
    limits: BatchLimits,
    models: BTreeMap<Task, Model>,
}

impl BatchController {
    pub fn new(limits: BatchLimits) -> Self {
        Self { limits, models: BTreeMap::new() }
    }

    /// Learns from a run.
    pub fn observe(&mut self, task: Task, seen: &Observation) {
        if self.limits.items > 1 && seen.items > 0 && seen.elements > 0 {
            let limits = self.limits;
            self.models.entry(task).or_insert_with(|| Model::new(limits.items)).observe(seen, &limits);
        }
    }

    /// The size that a model's batches have settled at or are trying, for logs and metrics.
    pub fn settled(&self, task: Task) -> usize {
        self.models.get(&task).map_or(1, |model| model.sizes[model.best].items)
    }
}

impl BatchPolicy for BatchController {
    fn size(&self, task: Task, elements: usize) -> usize {
        self.models.get(&task).map_or(1, |model| model.size(elements, &self.limits))
    }

    fn patience(&self, since: Instant) -> Instant {
        since + self.limits.max_queue_delay
    }
}

/// What is known of one model on one device.
#[derive(Debug)]
struct Model {
    /// 1, 2, 4 … up to the most that may be.
    sizes: Vec<Size>,
    /// Index of the best size found.
    best: usize,
    /// Index of the size that is run now.
    at: usize,
    search: Search,
    /// Batches between two searches.
    pause: u32,
    upward_next: bool,
    /// Numbers in the usual input: what decisions that hold for all of them are made for.
    usual: f64,
    bytes_per_element: Option<f64>,
    peak_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
enum Search {
    /// So many full batches of the size in hand have run, and so many `others` for want of inputs; `missed`: the last size
    /// upwards was no gain.
    Trying { runs: u32, others: u32, missed: bool },
    /// Until the next search so many batches pass.
    Resting { left: u32 },
}

const BEGIN: Search = Search::Trying { runs: 0, others: 0, missed: false };

#[derive(Debug)]
struct Size {
    items: usize,
    /// Nanoseconds per number of input; a ring.
    costs: Vec<f64>,
    next: usize,
}

impl Size {
    fn add(&mut self, cost: f64) {
        if self.costs.len() < REMEMBERED {
            self.costs.push(cost);
        } else {
            self.costs[self.next] = cost;
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Median of the runs of the last trial.
    fn cost(&self) -> Option<f64> {
        let count = self.costs.len().min(TRIAL as usize);
        let at = |back: usize| self.costs[(self.next + REMEMBERED - back) % REMEMBERED % self.costs.len().max(1)];
        let mut last: Vec<f64> = (1..=count).map(at).collect();
        last.sort_unstable_by(f64::total_cmp);
        last.get(count / 2).copied()
    }

    /// What it costs at worst.
    fn worst(&self) -> Option<f64> {
        let mut costs = self.costs.clone();
        costs.sort_unstable_by(|a, b| b.total_cmp(a));
        costs.get(usize::from(costs.len() > TRIAL as usize)).copied()
    }
}

impl Model {
    fn new(most: usize) -> Self {
        let doubling = std::iter::successors(Some(1), |size| Some(size * 2)).take_while(|&size| size < most);
        let sizes = doubling.chain([most]).map(|items| Size { items, costs: Vec::new(), next: 0 }).collect();
        Self {
            sizes,
            best: 0,
            at: 0,
            search: BEGIN,
            pause: *RETRY.start(),
            upward_next: true,
            usual: 0.0,
            bytes_per_element: None,
            peak_bytes: 0,
        }
    }

    fn size(&self, elements: usize, limits: &BatchLimits) -> usize {
        let fits = |size: &&Size| self.fits(size, elements as f64, limits);
        self.sizes[..=self.at].iter().rev().find(fits).map_or(1, |size| size.items)
    }

    /// Whether a batch of this size is expected to keep to its time and memory.
    fn fits(&self, size: &Size, elements: f64, limits: &BatchLimits) -> bool {
        let time = self.expected_time(size, elements);
        let bytes = self.bytes_per_element.unwrap_or(BYTES_PER_ELEMENT) * elements * size.items as f64;
        time * 2.0 <= limits.target_latency.as_nanos() as f64 && bytes <= limits.bytes as f64
    }

    /// Nanoseconds that a batch of this size takes at worst. A size that has not been tried is judged by the two smaller
    /// ones next to it, as if each further input cost the same; after the first, by the first alone, which is less than it
    /// will take: a few runs that are too long by less than the latency allows tell more than a guess.
    fn expected_time(&self, size: &Size, elements: f64) -> f64 {
        let mut smaller = self.sizes.iter().filter(|known| known.items <= size.items && !known.costs.is_empty()).rev();
        let Some(nearest) = smaller.next() else { return 0.0 };
        let time_of = |size: &Size, cost: Option<f64>| cost.unwrap_or(0.0) * elements * size.items as f64;
        let further = size.items - nearest.items;
        let each = smaller.next().map_or(0.0, |before| {
            let more = time_of(nearest, nearest.cost()) - time_of(before, before.cost());
            more.max(0.0) / (nearest.items - before.items) as f64
        });
        time_of(nearest, nearest.worst()) + each * further as f64
    }

    fn observe(&mut self, seen: &Observation, limits: &BatchLimits) {
        if let Some(peak) = seen.peak_bytes.filter(|&peak| peak > self.peak_bytes) {
            // The peak is the largest of all runs, so that only a run which raises it tells what it took itself.
            self.peak_bytes = peak;
            self.bytes_per_element = Some(peak as f64 / seen.elements as f64);
        }
        let item = seen.elements as f64 / seen.items as f64;
        self.usual = if self.usual == 0.0 { item } else { self.usual + (item - self.usual) / 16.0 };
        let index = self.sizes.iter().position(|size| size.items == seen.items).unwrap_or(usize::MAX);
        if let Some(size) = self.sizes.get_mut(index) {
            size.add(seen.elapsed.as_nanos() as f64 / seen.elements as f64);
        }
        match self.search {
            Search::Resting { left } if left > 1 => self.search = Search::Resting { left: left - 1 },
            Search::Resting { .. } => self.explore(limits),
            // More than the latency or the memory allows, as a run of it has shown.
            Search::Trying { .. } if !self.fits(&self.sizes[self.at], self.usual, limits) => self.settle(),
            // There are too few inputs for the size that is tried: then it is not needed.
            Search::Trying { others, .. } if index != self.at && others + 1 >= TRIAL => self.settle(),
            Search::Trying { runs, others, missed } if index != self.at => {
                self.search = Search::Trying { runs, others: others + 1, missed };
            }
            Search::Trying { runs, others, missed } => {
                let runs = runs + 1;
                if runs >= TRIAL || runs >= EARLY && self.is_plain() {
                    self.judge(missed, limits);
                } else {
                    self.search = Search::Trying { runs, others, missed };
                }
            }
        }
    }

    /// Whether a few runs are enough to go on upwards.
    fn is_plain(&self) -> bool {
        let cost = |index: usize| self.sizes[index].cost().unwrap_or(f64::INFINITY);
        self.at == self.best || self.at > self.best && cost(self.at) < cost(self.best) * (1.0 - PLAIN_GAIN)
    }

    /// A trial is over.
    fn judge(&mut self, missed: bool, limits: &BatchLimits) {
        let cost = |index: usize| self.sizes[index].cost().unwrap_or(f64::INFINITY);
        let (tried, best) = (cost(self.at), cost(self.best));
        if self.at == self.best {
            self.climb(false, limits);
        } else if self.at < self.best {
            if tried <= best * (1.0 + TIE) {
                self.accept();
                self.descend();
            } else {
                self.settle();
            }
        } else if tried < best * (1.0 - GAIN) {
            self.accept();
            self.climb(false, limits);
        } else if tried > best * (1.0 + GAIN) || missed {
            self.settle();
        } else {
            // Level ground: the next size may show a gain that this one did not.
            self.climb(true, limits);
        }
    }

    fn accept(&mut self) {
        self.best = self.at;
        self.pause = *RETRY.start();
    }

    fn climb(&mut self, missed: bool, limits: &BatchLimits) {
        let next = self.at + 1;
        if let Some(size) = self.sizes.get_mut(next) {
            // What it once cost may be why it is not run any more.
            size.costs.clear();
            size.next = 0;
        }
        match self.sizes.get(next) {
            Some(size) if self.fits(size, self.usual, limits) => {
                self.at = next;
                self.search = Search::Trying { runs: 0, others: 0, missed };
            }
            _ => self.settle(),
        }
    }

    fn descend(&mut self) {
        if self.at == 0 {
            self.settle();
        } else {
            self.at -= 1;
            self.search = BEGIN;
        }
    }

    fn settle(&mut self) {
        self.at = self.best;
        self.search = Search::Resting { left: self.pause };
        self.pause = (self.pause * 2).min(*RETRY.end());
    }

    /// Looks again whether the next larger or smaller size has become better, in turns.
    fn explore(&mut self, limits: &BatchLimits) {
        // A device that has become slower does not run its best size any more.
        let runs = (0..self.best).rev().find(|&index| self.fits(&self.sizes[index + 1], self.usual, limits));
        self.best = runs.map_or(0, |index| index + 1);
        self.at = self.best;
        self.upward_next = !self.upward_next;
        if self.upward_next && self.best > 0 {
            self.descend();
        } else {
            self.climb(false, limits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: usize = 3 * 48 * 320;
    const LIMITS: BatchLimits = BatchLimits {
        items: 32,
        bytes: 1 << 30,
        max_queue_delay: Duration::from_millis(2),
        target_latency: Duration::from_millis(200),
    };

    /// Milliseconds for a batch of so many lines.
    type Curve = fn(f64) -> f64;

    /// Cost that a batch has from its start: sixteen lines cost little more than one, and beyond them each is paid for.
    const GPU: Curve = |n| 4.0 + 0.1 * n + 2.0 * (n - 16.0).max(0.0);
    /// Each further line costs more than the one before, as it was measured on a CPU.
    const CPU: Curve = |n| 25.0 * n * (1.0 + 0.03 * (n - 1.0));
    /// No gain from 2 to 4, much from 8 on.
    const STEP: Curve = |n| if n < 8.0 { 8.0 + 0.9 * n } else { 8.0 + 0.5 * n };
    /// Every line costs the same.
    const LEVEL: Curve = |n| 5.0 * n;

    /// Runs `batches` full batches on a device that varies by a tenth, and gives the size it has settled at.
    fn run(controller: &mut BatchController, curve: Curve, batches: u32, peak: impl Fn(usize) -> Option<u64>) -> usize {
        // A fixed sequence, xorshift: a failure can be looked into.
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..batches {
            let items = controller.size(Task::Recognize, LINE);
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let noise = 0.95 + 0.1 * (random % 1000) as f64 / 1000.0;
            let elapsed = Duration::from_secs_f64(curve(items as f64) * noise * 1e-3);
            let seen = Observation { items, elements: items * LINE, elapsed, peak_bytes: peak(items) };
            controller.observe(Task::Recognize, &seen);
        }
        controller.settled(Task::Recognize)
    }

    fn settles_at(limits: BatchLimits, curve: Curve, expected: usize) {
        let mut controller = BatchController::new(limits);
        assert_eq!(run(&mut controller, curve, 200, |_| None), expected, "{limits:?}");
    }

    #[test]
    fn the_batch_converges_to_what_the_device_does_best() {
        settles_at(LIMITS, GPU, 16);
        settles_at(LIMITS, CPU, 1);
        settles_at(LIMITS, STEP, 32);
        settles_at(LIMITS, LEVEL, 1);
        settles_at(BatchLimits { items: 12, ..LIMITS }, GPU, 12);
        settles_at(BatchLimits { items: 1, ..LIMITS }, GPU, 1);
    }

    #[test]
    fn a_batch_keeps_to_half_of_the_latency_that_is_allowed() {
        // Half of 10 ms: 4.4 ms and a tenth for a batch of four, 4.8 and a tenth for eight.
        settles_at(BatchLimits { target_latency: Duration::from_millis(10), ..LIMITS }, GPU, 4);
        // Even one is too long, and one there must be.
        settles_at(BatchLimits { target_latency: Duration::from_millis(1), ..LIMITS }, GPU, 1);
    }

    #[test]
    fn longer_lines_make_smaller_batches() {
        let mut controller = BatchController::new(BatchLimits { target_latency: Duration::from_millis(20), ..LIMITS });
        run(&mut controller, GPU, 200, |_| None);
        let sizes = [1, 2, 8].map(|times| controller.size(Task::Recognize, times * LINE));
        assert!(sizes[0] == 16 && sizes[1] < 16 && sizes[2] < sizes[1], "{sizes:?}");
    }

    #[test]
    fn memory_as_measured_bounds_a_batch() {
        let mut controller = BatchController::new(BatchLimits { bytes: 100 << 20, ..LIMITS });
        // 20 MiB a line: five fit, so four do.
        assert_eq!(run(&mut controller, GPU, 200, |items| Some(20 * items as u64 * (1 << 20))), 4);
        let mut controller = BatchController::new(BatchLimits { bytes: 100 << 20, ..LIMITS });
        assert_eq!(run(&mut controller, GPU, 200, |_| Some(1 << 20)), 16);
    }

    #[test]
    fn a_device_that_changes_is_found_out() {
        let mut controller = BatchController::new(LIMITS);
        assert_eq!(run(&mut controller, GPU, 400, |_| None), 16);
        assert_eq!(run(&mut controller, CPU, 4000, |_| None), 1);
        assert_eq!(run(&mut controller, GPU, 4000, |_| None), 16);
    }

    #[test]
    fn batches_that_are_not_full_change_nothing() {
        let mut controller = BatchController::new(LIMITS);
        run(&mut controller, GPU, 200, |_| None);
        for items in [3, 5, 7] {
            let elapsed = Duration::from_millis(500);
            let seen = Observation { items, elements: items * LINE, elapsed, peak_bytes: None };
            (0..100).for_each(|_| controller.observe(Task::Recognize, &seen));
        }
        assert_eq!(controller.settled(Task::Recognize), 16);
    }
}
