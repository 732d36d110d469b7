//! Words of a page as they matter for tables: where they stand, which line they are of, whether they are bold; and rows of them.

use std::ops::Range;

use crate::{geometry::Rect, record::TextLine, structure::Hints};

/// A word. It is as high as its line, so that raised figures stand in the row of what they are raised from.
#[derive(Clone, Debug)]
pub(super) struct Atom<'a> {
    pub(super) text: &'a str,
    pub(super) rect: Rect,
    /// Index of its line.
    pub(super) line: usize,
    /// Where it begins in its line's text, in characters; `None` where that is not known.
    pub(super) offset: Option<u32>,
    pub(super) is_bold: bool,
    pub(super) is_monospace: bool,
}

/// Words of a row that stand no further apart than words do.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) left: f32,
    pub(super) right: f32,
    /// Within the row's atoms.
    pub(super) atoms: Range<usize>,
}

/// What stands in one row of text.
#[derive(Clone, Debug)]
pub(super) struct TextRow {
    pub(super) top: f32,
    pub(super) bottom: f32,
    /// Indices of atoms, from left to right.
    pub(super) atoms: Vec<usize>,
}

impl TextRow {
    pub(super) fn middle(&self) -> f32 {
        (self.top + self.bottom) / 2.0
    }
}

/// The words of all lines that may stand in a table, run to the right, and lie somewhere.
pub(super) fn atoms_of<'a>(lines: &'a [TextLine], is_free: &[bool], hints: &Hints) -> Vec<Atom<'a>> {
    let mut atoms = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let bounds = line.polygon.bounds();
        let [a, b, ..] = line.polygon.0;
        let is_level = b.x - a.x >= (b.y - a.y).abs();
        let sides = [bounds.left, bounds.top, bounds.right, bounds.bottom];
        let is_placed = sides.iter().all(|v| v.is_finite() && v.abs() < 1e6) && bounds.height() > 0.0;
        if !is_free.get(index).copied().unwrap_or(true) || !is_level || !is_placed {
            continue;
        }
        let style = hints.styles.get(index);
        let face_at = |at: usize| {
            let at = at as u32;
            style.and_then(|style| style.runs.iter().find(|run| run.characters.contains(&at))).map(|run| &run.face)
        };
        let mut add = |text: &'a str, at: usize, left: f32, right: f32| {
            let (left, right) = (left.max(bounds.left), right.min(bounds.right));
            if left.is_finite() && right >= left && !text.trim().is_empty() {
                let face = face_at(at);
                atoms.push(Atom {
                    text: text.trim(),
                    rect: Rect { left, right, ..bounds },
                    line: index,
                    offset: Some(at as u32),
                    is_bold: face.is_some_and(|face| face.bold),
                    is_monospace: face.is_some_and(|face| face.monospace),
                });
            }
        };
        if line.words.is_empty() {
            let total = line.text.chars().count().max(1) as f32;
            let mut at = 0;
            for piece in line.text.split_inclusive(char::is_whitespace) {
                let (letters, all) = (piece.trim_end().chars().count(), piece.chars().count());
                let place = |share: usize| bounds.left + bounds.width() * share as f32 / total;
                add(piece, at, place(at), place(at + letters));
                at += all;
            }
            continue;
        }
        let (mut rest, mut at) = (line.text.as_str(), 0);
        for word in &line.words {
            if let Some(found) = find(rest, &word.text) {
                at += rest[..found].chars().count();
                rest = &rest[found..];
            }
            let own = word.polygon.bounds();
            add(&word.text, at, own.left, own.right);
        }
    }
    atoms
}

/// As [`str::find`], which prepares for long texts; this one is for words, in lines where they come soon.
fn find(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some(first) = word.first() else { return Some(0) };
    let last = text.len().checked_sub(word.len())?;
    (0..=last).find(|&at| text[at] == *first && text[at..].starts_with(word))
}

/// The median of the atoms' heights, as a measure of the size of type; 0 where there are none.
pub(super) fn height_of(atoms: &[Atom<'_>]) -> f32 {
    median(atoms.iter().map(|atom| atom.rect.height()).collect())
}

pub(super) fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Rows of the atoms named, downwards.
pub(super) fn text_rows(atoms: &[Atom<'_>], mut members: Vec<usize>) -> Vec<TextRow> {
    let middle = |i: usize| atoms[i].rect.center().y;
    members.sort_by(|&a, &b| middle(a).total_cmp(&middle(b)).then(a.cmp(&b)));
    let mut rows: Vec<(f32, TextRow)> = Vec::new();
    for index in members {
        let rect = &atoms[index].rect;
        // The last row is the only one that may be as low; the mean of its middles says where it is.
        match rows.last_mut() {
            Some((mean, row))
                if (middle(index) - *mean).abs() < 0.4 * rect.height().min(row.bottom - row.top)
                    && !row.atoms.iter().rev().take(64).any(|&other| covers(&atoms[other].rect, rect)) =>
            {
                *mean += (middle(index) - *mean) / (row.atoms.len() + 1) as f32;
                row.top = row.top.min(rect.top);
                row.bottom = row.bottom.max(rect.bottom);
                row.atoms.push(index);
            }
            _ => rows.push((middle(index), TextRow { top: rect.top, bottom: rect.bottom, atoms: vec![index] })),
        }
    }
    let mut rows: Vec<TextRow> = rows.into_iter().map(|(_, row)| row).collect();
    for row in &mut rows {
        row.atoms.sort_by(|&a, &b| atoms[a].rect.left.total_cmp(&atoms[b].rect.left).then(a.cmp(&b)));
    }
    rows
}

/// Whether two words lie on each other, as those of one row do not.
fn covers(a: &Rect, b: &Rect) -> bool {
    let shared = a.right.min(b.right) - a.left.max(b.left);
    shared > 0.5 * a.width().min(b.width()) && (a.center().y - b.center().y).abs() > 0.2 * a.height()
}

/// Cuts a row where words stand further apart than `gap`. Words of different lines are apart at half of it: whoever made the lines parted them.
pub(super) fn segments(atoms: &[Atom<'_>], row: &TextRow, gap: f32) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for (at, &index) in row.atoms.iter().enumerate() {
        let rect = &atoms[index].rect;
        match segments.last_mut() {
            Some(segment)
                if rect.left - segment.right
                    < match atoms[row.atoms[at - 1]].line == atoms[index].line {
                        // A tolerance belongs to its value.
                        _ if atoms[index].text.starts_with('±') => 2.0 * gap,
                        true => gap,
                        false => 0.5 * gap,
                    } =>
            {
                segment.right = segment.right.max(rect.right);
                segment.atoms.end = at + 1;
            }
            _ => segments.push(Segment { left: rect.left, right: rect.right, atoms: at..at + 1 }),
        }
    }
    segments
}

/// What words say, parted by blanks.
pub(super) fn text_of(atoms: &[Atom<'_>], members: &[usize]) -> String {
    members.iter().map(|&at| atoms[at].text).collect::<Vec<_>>().join(" ")
}

/// Whether what is written is a number with what belongs to numbers: signs, units, marks of missing values.
pub(super) fn is_numeric(text: &str) -> bool {
    let (mut digits, mut letters) = (0, 0);
    for c in text.chars() {
        digits += usize::from(c.is_numeric());
        letters += usize::from(c.is_alphabetic());
    }
    (digits > 0 && digits >= letters) || matches!(text.trim(), "-" | "–" | "—" | "−" | "n/a" | "N/A" | "n.a.")
}
