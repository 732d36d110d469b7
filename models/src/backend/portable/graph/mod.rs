//! From an ONNX file to the operations that are run.
//!
//! Just what our own networks are made of, and an error for anything else: convolutions, with a rectifier and a sum merged into
//! them where they follow; sums; doubling the size by repeating pixels; the same in bytes; and, at the end, what turns a map one pixel high
//! into a sequence. Field and operator names are those of ONNX.

use std::collections::{HashMap, HashSet};

use super::{
    conv::Weights,
    int8::{self, Join, Steps},
};
use crate::instructions::Instructions;

mod onnx;
mod quantised;
mod window;

use onnx::{Constant, Node, all, attribute_integer, attribute_text, constant, expand, field, node, text};
use quantised::{ByName, Bytes};
use window::{Window, window};

/// A value's place: the input is 0, and each step writes one of its own.
pub type Slot = usize;

#[derive(Debug)]
pub enum Operation {
    /// Of `input`, plus `residual`.
    Convolve {
        weights: Box<Weights>,
        input: Slot,
        residual: Option<Slot>,
        relu: bool,
        /// The input is in bytes, each of whose pixels is read once.
        of_bytes: Option<Steps>,
        /// What comes out becomes bytes.
        to_bytes: Option<Steps>,
    },
    /// Of `a`, and of `b` or of `b` twice as high and wide.
    Add { a: Slot, b: Slot, doubled: bool, relu: bool },
    /// Twice as high and wide, each pixel four times. Of bytes, `zero` is what means nothing.
    Double { input: Slot, zero: u8 },
    /// Numbers to bytes.
    Quantise { input: Slot, steps: Steps },
    /// Bytes to numbers.
    Dequantise { input: Slot, steps: Steps },
    /// Of the bytes of `input` to bytes whose zero is `zero`, or to those of their sum with another value.
    ConvolveBytes { weights: Box<int8::Weights>, input: Slot, zero: u8, other: Option<(Slot, Join)> },
    /// As [`Operation::Add`].
    AddBytes { own: Slot, other: Slot, doubled: bool, join: Join },
    /// Of bytes to numbers, plus `bias`.
    Multiply { weights: Box<int8::Weights>, input: Slot, bias: Vec<f32> },
}

impl Operation {
    /// What it reads: the value that it goes over, which may want padding, first.
    fn inputs(&self) -> [Option<Slot>; 2] {
        match self {
            Self::Convolve { input, residual, .. } => [Some(*input), *residual],
            Self::Add { a, b, .. } => [Some(*a), Some(*b)],
            Self::ConvolveBytes { input, other, .. } => [Some(*input), other.map(|(slot, _)| slot)],
            Self::AddBytes { own, other, .. } => [Some(*own), Some(*other)],
            Self::Double { input, .. }
            | Self::Quantise { input, .. }
            | Self::Dequantise { input, .. }
            | Self::Multiply { input, .. } => [Some(*input), None],
        }
    }

    /// The padding that it wants around the first of them.
    fn padding(&self) -> (usize, usize) {
        match self {
            Self::Convolve { weights, .. } => weights.padding,
            Self::ConvolveBytes { weights, .. } => weights.shape.padding,
            _ => (0, 0),
        }
    }
}

#[derive(Debug)]
pub struct Graph {
    /// Step `n` writes slot `n + 1`.
    pub steps: Vec<Operation>,
    pub output: Slot,
    /// The output is `[N, width, channels]` of a map that is one pixel high, instead of `[N, channels, height, width]`.
    pub is_sequence: bool,
    /// Zeros that a value's readers want around it, by slot.
    pub padding: Vec<(usize, usize)>,
    /// The last step that reads a value, by slot.
    pub last_use: Vec<usize>,
}

impl Graph {
    /// # Errors
    /// What the file has that is not known here, in a few words.
    ///
    /// Weights in int8 are packed for these instructions.
    pub fn of_onnx(model: &[u8], instructions: Instructions) -> Result<Self, String> {
        Self::up_to(model, None, instructions)
    }

    /// What it takes to compute one value of a model.
    ///
    /// # Errors
    /// What that has that is not known here, in a few words.
    pub fn part_of_onnx(model: &[u8], value: &str, instructions: Instructions) -> Result<Self, String> {
        Self::up_to(model, Some(value), instructions)
    }

    fn up_to(model: &[u8], value: Option<&str>, instructions: Instructions) -> Result<Self, String> {
        let graph = field(model, 7).ok_or("it has no graph")?;
        let mut nodes: Vec<Node<'_>> =
            all(graph, 1).map(node).collect::<Option<_>>().ok_or("a node of it cannot be read")?;
        let mut constants: HashMap<&str, Constant> = all(graph, 5).filter_map(constant).collect();
        let input = all(graph, 11).filter_map(|i| text(i, 1)).find(|name| !constants.contains_key(name));
        let output = match value {
            Some(value) => value,
            None => all(graph, 12).find_map(|o| text(o, 1)).ok_or("it has no output")?,
        };
        expand(&mut nodes, &mut constants)?;
        if value.is_some() {
            // Nodes come after what they read.
            let mut wanted = HashSet::from([output]);
            for node in nodes.iter().rev() {
                if wanted.contains(node.output) {
                    wanted.extend(&node.inputs);
                }
            }
            nodes.retain(|node| wanted.contains(node.output));
        }
        Builder::new(&nodes, &constants, input.ok_or("it has no input")?, instructions).build(output)
    }
}

struct Builder<'a> {
    nodes: &'a [Node<'a>],
    constants: &'a HashMap<&'a str, Constant>,
    slots: HashMap<&'a str, Slot>,
    /// How often each value is read.
    readers: HashMap<&'a str, usize>,
    steps: Vec<Operation>,
    /// Values in bytes, and those whose numbers come of them.
    bytes: ByName<'a>,
    dequantised: ByName<'a>,
    instructions: Instructions,
}

impl<'a> Builder<'a> {
    fn new(
        nodes: &'a [Node<'a>],
        constants: &'a HashMap<&'a str, Constant>,
        input: &'a str,
        instructions: Instructions,
    ) -> Self {
        let mut readers = HashMap::new();
        for name in nodes.iter().flat_map(|node| &node.inputs) {
            *readers.entry(*name).or_default() += 1;
        }
        Self {
            nodes,
            constants,
            slots: HashMap::from([(input, 0)]),
            readers,
            steps: Vec::new(),
            bytes: ByName::new(),
            dequantised: ByName::new(),
            instructions,
        }
    }

    fn build(mut self, output: &str) -> Result<Graph, String> {
        let mut merged: HashSet<&str> = HashSet::new();
        let mut is_sequence = false;
        let mut squeezed: Option<&str> = None;
        for (index, node) in self.nodes.iter().enumerate() {
            if merged.contains(node.output) {
                continue;
            }
            match node.op {
                "Constant" => {}
                "Conv" if self.has_integer_weights(node) => self.integer_convolution(index, &mut merged)?,
                "Conv" => self.convolution(index, &mut merged)?,
                "MatMul" if self.has_integer_weights(node) => self.product(index, &mut merged)?,
                "Add" if node.inputs.iter().all(|name| self.bytes_behind(name).is_some()) => {
                    self.sum_of_bytes(index, &mut merged)?;
                }
                "Add" => {
                    let (a, b) = (self.slot(node.inputs[0])?, self.slot(node.inputs[1])?);
                    let (a, b, doubled) = self.doubled(a, b);
                    let mut end = node.output;
                    let relu = self.merge_relu(&mut end, index, &mut merged);
                    self.push(end, Operation::Add { a, b, doubled, relu });
                }
                "Resize" => self.doubling(node)?,
                "QuantizeLinear" => self.quantise(node)?,
                "DequantizeLinear" => self.dequantise(node)?,
                // `x[:, :, 0]` of a map one pixel high, then `[N, channels, width]` to `[N, width, channels]`.
                "Gather" if attribute_integer(node, "axis") == Some(2) => self.rename(node)?,
                "Transpose" if squeezed == Some(node.inputs[0]) => {
                    is_sequence = true;
                    self.rename(node)?;
                }
                other => return Err(format!("it has the operation {other}")),
            }
            // The name of the one row goes on to what is only written otherwise.
            let goes_on =
                squeezed == node.inputs.first().copied() && matches!(node.op, "QuantizeLinear" | "DequantizeLinear");
            if node.op == "Gather" || (squeezed.is_some() && !is_sequence && goes_on) {
                squeezed = Some(node.output);
            }
        }
        if squeezed.is_some() != is_sequence {
            return Err("it ends otherwise than in a map or a sequence".to_owned());
        }
        let output = self.slot(output)?;
        let (padding, mut last_use) = needs(&self.steps);
        // The output is taken at the end, whoever else reads it.
        last_use[output] = self.steps.len();
        Ok(Graph { steps: self.steps, output, is_sequence, padding, last_use })
    }

    fn convolution(&mut self, index: usize, merged: &mut HashSet<&'a str>) -> Result<(), String> {
        let node = &self.nodes[index];
        let mut weights = self.weights(node)?;
        // A network in int8 reads the same on every machine.
        weights.exact = self.nodes.iter().any(|node| node.op == "QuantizeLinear");
        let of_bytes = self.bytes_behind(node.inputs[0]).filter(|_| weights.reads_pixels_once());
        let input = match of_bytes {
            Some(bytes) => bytes.slot,
            None => self.slot(node.inputs[0])?,
        };
        let mut end = node.output;
        let mut residual = None;
        if let Some(add) = self.only_reader(end, index, "Add")
            && let Some(other) = add.inputs.iter().find(|name| **name != end)
            && let Some(&slot) = self.slots.get(other)
        {
            residual = Some(slot);
            end = add.output;
            merged.insert(end);
        }
        let relu = self.merge_relu(&mut end, index, merged);
        let quantise = self.only_reader(end, index, "QuantizeLinear");
        let to_bytes = quantise.map(|node| self.steps_of(node)).transpose()?;
        let of_bytes = of_bytes.map(|bytes| bytes.steps);
        self.push(end, Operation::Convolve { weights: Box::new(weights), input, residual, relu, of_bytes, to_bytes });
        if let (Some(quantise), Some(steps)) = (quantise, to_bytes) {
            merged.insert(quantise.output);
            self.bytes.insert(quantise.output, Bytes { slot: self.steps.len(), steps });
        }
        Ok(())
    }

    fn doubling(&mut self, node: &'a Node<'a>) -> Result<(), String> {
        let is = |name: &str, value: &str| attribute_text(node, name).is_some_and(|text| text == value);
        let scales = node.inputs.get(2).and_then(|name| self.constants_of(name));
        let doubles = scales.is_some_and(|scales| scales == [1.0, 1.0, 2.0, 2.0]);
        let repeats =
            is("mode", "nearest") && is("coordinate_transformation_mode", "asymmetric") && is("nearest_mode", "floor");
        if !doubles || !repeats {
            return Err("it resizes otherwise than by repeating pixels".to_owned());
        }
        if let Some(Bytes { slot, steps }) = self.bytes_behind(node.inputs[0]) {
            self.steps.push(Operation::Double { input: slot, zero: steps.zero });
            self.dequantised.insert(node.output, Bytes { slot: self.steps.len(), steps });
            return Ok(());
        }
        let input = self.slot(node.inputs[0])?;
        self.push(node.output, Operation::Double { input, zero: 0 });
        Ok(())
    }

    /// What a sum is of: where one of the two was made only for it by repeating pixels, that is left to the sum, and it comes second.
    fn doubled(&mut self, a: Slot, b: Slot) -> (Slot, Slot, bool) {
        let last = self.steps.len();
        let (other, is_one) = if a == last { (b, a != b) } else { (a, b == last) };
        let Some(&Operation::Double { input, .. }) = self.steps.last().filter(|_| is_one) else { return (a, b, false) };
        let by_name = [&self.bytes, &self.dequantised].into_iter().flatten().map(|(name, bytes)| (name, bytes.slot));
        let names = self.slots.iter().map(|(name, slot)| (name, *slot)).chain(by_name);
        let is_read_once = |name: &str| self.readers.get(name) == Some(&1);
        if !names.filter(|(_, slot)| *slot == last).all(|(name, _)| is_read_once(name)) {
            return (a, b, false);
        }
        self.steps.pop();
        (other, input, true)
    }

    /// What changes a value's shape and leaves its numbers where they are.
    fn rename(&mut self, node: &'a Node<'a>) -> Result<(), String> {
        if let Some(bytes) = self.bytes_behind(node.inputs[0]) {
            self.dequantised.insert(node.output, bytes);
            return Ok(());
        }
        let slot = self.slot(node.inputs[0])?;
        self.slots.insert(node.output, slot);
        Ok(())
    }

    fn push(&mut self, name: &'a str, operation: Operation) {
        self.steps.push(operation);
        self.slots.insert(name, self.steps.len());
    }

    /// Where the numbers of a value are; those that are kept in bytes are made for it.
    fn slot(&mut self, name: &str) -> Result<Slot, String> {
        if let Some(slot) = self.slots.get(name) {
            return Ok(*slot);
        }
        let bytes = self.dequantised.get_key_value(name).map(|(name, bytes)| (*name, *bytes));
        let (name, Bytes { slot, steps }) = bytes.ok_or_else(|| format!("its value {name} comes from nowhere"))?;
        self.push(name, Operation::Dequantise { input: slot, steps });
        Ok(self.steps.len())
    }

    /// The node that reads `name`, if it is of this kind, comes later, and nobody else reads it.
    fn only_reader(&self, name: &str, after: usize, op: &str) -> Option<&'a Node<'a>> {
        let reader = self.nodes[after + 1..].iter().find(|node| node.inputs.contains(&name))?;
        (reader.op == op && self.readers.get(name) == Some(&1)).then_some(reader)
    }

    fn merge_relu(&self, end: &mut &'a str, after: usize, merged: &mut HashSet<&'a str>) -> bool {
        let relu = self.only_reader(end, after, "Relu");
        if let Some(relu) = relu {
            *end = relu.output;
            merged.insert(relu.output);
        }
        relu.is_some()
    }

    fn constants_of(&self, name: &str) -> Option<Vec<f32>> {
        if let Some(constant) = self.constants.get(name) {
            return Some(constant.values.clone());
        }
        let node = self.nodes.iter().find(|node| node.op == "Constant" && node.output == name)?;
        constant(field(node.attributes.get("value")?, 5)?).map(|(_, constant)| constant.values)
    }

    fn weights(&self, node: &Node<'_>) -> Result<Weights, String> {
        let of = |index: usize| node.inputs.get(index).and_then(|name| self.constants.get(name));
        let kernel = of(1).ok_or("a convolution's weights are no constant")?;
        let &[outputs, inputs, rows, columns] = kernel.shape.as_slice() else {
            return Err("it has a convolution that is not flat".to_owned());
        };
        let shape = [outputs, inputs, rows, columns];
        let zeros = vec![0.0; outputs];
        let bias = of(2).map_or(zeros.as_slice(), |bias| &bias.values);
        let Window { stride, padding, depthwise } = window(node, shape)?;
        match kernel.values.len() == outputs * inputs * rows * columns && bias.len() == outputs && outputs > 0 {
            true => Ok(Weights::new(shape, &kernel.values, bias, stride, padding, depthwise)),
            false => Err("it has a convolution of another kind".to_owned()),
        }
    }
}

/// By slot: what padding its readers want, and the last of them.
fn needs(steps: &[Operation]) -> (Vec<(usize, usize)>, Vec<usize>) {
    let mut padding = vec![(0, 0); steps.len() + 1];
    let mut last_use = vec![0; steps.len() + 1];
    for (index, step) in steps.iter().enumerate() {
        let inputs = step.inputs();
        if let [Some(input), _] = inputs {
            let (wanted, more) = (&mut padding[input], step.padding());
            *wanted = (wanted.0.max(more.0), wanted.1.max(more.1));
        }
        inputs.into_iter().flatten().for_each(|slot| last_use[slot] = index);
    }
    (padding, last_use)
}
