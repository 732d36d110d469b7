//! The part of a page that has anything on it.
//!
//! Margins are a third of most pages, and a detector's time goes with its input's area. What is cut away must hold no
//! text for certain, so only whole rows and columns at the page's edges go, and only where nothing stands out.

use pagestream_documents::{Raster, Rect};

/// Gray levels by which the darkest and the brightest pixel of a row or column may differ where there is no text: a tenth
/// of the range, at which print can no longer be read. Grainier paper than that is not cut.
const CONTRAST: u8 = 24;

/// Kept around what is there, as a part of the page's longer side: a detector wants paper around a line.
const MARGIN: f32 = 0.02;

/// The smallest rectangle, in whole pixels, outside which no row and no column of the page shows any contrast, and a margin
/// around it. `None` for a page that shows none at all: there is nothing to read.
pub fn bounds(raster: &Raster) -> Option<Rect> {
    let (width, channels) = (raster.width as usize, raster.format.channels());
    let stride = width * channels;
    if stride == 0 {
        return None;
    }
    let rows =
        |range: std::ops::Range<usize>| raster.data[range.start * stride..range.end * stride].chunks_exact(stride);
    let height = raster.data.len() / stride;
    let top = rows(0..height).position(|row| shows(row, channels))?;
    let bottom = height - rows(0..height).rev().position(|row| shows(row, channels)).unwrap_or(0);
    // Columns channel by channel, with rows as vectors: the page is walked through once, in the order it lies in memory.
    let (mut least, mut greatest) = (vec![u8::MAX; stride], vec![0; stride]);
    // One more row on either side, against which what fills its column from top to bottom stands out.
    for row in rows(top.saturating_sub(1)..(bottom + 1).min(height)) {
        for ((least, greatest), &value) in least.iter_mut().zip(&mut greatest).zip(row) {
            *least = value.min(*least);
            *greatest = value.max(*greatest);
        }
    }
    let column = |x: usize| (x * channels..(x + 1) * channels).any(|at| greatest[at] - least[at] > CONTRAST);
    let left = (0..width).position(column).unwrap_or(0);
    let right = width - (0..width).rev().position(column).unwrap_or(0);
    let margin = (raster.width.max(raster.height) as f32 * MARGIN).ceil();
    let page = Rect { left: 0.0, top: 0.0, right: raster.width as f32, bottom: raster.height as f32 };
    let content = Rect {
        left: left as f32 - margin,
        top: top as f32 - margin,
        right: right as f32 + margin,
        bottom: bottom as f32 + margin,
    };
    Some(content.intersection(&page))
}

/// Whether a row holds more contrast than paper does.
fn shows(row: &[u8], channels: usize) -> bool {
    // The rows of a margin are walked to their end, all others to the first block that stands out.
    let mut range = [(u8::MAX, 0); 3];
    for block in row.chunks(256 * channels) {
        for (channel, (least, greatest)) in range[..channels].iter_mut().enumerate() {
            for &value in block[channel..].iter().step_by(channels) {
                *least = value.min(*least);
                *greatest = value.max(*greatest);
            }
        }
        if range[..channels].iter().any(|(least, greatest)| greatest.saturating_sub(*least) > CONTRAST) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use pagestream_documents::PixelFormat;

    /// A page 400 x 300 whose paper varies by 20 levels, with dark rectangles on it.
    fn page(format: PixelFormat, dark: &[(u32, u32, u32, u32)]) -> Raster {
        let (width, height) = (400, 300);
        let mut data = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let is_dark = dark.iter().any(|&(l, t, r, b)| (l..r).contains(&x) && (t..b).contains(&y));
                let paper = 230 + ((x * 7 + y * 13) % 20) as u8;
                // In colour the dark is in one channel alone: blue on white is red and green that are missing.
                let value = |channel: usize| if is_dark && channel != 2 { paper - 100 } else { paper };
                data.extend((0..format.channels()).map(value));
            }
        }
        Raster { width, height, format, data, dpi: 100.0 }
    }

    #[test]
    fn what_is_there_is_kept_with_a_margin_and_the_rest_is_not() {
        let rect = |left, top, right, bottom| Rect { left, top, right, bottom };
        for (dark, expected) in [
            (vec![(100, 60, 300, 240)], Some(rect(92.0, 52.0, 308.0, 248.0))),
            // A page number far below, and a line that begins at the very edge.
            (vec![(100, 60, 300, 200), (199, 290, 200, 291)], Some(rect(92.0, 52.0, 308.0, 299.0))),
            (vec![(0, 60, 300, 61)], Some(rect(0.0, 52.0, 308.0, 69.0))),
            (vec![(0, 0, 400, 300)], None),
            (vec![], None),
            // A dark border around everything, as scanners leave it.
            (vec![(0, 0, 400, 5), (0, 0, 5, 300), (395, 0, 400, 300)], Some(rect(0.0, 0.0, 400.0, 300.0))),
        ] {
            for format in [PixelFormat::Gray8, PixelFormat::Rgb8] {
                assert_eq!(bounds(&page(format, &dark)), expected, "{dark:?}, {format:?}");
            }
        }
    }

    #[test]
    fn pages_without_pixels_have_nothing_on_them() {
        let empty = Raster { width: 0, height: 0, format: PixelFormat::Gray8, data: Vec::new(), dpi: 100.0 };
        assert_eq!(bounds(&empty), None);
    }
}
