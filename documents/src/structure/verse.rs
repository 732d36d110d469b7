//! Lines of verse, which stay lines: each ends before the measure is full and begins anew with a capital, and so the paragraphs' room has made a
//! paragraph of each.

use super::{
    rows::{Row, is_below},
    shapes::{ends_sentence, leaders},
    units::{Context, Unit},
};
use crate::blocks::BlockKind;

/// Two short lines are a name and a date as often as a couplet.
const LEAST: usize = 3;
/// Rows that one line may be broken into.
const MOST_ROWS: usize = 2;
/// The shortest and the longest row, in characters: hexameters have some sixty.
const CHARACTERS: std::ops::RangeInclusive<usize> = 6..=72;

/// Makes one unit of the lines of a stanza.
pub(super) fn join(context: &Context<'_>, units: &mut Vec<Unit>) {
    let mut joined: Vec<Unit> = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let mut end = at;
        while end < units.len()
            && is_line(context, &units[end])
            && (end == at || follows(context, &units[end - 1], &units[end]))
        {
            end += 1;
        }
        let mut unit = units[at].clone();
        if end - at >= LEAST && is_verse(context, &units[at..end]) {
            unit.rows.end = units[end - 1].rows.end;
            unit.keeps_lines = true;
            at = end;
        } else {
            at += 1;
        }
        joined.push(unit);
    }
    *units = joined;
}

fn rows<'a>(context: &Context<'a>, unit: &Unit) -> &'a [Row] {
    &context.rows[unit.rows.clone()]
}

/// Whether a unit may be one line of verse.
fn is_line(context: &Context<'_>, unit: &Unit) -> bool {
    let rows = rows(context, unit);
    let Some(first) = rows.first().filter(|_| rows.len() <= MOST_ROWS && unit.kind == BlockKind::Paragraph) else {
        return false;
    };
    let begins = first.text.trim_start_matches(['"', '\'', '“', '‘', '„', '«', '(', '—', '–', '-', ' ', '’', '…']);
    let is_row = |row: &Row| {
        row.lines.len() == 1
            && CHARACTERS.contains(&row.characters)
            && row.rect.right < context.frame(row).right - 2.0 * row.size
            && leaders(&row.text).is_none()
            && context.tag(row).is_none()
            && !row.look.bold
    };
    begins.starts_with(char::is_uppercase) && rows.iter().all(is_row)
}

/// Whether a line stands under another as lines of one stanza do.
fn follows(context: &Context<'_>, above: &Unit, below: &Unit) -> bool {
    let (above, below) = (rows(context, above), rows(context, below));
    let (Some(first), Some(a), Some(b)) = (above.first(), above.last(), below.first()) else { return false };
    let pitch = b.middle() - a.middle();
    let most = match context.frame(b).pitch {
        usual if usual > 0.0 => (1.2 * usual).min(2.0 * b.size),
        _ => 1.6 * b.size,
    };
    let is_near = (b.rect.left - first.rect.left).abs() < 8.0 * b.size;
    a.frame == b.frame
        && !b.has_object_before
        && is_below(a, b)
        && pitch < most
        && is_near
        && context.is_same_size(a.size, b.size)
        && a.look.italic == b.look.italic
}

/// Whether lines make a stanza: words, of which sentences run on over some line ends; no form, and no list of names and numbers.
fn is_verse(context: &Context<'_>, lines: &[Unit]) -> bool {
    let all = || lines.iter().flat_map(|unit| rows(context, unit));
    let (mut letters, mut digits, mut words) = (0, 0, 0);
    for c in all().flat_map(|row| row.text.chars()) {
        letters += usize::from(c.is_alphabetic());
        digits += usize::from(c.is_numeric());
    }
    for row in all() {
        words += row.text.split_whitespace().count();
    }
    let of_last = |test: &dyn Fn(&str) -> bool| {
        lines.iter().filter(|unit| rows(context, unit).last().is_some_and(|row| test(&row.text))).count()
    };
    let (ended, introduced) = (of_last(&ends_sentence), of_last(&|text| text.trim_end().ends_with(':')));
    digits * 20 <= letters && words >= 3 * lines.len() && ended * 3 <= 2 * lines.len() && introduced * 4 <= lines.len()
}
