//! One network of convolutions on one thread. Its memory is used again from run to run.

use super::{
    activation::{Activation, Number},
    conv::{self, Epilogue},
    graph::{Graph, Operation, Slot},
    int8,
};
use crate::instructions::Instructions;

/// What a step has made.
enum Value {
    Numbers(Activation),
    Bytes(Activation<u8>),
}

/// Memory of values that nobody reads any more.
#[derive(Default)]
struct Free {
    numbers: Vec<Vec<f32>>,
    bytes: Vec<Vec<u8>>,
}

impl Free {
    fn take_back(&mut self, value: Value) {
        match value {
            Value::Numbers(value) => self.numbers.push(value.data),
            Value::Bytes(value) => self.bytes.push(value.data),
        }
    }

    /// For a value of this height, width and channels.
    fn numbers(&mut self, [height, width, channels]: [usize; 3], padding: (usize, usize)) -> Activation {
        Activation::in_memory(self.numbers.pop().unwrap_or_default(), height, width, channels, padding)
    }

    /// The same in bytes, of which `zero` means nothing.
    fn bytes(&mut self, zero: u8, size: [usize; 3], padding: (usize, usize)) -> Activation<u8> {
        Activation::surrounded_by(zero, self.bytes.pop().unwrap_or_default(), size, padding)
    }
}

pub struct Runner {
    graph: Graph,
    instructions: Instructions,
    free: Free,
}

impl Runner {
    /// With these instructions, which the processor has.
    pub fn new(graph: Graph, instructions: Instructions) -> Self {
        Self { graph, instructions, free: Free::default() }
    }

    pub fn is_sequence(&self) -> bool {
        self.graph.is_sequence
    }

    /// Bytes held between runs, weights left out.
    pub fn held(&self) -> usize {
        let numbers = self.free.numbers.iter().map(Vec::capacity).sum::<usize>();
        numbers * size_of::<f32>() + self.free.bytes.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Memory for a value that comes after the network.
    pub fn buffer(&mut self) -> Vec<f32> {
        self.free.numbers.pop().unwrap_or_default()
    }

    /// Takes the memory of a value that nobody reads any more.
    pub fn give_back(&mut self, value: Activation) {
        self.free.numbers.push(value.data);
    }

    /// One input, `[channels][height][width]`, to the network's last map.
    ///
    /// # Errors
    /// What of the input does not fit, in a few words.
    pub fn run(&mut self, input: &[f32], [channels, height, width]: [usize; 3]) -> Result<Activation, String> {
        let mut values: Vec<Option<Value>> = Vec::with_capacity(self.graph.steps.len() + 1);
        let mut first = self.free.numbers([height, width, channels], self.graph.padding[0]);
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
        values.push(Some(Value::Numbers(first)));
        for index in 0..self.graph.steps.len() {
            let (step, padding) = (&self.graph.steps[index], self.graph.padding[index + 1]);
            let made = Step { instructions: self.instructions, values: &values, padding }.run(step, &mut self.free)?;
            values.push(Some(made));
            // What nobody reads after this step gives its memory to the next.
            for (value, last_use) in values.iter_mut().zip(&self.graph.last_use).take(index + 1) {
                if *last_use == index
                    && let Some(value) = value.take()
                {
                    self.free.take_back(value);
                }
            }
        }
        let Some(Value::Numbers(last)) = values[self.graph.output].take() else {
            return Err("its output is no map of numbers".to_owned());
        };
        if self.graph.is_sequence && last.height != 1 {
            return Err(format!("its last map is {} pixels high, not 1", last.height));
        }
        values.into_iter().flatten().for_each(|value| self.free.take_back(value));
        Ok(last)
    }
}

/// One step, and what it may read.
struct Step<'a> {
    instructions: Instructions,
    values: &'a [Option<Value>],
    /// What its readers want around what it makes.
    padding: (usize, usize),
}

const TOO_SMALL: &str = "its input is smaller than its kernels, or has other channels";
const DIFFERENT: &str = "it adds maps of different sizes";

impl<'a> Step<'a> {
    fn numbers(&self, slot: Slot) -> Result<&'a Activation, String> {
        match &self.values[slot] {
            Some(Value::Numbers(value)) => Ok(value),
            _ => Err("a value of it was let go too early, or is in bytes".to_owned()),
        }
    }

    fn bytes(&self, slot: Slot) -> Result<&'a Activation<u8>, String> {
        match &self.values[slot] {
            Some(Value::Bytes(value)) => Ok(value),
            _ => Err("a value of it was let go too early, or is in numbers".to_owned()),
        }
    }

    fn run(&self, operation: &Operation, free: &mut Free) -> Result<Value, String> {
        let (instructions, padding) = (self.instructions, self.padding);
        Ok(match operation {
            Operation::Convolve { weights, input, residual, relu } => {
                let (input, residual) = (self.numbers(*input)?, residual.map(|slot| self.numbers(slot)).transpose()?);
                let size = weights.output_size(input.height, input.width);
                let (height, width) = size.filter(|_| input.channels == weights.inputs).ok_or(TOO_SMALL)?;
                let mut output = free.numbers([height, width, weights.outputs], padding);
                if residual.is_some_and(|residual| !residual.is_as_large_as(&output)) {
                    return Err(DIFFERENT.to_owned());
                }
                let epilogue = Epilogue { residual, relu: *relu };
                conv::convolve_with(instructions, weights, input, epilogue, &mut output);
                Value::Numbers(output)
            }
            Operation::Add { a, b, relu } => {
                let (a, b) = (self.numbers(*a)?, self.numbers(*b)?);
                if !a.is_as_large_as(b) {
                    return Err(DIFFERENT.to_owned());
                }
                let mut output = free.numbers([a.height, a.width, a.channels], padding);
                for y in 0..a.height {
                    for ((out, a), b) in output.row_mut(y).iter_mut().zip(a.row(y)).zip(b.row(y)) {
                        let sum = a + b;
                        *out = if *relu && sum < 0.0 { 0.0 } else { sum };
                    }
                }
                Value::Numbers(output)
            }
            Operation::Double { input, zero } => match &self.values[*input] {
                Some(Value::Bytes(input)) => {
                    let mut output = free.bytes(*zero, [2 * input.height, 2 * input.width, input.channels], padding);
                    double(input, &mut output);
                    Value::Bytes(output)
                }
                _ => {
                    let input = self.numbers(*input)?;
                    let mut output = free.numbers([2 * input.height, 2 * input.width, input.channels], padding);
                    double(input, &mut output);
                    Value::Numbers(output)
                }
            },
            Operation::Quantise { input, steps } => {
                let input = self.numbers(*input)?;
                let mut output = free.bytes(steps.zero, [input.height, input.width, input.channels], padding);
                int8::quantise(instructions, input, *steps, &mut output);
                Value::Bytes(output)
            }
            Operation::Dequantise { input, steps } => {
                let input = self.bytes(*input)?;
                let mut output = free.numbers([input.height, input.width, input.channels], padding);
                int8::dequantise(instructions, input, *steps, &mut output);
                Value::Numbers(output)
            }
            Operation::ConvolveBytes { weights, input, zero, other } => {
                let input = self.bytes(*input)?;
                let other = other.as_ref().map(|(slot, join)| Ok::<_, String>((self.bytes(*slot)?, join))).transpose()?;
                let zero_made = other.map_or(*zero, |(_, join)| join.sum.zero);
                let mut output = free.bytes(zero_made, self.size(weights, input)?, padding);
                if other.is_some_and(|(other, _)| !other.is_as_large_as(&output)) {
                    return Err(DIFFERENT.to_owned());
                }
                int8::convolve(instructions, weights, input, *zero, other, &mut output);
                Value::Bytes(output)
            }
            Operation::AddBytes { own, other, join } => {
                let (own, other) = (self.bytes(*own)?, self.bytes(*other)?);
                if !own.is_as_large_as(other) {
                    return Err(DIFFERENT.to_owned());
                }
                let mut output = free.bytes(join.sum.zero, [own.height, own.width, own.channels], padding);
                int8::add(instructions, own, other, join, &mut output);
                Value::Bytes(output)
            }
            Operation::Multiply { weights, input, bias } => {
                let input = self.bytes(*input)?;
                let mut output = free.numbers(self.size(weights, input)?, padding);
                int8::multiply(instructions, weights, input, bias, &mut output);
                Value::Numbers(output)
            }
        })
    }

    /// Height, width and channels of what weights in int8 make.
    fn size(&self, weights: &int8::Weights, input: &Activation<u8>) -> Result<[usize; 3], String> {
        let size = weights.output_size(input.height, input.width);
        let (height, width) = size.filter(|_| input.channels == weights.shape.inputs).ok_or(TOO_SMALL)?;
        Ok([height, width, weights.shape.outputs])
    }
}

fn double<T: Number>(input: &Activation<T>, output: &mut Activation<T>) {
    for y in 0..output.height {
        let pixels = input.row(y / 2).chunks_exact(input.channels);
        for (twice, pixel) in output.row_mut(y).chunks_exact_mut(2 * input.channels).zip(pixels) {
            twice[..input.channels].copy_from_slice(pixel);
            twice[input.channels..].copy_from_slice(pixel);
        }
    }
}
