//! One document under way: what every stage may know of it, and the progress that its readers watch.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use pagestream_documents::{Digest, DocumentId, DocumentRef, ErrorKind, PageNumber, PageRecord, PageStatus};
use pagestream_store::Input;
use tokio::sync::watch;

use crate::{admission::Admitted, options::SubmitOptions};

/// Where a document stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentState {
    /// Pages are still to come.
    Open,
    /// Every page asked for has its record.
    Done,
    /// The document could not be read at all; no page has a record.
    Failed(DocumentFailure),
    /// Cancelled: the pages that were not read have records that say so.
    Cancelled,
    /// The pipeline shut down first. What has no record yet is read when the document is resumed.
    Interrupted,
}

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DocumentFailure {
    pub kind: ErrorKind,
    /// One sentence, without the document's name.
    pub message: String,
    pub hint: Option<String>,
}

/// A page that was given up after its attempts, in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuarantinedPage {
    pub page: PageNumber,
    /// Its pixels as a PNG in the store's spool, kept for as long as the document; `None` when it could not be rendered.
    pub image: Option<Digest>,
}

/// A document's progress at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    pub state: DocumentState,
    /// Pages in the document; `None` until it is open.
    pub pages: Option<u32>,
    /// Pages asked for; `None` until it is open.
    pub selected: Option<u32>,
    /// Pages that have their record.
    pub committed: u32,
    /// Of those, the ones that failed.
    pub failed: u32,
}

pub struct DocumentJob {
    pub id: DocumentId,
    pub source: String,
    pub sha256: Digest,
    pub options: SubmitOptions,
    /// What "the same options" means to the store.
    pub options_key: Digest,
    pub span: tracing::Span,
    total: OnceLock<u32>,
    input: OnceLock<Input>,
    progress: watch::Sender<Progress>,
    cancelled: watch::Sender<bool>,
    expired: OnceLock<String>,
    window: watch::Sender<Window>,
    admission: Mutex<Option<Admitted>>,
    quarantined: Mutex<Vec<QuarantinedPage>>,
    compared: AtomicU32,
}

/// How far the reader of the document's own stream has come. Without such a reader nothing is held back.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    reading: bool,
    taken: u32,
}

impl DocumentJob {
    pub fn new(
        id: DocumentId,
        source: String,
        sha256: Digest,
        options: SubmitOptions,
        options_key: Digest,
        admission: Option<Admitted>,
    ) -> Arc<Self> {
        let span = tracing::info_span!("document", %id, source);
        let progress = Progress { state: DocumentState::Open, pages: None, selected: None, committed: 0, failed: 0 };
        Arc::new(Self {
            id,
            source,
            sha256,
            options,
            options_key,
            span,
            total: OnceLock::new(),
            input: OnceLock::new(),
            progress: watch::Sender::new(progress),
            cancelled: watch::Sender::new(false),
            expired: OnceLock::new(),
            window: watch::Sender::new(Window::default()),
            admission: Mutex::new(admission),
            quarantined: Mutex::default(),
            compared: AtomicU32::new(0),
        })
    }

    pub fn document_ref(&self) -> DocumentRef {
        let pages = self.total.get().copied().unwrap_or(0);
        DocumentRef { id: self.id, source: self.source.clone(), sha256: self.sha256, pages }
    }

    /// The document is open: `total` pages, of which `selected` are wanted and `committed` have their record already.
    pub fn opened(&self, total: u32, selected: u32, committed: u32, failed: u32) {
        self.total.get_or_init(|| total);
        self.progress.send_modify(|progress| {
            *progress = Progress {
                state: progress.state.clone(),
                pages: Some(total),
                selected: Some(selected),
                committed,
                failed,
            };
        });
    }

    /// What the document's pages are read from.
    pub fn read_from(&self, input: Input) {
        self.input.get_or_init(|| input);
    }

    /// Why what was read just now is not to be believed, if so: somebody has written to the file that it was read from.
    pub fn changed_meanwhile(&self) -> Option<String> {
        let error = self.input.get()?.check().err()?;
        Some(error.hint().map_or_else(|| error.to_string(), |hint| format!("{error} ({hint})")))
    }

    /// Whether nothing more will come of the document.
    pub fn is_ended(&self) -> bool {
        self.progress.borrow().state != DocumentState::Open
    }

    /// Pages came to have their record. Returns whether these were the last.
    pub fn committed(&self, pages: u32, failed: u32) -> bool {
        let mut last = false;
        self.progress.send_modify(|progress| {
            progress.committed += pages;
            progress.failed += failed;
            last = progress.selected.is_some_and(|selected| progress.committed >= selected);
        });
        last
    }

    /// Whether `pages` more would be the first to have their record, or the last.
    pub fn begins_or_ends_with(&self, pages: u32) -> bool {
        let progress = self.progress.borrow();
        progress.committed == 0 || progress.selected.is_some_and(|selected| progress.committed + pages >= selected)
    }

    /// Nothing more will come. Frees the document's place for the next.
    pub fn finish(&self, state: DocumentState) {
        self.progress.send_if_modified(|progress| {
            let open = progress.state == DocumentState::Open;
            if open {
                progress.state = state;
            }
            open
        });
        self.admission.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// The document has used its time up: what has no record yet fails with `reason`.
    pub fn expire(&self, reason: String) {
        self.expired.get_or_init(|| reason);
    }

    /// Why the document's time is up, if it is.
    pub fn expired(&self) -> Option<&str> {
        self.expired.get().map(String::as_str)
    }

    /// Resolves when the document is cancelled.
    pub async fn cancelled(&self) {
        // The sender lives as long as `self`, so that this ends only by the value.
        let _ = self.cancelled.subscribe().wait_for(|cancelled| *cancelled).await;
    }

    /// A reader of the document's own stream has begun, has come to `taken` pages, or (`reading = false`) has gone.
    pub fn reader_at(&self, reading: bool, taken: u32) {
        self.window.send_replace(Window { reading, taken });
    }

    /// Whether somebody reads the document's own stream, page after page.
    pub fn is_read_along(&self) -> bool {
        self.window.borrow().reading && !self.options.unordered
    }

    /// Waits until the `emitted + 1`st page would be at most `window` pages ahead of the reader.
    pub async fn reader_has_room(&self, emitted: u32, window: u32) {
        let _ = self.window.subscribe().wait_for(|w| !w.reading || emitted < w.taken.saturating_add(window)).await;
    }

    /// The record of a page that will not be read because the document was cancelled or has used its time up.
    pub fn skipped(&self, page: PageNumber) -> PageRecord {
        let status = if self.expired().is_some() { PageStatus::Failed } else { PageStatus::Skipped };
        let reason = self.expired().unwrap_or("cancelled").to_owned();
        PageRecord::without_text(self.document_ref(), page, status, Some(reason))
    }

    /// Waits until `n` pages have their record, or nothing more will come.
    pub async fn pages_committed(&self, n: u32) {
        let done = |p: &Progress| p.committed >= n || p.state != DocumentState::Open;
        let _ = self.progress.subscribe().wait_for(done).await;
    }

    /// A page of this document brought stages down until its attempts were used up.
    pub fn quarantine(&self, page: QuarantinedPage) {
        self.quarantined.lock().unwrap_or_else(PoisonError::into_inner).push(page);
    }

    pub fn quarantined(&self) -> Vec<QuarantinedPage> {
        self.quarantined.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pages of this run, in page order, that have been compared with earlier ones. Here and not in the stage that
    /// compares, so that a stage made anew knows for which page it waits.
    pub fn compared(&self) -> u32 {
        self.compared.load(Relaxed)
    }

    pub fn set_compared(&self, pages: u32) {
        self.compared.store(pages, Relaxed);
    }
}

/// Where a submitted document's bytes come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// A file, by its path. It should stay as it is until the document has ended.
    Path(PathBuf),
    /// A file that is submitted under another name than its path: one that was moved since it was found, say.
    Named { name: String, path: PathBuf },
    /// The bytes, under a name for people that need not be a file's.
    Bytes { name: String, bytes: Arc<[u8]> },
}

impl Source {
    /// What the document is called in records and messages.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Named { name, .. } | Self::Bytes { name, .. } => name.clone(),
        }
    }
}

/// A page as `document page n`, for messages.
pub fn describe(job: &DocumentJob, page: PageNumber) -> String {
    format!("{} page {page}", job.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_and_the_last_are_told() {
        let (id, digest) = (DocumentId::new(), Digest::of(b"a document"));
        let job = DocumentJob::new(id, "a.pdf".to_owned(), digest, SubmitOptions::default(), digest, None);
        job.opened(9, 5, 0, 0);
        assert!(job.begins_or_ends_with(1));
        job.committed(1, 0);
        assert!(!job.begins_or_ends_with(3) && job.begins_or_ends_with(4));
    }
}
