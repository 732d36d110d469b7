//! Tables whose cells a network was asked about: its rows and columns, with the page's words in them.

use super::{
    FoundTable, LEAST_CONFIDENCE,
    atoms::{Atom, atoms_of, height_of},
    tagged,
};
use crate::{
    geometry::{Point, Rect},
    record::TextLine,
    structure::{Hints, SeenCell, SeenTable, TagCell},
};

/// A page has few, and larger ones are a network's confusion.
const MOST_TABLES: usize = 64;
const MOST_CELLS: usize = 5_000;

pub(super) fn tables(lines: &[TextLine], is_free: &[bool], hints: &Hints) -> Vec<FoundTable> {
    if hints.tables.is_empty() {
        return Vec::new();
    }
    let atoms = atoms_of(lines, is_free, hints);
    let em = height_of(&atoms);
    let mut is_taken = vec![false; lines.len()];
    let mut found = Vec::new();
    for table in hints.tables.iter().take(MOST_TABLES) {
        let cells: Vec<&SeenCell> = table.cells.iter().filter(|cell| is_placed(&cell.rect)).take(MOST_CELLS).collect();
        let is_in = |atom: &Atom<'_>| {
            let middle = lines[atom.line].polygon.bounds().center();
            !is_taken[atom.line] && holds(&table.rect, middle)
        };
        let members: Vec<(usize, TagCell)> = (0..atoms.len())
            .filter(|&at| is_in(&atoms[at]))
            .filter_map(|at| Some((at, tag(cell_of(&cells, &atoms[at].rect)?))))
            .collect();
        if !is_table(table, &members) {
            continue;
        }
        if let Some((lines, rect, set)) = tagged::set(members, &atoms, lines, hints, em) {
            lines.iter().for_each(|&line| is_taken[line] = true);
            found.push(FoundTable { lines, rect, table: set, confidence: table.confidence.clamp(0.0, 1.0) });
        }
    }
    found
}

/// Whether words stand in more than one row and column of it, and the network is sure of them.
fn is_table(table: &SeenTable, members: &[(usize, TagCell)]) -> bool {
    let differs = |of: fn(&TagCell) -> u32| members.windows(2).any(|pair| of(&pair[0].1) != of(&pair[1].1));
    table.confidence >= LEAST_CONFIDENCE && differs(|cell| cell.row) && differs(|cell| cell.column)
}

fn tag(cell: &SeenCell) -> TagCell {
    let &SeenCell { row, column, row_span, column_span, is_header, .. } = cell;
    TagCell { table: 0, row, column, row_span, column_span, is_header }
}

/// The cell that most of a word is in, or the nearest.
fn cell_of<'a>(cells: &[&'a SeenCell], word: &Rect) -> Option<&'a SeenCell> {
    let shared = |cell: &&&SeenCell| cell.rect.intersection(word).area();
    let most = cells.iter().max_by(|a, b| shared(a).total_cmp(&shared(b)))?;
    if shared(&most) > 0.0 {
        return Some(most);
    }
    let middle = word.center();
    // Rows lie closer than columns do: what is beside a cell is of it sooner than what is below.
    let distance = |cell: &&&SeenCell| {
        let dx = (cell.rect.left - middle.x).max(middle.x - cell.rect.right).max(0.0);
        let dy = (cell.rect.top - middle.y).max(middle.y - cell.rect.bottom).max(0.0);
        dx + 4.0 * dy
    };
    cells.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied()
}

fn is_placed(rect: &Rect) -> bool {
    [rect.left, rect.top, rect.right, rect.bottom].iter().all(|side| side.is_finite())
}

fn holds(rect: &Rect, point: Point) -> bool {
    (rect.left..=rect.right).contains(&point.x) && (rect.top..=rect.bottom).contains(&point.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Polygon;

    #[test]
    fn words_stand_in_the_cells_that_the_network_sees() {
        let place = |left: f32, top: f32, width: f32| Rect { left, top, right: left + width, bottom: top + 10.0 };
        let line = |text: &str, left, top| TextLine {
            text: text.to_owned(),
            polygon: Polygon::from_rect(place(left, top, 8.0 * text.len() as f32)),
            confidence: Some(0.9),
            words: Vec::new(),
        };
        let lines = [
            line("Item", 10.0, 10.0),
            line("Price", 110.0, 10.0),
            line("Nut", 10.0, 30.0),
            line("7", 110.0, 30.0),
            line("and bolt", 10.0, 42.0),
            line("Text below", 10.0, 90.0),
        ];
        let cell = |row, column, rect| SeenCell { row, column, row_span: 1, column_span: 1, is_header: row == 0, rect };
        let tall = |left, width| Rect { left, top: 28.0, right: left + width, bottom: 54.0 };
        let table = SeenTable {
            rect: Rect { left: 0.0, top: 0.0, right: 200.0, bottom: 60.0 },
            cells: vec![
                cell(0, 0, place(8.0, 9.0, 50.0)),
                cell(0, 1, place(108.0, 9.0, 50.0)),
                cell(1, 0, tall(8.0, 60.0)),
                cell(1, 1, tall(104.0, 3.0)),
                cell(2, 0, Rect { left: f32::NAN, ..place(0.0, 0.0, 1.0) }),
            ],
            confidence: 0.9,
        };
        let hints = |table: SeenTable| Hints { width: 200.0, height: 200.0, tables: vec![table], ..Hints::default() };
        let found = tables(&lines, &[true; 6], &hints(table.clone()));
        let [FoundTable { lines: own, table: set, .. }] = &found[..] else { panic!("{found:?}") };
        assert_eq!((set.rows, set.columns, set.header_rows), (2, 2, 1));
        let texts: Vec<_> = set.cells.iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(texts, ["Item", "Price", "Nut and bolt", "7"], "what is beside a cell is of it");
        assert!(own.len() == 5 && !own.contains(&5), "{own:?}");
        assert!(tables(&lines, &[false; 6], &hints(table.clone())).is_empty(), "lines that others have");
        assert!(tables(&lines, &[true; 6], &hints(SeenTable { confidence: 0.4, ..table })).is_empty());
    }
}
