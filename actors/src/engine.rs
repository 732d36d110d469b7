//! What reads pixels: the models and the backend that runs them, loaded when the first page needs them.
//!
//! A run that only reads text layers loads, and fetches, no model at all.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use pagestream_documents::ModelRef;
use pagestream_models::{
    Backend, Error, Session,
    ocr::{Alphabet, Task},
};

/// The models of a pipeline and what runs them.
pub struct Engine {
    backend: Arc<dyn Backend>,
    /// One model file a task.
    models: BTreeMap<Task, PathBuf>,
    /// What a page's record says it was read with.
    pub model_refs: Arc<Vec<ModelRef>>,
    /// The recogniser's characters by class.
    pub alphabet: Alphabet,
    /// The session that told the alphabet, for the first thread that needs one like it.
    first_recognizer: Mutex<Option<Box<dyn Session>>>,
}

impl Engine {
    /// Loads the recogniser, to know its characters; the other models are loaded by the threads that use them.
    ///
    /// # Errors
    /// When there is no recogniser, it cannot be loaded, or it does not name its characters.
    pub fn new(
        backend: Arc<dyn Backend>,
        models: BTreeMap<Task, PathBuf>,
        model_refs: Vec<ModelRef>,
    ) -> Result<Self, Error> {
        let mut engine = Self {
            backend,
            models,
            model_refs: Arc::new(model_refs),
            alphabet: Alphabet::from_metadata(""),
            first_recognizer: Mutex::new(None),
        };
        let recognizer = engine.load(Task::Recognize)?;
        engine.alphabet = Alphabet::of_model(&*recognizer, "recogniser")?;
        engine.first_recognizer = Mutex::new(Some(recognizer));
        Ok(engine)
    }

    /// A session of the task's model, for one thread.
    ///
    /// # Errors
    /// When there is no model for the task, or the backend cannot load it.
    pub fn session(&self, task: Task) -> Result<Box<dyn Session>, Error> {
        if task == Task::Recognize
            && let Some(session) = self.first_recognizer.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            return Ok(session);
        }
        self.load(task)
    }

    fn load(&self, task: Task) -> Result<Box<dyn Session>, Error> {
        let model = self.models.get(&task).ok_or_else(|| Error::Load {
            model: format!("{task:?}"),
            backend: self.backend.name().to_owned(),
            cause: "no model is configured for this task".to_owned(),
        })?;
        self.backend.load(model)
    }
}

type Load = dyn Fn() -> Result<Engine, Error> + Send + Sync;

/// An [`Engine`] that is made at first use, once.
#[derive(Clone)]
pub struct LazyEngine {
    load: Arc<Load>,
    engine: Arc<OnceLock<Arc<Engine>>>,
    /// Held while loading, so that a second page waits for the first instead of loading again.
    loading: Arc<Mutex<()>>,
    failed: Arc<AtomicBool>,
}

impl LazyEngine {
    /// `load` runs on a worker thread, may fetch files, and is tried again by the next page if it fails.
    pub fn new(load: impl Fn() -> Result<Engine, Error> + Send + Sync + 'static) -> Self {
        Self { load: Arc::new(load), engine: Arc::default(), loading: Arc::default(), failed: Arc::default() }
    }

    /// Of a pipeline without devices: every page that needs OCR fails and says so.
    pub fn none() -> Self {
        Self::new(|| {
            Err(Error::Device {
                device: "none".to_owned(),
                cause: "the pipeline was started without devices".to_owned(),
            })
        })
    }

    /// Whether the last attempt to load it failed.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// The engine, loaded if it is not yet. Blocks.
    ///
    /// # Errors
    /// Whatever `load` answers.
    pub fn get(&self) -> Result<Arc<Engine>, Error> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let loaded = (self.load)();
        self.failed.store(loaded.is_err(), Relaxed);
        let engine = Arc::new(loaded?);
        Ok(self.engine.get_or_init(|| engine).clone())
    }
}
