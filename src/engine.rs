//! From a plan to the parts that a pipeline is made of: the store, and the devices with their models.

use std::sync::Arc;

use pagestream_actors::{Device, Engine, Error, LazyEngine, QueryEncoder};
pub use pagestream_models::registry::{FetchPolicy, FetchRequest, Fetching, Progress as FetchProgress};
use pagestream_models::{Error as ModelError, ocr::Task};
use pagestream_store::{CacheOptions, Store};

use crate::{
    machine::Measure,
    plan::{DevicePlan, Plan},
    settings::Settings,
};

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
    store.map_err(pagestream_actors::error::store_error)
}

/// The devices of a plan. Loads nothing yet.
pub fn devices(plan: &Plan, fetching: &Fetching) -> Vec<Device> {
    let device = |plan: &DevicePlan| {
        let (of_engine, fetching) = (plan.clone(), fetching.clone());
        Device {
            name: plan.device.to_string(),
            engine: LazyEngine::new(move || engine(&of_engine, &fetching)),
            threads: plan.threads,
            batch: plan.batch,
        }
    };
    plan.devices.iter().map(device).collect()
}

/// What makes vectors of queries, of a plan that has a model for it ([`Plan::embedder`]), for programs that search and read nothing: it
/// knows of no other model. Loads nothing yet.
pub fn query_encoder(plan: &Plan, fetching: &Fetching) -> Option<QueryEncoder> {
    let (device, model) = (plan.devices.first()?.clone(), plan.embedder()?.sha256);
    let fetching = fetching.clone();
    let engine = LazyEngine::new(move || {
        let libraries = device.libraries(&fetching);
        let models = device.models().into_iter().filter(|planned| planned.task == Task::Embed);
        let models = models.map(|planned| (planned.task, device.engine_model(&planned, &fetching))).collect();
        Ok(Engine::new(Arc::new(libraries), models).with_memory(device.memory))
    });
    Some(QueryEncoder::new(engine, model, CacheOptions::OFF))
}

/// Names the models of one device and what runs them. What every page needs is fetched now, where that is allowed, and what only
/// some do when one first does. The device's library is loaded where the built-in models run on it.
///
/// # Errors
/// What is missing and where it goes; a library that cannot be used; a device that cannot start.
pub fn engine(plan: &DevicePlan, fetching: &Fetching) -> Result<Engine, ModelError> {
    plan.fetch_needed(fetching)?;
    let libraries = plan.libraries(fetching);
    let models = plan.settled(&libraries, Measure::IfNeeded)?;
    for model in &models {
        tracing::debug!(task = model.name, id = model.id, precision = %model.precision, why = model.why, "model is chosen");
    }
    let models = models.iter().map(|model| (model.task, plan.engine_model(model, fetching))).collect();
    Ok(Engine::new(Arc::new(libraries), models).with_memory(plan.memory))
}
