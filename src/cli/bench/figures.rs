//! What is counted and computed: no clock and no pipeline here.

use std::collections::BTreeMap;

use pagestream::PageRecord;
use serde::Serialize;

/// Where of all values so many percent are not above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    pub values: usize,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

impl Percentiles {
    /// By nearest rank: each is one of the values. All zero where there are none.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        Self { values: values.len(), p50: at(50), p95: at(95), p99: at(99) }
    }
}

/// The middle one; the lower one of two.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Percentiles::of(values.into_iter().collect()).p50
}

/// What the rounds' pages had in them, and what each took by its own record.
#[derive(Default)]
pub struct Counted {
    pub pages: u64,
    pub failed: u64,
    pub lines: u64,
    pub characters: u64,
    /// Milliseconds of each page by step.
    steps: BTreeMap<String, Vec<f64>>,
    /// Milliseconds of each page over all its steps.
    whole: Vec<f64>,
}

impl Counted {
    pub fn add(&mut self, page: &PageRecord, failed: bool) {
        self.pages += 1;
        self.failed += u64::from(failed);
        self.lines += page.lines.len() as u64;
        self.characters += page.text.chars().count() as u64;
        for (step, ms) in &page.timings_ms {
            self.steps.entry(step.clone()).or_default().push(*ms);
        }
        self.whole.push(page.timings_ms.values().sum());
    }

    /// All of another round as well.
    pub fn and(&mut self, other: Self) {
        let Self { pages, failed, lines, characters, steps, whole } = other;
        self.pages += pages;
        self.failed += failed;
        self.lines += lines;
        self.characters += characters;
        for (step, values) in steps {
            self.steps.entry(step).or_default().extend(values);
        }
        self.whole.extend(whole);
    }

    pub fn page_ms(&self) -> Percentiles {
        Percentiles::of(self.whole.clone())
    }

    pub fn steps_ms(&self) -> BTreeMap<String, Percentiles> {
        self.steps.iter().map(|(step, values)| (step.clone(), Percentiles::of(values.clone()))).collect()
    }
}

/// All pages read once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Round {
    pub pages: u64,
    pub wall_s: f64,
    /// Of all threads; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_s: Option<f64>,
    /// Runs of a model: the same in every round, or something was not read again.
    pub model_runs: u64,
}

/// What 1,000 pages cost on a machine that costs so much an hour.
pub fn cost_of_1000(price_per_hour: f64, pages_per_s: f64) -> f64 {
    price_per_hour * 1000.0 / (pages_per_s * 3600.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_so_many_are_not_above() {
        let hundred = (1..=100).rev().map(f64::from).collect::<Vec<_>>();
        for (values, p50, p95, p99) in [
            (hundred, 50.0, 95.0, 99.0),
            (vec![3.0, 1.0, 2.0], 2.0, 3.0, 3.0),
            (vec![2.0, 1.0], 1.0, 2.0, 2.0),
            (vec![7.0], 7.0, 7.0, 7.0),
            (vec![], 0.0, 0.0, 0.0),
        ] {
            let expected = Percentiles { values: values.len(), p50, p95, p99 };
            assert_eq!(Percentiles::of(values.clone()), expected, "{values:?}");
        }
    }

    #[test]
    fn a_machine_at_3_60_an_hour_that_reads_a_page_a_second_reads_1000_for_one() {
        assert!((cost_of_1000(3.6, 1.0) - 1.0).abs() < 1e-12);
        assert!((cost_of_1000(3.6, 4.0) - 0.25).abs() < 1e-12);
    }
}
