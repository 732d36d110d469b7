//! An encoder's weights out of its ONNX file, by the names that [`crate::convert`] gives them.

use super::{Activation, Weights, product, rows};
use crate::backend::{
    portable::{norm::Norm, tensors::Tensors},
    protobuf,
};

/// Metadata key and value that say that a file is one of these.
pub const ARCHITECTURE: (&str, &str) = ("architecture", "bert-encoder");
/// Metadata keys of what the graph says only by its shape.
pub const HEADS: &str = "heads";
pub const EPSILON: &str = "epsilon";
/// Largest activation in int8.
pub const STEPS: f32 = 127.0;

/// Whether a file says that it is an encoder.
pub fn is_encoder(model: &[u8]) -> bool {
    protobuf::onnx_metadata(model, ARCHITECTURE.0).as_deref() == Some(ARCHITECTURE.1)
}

pub struct Network {
    pub heads: usize,
    pub epsilon: f32,
    words: Table,
    /// `[MAX_PIECES][width]`
    places: Vec<f32>,
    pub norm: Norm,
    pub layers: Vec<Layer>,
}

/// A row a word, `[words][width]`.
enum Table {
    F32(Vec<f32>),
    /// With a scale a row.
    Int8(Vec<i8>, Vec<f32>),
}

pub struct Layer {
    /// Questions, keys and values at once.
    pub attention: Dense,
    pub output: Dense,
    pub output_norm: Norm,
    pub up: Dense,
    pub down: Dense,
    pub down_norm: Norm,
}

pub struct Dense {
    /// Whole numbers where there are scales.
    pub weights: Weights,
    /// In int8: by output, what its sums are multiplied with.
    pub scales: Option<Vec<f32>>,
    /// In int8: added to the scaled sums.
    pub bias: Vec<f32>,
}

impl Network {
    /// # Errors
    /// What the file lacks.
    pub fn of_onnx(model: &[u8]) -> Result<Self, String> {
        let number =
            |key: &str| protobuf::onnx_metadata(model, key).ok_or_else(|| format!("it does not say its {key}"));
        let heads: usize = number(HEADS)?.parse().map_err(|_| "its number of heads is none")?;
        let epsilon: f32 = number(EPSILON)?.parse().map_err(|_| "its epsilon is no number")?;
        let tensors = Tensors::of_onnx(model)?;
        let norm = Norm::of(&tensors, "embedding.norm")?;
        let width = norm.weight.len();
        let words = match tensors.i8("word.table") {
            Ok((_, table)) => Table::Int8(table, tensors.f32("word.scale")?.1),
            Err(_) => Table::F32(tensors.f32("word.table")?.1),
        };
        let layers = (0..).take_while(|layer| tensors.has(&format!("layer.{layer}.up.weight")));
        let layers = layers.map(|read| layer(&tensors, read, width)).collect::<Result<Vec<_>, _>>()?;
        let network = Self { heads, epsilon, words, places: tensors.f32("position")?.1, norm, layers };
        let count = network.words.numbers() / width.max(1);
        let scaled = match &network.words {
            Table::F32(_) => true,
            Table::Int8(_, scales) => scales.len() == count,
        };
        let fits = width > 0
            && heads > 0
            && width.is_multiple_of(heads)
            && scaled
            && network.words.numbers().is_multiple_of(width);
        if !fits || !network.places.len().is_multiple_of(width) || network.layers.is_empty() {
            return Err("its sizes do not fit together".to_owned());
        }
        Ok(network)
    }

    pub fn width(&self) -> usize {
        self.norm.weight.len()
    }

    /// Bytes of all weights.
    pub fn bytes(&self) -> usize {
        let dense = |dense: &Dense| (dense.weights.inputs + 3) * dense.weights.outputs;
        let layer =
            |layer: &Layer| [&layer.attention, &layer.output, &layer.up, &layer.down].map(dense).iter().sum::<usize>();
        let table = match &self.words {
            Table::F32(table) => size_of_val(&table[..]),
            Table::Int8(table, scales) => table.len() + size_of_val(&scales[..]),
        };
        table + (self.places.len() + self.layers.iter().map(layer).sum::<usize>()) * size_of::<f32>()
    }

    /// Bytes that a text of so many pieces takes while it is computed, about.
    pub fn working_bytes(&self, length: usize) -> usize {
        let widest = self.layers.iter().map(|layer| layer.up.weights.outputs).max().unwrap_or(0);
        length * (2 * widest + 4 * self.width() + length) * size_of::<f32>()
    }

    /// Of words and places: `[L, width]`.
    pub fn embed(&self, ids: &[f32]) -> Result<Activation, String> {
        let width = self.width();
        let mut hidden = rows(ids.len(), width);
        if ids.len() * width > self.places.len() {
            return Err(format!("its input has {} pieces, more than it has places for", ids.len()));
        }
        let count = self.words.numbers() / width;
        for (piece, (&id, row)) in ids.iter().zip(hidden.data.chunks_exact_mut(width)).enumerate() {
            // A fraction is cut off, as ONNX's Cast does.
            let id = id as usize;
            if id >= count {
                return Err(format!("its input has the piece {id}, and it knows {count}"));
            }
            let place = &self.places[piece * width..][..width];
            match &self.words {
                Table::F32(table) => {
                    let word = &table[id * width..][..width];
                    row.iter_mut().zip(word).zip(place).for_each(|((to, word), place)| *to = word + place);
                }
                Table::Int8(table, scales) => {
                    let word = &table[id * width..][..width];
                    let scaled = word.iter().map(|&number| f32::from(number) * scales[id]);
                    row.iter_mut().zip(scaled).zip(place).for_each(|((to, word), place)| *to = word + place);
                }
            }
        }
        Ok(hidden)
    }
}

impl Table {
    fn numbers(&self) -> usize {
        match self {
            Self::F32(table) => table.len(),
            Self::Int8(table, _) => table.len(),
        }
    }
}

fn layer(tensors: &Tensors<'_>, layer: usize, width: usize) -> Result<Layer, String> {
    let name = |part: &str| format!("layer.{layer}.{part}");
    let read = Layer {
        attention: dense(tensors, &name("attention"))?,
        output: dense(tensors, &name("output"))?,
        output_norm: Norm::of(tensors, &name("output.norm"))?,
        up: dense(tensors, &name("up"))?,
        down: dense(tensors, &name("down"))?,
        down_norm: Norm::of(tensors, &name("down.norm"))?,
    };
    let sizes = |dense: &Dense| (dense.weights.inputs, dense.weights.outputs);
    let inner = read.up.weights.outputs;
    let fits = [sizes(&read.attention), sizes(&read.output), sizes(&read.up), sizes(&read.down)]
        == [(width, 3 * width), (width, width), (width, inner), (inner, width)];
    let norms = [&read.output_norm, &read.down_norm].iter().all(|norm| norm.weight.len() == width);
    (fits && norms).then_some(read).ok_or_else(|| format!("its layer {layer} has sizes that do not fit together"))
}

fn dense(tensors: &Tensors<'_>, name: &str) -> Result<Dense, String> {
    let weight = format!("{name}.weight");
    let bias = tensors.f32(&format!("{name}.bias"))?.1;
    let (shape, values, scales) = match tensors.i8(&weight) {
        Ok((shape, values)) => {
            let scales = tensors.f32(&format!("{name}.scale"))?.1;
            (shape, values.into_iter().map(f32::from).collect(), Some(scales))
        }
        Err(_) => {
            let (shape, values) = tensors.f32(&weight)?;
            (shape, values, None)
        }
    };
    let &[inputs, outputs] = shape.as_slice() else { return Err(format!("its `{weight}` is no matrix")) };
    let scaled = scales.as_ref().is_none_or(|scales| scales.len() == outputs);
    if bias.len() != outputs || !scaled || inputs == 0 || outputs == 0 {
        return Err(format!("its `{name}` has sizes that do not fit together"));
    }
    let values: Vec<f32> = (0..outputs).flat_map(|o| values.iter().skip(o).step_by(outputs).copied()).collect();
    let none = vec![0.0; outputs];
    let added = if scales.is_some() { &none } else { &bias };
    Ok(Dense { weights: product(outputs, inputs, &values, added), scales, bias })
}
