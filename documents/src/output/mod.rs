//! Results out: page records to text, to JSON lines, to what OCR programs write, to a searchable PDF; to a stream, or to files in
//! a folder.
//!
//! A writer takes each page as it comes and puts it out before it returns; nothing waits for the end of the document.
//! When the reader of a pipe has gone, the error is an [`io::Error`] of kind [`io::ErrorKind::BrokenPipe`], which a
//! command takes as success.

mod alto;
mod files;
mod format;
mod hocr;
mod json;
mod jsonl;
mod making;
mod original;
mod page_xml;
mod parts;
mod pdf;
mod text;
mod tsv;
mod xml;

use std::io;

pub use self::{
    alto::Alto,
    files::{Expected, Files, MANIFEST},
    format::OutputFormat,
    hocr::Hocr,
    json::Json,
    jsonl::Jsonl,
    making::OutputOptions,
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
        geometry::{Point, Polygon, Rect},
        ids::{Digest, DocumentId, PageNumber},
        raster::Rotation,
        record::{Block, BlockKind, DocumentRef, Origin, PageRecord, PageStatus, SCHEMA, TextLine, Word},
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
            .map(|(polygon, lines)| Block { kind: BlockKind::Text, polygon, lines })
            .into();
        page
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
