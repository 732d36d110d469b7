//! Pillow's 8-bit triangle filter, to the last bit: what our own networks saw in training is what they see here.
//!
//! The filter is separable: across first, each row rounded to u8, then down. Its weights are 22-bit fixed-point numbers
//! (`precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's `Resample.c`, restated in `models/training/lab/preprocess.py`).
//! A pass that changes nothing is left out. Rows are scaled a few at a time and only those that the next output row needs are
//! kept, so that a page is scaled without an intermediate image.

use std::cell::RefCell;

mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

use weights::{Halves, Weights, halves};

/// Bits after the point of a weight.
const PRECISION: u32 = 22;

/// Bits of a weight's lower half; the upper half has up to 12, so that both fit an i16 and pairs of products an i32.
const LOW_BITS: u32 = 11;

/// Rows that are scaled across together, where the CPU has instructions for that.
const ROWS: usize = 16;

/// Borrowed gray pixels: `height` rows of `width`, each `stride` after the one before.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    pub data: &'a [u8],
    pub width: usize,
    pub height: usize,
    pub stride: usize,
}

impl<'a> Plane<'a> {
    pub fn new(data: &'a [u8], width: usize, height: usize) -> Self {
        Self { data, width, height, stride: width }
    }

    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..y * self.stride + self.width]
    }

    /// The part from `left`, `top` of the given size, which must lie inside.
    pub fn part(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        Self { data: &self.data[top * self.stride + left..], width, height, stride: self.stride }
    }
}

thread_local! {
    // Weights and rows in flight: one set a thread, so that no page and no line allocates them again.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    across: Across,
    down: Weights,
    /// Scaled rows, by their number modulo the rows that are kept.
    rows: Vec<u8>,
    taps: Vec<Taps>,
    result: Vec<u8>,
}

/// Scales `source` to `width` x `height` pixels and gives each row with its number, from the top. Nothing is given where
/// either has no pixels.
pub fn resize(source: Plane<'_>, width: usize, height: usize, mut give: impl FnMut(usize, &[u8])) {
    if source.width == 0 || source.height == 0 || width == 0 || height == 0 {
        return;
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let Scratch { across, down, rows, taps, result } = scratch;
        let same_width = source.width == width;
        if !same_width {
            across.set(source.width, width);
        }
        if source.height == height {
            if same_width {
                return (0..height).for_each(|y| give(y, source.row(y)));
            }
            rows.resize(ROWS * width, 0);
            for first in (0..height).step_by(ROWS) {
                across.rows(source, first, rows);
                let last = (first + ROWS).min(height);
                (first..last).zip(rows.chunks_exact(width)).for_each(|(y, row)| give(y, row));
            }
            return;
        }
        down.set(source.height, height);
        result.resize(width, 0);
        // As many rows as one output row needs, and those of the next are further on, never back.
        let kept = (down.most + ROWS - 1).next_multiple_of(ROWS);
        if !same_width {
            rows.resize(kept * width, 0);
        }
        let mut ready = 0;
        for y in 0..height {
            let (first, weights) = down.of(y);
            if same_width {
                pair_up(taps, weights, |k| (first + k) * source.stride);
                blend(source.data, taps, result);
            } else {
                while ready < first + weights.len() {
                    let slot = ready % kept;
                    across.rows(source, ready, &mut rows[slot * width..(slot + ROWS) * width]);
                    ready += ROWS;
                }
                pair_up(taps, weights, |k| (first + k) % kept * width);
                blend(rows, taps, result);
            }
            give(y, result);
        }
    });
}

/// The pass across: weights, and what the CPU's own instructions need of them.
#[derive(Default)]
struct Across {
    weights: Weights,
    #[cfg(target_arch = "x86_64")]
    many: x86::Across,
    chunks: weights::Chunks,
}

impl Across {
    fn set(&mut self, input: usize, output: usize) {
        if !self.weights.set(input, output) {
            return;
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return self.many.set(&self.weights);
        }
        self.chunks.set(&self.weights);
    }

    /// `ROWS` rows from `first` on to `out`, or as many as there are.
    fn rows(&mut self, source: Plane<'_>, first: usize, out: &mut [u8]) {
        debug_assert_eq!(source.width, self.weights.input, "the weights are those of such rows");
        let count = ROWS.min(source.height - first);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the instructions are there.
            return unsafe { self.many.rows(source, first, count, out) };
        }
        for (y, out) in out.chunks_exact_mut(self.weights.output).enumerate().take(count) {
            self.chunks.row(&self.weights, source.row(first + y), out);
        }
    }
}

/// A weighted sum as a pixel. Weights are never negative and add up to 1 within their rounding, so that only the top
/// needs a bound.
#[inline(always)]
fn rounded(sum: i32) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).min(255) as u8
}

/// Two rows that go into an output row, by where they begin, and their weights' halves.
#[derive(Clone, Copy, Debug)]
struct Taps {
    rows: [usize; 2],
    weights: Halves,
}

/// Of an odd number of rows the last is paired with itself, without weight.
fn pair_up(taps: &mut Vec<Taps>, weights: &[i32], begin: impl Fn(usize) -> usize) {
    taps.clear();
    taps.extend(weights.chunks(2).enumerate().map(|(n, pair)| {
        let (k, second) = (2 * n, pair.get(1).copied());
        Taps {
            rows: [begin(k), begin(k + usize::from(second.is_some()))],
            weights: halves([pair[0], second.unwrap_or(0)]),
        }
    }));
}

/// The weighted sum of rows that lie in `data`.
fn blend(data: &[u8], taps: &[Taps], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the instructions are there.
        return unsafe { x86::blend(data, taps, out) };
    }
    blend_from(0, data, taps, out);
}

/// The weighted sum of rows from a column on, for every CPU.
fn blend_from(column: usize, data: &[u8], taps: &[Taps], out: &mut [u8]) {
    const BLOCK: usize = 32;
    let width = out.len();
    for (block, out) in out[column..].chunks_mut(BLOCK).enumerate() {
        let from = column + block * BLOCK;
        let mut sums = [0_i32; BLOCK];
        for Taps { rows, weights } in taps {
            for (&row, weight) in rows.iter().zip(weights.whole()) {
                let pixels = &data[row..row + width][from..from + out.len()];
                if let Ok(pixels) = <&[u8; BLOCK]>::try_from(pixels) {
                    for k in 0..BLOCK {
                        sums[k] += i32::from(pixels[k]) * weight;
                    }
                } else {
                    for (sum, &v) in sums.iter_mut().zip(pixels) {
                        *sum += i32::from(v) * weight;
                    }
                }
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = rounded(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of the contract in plain numbers.
    fn by_definition(source: Plane<'_>, width: usize, height: usize) -> Vec<u8> {
        let pass = |rows: Vec<Vec<u8>>, size: usize| -> Vec<Vec<u8>> {
            if rows[0].len() == size {
                return rows;
            }
            let mut weights = Weights::default();
            weights.set(rows[0].len(), size);
            let pixel = |row: &Vec<u8>, i| {
                let (first, weights) = weights.of(i);
                let sum: i64 = weights.iter().zip(&row[first..]).map(|(&w, &v)| i64::from(w) * i64::from(v)).sum();
                ((sum + (1 << 21)) >> 22).clamp(0, 255) as u8
            };
            rows.iter().map(|row| (0..size).map(|i| pixel(row, i)).collect()).collect()
        };
        let transposed = |rows: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
            (0..rows[0].len()).map(|x| rows.iter().map(|row| row[x]).collect()).collect()
        };
        let rows = (0..source.height).map(|y| source.row(y).to_vec()).collect();
        transposed(pass(transposed(pass(rows, width)), height)).concat()
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn every_size_comes_out_as_the_definition_has_it() {
        for (w, h, width, height) in [
            (1, 1, 8, 32),
            (3, 50, 8, 32),
            (97, 41, 97, 32),
            (97, 32, 41, 32),
            (97, 32, 97, 32),
            (640, 51, 402, 32),
            (300, 200, 900, 250),
            (1, 400, 1, 96),
            (1000, 7, 33, 32),
        ] {
            let data = noise(w * h);
            let source = Plane::new(&data, w, h);
            let mut found = Vec::new();
            resize(source, width, height, |y, row| {
                assert_eq!(y * width, found.len(), "rows come in order");
                found.extend_from_slice(row);
            });
            assert_eq!(found, by_definition(source, width, height), "{w} x {h} to {width} x {height}");
        }
    }

    #[test]
    fn every_instruction_set_scales_to_the_same_pixels() {
        // Rows and columns that do not come in whole blocks, and blocks of every number of rows.
        for (w, h, width, height) in
            [(1000, 37, 313, 32), (1, 9, 5, 4), (7, 3, 9, 1), (333, 20, 612, 31), (2481, 40, 31, 7), (64, 50, 64, 33)]
        {
            let data = noise(w * h);
            let source = Plane::new(&data, w, h);
            let (mut weights, mut chunks, mut across) = <(Weights, weights::Chunks, Across)>::default();
            weights.set(w, width);
            chunks.set(&weights);
            across.set(w, width);
            let mut rows = vec![0; h.next_multiple_of(ROWS) * width];
            for first in (0..h).step_by(ROWS) {
                across.rows(source, first, &mut rows[first * width..(first + ROWS) * width]);
            }
            let mut plain = vec![0; width];
            for y in 0..h {
                chunks.row(&weights, source.row(y), &mut plain);
                assert_eq!(rows[y * width..(y + 1) * width], plain, "row {y} of {w} x {h}");
            }
            let (mut down, mut taps) = (Weights::default(), Vec::new());
            down.set(h, height);
            let mut blended = vec![0; width];
            for y in 0..height {
                let (first, weights) = down.of(y);
                pair_up(&mut taps, weights, |k| (first + k) * width);
                blend(&rows, &taps, &mut blended);
                blend_from(0, &rows, &taps, &mut plain);
                assert_eq!(blended, plain, "row {y} of {height}");
            }
        }
    }

    #[test]
    fn a_part_of_a_page_is_scaled_as_if_it_were_cut_out() {
        let page = noise(100 * 80);
        let part = Plane::new(&page, 100, 80).part(20, 10, 60, 40);
        let cut: Vec<u8> = (0..40).flat_map(|y| part.row(y).to_vec()).collect();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        resize(part, 30, 30, |_, row| a.extend_from_slice(row));
        resize(Plane::new(&cut, 60, 40), 30, 30, |_, row| b.extend_from_slice(row));
        assert_eq!(a, b);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        resize(Plane::new(&[], 0, 10), 5, 5, |_, _| panic!("there are no pixels"));
        resize(Plane::new(&[1], 1, 1), 0, 5, |_, _| panic!("there is no room"));
    }
}
