//! Small skew, as a page gets on a scanner's glass.
//!
//! Pixels are never turned: every line is cut out along its own rotated rectangle, which sets it level at the cost of
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
