//! The kernels: a few neighbouring output pixels of a few blocks of outputs at once, their sums in registers. The same code is compiled for
//! every kind of instructions.

use super::{
    Join, Shape, Weights,
    lanes::{Joining, Plain, Sums},
    weights::{Packing, QUAD},
};
use crate::{
    backend::portable::activation::{Activation, Number, copy_first},
    instructions::Instructions,
};

/// Most outputs of two blocks.
const MOST_OUTPUTS: usize = 32;

/// What becomes of sums.
trait End: Copy {
    type Made: Number;
    /// Writes those of `P` pixels from a pixel on, of `B` blocks from a channel on.
    ///
    /// # Safety
    /// The blocks are within the weights, and the pixels within the output.
    unsafe fn store<L: Sums, const P: usize, const B: usize>(
        self,
        weights: &Weights,
        sums: [[L; B]; P],
        output: &mut Activation<Self::Made>,
        pixel: (usize, usize),
        channel: usize,
    );
}

/// Bytes, maybe of the sum with another value.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    zero: i32,
    other: Option<(&'a Activation<u8>, Joining)>,
}

impl End for Bytes<'_> {
    type Made = u8;

    #[inline(always)]
    unsafe fn store<L: Sums, const P: usize, const B: usize>(
        self,
        weights: &Weights,
        mut sums: [[L; B]; P],
        output: &mut Activation<u8>,
        (y, x): (usize, usize),
        channel: usize,
    ) {
        let channels = output.channels;
        let scale = weights.scale[channel..channel + B * L::WIDTH].as_ptr();
        for sums in &mut sums {
            for (b, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the slice above is as long as `B` blocks.
                *sum = unsafe { sum.scaled(scale.add(b * L::WIDTH)) };
            }
        }
        if let Some((other, joining)) = self.other {
            let values = other.data[other.offset(y, x) + channel..][..(P - 1) * channels + B * L::WIDTH].as_ptr();
            for (p, sums) in sums.iter_mut().enumerate() {
                for (b, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the slice above is as long as what is read.
                    *sum = unsafe { sum.joined(joining, values.add(p * channels + b * L::WIDTH)) };
                }
            }
        }
        let count = (channels - channel).min(B * L::WIDTH);
        let at = output.offset(y, x) + channel;
        let to = &mut output.data[at..at + (P - 1) * channels + count];
        let is_whole = count == B * L::WIDTH;
        for (p, sums) in sums.into_iter().enumerate() {
            let to = &mut to[p * channels..][..count];
            let mut partial = [0; MOST_OUTPUTS];
            let place = if is_whole { to.as_mut_ptr() } else { partial.as_mut_ptr() };
            // SAFETY: both are as long as what is written.
            unsafe {
                match B {
                    2 => sums[0].store_two(sums[B - 1], self.zero, place),
                    _ => sums[0].store(self.zero, place),
                }
            }
            if !is_whole {
                copy_first(&partial, to);
            }
        }
    }
}

/// Numbers: each sum times its scale, plus these biases, which are there for whole blocks.
#[derive(Clone, Copy)]
struct Floats<'a> {
    bias: &'a [f32],
}

impl End for Floats<'_> {
    type Made = f32;

    #[inline(always)]
    unsafe fn store<L: Sums, const P: usize, const B: usize>(
        self,
        weights: &Weights,
        sums: [[L; B]; P],
        output: &mut Activation,
        (y, x): (usize, usize),
        channel: usize,
    ) {
        for (p, sums) in sums.into_iter().enumerate() {
            let start = output.offset(y, x + p);
            for (b, sum) in sums.into_iter().enumerate() {
                let channel = channel + b * L::WIDTH;
                let count = (output.channels - channel).min(L::WIDTH);
                let to = &mut output.data[start + channel..start + channel + count];
                let mut partial = [0.0; MOST_OUTPUTS];
                let place = if count == L::WIDTH { to.as_mut_ptr() } else { partial.as_mut_ptr() };
                let scale = weights.scale[channel..channel + L::WIDTH].as_ptr();
                let bias = self.bias[channel..channel + L::WIDTH].as_ptr();
                // SAFETY: the slices above are as long as what is read, and both places as what is written.
                unsafe { sum.store_floats(scale, bias, place) };
                if count < L::WIDTH {
                    copy_first(&partial, to);
                }
            }
        }
    }
}

/// Convolves `input` into `output`, which has the right size, with the instructions that the weights were packed for, which the processor has.
/// `zero` is what comes out for nothing, before anything is added to it.
pub fn convolve(
    instructions: Instructions,
    weights: &Weights,
    input: &Activation<u8>,
    zero: u8,
    other: Option<(&Activation<u8>, &Join)>,
    output: &mut Activation<u8>,
) {
    let other = other.map(|(other, join)| (other, Joining::of(join), join.sum.zero));
    let zero = other.as_ref().map_or(zero, |(.., zero)| *zero);
    let end = Bytes { zero: zero.into(), other: other.map(|(other, joining, _)| (other, joining)) };
    run(instructions, weights, input, end, output);
}

/// The same to numbers: sums times their scale, plus `bias`, which is filled up to whole blocks of 16.
pub fn multiply(
    instructions: Instructions,
    weights: &Weights,
    input: &Activation<u8>,
    bias: &[f32],
    output: &mut Activation,
) {
    run(instructions, weights, input, Floats { bias }, output);
}

fn run<E: End>(
    instructions: Instructions,
    weights: &Weights,
    input: &Activation<u8>,
    end: E,
    output: &mut Activation<E::Made>,
) {
    let Shape { padding, inputs, outputs, .. } = weights.shape;
    debug_assert!(instructions.are_here(), "this processor has no {instructions}");
    // What is read and written without asking again lies within what this has seen.
    assert!(input.padding.0 >= padding.0 && input.padding.1 >= padding.1, "the padding is there");
    assert!(weights.output_size(input.height, input.width) == Some((output.height, output.width)), "the size is right");
    assert!(input.channels == inputs && output.channels == outputs, "the channels are right");
    match instructions {
        Instructions::Plain => rows::<Plain, E>(weights, input, end, output),
        // SAFETY: the instructions are there, here and below.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => unsafe { x86::avx2(weights, input, end, output) },
        #[cfg(target_arch = "x86_64")]
        Instructions::AvxVnni => unsafe { x86::avxvnni(weights, input, end, output) },
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => unsafe { x86::avx512(weights, input, end, output) },
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512Vnni => unsafe { x86::avx512vnni(weights, input, end, output) },
        #[cfg(target_arch = "aarch64")]
        Instructions::Neon => unsafe { arm::neon(weights, input, end, output) },
        #[cfg(target_arch = "aarch64")]
        Instructions::NeonDot => unsafe { arm::neondot(weights, input, end, output) },
        _ => unreachable!("this processor has no {instructions}"),
    }
}

#[inline(always)]
fn rows<L: Sums, E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>) {
    assert_eq!(weights.packing, Packing::of(L::INSTRUCTIONS), "the weights are packed for these registers");
    for y in 0..output.height {
        match weights.shape.depthwise {
            true => row_by_channel::<L, E>(weights, input, end, output, y),
            false => row::<L, E>(weights, input, end, output, y),
        }
    }
}

#[inline(always)]
fn row<L: Sums, E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>, y: usize) {
    let (blocks, width) = (weights.shape.outputs.div_ceil(L::WIDTH), output.width);
    let mut block = 0;
    while block < blocks {
        let two = block + 1 < blocks;
        let tile_width = match two {
            _ if width < 8 => 1,
            true => L::TWO,
            false => L::ONE,
        };
        let mut x = 0;
        // The last pixels of a row are computed with the ones before them once more, so that every kernel is full.
        while x < width {
            let at = (y, x.min(width - tile_width));
            match (two, tile_width) {
                (true, 8) => tile::<L, E, 8, 2>(weights, input, end, output, at, block),
                (true, 4) => tile::<L, E, 4, 2>(weights, input, end, output, at, block),
                (true, _) => tile::<L, E, 1, 2>(weights, input, end, output, at, block),
                (false, 8) => tile::<L, E, 8, 1>(weights, input, end, output, at, block),
                (false, 4) => tile::<L, E, 4, 1>(weights, input, end, output, at, block),
                (false, _) => tile::<L, E, 1, 1>(weights, input, end, output, at, block),
            }
            x += tile_width;
        }
        block += if two { 2 } else { 1 };
    }
}

/// A row of a convolution of each channel by itself.
#[inline(always)]
fn row_by_channel<L: Sums, E: End>(
    weights: &Weights,
    input: &Activation<u8>,
    end: E,
    output: &mut Activation<E::Made>,
    y: usize,
) {
    /// Pixels at a time: a weight that is loaded serves all of them.
    const P: usize = 4;
    for block in 0..weights.shape.outputs.div_ceil(L::WIDTH) {
        if output.width < P {
            (0..output.width).for_each(|x| channels::<L, E, 1>(weights, input, end, output, (y, x), block));
            continue;
        }
        for x in (0..output.width).step_by(P) {
            channels::<L, E, P>(weights, input, end, output, (y, x.min(output.width - P)), block);
        }
    }
}

/// `P` pixels from `(y, x)` on, of one block of channels.
#[inline(always)]
fn channels<L: Sums, E: End, const P: usize>(
    weights: &Weights,
    input: &Activation<u8>,
    end: E,
    output: &mut Activation<E::Made>,
    (y, x): (usize, usize),
    block: usize,
) {
    let Shape { kernel: (rows, columns), stride, padding, .. } = weights.shape;
    let (channel, whole) = (block * L::WIDTH, weights.start.len());
    let step = stride.1 * input.channels;
    // SAFETY: starts are there for whole blocks.
    let mut sums = [unsafe { L::load(weights.start[channel..channel + L::WIDTH].as_ptr()) }; P];
    for r in 0..rows {
        let from = input.offset_padded(y * stride.0 + r, x * stride.1, padding) + channel;
        let last = from + (P - 1) * step + (columns - 1) * input.channels;
        let values = input.data[from..last + L::WIDTH].as_ptr();
        let of_row = &weights.by_channel[r * columns * whole..(r + 1) * columns * whole][channel..];
        for c in 0..columns {
            let weights = of_row[c * whole..][..L::WIDTH].as_ptr();
            for (p, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the slices that they point into are as long as what is read.
                *sum = unsafe { sum.add_own_products(values.add(p * step + c * input.channels), weights) };
            }
        }
    }
    // SAFETY: the pixels lie within the output.
    unsafe { end.store::<L, P, 1>(weights, sums.map(|sum| [sum]), output, (y, x), channel) };
}

/// `P` pixels from `(y, x)` on, of `B` blocks of outputs from `block` on.
#[expect(clippy::needless_range_loop, reason = "indices that are known are what the compiler unrolls")]
#[inline(always)]
fn tile<L: Sums, E: End, const P: usize, const B: usize>(
    weights: &Weights,
    input: &Activation<u8>,
    end: E,
    output: &mut Activation<E::Made>,
    (y, x): (usize, usize),
    block: usize,
) {
    let Shape { kernel: (rows, _), stride, padding, .. } = weights.shape;
    let (quads, four) = (weights.quads, L::WIDTH * QUAD);
    let first = weights.start[block * L::WIDTH..(block + B) * L::WIDTH].as_ptr();
    // SAFETY: the slice above is as long as `B` blocks, here and below.
    let mut sums = [[unsafe { L::load(first) }; B]; P];
    for sums in &mut sums {
        for b in 1..B {
            sums[b] = unsafe { L::load(first.add(b * L::WIDTH)) };
        }
    }
    let step = stride.1 * input.channels;
    for r in 0..rows {
        let from = input.offset_padded(y * stride.0 + r, x * stride.1, padding);
        let values = input.data[from..from + (P - 1) * step + quads * QUAD].as_ptr();
        let mut kernels = [weights.packed.as_ptr(); B];
        for b in 0..B {
            let from = ((block + b) * rows + r) * quads * four;
            kernels[b] = weights.packed[from..from + quads * four].as_ptr();
        }
        // SAFETY: the slices above are as long as what these loops read of them.
        unsafe {
            for quad in 0..quads {
                let mut w = [L::weights(kernels[0]); B];
                for b in 0..B {
                    w[b] = L::weights(kernels[b].add(quad * four));
                }
                for p in 0..P {
                    let v = L::values(values.add(p * step + quad * QUAD));
                    for b in 0..B {
                        sums[p][b] = sums[p][b].add_products(v, w[b]);
                    }
                }
            }
        }
    }
    // SAFETY: the tile lies within the output.
    unsafe { end.store::<L, P, B>(weights, sums, output, (y, x), block * L::WIDTH) };
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{Activation, End, Weights, rows};
    use crate::backend::portable::int8::neon::{Neon, NeonDot};

    #[target_feature(enable = "neon")]
    pub fn neon<E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>) {
        rows::<Neon, E>(weights, input, end, output);
    }

    #[target_feature(enable = "neon,dotprod")]
    pub fn neondot<E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>) {
        rows::<NeonDot, E>(weights, input, end, output);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Activation, End, Weights, rows};
    use crate::backend::portable::int8::lanes::x86::{Avx2, Avx512, Avx512Vnni, AvxVnni};

    #[target_feature(enable = "avx2,fma")]
    pub fn avx2<E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>) {
        rows::<Avx2, E>(weights, input, end, output);
    }

    #[target_feature(enable = "avx2,fma,avxvnni")]
    pub fn avxvnni<E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>) {
        rows::<AvxVnni, E>(weights, input, end, output);
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw")]
    pub fn avx512<E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>) {
        rows::<Avx512, E>(weights, input, end, output);
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vnni")]
    pub fn avx512vnni<E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>) {
        rows::<Avx512Vnni, E>(weights, input, end, output);
    }
}
