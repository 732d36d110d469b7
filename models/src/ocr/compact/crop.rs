//! One text line, cut out of the page upright, at the page's own resolution.
//!
//! A level line is lent, not copied. The line of a page that is a little askew is sheared: each column moves up or down by a part
//! of a pixel, which sets a line level that slopes by the few degrees that the detector finds lines at. A line that
//! does not run to the right is first turned by quarters.

use pagestream_documents::{Point, Polygon};

use super::resize::Plane;

/// A line whose ends differ by less than this part of its height is level: half a pixel of the recogniser's 32.
const LEVEL: f32 = 1.0 / 64.0;

/// The pixels of a line.
pub enum Pixels<'a> {
    Lent(Plane<'a>),
    Made(Made),
}

/// Pixels that are not on the page as they stand.
pub struct Made {
    data: Vec<u8>,
    width: usize,
    height: usize,
}

impl Made {
    pub fn plane(&self) -> Plane<'_> {
        Plane::new(&self.data, self.width, self.height)
    }
}

/// Width and height of a line's crop in page pixels.
pub fn size(line: &Polygon) -> (usize, usize) {
    // A polygon comes from a map of the page; the bound keeps a broken one from asking for more than a page.
    let side = |length: f32| length.round().clamp(2.0, 32_768.0) as usize;
    (side(line.width()), side(line.height()))
}

/// The line given by its corners in reading direction. Beyond the page its border goes on.
pub fn upright<'a>(page: Plane<'a>, line: &Polygon) -> Pixels<'a> {
    let (width, height) = size(line);
    if page.width == 0 || page.height == 0 {
        return Pixels::Made(Made { data: vec![255; width * height], width, height });
    }
    let quarters = quarters(line);
    if quarters == 0 {
        return level(page, line, width, height);
    }
    let (patch, line) = turned_patch(page, line, quarters);
    match level(patch.plane(), &line, width, height) {
        Pixels::Made(made) => Pixels::Made(made),
        Pixels::Lent(part) => {
            let data = (0..part.height).flat_map(|y| part.row(y)).copied().collect();
            Pixels::Made(Made { data, width: part.width, height: part.height })
        }
    }
}

/// By how many quarters clockwise a line has to be turned to run to the right.
fn quarters(line: &Polygon) -> u32 {
    let [a, b, ..] = line.0;
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    match (dx.abs() >= dy.abs(), dx >= 0.0, dy >= 0.0) {
        (true, true, _) => 0,
        (true, false, _) => 2,
        (false, _, true) => 3,
        (false, _, false) => 1,
    }
}

/// The line's surroundings, turned clockwise by `quarters`, and the line in them.
fn turned_patch(page: Plane<'_>, line: &Polygon, quarters: u32) -> (Made, Polygon) {
    let bounds = line.bounds();
    let within = |from: f32, to: f32, size: usize| {
        let first = (from.floor().max(0.0) as usize).min(size - 1);
        (first, (to.ceil().max(0.0) as usize).clamp(first + 1, size))
    };
    let (left, right) = within(bounds.left, bounds.right, page.width);
    let (top, bottom) = within(bounds.top, bounds.bottom, page.height);
    let (w, h) = (right - left, bottom - top);
    let (width, height) = if quarters == 2 { (w, h) } else { (h, w) };
    let mut data = Vec::with_capacity(w * h);
    for y in 0..height {
        data.extend((0..width).map(|x| {
            let (x, y) = match quarters {
                1 => (y, h - 1 - x),
                2 => (w - 1 - x, h - 1 - y),
                _ => (w - 1 - y, x),
            };
            page.data[(top + y) * page.stride + left + x]
        }));
    }
    let line = line.map(|p| {
        let (x, y) = (p.x - left as f32, p.y - top as f32);
        match quarters {
            1 => Point::new(h as f32 - y, x),
            2 => Point::new(w as f32 - x, h as f32 - y),
            _ => Point::new(y, w as f32 - x),
        }
    });
    (Made { data, width, height }, line)
}

/// A line that runs to the right, within 45 degrees.
fn level<'a>(page: Plane<'a>, line: &Polygon, width: usize, height: usize) -> Pixels<'a> {
    let [a, b, _, d] = line.0;
    let slope = (b.y - a.y) / (b.x - a.x).max(1.0);
    // Half of what the left side leans, so that a rectangle that is turned is sheared about its middle.
    let left = (a.x + d.x) / 2.0;
    let top = (a.y + d.y - height as f32) / 2.0;
    if (b.y - a.y).abs() < LEVEL * height as f32 {
        let (x, y) = (left.round(), (top + (b.y - a.y) / 2.0).round());
        if x >= 0.0 && y >= 0.0 && x as usize + width <= page.width && y as usize + height <= page.height {
            return Pixels::Lent(page.part(x as usize, y as usize, width, height));
        }
    }
    Pixels::Made(sheared(page, left, top, slope, width, height))
}

/// Column `x` of the result is the page's column `left + x` from `top + slope * x` on, by linear interpolation.
fn sheared(page: Plane<'_>, left: f32, top: f32, slope: f32, width: usize, height: usize) -> Made {
    let left = left.round() as i64;
    // Each column's first row on the page, and how far beyond it the column starts, in 256ths.
    let offsets: Vec<(i64, u16)> = (0..width)
        .map(|x| {
            let at = ((f64::from(top) + f64::from(slope) * (x as f64 + 0.5)) * 256.0).round() as i64;
            (at.div_euclid(256), at.rem_euclid(256) as u16)
        })
        .collect();
    let fractions: Vec<u16> = offsets.iter().map(|&(_, fraction)| fraction).collect();
    let mut data = vec![255; width * height];
    let last = (page.width - 1) as i64;
    let row_of = |y: i64| page.row(y.clamp(0, page.height as i64 - 1) as usize);
    let mut start = 0;
    while start < width {
        let first_row = offsets[start].0;
        let run = offsets[start..].iter().take_while(|&&(row, _)| row == first_row).count();
        let columns = start..start + run;
        let from = left + start as i64;
        // The part of the run that lies on the page; its border goes on to both sides.
        let before = (-from).clamp(0, run as i64) as usize;
        let after = (from + run as i64 - 1 - last).clamp(0, (run - before) as i64) as usize;
        let inside = start + before..start + run - after;
        for y in 0..height {
            let (above, below) = (row_of(first_row + y as i64), row_of(first_row + y as i64 + 1));
            let out = &mut data[y * width..(y + 1) * width];
            if !inside.is_empty() {
                let x = (from + before as i64) as usize;
                let above = &above[x..x + inside.len()];
                let below = &below[x..x + inside.len()];
                let mixed = above.iter().zip(below).zip(&fractions[inside.clone()]);
                for (out, ((&above, &below), &fraction)) in out[inside.clone()].iter_mut().zip(mixed) {
                    *out = mix(above, below, fraction);
                }
            }
            for x in (columns.start..inside.start).chain(inside.end..columns.end) {
                let at = (left + x as i64).clamp(0, last) as usize;
                out[x] = mix(above[at], below[at], fractions[x]);
            }
        }
        start += run;
    }
    Made { data, width, height }
}

#[inline(always)]
fn mix(above: u8, below: u8, fraction: u16) -> u8 {
    ((u16::from(above) * (256 - fraction) + u16::from(below) * fraction + 128) >> 8) as u8
}
