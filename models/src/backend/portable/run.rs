//! One network of convolutions on one thread. Its memory is used again from run to run.

use super::{
    activation::Activation,
    conv::{self, Epilogue},
    graph::{Graph, Operation},
};
use crate::instructions::Instructions;

pub struct Runner {
    graph: Graph,
    instructions: Instructions,
    /// Memory of values that nobody reads any more.
    free: Vec<Vec<f32>>,
}

impl Runner {
    /// With these instructions, which the processor has.
    pub fn new(graph: Graph, instructions: Instructions) -> Self {
        Self { graph, instructions, free: Vec::new() }
    }

    pub fn is_sequence(&self) -> bool {
        self.graph.is_sequence
    }

    /// Bytes held between runs, weights left out.
    pub fn held(&self) -> usize {
        self.free.iter().map(Vec::capacity).sum::<usize>() * size_of::<f32>()
    }

    /// Memory for a value that comes after the network.
    pub fn buffer(&mut self) -> Vec<f32> {
        self.free.pop().unwrap_or_default()
    }

    /// Takes the memory of a value that nobody reads any more.
    pub fn give_back(&mut self, value: Activation) {
        self.free.push(value.data);
    }

    /// One input, `[channels][height][width]`, to the network's last map.
    ///
    /// # Errors
    /// What of the input does not fit, in a few words.
    pub fn run(&mut self, input: &[f32], [channels, height, width]: [usize; 3]) -> Result<Activation, String> {
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
            let made =
                step(self.instructions, &self.graph.steps[index], &values, self.graph.padding[index + 1], buffer)?;
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
}

fn step(
    instructions: Instructions,
    operation: &Operation,
    values: &[Option<Activation>],
    padding: (usize, usize),
    buffer: Vec<f32>,
) -> Result<Activation, String> {
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
            let epilogue = Epilogue { residual, relu: *relu };
            conv::convolve_with(instructions, weights, input, epilogue, &mut output);
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
