//! Connected parts of what is ink: pixels that touch, also at corners.
//!
//! Runs of ink of each row are joined with those of the row above that they touch (Rosenfeld and Pfaltz, 1966, on runs).

use std::ops::Range;

/// One part: its box, right and bottom excluded, and its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
    pub pixels: usize,
}

impl Part {
    pub fn width(&self) -> usize {
        self.right - self.left
    }

    pub fn height(&self) -> usize {
        self.bottom - self.top
    }

    /// What covers both.
    pub fn union(mut self, other: &Self) -> Self {
        self.join(other);
        self
    }

    fn join(&mut self, other: &Self) {
        self.left = self.left.min(other.left);
        self.top = self.top.min(other.top);
        self.right = self.right.max(other.right);
        self.bottom = self.bottom.max(other.bottom);
        self.pixels += other.pixels;
    }
}

struct Run {
    start: usize,
    end: usize,
    label: usize,
}

/// A part and its pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    pub part: Part,
    /// Pixels side by side: their row, the first of them, and the one behind the last.
    pub runs: Vec<(usize, usize, usize)>,
}

/// The parts of what is ink, in no order.
pub fn connected(ink: &[f32], width: usize, height: usize) -> Vec<Part> {
    scan(ink, width, height, super::INK, |_, _, _| {}).parts()
}

/// The same of what is above `limit`, with their pixels.
pub fn traced(ink: &[f32], width: usize, height: usize, limit: f32) -> Vec<Traced> {
    let mut runs = Vec::new();
    let mut labels =
        scan(ink, width, height, limit, |label, y, pixels| runs.push((label, (y, pixels.start, pixels.end))));
    let mut all: Vec<Traced> = labels.parts.iter().map(|&part| Traced { part, runs: Vec::new() }).collect();
    for (label, run) in runs {
        all[labels.root(label)].runs.push(run);
    }
    // Those that became parts of others have no pixels of their own.
    all.retain(|traced| !traced.runs.is_empty());
    all
}

/// Tells of each run of ink which label it was given.
fn scan(
    ink: &[f32],
    width: usize,
    height: usize,
    limit: f32,
    mut tell: impl FnMut(usize, usize, Range<usize>),
) -> Labels {
    let mut labels = Labels::default();
    let (mut above, mut row): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    for y in 0..height {
        let pixels = &ink[y * width..(y + 1) * width];
        row.clear();
        let (mut x, mut first) = (0, 0);
        while let Some(start) = pixels[x..].iter().position(|&value| value > limit).map(|found| x + found) {
            let end = pixels[start..].iter().position(|&value| value <= limit).map_or(width, |found| start + found);
            let label = labels.add(Part { left: start, top: y, right: end, bottom: y + 1, pixels: end - start });
            // Runs above that touch it: they end no earlier than it starts, and start no later than it ends.
            while above.get(first).is_some_and(|run| run.end < start) {
                first += 1;
            }
            for run in above[first..].iter().take_while(|run| run.start <= end) {
                labels.join(label, run.label);
            }
            tell(label, y, start..end);
            row.push(Run { start, end, label });
            x = end;
        }
        std::mem::swap(&mut above, &mut row);
    }
    labels
}

/// Parts that may turn out to be one.
#[derive(Default)]
struct Labels {
    parents: Vec<usize>,
    parts: Vec<Part>,
}

impl Labels {
    fn add(&mut self, part: Part) -> usize {
        self.parents.push(self.parts.len());
        self.parts.push(part);
        self.parts.len() - 1
    }

    fn root(&mut self, mut label: usize) -> usize {
        while self.parents[label] != label {
            self.parents[label] = self.parents[self.parents[label]];
            label = self.parents[label];
        }
        label
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            let (from, to) = (a.max(b), a.min(b));
            self.parents[from] = to;
            let part = self.parts[from];
            self.parts[to].join(&part);
        }
    }

    fn parts(self) -> Vec<Part> {
        let roots = self.parents.iter().enumerate().filter(|(label, parent)| label == *parent);
        roots.map(|(label, _)| self.parts[label]).collect()
    }
}
