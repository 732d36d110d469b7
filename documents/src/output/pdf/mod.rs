//! A searchable PDF: the original, and over what is seen of each page that was read by OCR its text, which is not seen.
//!
//! A PDF gets an update behind its own bytes ([`append`]), pictures become a new PDF ([`images`]). Pages that have a text of their own
//! that was believed stay as they are. What needs a document whole in memory, because its bytes cannot be gone on from: one that is
//! written without its encryption, and one whose tables are damaged.

mod append;
mod font;
mod images;
mod invisible;
mod layer;
mod objects;
mod place;
mod source;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    sync::Arc,
};

use hayro::hayro_syntax::{LoadPdfError, Pdf as Opened, PdfData};

use self::{append::Appended, images::Images, source::Tables};
use super::{Notice, PageWriter, format::OutputFormat, original::Originals};
use crate::{
    error::{Error, ErrorKind},
    ids::DocumentId,
    input::{DocumentData, FileKind, decrypted_pdf, detect, mended_pdf, pdf_start},
    record::{DocumentRef, PageRecord, PageStatus},
};

/// What is made of what an original has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PdfOptions {
    /// Invisible text that an earlier OCR has left on pages that were read again is replaced; else such pages stay as they are.
    pub redo_text: bool,
    /// An encrypted original is written without its encryption; else there is no result of it.
    pub decrypt: bool,
}

/// Writes one document.
pub struct Pdf<W> {
    out: Option<W>,
    originals: Arc<dyn Originals>,
    options: PdfOptions,
    document: Option<DocumentRef>,
    made: Option<Made<W>>,
    /// Pages whose text is not there, because they failed, were skipped or repeat others.
    without_text: u32,
    notices: Vec<Notice>,
}

enum Made<W> {
    Appended(Box<Appended<W>>),
    Images(Box<Images<W>>),
}

/// What keeps a result from being written: of the stream, which ends all, or of the document.
enum Fault {
    Stream(io::Error),
    Document(Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Document(error)
    }
}

impl<W: Write> Pdf<W> {
    pub fn new(out: W, originals: Arc<dyn Originals>, options: PdfOptions) -> Self {
        let notices = Vec::new();
        Self { out: Some(out), originals, options, document: None, made: None, without_text: 0, notices }
    }

    fn begin(&mut self, out: W, document: &DocumentRef) -> Result<Made<W>, Fault> {
        let original = self.originals.open(document)?;
        if detect((*original.data).as_ref())? != FileKind::Pdf {
            return Ok(Made::Images(Box::new(Images::begin(out, original.data, document)?)));
        }
        let data = self.plain(original.data, original.password.as_deref(), document)?;
        let made = Appended::begin(out, data, self.options.redo_text)?;
        if made.is_signed() {
            self.remark(document, "it is signed, and the signature does not cover the text that is added");
        }
        Ok(Made::Appended(Box::new(made)))
    }

    /// The document's bytes, or those of a copy that can be gone on from.
    fn plain(
        &mut self,
        data: DocumentData,
        password: Option<&str>,
        document: &DocumentRef,
    ) -> Result<DocumentData, Error> {
        let bytes = (*data).as_ref();
        let bytes = &bytes[pdf_start(bytes)..];
        let tables = Tables::of(bytes);
        let is_encrypted = match &tables {
            Some(tables) => tables.trailer.has(b"Encrypt"),
            None => {
                let opened = Opened::new(PdfData::from(bytes.to_vec()));
                matches!(opened, Err(LoadPdfError::Decryption(_)))
            }
        };
        if is_encrypted && !self.options.decrypt {
            let message = "it is encrypted, and text can only be added to a copy that is not";
            let hint = "--decrypt writes such a copy; the other formats need none";
            return Err(Error::new(ErrorKind::Encrypted, message).with_hint(hint));
        }
        if is_encrypted {
            self.remark(document, "the PDF is written without the encryption of the original");
            return Ok(Arc::new(decrypted_pdf(bytes, password)?));
        }
        if tables.is_none() {
            self.remark(document, "its tables are damaged; the PDF is put together anew, and not the original's bytes");
            return Ok(Arc::new(mended_pdf(bytes)?));
        }
        Ok(data)
    }

    fn remark(&mut self, document: &DocumentRef, message: &str) {
        let (source, message) = (document.source.clone(), message.to_owned());
        self.notices.push(Notice::Remark { source, message });
    }

    /// Keeps what is the matter with the document to be told, and gives back what is with the stream.
    fn settle(&mut self, result: Result<(), Fault>) -> io::Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(Fault::Stream(error)) => Err(error),
            Err(Fault::Document(error)) => {
                self.made = None;
                let source = self.document.as_ref().map(|document| document.source.clone()).unwrap_or_default();
                self.notices.push(Notice::Refused { source, format: OutputFormat::Pdf, error });
                Ok(())
            }
        }
    }

    fn write(&mut self, page: &PageRecord) -> Result<(), Fault> {
        if let Some(out) = self.out.take() {
            self.document = Some(page.document.clone());
            self.made = Some(self.begin(out, &page.document)?);
        } else if self.document.as_ref().is_some_and(|document| document.id != page.document.id) {
            let message = "a PDF holds one document; write several into a folder";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message).into());
        }
        if page.status != PageStatus::Ok && page.lines.is_empty() {
            self.without_text += 1;
        }
        match &mut self.made {
            Some(Made::Appended(made)) => made.page(page),
            Some(Made::Images(made)) => made.page(page),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        let (Some(mut made), Some(document)) = (self.made.take(), self.document.clone()) else { return Ok(()) };
        let kept = match &mut made {
            Made::Appended(made) => {
                made.finish()?;
                made.kept
            }
            Made::Images(made) => {
                made.finish()?;
                0
            }
        };
        let pages = |number: u32| if number == 1 { "1 page has".to_owned() } else { format!("{number} pages have") };
        if kept > 0 {
            let message =
                format!("{} an invisible text from before, and keep it; --redo-text replaces it", pages(kept));
            self.remark(&document, &message);
        }
        if self.without_text > 0 {
            let message =
                format!("{} no text in the PDF: failed, skipped, or repeating others", pages(self.without_text));
            self.remark(&document, &message);
        }
        Ok(())
    }
}

impl<W: Write + Send> PageWriter for Pdf<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        let written = self.write(page);
        self.settle(written)
    }

    fn end_document(&mut self, _: DocumentId, complete: bool) -> io::Result<()> {
        if !complete {
            // Of half a document there is no PDF.
            self.made = None;
            return Ok(());
        }
        let ended = self.end();
        self.settle(ended)
    }

    fn finish(&mut self) -> io::Result<()> {
        let ended = self.end();
        self.settle(ended)
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}
