//! Convolutions over activations whose channels lie together, the one operation of our networks that costs time.
//!
//! A kernel computes a few neighbouring output pixels of a few dozen channels at once and keeps their sums in registers:
//! each weight that is loaded serves all the pixels, each input value all the channels. The input has its padding around it,
//! so that no loop asks whether it is at an edge. The same code is compiled for AVX-512, for AVX2 and for what every CPU has.

use super::{
    activation::Activation,
    lanes::{BLOCK, Lanes, Plain, of, of_mut},
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
    /// Dense: for each block of output channels, for each kernel row, column and input channel, 16 weights. Depthwise: for
    /// each kernel row and column, a weight a channel.
    packed: Vec<f32>,
    bias: Vec<f32>,
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
        Self { kernel: (rows, columns), stride, padding, inputs, outputs, depthwise, packed, bias: padded_bias }
    }

    /// Height and width of the output for an input of this size, if there is any.
    pub fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let size = |length: usize, padding: usize, kernel: usize, stride: usize| {
            Some((length + 2 * padding).checked_sub(kernel)? / stride + 1)
        };
        let height = size(height, self.padding.0, self.kernel.0, self.stride.0)?;
        Some((height, size(width, self.padding.1, self.kernel.1, self.stride.1)?))
    }

    /// Weights of one block of output channels.
    fn block_length(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.inputs * BLOCK
    }
}

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
    debug_assert!(input.padding.0 >= weights.padding.0 && input.padding.1 >= weights.padding.1, "the padding is there");
    debug_assert!(instructions.are_here(), "this processor has no {instructions}");
    match instructions {
        Instructions::Plain => rows::<Plain>(weights, input, epilogue, output),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instructions are there.
        Instructions::Avx2 | Instructions::AvxVnni => unsafe { x86::convolve_avx2(weights, input, epilogue, output) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instructions are there.
        Instructions::Avx512 | Instructions::Avx512Vnni => unsafe {
            x86::convolve_avx512(weights, input, epilogue, output);
        },
        #[cfg(not(target_arch = "x86_64"))]
        _ => rows::<Plain>(weights, input, epilogue, output),
    }
}

#[inline(always)]
fn rows<L: Lanes>(weights: &Weights, input: &Activation, epilogue: Epilogue<'_>, output: &mut Activation) {
    for y in 0..output.height {
        if weights.depthwise {
            depthwise_row::<L>(weights, input, epilogue, output, y);
        } else {
            dense_row::<L>(weights, input, epilogue, output, y);
        }
    }
}

#[inline(always)]
fn dense_row<L: Lanes>(
    weights: &Weights,
    input: &Activation,
    epilogue: Epilogue<'_>,
    output: &mut Activation,
    y: usize,
) {
    let blocks = weights.outputs.div_ceil(BLOCK);
    let mut block = 0;
    while block < blocks {
        let two = block + 1 < blocks && output.width >= 8;
        let mut x = 0;
        // The last pixels of a row are computed with the ones before them once more, so that every kernel is full.
        while x < output.width {
            let left = output.width - x;
            x = match (two, output.width) {
                (true, _) => {
                    let x = if left < 8 { output.width - 8 } else { x };
                    if L::TWO == 8 {
                        tile::<L, 8, 2>(weights, input, epilogue, output, (y, x), block);
                    } else {
                        tile::<L, 4, 2>(weights, input, epilogue, output, (y, x), block);
                        tile::<L, 4, 2>(weights, input, epilogue, output, (y, x + 4), block);
                    }
                    x + 8
                }
                (false, 8..) => {
                    let x = if left < 8 { output.width - 8 } else { x };
                    if L::ONE == 8 {
                        tile::<L, 8, 1>(weights, input, epilogue, output, (y, x), block);
                    } else {
                        tile::<L, 4, 1>(weights, input, epilogue, output, (y, x), block);
                        tile::<L, 4, 1>(weights, input, epilogue, output, (y, x + 4), block);
                    }
                    x + 8
                }
                (false, _) => {
                    tile::<L, 1, 1>(weights, input, epilogue, output, (y, x), block);
                    x + 1
                }
            };
        }
        block += if two { 2 } else { 1 };
    }
}

/// `P` pixels from `(y, x)` on, of `B` blocks of channels from `block` on.
#[inline(always)]
fn tile<L: Lanes, const P: usize, const B: usize>(
    weights: &Weights,
    input: &Activation,
    epilogue: Epilogue<'_>,
    output: &mut Activation,
    (y, x): (usize, usize),
    block: usize,
) {
    let mut sums: [[L; B]; P] = [std::array::from_fn(|b| L::load(of(&weights.bias, (block + b) * BLOCK))); P];
    let (rows, columns) = weights.kernel;
    let pixel = input.channels;
    let step = weights.stride.1 * pixel;
    let run = columns * pixel;
    let length = weights.block_length();
    for r in 0..rows {
        // In `i64` no step of this can wrap: the padding is there.
        let first = input.offset_padded(y * weights.stride.0 + r, x * weights.stride.1, weights.padding);
        let values = &input.data[first..first + (P - 1) * step + run];
        let kernels: [&[f32]; B] = std::array::from_fn(|b| {
            let start = (block + b) * length + r * run * BLOCK;
            &weights.packed[start..start + run * BLOCK]
        });
        for k in 0..run {
            // A loop: a closure that `from_fn` calls is not always inlined, and then each instruction in it is a call.
            let mut w = [L::splat(0.0); B];
            for (w, kernel) in w.iter_mut().zip(kernels) {
                *w = L::load(of(kernel, k * BLOCK));
            }
            for p in 0..P {
                let value = L::splat(values[p * step + k]);
                for b in 0..B {
                    sums[p][b] = sums[p][b].add_product(value, w[b]);
                }
            }
        }
    }
    for (p, sums) in sums.iter().enumerate() {
        for (b, &sum) in sums.iter().enumerate() {
            let channel = (block + b) * BLOCK;
            finish(sum, epilogue, output, (y, x + p), channel);
        }
    }
}

/// Stores sixteen sums of one pixel, or as many as the output has channels.
#[inline(always)]
fn finish<L: Lanes>(
    mut sum: L,
    epilogue: Epilogue<'_>,
    output: &mut Activation,
    (y, x): (usize, usize),
    channel: usize,
) {
    let count = (output.channels - channel).min(BLOCK);
    if let Some(residual) = epilogue.residual {
        let at = residual.offset(y, x) + channel;
        let mut values = [0.0; BLOCK];
        values[..count].copy_from_slice(&residual.data[at..at + count]);
        sum = sum.add(L::load(&values));
    }
    if epilogue.relu {
        sum = sum.at_least_zero();
    }
    let at = output.offset(y, x) + channel;
    if count == BLOCK {
        sum.store(of_mut(&mut output.data, at));
    } else {
        let mut values = [0.0; BLOCK];
        sum.store(&mut values);
        output.data[at..at + count].copy_from_slice(&values[..count]);
    }
}

#[inline(always)]
fn depthwise_row<L: Lanes>(
    weights: &Weights,
    input: &Activation,
    epilogue: Epilogue<'_>,
    output: &mut Activation,
    y: usize,
) {
    let channels = weights.outputs;
    for x in 0..output.width {
        for channel in (0..channels).step_by(BLOCK) {
            let count = (channels - channel).min(BLOCK);
            let partial = |data: &[f32], at: usize| {
                if count == BLOCK {
                    return L::load(of(data, at));
                }
                let mut values = [0.0; BLOCK];
                values[..count].copy_from_slice(&data[at..at + count]);
                L::load(&values)
            };
            let mut sum = L::load(of(&weights.bias, channel));
            for r in 0..weights.kernel.0 {
                for c in 0..weights.kernel.1 {
                    let at = input.offset_padded(y * weights.stride.0 + r, x * weights.stride.1 + c, weights.padding);
                    let w = (r * weights.kernel.1 + c) * channels + channel;
                    sum = sum.add_product(partial(&input.data, at + channel), partial(&weights.packed, w));
                }
            }
            finish(sum, epilogue, output, (y, x), channel);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Activation, Epilogue, Weights, rows};
    use crate::backend::portable::lanes::x86::{Avx2, Avx512};

    #[target_feature(enable = "avx512f")]
    pub fn convolve_avx512(weights: &Weights, input: &Activation, epilogue: Epilogue<'_>, output: &mut Activation) {
        rows::<Avx512>(weights, input, epilogue, output);
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn convolve_avx2(weights: &Weights, input: &Activation, epilogue: Epilogue<'_>, output: &mut Activation) {
        rows::<Avx2>(weights, input, epilogue, output);
    }
}
