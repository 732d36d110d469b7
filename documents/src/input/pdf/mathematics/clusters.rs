//! Which parts of lines are one formula: those above and below each other, and those side by side that were drawn apart.

use super::parts::Part;
use crate::geometry::Rect;

/// How far a fraction's line is from what stands above and below it, in ems.
const TO_BAR: f32 = 0.6;
/// What stands further apart is not of one numerator, in ems: LaTeX's widest space within a formula is two.
const CELL_GAP: f32 = 2.1;
/// Lines of a page that may be fractions'.
const MOST_BARS: usize = 2_000;

/// Each cluster's parts, the one on the line that it stands on first.
pub(super) fn of(parts: &[Part], bars: &[Rect]) -> Vec<Vec<usize>> {
    let mut groups = Groups::new(parts);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|&a, &b| parts[a].rect.top.total_cmp(&parts[b].rect.top));
    for bar in bars.iter().take(MOST_BARS) {
        divide(bar, parts, &order, &mut groups);
    }
    // The nearest first, so that what may belong to one of two lines belongs to the nearer.
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (rank, &a) in order.iter().enumerate() {
        let reach = parts[a].rect.bottom + 3.0 * parts[a].size;
        for &b in order[rank + 1..].iter().take_while(|&&b| parts[b].rect.top < reach) {
            if let Some(distance) = belong(&parts[a], &parts[b]) {
                pairs.push((distance, a, b));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    for (_, a, b) in pairs {
        groups.join(a, b);
    }
    groups.close(parts, &order);
    groups.span_gaps(parts, &order);
    groups.reach_over(parts);
    groups.take_in(parts);
    groups.into_clusters(parts)
}

/// Joins what stands above and below a line, and what stands beside it on its level, if the line is a fraction's or a root's: as long as what it
/// parts or covers, and not much longer.
fn divide(bar: &Rect, parts: &[Part], order: &[usize], groups: &mut Groups) {
    let y = bar.center().y;
    let from = order.partition_point(|&at| parts[at].rect.top < y - 60.0);
    let near = order[from..].iter().copied().take_while(|&at| parts[at].rect.top < y + 30.0);
    let (mut above, mut below, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for at in near {
        let part = &parts[at];
        let em = part.size;
        let shared = bar.right.min(part.rect.right) - bar.left.max(part.rect.left);
        if shared > 0.4 * bar.width().min(part.rect.width()) {
            // A part of several levels may have both sides of the line.
            if part.rect.top < y
                && y - part.rect.bottom < TO_BAR * em
                && (part.is_whole || part.rect.bottom < y + 0.3 * em)
            {
                above.push(at);
            }
            if part.rect.bottom > y
                && part.rect.top - y < TO_BAR * em
                && (part.is_whole || part.rect.top > y - 0.3 * em)
            {
                below.push(at);
            }
        } else {
            let gap = (bar.left - part.rect.right).max(part.rect.left - bar.right) / em;
            let axis = part.baseline - 0.25 * em;
            let is_root = (bar.left - part.rect.right).abs() < 0.3 * em && (part.rect.top - y).abs() < 0.3 * em;
            if is_root || ((axis - y).abs() < 0.25 * em && (-0.2..0.85).contains(&gap)) {
                beside.push((at, is_root));
            }
        }
    }
    let width = |side: &[usize]| {
        let all = side.iter().map(|&at| parts[at].rect).reduce(|a, b| a.union(&b)).unwrap_or_default();
        all.right.min(bar.right) - all.left.max(bar.left)
    };
    let is_fraction = !above.is_empty()
        && !below.is_empty()
        && width(&above).max(width(&below)) > 0.55 * bar.width()
        && !is_row_of_cells(&above, parts)
        && !is_row_of_cells(&below, parts);
    let is_root = beside.iter().any(|(_, is_root)| *is_root) && !below.is_empty();
    if is_fraction {
        let all: Vec<usize> = above.iter().chain(&below).copied().chain(beside.iter().map(|(at, _)| *at)).collect();
        all.windows(2).for_each(|pair| groups.join(pair[0], pair[1]));
    } else if is_root {
        for &at in &below {
            beside.iter().filter(|(_, is_root)| *is_root).for_each(|&(sign, _)| groups.join(sign, at));
        }
    }
}

/// Whether parts stand side by side as cells of a table do: no numerator has such gaps.
fn is_row_of_cells(side: &[usize], parts: &[Part]) -> bool {
    let mut side = side.to_vec();
    side.sort_by(|&a, &b| parts[a].rect.left.total_cmp(&parts[b].rect.left));
    let mut end = f32::INFINITY;
    side.into_iter().any(|at| {
        let gap = (parts[at].rect.left - end) / parts[at].size;
        end = if end.is_finite() { end.max(parts[at].rect.right) } else { parts[at].rect.right };
        gap > CELL_GAP
    })
}

/// How far apart two parts are that are of one formula, in ems.
fn belong(a: &Part, b: &Part) -> Option<f32> {
    if a.line == b.line || !(a.is_whole || b.is_whole) {
        return None;
    }
    let em = a.size.max(b.size);
    let (left, right) = if a.rect.left <= b.rect.left { (a, b) } else { (b, a) };
    let across = (right.rect.left - left.rect.right) / em;
    let (upper, lower) = if a.rect.center().y <= b.rect.center().y { (a, b) } else { (b, a) };
    let down = (lower.rect.top - upper.rect.bottom) / em;
    if across < 0.0 {
        // Above each other.
        let small = if a.size < b.size { a } else { b };
        // One has an accent that reaches over the other.
        let overlap = left.rect.right.min(right.rect.right) - right.rect.left;
        let reaches = a.is_whole
            && b.is_whole
            && (a.baseline - b.baseline).abs() < 0.1 * em
            && down < -0.2
            && right.rect.right > left.rect.right
            && overlap < 0.5 * left.rect.width().min(right.rect.width());
        if reaches {
            return Some(0.05);
        }
        let is_script = a.size.min(b.size) < 0.88 * em && small.is_whole;
        let is_near = down < 0.35 || (down < 0.5 && (a.has_large || b.has_large));
        if is_script && is_near {
            return Some(down.max(0.0) + 0.1);
        }
        let is_within = (a.has_large || b.has_large) && down < 0.12;
        return is_within.then_some(down.max(0.0) + 0.2);
    }
    // Side by side: levels that meet, and no farther than signs stand from each other.
    let meet = down < -0.2;
    let reach = if a.has_large || b.has_large { 0.7 } else { 0.45 };
    (meet && across < reach).then_some(across + 0.05)
}

/// Parts that belong together; in each group one of a line that has other text, at most.
struct Groups {
    of: Vec<usize>,
    has_inline: Vec<bool>,
}

impl Groups {
    fn new(parts: &[Part]) -> Self {
        Self { of: (0..parts.len()).collect(), has_inline: parts.iter().map(|part| !part.is_whole).collect() }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.of[at] != at {
            self.of[at] = self.of[self.of[at]];
            at = self.of[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b && !(self.has_inline[a] && self.has_inline[b]) {
            self.has_inline[a] |= self.has_inline[b];
            self.of[b] = a;
        }
    }

    /// Joins what stands between brackets on one baseline: the cells of a row.
    fn close(&mut self, parts: &[Part], order: &[usize]) {
        for &from in order.iter().filter(|&&at| parts[at].is_whole && parts[at].open > 0) {
            let (mut last, mut open) = (from, parts[from].open);
            while open > 0 {
                let em = parts[last].size;
                let gap = |at: usize| parts[at].rect.left - parts[last].rect.right;
                let is_next = |at: usize| {
                    parts[at].is_whole
                        && parts[at].rect.left > parts[last].rect.left
                        && (-0.3 * em..CELL_GAP * em).contains(&gap(at))
                        && (parts[at].baseline - parts[last].baseline).abs() < 0.3 * em
                };
                let next = order.iter().copied().filter(|&at| at != last && is_next(at));
                let Some(next) = next.min_by(|&a, &b| gap(a).total_cmp(&gap(b))) else { break };
                self.join(last, next);
                (last, open) = (next, open + parts[next].open);
            }
        }
    }

    /// Joins what stands on one baseline where a wide limit of the one makes the gap to the other.
    fn span_gaps(&mut self, parts: &[Part], order: &[usize]) {
        for (rank, &a) in order.iter().enumerate() {
            let reach = parts[a].rect.bottom;
            for &b in order[rank + 1..].iter().take_while(|&&b| parts[b].rect.top < reach) {
                let em = parts[a].size;
                let is_level =
                    (parts[a].baseline - parts[b].baseline).abs() < 0.5 * em && parts[a].is_whole && parts[b].is_whole;
                let (left, right) = if parts[a].rect.left <= parts[b].rect.left { (a, b) } else { (b, a) };
                let (from, to) = (parts[left].rect.right, parts[right].rect.left);
                if !is_level || to - from > 9.0 * em || self.root(a) == self.root(b) {
                    continue;
                }
                let (one, other) = (self.root(a), self.root(b));
                let is_spanned = order.iter().any(|&at| {
                    let of = self.root(at);
                    let rect = &parts[at].rect;
                    (of == one || of == other)
                        && parts[at].size < 0.88 * em
                        && rect.left < from + 0.3 * em
                        && rect.right > to - 0.7 * em
                });
                if is_spanned {
                    self.join(a, b);
                }
            }
        }
    }

    /// Gives brackets that open over several lines what stands beside them within their height: rows of a matrix, cases and when they hold.
    fn reach_over(&mut self, parts: &[Part]) {
        let mut brackets: Vec<(usize, Rect)> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let Some(left) = part.opens else { continue };
            let root = self.root(at);
            // Pieces of one bracket stand above each other.
            let rect = if part.rect.width() < 1.2 * part.size { part.rect } else { Rect { left, ..part.rect } };
            match brackets
                .iter_mut()
                .find(|(of, other)| self.root(*of) == root && (other.left - rect.left).abs() < 0.6 * part.size)
            {
                Some((_, other)) => *other = other.union(&rect),
                None => brackets.push((at, rect)),
            }
        }
        for (at, bracket) in brackets {
            let em = parts[at].size;
            if bracket.height() < 1.7 * em {
                continue;
            }
            let mut beside: Vec<usize> = (0..parts.len())
                .filter(|&other| {
                    let part = &parts[other];
                    let y = part.rect.center().y;
                    part.is_whole
                        && part.rect.left > bracket.left
                        && y > bracket.top - 0.3 * em
                        && y < bracket.bottom + 0.3 * em
                })
                .collect();
            beside.sort_by(|&a, &b| parts[a].rect.left.total_cmp(&parts[b].rect.left));
            let mut end = bracket.left + em;
            for other in beside {
                if parts[other].rect.left - end > 5.0 * em {
                    break;
                }
                end = end.max(parts[other].rect.right);
                self.join(at, other);
            }
        }
    }

    /// Gives groups what stands within them: cells of a matrix.
    fn take_in(&mut self, parts: &[Part]) {
        let mut rects: Vec<(usize, Rect)> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let root = self.root(at);
            match rects.iter_mut().find(|(of, _)| *of == root) {
                Some((_, rect)) => *rect = rect.union(&part.rect),
                None => rects.push((root, part.rect)),
            }
        }
        rects.retain(|(_, rect)| rect.height() > 0.0);
        let tall: Vec<(usize, Rect)> =
            rects.into_iter().filter(|(root, rect)| rect.height() > 1.6 * parts[*root].size).collect();
        for (at, part) in parts.iter().enumerate().filter(|(_, part)| part.is_whole) {
            let middle = part.rect.center();
            let around = tall.iter().find(|(_, rect)| {
                middle.x > rect.left && middle.x < rect.right && middle.y > rect.top && middle.y < rect.bottom
            });
            if let Some(&(root, _)) = around {
                self.join(root, at);
            }
        }
    }

    fn into_clusters(mut self, parts: &[Part]) -> Vec<Vec<usize>> {
        let mut clusters: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
        for at in 0..parts.len() {
            clusters[self.root(at)].push(at);
        }
        clusters.retain(|cluster| cluster.iter().any(|&at| parts[at].stands_alone));
        for cluster in &mut clusters {
            let middle =
                cluster.iter().map(|&at| parts[at].rect).reduce(|a, b| a.union(&b)).unwrap_or_default().center().y;
            let rank = |at: usize| {
                let part = &parts[at];
                let width = part.rect.width() / part.size.max(0.1);
                // The line with other text; else the one in the middle that says most.
                (part.is_whole, -(part.size * width.min(40.0) - 2.0 * (part.rect.center().y - middle).abs()))
            };
            cluster.sort_by(|&a, &b| {
                let (a, b) = (rank(a), rank(b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
        }
        clusters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(line: usize, left: f32, right: f32, baseline: f32) -> Part {
        let rect = Rect { left, right, top: baseline - 7.0, bottom: baseline };
        let size = 10.0;
        Part {
            line,
            glyphs: vec![line],
            characters: 0..1,
            rect,
            size,
            baseline,
            is_whole: true,
            stands_alone: true,
            has_large: false,
            opens: None,
            open: 0,
        }
    }

    #[test]
    fn a_line_between_rows_of_a_table_is_no_fraction() {
        let bar = Rect { left: 100.0, right: 200.0, top: 102.0, bottom: 102.5 };
        let fraction = [part(0, 110.0, 145.0, 100.0), part(1, 150.0, 190.0, 100.0), part(2, 130.0, 180.0, 112.0)];
        assert_eq!(of(&fraction, &[bar]).len(), 1, "two pieces of a numerator");
        let rows = [
            part(0, 105.0, 130.0, 100.0),
            part(1, 165.0, 195.0, 100.0),
            part(2, 105.0, 130.0, 112.0),
            part(3, 165.0, 195.0, 112.0),
        ];
        assert_eq!(of(&rows, &[bar]).len(), 4, "cells stay what they are");
    }
}
