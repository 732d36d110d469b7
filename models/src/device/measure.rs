//! What inferences cost on a device, by timing a few: for choosing a device, and for choosing how many inputs a run takes.

use std::time::Duration;

use crate::{
    backend::{Session, Tensor},
    error::Result,
};

/// Runs of one kind that are timed after one that is not: the first allocates, and compiles what a provider compiles.
const RUNS: usize = 3;

/// The cost of one run of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchCost {
    /// Inputs in the run.
    pub batch: usize,
    /// Of the whole run: the quickest of a few, which is the one that nothing else disturbed.
    pub time: Duration,
}

impl BatchCost {
    pub fn per_input(&self) -> Duration {
        self.time / u32::try_from(self.batch.max(1)).unwrap_or(u32::MAX)
    }
}

/// Times runs of `batches` inputs each of `shape` (`[1, C, H, W]`), largest last. Stops where a batch no longer costs less
/// an input than the one before: larger ones cost memory and delay for nothing. `now` is the clock: for a device that
/// computes on the processor, the processor time of the process tells the truth however busy the machine is; for others,
/// the wall.
///
/// # Errors
/// Whatever the session's runs end with.
pub fn measure_batch_cost(
    session: &mut dyn Session,
    shape: [usize; 4],
    batches: &[usize],
    now: &dyn Fn() -> Duration,
) -> Result<Vec<BatchCost>> {
    let mut costs: Vec<BatchCost> = Vec::new();
    for &batch in batches {
        let input = typical_input(batch, shape);
        let mut run = || {
            let since = now();
            session.run(input.view(), &mut |_| {})?;
            Ok(now().saturating_sub(since))
        };
        run()?;
        let times = (0..RUNS).map(|_| run()).collect::<Result<Vec<_>>>()?;
        let cost = BatchCost { batch, time: times.into_iter().min().unwrap_or_default() };
        let worse = costs.last().is_some_and(|before| cost.per_input() >= before.per_input());
        costs.push(cost);
        if worse {
            break;
        }
    }
    Ok(costs)
}

/// The batch with the least cost an input, the smaller of two that differ by less than a twentieth.
pub fn best_batch(costs: &[BatchCost]) -> usize {
    let Some(least) = costs.iter().map(BatchCost::per_input).min() else { return 1 };
    let enough = least + least / 20;
    costs.iter().filter(|cost| cost.per_input() <= enough).map(|cost| cost.batch).min().unwrap_or(1)
}

/// The time of one input in a run of the best size.
pub fn least_time(costs: &[BatchCost]) -> Duration {
    costs.iter().map(BatchCost::per_input).min().unwrap_or_default()
}

/// Numbers in the range of normalised pixels, none of them the same for long: what is all zero may cost less.
fn typical_input(batch: usize, [_, channels, height, width]: [usize; 4]) -> Tensor {
    let mut noise = 1_u32;
    let value = |_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let data = (0..batch * channels * height * width).map(value).collect();
    Tensor { shape: vec![batch, channels, height, width], data }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use pagestream_documents::Digest;

    use super::*;
    use crate::backend::{Backend, ModelSource, fake::FakeBackend};

    fn costs(per_run_ms: &[(usize, u64)]) -> Vec<BatchCost> {
        per_run_ms.iter().map(|&(batch, ms)| BatchCost { batch, time: Duration::from_millis(ms) }).collect()
    }

    #[test]
    fn the_best_batch_is_the_cheapest_and_the_smaller_of_equals() {
        for (per_run_ms, best) in [
            (&[][..], 1),
            (&[(1, 30)], 1),
            (&[(1, 30), (2, 70)], 1),
            (&[(1, 30), (2, 32), (4, 40), (8, 90)], 4),
            (&[(1, 100), (2, 196)], 1),
        ] {
            assert_eq!(best_batch(&costs(per_run_ms)), best, "{per_run_ms:?}");
        }
    }

    #[test]
    fn an_input_takes_what_it_takes_in_the_best_run() {
        assert_eq!(least_time(&costs(&[(1, 30), (4, 40), (8, 96)])), Duration::from_millis(10));
        assert_eq!(least_time(&[]), Duration::ZERO);
    }

    #[test]
    fn every_batch_is_run_with_its_shape_until_it_no_longer_pays() {
        let inputs = Arc::new(AtomicUsize::new(0));
        let seen = inputs.clone();
        let backend = FakeBackend::new(move |input| {
            assert_eq!(input.shape[1..], [3, 4, 8]);
            assert_eq!(input.data.len(), input.shape.iter().product::<usize>());
            seen.fetch_add(input.shape[0], Relaxed);
            Ok(Tensor::default())
        });
        let mut session = backend.load(&ModelSource::built_in("fake", b"", Digest::of(b""))).unwrap();
        let costs = measure_batch_cost(&mut *session, [1, 3, 4, 8], &[1, 2], &|| Duration::ZERO).unwrap();
        // Each took no time at all by this clock, so that the second is no better than the first.
        assert_eq!(costs.iter().map(|cost| cost.batch).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(inputs.load(Relaxed), (1 + RUNS) * (1 + 2));
    }
}
