//! A table as places that cells cover.

use std::ops::Range;

/// A cell of a grid; rows and columns count from 0.
#[derive(Clone, Debug)]
pub(super) struct GridCell {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) row_span: usize,
    pub(super) column_span: usize,
    /// Indices of atoms: its lines, downwards.
    pub(super) lines: Vec<Vec<usize>>,
}

impl GridCell {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn columns(&self) -> Range<usize> {
        self.column..self.column + self.column_span
    }

    pub(super) fn rows(&self) -> Range<usize> {
        self.row..self.row + self.row_span
    }
}

/// Cells cover each place of the grid once.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    /// By rows, then by columns.
    pub(super) cells: Vec<GridCell>,
    /// From top to bottom of each row, and from left to right of each column.
    pub(super) rows: Vec<(f32, f32)>,
    pub(super) columns: Vec<(f32, f32)>,
    /// How many rows stand above the first line that is drawn across below the first row; 0 where nothing is drawn, or below every row.
    pub(super) rows_above_bar: usize,
    /// Share of the rows of text that keep to the columns.
    pub(super) fit: f32,
}
