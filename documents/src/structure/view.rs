//! A page as it is read: upright, straight, and what is read from the right turned over, so that every line runs from left to right and
//! the first of them is at the top.

use crate::{
    geometry::{Point, Polygon, Rect},
    page_text::PageText,
    script::is_mostly_from_the_right,
};

/// Less than this is no skew: boxes of OCR are no truer. Radians, 0.1 degrees.
const LEAST_SKEW: f32 = 0.0017;
/// Lines that run otherwise than the page by more than this stand askew on it. Radians, some seven degrees.
const MOST_SKEW: f32 = 0.12;

/// How points of the page as it was given become points of the page as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    /// Direction in which the page's lines run, a unit vector.
    along: Point,
    is_mirrored: bool,
}

/// Where a line's text runs to, in radians, clockwise from the right; `None` where it has no length.
fn direction(polygon: &Polygon) -> Option<f32> {
    let [a, b, ..] = polygon.0;
    let (x, y) = (b.x - a.x, b.y - a.y);
    (x.is_finite() && y.is_finite() && x.hypot(y) > 0.0).then(|| y.atan2(x))
}

/// The difference of two directions, at most half a turn either way.
fn turn(from: f32, to: f32) -> f32 {
    let turn = (to - from).rem_euclid(std::f32::consts::TAU);
    if turn > std::f32::consts::PI { turn - std::f32::consts::TAU } else { turn }
}

impl View {
    pub(super) fn of(page: &PageText) -> Self {
        let quarter = std::f32::consts::FRAC_PI_2;
        let mut votes = [0_usize; 4];
        let mut skews: Vec<(f32, usize)> = Vec::new();
        let directions = || page.lines.iter().filter_map(|line| Some((line, direction(&line.polygon)?)));
        for (line, direction) in directions() {
            votes[(direction / quarter).round().rem_euclid(4.0) as usize % 4] += line.text.len();
        }
        let most = (0..4).rev().max_by_key(|&q| votes[q]).unwrap_or(0);
        let upright = most as f32 * quarter;
        for (line, direction) in directions() {
            let skew = turn(upright, direction);
            if skew.abs() < MOST_SKEW && line.polygon.width() > 4.0 * line.polygon.height() {
                skews.push((skew, line.text.len()));
            }
        }
        skews.sort_by(|a, b| a.0.total_cmp(&b.0));
        let half = skews.iter().map(|(_, weight)| weight).sum::<usize>() / 2;
        let mut passed = 0;
        let median = skews.iter().find(|(_, weight)| {
            passed += weight;
            passed > half
        });
        let skew = median.map_or(0.0, |(skew, _)| *skew);
        let angle = if skew.abs() < LEAST_SKEW { upright } else { upright + skew };
        let along = match most {
            // Without rounding where nothing is to be turned.
            0 if angle == 0.0 => Point::new(1.0, 0.0),
            1 if angle == upright => Point::new(0.0, 1.0),
            2 if angle == upright => Point::new(-1.0, 0.0),
            3 if angle == upright => Point::new(0.0, -1.0),
            _ => Point::new(angle.cos(), angle.sin()),
        };
        let is_mirrored = most == 0 && is_mostly_from_the_right(page.lines.iter().map(|line| line.text.as_str()));
        Self { along, is_mirrored }
    }

    /// Whether the page is read as it was given.
    pub(super) fn is_plain(&self) -> bool {
        self.along == Point::new(1.0, 0.0) && !self.is_mirrored
    }

    /// Whether a line runs as the page does.
    pub(super) fn is_level(&self, polygon: &Polygon) -> bool {
        let page = self.along.y.atan2(self.along.x);
        direction(polygon).is_none_or(|direction| turn(page, direction).abs() < MOST_SKEW)
    }

    /// Whether a line runs at a right angle to the page's own.
    pub(super) fn is_across(&self, polygon: &Polygon) -> bool {
        let page = self.along.y.atan2(self.along.x);
        direction(polygon)
            .is_some_and(|direction| (turn(page, direction).abs() - std::f32::consts::FRAC_PI_2).abs() < MOST_SKEW)
    }

    /// What is not finite becomes 0.
    pub(super) fn upright(&self, point: Point) -> Point {
        let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
        let (x, y) = (finite(point.x), finite(point.y));
        let (cos, sin) = (self.along.x, self.along.y);
        let (x, y) = (x * cos + y * sin, y * cos - x * sin);
        Point::new(if self.is_mirrored { -x } else { x }, y)
    }

    /// Back again.
    pub(super) fn given(&self, point: Point) -> Point {
        let x = if self.is_mirrored { -point.x } else { point.x };
        let (cos, sin) = (self.along.x, self.along.y);
        Point::new(x * cos - point.y * sin, x * sin + point.y * cos)
    }

    pub(super) fn rect_of(&self, polygon: &Polygon) -> Rect {
        polygon.map(|point| self.upright(point)).bounds()
    }

    pub(super) fn rect(&self, rect: Rect) -> Rect {
        self.rect_of(&Polygon::from_rect(rect))
    }

    /// An upright rectangle of the page as it was given, around one of the page as it is read.
    pub(super) fn bounds(&self, rect: Rect) -> Polygon {
        Polygon::from_rect(Polygon::from_rect(rect).map(|point| self.given(point)).bounds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TextLine;

    fn page(polygons: &[([f32; 8], &str)]) -> PageText {
        let line = |(p, text): &([f32; 8], &str)| TextLine {
            text: (*text).to_owned(),
            polygon: Polygon([0, 2, 4, 6].map(|i| Point::new(p[i], p[i + 1]))),
            confidence: None,
            words: Vec::new(),
        };
        PageText { lines: polygons.iter().map(line).collect(), ..PageText::default() }
    }

    #[test]
    fn lines_run_from_left_to_right_however_the_page_lies() {
        let (sin, cos) = 0.05_f32.sin_cos();
        let askew = [
            0.0,
            0.0,
            100.0 * cos,
            100.0 * sin,
            100.0 * cos - 10.0 * sin,
            100.0 * sin + 10.0 * cos,
            -10.0 * sin,
            10.0 * cos,
        ];
        for (name, polygon, text) in [
            ("upright", [10.0, 20.0, 110.0, 20.0, 110.0, 30.0, 10.0, 30.0], "abc"),
            ("clockwise", [90.0, 10.0, 90.0, 110.0, 80.0, 110.0, 80.0, 10.0], "abc"),
            ("upside down", [110.0, 30.0, 10.0, 30.0, 10.0, 20.0, 110.0, 20.0], "abc"),
            ("anticlockwise", [10.0, 110.0, 10.0, 10.0, 20.0, 10.0, 20.0, 110.0], "abc"),
            ("askew", askew, "abc"),
            ("from the right", [10.0, 20.0, 110.0, 20.0, 110.0, 30.0, 10.0, 30.0], "שלום"),
        ] {
            let page = page(&[(polygon, text)]);
            let view = View::of(&page);
            let rect = view.rect_of(&page.lines[0].polygon);
            assert!((rect.width() - 100.0).abs() < 0.01 && (rect.height() - 10.0).abs() < 0.01, "{name}: {rect:?}");
            let [first, ..] = page.lines[0].polygon.0;
            let upright = view.upright(first);
            let starts = if name == "from the right" { rect.right } else { rect.left };
            assert!((upright.x - starts).abs() < 0.01 && (upright.y - rect.top).abs() < 0.01, "{name}: {upright:?}");
            let back = view.given(upright);
            assert!(back.distance(first) < 0.01, "{name}: {back:?}");
            assert!(view.is_level(&page.lines[0].polygon), "{name}");
        }
    }

    #[test]
    fn no_geometry_is_too_odd() {
        let odd = [f32::NAN, f32::INFINITY, -1e30, 1e30, f32::NEG_INFINITY, 0.0, f32::NAN, 5.0];
        let page = page(&[(odd, "a"), ([0.0; 8], "b")]);
        let view = View::of(&page);
        let rect = view.rect_of(&page.lines[0].polygon);
        assert!([rect.left, rect.top, rect.right, rect.bottom].iter().all(|v| v.is_finite()), "{rect:?}");
    }
}
