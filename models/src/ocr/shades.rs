//! Shaded rectangles of a page, found in its pixels: header rows, every other row of a table, boxes.
//!
//! The ground of a page is looked at in blocks, lower than lines of text are and about as wide as a letter: the median of a block's pixels is
//! what letters stand on, unless they fill it. Blocks of one gray that touch are a shade where they fill their rectangle and the page around
//! it is lighter at once, as it is not where light falls unevenly.

use std::collections::BTreeMap;

use pagestream_documents::Rect;

use super::{compact::resize::Plane, rulings::paper};

/// Height and width of a block, as parts of the height of the page's text.
const BLOCK_HEIGHT: f32 = 0.12;
const BLOCK_WIDTH: f32 = 0.5;
/// Pixels of a block that are looked at, across and down.
const ACROSS: usize = 4;
const DOWN: usize = 4;
/// Blocks that are looked at together.
const TOGETHER: usize = 16;
/// Levels of 256 that a shade is darker than the paper, and by which its blocks differ from each other at most.
const TINT: u8 = 5;
const ALIKE: u8 = 3;
/// Lowest shade and least width, in heights of text.
const LOWEST: f32 = 0.7;
const NARROWEST: f32 = 2.0;
/// Share of its rectangle that a shade fills; dense text leaves holes.
const FULL: f32 = 0.45;
/// Blocks across in a piece: on a page that lies askew a shade comes in pieces, each of which an upright rectangle fits.
const PIECE: usize = 8;
/// More pieces than a page of striped tables has.
const MOST: usize = 5_000;

/// The ground of a page, a level for each block.
struct Ground {
    levels: Vec<u8>,
    columns: usize,
    rows: usize,
    /// Pixels of a block.
    width: usize,
    height: usize,
    paper: u8,
}

/// A stretch of blocks of one gray in a row of blocks: from, to before.
#[derive(Clone, Copy, Debug)]
struct Run {
    row: usize,
    from: usize,
    to: usize,
    level: u8,
}

/// The shades of a page, in pixels, in pieces. `text_height`: of most of its lines of text, in pixels.
pub fn of_page(page: Plane<'_>, text_height: f32) -> Vec<Rect> {
    let height = text_height.max(10.0);
    let ground = Ground::of(page, height);
    let runs = ground.runs();
    let mut shades: BTreeMap<usize, Vec<Run>> = BTreeMap::new();
    for (run, root) in runs.iter().zip(roots(&runs)) {
        shades.entry(root).or_default().push(*run);
    }
    let mut found = Vec::new();
    for shade in shades.into_values() {
        if found.len() < MOST && ground.is_shade(&shade, height) {
            found.extend(ground.pieces(&shade));
        }
    }
    found
}

impl Ground {
    fn of(page: Plane<'_>, text_height: f32) -> Self {
        let height = ((BLOCK_HEIGHT * text_height) as usize).max(2);
        let width = ((BLOCK_WIDTH * text_height) as usize).max(8);
        let (columns, rows) = (page.width / width, page.height / height);
        let paper = paper(page.data);
        let light = paper.saturating_sub(TINT - 1);
        let down = height.min(DOWN);
        let places: [usize; ACROSS] = std::array::from_fn(|x| (2 * x + 1) * width / (2 * ACROSS));
        let mut levels = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            let lines: [&[u8]; DOWN] =
                std::array::from_fn(|y| page.row(row * height + (2 * y.min(down - 1) + 1) * height / (2 * down)));
            for first in (0..columns).step_by(TOGETHER) {
                let count = TOGETHER.min(columns - first);
                // What is not looked at is lighter than anything.
                let mut seen = [[u8::MAX; TOGETHER]; DOWN * ACROSS];
                for (n, seen) in seen[..down * ACROSS].iter_mut().enumerate() {
                    let line = &lines[n / ACROSS][first * width + places[n % ACROSS]..];
                    seen.iter_mut()
                        .take(count)
                        .zip(line.iter().step_by(width))
                        .for_each(|(seen, &level)| *seen = level);
                }
                // Most of a page is bare paper.
                let lightest = |n: usize| seen.iter().fold(u8::MAX, |least, seen| least.min(seen[n]));
                let least: [u8; TOGETHER] = std::array::from_fn(lightest);
                let is_bare = least.iter().fold(u8::MAX, |all, &least| all.min(least)) >= light;
                let middle = if is_bare { [paper; TOGETHER] } else { ranked(&seen, (down * ACROSS / 2) as u8) };
                let level = |(&least, middle): (&u8, u8)| if least >= light { paper } else { middle };
                levels.extend(least.iter().zip(middle).take(count).map(level));
            }
        }
        Self { levels, columns, rows, width, height, paper }
    }

    fn level(&self, row: usize, column: usize) -> u8 {
        self.levels[row * self.columns + column]
    }

    /// Stretches of blocks that are darker than paper and alike, row by row, from left to right.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for row in 0..self.rows {
            for column in 0..self.columns {
                let level = self.level(row, column);
                if level > self.paper.saturating_sub(TINT) {
                    continue;
                }
                match runs.last_mut() {
                    Some(run) if run.row == row && run.to == column && run.level.abs_diff(level) <= ALIKE => {
                        run.to = column + 1;
                    }
                    _ => runs.push(Run { row, from: column, to: column + 1, level }),
                }
            }
        }
        runs
    }

    /// Whether runs that touch are one shade: large enough, a rectangle but for holes, none at the page's edge, and as dark at once where it
    /// begins.
    fn is_shade(&self, shade: &[Run], text_height: f32) -> bool {
        let (from, to) = reach(shade);
        let (top, bottom) = (shade[0].row, shade[shade.len() - 1].row + 1);
        let (columns, rows) = (to - from, bottom - top);
        let blocks: usize = shade.iter().map(|run| run.to - run.from).sum();
        let is_large = (columns * self.width) as f32 >= NARROWEST * text_height
            && (rows * self.height) as f32 >= LOWEST * text_height;
        let is_inside = from > 0 && to < self.columns && top > 1 && bottom + 1 < self.rows;
        if !is_large || !is_inside || (blocks as f32) < FULL * (columns * rows) as f32 {
            return false;
        }
        let level = shade[shade.len() / 2].level;
        let (tops, bottoms) = self.edges(shade);
        let steps = (from..to).flat_map(|column| {
            let (top, bottom) = (tops[column - from], bottoms[column - from]);
            let above = top.checked_sub(2).map(|row| self.level(row, column));
            let below = (bottom + 1 < self.rows).then(|| self.level(bottom + 1, column));
            [above, below].into_iter().flatten()
        });
        let (all, clear) = steps
            .fold((0, 0), |(all, clear), outside| (all + 1, clear + usize::from(outside.abs_diff(level) >= TINT - 1)));
        clear * 10 >= all * 6
    }

    /// Of each column of a shade its first row, and the one after its last.
    fn edges(&self, shade: &[Run]) -> (Vec<usize>, Vec<usize>) {
        let (from, to) = reach(shade);
        let (mut tops, mut bottoms) = (vec![usize::MAX; to - from], vec![0; to - from]);
        for run in shade {
            for column in run.from - from..run.to - from {
                tops[column] = tops[column].min(run.row);
                bottoms[column] = bottoms[column].max(run.row + 1);
            }
        }
        (tops, bottoms)
    }

    fn pieces(&self, shade: &[Run]) -> Vec<Rect> {
        let (from, to) = reach(shade);
        let (tops, bottoms) = self.edges(shade);
        let count = (to - from).div_ceil(PIECE);
        let piece = |n: usize| {
            let own = n * (to - from) / count..(n + 1) * (to - from) / count;
            let median = |rows: &[usize]| {
                let mut rows = rows[own.clone()].to_vec();
                rows.sort_unstable();
                rows.get(rows.len() / 2).map_or(0.0, |&row| (row * self.height) as f32)
            };
            let place = |column: usize| ((from + column) * self.width) as f32;
            Rect { left: place(own.start), top: median(&tops), right: place(own.end), bottom: median(&bottoms) }
        };
        (0..count).map(piece).filter(|piece| piece.bottom > piece.top).collect()
    }
}

/// Of each block the value that so many others come before, in order: bit by bit the largest that no more of them are less than.
fn ranked(seen: &[[u8; TOGETHER]; DOWN * ACROSS], rank: u8) -> [u8; TOGETHER] {
    let mut found = [0; TOGETHER];
    for bit in (0..8).rev() {
        let higher = found.map(|found| found | 1 << bit);
        let mut less = [0_u8; TOGETHER];
        for seen in seen {
            for n in 0..TOGETHER {
                less[n] += u8::from(seen[n] < higher[n]);
            }
        }
        for n in 0..TOGETHER {
            found[n] = if less[n] <= rank { higher[n] } else { found[n] };
        }
    }
    found
}

fn reach(shade: &[Run]) -> (usize, usize) {
    shade.iter().fold((usize::MAX, 0), |(from, to), run| (from.min(run.from), to.max(run.to)))
}

/// Of each run the first that it is connected with: those that touch from row to row, and are alike.
fn roots(runs: &[Run]) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..runs.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    // The first run of the row above that may touch, and where the row itself begins.
    let (mut above, mut begins) = (0, 0);
    for (at, run) in runs.iter().enumerate() {
        if at > 0 && runs[at - 1].row != run.row {
            above = if runs[begins].row + 1 == run.row { begins } else { at };
            begins = at;
        }
        while above < begins && runs[above].to <= run.from {
            above += 1;
        }
        for other in (above..begins).take_while(|&other| runs[other].from < run.to) {
            if runs[other].level.abs_diff(run.level) <= ALIKE {
                let (a, b) = (root(&mut parent, other), root(&mut parent, at));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    (0..runs.len()).map(|at| root(&mut parent, at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 400 x 300 pixels with paper of 245, where `shade(x, y)` says otherwise, and a little noise.
    fn check(shade: impl Fn(usize, usize) -> Option<u8>, expected: &[(f32, f32, f32, f32)]) {
        let noise = |at: usize| (at * 7919 % 5) as u8;
        let data: Vec<u8> = (0..400 * 300).map(|at| shade(at % 400, at / 400).unwrap_or(245) - 2 + noise(at)).collect();
        let found = of_page(Plane::new(&data, 400, 300), 24.0);
        // Pieces that follow each other are one.
        let mut whole: Vec<Rect> = Vec::new();
        for piece in found {
            match whole.last_mut() {
                Some(last) if last.right == piece.left && (last.top - piece.top).abs() < 3.0 => {
                    *last = last.union(&piece)
                }
                _ => whole.push(piece),
            }
        }
        assert_eq!(whole.len(), expected.len(), "{whole:?}");
        for (found, &(left, top, right, bottom)) in whole.iter().zip(expected) {
            let sides =
                [found.left - left, found.right - right, (found.top - top) * 2.0, (found.bottom - bottom) * 2.0];
            assert!(sides.iter().all(|off| off.abs() <= 12.0), "{found:?} for {left} {top} {right} {bottom}");
        }
    }

    #[test]
    fn the_middle_of_a_block_is_found_among_its_values() {
        let mut state = 5_u32;
        for round in 0..200 {
            let seen = [[0_u8; TOGETHER]; 16].map(|values| {
                values.map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    // Now all kinds of values, now the same ones again and again.
                    if round % 2 == 0 { (state >> 24) as u8 } else { 250 + (state >> 30) as u8 }
                })
            });
            for n in 0..TOGETHER {
                let mut sorted = seen.map(|values| values[n]);
                sorted.sort_unstable();
                assert!((0..16).all(|rank| ranked(&seen, rank)[n] == sorted[usize::from(rank)]), "{sorted:?}");
            }
        }
    }

    #[test]
    fn shaded_rows_are_found_and_text_and_uneven_light_are_none() {
        let is_in = |x: usize, y: usize, (left, top, right, bottom): (usize, usize, usize, usize)| {
            (left..right).contains(&x) && (top..bottom).contains(&y)
        };
        let letters = |x: usize, y: usize| (x / 3).is_multiple_of(3) && y % 40 > 12 && y % 40 < 28;
        // A dark header with light letters, and a light row with dark ones.
        let rows = [(40, 40, 360, 80), (40, 120, 360, 160)];
        check(
            |x, y| match rows.iter().position(|&row| is_in(x, y, row)) {
                Some(0) => Some(if letters(x, y) { 230 } else { 60 }),
                Some(_) => Some(if letters(x, y) { 40 } else { 232 }),
                None => letters(x, y).then_some(40).filter(|_| is_in(x, y, (40, 200, 360, 280))),
            },
            &[(40.0, 40.0, 360.0, 80.0), (40.0, 120.0, 360.0, 160.0)],
        );
        // A shadow that grows towards the side, and one in the middle without an edge.
        check(|x, _| Some(245 - (x / 10) as u8), &[]);
        check(|_, y| Some(245 - (15 - y.abs_diff(150).min(150) / 10) as u8), &[]);
    }
}
