//! A convolution's weights in 8 bits, in the order that the kernels read them.

use std::cmp::Ordering;

use super::{
    Steps,
    pairs::{self, MOST},
};
use crate::{backend::portable::conv::output_size, instructions::Instructions};

/// Weights of one output that are multiplied at a time.
pub const QUAD: usize = 4;

/// Sums and scales are kept for whole blocks of the widest kind.
const WIDEST: usize = 16;

/// Most that a scaled sum may come to: below it rounding by adding a large number is exact.
const LARGEST: f32 = 4_000_000.0;

const TOO_LARGE: &str = "it has weights in int8 that are too large to be summed exactly everywhere";

/// How dense weights lie for some instructions, and what they are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Outputs of a block: what the registers of a sum hold.
    pub width: usize,
    order: Order,
    /// Taken from every byte that goes in, where the instructions multiply signed bytes alone: the sums begin with what that leaves out.
    less: i32,
    /// Whether products are added in 16 bits, so that two fours that fit together are taken together.
    in_pairs: bool,
}

/// Which weights of a block's outputs lie together, of those that are multiplied at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The four of an output.
    Outputs,
    /// Those of one input value, of all outputs.
    Values,
    /// An output's first and third, of all outputs; then the second and fourth. Products of the first and second are added in 16 bits, and so are
    /// those of the third and fourth.
    Parities,
}

impl Packing {
    pub fn of(instructions: Instructions) -> Self {
        let (width, order, less) = match instructions {
            Instructions::Plain => (8, Order::Values, 0),
            Instructions::Neon => (8, Order::Parities, 128),
            Instructions::NeonDot => (8, Order::Outputs, 128),
            Instructions::Avx2 | Instructions::AvxVnni => (8, Order::Outputs, 0),
            Instructions::Avx512 | Instructions::Avx512Vnni => (16, Order::Outputs, 0),
        };
        let in_pairs = matches!(instructions, Instructions::Avx2 | Instructions::Avx512);
        Self { width, order, less, in_pairs }
    }
}

/// What a convolution is like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub kernel: (usize, usize),
    pub stride: (usize, usize),
    pub padding: (usize, usize),
    pub inputs: usize,
    pub outputs: usize,
    /// Whether each channel is convolved by itself.
    pub depthwise: bool,
}

#[derive(Debug)]
pub struct Weights {
    pub shape: Shape,
    pub packing: Packing,
    /// Dense: for each block of outputs, each kernel row, each four of the row's columns and input channels, for each output four weights. A row is
    /// filled up with zeros. Fours are in the order of `places` where there are such.
    pub packed: Vec<i8>,
    /// For each two blocks of outputs and each kernel row: at which of the row's columns and input channels each four begins. Empty where they
    /// follow each other.
    places: Vec<u32>,
    /// For each two blocks of outputs and each kernel row: how many pairs of fours come first whose products may be added in 16 bits.
    pairs: Vec<usize>,
    /// Depthwise: for each kernel row and column, a weight a channel, filled up to whole blocks.
    pub by_channel: Vec<i32>,
    /// Fours of a kernel row.
    pub quads: usize,
    /// By output: what its sum begins with. The bias, less what the input's zero comes to, as far as that is not taken from the bytes.
    pub start: Vec<i32>,
    /// By output: steps of what comes out in one of its sum.
    pub scale: Vec<f32>,
}

impl Weights {
    /// `weights` as ONNX has them: `[outputs][inputs][rows][columns]`, inputs being 1 for a depthwise convolution; `bias` in steps of the sums, a
    /// scale by output; what goes in, and the scale of what comes out.
    ///
    /// # Errors
    /// Weights that are too large to be summed exactly everywhere; sizes that do not fit.
    pub fn new(
        shape: Shape,
        weights: &[i32],
        (bias, scale): (&[i32], &[f32]),
        input: Steps,
        output_scale: f32,
        instructions: Instructions,
    ) -> Result<Self, String> {
        let Shape { kernel: (rows, columns), inputs, outputs, depthwise, .. } = shape;
        let per_output = if depthwise { 1 } else { inputs } * rows * columns;
        if weights.len() != outputs * per_output || bias.len() != outputs || scale.len() != outputs || outputs == 0 {
            return Err("it has a convolution in int8 whose sizes do not fit".to_owned());
        }
        let packing = Packing::of(instructions);
        // Each channel by itself is multiplied in more bits.
        let zero = i32::from(input.zero) - if depthwise { 0 } else { packing.less };
        let scale: Vec<f32> = scale.iter().map(|scale| input.scale * scale / output_scale).collect();
        let of_output = |output: usize| &weights[output * per_output..(output + 1) * per_output];
        let mut start = Vec::with_capacity(outputs);
        for (output, scale) in scale.iter().enumerate() {
            let size: i64 = of_output(output).iter().map(|&weight| i64::from(weight).abs()).sum();
            let largest = 255 * size + i64::from(bias[output]).abs();
            let fits = (largest as f32 * scale.abs()).partial_cmp(&LARGEST) == Some(Ordering::Less);
            if largest > i64::from(i32::MAX) || !fits {
                return Err("it has sums that do not fit into their type".to_owned());
            }
            start.push(bias[output] - zero * of_output(output).iter().sum::<i32>());
        }
        let mut made = Self {
            shape,
            packing,
            packed: Vec::new(),
            places: Vec::new(),
            pairs: Vec::new(),
            by_channel: Vec::new(),
            quads: (columns * inputs).div_ceil(QUAD),
            start,
            scale,
        };
        match depthwise {
            true => made.pack_by_channel(weights)?,
            false => made.pack(weights)?,
        }
        let whole = outputs.next_multiple_of(WIDEST);
        made.start.resize(whole, 0);
        made.scale.resize(whole, 0.0);
        Ok(made)
    }

    fn pack(&mut self, weights: &[i32]) -> Result<(), String> {
        let Shape { kernel: (rows, columns), inputs, outputs, .. } = self.shape;
        let run = columns * inputs;
        let at = |o: usize, r: usize, k: usize| match k < run && o < outputs {
            true => weights[((o * inputs + k % inputs) * rows + r) * columns + k / inputs],
            false => 0,
        };
        // A pair of products must fit into 16 bits, whatever bytes it is multiplied with.
        let fits = |o, r, k| (-MOST..=MOST).contains(&(at(o, r, k) + at(o, r, k + 1))) && at(o, r, k).abs() <= MOST;
        for o in 0..outputs {
            for r in 0..rows {
                if !(0..run).step_by(2).all(|k| fits(o, r, k)) {
                    return Err(TOO_LARGE.to_owned());
                }
            }
        }
        for first in (0..outputs).step_by(self.packing.width) {
            for (r, quad) in (0..rows).flat_map(|r| (0..self.quads).map(move |quad| (r, quad))) {
                let of_output = |o: usize| (quad * QUAD..(quad + 1) * QUAD).map(move |k| (o, k));
                let mut order: Vec<(usize, usize)> = (first..first + self.packing.width).flat_map(of_output).collect();
                match self.packing.order {
                    Order::Outputs => {}
                    Order::Values => order.sort_by_key(|&(o, k)| (k, o)),
                    Order::Parities => order.sort_by_key(|&(o, k)| (k % 2, o, k)),
                }
                for (o, k) in order {
                    self.packed.push(byte(at(o, r, k))?);
                }
            }
        }
        if self.packing.in_pairs {
            self.pair_up();
        }
        Ok(())
    }

    /// Puts the fours of each kernel row of two blocks in the order in which they are taken.
    fn pair_up(&mut self) {
        let Self { packed, places, pairs, quads, .. } = self;
        let four = self.packing.width * QUAD;
        let (row, rows) = (*quads * four, self.shape.kernel.0);
        for blocks in packed.chunks_mut(2 * rows * row) {
            for r in 0..rows {
                let of_row = r * row..(r + 1) * row;
                let sizes: Vec<pairs::Sizes> = (0..*quads)
                    .map(|quad| {
                        let of_blocks = blocks.chunks_exact(rows * row).map(|block| &block[of_row.clone()]);
                        pairs::sizes(of_blocks.flat_map(|row| &row[quad * four..][..four]))
                    })
                    .collect();
                let (order, count) = pairs::in_pairs(&sizes);
                for block in blocks.chunks_exact_mut(rows * row) {
                    let before = block[of_row.clone()].to_vec();
                    for (to, &quad) in block[of_row.clone()].chunks_exact_mut(four).zip(&order) {
                        to.copy_from_slice(&before[quad as usize * four..][..four]);
                    }
                }
                places.extend(order.iter().map(|quad| quad * QUAD as u32));
                pairs.push(count);
            }
        }
    }

    /// Of a block, which shares them with the one that it is computed with: where the fours of each kernel row begin, all of them within the
    /// [`Self::quads`] fours of a row, and how many pairs come first in each row. `None` where they follow each other.
    pub fn in_order(&self, block: usize) -> Option<(&[u32], &[usize])> {
        let (rows, first) = (self.shape.kernel.0, block / 2 * self.shape.kernel.0);
        let places = self.packing.in_pairs.then(|| &self.places[first * self.quads..][..rows * self.quads])?;
        Some((places, &self.pairs[first..first + rows]))
    }

    fn pack_by_channel(&mut self, weights: &[i32]) -> Result<(), String> {
        let Shape { kernel: (rows, columns), outputs, .. } = self.shape;
        let taps = rows * columns;
        let whole = outputs.next_multiple_of(WIDEST);
        self.by_channel = vec![0; taps * whole];
        for (channel, weights) in weights.chunks_exact(taps).enumerate() {
            for (tap, &weight) in weights.iter().enumerate() {
                self.by_channel[tap * whole + channel] = byte(weight)?.into();
            }
        }
        Ok(())
    }

    /// Height and width of the output for an input of this size, if there is any.
    pub fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let Shape { kernel, stride, padding, .. } = self.shape;
        output_size((height, width), kernel, stride, padding)
    }
}

fn byte(weight: i32) -> Result<i8, String> {
    i8::try_from(weight).map_err(|_| "it has a weight of more than 8 bits".to_owned())
}
