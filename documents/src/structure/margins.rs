//! What stands in the margin beside the text: notes in small type, and the pieces that OCR makes of a line that runs up the page.

use super::{
    rows::{self, Frame, Row, overlap},
    shapes::caption_label,
    sheet::{Line, Sheet},
    units::Unit,
};
use crate::{blocks::BlockKind, geometry::Rect, hints::TagRole};

/// Characters of body text from which on a page has margins.
const LEAST_TEXT: usize = 300;
/// Of the text's characters the part that may stand beyond its edges.
const BEYOND: f32 = 0.03;
/// Lines of body text are as long as this at least.
const LEAST_LINE: usize = 12;
/// Parts of the page's and of the text's width that a note has at most.
const OF_PAGE: f32 = 0.3;
const OF_TEXT: f32 = 0.5;
/// Characters beside the text at most, as a part of the text's.
const MOST_BESIDE: f32 = 0.5;
/// Sizes of notes, as parts of the text's; boxes of OCR are rough.
const STYLED_SIZE: f32 = 0.95;
const READ_SIZE: f32 = 0.93;
/// Pieces of a line that runs up the page, at least.
const LEAST_PIECES: usize = 3;

/// A note, or what else stands in the margin.
#[derive(Debug)]
pub(super) struct InMargin {
    /// Indices of the page's lines, downwards.
    pub(super) lines: Vec<usize>,
    pub(super) kind: BlockKind,
    pub(super) confidence: f32,
}

/// What stands in the margins; `is_free` says of each line whether nothing has claimed it.
pub(super) fn find(sheet: &Sheet<'_>, is_free: &[bool]) -> Vec<InMargin> {
    let Some(text) = text_of(sheet, is_free) else { return Vec::new() };
    let mut found = Vec::new();
    for is_left in [true, false] {
        let beyond = 0.3 * sheet.body;
        let mut lines: Vec<usize> = (0..sheet.lines.len())
            .filter(|&index| {
                let line = &sheet.lines[index];
                let is_beyond =
                    if is_left { line.rect.right < text.left - beyond } else { line.rect.left > text.right + beyond };
                is_free[index] && is_beyond && may_be_note(line)
            })
            .collect();
        lines.sort_by(|&a, &b| sheet.lines[a].rect.top.total_cmp(&sheet.lines[b].rect.top));
        let characters: usize = lines.iter().map(|&index| sheet.lines[index].characters).sum();
        if characters as f32 > MOST_BESIDE * text.characters as f32 {
            continue;
        }
        let lines = pieces(sheet, lines, &mut found);
        found.extend(groups(sheet, lines).into_iter().filter_map(|group| note(sheet, &text, group)));
    }
    found
}

/// Rows of notes in the margin behind all others, so that these part no text, and the units that they are.
pub(super) fn set(sheet: &Sheet<'_>, found: &[InMargin], rows: &mut Vec<Row>, frames: &mut Vec<Frame>) -> Vec<Unit> {
    let mut units = Vec::new();
    for note in found.iter().filter(|note| note.kind == BlockKind::MarginalNote) {
        let flow: Vec<Option<usize>> = note.lines.iter().map(|&index| Some(index)).collect();
        let mut own = rows::rows(sheet, &flow);
        let of_note = rows::frames(sheet, &mut own);
        own.iter_mut().for_each(|row| row.frame += frames.len());
        frames.extend(of_note);
        let mut unit = Unit::new(rows.len()..rows.len() + own.len(), BlockKind::MarginalNote);
        unit.confidence = Some(note.confidence);
        rows.extend(own);
        units.push(unit);
    }
    units
}

/// The page's body text: how far it reaches to both sides, and how much it is.
struct Text {
    left: f32,
    right: f32,
    characters: usize,
    rects: Vec<Rect>,
}

fn text_of(sheet: &Sheet<'_>, is_free: &[bool]) -> Option<Text> {
    let same = if sheet.is_styled { 0.05 } else { 0.13 };
    let body: Vec<&Line<'_>> = sheet
        .lines
        .iter()
        .zip(is_free)
        .filter(|(line, is_free)| {
            **is_free && line.characters >= LEAST_LINE && (line.size / sheet.body - 1.0).abs() < same
        })
        .map(|(line, _)| line)
        .collect();
    let characters: usize = body.iter().map(|line| line.characters).sum();
    if characters < LEAST_TEXT {
        return None;
    }
    let edge = |of: fn(&Rect) -> f32, is_falling: bool| {
        let mut edges: Vec<(f32, usize)> = body.iter().map(|line| (of(&line.rect), line.characters)).collect();
        edges.sort_by(|a, b| if is_falling { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
        let mut passed = 0;
        let found = edges.iter().find(|(_, characters)| {
            passed += characters;
            passed as f32 > BEYOND * characters_of(&body)
        });
        found.map(|(edge, _)| *edge)
    };
    let (left, right) = (edge(|rect| rect.left, false)?, edge(|rect| rect.right, true)?);
    Some(Text { left, right, characters, rects: body.iter().map(|line| line.rect).collect() })
}

fn characters_of(lines: &[&Line<'_>]) -> f32 {
    lines.iter().map(|line| line.characters).sum::<usize>() as f32
}

/// The file's own word on it stands.
fn may_be_note(line: &Line<'_>) -> bool {
    line.is_level && line.tag.is_none_or(|tag| matches!(tag.role, TagRole::Other | TagRole::Paragraph | TagRole::Note))
}

/// Takes out boxes as wide as high that stand one above the other: letters of a line that runs up or down, which nobody can read so.
fn pieces(sheet: &Sheet<'_>, lines: Vec<usize>, found: &mut Vec<InMargin>) -> Vec<usize> {
    let is_piece = |index: usize| {
        let line = &sheet.lines[index];
        sheet.is_read && line.characters <= 3 && line.rect.width() < 2.2 * line.rect.height()
    };
    let (pieces, rest): (Vec<usize>, Vec<usize>) = lines.into_iter().partition(|&index| is_piece(index));
    // Numbers beside lines are read as they stand.
    let is_number = |index: &usize| sheet.lines[*index].text.chars().all(|c| c.is_ascii_digit());
    let are_numbers = pieces.iter().filter(|index| is_number(index)).count() * 2 > pieces.len();
    let is_lined_up = pieces.windows(2).all(|pair| {
        let [a, b] = [pair[0], pair[1]].map(|index| sheet.lines[index].rect);
        overlap(a.left, a.right, b.left, b.right) > 0.3
    });
    if pieces.len() >= LEAST_PIECES && is_lined_up && !are_numbers {
        found.push(InMargin { lines: pieces, kind: BlockKind::Stamp, confidence: 0.6 });
    }
    rest
}

/// Lines that stand one below the other, close by.
fn groups(sheet: &Sheet<'_>, lines: Vec<usize>) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Rect, Vec<usize>)> = Vec::new();
    for index in lines {
        let line = &sheet.lines[index];
        let goes_on = |(rect, _): &&mut (Rect, Vec<usize>)| {
            line.rect.top - rect.bottom < 0.9 * line.size
                && (overlap(rect.left, rect.right, line.rect.left, line.rect.right) > 0.0
                    || overlap(rect.top, rect.bottom, line.rect.top, line.rect.bottom) > 0.5)
        };
        match groups.iter_mut().rev().find(goes_on) {
            Some((rect, group)) => {
                *rect = rect.union(&line.rect);
                group.push(index);
            }
            None => groups.push((line.rect, vec![index])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn note(sheet: &Sheet<'_>, text: &Text, lines: Vec<usize>) -> Option<InMargin> {
    let of = || lines.iter().map(|&index| &sheet.lines[index]);
    let rect = of().map(|line| line.rect).reduce(|a, b| a.union(&b))?;
    let characters = of().map(|line| line.characters).sum::<usize>().max(1) as f32;
    let mean =
        |value: fn(&Line<'_>) -> f32| of().map(|line| value(line) * line.characters as f32).sum::<f32>() / characters;
    let letters = of().flat_map(|line| line.text.chars()).filter(|c| c.is_alphabetic()).count();
    let width = text.right - text.left;
    let is_narrow = rect.width() < OF_PAGE * sheet.bounds.width() && rect.width() < OF_TEXT * width;
    let is_beside = text.rects.iter().any(|line| overlap(line.top, line.bottom, rect.top, rect.bottom) > 0.4);
    let is_caption = sheet.lines[lines[0]].text.len() > 1 && caption_label(sheet.lines[lines[0]].text).is_some();
    if letters < 3 || letters as f32 * 2.0 < characters || !is_narrow || !is_beside || is_caption {
        return None;
    }
    let seen = mean(|line| line.seen(BlockKind::MarginalNote));
    let most = if sheet.is_styled { STYLED_SIZE } else { READ_SIZE };
    let is_small = mean(|line| line.size) < most * sheet.body;
    if !is_small && seen <= 0.5 {
        return None;
    }
    let confidence = if is_small { 0.75 + 0.2 * seen } else { seen };
    Some(InMargin { lines, kind: BlockKind::MarginalNote, confidence })
}
