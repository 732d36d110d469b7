//! Kinds of blocks that their type tells: code and formulas; and what the file or the layout network calls a block.

use super::{
    program_text::is_program,
    rows::Row,
    shapes::{caption_label, closing_number, numbering},
    units::{Context, Unit, UnitMarker},
};
use crate::blocks::BlockKind;
use crate::hints::TagRole;

pub(super) fn set(context: &Context<'_>, units: &mut Vec<Unit>) {
    let sheet = context.sheet;
    for unit in units.iter_mut() {
        let rows = &context.rows[unit.rows.clone()];
        let seen = |kind: BlockKind| {
            let lines = rows.iter().flat_map(|row| &row.lines).map(|&index| sheet.lines[index].seen(kind));
            let (sum, count) = lines.fold((0.0, 0), |(sum, count), seen| (sum + seen, count + 1));
            sum / count.max(1) as f32
        };
        let tag = context.tag(&rows[0]).map(|(role, ..)| role);
        let is_monospace = rows.iter().all(|row| row.look.monospace);
        let (kind, confidence) = match tag {
            Some(TagRole::Code) => (BlockKind::Code, None),
            Some(TagRole::Caption) => (BlockKind::Caption, None),
            Some(TagRole::Formula) if rows.len() < 12 => (BlockKind::Formula, None),
            // In a file that is tagged, program text is a paragraph in such type.
            _ if is_monospace && !sheet.is_typewritten && (rows.len() > 1 || is_set_apart(context, unit)) => {
                (BlockKind::Code, Some(0.9))
            }
            _ if seen(BlockKind::Code) > 0.6 => (BlockKind::Code, Some(seen(BlockKind::Code))),
            _ if unit.kind == BlockKind::ListItem => continue,
            _ if sheet.is_read && !sheet.is_styled && is_listing(context, rows) => (BlockKind::Code, Some(0.7)),
            _ if is_read_formula(context, rows) => (BlockKind::Formula, Some(0.95)),
            _ if !has_formulas(context, rows) && is_formula(context, rows) => (BlockKind::Formula, Some(0.8)),
            _ if seen(BlockKind::Formula) > 0.6 => (BlockKind::Formula, Some(seen(BlockKind::Formula))),
            _ if seen(BlockKind::Caption) > 0.6 && !is_named_heading(rows) => {
                (BlockKind::Caption, Some(seen(BlockKind::Caption)))
            }
            _ if seen(BlockKind::MarginalNote) > 0.6 => (BlockKind::MarginalNote, Some(seen(BlockKind::MarginalNote))),
            _ => continue,
        };
        (unit.kind, unit.confidence, unit.level, unit.marker) = (kind, confidence, None, None);
        if kind == BlockKind::Formula {
            unit.marker = equation_number(context, rows);
        }
    }
    join_code(context, units);
}

/// Whether rows of pixels are program text by what they say.
fn is_listing(context: &Context<'_>, rows: &[Row]) -> bool {
    // A single sign-laden row of mathematics is a formula.
    (rows.len() > 1 || !is_formula(context, rows)) && is_program(rows.iter().map(|row| row.text.as_str()))
}

/// Whether a row has a section's number, or is bold, and no caption's label: it is a heading, though it stands under a table.
fn is_named_heading(rows: &[Row]) -> bool {
    let [row] = rows else { return false };
    let has_number = numbering(&row.text).is_some_and(|numbering| numbering.is_certain);
    (has_number || row.look.bold) && caption_label(&row.text).is_none() && !super::shapes::ends_sentence(&row.text)
}

/// A single row of code is a block where it fills no line of text.
fn is_set_apart(context: &Context<'_>, unit: &Unit) -> bool {
    let row = &context.rows[unit.rows.start];
    let frame = context.frame(row);
    // Addresses under a title are set in such type, and are no code.
    if context.is_centered(row) && ["@", "://", "www."].iter().any(|mark| row.text.contains(mark)) {
        return false;
    }
    row.rect.right < frame.right - 2.0 * row.size || row.rect.left > frame.left + row.size
}

/// Blank lines part no program.
fn join_code(context: &Context<'_>, units: &mut Vec<Unit>) {
    let mut joined: Vec<Unit> = Vec::with_capacity(units.len());
    for unit in units.drain(..) {
        match joined.last_mut() {
            Some(before)
                if before.kind == BlockKind::Code
                    && unit.kind == BlockKind::Code
                    && goes_on(context, before, &unit) =>
            {
                before.rows.end = unit.rows.end;
            }
            _ => joined.push(unit),
        }
    }
    *units = joined;
}

fn goes_on(context: &Context<'_>, before: &Unit, unit: &Unit) -> bool {
    let (a, b) = (&context.rows[before.rows.end - 1], &context.rows[unit.rows.start]);
    let distance = b.middle() - a.middle();
    let is_same = match (context.tag(a), context.tag(b)) {
        (Some((TagRole::Code, one, _)), Some((TagRole::Code, other, _))) => one == other,
        _ => distance < 3.2 * a.size,
    };
    !b.has_object_before && a.frame == b.frame && distance > 0.0 && is_same && context.is_same_size(a.size, b.size)
}

/// Whether rows are a displayed formula: of mathematical type or signs, few words, and set in from both sides.
fn is_formula(context: &Context<'_>, rows: &[Row]) -> bool {
    if rows.len() > 8 {
        return false;
    }
    let (mut words, mut signs, mut mathematical, mut all) = (0, 0, 0, 0);
    for row in rows {
        all += row.characters;
        if row.look.mathematics {
            mathematical += row.characters;
        }
        words +=
            row.text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 4).count();
        signs += row.text.chars().filter(|c| "=+<>\u{2264}\u{2265}\u{2211}\u{222b}\u{220f}\u{221a}\u{2202}\u{2208}\u{2192}\u{2248}\u{2260}\u{221e}\u{00b1}\u{00d7}\u{2212}\u{2207}".contains(*c)).count();
    }
    let is_in = rows.iter().all(|row| row.rect.left > context.frame(row).left + row.size);
    let is_mathematical = mathematical * 2 > all || (signs >= 1 && signs * 14 >= all);
    is_in && is_mathematical && words * 12 <= all && signs >= 1 && all >= 3
}

fn has_formulas(context: &Context<'_>, rows: &[Row]) -> bool {
    rows.iter().flat_map(|row| &row.lines).any(|&line| !context.sheet.formulas.in_line(line).is_empty())
}

/// Whether rows are nothing but formulas that were read, and their number, and set in.
fn is_read_formula(context: &Context<'_>, rows: &[Row]) -> bool {
    let sheet = context.sheet;
    rows.len() <= 16
        && rows.iter().all(|row| {
            let number =
                equation_number(context, std::slice::from_ref(row)).map_or(0, |marker| marker.text.chars().count());
            let all = row.characters.saturating_sub(number).max(1) as f32;
            let own =
                sheet.formulas.share(&row.lines, |line| sheet.page.lines[line].text.as_str()) * row.characters as f32;
            own > 0.8 * all && row.rect.left > context.frame(row).left + row.size
        })
}

/// `(12)` at the end of the row.
fn equation_number(context: &Context<'_>, rows: &[Row]) -> Option<UnitMarker> {
    let row = rows.iter().find(|row| row.text.ends_with(')'))?;
    let number = closing_number(&row.text)?;
    let is_at_edge = row.rect.right > context.frame(row).right - 2.0 * row.size;
    is_at_edge.then(|| UnitMarker { text: number.to_owned(), skipped: 0 })
}
