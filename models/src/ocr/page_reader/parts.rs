//! Images that are much longer than wide, such as screenshots: read in parts of a page's proportions.
//!
//! A detector is given a longer side of so many pixels, and an image of ten screens would be a strip in it. It is cut where it is blank,
//! between lines or columns, so that no line is cut.

use std::ops::Range;

use pagestream_documents::{Raster, Rect};

/// The longer side is so many times the shorter one.
const LONG: f32 = 3.0;
/// A shorter side of fewer pixels is a line of text, or nothing at all.
const LEAST_SIDE: u32 = 160;
/// Lengths of a part in shorter sides, and how far from there it is cut.
const LENGTH: f32 = 1.4;
const REACH: f32 = 0.35;
/// A row or column whose neighbouring pixels differ by less in the mean, in gray levels, is blank.
const BLANK: f32 = 0.25;

/// The parts of a page, from the top or from the left; none where it is to be read at once.
pub(super) fn of(page: &Raster, max_side: u32) -> Vec<Rect> {
    let (longer, shorter) = (page.width.max(page.height), page.width.min(page.height));
    if longer <= max_side || shorter < LEAST_SIDE || (longer as f32) < LONG * shorter as f32 {
        return Vec::new();
    }
    let is_tall = page.height > page.width;
    let busy = busy(page, is_tall);
    let (length, reach) = (LENGTH * shorter as f32, REACH * shorter as f32);
    let mut parts = Vec::new();
    let mut from = 0;
    while (from as f32 + length + reach) < longer as f32 {
        let middle = from as f32 + length;
        let to = blankest(&busy, (middle - reach) as usize..(middle + reach) as usize);
        parts.push(from..to);
        from = to;
    }
    parts.push(from..longer as usize);
    let rect = |Range { start, end }: Range<usize>| {
        let (width, height) = (page.width as f32, page.height as f32);
        if is_tall {
            Rect { left: 0.0, top: start as f32, right: width, bottom: end as f32 }
        } else {
            Rect { left: start as f32, top: 0.0, right: end as f32, bottom: height }
        }
    };
    parts.into_iter().map(rect).collect()
}

/// How much neighbouring pixels of each row (of a tall page) or column differ in the mean.
fn busy(page: &Raster, is_tall: bool) -> Vec<f32> {
    let (channels, stride) = (page.format.channels(), page.width as usize * page.format.channels());
    let rows = page.data.chunks_exact(stride.max(1));
    if is_tall {
        let change = |row: &[u8]| row.iter().zip(&row[channels..]).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
        rows.map(|row| change(row) as f32 / stride as f32).collect()
    } else {
        let mut sums = vec![0_u32; page.width as usize];
        for (above, below) in rows.clone().zip(rows.skip(1)) {
            for (sum, (a, b)) in sums.iter_mut().zip(above.iter().zip(below).step_by(channels)) {
                *sum += u32::from(a.abs_diff(*b));
            }
        }
        sums.into_iter().map(|sum| sum as f32 / page.height as f32).collect()
    }
}

/// The middle of the longest blank run in the range, or the least busy place where there is none.
fn blankest(busy: &[f32], range: Range<usize>) -> usize {
    let (mut best, mut begun) = (range.start..range.start, None);
    for at in range.clone() {
        if busy[at] < BLANK {
            let first = *begun.get_or_insert(at);
            if at + 1 - first > best.len() {
                best = first..at + 1;
            }
        } else {
            begun = None;
        }
    }
    if !best.is_empty() {
        return best.start.midpoint(best.end);
    }
    range.min_by(|&a, &b| busy[a].total_cmp(&busy[b])).unwrap_or(0)
}

/// The pixels of a part, whose sides are whole numbers.
pub(super) fn crop(page: &Raster, part: &Rect) -> Raster {
    let channels = page.format.channels();
    let (left, right) = (part.left as usize * channels, part.right as usize * channels);
    let stride = page.width as usize * channels;
    let rows = page.data[part.top as usize * stride..part.bottom as usize * stride].chunks_exact(stride);
    Raster {
        width: part.width() as u32,
        height: part.height() as u32,
        format: page.format,
        data: rows.flat_map(|row| &row[left..right]).copied().collect(),
        dpi: page.dpi,
    }
}

#[cfg(test)]
mod tests {
    use pagestream_documents::PixelFormat;

    use super::*;

    /// Lines of letters, thirty pixels apart and fourteen high.
    fn page(width: u32, height: u32, format: PixelFormat) -> Raster {
        let level = |at: u32| {
            let (x, y) = (at % width, at / width);
            if y % 30 < 14 && x % 8 < 4 && x % 80 > 20 { 20 } else { 250 }
        };
        let data = (0..width * height).flat_map(|at| std::iter::repeat_n(level(at), format.channels())).collect();
        Raster { width, height, format, data, dpi: 100.0 }
    }

    #[test]
    fn a_long_page_is_cut_where_it_is_blank_and_its_parts_are_all_of_it() {
        for format in [PixelFormat::Gray8, PixelFormat::Rgb8] {
            let tall = page(400, 3_000, format);
            let parts = of(&tall, 960);
            assert!((5..9).contains(&parts.len()), "{parts:?}");
            for pair in parts.windows(2) {
                assert_eq!(pair[0].bottom, pair[1].top);
                assert!((14..30).contains(&(pair[0].bottom as u32 % 30)), "{pair:?} cut a line");
            }
            assert_eq!((parts[0].top, parts[parts.len() - 1].bottom, parts[0].right), (0.0, 3_000.0, 400.0));
            let pixels: Vec<u8> = parts.iter().flat_map(|part| crop(&tall, part).data).collect();
            assert_eq!(pixels, tall.data);
            let wide = of(&page(3_000, 400, format), 960);
            for pair in wide.windows(2) {
                assert_eq!(pair[0].right, pair[1].left);
                assert!(pair[0].right as u32 % 80 < 22, "{pair:?} cut a word");
            }
        }
    }

    #[test]
    fn pages_of_usual_proportions_and_lines_are_read_at_once() {
        for (width, height) in [(1_000, 1_400), (1_000, 2_900), (300, 950), (2_000, 100)] {
            assert!(of(&page(width, height, PixelFormat::Gray8), 960).is_empty(), "{width} x {height}");
        }
    }
}
