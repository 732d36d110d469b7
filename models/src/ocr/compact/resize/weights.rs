//! What each output pixel of one pass is made of, and the pass across for CPUs without instructions of their own for it.

use fearless_simd::{Level, Simd, dispatch};

use super::{LOW_BITS, PRECISION, rounded};

/// Weights of an output pixel are padded with zeros to a multiple of this: what one instruction multiplies.
const CHUNK: usize = 8;

/// What each output pixel of one pass is made of.
#[derive(Debug, Default)]
pub struct Weights {
    pub input: usize,
    pub output: usize,
    /// First input pixel and number of weights, by output pixel.
    spans: Vec<(u32, u32)>,
    /// Weights of all output pixels, `most` apart.
    exact: Vec<i32>,
    /// Most weights of one output pixel.
    pub most: usize,
}

impl Weights {
    /// Makes them those from `input` pixels to `output`; `false` where they are that already.
    pub fn set(&mut self, input: usize, output: usize) -> bool {
        if (self.input, self.output) == (input, output) {
            return false;
        }
        let scale = input as f64 / output as f64;
        let support = scale.max(1.0);
        (self.input, self.output) = (input, output);
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
        dispatch!(Level::new(), simd => simd.vectorize(|| self.calculate(scale)));
        true
    }

    /// The weights of eight output pixels at a time, each by itself: with whatever instructions, they are the same.
    #[inline(always)]
    fn calculate(&mut self, scale: f64) {
        const LANES: usize = 8;
        let reach = 1.0 / scale.max(1.0);
        let mut found = vec![[0.0_f64; LANES]; self.most];
        let blocks = self.exact.chunks_mut(LANES * self.most).zip(self.spans.chunks(LANES)).enumerate();
        for (block, (out, spans)) in blocks {
            let mut places = [(0, 0); LANES];
            places[..spans.len()].copy_from_slice(spans);
            let centers: [f64; LANES] = std::array::from_fn(|n| ((block * LANES + n) as f64 + 0.5) * scale);
            let firsts = places.map(|(first, _)| f64::from(first));
            let counts = places.map(|(_, count)| f64::from(count));
            let mut totals = [0.0_f64; LANES];
            for (k, found) in found.iter_mut().enumerate() {
                let k = k as f64;
                for n in 0..LANES {
                    let weight = (1.0 - ((firsts[n] + k - centers[n] + 0.5) * reach).abs()).max(0.0);
                    found[n] = if k < counts[n] { weight } else { 0.0 };
                    totals[n] += found[n];
                }
            }
            for (k, found) in found.iter().enumerate() {
                let mut weights = [0; LANES];
                for n in 0..LANES {
                    weights[n] = (0.5 + found[n] / totals[n] * f64::from(1 << PRECISION)) as i32;
                }
                for (out, weight) in out.chunks_exact_mut(self.most).zip(weights) {
                    out[k] = weight;
                }
            }
        }
    }

    /// The first input pixel of an output pixel, and the weights from there on.
    pub fn of(&self, i: usize) -> (usize, &[i32]) {
        let (first, count) = self.spans[i];
        (first as usize, &self.exact[i * self.most..i * self.most + count as usize])
    }
}

/// Upper and lower halves of two neighbouring weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Halves {
    pub high: [i16; 2],
    pub low: [i16; 2],
}

impl Halves {
    pub fn whole(&self) -> [i32; 2] {
        [0, 1].map(|k| (i32::from(self.high[k]) << LOW_BITS) + i32::from(self.low[k]))
    }
}

pub fn halves(weights: [i32; 2]) -> Halves {
    Halves { high: weights.map(|w| (w >> LOW_BITS) as i16), low: weights.map(|w| (w & ((1 << LOW_BITS) - 1)) as i16) }
}

/// Weights in chunks of eight, which compilers know what to do with.
#[derive(Debug, Default)]
pub struct Chunks {
    /// First input pixel of the padded weights, by output pixel: earlier where the padding would reach beyond the row.
    starts: Vec<u32>,
    /// For each output pixel and chunk, the upper halves of the padded weights, then their lower halves.
    halves: Vec<[[i16; CHUNK]; 2]>,
    chunks: usize,
}

impl Chunks {
    pub fn set(&mut self, weights: &Weights) {
        self.chunks = weights.most.div_ceil(CHUNK);
        let padded = self.chunks * CHUNK;
        self.starts.clear();
        self.halves.clear();
        if padded > weights.input {
            // A row shorter than the padding is scaled weight by weight.
            return;
        }
        for (first, of_pixel) in (0..weights.output).map(|i| weights.of(i)) {
            let start = first.min(weights.input - padded);
            let shift = first - start;
            self.starts.push(start as u32);
            let at = self.halves.len();
            self.halves.resize(at + self.chunks, [[0; CHUNK]; 2]);
            for (k, &w) in of_pixel.iter().enumerate() {
                let [high, low] = &mut self.halves[at + (shift + k) / CHUNK];
                high[(shift + k) % CHUNK] = (w >> LOW_BITS) as i16;
                low[(shift + k) % CHUNK] = (w & ((1 << LOW_BITS) - 1)) as i16;
            }
        }
    }

    /// One row to `out`.
    pub fn row(&self, weights: &Weights, row: &[u8], out: &mut [u8]) {
        if self.starts.is_empty() {
            for (i, out) in out.iter_mut().enumerate() {
                let (first, weights) = weights.of(i);
                let sum = row[first..].iter().zip(weights).fold(0, |sum, (&v, w)| sum + i32::from(v) * w);
                *out = rounded(sum);
            }
            return;
        }
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
