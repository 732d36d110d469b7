//! Both passes with AVX2, whose integers are those of every CPU.
//!
//! Across, sixteen rows are scaled together: the pixels of a few columns are laid over so that a register holds two neighbouring
//! columns of eight rows. One instruction multiplies them by their two weights and adds them up, and no sum is ever taken across a register,
//! which with the four to eight weights of an output pixel was most of the work.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_packus_epi16, _mm_setzero_si128, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_packus_epi16, _mm256_packus_epi32,
    _mm256_permute4x64_epi64, _mm256_set_m128i, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi32,
    _mm256_srai_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpackhi_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

use super::{
    LOW_BITS, PRECISION, Plane, ROWS, Taps, blend_from,
    weights::{Halves, Weights, halves},
};

/// Columns that are laid over at a time, and output pixels that are taken from them.
const BLOCK: usize = 16;

/// Columns that are laid over before any of them are used: they stay in the nearest cache.
const TILE: usize = 384;

/// Of which row each lane's rows are: those that come out of the unpacking of bytes are the first eight, then the others.
const LANES: [usize; ROWS] = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15];

/// Two neighbouring columns of eight rows, twice.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Columns([[i16; ROWS]; 2]);

/// The weights of the pass across, two by two from an even column on, and what it works in.
#[derive(Default)]
pub struct Across {
    /// The first pair of columns of each output pixel.
    starts: Vec<u32>,
    /// Weights of all output pixels, `pairs` apart.
    weights: Vec<Halves>,
    pairs: usize,
    /// Output pixels of a tile, a multiple of `BLOCK`.
    tile: usize,
    columns: Vec<Columns>,
}

impl Across {
    pub fn set(&mut self, weights: &Weights) {
        // One more column where the first one is odd.
        self.pairs = weights.most / 2 + 1;
        self.tile = (TILE * weights.output / weights.input / BLOCK * BLOCK).clamp(BLOCK, TILE);
        self.starts.clear();
        self.weights.clear();
        self.weights.resize(weights.output * self.pairs, Halves::default());
        for (i, out) in self.weights.chunks_exact_mut(self.pairs).enumerate() {
            let (first, weights) = weights.of(i);
            self.starts.push((first / 2) as u32);
            let mut rest = weights;
            let mut out = out.iter_mut();
            if first % 2 == 1
                && let (Some((&w, others)), Some(out)) = (weights.split_first(), out.next())
            {
                *out = halves([0, w]);
                rest = others;
            }
            for (out, pair) in out.zip(rest.chunks(2)) {
                *out = halves([pair[0], pair.get(1).copied().unwrap_or(0)]);
            }
        }
    }

    /// `count` rows of `source` from `first` on, at most `ROWS`, to `out`, which has room for `ROWS`.
    #[target_feature(enable = "avx2")]
    pub fn rows(&mut self, source: Plane<'_>, first: usize, count: usize, out: &mut [u8]) {
        let rows: [&[u8]; ROWS] = LANES.map(|n| source.row(first + n.min(count - 1)));
        if count <= ROWS / 2 { self.scale::<1>(&rows, count, out) } else { self.scale::<2>(&rows, count, out) }
    }

    /// Scales the rows of the first lanes, or of both.
    #[target_feature(enable = "avx2")]
    fn scale<const HALVES: usize>(&mut self, rows: &[&[u8]; ROWS], count: usize, out: &mut [u8]) {
        let width = self.starts.len();
        for from in (0..width).step_by(self.tile) {
            let to = (from + self.tile).min(width);
            let (begin, end) = (self.starts[from] as usize, self.starts[to - 1] as usize + self.pairs);
            let blocks = (end - begin).div_ceil(BLOCK / 2);
            self.columns.resize(blocks * BLOCK / 2, Columns([[0; ROWS]; 2]));
            for (n, columns) in self.columns.as_chunks_mut().0.iter_mut().enumerate() {
                lay_over(rows, 2 * begin + n * BLOCK, columns);
            }
            for from in (from..to).step_by(BLOCK) {
                let length = BLOCK.min(to - from);
                let mut pixels = [_mm_setzero_si128(); BLOCK];
                for (k, pixels) in pixels.iter_mut().enumerate().take(length) {
                    let start = self.starts[from + k] as usize - begin;
                    let columns = &self.columns[start..start + self.pairs];
                    let weights = &self.weights[(from + k) * self.pairs..(from + k + 1) * self.pairs];
                    *pixels = of_column::<HALVES>(columns, weights);
                }
                for (pixels, row) in lay_back(&pixels).iter().zip(LANES) {
                    if row < count {
                        let out = &mut out[row * width + from..][..length];
                        match <&mut [u8; BLOCK]>::try_from(&mut *out) {
                            Ok(out) => *out = *pixels,
                            Err(_) => out.copy_from_slice(&pixels[..length]),
                        }
                    }
                }
            }
        }
    }
}

/// The next 16 columns, two by two; 0 beyond the rows' end, where no weight is.
#[inline]
#[target_feature(enable = "avx2")]
fn lay_over(rows: &[&[u8]; ROWS], column: usize, columns: &mut [Columns; BLOCK / 2]) {
    let zero = _mm256_setzero_si256();
    // Rows of eight pairs of bytes, two rows a register, become pairs of bytes of eight rows.
    let mut r = [zero; 8];
    if column + BLOCK <= rows[0].len() {
        for (n, r) in r.iter_mut().enumerate() {
            *r = two(&rows[n][column..column + BLOCK], &rows[n + 8][column..column + BLOCK]);
        }
    } else {
        let mut edge = [[0_u8; BLOCK]; ROWS];
        for (edge, row) in edge.iter_mut().zip(rows) {
            let rest = row.get(column..).unwrap_or_default();
            edge[..rest.len()].copy_from_slice(rest);
        }
        for (n, r) in r.iter_mut().enumerate() {
            *r = two(&edge[n], &edge[n + 8]);
        }
    }
    let a = unpacked_16(r);
    let b = unpacked_32([a[0], a[2], a[1], a[3], a[4], a[6], a[5], a[7]]);
    let c = unpacked_64([b[0], b[4], b[1], b[5], b[2], b[6], b[3], b[7]]);
    for (out, pair) in columns.iter_mut().zip(c) {
        store(_mm256_unpacklo_epi8(pair, zero), &mut out.0[0]);
        store(_mm256_unpackhi_epi8(pair, zero), &mut out.0[1]);
    }
}

/// Of each two registers the lower halves of their lanes in turn, then the upper ones.
macro_rules! unpacked {
    ($name:ident, $low:ident, $high:ident) => {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn $name(r: [__m256i; 8]) -> [__m256i; 8] {
            [
                $low(r[0], r[1]),
                $high(r[0], r[1]),
                $low(r[2], r[3]),
                $high(r[2], r[3]),
                $low(r[4], r[5]),
                $high(r[4], r[5]),
                $low(r[6], r[7]),
                $high(r[6], r[7]),
            ]
        }
    };
}

unpacked!(unpacked_8, _mm256_unpacklo_epi8, _mm256_unpackhi_epi8);
unpacked!(unpacked_16, _mm256_unpacklo_epi16, _mm256_unpackhi_epi16);
unpacked!(unpacked_32, _mm256_unpacklo_epi32, _mm256_unpackhi_epi32);
unpacked!(unpacked_64, _mm256_unpacklo_epi64, _mm256_unpackhi_epi64);

/// One output pixel of all rows, in the order of `LANES`.
#[inline]
#[target_feature(enable = "avx2")]
fn of_column<const HALVES: usize>(columns: &[Columns], weights: &[Halves]) -> __m128i {
    let mut high = [_mm256_setzero_si256(); HALVES];
    let mut low = high;
    for (columns, weights) in columns.iter().zip(weights) {
        let (upper, lower) = (broadcast(weights.high), broadcast(weights.low));
        for half in 0..HALVES {
            // SAFETY: it is 32 bytes long, and no alignment is asked for.
            let pixels = unsafe { _mm256_loadu_si256(columns.0[half].as_ptr().cast()) };
            high[half] = _mm256_add_epi32(high[half], _mm256_madd_epi16(pixels, upper));
            low[half] = _mm256_add_epi32(low[half], _mm256_madd_epi16(pixels, lower));
        }
    }
    let first = rounded(high[0], low[0]);
    let second = rounded(high[HALVES - 1], low[HALVES - 1]);
    let words = _mm256_packus_epi32(first, second);
    _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
}

/// Sixteen output pixels of sixteen rows, pixel by pixel, become those of row after row, in the order of `LANES`.
#[inline]
#[target_feature(enable = "avx2")]
fn lay_back(pixels: &[__m128i; BLOCK]) -> [[u8; BLOCK]; ROWS] {
    let mut r = [_mm256_setzero_si256(); 8];
    for (n, r) in r.iter_mut().enumerate() {
        *r = _mm256_set_m128i(pixels[n + 8], pixels[n]);
    }
    let a = unpacked_8(r);
    let b = unpacked_16([a[0], a[2], a[1], a[3], a[4], a[6], a[5], a[7]]);
    let c = unpacked_32([b[0], b[4], b[1], b[5], b[2], b[6], b[3], b[7]]);
    let mut rows = [[0_u8; BLOCK]; ROWS];
    for (rows, c) in rows.as_chunks_mut::<2>().0.iter_mut().zip(c) {
        store(_mm256_permute4x64_epi64::<0b11_01_10_00>(c), rows);
    }
    rows
}

/// The weighted sum of rows that lie in `data`.
#[target_feature(enable = "avx2")]
pub fn blend(data: &[u8], taps: &[Taps], out: &mut [u8]) {
    const STEP: usize = 32;
    let width = out.len();
    let whole = width / STEP * STEP;
    for from in (0..whole).step_by(STEP) {
        let zero = _mm256_setzero_si256();
        let (mut high, mut low) = ([zero; 4], [zero; 4]);
        for Taps { rows, weights } in taps {
            let [a, b] = rows.map(|row| {
                let pixels = &data[row + from..row + from + STEP];
                // SAFETY: `pixels` is 32 bytes long, and no alignment is asked for.
                unsafe { _mm256_loadu_si256(pixels.as_ptr().cast()) }
            });
            let (upper, lower) = (broadcast(weights.high), broadcast(weights.low));
            let (left, right) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
            let pairs = [
                _mm256_unpacklo_epi8(left, zero),
                _mm256_unpackhi_epi8(left, zero),
                _mm256_unpacklo_epi8(right, zero),
                _mm256_unpackhi_epi8(right, zero),
            ];
            for (k, pair) in pairs.into_iter().enumerate() {
                high[k] = _mm256_add_epi32(high[k], _mm256_madd_epi16(pair, upper));
                low[k] = _mm256_add_epi32(low[k], _mm256_madd_epi16(pair, lower));
            }
        }
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| rounded(high[k], low[k]));
        let bytes = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
        if let Some(out) = out[from..].first_chunk_mut::<STEP>() {
            store(bytes, out);
        }
    }
    blend_from(whole, data, taps, out);
}

/// Sums of products with the upper and lower halves of weights as pixels, which packing bounds at the top.
#[inline]
#[target_feature(enable = "avx2")]
fn rounded(high: __m256i, low: __m256i) -> __m256i {
    let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW_BITS as i32 }>(high), low);
    _mm256_srai_epi32::<{ PRECISION as i32 }>(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (PRECISION - 1))))
}

/// Two weights in every lane.
#[inline]
#[target_feature(enable = "avx2")]
fn broadcast([a, b]: [i16; 2]) -> __m256i {
    _mm256_set1_epi32(i32::from(a) & 0xffff | i32::from(b) << 16)
}

/// Sixteen bytes, and sixteen others.
#[inline]
#[target_feature(enable = "avx2")]
fn two(low: &[u8], high: &[u8]) -> __m256i {
    assert!(low.len() == BLOCK && high.len() == BLOCK);
    // SAFETY: both are 16 bytes long, and no alignment is asked for.
    unsafe { _mm256_set_m128i(_mm_loadu_si128(high.as_ptr().cast()), _mm_loadu_si128(low.as_ptr().cast())) }
}

/// Writes 32 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn store<T, const N: usize>(value: __m256i, to: &mut [T; N]) {
    const { assert!(size_of::<[T; N]>() == 32) };
    // SAFETY: it is 32 bytes long, of numbers, and no alignment is asked for.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) };
}
