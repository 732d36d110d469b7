//! Tables that the file's own structure names.

use std::collections::BTreeMap;

use super::{
    FoundTable,
    atoms::{Atom, atoms_of, height_of, text_rows},
    cells,
    lattice::{Grid, GridCell},
};
use crate::{
    blocks::Table,
    geometry::Rect,
    record::TextLine,
    structure::{Hints, LineStyle, TagCell},
};

/// Larger numbers are damage.
const MOST_CELLS: u32 = 20_000;

/// The tables of tagged cells whose places agree with each other.
pub(super) fn tables(lines: &[TextLine], is_free: &[bool], hints: &Hints) -> Vec<FoundTable> {
    let is_tagged =
        |style: &LineStyle| !style.cells.is_empty() || style.tag.as_ref().is_some_and(|tag| tag.cell.is_some());
    if !hints.styles.iter().any(is_tagged) {
        return Vec::new();
    }
    let atoms = atoms_of(lines, is_free, hints);
    let em = height_of(&atoms);
    let cell_of = |atom: &Atom<'_>| {
        let style = hints.styles.get(atom.line)?;
        let own = atom.offset.and_then(|at| style.cells.iter().find(|run| run.characters.contains(&at)));
        own.map(|run| run.cell).or_else(|| style.tag.as_ref().and_then(|tag| tag.cell))
    };
    let mut tables: BTreeMap<u32, Vec<(usize, TagCell)>> = BTreeMap::new();
    for (at, atom) in atoms.iter().enumerate() {
        if let Some(cell) = cell_of(atom) {
            tables.entry(cell.table).or_default().push((at, cell));
        }
    }
    let found = tables.into_values().map(|mut members| {
        set_apart(&mut members, &atoms, em);
        set(members, &atoms, lines, hints, em)
    });
    found.flatten().map(|(lines, rect, table)| FoundTable { lines, rect, table, confidence: 0.98 }).collect()
}

/// Atoms and the cells that they are of as a table, with its lines and its place. `None` where they are none.
pub(super) fn set(
    members: Vec<(usize, TagCell)>,
    atoms: &[Atom<'_>],
    lines: &[TextLine],
    hints: &Hints,
    em: f32,
) -> Option<(Vec<usize>, Rect, Table)> {
    // A table that goes on here begins at its first row on this page.
    let first = members.iter().map(|(_, cell)| cell.row).min().unwrap_or(0);
    let rows =
        members.iter().map(|(_, cell)| (cell.row - first).saturating_add(cell.row_span.max(1))).max().unwrap_or(0);
    let columns =
        members.iter().map(|(_, cell)| cell.column.saturating_add(cell.column_span.max(1))).max().unwrap_or(0);
    if rows < 1 || columns < 2 || rows.saturating_mul(columns) > MOST_CELLS {
        return None;
    }
    let mut places: BTreeMap<(u32, u32), (TagCell, Vec<usize>)> = BTreeMap::new();
    for (at, cell) in &members {
        let own = places.entry((cell.row - first, cell.column)).or_insert_with(|| (*cell, Vec::new()));
        own.1.push(*at);
    }
    let header_rows = {
        let is_header = |row: u32| {
            let mut own =
                places.iter().filter(|((at, _), _)| *at == row).map(|(_, (cell, _))| cell.is_header).peekable();
            own.peek().is_some() && own.all(|is_header| is_header)
        };
        (0..rows).take_while(|&row| is_header(row)).count()
    };
    let mut grid = Grid {
        cells: places
            .into_iter()
            .map(|((row, column), (cell, members))| GridCell {
                row: row as usize,
                column: column as usize,
                row_span: cell.row_span.max(1) as usize,
                column_span: cell.column_span.max(1) as usize,
                lines: text_rows(atoms, members).into_iter().map(|row| row.atoms).collect(),
            })
            .collect(),
        rows: vec![(f32::INFINITY, f32::NEG_INFINITY); rows as usize],
        columns: vec![(f32::INFINITY, f32::NEG_INFINITY); columns as usize],
        rows_above_bar: 0,
        fit: 1.0,
    };
    for cell in &grid.cells {
        for rect in cell.lines.iter().flatten().map(|&at| atoms[at].rect) {
            let (row, column) = (&mut grid.rows[cell.row], &mut grid.columns[cell.column]);
            *row = (row.0.min(rect.top), row.1.max(rect.bottom));
            *column = (column.0.min(rect.left), column.1.max(rect.right));
        }
    }
    grid.fill();
    let rect = members.iter().map(|(at, _)| atoms[*at].rect).reduce(|a, b| a.union(&b));
    settle(&mut grid.rows, |r: &Rect| (r.top, r.bottom), rect.unwrap_or_default());
    settle(&mut grid.columns, |r: &Rect| (r.left, r.right), rect.unwrap_or_default());
    let mut own = Vec::new();
    for at in grid.cells.iter().flat_map(|cell| cell.lines.iter().flatten()) {
        if !own.contains(&atoms[*at].line) {
            own.push(atoms[*at].line);
        }
    }
    if own.is_empty() {
        return None;
    }
    let header_rows = if header_rows < rows as usize { header_rows } else { 0 };
    let table = cells::table(&grid, atoms, lines, hints, header_rows, em);
    Some((own, rect.unwrap_or_default(), table))
}

/// Puts cells into the columns that they stand in: programs leave cells without text out of the structure (Chromium does), and those after them
/// count too few. Rows with as many cells as there are columns say where these are.
fn set_apart(members: &mut [(usize, TagCell)], atoms: &[Atom<'_>], em: f32) {
    let columns =
        members.iter().map(|(_, cell)| cell.column.saturating_add(cell.column_span.max(1))).max().unwrap_or(0);
    if columns > MOST_COLUMNS {
        return;
    }
    let mut rows: BTreeMap<u32, BTreeMap<u32, (u32, Rect)>> = BTreeMap::new();
    for (at, cell) in members.iter() {
        let place = rows.entry(cell.row).or_default().entry(cell.column);
        let own = place.or_insert((cell.column_span.max(1), atoms[*at].rect));
        own.1 = own.1.union(&atoms[*at].rect);
    }
    let is_full = |row: &BTreeMap<u32, (u32, Rect)>| row.len() == columns as usize;
    let mut extents: Vec<Option<(f32, f32)>> = vec![None; columns as usize];
    for row in rows.values().filter(|row| is_full(row)) {
        for ((_, rect), extent) in row.values().zip(&mut extents) {
            let (left, right) = extent.unwrap_or((rect.left, rect.right));
            *extent = Some((left.min(rect.left), right.max(rect.right)));
        }
    }
    let Some(extents) = extents.into_iter().collect::<Option<Vec<(f32, f32)>>>() else { return };
    // Cells over several rows leave out places for good.
    let reached: Vec<u32> = members
        .iter()
        .filter(|(_, cell)| cell.row_span > 1)
        .flat_map(|(_, cell)| cell.row.saturating_add(1)..cell.row.saturating_add(cell.row_span.min(MOST_CELLS)))
        .collect();
    for (number, row) in rows.iter().filter(|(number, row)| !is_full(row) && !reached.contains(number)) {
        if row.values().any(|(span, _)| *span > 1) {
            continue;
        }
        let own: Vec<(f32, f32)> = row.values().map(|(_, rect)| (rect.left, rect.right)).collect();
        let Some(placed) = best_columns(&own, &extents, em) else { continue };
        let moved: BTreeMap<u32, u32> = row.keys().copied().zip(placed).collect();
        for (_, cell) in members.iter_mut().filter(|(_, cell)| cell.row == *number) {
            cell.column = moved.get(&cell.column).copied().unwrap_or(cell.column);
        }
    }
}

/// More are damage, or no table.
const MOST_COLUMNS: u32 = 200;

/// The columns that cells of a row stand in, from left to right, each in one of its own, so that they stand as little aside as can be; `None`
/// where some stand in none.
fn best_columns(cells: &[(f32, f32)], columns: &[(f32, f32)], em: f32) -> Option<Vec<u32>> {
    let aside = |cell: (f32, f32), column: (f32, f32)| {
        let off = [cell.0 - column.0, cell.1 - column.1, (cell.0 + cell.1 - column.0 - column.1) / 2.0];
        off.into_iter().map(f32::abs).fold(f32::INFINITY, f32::min)
            + (column.0 - cell.1).max(cell.0 - column.1).max(0.0)
    };
    // The least sum for the first cells, the last of them in each column; and the column of the one before.
    let mut sums: Vec<Vec<(f32, usize)>> = Vec::new();
    for (at, &cell) in cells.iter().enumerate() {
        let mut best = (if at == 0 { 0.0 } else { f32::INFINITY }, usize::MAX);
        let row = (0..columns.len()).map(|column| {
            if let Some(before) = column.checked_sub(1).and_then(|before| Some((sums.last()?[before].0, before)))
                && before.0 < best.0
            {
                best = before;
            }
            (best.0 + aside(cell, columns[column]), best.1)
        });
        let row = row.collect();
        sums.push(row);
    }
    let mut column = (0..columns.len())
        .min_by(|&a, &b| sums.last().map_or(0.0, |row| row[a].0).total_cmp(&sums.last().map_or(0.0, |row| row[b].0)))?;
    let mut placed = Vec::new();
    for at in (0..cells.len()).rev() {
        if !sums[at][column].0.is_finite() || aside(cells[at], columns[column]) > 2.0 * em.max(1.0) {
            return None;
        }
        placed.push(column as u32);
        column = sums[at][column].1;
    }
    placed.reverse();
    Some(placed)
}

/// Gives rows or columns without text a place.
fn settle(ranges: &mut [(f32, f32)], of: impl Fn(&Rect) -> (f32, f32), rect: Rect) {
    let mut end = of(&rect).0;
    for range in ranges {
        if range.0 > range.1 {
            *range = (end, end);
        }
        end = range.1;
    }
}
