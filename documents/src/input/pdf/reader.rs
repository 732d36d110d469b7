//! A thread that reads one document's text, and keeps its fonts from page to page.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use hayro::{
    hayro_interpret::InterpreterSettings,
    hayro_syntax::{Pdf, PdfData, page::Page},
};

use super::{
    KEPT_CONTENT, KEPT_PAGES, Shares, TEXT, damaged,
    faces::KnownFonts,
    neighbours::{self, Beside, Outcome},
    text_layer::{Caches, Reading},
    to_unicode::{self, Seen},
};
use crate::{
    error::Result,
    ids::PageNumber,
    input::{OpenOptions, guard::guarded},
    page_text::TextLayer,
};

/// Forms may be nested 50 deep, and each level of the interpreter takes tens of kilobytes of stack.
const STACK: usize = 8 << 20;

/// Dropping it ends the thread, after the page that it may be reading.
pub(super) struct TextReader {
    jobs: SyncSender<Job>,
}

struct Job {
    page: PageNumber,
    answer: SyncSender<Result<Option<TextLayer>>>,
}

impl TextReader {
    /// `None` when the system has no thread to spare.
    pub(super) fn start(
        data: PdfData,
        options: OpenOptions,
        settings: InterpreterSettings,
        shares: Shares,
    ) -> Option<Self> {
        // The caller waits for each answer, so there is never more than one job.
        let (jobs, incoming) = sync_channel(1);
        thread::Builder::new()
            .name("pdf-text".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let mut document =
                    Document { data, options, shares, seen: Some(Seen::default()), fonts: KnownFonts::default() };
                let mut waiting = None;
                while serve(&mut document, &settings, &incoming, &mut waiting).is_some() {}
            })
            .ok()?;
        Some(Self { jobs })
    }

    /// `None` when the thread has ended.
    pub(super) fn read(&self, page: PageNumber) -> Option<Result<Option<TextLayer>>> {
        let (answer, incoming) = sync_channel(1);
        self.jobs.send(Job { page, answer }).ok()?;
        incoming.recv().ok()
    }
}

/// What is read from, opening after opening.
struct Document {
    data: PdfData,
    options: OpenOptions,
    shares: Shares,
    /// Fonts whose CMaps have been looked at; `None` when the document was written anew, and all of them are sound.
    seen: Option<Seen>,
    fonts: KnownFonts,
}

impl Document {
    fn open(&self) -> Result<Pdf> {
        let password = self.options.password.as_deref().unwrap_or("");
        guarded(TEXT, None, || Pdf::new_with_password(self.data.clone(), password).map_err(|_| damaged()))
    }

    /// Whether the document had to be written anew for this page, so that it must be opened again.
    fn mends(&mut self, pdf: &Pdf, page: PageNumber) -> bool {
        let (data, options, seen) = (&self.data, &self.options, &mut self.seen);
        let mended = guarded(TEXT, Some(page), || {
            let (Some(fonts), Some(content)) = (seen.as_mut(), pdf.pages().get(page.index() as usize)) else {
                return Ok(None);
            };
            // Of the pages beside it something is read as well.
            let beside = neighbours::looked_at(page, pdf.pages(), options.structure);
            let mut pages = std::iter::once(content).chain(beside);
            if !pages.any(|content| to_unicode::is_misread(content, fonts)) {
                return Ok(None);
            }
            *seen = None;
            to_unicode::rewritten(data.as_ref(), options).map(Some)
        });
        match mended {
            Ok(Some(bytes)) => {
                self.data = PdfData::from(bytes);
                self.options.password = None;
                // Objects may have other numbers now.
                self.fonts = KnownFonts::default();
                true
            }
            Ok(None) => false,
            Err(error) => {
                // It is read as it is.
                tracing::debug!(%error, "fonts whose letters are not told stay as they are");
                false
            }
        }
    }
}

/// Opens the document and reads pages until enough of it has gathered in memory, or it is written anew for a page that then waits.
/// `None` when nobody asks any more.
fn serve(
    document: &mut Document,
    settings: &InterpreterSettings,
    jobs: &Receiver<Job>,
    waiting: &mut Option<Job>,
) -> Option<()> {
    let mut job = waiting.take().or_else(|| jobs.recv().ok())?;
    let opened = document.open().and_then(|pdf| if document.mends(&pdf, job.page) { document.open() } else { Ok(pdf) });
    let pdf = match opened {
        Ok(pdf) => pdf,
        Err(error) => {
            let _ = job.answer.send(Err(error.on_page(job.page)));
            return Some(());
        }
    };
    let caches = Caches::default();
    let reading = Reading {
        pages: pdf.pages(),
        caches: &caches,
        settings,
        facts: &document.shares.facts.clone(),
        structure: document.options.structure,
    };
    let (mut pages, mut content) = (0, 0);
    loop {
        let Document { fonts, seen, shares: Shares { edges, layers, damages, .. }, .. } = &mut *document;
        let damages = seen.is_some().then_some(&*damages);
        let is_sound = &mut |page: &Page<'_>| seen.as_mut().is_none_or(|seen| !to_unicode::is_misread(page, seen));
        let outcome = neighbours::read(job.page, &reading, Beside { fonts, edges, layers, damages, is_sound });
        let Outcome { result, is_spoiled, pages: read, content: more } = outcome;
        // The caller may have given up; that is its business.
        let _ = job.answer.send(result);
        pages += read.max(1);
        content += more;
        if is_spoiled || pages >= KEPT_PAGES || content > KEPT_CONTENT {
            return Some(());
        }
        job = jobs.recv().ok()?;
        if document.mends(&pdf, job.page) {
            *waiting = Some(job);
            return Some(());
        }
    }
}
