//! Tables that can be relied on, whoever wrote the record.

use crate::blocks::{Cell, Table};

/// Rows and columns of a table, and places in its grid: what has more is written as its lines.
const MOST_SIDE: u32 = 10_000;
const MOST_PLACES: usize = 1_000_000;

/// The table with a grid as large as its cells need and no larger, whatever the record says: every cell lies within it and covers what no
/// other does. `None` where there are none.
pub(in crate::output) fn grid(table: &Table) -> Option<Table> {
    let mut cells: Vec<Cell> =
        table.cells.iter().filter(|cell| cell.row < MOST_SIDE && cell.column < MOST_SIDE).cloned().collect();
    cells.sort_by_key(|cell| (cell.row, cell.column));
    let columns = cells.iter().map(|cell| cell.column + cell.column_span.clamp(1, MOST_SIDE)).max()?.min(MOST_SIDE);
    let rows = cells.iter().map(|cell| cell.row + 1).max()?;
    let mut is_covered = vec![false; columns as usize * rows as usize];
    if is_covered.len() > MOST_PLACES {
        return None;
    }
    cells.retain_mut(|cell| {
        cell.column_span = cell.column_span.clamp(1, columns - cell.column);
        cell.row_span = cell.row_span.clamp(1, rows - cell.row);
        let places = |cell: &Cell| {
            let (row, column, width) = (cell.row, cell.column, cell.column_span);
            (row..row + cell.row_span)
                .flat_map(move |row| (column..column + width).map(move |at| (row * columns + at) as usize))
        };
        if is_covered[(cell.row * columns + cell.column) as usize] {
            return false;
        }
        if places(cell).any(|place| is_covered[place]) {
            (cell.row_span, cell.column_span) = (1, 1);
        }
        places(cell).for_each(|place| is_covered[place] = true);
        true
    });
    Some(Table {
        rows,
        columns,
        header_rows: table.header_rows.min(rows),
        header_columns: table.header_columns.min(columns),
        cells,
        ..table.clone()
    })
}
