//! From settings to the parts that a pipeline is made of: the store, and the devices with their models.

use std::sync::{Arc, OnceLock};

use pagestream_actors::{Device, Engine, EngineModel, Error, LazyEngine, OcrMode};
use pagestream_documents::{Digest, ModelRef};
use pagestream_models::{
    Backend, Error as ModelError, ModelSource, Session,
    backend::{
        ModelContent,
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime, Provider},
        openvino::{OpenVinoBackend, OpenVinoOptions},
        portable::PortableBackend,
    },
    device::DeviceChoice,
    ocr::{Quality, Task},
    registry::{ORIENTER, Progress, Registry, Selected, manifest::Role},
};
use pagestream_store::Store;

#[cfg(feature = "built-in-models")]
use crate::precision;
use crate::{
    devices::{self, Measure},
    settings::{DeviceUse, ModelSettings, Settings},
};

/// Is told what is fetched. Called from worker threads.
pub type ProgressSink = Arc<dyn Fn(Progress<'_>) + Send + Sync>;

/// Which model serves which task. Reads no model and fetches nothing.
///
/// # Errors
/// A model that is not known, is not there, or was made here and not admitted.
pub fn models(settings: &Settings, registry: &Registry) -> Result<Vec<(Task, Selected)>, ModelError> {
    let ModelSettings { detector, recognizer, .. } = &settings.models;
    let names = [
        (Task::Detect, Role::Detect, detector.as_str()),
        (Task::Orient, Role::Orient, ORIENTER),
        (Task::Recognize, Role::Recognize, recognizer),
    ];
    names.into_iter().map(|(task, role, name)| Ok((task, registry.select(role, name)?))).collect()
}

/// The store in the data directory, or one that is gone with the run.
///
/// # Errors
/// When the directory cannot be used.
pub fn store(settings: &Settings) -> Result<Store, Error> {
    let options = settings.store_options();
    let store = match &settings.store.data_dir {
        Some(dir) => Store::open(dir, options),
        None => Store::temporary(options),
    };
    store.map_err(|e| Error::Store { message: e.to_string(), hint: e.hint().map(str::to_owned) })
}

/// The devices that the settings name, and a digest of the models that they read with. Loads nothing yet.
///
/// # Errors
/// A model that the settings name and that cannot be used.
pub fn devices(settings: &Settings, progress: ProgressSink) -> Result<(Vec<Device>, Digest), Error> {
    let start_error = |e: ModelError| Error::Start(e.to_string());
    let registry = Registry::open(settings.registry_options()).map_err(start_error)?;
    let models = models(settings, &registry).map_err(|e| match e.hint() {
        Some(hint) => Error::Start(format!("{e} ({hint})")),
        None => start_error(e),
    })?;
    let chosen = chosen(settings).map_err(start_error)?;
    #[cfg(feature = "built-in-models")]
    let built_in = precision::identity(settings);
    #[cfg(not(feature = "built-in-models"))]
    let built_in = Vec::new();
    let digests: Vec<String> = models.iter().map(|(_, m)| m.sha256).chain(built_in).map(|d| d.to_string()).collect();
    let devices = chosen.into_iter().map(|device| {
        let (settings_of_engine, registry, models) = (settings.clone(), registry.clone(), models.clone());
        let (device_of_engine, progress) = (device.clone(), progress.clone());
        let load = move || engine(&settings_of_engine, &registry, &models, &device_of_engine, &progress);
        Device {
            name: device.to_string(),
            engine: LazyEngine::new(load),
            threads: settings.device_threads(&device),
            batch: settings.batch_limits(&device),
        }
    });
    Ok((devices.collect(), Digest::of(digests.join(",").as_bytes())))
}

/// The devices that the settings name, or the one that `auto` comes to. That may measure, once on a machine.
///
/// # Errors
/// As [`devices::automatic`].
pub fn chosen(settings: &Settings) -> Result<Vec<DeviceChoice>, ModelError> {
    match &settings.device.devices {
        DeviceUse::Named(devices) => Ok(devices.clone()),
        DeviceUse::Auto if settings.ocr.mode == OcrMode::Never => Ok(vec![DeviceChoice::Onnx(Provider::Cpu)]),
        DeviceUse::Auto => {
            let registry = Registry::open(settings.registry_options())?;
            let verdict = devices::automatic(settings, &registry, Measure::IfNeeded)?;
            tracing::info!(device = %verdict.device, why = verdict.why, "device is chosen");
            Ok(vec![verdict.device])
        }
    }
}

/// Names the models of one device and what runs them. A model is fetched when a page first needs it, and with it what
/// comes in the same wheel. The device's library is fetched only for models that are not built in.
///
/// # Errors
/// What is missing and where it goes; a library that cannot be used; a device that cannot start.
pub fn engine(
    settings: &Settings,
    registry: &Registry,
    models: &[(Task, Selected)],
    device: &DeviceChoice,
    progress: &ProgressSink,
) -> Result<Engine, ModelError> {
    let on_library = runs_on_library(registry, device, settings.ocr.quality);
    let backend = Runtimes {
        settings: settings.clone(),
        registry: registry.clone(),
        device: device.clone(),
        progress: progress.clone(),
        on_library,
        library: OnceLock::new(),
    };
    let library = if on_library { Some(backend.library()?) } else { None };
    let built_in = built_in_models(settings, registry, device, library);
    let needs_onnx = matches!(device, DeviceChoice::Onnx(_));
    let all: Arc<[Selected]> = models.iter().map(|(_, model)| model.clone()).collect();
    let model = |(number, (task, model)): (usize, &(Task, Selected))| {
        let model_ref = ModelRef { id: model.id.clone(), sha256: model.sha256 };
        let (registry, progress, all) = (registry.clone(), progress.clone(), all.clone());
        let (here, selected) = (registry.clone(), model.clone());
        let find = move || {
            if needs_onnx {
                registry.runtime(&mut |event| progress(event))?;
            }
            Ok(registry.locate(&all, &mut |event| progress(event))?.swap_remove(number))
        };
        let at_hand = move || (!needs_onnx || here.has_runtime()) && here.has_selected(&selected);
        (*task, EngineModel::found_by(model_ref, find).at_hand_if(at_hand))
    };
    let models = models.iter().enumerate().map(model).chain(built_in);
    Ok(Engine::new(Arc::new(backend), models.collect()).with_memory(settings.models.memory))
}

/// Whether the built-in models run on the device's library, which is faster: where it is at hand, or needed in any case.
fn runs_on_library(registry: &Registry, device: &DeviceChoice, quality: Quality) -> bool {
    quality == Quality::Accurate || *device != DeviceChoice::Onnx(Provider::Cpu) || registry.has_runtime()
}

/// The models that the program carries, as they run on this device: see [`crate::precision`].
#[cfg(feature = "built-in-models")]
fn built_in_models(
    settings: &Settings,
    registry: &Registry,
    device: &DeviceChoice,
    library: Option<&dyn Backend>,
) -> Vec<(Task, EngineModel)> {
    use pagestream_models::built_in;
    let models = match library {
        Some(library) if settings.ocr.quality != Quality::Accurate => {
            precision::best(settings, registry, device, library)
        }
        // PP-OCRv6 alone will read, or our own runtime does.
        _ => precision::portable(settings),
    };
    let model = |(task, model): (Task, built_in::BuiltIn)| {
        let served = EngineModel::new(model.source());
        (task, if task == Task::CompactRecognize { served.with_alphabet(built_in::alphabet()) } else { served })
    };
    models.into_iter().map(model).collect()
}

#[cfg(not(feature = "built-in-models"))]
fn built_in_models(
    _settings: &Settings,
    _registry: &Registry,
    _device: &DeviceChoice,
    _library: Option<&dyn Backend>,
) -> Vec<(Task, EngineModel)> {
    Vec::new()
}

/// The device's library, and for the built-in models our own runtime where ONNX Runtime is not at hand.
struct Runtimes {
    settings: Settings,
    registry: Registry,
    device: DeviceChoice,
    progress: ProgressSink,
    /// Everything runs on the library.
    on_library: bool,
    library: OnceLock<Box<dyn Backend>>,
}

impl Runtimes {
    /// The library, fetched and loaded if it is not yet. Blocks.
    fn library(&self) -> Result<&dyn Backend, ModelError> {
        if let Some(library) = self.library.get() {
            return Ok(&**library);
        }
        let loaded = self.load_library()?;
        Ok(&**self.library.get_or_init(|| loaded))
    }

    fn load_library(&self) -> Result<Box<dyn Backend>, ModelError> {
        let Self { settings, registry, device, progress, .. } = self;
        Ok(match device {
            DeviceChoice::Onnx(provider) => {
                let library = registry.runtime(&mut |event| progress(event))?;
                let runtime = OnnxRuntime::load(&library)?;
                let version = runtime.version();
                tracing::info!(library = %library.display(), version, %provider, "runtime is loaded");
                let optimized_dir = settings.optimized_dir();
                let options = OnnxOptions { provider: provider.clone(), optimized_dir, ..OnnxOptions::default() };
                Box::new(OnnxBackend::new(runtime, options))
            }
            DeviceChoice::OpenVino { device: name } => {
                let library = registry.openvino(&mut |event| progress(event))?;
                let streams = settings.device_threads(device);
                let options = OpenVinoOptions { device: name.clone(), streams };
                let backend = OpenVinoBackend::new(&library, options)?;
                tracing::info!(library = %library.display(), %device, "OpenVINO is loaded");
                Box::new(backend)
            }
        })
    }
}

impl Backend for Runtimes {
    fn name(&self) -> &str {
        self.library.get().map_or_else(|| PortableBackend.name(), |library| library.name())
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>, ModelError> {
        match model.content {
            ModelContent::BuiltIn(_) if !self.on_library => PortableBackend.load(model),
            ModelContent::BuiltIn(_) | ModelContent::File(_) => self.library()?.load(model),
        }
    }
}
