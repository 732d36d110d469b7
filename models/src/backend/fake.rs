//! A backend for tests: its sessions answer with a function of the input, so that scheduling can be tested without models.

use std::sync::Arc;

use pagestream_documents::ByteSize;

use super::{Backend, ModelSource, Session, Tensor, TensorView};
use crate::error::Result;

type Answer = dyn Fn(TensorView<'_>) -> Result<Tensor> + Send + Sync;

/// Answers every inference with `answer`, whatever the model.
#[derive(Clone)]
pub struct FakeBackend {
    answer: Arc<Answer>,
    memory: ByteSize,
}

impl FakeBackend {
    pub fn new(answer: impl Fn(TensorView<'_>) -> Result<Tensor> + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), memory: ByteSize::mib(1) }
    }

    /// Its sessions say that they take so much.
    pub fn with_memory(self, memory: ByteSize) -> Self {
        Self { memory, ..self }
    }
}

impl Backend for FakeBackend {
    fn name(&self) -> &str {
        "fake"
    }

    fn load(&self, _model: &ModelSource) -> Result<Box<dyn Session>> {
        Ok(Box::new(FakeSession { answer: self.answer.clone(), memory: self.memory }))
    }
}

struct FakeSession {
    answer: Arc<Answer>,
    memory: ByteSize,
}

impl Session for FakeSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        read((self.answer)(input)?.view());
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        self.memory
    }
}
