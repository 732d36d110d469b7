//! Rulings that touch and lie on one line are one.

use hayro::kurbo::Rect;

/// Points across within which two are on one line.
const LEVEL: f64 = 0.8;
/// Points between two pieces of one line: joints at cells, dashes.
const GAP: f64 = 1.5;
/// More than these are left, the longest.
const MOST: usize = 5_000;

pub(super) fn merged(rulings: Vec<Rect>) -> Vec<Rect> {
    let (level, upright): (Vec<Rect>, Vec<Rect>) = rulings.into_iter().partition(|r| r.width() >= r.height());
    let turned = |r: &Rect| Rect::new(r.y0, r.x0, r.y1, r.x1);
    let upright: Vec<Rect> = upright.iter().map(turned).collect();
    let mut all = merged_level(level);
    all.extend(merged_level(upright).iter().map(turned));
    if all.len() > MOST {
        let length = |r: &Rect| r.width().max(r.height());
        all.sort_by(|a, b| length(b).total_cmp(&length(a)));
        all.truncate(MOST);
    }
    all.sort_by(|a, b| a.y0.total_cmp(&b.y0).then(a.x0.total_cmp(&b.x0)));
    all
}

/// Of level ones.
fn merged_level(mut rulings: Vec<Rect>) -> Vec<Rect> {
    let middle = |r: &Rect| (r.y0 + r.y1) / 2.0;
    rulings.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
    let mut merged: Vec<Rect> = Vec::new();
    let mut at = 0;
    while at < rulings.len() {
        let from = middle(&rulings[at]);
        let end = at + rulings[at..].partition_point(|r| middle(r) <= from + LEVEL);
        let row = &mut rulings[at..end];
        row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        let first = merged.len();
        for ruling in row {
            // Thicker lines may leave longer gaps, as dashes do.
            match merged[first..].last_mut() {
                Some(last) if ruling.x0 <= last.x1 + GAP.max(2.5 * last.height().min(ruling.height())) => {
                    *last = last.union(*ruling);
                }
                _ => merged.push(*ruling),
            }
        }
        at = end;
    }
    merged
}

/// Dots of a dotted line, and its length in points, at least.
const DOTS: usize = 8;
const DOTTED: f64 = 12.0;

/// Lines that are drawn dot by dot, of shapes each no larger than `dot` points, and the shapes that are left.
pub(super) fn dotted(shapes: Vec<Rect>, dot: f64) -> (Vec<Rect>, Vec<Rect>) {
    let (small, mut rest): (Vec<Rect>, Vec<Rect>) =
        shapes.into_iter().partition(|shape| shape.width() <= dot && shape.height() <= dot);
    let turned = |r: &Rect| Rect::new(r.y0, r.x0, r.y1, r.x1);
    let (mut lines, left) = dotted_level(small);
    let (upright, left) = dotted_level(left.iter().map(turned).collect());
    lines.extend(upright.iter().map(turned));
    rest.extend(left.iter().map(turned));
    (lines, rest)
}

fn dotted_level(mut dots: Vec<Rect>) -> (Vec<Rect>, Vec<Rect>) {
    let middle = |r: &Rect| (r.y0 + r.y1) / 2.0;
    dots.sort_by(|a, b| middle(a).total_cmp(&middle(b)).then(a.x0.total_cmp(&b.x0)));
    let carries_on = |a: &Rect, b: &Rect| {
        let (gap, size) = (b.x0 - a.x1, a.width().max(b.width()));
        (middle(a) - middle(b)).abs() < 0.1 && gap > -0.1 * size && gap <= 2.0 * size + 0.1
    };
    let (mut lines, mut rest) = (Vec::new(), Vec::new());
    for run in dots.chunk_by(carries_on) {
        let whole = run.iter().copied().reduce(|a, b| a.union(b)).unwrap_or_default();
        match run.len() >= DOTS && whole.width() >= DOTTED {
            true => lines.push(whole),
            false => rest.extend_from_slice(run),
        }
    }
    (lines, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_a_row_are_a_line_and_others_are_not() {
        let row = (0..20).map(|n| Rect::new(2.0 * f64::from(n), 10.0, 2.0 * f64::from(n) + 1.0, 11.0));
        let column = (0..20).map(|n| Rect::new(70.0, 2.0 * f64::from(n), 71.0, 2.0 * f64::from(n) + 1.0));
        // Of an ellipsis, and of a plot.
        let few = (0..3).map(|n| Rect::new(2.0 * f64::from(n), 50.0, 2.0 * f64::from(n) + 1.0, 51.0));
        let apart = (0..20).map(|n| Rect::new(9.0 * f64::from(n), 60.0, 9.0 * f64::from(n) + 1.0, 61.0));
        let (lines, rest) = dotted(row.chain(column).chain(few).chain(apart).collect(), 3.0);
        assert_eq!(lines, [Rect::new(0.0, 10.0, 39.0, 11.0), Rect::new(70.0, 0.0, 71.0, 39.0)]);
        assert_eq!(rest.len(), 23);
    }

    #[test]
    fn pieces_of_a_line_are_one_line() {
        let pieces =
            [(0.0, 10.0, 50.0, 10.5), (50.4, 10.1, 90.0, 10.6), (0.0, 14.0, 90.0, 14.5), (95.0, 10.0, 120.0, 10.5)];
        let upright = [(0.0, 10.0, 0.5, 30.0), (0.0, 30.0, 0.5, 60.0)];
        let all = pieces.into_iter().chain(upright).map(|(x0, y0, x1, y1)| Rect::new(x0, y0, x1, y1)).collect();
        let merged = merged(all);
        let ends: Vec<_> = merged.iter().map(|r| (r.x0, r.x1, r.y1)).collect();
        assert_eq!(ends, [(0.0, 90.0, 10.6), (0.0, 0.5, 60.0), (95.0, 120.0, 10.5), (0.0, 90.0, 14.5)]);
    }
}
