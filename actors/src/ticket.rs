//! The claim check of a page: whoever holds it must see the page to its one record.
//!
//! A [`PageTicket`] travels with the page through the stages. If it is dropped before the page is settled (a handler
//! panicked, an actor died with messages in its mailbox, a bug), dropping it reports the page as lost, and the
//! splitter tries it again or quarantines it. So a loss cannot be silent: dropping *is* a status.
//!
//! Only one ticket of a page is valid at a time. Taking a page over (a time limit, a cancellation) makes the ticket
//! that is out there stale: the stage that holds it sees so at the next step and lets go.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicU8, AtomicU32,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::Duration,
};

use pagestream_documents::{ByteSize, Origin, PageNumber, PageRecord, PageSource, PageStatus};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    budget::Permit,
    job::{DocumentJob, DocumentState},
    metrics::{Metrics, Stage},
};

/// What outlives any single ticket of the page.
pub struct PageState {
    pub job: Arc<DocumentJob>,
    pub page: PageNumber,
    /// Position among the document's pages of this run, from 0.
    pub ordinal: u32,
    pub source: Arc<dyn PageSource>,
    /// Bytes that the page was granted.
    pub cost: ByteSize,
    pub span: tracing::Span,
    /// Position among all pages ever admitted; devices serve lower ones first.
    pub sequence: u64,
    valid: AtomicU32,
    attempts: AtomicU32,
    stage: AtomicU8,
    entered: Mutex<Instant>,
    deadline: Mutex<Instant>,
    slot: Mutex<Option<Permit>>,
    timings: Mutex<BTreeMap<String, f64>>,
    metrics: Arc<Metrics>,
    lost: mpsc::UnboundedSender<LostPage>,
}

/// The generation number of a settled page: no ticket has it.
const SETTLED: u32 = u32::MAX;

pub struct PageTicket {
    state: Arc<PageState>,
    generation: u32,
    /// Why the page is being let go, when a stage knows.
    reason: Option<String>,
}

/// A page whose ticket was dropped unsettled.
pub struct LostPage {
    pub ticket: PageTicket,
    pub reason: String,
}

impl PageTicket {
    #[expect(clippy::too_many_arguments, reason = "called in one place, where each argument has its name")]
    pub fn new(
        job: Arc<DocumentJob>,
        page: PageNumber,
        ordinal: u32,
        source: Arc<dyn PageSource>,
        cost: ByteSize,
        sequence: u64,
        slot: Permit,
        metrics: Arc<Metrics>,
        lost: mpsc::UnboundedSender<LostPage>,
        time_limit: Duration,
    ) -> Self {
        let span = tracing::info_span!(parent: &job.span, "page", page = page.get());
        let state = PageState {
            job,
            page,
            ordinal,
            source,
            cost,
            span,
            sequence,
            valid: AtomicU32::new(0),
            attempts: AtomicU32::new(1),
            stage: AtomicU8::new(Stage::PageSplitter as u8),
            entered: Mutex::new(Instant::now()),
            deadline: Mutex::new(Instant::now() + time_limit),
            slot: Mutex::new(Some(slot)),
            timings: Mutex::default(),
            metrics,
            lost,
        };
        state.metrics.stage(Stage::PageSplitter).enter();
        Self { state: Arc::new(state), generation: 0, reason: None }
    }

    pub fn state(&self) -> &Arc<PageState> {
        &self.state
    }

    pub fn job(&self) -> &Arc<DocumentJob> {
        &self.state.job
    }

    pub fn page(&self) -> PageNumber {
        self.state.page
    }

    pub fn attempts(&self) -> u32 {
        self.state.attempts.load(Relaxed)
    }

    /// Whether the page is still this ticket's to see to. A stage that finds it is not drops what it has.
    pub fn is_valid(&self) -> bool {
        self.state.valid.load(Acquire) == self.generation
    }

    /// Notes that the page has come to `stage`.
    pub fn enter(&self, stage: Stage) {
        if self.is_valid() {
            self.state.move_to(stage);
        }
    }

    pub fn timings(&self) -> BTreeMap<String, f64> {
        let timings = self.state.timings.lock().unwrap_or_else(PoisonError::into_inner);
        timings.iter().map(|(step, ms)| (step.clone(), (ms * 1e3).round() / 1e3)).collect()
    }

    /// Lets the page go because of `reason`: it is tried again, or quarantined.
    pub fn lose(mut self, reason: String) {
        self.reason = Some(reason);
    }

    /// A new life for a lost page.
    pub fn start_again(&self, time_limit: Duration) {
        self.state.attempts.fetch_add(1, Relaxed);
        self.state.extend_deadline(time_limit);
        self.state.metrics.pages_retried.fetch_add(1, Relaxed);
    }

    /// The page has its record, durably. Gives its slot back.
    pub fn settle(self) {
        if self.state.valid.compare_exchange(self.generation, SETTLED, AcqRel, Acquire).is_ok() {
            self.state.leave();
        }
    }

    /// The pipeline stops: the page is let go without a record, and is read when its document is resumed.
    pub fn abandon(self) {
        self.settle();
    }

    /// A part of the pipeline that the page cannot do without is gone for good: its document is left for the next run.
    pub fn interrupt(self) {
        self.job().finish(DocumentState::Interrupted);
        self.abandon();
    }

    /// A record of this page without text.
    pub fn record(&self, status: PageStatus, reason: Option<String>, origin: Option<Origin>) -> PageRecord {
        let record = PageRecord::without_text(self.state.job.document_ref(), self.state.page, status, reason);
        PageRecord { origin, timings_ms: self.timings(), ..record }
    }
}

impl Drop for PageTicket {
    fn drop(&mut self) {
        if !self.is_valid() {
            return;
        }
        let Some(ticket) = self.state.take_over_from(self.generation) else { return };
        let stage = self.state.stage().as_str();
        let reason = self.reason.take().unwrap_or_else(|| format!("the {stage} lost the page"));
        if let Err(unsent) = self.state.lost.send(LostPage { ticket, reason }) {
            // Nobody listens: the pipeline has stopped. The page has no record and is read when resumed.
            unsent.0.ticket.abandon();
        }
    }
}

impl PageState {
    pub fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Relaxed)) % Stage::ALL.len()]
    }

    pub fn is_settled(&self) -> bool {
        self.valid.load(Acquire) == SETTLED
    }

    /// Gives the page `time_limit` from now.
    pub fn extend_deadline(&self, time_limit: Duration) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + time_limit;
    }

    pub fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets another page in, before this one has its record.
    pub fn give_slot_back(&self) {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Makes whatever ticket is out there stale and returns the valid one; `None` when the page is settled.
    pub fn take_over(self: &Arc<Self>) -> Option<PageTicket> {
        loop {
            let generation = self.valid.load(Acquire);
            if generation == SETTLED {
                return None;
            }
            if let Some(ticket) = self.take_over_from(generation) {
                return Some(ticket);
            }
        }
    }

    fn take_over_from(self: &Arc<Self>, generation: u32) -> Option<PageTicket> {
        self.valid.compare_exchange(generation, generation + 1, AcqRel, Acquire).ok()?;
        Some(PageTicket { state: self.clone(), generation: generation + 1, reason: None })
    }

    /// Runs `work` and books its time on the page.
    pub fn timed<T>(&self, step: &str, work: impl FnOnce() -> T) -> T {
        let since = std::time::Instant::now();
        let result = work();
        self.record_time(step, since.elapsed());
        result
    }

    /// Adds `duration` to the time that the page took in `step`.
    pub fn record_time(&self, step: &str, duration: Duration) {
        let mut timings = self.timings.lock().unwrap_or_else(PoisonError::into_inner);
        *timings.entry(step.to_owned()).or_default() += duration.as_secs_f64() * 1e3;
    }

    /// Since when the page has been in its stage.
    pub fn entered(&self) -> Instant {
        *self.entered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn move_to(&self, stage: Stage) {
        *self.entered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let before = self.stage.swap(stage as u8, Relaxed);
        self.metrics.stage(Stage::ALL[usize::from(before)]).leave();
        self.metrics.stage(stage).enter();
    }

    fn leave(&self) {
        self.metrics.stage(self.stage()).leave();
        self.give_slot_back();
    }
}
