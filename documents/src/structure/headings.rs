//! Titles and headings, and their levels on a page: by what the file says, by type, numbers, spaces and shape.

use super::{
    rows::{Row, is_below},
    shapes::{begins_small, ends_sentence, is_known_heading, masked, numbering},
    units::{Context, Unit},
};
use crate::blocks::BlockKind;
use crate::hints::TagRole;

/// Characters and rows of a heading at most.
const MOST_CHARACTERS: usize = 220;
const MOST_ROWS: usize = 5;
/// Points from which on a block is taken for a heading.
const ENOUGH: f32 = 2.4;
/// Share of the layout network's votes from which on a title is one.
const SURELY: f32 = 0.75;
/// A centred title is no further from the page's middle, as a part of its width.
const MIDDLE: f32 = 0.04;
/// Headings of pixels whose sizes are apart by no more are of one size.
const ONE_SIZE: f32 = 1.08;

/// Makes headings and titles of the units of text that are some.
pub(super) fn set(context: &Context<'_>, units: &mut [Unit]) {
    let found: Vec<Option<(BlockKind, Option<f32>)>> = (0..units.len()).map(|at| look_at(context, units, at)).collect();
    for (unit, found) in units.iter_mut().zip(&found) {
        if let Some((kind, confidence)) = *found {
            (unit.kind, unit.confidence) = (kind, confidence);
            if unit.marker.is_some() {
                unit.marker = None;
            }
        }
    }
    title(context, units);
    levels(context, units);
}

fn look_at(context: &Context<'_>, units: &[Unit], at: usize) -> Option<(BlockKind, Option<f32>)> {
    let unit = &units[at];
    let rows = &context.rows[unit.rows.clone()];
    match context.tag(&rows[0]) {
        Some((TagRole::Title, ..)) => return Some((BlockKind::Title, None)),
        Some((TagRole::Heading, ..)) => return Some((BlockKind::Heading, None)),
        _ => {}
    }
    if !matches!(unit.kind, BlockKind::Paragraph) {
        return None;
    }
    let points = points(context, units, at)?;
    // A file that tags headings has none besides.
    let is_tagged = matches!(context.tag(&rows[0]), Some((TagRole::Paragraph, ..)));
    let tags_headings = is_tagged && context.sheet.lines.iter().any(|line| line.has_role(TagRole::Heading));
    let enough = if tags_headings { ENOUGH + 3.0 } else { ENOUGH };
    (points >= enough).then(|| (BlockKind::Heading, Some((0.5 + 0.1 * (points - enough)).clamp(0.5, 0.97))))
}

/// What speaks for a heading; `None` where it can be none.
fn points(context: &Context<'_>, units: &[Unit], at: usize) -> Option<f32> {
    let sheet = context.sheet;
    let rows = &context.rows[units[at].rows.clone()];
    let (first, last) = (rows.first()?, rows.last()?);
    let text = if rows.len() == 1 {
        first.text.clone()
    } else {
        rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join(" ")
    };
    let characters: usize = rows.iter().map(|row| row.characters).sum();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if rows.len() > MOST_ROWS || characters > MOST_CHARACTERS || letters < 2 || letters * 5 < characters * 2 {
        return None;
    }
    let frame = context.frame(first);
    let size = rows.iter().map(|row| row.size).fold(0.0, f32::max) / sheet.body;
    let all = |look: fn(&Row) -> bool| rows.iter().all(look);
    let mut points = 0.0;
    points += match (sheet.is_styled, size) {
        (true, 1.17..) => 2.6,
        (true, 1.07..) => 1.8,
        (true, ..0.95) => -0.6,
        (true, _) => 0.0,
        (false, ..0.8) => -0.6,
        // Sizes of boxes are rough: what is a little larger says a little.
        (false, _) => (6.2 * (size - 1.05)).clamp(0.0, 2.4),
    };
    let body_is_bold = sheet.lines.iter().filter(|line| line.look.bold).map(|line| line.characters).sum::<usize>() * 2
        > sheet.lines.iter().map(|line| line.characters).sum::<usize>();
    if sheet.is_styled && all(|row| row.look.bold) && !body_is_bold {
        points += 2.0;
    }
    if !sheet.is_styled {
        // Cells of a table that was not found.
        points -= if rows.iter().any(|row| row.lines.len() >= 3) { 2.0 } else { 0.0 };
        points += 2.0 * ((weight(context, rows) - 1.08) / 0.17).clamp(0.0, 1.0);
    }
    let is_capital = all(|row| row.look.capitals) && letters >= 4;
    if is_capital || all(|row| row.look.small_capitals) {
        points += 1.2;
    } else if all(|row| row.look.italic) {
        points += 0.7;
    }
    if let Some(numbering) = numbering(&text) {
        points += if numbering.is_certain { 1.8 } else { 1.2 };
    }
    if is_known_heading(&text) {
        points += 2.0;
    }
    let (before, after) = spaces(context, units, at);
    let usual = if frame.pitch > 0.0 { frame.pitch } else { 1.3 * sheet.body };
    let is_apart = before.is_none_or(|before| before > 1.25 * usual);
    if is_apart {
        points += 0.7;
    }
    // What follows it, is nearer than what stands before it.
    match (before, after) {
        (Some(before), Some(after)) if before > 1.12 * after => points += 0.6,
        // It is no heading of anything.
        (_, None) if size < 1.17 => points -= 0.8,
        _ => {}
    }
    if context.is_centered(first) {
        points += 0.5;
    }
    let is_short = rows.len() == 1 && first.rect.width() < 0.8 * frame.width()
        || rows.len() > 1 && last.rect.width() < 0.9 * frame.width();
    points += if is_short {
        0.3
    } else if size < 1.17 {
        -0.6
    } else {
        0.0
    };
    if begins_small(&text) {
        points -= 1.5;
    }
    if ends_sentence(&text) || text.ends_with([',', ';', '-']) {
        points -= if text.ends_with(':') { 1.0 } else { 1.6 };
    }
    points -= 0.5 * rows.len().saturating_sub(2) as f32;
    if text.contains('@') || text.contains("http") {
        points -= 2.0;
    }
    let lines = || rows.iter().flat_map(|row| &row.lines).map(|&index| &sheet.lines[index]);
    let seen = |kind: BlockKind| lines().map(|line| line.seen(kind)).fold(1.0, f32::min);
    points += 2.6 * seen(BlockKind::Heading).max(seen(BlockKind::Title));
    points -= 1.6 * seen(BlockKind::Paragraph).max(seen(BlockKind::ListItem));
    if !sheet.is_styled {
        points += shape_alone(context, units, at, &text);
    }
    if is_in_outline(context, &text) {
        points += 4.0;
    }
    // Names of authors, addresses: centred, in body type, one below the other, have nothing of it but their place.
    Some(points)
}

/// How bold rows of pixels are, as a multiple of the page's text.
fn weight(context: &Context<'_>, rows: &[Row]) -> f32 {
    let lines = || rows.iter().flat_map(|row| &row.lines).map(|&index| &context.sheet.lines[index]);
    let sum: f32 = lines().map(|line| line.weight * line.characters as f32).sum();
    sum / lines().map(|line| line.characters).sum::<usize>().max(1) as f32
}

/// What the shape of a text says where nothing is known of type: a line of a few words without an end stands over a paragraph.
fn shape_alone(context: &Context<'_>, units: &[Unit], at: usize, text: &str) -> f32 {
    let unit = &units[at];
    let words = text.split_whitespace().count();
    let is_phrase = (1..=14).contains(&words)
        && text.starts_with(|c: char| c.is_uppercase() || c.is_numeric())
        && !ends_sentence(text)
        && !text.ends_with([',', ';', '-']);
    if !is_phrase || unit.rows.len() > 2 {
        return 0.0;
    }
    let is_long = |unit: &Unit| unit.rows.len() >= 2 && unit.kind == BlockKind::Paragraph;
    let is_short = |unit: &Unit| {
        unit.rows.len() == 1 && unit.kind == BlockKind::Paragraph && !ends_sentence(&context.rows[unit.rows.start].text)
    };
    let beside = |other: Option<usize>| other.and_then(|other| units.get(other));
    let (before, after) = (beside(at.checked_sub(1)), beside(Some(at + 1)));
    let mut points = 0.5;
    if after.is_some_and(is_long) {
        points += 0.5;
    }
    // Lists, addresses, and cells of tables that were not found.
    if before.is_some_and(is_short) && after.is_some_and(is_short) {
        points -= 0.9;
    }
    points
}

/// Spaces from the rows before and after, middle to middle; of rows in the same column only.
fn spaces(context: &Context<'_>, units: &[Unit], at: usize) -> (Option<f32>, Option<f32>) {
    let own = &units[at].rows;
    let (first, last) = (&context.rows[own.start], &context.rows[own.end - 1]);
    let distance = |above: &Row, below: &Row| below.rect.top - above.rect.bottom + (above.size + below.size) / 2.0;
    let before = own
        .start
        .checked_sub(1)
        .map(|before| &context.rows[before])
        .filter(|before| is_below(before, first) && !first.has_object_before);
    let after = context.rows.get(own.end).filter(|after| is_below(last, after));
    (before.map(|before| distance(before, first)), after.map(|after| distance(last, after)))
}

fn is_in_outline(context: &Context<'_>, text: &str) -> bool {
    outline_level(context, text).is_some()
}

fn outline_level(context: &Context<'_>, text: &str) -> Option<u8> {
    let outline = &context.sheet.hints.outline;
    if outline.is_empty() {
        return None;
    }
    let letters = |text: &str| masked(text).chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let own = letters(text);
    let is_it = |title: &str| {
        let title = letters(title);
        title == own || (title.len() >= 8 && own.ends_with(&title) && own.len() < title.len() + 12)
    };
    outline.iter().find(|entry| !own.is_empty() && is_it(&entry.title)).map(|entry| entry.level)
}

/// The title of the document is the largest heading at the head of a page, of much larger type than the text, and the only one of its size; or
/// one that is hardly smaller, where the layout network sees a title.
fn title(context: &Context<'_>, units: &mut [Unit]) {
    if units.iter().any(|unit| unit.kind == BlockKind::Title) {
        return;
    }
    let sheet = context.sheet;
    let size = |unit: &Unit| context.rows[unit.rows.clone()].iter().map(|row| row.size).fold(0.0, f32::max);
    let seen = |unit: &Unit| {
        let lines = context.rows[unit.rows.clone()].iter().flat_map(|row| &row.lines);
        lines.map(|&index| sheet.lines[index].seen(BlockKind::Title)).fold(1.0, f32::min)
    };
    let headings = || units.iter().enumerate().filter(|(_, unit)| unit.kind == BlockKind::Heading);
    // As large as a title that is seen weighs.
    let rank = |unit: &Unit| size(unit) * (1.0 + 0.25 * seen(unit));
    let Some((at, unit)) = headings().max_by(|a, b| rank(a.1).total_cmp(&rank(b.1)).then(b.0.cmp(&a.0))) else {
        return;
    };
    let largest = size(unit);
    let others = headings().filter(|(other, _)| *other != at).map(|(_, unit)| size(unit)).fold(0.0, f32::max);
    let row = &context.rows[unit.rows.start];
    let is_at_head = row.rect.top < sheet.bounds.top + 0.45 * sheet.bounds.height();
    // Nothing but short lines stand before it.
    let before: usize = context.rows[..unit.rows.start].iter().map(|row| row.characters).sum();
    let is_in_middle = (row.rect.center().x - sheet.bounds.center().x).abs() < MIDDLE * sheet.bounds.width();
    let (least, apart) = match (sheet.is_styled, seen(unit)) {
        (true, _) => (1.38, 1.02),
        (false, SURELY..) => (1.25, 0.95),
        // The first there is, in the middle of the page.
        (false, _) if before == 0 && is_in_middle => (1.2, 1.05),
        (false, _) => (1.6, 1.2),
    };
    let is_one = largest > least * sheet.body && largest > apart * others && before < 240;
    let is_numbered = numbering(&row.text).is_some();
    if is_at_head && is_one && !is_numbered {
        let confidence = unit.confidence.map(|confidence| confidence * 0.9);
        units[at].kind = BlockKind::Title;
        units[at].confidence = confidence;
    }
}

/// How headings are set: those that are set alike have one level.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Class {
    size: f32,
    capitals: bool,
    bold: bool,
    small: bool,
    italic: bool,
}

/// The sizes of headings, by unit. Of pixels those that are nearly the same are made the same: what is measured of one is rough.
fn sizes(context: &Context<'_>, units: &[Unit]) -> Vec<f32> {
    let is_heading = |unit: &Unit| unit.kind == BlockKind::Heading;
    if context.sheet.is_styled {
        return units.iter().map(|unit| context.rows[unit.rows.start].size).collect();
    }
    let mean = |unit: &Unit| {
        let rows = &context.rows[unit.rows.clone()];
        let characters = |row: &Row| row.characters.max(1) as f32;
        rows.iter().map(|row| row.size * characters(row)).sum::<f32>() / rows.iter().map(characters).sum::<f32>()
    };
    let mut sizes: Vec<f32> = units.iter().map(mean).collect();
    let mut order: Vec<usize> = (0..units.len()).filter(|&at| is_heading(&units[at])).collect();
    order.sort_by(|&a, &b| sizes[a].total_cmp(&sizes[b]));
    let mut from = 0;
    for to in 1..=order.len() {
        if to == order.len() || sizes[order[to]] > ONE_SIZE * sizes[order[to - 1]] {
            let sum: f32 = order[from..to].iter().map(|&at| sizes[at]).sum();
            let size = sum / (to - from) as f32;
            order[from..to].iter().for_each(|&at| sizes[at] = size);
            from = to;
        }
    }
    sizes
}

fn is_one_size(context: &Context<'_>, a: f32, b: f32) -> bool {
    if context.sheet.is_styled { context.is_same_size(a, b) } else { a == b }
}

fn levels(context: &Context<'_>, units: &mut [Unit]) {
    let sizes = sizes(context, units);
    let mut classes: Vec<Class> = Vec::new();
    let mut of: Vec<(usize, usize, Option<u8>)> = Vec::new();
    for (at, unit) in units.iter().enumerate().filter(|(_, unit)| unit.kind == BlockKind::Heading) {
        let row = &context.rows[unit.rows.start];
        let class = Class {
            size: sizes[at],
            capitals: row.look.capitals,
            bold: row.look.bold && context.sheet.is_styled,
            small: row.look.small_capitals,
            italic: row.look.italic,
        };
        let is_same = |other: &Class| {
            is_one_size(context, other.size, class.size)
                && (other.capitals, other.bold, other.small, other.italic)
                    == (class.capitals, class.bold, class.small, class.italic)
        };
        let known = classes.iter().position(is_same);
        let number = known.unwrap_or_else(|| {
            classes.push(class);
            classes.len() - 1
        });
        let text = &row.text;
        let tagged = context
            .tag(row)
            .filter(|(role, ..)| *role == TagRole::Heading)
            .map(|(_, _, level)| level)
            .filter(|level| *level > 0);
        let depth = numbering(text)
            .filter(|numbering| {
                numbering.depth > 1 || numbering.is_certain || text.starts_with(|c: char| c.is_ascii_digit())
            })
            .map(|numbering| numbering.depth);
        of.push((at, number, tagged.or_else(|| outline_level(context, text)).or(depth)));
    }
    let mut order: Vec<usize> = (0..classes.len()).collect();
    let weight = |class: &Class| {
        f32::from(u8::from(class.capitals)) * 3.0
            + f32::from(u8::from(class.bold)) * 2.0
            + f32::from(u8::from(class.small))
            - f32::from(u8::from(class.italic)) * 0.5
    };
    order.sort_by(|&a, &b| {
        let (a, b) = (&classes[a], &classes[b]);
        let size =
            if is_one_size(context, a.size, b.size) { std::cmp::Ordering::Equal } else { b.size.total_cmp(&a.size) };
        size.then(weight(b).total_cmp(&weight(a)))
    });
    // A level that is known of one heading of a class holds for all.
    let mut level_of: Vec<Option<u8>> = vec![None; classes.len()];
    for &(_, class, known) in &of {
        level_of[class] = level_of[class].or(known);
    }
    let mut above = 0;
    for &class in &order {
        let level = level_of[class].unwrap_or(above + 1);
        above = level.max(above);
        level_of[class] = Some(level);
    }
    for (at, class, known) in of {
        units[at].level = Some(known.or(level_of[class]).unwrap_or(1).clamp(1, 6));
    }
}
