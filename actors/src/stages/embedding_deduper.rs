//! EmbeddingDeduper: compares each page with those that came before.
//!
//! Takes [`DecodedPage`]s, sends [`CheckedPage`]s to the sink. The pages of a document are looked up in page order, so
//! that which of two equal pages is called the duplicate does not depend on which was read faster; a page that is early
//! waits here, without pixels, for those before it, and there are never more of those than page slots. It holds the
//! early pages and nothing else; the signatures and the index are the store's. Exact text first, then pages that the lexical
//! signature proposes and the words confirm; a look-up that fails leaves the page as it is, since a page without a verdict is worth more than none.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use actix::{Actor, ActorFutureExt, Context, ContextFutureSpawner, Handler, Message, WrapFuture};
use pagestream_documents::{Differences, DocumentId, DuplicateOf, DuplicateTier, PageRecord, PageStatus};
use pagestream_store::{
    Store,
    similarity::{Comparison, PageKey, SimilarityIndex, Verdict},
};

use super::{StageRef, sink::Sink};
use crate::{
    failpoints,
    guard::CpuPool,
    job::DocumentJob,
    messages::{CheckedPage, DecodedPage},
    metrics::{Metrics, Stage},
    options::DuplicateMode,
};

pub struct EmbeddingDeduper {
    mode: DuplicateMode,
    store: Store,
    pool: Arc<CpuPool>,
    metrics: Arc<Metrics>,
    sink: StageRef<Sink>,
    early: HashMap<DocumentId, EarlyPages>,
}

impl EmbeddingDeduper {
    pub fn new(
        mode: DuplicateMode,
        store: Store,
        pool: Arc<CpuPool>,
        metrics: Arc<Metrics>,
        sink: StageRef<Sink>,
    ) -> Self {
        Self { mode, store, pool, metrics, sink, early: HashMap::new() }
    }
}

/// The pages of one document that wait for one before them.
struct EarlyPages {
    job: Arc<DocumentJob>,
    next: u32,
    pages: BTreeMap<u32, DecodedPage>,
}

impl EarlyPages {
    fn new(job: Arc<DocumentJob>) -> Self {
        Self { next: job.compared(), job, pages: BTreeMap::new() }
    }

    /// Takes a page in, and gives out what is due.
    fn due(&mut self, page: DecodedPage) -> Vec<DecodedPage> {
        let ordinal = page.ticket.state().ordinal;
        if ordinal < self.next {
            // It was here before and was lost on the way to the sink.
            return vec![page];
        }
        self.pages.insert(ordinal, page);
        let mut due = Vec::new();
        while let Some(page) = self.pages.remove(&self.next) {
            self.next += 1;
            self.job.set_compared(self.next);
            due.push(page);
        }
        due
    }
}

/// A document's pages will not all come: those that wait are let go of.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ForgetDocument(pub DocumentId);

impl Actor for EmbeddingDeduper {
    type Context = Context<Self>;
}

impl Handler<DecodedPage> for EmbeddingDeduper {
    type Result = ();

    fn handle(&mut self, page: DecodedPage, context: &mut Self::Context) {
        failpoints::hit(Stage::EmbeddingDeduper);
        if !page.ticket.is_valid() {
            return;
        }
        page.ticket.enter(Stage::EmbeddingDeduper);
        let job = page.ticket.job().clone();
        let due = if job.options.unordered {
            vec![page]
        } else {
            // A document's entry stays until the document ends, for the pages that come twice.
            self.early.retain(|_, early| !early.job.is_ended());
            self.early.entry(job.id).or_insert_with(|| EarlyPages::new(job)).due(page)
        };
        if due.is_empty() {
            return;
        }
        let (mode, store, metrics, sink) = (self.mode, self.store.clone(), self.metrics.clone(), self.sink.clone());
        // `wait` keeps the mailbox shut meanwhile: the next page is compared when this one is in the index.
        self.pool
            .run(move || {
                due.into_iter()
                    .map(|page| {
                        let since = Instant::now();
                        let page = check(page, mode, store.similarity());
                        metrics.stage(Stage::EmbeddingDeduper).busy.add(since.elapsed());
                        page
                    })
                    .collect::<Vec<_>>()
            })
            .into_actor(self)
            .map(move |checked, _, _| {
                // A panic has dropped the tickets, and with that told the splitter.
                for page in checked.into_iter().flatten() {
                    if let Err(page) = sink.send(page) {
                        page.ticket.interrupt();
                    }
                }
            })
            .wait(context);
    }
}

impl Handler<ForgetDocument> for EmbeddingDeduper {
    type Result = ();

    fn handle(&mut self, ForgetDocument(id): ForgetDocument, _: &mut Self::Context) {
        self.early.remove(&id);
    }
}

fn check(page: DecodedPage, mode: DuplicateMode, index: &SimilarityIndex) -> CheckedPage {
    let DecodedPage { ticket, mut record, raster } = page;
    let mode = ticket.job().options.duplicates.unwrap_or(mode);
    if mode != DuplicateMode::Off && record.status == PageStatus::Ok && !record.text.is_empty() {
        let since = Instant::now();
        let key = PageKey { document: ticket.job().id, page: ticket.page() };
        match index.check_and_insert(key, &record.text) {
            Ok(verdict) => note(&mut record, verdict, mode),
            Err(error) => tracing::warn!(parent: &ticket.state().span, %error, "duplicates could not be looked up"),
        }
        ticket.state().record_time("dedupe", since.elapsed());
    }
    record.timings_ms = ticket.timings();
    // It may be handed on without having been in the log.
    record.round();
    CheckedPage { ticket, record, raster }
}

/// Writes a verdict into a page's record. Where duplicates are skipped the text goes: the page that is referred to has it.
pub fn note(record: &mut PageRecord, verdict: Verdict, mode: DuplicateMode) {
    let Verdict::Duplicate { of: PageKey { document, page }, similarity, differs } = verdict else { return };
    let tier = if differs.is_none() { DuplicateTier::Exact } else { DuplicateTier::Near };
    record.status = PageStatus::Duplicate;
    record.reason = Some(match tier {
        DuplicateTier::Near => format!("repeats page {page} of {document} but for a few letters"),
        _ => format!("repeats page {page} of {document}"),
    });
    let differs =
        differs.map(|Comparison { different, words, pairs }| Differences { words: different, of: words, pairs });
    record.duplicate_of = Some(DuplicateOf { document, page, tier: Some(tier), similarity, differs });
    if mode == DuplicateMode::Skip {
        record.text.clear();
        record.lines.clear();
        record.blocks.clear();
        record.confidence = None;
    }
}
