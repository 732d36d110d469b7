//! Pillow's 8-bit triangle filter, to the last bit: what our own networks saw in training is what they see here.
//!
//! The filter is separable: across first, each row rounded to u8, then down. Its weights are 22-bit fixed-point numbers
//! (`precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's `Resample.c`, restated in `models/training/lab/preprocess.py`).
//! A pass that changes nothing is left out. Rows come out one at a time and only the few that the next output row needs are
//! kept, so that a page is scaled without an intermediate image.

use std::cell::RefCell;

/// Bits after the point of a weight.
const PRECISION: u32 = 22;

/// Bits of a weight's lower half; the upper half has up to 12, so that both fit an i16 and pairs of products an i32.
const LOW_BITS: u32 = 11;

/// Weights of an output pixel are padded with zeros to a multiple of this: what one instruction multiplies.
const CHUNK: usize = 8;

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
    across: Weights,
    down: Weights,
    /// Scaled rows, by their number modulo the rows that one output row needs.
    rows: Vec<u8>,
    result: Vec<u8>,
}

/// Scales `source` to `width` x `height` pixels and gives each row with its number, from the top. Nothing is given where
/// either has no pixels.
pub fn resize(source: Plane<'_>, width: usize, height: usize, mut give: impl FnMut(usize, &[u8])) {
    if source.width == 0 || source.height == 0 || width == 0 || height == 0 {
        return;
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let Scratch { across, down, rows, result } = scratch;
        let same_width = source.width == width;
        if !same_width {
            across.set(source.width, width);
        }
        let scaled = |y: usize, out: &mut [u8], across: &Weights| {
            if same_width { out.copy_from_slice(source.row(y)) } else { across.row(source.row(y), out) }
        };
        result.resize(width, 0);
        if source.height == height {
            for y in 0..height {
                scaled(y, result, across);
                give(y, result);
            }
            return;
        }
        down.set(source.height, height);
        // As many rows as one output row needs, and those of the next are further on, never back.
        let kept = down.most;
        rows.resize(kept * width, 0);
        let mut ready = 0;
        for y in 0..height {
            let (first, weights) = down.of(y);
            while ready < first + weights.len() {
                let slot = ready % kept;
                scaled(ready, &mut rows[slot * width..(slot + 1) * width], across);
                ready += 1;
            }
            let rows = weights.iter().enumerate().map(|(k, &w)| (&rows[(first + k) % kept * width..][..width], w));
            blend(rows, result);
            give(y, result);
        }
    });
}

/// What each output pixel of one pass is made of.
#[derive(Default)]
struct Weights {
    input: usize,
    /// First input pixel and number of weights, by output pixel.
    spans: Vec<(u32, u32)>,
    /// Weights of all output pixels, `most` apart.
    exact: Vec<i32>,
    /// Most weights of one output pixel.
    most: usize,
    /// First input pixel of the padded weights, by output pixel: earlier where the padding would reach beyond the row.
    starts: Vec<u32>,
    /// For each output pixel and chunk, the upper halves of the padded weights, then their lower halves.
    halves: Vec<[[i16; CHUNK]; 2]>,
    chunks: usize,
}

impl Weights {
    fn set(&mut self, input: usize, output: usize) {
        let scale = input as f64 / output as f64;
        let support = scale.max(1.0);
        self.input = input;
        self.most = 0;
        self.spans.clear();
        for i in 0..output {
            let center = (i as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let last = ((center + support + 0.5) as usize).min(input);
            self.spans.push((first as u32, (last - first) as u32));
            self.most = self.most.max(last - first);
        }
        self.exact.clear();
        self.exact.resize(output * self.most, 0);
        for (i, out) in self.exact.chunks_exact_mut(self.most).enumerate() {
            let center = (i as f64 + 0.5) * scale;
            let (first, count) = self.spans[i];
            let weight = |x: u32| (1.0 - ((f64::from(x) - center + 0.5) * (1.0 / support)).abs()).max(0.0);
            let total: f64 = (first..first + count).fold(0.0, |total, x| total + weight(x));
            for (out, x) in out.iter_mut().zip(first..first + count) {
                *out = (0.5 + weight(x) / total * f64::from(1 << PRECISION)) as i32;
            }
        }
        self.set_halves();
    }

    fn set_halves(&mut self) {
        self.chunks = self.most.div_ceil(CHUNK);
        let padded = self.chunks * CHUNK;
        self.starts.clear();
        self.halves.clear();
        if padded > self.input {
            // A row shorter than the padding is scaled weight by weight.
            return;
        }
        for (&(first, count), weights) in self.spans.iter().zip(self.exact.chunks_exact(self.most)) {
            let start = (first as usize).min(self.input - padded);
            let shift = first as usize - start;
            self.starts.push(start as u32);
            let at = self.halves.len();
            self.halves.resize(at + self.chunks, [[0; CHUNK]; 2]);
            for (k, &w) in weights[..count as usize].iter().enumerate() {
                let [high, low] = &mut self.halves[at + (shift + k) / CHUNK];
                high[(shift + k) % CHUNK] = (w >> LOW_BITS) as i16;
                low[(shift + k) % CHUNK] = (w & ((1 << LOW_BITS) - 1)) as i16;
            }
        }
    }

    fn of(&self, i: usize) -> (usize, &[i32]) {
        let (first, count) = self.spans[i];
        (first as usize, &self.exact[i * self.most..i * self.most + count as usize])
    }

    /// One row, `self.input` pixels, to `out`.
    fn row(&self, row: &[u8], out: &mut [u8]) {
        debug_assert_eq!(row.len(), self.input, "the weights are those of such rows");
        if self.starts.is_empty() {
            for (i, out) in out.iter_mut().enumerate() {
                let (first, weights) = self.of(i);
                let sum = row[first..].iter().zip(weights).fold(0, |sum, (&v, w)| sum + i32::from(v) * w);
                *out = rounded(sum);
            }
            return;
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the instructions are there.
            return unsafe { x86::row(self, row, out) };
        }
        self.row_in_chunks(row, out);
    }

    fn row_in_chunks(&self, row: &[u8], out: &mut [u8]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = self.pixel(row, i);
        }
    }

    #[inline(always)]
    fn pixel(&self, row: &[u8], i: usize) -> u8 {
        let start = self.starts[i] as usize;
        let pixels = row[start..start + self.chunks * CHUNK].chunks_exact(CHUNK);
        let (mut upper, mut lower) = (0, 0);
        for (pixels, [high, low]) in pixels.zip(&self.halves[i * self.chunks..(i + 1) * self.chunks]) {
            for k in 0..CHUNK {
                upper += i32::from(pixels[k]) * i32::from(high[k]);
                lower += i32::from(pixels[k]) * i32::from(low[k]);
            }
        }
        rounded((upper << LOW_BITS) + lower)
    }
}

/// A weighted sum as a pixel. Weights are never negative and add up to 1 within their rounding, so that only the top
/// needs a bound.
#[inline(always)]
fn rounded(sum: i32) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).min(255) as u8
}

/// The weighted sum of rows.
fn blend<'a>(rows: impl Iterator<Item = (&'a [u8], i32)> + Clone, out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the instructions are there.
        return unsafe { x86::blend(rows, out) };
    }
    blend_blocks(rows, out);
}

/// Compiled once for every CPU and once for those with wider registers.
#[inline(always)]
fn blend_blocks<'a>(rows: impl Iterator<Item = (&'a [u8], i32)> + Clone, out: &mut [u8]) {
    const BLOCK: usize = 32;
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let mut sums = [0_i32; BLOCK];
        for (row, weight) in rows.clone() {
            let pixels = &row[block * BLOCK..][..out.len()];
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
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = rounded(sum);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_packus_epi16, _mm_packus_epi32, _mm_set1_epi32,
        _mm_set1_epi64x, _mm_slli_epi32, _mm_srai_epi32, _mm256_add_epi32, _mm256_castsi256_si128,
        _mm256_cvtepu8_epi16, _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_setzero_si256,
    };

    use super::{CHUNK, LOW_BITS, PRECISION, Weights};

    /// Output pixels at a time.
    const GROUP: usize = 4;

    #[target_feature(enable = "avx2")]
    pub fn blend<'a>(rows: impl Iterator<Item = (&'a [u8], i32)> + Clone, out: &mut [u8]) {
        super::blend_blocks(rows, out);
    }

    #[target_feature(enable = "avx2")]
    pub fn row(weights: &Weights, row: &[u8], out: &mut [u8]) {
        let mut groups = out.chunks_exact_mut(GROUP);
        let mut i = 0;
        for group in &mut groups {
            group.copy_from_slice(&pixels(weights, row, i).to_le_bytes());
            i += GROUP;
        }
        for out in groups.into_remainder() {
            *out = weights.pixel(row, i);
            i += 1;
        }
    }

    /// Four output pixels from `i` on, the first in the lowest byte.
    #[target_feature(enable = "avx2")]
    fn pixels(weights: &Weights, row: &[u8], i: usize) -> u32 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| products(weights, row, i + k));
        // In each half the four sums of a, b, c and d: of the upper halves of the weights, and of the lower ones.
        let sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let upper = _mm_slli_epi32::<{ LOW_BITS as i32 }>(_mm256_castsi256_si128(sums));
        let sum = _mm_add_epi32(upper, _mm256_extracti128_si256::<1>(sums));
        let rounded: __m128i =
            _mm_srai_epi32::<{ PRECISION as i32 }>(_mm_add_epi32(sum, _mm_set1_epi32(1 << (PRECISION - 1))));
        let words = _mm_packus_epi32(rounded, rounded);
        _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).cast_unsigned()
    }

    /// Four partial sums with the upper halves of the weights, then four with the lower ones.
    #[target_feature(enable = "avx2")]
    fn products(weights: &Weights, row: &[u8], i: usize) -> __m256i {
        let start = weights.starts[i] as usize;
        let pixels = row[start..start + weights.chunks * CHUNK].as_chunks::<CHUNK>().0;
        let mut sum = _mm256_setzero_si256();
        for (pixels, halves) in pixels.iter().zip(&weights.halves[i * weights.chunks..(i + 1) * weights.chunks]) {
            let twice = _mm256_cvtepu8_epi16(_mm_set1_epi64x(i64::from_le_bytes(*pixels)));
            // SAFETY: `halves` is 32 bytes long, and no alignment is asked for.
            let halves = unsafe { _mm256_loadu_si256(std::ptr::from_ref(halves).cast()) };
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(twice, halves));
        }
        sum
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
    fn a_cpu_without_wide_registers_gives_the_same_pixels() {
        let mut weights = Weights::default();
        weights.set(1000, 313);
        let row = noise(1000);
        let (mut wide, mut narrow) = (vec![0; 313], vec![0; 313]);
        weights.row(&row, &mut wide);
        weights.row_in_chunks(&row, &mut narrow);
        assert_eq!(wide, narrow);
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
