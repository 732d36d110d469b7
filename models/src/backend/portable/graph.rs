//! From an ONNX file to the operations that are run.
//!
//! Just what our own networks are made of, and an error for anything else: convolutions, with a rectifier and a sum merged into
//! them where they follow; sums; doubling the size by repeating pixels; and, at the end, what turns a map one pixel high into
//! a sequence. Field and operator names are those of ONNX.

use std::collections::{HashMap, HashSet};

use super::conv::Weights;
use crate::backend::protobuf::{self, Value};

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
    },
    Add {
        a: Slot,
        b: Slot,
        relu: bool,
    },
    /// Twice as high and wide, each pixel four times.
    Double {
        input: Slot,
    },
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

struct Node<'a> {
    op: &'a str,
    inputs: Vec<&'a str>,
    output: &'a str,
    attributes: HashMap<&'a str, &'a [u8]>,
}

struct Constant {
    shape: Vec<usize>,
    values: Vec<f32>,
    /// Its values are whole numbers of 8 bits.
    is_int8: bool,
}

impl Graph {
    /// # Errors
    /// What the file has that is not known here, in a few words.
    pub fn of_onnx(model: &[u8]) -> Result<Self, String> {
        Self::up_to(model, None)
    }

    /// What it takes to compute one value of a model.
    ///
    /// # Errors
    /// What that has that is not known here, in a few words.
    pub fn part_of_onnx(model: &[u8], value: &str) -> Result<Self, String> {
        Self::up_to(model, Some(value))
    }

    fn up_to(model: &[u8], value: Option<&str>) -> Result<Self, String> {
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
        Builder::new(&nodes, &constants, input.ok_or("it has no input")?).build(output)
    }
}

/// Makes constants of f32 of those that are kept in int8 with a scale for each output channel.
fn expand<'a>(nodes: &mut Vec<Node<'a>>, constants: &mut HashMap<&'a str, Constant>) -> Result<(), String> {
    let is_weight = |node: &Node<'_>, constants: &HashMap<&str, Constant>| {
        node.op == "DequantizeLinear"
            && node.inputs.len() == 2
            && constants.get(node.inputs[0]).is_some_and(|weight| weight.is_int8)
    };
    for node in nodes.iter().filter(|node| is_weight(node, constants)).collect::<Vec<_>>() {
        let scale = constants.get(node.inputs[1]).map(|scale| scale.values.clone()).unwrap_or_default();
        let Some(weight) = constants.get(node.inputs[0]) else { continue };
        let axis = usize::try_from(attribute_integer(node, "axis").unwrap_or(1)).unwrap_or(usize::MAX);
        let channels = weight.shape.get(axis).copied().unwrap_or_default();
        let inner: usize = weight.shape.iter().skip(axis + 1).product();
        if channels == 0 || scale.len() != channels {
            return Err("it has weights in int8 without a scale for each channel".to_owned());
        }
        let values = weight.values.chunks_exact(inner.max(1)).zip(scale.iter().cycle());
        let values = values.flat_map(|(values, scale)| values.iter().map(move |value| value * scale)).collect();
        let expanded = Constant { shape: weight.shape.clone(), values, is_int8: false };
        constants.insert(node.output, expanded);
    }
    nodes.retain(|node| node.op != "DequantizeLinear" || !constants.contains_key(node.output));
    Ok(())
}

struct Builder<'a> {
    nodes: &'a [Node<'a>],
    constants: &'a HashMap<&'a str, Constant>,
    slots: HashMap<&'a str, Slot>,
    /// How often each value is read.
    readers: HashMap<&'a str, usize>,
    steps: Vec<Operation>,
}

impl<'a> Builder<'a> {
    fn new(nodes: &'a [Node<'a>], constants: &'a HashMap<&'a str, Constant>, input: &'a str) -> Self {
        let mut readers = HashMap::new();
        for name in nodes.iter().flat_map(|node| &node.inputs) {
            *readers.entry(*name).or_default() += 1;
        }
        Self { nodes, constants, slots: HashMap::from([(input, 0)]), readers, steps: Vec::new() }
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
                "Conv" => {
                    let weights = self.weights(node)?;
                    let input = self.slot(node.inputs[0])?;
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
                    let relu = self.merge_relu(&mut end, index, &mut merged);
                    self.push(end, Operation::Convolve { weights: Box::new(weights), input, residual, relu });
                }
                "Add" => {
                    let (a, b) = (self.slot(node.inputs[0])?, self.slot(node.inputs[1])?);
                    let mut end = node.output;
                    let relu = self.merge_relu(&mut end, index, &mut merged);
                    self.push(end, Operation::Add { a, b, relu });
                }
                "Resize" => {
                    let is = |name: &str, value: &str| attribute_text(node, name).is_some_and(|text| text == value);
                    let scales = node.inputs.get(2).and_then(|name| self.constants_of(name));
                    let doubles = scales.is_some_and(|scales| scales == [1.0, 1.0, 2.0, 2.0]);
                    let repeats = is("mode", "nearest")
                        && is("coordinate_transformation_mode", "asymmetric")
                        && is("nearest_mode", "floor");
                    if !doubles || !repeats {
                        return Err("it resizes otherwise than by repeating pixels".to_owned());
                    }
                    let input = self.slot(node.inputs[0])?;
                    self.push(node.output, Operation::Double { input });
                }
                // `x[:, :, 0]` of a map one pixel high, then `[N, channels, width]` to `[N, width, channels]`.
                "Gather" if attribute_integer(node, "axis") == Some(2) => {
                    squeezed = Some(node.output);
                    let slot = self.slot(node.inputs[0])?;
                    self.slots.insert(node.output, slot);
                }
                "Transpose" if squeezed == Some(node.inputs[0]) && node.output == output => {
                    is_sequence = true;
                    let slot = self.slot(node.inputs[0])?;
                    self.slots.insert(node.output, slot);
                }
                other => return Err(format!("it has the operation {other}")),
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

    fn push(&mut self, name: &'a str, operation: Operation) {
        self.steps.push(operation);
        self.slots.insert(name, self.steps.len());
    }

    fn slot(&self, name: &str) -> Result<Slot, String> {
        self.slots.get(name).copied().ok_or_else(|| format!("its value {name} comes from nowhere"))
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
        let zeros = vec![0.0; outputs];
        let bias = of(2).map_or(zeros.as_slice(), |bias| &bias.values);
        let integers = |name: &str, default: [i64; 4], count: usize| {
            let found = node.attributes.get(name).map(|a| protobuf::integers(a, 8)).unwrap_or_default();
            let found = if found.is_empty() { default[..count].to_vec() } else { found };
            found.iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).collect::<Vec<_>>()
        };
        let strides = integers("strides", [1; 4], 2);
        let pads = integers("pads", [0; 4], 4);
        let dilations = integers("dilations", [1; 4], 2);
        let group = attribute_integer(node, "group").unwrap_or(1);
        let depthwise = group > 1 && inputs == 1 && i64::try_from(outputs) == Ok(group);
        let fits = kernel.values.len() == outputs * inputs * rows * columns && bias.len() == outputs && outputs > 0;
        match (strides.as_slice(), pads.as_slice()) {
            (&[down, across], &[top, left, bottom, right])
                if fits && top == bottom && left == right && dilations == [1, 1] && (group == 1 || depthwise)
                    // A stride of nothing, or padding beyond the kernel, is no convolution that anybody trains.
                    && down > 0 && across > 0 && top < rows.max(1) && left < columns.max(1) =>
            {
                let shape = [outputs, inputs, rows, columns];
                Ok(Weights::new(shape, &kernel.values, bias, (down, across), (top, left), depthwise))
            }
            _ => Err("it has a convolution of another kind".to_owned()),
        }
    }
}

/// By slot: what padding its readers want, and the last of them.
fn needs(steps: &[Operation]) -> (Vec<(usize, usize)>, Vec<usize>) {
    let mut padding = vec![(0, 0); steps.len() + 1];
    let mut last_use = vec![0; steps.len() + 1];
    for (index, step) in steps.iter().enumerate() {
        let inputs = match step {
            Operation::Convolve { weights, input, residual, .. } => {
                let wanted = &mut padding[*input];
                *wanted = (wanted.0.max(weights.padding.0), wanted.1.max(weights.padding.1));
                [Some(*input), *residual]
            }
            Operation::Add { a, b, .. } => [Some(*a), Some(*b)],
            Operation::Double { input } => [Some(*input), None],
        };
        inputs.into_iter().flatten().for_each(|slot| last_use[slot] = index);
    }
    (padding, last_use)
}

fn node(message: &[u8]) -> Option<Node<'_>> {
    let attributes = all(message, 5).filter_map(|a| Some((text(a, 1)?, a))).collect();
    let strings = |number| all(message, number).map(std::str::from_utf8).collect::<Result<Vec<_>, _>>().ok();
    let inputs = strings(1)?;
    let op = text(message, 4)?;
    let enough = match op {
        "Constant" => 0,
        "Add" | "Conv" => 2,
        _ => 1,
    };
    (inputs.len() >= enough).then_some(Node { op, inputs, output: text(message, 2)?, attributes })
}

/// A tensor of numbers, with its name.
fn constant(message: &[u8]) -> Option<(&str, Constant)> {
    const FLOAT: u64 = 1;
    const INT8: u64 = 3;
    let shape: Vec<usize> =
        protobuf::integers(message, 1).into_iter().map(usize::try_from).collect::<Result<_, _>>().ok()?;
    let is = |kind: u64| protobuf::values(message).any(|(number, value)| number == 2 && value == Value::Number(kind));
    let bytes = field(message, 9).or_else(|| field(message, 4)).unwrap_or_default();
    let values = if is(FLOAT) {
        bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
    } else if is(INT8) {
        bytes.iter().map(|byte| f32::from(byte.cast_signed())).collect()
    } else {
        Vec::new()
    };
    Some((text(message, 8).unwrap_or_default(), Constant { shape, values, is_int8: is(INT8) }))
}

fn attribute_integer(node: &Node<'_>, name: &str) -> Option<i64> {
    protobuf::integers(node.attributes.get(name)?, 3).first().copied()
}

fn attribute_text<'a>(node: &Node<'a>, name: &str) -> Option<&'a str> {
    text(node.attributes.get(name)?, 4)
}

fn all(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    protobuf::fields(message).filter(move |(number, _)| *number == wanted).map(|(_, bytes)| bytes)
}

fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    all(message, wanted).next()
}

fn text(message: &[u8], wanted: u64) -> Option<&str> {
    std::str::from_utf8(field(message, wanted)?).ok()
}
