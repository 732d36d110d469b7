//! How much of the bare models' speed is left in the whole chain: `cargo bench --bench efficiency [-- --rounds 5] [PAGE…]`.
//!
//! First every tensor that the pages ask for is recorded. Then, in turns, threads that own their sessions run the models
//! on these tensors and do nothing else, and the pipeline reads the same pages from their files to committed records. The
//! efficiency is pages a second of the chain over those of the bare models; over CPU time it says how much work is added,
//! whatever else the machine does meanwhile.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    path::PathBuf,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use common::{argument, cpu_time, pages, percentile, read, settings, submit, thread_cpu_time};
use futures::future::join_all;
use pagestream::{Pipeline, Plan, Settings, engine, machine::Measure};
use pagestream_actors::Engine;
use pagestream_documents::{OpenOptions, PageNumber, open};
use pagestream_models::{
    Session,
    ocr::{Inference, PageReader, Step, Task, reduce},
};

type Sessions = BTreeMap<Task, Box<dyn Session>>;

#[derive(Clone, Copy)]
struct Spent {
    wall: Duration,
    cpu: Duration,
}

fn main() {
    common::set_up();
    let (settings, pages, rounds) = (settings(), pages(), argument("--rounds", 5));
    let plan = Plan::resolve(&settings, Measure::IfNeeded).expect("the devices are known");
    let devices = engine::devices(&plan, &common::fetching());
    let device = &devices[0];
    let tasks = settings.pipeline_options().reading.ocr.tasks();
    let engine = device.engine.with_models(&tasks).expect("the models are there");
    let recorded = Arc::new(record(&pages, &settings, &engine));
    // Pages that were in doubt have asked for more than every page needs.
    let tasks: BTreeSet<Task> = recorded.iter().map(|inference| inference.task).collect();
    let tensors: usize = recorded.iter().map(|inference| inference.input.data.len() * size_of::<f32>()).sum();
    println!(
        "{} pages, {} inferences, {} MiB of tensors, {} threads on {}",
        pages.len(),
        recorded.len(),
        tensors >> 20,
        device.threads,
        device.name,
    );
    let sessions = (0..device.threads).map(|_| sessions(&engine, &tasks)).collect();
    let mut bare = Bare { recorded, sessions, tasks: BTreeMap::new() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let pipeline = runtime.block_on(pagestream::start_with(settings, common::fetching())).expect("the pipeline starts");
    // Once unmeasured: models are loaded, arenas have grown.
    bare.run();
    runtime.block_on(chain(&pipeline, &pages));
    let (mut bare_spent, mut chain_spent) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % 2 == 0 {
            bare_spent.push(bare.run());
        }
        chain_spent.push(runtime.block_on(chain(&pipeline, &pages)));
        if round % 2 == 1 {
            bare_spent.push(bare.run());
        }
    }
    runtime.block_on(pipeline.stop());
    let median = |spent: &[Spent], of: fn(&Spent) -> Duration| {
        percentile(&spent.iter().map(|spent| of(spent).as_secs_f64()).collect::<Vec<_>>(), 50)
    };
    let count = pages.len() as f64;
    println!("{:14} {:>9} {:>13}", "", "pages/s", "CPU s a page");
    for (name, spent) in [("bare models", &bare_spent), ("whole chain", &chain_spent)] {
        let (wall, cpu) = (median(spent, |spent| spent.wall), median(spent, |spent| spent.cpu));
        println!("{name:14} {:>9.3} {:>13.4}", count / wall, cpu / count);
    }
    for (task, (runs, time)) in &bare.tasks {
        let (task, each) = (format!("  {task:?}"), 1e3 * time.as_secs_f64() / *runs as f64);
        println!("{task:14} {:>9} {:>13.4}  {runs} runs of {each:.1} ms", "", time.as_secs_f64() / count);
    }
    let ratio = |of: fn(&Spent) -> Duration| median(&bare_spent, of) / median(&chain_spent, of);
    println!("{:14} {:>9.3} {:>13.3}", "efficiency", ratio(|spent| spent.wall), ratio(|spent| spent.cpu));
}

fn sessions(engine: &Engine, tasks: &BTreeSet<Task>) -> Sessions {
    tasks.iter().map(|&task| (task, engine.session(task).expect("the model loads"))).collect()
}

/// Reads the pages on this thread, and keeps what they asked of the models, in that order.
fn record(pages: &[PathBuf], settings: &Settings, engine: &Arc<Engine>) -> Vec<Inference> {
    let reading = settings.pipeline_options().reading;
    let models = engine.ocr_models(&reading.ocr, reading.structure).expect("the recogniser names its characters");
    let mut sessions = Sessions::new();
    let mut recorded = Vec::new();
    for page in pages {
        let bytes = std::fs::read(page).expect("the page is there");
        let document =
            open(Arc::new(bytes), &OpenOptions { limits: reading.limits, ..OpenOptions::default() }).expect("it opens");
        let raster = document.render(PageNumber::FIRST, &reading.render).expect("it can be drawn");
        let (mut reader, mut wanted) =
            PageReader::start(Arc::new(raster), &reading.ocr, &models).expect("the models are there");
        loop {
            let mut results = Vec::new();
            for Inference { task, input } in &wanted {
                let session = sessions.entry(*task).or_insert_with(|| engine.session(*task).expect("the model loads"));
                session.run(input.view(), &mut |output| results.push(reduce(*task, output))).expect("it runs");
            }
            recorded.append(&mut wanted);
            let results = results.into_iter().collect::<Result<_, _>>().expect("the outputs are understood");
            match reader.advance(results).expect("the results are those asked for") {
                Step::Infer(more) => wanted = more,
                Step::Done(_) => break,
            }
        }
    }
    recorded
}

/// The models and their tensors, and nothing else.
struct Bare {
    recorded: Arc<Vec<Inference>>,
    sessions: Vec<Sessions>,
    /// Runs of each task's model, and the CPU time that its thread took for them, in the last round.
    tasks: BTreeMap<Task, (usize, Duration)>,
}

impl Bare {
    fn run(&mut self) -> Spent {
        let (next, start) = (AtomicUsize::new(0), Barrier::new(self.sessions.len() + 1));
        let recorded = &self.recorded;
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .sessions
                .iter_mut()
                .map(|sessions| {
                    let (next, start) = (&next, &start);
                    scope.spawn(move || {
                        let mut tasks: BTreeMap<Task, (usize, Duration)> = BTreeMap::new();
                        start.wait();
                        while let Some(Inference { task, input }) = recorded.get(next.fetch_add(1, Relaxed)) {
                            let session = sessions.get_mut(task).expect("every task has its session");
                            let mut output = |output: pagestream_models::TensorView<'_>| {
                                black_box(output.data[0]);
                            };
                            let before = thread_cpu_time();
                            session.run(input.view(), &mut output).expect("it runs");
                            let (runs, spent) = tasks.entry(*task).or_default();
                            (*runs, *spent) = (*runs + 1, *spent + (thread_cpu_time() - before));
                        }
                        tasks
                    })
                })
                .collect();
            let (cpu, since) = (cpu_time(), Instant::now());
            start.wait();
            let tasks: Vec<_> = threads.into_iter().map(|t| t.join().expect("it does not panic")).collect();
            let spent = Spent { wall: since.elapsed(), cpu: cpu_time() - cpu };
            self.tasks.clear();
            for (task, (runs, time)) in tasks.into_iter().flatten() {
                let (all, spent) = self.tasks.entry(task).or_default();
                (*all, *spent) = (*all + runs, *spent + time);
            }
            spent
        })
    }
}

/// From files to committed records.
async fn chain(pipeline: &Pipeline, pages: &[PathBuf]) -> Spent {
    let (cpu, since) = (cpu_time(), Instant::now());
    let documents = join_all(pages.iter().map(|page| submit(pipeline, page, false))).await;
    let read: usize = join_all(documents.iter().map(read)).await.into_iter().sum();
    assert_eq!(read, pages.len(), "pages of one page each");
    Spent { wall: since.elapsed(), cpu: cpu_time() - cpu }
}
