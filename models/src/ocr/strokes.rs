//! How thick the strokes of a line of print are, which tells bold type from the text around it.

use pagestream_documents::Polygon;

use super::{compact::resize::Plane, pixels::Histogram};

/// Rows of a line that are looked at, about: they say as much as all.
const ROWS: f32 = 10.0;
/// Columns that are looked at as if they were level.
const SEGMENT: f32 = 48.0;
/// The part of a line's height at its top and at its bottom that is left out: other lines reach into it.
const RIM: f32 = 0.15;
/// Steeper lines run up or down the page.
const MOST_SLOPE: f32 = 0.2;
/// Levels between ink and paper at least.
const LEAST_CONTRAST: usize = 40;
/// Less than this part of full ink is paper.
const LEAST_INK: f32 = 0.2;
const LEAST_RUNS: u32 = 6;

/// Mean thickness of a line's strokes across, in pixels: its ink over the number of times that ink begins. `None` where it does not run
/// from left to right or has too little ink to tell.
pub(super) fn thickness(page: Plane<'_>, line: &Polygon) -> Option<f32> {
    let [a, b, c, d] = line.0;
    let (width, height) = (b.x - a.x, line.height());
    if !(width > 2.0 && height > 4.0 && (b.y - a.y).abs() < MOST_SLOPE * width) {
        return None;
    }
    let step = ((height / ROWS * (1.0 - 2.0 * RIM)) as usize).max(1);
    let count = (width / SEGMENT).ceil().clamp(1.0, 1_000.0);
    let pieces = || {
        (0..count as u32).flat_map(move |n| {
            let at = |n: f32| a.x + width * n / count;
            let middle = (n as f32 + 0.5) / count;
            let (top, bottom) = (a.y + (b.y - a.y) * middle, d.y + (c.y - d.y) * middle);
            let rim = RIM * (bottom - top);
            let within = |value: f32, most: usize| (value.max(0.0) as usize).min(most);
            let columns = within(at(n as f32), page.width)..within(at(n as f32 + 1.0), page.width);
            let rows = within(top + rim, page.height)..within(bottom - rim, page.height);
            rows.step_by(step).map(move |y| &page.row(y)[columns.start..columns.end.max(columns.start)])
        })
    };
    let mut histogram = Histogram::default();
    pieces().for_each(|row| histogram.add(row));
    let histogram = histogram.counts();
    let all: u32 = histogram.iter().sum();
    let level = |part: f32| {
        let mut passed = 0;
        let wanted = (part * all as f32) as u32;
        let found = histogram.iter().position(|count| {
            passed += count;
            passed > wanted
        });
        found.unwrap_or(255)
    };
    // Ink is some percent of a line's pixels, paper most of them.
    let (ink, paper) = (level(0.03), level(0.8));
    let contrast = paper.checked_sub(ink).filter(|contrast| *contrast >= LEAST_CONTRAST)?;
    let share = |level: usize| {
        let share = (paper.saturating_sub(level) as f32 / contrast as f32).min(1.0);
        if share < LEAST_INK { 0.0 } else { share }
    };
    let mass: f32 = histogram.iter().enumerate().map(|(level, &count)| share(level) * count as f32).sum();
    let threshold = u8::try_from((ink + paper) / 2).unwrap_or(255);
    let begins = |row: &[u8]| -> u32 {
        row.iter().zip(&row[1.min(row.len())..]).map(|(&a, &b)| u32::from(a >= threshold && b < threshold)).sum()
    };
    let runs: u32 = pieces().map(begins).sum();
    (runs >= LEAST_RUNS).then(|| mass / runs as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pagestream_documents::Rect;

    /// Strokes of so many pixels every 12, on rows that rise by `slope`.
    fn drawn(thick: usize, slope: f32) -> Vec<u8> {
        let mut pixels = vec![240; 600 * 80];
        for x in 20..560 {
            let top = (30.0 + slope * x as f32) as usize;
            if x % 12 < thick {
                (top..top + 24).for_each(|y| pixels[y * 600 + x] = 20);
            }
        }
        pixels
    }

    #[test]
    fn bold_strokes_are_thicker_also_where_a_line_lies_askew_or_is_faint() {
        for slope in [0.0, 0.02] {
            let polygon = |y: f32| {
                let mut polygon = Polygon::from_rect(Rect { left: 20.0, top: y, right: 560.0, bottom: y + 24.0 });
                polygon.0.iter_mut().for_each(|p| p.y += slope * p.x);
                polygon
            };
            for thick in [2, 3, 5] {
                let mut pixels = drawn(thick, slope);
                let page = Plane::new(&pixels, 600, 80);
                let found = thickness(page, &polygon(30.0)).unwrap();
                assert!((found - thick as f32).abs() < 0.35, "{thick} at {slope}: {found}");
                pixels.iter_mut().filter(|level| **level < 100).for_each(|level| *level = 150);
                let faint = thickness(Plane::new(&pixels, 600, 80), &polygon(30.0)).unwrap();
                assert!((faint - found).abs() < 0.1, "{faint} of {found}");
            }
        }
    }

    #[test]
    fn what_has_no_ink_or_runs_down_the_page_has_no_thickness() {
        let pixels = vec![240; 600 * 80];
        let page = Plane::new(&pixels, 600, 80);
        let level = Polygon::from_rect(Rect { left: 20.0, top: 30.0, right: 560.0, bottom: 54.0 });
        assert_eq!(thickness(page, &level), None);
        let [a, b, c, d] = level.0;
        assert_eq!(thickness(Plane::new(&drawn(3, 0.0), 600, 80), &Polygon([b, c, d, a])), None);
        let beyond = level.map(|p| pagestream_documents::Point::new(p.x + 1e6, p.y - 1e6));
        assert_eq!(thickness(page, &beyond), None);
    }
}
