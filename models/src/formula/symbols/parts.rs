//! A crop of a formula, its connected parts, and what the network sees of each, as `models/training/lab/formula/parts.py` does it for training.

use std::borrow::Cow;

use super::super::picture::{
    self, Ink,
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
/// Places of a part where it may be cut.
const MOST_COLUMNS: usize = 5;
const MOST_ROWS: usize = 3;
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
    pub fn of(crop: Ink<'_>) -> Option<Self> {
        let Scaled { ink, width, height, size } = scaled(crop)?;
        let ink = ink.into_owned();
        let mut parts = parts::traced(&ink, width, height, LIMIT);
        parts.retain(|traced| traced.part.width().max(traced.part.height()) as f64 >= SPECK * size);
        parts.sort_by_key(|traced| (traced.part.left, traced.part.top));
        (!parts.is_empty() && parts.len() <= MOST_PARTS).then_some(Self { parts, size, ink, width, height })
    }

    /// `[parts, 5, 32, 32]`, of parts of this picture: a part's own ink, the same at the size of what is around it, all ink around it, and its height and width.
    pub fn tensor(&self, parts: &[Traced]) -> Tensor {
        let scale = NEAR / self.size;
        let side = |pixels: usize| (pixels as f64 * scale).ceil() as usize;
        let (small_width, small_height) = (side(self.width), side(self.height));
        let source = Source { data: &self.ink, stride: self.width, width: self.width, height: self.height };
        let small = resize(&source, small_width, small_height, scale < 1.0);
        let across = small_width as f64 / self.width as f64;
        let down = small_height as f64 / self.height as f64;
        let mut data = vec![0.0; parts.len() * CHANNELS * SIDE * SIDE];
        for (traced, seen) in parts.iter().zip(data.chunks_exact_mut(CHANNELS * SIDE * SIDE)) {
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
        Tensor { shape: vec![parts.len(), CHANNELS, SIDE, SIDE], data }
    }

    /// Where a part may be cut, the thinnest places first: columns and rows near no end of it, across which little ink goes.
    pub fn cuts(&self, traced: &Traced) -> Vec<Cut> {
        let part = &traced.part;
        let margin = 2.max((0.12 * self.size) as usize);
        let mut found: Vec<(usize, Cut)> = Vec::new();
        for (is_column, most) in [(true, MOST_COLUMNS), (false, MOST_ROWS)] {
            let start = if is_column { part.left } else { part.top };
            let profile = profile(traced, is_column);
            let limit = 2.max(profile.iter().copied().max().unwrap_or(0) / 2);
            let is_thin = |&c: &usize| {
                let (before, own, after) = (profile[c - 1], profile[c], profile[(c + 1).min(profile.len() - 1)]);
                let is_least =
                    (before >= own && own < after) || (c + 1 < profile.len() && before > own && own <= after);
                is_least && own <= limit
            };
            let end = (profile.len() + 1).saturating_sub(margin).min(profile.len());
            let mut places: Vec<usize> = (margin..end).filter(is_thin).collect();
            places.sort_by_key(|&c| (profile[c], c));
            let places = places.into_iter().take(most);
            found.extend(places.map(|c| (profile[c], Cut { is_column, at: start + c })));
        }
        found.sort_by_key(|(thickness, cut)| (*thickness, cut.is_column, cut.at));
        found.into_iter().map(|(_, cut)| cut).collect()
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

/// A picture whose print is no larger than it need be, and the print's size.
pub struct Scaled<'a> {
    pub ink: Cow<'a, [f32]>,
    pub width: usize,
    pub height: usize,
    size: f64,
}

/// Makes large print smaller; `None` where there is no ink.
pub fn scaled(crop: Ink<'_>) -> Option<Scaled<'_>> {
    let Ink { data, width, height } = crop;
    let size = size_of_print(parts::connected(data, width, height))?;
    if size <= MOST {
        return Some(Scaled { ink: data.into(), width, height, size });
    }
    let factor = SHRUNK / size;
    let side = |pixels: usize| ((pixels as f64 * factor).round_ties_even() as usize).max(1);
    let (to_width, to_height) = (side(width), side(height));
    let source = Source { data, stride: width, width, height };
    let ink = resize(&source, to_width, to_height, true).into();
    Some(Scaled { ink, width: to_width, height: to_height, size: size * factor })
}

/// The print's size without tall brackets and large operators, which would be most of the print of a small matrix.
fn size_of_print(mut parts: Vec<Part>) -> Option<f64> {
    if parts.is_empty() {
        return None;
    }
    let counts = |part: &&Part| {
        let (width, height) = (part.width(), part.height());
        let is_dot = 2 * width <= 3 * height && 2 * height <= 3 * width && 10 * part.pixels >= 7 * width * height;
        width <= 4 * height && !is_dot
    };
    let mut heights: Vec<usize> = parts.iter().filter(counts).map(Part::height).collect();
    heights.sort_unstable();
    if let Some(&middle) = heights.get(heights.len() / 2) {
        parts.retain(|part| part.height() <= 3 * middle);
    }
    Some(picture::size_of(&parts).max(1.0))
}

/// A line through a part: what is left of it or above it is one, the rest another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub is_column: bool,
    /// The first column or row of the second.
    pub at: usize,
}

impl Cut {
    /// `None` where one of the two has no ink.
    pub fn of(self, traced: &Traced) -> Option<[Traced; 2]> {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for &(y, start, end) in &traced.runs {
            if !self.is_column {
                if y < self.at { &mut first } else { &mut second }.push((y, start, end));
                continue;
            }
            if start < self.at {
                first.push((y, start, end.min(self.at)));
            }
            if end > self.at {
                second.push((y, start.max(self.at), end));
            }
        }
        let whole = |runs: Vec<(usize, usize, usize)>| {
            let part = |&(y, start, end): &(usize, usize, usize)| Part {
                left: start,
                top: y,
                right: end,
                bottom: y + 1,
                pixels: end - start,
            };
            let part = runs.iter().map(part).reduce(|a, b| a.union(&b))?;
            Some(Traced { part, runs })
        };
        Some([whole(first)?, whole(second)?])
    }
}

/// Pixels of each column or row of a part.
fn profile(Traced { part, runs }: &Traced, is_column: bool) -> Vec<usize> {
    let mut profile = vec![0; if is_column { part.width() } else { part.height() }];
    for &(y, start, end) in runs {
        if is_column {
            profile[start - part.left..end - part.left].iter_mut().for_each(|count| *count += 1);
        } else {
            profile[y - part.top] += end - start;
        }
    }
    profile
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
