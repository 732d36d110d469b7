//! GpuScheduler: one per device (the CPU is a device); decides what the device's threads run next.
//!
//! Takes [`PreparedPage`]s, sends [`RecognizedPage`]s to the decoder. It holds the pages that wait for inferences and
//! the queue of their tensors, both bounded by the page slots and byte permits that the pages carry. Which inferences
//! go together is decided by [`crate::batching`], and [`crate::device`] runs them. [`BackgroundInferences`] are answered to
//! whoever asked, who bounds how many there are.
//!
//! On failure: a failed batch loses the tickets of its pages, which are tried again. A thread that hangs is left behind
//! and replaced. A device that cannot load its models, or has lost too many threads, is lost: its pages move to the
//! other devices, and when there is none left they fail with the root cause.

use std::{cell::OnceCell, collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, SpawnHandle, StreamHandler};
use pagestream_documents::{Digest, buffers};
use pagestream_models::ocr::{Inferred, Task};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::{Takes, device_router::DeviceRouter};
use crate::{
    batching::{Asker, BatchController, InferenceQueue, Next, Position, controller::Observation},
    caches::{Caches, RecognizedLine},
    device::{BatchDone, BatchError, DeviceSpec, DeviceThread},
    failpoints,
    messages::{BackgroundInferences, PagePixels, PreparedPage, RecognizedPage},
    metrics::{Metrics, Stage},
};

/// How often the threads' heartbeats are read.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// One thread in this many may detect at a time. A detection takes 200 MiB while it runs, a line 20, and detection is a
/// seventh of a page's work: two at once would double the peak and gain nothing.
const DETECTION_SHARE: usize = 4;

/// A detection that takes longer counts as stuck, and the others no longer wait for it: five times the usual 0.2 s.
const DETECTION_PATIENCE: Duration = Duration::from_secs(1);

pub struct GpuScheduler {
    index: usize,
    spec: DeviceSpec,
    router: DeviceRouter,
    decoder: Rc<OnceCell<Box<dyn Takes<RecognizedPage>>>>,
    metrics: Arc<Metrics>,
    caches: Arc<Caches>,
    threads: Vec<DeviceThread>,
    next_thread: u64,
    losses: u32,
    done: Option<mpsc::UnboundedSender<BatchDone>>,
    queue: InferenceQueue,
    batches: BatchController,
    /// Wakes the scheduler when a batch that is not full has waited long enough.
    wake: Option<SpawnHandle>,
    pages: HashMap<u64, WaitingPage>,
    background: HashMap<u64, WaitingInBackground>,
    /// How many ever asked in the background.
    next_in_background: u64,
}

/// What no page waits for, and of which some is still to come.
struct WaitingInBackground {
    results: Vec<Option<Inferred>>,
    reply: oneshot::Sender<Result<Vec<Inferred>, String>>,
}

/// A page some of whose inferences are still to come.
struct WaitingPage {
    page: PagePixels,
    results: Vec<Option<Inferred>>,
    line_keys: Vec<Option<Digest>>,
    missing: usize,
    since: Instant,
}

impl GpuScheduler {
    pub fn new(
        index: usize,
        spec: DeviceSpec,
        router: DeviceRouter,
        decoder: Rc<OnceCell<Box<dyn Takes<RecognizedPage>>>>,
        metrics: Arc<Metrics>,
        caches: Arc<Caches>,
    ) -> Self {
        Self {
            index,
            batches: BatchController::new(spec.limits),
            spec,
            router,
            decoder,
            metrics,
            caches,
            threads: Vec::new(),
            next_thread: 0,
            losses: 0,
            done: None,
            queue: InferenceQueue::default(),
            wake: None,
            pages: HashMap::new(),
            background: HashMap::new(),
            next_in_background: 0,
        }
    }
}

impl Actor for GpuScheduler {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        // One answer a thread is the most that can wait here, so that the channel needs no bound of its own.
        let (done, answers) = mpsc::unbounded_channel();
        self.done = Some(done);
        self.metrics.device_has(&self.spec.name, self.spec.threads);
        context.add_stream(UnboundedReceiverStream::new(answers));
        context.run_interval(WATCH_INTERVAL, |this, context| this.look_after_threads(context));
    }
}

impl Handler<PreparedPage> for GpuScheduler {
    type Result = ();

    fn handle(&mut self, prepared: PreparedPage, context: &mut Self::Context) {
        failpoints::hit(Stage::GpuScheduler);
        let PreparedPage { page, inferences, line_keys } = prepared;
        if !page.ticket.is_valid() {
            return;
        }
        page.ticket.enter(Stage::GpuScheduler);
        let (sequence, priority) = (page.ticket.state().sequence, page.ticket.job().options.priority());
        let results: Vec<_> = line_keys.iter().map(|key| key.and_then(|key| self.known_line(key))).collect();
        let missing = results.iter().filter(|result| result.is_none()).count();
        let wanted: Vec<_> = (0..).zip(inferences).filter(|(i, _)| results[*i].is_none()).collect();
        let waiting = WaitingPage { page, results, line_keys, missing, since: Instant::now() };
        if missing == 0 {
            return self.forward(waiting);
        }
        let (now, unordered) = (Instant::now(), waiting.page.ticket.job().options.unordered);
        for (index, inference) in wanted {
            // Whoever takes pages as they come wants the easy ones first: what our own networks read, before what is in doubt.
            let deferred = unordered && inference.task.is_large();
            let position = Position::new(priority, sequence, index).deferred_if(deferred);
            self.queue.push(position, inference, now);
        }
        self.pages.insert(sequence, waiting);
        self.dispatch(context);
    }
}

impl Handler<BackgroundInferences> for GpuScheduler {
    type Result = ();

    fn handle(&mut self, asked: BackgroundInferences, context: &mut Self::Context) {
        let BackgroundInferences { inferences, reply } = asked;
        if inferences.is_empty() {
            // Whoever asked may have gone.
            let _ = reply.send(Ok(Vec::new()));
            return;
        }
        let (now, number) = (Instant::now(), self.next_in_background);
        self.next_in_background += 1;
        let results = inferences.iter().map(|_| None).collect();
        for (index, inference) in inferences.into_iter().enumerate() {
            self.queue.push(Position::background(number, index), inference, now);
        }
        self.background.insert(number, WaitingInBackground { results, reply });
        self.dispatch(context);
    }
}

impl StreamHandler<BatchDone> for GpuScheduler {
    fn handle(&mut self, done: BatchDone, context: &mut Self::Context) {
        let Some(thread) = self.threads.iter_mut().find(|thread| thread.id == done.thread) else {
            return tracing::warn!(device = self.spec.name, "a thread that was given up has answered");
        };
        let Some(batch) = thread.batch.take() else { return };
        self.metrics.stage(Stage::GpuScheduler).busy.add(done.elapsed);
        self.metrics.device_ran(&self.spec.name, done.elapsed);
        self.metrics.batches.add(batch.items.len());
        let positions = batch.items.iter().map(|(position, _)| *position);
        match done.result {
            Ok(results) => {
                let (items, elements) = (batch.items.len(), batch.elements());
                let seen = Observation { items, elements, elapsed: done.elapsed, peak_bytes: done.peak_bytes };
                self.batches.observe(batch.task, &seen);
                positions.zip(results).for_each(|(position, result)| self.deliver(position, result));
            }
            Err(error) => self.batch_failed(positions, error),
        }
        // The thread has let go of it before it answered.
        if let Ok(batch) = Arc::try_unwrap(batch) {
            batch.items.into_iter().for_each(|(_, inference)| buffers::give_back(inference.input.data));
        }
        self.dispatch(context);
    }

    /// All threads are gone: the actor is stopping.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl GpuScheduler {
    /// Gives idle threads work.
    fn dispatch(&mut self, context: &mut Context<Self>) {
        if let Some(wake) = self.wake.take() {
            context.cancel_future(wake);
        }
        while !self.queue.is_empty() {
            if !self.threads.iter().any(DeviceThread::is_idle) && !self.grow() {
                break;
            }
            let detecting =
                |thread: &&DeviceThread| thread.task() == Some(Task::Detect) && thread.busy_for() < DETECTION_PATIENCE;
            let detections = self.threads.iter().filter(detecting).count();
            let may_detect = detections < (self.spec.threads / DETECTION_SHARE).max(1);
            let may_run = |task| task != Task::Detect || may_detect;
            let Some(thread) = self.threads.iter_mut().find(|thread| thread.is_idle()) else { break };
            let now = Instant::now();
            let batch = match self.queue.next(now, &self.batches, may_run) {
                Next::Run(batch) => batch,
                Next::Wait(until) => {
                    let pause = until.saturating_duration_since(now);
                    self.wake = Some(context.run_later(pause, |this, context| this.dispatch(context)));
                    break;
                }
                Next::Nothing => break,
            };
            if let Err(batch) = thread.run(batch) {
                let id = thread.id;
                for (position, inference) in batch.items {
                    self.queue.push(position, inference, now);
                }
                self.lose_thread(id, "its thread is gone");
            }
        }
        self.router.set_pages(self.index, self.pages.len());
    }

    /// Starts one more thread, up to the device's number: threads come with the work, so that a run that only reads
    /// text layers starts none.
    fn grow(&mut self) -> bool {
        let (true, Some(done)) = (self.threads.len() < self.spec.threads, self.done.clone()) else { return false };
        self.next_thread += 1;
        match DeviceThread::spawn(self.next_thread, &self.spec.name, self.spec.engine.clone(), done) {
            Ok(thread) => self.threads.push(thread),
            Err(cause) if self.threads.is_empty() => self.device_lost(&cause),
            Err(cause) => {
                tracing::error!(device = self.spec.name, cause, "the device works on with fewer threads");
                self.spec.threads = self.threads.len();
                self.metrics.device_has(&self.spec.name, self.spec.threads);
            }
        }
        self.threads.iter().any(DeviceThread::is_idle)
    }

    fn known_line(&self, key: Digest) -> Option<Inferred> {
        self.caches.lines.get(&key).map(|line| Inferred::Symbols(line.0.clone()))
    }

    fn deliver(&mut self, position: Position, result: Inferred) {
        match position.asker() {
            Asker::Page(sequence) => self.deliver_to_page(sequence, position, result),
            Asker::Other(number) => self.deliver_in_background(number, position, result),
        }
    }

    fn deliver_in_background(&mut self, number: u64, position: Position, result: Inferred) {
        let Some(waiting) = self.background.get_mut(&number) else { return };
        waiting.results[position.index()] = Some(result);
        if waiting.results.iter().all(Option::is_some)
            && let Some(WaitingInBackground { results, reply }) = self.background.remove(&number)
        {
            // Whoever asked may have gone.
            let _ = reply.send(Ok(results.into_iter().flatten().collect()));
        }
    }

    fn deliver_to_page(&mut self, sequence: u64, position: Position, result: Inferred) {
        let Some(page) = self.pages.get_mut(&sequence) else { return };
        let place = &mut page.results[position.index()];
        if let (Some(key), Inferred::Symbols(symbols)) = (page.line_keys[position.index()], &result) {
            self.caches.lines.insert(key, Arc::new(RecognizedLine(symbols.clone())));
        }
        if place.is_none() {
            *place = Some(result);
            page.missing -= 1;
        }
        if page.missing == 0
            && let Some(page) = self.pages.remove(&sequence)
        {
            self.forward(page);
        }
    }

    fn forward(&self, waiting: WaitingPage) {
        let WaitingPage { page, results, since, .. } = waiting;
        page.ticket.state().record_time("inference", since.elapsed());
        let results = results.into_iter().flatten().collect();
        let Some(decoder) = self.decoder.get() else { return };
        drop(decoder.send(RecognizedPage { page, results }));
    }

    fn batch_failed(&mut self, positions: impl Iterator<Item = Position>, error: BatchError) {
        tracing::warn!(device = self.spec.name, error = error.message, "batch failed");
        let mut of_pages = false;
        for asker in positions.map(|position| position.asker()) {
            of_pages |= matches!(asker, Asker::Page(_));
            self.remove(asker, &error.message);
        }
        // A model that no page waits for costs no page its device.
        if error.device_unfit && of_pages {
            self.device_lost(&error.message);
        }
    }

    /// Lets a page go, to be tried again; whoever else asked is told.
    fn remove(&mut self, asker: Asker, reason: &str) {
        self.queue.remove(asker);
        match asker {
            Asker::Page(sequence) => {
                if let Some(page) = self.pages.remove(&sequence) {
                    page.page.ticket.lose(reason.to_owned());
                }
            }
            Asker::Other(number) => {
                if let Some(waiting) = self.background.remove(&number) {
                    // Whoever asked may have gone.
                    let _ = waiting.reply.send(Err(reason.to_owned()));
                }
            }
        }
    }

    fn look_after_threads(&mut self, context: &mut Context<Self>) {
        let stale: Vec<_> =
            self.pages.iter().filter(|(_, page)| !page.page.ticket.is_valid()).map(|(&sequence, _)| sequence).collect();
        for sequence in stale {
            self.remove(Asker::Page(sequence), "");
        }
        // Nobody waits for these any more.
        let given_up: Vec<_> = self
            .background
            .iter()
            .filter(|(_, waiting)| waiting.reply.is_closed())
            .map(|(&number, _)| number)
            .collect();
        for number in given_up {
            self.remove(Asker::Other(number), "");
        }
        let hung: Vec<_> =
            self.threads.iter().filter(|t| t.busy_for() > self.spec.time_limit).map(|thread| thread.id).collect();
        for id in hung {
            let limit = self.spec.time_limit.as_secs_f32();
            self.lose_thread(id, &format!("an inference took longer than {limit} s"));
        }
        self.dispatch(context);
    }

    /// Leaves a thread behind. Its pages are tried again; another thread takes its place when there is work.
    fn lose_thread(&mut self, id: u64, cause: &str) {
        let Some(at) = self.threads.iter().position(|thread| thread.id == id) else { return };
        let thread = self.threads.swap_remove(at);
        self.losses += 1;
        self.metrics.stage(Stage::GpuScheduler).restarted();
        tracing::error!(device = self.spec.name, thread = id, cause, losses = self.losses, "device thread is lost");
        if let Some(batch) = &thread.batch {
            for (position, _) in &batch.items {
                self.remove(position.asker(), cause);
            }
        }
        if self.losses >= self.spec.losses {
            self.device_lost(cause);
        }
    }

    fn device_lost(&mut self, cause: &str) {
        self.metrics.device_has(&self.spec.name, 0);
        let cause = format!("device {}: {cause}", self.spec.name);
        tracing::error!(cause, "device is lost");
        self.router.lose(self.index, &cause);
        self.queue = InferenceQueue::default();
        for (_, page) in self.pages.drain() {
            page.page.ticket.lose(cause.clone());
        }
        for (_, waiting) in self.background.drain() {
            // Whoever asked may have gone.
            let _ = waiting.reply.send(Err(cause.clone()));
        }
    }
}
