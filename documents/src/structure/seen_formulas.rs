//! Displayed formulas that a network has read, and the lines that stand in their places.

use super::{shapes::closing_number, sheet::Sheet};
use crate::{geometry::Rect, hints::SeenFormula, mathml::to_plain_text};

/// More than this are no formulas.
const MOST_FORMULAS: usize = 500;

/// How sure a reading must be for its rows to be no table's.
const SURE_OF_ROWS: f32 = 0.8;

/// A formula, and what it is made of.
pub(super) struct FoundFormula {
    pub(super) rect: Rect,
    /// Indices of the page's lines, its number's among them.
    pub(super) lines: Vec<usize>,
    pub(super) said: Said,
    pub(super) confidence: f32,
}

/// What a formula says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// `None` where only its lines say it.
    pub(super) latex: Option<String>,
    pub(super) text: String,
    pub(super) number: Option<String>,
}

/// The formulas beside the page's tables; `is_free` says of each line whether nothing has claimed it.
pub(super) fn find(sheet: &Sheet<'_>, is_free: &[bool], tables: &[Rect]) -> Vec<FoundFormula> {
    let mut taken: Vec<bool> = is_free.iter().map(|free| !free).collect();
    let mut found: Vec<FoundFormula> = Vec::new();
    for seen in sheet.hints.seen_formulas.iter().take(MOST_FORMULAS) {
        let mut rect = sheet.view.rect(seen.rect);
        let is_taken = |other: &Rect| other.intersection(&rect).area() > 0.5 * rect.area();
        if tables.iter().any(is_taken) || found.iter().any(|formula| is_taken(&formula.rect)) {
            continue;
        }
        let mut lines: Vec<usize> = (0..sheet.lines.len()).filter(|&at| !taken[at] && is_in(sheet, at, rect)).collect();
        let beside = number_beside(sheet, &taken, &lines, rect);
        if let Some(at) = beside {
            rect = rect.union(&sheet.lines[at].rect);
            lines.push(at);
        }
        lines.iter().for_each(|&at| taken[at] = true);
        let number = beside.map(|at| sheet.lines[at].text.trim().to_owned());
        let own = lines.iter().filter(|&&at| Some(at) != beside).map(|&at| sheet.lines[at].text.trim());
        let said = said(seen, number, own);
        found.push(FoundFormula { rect, lines, said, confidence: seen.confidence });
    }
    found
}

/// The lines of formulas that were surely read with rows in them, which are rows of no table.
pub(super) fn lines_of_matrices(sheet: &Sheet<'_>, is_free: &[bool]) -> Vec<usize> {
    let has_rows = |seen: &&SeenFormula| {
        seen.confidence >= SURE_OF_ROWS && seen.latex.as_ref().is_some_and(|latex| latex.contains(r" \\ "))
    };
    let seen = sheet.hints.seen_formulas.iter().take(MOST_FORMULAS).filter(has_rows);
    let lines = seen.flat_map(|seen| {
        let rect = sheet.view.rect(seen.rect);
        (0..sheet.lines.len()).filter(move |&at| is_free[at] && is_in(sheet, at, rect))
    });
    lines.collect()
}

fn said<'a>(seen: &SeenFormula, beside: Option<String>, lines: impl Iterator<Item = &'a str>) -> Said {
    let number = beside.or_else(|| seen.number.clone());
    let text = match &seen.latex {
        Some(latex) => to_plain_text(latex),
        None => lines.collect::<Vec<_>>().join(" "),
    };
    Said { latex: seen.latex.clone(), text, number }
}

/// Whether a line is of the formula: most of it lies in its place.
fn is_in(sheet: &Sheet<'_>, at: usize, rect: Rect) -> bool {
    let own = sheet.lines[at].rect;
    let shared = own.intersection(&rect);
    shared.width() > 0.6 * own.width() && shared.height() > 0.5 * own.height()
}

/// The line that is the formula's number: in its rows, to the right of it or to the left, with nothing in between.
fn number_beside(sheet: &Sheet<'_>, taken: &[bool], own: &[usize], rect: Rect) -> Option<usize> {
    let middle = |at: usize| sheet.lines[at].rect.center().y;
    let in_rows = |at: usize| !taken[at] && !own.contains(&at) && (rect.top..rect.bottom).contains(&middle(at));
    let distance = |at: usize| {
        let line = sheet.lines[at].rect;
        (line.left - rect.right).max(rect.left - line.right)
    };
    let is_right = |at: usize| sheet.lines[at].rect.center().x > rect.center().x;
    let beside = |right: bool| {
        let candidates = (0..sheet.lines.len()).filter(|&at| in_rows(at) && is_right(at) == right);
        let nearest = candidates.min_by(|&a, &b| distance(a).total_cmp(&distance(b)))?;
        let text = sheet.lines[nearest].text.trim();
        (closing_number(text) == Some(text)).then_some(nearest)
    };
    beside(true).or_else(|| beside(false))
}
