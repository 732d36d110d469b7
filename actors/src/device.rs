//! The threads of one device. Each takes one batch at a time, borrows a session for it, and answers every batch.
//!
//! This is what actix's `SyncArbiter` is not: its queue is unbounded and a panic kills its thread in silence. Here the
//! queue holds one batch, a panic is an answer, and a thread that hangs is seen by its heartbeat and replaced. A call
//! into a device cannot be killed, so that a hung thread is left behind, with its batch copied to another.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};

use pagestream_documents::buffers;
use pagestream_models::{
    Error, Tensor, TensorView,
    ocr::{Inferred, Task, reduce_all},
};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    batching::{Batch, BatchLimits},
    engine::LazyEngine,
    guard::guarded,
    options::PipelineOptions,
};

/// A device that the pipeline may use.
pub struct Device {
    /// For logs and errors, e.g. `cpu` or `cuda:0`.
    pub name: String,
    pub engine: LazyEngine,
    /// Threads, one session of each model a thread.
    pub threads: usize,
    /// What one run of a model may take.
    pub batch: BatchLimits,
}

/// One device of the pipeline.
#[derive(Clone)]
pub struct DeviceSpec {
    /// For logs, e.g. `cpu`.
    pub name: String,
    pub threads: usize,
    pub engine: LazyEngine,
    pub limits: BatchLimits,
    /// After this long in one batch a thread counts as hung.
    pub time_limit: Duration,
    /// Threads that may be lost before the device is.
    pub losses: u32,
}

impl DeviceSpec {
    pub fn new(device: Device, options: &PipelineOptions) -> Self {
        Self {
            name: device.name,
            threads: device.threads.max(1),
            engine: device.engine,
            limits: device.batch,
            time_limit: options.inference_time_limit,
            losses: options.device_losses,
        }
    }
}

/// A thread that runs models.
pub struct DeviceThread {
    pub id: u64,
    batches: SyncSender<Arc<Batch>>,
    heartbeat: Arc<Heartbeat>,
    /// What the thread is working on; kept so that it can be given to another when this one is lost.
    pub batch: Option<Arc<Batch>>,
}

/// A thread's answer to a batch.
pub struct BatchDone {
    pub thread: u64,
    /// One result an item, in order.
    pub result: Result<Vec<Inferred>, BatchError>,
    pub elapsed: Duration,
    /// See [`pagestream_models::Session::peak_bytes`].
    pub peak_bytes: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct BatchError {
    pub message: String,
    /// Whether the device itself is unfit: its models cannot be loaded or it cannot start.
    pub device_unfit: bool,
}

impl From<Error> for BatchError {
    fn from(error: Error) -> Self {
        Self { message: error.to_string(), device_unfit: !error.is_retryable() }
    }
}

/// When the work in hand began, in microseconds since the thread was made; 0 for none. Written by the device thread and
/// read by the scheduler without either waiting for the other.
struct Heartbeat {
    epoch: Instant,
    busy_since: AtomicU64,
}

impl DeviceThread {
    /// # Errors
    /// When the system refuses a thread.
    pub fn spawn(id: u64, device: &str, engine: LazyEngine, done: UnboundedSender<BatchDone>) -> Result<Self, String> {
        let heartbeat = Arc::new(Heartbeat { epoch: Instant::now(), busy_since: AtomicU64::new(0) });
        let (batches, queue) = sync_channel(1);
        let pulse = heartbeat.clone();
        let threads = engine.clone();
        threads
            .threads()
            .spawn(format!("pagestream-{device}-{id}"), move || serve(id, &queue, &engine, &pulse, &done))
            .map_err(|e| format!("no thread for device {device}: {e}"))?;
        Ok(Self { id, batches, heartbeat, batch: None })
    }

    pub fn is_idle(&self) -> bool {
        self.batch.is_none()
    }

    /// What the thread is doing.
    pub fn task(&self) -> Option<Task> {
        self.batch.as_ref().map(|batch| batch.task)
    }

    /// Gives an idle thread work.
    ///
    /// # Errors
    /// The batch, when the thread is gone or not idle.
    pub fn run(&mut self, batch: Batch) -> Result<(), Batch> {
        let batch = Arc::new(batch);
        self.heartbeat.start();
        match self.batches.try_send(batch.clone()) {
            Ok(()) => {
                self.batch = Some(batch);
                Ok(())
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Arc::unwrap_or_clone(batch)),
        }
    }

    /// How long the work in hand has taken so far.
    pub fn busy_for(&self) -> Duration {
        match self.heartbeat.busy_since.load(Acquire) {
            0 => Duration::ZERO,
            since => self.heartbeat.epoch.elapsed().saturating_sub(Duration::from_micros(since)),
        }
    }
}

impl Heartbeat {
    fn start(&self) {
        let now = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        self.busy_since.store(now, Release);
    }

    fn rest(&self) {
        self.busy_since.store(0, Release);
    }
}

fn serve(
    id: u64,
    queue: &Receiver<Arc<Batch>>,
    engine: &LazyEngine,
    heartbeat: &Heartbeat,
    done: &UnboundedSender<BatchDone>,
) {
    while let Ok(batch) = queue.recv() {
        let since = Instant::now();
        let mut peak_bytes = None;
        let result = guarded(|| run(&batch, engine, &mut peak_bytes)).unwrap_or_else(|message| {
            Err(BatchError { message: format!("the device thread {message}"), device_unfit: false })
        });
        let elapsed = since.elapsed();
        drop(batch);
        heartbeat.rest();
        if done.send(BatchDone { thread: id, result, elapsed, peak_bytes }).is_err() {
            return;
        }
    }
}

fn run(batch: &Batch, engine: &LazyEngine, peak_bytes: &mut Option<u64>) -> Result<Vec<Inferred>, BatchError> {
    let results = engine.get()?.with_session(batch.task, |session| {
        let mut results = Ok(Vec::with_capacity(batch.items.len()));
        // Reduced where it lies, item by item: an item's result is a function of its own part of the output alone.
        let mut read = |outputs: &[TensorView<'_>]| {
            let more = reduce_all(batch.task, outputs);
            if let Ok(all) = &mut results {
                match more {
                    Ok(more) => all.extend(more),
                    Err(error) => results = Err(error),
                }
            }
        };
        match batch.items.as_slice() {
            items if batch.task.mixes_shapes() => {
                let inputs: Vec<_> = items.iter().map(|(_, item)| item.input.view()).collect();
                session.run_each(&inputs, &mut read)?;
            }
            items if items.len() == 1 || session.has_several_outputs() => {
                items.iter().try_for_each(|(_, item)| session.run_all(item.input.view(), &mut read))?;
            }
            items => {
                let stacked = stack(items.iter().map(|(_, i)| &i.input));
                session.run_all(stacked.view(), &mut read)?;
                buffers::give_back(stacked.data);
            }
        }
        *peak_bytes = session.peak_bytes();
        results
    })?;
    if results.len() != batch.items.len() {
        let message = format!("the model gave {} results for {} inputs", results.len(), batch.items.len());
        return Err(BatchError { message, device_unfit: false });
    }
    Ok(results)
}

/// Inputs of one shape `[1, ...]` as one tensor `[n, ...]`.
fn stack<'a>(inputs: impl Iterator<Item = &'a Tensor> + Clone) -> Tensor {
    let mut data = buffers::take(inputs.clone().map(|input| input.data.len()).sum());
    let mut shape = Vec::new();
    let mut filled = 0;
    for input in inputs {
        if shape.is_empty() {
            shape.clone_from(&input.shape);
            shape[0] = 0;
        }
        shape[0] += input.shape[0];
        data[filled..filled + input.data.len()].copy_from_slice(&input.data);
        filled += input.data.len();
    }
    Tensor { shape, data }
}
