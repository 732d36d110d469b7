//! PDF: opened once, read a page at a time.
//!
//! hayro reads the structure lazily, rasterises, and tells us which glyphs stand where; lopdf rewrites what hayro cannot
//! read as it is (`structure.rs`). hayro keeps what it has decoded of each page for as long as the document is open, so a
//! long document would grow in memory: after a number of pages the document is opened anew, which costs milliseconds
//! because only the cross-reference table and the page tree are read.
//!
//! Text needs the same fonts on page after page, and unpacking them is two thirds of the work; the cache that keeps them
//! cannot leave its thread. So each document has a thread of its own for text (`reader.rs`), as soon as text is asked for, and a long one
//! two where there are as many cores.

mod characters;
mod collector;
mod damage;
mod direction;
mod drawings;
mod edges;
mod evidence;
mod faces;
mod fields;
mod glyph;
mod glyphs;
mod layers;
mod layout;
mod letters;
mod links;
mod mathematics;
mod name_tree;
mod names;
mod neighbours;
mod outline;
mod reader;
mod render;
mod runs;
mod settings;
mod structure;
mod styles;
#[cfg(feature = "lab")]
pub(crate) mod symbols;
mod tags;
#[cfg(test)]
mod tests;
mod text_layer;
mod to_unicode;
mod turns;
mod user_unit;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use hayro::{
    hayro_interpret::InterpreterSettings,
    hayro_syntax::{DecryptionError, LoadPdfError, Pdf, PdfData, page::Page},
};

use self::{
    damage::{Damages, Losses},
    edges::KnownEdges,
    faces::KnownFonts,
    layers::Layers,
    neighbours::Beside,
    outline::Facts,
    reader::TextReader,
    text_layer::{Caches, Reading},
    to_unicode::Seen,
    turns::Turns,
};
use super::{
    DocumentData, FileKind, Limits, OpenOptions, PageInfo, PageSource, RenderOptions, TextLayer, get_it_again,
    guard::{guarded, no_such_page},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::PageNumber,
    raster::Raster,
    structure::Structure,
};

/// Decoded page contents that may gather in one opening of the document. Text pages have 5 to 50 KiB each.
const KEPT_CONTENT: u64 = 4 << 20;
/// And pages, because object streams are kept too and cannot be measured.
const KEPT_PAGES: u32 = 64;

/// The document's bytes in the form that hayro takes, from the header on.
struct Shared {
    data: DocumentData,
    start: usize,
}

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &(*self.data).as_ref()[self.start..]
    }
}

/// How many bytes stand before the document and are not counted by its cross-reference table: a mail's or a server's
/// header. 0 where the table counts them, or nobody can say.
pub(crate) fn uncounted_start(bytes: &[u8]) -> usize {
    let find = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).position(|window| window == needle);
    let found = || {
        let header =
            find(&bytes[..bytes.len().min(super::detect::PDF_HEADER_WITHIN)], b"%PDF-").filter(|&at| at > 0)?;
        let tail = &bytes[bytes.len().saturating_sub(super::detect::PDF_HEADER_WITHIN)..];
        let after = tail.windows(9).rposition(|window| window == b"startxref")? + 9;
        let digits: Vec<u8> =
            tail[after..].iter().copied().skip_while(u8::is_ascii_whitespace).take_while(u8::is_ascii_digit).collect();
        let table: usize = std::str::from_utf8(&digits).ok()?.parse().ok()?;
        bytes.get(header.checked_add(table)?..)?.starts_with(b"xref").then_some(header)
    };
    found().unwrap_or(0)
}

/// A copy of the document without its encryption, whole in memory.
///
/// # Errors
/// [`ErrorKind::Encrypted`] when the password does not open it.
pub(crate) fn decrypted(bytes: &[u8], password: Option<&str>) -> Result<Vec<u8>> {
    let options = OpenOptions { password: password.map(str::to_owned), ..OpenOptions::default() };
    let refused = |_| {
        let message = match password {
            Some(_) => "the password does not open the document",
            None => "the document is encrypted, and no password was given",
        };
        Error::new(ErrorKind::Encrypted, message).with_hint("give its password with --password")
    };
    guarded("the PDF file", None, || structure::decrypt(bytes, &options).map_err(refused))
}

/// A copy of a document whose tables are damaged, put together again, whole in memory.
///
/// # Errors
/// [`ErrorKind::Damaged`] where that cannot be done.
pub(crate) fn mended(bytes: &[u8]) -> Result<Vec<u8>> {
    guarded("the PDF file", None, || structure::rebuild(bytes, &OpenOptions::default()))
}

pub(super) struct PdfSource {
    data: PdfData,
    /// The password that opened it.
    password: String,
    page_count: u32,
    losses: Losses,
    limits: Limits,
    settings: InterpreterSettings,
    opened: Mutex<Opened>,
    structure: Structure,
    shares: Shares,
    /// The readers, each for one caller at a time; others, rather than wait long for a page that may hang, read without.
    turns: Turns,
}

/// What all threads know of the document.
#[derive(Clone, Default)]
struct Shares {
    facts: Arc<Facts>,
    edges: KnownEdges,
    layers: Layers,
    damages: Damages,
}

/// One opening of the document, and what it has gathered.
struct Opened {
    pdf: Arc<Pdf>,
    content: u64,
    pages: u32,
}

impl PdfSource {
    pub(super) fn open(data: DocumentData, options: &OpenOptions) -> Result<Self> {
        let bytes = data.clone();
        let start = uncounted_start((*bytes).as_ref());
        let data = PdfData::from(Arc::new(Shared { data, start }));
        let given = options.password.as_deref().unwrap_or("");
        let mut found = load(&data, given).map(|pdf| (data.clone(), given.to_owned(), pdf));
        if matches!(found, Err(LoadPdfError::Decryption(_))) && !given.is_empty() {
            // A password that nobody asked for does no harm.
            found = load(&data, "").map(|pdf| (data, String::new(), pdf));
        }
        if found.is_err()
            && let Some(open) = structure::with_open_content(&(*bytes).as_ref()[start..], options)
        {
            // Only its attachments are encrypted, and they are no pages.
            let data = PdfData::from(open);
            found = load(&data, "").map(|pdf| (data, String::new(), pdf));
        }
        let (data, password, pdf) = match found {
            Ok(found) => found,
            Err(cause) => {
                let rewritten = match cause {
                    LoadPdfError::Decryption(cause) => {
                        structure::decrypt((*bytes).as_ref(), options).map_err(|_| encrypted(cause, options))?
                    }
                    LoadPdfError::Invalid => structure::rebuild((*bytes).as_ref(), options).map_err(|_| damaged())?,
                };
                let data = PdfData::from(rewritten);
                let pdf = load(&data, "").map_err(|_| damaged())?;
                (data, String::new(), pdf)
            }
        };
        let page_count = pdf.pages().len() as u32;
        let losses = Losses::of((*bytes).as_ref(), &pdf);
        let opened = Mutex::new(Opened { pdf: Arc::new(pdf), content: 0, pages: 0 });
        Ok(Self {
            data,
            password,
            page_count,
            losses,
            limits: options.limits,
            settings: settings(),
            opened,
            structure: options.structure,
            shares: Shares::default(),
            turns: Turns::of(page_count),
        })
    }

    /// What opens it again.
    fn options(&self) -> OpenOptions {
        OpenOptions { password: Some(self.password.clone()), limits: self.limits, structure: self.structure }
    }

    /// The document, opened anew if the present opening has gathered enough. Threads that still read from an older one
    /// keep it until they are done.
    fn pdf(&self) -> Result<Arc<Pdf>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.content > KEPT_CONTENT || opened.pages >= KEPT_PAGES {
            let pdf = Pdf::new_with_password(self.data.clone(), &self.password).map_err(|_| damaged())?;
            *opened = Opened { pdf: Arc::new(pdf), content: 0, pages: 0 };
        }
        opened.pages += 1;
        Ok(opened.pdf.clone())
    }

    fn with_page<T>(&self, page: PageNumber, what: &str, work: impl FnOnce(&Page<'_>) -> Result<T>) -> Result<T> {
        self.with_pdf(page, what, |pdf| work(pdf.pages().get(page.index() as usize).ok_or_else(damaged)?))
    }

    fn with_pdf<T>(&self, page: PageNumber, what: &str, work: impl FnOnce(&Pdf) -> Result<T>) -> Result<T> {
        if page.index() >= self.page_count {
            return Err(no_such_page(page, self.page_count));
        }
        let result = guarded(what, Some(page), || {
            let pdf = self.pdf()?;
            let content = pdf.pages().get(page.index() as usize).ok_or_else(damaged)?;
            let result = work(&pdf);
            // Contents have been decoded by now, or are of a page that was only asked for its size.
            let length = if matches!(what, SIZE | DAMAGE) { 0 } else { content.page_stream().map_or(0, <[u8]>::len) };
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).content += length as u64;
            result
        });
        if matches!(&result, Err(error) if error.kind == ErrorKind::Internal) {
            // A panic may have poisoned locks within hayro: the next page gets a fresh document.
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).pages = KEPT_PAGES;
        }
        result
    }
}

const SIZE: &str = "the page's dictionary";
const DAMAGE: &str = "the page's streams";
const TEXT: &str = "the page's text";

fn load(data: &PdfData, password: &str) -> Result<Pdf, LoadPdfError> {
    match Pdf::new_with_password(data.clone(), password) {
        // A document in which no page was found may have them all the same, where lopdf can find them.
        Ok(pdf) if pdf.pages().is_empty() => Err(LoadPdfError::Invalid),
        found => found,
    }
}

fn settings() -> InterpreterSettings {
    InterpreterSettings {
        warning_sink: Arc::new(|warning| tracing::debug!(?warning, "the page could not be read completely")),
        ..Default::default()
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::Damaged, "the PDF is damaged beyond repair: no page can be found in it")
        .with_hint("the file may be cut off or no PDF at all; get it again")
}

fn encrypted(cause: DecryptionError, options: &OpenOptions) -> Error {
    match (cause, &options.password) {
        (DecryptionError::UnsupportedAlgorithm, _) => {
            Error::new(ErrorKind::Encrypted, "the PDF is encrypted in a way that is not supported")
                .with_hint("save a copy without encryption, with the program that opens it")
        }
        (_, None) => Error::new(ErrorKind::Encrypted, "the PDF is encrypted and needs a password")
            .with_hint("give the password with --password"),
        (_, Some(_)) => Error::new(ErrorKind::Encrypted, "the password does not open the PDF")
            .with_hint("check the password; both the user's and the owner's will do"),
    }
}

impl PageSource for PdfSource {
    fn kind(&self) -> FileKind {
        FileKind::Pdf
    }

    fn page_count(&self) -> u32 {
        self.page_count
    }

    fn page_info(&self, page: PageNumber, options: &RenderOptions) -> Result<PageInfo> {
        self.with_page(page, SIZE, |content| Ok(render::plan(content, options, &self.limits)?.info()))
    }

    fn render(&self, page: PageNumber, options: &RenderOptions) -> Result<Raster> {
        self.with_page(page, "the page's drawing", |content| {
            let plan = render::plan(content, options, &self.limits)?;
            render::render(content, &plan, &self.settings)
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        if page.index() >= self.page_count {
            return Err(no_such_page(page, self.page_count));
        }
        let mut turn = self.turns.take(page);
        if let Some(turn) = &mut turn {
            let open =
                || TextReader::start(self.data.clone(), self.options(), self.settings.clone(), self.shares.clone());
            turn.reader = turn.reader.take().or_else(open);
            match turn.reader.as_ref().and_then(|reader| reader.read(page)) {
                Some(result) => return result,
                // The thread is gone; the next page may try another.
                None => turn.reader = None,
            }
        }
        tracing::trace!(page = page.get(), busy = turn.is_none(), "reading text without the reader's fonts");
        drop(turn);
        let read = |pdf: &Pdf| {
            let reading = Reading {
                pages: pdf.pages(),
                caches: &Caches::default(),
                settings: &self.settings,
                facts: &self.shares.facts,
                structure: self.structure,
            };
            let (fonts, layers) = (&mut KnownFonts::default(), &Layers::default());
            let (edges, is_sound) = (&self.shares.edges, &mut |_: &Page<'_>| false);
            let beside = Beside { fonts, edges, layers, damages: None, is_sound };
            neighbours::read(page, &reading, beside).result
        };
        let is_misread = |pdf: &Pdf| {
            let mut seen = Seen::default();
            let beside = neighbours::looked_at(page, pdf.pages(), self.structure);
            let mut all = pdf.pages().get(page.index() as usize).into_iter().chain(beside);
            Ok(all.any(|content| to_unicode::is_misread(content, &mut seen)))
        };
        if self.with_pdf(page, TEXT, is_misread)?
            && let Ok(rewritten) = to_unicode::rewritten(self.data.as_ref(), &self.options())
        {
            return guarded(TEXT, Some(page), || read(&load(&PdfData::from(rewritten), "").map_err(|_| damaged())?));
        }
        self.with_pdf(page, TEXT, read)
    }

    fn damage(&self, page: PageNumber) -> Option<String> {
        // A file of which parts are lost is looked at more thoroughly than is done beside reading its text.
        let thorough = self.losses != Losses::default();
        let found = self.shares.damages.take(page).filter(|_| !thorough);
        let of_page = found.unwrap_or_else(|| {
            let found = self.with_page(page, DAMAGE, |content| Ok(damage::of_page(content, thorough)));
            found.unwrap_or_else(|error| {
                tracing::debug!(%error, "whether the page is whole cannot be told");
                None
            })
        });
        let is_last = page.index() + 1 == self.page_count;
        let of_document = if is_last { self.losses.sentence(self.page_count) } else { None };
        let all: Vec<String> = of_page.into_iter().chain(of_document).collect();
        (!all.is_empty()).then(|| get_it_again(&all.join("; ")))
    }
}
