//! Whether a grid is a table, and how sure that is.

use super::{
    Evidence,
    atoms::{Atom, is_numeric},
    lattice::{Grid, GridCell},
};

/// Of a grid of drawn lines: charts and drawings have grids, too, with nothing in most cells, or all in one.
pub(super) fn of_drawn(grid: &Grid) -> f32 {
    let cells = grid.cells.len().max(1) as f32;
    let filled = grid.cells.iter().filter(|cell| !cell.is_empty()).count() as f32;
    let all: usize = grid.cells.iter().map(words).sum();
    let most = grid.cells.iter().map(words).max().unwrap_or(0);
    let columns = grid.columns.len();
    // A letter's frame with a box in it.
    let is_one = most > 60 && most * 10 > all * 8;
    let share = filled / cells;
    let several = (0..grid.rows.len()).filter(|&row| filled_of(grid, row) > 1).count();
    if grid.rows.len() * columns < 2 || is_one || several == 0 || filled < 3.0 {
        return 0.0;
    }
    match share {
        s if s > 0.6 => 0.97,
        s if s > 0.3 => 0.8,
        s if s > 0.15 && columns > 2 => 0.6,
        _ => 0.3,
    }
}

fn words(cell: &GridCell) -> usize {
    cell.lines.iter().map(Vec::len).sum()
}

fn filled_of(grid: &Grid, row: usize) -> usize {
    grid.cells.iter().filter(|cell| cell.row == row && !cell.is_empty()).count()
}

fn text(cell: &GridCell, atoms: &[Atom<'_>]) -> String {
    cell.lines.iter().flatten().map(|&at| atoms[at].text).collect::<Vec<_>>().join(" ")
}

/// Of a grid whose columns are parted by space. `is_named` says whether a caption calls it a table.
pub(super) fn of_open(grid: &Grid, atoms: &[Atom<'_>], em: f32, evidence: Evidence, is_named: bool) -> f32 {
    let (rows, columns) = (grid.rows.len(), grid.columns.len());
    let several = (0..rows).filter(|&row| filled_of(grid, row) > 1).count();
    if columns < 2 || rows < 2 || several < 2 || several * 2 < rows {
        return 0.0;
    }
    let cells: Vec<&GridCell> = grid.cells.iter().filter(|cell| !cell.is_empty()).collect();
    let share =
        cells.iter().map(|cell| cell.column_span * cell.row_span).sum::<usize>() as f32 / (rows * columns) as f32;
    let texts: Vec<String> = cells.iter().map(|cell| text(cell, atoms)).collect();
    let of_column = |column: usize| {
        cells.iter().zip(&texts).filter(move |(cell, _)| cell.column == column && cell.column_span == 1)
    };
    if has_leaders(&texts) || is_list(&of_column(0).map(|(_, text)| text.as_str()).collect::<Vec<_>>(), columns) {
        return 0.0;
    }
    let numeric = (1..columns)
        .filter(|&column| {
            let (all, numbers) = of_column(column)
                .fold((0, 0), |(all, numbers), (_, text)| (all + 1, numbers + usize::from(is_numeric(text))));
            all > 1 && numbers * 10 >= (all - 1) * 7 && numbers > 1
        })
        .count();
    let aligned = (0..columns)
        .map(|column| alignment(&of_column(column).map(|(cell, _)| *cell).collect::<Vec<_>>(), atoms, em))
        .sum::<f32>()
        / columns as f32;
    let words: usize = cells.iter().map(|cell| self::words(cell)).sum();
    let per_cell = words as f32 / cells.len().max(1) as f32;
    let first_is_bold = grid
        .cells
        .iter()
        .filter(|cell| cell.row == 0)
        .flat_map(|cell| cell.lines.iter().flatten())
        .all(|&at| atoms[at].is_bold);
    let rest_is_bold =
        cells.iter().filter(|cell| cell.row > 0).all(|cell| cell.lines.iter().flatten().all(|&at| atoms[at].is_bold));
    let narrowest = grid.columns.windows(2).map(|pair| pair[1].0 - pair[0].1).fold(f32::INFINITY, f32::min);
    let mut score: f32 = match evidence {
        Evidence::Drawn => 0.75,
        Evidence::OneBar => 0.35,
        Evidence::Network => 0.5,
        Evidence::Space => 0.0,
    };
    score += if is_named { 0.35 } else { 0.0 };
    score += if numeric > 0 { 0.3 } else { 0.0 };
    score += if columns > 2 && several > 2 { 0.25 } else { 0.0 };
    score += if first_is_bold && !rest_is_bold { 0.2 } else { 0.0 };
    score += 0.3 * (aligned - 0.6);
    score += if several > 4 { 0.1 } else { 0.0 };
    score += if narrowest > 1.5 * em { 0.1 } else { 0.0 };
    score += if grid.fit < 0.9 { 0.8 * (grid.fit - 0.9) } else { 0.0 };
    score -= if per_cell > 6.0 { 0.06 * (per_cell - 6.0) } else { 0.0 };
    score -= if share < 0.6 { 0.6 - share } else { 0.0 };
    score -= if several < 3 && columns < 5 && evidence == Evidence::Space { 0.25 } else { 0.0 };
    score.min(match evidence {
        Evidence::Drawn => 0.95,
        _ => 0.9,
    })
}

/// Whether entries lead over dots to page numbers.
fn has_leaders(texts: &[String]) -> bool {
    let dotted = |text: &&String| {
        let dots = text.chars().filter(|&c| matches!(c, '.' | '…' | '·' | '_')).count();
        dots > 4 && dots * 3 > text.chars().filter(|c| !c.is_whitespace()).count()
            || text.contains(". . .")
            || text.contains(".....")
    };
    texts.iter().filter(dotted).count() * 4 > texts.len()
}

/// Whether the first of two columns has nothing but bullets and numbers of a list.
fn is_list(first: &[&str], columns: usize) -> bool {
    let is_marker = |text: &&&str| {
        let inner = text.trim_matches(|c: char| "()[].:•·–-*◦▪■□‣o".contains(c));
        text.chars().count() <= 5
            && (inner.is_empty()
                || (inner.chars().count() < text.chars().count()
                    && inner.chars().all(|c| c.is_ascii_digit() || c == '.')
                    && !text.starts_with('-'))
                || (inner.chars().count() < text.chars().count() && inner.chars().count() == 1))
    };
    columns == 2 && !first.is_empty() && first.iter().filter(is_marker).count() * 10 >= first.len() * 7
}

/// Share of cells that begin, end or have their middles at one place.
fn alignment(cells: &[&GridCell], atoms: &[Atom<'_>], em: f32) -> f32 {
    let reach = |cell: &&GridCell| {
        cell.lines.iter().flatten().fold((f32::INFINITY, f32::NEG_INFINITY), |(left, right), &at| {
            (left.min(atoms[at].rect.left), right.max(atoms[at].rect.right))
        })
    };
    let reaches: Vec<(f32, f32)> = cells.iter().map(reach).collect();
    if reaches.len() < 2 {
        return 0.6;
    }
    let most = |values: Vec<f32>| {
        let middle = super::atoms::median(values.clone());
        values.iter().filter(|&&value| (value - middle).abs() < 0.3 * em).count()
    };
    let best = most(reaches.iter().map(|r| r.0).collect())
        .max(most(reaches.iter().map(|r| r.1).collect()))
        .max(most(reaches.iter().map(|r| (r.0 + r.1) / 2.0).collect()));
    best as f32 / reaches.len() as f32
}
