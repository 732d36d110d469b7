//! A document's pages as a stream. It reads from the page log, not from the pipeline: a slow reader holds no page in
//! memory, any number may read, and each starts wherever it likes. Who reads a document's own stream and keeps up has what was just
//! committed from memory (`fresh.rs`), as it stands in the log.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use pagestream_documents::{DocumentId, PageNumber, PageRecord};
use pagestream_store::{Cursor, DocumentState as StoredState, Error as StoreError, Store};
use tokio::runtime::Handle;

use crate::{
    caches::Caches,
    error::{Error, Result, store_error},
    job::{DocumentJob, DocumentState},
    jobs::Jobs,
    options::PageSelection,
};

/// Pages read from the log at a time: enough to hide the query's cost, few enough to hold.
const READ_AHEAD: usize = 32;

/// How often a document that is open and not under way in this process (it waits to be resumed) is looked at.
const REST_INTERVAL: Duration = Duration::from_millis(250);

/// Where a tail begins, and in which order it gives pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// From this page on, in page order.
    InOrder(PageNumber),
    /// From this page on, as they become ready.
    AsReady(PageNumber),
    /// Pages that come from now on, as they become ready.
    Live,
}

impl Default for Tail {
    fn default() -> Self {
        Self::InOrder(PageNumber::FIRST)
    }
}

/// The pages of one document: see [`crate::DocumentHandle::pages`] and [`crate::Pipeline::tail`]. Ends when no more will
/// come, or after an error.
pub struct PageStream {
    pages: Pin<Box<dyn Stream<Item = Result<PageRecord>> + Send>>,
}

impl Stream for PageStream {
    type Item = Result<PageRecord>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pages.as_mut().poll_next(context)
    }
}

impl PageStream {
    /// The submitter's own stream: the document stays within a window of it.
    pub(crate) fn of_job(job: Arc<DocumentJob>, store: Store, caches: Arc<Caches>, runtime: Handle) -> Self {
        let cursor = match job.options.unordered {
            true => Cursor::After(0),
            false => Cursor::Page(PageNumber::FIRST),
        };
        Self::of(Follower {
            id: job.id,
            selection: job.options.pages.clone(),
            least: PageNumber::FIRST,
            cursor,
            own: Some(Reading::new(job.clone(), caches)),
            jobs: None,
            job: Some(job),
            store,
            runtime,
            ready: VecDeque::new(),
        })
    }

    /// Anybody's stream, of any document in the store; `None` when there is no such document. It holds nothing back.
    pub(crate) async fn tail(
        id: DocumentId,
        tail: Tail,
        jobs: Arc<Jobs>,
        store: Store,
        runtime: Handle,
    ) -> Result<Option<Self>> {
        let from_store = store.clone();
        let look = runtime.spawn_blocking(move || Ok((from_store.document(id)?, from_store.last_sequence()?)));
        let looked = look.await.map_err(|_| Error::Closed)?;
        let (document, last) = looked.map_err(|error: StoreError| store_error(error))?;
        let Some(document) = document else { return Ok(None) };
        let (cursor, least) = match tail {
            Tail::InOrder(from) => (Cursor::Page(from), from),
            Tail::AsReady(from) => (Cursor::After(0), from),
            Tail::Live => (Cursor::After(last), PageNumber::FIRST),
        };
        let selection = document.selection.map(PageSelection::try_from).and_then(Result::ok).unwrap_or_default();
        let job = jobs.get(id);
        let (jobs, ready) = (Some(jobs), VecDeque::new());
        Ok(Some(Self::of(Follower { id, selection, least, cursor, own: None, jobs, job, store, runtime, ready })))
    }

    fn of(follower: Follower) -> Self {
        let pages = futures::stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(Some(page)) => Some((Ok(page), Some(follower))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Self { pages: Box::pin(pages) }
    }
}

/// That somebody reads the document's own stream, and how far; for as long as it is held.
struct Reading {
    job: Arc<DocumentJob>,
    caches: Arc<Caches>,
    taken: u32,
}

impl Reading {
    fn new(job: Arc<DocumentJob>, caches: Arc<Caches>) -> Self {
        job.reader_at(true, 0);
        Self { job, caches, taken: 0 }
    }

    fn took_one(&mut self) {
        self.taken += 1;
        self.job.reader_at(true, self.taken);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.job.reader_at(false, self.taken);
        self.caches.fresh.forget(self.job.id);
    }
}

struct Follower {
    id: DocumentId,
    /// The pages that were asked for.
    selection: PageSelection,
    /// Earlier pages are passed over.
    least: PageNumber,
    cursor: Cursor,
    /// Only of the submitter's own stream.
    own: Option<Reading>,
    /// Where the document's job is found when it comes under way.
    jobs: Option<Arc<Jobs>>,
    job: Option<Arc<DocumentJob>>,
    store: Store,
    runtime: Handle,
    ready: VecDeque<PageRecord>,
}

impl Follower {
    async fn next(&mut self) -> Result<Option<PageRecord>> {
        let mut progress = self.job.as_ref().map(|job| job.progress());
        loop {
            if let Some(page) = self.ready.pop_front() {
                self.own.iter_mut().for_each(Reading::took_one);
                return Ok(Some(page));
            }
            if self.job.is_none() {
                self.job = self.jobs.as_ref().and_then(|jobs| jobs.get(self.id));
                progress = self.job.as_ref().map(|job| job.progress());
            }
            // Looked at before reading, so that what is committed meanwhile wakes us.
            let ended = match &mut progress {
                Some(progress) => progress.borrow_and_update().state != DocumentState::Open,
                None => self.has_ended_in_store().await?,
            };
            let anything = self.read(ended).await?;
            if self.ready.is_empty() && !anything {
                if ended {
                    return Ok(None);
                }
                match &mut progress {
                    // The job holds the sender and we hold the job: this cannot fail.
                    Some(progress) => drop(progress.changed().await),
                    // On our runtime, since the caller's may have no clock; when ours ends there is nothing to wait for.
                    None => {
                        let rest = self.runtime.spawn(async { tokio::time::sleep(REST_INTERVAL).await });
                        rest.await.map_err(|_| Error::Closed)?;
                    }
                }
            }
        }
    }

    async fn has_ended_in_store(&self) -> Result<bool> {
        let (store, id) = (self.store.clone(), self.id);
        let state = self.runtime.spawn_blocking(move || store.state(id));
        Ok(state.await.map_err(|_| Error::Closed)?.map_err(store_error)? != Some(StoredState::Open))
    }

    /// Reads on from the cursor: in page order up to the first gap, else whatever is there. Whether the cursor moved.
    async fn read(&mut self, ended: bool) -> Result<bool> {
        if let (Some(own), Cursor::Page(next)) = (&self.own, &mut self.cursor) {
            let fresh = own.caches.fresh.take(self.id, *next, READ_AHEAD);
            if let Some(last) = fresh.last() {
                *next = PageNumber::from_index(last.page.index() + 1);
                self.ready.extend(fresh);
                return Ok(true);
            }
        }
        let (store, id, cursor) = (self.store.clone(), self.id, self.cursor);
        let read = self.runtime.spawn_blocking(move || {
            let pages = store.read(id, cursor, READ_AHEAD)?;
            pages.iter().map(|page| Ok((page.seq, page.record()?))).collect::<Result<Vec<_>, StoreError>>()
        });
        for (seq, record) in read.await.map_err(|_| Error::Closed)?.map_err(store_error)? {
            match &mut self.cursor {
                Cursor::After(last) => *last = seq,
                Cursor::Page(next) => {
                    // The next page that was asked for and is not there yet holds back those behind it. When nothing
                    // more will come, gaps (an interrupted document has them) are passed over.
                    let mut between = (next.get()..record.page.get()).filter_map(PageNumber::new);
                    if !ended && between.any(|page| self.selection.contains(page)) {
                        break;
                    }
                    *next = PageNumber::from_index(record.page.index() + 1);
                }
            }
            if record.page >= self.least {
                self.ready.push_back(record);
            }
        }
        Ok(self.cursor != cursor)
    }
}
