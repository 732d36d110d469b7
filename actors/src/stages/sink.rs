//! Sink: keeps each page, once, and tells whoever waits for it.
//!
//! Takes [`CheckedPage`]s and [`SkipPages`]. All that has come while one commit was under way goes into the next (group
//! commit), so that durability costs one transaction for many pages; where pages come faster than a person reads, they wait
//! a moment for each other. When the pages are durable their tickets are settled, and the document's readers are woken. It holds the pages
//! of the next commit, up to [`GATHERED`] without their slots, and of others at most as many as there are slots. A database that is locked for a
//! while is tried again; one that is full or broken ends the pipeline with the cause, and what was not committed is read when the
//! document is resumed.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, SpawnHandle, WrapFuture};
use pagestream_documents::{Digest, DocumentId, PageNumber, PageRecord, PageStatus};
use pagestream_store::{Committed, Error as StoreError, Outcome, PageCommit, Store};
use tokio::sync::{oneshot, watch};

use crate::{
    caches::Caches,
    error::{Error, store_error},
    failpoints,
    guard::guarded,
    job::{DocumentJob, DocumentState},
    messages::CheckedPage,
    metrics::{Metrics, Stage},
    ticket::PageTicket,
};

/// Pages in one transaction at most: beyond this a transaction gets longer, not cheaper, and readers wait for it.
const COMMIT_PAGES: usize = 256;

/// Pages that wait to be committed together, without the slots in which others are read meanwhile: records of some 50 KB.
pub const GATHERED: usize = 32;

/// How long after the last commit the next one begins at the earliest: ten pages of text take that. Most of a small commit does not depend
/// on how many pages are in it.
const GATHERING: Duration = Duration::from_millis(40);

/// Pause before a commit that found the database locked is tried again; the store itself has waited before that.
const LOCKED_PAUSE: Duration = Duration::from_millis(200);

/// Times a locked database is tried: with the store's own waiting, about a minute.
const LOCKED_ATTEMPTS: u32 = 10;

pub struct Sink {
    store: Store,
    caches: Arc<Caches>,
    metrics: Arc<Metrics>,
    fatal: watch::Sender<Option<Error>>,
    waiting: Vec<Entry>,
    finished: Vec<Arc<DocumentJob>>,
    committing: bool,
    /// When the last commit began; `None` before the first.
    last: Option<Instant>,
    /// The next commit, where it waits for its time.
    planned: Option<SpawnHandle>,
}

/// A page that waits to be committed. Skipped pages have no ticket: they were let go of before.
struct Entry {
    job: Arc<DocumentJob>,
    ticket: Option<PageTicket>,
    record: Arc<PageRecord>,
    raster: Option<Digest>,
}

/// Pages that will not be read, because the document was cancelled or its time is up; none when all had their record already.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SkipPages {
    pub job: Arc<DocumentJob>,
    pub pages: Vec<PageNumber>,
}

impl Sink {
    pub fn new(store: Store, caches: Arc<Caches>, metrics: Arc<Metrics>, fatal: watch::Sender<Option<Error>>) -> Self {
        Self {
            store,
            caches,
            metrics,
            fatal,
            waiting: Vec::new(),
            finished: Vec::new(),
            committing: false,
            last: None,
            planned: None,
        }
    }
}

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Handler<CheckedPage> for Sink {
    type Result = ();

    fn handle(&mut self, page: CheckedPage, context: &mut Self::Context) {
        failpoints::hit(Stage::Sink);
        if !page.ticket.is_valid() {
            return;
        }
        page.ticket.enter(Stage::Sink);
        let CheckedPage { ticket, record, raster } = page;
        let job = ticket.job().clone();
        if self.waiting.len() < GATHERED {
            ticket.state().give_slot_back();
        }
        self.waiting.push(Entry { job, ticket: Some(ticket), record: Arc::from(record), raster });
        self.commit(context);
    }
}

impl Handler<SkipPages> for Sink {
    type Result = ();

    fn handle(&mut self, SkipPages { job, pages }: SkipPages, context: &mut Self::Context) {
        failpoints::hit(Stage::Sink);
        if pages.is_empty() {
            self.finished.push(job.clone());
        }
        self.waiting.extend(pages.into_iter().map(|page| Entry {
            job: job.clone(),
            ticket: None,
            record: Arc::new(job.skipped(page)),
            raster: None,
        }));
        self.commit(context);
    }
}

impl Sink {
    /// Commits what waits, unless a commit is under way, or plans to do so where more will come soon.
    fn commit(&mut self, context: &mut Context<Self>) {
        if self.committing || (self.waiting.is_empty() && self.finished.is_empty()) {
            return;
        }
        let wait = self.last.map_or(Duration::ZERO, |last| GATHERING.saturating_sub(last.elapsed()));
        if !wait.is_zero() && !self.is_due() {
            let commit = |this: &mut Self, context: &mut Context<Self>| {
                this.planned = None;
                this.commit(context);
            };
            self.planned.get_or_insert_with(|| context.run_later(wait, commit));
            return;
        }
        self.planned.take().map(|planned| context.cancel_future(planned));
        self.last = Some(Instant::now());
        self.committing = true;
        let rest = self.waiting.split_off(self.waiting.len().min(COMMIT_PAGES));
        let entries = std::mem::replace(&mut self.waiting, rest);
        let finished = std::mem::take(&mut self.finished);
        let (store, caches) = (self.store.clone(), self.caches.clone());
        let (metrics, fatal) = (self.metrics.clone(), self.fatal.clone());
        // A task of its own: what has been begun is settled even if the actor is made anew meanwhile.
        let (done, kept) = oneshot::channel();
        actix::spawn(async move {
            keep(store, &caches, entries, finished, &metrics, &fatal).await;
            // The actor may have been made anew, and its successor waits for nothing.
            let _ = done.send(());
        });
        context.spawn(kept.into_actor(self).map(|_, this, context| {
            this.committing = false;
            this.commit(context);
        }));
    }

    /// Whether somebody waits for what is there: for the first page of a document or its last, for the end of one, or for a slot.
    fn is_due(&self) -> bool {
        let mut waiting: HashMap<DocumentId, (&DocumentJob, u32)> = HashMap::new();
        for entry in &self.waiting {
            waiting.entry(entry.job.id).or_insert((&entry.job, 0)).1 += 1;
        }
        let is_end = |(job, pages): &(&DocumentJob, u32)| job.begins_or_ends_with(*pages);
        !self.finished.is_empty() || self.waiting.len() >= GATHERED || waiting.values().any(is_end)
    }
}

/// Makes the entries durable, settles their tickets, and finishes the documents that are complete.
async fn keep(
    store: Store,
    caches: &Caches,
    entries: Vec<Entry>,
    finished: Vec<Arc<DocumentJob>>,
    metrics: &Metrics,
    fatal: &watch::Sender<Option<Error>>,
) {
    let since = Instant::now();
    let pages: Arc<[PageCommit]> =
        entries.iter().map(|entry| PageCommit { record: entry.record.clone(), raster: entry.raster }).collect();
    let committed = match pages.is_empty() {
        true => Ok(Vec::new()),
        false => blocking(&store, move |store| store.commit(&pages)).await,
    };
    let committed = match committed {
        Ok(committed) => committed,
        Err(cause) => {
            tracing::info!(%cause, "pages cannot be committed");
            fatal.send_replace(Some(cannot_be_kept(cause)));
            for entry in entries {
                // Without a record, they are read again when the document is resumed.
                entry.job.finish(DocumentState::Interrupted);
                entry.ticket.into_iter().for_each(PageTicket::abandon);
            }
            return;
        }
    };
    metrics.stage(Stage::Sink).busy.add(since.elapsed());
    metrics.pages_committed.fetch_add(entries.len() as u64, Relaxed);
    let mut counts: HashMap<DocumentId, (Arc<DocumentJob>, u32, u32)> = HashMap::new();
    for (entry, committed) in entries.into_iter().zip(committed) {
        match committed {
            Committed::New(_) => {
                let count = counts.entry(entry.job.id).or_insert_with(|| (entry.job.clone(), 0, 0));
                count.1 += 1;
                count.2 += u32::from(entry.record.status == PageStatus::Failed);
                if entry.job.is_read_along() {
                    caches.fresh.keep(entry.job.id, entry.record.clone());
                }
            }
            // It was counted when it came to be there.
            Committed::AlreadyThere => {}
            // Somebody else has ended or removed the document.
            Committed::Closed => entry.job.finish(DocumentState::Cancelled),
        }
        entry.ticket.into_iter().for_each(PageTicket::settle);
    }
    let mut complete = finished;
    complete.extend(counts.into_values().filter(|(job, pages, failed)| job.committed(*pages, *failed)).map(|c| c.0));
    for job in complete {
        let (outcome, state) = match job.is_cancelled() {
            true => (Outcome::Cancelled, DocumentState::Cancelled),
            false => (Outcome::Done, DocumentState::Done),
        };
        let id = job.id;
        let reason = job.is_cancelled().then_some("cancelled");
        match blocking(&store, move |store| store.finish(id, outcome, reason)).await {
            Ok(_) => job.finish(state),
            Err(cause) => {
                tracing::info!(parent: &job.span, %cause, "the document's end cannot be recorded");
                fatal.send_replace(Some(cannot_be_kept(cause)));
                job.finish(DocumentState::Interrupted);
            }
        }
    }
}

/// Runs a call of the store on a thread for blocking work, again while the database is locked.
async fn blocking<T: Send + 'static>(
    store: &Store,
    call: impl Fn(&Store) -> Result<T, StoreError> + Send + Sync + 'static,
) -> Result<T, Error> {
    let call = Arc::new(call);
    for attempt in 1.. {
        let (store, call) = (store.clone(), call.clone());
        let called = tokio::task::spawn_blocking(move || guarded(|| call(&store))).await;
        match called {
            Ok(Ok(Ok(done))) => return Ok(done),
            Ok(Ok(Err(error))) if error.is_retryable() && attempt < LOCKED_ATTEMPTS => {
                tracing::warn!(%error, attempt, "the store is tried again");
                tokio::time::sleep(LOCKED_PAUSE).await;
            }
            Ok(Ok(Err(error))) => return Err(store_error(error)),
            Ok(Err(panic)) => return Err(Error::Fatal(format!("the store {panic}"))),
            Err(_) => return Err(Error::Closed),
        }
    }
    unreachable!("the loop ends by returning")
}

/// Why the pipeline cannot go on: what it reads would be lost.
fn cannot_be_kept(cause: Error) -> Error {
    let results = |cause: String| format!("results cannot be kept: {cause}");
    match cause {
        Error::Store { message, hint, failure } => Error::Store { message: results(message), hint, failure },
        cause => Error::Fatal(results(cause.to_string())),
    }
}
