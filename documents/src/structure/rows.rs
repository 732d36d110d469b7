//! Rows of text in the order in which they are read, and the columns that they stand in: what paragraphs are made of.

use super::sheet::{Look, Sheet};
use crate::geometry::Rect;

/// What stands side by side in one row of a column.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Indices of the page's lines, from left to right.
    pub(super) lines: Vec<usize>,
    pub(super) rect: Rect,
    pub(super) size: f32,
    pub(super) look: Look,
    /// Its lines joined by blanks.
    pub(super) text: String,
    pub(super) characters: usize,
    /// Width of the first word, which says whether it would have fitted into the row before.
    pub(super) first_word: f32,
    /// Of the reading order.
    block: usize,
    /// Which of [`Frame`]s it stands in.
    pub(super) frame: usize,
    /// A table or figure stands before it.
    pub(super) has_object_before: bool,
}

impl Row {
    pub(super) fn middle(&self) -> f32 {
        (self.rect.top + self.rect.bottom) / 2.0
    }
}

/// A column as far as it is read without leaving it: its edges, and how far its rows are apart.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) left: f32,
    pub(super) right: f32,
    /// From row to row, of body text; 0 where there is too little of it.
    pub(super) pitch: f32,
}

impl Frame {
    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }
}

pub(super) fn overlap(from: f32, to: f32, other_from: f32, other_to: f32) -> f32 {
    let least = (to - from).min(other_to - other_from);
    if least > 0.0 { ((to.min(other_to) - from.max(other_from)) / least).max(0.0) } else { 0.0 }
}

/// Rows of the lines given, in their order; `None` is where a table or figure stands.
pub(super) fn rows(sheet: &Sheet<'_>, flow: &[Option<usize>]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut has_object_before = false;
    for item in flow {
        let Some(index) = *item else {
            has_object_before = true;
            continue;
        };
        let line = &sheet.lines[index];
        if line.text.is_empty() {
            continue;
        }
        match rows.last_mut() {
            Some(row) if !has_object_before && goes_on(sheet, row, index) => {
                let widest = row.lines.iter().map(|&of| sheet.lines[of].characters).max().unwrap_or(0);
                if line.characters > widest {
                    row.size = line.size;
                }
                let with_letters = |text: &str| text.chars().any(char::is_alphanumeric);
                if !with_letters(&row.text) {
                    row.look = line.look;
                } else if with_letters(line.text) {
                    row.look = both(row.look, line.look);
                }
                row.rect = row.rect.union(&line.rect);
                row.text.push(' ');
                row.text.push_str(line.text);
                row.characters += line.characters + 1;
                row.lines.push(index);
            }
            _ => rows.push(Row {
                lines: vec![index],
                rect: line.rect,
                size: line.size,
                look: line.look,
                text: line.text.to_owned(),
                characters: line.characters,
                first_word: sheet.first_word_width(index),
                block: line.block,
                frame: 0,
                has_object_before: std::mem::take(&mut has_object_before),
            }),
        }
    }
    rows
}

fn both(a: Look, b: Look) -> Look {
    Look {
        bold: a.bold && b.bold,
        italic: a.italic && b.italic,
        monospace: a.monospace && b.monospace,
        small_capitals: a.small_capitals && b.small_capitals,
        mathematics: a.mathematics && b.mathematics,
        capitals: a.capitals && b.capitals,
    }
}

/// Whether a line stands in a row, at its end.
fn goes_on(sheet: &Sheet<'_>, row: &Row, index: usize) -> bool {
    let line = &sheet.lines[index];
    let shared = overlap(row.rect.top, row.rect.bottom, line.rect.top, line.rect.bottom);
    row.block == line.block && shared > 0.5 && line.rect.left > row.rect.right - 0.4 * line.size.min(row.size)
}

/// Columns of a page's rows; rows are told which is theirs.
pub(super) fn frames(sheet: &Sheet<'_>, rows: &mut [Row]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut from = 0;
    while from < rows.len() {
        let mut to = from + 1;
        while to < rows.len() && is_below(&rows[to - 1], &rows[to]) {
            to += 1;
        }
        frames_of_run(sheet, rows, from, to, &mut frames);
        from = to;
    }
    frames
}

/// Whether what is read next stands below and not in the next column.
pub(super) fn is_below(above: &Row, below: &Row) -> bool {
    let shared = overlap(above.rect.left, above.rect.right, below.rect.left, below.rect.right);
    below.middle() > above.middle() - 0.3 * above.size
        && (shared > 0.0 || below.rect.top < above.rect.bottom + 3.0 * below.size)
        && (shared > 0.0
            || (below.rect.left - above.rect.left).abs()
                < 0.5 * above.rect.width().max(below.rect.width()) + 12.0 * below.size)
}

fn frames_of_run(sheet: &Sheet<'_>, rows: &mut [Row], from: usize, to: usize, frames: &mut Vec<Frame>) {
    // Blocks of the reading order are of one column; a column may have many.
    let mut parts: Vec<(usize, usize, Edges)> = Vec::new();
    let mut start = from;
    while start < to {
        let mut end = start + 1;
        while end < to && rows[end].block == rows[start].block {
            end += 1;
        }
        let edges = Edges::of(sheet, &rows[start..end]);
        match parts.last_mut() {
            Some((first, last, before)) if before.is_same_column(&edges, sheet.body) => {
                *last = end;
                *before = Edges::of(sheet, &rows[*first..end]);
            }
            _ => parts.push((start, end, edges)),
        }
        start = end;
    }
    for (start, end, edges) in parts {
        let own = &mut rows[start..end];
        let body: Vec<f32> = own
            .windows(2)
            .filter(|pair| {
                pair.iter().all(|row| (row.size / sheet.body - 1.0).abs() < if sheet.is_styled { 0.06 } else { 0.25 })
            })
            .map(|pair| pair[1].middle() - pair[0].middle())
            .filter(|pitch| *pitch > 0.4 * sheet.body && *pitch < 2.6 * sheet.body)
            .collect();
        frames.push(Frame { left: edges.left, right: edges.right, pitch: usual(body) });
        own.iter_mut().for_each(|row| row.frame = frames.len() - 1);
    }
}

/// The lower of two usual distances: spaces between paragraphs may be as many as those within.
fn usual(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f32::total_cmp);
    values[(values.len() - 1) * 2 / 5]
}

/// Edges of the body text of some rows.
#[derive(Clone, Copy, Debug)]
struct Edges {
    left: f32,
    right: f32,
    count: usize,
    /// Most rows end near the right edge: its place is certain.
    is_filled: bool,
}

impl Edges {
    fn of(sheet: &Sheet<'_>, rows: &[Row]) -> Self {
        let is_body = |row: &&Row| (row.size / sheet.body - 1.0).abs() < 0.25;
        let body: Vec<&Row> = rows.iter().filter(is_body).collect();
        let rows: Vec<&Row> = if body.len() * 2 >= rows.len() { body } else { rows.iter().collect() };
        let mut lefts: Vec<f32> = rows.iter().map(|row| row.rect.left).collect();
        let mut rights: Vec<f32> = rows.iter().map(|row| row.rect.right).collect();
        lefts.sort_by(f32::total_cmp);
        rights.sort_by(|a, b| b.total_cmp(a));
        // An edge is where two rows or more end, if there are many: one may hang out.
        let edge = |values: &[f32]| {
            let many = values.len() >= 6;
            let is_edge = |at: &usize| {
                !many || values.get(at + 1).is_some_and(|next| (next - values[*at]).abs() < 0.6 * sheet.body)
            };
            (0..values.len().min(3)).find(is_edge).map(|at| values[at]).or(values.first().copied())
        };
        let (left, right) = (edge(&lefts).unwrap_or(0.0), edge(&rights).unwrap_or(0.0));
        let filled = rights.iter().filter(|at| (right - **at).abs() < 2.5 * sheet.body).count();
        Self { left, right, count: rows.len(), is_filled: filled * 5 >= rows.len() * 3 }
    }

    fn is_same_column(&self, other: &Self, em: f32) -> bool {
        let near = |a: f32, b: f32| (a - b).abs() < 1.5 * em;
        if near(self.left, other.left) && near(self.right, other.right) {
            return true;
        }
        let (wide, narrow) =
            if self.right - self.left >= other.right - other.left { (self, other) } else { (other, self) };
        let is_within = narrow.left > wide.left - 1.5 * em && narrow.right < wide.right + 1.5 * em;
        // Short lines, headings, lists stand within a column; what fills another measure is another one.
        let is_own = narrow.count >= 3 && narrow.is_filled && narrow.right < wide.right - 2.5 * em;
        let is_few = wide.count <= 2 && narrow.count > 2;
        is_within && !is_own && !is_few
    }
}
