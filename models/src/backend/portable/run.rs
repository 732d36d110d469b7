//! One network of convolutions on one thread. Its memory is used again from run to run.

use super::{
    activation::{Activation, Number},
    conv::{self, Epilogue},
    graph::{Graph, Operation, Slot},
    int8::{self, Steps},
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
    fn numbers(&mut self, size: [usize; 3], padding: (usize, usize)) -> Activation {
        Activation::surrounded_by(0.0, fitting(&mut self.numbers, size), size, padding)
    }

    /// The same in bytes, of which `zero` means nothing.
    fn bytes(&mut self, zero: u8, size: [usize; 3], padding: (usize, usize)) -> Activation<u8> {
        Activation::surrounded_by(zero, fitting(&mut self.bytes, size), size, padding)
    }
}

/// The shortest memory that is long enough for a value of this size, or else the longest.
fn fitting<T>(free: &mut Vec<Vec<T>>, [height, width, channels]: [usize; 3]) -> Vec<T> {
    // With as much for padding as our networks have.
    let wanted = (height + 4) * (width + 4) * channels;
    let best = (0..free.len()).min_by_key(|&index| match free[index].len() {
        length if length >= wanted => (false, length),
        length => (true, usize::MAX - length),
    });
    best.map(|index| free.swap_remove(index)).unwrap_or_default()
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
            Operation::Convolve { weights, input, residual, relu, of_bytes, to_bytes } => {
                let residual = residual.map(|slot| self.numbers(slot)).transpose()?;
                let rows = Rows { weights, epilogue: Epilogue { residual, relu: *relu }, to_bytes: *to_bytes };
                match of_bytes {
                    Some(steps) => self.convolve_bytes(&rows, self.bytes(*input)?, *steps, free)?,
                    None => self.convolve(&rows, self.numbers(*input)?, free)?,
                }
            }
            Operation::Add { a, b, doubled, relu } => {
                let (a, b) = (self.numbers(*a)?, self.numbers(*b)?);
                let mut output = free.numbers([a.height, a.width, a.channels], padding);
                let mut wide = free.numbers(row_size(a), (0, 0));
                for y in 0..a.height {
                    let b = summand(a, b, *doubled, y, &mut wide)?;
                    for ((out, a), b) in output.row_mut(y).iter_mut().zip(a.row(y)).zip(b) {
                        let sum = a + b;
                        *out = if *relu && sum < 0.0 { 0.0 } else { sum };
                    }
                }
                free.take_back(Value::Numbers(wide));
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
                for y in 0..input.height {
                    int8::quantise(instructions, input.row(y), *steps, output.row_mut(y));
                }
                Value::Bytes(output)
            }
            Operation::Dequantise { input, steps } => {
                let input = self.bytes(*input)?;
                let mut output = free.numbers([input.height, input.width, input.channels], padding);
                for y in 0..input.height {
                    int8::dequantise(instructions, input.row(y), *steps, output.row_mut(y));
                }
                Value::Numbers(output)
            }
            Operation::ConvolveBytes { weights, input, zero, other } => {
                let input = self.bytes(*input)?;
                let other =
                    other.as_ref().map(|(slot, join)| Ok::<_, String>((self.bytes(*slot)?, join))).transpose()?;
                let zero_made = other.map_or(*zero, |(_, join)| join.sum.zero);
                let mut output = free.bytes(zero_made, self.size(weights, input)?, padding);
                if other.is_some_and(|(other, _)| !other.is_as_large_as(&output)) {
                    return Err(DIFFERENT.to_owned());
                }
                int8::convolve(instructions, weights, input, *zero, other, &mut output);
                Value::Bytes(output)
            }
            Operation::AddBytes { own, other, doubled, join } => {
                let (own, other) = (self.bytes(*own)?, self.bytes(*other)?);
                let mut output = free.bytes(join.sum.zero, [own.height, own.width, own.channels], padding);
                let mut wide = free.bytes(0, row_size(own), (0, 0));
                for y in 0..own.height {
                    let other = summand(own, other, *doubled, y, &mut wide)?;
                    int8::add(instructions, own.row(y), other, join, output.row_mut(y));
                }
                free.take_back(Value::Bytes(wide));
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

    /// Numbers to numbers, or to bytes, row by row.
    fn convolve(&self, rows: &Rows<'_>, input: &Activation, free: &mut Free) -> Result<Value, String> {
        let size = rows.size(input)?;
        let Some(steps) = rows.to_bytes else {
            let mut output = free.numbers(size, self.padding);
            conv::convolve_with(self.instructions, rows.weights, input, rows.epilogue, &mut output);
            return Ok(Value::Numbers(output));
        };
        let mut output = free.bytes(steps.zero, size, self.padding);
        let mut row = free.numbers(row_size(&output), (0, 0));
        for y in 0..output.height {
            conv::convolve_row(self.instructions, rows.weights, input, y, rows.epilogue, &mut row, 0);
            int8::quantise(self.instructions, row.row(0), steps, output.row_mut(y));
        }
        free.take_back(Value::Numbers(row));
        Ok(Value::Bytes(output))
    }

    /// The same of bytes, each of whose pixels is read once.
    fn convolve_bytes(
        &self,
        rows: &Rows<'_>,
        input: &Activation<u8>,
        steps: Steps,
        free: &mut Free,
    ) -> Result<Value, String> {
        if rows.to_bytes.is_some() || rows.epilogue.residual.is_some() {
            return Err("it computes in numbers between bytes".to_owned());
        }
        let mut output = free.numbers(rows.size(input)?, self.padding);
        let mut row = free.numbers(row_size(input), (0, 0));
        for y in 0..output.height {
            int8::dequantise(self.instructions, input.row(y), steps, row.row_mut(0));
            conv::convolve_row(self.instructions, rows.weights, &row, 0, rows.epilogue, &mut output, y);
        }
        free.take_back(Value::Numbers(row));
        Ok(Value::Numbers(output))
    }

    /// Height, width and channels of what weights in int8 make.
    fn size(&self, weights: &int8::Weights, input: &Activation<u8>) -> Result<[usize; 3], String> {
        let size = weights.output_size(input.height, input.width);
        let (height, width) = size.filter(|_| input.channels == weights.shape.inputs).ok_or(TOO_SMALL)?;
        Ok([height, width, weights.shape.outputs])
    }
}

/// A convolution in numbers.
struct Rows<'a> {
    weights: &'a conv::Weights,
    epilogue: Epilogue<'a>,
    to_bytes: Option<Steps>,
}

impl Rows<'_> {
    /// Height, width and channels of what comes of an input.
    fn size<T: Number>(&self, input: &Activation<T>) -> Result<[usize; 3], String> {
        let size = self.weights.output_size(input.height, input.width);
        let (height, width) = size.filter(|_| input.channels == self.weights.inputs).ok_or(TOO_SMALL)?;
        let is_other = |residual: &Activation| {
            (residual.height, residual.width, residual.channels) != (height, width, self.weights.outputs)
        };
        match self.epilogue.residual.is_some_and(is_other) {
            true => Err(DIFFERENT.to_owned()),
            false => Ok([height, width, self.weights.outputs]),
        }
    }
}

/// Of one row of a value.
fn row_size<T: Number>(value: &Activation<T>) -> [usize; 3] {
    [1, value.width, value.channels]
}

/// The row of `other` that is added to the row `y` of `own`: it is as large as that, or half as high and wide, and is then doubled in `wide`.
fn summand<'a, T: Number>(
    own: &Activation<T>,
    other: &'a Activation<T>,
    doubled: bool,
    y: usize,
    wide: &'a mut Activation<T>,
) -> Result<&'a [T], String> {
    let times = if doubled { 2 } else { 1 };
    if (own.height, own.width, own.channels) != (times * other.height, times * other.width, other.channels) {
        return Err(DIFFERENT.to_owned());
    }
    if !doubled {
        return Ok(other.row(y));
    }
    double_row(other.row(y / 2), other.channels, wide.row_mut(0));
    Ok(wide.row(0))
}

fn double<T: Number>(input: &Activation<T>, output: &mut Activation<T>) {
    for y in 0..output.height {
        double_row(input.row(y / 2), input.channels, output.row_mut(y));
    }
}

/// Each pixel twice.
fn double_row<T: Number>(row: &[T], channels: usize, twice: &mut [T]) {
    /// Numbers whose copies need no call.
    const PIECE: usize = 16;
    for (twice, pixel) in twice.chunks_exact_mut(2 * channels).zip(row.chunks_exact(channels)) {
        let (first, second) = twice.split_at_mut(channels);
        if channels < PIECE {
            first.copy_from_slice(pixel);
            second.copy_from_slice(pixel);
            continue;
        }
        for from in (0..channels).step_by(PIECE) {
            // The last piece overlaps with the one before.
            let from = from.min(channels - PIECE);
            let piece: [T; PIECE] = *pixel[from..].first_chunk().expect("there is a piece left");
            first[from..from + PIECE].copy_from_slice(&piece);
            second[from..from + PIECE].copy_from_slice(&piece);
        }
    }
}
