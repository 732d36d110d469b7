//! What of one line may be a formula, or a part of one.

use std::ops::Range;

use super::signs::{Kind, ink, is_greek, kind};
use crate::{
    formula::is_function,
    geometry::Rect,
    hints::VerticalShift,
    input::pdf::{glyph::Glyph, settings::Settings, styles::SetLine},
    script::has_letters_from_the_right,
};

/// A gap that parts words, in ems.
const WORD_GAP: f32 = 0.16;
/// Around relations it is wider than between words, and in a line that is stretched as wide as this, in ems.
const SIGN_GAP: f32 = 1.0;
/// Glyphs of a line that are looked at.
const MOST_SIGNS: usize = 2_000;

/// Glyphs of one line that are a formula, or belong to one.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) line: usize,
    pub(super) glyphs: Vec<usize>,
    pub(super) characters: Range<u32>,
    /// Around its ink.
    pub(super) rect: Rect,
    pub(super) size: f32,
    pub(super) baseline: f32,
    /// Nothing else stands in the line.
    pub(super) is_whole: bool,
    /// It is a formula even if it stands alone.
    pub(super) stands_alone: bool,
    /// It has a sign that reaches over lines: a sum, a tall bracket, a root.
    pub(super) has_large: bool,
    /// It has a bracket that opens over several lines, or a piece of one: where it begins.
    pub(super) opens: Option<f32>,
    /// Brackets that it opens and does not close; less than none where it closes more than it opens.
    pub(super) open: i32,
}

struct Sign {
    glyph: usize,
    at: u32,
    end: u32,
    kind: Kind,
    left: f32,
    right: f32,
}

/// `is_set_in` says whether the line is set in from the text around it, `is_a_case` whether it stands beside a brace of several lines.
pub(super) fn of_line(
    number: usize,
    set: &SetLine,
    is_set_in: impl FnOnce() -> bool,
    is_a_case: impl FnOnce() -> bool,
    glyphs: &[Glyph],
    settings: &Settings,
    parts: &mut Vec<Part>,
) {
    let level = |&(at, _): &(usize, u32)| {
        let glyph = &glyphs[at];
        glyph.direction.x > 0.999 && !glyph.is_mirrored() && !glyph.invisible
    };
    if set.places.is_empty()
        || set.places.len() > MOST_SIGNS
        || !set.places.iter().all(level)
        || has_letters_from_the_right(&set.line.text)
        || set.style.is_invisible
    {
        return;
    }
    let faces: Vec<_> = set.style.runs.iter().collect();
    let letters = |wanted: fn(&&&crate::hints::StyledRun) -> bool| -> u32 {
        faces.iter().filter(wanted).map(|run| run.characters.end - run.characters.start).sum()
    };
    if 2 * letters(|run| run.face.monospace) > letters(|_| true) {
        return;
    }
    let words = set.line.text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 2);
    let is_display = words.count() <= 4 && is_set_in();
    let is_leaning = !is_display && has_leaning_words(set);
    let is_bold = 2 * letters(|run| run.face.bold) > letters(|_| true);
    let size = size_of(set, glyphs);
    let baseline = baseline_of(set, glyphs, size);
    let mut signs = signs_of(set, glyphs, settings, (is_leaning, is_bold), size, baseline);
    tell_words(&mut signs, glyphs, size);
    tell_strokes(&mut signs, glyphs, size);
    tell_modulo(&mut signs, glyphs, size);
    if is_display {
        tell_name(&mut signs, glyphs, size);
    }
    let words = signs.iter().filter(|sign| sign.kind == Kind::Text).count();
    if is_display && words > 0 && (2 * words < signs.len() || is_a_case()) {
        // Words between formulas that are set apart from the text are of the formula, and so is when a case holds.
        signs.iter_mut().filter(|sign| sign.kind == Kind::Text).for_each(|sign| sign.kind = Kind::Letter);
    }
    let is_whole = signs.iter().all(|sign| sign.kind != Kind::Text);
    let add = |range: Range<usize>, stands_alone: bool, parts: &mut Vec<Part>| {
        let own = &signs[range];
        let members: Vec<usize> = own.iter().map(|sign| sign.glyph).collect();
        let rects: Vec<Rect> = members.iter().map(|&at| ink(&glyphs[at])).collect();
        let Some(rect) = rects.iter().copied().reduce(|a, b| a.union(&b)) else { return };
        let has_large = rects.iter().any(|rect| rect.height() > 1.15 * size)
            || members.iter().any(|&at| glyphs[at].text.starts_with(['∑', '∏', '⋃', '⋂', '∫', '⨁', '√']));
        let is_piece = |at: usize| glyphs[at].text.starts_with(is_bracket_piece);
        let has_large = has_large || members.iter().any(|&at| is_piece(at));
        let opening = members.iter().zip(&rects).filter(|&(&at, rect)| {
            is_piece(at) || (rect.height() > 1.75 * size && glyphs[at].text.starts_with(['(', '[', '{', '|', '‖']))
        });
        let opens = opening.map(|(_, rect)| rect.left).reduce(f32::min);
        let (start, end) = own.iter().fold((u32::MAX, 0), |(a, b), sign| (a.min(sign.at), b.max(sign.end)));
        parts.push(Part {
            line: number,
            glyphs: members,
            characters: start..end,
            rect,
            size,
            baseline,
            is_whole,
            stands_alone,
            has_large,
            opens,
            open: own.iter().map(|sign| i32::from(sign.kind == Kind::Open) - i32::from(sign.kind == Kind::Close)).sum(),
        });
    };
    if is_whole {
        let is_formula =
            is_formula(&signs, glyphs, size) || (is_display && is_applied_or_enclosed(&signs, glyphs, size));
        add(0..signs.len(), is_formula, parts);
        return;
    }
    for range in ranges(&signs, glyphs, size) {
        add(range, true, parts);
    }
}

/// Pieces of which tall brackets are put together.
fn is_bracket_piece(c: char) -> bool {
    matches!(c, '\u{239b}'..='\u{23ad}' | '\u{f8eb}'..='\u{f8fe}')
}

/// Whether words of the line lean, and not only letters that stand for something.
fn has_leaning_words(set: &SetLine) -> bool {
    let mut runs = set.style.runs.iter().peekable();
    let (mut leaning, mut all, mut length) = (0, 0, 0);
    for (at, c) in set.line.text.chars().chain([' ']).enumerate() {
        while runs.peek().is_some_and(|run| run.characters.end <= at as u32) {
            runs.next();
        }
        all += usize::from(c.is_alphabetic());
        let leans =
            runs.peek().is_some_and(|run| run.face.italic && !run.face.mathematics && run.shift == VerticalShift::None);
        if c.is_alphabetic() && leans {
            length += 1;
        } else {
            leaning += if length >= 3 { length } else { 0 };
            length = 0;
        }
    }
    5 * leaning > 2 * all
}

/// The em of what the line's scripts belong to, though they may be more than it is.
fn size_of(set: &SetLine, glyphs: &[Glyph]) -> f32 {
    let size = set.style.size.max(0.1);
    let own =
        || set.places.iter().map(|&(at, _)| &glyphs[at]).filter(|glyph| glyph.text.starts_with(char::is_alphanumeric));
    let largest = own().map(|glyph| glyph.size as f32).fold(0.0, f32::max);
    // An initial is larger than that.
    if 0.88 * largest < size || largest > 1.6 * size {
        return size;
    }
    let is_large = |glyph: &Glyph| glyph.size as f32 > 0.94 * largest;
    let Some(baseline) = own().find(|glyph| is_large(glyph)).map(|glyph| glyph.origin.y) else { return size };
    let is_shifted = |glyph: &Glyph| (glyph.origin.y - baseline).abs() as f32 > 0.06 * largest;
    let is_level = own().filter(|glyph| is_large(glyph)).all(|glyph| !is_shifted(glyph));
    let shifted = own().filter(|glyph| !is_large(glyph) && is_shifted(glyph)).count();
    let small = own().filter(|glyph| !is_large(glyph)).count();
    if is_level && shifted == small { largest } else { size }
}

/// The baseline of most letters in the line's size.
fn baseline_of(set: &SetLine, glyphs: &[Glyph], size: f32) -> f32 {
    let own = set.places.iter().map(|&(at, _)| &glyphs[at]).filter(|glyph| !glyph.is_space());
    let mut levels: Vec<f32> =
        own.filter(|glyph| (glyph.size as f32 - size).abs() < 0.04 * size).map(|glyph| glyph.origin.y as f32).collect();
    levels.sort_by(f32::total_cmp);
    levels.get(levels.len() / 2).copied().unwrap_or_else(|| set.line.polygon.bounds().bottom)
}

fn signs_of(
    set: &SetLine,
    glyphs: &[Glyph],
    settings: &Settings,
    is_so: (bool, bool),
    size: f32,
    baseline: f32,
) -> Vec<Sign> {
    let ends = set.places.iter().skip(1).map(|&(_, at)| at).chain([u32::MAX]);
    let mut signs: Vec<Sign> = set
        .places
        .iter()
        .zip(ends)
        .filter(|((at, _), _)| !glyphs[*at].is_space())
        .map(|(&(at, from), _)| {
            let glyph = &glyphs[at];
            let face = settings.face(settings.get(glyph.setting));
            let characters = glyph.text.chars().count() as u32;
            let (left, right) = (glyph.origin.x as f32, (glyph.origin.x + glyph.advance) as f32);
            Sign {
                glyph: at,
                at: from,
                end: from + characters,
                kind: kind(glyph, face, is_so, size, baseline),
                left,
                right,
            }
        })
        .collect();
    signs.sort_by(|a, b| a.left.total_cmp(&b.left).then(a.at.cmp(&b.at)));
    signs
}

/// Letters that make words are text, but for the names of functions; Greek letters in a row are a word, too.
fn tell_words(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
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
        } else if end - at == 1 && (touches(signs, at, size) || signs.len() == 1) {
            Kind::Letter
        } else {
            Kind::Text
        };
        signs[at..end].iter_mut().for_each(|sign| sign.kind = kind);
        at = end;
    }
}

/// A slash or star between two things of a formula is of it.
fn tell_strokes(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
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
        let is_stroke = signs[at].kind == Kind::Text && matches!(glyphs[signs[at].glyph].text.as_str(), "/" | "*");
        let near =
            signs[at].left - signs[at - 1].right < 0.3 * size && signs[at + 1].left - signs[at].right < 0.3 * size;
        if is_stroke && near && is_of(&signs[at - 1]) && is_of(&signs[at + 1]) {
            signs[at].kind = Kind::Between;
        }
    }
}

/// Whether a word that ends before `at` has something lowered right behind it: it is a name.
fn has_index(signs: &[Sign], at: usize, glyphs: &[Glyph], size: f32) -> bool {
    let (last, Some(next)) = (&signs[at - 1], signs.get(at)) else { return false };
    next.kind == Kind::Script
        && next.left - last.right < 0.12 * size
        && (glyphs[next.glyph].origin.y - glyphs[last.glyph].origin.y) as f32 > 0.06 * size
}

/// `mod` between two things of a formula is an operator, with its gaps.
fn tell_modulo(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
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
fn tell_name(signs: &mut [Sign], glyphs: &[Glyph], size: f32) {
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

/// The formulas of a line that has other text.
fn ranges(signs: &[Sign], glyphs: &[Glyph], size: f32) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < signs.len() {
        if signs[at].kind == Kind::Text {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        let mut depth = i32::from(signs[at].kind == Kind::Open);
        while end < signs.len() && signs[end].kind != Kind::Text && goes_on(signs, end, depth, glyphs, size) {
            match signs[end].kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            end += 1;
        }
        let mut range = trimmed(signs, at..end, glyphs, size);
        if !range.is_empty() && !has_base(signs, &range, size) {
            let scripts = signs[range.clone()].iter().take_while(|sign| sign.kind == Kind::Script).count();
            range = trimmed(signs, range.start + scripts..range.end, glyphs, size);
        }
        if !range.is_empty() && is_formula(&signs[range.clone()], glyphs, size) {
            found.push(range);
        }
        at = end;
    }
    found
}

/// Whether the sign at `at` belongs to what is before it.
fn goes_on(signs: &[Sign], at: usize, depth: i32, glyphs: &[Glyph], size: f32) -> bool {
    let (before, sign) = (&signs[at - 1], &signs[at]);
    let gap = (sign.left - before.right) / size;
    let is_between =
        |sign: &Sign| sign.kind == Kind::Between || (sign.kind == Kind::Mathematics && is_operator(sign, glyphs));
    let is_dots = |sign: Option<&Sign>| {
        sign.is_some_and(|sign| glyphs[sign.glyph].text.starts_with(['.', '…', '·', '⋯']) && sign.kind != Kind::Text)
    };
    let is_comma = |sign: &Sign| matches!(glyphs[sign.glyph].text.as_str(), "," | ";");
    if before.kind == Kind::Script && sign.kind == Kind::Script && is_comma(before) {
        return gap < 0.5;
    }
    if before.kind == Kind::Punctuation && gap > WORD_GAP {
        // Behind dots that stand apart.
        let dots = signs[..at].iter().rev().take_while(|sign| glyphs[sign.glyph].text == ".").count();
        if dots >= 3 {
            return gap < 0.6;
        }
        // Lists within brackets, and those with dots, are one formula.
        let listed = depth > 0
            || is_dots(Some(sign))
            || at.checked_sub(2).is_some_and(|at| is_dots(signs.get(at)) || glyphs[signs[at].glyph].text == "⋯");
        let is_dot = glyphs[before.glyph].text == "." && is_dots(Some(sign));
        return (glyphs[before.glyph].text == "," && listed && gap < SIGN_GAP) || is_dot;
    }
    if is_between(before) || is_between(sign) {
        return gap < SIGN_GAP;
    }
    // Functions have a thin space after them; a number and a letter have none.
    let is_name = |sign: &Sign| sign.kind == Kind::Letter || glyphs[sign.glyph].text.starts_with(['∫', '∮', '∬']);
    let of_integral = before.kind == Kind::Script
        && signs[..at].iter().rev().find(|sign| sign.kind != Kind::Script).is_some_and(is_name);
    gap < if of_integral || is_name(before) || is_name(sign) || depth > 0 { 0.35 } else { 0.24 }
}

fn is_operator(sign: &Sign, glyphs: &[Glyph]) -> bool {
    glyphs[sign.glyph].text.chars().next().is_some_and(|c| {
        matches!(c, '\u{2190}'..='\u{21ff}' | '\u{27f5}'..='\u{27ff}' | '\u{2a7d}'..='\u{2aff}')
            || "∈∉∋⊂⊃⊆⊇∪∩∧∨⊕⊗⊙≡≃≅∝≪≫≺≻⊢⊨∘⋆•∖≔≜≲≳∣⟂⊥".contains(c)
    })
}

/// Without what belongs to the sentence: points and commas, brackets that nothing closes, numbers that stand apart.
fn trimmed(signs: &[Sign], range: Range<usize>, glyphs: &[Glyph], size: f32) -> Range<usize> {
    let Range { mut start, mut end } = range;
    loop {
        let before = (start, end);
        let unmatched = |at: usize| {
            let mut depth = 0_i32;
            let own = &signs[start..end];
            if signs[at].kind == Kind::Close {
                for sign in own {
                    depth += i32::from(sign.kind == Kind::Open) - i32::from(sign.kind == Kind::Close);
                }
                depth < 0
            } else {
                for sign in own {
                    depth += i32::from(sign.kind == Kind::Open) - i32::from(sign.kind == Kind::Close);
                }
                depth > 0
            }
        };
        if start >= end {
            break;
        }
        let last = &signs[end - 1];
        let text = glyphs[last.glyph].text.as_str();
        let is_end = match last.kind {
            Kind::Punctuation => {
                text != "!"
                    || !matches!(
                        signs.get(end.wrapping_sub(2)).map(|sign| sign.kind),
                        Some(Kind::Mathematics | Kind::Digit | Kind::Close)
                    )
            }
            Kind::Open => true,
            Kind::Close => !text.starts_with(['⟩', '⌋', '⌉']) && unmatched(end - 1),
            // Names of functions at the end are words: "and the sup".
            Kind::Letter => end - start > 1 && signs[end - 1].left - signs[end - 2].right > WORD_GAP * size,
            Kind::Digit => is_apart(signs, glyphs, start..end, size, true),
            _ => false,
        };
        if is_end {
            end -= 1;
            continue;
        }
        let is_end = match signs[start].kind {
            Kind::Punctuation | Kind::Close => true,
            Kind::Open => unmatched(start),
            Kind::Digit => is_apart(signs, glyphs, start..end, size, false),
            Kind::Letter => {
                end - start > 1 && signs[start + 1].kind == Kind::Letter && is_word_apart(signs, start, end, size)
            }
            _ => false,
        };
        if is_end {
            start += 1;
        }
        if before == (start, end) {
            break;
        }
    }
    start..end.max(start)
}

/// A name of a function that is followed by nothing of mathematics.
fn is_word_apart(signs: &[Sign], start: usize, end: usize, size: f32) -> bool {
    let rest = signs[start..end].iter().position(|sign| sign.kind != Kind::Letter);
    rest.is_none_or(|at| signs[start + at].left - signs[start + at - 1].right > 0.5 * size)
}

/// Whether a number at an end is parted from the formula by the blank of words, with no sign between.
fn is_apart(signs: &[Sign], glyphs: &[Glyph], range: Range<usize>, size: f32, at_end: bool) -> bool {
    let (start, last) = (range.start, range.end - 1);
    let mut at = if at_end { last } else { start };
    loop {
        let next =
            if at_end { at.checked_sub(1).filter(|&at| at >= start) } else { Some(at + 1).filter(|&at| at <= last) };
        let Some(next) = next else { return false };
        let gap = if at_end { signs[at].left - signs[next].right } else { signs[next].left - signs[at].right };
        if signs[next].kind == Kind::Between
            || (signs[next].kind == Kind::Mathematics && is_operator(&signs[next], glyphs))
        {
            return false;
        }
        if gap > WORD_GAP * size {
            return true;
        }
        if signs[next].kind != Kind::Digit && signs[next].kind != Kind::Punctuation {
            return false;
        }
        at = next;
    }
}

/// Whether signs say something: a letter of mathematics, or an operation on something.
fn is_formula(signs: &[Sign], glyphs: &[Glyph], size: f32) -> bool {
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
    letters > 0
        || (leaning > 0 && (between > 0 || scripts > 0))
        || (between > 0 && operands > 0 && scripts + operands > 1 && has_rare(signs, glyphs))
        || is_power(signs, glyphs)
        || is_ket(signs, glyphs)
        || is_fraction(signs, glyphs, size)
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

/// `|0⟩`, `⟨1|0⟩`.
fn is_ket(signs: &[Sign], glyphs: &[Glyph]) -> bool {
    let has = |texts: &[&str]| signs.iter().any(|sign| texts.contains(&glyphs[sign.glyph].text.as_str()));
    has(&["|", "∣"]) && has(&["⟩", "⟨"])
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
fn is_applied_or_enclosed(signs: &[Sign], glyphs: &[Glyph], size: f32) -> bool {
    let is_tall =
        |kind: Kind| signs.iter().any(|sign| sign.kind == kind && ink(&glyphs[sign.glyph]).height() > 1.75 * size);
    if is_tall(Kind::Open) && is_tall(Kind::Close) {
        return true;
    }
    let is_applied = signs.windows(2).any(|pair| pair[0].kind == Kind::Leaning && pair[1].kind == Kind::Open)
        && signs.iter().any(|sign| sign.kind == Kind::Close);
    let is_enclosed = signs.len() > 2 && signs.iter().filter(|sign| sign.kind == Kind::Bar).count() == 2;
    is_applied || is_enclosed
}

/// An operation that no prose has: `10 × 3`, but not `a - 2` nor `1 = 1`.
fn has_rare(signs: &[Sign], glyphs: &[Glyph]) -> bool {
    signs.iter().any(|sign| glyphs[sign.glyph].text.starts_with(['×', '≤', '≥', '±', '≈', '∼', '·', '⋅', '−']))
        && signs.iter().any(|sign| matches!(sign.kind, Kind::Script | Kind::Digit))
}

/// Scripts at the beginning belong to the word before.
fn has_base(signs: &[Sign], range: &Range<usize>, size: f32) -> bool {
    let first = &signs[range.start];
    let is_raised = first.kind == Kind::Script;
    let joins = range
        .start
        .checked_sub(1)
        .is_some_and(|before| signs[before].kind == Kind::Text && first.left - signs[before].right < WORD_GAP * size);
    !(is_raised && joins)
}
