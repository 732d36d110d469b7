//! What of one line may be a formula, or a part of one.

use std::ops::Range;

use super::{
    judge::{is_applied_or_enclosed, is_formula},
    signs::{ANGLES, Kind, SIGN_GAP, Sign, WORD_GAP, ink, is_bracket_piece, is_operator, kind},
    words::{tell_modulo, tell_name, tell_strokes, tell_words},
};
use crate::{
    geometry::Rect,
    hints::VerticalShift,
    input::pdf::{glyph::Glyph, settings::Settings, styles::SetLine},
    script::has_letters_from_the_right,
};

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
                _ if glyphs[signs[end].glyph].text.starts_with(ANGLES) => {}
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

/// Without what belongs to the sentence: points and commas, brackets that nothing closes, numbers that stand apart.
fn trimmed(signs: &[Sign], range: Range<usize>, glyphs: &[Glyph], size: f32) -> Range<usize> {
    let Range { mut start, mut end } = range;
    loop {
        let before = (start, end);
        let unmatched = |at: usize| {
            // Angles close bars as well.
            let counts = |sign: &&Sign| !glyphs[sign.glyph].text.starts_with(ANGLES);
            let own = signs[start..end].iter().filter(counts);
            let depth: i32 =
                own.map(|sign| i32::from(sign.kind == Kind::Open) - i32::from(sign.kind == Kind::Close)).sum();
            if signs[at].kind == Kind::Close { depth < 0 } else { depth > 0 }
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
            Kind::Close => !text.starts_with(['⌋', '⌉']) && !text.starts_with(ANGLES) && unmatched(end - 1),
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
