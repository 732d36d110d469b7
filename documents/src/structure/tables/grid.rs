//! From the words of a region to a grid of cells.

use std::ops::Range;

use super::{
    atoms::{Atom, Segment, TextRow, median, segments, text_rows},
    columns::{Gutter, WORD_GAP, gutters, pieces},
    lattice::{Grid, GridCell},
    rows::{Row, group},
    rules::Rule,
    spans,
};
use crate::geometry::Rect;

/// What is drawn in a region.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    /// Horizontal lines and edges of shades.
    pub(super) bars: Vec<Rule>,
    /// Vertical lines that part columns, in pieces where cells reach over them.
    pub(super) verticals: Vec<Rule>,
}

impl Drawn {
    /// A gutter as it is at one height, where a line that is drawn there may leave off.
    fn at_row(&self, gutter: &Gutter, height: f32, em: f32) -> Gutter {
        let passes = |line: &&Rule| {
            let is_there = gutter.left - 0.4 * em <= line.at && line.at <= gutter.right + 0.4 * em;
            is_there && line.from < height && height < line.to
        };
        Gutter { is_drawn: gutter.is_drawn && self.verticals.iter().any(|line| passes(&line)), ..*gutter }
    }
}

/// The rows of text of a region, cut into segments.
pub(super) fn rows_of(atoms: &[Atom<'_>], members: Vec<usize>, em: f32) -> Vec<(TextRow, Vec<Segment>)> {
    text_rows(atoms, members)
        .into_iter()
        .map(|row| {
            // In larger type words stand further apart.
            let size = median(row.atoms.iter().map(|&at| atoms[at].rect.height()).collect());
            let parts = segments(atoms, &row, WORD_GAP * em.max(size));
            (row, parts)
        })
        .collect()
}

/// The grid of the words of a region whose columns are parted by white space, and rows by what there is. `None` where there are no two columns.
pub(super) fn open_grid(atoms: &[Atom<'_>], members: Vec<usize>, rect: &Rect, drawn: &Drawn, em: f32) -> Option<Grid> {
    let texts = rows_of(atoms, members, em);
    let parts: Vec<Vec<Segment>> = texts.iter().map(|(_, parts)| parts.clone()).collect();
    let heights: Vec<f32> = texts.iter().map(|(row, _)| row.middle()).collect();
    let mut lines: Vec<f32> = drawn.verticals.iter().map(|line| line.at).collect();
    lines.dedup_by(|next, kept| *next - *kept < 0.4 * em);
    let gutters = gutters(&parts, &heights, &lines, em);
    if gutters.is_empty() || texts.is_empty() {
        return None;
    }
    let columns = gutters.len() + 1;
    let rows: Vec<Row> = texts
        .iter()
        .map(|(row, _)| {
            let gutters: Vec<Gutter> = gutters.iter().map(|gutter| drawn.at_row(gutter, row.middle(), em)).collect();
            Row { top: row.top, bottom: row.bottom, pieces: pieces(atoms, row, &gutters, em) }
        })
        .collect();
    let fit = fit(&rows, &parts);
    let extents = extents(&rows, &gutters, rect);
    let (rows, floating) = spans::set_apart(rows, &extents, em);
    let across: Vec<Rule> =
        drawn.bars.iter().copied().filter(|bar| bar.within(rect.left, rect.right) > 0.6 * rect.width()).collect();
    let mut places: Vec<f32> = across.iter().map(|bar| bar.at).collect();
    places.sort_by(f32::total_cmp);
    let groups = group(&rows, &places, &extents, em);
    let mut bounds: Vec<(f32, f32)> = Vec::new();
    let mut cells: Vec<GridCell> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let own = &rows[group.clone()];
        let fold = |pick: fn(&Row) -> f32, best: fn(f32, f32) -> f32| own.iter().map(pick).reduce(best).unwrap_or(0.0);
        bounds.push((fold(|row| row.top, f32::min), fold(|row| row.bottom, f32::max)));
        cells.extend(cells_of(number, own));
    }
    spans::settle(&mut cells, floating, &groups);
    let mut grid = Grid { cells, rows: bounds, columns: extents, rows_above_bar: 0, fit };
    grid.rows_above_bar = rows_above_bar(&grid, &places);
    let ends: Vec<Vec<bool>> = grid
        .rows
        .iter()
        .map(|&(top, bottom)| {
            let leaves_off = |gutter: &Gutter| {
                gutter.is_drawn
                    && [top, (top + bottom) / 2.0, bottom].iter().all(|&at| !drawn.at_row(gutter, at, em).is_drawn)
            };
            gutters.iter().map(leaves_off).collect()
        })
        .collect();
    spans::where_lines_end(&mut grid, atoms, &ends);
    spans::over_columns(&mut grid, atoms, &drawn.bars, em);
    spans::of_groups(&mut grid);
    spans::over_rows(&mut grid, &across, em);
    spans::of_labels(&mut grid);
    debug_assert_eq!(columns, grid.columns.len());
    grid.fill();
    Some(grid)
}

/// Share of rows that keep to the columns: no two parts of a row are in one column, and a row of one part is in one.
fn fit(rows: &[Row], parts: &[Vec<Segment>]) -> f32 {
    let keeps = |(row, parts): &(&Row, &Vec<Segment>)| {
        row.pieces.len() >= parts.len()
            && (row.pieces.len() > 1 || row.pieces.iter().all(|piece| piece.first == piece.last))
    };
    rows.iter().zip(parts).filter(keeps).count() as f32 / rows.len().max(1) as f32
}

/// Whether rows of text keep to the columns of others.
pub(super) struct Keeping<'a> {
    atoms: &'a [Atom<'a>],
    gutters: Vec<Gutter>,
    em: f32,
}

impl<'a> Keeping<'a> {
    pub(super) fn of(atoms: &'a [Atom<'a>], rows: &[(TextRow, Vec<Segment>)], em: f32) -> Self {
        let parts: Vec<Vec<Segment>> = rows.iter().map(|(_, parts)| parts.clone()).collect();
        let heights: Vec<f32> = rows.iter().map(|(row, _)| row.middle()).collect();
        Self { atoms, gutters: gutters(&parts, &heights, &[], em), em }
    }

    /// Whether each part of the row is in a column of its own; of a row of one part, whether that is in one, and in which.
    pub(super) fn keeps(&self, (row, parts): &(TextRow, Vec<Segment>)) -> bool {
        let pieces = pieces(self.atoms, row, &self.gutters, self.em);
        let over = pieces.iter().filter(|piece| piece.last > piece.first).count();
        pieces.len() >= parts.len() && over * 3 <= pieces.len() - usize::from(pieces.len() == 1 && over == 1)
    }

    /// The column of a row of one part that is in one.
    pub(super) fn column(&self, (row, _): &(TextRow, Vec<Segment>)) -> Option<usize> {
        match &pieces(self.atoms, row, &self.gutters, self.em)[..] {
            [piece] if piece.first == piece.last => Some(piece.first),
            _ => None,
        }
    }
}

/// From where to where the words of each column reach that reach over no other.
fn extents(rows: &[Row], gutters: &[Gutter], rect: &Rect) -> Vec<(f32, f32)> {
    let mut extents = vec![(f32::INFINITY, f32::NEG_INFINITY); gutters.len() + 1];
    for piece in rows.iter().flat_map(|row| &row.pieces).filter(|piece| piece.first == piece.last) {
        if let Some(extent) = extents.get_mut(piece.first) {
            *extent = (extent.0.min(piece.left), extent.1.max(piece.right));
        }
    }
    for (at, extent) in extents.iter_mut().enumerate().filter(|(_, extent)| extent.0 > extent.1) {
        let left = if at == 0 { rect.left } else { gutters[at - 1].right };
        let right = gutters.get(at).map_or(rect.right, |gutter| gutter.left);
        *extent = (left, right.max(left));
    }
    extents
}

/// The cells of one row, of rows of text that stand in it.
fn cells_of(number: usize, rows: &[Row]) -> Vec<GridCell> {
    let mut cells: Vec<(Range<usize>, Vec<Vec<usize>>)> = Vec::new();
    for row in rows {
        for piece in &row.pieces {
            let columns = piece.first..piece.last + 1;
            let meets =
                |cell: &(Range<usize>, Vec<Vec<usize>>)| cell.0.start < columns.end && columns.start < cell.0.end;
            let met: Vec<usize> = (0..cells.len()).filter(|&at| meets(&cells[at])).collect();
            match met.first() {
                None => cells.push((columns, vec![piece.atoms.clone()])),
                Some(&first) => {
                    let mut others = Vec::new();
                    for &at in met[1..].iter().rev() {
                        others.push(cells.remove(at));
                    }
                    let cell = &mut cells[first];
                    for (range, lines) in others.into_iter().rev() {
                        cell.0 = cell.0.start.min(range.start)..cell.0.end.max(range.end);
                        cell.1.extend(lines);
                    }
                    cell.0 = cell.0.start.min(columns.start)..cell.0.end.max(columns.end);
                    cell.1.push(piece.atoms.clone());
                }
            }
        }
    }
    cells
        .into_iter()
        .map(|(columns, lines)| GridCell {
            row: number,
            column: columns.start,
            row_span: 1,
            column_span: columns.len(),
            lines,
        })
        .collect()
}

/// See [`Grid::rows_above_bar`].
fn rows_above_bar(grid: &Grid, places: &[f32]) -> usize {
    let middle = |row: &(f32, f32)| (row.0 + row.1) / 2.0;
    let rows_above = |bar: f32| grid.rows.iter().filter(|row| middle(row) < bar).count();
    let inner: Vec<usize> =
        places.iter().map(|&bar| rows_above(bar)).filter(|&above| above > 0 && above < grid.rows.len()).collect();
    let mut different = inner.clone();
    different.dedup();
    match inner.first() {
        Some(&first) if different.len() + 1 < grid.rows.len() || grid.rows.len() == 2 => first,
        _ => 0,
    }
}

impl Grid {
    /// Adds cells without text where there are none, and puts all in order.
    pub(super) fn fill(&mut self) {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        let mut taken = vec![false; rows * columns];
        self.cells.sort_by_key(|cell| (cell.row, cell.column));
        // What would cover a place that is taken is cut back to its own.
        for cell in &mut self.cells {
            let is_free = |taken: &[bool], rows: Range<usize>, range: Range<usize>| {
                rows.clone().all(|row| range.clone().all(|column| !taken[row * columns + column]))
            };
            if !is_free(&taken, cell.rows(), cell.columns()) {
                (cell.row_span, cell.column_span) = (1, 1);
            }
            for row in cell.rows() {
                cell.columns().for_each(|column| taken[row * columns + column] = true);
            }
        }
        for at in (0..rows * columns).filter(|&at| !taken[at]) {
            let (row, column) = (at / columns, at % columns);
            self.cells.push(GridCell { row, column, row_span: 1, column_span: 1, lines: Vec::new() });
        }
        self.cells.sort_by_key(|cell| (cell.row, cell.column));
        // Cells of one place are one.
        self.cells.dedup_by(|next, kept| {
            let is_same = (next.row, next.column) == (kept.row, kept.column);
            if is_same {
                kept.lines.append(&mut next.lines);
            }
            is_same
        });
    }
}
