//! Formats that are packages of several parts (DOCX, EPUB): a file holds one document, and is whole when that has ended.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{
    Notice, PageWriter,
    archive::Archive,
    document_options::DocumentOptions,
    flow::{Flow, Item},
    html::title,
    images::Images,
};
use crate::{
    ids::DocumentId,
    record::{DocumentRef, PageRecord},
};

/// What one format puts into its package, whose parts are compressed as they are written.
pub(super) trait Parts: Sized + Send {
    /// For people.
    const NAME: &'static str;

    /// What comes before the text.
    fn begin(archive: Archive, options: DocumentOptions) -> io::Result<Self>;

    fn items(&mut self, items: Vec<Item>, about: &About) -> io::Result<()>;

    /// What comes behind the text.
    fn end(self, about: &About) -> io::Result<Archive>;
}

/// What is known of a document so far.
pub(super) struct About {
    pub(super) document: DocumentRef,
    /// What it says that it is called; else its file's name.
    pub(super) title: String,
    /// As BCP 47 has it.
    pub(super) language: Option<&'static str>,
}

/// Writes one document, whole when it has ended.
pub(super) struct Packaged<W, P> {
    out: W,
    options: DocumentOptions,
    images: Option<Arc<Images>>,
    open: Option<Open<P>>,
    is_done: bool,
}

struct Open<P> {
    flow: Flow,
    about: About,
    has_begun: bool,
    parts: P,
}

impl<P: Parts> Open<P> {
    fn write(&mut self, items: Vec<Item>) -> io::Result<()> {
        if !self.has_begun && !items.is_empty() {
            self.has_begun = true;
            self.about.title = title(&items, &self.about.document.source);
        }
        self.about.language = self.flow.language();
        self.parts.items(items, &self.about)
    }
}

impl<W: Write, P: Parts> Packaged<W, P> {
    pub(super) fn new(out: W, options: DocumentOptions, images: Option<Arc<Images>>) -> Self {
        Self { out, options, images, open: None, is_done: false }
    }

    fn begin(&self, document: &DocumentRef) -> io::Result<Open<P>> {
        let about = About { document: document.clone(), title: title(&[], &document.source), language: None };
        let parts = P::begin(Archive::new()?, self.options)?;
        Ok(Open { flow: Flow::new(self.images.clone()), about, has_begun: false, parts })
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        self.is_done = true;
        let items = open.flow.finish();
        open.write(items)?;
        open.parts.end(&open.about)?.finish(&mut self.out)?;
        self.out.flush()
    }
}

impl<W: Write + Send, P: Parts> PageWriter for Packaged<W, P> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        let is_other = self.open.as_ref().is_some_and(|open| open.about.document.id != page.document.id);
        if is_other || self.is_done {
            let message = format!("{} holds one document; write several into a folder", P::NAME);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(&page.document)?,
        };
        let items = open.flow.push(page);
        open.write(items)?;
        self.open = Some(open);
        Ok(())
    }

    fn end_document(&mut self, _: DocumentId, complete: bool) -> io::Result<()> {
        if complete {
            return self.end();
        }
        // Of half a document there is none.
        self.open = None;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.end()
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.images.as_ref().map(|images| images.notices()).unwrap_or_default()
    }
}
