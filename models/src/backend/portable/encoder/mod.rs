//! A BERT encoder, as [`crate::convert`] writes it into an ONNX file: word pieces in, one vector out.
//!
//! It runs what the file's metadata names, with the weights that the file has, and does not walk the graph. In int8 it comes to the
//! same sums as an integer kernel, since these are whole numbers that f32 has exactly; what differs from ONNX Runtime is the last
//! bits of exponentials and the order of a few sums. Padding is not computed at all.

use pagestream_documents::ByteSize;

use super::{
    activation::Activation,
    conv::{self, Epilogue, Weights},
    functions,
};
use crate::{
    backend::{Session, Tensor, TensorView},
    error::{Error, Result},
};

mod attention;
mod weights;

pub use weights::{ARCHITECTURE, EPSILON, HEADS, STEPS, is_encoder};
use weights::{Dense, Layer, Network};

/// One encoder on one thread.
pub struct EncoderSession {
    model: String,
    network: Network,
    output: Tensor,
    /// Bytes of the largest run's activations so far.
    working: usize,
}

impl EncoderSession {
    /// # Errors
    /// What the file lacks, in a few words.
    pub fn load(model: &str, bytes: &[u8]) -> std::result::Result<Self, String> {
        let network = Network::of_onnx(bytes)?;
        Ok(Self { model: model.to_owned(), network, output: Tensor::default(), working: 0 })
    }
}

impl Session for EncoderSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        let fail = |cause: String| Error::Inference { model: self.model.clone(), cause };
        let &[items, length] = input.shape else {
            return Err(fail(format!("its input has shape {:?}, not [N, L]", input.shape)));
        };
        self.output.data.clear();
        for ids in input.data.chunks_exact(length.max(1)).take(items) {
            let vector = self.network.run(ids).map_err(&fail)?;
            self.output.data.extend(vector);
        }
        let width = self.network.width();
        if self.output.data.len() != items * width {
            return Err(fail("its input is shorter than its shape says".to_owned()));
        }
        self.output.shape = vec![items, width];
        self.working = self.working.max(self.network.working_bytes(length));
        read(self.output.view());
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        ByteSize((self.network.bytes() + self.working) as u64)
    }
}

impl Network {
    /// The vector of one text.
    fn run(&self, ids: &[f32]) -> std::result::Result<Vec<f32>, String> {
        let end = ids.iter().position(|&id| id == 0.0).unwrap_or(ids.len());
        if ids[end..].iter().any(|&id| id != 0.0) {
            return Err("its input has padding within a text".to_owned());
        }
        if end == 0 {
            return Ok(vec![0.0; self.width()]);
        }
        let mut hidden = self.embed(&ids[..end])?;
        self.norm.apply(&mut hidden.data, self.epsilon);
        for layer in &self.layers {
            hidden = self.layer(layer, &hidden);
        }
        let mut vector = vec![0.0f32; self.width()];
        for row in hidden.data.chunks_exact(hidden.channels) {
            vector.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-12);
        vector.iter_mut().for_each(|value| *value /= length);
        Ok(vector)
    }

    fn layer(&self, layer: &Layer, hidden: &Activation) -> Activation {
        let all = layer.attention.apply(hidden);
        let context = attention::attend(&all, self.heads);
        let mut attended = layer.output.apply(&context);
        add(&mut attended, hidden);
        layer.output_norm.apply(&mut attended.data, self.epsilon);

        let mut up = layer.up.apply(&attended);
        functions::gelu(&mut up.data);
        let mut down = layer.down.apply(&up);
        add(&mut down, &attended);
        layer.down_norm.apply(&mut down.data, self.epsilon);
        down
    }
}

impl Dense {
    /// `[L, inputs]` to `[L, outputs]`.
    fn apply(&self, input: &Activation) -> Activation {
        let mut output = rows(input.width, self.weights.outputs);
        let epilogue = Epilogue { residual: None, relu: false };
        let Some(scales) = &self.scales else {
            conv::convolve(&self.weights, input, epilogue, &mut output);
            return output;
        };
        // Each row in steps of its largest number, as whole numbers.
        let mut steps = rows(input.width, input.channels);
        let mut largest = Vec::with_capacity(input.width);
        for (to, from) in steps.data.chunks_exact_mut(input.channels).zip(input.data.chunks_exact(input.channels)) {
            let most = from.iter().fold(1e-12f32, |most, value| most.max(value.abs()));
            let per_step = STEPS / most;
            to.iter_mut().zip(from).for_each(|(to, from)| *to = ((from * per_step + 128.5) as i32 - 128) as f32);
            largest.push(most);
        }
        conv::convolve(&self.weights, &steps, epilogue, &mut output);
        for (row, largest) in output.data.chunks_exact_mut(self.weights.outputs).zip(largest) {
            for ((value, scale), bias) in row.iter_mut().zip(scales).zip(&self.bias) {
                *value = *value * largest * scale + bias;
            }
        }
        output
    }
}

fn add(to: &mut Activation, other: &Activation) {
    to.data.iter_mut().zip(&other.data).for_each(|(to, other)| *to += other);
}

/// So many rows of so many numbers, which a convolution takes for pixels side by side.
fn rows(count: usize, width: usize) -> Activation {
    Activation::in_memory(Vec::new(), 1, count, width, (0, 0))
}

/// A product's weights: `[outputs][inputs]`.
fn product(outputs: usize, inputs: usize, weights: &[f32], bias: &[f32]) -> Weights {
    Weights::new([outputs, inputs, 1, 1], weights, bias, (1, 1), (0, 0), false)
}
