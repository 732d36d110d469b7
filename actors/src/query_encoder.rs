//! The vector of what somebody searches for. Queries do not wait in the devices' queues: they borrow a session, on the thread that
//! asks.

use std::sync::Arc;

use pagestream_documents::Digest;
use pagestream_models::{
    Error,
    ocr::{Inferred, Task, reduce_batch},
};
use pagestream_store::{Cache, CacheOptions, QueryVector};

use crate::{caches::Embedding, engine::LazyEngine};

/// Encodes queries with the model that the engine has for [`Task::Embed`]. Cheap to clone.
#[derive(Clone)]
pub struct QueryEncoder {
    engine: LazyEngine,
    model: Digest,
    known: Arc<Cache<Digest, Embedding>>,
}

impl QueryEncoder {
    /// `model` is the digest of the engine's model. Loads nothing yet.
    pub fn new(engine: LazyEngine, model: Digest, cache: CacheOptions) -> Self {
        Self { engine, model, known: Arc::new(Cache::new(cache)) }
    }

    /// The model whose vectors it makes.
    pub fn model(&self) -> Digest {
        self.model
    }

    /// The vector of a query, of length 1; `None` for one that has nothing in it that a model could read. Blocks while the model is
    /// loaded, the first time, and while it computes: some milliseconds.
    ///
    /// # Errors
    /// When the model is missing and may not be fetched, cannot be loaded, or fails.
    pub fn encode(&self, text: &str) -> Result<Option<QueryVector>, Error> {
        let key = Digest::of(text.as_bytes());
        let vector = match self.known.get(&key) {
            Some(known) => known.0.first().map(|passage| passage.vector.clone()),
            None => {
                let vector = self.compute(text)?;
                self.known.insert(key, Arc::new(Embedding::of_query(vector.clone())));
                vector
            }
        };
        Ok(vector.map(|vector| QueryVector { model: self.model, vector }))
    }

    fn compute(&self, text: &str) -> Result<Option<Vec<f32>>, Error> {
        let engine = self.engine.with_models(&[Task::Embed])?;
        let Some(input) = engine.tokenizer()?.query(text) else { return Ok(None) };
        let mut reduced = Ok(Vec::new());
        engine.with_session(Task::Embed, |session| {
            session.run(input.view(), &mut |output| reduced = reduce_batch(Task::Embed, output))
        })?;
        match reduced?.pop() {
            Some(Inferred::Vector(vector)) => Ok(Some(vector)),
            _ => Err(Error::Inference {
                model: engine.model_refs(&[Task::Embed]).pop().map(|model| model.id).unwrap_or_default(),
                cause: "its answer is no vector".to_owned(),
            }),
        }
    }
}
