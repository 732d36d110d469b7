//! From settings to the parts that a pipeline is made of: the store, and the devices with their models.

use std::sync::{Arc, OnceLock};

use pagestream_actors::{Device, Engine, EngineModel, Error, LazyEngine};
use pagestream_documents::{Digest, ModelRef};
use pagestream_models::{
    Backend, Error as ModelError, ModelSource, Session,
    backend::{
        ModelContent,
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime, Provider},
        portable::PortableBackend,
    },
    ocr::{Quality, Task},
    registry::{ORIENTER, Progress, Registry, Selected, manifest::Role},
};
use pagestream_store::Store;

use crate::settings::{ModelSettings, Settings};

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
    let quality = settings.ocr.quality;
    let built_in = settings.device.providers.iter().flat_map(|provider| {
        let models = built_in_models(runs_on_onnx(&registry, provider, quality));
        models.into_iter().map(|(_, model)| model.model_ref().sha256)
    });
    let digests: Vec<String> = models.iter().map(|(_, m)| m.sha256).chain(built_in).map(|d| d.to_string()).collect();
    let devices = settings.device.providers.iter().map(|provider| {
        let (registry, provider_of_engine, progress) = (registry.clone(), provider.clone(), progress.clone());
        let models = models.clone();
        Device {
            name: provider.to_string(),
            engine: LazyEngine::new(move || engine(&registry, &models, &provider_of_engine, quality, &progress)),
            threads: settings.device_threads(provider),
            batch: settings.batch_limits(provider),
        }
    });
    Ok((devices.collect(), Digest::of(digests.join(",").as_bytes())))
}

/// Names the models of one device and what runs them. A model is fetched when a page first needs it, and with it what
/// comes in the same wheel. The runtime is fetched only for models that are not built in.
///
/// # Errors
/// What is missing and where it goes; a library that cannot be used.
pub fn engine(
    registry: &Registry,
    models: &[(Task, Selected)],
    provider: &Provider,
    quality: Quality,
    progress: &ProgressSink,
) -> Result<Engine, ModelError> {
    let on_onnx = runs_on_onnx(registry, provider, quality);
    let backend = Runtimes {
        registry: registry.clone(),
        provider: provider.clone(),
        progress: progress.clone(),
        on_onnx,
        onnx: OnceLock::new(),
    };
    if on_onnx {
        backend.onnx()?;
    }
    let all: Arc<[Selected]> = models.iter().map(|(_, model)| model.clone()).collect();
    let model = |(number, (task, model)): (usize, &(Task, Selected))| {
        let model_ref = ModelRef { id: model.id.clone(), sha256: model.sha256 };
        let (registry, progress, all) = (registry.clone(), progress.clone(), all.clone());
        let (here, selected) = (registry.clone(), model.clone());
        let find = move || {
            registry.runtime(&mut |event| progress(event))?;
            Ok(registry.locate(&all, &mut |event| progress(event))?.swap_remove(number))
        };
        let at_hand = move || here.has_runtime() && here.has_selected(&selected);
        (*task, EngineModel::found_by(model_ref, find).at_hand_if(at_hand))
    };
    let models = models.iter().enumerate().map(model).chain(built_in_models(on_onnx));
    Ok(Engine::new(Arc::new(backend), models.collect()))
}

/// Whether the built-in models run on ONNX Runtime, which is faster: where it is at hand, or needed in any case.
fn runs_on_onnx(registry: &Registry, provider: &Provider, quality: Quality) -> bool {
    quality == Quality::Accurate || *provider != Provider::Cpu || registry.has_runtime()
}

/// The models that the program carries. On ONNX Runtime a page costs 7.1 CPU ms in the f32 detector and 7.8 in int8, and 31
/// in the f32 recogniser and 15 in int8, with no loss that can be measured; our own runtime knows f32 alone.
#[cfg(feature = "built-in-models")]
fn built_in_models(on_onnx: bool) -> Vec<(Task, EngineModel)> {
    use pagestream_models::built_in;
    let recognizer = if on_onnx { built_in::RECOGNIZER_INT8 } else { built_in::RECOGNIZER };
    let recognizer = EngineModel::new(recognizer.source()).with_alphabet(built_in::alphabet());
    vec![(Task::CompactDetect, EngineModel::new(built_in::DETECTOR.source())), (Task::CompactRecognize, recognizer)]
}

#[cfg(not(feature = "built-in-models"))]
fn built_in_models(_on_onnx: bool) -> Vec<(Task, EngineModel)> {
    Vec::new()
}

/// ONNX Runtime, and for the built-in models our own runtime where ONNX Runtime is not at hand.
struct Runtimes {
    registry: Registry,
    provider: Provider,
    progress: ProgressSink,
    /// Everything runs on ONNX Runtime.
    on_onnx: bool,
    onnx: OnceLock<OnnxBackend>,
}

impl Runtimes {
    /// ONNX Runtime, fetched and loaded if it is not yet. Blocks.
    fn onnx(&self) -> Result<&OnnxBackend, ModelError> {
        if let Some(backend) = self.onnx.get() {
            return Ok(backend);
        }
        let library = self.registry.runtime(&mut |event| (self.progress)(event))?;
        let runtime = OnnxRuntime::load(&library)?;
        tracing::info!(library = %library.display(), version = runtime.version(), provider = %self.provider, "runtime is loaded");
        let options = OnnxOptions { provider: self.provider.clone(), ..OnnxOptions::default() };
        Ok(self.onnx.get_or_init(|| OnnxBackend::new(runtime, options)))
    }
}

impl Backend for Runtimes {
    fn name(&self) -> &str {
        self.onnx.get().map_or_else(|| PortableBackend.name(), |onnx| onnx.name())
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>, ModelError> {
        match model.content {
            ModelContent::BuiltIn(_) if !self.on_onnx => PortableBackend.load(model),
            ModelContent::BuiltIn(_) | ModelContent::File(_) => self.onnx()?.load(model),
        }
    }
}
