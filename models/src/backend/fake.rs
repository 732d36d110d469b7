//! A backend for tests: its sessions answer with a function of the input, so that scheduling can be tested without models.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{Backend, Session, Tensor, TensorView};
use crate::error::Result;

type Answer = dyn Fn(TensorView<'_>) -> Result<Tensor> + Send + Sync;

/// Answers every inference with `answer`, whatever the model.
#[derive(Clone)]
pub struct FakeBackend {
    answer: Arc<Answer>,
    metadata: BTreeMap<String, String>,
}

impl FakeBackend {
    pub fn new(answer: impl Fn(TensorView<'_>) -> Result<Tensor> + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), metadata: BTreeMap::new() }
    }

    /// Says `value` when asked for the model's metadata under `key`.
    pub fn with_metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }
}

impl Backend for FakeBackend {
    fn name(&self) -> &str {
        "fake"
    }

    fn load(&self, _model: &Path) -> Result<Box<dyn Session>> {
        Ok(Box::new(FakeSession { answer: self.answer.clone(), metadata: self.metadata.clone() }))
    }
}

struct FakeSession {
    answer: Arc<Answer>,
    metadata: BTreeMap<String, String>,
}

impl Session for FakeSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        read((self.answer)(input)?.view());
        Ok(())
    }

    fn metadata(&self, key: &str) -> Option<String> {
        self.metadata.get(key).cloned()
    }
}
