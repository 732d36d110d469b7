//! Networks in int8, as ONNX writes them: what is a byte becomes a number before each operation (DequantizeLinear) and a byte again behind it
//! (QuantizeLinear). Here both are merged into the operation between them, which then computes with the bytes.

use std::collections::{HashMap, HashSet};

use super::{
    Builder, Constant, Node, Operation, Slot,
    onnx::attribute_integer,
    window::{Window, window},
};
use crate::backend::portable::int8::{Join, Shape, Steps, Weights};

/// A value in bytes, and how they stand for its numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes {
    pub slot: Slot,
    pub steps: Steps,
}

/// Most steps of a sum in a step of what is summed.
const LARGEST_RATIO: f32 = 4096.0;

/// Where a convolution's bytes end up, and what is added to them on the way.
struct Ending<'a> {
    own: Steps,
    other: Option<(Slot, Join)>,
    /// The value that holds the bytes.
    name: &'a str,
    steps: Steps,
}

impl<'a> Builder<'a> {
    /// Of the second and third input of a QuantizeLinear or DequantizeLinear.
    pub(super) fn steps_of(&self, node: &Node<'_>) -> Result<Steps, String> {
        let of = |index: usize| node.inputs.get(index).and_then(|name| self.constants.get(name));
        let zero = of(2).and_then(|zero| zero.integers.first().copied());
        match (of(1).map(|scale| scale.values.as_slice()), zero.map(u8::try_from)) {
            (Some(&[scale]), Some(Ok(zero))) if scale > 0.0 && scale.is_finite() => Ok(Steps { scale, zero }),
            _ => Err("it has bytes without one scale and one zero".to_owned()),
        }
    }

    /// The bytes of a value whose numbers come of bytes.
    pub(super) fn bytes_behind(&self, name: &str) -> Option<Bytes> {
        self.dequantised.get(name).copied()
    }

    pub(super) fn quantise(&mut self, node: &'a Node<'a>) -> Result<(), String> {
        let steps = self.steps_of(node)?;
        let bytes = match self.bytes_behind(node.inputs[0]) {
            // What moves pixels about leaves their steps as they are.
            Some(bytes) if bytes.steps == steps => bytes,
            Some(_) => return Err("it changes the steps of a value by themselves".to_owned()),
            None => {
                let input = self.slot(node.inputs[0])?;
                self.steps.push(Operation::Quantise { input, steps });
                Bytes { slot: self.steps.len(), steps }
            }
        };
        self.bytes.insert(node.output, bytes);
        Ok(())
    }

    pub(super) fn dequantise(&mut self, node: &'a Node<'a>) -> Result<(), String> {
        if self.constants.contains_key(node.inputs[0]) {
            // Weights and biases: whoever reads them asks for what they are made of.
            return Ok(());
        }
        let bytes =
            *self.bytes.get(node.inputs[0]).ok_or_else(|| format!("its bytes {} come from nowhere", node.inputs[0]))?;
        if self.steps_of(node)? != bytes.steps {
            return Err("it reads bytes in other steps than they have".to_owned());
        }
        self.dequantised.insert(node.output, bytes);
        Ok(())
    }

    /// The constant in integers that a value is made of, and its scale by channel.
    fn integers_behind(&self, name: &str, axis: i64) -> Option<(&'a Constant, &'a [f32])> {
        let node = self.nodes.iter().find(|node| node.op == "DequantizeLinear" && node.output == name)?;
        let of = |index: usize| node.inputs.get(index).and_then(|name| self.constants.get(name));
        let (constant, scale) = (of(0)?, of(1)?);
        let has_zeros = of(2).is_none_or(|zeros| zeros.integers.iter().all(|&zero| zero == 0));
        let axis_is_right = attribute_integer(node, "axis").unwrap_or(1) == axis;
        (has_zeros && axis_is_right && !constant.integers.is_empty()).then_some((constant, &scale.values))
    }

    /// Whether it is a convolution or a product of bytes with weights in int8.
    pub(super) fn has_integer_weights(&self, node: &Node<'_>) -> bool {
        let weights = node.inputs.get(1).copied().unwrap_or_default();
        self.nodes.iter().any(|node| {
            node.op == "DequantizeLinear"
                && node.output == weights
                && self.constants.get(node.inputs[0]).is_some_and(|constant| constant.is_int8)
        })
    }

    pub(super) fn integer_convolution(&mut self, index: usize, merged: &mut HashSet<&'a str>) -> Result<(), String> {
        let node = &self.nodes[index];
        let input = self.bytes_behind(node.inputs[0]).ok_or("it has weights in int8 for numbers that are no bytes")?;
        let (kernel, scale) = self.integers_behind(node.inputs[1], 0).ok_or("its weights in int8 are no constant")?;
        let &[outputs, inputs, rows, columns] = kernel.shape.as_slice() else {
            return Err("it has a convolution that is not flat".to_owned());
        };
        let Window { stride, padding, depthwise } = window(node, [outputs, inputs, rows, columns])?;
        let zeros = (vec![0; outputs], scale);
        let (bias, bias_scale) = match node.inputs.get(2) {
            Some(name) => {
                let (bias, scale) = self.integers_behind(name, 0).ok_or("a bias of it is no constant in integers")?;
                (bias.integers.as_slice(), scale)
            }
            None => (zeros.0.as_slice(), zeros.1),
        };
        let near = |(own, scale): (&f32, &f32)| (own - input.steps.scale * scale).abs() <= 1e-4 * own.abs();
        if node.inputs.len() > 2 && (bias_scale.len() != scale.len() || !bias_scale.iter().zip(scale).all(near)) {
            return Err("a bias of it is in other steps than its sums".to_owned());
        }
        let ending = self.ending(node, index, merged)?;
        let inputs = if depthwise { outputs } else { inputs };
        let shape = Shape { kernel: (rows, columns), stride, padding, inputs, outputs, depthwise };
        let weights =
            Weights::new(shape, &kernel.integers, (bias, scale), input.steps, ending.own.scale, self.instructions)?;
        self.steps.push(Operation::ConvolveBytes {
            weights: Box::new(weights),
            input: input.slot,
            zero: ending.own.zero,
            other: ending.other,
        });
        self.bytes.insert(ending.name, Bytes { slot: self.steps.len(), steps: ending.steps });
        Ok(())
    }

    /// What follows on a convolution: its bytes, and, where nobody else reads them, their sum with what was there before.
    fn ending(&self, node: &'a Node<'a>, index: usize, merged: &mut HashSet<&'a str>) -> Result<Ending<'a>, String> {
        let quantise = self
            .only_reader(node.output, index, "QuantizeLinear")
            .ok_or("a convolution of it in int8 does not end in bytes")?;
        let own = self.steps_of(quantise)?;
        merged.insert(quantise.output);
        let alone = Ending { own, other: None, name: quantise.output, steps: own };
        let sum = || {
            let dequantise = self.only_reader(quantise.output, index, "DequantizeLinear")?;
            let add = self.only_reader(dequantise.output, index, "Add")?;
            let other = self.bytes_behind(add.inputs.iter().find(|name| **name != dequantise.output)?)?;
            Some((dequantise, add, other, self.only_reader(add.output, index, "QuantizeLinear")?))
        };
        let Some((dequantise, add, other, last)) = sum() else { return Ok(alone) };
        let steps = self.steps_of(last)?;
        let join = joined(own, other.steps, steps)?;
        merged.extend([dequantise.output, add.output, last.output]);
        Ok(Ending { own, other: Some((other.slot, join)), name: last.output, steps })
    }

    /// A sum of two values in bytes, which becomes bytes at once.
    pub(super) fn sum_of_bytes(&mut self, index: usize, merged: &mut HashSet<&'a str>) -> Result<(), String> {
        let node = &self.nodes[index];
        let of = |name| self.bytes_behind(name).ok_or("it adds bytes and numbers");
        let (own, other) = (of(node.inputs[0])?, of(node.inputs[1])?);
        let quantise =
            self.only_reader(node.output, index, "QuantizeLinear").ok_or("a sum of bytes does not end in bytes")?;
        let steps = self.steps_of(quantise)?;
        merged.insert(quantise.output);
        let (first, second, doubled) = self.doubled(own.slot, other.slot);
        let (own, other) = if first == own.slot { (own, other) } else { (other, own) };
        let join = joined(own.steps, other.steps, steps)?;
        self.steps.push(Operation::AddBytes { own: first, other: second, doubled, join });
        self.bytes.insert(quantise.output, Bytes { slot: self.steps.len(), steps });
        Ok(())
    }

    /// A product of bytes with a matrix in int8, whose sums become numbers, and the bias that is added to them.
    pub(super) fn product(&mut self, index: usize, merged: &mut HashSet<&'a str>) -> Result<(), String> {
        let node = &self.nodes[index];
        let input = self.bytes_behind(node.inputs[0]).ok_or("it has a product of numbers that are no bytes")?;
        let (matrix, scale) = self.integers_behind(node.inputs[1], 1).ok_or("it has a product with no constant")?;
        let &[inputs, outputs] = matrix.shape.as_slice() else {
            return Err("it has a product with no matrix".to_owned());
        };
        let add = self.only_reader(node.output, index, "Add").ok_or("nothing is added to a product of it")?;
        let bias = add.inputs.iter().find_map(|name| self.constants.get(name)).ok_or("a bias of it is no constant")?;
        if bias.values.len() != outputs || matrix.integers.len() != inputs * outputs {
            return Err("it has a product whose sizes do not fit".to_owned());
        }
        let shape = Shape { kernel: (1, 1), stride: (1, 1), padding: (0, 0), inputs, outputs, depthwise: false };
        // As a convolution has them: by output.
        let by_output: Vec<i32> =
            (0..outputs).flat_map(|o| (0..inputs).map(move |i| matrix.integers[i * outputs + o])).collect();
        let none = vec![0; outputs];
        let weights = Weights::new(shape, &by_output, (&none, scale), input.steps, 1.0, self.instructions)?;
        let mut bias = bias.values.clone();
        bias.resize(weights.scale.len(), 0.0);
        merged.insert(add.output);
        self.push(add.output, Operation::Multiply { weights: Box::new(weights), input: input.slot, bias });
        Ok(())
    }
}

fn joined(own: Steps, other: Steps, sum: Steps) -> Result<Join, String> {
    let is_sound = |steps: Steps| steps.scale / sum.scale < LARGEST_RATIO;
    match is_sound(own) && is_sound(other) {
        true => Ok(Join { own, other, sum }),
        false => Err("it adds values whose steps are too far apart".to_owned()),
    }
}

/// By name: values in bytes, and those whose numbers come of them.
pub(super) type ByName<'a> = HashMap<&'a str, Bytes>;
