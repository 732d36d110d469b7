//! Tables that go on over pages.

use crate::blocks::{Block, Cell, Table};

/// Part of a table's width by which the places of its columns may differ from page to page.
const TOLERANCE: f32 = 0.03;

/// Whether `after`, the first table of a page, goes on with what `before`, the last table of the page before, began: as many columns, at the
/// same places or under the same header, and no header of its own that says something else. Both pages are as large as each other.
pub fn continues(before: &Block, after: &Block) -> bool {
    let (Some(first), Some(second)) = (&before.table, &after.table) else { return false };
    if first.columns != second.columns || first.columns < 2 {
        return false;
    }
    if repeats_header(first, second) {
        return true;
    }
    if second.header_rows > 0 && second.header_rows < second.rows {
        return false;
    }
    let bounds = before.polygon.bounds().union(&after.polygon.bounds());
    let near = TOLERANCE * bounds.width().max(bounds.height());
    let is_same = |column: &u32| {
        let (Some(a), Some(b)) = (reach(first, *column), reach(second, *column)) else { return true };
        let middle = |(left, right): (f32, f32)| (left + right) / 2.0;
        [a.0 - b.0, a.1 - b.1, middle(a) - middle(b)].iter().any(|difference| difference.abs() <= near)
    };
    near.is_finite() && (0..first.columns).filter(is_same).count() * 5 >= first.columns as usize * 4
}

/// From where to where the words of a column reach.
fn reach(table: &Table, column: u32) -> Option<(f32, f32)> {
    let cells =
        table.cells.iter().filter(|cell| cell.column == column && cell.column_span == 1 && !cell.text.is_empty());
    let bounds = cells.map(|cell| cell.polygon.bounds());
    bounds.map(|rect| (rect.left, rect.right)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Whether the first rows of `after` say again what the header rows of `before` say, as it is where a header is repeated on each page.
pub fn repeats_header(before: &Table, after: &Table) -> bool {
    let header = before.header_rows;
    let cells = |table: &Table| -> Vec<(u32, u32, String)> {
        let mut cells: Vec<_> = table
            .cells
            .iter()
            .filter(|cell| cell.row < header && !cell.text.trim().is_empty())
            .map(|cell: &Cell| (cell.row, cell.column, cell.text.trim().to_lowercase()))
            .collect();
        cells.sort();
        cells
    };
    header > 0 && header < after.rows && before.columns == after.columns && {
        let said = cells(before);
        !said.is_empty() && said == cells(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blocks::BlockKind,
        geometry::{Polygon, Rect},
    };

    fn block(header_rows: u32, rows: &[&str], lefts: &[f32]) -> Block {
        let mut table = Table { rows: rows.len() as u32, columns: lefts.len() as u32, header_rows, ..Table::default() };
        for (row, text) in rows.iter().enumerate() {
            for ((column, text), left) in text.split('|').enumerate().zip(lefts) {
                let top = 20.0 * row as f32;
                let rect = Rect { left: *left, top, right: left + 10.0 * text.len() as f32, bottom: top + 10.0 };
                table.cells.push(Cell {
                    row: row as u32,
                    column: column as u32,
                    row_span: 1,
                    column_span: 1,
                    is_header: (row as u32) < header_rows,
                    text: text.to_owned(),
                    marks: Vec::new(),
                    polygon: Polygon::from_rect(rect),
                });
            }
        }
        let rect = Rect { left: 0.0, top: 0.0, right: 400.0, bottom: 100.0 };
        Block { table: Some(Box::new(table)), ..Block::new(BlockKind::Table, Polygon::from_rect(rect), 0..0) }
    }

    #[test]
    fn tables_go_on_by_their_columns_and_headers() {
        let before = block(1, &["Name|Sum", "a|1", "b|2"], &[0.0, 200.0]);
        for (after, expected) in [
            (block(0, &["c|3", "d|4"], &[0.0, 202.0]), true),
            (block(1, &["name|Sum", "d|4"], &[50.0, 300.0]), true),
            (block(1, &["Place|Year", "d|4"], &[0.0, 200.0]), false),
            (block(0, &["c|3", "d|4"], &[0.0, 290.0]), false),
            (block(0, &["c|3|5"], &[0.0, 100.0, 200.0]), false),
            (Block::new(BlockKind::Table, Polygon::default(), 0..0), false),
        ] {
            assert_eq!(continues(&before, &after), expected, "{after:?}");
        }
    }
}
