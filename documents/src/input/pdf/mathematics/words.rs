//! Which letters of a line are words, and which are names of a formula.

use std::ops::Range;

use super::{
    judge::is_formula,
    signs::{Kind, SIGN_GAP, Sign, WORD_GAP, is_bracket_piece, is_greek},
};
use crate::{formula::is_function, input::pdf::glyph::Glyph};

/// Letters that make words are text, but for the names of functions; Greek letters in a row are a word, too.
pub(super) fn tell_words(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
    let mut at = 0;
    while at < signs.len() {
        let is_letter = |sign: &Sign| matches!(sign.kind, Kind::Letter | Kind::Leaning);
        let is_greek_letter =
            |sign: &Sign| sign.kind == Kind::Mathematics && glyphs[sign.glyph].text.chars().all(is_greek);
        let of: &dyn Fn(&Sign) -> bool = if is_letter(&signs[at]) { &is_letter } else { &is_greek_letter };
        if !of(&signs[at]) {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        let text =
            |range: Range<usize>| signs[range].iter().map(|sign| glyphs[sign.glyph].text.as_str()).collect::<String>();
        while end < signs.len() && of(&signs[end]) && signs[end].left - signs[end - 1].right < WORD_GAP * size {
            // `log x`, with a thin space.
            if signs[end].kind != signs[end - 1].kind && is_function(&text(at..end)) {
                break;
            }
            end += 1;
        }
        let word = text(at..end);
        let kind = if !is_letter(&signs[at]) {
            // Letters of mathematics may stand side by side; a word of the text is longer.
            if end - at > 3 { Kind::Text } else { Kind::Mathematics }
        } else if is_function(&word) {
            Kind::Letter
        } else if signs[at..end].iter().all(|sign| sign.kind == Kind::Leaning)
            && (end - at <= 2 || has_index(signs, end, glyphs, size))
        {
            Kind::Leaning
        } else if signs.get(end).is_some_and(|next| opens_at(signs, end, next, glyphs, size)) {
            // A name that is applied to something: `Gamma(α, λ)`.
            Kind::Letter
        } else if is_applied_beside_relation(signs, at, end, glyphs, size) {
            signs[at].kind
        } else if end - at == 1 && (touches(signs, at, size) || signs.len() == 1) {
            Kind::Letter
        } else {
            Kind::Text
        };
        signs[at..end].iter_mut().for_each(|sign| sign.kind = kind);
        at = end;
    }
}

/// Whether a word that ends before `at` has something lowered right behind it: it is a name.
fn has_index(signs: &[Sign], at: usize, glyphs: &[Glyph], size: f32) -> bool {
    let (last, Some(next)) = (&signs[at - 1], signs.get(at)) else { return false };
    next.kind == Kind::Script
        && next.left - last.right < 0.12 * size
        && (glyphs[next.glyph].origin.y - glyphs[last.glyph].origin.y) as f32 > 0.06 * size
}

/// A slash or star between two things of a formula is of it.
pub(super) fn tell_strokes(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
    for at in 1..signs.len().saturating_sub(1) {
        let is_of =
            |sign: &Sign| sign.kind != Kind::Text && (sign.kind != Kind::Punctuation || glyphs[sign.glyph].text == "!");
        if glyphs[signs[at].glyph].text == ":" && signs[at].kind == Kind::Punctuation {
            // As a relation it has a gap before it, as a sign of the sentence it has none.
            let is_relation = signs[at].left - signs[at - 1].right > 0.14 * size && signs[at - 1].kind != Kind::Text;
            let defines = glyphs[signs[at + 1].glyph].text == "=" && signs[at + 1].left - signs[at].right < 0.12 * size;
            if is_relation || defines {
                signs[at].kind = Kind::Between;
            }
        }
        // The foot of `↦` is a sign of its own, which fonts give any name.
        if matches!(glyphs[signs[at + 1].glyph].text.as_str(), "→" | "−")
            && (signs[at + 1].left - signs[at].right).abs() < 0.02 * size
        {
            let is_foot =
                matches!(glyphs[signs[at].glyph].text.as_str(), "7" | "|" | "∣" | "\u{f8e6}" | "\u{fffd}" | "");
            if is_foot && signs[at].left - signs[at - 1].right > WORD_GAP * size {
                signs[at].kind = Kind::Between;
            }
        }
        let is_stroke = signs[at].kind == Kind::Text && matches!(glyphs[signs[at].glyph].text.as_str(), "/" | "*");
        let near =
            signs[at].left - signs[at - 1].right < 0.3 * size && signs[at + 1].left - signs[at].right < 0.3 * size;
        if is_stroke && near && is_of(&signs[at - 1]) && is_of(&signs[at + 1]) {
            signs[at].kind = Kind::Between;
        }
    }
}

/// `mod` between two things of a formula is an operator, with its gaps.
pub(super) fn tell_modulo(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
    for at in 1..signs.len().saturating_sub(3) {
        let is_word =
            signs[at..at + 3].iter().zip(["m", "o", "d"]).all(|(sign, letter)| glyphs[sign.glyph].text == letter);
        let is_of = |sign: &Sign| !matches!(sign.kind, Kind::Text | Kind::Letter | Kind::Punctuation);
        let near = signs[at].left - signs[at - 1].right < SIGN_GAP * size
            && signs[at + 3].left - signs[at + 2].right < SIGN_GAP * size;
        if is_word && near && is_of(&signs[at - 1]) && is_of(&signs[at + 3]) {
            signs[at..at + 3].iter_mut().for_each(|sign| sign.kind = Kind::Between);
        }
    }
}

/// A word before a relation that a line begins with is what the formula is about: `CCZ = …`.
pub(super) fn tell_name(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
    let end = signs.iter().take_while(|sign| sign.kind == Kind::Text).count();
    let is_word = signs[..end].windows(2).all(|pair| pair[1].left - pair[0].right < WORD_GAP * size)
        && signs[..end].iter().all(|sign| glyphs[sign.glyph].text.chars().all(char::is_alphanumeric));
    let relates = signs.get(end).is_some_and(|sign| glyphs[sign.glyph].text == "=");
    let rest = signs.get(end + 1..).unwrap_or_default();
    let says = rest.is_empty()
        || is_formula(rest, glyphs, size)
        || rest.iter().any(|sign| glyphs[sign.glyph].text.starts_with(is_bracket_piece));
    if is_word && relates && says && rest.iter().all(|sign| sign.kind != Kind::Text) {
        signs[..end].iter_mut().for_each(|sign| sign.kind = Kind::Letter);
    }
}

/// Whether a bracket opens right behind a word, and a relation stands before the word or behind where it closes: `Y ∼ Logistic(0, 1)`.
fn is_applied_beside_relation(signs: &[Sign], at: usize, end: usize, glyphs: &[Glyph], size: f32) -> bool {
    let relates = |at: Option<usize>, gap: &dyn Fn(&Sign) -> f32| {
        at.and_then(|at| signs.get(at)).is_some_and(|sign| {
            glyphs[sign.glyph].text.starts_with(['=', '∼', '≤', '≥', '≈', '∈']) && gap(sign) < SIGN_GAP * size
        })
    };
    let opens = signs
        .get(end)
        .is_some_and(|next| glyphs[next.glyph].text == "(" && next.left - signs[end - 1].right < 0.1 * size);
    if !opens {
        return false;
    }
    let Some(length) = signs[end..].iter().take(40).position(|sign| sign.kind == Kind::Close) else { return false };
    let close = end + length;
    relates(at.checked_sub(1), &|sign| signs[at].left - sign.right)
        || relates(Some(close + 1), &|sign| sign.left - signs[close].right)
}

/// Whether a bracket opens right behind a word, and a letter of mathematics stands in it.
fn opens_at(signs: &[Sign], at: usize, next: &Sign, glyphs: &[Glyph], size: f32) -> bool {
    next.kind == Kind::Open
        && glyphs[next.glyph].text == "("
        && next.left - signs[at - 1].right < 0.1 * size
        && signs[at + 1..]
            .iter()
            .take_while(|sign| !matches!(sign.kind, Kind::Text | Kind::Close))
            .any(|sign| sign.kind == Kind::Mathematics)
}

/// Whether a single upright letter stands right beside a sign of mathematics: `dx`, `2πi`.
fn touches(signs: &[Sign], at: usize, size: f32) -> bool {
    let is_sure = |sign: &Sign| matches!(sign.kind, Kind::Mathematics | Kind::Script);
    let after = signs.get(at + 1).is_some_and(|next| is_sure(next) && next.left - signs[at].right < WORD_GAP * size);
    let before = at
        .checked_sub(1)
        .is_some_and(|before| is_sure(&signs[before]) && signs[at].left - signs[before].right < WORD_GAP * size);
    after || before
}
