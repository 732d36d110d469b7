//! A document's pages as a stream. It reads from the page log, not from the pipeline: a slow reader holds no page in
//! memory, any number may read, and each starts wherever it likes.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::Stream;
use pagestream_documents::{PageNumber, PageRecord};
use pagestream_store::{Cursor, Store};
use tokio::runtime::Handle;

use crate::{
    error::{Error, Result},
    job::{DocumentJob, DocumentState},
    stages::ingest::store_error,
};

/// Pages read from the log at a time: enough to hide the query's cost, few enough to hold.
const READ_AHEAD: usize = 32;

/// The pages of one document: see [`crate::DocumentHandle::pages`]. Ends when no more will come.
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
    pub(crate) fn of_job(job: Arc<DocumentJob>, store: Store, runtime: Handle) -> Self {
        let cursor = match job.options.unordered {
            true => Cursor::After(0),
            false => Cursor::Page(PageNumber::FIRST),
        };
        let follower = Follower { reader: Reading::new(job), store, runtime, cursor, ready: VecDeque::new() };
        Self {
            pages: Box::pin(futures::stream::unfold(follower, |mut follower| async {
                let page = follower.next().await.transpose()?;
                Some((page, follower))
            })),
        }
    }
}

/// That somebody reads the document's stream, and how far; for as long as it is held.
struct Reading {
    job: Arc<DocumentJob>,
    taken: u32,
}

impl Reading {
    fn new(job: Arc<DocumentJob>) -> Self {
        job.reader_at(true, 0);
        Self { job, taken: 0 }
    }

    fn took_one(&mut self) {
        self.taken += 1;
        self.job.reader_at(true, self.taken);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.job.reader_at(false, self.taken);
    }
}

struct Follower {
    reader: Reading,
    store: Store,
    runtime: Handle,
    cursor: Cursor,
    ready: VecDeque<PageRecord>,
}

impl Follower {
    async fn next(&mut self) -> Result<Option<PageRecord>> {
        let mut progress = self.reader.job.progress();
        loop {
            if let Some(page) = self.ready.pop_front() {
                self.reader.took_one();
                return Ok(Some(page));
            }
            // Looked at before reading, so that what is committed meanwhile wakes us.
            let ended = progress.borrow_and_update().state != DocumentState::Open;
            self.read().await?;
            if self.ready.is_empty() {
                if ended {
                    return Ok(None);
                }
                // The job holds the sender and we hold the job: this cannot fail.
                let _ = progress.changed().await;
            }
        }
    }

    /// Reads on from the cursor: in page order up to the first gap, else whatever is there.
    async fn read(&mut self) -> Result<()> {
        let (store, id, cursor) = (self.store.clone(), self.reader.job.id, self.cursor);
        let read = self.runtime.spawn_blocking(move || {
            let pages = store.read(id, cursor, READ_AHEAD)?;
            pages.iter().map(|page| Ok((page.seq, page.record()?))).collect::<Result<Vec<_>, pagestream_store::Error>>()
        });
        let read = read.await.map_err(|_| Error::Closed)?.map_err(store_error)?;
        let ended = self.reader.job.progress().borrow().state != DocumentState::Open;
        for (seq, record) in read {
            match &mut self.cursor {
                Cursor::After(last) => *last = seq,
                Cursor::Page(next) => {
                    // The next page that was asked for and is not there yet holds back those behind it. When nothing
                    // more will come, gaps (an interrupted document has them) are passed over.
                    let pages = &self.reader.job.options.pages;
                    let due = (next.get()..record.page.get()).filter_map(PageNumber::new).any(|p| pages.contains(p));
                    if due && !ended {
                        break;
                    }
                    *next = PageNumber::from_index(record.page.index() + 1);
                }
            }
            self.ready.push_back(record);
        }
        Ok(())
    }
}
