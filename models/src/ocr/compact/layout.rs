//! What the parts of a page are, by their looks: our own layout network, 0.4 M parameters, a few milliseconds a page.
//!
//! Its map is a quarter as high and an eighth as wide as its input, and says of each cell which kind of block it belongs to. A line is what
//! most of its cells are; tables, pictures, formulas and listings are regions as a whole as well. Every step here is that of
//! `prepare`, `reduced`, `kind_of_line` and `areas` in `models/training/lab/layout/net.py`.

use std::sync::LazyLock;

use pagestream_documents::{BlockKind, Rotation};

use super::{detector, resize::Plane};
use crate::{
    backend::{Tensor, TensorView},
    error::{Error, Result},
    ocr::{Corners, LayoutMap},
};

/// The network's kinds, in its order; of the first it says that there is nothing.
pub const KINDS: [BlockKind; 16] = [
    BlockKind::Text,
    BlockKind::Paragraph,
    BlockKind::Title,
    BlockKind::Heading,
    BlockKind::ListItem,
    BlockKind::Table,
    BlockKind::Figure,
    BlockKind::Caption,
    BlockKind::Formula,
    BlockKind::Code,
    BlockKind::Footnote,
    BlockKind::PageHeader,
    BlockKind::PageFooter,
    BlockKind::PageNumber,
    BlockKind::MarginalNote,
    BlockKind::Stamp,
];
const NOTHING: usize = 0;

/// Kinds that are regions as a whole, in the order in which they are listed.
const AREAS: [BlockKind; 4] = [BlockKind::Table, BlockKind::Figure, BlockKind::Formula, BlockKind::Code];

/// Longer side of the input, in pixels, at most; and input pixels a cell of the map.
const SIDE: u32 = 640;
const ROW: usize = 4;
const COLUMN: usize = 8;

/// Sides of the input are multiples of these: what the network halves.
const HEIGHT_STRIDE: u32 = 32;
const WIDTH_STRIDE: u32 = 64;

/// Steps in which logits are kept, of one unit.
const STEPS: f32 = 16.0;

/// An area of fewer cells is none.
const LEAST_CELLS: usize = 6;

/// What a kind that lies so many steps behind the cell's likeliest is worth beside it.
static VOTES: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|steps| (-(steps as f64) / f64::from(STEPS)).exp() as f32));

/// How a page is scaled for the network; it is given the page upright.
pub fn view(width: u32, height: u32, rotation: Rotation) -> detector::View {
    detector::View::page(width, height, rotation, SIDE)
}

/// The network's input `[1, 1, H, W]`, as [`detector::prepare`] has it.
pub fn prepare(page: Plane<'_>, view: &detector::View) -> Tensor {
    detector::prepare_for(page, view, (HEIGHT_STRIDE, WIDTH_STRIDE))
}

/// The network's output `[1, 16, H / 4, W / 8]`, logits of the kinds.
///
/// # Errors
/// [`Error::Inference`] when the output has another shape.
pub fn reduce(output: TensorView<'_>) -> Result<LayoutMap> {
    let kinds = KINDS.len();
    let cells = match *output.shape {
        [1, n, rows, columns] if n == kinds && output.data.len() == n * rows * columns && rows * columns > 0 => {
            rows * columns
        }
        _ => {
            return Err(Error::Inference {
                model: "layout".to_owned(),
                cause: format!("its output has shape {:?}, not [1, {kinds}, rows, columns]", output.shape),
            });
        }
    };
    let mut most = output.data[..cells].to_vec();
    for plane in output.data.chunks_exact(cells) {
        most.iter_mut().zip(plane).for_each(|(most, &logit)| *most = if logit > *most { logit } else { *most });
    }
    let mut behind = Vec::with_capacity(kinds * cells);
    for plane in output.data.chunks_exact(cells) {
        // Beyond 2^23 there are only whole numbers, so that a sum there is rounded, halves to even, several at a time. What is no number becomes 0.
        let rounded = |steps: f32| (steps.min(255.0) + 8_388_608.0 - 8_388_608.0) as u8;
        behind.extend(most.iter().zip(plane).map(|(most, logit)| rounded((most - logit) * STEPS)));
    }
    Ok(LayoutMap { rows: output.shape[2], columns: output.shape[3], behind })
}

/// A table, picture, formula or listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    pub kind: BlockKind,
    /// Left, top, right and bottom in pixels of the input.
    pub bounds: [usize; 4],
    /// Mean share of the votes of its cells.
    pub confidence: f64,
}

impl LayoutMap {
    fn cells(&self) -> usize {
        self.rows * self.columns
    }

    /// How far the kinds lie behind, as they are kept.
    #[cfg(test)]
    pub(super) fn behind(&self) -> &[u8] {
        &self.behind
    }

    /// A cell's one vote, shared among the kinds.
    fn shares(&self, cell: usize) -> [f64; KINDS.len()] {
        let mut votes: [f64; KINDS.len()] =
            std::array::from_fn(|kind| f64::from(VOTES[usize::from(self.behind[kind * self.cells() + cell])]));
        // In the order in which NumPy adds the rows of a matrix up.
        let sum: f64 = votes.iter().sum();
        votes.iter_mut().for_each(|vote| *vote /= sum);
        votes
    }

    /// The likeliest kind of a cell, the first where there are several.
    fn likeliest(&self, cell: usize) -> usize {
        (0..KINDS.len()).find(|kind| self.behind[kind * self.cells() + cell] == 0).unwrap_or(NOTHING)
    }

    /// The likeliest kinds of all cells.
    pub fn classes(&self) -> Vec<u32> {
        (0..self.cells()).map(|cell| self.likeliest(cell) as u32).collect()
    }

    pub fn memory_size(&self) -> usize {
        self.behind.len()
    }

    /// What a line is, and its share of the votes. Corners in pixels of the input, clockwise from the text's top left.
    ///
    /// Cells vote whose centres lie within the middle half of the line's height, by the quadrilateral's own axes; where there are none,
    /// that at its centre. `Text` where more than half of the votes are for nothing, else the kind with the most.
    pub fn kind_of_line(&self, corners: &Corners) -> (BlockKind, f64) {
        let middle = |a: [f64; 2], b: [f64; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let [a, b, c, d] = *corners;
        let (left, right) = (middle(a, d), middle(b, c));
        let centre = middle(left, right);
        let along = [right[0] - left[0], right[1] - left[1]];
        let down = [0, 1].map(|axis| (d[axis] + c[axis] - a[axis] - b[axis]) / 2.0);
        let (length, height) = (along[0] * along[0] + along[1] * along[1], down[0] * down[0] + down[1] * down[1]);
        let is_inside = |row: usize, column: usize| {
            let x = (column as f64 + 0.5) * COLUMN as f64 - centre[0];
            let y = (row as f64 + 0.5) * ROW as f64 - centre[1];
            (x * along[0] + y * along[1]).abs() <= length / 2.0 && (x * down[0] + y * down[1]).abs() <= height / 4.0
        };
        let reach = |axis: usize, cell: usize, count: usize| {
            let values = corners.map(|corner| corner[axis] / cell as f64);
            let low = values.iter().copied().fold(f64::INFINITY, f64::min).floor() as usize;
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil() as usize;
            low.min(count)..high.saturating_add(1).min(count)
        };
        let (rows, columns) = (reach(1, ROW, self.rows), reach(0, COLUMN, self.columns));
        let mut sums = [0.0; KINDS.len()];
        let mut count = 0;
        let mut add = |cell: usize| {
            count += 1;
            sums.iter_mut().zip(self.shares(cell)).for_each(|(sum, share)| *sum += share);
        };
        for row in rows {
            columns
                .clone()
                .filter(|&column| is_inside(row, column))
                .for_each(|column| add(row * self.columns + column));
        }
        if count == 0 {
            let at = |value: f64, cell: usize, count: usize| ((value / cell as f64) as usize).min(count - 1);
            sums = self.shares(at(centre[1], ROW, self.rows) * self.columns + at(centre[0], COLUMN, self.columns));
            count = 1;
        }
        let mean = sums.map(|sum| sum / f64::from(count));
        if mean[NOTHING] > 0.5 {
            return (KINDS[NOTHING], mean[NOTHING]);
        }
        let best = (1..KINDS.len()).rev().max_by(|&a, &b| mean[a].total_cmp(&mean[b])).unwrap_or(NOTHING);
        (KINDS[best], mean[best])
    }

    /// Tables, pictures, formulas and listings, by kind, then by their first cells. Cells of one likeliest kind that touch at a side are one.
    pub fn areas(&self) -> Vec<Area> {
        let likeliest: Vec<usize> = (0..self.cells()).map(|cell| self.likeliest(cell)).collect();
        let mut found = Vec::new();
        for kind in AREAS {
            let index = KINDS.iter().position(|&other| other == kind).unwrap_or(NOTHING);
            let mut seen: Vec<bool> = likeliest.iter().map(|&other| other != index).collect();
            for start in 0..self.cells() {
                let cells = self.component(start, &mut seen);
                if cells.len() >= LEAST_CELLS {
                    found.push(self.area(index, &cells));
                }
            }
        }
        found
    }

    /// All cells not yet seen that hang together with `start`.
    fn component(&self, start: usize, seen: &mut [bool]) -> Vec<usize> {
        let mut cells = Vec::new();
        if !std::mem::replace(&mut seen[start], true) {
            cells.push(start);
        }
        let mut next = 0;
        while let Some(&cell) = cells.get(next) {
            next += 1;
            let column = cell % self.columns;
            let neighbours = [
                (cell >= self.columns).then(|| cell - self.columns),
                (column > 0).then(|| cell - 1),
                (column + 1 < self.columns).then_some(cell + 1),
                (cell + self.columns < self.cells()).then_some(cell + self.columns),
            ];
            for neighbour in neighbours.into_iter().flatten() {
                if !std::mem::replace(&mut seen[neighbour], true) {
                    cells.push(neighbour);
                }
            }
        }
        cells
    }

    fn area(&self, kind: usize, cells: &[usize]) -> Area {
        let [mut left, mut top, mut right, mut bottom] = [self.columns, self.rows, 0, 0];
        let mut votes = 0.0;
        for &cell in cells {
            let (row, column) = (cell / self.columns, cell % self.columns);
            (left, right) = (left.min(column), right.max(column + 1));
            (top, bottom) = (top.min(row), bottom.max(row + 1));
            votes += self.shares(cell)[kind];
        }
        Area {
            kind: KINDS[kind],
            bounds: [left * COLUMN, top * ROW, right * COLUMN, bottom * ROW],
            confidence: votes / cells.len() as f64,
        }
    }
}
