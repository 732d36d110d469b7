//! One glyph on the page. Knows nothing of PDF: a glyph has an origin, a direction, a size and an advance.

use hayro::kurbo::{Point, Rect, Vec2};
use smol_str::SmolStr;

/// Extent of a line above and below its baseline, in ems: what usual fonts have, their own values being unreliable.
pub(super) const ASCENT: f64 = 0.78;
pub(super) const DESCENT: f64 = 0.22;
/// What signs are centred on above the baseline, in ems.
const AXIS: f64 = 0.25;
/// Raised or lowered type that still belongs to the line, in ems.
pub(super) const BASELINE_SHIFT: f64 = 0.45;

/// One glyph on the page as it is seen: points, y down.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    /// Inline up to 23 bytes: a page has thousands of glyphs, and hardly one with more.
    pub(super) text: SmolStr,
    is_space: bool,
    /// The document says which characters these are.
    pub(super) decoded: bool,
    /// Text that is there to be found and not to be seen.
    pub(super) invisible: bool,
    /// On the baseline, at the glyph's beginning.
    pub(super) origin: Point,
    /// Of the baseline; unit length.
    pub(super) direction: Vec2,
    /// From the head of the letters to their foot; unit length. Of mirrored text (OCR layers of scripts that are read from the right are
    /// set so: each letter after the one that is read before it) it points the other way from `direction`.
    pub(super) down: Vec2,
    /// The em across the baseline, and the glyph's width along it.
    pub(super) size: f64,
    pub(super) advance: f64,
    /// Its place among the page's [settings](super::settings::Settings).
    pub(super) setting: u32,
    /// Around its ink, where that is looked at.
    pub(super) ink: Option<Rect>,
    /// Its outline is drawn, not its body.
    pub(super) is_stroked: bool,
    /// It is drawn again to look bold.
    pub(super) is_emboldened: bool,
}

impl Glyph {
    /// `None` for a glyph without size or place.
    pub(super) fn new(
        text: SmolStr,
        decoded: bool,
        invisible: bool,
        origin: Point,
        along: Vec2,
        size: f64,
        advance: f64,
    ) -> Option<Self> {
        let length = along.hypot();
        let sane = length.is_finite() && length > 1e-6 && origin.is_finite() && size > 0.01 && size < 1e5;
        let advance = if advance.is_finite() { advance.clamp(0.0, 10.0 * size) } else { 0.0 };
        let direction = along / length;
        let down = Vec2::new(-direction.y, direction.x);
        let is_space = text.chars().all(char::is_whitespace);
        sane.then_some(Self {
            text,
            is_space,
            decoded,
            invisible,
            origin,
            direction,
            down,
            size,
            advance,
            setting: 0,
            ink: None,
            is_stroked: false,
            is_emboldened: false,
        })
    }

    pub(super) fn set_as(self, setting: u32, is_stroked: bool) -> Self {
        Self { setting, is_stroked, ..self }
    }

    /// As a glyph of which the letters stand on their heads where they run from left to right.
    pub(super) fn mirrored(self) -> Self {
        Self { down: -self.down, ..self }
    }

    pub(super) fn is_mirrored(&self) -> bool {
        self.direction.cross(self.down) < 0.0
    }

    /// Puts a large sign on the line that it stands around: fonts of TeX hang sums, integrals, roots and tall brackets below their origins.
    pub(super) fn settle(&mut self) {
        let Some(ink) = self.ink else { return };
        let is_level = self.direction.x > 0.999 && !self.is_mirrored();
        let is_one = matches!(
            self.text.as_str(),
            "∑" | "∏" | "∐" | "∫" | "∮" | "⋃" | "⋂" | "⨁" | "⨂" | "⨀" | "⋁" | "⋀" | "⨆" | "⨄"
        ) || matches!(
            self.text.as_str(),
            "(" | ")" | "[" | "]" | "{" | "}" | "⟨" | "⟩" | "⌈" | "⌉" | "⌊" | "⌋" | "|" | "‖"
        );
        let settled = ink.center().y + AXIS * self.size;
        if is_level && is_one && (settled - self.origin.y).abs() > 0.3 * self.size {
            self.origin.y = settled;
        }
    }

    /// Around the glyph as fonts usually are, upright.
    pub(super) fn bounds(&self) -> Rect {
        let (head, foot) =
            (self.origin - self.down * (ASCENT * self.size), self.origin + self.down * (DESCENT * self.size));
        let end = self.direction * self.advance;
        Rect::from_points(head, foot).union(Rect::from_points(head + end, foot + end))
    }

    /// Whether both stand on one baseline.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let apart = (self.origin - other.origin).dot(other.down).abs();
        self.direction.dot(other.direction) > 0.999 && apart < BASELINE_SHIFT * self.size.max(other.size)
    }

    /// From the beginning of this glyph to the end of another on its baseline.
    pub(super) fn distance_to_end_of(&self, other: &Self) -> f64 {
        ((other.origin - self.origin).dot(self.direction) + other.advance).max(self.advance)
    }

    /// A glyph in the place of a part of this one's line.
    pub(super) fn piece(&self, c: char, from: f64, advance: f64) -> Self {
        let origin = self.origin + self.direction * from;
        Self {
            text: SmolStr::from_iter([c]),
            is_space: c.is_whitespace(),
            decoded: true,
            origin,
            advance,
            ..self.clone()
        }
    }

    /// Whether the middle of an accent stands within this letter's width. Accents are set on the letter's baseline or somewhat above it.
    pub(super) fn stands_under(&self, accent: &Self) -> bool {
        let between = accent.origin - self.origin;
        let middle = between.dot(self.direction) + accent.advance / 2.0;
        let above = -between.dot(self.down);
        self.direction.dot(accent.direction) > 0.999
            && (0.0..=self.advance).contains(&middle)
            && (middle - self.advance / 2.0).abs() < 0.3 * self.size
            && above.abs() < 0.5 * self.size
            && accent.size < 1.5 * self.size
            && self.size < 1.5 * accent.size
    }

    pub(super) fn is_space(&self) -> bool {
        self.is_space
    }

    /// The middle of the glyph's box: half its advance along, a third of its size above the baseline.
    pub(super) fn middle(&self) -> Point {
        self.origin + self.direction * (self.advance / 2.0) - self.down * (self.size / 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_without_size_or_place_are_left_out() {
        let nowhere = Point::new(f64::NAN, 0.0);
        assert!(Glyph::new("x".into(), true, false, nowhere, Vec2::new(1.0, 0.0), 10.0, 5.0).is_none());
        assert!(Glyph::new("x".into(), true, false, Point::ZERO, Vec2::ZERO, 10.0, 5.0).is_none());
    }
}
