//! Straight lines that are drawn on a page, found in its pixels: of tables, under headings and words, above footnotes.
//!
//! Dark pixels are packed, a bit each. A run of them along a row that is longer than letters are high is a piece of a line; pieces of
//! neighbouring rows that touch are one line, which may lie a little askew, and lines that carry each other on over a gap are one as well.
//! Strokes of letters are too short or too thick for their length, and edges of pictures have ink on one side. Lines that run up and
//! down are found the same way on the page laid over.

use std::collections::BTreeMap;

use pagestream_documents::Point;

use super::compact::resize::Plane;

mod bits;

use bits::Bits;
pub use bits::{WORD, darker, paper};

/// What is darker than this part of the paper is ink: gray hairlines are, tinted cells are not.
const INK: f32 = 0.82;
/// Shortest run, in heights of the page's text: stems and bars of letters are shorter.
const RUN: f32 = 1.1;
/// Shortest line, in heights of text.
const LENGTH: f32 = 2.0;
/// A line is so many times longer than thick.
const SLENDER: f32 = 10.0;
/// Gaps within a run, and between two that carry each other on, in heights of text.
const CRACK: f32 = 0.05;
const GAP: f32 = 0.6;
/// Two lines are one where the one carries the other on within so many heights of text.
const ASIDE: f32 = 0.06;
/// Steeper than this they are none of the page's own, nor a picture's that count. One in twenty, about three degrees.
const STEEP: f32 = 0.05;
/// Share of a line's length along which there is paper on both sides.
const CLEAR: f32 = 0.6;
/// Pages have some hundreds; what has more runs is a picture.
const MOST_RUNS: usize = 40_000;

/// A line that is drawn: the middles of its ends, and how thick it is, in pixels of the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub from: Point,
    pub to: Point,
    pub thickness: f32,
}

impl Line {
    fn laid_over(self) -> Self {
        let over = |p: Point| Point::new(p.y, p.x);
        Self { from: over(self.from), to: over(self.to), ..self }
    }
}

/// The lines of a page: level ones, then upright ones. `text_height`: of most of its lines of text, in pixels.
pub fn of_page(page: Plane<'_>, text_height: f32) -> Vec<Line> {
    // Smaller print than the smallest that can be read is none.
    let height = text_height.max(10.0);
    let bits = Bits::of_page(page, INK);
    let level = lines(&bits, height);
    let upright = lines(&bits.laid_over(), height);
    level.into_iter().chain(upright.into_iter().map(Line::laid_over)).collect()
}

/// A run of ink along a row.
#[derive(Clone, Copy, Debug)]
struct Run {
    row: usize,
    from: usize,
    to: usize,
}

/// Runs that touch, as a straight line through them: `y = middle + slope * (x - centre)`.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: f32,
    to: f32,
    centre: f32,
    middle: f32,
    slope: f32,
    /// Pixels of ink.
    area: f32,
}

impl Piece {
    fn at(&self, x: f32) -> f32 {
        self.middle + self.slope * (x - self.centre)
    }

    fn length(&self) -> f32 {
        self.to - self.from
    }

    fn thickness(&self) -> f32 {
        self.area / self.length().max(1.0)
    }

    /// With another that carries it on, further to the right.
    fn with(&self, next: &Self) -> Self {
        let (a, b) = (self.area, next.area);
        let mean = |one: f32, other: f32| (one * a + other * b) / (a + b);
        let (from, to) = (self.from.min(next.from), self.to.max(next.to));
        // Through both their middles where these lie apart: steadier than their own slopes.
        let apart = next.centre - self.centre;
        let slope =
            if apart > 0.3 * (to - from) { (next.middle - self.middle) / apart } else { mean(self.slope, next.slope) };
        let (centre, middle) = (mean(self.centre, next.centre), mean(self.middle, next.middle));
        Self { from, to, centre, middle, slope, area: a + b }
    }
}

fn lines(bits: &Bits, height: f32) -> Vec<Line> {
    let (shortest, crack) = ((RUN * height) as usize, (CRACK * height) as usize);
    let mut runs = Vec::new();
    for row in 0..bits.height {
        bits.runs(row, shortest, crack, |from, to| runs.push(Run { row, from, to }));
        if runs.len() > MOST_RUNS {
            return Vec::new();
        }
    }
    let pieces = joined(pieces(&runs), height);
    let is_line = |piece: &Piece| {
        piece.length() >= LENGTH * height
            && piece.slope.abs() <= STEEP
            && piece.length() >= SLENDER * piece.thickness()
            && clear(bits, piece) >= CLEAR
    };
    let line = |piece: Piece| Line {
        from: Point::new(piece.from, piece.at(piece.from)),
        to: Point::new(piece.to, piece.at(piece.to)),
        thickness: piece.thickness().max(1.0),
    };
    pieces.into_iter().filter(is_line).map(line).collect()
}

/// Puts runs together that touch. They come row by row, from left to right.
fn pieces(runs: &[Run]) -> Vec<Piece> {
    let mut parent: Vec<usize> = (0..runs.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    // Runs of the row before, from `above` on.
    let mut above = 0;
    let mut row_begins = 0;
    for (index, run) in runs.iter().enumerate() {
        if index > 0 && runs[index - 1].row != run.row {
            above = if runs[row_begins].row + 1 == run.row { row_begins } else { index };
            row_begins = index;
        }
        if above >= row_begins {
            continue;
        }
        while above < row_begins && runs[above].to < run.from {
            above += 1;
        }
        let touching = (above..row_begins).take_while(|&other| runs[other].from <= run.to);
        for other in touching.collect::<Vec<_>>() {
            let (a, b) = (root(&mut parent, other), root(&mut parent, index));
            parent[b.max(a)] = a.min(b);
        }
    }
    let mut sums: Vec<Option<Sums>> = vec![None; runs.len()];
    for (index, run) in runs.iter().enumerate() {
        let at = root(&mut parent, index);
        sums[at].get_or_insert_default().add(run);
    }
    sums.into_iter().flatten().map(|sums| sums.piece()).collect()
}

/// Sums over the pixels of runs, for a straight line through them by least squares.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    from: Option<usize>,
    to: usize,
}

impl Sums {
    fn add(&mut self, run: &Run) {
        let (length, y) = ((run.to - run.from) as f64, run.row as f64 + 0.5);
        let middle = (run.from + run.to) as f64 / 2.0;
        self.count += length;
        self.x += length * middle;
        self.y += length * y;
        self.xx += length * (middle * middle + length * length / 12.0);
        self.xy += length * middle * y;
        self.from = Some(self.from.map_or(run.from, |from| from.min(run.from)));
        self.to = self.to.max(run.to);
    }

    fn piece(&self) -> Piece {
        let (x, y) = (self.x / self.count, self.y / self.count);
        let spread = self.xx / self.count - x * x;
        let slope = if spread > 1.0 { (self.xy / self.count - x * y) / spread } else { 0.0 };
        Piece {
            from: self.from.unwrap_or(0) as f32,
            to: self.to as f32,
            centre: x as f32,
            middle: y as f32,
            slope: slope as f32,
            area: self.count as f32,
        }
    }
}

/// Puts pieces together that carry each other on. Each is held against those that end near its beginning, which are few.
fn joined(mut pieces: Vec<Piece>, height: f32) -> Vec<Piece> {
    // What is far too thick will be no line, and must not become one by what it touches.
    pieces.retain(|piece| piece.thickness() <= height && piece.slope.abs() <= 2.0 * STEEP);
    pieces.sort_by(|a, b| a.from.total_cmp(&b.from));
    let aside = (ASIDE * height).max(2.0);
    let mut done: Vec<Piece> = Vec::new();
    // By where they are across, so that those in reach are neighbours: a bucket for every so many rows.
    let mut buckets: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    let bucket = |y: f32| (y / (4.0 * aside)).floor() as i32;
    for piece in pieces {
        let start = piece.at(piece.from);
        let carries_on = |before: &Piece| {
            let gap = piece.from - before.to;
            let middle = (piece.from + before.to) / 2.0;
            // One that lies beside another so near is the same, with a crack along it.
            gap <= GAP * height
                && (before.at(middle) - piece.at(middle)).abs() <= aside
                && piece.thickness() <= 2.0 * before.thickness() + 2.0
                && before.thickness() <= 2.0 * piece.thickness() + 2.0
        };
        let near = (-1..=1).filter_map(|by| buckets.get(&(bucket(start) + by)));
        let candidates = near.flatten().copied().filter(|&at| carries_on(&done[at]));
        let found = candidates.max_by(|&a, &b| done[a].to.total_cmp(&done[b].to));
        match found {
            Some(at) => {
                let ended = bucket(done[at].at(done[at].to));
                done[at] = done[at].with(&piece);
                let ends = bucket(done[at].at(done[at].to));
                if ends != ended {
                    if let Some(others) = buckets.get_mut(&ended) {
                        others.retain(|&other| other != at);
                    }
                    buckets.entry(ends).or_default().push(at);
                }
            }
            None => {
                buckets.entry(bucket(piece.at(piece.to))).or_default().push(done.len());
                done.push(piece);
            }
        }
    }
    done
}

/// Share of a line's length along which there is paper above and below.
fn clear(bits: &Bits, piece: &Piece) -> f32 {
    let reach = piece.thickness() / 2.0 + 2.5;
    let is_ink = |x: f32, y: f32| y >= 0.0 && bits.is_ink(x as usize, y as usize);
    let count = (piece.length() / 3.0).clamp(8.0, 400.0) as usize;
    let step = piece.length() / count as f32;
    let is_clear = |n: &usize| {
        let x = piece.from + (*n as f32 + 0.5) * step;
        let y = piece.at(x);
        !is_ink(x, y - reach) && !is_ink(x, y + reach)
    };
    (0..count).filter(is_clear).count() as f32 / count as f32
}

#[cfg(test)]
mod tests;
