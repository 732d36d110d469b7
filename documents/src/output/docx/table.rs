//! A table of WordprocessingML: a grid in which every place is written, those that a cell of the row above covers as its continuation.

use std::fmt::Write as _;

use super::runs::{self, References};
use crate::{
    blocks::{Alignment, Cell, Table},
    output::flow::Inline,
};

/// Width of the text, in twentieths of a point, which the columns share.
const TEXT_WIDTH: u32 = 9_000;

/// The table's cells do not overlap and lie within its grid.
pub(super) fn push(out: &mut String, table: &Table, references: &mut References) -> std::io::Result<()> {
    let columns = table.columns.max(1);
    out.push_str(
        "<w:tbl><w:tblPr><w:tblStyle w:val=\"TableGrid\"/><w:tblW w:w=\"0\" w:type=\"auto\"/></w:tblPr><w:tblGrid>",
    );
    for _ in 0..columns {
        // Writing into a string does not fail, here and below.
        let _ = write!(out, "<w:gridCol w:w=\"{}\"/>", (TEXT_WIDTH / columns).max(1));
    }
    out.push_str("</w:tblGrid>");
    let mut cells = table.cells.iter().peekable();
    // By column: the cell that covers the place below, and up to which row.
    let mut above: Vec<Option<(&Cell, u32)>> = vec![None; columns as usize];
    for row in 0..table.rows {
        out.push_str("<w:tr>");
        if row < table.header_rows {
            out.push_str("<w:trPr><w:tblHeader/></w:trPr>");
        }
        let mut column = 0;
        while column < columns {
            if let Some((cell, _)) = above[column as usize].filter(|&(_, end)| row < end) {
                out.push_str("<w:tc>");
                of_cell(out, cell, "<w:vMerge/>");
                out.push_str("<w:p/></w:tc>");
                column += cell.column_span.max(1);
                continue;
            }
            let Some(cell) = cells.next_if(|cell| cell.row == row && cell.column == column) else {
                out.push_str("<w:tc><w:tcPr/><w:p/></w:tc>");
                column += 1;
                continue;
            };
            let is_header = cell.is_header || row < table.header_rows;
            out.push_str("<w:tc>");
            of_cell(out, cell, if cell.row_span > 1 { "<w:vMerge w:val=\"restart\"/>" } else { "" });
            let alignment = match table.alignments.get(column as usize) {
                Some(Alignment::Right) => "<w:pPr><w:jc w:val=\"right\"/></w:pPr>",
                Some(Alignment::Center) => "<w:pPr><w:jc w:val=\"center\"/></w:pPr>",
                _ => "",
            };
            let _ = write!(out, "<w:p>{alignment}");
            let mut inline = Inline::marked(&cell.text, &cell.marks);
            if is_header {
                inline.embolden();
            }
            runs::push(out, &inline, Some(references))?;
            out.push_str("</w:p></w:tc>");
            (column..column + cell.column_span.max(1)).for_each(|at| {
                if let Some(above) = above.get_mut(at as usize) {
                    *above = (at == column).then_some((cell, row.saturating_add(cell.row_span)));
                }
            });
            column += cell.column_span.max(1);
        }
        out.push_str("</w:tr>");
    }
    // What stands behind a table is not in it.
    out.push_str("</w:tbl><w:p/>");
    Ok(())
}

fn of_cell(out: &mut String, cell: &Cell, merge: &str) {
    let span = match cell.column_span {
        0 | 1 => String::new(),
        span => format!("<w:gridSpan w:val=\"{span}\"/>"),
    };
    let _ = write!(out, "<w:tcPr>{span}{merge}</w:tcPr>");
}
