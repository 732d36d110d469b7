//! Results out: page records to text, to JSON lines, to what OCR programs write, to a searchable PDF; to a stream, or to files in
//! a folder.
//!
//! A writer takes each page as it comes and puts it out before it returns; nothing waits for the end of the document.
//! When the reader of a pipe has gone, the error is an [`io::Error`] of kind [`io::ErrorKind::BrokenPipe`], which a
//! command takes as success.

mod alto;
mod archive;
mod csv;
mod document_options;
mod docx;
mod epub;
mod files;
mod flow;
mod format;
mod hocr;
mod html;
mod images;
mod json;
mod jsonl;
mod making;
mod markdown;
mod original;
mod packaged;
mod page_xml;
mod parts;
mod pdf;
mod spool;
mod text;
mod tree;
mod tsv;
mod xml;

use std::io;

pub use self::{
    alto::Alto,
    csv::Csv,
    document_options::{DocumentOptions, FormulaDelimiters},
    files::{Expected, Files, MANIFEST, is_url},
    format::OutputFormat,
    hocr::Hocr,
    html::{Html, table_html},
    json::Json,
    jsonl::Jsonl,
    making::OutputOptions,
    markdown::{Markdown, formula_in_markdown, table_markdown},
    original::{NoOriginals, Original, Originals},
    page_xml::PageXml,
    pdf::{Pdf, PdfOptions},
    text::Text,
    tsv::Tsv,
};
use crate::{error::Error, ids::DocumentId, record::PageRecord};

/// Takes pages in the order in which they are to be read.
pub trait PageWriter: Send {
    /// Writes one page and hands it on at once: whoever reads the output sees it before the next page is there.
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()>;

    /// No more pages of this document will come. `complete` says whether all that were asked for have come; of those that
    /// were stopped or cancelled they have not, and what has a name only when it is complete does not appear.
    fn end_document(&mut self, _document: DocumentId, _complete: bool) -> io::Result<()> {
        Ok(())
    }

    /// Nothing more will come. Called once, after the last page.
    fn finish(&mut self) -> io::Result<()>;

    /// What is to be said of the documents that have ended since it was asked last. An error of writing ends a run; what is
    /// the matter with one document does not, and is told here.
    fn notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }
}

/// What is to be said of one document's result.
#[derive(Debug)]
pub enum Notice {
    /// There is a result, and something to know about it: one sentence.
    Remark { source: String, message: String },
    /// There is none of this format, and why.
    Refused { source: String, format: OutputFormat, error: Error },
}

#[cfg(test)]
pub(crate) mod testing {
    use std::{
        collections::BTreeMap,
        io,
        sync::{Arc, Mutex},
    };

    use quick_xml::{
        Reader,
        escape::unescape,
        events::{BytesStart, Event},
    };

    use super::PageWriter;
    use crate::{
        blocks::{Alignment, Block, BlockKind, Cell, Mark, MarkKind, Table},
        geometry::{Point, Polygon, Rect},
        ids::{Digest, DocumentId, PageNumber},
        raster::Rotation,
        record::{DocumentRef, Origin, PageRecord, PageStatus, SCHEMA, TextLine, Word},
    };

    pub(crate) fn document(source: &str, pages: u32) -> DocumentRef {
        DocumentRef { id: DocumentId::new(), source: source.to_owned(), sha256: Digest::of(source.as_bytes()), pages }
    }

    pub(crate) fn page(document: &DocumentRef, number: u32, text: &str) -> PageRecord {
        PageRecord {
            schema: SCHEMA.to_owned(),
            document: document.clone(),
            page: PageNumber::new(number).unwrap(),
            status: PageStatus::Ok,
            reason: None,
            origin: Some(Origin::Ocr),
            width: 100,
            height: 200,
            dpi: 72.0,
            rotation: Rotation::None,
            text: text.to_owned(),
            lines: Vec::new(),
            blocks: Vec::new(),
            confidence: None,
            needs_review: false,
            duplicate_of: None,
            timings_ms: BTreeMap::new(),
            models: Vec::new(),
        }
    }

    /// A page of these blocks, whose texts are the page's.
    pub(crate) fn blocks(document: &DocumentRef, number: u32, blocks: Vec<Block>) -> PageRecord {
        let texts: Vec<&str> = blocks.iter().map(|block| block.text.as_str()).collect();
        PageRecord { text: texts.join("\n\n"), blocks, ..page(document, number, "") }
    }

    pub(crate) fn block(kind: BlockKind, text: &str) -> Block {
        Block { text: text.to_owned(), ..Block::new(kind, Polygon::default(), 0..0) }
    }

    pub(crate) fn mark(start: u32, end: u32, kind: MarkKind) -> Mark {
        Mark::new(kind, start..end)
    }

    /// A table of these rows, cells parted by `|`.
    pub(crate) fn grid(rows: &[&str], header_rows: u32) -> Table {
        let columns = rows.iter().map(|row| row.split('|').count()).max().unwrap_or(0) as u32;
        let cell = |row: usize, column: usize, text: &str| Cell {
            row: row as u32,
            column: column as u32,
            row_span: 1,
            column_span: 1,
            is_header: (row as u32) < header_rows,
            text: text.to_owned(),
            marks: Vec::new(),
            polygon: Polygon::default(),
        };
        let cells = rows
            .iter()
            .enumerate()
            .flat_map(|(row, texts)| texts.split('|').enumerate().map(move |(column, text)| cell(row, column, text)));
        let alignments = vec![Alignment::Left; columns as usize];
        Table { rows: rows.len() as u32, columns, header_rows, alignments, cells: cells.collect(), ..Table::default() }
    }

    /// A page as OCR leaves it, 1,000 x 1,400 pixels at 100 dpi: two blocks; a level line, one that falls by a twentieth, and one
    /// that is turned clockwise and comes from a text layer.
    pub(crate) fn letter() -> PageRecord {
        let mut page = page(&document("a <b> & \"c\".pdf", 1), 1, "Dear Sir\nsend two crates\n\nCOPY");
        (page.width, page.height, page.dpi) = (1_000, 1_400, 100.0);
        let level =
            |left: f32, top: f32, right: f32, bottom: f32| Polygon::from_rect(Rect { left, top, right, bottom });
        let askew =
            Polygon([(100.0, 300.0), (500.0, 320.0), (498.0, 360.0), (98.0, 340.0)].map(|(x, y)| Point::new(x, y)));
        let turned =
            Polygon([(940.0, 100.0), (940.0, 220.0), (900.0, 220.0), (900.0, 100.0)].map(|(x, y)| Point::new(x, y)));
        let line = |text: &str, polygon: Polygon, confidence: Option<f32>, cuts: &[(f32, f32)]| TextLine {
            text: text.to_owned(),
            polygon,
            confidence,
            words: text
                .split(' ')
                .zip(cuts)
                .map(|(text, &(from, to))| Word { text: text.to_owned(), polygon: polygon.piece(from, to), confidence })
                .collect(),
        };
        page.lines = vec![
            line("Dear Sir", level(100.0, 200.0, 300.0, 240.0), Some(0.97), &[(0.0, 0.5), (0.6, 1.0)]),
            line("send two crates", askew, Some(0.5), &[(0.0, 0.25), (0.3, 0.5), (0.55, 1.0)]),
            line("COPY", turned, None, &[(0.0, 1.0)]),
        ];
        page.blocks = [(level(98.0, 200.0, 500.0, 360.0), 0..2), (level(900.0, 100.0, 940.0, 220.0), 2..3)]
            .map(|(polygon, lines)| Block::new(BlockKind::Text, polygon, lines))
            .into();
        page
    }

    /// A page with a formula of one line, a paragraph, and a formula without lines.
    pub(crate) fn formulas() -> PageRecord {
        let mut page = letter();
        page.lines.truncate(2);
        let formula = |lines, latex: &str| Block {
            latex: Some(latex.to_owned()),
            ..Block::new(BlockKind::Formula, page.lines[0].polygon, lines)
        };
        let text = Block::new(BlockKind::Paragraph, page.lines[1].polygon, 1..2);
        page.blocks = vec![formula(0..1, "a < \"b\""), text, formula(2..2, "x^2")];
        page
    }

    /// A page with a formula wherever one may stand: LaTeX `a_1<b` where the text has `x`.
    pub(crate) fn formulas_everywhere() -> PageRecord {
        const LATEX: &str = "a_1<b";
        let marked = |kind: BlockKind, text: &str| {
            let at = text.chars().position(|c| c == 'x').unwrap_or(0) as u32;
            Block { marks: vec![formula(at, at + 1, LATEX)], ..block(kind, text) }
        };
        let mut referring = marked(BlockKind::Paragraph, "It is (x), so1, and broken.");
        referring.marks.push(mark(13, 14, MarkKind::NoteReference));
        referring.marks.push(formula(20, 26, "\\frac{a"));
        let mut linked = marked(BlockKind::Paragraph, "see x here");
        linked.marks.push(Mark { target: Some("https://a.b".to_owned()), ..mark(0, 10, MarkKind::Link) });
        let mut table = grid(&["x|b", "c|d"], 1);
        table.cells[0].marks = vec![formula(0, 1, LATEX)];
        let by_itself = |text: &str, latex: &str, number: Option<&str>| Block {
            latex: Some(latex.to_owned()),
            marker: number.map(str::to_owned),
            ..block(BlockKind::Formula, text)
        };
        let list = vec![
            Block { level: Some(1), ..marked(BlockKind::Heading, "On x") },
            referring,
            linked,
            Block { marker: Some("•".to_owned()), level: Some(1), ..marked(BlockKind::ListItem, "x, or") },
            Block { table: Some(Box::new(table)), ..Block::new(BlockKind::Table, Polygon::default(), 0..0) },
            Block { of: Some(4), ..marked(BlockKind::Caption, "Table of x") },
            by_itself("c = 1/2", r"c=\frac{1}{2}", Some("(12)")),
            by_itself("", r"\sum_i d", None),
            by_itself("broken", r"\frac{a", Some("(13)")),
            Block { marker: Some("1".to_owned()), of: Some(1), ..marked(BlockKind::Footnote, "See x.") },
        ];
        blocks(&document("a.pdf", 1), 1, list)
    }

    /// A mark of a formula.
    pub(crate) fn formula(start: u32, end: u32, latex: &str) -> Mark {
        Mark { latex: Some(latex.to_owned()), ..mark(start, end, MarkKind::Formula) }
    }

    /// Compares words and boxes (left, top, right, bottom) that were found again, to the pixel.
    pub(crate) fn assert_words(page: &PageRecord, found: &[(String, [f32; 4])]) {
        let words: Vec<&Word> = page.lines.iter().flat_map(|line| &line.words).collect();
        assert_eq!(words.len(), found.len(), "{found:?}");
        for (word, (text, sides)) in words.iter().zip(found) {
            assert_eq!(&word.text, text);
            let Rect { left, top, right, bottom } = word.polygon.bounds();
            let differ = sides.iter().zip([left, top, right, bottom]).any(|(a, b)| (a - b).abs() > 1.0);
            assert!(!differ, "{text}: {sides:?}, {:?}", word.polygon.bounds());
        }
    }

    /// All that a writer puts out for these pages, whose documents are complete.
    pub(crate) fn written(
        writer: impl FnOnce(Box<dyn io::Write + Send>) -> Box<dyn PageWriter>,
        pages: &[PageRecord],
    ) -> String {
        let out = Shared::default();
        let mut writer = writer(Box::new(out.clone()));
        for (at, page) in pages.iter().enumerate() {
            writer.write_page(page).unwrap();
            if pages.get(at + 1).is_none_or(|next| next.document.id != page.document.id) {
                writer.end_document(page.document.id, true).unwrap();
            }
        }
        writer.finish().unwrap();
        String::from_utf8(out.bytes()).unwrap()
    }

    /// A buffer that can be looked into while somebody writes to it.
    #[derive(Clone, Default)]
    pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(crate) fn bytes(&self) -> Vec<u8> {
            self.0.lock().unwrap().clone()
        }
    }

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// One element of an XML document.
    #[derive(Debug, Default)]
    pub(crate) struct Element {
        pub(crate) name: String,
        attributes: BTreeMap<String, String>,
        /// Its own, without that of elements in it.
        pub(crate) text: String,
    }

    impl Element {
        /// Empty where there is none.
        pub(crate) fn attribute(&self, name: &str) -> &str {
            self.attributes.get(name).map_or("", String::as_str)
        }
    }

    /// The elements of a well-formed document, in the order of their beginnings.
    pub(crate) fn elements(xml: &str) -> Vec<Element> {
        let mut reader = Reader::from_str(xml);
        let (mut elements, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
        let begin = |start: &BytesStart<'_>| Element {
            name: String::from_utf8(start.name().0.to_vec()).unwrap(),
            attributes: start
                .attributes()
                .map(|attribute| {
                    let attribute = attribute.unwrap();
                    let value = String::from_utf8(attribute.value.to_vec()).unwrap();
                    (String::from_utf8(attribute.key.0.to_vec()).unwrap(), unescape(&value).unwrap().into_owned())
                })
                .collect(),
            text: String::new(),
        };
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    open.push(elements.len());
                    elements.push(begin(&start));
                }
                Event::Empty(start) => elements.push(begin(&start)),
                Event::End(_) => drop(open.pop().unwrap()),
                Event::Text(text) => {
                    let text = String::from_utf8(text.to_vec()).unwrap();
                    open.last().inspect(|&&at| elements[at].text.push_str(&text));
                }
                Event::GeneralRef(name) => {
                    let name = format!("&{};", String::from_utf8(name.to_vec()).unwrap());
                    elements[*open.last().unwrap()].text.push_str(&unescape(&name).unwrap());
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert!(open.is_empty(), "all elements are closed");
        elements
    }

    /// A pipe whose reader has gone.
    pub(crate) struct BrokenPipe;

    impl io::Write for BrokenPipe {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
