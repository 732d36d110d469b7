//! The contours of a path, and which of them are rectangles.

use hayro::kurbo::{Affine, BezPath, PathEl, Point, Rect};

/// Points within which two edges are the same.
const NEAR: f64 = 0.1;
/// Lines that lean by less than this share of their length are upright, as far as anybody sees.
const LEAN: f64 = 0.01;
/// Share of its outline that a box with round corners has in straight lines; of a circle it is none.
const STRAIGHT: f64 = 0.5;
/// A rectangle has so few elements, round corners included.
const MOST_OF_BOX: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outline {
    Box,
    RoundedBox,
    Other,
}

#[derive(Debug)]
pub(super) struct Contour {
    pub(super) bounds: Rect,
    pub(super) outline: Outline,
    /// Its lines that are level or upright, without thickness.
    pub(super) straight: Vec<Rect>,
    /// Around each of its other lines and curves.
    pub(super) rest: Vec<Rect>,
}

/// The contours of a path as they come to lie on the page.
pub(super) fn contours(path: &BezPath, transform: Affine) -> impl Iterator<Item = Contour> + '_ {
    let elements = path.elements();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < elements.len() {
            let start = at;
            at += 1;
            while at < elements.len() && !matches!(elements[at], PathEl::MoveTo(_)) {
                at += 1;
            }
            if let Some(contour) = contour(&elements[start..at], transform) {
                return Some(contour);
            }
        }
        None
    })
}

fn contour(elements: &[PathEl], transform: Affine) -> Option<Contour> {
    let first = match elements.first()? {
        PathEl::MoveTo(point) => transform * *point,
        _ => return None,
    };
    let mut here = first;
    let (mut straight, mut rest) = (Vec::new(), Vec::new());
    let mut has_curves = false;
    let mut bounds = Rect::from_points(first, first);
    for element in &elements[1..] {
        let (to, around) = match *element {
            PathEl::MoveTo(_) => break,
            PathEl::LineTo(to) => (transform * to, None),
            PathEl::ClosePath => (first, None),
            PathEl::QuadTo(a, to) => {
                let to = transform * to;
                (to, Some(Rect::from_points(here, to).union_pt(transform * a)))
            }
            PathEl::CurveTo(a, b, to) => {
                let to = transform * to;
                (to, Some(Rect::from_points(here, to).union_pt(transform * a).union_pt(transform * b)))
            }
        };
        let line = around.unwrap_or_else(|| Rect::from_points(here, to));
        if !line.is_finite() {
            return None;
        }
        bounds = bounds.union(line);
        let (short, long) = (line.width().min(line.height()), line.width().max(line.height()));
        match around {
            None if long == 0.0 => {}
            None if short <= NEAR.max(LEAN * long).min(0.5) => straight.push(line),
            None => rest.push(line),
            // A curve that is none.
            Some(_) if short < 1e-3 && long > NEAR => straight.push(line),
            Some(_) => {
                has_curves = true;
                rest.push(line);
            }
        }
        here = to;
    }
    if straight.is_empty() && rest.is_empty() {
        return None;
    }
    let outline = outline(bounds, &straight, &rest, has_curves, first, here);
    Some(Contour { bounds, outline, straight, rest })
}

fn outline(bounds: Rect, straight: &[Rect], rest: &[Rect], has_curves: bool, first: Point, last: Point) -> Outline {
    if straight.len() + rest.len() > MOST_OF_BOX || straight.len() < 3 {
        return Outline::Other;
    }
    // On one of the sides of the rectangle around it all.
    let is_side = |line: &Rect| {
        let on = |from: f64, to: f64, edges: [f64; 2]| {
            edges.iter().any(|edge| (from - edge).abs() <= NEAR && (to - edge).abs() <= NEAR)
        };
        on(line.x0, line.x1, [bounds.x0, bounds.x1]) || on(line.y0, line.y1, [bounds.y0, bounds.y1])
    };
    let is_closed = first.distance(last) <= NEAR || rest.is_empty();
    if !is_closed || !straight.iter().all(is_side) {
        return Outline::Other;
    }
    let drawn: f64 = straight.iter().map(|line| line.width().max(line.height())).sum();
    let around = 2.0 * (bounds.width() + bounds.height());
    if rest.is_empty() {
        // Three sides enclose a rectangle, where the last is left to be closed.
        return if drawn > 0.5 * around { Outline::Box } else { Outline::Other };
    }
    let is_corner = |curve: &Rect| {
        let in_corner = |x: f64, y: f64| curve.inflate(NEAR, NEAR).contains(Point::new(x, y));
        in_corner(bounds.x0, bounds.y0)
            || in_corner(bounds.x1, bounds.y0)
            || in_corner(bounds.x0, bounds.y1)
            || in_corner(bounds.x1, bounds.y1)
    };
    if has_curves && drawn > STRAIGHT * around && rest.iter().all(is_corner) {
        Outline::RoundedBox
    } else {
        Outline::Other
    }
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::{Circle, RoundedRect, Shape};

    use super::*;

    fn outlines(path: &BezPath) -> Vec<Outline> {
        contours(path, Affine::IDENTITY).map(|contour| contour.outline).collect()
    }

    #[test]
    fn boxes_are_told_from_other_shapes() {
        let around = Rect::new(10.0, 10.0, 110.0, 40.0);
        assert_eq!(outlines(&around.to_path(0.1)), [Outline::Box]);
        assert_eq!(outlines(&RoundedRect::from_rect(around, 6.0).to_path(0.1)), [Outline::RoundedBox]);
        assert_eq!(outlines(&Circle::new((0.0, 0.0), 20.0).to_path(0.1)), [Outline::Other]);
        assert_eq!(outlines(&RoundedRect::from_rect(around, 15.0).to_path(0.1)), [Outline::RoundedBox]);
        let mut step = BezPath::new();
        step.move_to((0.0, 0.0));
        for corner in [(40.0, 0.0), (40.0, 20.0), (20.0, 20.0), (20.0, 40.0), (0.0, 40.0)] {
            step.line_to(corner);
        }
        step.close_path();
        assert_eq!(outlines(&step), [Outline::Other]);
        let mut bad = BezPath::new();
        bad.move_to((f64::NAN, 0.0));
        bad.line_to((f64::INFINITY, 4.0));
        assert!(outlines(&bad).is_empty());
    }
}
