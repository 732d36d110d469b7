//! The wiring: every actor of the pipeline, made in one function, the last stage first, so that each is given its
//! downstream. Change what follows what here, and only here.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use actix::{Actor, Addr, Context};
use pagestream_store::Store;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};

use crate::{
    budget::{Budget, Capacity},
    caches::Caches,
    device::{Device, DeviceSpec},
    embedder::{self, Embedder},
    engine::LazyEngine,
    error::Error,
    guard::CpuPool,
    handle::{Pipeline, Shared},
    housekeeping::Housekeeper,
    jobs::Jobs,
    messages::{Control, Drain, Submission},
    metrics::{Metrics, Stage},
    options::PipelineOptions,
    query_encoder::QueryEncoder,
    runtime,
    stages::{
        RestartPolicy, StageRef,
        decoder::Decoder,
        device_router::DeviceRouter,
        embedding_deduper::EmbeddingDeduper,
        gpu_scheduler::GpuScheduler,
        ingest::Ingest,
        page_splitter::PageSplitter,
        preprocessor::Preprocessor,
        sink::{GATHERED, Sink},
    },
    under_way::UnderWay,
};

/// Submissions that wait for Ingest. They hold an admission permit each, so that more would not help.
const SUBMISSIONS: usize = 64;

/// Starts the pipeline.
///
/// # Errors
/// [`Error::Start`] when threads are not to be had.
pub fn start(options: PipelineOptions, store: Store, devices: Vec<Device>) -> Result<Pipeline, Error> {
    let options = Arc::new(options);
    let metrics = Arc::new(Metrics::default());
    let capacity = Capacity { pages: options.pages_in_flight.get(), bytes: options.memory_budget };
    let budget = Budget::new(capacity, metrics.clone());
    let pool = Arc::new(CpuPool::new(options.cpu_threads).map_err(Error::Start)?);
    let (submissions, submitted) = mpsc::channel(SUBMISSIONS);
    let (control, controls) = mpsc::unbounded_channel();
    let (jobs, under_way) = (Arc::<Jobs>::default(), Arc::<UnderWay>::default());
    let (draining, fatal) = (watch::Sender::new(false), watch::Sender::new(None));
    let caches = Arc::new(Caches::new(options.page_cache, options.line_cache, options.embedding_cache));
    let engines: Vec<LazyEngine> = devices.iter().map(|device| device.engine.clone()).collect();
    let (embeddings, wait_for_embeddings) = mpsc::unbounded_channel();
    let queries = options
        .embeddings
        .and_then(|model| Some(QueryEncoder::new(engines.first()?.clone(), model, options.embedding_cache)));
    let parts = Parts {
        options: options.clone(),
        metrics: metrics.clone(),
        caches: caches.clone(),
        budget: budget.clone(),
        pool: pool.clone(),
        store: store.clone(),
        jobs: jobs.clone(),
        under_way: under_way.clone(),
        draining: draining.clone(),
        fatal: fatal.clone(),
        devices,
        wait_for_embeddings,
    };
    let (thread, runtime) =
        runtime::spawn(move || Ok(spawn_pipeline(parts, submitted, controls))).map_err(Error::Start)?;
    Ok(Pipeline::new(Shared {
        options,
        pool,
        store,
        metrics,
        caches,
        budget,
        jobs,
        under_way,
        draining,
        fatal,
        engines,
        queries,
        embeddings,
        submissions,
        control,
        runtime,
        thread: std::sync::Mutex::new(Some(thread)),
    }))
}

struct Parts {
    options: Arc<PipelineOptions>,
    metrics: Arc<Metrics>,
    caches: Arc<Caches>,
    budget: Arc<Budget>,
    pool: Arc<CpuPool>,
    store: Store,
    jobs: Arc<Jobs>,
    under_way: Arc<UnderWay>,
    draining: watch::Sender<bool>,
    fatal: watch::Sender<Option<Error>>,
    devices: Vec<Device>,
    wait_for_embeddings: mpsc::UnboundedReceiver<embedder::Waiting>,
}

/// Makes every actor, sink first. Runs on the system's thread.
fn spawn_pipeline(
    parts: Parts,
    submitted: mpsc::Receiver<Submission>,
    controls: mpsc::UnboundedReceiver<Control>,
) -> impl Future<Output = ()> {
    let Parts { options, metrics, caches, budget, pool, store, jobs, under_way, draining, fatal, devices, .. } = parts;
    let waiting = parts.wait_for_embeddings;
    let reading = Arc::new(options.reading.clone());
    // A page is in one mailbox at a time, and there are never more than slots and what the sink gathers; the rest is for documents and
    // controls.
    let room = options.pages_in_flight.get() + GATHERED + 2 * options.open_documents.get() + 16;

    // Sink <- EmbeddingDeduper
    let sink = stage(Stage::Sink, &metrics, &fatal, room, {
        let (store, caches, metrics, fatal) = (store.clone(), caches.clone(), metrics.clone(), fatal.clone());
        move || Sink::new(store.clone(), caches.clone(), metrics.clone(), fatal.clone())
    });
    let deduper = stage(Stage::EmbeddingDeduper, &metrics, &fatal, room, {
        let (mode, store, sink) = (reading.duplicates, store.clone(), sink.clone());
        let (pool, metrics) = (pool.clone(), metrics.clone());
        move || EmbeddingDeduper::new(mode, store.clone(), pool.clone(), metrics.clone(), sink.clone())
    });

    // Decoder <-> GpuScheduler: a page goes round until its reader has what it needs.
    let router = DeviceRouter::new(deduper.clone(), fatal.clone());
    let decoder_of_schedulers = Rc::new(OnceCell::new());
    let engine = devices.first().map(|device| device.engine.clone());
    let at_once = devices.iter().map(|device| device.threads.max(1) * device.batch.items.max(1)).sum();
    let schedulers = devices.into_iter().enumerate().map(|(i, device)| {
        let spec = DeviceSpec::new(device, &options);
        let (router, decoder) = (router.clone(), decoder_of_schedulers.clone());
        let (metrics, caches) = (metrics.clone(), caches.clone());
        stage(Stage::GpuScheduler, &metrics.clone(), &fatal, room, move || {
            GpuScheduler::new(i, spec.clone(), router.clone(), decoder.clone(), metrics.clone(), caches.clone())
        })
    });
    router.set_devices(schedulers.map(|scheduler| Box::new(scheduler) as _).collect());
    let decoder = stage(Stage::Decoder, &metrics, &fatal, room, {
        let decoder = Decoder {
            pool: pool.clone(),
            metrics: metrics.clone(),
            devices: router.clone(),
            deduper: deduper.clone(),
            caches: caches.clone(),
            reading: reading.key(),
            structure: reading.structure,
        };
        move || decoder.clone()
    });
    drop(decoder_of_schedulers.set(Box::new(decoder) as _));

    // Behind the Sink, out of the log.
    let embedder = options.embeddings.zip(engine.clone()).map(|(model, engine)| Embedder {
        store: store.clone(),
        devices: router.clone(),
        engine,
        caches: caches.clone(),
        metrics: metrics.clone(),
        under_way: under_way.clone(),
        model,
        at_once,
        waiting,
    });

    // Preprocessor <- PageSplitter <- Ingest
    let preprocessor = stage(Stage::Preprocessor, &metrics, &fatal, room, {
        let preprocessor = Preprocessor {
            reading: reading.clone(),
            pool: pool.clone(),
            engine: engine.unwrap_or_else(LazyEngine::none),
            metrics: metrics.clone(),
            devices: router.clone(),
            deduper: deduper.clone(),
            caches,
            store: store.clone(),
        };
        move || preprocessor.clone()
    });
    let housekeeper = Housekeeper::new(store.clone(), jobs.clone(), options.retention);
    let (lost, losses) = mpsc::unbounded_channel();
    let splitter = stage(Stage::PageSplitter, &metrics, &fatal, room, {
        let splitter = PageSplitter {
            options,
            store: store.clone(),
            budget,
            pool,
            metrics: metrics.clone(),
            lost,
            under_way,
            draining,
            preprocessor,
            deduper,
            sink,
        };
        move || splitter.clone()
    });
    let ingest = stage(Stage::Ingest, &metrics, &fatal, room, {
        let ingest = Ingest { store, jobs, reading, splitter: splitter.clone(), metrics: metrics.clone() };
        move || ingest.clone()
    });

    let retry = splitter.clone();
    runtime::forward(UnboundedReceiverStream::new(losses), move |page| {
        if let Err(page) = retry.send(page) {
            page.ticket.interrupt();
        }
    });
    runtime::forward(ReceiverStream::new(submitted), move |submission| drop(ingest.send(submission)));
    async move {
        let embedding = async {
            match embedder {
                Some(embedder) => embedder.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = serve(controls, splitter) => {}
            () = housekeeper.run() => {}
            () = embedding => {}
        }
        router.set_devices(Vec::new());
    }
}

/// Starts a stage whose actor can be made anew.
fn stage<A: Actor<Context = Context<A>>>(
    stage: Stage,
    metrics: &Arc<Metrics>,
    fatal: &watch::Sender<Option<Error>>,
    mailbox: usize,
    make: impl Fn() -> A + 'static,
) -> StageRef<A> {
    StageRef::start(stage, metrics.clone(), RestartPolicy::default(), fatal.clone(), move || -> Addr<A> {
        let actor = make();
        A::create(|context| {
            context.set_mailbox_capacity(mailbox);
            actor
        })
    })
}

/// Answers the handle until it says stop, or is gone.
async fn serve(mut controls: mpsc::UnboundedReceiver<Control>, splitter: StageRef<PageSplitter>) {
    while let Some(control) = controls.recv().await {
        match control {
            Control::Resume(document) => drop(splitter.send(document)),
            Control::Drain(heard) => {
                // A splitter that is gone lets no page go.
                let _ = splitter.send(Drain);
                // The asker may have gone away.
                let _ = heard.send(());
            }
            Control::Stop(stopped) => {
                // The asker may have gone away; stopping is what counts.
                let _ = stopped.send(());
                return;
            }
        }
    }
}
