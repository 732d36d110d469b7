//! One text line, cut out of the page and set upright into the recogniser's input.

use pagestream_documents::{Point, Polygon, Raster, Rect, buffers};

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
    Crop { tensor: padded(sampled, padded_width(line)), content_width }
}

/// The orientation classifier's input `[1, 3, 48, 192]`: the line's beginning, padded by 0.
pub fn orient_input(raster: &Raster, line: &Polygon) -> Tensor {
    // The beginning at its own proportions; squeezing a long line into the input would make its letters unreadable.
    let [a, b, c, d] = line.0;
    let part = (4.0 * line.height() / line.width().max(1.0)).min(1.0);
    let along = |from: Point, to: Point| Point::new(from.x + part * (to.x - from.x), from.y + part * (to.y - from.y));
    let beginning = Polygon([a, along(a, b), along(d, c), d]);
    let sampled = sample(raster, &beginning, content_width(&beginning).min(ORIENT_WIDTH), LINE_HEIGHT);
    padded(sampled, ORIENT_WIDTH)
}

fn padded(sampled: Sampled, width: u32) -> Tensor {
    let (width, height) = (width as usize, LINE_HEIGHT as usize);
    let mut data = buffers::take(3 * height * width);
    for row in data.chunks_exact_mut(width) {
        row[sampled.width as usize..].fill(0.0);
    }
    pixels::normalize(&sampled, width, &mut data);
    buffers::give_back(sampled.data);
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
    let sampled = pixels::resize_source(source, all, width, height);
    buffers::give_back(native.data);
    sampled
}

/// The parallelogram at the raster's resolution, by bilinear interpolation; beyond the page its border goes on.
fn warp(raster: &Raster, line: &Polygon) -> Sampled {
    // A polygon may come from a map that is smaller than the page, never from outside: the bounds keep a broken one
    // from asking for more than the page itself.
    let limit = raster.width.max(raster.height).max(1) as f32 * 1.5;
    let width = line.width().round().clamp(1.0, limit) as u32;
    let height = line.height().round().clamp(1.0, limit) as u32;
    let channels = raster.format.channels();
    let mut data = buffers::take(width as usize * height as usize * channels);
    if raster.width == 0 || raster.height == 0 {
        data.fill(255);
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

#[cfg(test)]
mod tests {
    use super::*;
    use pagestream_documents::{PixelFormat, Rotation};

    /// Pseudo-random gray values, the same in every run; smooth enough that interpolation has something to do.
    fn page(width: u32, height: u32) -> Raster {
        let data = (0..width * height)
            .map(|i| {
                let (x, y) = ((i % width) as f32, (i / width) as f32);
                (127.5 + 127.0 * (x * 0.31).sin() * (y * 0.23 + x * 0.05).cos()) as u8
            })
            .collect();
        Raster { width, height, format: PixelFormat::Gray8, data, dpi: 150.0 }
    }

    fn in_color(page: &Raster) -> Raster {
        let data = page.data.iter().flat_map(|&v| [v; 3]).collect();
        Raster { format: PixelFormat::Rgb8, data, ..page.clone() }
    }

    fn rect(left: f32, top: f32, width: f32, height: f32) -> Polygon {
        Polygon::from_rect(Rect { left, top, right: left + width, bottom: top + height })
    }

    #[test]
    fn a_line_as_high_as_the_input_is_copied_pixel_by_pixel_and_padded() {
        let page = page(200, 100);
        let crop = recognizer_input(&page, &rect(20.0, 30.0, 70.0, 48.0));
        assert_eq!((crop.tensor.shape, crop.content_width), (vec![1, 3, 48, 96], 70));
        for (index, &value) in crop.tensor.data.iter().enumerate() {
            let (x, y) = (index % 96, index / 96 % 48);
            let expected = if x < 70 { f32::from(page.data[(30 + y) * 200 + 20 + x]) / 127.5 - 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "at {x}, {y}: {value}, not {expected}");
        }
    }

    #[test]
    fn a_line_of_a_turned_page_reads_as_the_page_turned_back() {
        let page = page(200, 100);
        let expected = recognizer_input(&page, &rect(20.0, 30.0, 70.0, 48.0)).tensor;
        // Where the line's corners go when the paper is turned clockwise.
        for rotation in [Rotation::Clockwise90, Rotation::Half, Rotation::Clockwise270] {
            let to = |x: f32, y: f32| match rotation {
                Rotation::None => [x, y],
                Rotation::Clockwise90 => [100.0 - y, x],
                Rotation::Half => [200.0 - x, 100.0 - y],
                Rotation::Clockwise270 => [y, 200.0 - x],
            };
            let line = rect(20.0, 30.0, 70.0, 48.0).map(|p| Point::from(to(p.x, p.y)));
            let found = recognizer_input(&page.rotated(rotation), &line).tensor;
            let worst = found.data.iter().zip(&expected.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(found.shape == expected.shape && worst < 0.01, "{rotation:?}: {worst}");
        }
    }

    #[test]
    fn a_skew_line_comes_out_level() {
        // A dark stroke in the middle of a line that rises by 5 degrees.
        let (sin, cos) = (-5.0_f32).to_radians().sin_cos();
        let mut page =
            Raster { width: 400, height: 200, format: PixelFormat::Gray8, data: vec![255; 400 * 200], dpi: 150.0 };
        for y in 0..200 {
            for x in 0..400 {
                let (dx, dy) = (x as f32 + 0.5 - 200.0, y as f32 + 0.5 - 100.0);
                if (dy * cos - dx * sin).abs() < 6.0 {
                    page.data[y * 400 + x] = 0;
                }
            }
        }
        let corner = |u: f32, v: f32| Point::new(200.0 + u * cos - v * sin, 100.0 + u * sin + v * cos);
        let line = Polygon([corner(-150.0, -20.0), corner(150.0, -20.0), corner(150.0, 20.0), corner(-150.0, 20.0)]);
        let crop = recognizer_input(&page, &line);
        let width = crop.tensor.shape[3];
        for x in [0, 60, 180, 300, 359] {
            let column: Vec<f32> = (0..48).map(|y| crop.tensor.data[y * width + x]).collect();
            assert!(column[20..28].iter().all(|&v| v < -0.95), "stroke at {x}: {column:?}");
            assert!(column[..12].iter().chain(&column[36..]).all(|&v| v > 0.95), "paper at {x}: {column:?}");
        }
    }

    #[test]
    fn a_gray_page_gives_the_same_crop_in_gray_and_in_colour() {
        let (gray, color) = (page(301, 157), in_color(&page(301, 157)));
        let skew = Polygon([(20.5, 40.0), (250.0, 48.0), (248.4, 101.0), (18.9, 93.0)].map(|(x, y)| Point::new(x, y)));
        for line in [rect(10.3, 20.7, 200.0, 31.0), rect(10.0, 20.0, 120.0, 99.0), skew] {
            assert_eq!(recognizer_input(&gray, &line), recognizer_input(&color, &line), "{line:?}");
            assert_eq!(orient_input(&gray, &line), orient_input(&color, &line), "{line:?}");
        }
    }

    #[test]
    fn blue_comes_first() {
        let data = [10, 20, 30].repeat(64 * 48);
        let page = Raster { width: 64, height: 48, format: PixelFormat::Rgb8, data, dpi: 72.0 };
        let tensor = recognizer_input(&page, &rect(0.0, 0.0, 64.0, 48.0)).tensor;
        let planes: Vec<f32> =
            tensor.data.chunks(64 * 48).map(|plane| (plane[100] + 1.0) * 127.5).map(f32::round).collect();
        assert_eq!(planes, [30.0, 20.0, 10.0]);
    }

    #[test]
    fn widths_are_buckets_and_bounded_whatever_the_polygon() {
        let page = page(50, 40);
        for line in [
            rect(0.0, 0.0, 50.0, 0.1),
            rect(-100.0, -100.0, 5000.0, 10.0),
            rect(10.0, 10.0, 0.0, 0.0),
            Polygon([Point::new(30.0, 30.0), Point::new(10.0, 35.0), Point::new(9.0, 20.0), Point::new(29.0, 15.0)]),
        ] {
            let width = recognizer_input(&page, &line).tensor.shape[3] as u32;
            assert!(
                width.is_multiple_of(WIDTH_BUCKET) && (WIDTH_BUCKET..=MAX_WIDTH).contains(&width),
                "{line:?}: {width}"
            );
            assert_eq!(tensor_bytes(&line), 4 * 3 * 48 * width as usize);
            assert_eq!(orient_input(&page, &line).shape, [1, 3, 48, 192]);
        }
    }
}
