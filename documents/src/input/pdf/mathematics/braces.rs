//! Braces that open over several lines, of one glyph or of pieces: what stands beside one is a case of it, even if it is words.

use super::signs::ink;
use crate::{
    geometry::Rect,
    input::pdf::{glyph::Glyph, styles::SetLine},
};

/// Of a page, each around all of its pieces, with the em that it is set in.
pub(super) struct Braces {
    opening: Vec<(Rect, f32)>,
    closing: Vec<(Rect, f32)>,
}

impl Braces {
    pub(super) fn of(glyphs: &[Glyph]) -> Self {
        let is_opening = |c: char| matches!(c, '{' | '⎧' | '⎨' | '⎩' | '⎪' | '\u{f8f1}'..='\u{f8f4}');
        let is_closing = |c: char| matches!(c, '}' | '⎫' | '⎬' | '⎭' | '\u{f8fc}'..='\u{f8fe}');
        Self { opening: tall(glyphs, is_opening), closing: tall(glyphs, is_closing) }
    }

    /// Whether one opens to the left of the line, and the line is within its height; but not behind what closes it.
    pub(super) fn are_beside(&self, line: &SetLine) -> bool {
        let own = line.line.polygon.bounds();
        let y = own.center().y;
        let is_level = |rect: &Rect, size: f32| (rect.top - 0.3 * size..rect.bottom + 0.3 * size).contains(&y);
        self.opening.iter().any(|(brace, size)| {
            let is_closed = self
                .closing
                .iter()
                .any(|(other, size)| other.left > brace.left && other.left < own.left + size && is_level(other, *size));
            own.left > brace.left && own.left - brace.right < 30.0 * size && is_level(brace, *size) && !is_closed
        })
    }
}

/// Those that are taller than a line.
fn tall(glyphs: &[Glyph], is_one: impl Fn(char) -> bool) -> Vec<(Rect, f32)> {
    let mut found: Vec<(Rect, f32)> = Vec::new();
    for glyph in glyphs.iter().filter(|glyph| glyph.text.starts_with(&is_one)) {
        let (rect, size) = (ink(glyph), glyph.size as f32);
        // Pieces stand right above each other.
        let above = found.iter_mut().find(|(other, _)| {
            (other.left - rect.left).abs() < 0.6 * size
                && rect.top < other.bottom + 0.6 * size
                && rect.bottom > other.top - 0.6 * size
        });
        match above {
            Some((other, _)) => *other = other.union(&rect),
            None => found.push((rect, size)),
        }
    }
    found.retain(|(rect, size)| rect.height() > 1.7 * size);
    found
}
