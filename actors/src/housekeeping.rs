//! What the running pipeline does besides reading pages: it carries out what other processes ask (`pagestream cancel`,
//! `pagestream rm`), forgets what is older or larger than the user wants to keep, and folds the log when there is nothing to do.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use pagestream_documents::DocumentId;
use pagestream_store::{
    DocumentState as StoredState, Error as StoreError, Outcome, PageCommit, Request, Retention, Store,
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    guard::blocking,
    jobs::{Jobs, job_of, options_of},
};

/// How often other processes' requests are looked for: one look costs microseconds, and who has asked to cancel is
/// patient for half a second.
const REQUESTS_INTERVAL: Duration = Duration::from_millis(500);

/// How often the retention policy is applied. It is in days and gigabytes, so that a minute is nothing.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);

pub struct Housekeeper {
    store: Store,
    jobs: Arc<Jobs>,
    retention: Retention,
    /// Whether nothing was under way at the last look.
    idle: bool,
    /// Documents that a request was for and that were not under way here, at the last look.
    at_rest: HashSet<DocumentId>,
}

impl Housekeeper {
    pub fn new(store: Store, jobs: Arc<Jobs>, retention: Retention) -> Self {
        Self { store, jobs, retention, idle: false, at_rest: HashSet::new() }
    }

    /// Goes on for as long as it is polled.
    pub async fn run(mut self) {
        let every = |period| {
            let mut interval = interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        let (mut requests, mut retention) = (every(REQUESTS_INTERVAL), every(RETENTION_INTERVAL));
        let retains = self.retention != Retention::default();
        loop {
            tokio::select! {
                _ = requests.tick() => {
                    self.carry_out_requests().await;
                    self.fold_log_when_idle().await;
                }
                _ = retention.tick(), if retains => self.retain().await,
            }
        }
    }

    async fn carry_out_requests(&mut self) {
        let pending = self.blocking(|store| store.pending_requests()).await.unwrap_or_default();
        let (mut at_rest, mut removed) = (HashSet::new(), false);
        for (id, request) in pending {
            match self.jobs.get(id) {
                // Removed when it has ended: the request stays until then.
                Some(job) if !job.is_ended() => job.cancel(),
                // A document is journaled a moment before it is under way: only one that was at rest twice is.
                None if !self.at_rest.contains(&id) => drop(at_rest.insert(id)),
                _ => {
                    let done = self.blocking(move |store| end_at_rest(store, id, request)).await.is_some();
                    removed |= done && request == Request::Remove;
                }
            }
        }
        if removed {
            self.blocking(Store::give_back_space).await;
        }
        self.at_rest = at_rest;
    }

    /// Where nothing was under way at two looks, the write-ahead log is folded into the database, so that a copy of its file is
    /// whole. Where there is nothing to fold that costs a look at a file's size.
    async fn fold_log_when_idle(&mut self) {
        let idle = self.jobs.all().iter().all(|job| job.is_ended());
        if std::mem::replace(&mut self.idle, idle) && idle {
            self.blocking(|store| store.checkpoint()).await;
        }
    }

    /// Forgets what the policy says, but nothing that somebody in this process still follows.
    async fn retain(&self) {
        let (jobs, retention) = (self.jobs.clone(), self.retention);
        let followed = move |id| jobs.get(id).is_some();
        let removed = self.blocking(move |store| store.retain_unless(&retention, SystemTime::now(), &followed)).await;
        for id in removed.unwrap_or_default() {
            tracing::info!(%id, "document is forgotten, as the retention settings say");
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        blocking(&self.store, "the store is asked again later", call).await
    }
}

/// Cancels or removes a document that nobody is reading. After removals, [`Store::give_back_space`] does what is to be done once. The pages that were not read have records that say so, as far
/// as is known which those are.
///
/// # Errors
/// [`StoreError::NoSuchDocument`], and whatever keeps the store from writing.
pub fn end_at_rest(store: &Store, id: DocumentId, request: Request) -> Result<(), StoreError> {
    let document = store.document(id)?.ok_or(StoreError::NoSuchDocument(id))?;
    if document.state == StoredState::Open {
        if request == Request::Cancel {
            let options = options_of(&document, &crate::options::ReadingOptions::default()).unwrap_or_default();
            let committed = store.committed_pages(id)?;
            let total = document.pages.unwrap_or(0);
            let job = job_of(&document, options, None);
            job.opened(total, total, 0, 0);
            let unread = job.options.pages.of(total).filter(|&page| !committed.contains(page));
            let skipped: Vec<PageCommit> =
                unread.map(|page| PageCommit { record: Arc::new(job.skipped(page)), raster: None }).collect();
            store.commit(&skipped)?;
        }
        store.finish(id, Outcome::Cancelled, Some("cancelled"))?;
    }
    if request == Request::Remove {
        store.remove(id)?;
    }
    Ok(())
}
