//! Formulas of a page that is born digital: which glyphs are one, and what they say.
//!
//! Fonts of mathematics and characters that nobody sets but in formulas are where one is; digits, brackets, signs and names of functions beside them
//! are of it as well ([`signs`]). A line that is nothing else may be above or below the line that a formula stands on: limits, numerators,
//! the rows of a matrix ([`clusters`]). What the glyphs say is read from where they stand by [`crate::formula`].

mod braces;
mod clusters;
mod inks;
mod judge;
mod parts;
mod signs;
mod words;

use hayro::kurbo::Rect as Bounds;

pub(super) use self::inks::Inks;
#[cfg(feature = "lab")]
pub(in crate::input::pdf) use self::signs::symbol;
use self::{braces::Braces, parts::Part};
use super::{glyph::Glyph, settings::Settings, styles::SetLine};
use crate::{
    formula::{self, MOST_SYMBOLS, Symbol},
    geometry::Rect,
    hints::{Formula, FormulaPlace},
};

/// What is surer than this is said.
const SURE: f32 = 0.6;
/// Parts of formulas on a page that are looked at.
const MOST_PARTS: usize = 1_000;

/// The formulas among a page's lines. Their places count the lines as they are given.
pub(super) fn find(
    set: &[SetLine],
    glyphs: &[Glyph],
    settings: &Settings,
    bars: impl FnOnce() -> Vec<Rect>,
) -> Vec<Formula> {
    if !set.iter().any(signs::may_have_any) {
        return Vec::new();
    }
    let mut parts: Vec<Part> = Vec::new();
    let texts: Vec<Rect> = set.iter().filter(|line| is_text(line)).map(|line| line.line.polygon.bounds()).collect();
    let texts = widened(&texts);
    let braces = Braces::of(glyphs);
    for (number, line) in set.iter().enumerate() {
        if parts.len() > MOST_PARTS {
            return Vec::new();
        }
        let (is_set_in, is_a_case) = (|| is_set_in(line, &texts), || braces.are_beside(line));
        parts::of_line(number, line, is_set_in, is_a_case, glyphs, settings, &mut parts);
    }
    let bars: Vec<Rect> = bars().into_iter().filter(is_bar).collect();
    let clusters = clusters::of(&parts, &bars);
    let mut found = Vec::with_capacity(clusters.len());
    for cluster in &clusters {
        let whole = read(cluster, &parts, set, glyphs, settings, &bars);
        // A formula within a line of text has no lines of its own: what comes out so took in its neighbours.
        let is_inline = !parts[cluster[0]].is_whole;
        match whole {
            // Small print above small print without a line between is no fraction.
            Some(formula) if is_inline && formula.latex.starts_with("{}") && is_small(&parts[cluster[0]], glyphs) => {}
            Some(formula) if !(is_inline && formula.latex.starts_with("\\begin{aligned}")) => found.push(formula),
            _ if is_inline && cluster.len() > 1 => {
                found.extend(read(&cluster[..1], &parts, set, glyphs, settings, &bars));
                // What it had taken in may be formulas of their own.
                let others = cluster[1..].iter().filter(|&&at| parts[at].stands_alone);
                found.extend(others.filter_map(|&at| read(&[at], &parts, set, glyphs, settings, &bars)));
            }
            _ => {}
        }
    }
    found
}

/// Whether all of a part is smaller than its line.
fn is_small(part: &Part, glyphs: &[Glyph]) -> bool {
    part.glyphs.iter().all(|&at| (glyphs[at].size as f32) < 0.88 * part.size)
}

/// Whether a line is one of words.
fn is_text(line: &SetLine) -> bool {
    let words =
        line.line.text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 3);
    words.count() >= 5
}

/// Lines of words as wide as those near them that begin below each other, where nothing stands beside them: the last of a paragraph is short.
fn widened(texts: &[Rect]) -> Vec<Rect> {
    let of_column = |rect: &Rect| {
        let height = rect.height();
        let near = texts.iter().filter(|other| {
            (other.left - rect.left).abs() < height && (other.center().y - rect.center().y).abs() < 12.0 * height
        });
        let right = near.map(|other| other.right).fold(rect.right, f32::max);
        let is_free = texts.iter().all(|other| {
            other.left < rect.right || other.left > right || other.bottom < rect.top || other.top > rect.bottom
        });
        Rect { right: if is_free { right } else { rect.right }, ..*rect }
    };
    texts.iter().map(of_column).collect()
}

/// Whether a line is set in from the lines of words above and below it.
fn is_set_in(line: &SetLine, texts: &[Rect]) -> bool {
    let own = line.line.polygon.bounds();
    let em = line.style.size.max(1.0);
    let around = |is_above: bool| {
        let near = texts.iter().filter(move |rect| {
            let distance = if is_above { own.top - rect.bottom } else { rect.top - own.bottom };
            let shared = rect.right.min(own.right) - rect.left.max(own.left);
            (-0.3 * em..8.0 * em).contains(&distance) && shared > 0.0
        });
        near.min_by(|a, b| (a.center().y - own.center().y).abs().total_cmp(&(b.center().y - own.center().y).abs()))
    };
    let is_in = |rect: &Rect| own.left > rect.left + 1.2 * em && own.right < rect.right.max(own.right - 1.0) + 2.0 * em;
    let (above, below) = (around(true), around(false));
    (above.is_some() || below.is_some()) && above.is_none_or(is_in) && below.is_none_or(is_in)
}

/// Thin, level, and no longer than a formula.
fn is_bar(rect: &Rect) -> bool {
    rect.height() < 2.0 && rect.width() > 1.5 && rect.width() < 450.0
}

fn read(
    cluster: &[usize],
    parts: &[Part],
    set: &[SetLine],
    glyphs: &[Glyph],
    settings: &Settings,
    bars: &[Rect],
) -> Option<Formula> {
    let members: Vec<&Part> = cluster.iter().map(|&at| &parts[at]).collect();
    let rect = members.iter().map(|part| part.rect).reduce(|a, b| a.union(&b))?;
    let all: Vec<usize> = members.iter().flat_map(|part| part.glyphs.iter().copied()).collect();
    if all.len() > MOST_SYMBOLS {
        return None;
    }
    let symbols: Vec<Symbol> = all.iter().map(|&at| signs::symbol(&glyphs[at], settings)).collect();
    let em = members.iter().map(|part| part.size).fold(0.0, f32::max);
    let around = Rect {
        left: rect.left - 0.4 * em,
        top: rect.top - 0.5 * em,
        right: rect.right + 0.4 * em,
        bottom: rect.bottom + 0.5 * em,
    };
    let own: Vec<Rect> = bars
        .iter()
        .copied()
        .filter(|bar| {
            let y = bar.center().y;
            bar.left > around.left && bar.right < around.right && y > around.top && y < around.bottom
        })
        .collect();
    let reading = formula::read(&symbols, &own)?;
    if reading.confidence < SURE {
        return None;
    }
    let mut places: Vec<FormulaPlace> = Vec::with_capacity(members.len());
    for part in &members {
        // Nothing else may stand between its characters.
        let line = &set[part.line];
        let (start, end) = (part.characters.start, part.characters.end);
        let inside = line.places.iter().filter(|(_, at)| (start..end).contains(at)).count();
        if inside != part.glyphs.len() {
            return None;
        }
        places.push(FormulaPlace { line: part.line, characters: start..end });
    }
    Some(Formula { rect, latex: reading.latex, text: reading.text, confidence: reading.confidence, places })
}

fn rect_of(bounds: Bounds) -> Rect {
    Rect { left: bounds.x0 as f32, top: bounds.y0 as f32, right: bounds.x1 as f32, bottom: bounds.y1 as f32 }
}
