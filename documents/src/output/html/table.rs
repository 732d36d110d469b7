//! One table as HTML.

use std::fmt::Write as _;

use super::inline::{self, LineEnds};
use crate::{
    blocks::{Alignment, Cell, Table},
    mathml::{FormulaDisplay, to_mathml},
    output::flow::{Inline, grid},
};

/// The table as an HTML element: `thead`, `tbody`, `th` with its scope, spans. Cells of columns that are not set to the left have the class
/// `right` or `center`, and nothing else says how it looks. Formulas are MathML. Ends with a newline.
pub fn table_html(table: &Table) -> String {
    table_with(table, &|latex| to_mathml(latex, FormulaDisplay::Inline))
}

/// The same, with formulas as `formula` makes them of their LaTeX: HTML, or `None` for the text that stands in its place.
pub(in crate::output) fn table_with(table: &Table, formula: &dyn Fn(&str) -> Option<String>) -> String {
    let Some(table) = &grid(table) else { return "<table></table>\n".to_owned() };
    let mut cells = table.cells.iter().peekable();
    let mut out = String::from("<table>\n");
    let header = table.header_rows.min(table.rows);
    for (name, rows) in [("thead", 0..header), ("tbody", header..table.rows)] {
        if rows.is_empty() {
            continue;
        }
        // Writing into a string does not fail, here and below.
        let _ = writeln!(out, "<{name}>");
        for row in rows {
            out.push_str("<tr>");
            while let Some(cell) = cells.next_if(|cell| cell.row == row) {
                html_cell(&mut out, table, cell, header, formula);
            }
            out.push_str("</tr>\n");
        }
        let _ = writeln!(out, "</{name}>");
    }
    out.push_str("</table>\n");
    out
}

fn html_cell(out: &mut String, table: &Table, cell: &Cell, header: u32, formula: &dyn Fn(&str) -> Option<String>) {
    let is_header = cell.is_header || cell.row < header;
    let name = if is_header { "th" } else { "td" };
    let _ = write!(out, "<{name}");
    if is_header {
        let group = |span: u32| if span > 1 { "group" } else { "" };
        let _ = match cell.row < header {
            true => write!(out, " scope=\"col{}\"", group(cell.column_span)),
            false => write!(out, " scope=\"row{}\"", group(cell.row_span)),
        };
    }
    for (name, span) in [("rowspan", cell.row_span), ("colspan", cell.column_span)] {
        if span > 1 {
            let _ = write!(out, " {name}=\"{span}\"");
        }
    }
    if cell.column_span == 1 {
        match table.alignments.get(cell.column as usize) {
            Some(Alignment::Right) => out.push_str(" class=\"right\""),
            Some(Alignment::Center) => out.push_str(" class=\"center\""),
            _ => {}
        }
    }
    out.push('>');
    inline::push_with(out, &Inline::marked(&cell.text, &cell.marks), LineEnds::Breaks, "page", formula);
    let _ = write!(out, "</{name}>");
}
