//! From a crop of a page to the encoder's input, as `models/training/lab/formula/preprocess.py` does it for training:
//!
//! 1. Grey levels are stretched between paper (the median) and ink (the mean of what is darker than half way to the darkest); white on black is
//!    turned over.
//! 2. The print's size is a weighted median of the heights of the connected parts.
//! 3. The crop is cut to its ink, without specks,
//! 4. scaled so that the print is `TARGET` pixels high, into `HIGHEST` x `WIDEST` pixels at most,
//! 5. and gets a margin, and paper up to whole multiples of [`MULTIPLE`].

pub mod isolate;
pub mod parts;
pub(super) mod scaling;

use parts::Part;

/// Pixels that the print's size is scaled to.
const TARGET: f64 = 10.0;
/// Paper around the ink, in pixels.
const MARGIN: usize = 4;
/// What heights and widths are multiples of: the encoder's stride, twice.
pub const MULTIPLE: usize = 16;
/// Largest ink, in pixels.
const HIGHEST: f64 = 224.0;
const WIDEST: f64 = 960.0;
/// What is more is a part of the print.
const INK: f32 = 0.5;
/// Pixels for one place of the encoder's output, in height and width.
pub const STRIDE: usize = 8;

/// Gray pixels of a crop: `height` rows of `width`, each `stride` after the one before. 0 is black.
#[derive(Clone, Copy, Debug)]
pub struct GrayCrop<'a> {
    pub data: &'a [u8],
    pub width: usize,
    pub height: usize,
    pub stride: usize,
}

impl<'a> GrayCrop<'a> {
    /// Rows without anything between them; `None` where there are not as many pixels as that takes.
    pub fn new(data: &'a [u8], width: usize, height: usize) -> Option<Self> {
        Self::part(data, width, width, height)
    }

    /// The first rows and columns of a page whose rows are `stride` long; `None` where there are not as many pixels.
    pub fn part(data: &'a [u8], stride: usize, width: usize, height: usize) -> Option<Self> {
        let needed = height.checked_sub(1).map_or(Some(0), |rows| rows.checked_mul(stride)?.checked_add(width))?;
        (width <= stride && needed <= data.len()).then_some(Self { data, width, height, stride })
    }

    pub fn rows(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.height).map(move |y| &self.data[y * self.stride..y * self.stride + self.width])
    }
}

/// The encoder's input for one crop: `[height][width]`, 0 paper, 1 ink.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// A multiple of [`MULTIPLE`], as the width.
    pub height: usize,
    pub width: usize,
    pub data: Vec<f32>,
}

impl Picture {
    /// Places of the encoder's output.
    pub fn places(&self) -> usize {
        (self.height / STRIDE) * (self.width / STRIDE)
    }
}

/// A crop after step 1: `height` rows of `width`, 0 paper, 1 ink.
#[derive(Clone, Copy, Debug)]
pub struct Ink<'a> {
    pub data: &'a [f32],
    pub width: usize,
    pub height: usize,
}

/// Step 1; `None` where there is no ink.
pub fn ink(crop: GrayCrop<'_>) -> Option<Vec<f32>> {
    if crop.width == 0 || crop.height == 0 {
        return None;
    }
    let ink = stretch(crop);
    ink.iter().any(|&value| value > INK).then_some(ink)
}

/// What the network is given for a crop; `None` where there is no ink in it.
pub fn prepare(crop: GrayCrop<'_>) -> Option<Picture> {
    let data = ink(crop)?;
    of_ink(Ink { data: &data, width: crop.width, height: crop.height })
}

/// Steps 2 to 5; `None` where there is no ink.
pub(super) fn of_ink(crop: Ink<'_>) -> Option<Picture> {
    let ink = crop.data;
    let (size, bounds) = measure(ink, crop.width, crop.height)?;
    let (width, height) = (bounds.right - bounds.left, bounds.bottom - bounds.top);
    let factor = (TARGET / size).clamp(0.1, 2.5).min(HIGHEST / height as f64).min(WIDEST / width as f64);
    let scaled = |pixels: usize| ((pixels as f64 * factor).round_ties_even() as usize).max(1);
    let (to_width, to_height) = (scaled(width), scaled(height));
    let source =
        scaling::Source { data: &ink[bounds.top * crop.width + bounds.left..], stride: crop.width, width, height };
    let small = scaling::resize(&source, to_width, to_height, factor < 1.0);
    let side = |pixels: usize| (pixels + 2 * MARGIN).next_multiple_of(MULTIPLE);
    let mut picture = Picture { height: side(to_height), width: side(to_width), data: Vec::new() };
    picture.data.resize(picture.height * picture.width, 0.0);
    let rows = picture.data.chunks_exact_mut(picture.width).skip(MARGIN);
    for (to, from) in rows.zip(small.chunks_exact(to_width)) {
        for (to, from) in to[MARGIN..].iter_mut().zip(from) {
            // 8 bits, as training's pictures were kept.
            *to = (from * 255.0 + 0.5).floor() / 255.0;
        }
    }
    Some(picture)
}

/// Step 1: 0 paper, 1 ink.
fn stretch(crop: GrayCrop<'_>) -> Vec<f32> {
    let mut counts = [0usize; 256];
    for row in crop.rows() {
        row.iter().for_each(|&level| counts[usize::from(level)] += 1);
    }
    let pixels = crop.width * crop.height;
    // Of an even number, half way between the two in the middle, cut off.
    let nth = |rank: usize| {
        let mut seen = 0;
        counts
            .iter()
            .position(|&count| {
                seen += count;
                seen > rank
            })
            .unwrap_or(255)
    };
    let median = (nth((pixels - 1) / 2) + nth(pixels / 2)) / 2;
    let inverse = median < 128;
    if inverse {
        counts.reverse();
    }
    let paper = if inverse { 255 - median } else { median };
    let darkest = counts.iter().position(|&count| count > 0).unwrap_or(0);
    let dark = counts.iter().enumerate().take((paper + darkest) / 2 + 1).filter(|(_, count)| **count > 0);
    let (mut sum, mut count) = (0, 0);
    dark.for_each(|(level, &pixels)| {
        sum += level * pixels;
        count += pixels;
    });
    let ink = sum as f64 / count.max(1) as f64;
    let depth = (paper as f64 - ink).max(1.0) as f32;
    let levels: [f32; 256] = std::array::from_fn(|level| {
        let level = if inverse { 255 - level } else { level };
        ((paper as f32 - level as f32) / depth).clamp(0.0, 1.0)
    });
    crop.rows().flatten().map(|&level| levels[usize::from(level)]).collect()
}

struct Bounds {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// Steps 2 and 3: the size of the print and the box of what is ink; `None` where there is none.
fn measure(ink: &[f32], width: usize, height: usize) -> Option<(f64, Bounds)> {
    let mut parts = parts::connected(ink, width, height);
    if parts.is_empty() {
        return None;
    }
    let size = size_of(&parts);
    parts.retain(|part| part.width().max(part.height()) as f64 >= 0.12 * size);
    let bounds = Bounds {
        left: parts.iter().map(|part| part.left).min()?,
        top: parts.iter().map(|part| part.top).min()?,
        right: parts.iter().map(|part| part.right).max()?,
        bottom: parts.iter().map(|part| part.bottom).max()?,
    };
    Some((size.max(1.0), bounds))
}

/// The print's size, of its parts.
pub(super) fn size_of(parts: &[Part]) -> f64 {
    let upright: Vec<&Part> = parts.iter().filter(|part| part.width() <= 4 * part.height()).collect();
    if upright.iter().any(|part| part.height() > 2) {
        let rough = median(upright.iter().map(|part| (part.height(), part.pixels * part.height())).collect());
        let tall = upright.iter().map(|part| part.height()).filter(|&height| height as f64 >= 0.2 * rough as f64);
        median(tall.map(|height| (height, height)).collect()) as f64
    } else {
        let mut widths: Vec<usize> = parts.iter().map(Part::width).collect();
        widths.sort_unstable();
        let count = widths.len();
        0.9 * (widths[(count - 1) / 2] + widths[count / 2]) as f64 / 2.0
    }
}

/// The first value, in rising order, up to which lies at least half of the weight. Values come with their weights.
fn median(mut values: Vec<(usize, usize)>) -> usize {
    values.sort_unstable();
    let total: usize = values.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0;
    let middle = values.iter().find(|(_, weight)| {
        sum += weight;
        2 * sum >= total
    });
    middle.map_or(0, |(value, _)| *value)
}
