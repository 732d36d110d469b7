//! Boxes of short words, drawn in to their ink.
//!
//! The detector's maps have a cell every eight pixels, and a box reaches half a cell beyond its outer ones. For a line of text that
//! is nothing; a page number or a letter in a diagram gets a box twice its width, which may reach into what stands beside it.

use pagestream_documents::Polygon;

use super::{
    crop::{self, Pixels},
    resize::Plane,
};
use crate::ocr::pixels::Histogram;

/// Lines that are longer than this many heights are left as they are.
const SHORT: f32 = 2.5;

/// Paper left on either side of the ink, in heights of the box.
const MARGIN: f32 = 0.28;

/// Gray levels between paper and ink; with less there is nothing to go by.
const LEAST_CONTRAST: u8 = 48;

/// The line, its ends drawn in to its ink if it is short. It never grows.
pub fn fit(page: Plane<'_>, line: &Polygon) -> Polygon {
    let (width, height) = crop::size(line);
    if width as f32 > SHORT * height as f32 {
        return *line;
    }
    let ends = match crop::upright(page, line) {
        Pixels::Lent(part) => ink(part),
        Pixels::Made(made) => ink(made.plane()),
    };
    let Some((first, last)) = ends else { return *line };
    let margin = MARGIN * height as f32;
    let part = |x: f32| (x / width as f32).clamp(0.0, 1.0);
    line.piece(part(first as f32 - margin), part(last as f32 + 1.0 + margin))
}

/// First and last column with ink, whichever of the two levels is the lighter one.
fn ink(pixels: Plane<'_>) -> Option<(usize, usize)> {
    // The outer eighths belong to the lines above and below.
    let rows = pixels.height / 8..pixels.height - pixels.height / 8;
    let mut counts = Histogram::default();
    rows.clone().for_each(|y| counts.add(pixels.row(y)));
    let counts = counts.counts().map(|count| count as usize);
    let total: usize = counts.iter().sum();
    let level = |wanted: usize| {
        let mut passed = 0;
        counts.iter().position(|&count| {
            passed += count;
            passed > wanted
        })
    };
    let (low, paper, high) = (level(0)?, level(total / 2)?, level(total.checked_sub(1)?)?);
    let contrast = (paper - low).max(high - paper);
    if contrast < usize::from(LEAST_CONTRAST) {
        return None;
    }
    let is_ink = |x: &usize| rows.clone().any(|y| 2 * usize::from(pixels.row(y)[*x]).abs_diff(paper) > contrast);
    Some(((0..pixels.width).find(is_ink)?, (0..pixels.width).rev().find(is_ink)?))
}

#[cfg(test)]
mod tests {
    use pagestream_documents::{Point, Rect};

    use super::*;

    /// A page of 200 x 100 with bars of ink from 40 to 52 and from 120 to 180, 30 to 50 down.
    fn page(paper: u8, ink: u8) -> Vec<u8> {
        let mut data = vec![paper; 200 * 100];
        for y in 30..50 {
            data[y * 200 + 40..y * 200 + 52].fill(ink);
            data[y * 200 + 120..y * 200 + 180].fill(ink);
        }
        data
    }

    fn fitted(data: &[u8], left: f32, right: f32) -> Rect {
        let line = Polygon::from_rect(Rect { left, top: 25.0, right, bottom: 55.0 });
        fit(Plane::new(data, 200, 100), &line).bounds()
    }

    #[test]
    fn short_words_are_fitted_whether_dark_or_light_and_others_left() {
        for (paper, ink) in [(255, 0), (0, 255), (200, 120)] {
            let bounds = fitted(&page(paper, ink), 20.0, 70.0);
            // 0.28 of 30 pixels beyond the ink.
            assert!((bounds.left - 31.6).abs() < 0.1 && (bounds.right - 60.4).abs() < 0.1, "{paper}: {bounds:?}");
            assert_eq!((bounds.top, bounds.bottom), (25.0, 55.0));
        }
        let data = page(255, 0);
        let same = |left: f32, right: f32| {
            let bounds = fitted(&data, left, right);
            assert_eq!((bounds.left, bounds.right), (left, right));
        };
        same(100.0, 190.0);
        same(38.0, 54.0);
        same(60.0, 110.0);
        let faint = fitted(&page(200, 180), 20.0, 70.0);
        assert_eq!((faint.left, faint.right), (20.0, 70.0), "too faint to go by");
    }

    #[test]
    fn a_word_on_its_side_is_fitted_along_its_reading_direction() {
        let mut data = vec![255; 100 * 200];
        for y in 40..52 {
            data[y * 100 + 30..y * 100 + 50].fill(0);
        }
        // It reads upwards.
        let line = Polygon([(25.0, 70.0), (25.0, 20.0), (55.0, 20.0), (55.0, 70.0)].map(|(x, y)| Point::new(x, y)));
        let bounds = fit(Plane::new(&data, 100, 200), &line).bounds();
        assert!((bounds.top - 31.6).abs() < 0.1 && (bounds.bottom - 60.4).abs() < 0.1, "{bounds:?}");
        assert_eq!((bounds.left, bounds.right), (25.0, 55.0));
    }
}
