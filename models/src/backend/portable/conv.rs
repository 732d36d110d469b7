//! Convolutions over activations whose channels lie together, the one operation of our networks that costs time.
//!
//! A kernel computes a few neighbouring output pixels of a few dozen channels at once and keeps their sums in registers:
//! each weight that is loaded serves all the pixels, each input value all the channels. The input has its padding around it,
//! so that no loop asks whether it is at an edge. The same code is compiled for AVX-512, for AVX2 and for what every CPU has.

use super::{
    activation::{Activation, copy_first},
    lanes::{BLOCK, Lanes, Plain, Rounded, of},
};
use crate::instructions::Instructions;

/// A convolution's weights, bias included, in the order that the kernels read them.
#[derive(Debug)]
pub struct Weights {
    pub kernel: (usize, usize),
    pub stride: (usize, usize),
    pub padding: (usize, usize),
    pub inputs: usize,
    pub outputs: usize,
    /// Whether each channel is convolved by itself.
    pub depthwise: bool,
    /// Whether every processor must come to the same to the last bit, and not only as near as it can.
    pub exact: bool,
    /// Dense: for each block of output channels, for each kernel row, column and input channel, 16 weights. Depthwise: for
    /// each kernel row and column, a weight a channel, filled up to whole blocks.
    packed: Vec<f32>,
    bias: Vec<f32>,
}

/// Height and width of what a convolution makes of so many rows and columns, if that is anything.
pub fn output_size(
    (height, width): (usize, usize),
    kernel: (usize, usize),
    stride: (usize, usize),
    padding: (usize, usize),
) -> Option<(usize, usize)> {
    let size = |length: usize, kernel: usize, stride: usize, padding: usize| {
        Some((length + 2 * padding).checked_sub(kernel)? / stride + 1)
    };
    Some((size(height, kernel.0, stride.0, padding.0)?, size(width, kernel.1, stride.1, padding.1)?))
}

impl Weights {
    /// `weights` as ONNX has them: `[outputs][inputs][rows][columns]`, inputs being 1 for a depthwise convolution.
    pub fn new(
        shape: [usize; 4],
        weights: &[f32],
        bias: &[f32],
        stride: (usize, usize),
        padding: (usize, usize),
        depthwise: bool,
    ) -> Self {
        let [outputs, inputs, rows, columns] = shape;
        let at = |o: usize, i: usize, r: usize, c: usize| weights[((o * inputs + i) * rows + r) * columns + c];
        let mut packed = Vec::new();
        if depthwise {
            for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                packed.extend((0..outputs).map(|o| at(o, 0, r, c)));
                packed.resize(packed.len().next_multiple_of(BLOCK), 0.0);
            }
        } else {
            for first in (0..outputs).step_by(BLOCK) {
                for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                    for i in 0..inputs {
                        packed.extend((first..first + BLOCK).map(|o| if o < outputs { at(o, i, r, c) } else { 0.0 }));
                    }
                }
            }
        }
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(outputs.next_multiple_of(BLOCK), 0.0);
        let inputs = if depthwise { outputs } else { inputs };
        Self {
            kernel: (rows, columns),
            stride,
            padding,
            inputs,
            outputs,
            depthwise,
            exact: false,
            packed,
            bias: padded_bias,
        }
    }

    /// Height and width of the output for an input of this size, if there is any.
    pub fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        output_size((height, width), self.kernel, self.stride, self.padding)
    }

    /// Whether each pixel goes into one of those that come out, and no other.
    pub fn reads_pixels_once(&self) -> bool {
        self.kernel == (1, 1) && self.stride == (1, 1) && self.padding == (0, 0)
    }

    /// Whether what an output sees is gathered first.
    fn gathers(&self) -> bool {
        let (rows, columns) = self.kernel;
        self.inputs == 1 && !self.depthwise && rows * columns <= PATCH && columns <= PATCH_ROW
    }

    /// Weights of one block of output channels.
    fn block_length(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.inputs * BLOCK
    }
}

/// Most weights of an output for which what it sees is gathered: of one input channel a kernel's row is so short that
/// walking along it costs more than its products.
const PATCH: usize = 16;

/// Numbers that are copied at a time into a patch, the row's own and some of no meaning.
const PATCH_ROW: usize = 8;

/// What happens to the sums before they are stored.
#[derive(Clone, Copy)]
pub struct Epilogue<'a> {
    /// Added: as large as the output.
    pub residual: Option<&'a Activation>,
    pub relu: bool,
}

/// Convolves `input` into `output`, which has the right size already.
pub fn convolve(weights: &Weights, input: &Activation, epilogue: Epilogue<'_>, output: &mut Activation) {
    convolve_with(Instructions::chosen(), weights, input, epilogue, output);
}

/// The same with these instructions, which the processor has.
pub fn convolve_with(
    instructions: Instructions,
    weights: &Weights,
    input: &Activation,
    epilogue: Epilogue<'_>,
    output: &mut Activation,
) {
    for y in 0..output.height {
        convolve_row(instructions, weights, input, y, epilogue, output, y);
    }
}

/// The same for one row of what comes out, into the row `to` of `output`.
pub fn convolve_row(
    instructions: Instructions,
    weights: &Weights,
    input: &Activation,
    y: usize,
    epilogue: Epilogue<'_>,
    output: &mut Activation,
    to: usize,
) {
    debug_assert!(input.padding.0 >= weights.padding.0 && input.padding.1 >= weights.padding.1, "the padding is there");
    debug_assert!(instructions.are_here(), "this processor has no {instructions}");
    let row = Row { weights, input, y, epilogue, to };
    match instructions {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instructions are there.
        Instructions::Avx2 | Instructions::AvxVnni => unsafe { x86::avx2(row, output) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instructions are there.
        Instructions::Avx512 | Instructions::Avx512Vnni => unsafe { x86::avx512(row, output) },
        // Which on Arm is NEON.
        _ => row.run::<Plain>(output),
    }
}

/// One row of what comes out.
#[derive(Clone, Copy)]
struct Row<'a> {
    weights: &'a Weights,
    input: &'a Activation,
    y: usize,
    epilogue: Epilogue<'a>,
    /// The row of the output that it is written to.
    to: usize,
}

impl Row<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, output: &mut Activation) {
        match self.weights.exact {
            true => self.all_blocks::<Rounded<L>>(output),
            false => self.all_blocks::<L>(output),
        }
    }

    #[inline(always)]
    fn all_blocks<L: Lanes>(self, output: &mut Activation) {
        if self.weights.depthwise {
            return self.depthwise::<L>(output);
        }
        let blocks = self.weights.outputs.div_ceil(BLOCK);
        let mut block = 0;
        while block < blocks {
            let is_half = self.weights.outputs - block * BLOCK <= L::Half::WIDTH;
            let two = L::TWO > 0 && block + 1 < blocks && output.width >= L::TWO;
            match (two, is_half) {
                (true, _) if L::TWO == 8 => self.pixels::<L, 8, 2>(output, block),
                (true, _) => self.pixels::<L, 4, 2>(output, block),
                (false, true) => self.block::<L::Half>(output, block),
                (false, false) => self.block::<L>(output, block),
            }
            block += if two { 2 } else { 1 };
        }
    }

    #[inline(always)]
    fn block<L: Lanes>(self, output: &mut Activation, block: usize) {
        match L::ONE {
            _ if output.width < L::ONE => self.pixels::<L, 1, 1>(output, block),
            8 => self.pixels::<L, 8, 1>(output, block),
            6 => self.pixels::<L, 6, 1>(output, block),
            _ => self.pixels::<L, 4, 1>(output, block),
        }
    }

    /// All pixels, `P` of them at a time, of `B` blocks of channels.
    #[inline(always)]
    fn pixels<L: Lanes, const P: usize, const B: usize>(self, output: &mut Activation, block: usize) {
        // The last pixels of a row are computed with the ones before them once more, so that every kernel is full.
        let gathers = self.weights.gathers();
        let mut room = [[0.0; PATCH + PATCH_ROW]; P];
        for x in (0..output.width).step_by(P) {
            let x = x.min(output.width - P);
            match gathers {
                true => self.patches::<L, P, B>(output, x, block, &mut room),
                false => self.tile::<L, P, B>(output, x, block),
            }
        }
    }

    /// As [`Row::tile`], of one input channel.
    #[expect(clippy::needless_range_loop, reason = "indices that are known are what the compiler unrolls")]
    #[inline(always)]
    fn patches<L: Lanes, const P: usize, const B: usize>(
        self,
        output: &mut Activation,
        x: usize,
        block: usize,
        patches: &mut [[f32; PATCH + PATCH_ROW]; P],
    ) {
        let Self { weights, input, y, .. } = self;
        let (rows, columns) = weights.kernel;
        for r in 0..rows {
            let first = input.offset_padded(y * weights.stride.0 + r, x * weights.stride.1, weights.padding);
            for (p, patch) in patches.iter_mut().enumerate() {
                let values = &input.data[first + p * weights.stride.1..];
                // The next row overwrites what is too much of this one.
                let to = &mut patch[r * columns..];
                match (values.first_chunk::<PATCH_ROW>(), to.first_chunk_mut::<PATCH_ROW>()) {
                    (Some(values), Some(to)) => *to = *values,
                    _ => to.iter_mut().zip(values).for_each(|(to, value)| *to = *value),
                }
            }
        }
        let mut sums: [[L; B]; P] = [std::array::from_fn(|b| L::load(of(&weights.bias, (block + b) * BLOCK))); P];
        let kernels: [&[f32]; B] =
            std::array::from_fn(|b| &weights.packed[(block + b) * weights.block_length()..][..weights.block_length()]);
        for k in 0..(rows * columns).min(PATCH) {
            for p in 0..P {
                let value = L::splat(patches[p][k]);
                for b in 0..B {
                    sums[p][b] = sums[p][b].add_product(value, L::load(of(kernels[b], k * BLOCK)));
                }
            }
        }
        self.finish(sums, output, x, block * BLOCK);
    }

    /// `P` pixels from `x` on, of `B` blocks of channels from `block` on.
    #[expect(clippy::needless_range_loop, reason = "indices that are known are what the compiler unrolls")]
    #[inline(always)]
    fn tile<L: Lanes, const P: usize, const B: usize>(self, output: &mut Activation, x: usize, block: usize) {
        let Self { weights, input, y, .. } = self;
        let mut sums: [[L; B]; P] = [std::array::from_fn(|b| L::load(of(&weights.bias, (block + b) * BLOCK))); P];
        let (rows, columns) = weights.kernel;
        let pixel = input.channels;
        let step = weights.stride.1 * pixel;
        let run = columns * pixel;
        let length = weights.block_length();
        for r in 0..rows {
            // Nothing of this can wrap: the padding is there.
            let first = input.offset_padded(y * weights.stride.0 + r, x * weights.stride.1, weights.padding);
            let values = input.data[first..first + (P - 1) * step + run].as_ptr();
            let kernels: [*const f32; B] = std::array::from_fn(|b| {
                let start = (block + b) * length + r * run * BLOCK;
                weights.packed[start..start + run * BLOCK].as_ptr()
            });
            for k in 0..run {
                // A loop: a closure that `from_fn` calls is not always inlined, and then each instruction in it is a call.
                let mut w = [L::splat(0.0); B];
                for (w, kernel) in w.iter_mut().zip(kernels) {
                    // SAFETY: the slice that it points into has a block for each `k`.
                    *w = L::load(unsafe { &*kernel.add(k * BLOCK).cast() });
                }
                for p in 0..P {
                    // SAFETY: the slice that it points into is as long as the last of these.
                    let value = L::splat(unsafe { *values.add(p * step + k) });
                    for b in 0..B {
                        sums[p][b] = sums[p][b].add_product(value, w[b]);
                    }
                }
            }
        }
        self.finish(sums, output, x, block * BLOCK);
    }

    /// Stores the sums of pixels from `x` on and of blocks of channels from `channel` on, or of as many channels as the output has.
    #[inline(always)]
    fn finish<L: Lanes, const P: usize, const B: usize>(
        self,
        sums: [[L; B]; P],
        output: &mut Activation,
        x: usize,
        channel: usize,
    ) {
        let start = output.offset(self.to, x) + channel;
        let residual = self.epilogue.residual.map(|residual| &residual.data[residual.offset(self.y, x) + channel..]);
        for (p, sums) in sums.iter().enumerate() {
            for (b, &sum) in sums.iter().enumerate() {
                let count = (output.channels - channel - b * BLOCK).min(L::WIDTH);
                let at = p * output.channels + b * BLOCK;
                let mut sum = sum;
                if let Some(residual) = residual {
                    sum = sum.add(some(&residual[at..at + count]));
                }
                if self.epilogue.relu {
                    sum = sum.at_least_zero();
                }
                let to = &mut output.data[start + at..start + at + count];
                if count == L::WIDTH {
                    sum.store_to(to);
                } else {
                    let mut values = [0.0; BLOCK];
                    sum.store(&mut values);
                    copy_first(&values, to);
                }
            }
        }
    }

    #[inline(always)]
    fn depthwise<L: Lanes>(self, output: &mut Activation) {
        for channel in (0..self.weights.outputs).step_by(BLOCK) {
            match self.weights.outputs - channel {
                BLOCK.. => self.channels::<L>(output, channel),
                left if left <= L::Half::WIDTH => self.channels::<L::Half>(output, channel),
                _ => self.channels::<L>(output, channel),
            }
        }
    }

    /// All pixels of one block of channels.
    #[inline(always)]
    fn channels<L: Lanes>(self, output: &mut Activation, channel: usize) {
        /// Pixels at a time: a weight that is loaded serves all of them.
        const P: usize = 4;
        let is_whole = self.weights.outputs - channel >= L::WIDTH;
        match is_whole && output.width >= P {
            true => {
                for x in (0..output.width).step_by(P) {
                    self.channels_of::<L, P>(output, x.min(output.width - P), channel);
                }
            }
            false => (0..output.width).for_each(|x| self.channels_of::<L, 1>(output, x, channel)),
        }
    }

    /// `P` pixels from `x` on, of one block of channels; of one that is not whole, a pixel.
    #[inline(always)]
    fn channels_of<L: Lanes, const P: usize>(self, output: &mut Activation, x: usize, channel: usize) {
        let Self { weights, input, y, .. } = self;
        let (channels, (rows, columns)) = (weights.outputs, weights.kernel);
        let (whole, count) = (channels.next_multiple_of(BLOCK), (channels - channel).min(L::WIDTH));
        let step = weights.stride.1 * channels;
        let mut sums = [L::load(of(&weights.bias, channel)); P];
        for r in 0..rows {
            let first = input.offset_padded(y * weights.stride.0 + r, x * weights.stride.1, weights.padding) + channel;
            let values = &input.data[first..first + (P - 1) * step + (columns - 1) * channels + count];
            for c in 0..columns {
                let weight = L::load(of(&weights.packed, (r * columns + c) * whole + channel));
                for (p, sum) in sums.iter_mut().enumerate() {
                    let at = p * step + c * channels;
                    *sum = sum.add_product(some(&values[at..at + count]), weight);
                }
            }
        }
        self.finish(sums.map(|sum| [sum]), output, x, channel);
    }
}

/// Sixteen numbers, or as many as there are, and zeros.
#[inline(always)]
fn some<L: Lanes>(values: &[f32]) -> L {
    if values.len() == L::WIDTH {
        return L::load_from(values);
    }
    let mut all = [0.0; BLOCK];
    all[..values.len()].copy_from_slice(values);
    L::load(&all)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Activation, Row};
    use crate::backend::portable::lanes::x86::{Avx2, Avx512};

    #[target_feature(enable = "avx512f")]
    pub fn avx512(row: Row<'_>, output: &mut Activation) {
        row.run::<Avx512>(output);
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn avx2(row: Row<'_>, output: &mut Activation) {
        row.run::<Avx2>(output);
    }
}
