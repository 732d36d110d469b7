//! Results out: page records to text, to JSON lines, or to files in a folder.
//!
//! A writer takes each page as it comes and puts it out before it returns; nothing waits for the end of the document.
//! When the reader of a pipe has gone, the error is an [`io::Error`] of kind [`io::ErrorKind::BrokenPipe`], which a
//! command takes as success.

mod files;
mod jsonl;
mod text;

use std::io;

pub use self::{
    files::{Expected, Files, FilesFormat},
    jsonl::Jsonl,
    text::Text,
};
use crate::{ids::DocumentId, record::PageRecord};

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
}

#[cfg(test)]
pub(crate) mod testing {
    use std::{collections::BTreeMap, io};

    use crate::{
        ids::{Digest, DocumentId, PageNumber},
        raster::Rotation,
        record::{DocumentRef, Origin, PageRecord, PageStatus, SCHEMA},
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
