//! Whether signs beside each other are a formula.

use super::signs::{ANGLES, Kind, Sign, ink, is_operator};
use crate::input::pdf::glyph::Glyph;

/// Whether signs say something: a letter of mathematics, or an operation on something.
pub(super) fn is_formula(signs: &[Sign], glyphs: &[Glyph], size: f32) -> bool {
    let (mut letters, mut between, mut operands, mut leaning, mut scripts) = (0, 0, 0, 0, 0);
    for sign in signs {
        match sign.kind {
            Kind::Mathematics if is_operator(sign, glyphs) => between += 1,
            Kind::Mathematics => letters += 1,
            Kind::Between => between += 1,
            Kind::Digit => operands += 1,
            Kind::Leaning => leaning += 1,
            Kind::Script => scripts += 1,
            _ => {}
        }
    }
    // What is struck out is said of something, whatever stands before it.
    let is_struck_out = signs.iter().any(|sign| glyphs[sign.glyph].text == "\u{338}");
    letters > 0
        || (leaning > 0 && (between > 0 || scripts > 0))
        || (between > 0 && operands > 0 && scripts + operands > 1 && has_rare(signs, glyphs))
        || (operands > usize::from(!is_struck_out)
            && signs.iter().any(|sign| sign.kind == Kind::Mathematics && is_operator(sign, glyphs)))
        || is_power(signs, glyphs)
        || is_application(signs, glyphs, size)
        || is_ket(signs, glyphs)
        || is_fraction(signs, glyphs, size)
}

/// An operation that no prose has: `10 × 3`, but not `a - 2` nor `1 = 1`.
fn has_rare(signs: &[Sign], glyphs: &[Glyph]) -> bool {
    signs.iter().any(|sign| glyphs[sign.glyph].text.starts_with(['×', '≤', '≥', '±', '≈', '∼', '·', '⋅', '−']))
        && signs.iter().any(|sign| matches!(sign.kind, Kind::Script | Kind::Digit))
}

/// Of a number: any that is raised to less than nothing, and powers of ten, which no mark of a note makes.
fn is_power(signs: &[Sign], glyphs: &[Glyph]) -> bool {
    let digits = signs.iter().take_while(|sign| sign.kind == Kind::Digit).count();
    let (number, rest) = signs.split_at(digits);
    let scripts = rest.iter().take_while(|sign| sign.kind == Kind::Script).count();
    let text = |signs: &[Sign]| signs.iter().map(|sign| glyphs[sign.glyph].text.as_str()).collect::<String>();
    let is_raised = |sign: &Sign| number.iter().all(|base| glyphs[sign.glyph].origin.y < glyphs[base.glyph].origin.y);
    let raised = text(&rest[..scripts]);
    digits > 0
        && rest[..scripts].iter().all(is_raised)
        && raised.trim_start_matches('−').starts_with(|c: char| c.is_ascii_digit())
        && (raised.starts_with('−') || text(number) == "10")
}

/// `U(t)`: a letter or two that lean, with nothing but such and numbers in brackets right behind.
fn is_application(signs: &[Sign], glyphs: &[Glyph], size: f32) -> bool {
    let name = signs.iter().take_while(|sign| sign.kind == Kind::Leaning).count();
    let Some((open, rest)) = signs[name..].split_first() else { return false };
    let closes = rest.iter().position(|sign| sign.kind == Kind::Close);
    let is_argument =
        |sign: &Sign| matches!(sign.kind, Kind::Leaning | Kind::Digit | Kind::Punctuation | Kind::Between);
    (1..=2).contains(&name)
        && glyphs[open.glyph].text == "("
        && open.left - signs[name - 1].right < 0.1 * size
        && closes.is_some_and(|end| {
            rest[..end].iter().all(is_argument) && rest[..end].iter().any(|sign| sign.kind == Kind::Leaning)
        })
}

/// `|0⟩`, `⟨1|0⟩`.
fn is_ket(signs: &[Sign], glyphs: &[Glyph]) -> bool {
    let has = |wanted: &[char]| signs.iter().any(|sign| glyphs[sign.glyph].text.starts_with(wanted));
    has(&['|', '∣']) && has(&ANGLES)
}

/// Small print above small print, apart from words on either side: a fraction in a sentence, whatever it is made of.
fn is_fraction(signs: &[Sign], glyphs: &[Glyph], size: f32) -> bool {
    if signs.len() < 2 || !signs.iter().all(|sign| sign.kind == Kind::Script) {
        return false;
    }
    let level = |sign: &Sign| glyphs[sign.glyph].origin.y as f32;
    let highest = signs.iter().map(level).fold(f32::INFINITY, f32::min);
    let (upper, lower): (Vec<&Sign>, Vec<&Sign>) = signs.iter().partition(|sign| level(sign) < highest + 0.3 * size);
    let reach = |side: &[&Sign]| {
        side.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), sign| (a.min(sign.left), b.max(sign.right)))
    };
    let ((a, b), (c, d)) = (reach(&upper), reach(&lower));
    !lower.is_empty() && b.min(d) - a.max(c) > 0.6 * (b - a).min(d - c)
}

/// What by itself may be anything, and set apart from the text is a formula: a letter with arguments, something between bars, rows of numbers
/// between brackets.
pub(super) fn is_applied_or_enclosed(signs: &[Sign], glyphs: &[Glyph], size: f32) -> bool {
    let is_tall =
        |kind: Kind| signs.iter().any(|sign| sign.kind == kind && ink(&glyphs[sign.glyph]).height() > 1.75 * size);
    if is_tall(Kind::Open) && is_tall(Kind::Close) {
        return true;
    }
    let is_applied = signs.windows(2).any(|pair| pair[0].kind == Kind::Leaning && pair[1].kind == Kind::Open)
        && signs.iter().any(|sign| sign.kind == Kind::Close);
    let is_enclosed = signs.len() > 2
        && (signs.iter().filter(|sign| sign.kind == Kind::Bar).count() == 2
            || signs.iter().filter(|sign| glyphs[sign.glyph].text.starts_with(ANGLES)).count() == 2);
    is_applied || is_enclosed
}
