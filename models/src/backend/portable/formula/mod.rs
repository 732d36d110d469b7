//! The formula recogniser's encoder and decoder, with the inputs and outputs that `models/training/lab/formula/export.py` says.
//!
//! They run what the file's metadata names, with the weights that the file has, and do not walk the graph (of the encoder only its convolutions).
//! Weights in int8 stay so in memory and are computed in f32: what ONNX Runtime comes to, but for the order of sums.

mod attention;
mod decoder;
mod encoder;
mod product;

pub use decoder::DecoderSession;
pub use encoder::EncoderSession;

use crate::backend::{
    named::{Element, NamedInput, Numbers, Port},
    protobuf,
};

/// Metadata values under `architecture`.
pub const ENCODER: &str = "formula-encoder";
pub const DECODER: &str = "formula-decoder";

/// Numbers that the metadata has of both.
struct Sizes {
    heads: usize,
    layers: usize,
    epsilon: f32,
}

impl Sizes {
    fn of(model: &[u8]) -> Result<Self, String> {
        let text = |key: &str| protobuf::onnx_metadata(model, key).ok_or_else(|| format!("it does not say its {key}"));
        let count = |key: &str| {
            let count = text(key)?.parse().ok().filter(|&count: &usize| (1..=64).contains(&count));
            count.ok_or_else(|| format!("its {key} are no number from 1 to 64"))
        };
        let epsilon = text("epsilon")?.parse().map_err(|_| "its epsilon is no number")?;
        Ok(Self { heads: count("heads")?, layers: count("layers")?, epsilon })
    }
}

fn port(name: String, element: Element, shape: &[Option<usize>]) -> Port {
    Port { name, element, shape: shape.to_vec() }
}

/// An input of f32 by its name, of as many dimensions as `shape` has, and of those sizes that it says.
fn f32_input<'a>(inputs: &'a [NamedInput<'_>], name: &str, shape: &[usize]) -> Result<&'a [f32], String> {
    match find(inputs, name)? {
        NamedInput { shape: given, numbers: Numbers::F32(numbers), .. } if *given == shape => Ok(numbers),
        other => Err(format!(
            "its input `{name}` is {:?} of {:?}, not {shape:?} of f32",
            other.shape,
            other.numbers.element()
        )),
    }
}

fn find<'a, 'b>(inputs: &'a [NamedInput<'b>], name: &str) -> Result<&'a NamedInput<'b>, String> {
    inputs.iter().find(|input| input.name == name).ok_or_else(|| format!("it lacks its input `{name}`"))
}

#[cfg(test)]
mod tests;
