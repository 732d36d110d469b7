//! The batch controller against simulated devices whose cost is known: `cargo bench -p pagestream-actors --bench batching`.
//!
//! The queue and the controller are those of the pipeline; the devices, the clock and the arrivals are made up, so that the
//! best that could be done is known too: every fixed batch size is simulated on the same arrivals, and the best of those that
//! keep the latency is what the controller is measured against. Nothing here depends on the machine it runs on.

use std::time::Duration;

use pagestream_actors::{
    BatchLimits, Priority,
    batching::{Asker, BatchController, InferenceQueue, Next, Position, controller::Observation, queue::BatchPolicy},
};
use pagestream_models::{
    Tensor,
    ocr::{Inference, Task},
};
use tokio::time::Instant;

/// A device whose batches take so many milliseconds, give or take a twentieth.
struct Simulated {
    name: &'static str,
    cost: fn(f64) -> f64,
    target: Duration,
}

const MOST: usize = 32;
const ARRIVALS: usize = 40_000;
const DELAY: Duration = Duration::from_millis(2);

const DEVICES: [Simulated; 5] = [
    // Sixteen lines cost little more than one, and beyond them each is paid for: a GPU that is full.
    Simulated {
        name: "GPU, full at 16",
        cost: |n| 4.0 + 0.1 * n + 2.0 * (n - 16.0_f64).max(0.0),
        target: Duration::from_millis(50),
    },
    // The same with a latency that sixteen do not keep.
    Simulated {
        name: "GPU, 10 ms allowed",
        cost: |n| 2.0 + 0.3 * n + 2.0 * (n - 16.0_f64).max(0.0),
        target: Duration::from_millis(10),
    },
    Simulated { name: "GPU, never full", cost: |n| 4.0 + 0.1 * n, target: Duration::from_millis(50) },
    // Each further line costs more than the one before, as measured with PP-OCRv6 on two cores.
    Simulated { name: "CPU", cost: |n| 25.0 * n * (1.0 + 0.03 * (n - 1.0)), target: Duration::from_millis(500) },
    // No gain from two to four, much from eight on.
    Simulated {
        name: "NPU, steps of 8",
        cost: |n| 6.0 * (n / 8.0).ceil() + if n < 8.0 { 0.7 * n } else { 0.1 * n },
        target: Duration::from_millis(60),
    },
];

/// A policy that never learns, to compare with.
struct Fixed(usize);

impl BatchPolicy for Fixed {
    fn size(&self, _: Task, _: usize) -> usize {
        self.0
    }

    fn patience(&self, since: Instant) -> Instant {
        since + DELAY
    }
}

/// Uniform in 0..1; xorshift, so that every run sees the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[derive(Default)]
struct Outcome {
    /// Inferences a second, from the first arrival to the last answer.
    rate: f64,
    p50: Duration,
    p99: Duration,
    mean_batch: f64,
}

/// Runs `ARRIVALS` inferences that come at random, `load` a second, or as fast as they are taken when it is `None`.
fn simulate<P: BatchPolicy>(
    device: &Simulated,
    load: Option<f64>,
    policy: &mut P,
    mut learn: impl FnMut(&mut P, &Observation),
) -> Outcome {
    let (mut random, mut noise) = (Random(0x2545_f491_4f6c_dd1d), Random(0x9e37_79b9_7f4a_7c15));
    let start = Instant::now();
    let mut queue = InferenceQueue::default();
    let mut now = start;
    let mut next_arrival = start;
    let (mut arrived, mut batches) = (0usize, 0usize);
    let mut came = Vec::with_capacity(ARRIVALS);
    let mut latencies = Vec::with_capacity(ARRIVALS);
    loop {
        // As many wait at full load as the pages under way have lines: the pipeline bounds them.
        while arrived < ARRIVALS
            && match load {
                Some(_) => next_arrival <= now,
                None => queue.len() < 4 * MOST,
            }
        {
            let since = if load.is_some() { next_arrival } else { now };
            came.push(since);
            let inference =
                Inference { task: Task::Recognize, input: Tensor { shape: vec![1, 8], data: vec![0.0; 8] } };
            queue.push(Position::new(Priority::Interactive, arrived as u64, 0), inference, since);
            arrived += 1;
            if let Some(load) = load {
                next_arrival += Duration::from_secs_f64(-(1.0 - random.next()).ln() / load);
            }
        }
        match queue.next(now, policy, |_| true) {
            Next::Run(batch) => {
                let items = batch.items.len();
                let elapsed = Duration::from_secs_f64((device.cost)(items as f64) * (0.95 + 0.1 * noise.next()) * 1e-3);
                now += elapsed;
                batches += 1;
                latencies.extend(batch.items.iter().map(|(position, _)| match position.asker() {
                    Asker::Page(sequence) | Asker::Other(sequence) => now - came[sequence as usize],
                }));
                let seen = Observation { items, elements: batch.elements(), elapsed, peak_bytes: None };
                learn(policy, &seen);
            }
            Next::Wait(until) => now = if arrived < ARRIVALS { until.min(next_arrival.max(now)) } else { until },
            Next::Nothing if arrived < ARRIVALS => now = next_arrival,
            Next::Nothing => break,
        }
    }
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Outcome {
        rate: ARRIVALS as f64 / (now - start).as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        mean_batch: ARRIVALS as f64 / batches as f64,
    }
}

fn fixed(device: &Simulated, load: Option<f64>, size: usize) -> Outcome {
    simulate(device, load, &mut Fixed(size), |_, _| {})
}

fn adaptive(device: &Simulated, load: Option<f64>) -> (Outcome, usize) {
    let limits = BatchLimits { items: MOST, bytes: 1 << 30, max_queue_delay: DELAY, target_latency: device.target };
    let mut controller = BatchController::new(limits);
    let outcome = simulate(device, load, &mut controller, |controller, seen| controller.observe(Task::Recognize, seen));
    let settled = controller.settled(Task::Recognize);
    (outcome, settled)
}

/// The size that does most of those whose run takes at most half of the latency, which is what the controller is for.
fn best_size(device: &Simulated) -> usize {
    let per_item = |size: usize| (device.cost)(size as f64) / size as f64;
    let keeps = |size: &usize| (device.cost)(*size as f64) * 1.05 * 2e-3 <= device.target.as_secs_f64();
    let sizes: Vec<usize> = (0..=5).map(|power| 1 << power).filter(keeps).collect();
    sizes.into_iter().min_by(|&a, &b| per_item(a).total_cmp(&per_item(b))).unwrap_or(1)
}

fn main() {
    println!("as fast as they are taken: inferences a second");
    println!(
        "{:20} {:>6} {:>9} {:>9} {:>9} {:>9} {:>6}",
        "device", "best", "settled", "one", "best", "adaptive", "ratio"
    );
    for device in &DEVICES {
        let best = best_size(device);
        let (one, fixed_best) = (fixed(device, None, 1), fixed(device, None, best));
        let (adaptive, settled) = adaptive(device, None);
        println!(
            "{:20} {:>6} {:>9} {:>9.0} {:>9.0} {:>9.0} {:>6.3}",
            device.name,
            best,
            settled,
            one.rate,
            fixed_best.rate,
            adaptive.rate,
            adaptive.rate / fixed_best.rate,
        );
    }
    println!("\nat a load, as a share of what the best size can do: latency from arrival to answer, ms");
    println!(
        "{:20} {:>5} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8} {:>6}",
        "device", "load", "best p50", "best p99", "our p50", "our p99", "target", "batch", "keeps"
    );
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    for device in &DEVICES {
        let best = best_size(device);
        let capacity = fixed(device, None, best).rate;
        for load in [0.3, 0.6, 0.8] {
            let at = Some(load * capacity);
            let fixed = fixed(device, at, best);
            let (ours, _) = adaptive(device, at);
            println!(
                "{:20} {:>5} {:>10.1} {:>10.1} {:>10.1} {:>10.1} {:>10.0} {:>8.1} {:>6}",
                device.name,
                load,
                ms(fixed.p50),
                ms(fixed.p99),
                ms(ours.p50),
                ms(ours.p99),
                ms(device.target),
                ours.mean_batch,
                ours.p99 <= device.target,
            );
        }
    }
}
