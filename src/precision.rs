//! In which precision the built-in networks run on a device: f32, which reads a little better, or int8 where it is much quicker.
//!
//! Which it is depends on the processor's instructions and on the library, so that both are timed by a few inferences at the first
//! start on a machine, and what came of it is kept beside the optimised models. It is measured again when the machine, the
//! library or the version changes. Our own runtime knows f32 alone.

use std::{path::PathBuf, time::Duration};

use pagestream_documents::Digest;
use pagestream_models::{
    Backend, Error as ModelError,
    backend::onnx::Provider,
    built_in::{self, BuiltIn, Network},
    device::{
        DeviceChoice, Hardware,
        measure::{measure_batch_cost, typical},
    },
    ocr::Task,
    registry::Registry,
};
use serde::{Deserialize, Serialize};

use crate::{measured, settings::Settings};

/// int8 must be quicker by this to be taken. It loses up to a tenth of a point of characters, and figures vary.
const GAIN: f64 = 1.25;

/// Milliseconds of one run of a network; `None` where it cannot run in this precision here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Figures {
    network: String,
    f32_ms: Option<f64>,
    int8_ms: Option<f64>,
}

impl Figures {
    fn is_int8(&self) -> bool {
        match (self.f32_ms, self.int8_ms) {
            (Some(f32_ms), Some(int8_ms)) => f32_ms > GAIN * int8_ms,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }
}

/// What the built-in networks of these settings are known by, before it is known in which precision they run. Of the int8 models, which
/// are made of the f32 ones and a quarter of their size: this is asked at every start, and pages with a text layer need neither.
pub fn identity(settings: &Settings) -> Vec<Digest> {
    networks(settings).map(|(_, network)| Digest::of(network.int8.bytes)).to_vec()
}

/// The built-in networks of these settings, as they run on our own runtime.
pub fn portable(settings: &Settings) -> Vec<(Task, BuiltIn)> {
    networks(settings).map(|(task, network)| (task, network.f32)).to_vec()
}

/// The same in the precision that is best on this device of this machine. Measures where nobody has yet, which takes a quarter
/// of a second.
pub fn best(
    settings: &Settings,
    registry: &Registry,
    device: &DeviceChoice,
    library: &dyn Backend,
) -> Vec<(Task, BuiltIn)> {
    let networks = networks(settings);
    let key = measured::key(&[
        Hardware::find().describe(),
        device.to_string(),
        registry.runtime_identity(),
        networks.map(|(_, network)| network.f32.id).join(", "),
    ]);
    let file = file(settings, device);
    let kept: Option<Vec<Figures>> = file.as_deref().and_then(|file| measured::read(file, &key));
    let figures = kept.filter(|kept| kept.len() == networks.len()).unwrap_or_else(|| {
        let shapes = typical(settings.ocr.quality).map(|(_, shape)| shape);
        let figures: Vec<Figures> =
            networks.iter().zip(shapes).map(|((_, network), shape)| measure(network, shape, device, library)).collect();
        tracing::info!(%device, ?figures, "precisions of the built-in models are measured, once on this machine");
        if let Some(file) = &file {
            measured::write(file, &key, &figures);
        }
        figures
    });
    let chosen = networks.iter().zip(&figures);
    chosen
        .map(|((task, network), figures)| (*task, if figures.is_int8() { network.int8 } else { network.f32 }))
        .collect()
}

fn networks(settings: &Settings) -> [(Task, Network); 2] {
    [(Task::CompactDetect, built_in::DETECTOR), (Task::CompactRecognize, built_in::recognizer(settings.ocr.quality))]
}

/// One file a device and quality: they do not share figures.
fn file(settings: &Settings, device: &DeviceChoice) -> Option<PathBuf> {
    let name: String = device.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Some(settings.machine_dir()?.join(format!("precision-{name}-{}.json", settings.ocr.quality)))
}

fn measure(network: &Network, shape: [usize; 4], device: &DeviceChoice, library: &dyn Backend) -> Figures {
    let now: &dyn Fn() -> Duration = if runs_on_caller(device) { &measured::thread_time } else { &measured::wall_time };
    let time = |model: &BuiltIn| -> Result<f64, ModelError> {
        let mut session = library.load(&model.source())?;
        let costs = measure_batch_cost(&mut *session, shape, &[1], now)?;
        Ok(costs.first().map_or(f64::INFINITY, |cost| cost.time.as_secs_f64() * 1e3))
    };
    let [f32_ms, int8_ms] = [&network.f32, &network.int8].map(|model| {
        let time = time(model);
        if let Err(error) = &time {
            tracing::info!(%device, model = model.id, %error, "a built-in model does not run in this precision");
        }
        time.ok()
    });
    Figures { network: network.f32.id.to_owned(), f32_ms, int8_ms }
}

/// Whether sessions compute on the thread that calls them, whose own time is then not disturbed by the pages of other threads.
/// OpenVINO has threads of its own, and what a GPU does is no processor time at all.
fn runs_on_caller(device: &DeviceChoice) -> bool {
    *device == DeviceChoice::Onnx(Provider::Cpu)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use pagestream_models::{
        Session,
        backend::{ModelSource, Tensor, fake::FakeBackend},
    };

    use super::*;

    #[test]
    fn int8_is_taken_where_it_is_much_quicker_or_the_only_one_that_runs() {
        for (f32_ms, int8_ms, is_int8) in [
            (Some(0.75), Some(0.36), true),
            (Some(7.1), Some(7.7), false),
            (Some(1.2), Some(1.0), false),
            (Some(1.0), None, false),
            (None, Some(1.0), true),
            (None, None, false),
        ] {
            let figures = Figures { network: "a".to_owned(), f32_ms, int8_ms };
            assert_eq!(figures.is_int8(), is_int8, "{figures:?}");
        }
    }

    #[test]
    fn what_others_compute_is_timed_by_the_wall() {
        for (device, on_caller) in
            [("cpu", true), ("openvino-native:CPU", false), ("openvino:CPU", false), ("cuda:0", false)]
        {
            assert_eq!(runs_on_caller(&device.parse().unwrap()), on_caller, "{device}");
        }
    }

    /// A library whose f32 sessions have more to do, and that counts what it loads.
    struct Library(AtomicUsize);

    impl Backend for Library {
        fn name(&self) -> &str {
            "library"
        }

        fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>, ModelError> {
            self.0.fetch_add(1, Relaxed);
            let rounds = if model.id.ends_with("int8") { 20_000_u64 } else { 400_000 };
            let work = move |_: pagestream_models::backend::TensorView<'_>| {
                std::hint::black_box((0..rounds).map(std::hint::black_box).sum::<u64>());
                Ok(Tensor::default())
            };
            FakeBackend::new(work).load(model)
        }
    }

    #[test]
    fn what_is_quicker_here_is_measured_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::defaults();
        settings.models.cache = dir.path().to_str().unwrap().to_owned();
        let registry = Registry::open(settings.registry_options()).unwrap();
        let library = Library(AtomicUsize::new(0));
        let cpu = "cpu".parse().unwrap();
        let ids =
            || -> Vec<&str> { best(&settings, &registry, &cpu, &library).iter().map(|(_, model)| model.id).collect() };
        let expected: Vec<String> = portable(&settings).iter().map(|(_, model)| format!("{}-int8", model.id)).collect();
        assert_eq!(ids(), expected);
        assert_eq!((ids(), library.0.load(Relaxed)), (expected.iter().map(String::as_str).collect(), 4));
    }
}
