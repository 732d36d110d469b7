//! Where the text lines are: page pixels in, rotated rectangles out.
//!
//! The model is a DB network ("Real-time Scene Text Detection with Differentiable Binarization", Liao et al. 2020): it
//! answers with the probability that a pixel belongs to the *kernel* of a line, a rectangle shrunk away from the
//! line's borders so that neighbours stay apart. [`boxes`] finds the kernels and grows each back by the paper's offset
//! `area * ratio / perimeter`.

use pagestream_documents::{Point, Polygon, Raster, Rect, Rotation, buffers};

use super::{
    OcrOptions, ProbabilityMap,
    pixels::{self, Sampled},
};
use crate::{
    backend::{Tensor, TensorView},
    error::{Error, Result},
};

/// The network halves its input five times, so that its sides must be multiples of this.
const STRIDE: u32 = 32;

/// A kernel narrower than this many map pixels is noise; PaddleOCR's own limit.
const MIN_KERNEL_SIDE: f32 = 3.0;

/// What part of the page a detection looks at, and how large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// In pixels of the raster as given; within it.
    pub region: Rect,
    /// How the region is turned before the model sees it.
    pub rotation: Rotation,
    /// Of the model's input, after the turn; multiples of 32.
    pub width: u32,
    pub height: u32,
}

impl View {
    /// The whole page, its longer side at most `max_side` pixels, never enlarged.
    pub fn page(raster: &Raster, rotation: Rotation, max_side: u32) -> Self {
        Self::content(raster, page_rect(raster), rotation, 1.0, max_side)
    }

    /// `content` of the page, scaled by `scale`, or by less where the longer side of the *page* would pass `max_side`
    /// pixels: what is left away makes the input smaller and changes nothing else. The region grows, within the page, to
    /// what makes whole strides at that scale.
    pub fn content(raster: &Raster, content: Rect, rotation: Rotation, scale: f32, max_side: u32) -> Self {
        let page = page_rect(raster);
        let scale = scale.min(max_side as f32 / page.right.max(page.bottom).max(1.0));
        let grown = |low: f32, high: f32, end: f32| {
            let length = ((high - low) * scale / STRIDE as f32).ceil() * STRIDE as f32 / scale;
            let low = (low - (length - (high - low)) / 2.0).clamp(0.0, (end - length).max(0.0));
            (low, (low + length).min(end))
        };
        let (left, right) = grown(content.left, content.right, page.right);
        let (top, bottom) = grown(content.top, content.bottom, page.bottom);
        Self::region(Rect { left, top, right, bottom }, rotation, scale, max_side)
    }

    /// A part of the page, scaled by `scale`, its longer side then at most `max_side` pixels.
    pub fn region(region: Rect, rotation: Rotation, scale: f32, max_side: u32) -> Self {
        let (w, h) =
            if rotation.swaps_sides() { (region.height(), region.width()) } else { (region.width(), region.height()) };
        let scale = scale.min(max_side as f32 / w.max(h).max(1.0));
        let side = |length: f32| {
            let strides = (length * scale / STRIDE as f32).round() as u32;
            strides.clamp(1, (max_side / STRIDE).max(1)) * STRIDE
        };
        Self { region, rotation, width: side(w), height: side(h) }
    }

    /// From pixels of the map to pixels of the raster as given.
    pub fn to_raster(&self, p: Point) -> Point {
        let (u, v) = (p.x / self.width as f32, p.y / self.height as f32);
        let (u, v) = match self.rotation {
            Rotation::None => (u, v),
            Rotation::Clockwise90 => (v, 1.0 - u),
            Rotation::Half => (1.0 - u, 1.0 - v),
            Rotation::Clockwise270 => (1.0 - v, u),
        };
        Point::new(self.region.left + u * self.region.width(), self.region.top + v * self.region.height())
    }

    /// Raster pixels per map pixel, along the sides' mean.
    pub fn scale(&self) -> f32 {
        let pixels = self.region.area() / (self.width as f32 * self.height as f32).max(1.0);
        pixels.sqrt()
    }
}

fn page_rect(raster: &Raster) -> Rect {
    Rect { left: 0.0, top: 0.0, right: raster.width as f32, bottom: raster.height as f32 }
}

/// The detector's input: `[1, 3, height, width]` of `view`, planes blue, green, red, values `v / 127.5 - 1`. Scaled
/// straight from the raster; the only other buffer has the size of the result.
pub fn prepare(raster: &Raster, view: &View) -> Tensor {
    let (w, h) = if view.rotation.swaps_sides() { (view.height, view.width) } else { (view.width, view.height) };
    let mut small = pixels::resize(raster, view.region, w, h);
    if view.rotation != Rotation::None {
        let turned = Raster { width: w, height: h, format: small.format, data: small.data, dpi: raster.dpi };
        let turned = turned.rotated(view.rotation);
        small = Sampled { width: turned.width, height: turned.height, format: turned.format, data: turned.data };
    }
    let mut data = buffers::take(3 * view.width as usize * view.height as usize);
    pixels::normalize(&small, view.width as usize, &mut data);
    buffers::give_back(small.data);
    Tensor { shape: vec![1, 3, view.height as usize, view.width as usize], data }
}

/// The model's output `[1, 1, height, width]`, quantised.
///
/// # Errors
/// [`Error::Inference`] when the output has another shape.
pub fn reduce(output: TensorView<'_>) -> Result<ProbabilityMap> {
    let &[1, 1, height, width] = output.shape else {
        return Err(Error::Inference {
            model: "detector".to_owned(),
            cause: format!("its output has shape {:?}, not [1, 1, height, width]", output.shape),
        });
    };
    let mut data = buffers::take(output.data.len());
    for (quantised, &p) in data.iter_mut().zip(output.data) {
        *quantised = (p * 255.0 + 0.5) as u8;
    }
    Ok(ProbabilityMap { width, height, data })
}

/// A detected text line, in pixels of the probability map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// A rectangle turned by at most 45 degrees; its height is greater than its width when the text runs up or down.
    pub polygon: Polygon,
    /// Mean probability inside the kernel, 0 to 1.
    pub score: f32,
}

/// Finds the text lines in a probability map. `threshold` (binarisation), `box_threshold` (least score) and
/// `unclip_ratio` are those of the paper.
pub fn boxes(map: &ProbabilityMap, options: &OcrOptions) -> Vec<Detection> {
    let threshold = (options.threshold * 255.0) as u8;
    components(map, threshold)
        .into_iter()
        .filter_map(|outline| {
            let kernel = min_area_rect(&convex_hull(outline))?;
            if kernel.width.min(kernel.height) < MIN_KERNEL_SIDE {
                return None;
            }
            let score = mean_inside(map, &kernel.corners(0.0));
            let offset = kernel.width * kernel.height * options.unclip_ratio / (2.0 * (kernel.width + kernel.height));
            (score >= options.box_threshold).then(|| Detection { polygon: kernel.corners(offset), score })
        })
        .take(options.max_lines)
        .collect()
}

/// Outlines of the 8-connected components of pixels above `threshold`: for each row of a component the corners of its
/// first and last pixel, which is all that a convex hull needs.
fn components(map: &ProbabilityMap, threshold: u8) -> Vec<Vec<Point>> {
    struct Run {
        start: usize,
        end: usize,
        label: usize,
    }
    fn root(parents: &mut [usize], mut label: usize) -> usize {
        while parents[label] != label {
            parents[label] = parents[parents[label]];
            label = parents[label];
        }
        label
    }
    let mut parents: Vec<usize> = Vec::new();
    // (row, run); runs of the row above are the tail of the same list.
    let mut runs: Vec<(usize, Run)> = Vec::new();
    let mut above = 0..0;
    for (y, row) in map.data.chunks_exact(map.width.max(1)).enumerate() {
        let first = runs.len();
        let mut x = 0;
        let mut candidate = above.start;
        while let Some(offset) = row[x..].iter().position(|&p| p > threshold) {
            let start = x + offset;
            let end = row[start..].iter().position(|&p| p <= threshold).map_or(row.len(), |length| start + length);
            let mut label = None;
            while candidate < above.end && runs[candidate].1.end < start {
                candidate += 1;
            }
            let mut touching = candidate;
            // `<=`: diagonal neighbours belong together.
            while touching < above.end && runs[touching].1.start <= end {
                let other = root(&mut parents, runs[touching].1.label);
                label = Some(match label {
                    None => other,
                    Some(mine) => {
                        let (low, high) = (other.min(mine), other.max(mine));
                        parents[high] = low;
                        low
                    }
                });
                touching += 1;
            }
            let label = label.unwrap_or_else(|| {
                parents.push(parents.len());
                parents.len() - 1
            });
            runs.push((y, Run { start, end, label }));
            x = end;
            if x >= row.len() {
                break;
            }
        }
        above = first..runs.len();
    }
    let mut outlines: Vec<Vec<Point>> = Vec::new();
    let mut slots = vec![usize::MAX; parents.len()];
    for (y, run) in runs {
        let label = root(&mut parents, run.label);
        if slots[label] == usize::MAX {
            slots[label] = outlines.len();
            outlines.push(Vec::new());
        }
        let (left, right, top) = (run.start as f32, run.end as f32, y as f32);
        outlines[slots[label]].extend([
            Point::new(left, top),
            Point::new(right, top),
            Point::new(left, top + 1.0),
            Point::new(right, top + 1.0),
        ]);
    }
    outlines
}

/// Andrew's monotone chain, counter-clockwise as seen with y upwards.
fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let cross = |o: Point, a: Point, b: Point| (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
    let half = |points: &mut dyn Iterator<Item = Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for p in points {
            while chain.len() >= 2 && cross(chain[chain.len() - 2], chain[chain.len() - 1], p) <= 0.0 {
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

/// A rectangle turned by `angle` radians, -45 to 45 degrees: `width` lies along the turned x axis.
#[derive(Clone, Copy, Debug)]
struct RotatedRect {
    center: Point,
    angle: f32,
    width: f32,
    height: f32,
}

impl RotatedRect {
    /// The corners with every side moved outwards by `offset`, from the top left.
    fn corners(&self, offset: f32) -> Polygon {
        let (sin, cos) = self.angle.sin_cos();
        let (w, h) = (self.width / 2.0 + offset, self.height / 2.0 + offset);
        Polygon(
            [(-w, -h), (w, -h), (w, h), (-w, h)]
                .map(|(x, y)| Point::new(self.center.x + x * cos - y * sin, self.center.y + x * sin + y * cos)),
        )
    }
}

/// The rectangle of least area around a convex polygon: one of its sides lies on a side of the polygon (Freeman and
/// Shapira 1975). Hulls of text lines have a few dozen corners, so that trying every side against every corner is
/// cheaper than keeping calipers.
fn min_area_rect(hull: &[Point]) -> Option<RotatedRect> {
    let mut best: Option<(f32, RotatedRect)> = None;
    for (index, &a) in hull.iter().enumerate() {
        let b = hull[(index + 1) % hull.len()];
        let length = a.distance(b);
        if length <= 0.0 {
            continue;
        }
        let (ux, uy) = ((b.x - a.x) / length, (b.y - a.y) / length);
        let (mut along, mut across) = ((f32::MAX, f32::MIN), (f32::MAX, f32::MIN));
        for p in hull {
            let (s, t) = (p.x * ux + p.y * uy, p.y * ux - p.x * uy);
            along = (along.0.min(s), along.1.max(s));
            across = (across.0.min(t), across.1.max(t));
        }
        let (width, height) = (along.1 - along.0, across.1 - across.0);
        let area = width * height;
        if best.is_none_or(|(least, _)| area < least) {
            let (s, t) = ((along.0 + along.1) / 2.0, (across.0 + across.1) / 2.0);
            let center = Point::new(s * ux - t * uy, s * uy + t * ux);
            best = Some((area, quarter_turned(RotatedRect { center, angle: uy.atan2(ux), width, height })));
        }
    }
    best.map(|(_, rect)| rect)
}

/// The same rectangle with its angle between -45 and 45 degrees.
fn quarter_turned(mut rect: RotatedRect) -> RotatedRect {
    use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};
    while rect.angle.abs() > FRAC_PI_4 + 1e-4 {
        rect.angle -= FRAC_PI_2.copysign(rect.angle);
        (rect.width, rect.height) = (rect.height, rect.width);
    }
    rect
}

/// Mean probability of the pixels whose centres lie inside a convex polygon, 0 to 1.
fn mean_inside(map: &ProbabilityMap, polygon: &Polygon) -> f32 {
    let bounds = polygon.bounds();
    let first = bounds.top.max(0.0) as usize;
    let last = (bounds.bottom.ceil().max(0.0) as usize).min(map.height);
    let (mut sum, mut count) = (0_u64, 0_u64);
    for y in first..last {
        let middle = y as f32 + 0.5;
        let (mut left, mut right) = (f32::MAX, f32::MIN);
        for (index, &a) in polygon.0.iter().enumerate() {
            let b = polygon.0[(index + 1) % 4];
            if (a.y <= middle) != (b.y <= middle) {
                let x = a.x + (middle - a.y) / (b.y - a.y) * (b.x - a.x);
                left = left.min(x);
                right = right.max(x);
            }
        }
        let from = (left - 0.5).ceil().max(0.0) as usize;
        let to = ((right - 0.5).floor() + 1.0).clamp(0.0, map.width as f32) as usize;
        if left <= right && from < to {
            let row = &map.data[y * map.width..(y + 1) * map.width];
            sum += row[from..to].iter().map(|&p| u64::from(p)).sum::<u64>();
            count += (to - from) as u64;
        }
    }
    if count == 0 { 0.0 } else { sum as f32 / (count as f32 * 255.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pagestream_documents::PixelFormat;

    /// A map in which the given rectangles (centre, size, degrees clockwise) are certain text.
    fn map(width: usize, height: usize, rects: &[(f32, f32, f32, f32, f32)]) -> ProbabilityMap {
        let mut data = vec![0; width * height];
        for (index, out) in data.iter_mut().enumerate() {
            let (x, y) = ((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
            for &(cx, cy, w, h, degrees) in rects {
                let (sin, cos) = degrees.to_radians().sin_cos();
                let (u, v) = ((x - cx) * cos + (y - cy) * sin, (y - cy) * cos - (x - cx) * sin);
                if u.abs() <= w / 2.0 && v.abs() <= h / 2.0 {
                    *out = 255;
                }
            }
        }
        ProbabilityMap { width, height, data }
    }

    #[test]
    fn a_drawn_rectangle_is_found_at_its_place_and_angle_and_grown_by_the_papers_offset() {
        for degrees in [0.0, 3.0, -7.0, 20.0, 40.0] {
            let found = boxes(&map(320, 320, &[(160.0, 150.0, 120.0, 12.0, degrees)]), &OcrOptions::default());
            assert_eq!(found.len(), 1, "{degrees}");
            let polygon = found[0].polygon;
            let offset = 120.0 * 12.0 * 1.6 / (2.0 * 132.0);
            assert!((polygon.width() - 120.0 - 2.0 * offset).abs() < 4.0, "{degrees}: width {}", polygon.width());
            assert!((polygon.height() - 12.0 - 2.0 * offset).abs() < 4.0, "{degrees}: height {}", polygon.height());
            let [a, b, c, _] = polygon.0;
            let angle = (b.y - a.y).atan2(b.x - a.x).to_degrees();
            assert!((angle - degrees).abs() < 1.0, "{degrees}: {angle}");
            let middle = Point::new((a.x + c.x) / 2.0, (a.y + c.y) / 2.0);
            assert!(middle.distance(Point::new(160.0, 150.0)) < 1.0, "{degrees}: {middle:?}");
            assert!(found[0].score > 0.75, "{degrees}: score {}", found[0].score);
        }
    }

    #[test]
    fn lines_one_pixel_apart_stay_apart_and_a_line_that_runs_up_is_tall() {
        let found = boxes(
            &map(
                320,
                320,
                &[(100.0, 50.0, 100.0, 10.0, 0.0), (100.0, 61.0, 100.0, 10.0, 0.0), (250.0, 160.0, 10.0, 120.0, 0.0)],
            ),
            &OcrOptions::default(),
        );
        assert_eq!(found.len(), 3);
        assert!(found[2].polygon.height() > 3.0 * found[2].polygon.width());
    }

    #[test]
    fn pixels_that_meet_at_a_corner_or_through_another_row_are_one_component() {
        // A `U`, a diagonal, and a pixel alone.
        let rows = ["#.#....#", "#.#...#.", "###..#..", "........", "#......."];
        let data = rows.iter().flat_map(|row| row.bytes().map(|b| if b == b'#' { 255 } else { 0 })).collect();
        let found = components(&ProbabilityMap { width: 8, height: 5, data }, 76);
        let bounds: Vec<Rect> = found
            .iter()
            .map(|points| {
                let at = |p: &Point| Rect { left: p.x, top: p.y, right: p.x, bottom: p.y };
                points.iter().map(at).reduce(|a, b| a.union(&b)).unwrap_or_default()
            })
            .collect();
        let rect = |left, top, right, bottom| Rect { left, top, right, bottom };
        assert_eq!(bounds, [rect(0.0, 0.0, 3.0, 3.0), rect(5.0, 0.0, 8.0, 3.0), rect(0.0, 4.0, 1.0, 5.0)]);
    }

    #[test]
    fn noise_and_faint_areas_are_no_lines() {
        let mut faint = map(100, 100, &[(50.0, 50.0, 60.0, 20.0, 0.0)]);
        faint.data.iter_mut().for_each(|p| *p = *p / 255 * 100);
        assert_eq!(boxes(&faint, &OcrOptions::default()), []);
        assert_eq!(boxes(&map(100, 100, &[(50.0, 50.0, 2.0, 2.0, 0.0)]), &OcrOptions::default()), []);
        assert_eq!(boxes(&ProbabilityMap { width: 0, height: 0, data: Vec::new() }, &OcrOptions::default()), []);
    }

    #[test]
    fn the_input_is_the_page_scaled_turned_and_normalised() {
        // Left half black, right half white; 64 x 32.
        let data = (0..64 * 32).map(|i| if i % 64 < 32 { 0 } else { 255 }).collect();
        let raster = Raster { width: 64, height: 32, format: PixelFormat::Gray8, data, dpi: 72.0 };
        let tensor = prepare(&raster, &View::page(&raster, Rotation::None, 960));
        assert_eq!(tensor.shape, [1, 3, 32, 64]);
        assert_eq!((tensor.data[0], tensor.data[63]), (-1.0, 1.0));
        // Turned clockwise, the left half is on top.
        let view = View::page(&raster, Rotation::Clockwise90, 960);
        let tensor = prepare(&raster, &view);
        assert_eq!(tensor.shape, [1, 3, 64, 32]);
        assert_eq!((tensor.data[0], tensor.data[31], tensor.data[63 * 32]), (-1.0, -1.0, 1.0));
        assert_eq!(view.to_raster(Point::new(0.0, 0.0)), Point::new(0.0, 32.0));
    }

    #[test]
    fn views_keep_the_sides_within_the_limit_and_multiples_of_the_stride() {
        let region = Rect { left: 0.0, top: 0.0, right: 2550.0, bottom: 3300.0 };
        for side in [32, 320, 736, 960, 1000] {
            let view = View::region(region, Rotation::None, 1.0, side);
            let strides = view.width.is_multiple_of(STRIDE) && view.height.is_multiple_of(STRIDE);
            assert!(strides && view.width.max(view.height) <= side, "{view:?}");
        }
        let thin = View::region(Rect { right: 5.0, ..region }, Rotation::Half, 1.0, 960);
        assert_eq!((thin.width, thin.height), (32, 960));
    }

    #[test]
    fn a_page_with_wide_margins_is_looked_at_in_part_and_at_the_scale_of_the_whole() {
        let raster = Raster { width: 2000, height: 3000, format: PixelFormat::Gray8, data: Vec::new(), dpi: 300.0 };
        let content = Rect { left: 300.0, top: 200.0, right: 1700.0, bottom: 1500.0 };
        for rotation in [Rotation::None, Rotation::Clockwise90] {
            let view = View::content(&raster, content, rotation, 1.0, 960);
            let whole = View::page(&raster, rotation, 960);
            assert!((view.scale() - 3000.0 / 960.0).abs() < 0.001, "{view:?}");
            assert!(view.width * view.height * 2 < whole.width * whole.height, "{view:?}, {whole:?}");
            let Rect { left, top, right, bottom } = view.region;
            assert!(left <= 300.0 && top <= 200.0 && right >= 1700.0 && bottom >= 1500.0, "{view:?}");
            assert!(view.width.is_multiple_of(STRIDE) && view.height.is_multiple_of(STRIDE), "{view:?}");
        }
        // At the page's edge it grows to the other side, and never beyond the page.
        let corner = Rect { left: 1990.0, top: 2990.0, right: 2000.0, bottom: 3000.0 };
        let view = View::content(&raster, corner, Rotation::None, 1.0, 960);
        assert_eq!((view.region, view.width), (Rect { left: 1900.0, top: 2900.0, right: 2000.0, bottom: 3000.0 }, 32));
    }

    #[test]
    fn each_turn_maps_the_corners_of_the_map_onto_the_region() {
        let region = Rect { left: 10.0, top: 20.0, right: 74.0, bottom: 52.0 };
        for (rotation, expected) in [
            (Rotation::None, [10.0, 20.0]),
            (Rotation::Clockwise90, [10.0, 52.0]),
            (Rotation::Half, [74.0, 52.0]),
            (Rotation::Clockwise270, [74.0, 20.0]),
        ] {
            let view = View::region(region, rotation, 1.0, 960);
            assert_eq!(view.to_raster(Point::default()), Point::from(expected), "{rotation:?}");
        }
    }
}
