//! A searchable PDF: the original with its text.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{Notice, PageWriter, original::Originals};
use crate::{ids::DocumentId, record::PageRecord};

/// What is made of what an original has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PdfOptions {
    /// Invisible text that an earlier OCR has left on pages that were read again is replaced; else such pages stay as they are.
    pub redo_text: bool,
    /// An encrypted original is written without its encryption; else there is no result of it.
    pub decrypt: bool,
}

pub struct Pdf<W> {
    _out: W,
    _originals: Arc<dyn Originals>,
    _options: PdfOptions,
}

impl<W: Write> Pdf<W> {
    pub fn new(out: W, originals: Arc<dyn Originals>, options: PdfOptions) -> Self {
        Self { _out: out, _originals: originals, _options: options }
    }
}

impl<W: Write + Send> PageWriter for Pdf<W> {
    fn write_page(&mut self, _page: &PageRecord) -> io::Result<()> {
        Err(io::Error::other("not yet"))
    }

    fn end_document(&mut self, _document: DocumentId, _complete: bool) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }
}
