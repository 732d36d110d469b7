//! The tables of a document as CSV (RFC 4180): lines end in CR LF, and what has a comma, a quote or a line end in it stands in quotes.
//!
//! Above each table stands a record of one field that says which it is (`Table 2, page 5: its caption`), and an empty record parts it from the
//! table before. A cell over several rows or columns has its text in the first of them. Tables that go on over pages are one.

use std::io::{self, Write};

use super::{
    PageWriter,
    flow::{Flow, Item, ItemKind},
};
use crate::{blocks::Table, ids::DocumentId, record::PageRecord};

/// Writes the tables of one document, or of several with nothing between them.
pub struct Csv<W> {
    out: W,
    open: Option<(DocumentId, Flow)>,
    /// Tables written of the document.
    tables: u32,
    has_begun: bool,
}

impl<W: Write> Csv<W> {
    pub fn new(out: W) -> Self {
        Self { out, open: None, tables: 0, has_begun: false }
    }

    fn write(&mut self, items: Vec<Item>) -> io::Result<()> {
        let mut text = String::new();
        for item in items {
            let ItemKind::Table(table) = &item.kind else { continue };
            if std::mem::replace(&mut self.has_begun, true) {
                text.push_str("\r\n");
            }
            self.tables += 1;
            let mut name = format!("Table {}", self.tables);
            if let Some((page, _)) = item.at.first() {
                name.push_str(&format!(", page {page}"));
            }
            if let Some(caption) = &item.caption {
                name.push_str(&format!(": {}", caption.inline.text.trim()));
            }
            record(&mut text, [name.as_str()]);
            rows(&mut text, table);
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some((_, mut flow)) = self.open.take() {
            let items = flow.finish();
            self.write(items)?;
            self.tables = 0;
        }
        Ok(())
    }
}

fn rows(text: &mut String, table: &Table) {
    for row in 0..table.rows {
        let mut fields = vec![""; table.columns as usize];
        for cell in table.cells.iter().filter(|cell| cell.row == row) {
            if let Some(field) = fields.get_mut(cell.column as usize) {
                *field = &cell.text;
            }
        }
        record(text, fields);
    }
}

fn record<'a>(text: &mut String, fields: impl IntoIterator<Item = &'a str>) {
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) || field.starts_with(' ') || field.ends_with(' ') {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
    }
    text.push_str("\r\n");
}

impl<W: Write + Send> PageWriter for Csv<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|(open, _)| *open != page.document.id) {
            self.end()?;
        }
        let (_, flow) = self.open.get_or_insert_with(|| (page.document.id, Flow::new(None)));
        let items = flow.push(page);
        self.write(items)
    }

    fn end_document(&mut self, _: DocumentId, _: bool) -> io::Result<()> {
        self.end()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.end()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blocks::{Block, BlockKind, Cell},
        geometry::Polygon,
        output::testing::{document, page, written},
    };

    fn table(rows: &[&str]) -> Block {
        let columns = rows[0].split('|').count() as u32;
        let cells = rows.iter().enumerate().flat_map(|(row, text)| {
            text.split('|').enumerate().map(move |(column, text)| Cell {
                row: row as u32,
                column: column as u32,
                row_span: 1,
                column_span: 1,
                is_header: false,
                text: text.to_owned(),
                marks: Vec::new(),
                polygon: Polygon::default(),
            })
        });
        let table = Table { rows: rows.len() as u32, columns, cells: cells.collect(), ..Table::default() };
        Block { table: Some(Box::new(table)), ..Block::new(BlockKind::Table, Polygon::default(), 0..0) }
    }

    #[test]
    fn tables_are_parted_and_named_and_fields_quoted() {
        let document = document("a.pdf", 2);
        let (mut one, mut two) = (page(&document, 1, "x"), page(&document, 2, "x"));
        let mut wide = table(&["a,b|c", "say \"no\"|2"]);
        wide.table.as_mut().unwrap().cells.remove(1);
        wide.table.as_mut().unwrap().cells[0].column_span = 2;
        one.blocks = vec![wide, table(&["1|2"])];
        two.blocks = vec![table(&["x|y|z"])];
        let text = written(|out| Box::new(Csv::new(out)), &[one, two]);
        assert_eq!(
            text,
            "\"Table 1, page 1\"\r\n\"a,b\",\r\n\"say \"\"no\"\"\",2\r\n\r\n\"Table 2, page 1\"\r\n1,2\r\n\r\n\
             \"Table 3, page 2\"\r\nx,y,z\r\n"
        );
    }

    #[test]
    fn a_document_without_tables_has_none() {
        let document = document("a.pdf", 1);
        assert_eq!(written(|out| Box::new(Csv::new(out)), &[page(&document, 1, "a, b")]), "");
    }
}
