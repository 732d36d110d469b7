//! A backend of our own for our own networks and for the sentence model, so that pages are read where there is no ONNX Runtime:
//! nothing is fetched and no library is loaded. It knows the few operations that they are made of, in f32, and refuses any other model.

use pagestream_documents::ByteSize;

use super::{Backend, ModelSource, Session, Tensor, TensorView, named::NamedSession, protobuf};
use crate::{
    error::{Error, Result},
    instructions::Instructions,
};

mod activation;
mod conv;
pub mod encoder;
mod formula;
mod functions;
mod graph;
mod int8;
mod lanes;
mod norm;
mod run;
mod tensors;

use activation::Activation;
use encoder::EncoderSession;
use graph::Graph;
use run::Runner;

/// Runs models in this process, with nothing but Rust.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortableBackend;

impl PortableBackend {
    /// Whether it is a model of texts, which this runs as any library would.
    ///
    /// # Errors
    /// [`Error::Io`] when its file cannot be opened.
    pub fn runs(model: &ModelSource) -> Result<bool> {
        Ok(encoder::is_encoder(&model.bytes()?))
    }

    /// Loads one of our networks for these instructions alone, which the processor has: what tests and figures compare.
    ///
    /// # Errors
    /// As [`Backend::load`].
    pub fn load_for(&self, model: &ModelSource, instructions: Instructions) -> Result<Box<dyn Session>> {
        let bytes = model.bytes()?;
        let graph = Graph::of_onnx(&bytes, instructions)
            .map_err(|cause| self.cannot_load(model, format!("{cause}, which only ONNX Runtime can run")))?;
        Ok(Box::new(PortableSession {
            model: model.id.clone(),
            runner: Runner::new(graph, instructions),
            weights: bytes.len() as u64,
            output: Tensor::default(),
        }))
    }

    fn cannot_load(&self, model: &ModelSource, cause: String) -> Error {
        Error::Load { model: model.id.clone(), backend: self.name().to_owned(), cause }
    }
}

impl Backend for PortableBackend {
    fn name(&self) -> &str {
        "portable"
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>> {
        let bytes = model.bytes()?;
        if encoder::is_encoder(&bytes) {
            let session = EncoderSession::load(&model.id, &bytes).map_err(|cause| self.cannot_load(model, cause))?;
            return Ok(Box::new(session));
        }
        self.load_for(model, Instructions::chosen())
    }

    fn load_named(&self, model: &ModelSource) -> Result<Box<dyn NamedSession>> {
        let bytes = model.bytes()?;
        let fail = |cause| self.cannot_load(model, cause);
        match protobuf::onnx_metadata(&bytes, encoder::ARCHITECTURE.0).as_deref() {
            Some(formula::ENCODER) => Ok(Box::new(formula::EncoderSession::load(&model.id, &bytes).map_err(fail)?)),
            Some(formula::DECODER) => Ok(Box::new(formula::DecoderSession::load(&model.id, &bytes).map_err(fail)?)),
            _ => Err(fail("it is no formula recogniser of ours, and others only ONNX Runtime can run".to_owned())),
        }
    }
}

/// One model on one thread. Its memory is used again from run to run.
struct PortableSession {
    model: String,
    runner: Runner,
    /// Bytes of the model's file, which is its weights and little else.
    weights: u64,
    output: Tensor,
}

impl Session for PortableSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        let model = self.model.clone();
        let fail = |cause: String| Error::Inference { model: model.clone(), cause };
        let &[items, channels, height, width] = input.shape else {
            return Err(fail(format!("its input has shape {:?}, not [N, channels, height, width]", input.shape)));
        };
        self.output.data.clear();
        let size = channels * height * width;
        for item in input.data.chunks_exact(size.max(1)).take(items) {
            let last = self.runner.run(item, [channels, height, width]).map_err(&fail)?;
            self.append(&last, items);
            self.runner.give_back(last);
        }
        read(self.output.view());
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        let output = self.output.data.capacity() * size_of::<f32>();
        ByteSize(self.weights + (self.runner.held() + output) as u64)
    }
}

impl PortableSession {
    /// Appends one item's result to the output.
    fn append(&mut self, last: &Activation, items: usize) {
        let Activation { height, width, channels, .. } = *last;
        let Tensor { shape, data } = &mut self.output;
        if self.runner.is_sequence() {
            *shape = vec![items, width, channels];
            data.extend_from_slice(last.row(0));
            return;
        }
        *shape = vec![items, channels, height, width];
        data.reserve(channels * height * width);
        for channel in 0..channels {
            for y in 0..height {
                data.extend(last.row(y).chunks_exact(channels).map(|pixel| pixel[channel]));
            }
        }
    }
}

#[cfg(test)]
mod tests;
