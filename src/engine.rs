//! From settings to the parts that a pipeline is made of: the store, and the devices with their models.

use std::{collections::BTreeMap, sync::Arc};

use pagestream_actors::{Device, Engine, Error, LazyEngine};
use pagestream_documents::{Digest, ModelRef};
use pagestream_models::{
    Backend, Error as ModelError,
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
            batch: settings.device.batch.get(),
        }
    });
    Ok((devices.collect(), Digest::of(names.join(",").as_bytes())))
}

/// Fetches what is missing, loads the runtime, and prepares the models of one device.
///
/// # Errors
/// What is missing and where it goes; a device that cannot start.
pub fn engine(registry: &Registry, provider: &Provider, progress: &ProgressSink) -> Result<Engine, ModelError> {
    let report = |event: Progress<'_>| progress(event);
    let installed = registry.ensure(&MODELS.map(|(_, id)| id), &mut { report })?;
    let library = registry.runtime(&mut { report })?;
    let runtime = OnnxRuntime::load(&library)?;
    tracing::info!(library = %library.display(), version = runtime.version(), %provider, "runtime is loaded");
    let options = OnnxOptions { provider: provider.clone(), ..OnnxOptions::default() };
    let backend: Arc<dyn Backend> = Arc::new(OnnxBackend::new(runtime, options));
    let mut models = BTreeMap::new();
    let mut model_refs = Vec::new();
    for (task, id) in MODELS {
        models.insert(task, installed.path(id)?.to_owned());
        let sha256 = installed.sha256(id)?.parse().map_err(|cause| ModelError::Load {
            model: id.to_owned(),
            backend: "manifest".to_owned(),
            cause,
        })?;
        model_refs.push(ModelRef { id: id.to_owned(), sha256 });
    }
    Engine::new(backend, models, model_refs)
}
