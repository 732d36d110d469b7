//! Footnotes: small type at the foot of a column, with marks, under a short ruling or not.

use super::{
    rows::{Row, is_below},
    shapes::{begins_small, ends_sentence},
    units::{Context, UnitMarker},
};
use crate::blocks::{BlockKind, Mark, MarkKind};
use crate::hints::{TagRole, VerticalShift};

/// Part of the page's height that the notes of a column take at most.
const MOST: f32 = 0.6;

/// Type of this part of the text's size is as large as that: heights of lines of pixels differ by some hundredths.
const AS_LARGE: f32 = 0.97;

/// A row with which a note begins or goes on.
#[derive(Clone, Debug)]
pub(super) struct NoteRow {
    pub(super) row: usize,
    /// Of the first row of a note its mark; `None` where it goes on.
    pub(super) marker: Option<UnitMarker>,
    pub(super) begins: bool,
    pub(super) confidence: Option<f32>,
}

/// The rows of the page's footnotes, in their order.
pub(super) fn find(context: &Context<'_>) -> Vec<NoteRow> {
    let rows = context.rows;
    let mut notes = Vec::new();
    let mut from = 0;
    while from < rows.len() {
        let mut to = from + 1;
        while to < rows.len() && is_below(&rows[to - 1], &rows[to]) {
            to += 1;
        }
        if let Some((start, confidence)) = start(context, from, to) {
            for (row, of) in rows.iter().enumerate().take(to).skip(start) {
                let marker = marker(context, of);
                let is_apart = row > start && of.rect.top - rows[row - 1].rect.bottom > 0.6 * of.size;
                let begins = row == start || marker.is_some() || (is_apart && notes_are_unmarked(context, start));
                let is_tagged = matches!(context.tag(of), Some((TagRole::Note, ..)));
                notes.push(NoteRow { row, marker, begins, confidence: (!is_tagged).then_some(confidence) });
            }
        }
        from = to;
    }
    notes
}

/// Where the notes at the foot of a column begin.
fn start(context: &Context<'_>, from: usize, to: usize) -> Option<(usize, f32)> {
    let (sheet, rows) = (context.sheet, &context.rows[..to]);
    let page = sheet.bounds;
    let last = rows.last()?;
    let is_tagged = |row: &Row| matches!(context.tag(row), Some((TagRole::Note, ..)));
    let seen = |row: &Row| context.main_line(row).seen(BlockKind::Footnote);
    let small = if sheet.is_styled { 0.94 } else { 0.9 };
    let is_small = |row: &Row| row.size < small * sheet.body || is_tagged(row) || seen(row) > 0.5;
    if last.rect.bottom < page.top + 0.5 * page.height() {
        return None;
    }
    let least = page.bottom - MOST * page.height();
    // Up from the foot as long as the type is small.
    let mut top = to;
    while top > from && is_small(&rows[top - 1]) && rows[top - 1].rect.top > least {
        top -= 1;
    }
    if let Some(ruled) = (from..to).rev().take(40).find(|&at| is_ruled(context, at, from)) {
        // Under a ruling the first row has a mark, or is small.
        let first = &rows[ruled];
        // What a heading says stands under the last line of a table.
        let is_heading = first.size > 1.02 * sheet.body
            || first.look.bold
            || matches!(context.tag(first), Some((TagRole::Heading | TagRole::Title, ..)));
        if !is_heading
            && (marker(context, first).is_some() && ruled + 12 >= top || top <= ruled)
            && first.rect.top > least
        {
            return Some((ruled, 0.92));
        }
    }
    if top == to {
        return None;
    }
    // What looks like a note to the network alone, is set as large as the text and has no mark, is the last paragraph of a full page.
    let looks_like_one = |at: &usize| {
        let row = &rows[*at];
        seen(row) > 0.7 && (row.size < AS_LARGE * sheet.body || marker(context, row).is_some())
    };
    let sure = (top..to).find(|at| is_tagged(&rows[*at]) || looks_like_one(at));
    let marked = (top..to).find(|&at| marker(context, &rows[at]).is_some());
    let inserted = (top > from && is_inserted(context, top, to)).then_some(top);
    let begin = sure.or(marked).or(inserted)?;
    if rows[begin..to].iter().any(is_tagged) {
        return Some((begin, 1.0));
    }
    // Below a table or figure small type is its notes; set apart from the text, or of other type than the rows above.
    let is_apart = begin == from || {
        let (above, first) = (&rows[begin - 1], &rows[begin]);
        !context.is_same_size(above.size, first.size) || first.rect.top - above.rect.bottom > 0.6 * first.size
    };
    let has_text = begin > from || rows[..from].iter().any(|row| !is_small(row));
    (is_apart && has_text).then_some((begin, if sure.is_some() { 0.9 } else { 0.8 }))
}

/// Whether rows at the foot of a column part a sentence that goes on in the next column: what the publisher says of a paper, who has paid for it,
/// where its authors are; such notes need no mark.
fn is_inserted(context: &Context<'_>, top: usize, to: usize) -> bool {
    let (above, first) = (&context.rows[top - 1], &context.rows[top]);
    context.rows.get(to).is_some_and(|next| {
        !ends_sentence(&above.text)
            && begins_small(&next.text)
            && context.is_same_size(above.size, next.size)
            && !context.is_same_size(above.size, first.size)
            && first.rect.top - above.rect.bottom > 0.6 * first.size
    })
}

fn notes_are_unmarked(context: &Context<'_>, start: usize) -> bool {
    marker(context, &context.rows[start]).is_none()
}

/// Whether a short ruling stands between a row and the one above it.
fn is_ruled(context: &Context<'_>, at: usize, from: usize) -> bool {
    let row = &context.rows[at];
    let top = if at > from { context.rows[at - 1].rect.bottom } else { row.rect.top - 2.0 * row.size };
    let width = context.frame(row).width().max(row.rect.width());
    context.sheet.rulings.iter().any(|ruling| {
        let is_between = ruling.top >= top - 0.3 * row.size && ruling.bottom <= row.rect.top + 0.4 * row.size;
        let is_line = ruling.height() < 0.2 * row.size && ruling.width() > 2.0 * row.size;
        // Those of tables and under headings are as wide as what they belong to.
        let is_at_left = (ruling.left - row.rect.left).abs() < 2.5 * row.size && ruling.width() < 0.75 * width;
        is_between && is_line && is_at_left && row.rect.top - ruling.bottom < 2.5 * row.size
    })
}

const SIGNS: &str = "*\u{2217}\u{2020}\u{2021}\u{a7}\u{b6}\u{2016}#";

/// The mark that a note's row begins with: raised, a sign, or a number before its text.
fn marker(context: &Context<'_>, row: &Row) -> Option<UnitMarker> {
    let index = *row.lines.first()?;
    let line = &context.sheet.lines[index];
    let raised = line.style.and_then(|style| style.runs.iter().find(|run| run.characters.end > 0));
    if let Some(run) = raised.filter(|run| run.shift == VerticalShift::Raised && run.characters.start == 0) {
        let count = run.characters.end as usize;
        let text: String = line.text.chars().take(count).collect();
        let text = text.trim();
        if !text.is_empty()
            && text.chars().count() <= 3
            && text.chars().all(|c| c.is_ascii_alphanumeric() || SIGNS.contains(c))
        {
            return with_skipped(&row.text, text);
        }
    }
    let sign: String = row.text.chars().take_while(|c| SIGNS.contains(*c)).collect();
    if !sign.is_empty() && sign.chars().count() <= 3 {
        return with_skipped(&row.text, &sign);
    }
    let superscript: String = row
        .text
        .chars()
        .take_while(|c| "\u{b9}\u{b2}\u{b3}\u{2070}\u{2074}\u{2075}\u{2076}\u{2077}\u{2078}\u{2079}".contains(*c))
        .collect();
    if !superscript.is_empty() {
        return with_skipped(&row.text, &superscript);
    }
    let digits: String = row.text.chars().take_while(char::is_ascii_digit).collect();
    let mut after = row.text[digits.len()..].chars();
    let next = after.next()?;
    let is_mark = (1..=3).contains(&digits.len()) && !digits.starts_with('0');
    let begins = |c: char| c.is_uppercase() || "\"\u{201c}\u{2018}('".contains(c);
    let is_text = begins(next)
        || (next.is_whitespace() || next == '.' || next == ')')
            && after.find(|c| !c.is_whitespace()).is_some_and(|c| c.is_alphabetic() || begins(c));
    (is_mark && is_text).then(|| with_skipped(&row.text, &digits))?
}

fn with_skipped(text: &str, marker: &str) -> Option<UnitMarker> {
    let rest = text.strip_prefix(marker)?;
    let after = rest.trim_start_matches(|c: char| {
        c.is_whitespace() || c == ')' || (c == '.' && marker.bytes().all(|b| b.is_ascii_digit()))
    });
    let skipped = text[..text.len() - after.len()].chars().count();
    Some(UnitMarker { text: marker.to_owned(), skipped })
}

/// Makes a reference of the mark in a text that leads to a note: a raised one, or, where nothing is known of type, digits after a word.
/// Whether there is one.
pub(super) fn refer(text: &str, marks: &mut Vec<Mark>, note: &str, is_styled: bool) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let says = |mark: &Mark| {
        chars
            .get(mark.start as usize..mark.end as usize)
            .is_some_and(|own| own.iter().collect::<String>().trim_matches([',', ' ']) == note)
    };
    if let Some(mark) = marks.iter_mut().find(|mark| mark.kind == MarkKind::Superscript && says(mark)) {
        mark.kind = MarkKind::NoteReference;
        return true;
    }
    let sought: Vec<char> = note.chars().collect();
    if is_styled && note.bytes().all(|b| b.is_ascii_digit()) || sought.is_empty() {
        return false;
    }
    let found = (1..(chars.len() + 1).saturating_sub(sought.len())).find(|&at| {
        let (before, after) = (chars[at - 1], chars.get(at + sought.len()));
        chars[at..].starts_with(&sought)
            && (before.is_alphabetic()
                || ".,;:!?)\"\u{201d}\u{2019}".contains(before) && at > 1 && chars[at - 2].is_alphabetic())
            && after.is_none_or(|c| c.is_whitespace() || ".,;:)".contains(*c))
    });
    let Some(at) = found else { return false };
    let mark = Mark::new(MarkKind::NoteReference, at as u32..(at + sought.len()) as u32);
    let place = marks.partition_point(|other| {
        (other.start, std::cmp::Reverse(other.end)) <= (mark.start, std::cmp::Reverse(mark.end))
    });
    // Marks never cross.
    if marks.iter().any(|other| {
        other.start < mark.end && mark.start < other.end && !(other.start <= mark.start && mark.end <= other.end)
    }) {
        return false;
    }
    marks.insert(place, mark);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_with_type_and_without() {
        let mut marks = vec![Mark::new(MarkKind::Superscript, 5..6)];
        assert!(refer("tides2 rise", &mut marks, "2", true) || marks[0].kind == MarkKind::Superscript);
        let raised = |start| vec![Mark::new(MarkKind::Superscript, start..start + 1)];
        for (text, marks, note, is_styled, expected) in [
            ("tides2 rise", raised(5), "2", true, Some(5)),
            ("10m2 wide", raised(3), "1", true, None),
            ("the gradient.1 Next", Vec::new(), "1", false, Some(13)),
            ("the gradient* next", Vec::new(), "*", true, Some(12)),
            ("in 1991 there", Vec::new(), "1", false, None),
            ("see 1 there", Vec::new(), "1", false, None),
        ] {
            let mut marks = marks;
            let found = refer(text, &mut marks, note, is_styled);
            let at = marks.iter().find(|mark| mark.kind == MarkKind::NoteReference).map(|mark| mark.start);
            assert_eq!((found, at), (expected.is_some(), expected), "{text}");
        }
    }
}
