//! Cells that reach over several columns or rows.

use std::ops::Range;

use super::{
    atoms::{Atom, median},
    columns::Piece,
    lattice::{Grid, GridCell},
    rows::Row,
    rules::Rule,
};

/// What stands between two rows, by the middle of both.
#[derive(Clone, Debug)]
pub(super) struct Floating {
    pub(super) piece: Piece,
    /// Index of the row above, among those that are left.
    pub(super) after: usize,
}

/// Takes out what stands at half height between two rows and is no line of a cell of either: cells over two rows, set to the middle.
pub(super) fn set_apart(rows: Vec<Row>, extents: &[(f32, f32)], em: f32) -> (Vec<Row>, Vec<Floating>) {
    let middle = |row: &Row| (row.top + row.bottom) / 2.0;
    let full: Vec<f32> = rows.iter().filter(|row| row.pieces.len() > 1).map(middle).collect();
    let usual = median(full.windows(2).map(|pair| pair[1] - pair[0]).collect());
    let mut floats = vec![false; rows.len()];
    for at in 1..rows.len().saturating_sub(1) {
        let (above, own, below) = (&rows[at - 1], &rows[at], &rows[at + 1]);
        let (before, behind) = (middle(own) - middle(above), middle(below) - middle(own));
        let is_halfway = (before - behind).abs() < 0.3 * em
            && before + behind < 1.2 * usual
            && above.pieces.len() > 1
            && below.pieces.len() > 1;
        let is_between = (before < 0.85 * em && behind < 0.85 * em) || is_halfway;
        let is_apart =
            |other: &Row| own.pieces.iter().all(|a| other.pieces.iter().all(|b| a.last < b.first || b.last < a.first));
        // Lines of a cell of two lines, beside one of one.
        let is_wrapped = below.pieces.iter().all(|piece| {
            above
                .pieces
                .iter()
                .find(|before| before.first <= piece.first && piece.first <= before.last)
                .is_some_and(|before| before.runs_on(piece, extents, em))
        });
        floats[at] = is_between && is_apart(above) && is_apart(below) && !is_wrapped && !floats[at - 1];
    }
    let (mut kept, mut floating): (Vec<Row>, Vec<Floating>) = (Vec::new(), Vec::new());
    for (row, is_floating) in rows.into_iter().zip(floats) {
        match is_floating {
            true => {
                let after = kept.len() - 1;
                floating.extend(row.pieces.into_iter().map(|piece| Floating { piece, after }));
            }
            false => kept.push(row),
        }
    }
    (kept, floating)
}

/// Makes cells of what stands between rows, over as many rows above as below, as far as its column is empty there.
pub(super) fn settle(cells: &mut Vec<GridCell>, floating: Vec<Floating>, groups: &[Range<usize>]) {
    for float in floating {
        let Some(row) = groups.iter().position(|group| group.contains(&float.after)) else { continue };
        let columns = float.piece.first..float.piece.last + 1;
        let is_apart = groups.get(row + 1).is_some_and(|next| next.contains(&(float.after + 1)));
        let is_empty = |row: usize| {
            let meets = |cell: &GridCell| {
                cell.rows().contains(&row) && cell.column < columns.end && columns.start < cell.columns().end
            };
            !cells.iter().any(meets)
        };
        let (mut from, mut to) = (row, if is_apart { row + 2 } else { row + 1 });
        while is_apart && from > 1 && to < groups.len() && is_empty(from - 1) && is_empty(to) {
            (from, to) = (from - 1, to + 1);
        }
        cells.push(GridCell {
            row: from,
            column: columns.start,
            row_span: to - from,
            column_span: columns.len(),
            lines: vec![float.piece.atoms],
        });
    }
}

/// Labels in the first column that stand over several rows: where the first of the rows has none, labels stand in the middle of their rows, or
/// in the last; else each stands in the first of them.
pub(super) fn of_labels(grid: &mut Grid) {
    let rows = grid.rows.len();
    let header = grid.rows_above_bar.max(1).min(rows);
    let at =
        |grid: &Grid, row: usize| grid.cells.iter().position(|cell| cell.column == 0 && cell.rows().contains(&row));
    let labels: Vec<usize> = (header..rows).filter(|&row| at(grid, row).is_some()).collect();
    if labels.len() * 4 < rows - header || labels.len() < 2 {
        return;
    }
    // Of a row without a label most other places are filled.
    let is_row = |grid: &Grid, row: usize| {
        let own = grid.cells.iter().filter(|cell| cell.row == row && cell.column > 0).map(|cell| cell.column_span);
        own.sum::<usize>() * 2 >= grid.columns.len() - 1
    };
    let of = |stand: Stand| label_spans(grid, header, stand, at, is_row);
    let spans = match at(grid, header) {
        Some(_) => of(Stand::First),
        None => of(Stand::Middle).or_else(|| of(Stand::Last)),
    };
    for (cell, rows) in spans.into_iter().flatten() {
        (grid.cells[cell].row, grid.cells[cell].row_span) = (rows.start, rows.len());
    }
}

/// In which of its rows a label stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    First,
    Middle,
    Last,
}

/// Indices of cells that are labels of several rows, and which; `None` where labels do not stand so. `at` finds the label of a row, `is_row` says
/// whether one without a label is a row all the same.
fn label_spans(
    grid: &Grid,
    header: usize,
    stand: Stand,
    at: impl Fn(&Grid, usize) -> Option<usize>,
    is_row: impl Fn(&Grid, usize) -> bool,
) -> Option<Vec<(usize, Range<usize>)>> {
    let rows = grid.rows.len();
    let mut spans = Vec::new();
    let mut from = header;
    while from < rows {
        let Some((label, cell)) = (from..rows).find_map(|row| Some((row, at(grid, row)?))) else {
            return (stand == Stand::First).then_some(spans);
        };
        if grid.cells[cell].row_span > 1 {
            from = grid.cells[cell].rows().end;
            continue;
        }
        let first = if stand == Stand::First { label } else { from };
        let to = match stand {
            Stand::First => {
                (label + 1..rows).find(|&row| at(grid, row).is_some() || !is_row(grid, row)).unwrap_or(rows)
            }
            Stand::Middle => 2 * label + 1 - from,
            Stand::Last => label + 1,
        };
        let is_free =
            to <= rows && (first..to).all(|row| row == label || (at(grid, row).is_none() && is_row(grid, row)));
        if is_free && to - first > 1 && grid.cells[cell].column_span == 1 {
            spans.push((cell, first..to));
        } else if stand != Stand::First && !is_free {
            return None;
        }
        from = to.max(label + 1);
    }
    Some(spans)
}

/// Cells whose neighbours' places are empty, and between which lines that part the columns elsewhere leave off: they reach over them. To the left they
/// do only if their text stands in the middle of it all: beside a cell of several rows its line may not be drawn.
/// `ends[row][gutter]` says where they do.
pub(super) fn where_lines_end(grid: &mut Grid, atoms: &[Atom<'_>], ends: &[Vec<bool>]) {
    let columns = grid.columns.len();
    for at in 0..grid.cells.len() {
        let (row, own) = (grid.cells[at].row, grid.cells[at].columns());
        let is_empty = |column: usize| {
            !grid.cells.iter().any(|cell| cell.rows().contains(&row) && cell.columns().contains(&column))
        };
        if grid.cells[at].row_span > 1 {
            continue;
        }
        let (mut from, mut to) = (own.start, own.end);
        while to < columns && ends[row][to - 1] && is_empty(to) {
            to += 1;
        }
        while from > 0 && ends[row][from - 1] && is_empty(from - 1) {
            from -= 1;
        }
        if from < own.start {
            let (left, right) = (grid.columns[from].0, grid.columns[to - 1].1);
            let words = grid.cells[at].lines.iter().flatten().map(|&at| atoms[at].rect);
            let ink = words.reduce(|a, b| a.union(&b)).unwrap_or_default();
            if (ink.left + ink.right - left - right).abs() > 0.3 * (right - left) {
                from = own.start;
            }
        }
        (grid.cells[at].column, grid.cells[at].column_span) = (from, to - from);
    }
}

/// Rows that name the rows below them: the only cell of a row, at the left or in the middle of a table of which other rows are full.
pub(super) fn of_groups(grid: &mut Grid) {
    let (rows, columns) = (grid.rows.len(), grid.columns.len());
    let filled: Vec<usize> = (0..rows)
        .map(|row| grid.cells.iter().filter(|cell| cell.rows().contains(&row)).map(|cell| cell.column_span).sum())
        .collect();
    let is_full = |row: usize| filled[row] * 5 >= columns * 4;
    let full = (0..rows).filter(|&row| is_full(row)).count();
    if columns < 3 || full * 10 < rows * 6 {
        return;
    }
    for cell in &mut grid.cells {
        let is_last = cell.row + 1 >= rows || !is_full(cell.row + 1);
        let is_placed = cell.column == 0 || cell.columns().contains(&(columns / 2));
        if filled[cell.row] == 1 && cell.row_span == 1 && cell.row > 0 && !is_last && is_placed {
            (cell.column, cell.column_span) = (0, columns);
        }
    }
}

/// Headings over several columns: those that have a line drawn below them over so many, are set to the middle over so many, or begin where
/// so many begin that have no other; and rows of one cell that runs over the edge of its column.
pub(super) fn over_columns(grid: &mut Grid, atoms: &[Atom<'_>], bars: &[Rule], em: f32) {
    let (rows, columns) = (grid.rows.len(), grid.columns.len());
    for row in 0..rows {
        let own: Vec<usize> = (0..grid.cells.len()).filter(|&at| grid.cells[at].row == row).collect();
        let filled = |row: usize| -> usize {
            grid.cells.iter().filter(|cell| cell.row == row).map(|cell| cell.column_span).sum()
        };
        if let [only] = own[..]
            && grid.cells[only].column_span > 1
            && grid.cells[only].row_span == 1
        {
            (grid.cells[only].column, grid.cells[only].column_span) = (0, columns);
            continue;
        }
        let is_upper = row + 1 < rows && row < 3 && row + 1 < grid.rows_above_bar.max(2);
        if !is_upper || own.len() >= columns || filled(row) >= columns {
            continue;
        }
        let bottom = grid.rows[row].1;
        let next_top = grid.rows[row + 1].0;
        let below: Vec<bool> = (0..columns)
            .map(|column| grid.cells.iter().any(|cell| cell.row == row + 1 && cell.columns().contains(&column)))
            .collect();
        let under: Vec<&Rule> =
            bars.iter().filter(|bar| bar.at > bottom - 0.4 * em && bar.at < next_top + 0.4 * em).collect();
        let is_header = grid.rows_above_bar > row + 1
            || own.iter().any(|&at| grid.cells[at].column_span > 1)
            || (grid.rows_above_bar == 0 && is_bold(atoms, grid, row) && is_bold(atoms, grid, row + 1));
        for (place, &at) in own.iter().enumerate() {
            let least = place.checked_sub(1).map_or(0, |before| grid.cells[own[before]].columns().end);
            let most = own.get(place + 1).map_or(columns, |&next| grid.cells[next].column);
            let cell = &grid.cells[at];
            if cell.row_span > 1 {
                continue;
            }
            let (left, right) = reach(atoms, cell);
            let middle = (left + right) / 2.0;
            // A line below it that is not below all.
            let span_drawn = under
                .iter()
                .find(|bar| bar.from < middle && middle < bar.to && bar.length() < 0.9 * grid_width(grid))
                .map(|bar| {
                    let covered = |column: &usize| {
                        let (from, to) = grid.columns[*column];
                        bar.within(from, to) > 0.5 * (to - from)
                    };
                    (least..most).filter(covered).collect::<Vec<usize>>()
                })
                .filter(|covered| !covered.is_empty());
            let span = match span_drawn {
                Some(covered) => Some((covered[0], covered[covered.len() - 1] + 1)),
                None if !is_header => None,
                None => by_middle(grid, cell, least..most, middle, left, &below, em),
            };
            if let Some((from, to)) = span.filter(|&(from, to)| from <= cell.column && to >= cell.columns().end) {
                let cell = &mut grid.cells[at];
                (cell.column, cell.column_span) = (from, to - from);
            }
        }
    }
}

/// The columns that a heading stands over, by where its middle is.
fn by_middle(
    grid: &Grid,
    cell: &GridCell,
    within: std::ops::Range<usize>,
    middle: f32,
    left: f32,
    below: &[bool],
    em: f32,
) -> Option<(usize, usize)> {
    let off = |from: usize, to: usize| (middle - (grid.columns[from].0 + grid.columns[to - 1].1) / 2.0).abs();
    let is_filled = |from: usize, to: usize| (from..to).all(|column| below[column]);
    let own = (cell.column, cell.columns().end);
    let mut best: Option<((usize, usize), f32)> = None;
    for from in within.start..=cell.column {
        for to in cell.columns().end..=within.end {
            if is_filled(from, to) && best.is_none_or(|(_, least)| off(from, to) < least) {
                best = Some(((from, to), off(from, to)));
            }
        }
    }
    let (span, least) = best?;
    let starts = (left - grid.columns[cell.column].0).abs() < 0.3 * em;
    if (least < 0.5 * em && off(own.0, own.1) > least + 0.25 * em) && !(starts && off(own.0, own.1) < 0.5 * em) {
        return Some(span);
    }
    // Set to the left: over all up to the next heading.
    let to = (cell.columns().end..within.end).take_while(|&column| below[column]).last().map_or(own.1, |last| last + 1);
    (starts && cell.column > 0 && off(own.0, own.1) > 0.3 * em).then_some((own.0, to))
}

fn grid_width(grid: &Grid) -> f32 {
    let (first, last) = (grid.columns.first(), grid.columns.last());
    first.zip(last).map_or(0.0, |(first, last)| last.1 - first.0)
}

fn reach(atoms: &[Atom<'_>], cell: &GridCell) -> (f32, f32) {
    cell.lines.iter().flatten().fold((f32::INFINITY, f32::NEG_INFINITY), |(left, right), &index| {
        (left.min(atoms[index].rect.left), right.max(atoms[index].rect.right))
    })
}

fn is_bold(atoms: &[Atom<'_>], grid: &Grid, row: usize) -> bool {
    let mut own =
        grid.cells.iter().filter(|cell| cell.row == row).flat_map(|cell| cell.lines.iter().flatten()).peekable();
    own.peek().is_some() && own.all(|&index| atoms[index].is_bold)
}

/// Cells over several rows: where what is drawn between rows leaves a column out; and headings of which the place below is empty while others
/// have headings of their own there.
pub(super) fn over_rows(grid: &mut Grid, across: &[Rule], em: f32) {
    let (rows, columns) = (grid.rows.len(), grid.columns.len());
    let at = |grid: &Grid, row: usize, column: usize| {
        grid.cells.iter().position(|cell| cell.rows().contains(&row) && cell.columns().contains(&column))
    };
    for row in 0..rows.saturating_sub(1) {
        let (low, high) = (grid.rows[row].1 - 0.4 * em, grid.rows[row + 1].0 + 0.4 * em);
        let bar = across.iter().find(|bar| bar.at > low && bar.at < high).copied();
        for column in 0..columns {
            let (from, to) = grid.columns[column];
            let is_left_out = bar.is_some_and(|bar| bar.within(from, to) < 0.2 * (to - from).max(1.0));
            let is_heading = row + 1 < grid.rows_above_bar && bar.is_none();
            if !is_left_out && !is_heading {
                continue;
            }
            match (at(grid, row, column), at(grid, row + 1, column)) {
                (Some(upper), None) if grid.cells[upper].column_span == 1 || is_left_out => {
                    // Only where all of its columns are empty below.
                    let below = grid.cells[upper].columns().all(|column| at(grid, row + 1, column).is_none());
                    if below && grid.cells[upper].rows().end == row + 1 {
                        grid.cells[upper].row_span += 1;
                    }
                }
                (None, Some(lower)) if is_left_out && grid.cells[lower].column_span == 1 => {
                    grid.cells[lower].row -= 1;
                    grid.cells[lower].row_span += 1;
                }
                (Some(upper), Some(lower))
                    if is_left_out && upper != lower && grid.cells[upper].columns() == grid.cells[lower].columns() =>
                {
                    let lines = grid.cells[lower].lines.clone();
                    let span = grid.cells[lower].row_span;
                    grid.cells[upper].row_span += span;
                    grid.cells[upper].lines.extend(lines);
                    grid.cells.remove(lower);
                }
                _ => {}
            }
        }
    }
}
