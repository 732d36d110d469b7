//! A crop of a formula, its connected parts, and what the network sees of each, as `models/training/lab/formula/parts.py` does it for training.

use super::super::picture::{
    self, GrayCrop,
    parts::{self, Part, Traced},
    scaling::{Source, resize},
};
use crate::backend::Tensor;

/// Height and width of what the network sees.
const SIDE: usize = 32;
const CHANNELS: usize = 5;
/// The longer side of a part on its own, in pixels.
const OWN: f64 = 28.0;
/// What the print's size is around a part, in pixels.
const NEAR: f64 = 6.0;
/// What is more than this is ink: hairlines are thinner than a pixel.
const LIMIT: f32 = 0.3;
/// Larger print is made smaller. Pixels.
const MOST: f64 = 36.0;
const SHRUNK: f64 = 24.0;
/// What is lower and narrower is a speck, in shares of the print's size.
const SPECK: f64 = 0.08;
/// Parts of one formula: more are no formula.
const MOST_PARTS: usize = 400;

/// See the module.
#[derive(Clone, Debug)]
pub struct Parts {
    /// In the order of their left sides.
    pub parts: Vec<Traced>,
    /// The print's size in pixels, as parts have them.
    pub size: f64,
    ink: Vec<f32>,
    width: usize,
    height: usize,
}

impl Parts {
    /// `None` where there is no ink, or too much.
    pub fn of(crop: GrayCrop<'_>) -> Option<Self> {
        if crop.width == 0 || crop.height == 0 {
            return None;
        }
        let ink = picture::stretch(crop);
        let (size, _) = picture::measure(&ink, crop.width, crop.height)?;
        let factor = if size > MOST { SHRUNK / size } else { 1.0 };
        let scaled = |pixels: usize| ((pixels as f64 * factor).round_ties_even() as usize).max(1);
        let (width, height) = (scaled(crop.width), scaled(crop.height));
        let ink = if factor == 1.0 {
            ink
        } else {
            let source = Source { data: &ink, stride: crop.width, width: crop.width, height: crop.height };
            resize(&source, width, height, true)
        };
        let size = size * factor;
        let mut parts = parts::traced(&ink, width, height, LIMIT);
        parts.retain(|traced| traced.part.width().max(traced.part.height()) as f64 >= SPECK * size);
        parts.sort_by_key(|traced| (traced.part.left, traced.part.top));
        (!parts.is_empty() && parts.len() <= MOST_PARTS).then_some(Self { parts, size, ink, width, height })
    }

    /// `[parts, 5, 32, 32]`: a part's own ink, the same at the size of what is around it, all ink around it, and its height and width.
    pub fn tensor(&self) -> Tensor {
        let scale = NEAR / self.size;
        let side = |pixels: usize| (pixels as f64 * scale).ceil() as usize;
        let (small_width, small_height) = (side(self.width), side(self.height));
        let source = Source { data: &self.ink, stride: self.width, width: self.width, height: self.height };
        let small = resize(&source, small_width, small_height, scale < 1.0);
        let across = small_width as f64 / self.width as f64;
        let down = small_height as f64 / self.height as f64;
        let mut data = vec![0.0; self.parts.len() * CHANNELS * SIDE * SIDE];
        for (traced, seen) in self.parts.iter().zip(data.chunks_exact_mut(CHANNELS * SIDE * SIDE)) {
            let part = &traced.part;
            let (width, height) = (part.width(), part.height());
            let own = self.own(traced);
            let source = Source { data: &own, stride: width, width, height };
            let mut channels = seen.chunks_exact_mut(SIDE * SIDE);
            let mut channel = || channels.next().unwrap_or_default();
            // On its own.
            let fit = OWN / width.max(height) as f64;
            let fitted = |pixels: usize| ((pixels as f64 * fit).round_ties_even() as usize).max(1);
            let (to_width, to_height) = (fitted(width), fitted(height));
            let alone = if (to_width, to_height) == (width, height) {
                own.clone()
            } else {
                resize(&source, to_width, to_height, to_width < width || to_height < height)
            };
            let corner = (((SIDE - to_width) / 2) as i64, ((SIDE - to_height) / 2) as i64);
            put(channel(), &alone, to_width, corner);
            // As large as what is around it.
            let near = |pixels: usize| ((pixels as f64 * scale).round_ties_even() as usize).max(1);
            let (near_width, near_height) = (near(width), near(height));
            let own = resize(&source, near_width, near_height, scale < 1.0);
            let half = (SIDE / 2) as i64;
            let corner = (half - (near_width / 2) as i64, half - (near_height / 2) as i64);
            put(channel(), &own, near_width, corner);
            let middle = |from: usize, to: usize, ratio: f64| ((from + to) as f64 / 2.0 * ratio) as i64;
            let (x, y) = (middle(part.left, part.right, across), middle(part.top, part.bottom, down));
            put(channel(), &small, small_width, (half - x, half - y));
            for length in [height, width] {
                let level = 128.0 + 32.0 * (length as f64 / self.size).log2();
                channel().fill((level.round_ties_even().clamp(0.0, 255.0) / 255.0) as f32);
            }
        }
        Tensor { shape: vec![self.parts.len(), CHANNELS, SIDE, SIDE], data }
    }

    /// The pixels of a part alone, of its box.
    fn own(&self, Traced { part, runs }: &Traced) -> Vec<f32> {
        let mut own = vec![0.0; part.width() * part.height()];
        for &(y, start, end) in runs {
            let to = (y - part.top) * part.width() + start - part.left;
            let from = y * self.width + start;
            own[to..to + end - start].copy_from_slice(&self.ink[from..from + end - start]);
        }
        own
    }
}

/// Puts a picture, whose upper left corner lies there, into a channel, as far as it reaches; in 8 bits, as training's are kept.
fn put(channel: &mut [f32], picture: &[f32], width: usize, (left, top): (i64, i64)) {
    for (y, row) in picture.chunks_exact(width).enumerate() {
        let Some(to) = usize::try_from(top + y as i64).ok().filter(|y| *y < SIDE) else { continue };
        let to = &mut channel[to * SIDE..(to + 1) * SIDE];
        let skipped = (-left).max(0) as usize;
        let from = row.iter().skip(skipped);
        let to = to.iter_mut().skip(left.max(0) as usize);
        to.zip(from).for_each(|(to, from)| *to = (from * 255.0 + 0.5).floor() / 255.0);
    }
}

/// Where the box of a part is, as numbers.
pub fn sides(part: &Part) -> [f32; 4] {
    [part.left, part.top, part.right, part.bottom].map(|side| side as f32)
}
