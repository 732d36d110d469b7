//! Tables that are drawn: grids of lines, and regions between lines of one width or of shaded rows.

use super::{
    atoms::{Atom, is_numeric, text_of, text_rows},
    lattice::{Grid, GridCell},
    rules::{Rule, Rules},
};
use crate::geometry::Rect;

/// Lines of one grid that are looked at.
const MOST: usize = 1_500;

/// Words of one text stand no further apart, in ems.
const CELL_GAP: f32 = 1.0;

/// Lines that meet.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) rect: Rect,
    pub(super) horizontal: Vec<Rule>,
    pub(super) vertical: Vec<Rule>,
}

/// Sets of lines that meet each other, with lines of both directions.
pub(super) fn frames(rules: &Rules, em: f32) -> Vec<Frame> {
    let (horizontal, vertical) = (&rules.horizontal, &rules.vertical);
    if horizontal.len() > MOST || vertical.len() > MOST || vertical.is_empty() {
        return Vec::new();
    }
    let near = 0.35 * em;
    let mut parent: Vec<usize> = (0..horizontal.len() + vertical.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for (at, rule) in horizontal.iter().enumerate() {
        let from = vertical.partition_point(|v| v.at < rule.from - near);
        for (offset, v) in vertical[from..].iter().enumerate().take_while(|(_, v)| v.at <= rule.to + near) {
            if v.from - near <= rule.at && rule.at <= v.to + near {
                let (a, b) = (root(&mut parent, at), root(&mut parent, horizontal.len() + from + offset));
                parent[a] = b;
            }
        }
    }
    let mut sets: std::collections::BTreeMap<usize, Frame> = std::collections::BTreeMap::new();
    let empty = Rect { left: f32::INFINITY, top: f32::INFINITY, right: f32::NEG_INFINITY, bottom: f32::NEG_INFINITY };
    for at in 0..parent.len() {
        let set = root(&mut parent, at);
        let frame =
            sets.entry(set).or_insert_with(|| Frame { rect: empty, horizontal: Vec::new(), vertical: Vec::new() });
        if let Some(rule) = horizontal.get(at) {
            frame.rect = frame.rect.union(&Rect { left: rule.from, right: rule.to, top: rule.at, bottom: rule.at });
            frame.horizontal.push(*rule);
        } else {
            let rule = vertical[at - horizontal.len()];
            frame.rect = frame.rect.union(&Rect { left: rule.at, right: rule.at, top: rule.from, bottom: rule.to });
            frame.vertical.push(rule);
        }
    }
    sets.into_values().filter(|frame| !frame.vertical.is_empty() && !frame.horizontal.is_empty()).collect()
}

/// Places that are different, of those given.
fn places(values: impl Iterator<Item = f32>, near: f32) -> Vec<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    let mut places: Vec<f32> = Vec::new();
    for value in values {
        if places.last().is_none_or(|&last| value - last > near) {
            places.push(value);
        }
    }
    places
}

impl Frame {
    /// Lines between the outermost, that run over most of the frame, in pieces where cells reach over them.
    pub(super) fn inner_verticals(&self, em: f32) -> Vec<Rule> {
        let places = places(self.vertical.iter().map(|rule| rule.at), 0.4 * em);
        let runs = |at: &f32| {
            let length: f32 =
                self.vertical.iter().filter(|rule| (rule.at - at).abs() <= 0.4 * em).map(Rule::length).sum();
            length > 0.5 * self.rect.height()
        };
        let inside = |at: &f32| *at > self.rect.left + 0.5 * em && *at < self.rect.right - 0.5 * em;
        let kept: Vec<f32> = places.into_iter().filter(|at| inside(at) && runs(at)).collect();
        let is_kept = |rule: &&Rule| kept.iter().any(|at| (rule.at - at).abs() <= 0.4 * em);
        self.vertical.iter().filter(is_kept).copied().collect()
    }

    /// The grid that the lines make, if they do: each cell between lines, those over several rows or columns being where lines are missing.
    /// `None` where there are no inner lines of both directions, or rows of text stand in cells as in a table without lines.
    pub(super) fn grid(&self, atoms: &[Atom<'_>], members: &[usize], em: f32) -> Option<Grid> {
        let near = 0.4 * em;
        let mut xs = places(self.vertical.iter().map(|rule| rule.at), near);
        let mut ys = places(self.horizontal.iter().map(|rule| rule.at), near);
        // A side that is not drawn, as where only lines between cells are.
        let (left, right) = (self.rect.left, self.rect.right);
        if xs.first().is_some_and(|&x| x - left > 0.8 * em) {
            xs.insert(0, left);
        }
        if xs.last().is_some_and(|&x| right - x > 0.8 * em) {
            xs.push(right);
        }
        let (top, bottom) = (self.rect.top, self.rect.bottom);
        if ys.first().is_some_and(|&y| y - top > 0.8 * em) {
            ys.insert(0, top);
        }
        if ys.last().is_some_and(|&y| bottom - y > 0.8 * em) {
            ys.push(bottom);
        }
        let (columns, rows) = (xs.len().saturating_sub(1), ys.len().saturating_sub(1));
        if columns < 2 || rows < 2 || columns * rows > 40_000 {
            return None;
        }
        let has_line = |rules: &[Rule], at: f32, from: f32, to: f32| {
            let covered: f32 = rules
                .iter()
                .filter(|rule| (rule.at - at).abs() <= near)
                .map(|rule| rule.within(from, to).max(0.0))
                .sum();
            covered > 0.5 * (to - from)
        };
        // Of each place, the cell that it belongs to.
        let mut cells: Vec<(usize, usize, usize, usize)> = Vec::new();
        let mut taken = vec![false; rows * columns];
        for row in 0..rows {
            for column in 0..columns {
                if taken[row * columns + column] {
                    continue;
                }
                let (mut to_column, mut to_row) = (column + 1, row + 1);
                while to_column < columns
                    && !taken[row * columns + to_column]
                    && !has_line(&self.vertical, xs[to_column], ys[row], ys[row + 1])
                {
                    to_column += 1;
                }
                while to_row < rows && !has_line(&self.horizontal, ys[to_row], xs[column], xs[to_column]) {
                    // A row that is parted where the one above is not is another cell.
                    let is_parted =
                        (column + 1..to_column).any(|x| has_line(&self.vertical, xs[x], ys[to_row], ys[to_row + 1]));
                    if is_parted || (column..to_column).any(|x| taken[to_row * columns + x]) {
                        break;
                    }
                    to_row += 1;
                }
                for row in row..to_row {
                    (column..to_column).for_each(|column| taken[row * columns + column] = true);
                }
                cells.push((row, column, to_row, to_column));
            }
        }
        let mut filled: Vec<Vec<usize>> = vec![Vec::new(); cells.len()];
        let mut cell_at = vec![0; rows * columns];
        for (number, &(row, column, to_row, to_column)) in cells.iter().enumerate() {
            for row in row..to_row {
                (column..to_column).for_each(|column| cell_at[row * columns + column] = number);
            }
        }
        for &index in members {
            let middle = atoms[index].rect.center();
            let row = ys.partition_point(|&y| y < middle.y).saturating_sub(1).min(rows - 1);
            let column = xs.partition_point(|&x| x < middle.x).saturating_sub(1).min(columns - 1);
            filled[cell_at[row * columns + column]].push(index);
        }
        let cells: Vec<GridCell> = cells
            .into_iter()
            .zip(filled)
            .map(|((row, column, to_row, to_column), members)| GridCell {
                row,
                column,
                row_span: to_row - row,
                column_span: to_column - column,
                lines: text_rows(atoms, members).into_iter().map(|row| row.atoms).collect(),
            })
            .collect();
        let grid = Grid {
            cells,
            rows: ys.windows(2).map(|pair| (pair[0], pair[1])).collect(),
            columns: xs.windows(2).map(|pair| (pair[0], pair[1])).collect(),
            rows_above_bar: 0,
            fit: 1.0,
        };
        let grid = grid.without_hollow();
        (grid.rows.len() * grid.columns.len() > 1 && !grid.holds_rows(atoms, em)).then_some(grid)
    }
}

impl Grid {
    /// Leaves out rows and columns in which no cell begins that has text, at the edges: what was drawn around the table.
    fn without_hollow(mut self) -> Self {
        loop {
            let (rows, columns) = (self.rows.len(), self.columns.len());
            let is_hollow_row = |row: usize| {
                self.cells.iter().filter(|cell| cell.rows().contains(&row)).all(GridCell::is_empty)
                    && self.rows[row].1 - self.rows[row].0 < 0.6 * self.usual_height()
            };
            let is_hollow_column = |column: usize| {
                self.cells.iter().filter(|cell| cell.columns().contains(&column)).all(GridCell::is_empty)
                    && self.columns[column].1 - self.columns[column].0 < 0.8 * self.usual_height()
            };
            if let Some(row) = (0..rows).find(|&row| rows > 1 && is_hollow_row(row)) {
                self.rows.remove(row);
                self.cells.retain(|cell| cell.rows() != (row..row + 1));
                for cell in &mut self.cells {
                    if cell.rows().contains(&row) {
                        cell.row_span -= 1;
                    } else if cell.row > row {
                        cell.row -= 1;
                    }
                }
            } else if let Some(column) = (0..columns).find(|&column| columns > 1 && is_hollow_column(column)) {
                self.columns.remove(column);
                self.cells.retain(|cell| cell.columns() != (column..column + 1));
                for cell in &mut self.cells {
                    if cell.columns().contains(&column) {
                        cell.column_span -= 1;
                    } else if cell.column > column {
                        cell.column -= 1;
                    }
                }
            } else {
                return self;
            }
        }
    }

    fn usual_height(&self) -> f32 {
        super::atoms::median(self.rows.iter().map(|row| row.1 - row.0).collect())
    }

    /// Whether rows of text stand side by side within rows of the grid, as in a table that has a frame, lines between columns and a line
    /// below its header, and none between its rows: most text is in such rows, and lines of several cells end there though the next word
    /// had room.
    fn holds_rows(&self, atoms: &[Atom<'_>], em: f32) -> bool {
        let is_numbers = |cell: &GridCell| {
            let numbers = cell.lines.iter().filter(|line| is_numeric(&text_of(atoms, line))).count();
            numbers > 1 && numbers * 10 >= cell.lines.len() * 7
        };
        let lines_of = |row: usize| {
            self.cells.iter().filter(move |cell| cell.row == row && cell.row_span == 1).map(|cell| cell.lines.len())
        };
        let all: usize = (0..self.rows.len()).map(|row| lines_of(row).max().unwrap_or(0)).sum();
        let holding: usize = (0..self.rows.len())
            .filter(|&row| {
                let own: Vec<&GridCell> = self
                    .cells
                    .iter()
                    .filter(|cell| cell.row == row && cell.row_span == 1 && cell.lines.len() > 1)
                    .collect();
                let broken = own.iter().filter(|cell| self.is_broken(cell, atoms, em)).count();
                // Numbers below each other, beside as many lines.
                let beside = own.iter().filter(|cell| is_numbers(cell)).any(|numbers| {
                    let has_more =
                        |cell: &&&GridCell| cell.column != numbers.column && cell.lines.len() >= numbers.lines.len();
                    own.iter().any(|cell| has_more(&cell))
                });
                beside
                    || own.iter().any(|cell| cell.column_span > 1 && is_spaced(cell, atoms, em))
                    || self.are_level(&own, row, atoms, em)
                    || (broken > 1 && broken * 2 > own.len() && broken * 3 >= self.columns.len())
            })
            .map(|row| lines_of(row).max().unwrap_or(0))
            .sum();
        // Of two lines below a heading of two, half is held.
        all > 0 && holding * 2 >= all
    }

    /// Whether all cells of a row have as many lines, three at least, each beside those of the others, and in half of the cells a line ends though the
    /// next word had room.
    fn are_level(&self, own: &[&GridCell], row: usize, atoms: &[Atom<'_>], em: f32) -> bool {
        let Some(first) = own.first() else { return false };
        let filled = self.cells.iter().filter(|cell| cell.rows().contains(&row) && !cell.is_empty()).count();
        let middle = |line: &Vec<usize>| line.first().map_or(0.0, |&at| atoms[at].rect.center().y);
        let is_beside = |cell: &&GridCell| {
            cell.lines.len() == first.lines.len()
                && cell.lines.iter().zip(&first.lines).all(|(a, b)| (middle(a) - middle(b)).abs() < 0.3 * em)
        };
        let ending = own.iter().filter(|cell| self.early_ends(cell, atoms, em) > 0).count();
        own.len() > 1
            && own.len() == filled
            && first.lines.len() > 2
            && own.iter().all(is_beside)
            && ending * 2 >= own.len()
    }

    /// Whether the lines of a cell are no lines of one text: most end though the next word had room, or are numbers.
    fn is_broken(&self, cell: &GridCell, atoms: &[Atom<'_>], em: f32) -> bool {
        let is_number = |line: &&Vec<usize>| is_numeric(&text_of(atoms, line));
        if cell.lines.iter().filter(is_number).count() * 10 >= cell.lines.len() * 7 {
            return true;
        }
        self.early_ends(cell, atoms, em) * 2 > cell.lines.len() - 1
    }

    /// How many lines of a cell end though the next word had room.
    fn early_ends(&self, cell: &GridCell, atoms: &[Atom<'_>], em: f32) -> usize {
        let (from, to) = (self.columns[cell.column].0, self.columns[cell.columns().end - 1].1);
        let breaks = cell.lines.windows(2).filter(|pair| {
            let width = |line: &[usize]| {
                let left = line.first().map_or(0.0, |&at| atoms[at].rect.left);
                line.last().map_or(0.0, |&at| atoms[at].rect.right) - left
            };
            let word = pair[1].first().map_or(0.0, |&at| atoms[at].rect.width());
            width(&pair[0]) + word + 0.8 * em < to - from
        });
        breaks.count()
    }
}

/// Whether most lines of a cell have words that stand apart as those of cells do.
fn is_spaced(cell: &GridCell, atoms: &[Atom<'_>], em: f32) -> bool {
    let has_gap = |line: &&Vec<usize>| {
        line.windows(2).any(|pair| atoms[pair[1]].rect.left - atoms[pair[0]].rect.right > CELL_GAP * em)
    };
    cell.lines.iter().filter(has_gap).count() * 3 >= cell.lines.len() * 2
}

/// Regions of the page between the first and the last of bars that begin and end at the same places, each with its bars downwards.
pub(super) fn stacks(rules: &Rules, em: f32) -> Vec<(Rect, Vec<Rule>)> {
    let near = 0.8 * em;
    let edges = rules
        .shades
        .iter()
        .flat_map(|shade| [shade.top, shade.bottom].map(|at| Rule { at, from: shade.left, to: shade.right }));
    let lines = rules.horizontal.iter().map(|&rule| (rule, true));
    let mut bars: Vec<(Rule, bool)> =
        lines.chain(edges.map(|edge| (edge, false))).filter(|(bar, _)| bar.length() > 4.0 * em).collect();
    bars.sort_by(|a, b| a.0.at.total_cmp(&b.0.at));
    bars.truncate(4_000);
    let mut stacks: Vec<(Rect, Vec<Rule>)> = Vec::new();
    for &(bar, is_line) in &bars {
        let own = Rect { left: bar.from, right: bar.to, top: bar.at, bottom: bar.at };
        let fits = |(rect, _): &&mut (Rect, Vec<Rule>)| {
            let shared = rect.right.min(own.right) - rect.left.max(own.left);
            let is_same = (rect.left - own.left).abs() < near && (rect.right - own.right).abs() < near;
            // Lines that leave a column out at a side, for cells over several rows.
            let is_part = is_line
                && shared > 0.6 * rect.width()
                && own.left > rect.left - near
                && own.right < rect.right + near
                && own.top - rect.bottom < 4.0 * em;
            is_same || is_part
        };
        match stacks.iter_mut().rev().take(24).find(fits) {
            Some((rect, bars)) => {
                *rect = rect.union(&own);
                if bars.last().is_none_or(|last| bar.at - last.at > 0.2 * em || bar.length() > last.length() + near) {
                    bars.push(bar);
                }
            }
            None => stacks.push((own, vec![bar])),
        }
    }
    // What is shaded may be some of a table's columns, or cells of some of its rows: the longest line there says how wide it is.
    for (rect, _) in &mut stacks {
        let near = 2.0 * em;
        let from = bars.partition_point(|(bar, _)| bar.at < rect.top - near);
        let wider =
            bars[from..].iter().map(|(bar, _)| bar).take_while(|bar| bar.at < rect.bottom + near).filter(|bar| {
                bar.from < rect.left + 0.5 * em && bar.to > rect.right - 0.5 * em && bar.length() < 6.0 * rect.width()
            });
        if let Some(widest) = wider.max_by(|a, b| a.length().total_cmp(&b.length())) {
            (rect.left, rect.right) = (rect.left.min(widest.from), rect.right.max(widest.to));
        }
    }
    stacks
}
