//! One text line, cut out of the page and set upright into the recogniser's input.

use pagestream_documents::{Point, Polygon, Raster, Rect};

use super::pixels::{self, Sampled, Source};
use crate::backend::Tensor;

/// Height of a line as the recogniser was trained.
pub const LINE_HEIGHT: u32 = 48;

/// Widths come in multiples of this. A bucket depends on the line alone, never on the lines it shares a batch with,
/// so that the text of a page does not depend on what else is running.
pub const WIDTH_BUCKET: u32 = 32;

/// No line is given more pixels than this along its length: 66 times its height. What is longer is squeezed.
pub const MAX_WIDTH: u32 = 3200;

/// Input width of the orientation classifier, fixed by its training; longer lines are cut at the right.
const ORIENT_WIDTH: u32 = 192;

/// A crop and how much of its width is text rather than padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    /// `[1, 3, 48, width]`, planes blue, green, red, values `v / 127.5 - 1`, right of the text 0.
    pub tensor: Tensor,
    /// Pixels of `tensor` that hold the line.
    pub content_width: u32,
}

/// Width of a line's crop before padding, in pixels.
pub fn content_width(line: &Polygon) -> u32 {
    let (width, height) = (line.width(), line.height().max(1.0));
    ((LINE_HEIGHT as f32 * width / height).ceil() as u32).clamp(8, MAX_WIDTH)
}

/// Width of a line's tensor.
pub fn padded_width(line: &Polygon) -> u32 {
    content_width(line).next_multiple_of(WIDTH_BUCKET)
}

/// Bytes of a line's tensor.
pub fn tensor_bytes(line: &Polygon) -> usize {
    3 * LINE_HEIGHT as usize * padded_width(line) as usize * size_of::<f32>()
}

/// The recogniser's input for a line given by its corners in reading direction, in pixels of the raster.
pub fn recognizer_input(raster: &Raster, line: &Polygon) -> Crop {
    let content_width = content_width(line);
    let sampled = sample(raster, line, content_width, LINE_HEIGHT);
    Crop { tensor: padded(&sampled, padded_width(line)), content_width }
}

/// The orientation classifier's input `[1, 3, 48, 192]`: the line's beginning, padded by 0.
pub fn orient_input(raster: &Raster, line: &Polygon) -> Tensor {
    // The beginning at its own proportions; squeezing a long line into the input would make its letters unreadable.
    let [a, b, c, d] = line.0;
    let part = (4.0 * line.height() / line.width().max(1.0)).min(1.0);
    let along = |from: Point, to: Point| Point::new(from.x + part * (to.x - from.x), from.y + part * (to.y - from.y));
    let beginning = Polygon([a, along(a, b), along(d, c), d]);
    let sampled = sample(raster, &beginning, content_width(&beginning).min(ORIENT_WIDTH), LINE_HEIGHT);
    padded(&sampled, ORIENT_WIDTH)
}

fn padded(sampled: &Sampled, width: u32) -> Tensor {
    let (width, height) = (width as usize, LINE_HEIGHT as usize);
    let mut data = vec![0.0; 3 * height * width];
    pixels::normalize(sampled, width, &mut data);
    Tensor { shape: vec![1, 3, height, width], data }
}

/// The parallelogram `line`, given by its corners in reading direction, at `width` x `height` pixels.
pub fn sample(raster: &Raster, line: &Polygon, width: u32, height: u32) -> Sampled {
    let [a, b, _, d] = line.0;
    let upright = b.x > a.x && d.y > a.y && (b.y - a.y).abs() < 0.75 && (d.x - a.x).abs() < 0.75;
    if upright {
        return pixels::resize(raster, line.bounds(), width, height);
    }
    // First set upright at the page's own resolution, then scale: so that a reduction averages pixels here too.
    let native = warp(raster, line);
    let all = Rect { left: 0.0, top: 0.0, right: native.width as f32, bottom: native.height as f32 };
    let source = Source { width: native.width, height: native.height, format: native.format, data: &native.data };
    pixels::resize_source(source, all, width, height)
}

/// The parallelogram at the raster's resolution, by bilinear interpolation; beyond the page its border goes on.
fn warp(raster: &Raster, line: &Polygon) -> Sampled {
    // A polygon may come from a map that is smaller than the page, never from outside: the bounds keep a broken one
    // from asking for more than the page itself.
    let limit = raster.width.max(raster.height).max(1) as f32 * 1.5;
    let width = line.width().round().clamp(1.0, limit) as u32;
    let height = line.height().round().clamp(1.0, limit) as u32;
    let channels = raster.format.channels();
    let mut data = vec![255; width as usize * height as usize * channels];
    if raster.width == 0 || raster.height == 0 {
        return Sampled { width, height, format: raster.format, data };
    }
    let [a, b, _, d] = line.0;
    let step = Point::new((b.x - a.x) / width as f32, (b.y - a.y) / width as f32);
    let down = Point::new((d.x - a.x) / height as f32, (d.y - a.y) / height as f32);
    let (last_x, last_y) = ((raster.width - 1) as f32, (raster.height - 1) as f32);
    let stride = raster.width as usize * channels;
    for (j, row) in data.chunks_exact_mut(width as usize * channels).enumerate() {
        for (i, out) in row.chunks_exact_mut(channels).enumerate() {
            let (s, t) = (i as f32 + 0.5, j as f32 + 0.5);
            // Pixel centres lie at halves.
            let x = (a.x + s * step.x + t * down.x - 0.5).clamp(0.0, last_x);
            let y = (a.y + s * step.y + t * down.y - 0.5).clamp(0.0, last_y);
            let (x0, y0) = (x as usize, y as usize);
            let (fx, fy) = (((x - x0 as f32) * 256.0) as u32, ((y - y0 as f32) * 256.0) as u32);
            let at = y0 * stride + x0 * channels;
            let right = if x0 as f32 >= last_x { 0 } else { channels };
            let below = if y0 as f32 >= last_y { 0 } else { stride };
            for (channel, out) in out.iter_mut().enumerate() {
                let pixel = |offset: usize| u32::from(raster.data[at + offset + channel]);
                let top = pixel(0) * (256 - fx) + pixel(right) * fx;
                let bottom = pixel(below) * (256 - fx) + pixel(below + right) * fx;
                *out = ((top * (256 - fy) + bottom * fy + (1 << 15)) >> 16) as u8;
            }
        }
    }
    Sampled { width, height, format: raster.format, data }
}
