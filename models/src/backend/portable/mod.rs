//! A backend of our own for our own two networks and for the sentence model, so that pages are read where there is no ONNX Runtime:
//! nothing is fetched and no library is loaded. It knows the few operations that they are made of, in f32, and refuses any other model.

use pagestream_documents::ByteSize;

use super::{Backend, ModelSource, Session, Tensor, TensorView};
use crate::error::{Error, Result};

mod activation;
mod conv;
pub mod encoder;
mod graph;

use activation::Activation;
use conv::Epilogue;
use encoder::EncoderSession;
use graph::{Graph, Operation};

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
}

impl Backend for PortableBackend {
    fn name(&self) -> &str {
        "portable"
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>> {
        let bytes = model.bytes()?;
        let weights = bytes.len() as u64;
        let fail = |cause: String| Error::Load { model: model.id.clone(), backend: self.name().to_owned(), cause };
        if encoder::is_encoder(&bytes) {
            return Ok(Box::new(EncoderSession::load(&model.id, &bytes).map_err(fail)?));
        }
        let graph =
            Graph::of_onnx(&bytes).map_err(|cause| fail(format!("{cause}, which only ONNX Runtime can run")))?;
        Ok(Box::new(PortableSession {
            model: model.id.clone(),
            graph,
            weights,
            free: Vec::new(),
            output: Tensor::default(),
        }))
    }
}

/// One model on one thread. Its memory is used again from run to run.
struct PortableSession {
    model: String,
    graph: Graph,
    /// Bytes of the model's file, which is its weights and little else.
    weights: u64,
    /// Memory of values that nobody reads any more.
    free: Vec<Vec<f32>>,
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
            let last = self.run_one(item, [channels, height, width]).map_err(&fail)?;
            self.append(&last, items);
            self.free.push(last.data);
        }
        read(self.output.view());
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        let values = |buffers: &[Vec<f32>]| buffers.iter().map(Vec::capacity).sum::<usize>();
        let held = values(&self.free) + self.output.data.capacity();
        ByteSize(self.weights + (held * size_of::<f32>()) as u64)
    }
}

impl PortableSession {
    fn run_one(
        &mut self,
        input: &[f32],
        [channels, height, width]: [usize; 3],
    ) -> std::result::Result<Activation, String> {
        let mut values: Vec<Option<Activation>> = Vec::with_capacity(self.graph.steps.len() + 1);
        let buffer = self.free.pop().unwrap_or_default();
        let mut first = Activation::in_memory(buffer, height, width, channels, self.graph.padding[0]);
        for (channel, plane) in input.chunks_exact(height * width).enumerate() {
            for (y, row) in plane.chunks_exact(width).enumerate() {
                if channels == 1 {
                    first.row_mut(y).copy_from_slice(row);
                    continue;
                }
                for (pixel, &v) in first.row_mut(y).chunks_exact_mut(channels).zip(row) {
                    pixel[channel] = v;
                }
            }
        }
        values.push(Some(first));
        for index in 0..self.graph.steps.len() {
            let buffer = self.free.pop().unwrap_or_default();
            let made = step(&self.graph.steps[index], &values, self.graph.padding[index + 1], buffer)?;
            values.push(Some(made));
            // What nobody reads after this step gives its memory to the next.
            for (value, last_use) in values.iter_mut().zip(&self.graph.last_use).take(index + 1) {
                if *last_use == index
                    && let Some(value) = value.take()
                {
                    self.free.push(value.data);
                }
            }
        }
        let last = values[self.graph.output].take().ok_or("its output was lost")?;
        if self.graph.is_sequence && last.height != 1 {
            return Err(format!("its last map is {} pixels high, not 1", last.height));
        }
        self.free.extend(values.into_iter().flatten().map(|value| value.data));
        Ok(last)
    }

    /// Appends one item's result to the output.
    fn append(&mut self, last: &Activation, items: usize) {
        let Activation { height, width, channels, .. } = *last;
        let Tensor { shape, data } = &mut self.output;
        if self.graph.is_sequence {
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

fn step(
    operation: &Operation,
    values: &[Option<Activation>],
    padding: (usize, usize),
    buffer: Vec<f32>,
) -> std::result::Result<Activation, String> {
    let of = |slot: usize| values[slot].as_ref().ok_or("a value of it was let go too early");
    let same_size = |a: &Activation, b: &Activation| (a.height, a.width, a.channels) == (b.height, b.width, b.channels);
    match operation {
        Operation::Convolve { weights, input, residual, relu } => {
            let (input, residual) = (of(*input)?, residual.map(of).transpose()?);
            let (height, width) = weights
                .output_size(input.height, input.width)
                .filter(|_| input.channels == weights.inputs)
                .ok_or("its input is smaller than its kernels, or has other channels")?;
            let mut output = Activation::in_memory(buffer, height, width, weights.outputs, padding);
            if residual.is_some_and(|residual| !same_size(residual, &output)) {
                return Err("it adds maps of different sizes".to_owned());
            }
            conv::convolve(weights, input, Epilogue { residual, relu: *relu }, &mut output);
            Ok(output)
        }
        Operation::Add { a, b, relu } => {
            let (a, b) = (of(*a)?, of(*b)?);
            if !same_size(a, b) {
                return Err("it adds maps of different sizes".to_owned());
            }
            let mut output = Activation::in_memory(buffer, a.height, a.width, a.channels, padding);
            for y in 0..a.height {
                for ((out, a), b) in output.row_mut(y).iter_mut().zip(a.row(y)).zip(b.row(y)) {
                    let sum = a + b;
                    *out = if *relu && sum < 0.0 { 0.0 } else { sum };
                }
            }
            Ok(output)
        }
        Operation::Double { input } => {
            let input = of(*input)?;
            let mut output = Activation::in_memory(buffer, 2 * input.height, 2 * input.width, input.channels, padding);
            for y in 0..output.height {
                let pixels = input.row(y / 2).chunks_exact(input.channels);
                for (twice, pixel) in output.row_mut(y).chunks_exact_mut(2 * input.channels).zip(pixels) {
                    twice[..input.channels].copy_from_slice(pixel);
                    twice[input.channels..].copy_from_slice(pixel);
                }
            }
            Ok(output)
        }
    }
}

#[cfg(test)]
mod tests;
