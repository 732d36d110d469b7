//! Where the text lines of a page are: our own network, 0.1 M parameters, a few milliseconds a page.
//!
//! Its maps are half as high and an eighth as wide as its input, because lines lie side by side far less densely than one
//! above the other. Every step here is that of `prepare` and `boxes_of` in `models/training/lab/detector.py`.
//!
//! It was trained on lines within four degrees of level; a page that lies on its side gives (almost) no boxes.

use pagestream_documents::{PixelFormat, Point, Polygon, Raster, Rotation, buffers};

use super::resize::{self, Plane};
use crate::{
    backend::{Tensor, TensorView},
    error::{Error, Result},
    ocr::{Corners, pixels::set_levels},
};

/// Input pixels a cell of the maps.
const ROW: usize = 2;
const COLUMN: usize = 8;

/// Sides of the input are multiples of these: what the network halves.
const HEIGHT_STRIDE: u32 = 16;
const WIDTH_STRIDE: u32 = 64;

/// The highest logit of a line's core that counts as a line at all.
const LEAST_CORE: f32 = 0.5;

/// Margin around a line, as a part of its height.
const PAD: f64 = 0.12;

/// Components of fewer columns say nothing of a line's slope.
const LEAST_COLUMNS_WITH_SLOPE: usize = 4;

/// How the page is turned and scaled for the detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    pub rotation: Rotation,
    /// Size of the page as given.
    page: (u32, u32),
    /// Size of the turned page in the detector's input, without what fills it up.
    pub width: u32,
    pub height: u32,
}

impl View {
    /// The page turned by `rotation`, its longer side at most `max_side` pixels, never enlarged.
    pub fn page(width: u32, height: u32, rotation: Rotation, max_side: u32) -> Self {
        let longer = f64::from(width.max(height).max(1));
        Self::at(width, height, rotation, (f64::from(max_side) / longer).min(1.0))
    }

    /// The page turned by `rotation` and scaled by `scale`.
    pub fn at(width: u32, height: u32, rotation: Rotation, scale: f64) -> Self {
        let (w, h) = if rotation.swaps_sides() { (height, width) } else { (width, height) };
        let side = |length: u32| (f64::from(length) * scale).round_ties_even().max(1.0) as u32;
        Self { rotation, page: (width, height), width: side(w), height: side(h) }
    }

    /// The page, of this width and height, turned by `rotation` and brought to another, whatever becomes of its proportions.
    pub fn stretched(page: (u32, u32), rotation: Rotation, (width, height): (u32, u32)) -> Self {
        Self { rotation, page, width: width.max(1), height: height.max(1) }
    }

    /// Shape of the detector's input.
    pub fn shape(&self) -> [usize; 4] {
        self.shape_for((HEIGHT_STRIDE, WIDTH_STRIDE))
    }

    /// Shape of the input of a network whose sides are multiples of these, down and across.
    fn shape_for(&self, strides: (u32, u32)) -> [usize; 4] {
        let (height, width) = (self.height.next_multiple_of(strides.0), self.width.next_multiple_of(strides.1));
        [1, 1, height as usize, width as usize]
    }

    /// Page pixels per input pixel.
    pub fn scale(&self) -> f32 {
        self.page.0.max(self.page.1) as f32 / self.width.max(self.height) as f32
    }

    /// A point of the page as given in pixels of the input.
    pub fn of_page(&self, point: Point) -> [f64; 2] {
        let (page_width, page_height) = (f64::from(self.page.0), f64::from(self.page.1));
        let (w, h) = if self.rotation.swaps_sides() { (page_height, page_width) } else { (page_width, page_height) };
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        let (x, y) = match self.rotation {
            Rotation::None => (x, y),
            Rotation::Clockwise90 => (page_height - y, x),
            Rotation::Half => (page_width - x, page_height - y),
            Rotation::Clockwise270 => (y, page_width - x),
        };
        [x * f64::from(self.width) / w, y * f64::from(self.height) / h]
    }

    /// A box of the input in pixels of the page as given.
    pub fn to_page(&self, corners: &Corners) -> Polygon {
        let (page_width, page_height) = (f64::from(self.page.0), f64::from(self.page.1));
        let (w, h) = if self.rotation.swaps_sides() { (page_height, page_width) } else { (page_width, page_height) };
        let (sx, sy) = (w / f64::from(self.width), h / f64::from(self.height));
        Polygon(corners.map(|[x, y]| {
            let (x, y) = (x * sx, y * sy);
            let (x, y) = match self.rotation {
                Rotation::None => (x, y),
                Rotation::Clockwise90 => (y, page_height - x),
                Rotation::Half => (page_width - x, page_height - y),
                Rotation::Clockwise270 => (page_width - y, x),
            };
            Point::new(x as f32, y as f32)
        }))
    }
}

/// The detector's input `[1, 1, H, W]`: gray `v / 127.5 - 1`, filled up with paper on the right and below.
pub fn prepare(page: Plane<'_>, view: &View) -> Tensor {
    prepare_for(page, view, (HEIGHT_STRIDE, WIDTH_STRIDE))
}

/// The same for a network whose input's sides are multiples of these, down and across.
pub fn prepare_for(page: Plane<'_>, view: &View, strides: (u32, u32)) -> Tensor {
    let shape = view.shape_for(strides);
    let row_length = shape[3];
    let mut data = buffers::take(shape[2] * row_length);
    let level = |v: u8| f32::from(v) / 127.5 - 1.0;
    if page.width == 0 || page.height == 0 {
        data.fill(1.0);
    } else if view.rotation == Rotation::None {
        // Only what the page does not cover is filled up: the rest would be written twice.
        data[view.height as usize * row_length..].fill(1.0);
        resize::resize(page, view.width as usize, view.height as usize, |y, row| {
            let (line, paper) = data[y * row_length..(y + 1) * row_length].split_at_mut(row.len());
            set_levels(line, row, level);
            paper.fill(1.0);
        });
    } else {
        data.fill(1.0);
        let (w, h) = if view.rotation.swaps_sides() { (view.height, view.width) } else { (view.width, view.height) };
        let mut small = Vec::with_capacity(w as usize * h as usize);
        resize::resize(page, w as usize, h as usize, |_, row| small.extend_from_slice(row));
        let small = Raster { width: w, height: h, format: PixelFormat::Gray8, data: small, dpi: 72.0 };
        let turned = small.rotated(view.rotation);
        for (out, row) in data.chunks_exact_mut(row_length).zip(turned.data.chunks_exact(view.width.max(1) as usize)) {
            set_levels(out, row, level);
        }
    }
    Tensor { shape: shape.to_vec(), data }
}

/// The lines in the network's output `[1, 4, H / 2, W / 8]`: logits of a line's core and of its end, ln of the distance in input
/// pixels up to the line's top and down to its bottom.
///
/// # Errors
/// [`Error::Inference`] when the output has another shape.
pub fn reduce(output: TensorView<'_>) -> Result<Vec<Corners>> {
    let &[1, 4, rows, columns] = output.shape else {
        return Err(Error::Inference {
            model: "detector".to_owned(),
            cause: format!("its output has shape {:?}, not [1, 4, rows, columns]", output.shape),
        });
    };
    let (plane, data) = (rows * columns, output.data);
    if plane == 0 || data.len() != 4 * plane {
        return Ok(Vec::new());
    }
    let maps = Maps {
        columns,
        core: &data[..plane],
        end: &data[plane..2 * plane],
        up: &data[2 * plane..3 * plane],
        down: &data[3 * plane..],
    };
    let mut seen = vec![false; plane];
    let mut cells = Vec::new();
    let mut found = Vec::new();
    for start in 0..plane {
        if seen[start] || !maps.is_text(start) {
            continue;
        }
        component(&maps, start, rows, &mut seen, &mut cells);
        if let Some(corners) = line(&maps, &mut cells) {
            found.push(corners);
        }
    }
    Ok(found)
}

struct Maps<'a> {
    columns: usize,
    core: &'a [f32],
    end: &'a [f32],
    up: &'a [f32],
    down: &'a [f32],
}

impl Maps<'_> {
    fn is_text(&self, cell: usize) -> bool {
        self.core[cell] > 0.0 && self.core[cell] > self.end[cell]
    }
}

/// All text cells that touch, corners included, from `start` on, which is one.
fn component(maps: &Maps<'_>, start: usize, rows: usize, seen: &mut [bool], cells: &mut Vec<usize>) {
    cells.clear();
    cells.push(start);
    seen[start] = true;
    let mut next = 0;
    while let Some(&cell) = cells.get(next) {
        next += 1;
        let (row, column) = (cell / maps.columns, cell % maps.columns);
        for row in row.saturating_sub(1)..(row + 2).min(rows) {
            for column in column.saturating_sub(1)..(column + 2).min(maps.columns) {
                let neighbour = row * maps.columns + column;
                if !seen[neighbour] && maps.is_text(neighbour) {
                    seen[neighbour] = true;
                    cells.push(neighbour);
                }
            }
        }
    }
}

/// The line that these cells are, if they are one. Steps 2 to 5 of the contract, in f64.
fn line(maps: &Maps<'_>, cells: &mut [usize]) -> Option<Corners> {
    let surest = cells.iter().map(|&cell| maps.core[cell]).fold(f32::NEG_INFINITY, f32::max);
    if cells.len() < 2 || surest < LEAST_CORE {
        return None;
    }
    // Row by row, as the contract sums.
    cells.sort_unstable();
    let column = |cell: usize| cell % maps.columns;
    let (mut first, mut last) = (usize::MAX, 0);
    let mut heights = Vec::with_capacity(cells.len());
    let mut middles = Vec::with_capacity(cells.len());
    for &cell in cells.iter() {
        (first, last) = (first.min(column(cell)), last.max(column(cell)));
        let x = (column(cell) as f64 + 0.5) * COLUMN as f64;
        let y = ((cell / maps.columns) as f64 + 0.5) * ROW as f64;
        let top = y - f64::from(maps.up[cell]).exp();
        let bottom = y + f64::from(maps.down[cell]).exp();
        heights.push(bottom - top);
        middles.push((x, (top + bottom) / 2.0));
    }
    let height = median(&mut heights);
    let count = cells.len() as f64;
    let mean_x = middles.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = middles.iter().map(|(_, y)| y).sum::<f64>() / count;
    let slope = if last + 1 - first >= LEAST_COLUMNS_WITH_SLOPE {
        let (mut products, mut squares) = (0.0, 0.0);
        for (x, y) in &middles {
            products += (x - mean_x) * y;
            squares += (x - mean_x) * (x - mean_x);
        }
        products / squares
    } else {
        0.0
    };
    let at = |x: f64| slope * (x - mean_x) + mean_y;
    let (margin, half) = (COLUMN as f64 / 2.0 + PAD * height, height * (0.5 + PAD));
    let (left, right) = ((first * COLUMN) as f64 - margin, ((last + 1) * COLUMN) as f64 + margin);
    let corners =
        [[left, at(left) - half], [right, at(right) - half], [right, at(right) + half], [left, at(left) + half]];
    // A broken model gives no polygons that are none.
    corners.iter().flatten().all(|v| v.is_finite()).then_some(corners)
}

/// The middle value, or the mean of the middle two.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    values.sort_unstable_by(f64::total_cmp);
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}
