//! Small skew, as a page gets on a scanner's glass.
//!
//! For so little pixels are not turned (a page that lies further askew is set straight first: see [`super::skew`]): every line is cut out along its own rotated rectangle, which sets it level at the cost of
//! the crop that is made anyway, and follows a page that is bent, not only one that is turned. What skew would still
//! upset is the reading order (over a wide page, one degree moves a row's end by a line), so the lines are turned back
//! about the page's middle before they are ordered.

use pagestream_documents::{Point, Polygon, Rect};

/// Lines shorter than this, in heights, do not say how the page lies: their rectangles follow their letters.
const MIN_ASPECT: f32 = 5.0;

/// Skew of the page in radians, clockwise positive: the median angle of its lines, weighed by their length. `lines`
/// lie in the upright page.
pub fn skew(lines: &[Polygon]) -> f32 {
    let mut angles: Vec<(f32, f32)> = lines
        .iter()
        .filter(|line| line.width() > MIN_ASPECT * line.height())
        .map(|line| {
            let [a, b, c, d] = line.0;
            let (dx, dy) = (b.x - a.x + c.x - d.x, b.y - a.y + c.y - d.y);
            (dy.atan2(dx), line.width())
        })
        .collect();
    angles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = angles.iter().map(|(_, weight)| weight).sum::<f32>() / 2.0;
    let mut passed = 0.0;
    angles
        .iter()
        .find(|(_, weight)| {
            passed += weight;
            passed >= half
        })
        .map_or(0.0, |(angle, _)| *angle)
}

/// Where the line would lie on a page without skew: turned back about the origin, as an upright rectangle of the
/// line's own width and height (the bounds of a skew line would overlap its neighbours).
pub fn straightened(line: &Polygon, skew: f32) -> Rect {
    let (sin, cos) = (-skew).sin_cos();
    let turned = line.map(|p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos));
    let bounds = turned.bounds();
    let center = bounds.center();
    // A line that runs up or down keeps its place on the page, not its reading direction.
    let across = bounds.height() > bounds.width();
    let (width, height) = match (across, line.width() < line.height()) {
        (true, false) | (false, true) => (line.height(), line.width()),
        _ => (line.width(), line.height()),
    };
    Rect {
        left: center.x - width / 2.0,
        top: center.y - height / 2.0,
        right: center.x + width / 2.0,
        bottom: center.y + height / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of a page that was turned about its origin.
    fn page(degrees: f32) -> Vec<Polygon> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        (0..10)
            .map(|n| {
                let top = 40.0 * n as f32;
                let flat = Polygon::from_rect(Rect { left: 100.0, top, right: 900.0, bottom: top + 24.0 });
                flat.map(|p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos))
            })
            .collect()
    }

    #[test]
    fn skew_is_the_angle_of_the_lines_and_straightening_takes_it_away() {
        for degrees in [-4.0, -0.5, 0.0, 1.0, 5.0] {
            let mut lines = page(degrees);
            // Short pieces and a heading set askew do not count.
            lines.push(Polygon::from_rect(Rect { left: 0.0, top: 0.0, right: 30.0, bottom: 20.0 }));
            lines.push(page(30.0)[0]);
            let found = skew(&lines);
            assert!((found.to_degrees() - degrees).abs() < 0.01, "{degrees}: {found}");
            let rect = straightened(&lines[3], found);
            let expected = Rect { left: 100.0, top: 120.0, right: 900.0, bottom: 144.0 };
            let error = (rect.left - expected.left).abs().max((rect.bottom - expected.bottom).abs());
            assert!(error < 0.2, "{degrees}: {rect:?}");
        }
    }

    #[test]
    fn a_page_without_long_lines_has_no_skew() {
        assert_eq!(skew(&[]), 0.0);
        assert_eq!(skew(&[Polygon::from_rect(Rect { left: 0.0, top: 0.0, right: 30.0, bottom: 20.0 })]), 0.0);
    }

    #[test]
    fn a_line_that_runs_up_keeps_its_place() {
        let tall = Rect { left: 10.0, top: 100.0, right: 34.0, bottom: 400.0 };
        let [a, b, c, d] = Polygon::from_rect(tall).0;
        assert_eq!(straightened(&Polygon([d, a, b, c]), 0.0), tall);
        assert_eq!(straightened(&Polygon([a, b, c, d]), 0.0), tall);
    }
}
