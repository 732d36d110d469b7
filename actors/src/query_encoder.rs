//! The vector of what somebody searches for. Queries do not wait in the devices' queues: they borrow a session, on the thread that
//! asks.

use std::{ops::Range, sync::Arc};

use pagestream_documents::Digest;
use pagestream_models::{
    Error, Tensor,
    ocr::{Inferred, Task, reduce_batch},
};
use pagestream_store::{Cache, CacheOptions, QueryVector, vectors::PassageVector};

use crate::{
    caches::Embedding,
    engine::{Engine, LazyEngine},
};

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
        let engine = self.engine.get()?;
        let Some(input) = engine.tokenizer()?.query(text) else { return Ok(None) };
        run(&engine, &input).map(Some)
    }

    /// The vectors of a text's passages, as pages have them. Blocks as [`Self::encode`], for each passage.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn passages(&self, text: &str) -> Result<Vec<PassageVector>, Error> {
        let engine = self.engine.get()?;
        let passages = engine.tokenizer()?.passages(text).into_iter();
        passages.map(|passage| Ok(passage_vector(passage.range, run(&engine, &passage.input)?))).collect()
    }
}

/// A vector with the place in the text that it is of.
pub fn passage_vector(range: Range<usize>, vector: Vec<f32>) -> PassageVector {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    PassageVector { range: place(range.start)..place(range.end), vector }
}

fn run(engine: &Engine, input: &Tensor) -> Result<Vec<f32>, Error> {
    let mut reduced = Ok(Vec::new());
    engine.with_session(Task::Embed, |session| {
        session.run(input.view(), &mut |output| reduced = reduce_batch(Task::Embed, output))
    })?;
    match reduced?.pop() {
        Some(Inferred::Vector(vector)) => Ok(vector),
        _ => Err(Error::Inference {
            model: engine.model_refs(&[Task::Embed]).pop().map(|model| model.id).unwrap_or_default(),
            cause: "its answer is no vector".to_owned(),
        }),
    }
}
