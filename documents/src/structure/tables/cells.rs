//! From a grid to the table of the record: what cells say, how they are set, which are headers.

use super::{
    atoms::{Atom, is_numeric, median},
    lattice::{Grid, GridCell},
};
use crate::{
    blocks::{Alignment, Cell, Mark, MarkKind, Table},
    geometry::{Polygon, Rect},
    record::TextLine,
    structure::{Hints, VerticalShift},
};

pub(super) fn table(
    grid: &Grid,
    atoms: &[Atom<'_>],
    lines: &[TextLine],
    hints: &Hints,
    header_rows: usize,
    em: f32,
) -> Table {
    let header_columns = header_columns(grid, atoms, header_rows);
    let cells = grid
        .cells
        .iter()
        .map(|cell| {
            let (text, marks) = text(cell, atoms, lines, hints);
            Cell {
                row: cell.row as u32,
                column: cell.column as u32,
                row_span: cell.row_span as u32,
                column_span: cell.column_span as u32,
                is_header: cell.row < header_rows || cell.column < header_columns,
                text,
                marks,
                polygon: Polygon::from_rect(place(grid, cell, atoms)),
            }
        })
        .collect();
    Table {
        rows: grid.rows.len() as u32,
        columns: grid.columns.len() as u32,
        header_rows: header_rows as u32,
        header_columns: header_columns as u32,
        alignments: (0..grid.columns.len()).map(|column| alignment(grid, column, header_rows, atoms, em)).collect(),
        cells,
        is_continued: false,
    }
}

/// The first column names rows where its cells are bold and those of the others are not.
fn header_columns(grid: &Grid, atoms: &[Atom<'_>], header_rows: usize) -> usize {
    let body = || grid.cells.iter().filter(|cell| cell.row >= header_rows && !cell.is_empty());
    let is_bold = |cell: &&GridCell| cell.lines.iter().flatten().all(|&at| atoms[at].is_bold);
    let (first, others): (Vec<&GridCell>, Vec<&GridCell>) = body().partition(|cell| cell.column == 0);
    let has_bold_first = first.len() > 1 && first.iter().all(is_bold);
    usize::from(has_bold_first && others.iter().filter(|cell| is_bold(cell)).count() * 4 < others.len())
}

/// Where the cell's text stands; of one without text, where it would.
fn place(grid: &Grid, cell: &GridCell, atoms: &[Atom<'_>]) -> Rect {
    let words = cell.lines.iter().flatten().map(|&at| atoms[at].rect);
    words.reduce(|a, b| a.union(&b)).unwrap_or_else(|| Rect {
        left: grid.columns[cell.column].0,
        right: grid.columns[cell.columns().end - 1].1,
        top: grid.rows[cell.row].0,
        bottom: grid.rows[cell.rows().end - 1].1,
    })
}

/// What a cell says: words parted by blanks; a word that a hyphen breaks at the end of a line goes on without a blank.
fn text(cell: &GridCell, atoms: &[Atom<'_>], lines: &[TextLine], hints: &Hints) -> (String, Vec<Mark>) {
    let (mut text, mut marks) = (String::new(), Vec::new());
    for line in &cell.lines {
        let mut before: Option<usize> = None;
        for &at in line {
            let atom = &atoms[at];
            // Dates and codes are broken at their hyphens, too.
            let next = atom.text.chars().next();
            let breaks = before.is_none()
                && ((text.ends_with('\u{ad}') && next.is_some_and(char::is_lowercase))
                    || (text.ends_with('-')
                        && ends_in_word_and_hyphen(&text)
                        && next.is_some_and(char::is_alphanumeric)));
            if breaks {
                if text.ends_with('\u{ad}') {
                    text.pop();
                }
            } else if !text.is_empty() && before.is_none_or(|before| !touch(atoms, before, at, lines)) {
                text.push(' ');
            }
            let from = text.chars().count() as u32;
            text.push_str(atom.text);
            marks_of(atom, from, hints, lines, &mut marks);
            before = Some(at);
        }
    }
    (text, marks)
}

fn ends_in_word_and_hyphen(text: &str) -> bool {
    text.chars().rev().nth(1).is_some_and(char::is_alphanumeric)
}

/// Whether two words of one line stand without a blank between them there.
fn touch(atoms: &[Atom<'_>], a: usize, b: usize, lines: &[TextLine]) -> bool {
    let (one, other) = (&atoms[a], &atoms[b]);
    one.line == other.line && b == a + 1 && {
        let line = &lines[one.line].text;
        !line.contains(&format!("{} {}", one.text, other.text)) && line.contains(&format!("{}{}", one.text, other.text))
    }
}

/// What of a word stands out: italic type and raised or lowered characters. Bold is left out where it is how the row is set.
fn marks_of(atom: &Atom<'_>, from: u32, hints: &Hints, lines: &[TextLine], marks: &mut Vec<Mark>) {
    let Some(style) = hints.styles.get(atom.line) else { return };
    let Some(start) = atom.offset.filter(|_| !lines[atom.line].text.is_empty()) else { return };
    let end = start + atom.text.chars().count() as u32;
    for run in &style.runs {
        let (first, last) = (run.characters.start.max(start), run.characters.end.min(end));
        if first >= last {
            continue;
        }
        let kinds = [
            (run.face.italic && !run.face.mathematics).then_some(MarkKind::Italic),
            match run.shift {
                VerticalShift::Raised => Some(MarkKind::Superscript),
                VerticalShift::Lowered => Some(MarkKind::Subscript),
                VerticalShift::None => None,
            },
        ];
        for kind in kinds.into_iter().flatten() {
            let (start, end) = (from + first - start, from + last - start);
            match marks.iter_mut().rev().find(|mark| mark.kind == kind) {
                // Words of one run, and the blank between them.
                Some(mark) if start <= mark.end + 1 && !matches!(kind, MarkKind::Superscript | MarkKind::Subscript) => {
                    mark.end = end
                }
                _ => marks.push(Mark::new(kind, start..end)),
            }
        }
    }
}

/// How most cells of a column below its header are set.
fn alignment(grid: &Grid, column: usize, header_rows: usize, atoms: &[Atom<'_>], em: f32) -> Alignment {
    let cells: Vec<&GridCell> = grid
        .cells
        .iter()
        .filter(|cell| cell.row >= header_rows && cell.column == column && cell.column_span == 1 && !cell.is_empty())
        .collect();
    let reach = |cell: &&GridCell| {
        let first = &cell.lines[0];
        let rects = || first.iter().map(|&at| atoms[at].rect);
        (
            rects().map(|r| r.left).fold(f32::INFINITY, f32::min),
            rects().map(|r| r.right).fold(f32::NEG_INFINITY, f32::max),
        )
    };
    let reaches: Vec<(f32, f32)> = cells.iter().map(reach).collect();
    let is_number = |cell: &&&GridCell| {
        is_numeric(&cell.lines.iter().flatten().map(|&at| atoms[at].text).collect::<Vec<_>>().join(" "))
    };
    let numbers = cells.iter().filter(is_number).count();
    let even = |values: Vec<f32>| {
        let middle = median(values.clone());
        values.iter().filter(|&&value| (value - middle).abs() < 0.15 * em).count()
    };
    let left = even(reaches.iter().map(|r| r.0).collect());
    let right = even(reaches.iter().map(|r| r.1).collect());
    let center = even(reaches.iter().map(|r| (r.0 + r.1) / 2.0).collect());
    if cells.len() < 2 || (left >= right && left >= center) {
        // Numbers of one width say nothing.
        return if left == right && numbers * 2 > cells.len() { Alignment::Right } else { Alignment::Left };
    }
    if right >= center || numbers * 2 > cells.len() { Alignment::Right } else { Alignment::Center }
}
