//! What is drawn: rulings put together where they are pieces of one, shades put together where they are cells of one row.

use super::tiles;
use crate::{geometry::Rect, structure::Hints};

/// More rulings than a page of tables has; a drawing has them, and is none.
const MOST: usize = 6_000;

/// Space between the shades of cells side by side, in heights of type.
const BESIDE: f32 = 0.8;

/// A straight line, horizontal or vertical: where it stands on the other axis, and from where to where it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) at: f32,
    pub(super) from: f32,
    pub(super) to: f32,
}

impl Rule {
    pub(super) fn length(&self) -> f32 {
        self.to - self.from
    }

    /// Length of the part within the bounds.
    pub(super) fn within(&self, from: f32, to: f32) -> f32 {
        self.to.min(to) - self.from.max(from)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// Downwards.
    pub(super) horizontal: Vec<Rule>,
    /// From left to right.
    pub(super) vertical: Vec<Rule>,
    /// Rows of shade, downwards.
    pub(super) shades: Vec<Rect>,
}

impl Rules {
    /// `em` is the height of the page's type.
    pub(super) fn of(hints: &Hints, em: f32) -> Self {
        let is_placed = |r: &Rect| {
            [r.left, r.top, r.right, r.bottom].iter().all(|v| v.is_finite() && v.abs() < 1e6)
                && r.right >= r.left
                && r.bottom >= r.top
        };
        let mut rules = Self::default();
        if hints.rulings.len() <= MOST {
            for ruling in hints.rulings.iter().filter(|ruling| is_placed(&ruling.rect)) {
                let (rect, middle) = (ruling.rect, ruling.rect.center());
                if ruling.is_horizontal() {
                    rules.horizontal.push(Rule { at: middle.y, from: rect.left, to: rect.right });
                } else {
                    rules.vertical.push(Rule { at: middle.x, from: rect.top, to: rect.bottom });
                }
            }
        }
        if hints.fills.len() <= MOST {
            let is_high = |r: &Rect| r.height() > 0.7 * em && r.width() > 0.7 * em;
            let fills: Vec<Rect> = hints.fills.iter().copied().filter(|r| is_placed(r) && is_high(r)).collect();
            // Shades that are seen in pixels come in pieces.
            if !hints.styles.is_empty() {
                for cell in tiles::cells(&fills, em) {
                    let side = |at: f32, from: f32, to: f32| Rule { at, from, to };
                    rules.horizontal.extend([cell.top, cell.bottom].map(|at| side(at, cell.left, cell.right)));
                    rules.vertical.extend([cell.left, cell.right].map(|at| side(at, cell.top, cell.bottom)));
                }
            }
            rules.shades = rows_of_shade(fills, em);
            // What reaches from edge to edge is the page's own ground, or that of two on one sheet.
            rules.shades.retain(|shade| hints.width <= 0.0 || shade.width() < 0.97 * hints.width);
        }
        rules.horizontal = joined(rules.horizontal, em);
        rules.vertical = joined(rules.vertical, em);
        rules
    }
}

/// Pieces of one line put together, and double lines taken for one.
fn joined(mut rules: Vec<Rule>, em: f32) -> Vec<Rule> {
    let tolerance = 0.25 * em;
    rules.sort_by(|a, b| a.at.total_cmp(&b.at).then(a.from.total_cmp(&b.from)));
    let mut bands: Vec<Vec<Rule>> = Vec::new();
    for rule in rules {
        match bands.last_mut() {
            Some(band) if rule.at - band[0].at <= tolerance => band.push(rule),
            _ => bands.push(vec![rule]),
        }
    }
    let mut all = Vec::new();
    for mut band in bands {
        band.sort_by(|a, b| a.from.total_cmp(&b.from));
        let mut pieces: Vec<Rule> = Vec::new();
        for rule in band {
            match pieces.last_mut() {
                Some(last) if rule.from - last.to <= tolerance => last.to = last.to.max(rule.to),
                _ => pieces.push(rule),
            }
        }
        all.extend(pieces.into_iter().filter(|piece| piece.length() > 0.6 * em));
    }
    all
}

/// Fills that stand side by side in a row become one.
fn rows_of_shade(mut fills: Vec<Rect>, em: f32) -> Vec<Rect> {
    fills.sort_by(|a, b| a.top.total_cmp(&b.top).then(a.left.total_cmp(&b.left)));
    let mut rows: Vec<Rect> = Vec::new();
    for fill in fills {
        let beside = |row: &&mut Rect| {
            // A cell over several rows is higher than those beside it.
            let shared = row.bottom.min(fill.bottom) - row.top.max(fill.top);
            shared > 0.8 * row.height().min(fill.height())
                && fill.left - row.right < BESIDE * em
                && row.left - fill.right < BESIDE * em
        };
        match rows.iter_mut().rev().take(32).find(beside) {
            Some(row) => *row = row.union(&fill),
            None => rows.push(fill),
        }
    }
    rows
}
