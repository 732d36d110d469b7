//! PageSplitter: opens a document and lets its pages go, one at a time, as memory is granted.
//!
//! Takes [`OpenDocument`]s, sends [`GrantedPage`]s to the preprocessors. It holds the open documents (a memory map each)
//! and weak references to the pages under way. It also sees to pages that nobody holds any more: a lost page is tried
//! again or quarantined, a page past its time limit is given up, and a cancelled document's pages are let go at once.

use std::{pin::pin, sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Message, WrapFuture};
use pagestream_documents::{
    ByteSize, Digest, ErrorKind, OpenOptions, PageNumber, PageSource, PageStatus, PixelFormat, Raster,
    Result as DocumentResult, open,
};
use pagestream_models::ocr::Quality;
use pagestream_store::{Error as StoreError, Outcome, Store};
use tokio::{sync::mpsc::UnboundedSender, sync::watch, time::Instant};

use super::{StageRef, embedding_deduper::EmbeddingDeduper, preprocessor::Preprocessor, sink::Sink};
use crate::{
    budget::Budget,
    failpoints,
    guard::CpuPool,
    job::{DocumentFailure, DocumentJob, DocumentState, QuarantinedPage},
    messages::{DecodedPage, Drain, GrantedPage, OpenDocument},
    metrics::{Metrics, Stage},
    options::{OcrMode, PipelineOptions},
    stages::{embedding_deduper::ForgetDocument, sink::SkipPages},
    ticket::{LostPage, PageState, PageTicket},
    under_way::UnderWay,
};

/// How often pages are looked over for time limits: a tenth of the shortest sensible limit.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// Pages of a document that may be under way before its first page is out. One page per core would make the first page
/// wait for its siblings; two keep two cores busy and let the first be out before the third is rasterised.
const PAGES_BEFORE_THE_FIRST_IS_OUT: u32 = 2;

/// How long the sink may take to end a document: it waits for the disk, and longer than this only for a locked database.
const SINK_PATIENCE: Duration = Duration::from_secs(5);

/// What OCR needs besides the raster: the detector's input (960 x 960 x 3 f32 = 11 MiB), its map, and the line crops
/// of one round (8 MiB), with room for a second look.
pub const OCR_WORKING_SET: ByteSize = ByteSize::mib(24);

/// What everyone who lets pages go must know.
#[derive(Clone)]
pub struct PageSplitter {
    pub options: Arc<PipelineOptions>,
    pub store: Store,
    pub budget: Arc<Budget>,
    pub pool: Arc<CpuPool>,
    pub metrics: Arc<Metrics>,
    pub lost: UnboundedSender<LostPage>,
    pub under_way: Arc<UnderWay>,
    pub draining: watch::Sender<bool>,
    pub preprocessor: StageRef<Preprocessor>,
    pub deduper: StageRef<EmbeddingDeduper>,
    pub sink: StageRef<Sink>,
}

impl Actor for PageSplitter {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(WATCH_INTERVAL, |this, _| this.give_up_late_pages());
    }
}

impl Handler<OpenDocument> for PageSplitter {
    type Result = ();

    fn handle(&mut self, message: OpenDocument, _: &mut Self::Context) {
        let this = self.clone();
        // A task of its own: a document goes on when a panic over one page ends the actor.
        actix::spawn(async move { this.split(message).await });
    }
}

impl Message for LostPage {
    type Result = ();
}

impl Handler<LostPage> for PageSplitter {
    type Result = ();

    fn handle(&mut self, LostPage { ticket, reason }: LostPage, context: &mut Self::Context) {
        failpoints::hit(Stage::PageSplitter);
        let (job, page) = (ticket.job().clone(), ticket.page());
        if job.is_cancelled() {
            return self.skip(&job, vec![ticket]);
        }
        if *self.draining.borrow() {
            return ticket.abandon();
        }
        let attempts = ticket.attempts();
        if attempts >= self.options.page_attempts {
            tracing::error!(parent: &ticket.state().span, attempts, reason, "page is quarantined");
            let this = self.clone();
            context.spawn(async move { this.quarantine(ticket, attempts, reason).await }.into_actor(self));
            return;
        }
        tracing::warn!(parent: &ticket.state().span, %page, attempts, reason, "page is tried again");
        ticket.start_again(self.options.page_time_limit);
        let this = self.clone();
        context.spawn(
            async move {
                let memory = this.budget.acquire_memory(job.options.priority(), ticket.state().cost).await;
                // A preprocessor that is gone for good loses the ticket again, until its attempts are used up.
                drop(this.preprocessor.send(GrantedPage { ticket, memory }));
            }
            .into_actor(self),
        );
    }
}

impl Handler<Drain> for PageSplitter {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        self.draining.send_replace(true);
    }
}

impl PageSplitter {
    async fn split(self, OpenDocument { job, committed }: OpenDocument) {
        let source = match self.open(&job).await {
            Ok(source) => source,
            Err(failure) => return self.fail_document(&job, failure).await,
        };
        let total = source.page_count();
        let selected: Vec<PageNumber> = job.options.pages.of(total).collect();
        if selected.is_empty() {
            let message = match total {
                0 => "it has no pages".to_owned(),
                _ => format!("it has {total} pages, and `{}` selects none of them", job.options.pages),
            };
            return self
                .fail_document(&job, DocumentFailure { kind: ErrorKind::NoSuchPage, message, hint: None })
                .await;
        }
        self.note_pages(&job, total).await;
        let done = committed;
        job.opened(total, selected.len() as u32, done.len() as u32, 0);
        let pending: Vec<_> = selected.into_iter().filter(|&page| !done.contains(page)).collect();
        tracing::debug!(parent: &job.span, total, pending = pending.len(), "document is open");
        if pending.is_empty() {
            return self.end(&job, Vec::new()).await;
        }
        let (mut draining, mut ended) = (self.draining.subscribe(), job.progress());
        let mut late = pin!(self.time_is_up());
        for (emitted, &page) in pending.iter().enumerate() {
            let stopped = async {
                tokio::select! {
                    () = job.cancelled() => Stop::Cancelled,
                    () = &mut late => Stop::Late,
                    _ = draining.wait_for(|draining| *draining) => Stop::Draining,
                    // Its pages cannot be kept: none more need be read.
                    _ = ended.wait_for(|p| p.state != DocumentState::Open) => Stop::Draining,
                }
            };
            let stop = tokio::select! {
                biased;
                stop = stopped => stop,
                () = self.let_go(&job, &source, page, emitted as u32, done.len() as u32) => continue,
            };
            // Draining, the document ends as interrupted when its pages under way have ended: the handle sees to that.
            return match stop {
                Stop::Cancelled => self.cancel(&job, &pending[emitted..]).await,
                Stop::Late => self.expire(&job, &pending[emitted..]).await,
                Stop::Draining => {}
            };
        }
        // All are on their way. What is left to do for this document is to cancel it, if that is asked.
        let mut progress = job.progress();
        tokio::select! {
            () = job.cancelled() => self.cancel(&job, &[]).await,
            () = late => self.expire(&job, &[]).await,
            _ = progress.wait_for(|p| p.state != DocumentState::Open) => {}
        }
    }

    /// Resolves when a document that is opened now has used up its time.
    async fn time_is_up(&self) {
        match self.options.document_time_limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    }

    /// What has no record yet fails, because the document's time is up.
    async fn expire(&self, job: &Arc<DocumentJob>, rest: &[PageNumber]) {
        let limit = self.options.document_time_limit.unwrap_or_default().as_secs_f32();
        tracing::error!(parent: &job.span, limit, "document is past its time limit");
        job.expire(format!("the document took longer than {limit} s"));
        self.cancel(job, rest).await;
    }

    async fn open(&self, job: &Arc<DocumentJob>) -> Result<Arc<dyn PageSource>, DocumentFailure> {
        let (store, of) = (self.store.clone(), job.clone());
        let reading = &self.options.reading;
        let options = OpenOptions {
            password: job.options.password.clone(),
            limits: reading.limits,
            structure: reading.structure,
        };
        let opened = self.pool.run(move || -> Result<Arc<dyn PageSource>, DocumentFailure> {
            let input = store.open_input(of.sha256).map_err(input_failure)?;
            let opened = open(input.data(), &options);
            input.check().map_err(input_failure)?;
            of.read_from(input);
            Ok(Arc::from(opened?))
        });
        match tokio::time::timeout(self.options.page_time_limit, opened).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(panic)) => Err(DocumentFailure::internal(format!("opening it {panic}"))),
            Err(_) => {
                self.pool.replace();
                let limit = self.options.page_time_limit.as_secs_f32();
                Err(DocumentFailure::internal(format!("opening it took longer than {limit} s")))
            }
        }
    }

    /// Lets one page go, when the reader, the first page, the budget and the drain allow.
    async fn let_go(
        &self,
        job: &Arc<DocumentJob>,
        source: &Arc<dyn PageSource>,
        page: PageNumber,
        emitted: u32,
        committed_before: u32,
    ) {
        let window = u32::try_from(self.options.reader_window.get()).unwrap_or(u32::MAX);
        job.reader_has_room(committed_before + emitted, window).await;
        if emitted >= PAGES_BEFORE_THE_FIRST_IS_OUT {
            job.pages_committed(committed_before + 1).await;
        }
        let cost = self.cost(job, source, page).await;
        let granted = cost.as_ref().copied().unwrap_or_default();
        let (slot, memory) = self.budget.acquire_page(job.options.priority(), granted).await;
        let sequence = self.under_way.next_sequence();
        let ticket = PageTicket::new(
            job.clone(),
            page,
            emitted,
            source.clone(),
            granted,
            sequence,
            slot,
            self.metrics.clone(),
            self.lost.clone(),
            self.options.page_time_limit,
        );
        self.under_way.insert(ticket.state());
        self.under_way.admit();
        match cost {
            Ok(_) => drop(self.preprocessor.send(GrantedPage { ticket, memory })),
            Err(reason) => self.fail(ticket, reason),
        }
    }

    /// Bytes that the page may take. Text layers take next to nothing, but whether one will do is known only when it
    /// has been read, and to ask for more while holding some is how deadlocks are made: so OCR's need is asked for
    /// first and given back.
    async fn cost(
        &self,
        job: &Arc<DocumentJob>,
        source: &Arc<dyn PageSource>,
        page: PageNumber,
    ) -> Result<ByteSize, String> {
        if job.options.ocr == OcrMode::Never {
            return Ok(ByteSize::mib(1));
        }
        let (source, render) = (source.clone(), self.options.reading.render);
        let reads_gray = self.options.reading.ocr.quality != Quality::Accurate;
        let info = self.pool.run(move || -> DocumentResult<_> { source.page_info(page, &render) }).await;
        match info {
            Ok(Ok(info)) => {
                // A coloured page is copied, since our own networks read gray, and one that lies askew is set straight, onto a
                // sheet half as large again; the decoder's buffers are gone by then.
                let raster = Raster::cost(info.width, info.height, info.format).bytes();
                let copy = if reads_gray && info.format == PixelFormat::Rgb8 { raster / 3 } else { raster };
                Ok(ByteSize(info.cost.bytes().max(raster + copy * 3 / 2) + OCR_WORKING_SET.bytes()))
            }
            // The page may have a text layer all the same: a page box too large to rasterise is no reason to lose it.
            Ok(Err(error)) if error.kind == ErrorKind::TooLarge && job.options.ocr != OcrMode::Always => {
                Ok(ByteSize::mib(1))
            }
            Ok(Err(error)) => Err(error.sentence()),
            Err(panic) => Err(format!("reading the page's size {panic}")),
        }
    }

    fn give_up_late_pages(&self) {
        let now = Instant::now();
        for page in self.under_way.pages().into_iter().filter(|page| page.deadline() <= now) {
            let stage = page.stage();
            // What has been read only waits for the pages before it, and those have limits of their own.
            if stage >= Stage::EmbeddingDeduper {
                continue;
            }
            let Some(ticket) = page.take_over() else { continue };
            // What is left is to write the record down; that it takes a moment must not make the page late again.
            page.extend_deadline(self.options.page_time_limit);
            let limit = self.options.page_time_limit.as_secs_f32();
            tracing::error!(parent: &page.span, stage = stage.as_str(), limit, "page is past its time limit");
            // Whatever still works on it may hang: it keeps its thread and its memory, and a new pool takes its place.
            self.pool.replace();
            self.fail(ticket, format!("took longer than {limit} s (in the {})", stage.as_str()));
        }
    }

    /// Gives a page up. Its pixels, if they can be had, are kept for inspection.
    async fn quarantine(self, ticket: PageTicket, attempts: u32, reason: String) {
        let image = self.keep_image(ticket.state()).await;
        ticket.job().quarantine(QuarantinedPage { page: ticket.page(), image });
        let kept = image.map_or(String::new(), |image| format!("; its image is kept in the spool as {image}"));
        self.fail(ticket, format!("given up after {attempts} attempts: {reason}{kept}"));
    }

    /// Renders the page once more, within its memory and half its time limit, and keeps that as a PNG.
    async fn keep_image(&self, page: &Arc<PageState>) -> Option<Digest> {
        let limit = self.options.page_time_limit;
        page.extend_deadline(limit);
        let memory = self.budget.acquire_memory(page.job.options.priority(), page.cost).await;
        let (state, store, render) = (page.clone(), self.store.clone(), self.options.reading.render);
        let kept = self.pool.run(move || {
            let _memory = memory;
            let raster = state.source.render(state.page, &render).map_err(|e| e.to_string())?;
            let blob = store.spool(&mut raster.to_png()?.as_slice()).map_err(|e| e.to_string())?;
            store.keep(state.job.id, state.page, &blob).map_err(|e| e.to_string())?;
            Ok::<_, String>(blob.digest)
        });
        let cause = match tokio::time::timeout(limit / 2, kept).await {
            Ok(Ok(Ok(digest))) => return Some(digest),
            Ok(Ok(Err(error))) => error,
            Ok(Err(panic)) => panic,
            Err(_) => {
                self.pool.replace();
                format!("it took longer than {} s", (limit / 2).as_secs_f32())
            }
        };
        tracing::warn!(parent: &page.span, cause, "no image of the quarantined page could be kept");
        None
    }

    /// The page ends as `failed`, with `reason`.
    fn fail(&self, ticket: PageTicket, reason: String) {
        let record = Box::new(ticket.record(PageStatus::Failed, Some(reason), None));
        if let Err(page) = self.deduper.send(DecodedPage { ticket, record, raster: None }) {
            page.ticket.interrupt();
        }
    }

    /// The document's remaining pages end as `skipped`: those under way are let go of at once, with their memory.
    async fn cancel(&self, job: &Arc<DocumentJob>, rest: &[PageNumber]) {
        drop(self.deduper.send(ForgetDocument(job.id)));
        let mut pages = rest.to_vec();
        for page in self.under_way.pages().into_iter().filter(|page| page.job.id == job.id) {
            if let Some(ticket) = page.take_over() {
                pages.push(ticket.page());
                ticket.settle();
            }
        }
        pages.sort_unstable();
        self.end(job, pages).await;
    }

    /// Has `pages` skipped, and with that the document ended. What the sink was told is lost if it is made anew in that
    /// moment: so the document is watched, and what is still missing after a while is told again.
    async fn end(&self, job: &Arc<DocumentJob>, mut pages: Vec<PageNumber>) {
        let mut progress = job.progress();
        loop {
            self.sink_skip(job, pages);
            let ended = progress.wait_for(|p| p.state != DocumentState::Open);
            if tokio::time::timeout(SINK_PATIENCE, ended).await.is_ok() {
                return;
            }
            let (store, id) = (self.store.clone(), job.id);
            let committed = tokio::task::spawn_blocking(move || store.committed_pages(id)).await;
            let Ok(Ok(committed)) = committed else { return job.finish(DocumentState::Interrupted) };
            let total = job.document_ref().pages;
            pages = job.options.pages.of(total).filter(|&page| !committed.contains(page)).collect();
        }
    }

    fn skip(&self, job: &Arc<DocumentJob>, tickets: Vec<PageTicket>) {
        let pages = tickets.iter().map(PageTicket::page).collect();
        tickets.into_iter().for_each(PageTicket::settle);
        self.sink_skip(job, pages);
    }

    fn sink_skip(&self, job: &Arc<DocumentJob>, pages: Vec<PageNumber>) {
        if let Err(message) = self.sink.send(SkipPages { job: job.clone(), pages }) {
            message.job.finish(DocumentState::Interrupted);
        }
    }

    async fn note_pages(&self, job: &Arc<DocumentJob>, total: u32) {
        let (store, id) = (self.store.clone(), job.id);
        let noted = tokio::task::spawn_blocking(move || store.set_pages(id, total)).await;
        if let Ok(Err(error)) = noted {
            // The count is a convenience of `status`; the pages themselves do not depend on it.
            tracing::warn!(parent: &job.span, %error, "the number of pages could not be noted");
        }
    }

    async fn fail_document(&self, job: &Arc<DocumentJob>, failure: DocumentFailure) {
        tracing::info!(parent: &job.span, reason = failure.message, "document cannot be read");
        let (store, id, reason) = (self.store.clone(), job.id, failure.message.clone());
        let finished = tokio::task::spawn_blocking(move || store.finish(id, Outcome::Failed, Some(&reason))).await;
        if let Ok(Err(error)) = finished {
            tracing::error!(parent: &job.span, %error, "the document's failure could not be recorded");
        }
        job.finish(DocumentState::Failed(failure));
    }
}

fn input_failure(error: StoreError) -> DocumentFailure {
    match error {
        StoreError::InputChanged { .. } => {
            let hint = error.hint().map(str::to_owned);
            DocumentFailure { kind: ErrorKind::Io, message: "it was changed while it was read".to_owned(), hint }
        }
        error => DocumentFailure::internal(error.to_string()),
    }
}

enum Stop {
    Cancelled,
    /// The document's time is up.
    Late,
    Draining,
}
