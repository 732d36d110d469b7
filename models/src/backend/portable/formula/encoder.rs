//! A picture to keys and values for each layer of the decoder.

use pagestream_documents::ByteSize;

use super::{Sizes, find, port};
use crate::{
    backend::{
        TensorView,
        named::{Element, NamedInput, NamedSession, Numbers, Port, check},
        portable::{
            activation::Activation,
            conv::{self, Epilogue, Weights},
            graph::Graph,
            norm::Norm,
            run::Runner,
            tensors::Tensors,
        },
    },
    error::{Error, Result},
    instructions::Instructions,
};

/// The value that the convolutions end in: `[n, width, height / 8, width / 8]`.
const MAP: &str = "map";

pub struct EncoderSession {
    model: String,
    convolutions: Runner,
    norm: Norm,
    epsilon: f32,
    heads: usize,
    /// `[rows][width]` and `[columns][width]`: added to the places of a row, and of a column.
    rows: Vec<f32>,
    columns: Vec<f32>,
    /// By layer: the product that keys and values come of.
    cross: Vec<Weights>,
    bytes: usize,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// By output, `[n]...`
    made: Vec<Vec<f32>>,
}

impl EncoderSession {
    /// # Errors
    /// What the file lacks, in a few words.
    pub fn load(model: &str, bytes: &[u8]) -> std::result::Result<Self, String> {
        let Sizes { heads, layers, epsilon } = Sizes::of(bytes)?;
        let tensors = Tensors::of_onnx(bytes)?;
        let norm = Norm::of(&tensors, "norm")?;
        let width = norm.weight.len();
        let (rows, columns) = (tensors.f32("rows")?.1, tensors.f32("columns")?.1);
        let cross = (0..layers)
            .map(|layer| both(&tensors, &format!("cross.{layer}"), width))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        if !width.is_multiple_of(heads) || !rows.len().is_multiple_of(width) || !columns.len().is_multiple_of(width) {
            return Err("its sizes do not fit together".to_owned());
        }
        let depth = Some(width / heads);
        let inputs = vec![port("image".to_owned(), Element::F32, &[None, Some(1), None, None])];
        let outputs = (0..layers)
            .flat_map(|layer| {
                [
                    port(format!("keys.{layer}"), Element::F32, &[None, Some(heads), depth, None]),
                    port(format!("values.{layer}"), Element::F32, &[None, Some(heads), None, depth]),
                ]
            })
            .collect();
        let instructions = Instructions::chosen();
        let convolutions = Runner::new(Graph::part_of_onnx(bytes, MAP, instructions)?, instructions);
        let made = vec![Vec::new(); 2 * layers];
        let model = model.to_owned();
        // Its weights are made f32 when they are loaded.
        let size = bytes.len() * if tensors.i8("cross.0.weight").is_ok() { 4 } else { 1 };
        Ok(Self { model, convolutions, norm, epsilon, heads, rows, columns, cross, bytes: size, inputs, outputs, made })
    }

    fn encode(&mut self, image: &[f32], n: usize, height: usize, width: usize) -> std::result::Result<usize, String> {
        self.made.iter_mut().for_each(Vec::clear);
        let mut places = 0;
        for picture in image.chunks_exact((height * width).max(1)).take(n) {
            let map = self.convolutions.run(picture, [1, height, width])?;
            places = map.height * map.width;
            let memory = self.memory(&map)?;
            self.keys_and_values(&memory);
            self.convolutions.give_back(map);
            self.convolutions.give_back(memory);
        }
        Ok(places)
    }

    /// A row a place: normal, with what says where it is.
    fn memory(&mut self, map: &Activation) -> std::result::Result<Activation, String> {
        let width = self.norm.weight.len();
        if map.channels != width {
            return Err(format!("its map has {} channels, and its norm {width}", map.channels));
        }
        if map.height * width > self.rows.len() || map.width * width > self.columns.len() {
            return Err(format!("a picture of {} x {} places is larger than it knows", map.height, map.width));
        }
        let buffer = self.convolutions.buffer();
        let mut memory = Activation::in_memory(buffer, 1, map.height * map.width, width, (0, 0));
        for (y, to) in memory.data.chunks_exact_mut(map.width * width).enumerate() {
            to.copy_from_slice(map.row(y));
            self.norm.apply(to, self.epsilon);
            let row = &self.rows[y * width..(y + 1) * width];
            for (to, column) in to.chunks_exact_mut(width).zip(self.columns.chunks_exact(width)) {
                to.iter_mut().zip(row).zip(column).for_each(|((to, row), column)| *to = *to + row + column);
            }
        }
        Ok(memory)
    }

    fn keys_and_values(&mut self, memory: &Activation) {
        let (places, width) = (memory.width, memory.channels);
        let depth = width / self.heads;
        for (layer, made) in self.cross.iter().zip(self.made.chunks_exact_mut(2)) {
            let mut both = Activation::in_memory(self.convolutions.buffer(), 1, places, 2 * width, (0, 0));
            conv::convolve(layer, memory, Epilogue { residual: None, relu: false }, &mut both);
            let [keys, values] = made else { continue };
            let (at, size) = (keys.len(), width * places);
            keys.resize(at + size, 0.0);
            values.resize(at + size, 0.0);
            let (keys, values) = (&mut keys[at..], &mut values[at..]);
            for (place, row) in both.data.chunks_exact(2 * width).enumerate() {
                for (channel, &key) in row[..width].iter().enumerate() {
                    keys[channel * places + place] = key;
                }
                for (head, value) in row[width..].chunks_exact(depth).enumerate() {
                    values[(head * places + place) * depth..][..depth].copy_from_slice(value);
                }
            }
            self.convolutions.give_back(both);
        }
    }
}

/// A product as a convolution of single pixels, which is the quicker for many rows.
fn both(tensors: &Tensors<'_>, name: &str, width: usize) -> std::result::Result<Weights, String> {
    let bias = tensors.f32(&format!("{name}.bias"))?.1;
    let weight = format!("{name}.weight");
    let outputs = bias.len();
    let (shape, values) = match tensors.i8(&weight) {
        Ok((shape, values)) => {
            let scale = tensors.f32(&format!("{weight}.scale"))?.1;
            if scale.len() != outputs {
                return Err(format!("its `{weight}` has not a scale an output"));
            }
            let scaled = values.iter().zip(scale.iter().cycle()).map(|(&value, scale)| f32::from(value) * scale);
            (shape, scaled.collect())
        }
        Err(_) => tensors.f32(&weight)?,
    };
    if shape != [width, outputs] || outputs != 2 * width {
        return Err(format!("its `{weight}` has sizes that do not fit together"));
    }
    let values: Vec<f32> = (0..outputs).flat_map(|o| values.iter().skip(o).step_by(outputs).copied()).collect();
    Ok(Weights::new([outputs, width, 1, 1], &values, &bias, (1, 1), (0, 0), false))
}

impl NamedSession for EncoderSession {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(
        &mut self,
        inputs: &[NamedInput<'_>],
        wanted: &[&str],
        read: &mut dyn FnMut(&[TensorView<'_>]),
    ) -> Result<()> {
        let model = self.model.clone();
        let fail = |cause: String| Error::Inference { model: model.clone(), cause };
        check(&self.model, inputs)?;
        let image = find(inputs, "image").map_err(fail)?;
        let (&[n, 1, height, width], Numbers::F32(numbers)) = (image.shape, image.numbers) else {
            return Err(fail(format!("its input has shape {:?}, not [n, 1, height, width] of f32", image.shape)));
        };
        let places = self.encode(numbers, n, height, width).map_err(fail)?;
        let (heads, depth) = (self.heads, self.norm.weight.len() / self.heads);
        let (keys, values) = ([n, heads, depth, places], [n, heads, places, depth]);
        let mut lent = Vec::with_capacity(wanted.len());
        for name in wanted {
            let at = self.outputs.iter().position(|port| port.name == *name);
            let at = at.ok_or_else(|| fail(format!("it has no output `{name}`")))?;
            lent.push(TensorView { shape: if at % 2 == 0 { &keys } else { &values }, data: &self.made[at] });
        }
        read(&lent);
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        let made: usize = self.made.iter().map(|made| made.capacity() * size_of::<f32>()).sum();
        ByteSize((self.bytes + made + self.convolutions.held()) as u64)
    }
}
