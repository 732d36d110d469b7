//! One table as GitHub's Markdown.

use super::{
    formula::{self, Place},
    inline::{Manner, inline},
};
use crate::{
    blocks::{Alignment, Cell, Table},
    output::{
        document_options::FormulaDelimiters,
        flow::{Inline, grid},
        html::{LineEnds, push_text, table_with},
    },
};

/// The table as GitHub's Markdown has them, where it can say it: no spans, one header row at most, no line breaks within cells. One without a
/// header has an empty one, since Markdown has no table without. Formulas stand between dollars. Ends with a newline.
pub fn table_markdown(table: &Table) -> Option<String> {
    markdown(table, FormulaDelimiters::Dollars)
}

/// The table as HTML within Markdown, whose readers look for formulas there as elsewhere.
pub(super) fn html(table: &Table, formulas: FormulaDelimiters) -> String {
    table_with(table, &|latex| {
        let formula = formula::inline(latex, formulas, Place::Text)?;
        let mut out = String::with_capacity(formula.len());
        push_text(&mut out, &formula, LineEnds::Blanks);
        Some(out)
    })
}

pub(super) fn markdown(table: &Table, formulas: FormulaDelimiters) -> Option<String> {
    let table = &grid(table)?;
    let says_more = |cell: &Cell| cell.row_span > 1 || cell.column_span > 1 || cell.text.contains(['\n', '\r']);
    if table.header_rows > 1 || table.columns == 0 || table.rows == 0 || table.cells.iter().any(says_more) {
        return None;
    }
    let mut rows: Vec<Vec<String>> = vec![vec![String::new(); table.columns as usize]; table.rows as usize];
    for cell in &table.cells {
        *rows.get_mut(cell.row as usize)?.get_mut(cell.column as usize)? = markdown_text(cell, formulas);
    }
    let body = if table.header_rows == 1 { rows.split_off(1) } else { std::mem::take(&mut rows) };
    let head = rows.pop().unwrap_or_else(|| vec![String::new(); table.columns as usize]);
    let rule = (0..head.len()).map(|column| {
        match table.alignments.get(column) {
            Some(Alignment::Right) => "--:",
            Some(Alignment::Center) => ":-:",
            _ => "---",
        }
        .to_owned()
    });
    let rule: Vec<String> = rule.collect();
    let line = |cells: &Vec<String>| format!("| {} |\n", cells.join(" | "));
    Some([head, rule].iter().chain(&body).map(line).collect())
}

fn markdown_text(cell: &Cell, formulas: FormulaDelimiters) -> String {
    let manner = Manner { formulas, place: Place::Cell, ..Manner::PLAIN };
    // Readers part a row at its bars before they look at anything else.
    inline(&Inline::marked(&cell.text, &cell.marks), manner).replace('|', "\\|").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blocks::{Mark, MarkKind},
        geometry::Polygon,
        output::html::table_html,
    };

    fn cell(row: u32, column: u32, text: &str) -> Cell {
        Cell {
            row,
            column,
            row_span: 1,
            column_span: 1,
            is_header: row == 0,
            text: text.to_owned(),
            marks: Vec::new(),
            polygon: Polygon::default(),
        }
    }

    fn table() -> Table {
        Table {
            rows: 2,
            columns: 2,
            header_rows: 1,
            header_columns: 0,
            alignments: vec![Alignment::Left, Alignment::Right],
            cells: vec![cell(0, 0, "a|b"), cell(0, 1, "<i>"), cell(1, 0, "x*"), cell(1, 1, "")],
            is_continued: false,
        }
    }

    #[test]
    fn html_says_headers_scopes_and_spans() {
        let mut table = table();
        assert_eq!(
            table_html(&table),
            "<table>\n<thead>\n<tr><th scope=\"col\">a|b</th><th scope=\"col\" class=\"right\">&lt;i&gt;</th></tr>\n</thead>\n\
             <tbody>\n<tr><td>x*</td><td class=\"right\"></td></tr>\n</tbody>\n</table>\n"
        );
        table.cells.remove(1);
        table.cells[0].column_span = 2;
        assert!(
            table_html(&table).contains("<th scope=\"colgroup\" colspan=\"2\">a|b</th></tr>"),
            "{}",
            table_html(&table)
        );
    }

    #[test]
    fn markdown_says_what_it_can_and_nothing_else() {
        assert_eq!(table_markdown(&table()).unwrap(), "| a\\|b | \\<i> |\n| --- | --: |\n| x\\* |  |\n");
        let headless = Table { header_rows: 0, ..table() };
        assert!(table_markdown(&headless).unwrap().starts_with("|  |  |\n| --- | --: |\n| a\\|b |"));
        let changes: [fn(&mut Table); 3] = [
            |table| table.header_rows = 2,
            |table| table.cells[0].row_span = 2,
            |table| table.cells[2].text = "x\ny".to_owned(),
        ];
        for change in changes {
            let mut table = table();
            change(&mut table);
            assert_eq!(table_markdown(&table), None);
        }
    }

    #[test]
    fn what_is_marked_in_a_cell_is_marked_as_elsewhere() {
        let mark = |start, end, kind| Mark::new(kind, start..end);
        let said = |marks: &[Mark]| {
            let mut table = table();
            (table.cells[3].text, table.cells[3].marks) = ("a b2 | c".to_owned(), marks.to_vec());
            (table_html(&table), table_markdown(&table).unwrap())
        };
        let (html, markdown) = said(&[mark(0, 4, MarkKind::Italic), mark(3, 4, MarkKind::Superscript)]);
        assert!(html.contains("<em>a b<sup>2</sup></em> | c</td>"), "{html}");
        assert!(markdown.ends_with("| _a b<sup>2</sup>_ \\| c |\n"), "{markdown}");
        let link = Mark { target: Some("javascript:a()".to_owned()), ..mark(0, 3, MarkKind::Link) };
        let (html, markdown) = said(&[link]);
        assert!(!html.contains("javascript") && !markdown.contains("javascript"), "{html} {markdown}");
    }
}
