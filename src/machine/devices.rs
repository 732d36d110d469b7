//! `device.use = "auto"`: which of the devices that are installed here reads pages fastest.
//!
//! Where there is a choice, each is measured at the first start by a few inferences of the real models, and what came of it is
//! kept in the machine's cache directory. It is measured again when the machine, the models or the libraries change, and
//! by `pagestream doctor --measure`. Nothing is fetched for it. A device that fails is left out; one that is asked for by
//! name never comes this way.

use std::time::Duration;

use pagestream_documents::ByteSize;
use pagestream_models::{
    Error as ModelError, Session,
    backend::Provider,
    device::{
        DeviceChoice, Hardware,
        measure::{best_batch, least_time, measure_batch_cost},
    },
    registry::Registry,
};
use serde::{Deserialize, Serialize};

use super::{Machine, Measure, measured, memory::resident};

const FILE: &str = "devices.json";

/// A device must be quicker than an earlier one of the list by more than this to be taken instead: figures vary.
const GAIN: f64 = 1.1;

/// How many inputs are tried in one run. A CPU gains nothing from more, and the first step shows it.
const BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// What came of measuring one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    pub device: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Measured {
        /// One thread's time for a page of one detection and forty lines, in milliseconds.
        page_ms: f64,
        threads: usize,
        /// Inputs in a run of the recogniser that cost least each.
        batch: usize,
        /// By how much resident memory grew.
        memory_bytes: u64,
    },
    Failed {
        why: String,
    },
}

impl Outcome {
    /// Pages a second with all threads at work, as far as they do not hinder each other.
    pub fn pages_per_second(&self) -> Option<f64> {
        match self {
            Self::Measured { page_ms, threads, .. } if *page_ms > 0.0 => Some(*threads as f64 * 1000.0 / page_ms),
            _ => None,
        }
    }
}

/// What `auto` comes to, and why.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub device: DeviceChoice,
    pub why: String,
    /// Empty where there was nothing to choose from, or nothing to measure with.
    pub measured: Vec<Measurement>,
}

/// One model as a typical page asks for it.
pub struct Work {
    pub session: Box<dyn Session>,
    /// `[1, C, H, W]`
    pub shape: [usize; 4],
    /// Runs of one input on a page of forty lines.
    pub runs: u32,
}

/// What devices are measured with.
pub struct Contest<'a> {
    pub machine: &'a Machine,
    pub registry: &'a Registry,
    /// Whether the models and the library are there to be measured with; nothing is fetched for it.
    pub at_hand: bool,
    /// Everything else that figures depend on: the models.
    pub key: Vec<String>,
    /// Loads the models that every page meets on a device, the one with the most runs last.
    pub load: &'a dyn Fn(&DeviceChoice) -> Result<Vec<Work>, ModelError>,
    pub threads: &'a dyn Fn(&DeviceChoice) -> usize,
    /// Most that models may take.
    pub memory: ByteSize,
}

/// The device to use.
///
/// # Errors
/// Only what makes reading pages impossible: an own ONNX Runtime library that cannot be loaded.
pub fn automatic(contest: &Contest<'_>, when: Measure) -> Result<Verdict, ModelError> {
    let candidates = candidates(contest.registry)?;
    let cpu = DeviceChoice::Onnx(Provider::Cpu);
    let simply = |why: &str| Verdict { device: cpu.clone(), why: why.to_owned(), measured: Vec::new() };
    if candidates.len() == 1 && when != Measure::Anew {
        return Ok(simply("it is the only device that is installed"));
    }
    if !contest.at_hand {
        return Ok(simply("there are no models yet to measure others with"));
    }
    let (key, file) = (key(contest, &candidates), contest.machine.file(FILE));
    let kept = file.as_deref().filter(|_| when != Measure::Anew).and_then(|file| measured::read(file, &key));
    if kept.is_none() && when == Measure::Never {
        return Ok(simply("others are installed and not measured yet"));
    }
    let measured = kept.unwrap_or_else(|| {
        tracing::info!(devices = candidates.len(), "measuring the devices, once on this machine");
        let measured: Vec<_> = candidates.iter().map(|device| measure(contest, device)).collect();
        if let Some(file) = &file {
            measured::write(file, &key, &measured);
        }
        measured
    });
    Ok(match choose(&measured, contest.memory) {
        Some((device, why)) => Verdict { device, why, measured },
        None => Verdict { measured, ..simply("none could be measured") },
    })
}

/// What is installed here, the CPU first.
fn candidates(registry: &Registry) -> Result<Vec<DeviceChoice>, ModelError> {
    let providers = registry.runtime_providers()?;
    let has = |name: &str| providers.iter().any(|provider| provider == name);
    let mut candidates = vec![DeviceChoice::Onnx(Provider::Cpu)];
    if registry.openvino_library().is_some() {
        candidates.push(DeviceChoice::OpenVino { device: "CPU".to_owned() });
    }
    if has("openvino") {
        candidates.push(DeviceChoice::Onnx(Provider::OpenVino { device: "CPU".to_owned() }));
    }
    if has("cuda") {
        let gpus = Hardware::find().gpus().into_iter();
        candidates.extend(gpus.map(|device| DeviceChoice::Onnx(Provider::Cuda { device })));
    }
    Ok(candidates)
}

/// Changes with everything that the figures depend on.
fn key(contest: &Contest<'_>, candidates: &[DeviceChoice]) -> String {
    let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    let parts = [candidates.join(", "), contest.registry.runtime_identity()];
    measured::key(&[&parts, &*contest.key].concat())
}

fn measure(contest: &Contest<'_>, device: &DeviceChoice) -> Measurement {
    let before = resident().unwrap_or(0);
    let costs = || -> Result<Outcome, ModelError> {
        let now: &dyn Fn() -> Duration = if device.is_cpu() { &measured::process_time } else { &measured::wall_time };
        let mut work = (contest.load)(device)?;
        let (mut page, mut batch) = (Duration::ZERO, 1);
        for Work { session, shape, runs } in &mut work {
            // What a page asks for once has nothing to share a run with.
            let batches = if *runs > 1 { &BATCHES[..] } else { &BATCHES[..1] };
            let costs = measure_batch_cost(&mut **session, *shape, batches, now)?;
            page += least_time(&costs) * *runs;
            batch = best_batch(&costs);
        }
        Ok(Outcome::Measured {
            page_ms: page.as_secs_f64() * 1e3,
            threads: (contest.threads)(device),
            batch,
            // While the sessions hold what they hold between runs.
            memory_bytes: resident().unwrap_or(0).saturating_sub(before),
        })
    };
    let outcome = match costs() {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed { why: error.to_string() },
    };
    tracing::info!(%device, ?outcome, "device is measured");
    Measurement { device: device.to_string(), outcome }
}

/// The quickest device that takes no more memory than models may, and why.
fn choose(measured: &[Measurement], memory: ByteSize) -> Option<(DeviceChoice, String)> {
    let mut best: Option<(&Measurement, f64)> = None;
    for measurement in measured {
        let Some(speed) = measurement.outcome.pages_per_second() else { continue };
        let fits = match measurement.outcome {
            Outcome::Measured { memory_bytes, .. } => memory_bytes <= memory.bytes(),
            Outcome::Failed { .. } => false,
        };
        if fits && best.is_none_or(|(_, so_far)| speed > so_far * GAIN) {
            best = Some((measurement, speed));
        }
    }
    let device = best?.0.device.parse().ok()?;
    let figures: Vec<String> = measured.iter().map(|measurement| describe(measurement, memory)).collect();
    Some((device, figures.join("; ")))
}

/// `cpu: 1.4 pages/s`, or why it is out of the question.
pub fn describe(measurement: &Measurement, memory: ByteSize) -> String {
    let Measurement { device, outcome } = measurement;
    match outcome {
        Outcome::Failed { why } => format!("{device}: {why}"),
        Outcome::Measured { page_ms, threads, batch, memory_bytes } => {
            let speed = outcome.pages_per_second().unwrap_or_default();
            let taken = ByteSize(*memory_bytes);
            let excess = if taken > memory { ", more memory than `models.memory` allows" } else { "" };
            format!(
                "{device}: {speed:.2} pages/s ({page_ms:.0} ms a page, {threads} threads, batch {batch}, {taken}{excess})"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(device: &str, page_ms: f64, threads: usize, mib: u64) -> Measurement {
        let outcome = Outcome::Measured { page_ms, threads, batch: 1, memory_bytes: mib << 20 };
        Measurement { device: device.to_owned(), outcome }
    }

    fn failed(device: &str) -> Measurement {
        Measurement { device: device.to_owned(), outcome: Outcome::Failed { why: "it is out of order".to_owned() } }
    }

    #[test]
    fn the_quickest_that_works_and_fits_is_chosen_and_the_reason_names_all() {
        let check = |measured: &[Measurement], expected: Option<&str>| {
            let chosen = choose(measured, ByteSize::mib(512));
            assert_eq!(chosen.as_ref().map(|(device, _)| device.to_string()).as_deref(), expected, "{measured:?}");
            for measurement in measured.iter().filter(|_| chosen.is_some()) {
                assert!(chosen.as_ref().unwrap().1.contains(&measurement.device));
            }
        };
        check(&[], None);
        check(&[failed("cpu")], None);
        check(&[measured("cpu", 1500.0, 2, 100), measured("cuda:0", 100.0, 1, 300)], Some("cuda:0"));
        check(&[measured("cpu", 1500.0, 2, 100), measured("cuda:0", 1000.0, 1, 300)], Some("cpu"));
        check(&[measured("cpu", 1500.0, 2, 100), measured("openvino-native:CPU", 1400.0, 2, 100)], Some("cpu"));
        check(&[measured("cpu", 1500.0, 2, 100), measured("openvino-native:CPU", 1000.0, 2, 600)], Some("cpu"));
        check(&[failed("cpu"), measured("openvino-native:CPU", 1000.0, 2, 100)], Some("openvino-native:CPU"));
    }
}
