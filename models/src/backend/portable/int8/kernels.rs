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

/// One block of outputs, or two that are computed together.
struct Blocks<'a> {
    first: usize,
    /// All weights of each; the same twice where it is one.
    kernels: [&'a [i8]; 2],
    /// In which order fours are taken, kernel row after kernel row, and how many pairs come first in each.
    order: Option<(&'a [u32], &'a [usize])>,
}

#[inline(always)]
fn row<L: Sums, E: End>(weights: &Weights, input: &Activation<u8>, end: E, output: &mut Activation<E::Made>, y: usize) {
    let (count, width) = (weights.shape.outputs.div_ceil(L::WIDTH), output.width);
    let length = weights.shape.kernel.0 * weights.quads * L::WIDTH * QUAD;
    let kernel = |block: usize| &weights.packed[block * length..][..length];
    let mut block = 0;
    while block < count {
        let two = block + 1 < count;
        let kernels = [kernel(block), kernel(block + usize::from(two))];
        let blocks = Blocks { first: block, kernels, order: weights.in_order(block) };
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
                (true, 8) => tile::<L, E, 8, 2>(weights, &blocks, input, end, output, at),
                (true, 4) => tile::<L, E, 4, 2>(weights, &blocks, input, end, output, at),
                (true, _) => tile::<L, E, 1, 2>(weights, &blocks, input, end, output, at),
                (false, 8) => tile::<L, E, 8, 1>(weights, &blocks, input, end, output, at),
                (false, 4) => tile::<L, E, 4, 1>(weights, &blocks, input, end, output, at),
                (false, _) => tile::<L, E, 1, 1>(weights, &blocks, input, end, output, at),
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

/// `P` pixels from `(y, x)` on, of `B` blocks of outputs.
#[expect(clippy::needless_range_loop, reason = "indices that are known are what the compiler unrolls")]
#[inline(always)]
fn tile<L: Sums, E: End, const P: usize, const B: usize>(
    weights: &Weights,
    blocks: &Blocks<'_>,
    input: &Activation<u8>,
    end: E,
    output: &mut Activation<E::Made>,
    (y, x): (usize, usize),
) {
    let Shape { kernel: (rows, _), stride, padding, .. } = weights.shape;
    let (quads, four, channel) = (weights.quads, L::WIDTH * QUAD, blocks.first * L::WIDTH);
    let first = weights.start[channel..channel + B * L::WIDTH].as_ptr();
    // SAFETY: the slice above is as long as `B` blocks, here and below.
    let mut sums = [[unsafe { L::load(first) }; B]; P];
    for sums in &mut sums {
        for b in 1..B {
            sums[b] = unsafe { L::load(first.add(b * L::WIDTH)) };
        }
    }
    let (pitch, step) = (input.pitch(), stride.1 * input.channels);
    let from = input.offset_padded(y * stride.0, x * stride.1, padding);
    let length = (rows - 1) * pitch + (P - 1) * step + quads * QUAD;
    let mut values = input.data[from..from + length].as_ptr();
    let mut kernels: [*const i8; B] = std::array::from_fn(|b| blocks.kernels[b].as_ptr());
    for r in 0..rows {
        // SAFETY: the slices are as long as what is read of them, row after row, and places lie within a row.
        unsafe {
            if L::IN_PAIRS
                && let Some((places, pairs)) = blocks.order
            {
                let places = places.as_ptr().add(r * quads);
                let alone = 2 * *pairs.get_unchecked(r);
                for first in (0..alone).step_by(2) {
                    let at = [*places.add(first) as usize, *places.add(first + 1) as usize];
                    let mut w = [[L::weights(kernels[0].add(first * four)); 2]; B];
                    for b in 0..B {
                        w[b] = [first, first + 1].map(|n| L::weights(kernels[b].add(n * four)));
                    }
                    for p in 0..P {
                        let v = at.map(|at| L::values(values.add(p * step + at)));
                        for b in 0..B {
                            sums[p][b] = sums[p][b].add_two(v, w[b]);
                        }
                    }
                }
                for quad in alone..quads {
                    add_four(&mut sums, values.add(*places.add(quad) as usize), step, kernels, quad * four);
                }
            } else {
                for quad in 0..quads {
                    add_four(&mut sums, values.add(quad * QUAD), step, kernels, quad * four);
                }
            }
        }
        values = values.wrapping_add(pitch);
        kernels = kernels.map(|kernel| kernel.wrapping_add(quads * four));
    }
    // SAFETY: the tile lies within the output.
    unsafe { end.store::<L, P, B>(weights, sums, output, (y, x), channel) };
}

/// Adds the products of four values of each pixel, `step` after those of the one before, with the weights of each block.
///
/// # Safety
/// Four bytes can be read of each pixel, and weights `at` each kernel.
#[expect(clippy::needless_range_loop, reason = "as above")]
#[inline(always)]
unsafe fn add_four<L: Sums, const P: usize, const B: usize>(
    sums: &mut [[L; B]; P],
    values: *const u8,
    step: usize,
    kernels: [*const i8; B],
    at: usize,
) {
    // SAFETY: see above.
    unsafe {
        let mut w = [L::weights(kernels[0].add(at)); B];
        for b in 1..B {
            w[b] = L::weights(kernels[b].add(at));
        }
        for p in 0..P {
            let v = L::values(values.add(p * step));
            for b in 0..B {
                sums[p][b] = sums[p][b].add_products(v, w[b]);
            }
        }
    }
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
