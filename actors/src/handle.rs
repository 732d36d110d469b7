//! The pipeline as its users hold it: `Clone + Send + Sync`, usable from any tokio application.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use pagestream_documents::DocumentId;
use pagestream_store::{Document, DocumentState as StoredState, SearchMode, SearchQuery, SearchResults, Store};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use crate::{
    admission::{Admission, Admitted},
    budget::Budget,
    caches::{Caches, CachesStats},
    embedder::{self, EmbeddingReport},
    engine::LazyEngine,
    error::{Error, Result, model_error, store_error},
    guard::CpuPool,
    job::{DocumentJob, DocumentState, Progress, QuarantinedPage, Source},
    jobs::{Jobs, job_of, options_of},
    messages::{Control, OpenDocument, Submission, SubmittedInput},
    metrics::{Metrics, MetricsSnapshot},
    options::{PipelineOptions, SubmitOptions},
    query_encoder::QueryEncoder,
    sessions::LoadedModels,
    tail::{PageStream, Tail},
    threads::OwnedThread,
    under_way::UnderWay,
};

mod capacity;
mod incoming;

pub use capacity::PipelineCapacity;
pub use incoming::{Place, Spooling};

/// The running pipeline. Clones are the same pipeline; when the last is dropped it stops where it is, and what was
/// acknowledged is there for the next run. That waits for the pipeline's threads, as [`Pipeline::stop`] does: mostly for
/// milliseconds, for seconds where one hangs. A program that must not block there stops the pipeline first.
#[derive(Clone)]
pub struct Pipeline {
    shared: Arc<Shared>,
    admission: Admission,
}

pub(crate) struct Shared {
    pub options: Arc<PipelineOptions>,
    pub pool: Arc<CpuPool>,
    pub store: Store,
    pub metrics: Arc<Metrics>,
    pub caches: Arc<Caches>,
    pub budget: Arc<Budget>,
    pub jobs: Arc<Jobs>,
    pub under_way: Arc<UnderWay>,
    pub draining: watch::Sender<bool>,
    pub fatal: watch::Sender<Option<Error>>,
    pub engines: Vec<LazyEngine>,
    /// `None` where no vectors are made.
    pub queries: Option<QueryEncoder>,
    pub embeddings: mpsc::UnboundedSender<embedder::Waiting>,
    pub submissions: mpsc::Sender<Submission>,
    pub control: mpsc::UnboundedSender<Control>,
    pub runtime: Handle,
    pub thread: Mutex<Option<OwnedThread>>,
}

/// How long a stop waits for work that is still being done, of the processor and then of the devices: a page takes a tenth of it.
/// What takes longer is taken to hang, and left behind.
const REST: Duration = Duration::from_secs(2);

/// What a drain left undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Documents that still have pages without a record, with the number of their committed pages.
    pub interrupted: Vec<(DocumentId, String, u32)>,
    /// Pages that were under way when the deadline came.
    pub pages_abandoned: usize,
}

impl Shared {
    /// Blocks until the threads are gone, but no longer than a few seconds: see [`REST`].
    fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        self.engines.iter().for_each(|engine| engine.threads().close());
        let (stop, _nobody_waits) = oneshot::channel();
        // When it is gone already there is nothing to stop.
        let _ = self.control.send(Control::Stop(stop));
        if !thread.join_within(REST) {
            tracing::warn!("the actor system does not end and is left behind");
        }
        // Work that is still being done holds the store, which the next pipeline may want at once.
        self.pool.rest(REST);
        let left: usize = self.engines.iter().map(|engine| engine.threads().rest(REST)).sum();
        if left > 0 {
            tracing::warn!(left, "device threads hang and are left behind");
        }
        // Others may hold the store for longer; a copy of the database's file is whole all the same.
        if let Err(error) = self.store.checkpoint() {
            tracing::debug!(%error, "the write-ahead log stays beside the database");
        }
        // Nobody is left to end them: whoever waits for one must not wait for ever.
        for job in self.jobs.all() {
            job.finish(DocumentState::Interrupted);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Pipeline {
    pub(crate) fn new(shared: Shared) -> Self {
        let admission = Admission::new(shared.options.open_documents);
        Self { shared: Arc::new(shared), admission }
    }

    /// Submits a document. Waits while as many documents are open as the pipeline takes. When it returns, the document
    /// is durable: its bytes are spooled and it is journaled.
    ///
    /// # Errors
    /// [`Error::Read`] when the bytes cannot be read, [`Error::Closed`] when the pipeline drains, [`Error::Store`] when
    /// they cannot be kept. What is wrong *with* the document is told by the handle's outcome.
    pub async fn submit(&self, source: Source, options: SubmitOptions) -> Result<DocumentHandle> {
        let admission = self.admission.wait(options.priority()).await;
        self.submit_admitted(SubmittedInput::Source(source), options, admission).await
    }

    /// As [`Pipeline::submit`], but answers [`Error::Busy`] instead of waiting for another document to end.
    ///
    /// # Errors
    /// As [`Pipeline::submit`], and [`Error::Busy`].
    pub async fn try_submit(&self, source: Source, options: SubmitOptions) -> Result<DocumentHandle> {
        let admission = self.admitted_now(&options)?;
        self.submit_admitted(SubmittedInput::Source(source), options, admission).await
    }

    /// A place for a document, if there is one now.
    fn admitted_now(&self, options: &SubmitOptions) -> Result<Admitted> {
        let busy = || Error::Busy { open: self.shared.options.open_documents.get() };
        self.admission.try_now(options.priority()).ok_or_else(busy)
    }

    fn may_submit(&self) -> Result<()> {
        if *self.shared.draining.borrow() {
            return Err(Error::Closed);
        }
        self.fatal_error().map_or(Ok(()), Err)
    }

    async fn submit_admitted(
        &self,
        input: SubmittedInput,
        options: SubmitOptions,
        admission: Admitted,
    ) -> Result<DocumentHandle> {
        self.may_submit()?;
        let (reply, answer) = oneshot::channel();
        let submission = Submission { input, options, admission, reply };
        self.shared.submissions.send(submission).await.map_err(|_| Error::Closed)?;
        let job = answer.await.map_err(|_| Error::Closed)??;
        Ok(self.handle_of(job))
    }

    /// Goes on with every document that an earlier run left open. Those that need a password
    /// ([`needs_password`](crate::needs_password)) wait until they are submitted again with it. Returns when the last of them has
    /// a place among the open documents; [`Pipeline::resuming`] gives each as soon as it has one.
    ///
    /// # Errors
    /// [`Error::Store`] when the journal cannot be read, [`Error::Closed`] when the pipeline has stopped.
    pub async fn resume(&self) -> Result<Vec<DocumentHandle>> {
        self.resuming().await?.try_collect().await
    }

    /// As [`Pipeline::resume`], document after document in the order of submission, each when it has its place.
    ///
    /// # Errors
    /// As [`Pipeline::resume`].
    pub async fn resuming(&self) -> Result<impl Stream<Item = Result<DocumentHandle>> + Send + use<>> {
        let store = self.shared.store.clone();
        let open = self.blocking(move || store.open_documents()).await?.map_err(store_error)?;
        let this = self.clone();
        let handles = stream::iter(open).then(move |document| {
            let this = this.clone();
            async move { this.go_on_with(document).await }
        });
        Ok(handles.filter_map(async |resumed| resumed.transpose()))
    }

    /// Goes on with one document that an earlier run left open; waits for its place among the open documents. `None` when it is under way
    /// in this process already ([`Pipeline::document`] has it), is not open or not there, or needs its password: then it is submitted again.
    ///
    /// # Errors
    /// As [`Pipeline::resume`].
    pub async fn resume_document(&self, id: DocumentId) -> Result<Option<DocumentHandle>> {
        self.may_submit()?;
        let store = self.shared.store.clone();
        let document = self.blocking(move || store.document(id)).await?.map_err(store_error)?;
        match document.filter(|document| document.state == StoredState::Open) {
            Some(document) => self.go_on_with(document).await,
            None => Ok(None),
        }
    }

    /// `None` for a document that is under way already, that waits for its password, or that has ended meanwhile.
    async fn go_on_with(&self, document: Document) -> Result<Option<DocumentHandle>> {
        let id = document.id;
        if self.shared.jobs.get(id).is_some() {
            return Ok(None);
        }
        let Some(options) = options_of(&document, &self.shared.options.reading) else {
            tracing::info!(%id, source = document.source, "waits for its password");
            return Ok(None);
        };
        let admission = self.admission.wait(options.priority()).await;
        let store = self.shared.store.clone();
        let taken = self.blocking(move || {
            store.take_up(id)?;
            Ok((store.state(id)?, store.committed_pages(id)?))
        });
        let (state, committed) = taken.await?.map_err(store_error)?;
        // Submitted again, cancelled or removed while it waited for its place.
        if self.shared.jobs.get(id).is_some() || state != Some(StoredState::Open) {
            return Ok(None);
        }
        let job = job_of(&document, options, Some(admission));
        self.shared.jobs.insert(&job);
        tracing::info!(parent: &job.span, committed = committed.len(), "goes on with the document");
        let resume = Control::Resume(OpenDocument { job: job.clone(), committed });
        self.shared.control.send(resume).map_err(|_| Error::Closed)?;
        Ok(Some(self.handle_of(job)))
    }

    /// A document that is under way in this process.
    pub fn document(&self, id: DocumentId) -> Option<DocumentHandle> {
        self.shared.jobs.get(id).map(|job| self.handle_of(job))
    }

    /// The pages of any document in the store, whether it is under way, waits to be resumed or has ended; `None` when
    /// there is no such document. Any number may read at once, from any page. Unlike [`DocumentHandle::pages`] a tail
    /// never holds its document back.
    ///
    /// # Errors
    /// [`Error::Store`] when the log cannot be read, [`Error::Closed`] when the pipeline has stopped.
    pub async fn tail(&self, id: DocumentId, tail: Tail) -> Result<Option<PageStream>> {
        let Shared { jobs, store, runtime, .. } = &*self.shared;
        PageStream::tail(id, tail, jobs.clone(), store.clone(), runtime.clone()).await
    }

    /// Pages of the store by their words and, where the pipeline makes vectors ([`PipelineOptions::embeddings`]), by their meaning, best
    /// first: those that were committed when it is asked. One page of results; the next is asked for with [`SearchQuery::offset`].
    /// The query's vector is made here, unless it has one.
    ///
    /// # Errors
    /// [`Error::Query`] for a query that asks for nothing, or for meaning where there are no vectors; [`Error::Model`] when the model of
    /// the vectors cannot be had; [`Error::Store`] when the store cannot be read, [`Error::Closed`] when the pipeline has stopped.
    pub async fn search(&self, mut query: SearchQuery) -> Result<SearchResults> {
        let (store, encoder) = (self.shared.store.clone(), self.shared.queries.clone());
        let search = move || {
            if let (None, Some(encoder)) = (&query.vector, encoder)
                && query.mode != SearchMode::Keyword
            {
                query.vector = encoder.encode(&query.text).map_err(model_error)?;
            }
            store.search(&query).map_err(store_error)
        };
        self.blocking(search).await?
    }

    /// What makes vectors of texts as the pipeline does; `None` where it makes none.
    pub fn query_encoder(&self) -> Option<QueryEncoder> {
        self.shared.queries.clone()
    }

    /// Waits until every page of the store has its vectors, and says what has become of it. Vectors are made behind the pages, whether
    /// somebody waits or not. `None` where this pipeline makes none.
    ///
    /// # Errors
    /// [`Error::Closed`] when the pipeline has stopped.
    pub async fn embedded(&self) -> Result<Option<EmbeddingReport>> {
        if self.shared.queries.is_none() {
            return Ok(None);
        }
        let (asker, answer) = oneshot::channel();
        self.shared.embeddings.send(asker).map_err(|_| Error::Closed)?;
        answer.await.map(Some).map_err(|_| Error::Closed)
    }

    /// Starts nothing new and waits, at most until `deadline`, for the pages that are under way. What is left is read
    /// when its document is resumed.
    pub async fn drain(&self, deadline: Duration) -> DrainReport {
        self.shared.draining.send_replace(true);
        let until = Instant::now() + deadline;
        // Answered from the splitter's own thread: whatever it let go before is under way by then, and it lets go of
        // nothing after.
        let (heard, answer) = oneshot::channel();
        if self.shared.control.send(Control::Drain(heard)).is_ok() {
            let _ = tokio::time::timeout_at(until, answer).await;
        }
        for page in self.shared.under_way.pages() {
            let mut progress = page.job.progress();
            let settled = async { while !page.is_settled() && progress.changed().await.is_ok() {} };
            if tokio::time::timeout_at(until, settled).await.is_err() {
                break;
            }
        }
        let pages = self.shared.under_way.pages();
        let pages_abandoned = pages.iter().filter_map(|page| page.take_over()).map(|ticket| ticket.abandon()).count();
        let mut report = DrainReport { interrupted: Vec::new(), pages_abandoned };
        for job in self.shared.jobs.all() {
            job.finish(DocumentState::Interrupted);
            let progress = job.progress().borrow().clone();
            if progress.state == DocumentState::Interrupted {
                report.interrupted.push((job.id, job.source.clone(), progress.committed));
            }
        }
        report
    }

    /// Stops at once, where it is, and waits for the pipeline's threads; one that hangs is left behind after a while.
    /// [`Pipeline::drain`] first, if pages under way are to be finished.
    pub async fn stop(&self) {
        let shared = self.shared.clone();
        let stopped = tokio::task::spawn_blocking(move || shared.stop());
        if stopped.await.is_err() {
            tracing::error!("the pipeline's threads could not be waited for");
        }
    }

    pub fn metrics(&self) -> MetricsSnapshot {
        let loaded = self.shared.engines.iter().map(LazyEngine::loaded);
        let mut snapshot = self.shared.metrics.snapshot();
        snapshot.models = loaded.fold(Default::default(), LoadedModels::and);
        let cache = self.shared.caches.embeddings.stats();
        (snapshot.embeddings.cache_hits, snapshot.embeddings.cache_misses) = (cache.hits, cache.misses);
        for page in self.shared.under_way.pages() {
            let stage = &mut snapshot.stages[page.stage() as usize];
            stage.oldest_ms = stage.oldest_ms.max(page.entered().elapsed().as_secs_f64() * 1e3);
        }
        snapshot
    }

    /// Loads, in the background and once, what the first page of pixels will need. What cannot be loaded is told by the page that needs it.
    pub fn warm_up(&self) {
        let tasks = self.shared.options.reading.ocr.tasks();
        self.shared.engines.iter().for_each(|engine| engine.warm(&tasks));
    }

    /// Whether all that can be loaded beforehand is, after [`Pipeline::warm_up`] or a page that did the same.
    pub fn is_warm(&self) -> bool {
        self.shared.engines.iter().all(|engine| *engine.warmed().borrow())
    }

    /// Waits until [`Pipeline::is_warm`].
    pub async fn warmed(&self) {
        for engine in &self.shared.engines {
            // The engine is not dropped before the pipeline.
            let _ = engine.warmed().wait_for(|is_warm| *is_warm).await;
        }
    }

    /// Hits, misses and sizes of the caches.
    pub fn cache_stats(&self) -> CachesStats {
        self.shared.caches.stats()
    }

    /// What of the budget is free, and how many requests wait for it.
    pub fn budget(&self) -> (crate::budget::Capacity, usize) {
        (self.shared.budget.free(), self.shared.budget.waiting())
    }

    /// How many pages were ever let into the pipeline, as it grows.
    pub fn pages_admitted(&self) -> watch::Receiver<u64> {
        self.shared.under_way.admitted()
    }

    /// Why the pipeline cannot go on, if so: no device is left, or results cannot be kept.
    pub fn fatal(&self) -> Option<String> {
        self.fatal_error().map(|error| match error {
            Error::Fatal(cause) => cause,
            error => error.sentence(),
        })
    }

    /// The same as an error: [`Error::Store`] when results cannot be kept, else [`Error::Fatal`].
    pub fn fatal_error(&self) -> Option<Error> {
        self.shared.fatal.borrow().clone()
    }

    /// Whether pages failed because a model, a library or a device is not to be had.
    pub fn engine_failed(&self) -> bool {
        self.shared.engines.iter().any(LazyEngine::has_failed)
    }

    /// The store that the pipeline writes to.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    fn handle_of(&self, job: Arc<DocumentJob>) -> DocumentHandle {
        let Shared { store, caches, runtime, .. } = &*self.shared;
        DocumentHandle { job, store: store.clone(), caches: caches.clone(), runtime: runtime.clone() }
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.shared.runtime.spawn_blocking(work).await.map_err(|_| Error::Closed)
    }
}

/// A submitted document. Dropping it cancels nothing: what is journaled is read.
#[derive(Clone)]
pub struct DocumentHandle {
    job: Arc<DocumentJob>,
    store: Store,
    caches: Arc<Caches>,
    runtime: Handle,
}

impl DocumentHandle {
    pub fn id(&self) -> DocumentId {
        self.job.id
    }

    /// The path or name that the document was submitted under.
    pub fn source(&self) -> &str {
        &self.job.source
    }

    /// The document's pages, in order (or as they become ready, if it was submitted `unordered`), from the first one
    /// on, whenever this is called. The document runs at most the reader window ahead of this stream while it is held;
    /// dropping it holds nothing back.
    pub fn pages(&self) -> PageStream {
        PageStream::of_job(self.job.clone(), self.store.clone(), self.caches.clone(), self.runtime.clone())
    }

    pub fn progress(&self) -> Progress {
        self.job.progress().borrow().clone()
    }

    /// Wakes at every change of the document's progress.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.job.progress()
    }

    /// Pages that were given up after their attempts in this run, with the images that are kept of them.
    pub fn quarantined(&self) -> Vec<QuarantinedPage> {
        self.job.quarantined()
    }

    /// Stops reading the document: pages without a record get one that says `skipped`, and their memory is free at once.
    pub fn cancel(&self) {
        self.job.cancel();
    }

    /// Waits until nothing more will come of the document.
    pub async fn finished(&self) -> Progress {
        let mut progress = self.job.progress();
        let finished = progress.wait_for(|p| p.state != DocumentState::Open).await.map(|p| p.clone());
        finished.unwrap_or_else(|_| self.progress())
    }
}
