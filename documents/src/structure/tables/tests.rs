//! Whole pages, set in letters half an em wide.

use super::*;
use crate::{
    geometry::Polygon,
    record::Word,
    structure::{CellRun, LineStyle, Ruling, TagCell},
};

const EM: f32 = 10.0;

/// A line that begins at (x, y), with blanks a quarter of an em wide.
fn line(x: f32, y: f32, text: &str) -> TextLine {
    let mut right = x;
    let place = |left: f32, right: f32| Polygon::from_rect(Rect { left, top: y, right, bottom: y + EM });
    let words = text.split(' ').map(|word| {
        let left = if right > x { right + 0.25 * EM } else { x };
        right = left + 0.5 * EM * word.chars().count() as f32;
        Word { text: word.to_owned(), polygon: place(left, right), confidence: None }
    });
    let words: Vec<Word> = words.collect();
    TextLine { text: text.to_owned(), polygon: place(x, right), confidence: None, words }
}

/// Rows of cells parted by `|`, each cell a line, columns at `lefts`; rows `pitch` apart from `top` on.
fn rows(top: f32, pitch: f32, lefts: &[f32], rows: &[&str]) -> Vec<TextLine> {
    let cells = rows.iter().enumerate().flat_map(|(row, text)| {
        let cells = text.split('|').zip(lefts).filter(|(text, _)| !text.is_empty());
        cells.map(move |(text, &left)| line(left, top + pitch * row as f32, text)).collect::<Vec<_>>()
    });
    cells.collect()
}

fn across(y: f32, from: f32, to: f32) -> Ruling {
    Ruling { rect: Rect { left: from, top: y - 0.3, right: to, bottom: y + 0.3 } }
}

fn down(x: f32, from: f32, to: f32) -> Ruling {
    Ruling { rect: Rect { left: x - 0.3, top: from, right: x + 0.3, bottom: to } }
}

/// Cells by rows, `text*columns^rows` where they span.
fn said(table: &Table) -> Vec<String> {
    let cell = |cell: &crate::blocks::Cell| {
        let span = |sign: &str, span: u32| if span > 1 { format!("{sign}{span}") } else { String::new() };
        format!("{}{}{}", cell.text, span("*", cell.column_span), span("^", cell.row_span))
    };
    let row = |row| table.cells.iter().filter(|c| c.row == row).map(cell).collect::<Vec<_>>().join("|");
    (0..table.rows).map(row).collect()
}

fn found(lines: &[TextLine], rulings: Vec<Ruling>) -> Vec<Vec<String>> {
    let hints = Hints { width: 600.0, height: 800.0, rulings, ..Hints::default() };
    let tables = find(lines, &vec![true; lines.len()], &hints);
    tables.iter().map(|found| said(&found.table)).collect()
}

#[test]
fn a_small_grid_of_lines_is_a_table_and_missing_lines_are_spans() {
    let lines = rows(103.0, 20.0, &[105.0, 205.0], &["Name|Sum", "a b|12"]);
    let frame = |y: f32| across(y, 100.0, 300.0);
    let sides = [down(100.0, 100.0, 140.0), down(300.0, 100.0, 140.0)];
    let mut rulings = vec![frame(100.0), frame(120.0), frame(140.0), down(200.0, 100.0, 140.0)];
    rulings.extend(sides);
    assert_eq!(found(&lines, rulings.clone()), [["Name|Sum", "a b|12"]]);
    rulings[3] = down(200.0, 120.0, 140.0);
    let lines =
        [rows(103.0, 20.0, &[105.0], &["Name and sum"]), rows(123.0, 20.0, &[105.0, 205.0], &["a b|12"])].concat();
    assert_eq!(found(&lines, rulings), [["Name and sum*2", "a b|12"]]);
}

#[test]
fn rows_between_three_lines_are_a_table_with_a_header() {
    let text = ["Kind|Mass|Length", "boat|12.5|3.1", "cart|7.25|2.0", "barrow|1.5|"];
    let lines = rows(103.0, 14.0, &[100.0, 180.0, 240.0], &text);
    let rulings = [100.0, 115.0, 157.0].map(|y| across(y, 98.0, 290.0)).to_vec();
    assert_eq!(found(&lines, rulings.clone()), [["Kind|Mass|Length", "boat|12.5|3.1", "cart|7.25|2.0", "barrow|1.5|"]]);
    let hints = Hints { rulings, ..Hints::default() };
    let tables = find(&lines, &[], &hints);
    assert_eq!(tables[0].table.header_rows, 1);
    assert_eq!(tables[0].lines, (0..lines.len()).collect::<Vec<_>>());
}

#[test]
fn rows_below_a_heading_are_no_lines_of_one_cell_where_columns_are_ruled() {
    let text = ["Port|Of what", "Hull|timber and salt", "Old Danzig|coal", "Faro|lumber of the north"];
    let lines = rows(103.0, 14.0, &[102.0, 162.0], &text);
    let mut rulings = [100.0, 115.0, 158.0].map(|y| across(y, 98.0, 290.0)).to_vec();
    rulings.push(down(156.0, 100.0, 158.0));
    assert_eq!(found(&lines, rulings), [text]);
}

#[test]
fn a_cell_beside_one_of_two_rows_stays_in_its_column_though_its_line_is_not_drawn() {
    let text = ["Port|Ships|Tons", "Hull|12|3,100", "|7|220", "Faro|15|10,045"];
    let lines = rows(103.0, 14.0, &[102.0, 172.0, 232.0], &text);
    let mut rulings = [100.0, 115.0, 158.0].map(|y| across(y, 98.0, 290.0)).to_vec();
    rulings.extend([down(165.0, 100.0, 129.0), down(165.0, 143.0, 158.0), down(225.0, 100.0, 158.0)]);
    assert_eq!(found(&lines, rulings), [["Port|Ships|Tons", "Hull^2|12|3,100", "7|220", "Faro|15|10,045"]]);
}

#[test]
fn a_box_around_a_ruled_header_and_rows_that_are_not_is_a_table() {
    let text = ["Port|Ships|Tons", "Hull|12|3,100", "Faro|7|220", "Danzig|15|10,045"];
    let lines = rows(103.0, 14.0, &[102.0, 172.0, 232.0], &text);
    let mut rulings = [100.0, 115.0, 158.0].map(|y| across(y, 98.0, 290.0)).to_vec();
    rulings.extend([98.0, 290.0].map(|x| down(x, 100.0, 158.0)));
    rulings.extend([165.0, 225.0].map(|x| down(x, 100.0, 115.0)));
    assert_eq!(found(&lines, rulings), [text]);
}

#[test]
fn a_grid_whose_words_all_stand_in_cells_of_several_rows_is_taken_as_it_is_drawn() {
    let lines = [
        line(105.0, 114.0, "Old port"),
        line(245.0, 114.0, "3,100 tons"),
        line(105.0, 154.0, "New port"),
        line(245.0, 154.0, "220 tons"),
    ];
    let mut rulings = [100.0, 140.0, 180.0].map(|y| across(y, 100.0, 320.0)).to_vec();
    rulings.extend([120.0, 160.0].map(|y| across(y, 200.0, 240.0)));
    rulings.extend([100.0, 200.0, 240.0, 320.0].map(|x| down(x, 100.0, 180.0)));
    assert_eq!(found(&lines, rulings), [["Old port^2||3,100 tons^2", "", "New port^2||220 tons^2", ""]]);
}

#[test]
fn a_sheet_of_two_pages_is_folded_in_its_middle() {
    let text = [
        "which of these are the case in your own town",
        "and whose task are they in your country",
        "what else is so in the town, and why is that",
    ];
    let page = |left: f32| rows(100.0, 30.0, &[left], &text);
    let fold = |lines: &[TextLine], width: f32, height: f32| {
        let atoms = atoms_of(lines, &vec![true; lines.len()], &Hints::default());
        unruled::fold(&grid::rows_of(&atoms, (0..atoms.len()).collect(), EM), width, height, EM)
    };
    let both = [page(60.0), page(500.0)].concat();
    assert_eq!(fold(&both, 900.0, 600.0), Some(450.0));
    assert_eq!(fold(&both, 900.0, 800.0), None, "one page of two columns");
    assert_eq!(fold(&page(60.0), 900.0, 600.0), None, "one page that is half empty");
    let crossed = [both, vec![line(400.0, 300.0, "a heading over both")]].concat();
    assert_eq!(fold(&crossed, 900.0, 600.0), None);
}

#[test]
fn aligned_numbers_need_no_lines_and_a_line_may_be_a_row() {
    let text = ["Port|Ships|Tons", "Hull|12|3,100", "Faro|7|220", "Danzig|15|10,045"];
    let apart = rows(100.0, 14.0, &[100.0, 180.0, 240.0], &text);
    assert_eq!(found(&apart, Vec::new()), [text]);
    // Each row one line, with its words where the cells are.
    let whole: Vec<TextLine> = apart
        .chunks(3)
        .map(|cells| {
            let word = |cell: &TextLine| Word { text: cell.text.clone(), polygon: cell.polygon, confidence: None };
            let bounds = cells[0].polygon.bounds().union(&cells[2].polygon.bounds());
            TextLine {
                text: cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" "),
                polygon: Polygon::from_rect(bounds),
                confidence: None,
                words: cells.iter().map(word).collect(),
            }
        })
        .collect();
    assert_eq!(found(&whole, Vec::new()), [text]);
}

#[test]
fn what_only_stands_side_by_side_is_no_table() {
    let prose = "the tide of the harbour went out again over slate";
    let column = |x: f32| (0..8).map(move |row| line(x, 100.0 + 12.0 * row as f32, prose)).collect::<Vec<_>>();
    let two = [column(40.0), column(320.0)].concat();
    assert!(found(&two, Vec::new()).is_empty(), "two columns of prose");
    let framed = vec![across(90.0, 40.0, 570.0), across(205.0, 40.0, 570.0)];
    assert!(found(&two, framed).is_empty(), "and between lines");
    let contents = [
        "Of harbours ..........|3",
        "Of tides ..............|9",
        "Of boats ..............|17",
        "Of kilns ..............|28",
    ];
    assert!(found(&rows(100.0, 14.0, &[60.0, 400.0], &contents), Vec::new()).is_empty(), "contents");
    let list = ["•|one boat at sea", "•|two carts", "•|three of them", "•|four"];
    assert!(found(&rows(100.0, 14.0, &[60.0, 75.0], &list), Vec::new()).is_empty(), "a list");
    let address = ["Hull Docks Ltd|Invoice", "4 Quay Street", "Hull|Page 1 of 2"];
    assert!(found(&rows(100.0, 12.0, &[60.0, 400.0], &address), Vec::new()).is_empty(), "a letterhead");
}

#[test]
fn tagged_cells_are_the_table_also_where_a_line_has_several() {
    let lines = [line(100.0, 100.0, "Port Tons"), line(100.0, 114.0, "Hull 12")];
    let cell = |row, column| TagCell { table: 7, row, column, row_span: 1, column_span: 1, is_header: row == 0 };
    let style = |row| LineStyle {
        cells: vec![CellRun { characters: 0..5, cell: cell(row, 0) }, CellRun { characters: 5..9, cell: cell(row, 1) }],
        ..LineStyle::default()
    };
    let hints = Hints { styles: vec![style(0), style(1)], ..Hints::default() };
    let tables = find(&lines, &[true, true], &hints);
    assert_eq!(said(&tables[0].table), ["Port|Tons", "Hull|12"]);
    assert_eq!((tables[0].table.header_rows, &tables[0].lines[..]), (1, &[0, 1][..]));
}

#[test]
fn hostile_places_are_survived() {
    let odd = [f32::NAN, f32::INFINITY, -1e30, 0.0, 1e30];
    let lines: Vec<TextLine> =
        (0..200).map(|at| line(odd[at % 5], odd[at / 5 % 5], "one two 3")).chain([line(0.0, 0.0, "")]).collect();
    let rulings = (0..200).map(|at| across(odd[at % 5], odd[at / 5 % 5], odd[at / 25 % 5])).collect();
    assert!(found(&lines, rulings).is_empty());
    // As many rulings as a drawing has, and lines all in one place.
    let many: Vec<Ruling> =
        (0..3_000).flat_map(|at| [across(at as f32 * 0.2, 0.0, 600.0), down(at as f32 * 0.2, 0.0, 600.0)]).collect();
    found(&vec![line(10.0, 10.0, "a b c d"); 5_000], many);
}
