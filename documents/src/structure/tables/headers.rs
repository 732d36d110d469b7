//! Which rows at the top name the columns.

use super::{
    atoms::{Atom, is_numeric},
    lattice::Grid,
    rules::Rules,
};
use crate::geometry::Rect;

/// Header rows of real tables; more are a table that is bold all over.
const MOST: usize = 4;

/// How many rows at the top are header rows: by bold type, by a shade, by a line below them, by words over numbers.
pub(super) fn rows(grid: &Grid, atoms: &[Atom<'_>], rules: &Rules) -> usize {
    let rows = grid.rows.len();
    if rows < 2 {
        return 0;
    }
    let words = |row: usize| {
        grid.cells.iter().filter(move |cell| cell.row == row).flat_map(|cell| cell.lines.iter().flatten().copied())
    };
    let is_bold = |row: usize| words(row).next().is_some() && words(row).all(|at| atoms[at].is_bold);
    let bold = (0..rows).take_while(|&row| is_bold(row)).count();
    let shaded = |row: usize| {
        let (top, bottom) = grid.rows[row];
        let middle = (top + bottom) / 2.0;
        let left = grid.columns.first().map_or(0.0, |column| column.0);
        let right = grid.columns.last().map_or(0.0, |column| column.1);
        let covers = |shade: &Rect| {
            shade.top < middle
                && shade.bottom > middle
                && shade.right.min(right) - shade.left.max(left) > 0.7 * (right - left)
        };
        rules.shades.iter().any(covers)
    };
    let dark = (0..rows).take_while(|&row| shaded(row)).count();
    let is_striped = (dark..rows).any(shaded);
    let candidates =
        [if bold < rows { bold } else { 0 }, if dark < rows && !is_striped { dark } else { 0 }, grid.rows_above_bar];
    let by_looks = candidates.into_iter().filter(|&count| count > 0 && count <= MOST).min();
    if let Some(count) = by_looks {
        return reach(grid, count);
    }
    // Words over numbers.
    let text = |row: usize, column: usize| {
        let cell = grid.cells.iter().find(|cell| cell.rows().contains(&row) && cell.columns().contains(&column))?;
        let text = cell.lines.iter().flatten().map(|&at| atoms[at].text).collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(text)
    };
    let heads = (1..grid.columns.len()).filter(|&column| {
        let (mut all, mut numbers) = (0, 0);
        for text in (1..rows).filter_map(|row| text(row, column)) {
            all += 1;
            numbers += usize::from(is_numeric(&text));
        }
        all > 1 && numbers * 10 >= all * 8 && text(0, column).is_some_and(|text| !is_numeric(&text))
    });
    if heads.count() > 0 { reach(grid, 1) } else { 0 }
}

/// Rows into which cells of the header reach are of the header, unless that is all of the table.
fn reach(grid: &Grid, count: usize) -> usize {
    let end = grid.cells.iter().filter(|cell| cell.row < count).map(|cell| cell.rows().end).max().unwrap_or(count);
    if end < grid.rows.len() { end } else { count }
}
