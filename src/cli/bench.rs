//! `pagestream bench`: what reading costs here: pages a second, CPU time, memory, where the time goes, and the same of
//! another program.

use std::{collections::BTreeMap, ffi::OsString, fs, io::Write, path::PathBuf, time::Instant};

use clap::Args;
use futures::StreamExt;
use pagestream::{
    ByteSize, DocumentState, PageSelection, PageStatus, Pipeline, Plan, Settings, Source, SubmitOptions,
    plan::PlannedModel,
};
use serde::Serialize;

use self::{
    figures::{Counted, Percentiles, Round, cost_of_1000, median},
    peer::{Comparison, Runs},
};
use super::{
    exit::Exit,
    fetching, inputs, planned,
    printer::Printer,
    reading::{self, ReadingArgs, submit_all},
    signals::stop_requested,
};

mod figures;
mod peer;
pub(super) mod usage;

/// The schema that a report is written in.
const SCHEMA: &str = "pagestream.bench/1";

/// What is read when nothing is named: two pages born digital, two scanned, of our own making.
const SAMPLE: &[u8] = include_bytes!("../../examples/data/sample.pdf");
const SAMPLE_NAME: &str = "sample.pdf";

#[derive(Args)]
#[command(after_help = "\
Every round reads every page anew: nothing is answered from a cache or an earlier round. Speeds are those of the median
round. Peak memory is this process's, from its start. Milliseconds are those of the pages' own records: work and, for
inference, waiting for the device too.

With --peer both programs run as processes of their own, in turns, so that both pay for their start. {input} in the
command stands for one document, one after the other; {inputs} for all at once.")]
pub struct BenchArgs {
    /// Files, folders or patterns; without any, a built-in document of four pages
    #[arg(value_name = "INPUT")]
    inputs: Vec<OsString>,
    /// Rounds that are measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Rounds before that, in which models are loaded
    #[arg(long, value_name = "N", default_value_t = 1)]
    warm_up: u32,
    /// Pages to read, such as 1-3,7 or 20-
    #[arg(long, value_name = "PAGES")]
    pages: Option<PageSelection>,
    /// What the machine costs an hour, in whatever money: says what 1,000 pages cost
    #[arg(long, value_name = "PRICE", value_parser = price)]
    price_per_hour: Option<f64>,
    /// Run another program on the same documents, such as 'tesseract {input} -'
    #[arg(long, value_name = "COMMAND", value_parser = peer_command)]
    peer: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

fn price(text: &str) -> Result<f64, String> {
    let price = text.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0);
    price.ok_or_else(|| format!("`{text}` is no price; write for example 0.34"))
}

fn peer_command(text: &str) -> Result<String, String> {
    match text.contains("{input}") || text.contains("{inputs}") {
        true => Ok(text.to_owned()),
        false => Err("the command names no document; write {input} or {inputs} where they go".to_owned()),
    }
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    inputs: Vec<String>,
    devices: Vec<String>,
    /// What reads, and why.
    models: Vec<PlannedModel>,
    warm_up: u32,
    rounds: Vec<Round>,
    /// Of one round.
    pages: u64,
    failed: u64,
    lines: u64,
    characters: u64,
    pages_per_s: f64,
    lines_per_s: f64,
    characters_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_s_per_page: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_per_cpu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_per_hour: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_per_1000_pages: Option<f64>,
    page_ms: Percentiles,
    steps_ms: BTreeMap<String, Percentiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Comparison>,
}

/// `flags` are the settings that were given on the command line, as flags, for the process that a peer is compared with.
pub fn run(args: &BenchArgs, mut settings: Settings, flags: Vec<OsString>, printer: &Printer) -> Exit {
    let sources = match sources(args) {
        Ok(sources) => sources,
        Err((message, exit)) => {
            printer.error(&message, None);
            return exit;
        }
    };
    let plan = match reading::check(&settings, printer) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    // Before anything is read here, while this process is small.
    let peer = match args.peer.as_ref().map(|command| compare(command, args, &sources, flags)).transpose() {
        Ok(peer) => peer,
        Err(message) => {
            printer.error(&message, None);
            return Exit::Other;
        }
    };
    let runtime = match reading::runtime(printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    settings.store.data_dir = None;
    (settings.cache.pages, settings.cache.lines) = (ByteSize(0), ByteSize(0));
    let measured = runtime.block_on(async {
        tokio::select! {
            measured = measure(args, settings, plan, &sources, printer) => measured,
            exit = stop_requested() => Err(exit),
        }
    });
    runtime.shutdown_background();
    let (mut report, exit) = match measured {
        Ok(measured) => measured,
        Err(exit) => return exit,
    };
    report.peer = peer.map(|runs| runs.compared(report.pages));
    let text = if args.json { json(&report) } else { table(&report) };
    // A pipe that closes early has seen enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    exit
}

fn sources(args: &BenchArgs) -> Result<Vec<Source>, (String, Exit)> {
    if args.inputs.is_empty() {
        return Ok(vec![Source::Bytes { name: SAMPLE_NAME.to_owned(), bytes: SAMPLE.into() }]);
    }
    if args.peer.is_some() && args.inputs.iter().any(|input| input == "-") {
        return Err(("a peer cannot be given standard input too; name a file".to_owned(), Exit::Configuration));
    }
    let sources = inputs::expand_files(&args.inputs).map_err(|message| (message, Exit::FileAccess))?;
    match sources.is_empty() {
        true => Err(("there are no documents to read".to_owned(), Exit::BadInput)),
        false => Ok(sources),
    }
}

/// Reads everything, round after round, in one pipeline.
async fn measure(
    args: &BenchArgs,
    settings: Settings,
    plan: Plan,
    sources: &[Source],
    printer: &Printer,
) -> Result<(Report, Exit), Exit> {
    let options = SubmitOptions {
        ocr: settings.ocr.mode,
        pages: args.pages.clone().unwrap_or_default(),
        password: args.reading.password.clone(),
        force: true,
        ..SubmitOptions::default()
    };
    let fetching = fetching::asking(&settings, printer);
    let pipeline = pagestream::start_planned(settings, plan.clone(), fetching).await.map_err(|error| {
        printer.error(&error.to_string(), error.hint());
        Exit::of_error(&error)
    })?;
    let (mut all, mut rounds, mut failures) = (Counted::default(), Vec::new(), Failures::default());
    for round in 0..args.warm_up + args.repeat {
        let (runs, cpu, since) = (model_runs(&pipeline), usage::of_this_process(), Instant::now());
        // What fails once fails in every round, and is told once.
        failures = Failures::default();
        let counted = read(&pipeline, sources.to_vec(), options.clone(), &mut failures).await;
        let (wall_s, after) = (since.elapsed().as_secs_f64(), usage::of_this_process());
        if let Some(cause) = pipeline.fatal() {
            printer.error(&format!("not all pages were read: {cause}"), None);
            return Err(Exit::Other);
        }
        if round >= args.warm_up {
            let cpu_s = after.zip(cpu).map(|(after, before)| (after.cpu - before.cpu).as_secs_f64());
            let model_runs = model_runs(&pipeline) - runs;
            rounds.push(Round { pages: counted.pages, wall_s, cpu_s, model_runs });
            all.and(counted);
        }
    }
    let engine_failed = pipeline.engine_failed();
    pipeline.stop().await;
    failures.told.iter().for_each(|message| printer.error(message, None));
    if all.pages == 0 {
        printer.error("no page was read: there is nothing to measure", None);
        return Err(failures.exit.unwrap_or(Exit::BadInput));
    }
    let exit = failures.exit.unwrap_or(Exit::Ok).and(if all.failed > 0 { Exit::PagesFailed } else { Exit::Ok });
    let exit = if engine_failed { exit.and(Exit::MissingDependency) } else { exit };
    Ok((report(args, sources, &plan, &all, rounds), exit))
}

/// What could not be read in a round.
#[derive(Default)]
struct Failures {
    told: Vec<String>,
    exit: Option<Exit>,
}

impl Failures {
    fn document(&mut self, message: String, exit: Exit) {
        self.told.push(message);
        self.exit = Some(self.exit.unwrap_or(Exit::Ok).and(exit));
    }
}

/// Runs of a model on any device so far.
fn model_runs(pipeline: &Pipeline) -> u64 {
    pipeline.metrics().stages.iter().filter(|stage| stage.stage == "gpu_scheduler").map(|stage| stage.items).sum()
}

/// Everything once.
async fn read(pipeline: &Pipeline, sources: Vec<Source>, options: SubmitOptions, failures: &mut Failures) -> Counted {
    let mut counted = Counted::default();
    let mut submitted = submit_all(pipeline.clone(), sources, options);
    while let Some(document) = submitted.recv().await {
        let document = match document {
            Ok(document) => document,
            Err(error) => {
                failures.document(error.to_string(), Exit::of_error(&error));
                continue;
            }
        };
        let mut pages = document.pages();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => {
                    let failed = page.status == PageStatus::Failed;
                    if failed {
                        let reason = page.reason.as_deref().unwrap_or_default();
                        failures.told.push(format!("{}: page {}: {reason}", page.document.source, page.page));
                    }
                    counted.add(&page, failed);
                }
                Err(error) => failures.document(error.to_string(), Exit::of_error(&error)),
            }
        }
        if let DocumentState::Failed(failure) = document.progress().state {
            failures.document(format!("{}: {}", document.source(), failure.message), Exit::of_document(failure.kind));
        }
    }
    counted
}

fn report(args: &BenchArgs, sources: &[Source], plan: &Plan, all: &Counted, rounds: Vec<Round>) -> Report {
    let repeat = rounds.len() as u64;
    let (pages, lines, characters) = (all.pages / repeat, all.lines / repeat, all.characters / repeat);
    let wall = median(rounds.iter().map(|round| round.wall_s));
    let cpu = rounds.iter().map(|round| round.cpu_s).collect::<Option<Vec<_>>>().map(median);
    let pages_per_s = pages as f64 / wall;
    Report {
        schema: SCHEMA,
        inputs: sources.iter().map(Source::name).collect(),
        devices: plan.devices.iter().map(|planned| planned.device.to_string()).collect(),
        // As they were settled when the first page was read.
        models: plan.models(),
        warm_up: args.warm_up,
        pages,
        failed: all.failed / repeat,
        lines,
        characters,
        pages_per_s,
        lines_per_s: lines as f64 / wall,
        characters_per_s: characters as f64 / wall,
        cpu_s_per_page: cpu.map(|cpu| cpu / pages as f64),
        wall_per_cpu: cpu.map(|cpu| wall / cpu),
        peak_bytes: usage::of_this_process().map(|usage| usage.peak_bytes),
        price_per_hour: args.price_per_hour,
        cost_per_1000_pages: args.price_per_hour.map(|price| cost_of_1000(price, pages_per_s)),
        page_ms: all.page_ms(),
        steps_ms: all.steps_ms(),
        rounds,
        peer: None,
    }
}

/// Runs `pagestream process`, with the same settings, and the peer.
fn compare(command: &str, args: &BenchArgs, sources: &[Source], flags: Vec<OsString>) -> Result<Runs, String> {
    let failed = |e: std::io::Error| format!("the documents cannot be written for the peer: {e}");
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut inputs: Vec<PathBuf> = Vec::new();
    for source in sources {
        inputs.push(match source {
            Source::Path(path) => path.clone(),
            Source::Bytes { name, bytes } => {
                let path = folder.path().join(name);
                fs::write(&path, bytes).map_err(failed)?;
                path
            }
            other => return Err(format!("{} is no file that a peer could be given", other.name())),
        });
    }
    let mut arguments: Vec<OsString> = ["process", "-q", "-f", "jsonl"].map(OsString::from).into();
    // In the order in which they hold: a `--set` wins over the flag of its own name.
    let set = |key: &str, value: &str| ["--set".into(), OsString::from(format!("{key}={value}"))];
    arguments.extend(args.reading.settings().iter().flat_map(|(key, value)| set(key, value)));
    arguments.extend(flags);
    arguments.extend(set("store.data_dir", ""));
    let given =
        [("--pages", args.pages.as_ref().map(ToString::to_string)), ("--password", args.reading.password.clone())];
    for (flag, value) in given.into_iter().filter_map(|(flag, value)| Some((flag, value?))) {
        arguments.extend([flag.into(), value.into()]);
    }
    arguments.push("--".into());
    peer::run(command, &arguments, &inputs, args.warm_up as usize, args.repeat as usize)
}

fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report has only text keys and finite numbers");
    text.push('\n');
    text
}

fn table(report: &Report) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    let number = |value: f64| if value < 10.0 { format!("{value:.3}") } else { format!("{value:.1}") };
    let memory = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
    let each = report.rounds.iter().map(|round| number(round.pages as f64 / round.wall_s)).collect::<Vec<_>>();
    rows.push(("pages", report.pages.to_string()));
    rows.push(("failed pages", report.failed.to_string()));
    rows.push(("pages/s", format!("{} (rounds: {})", number(report.pages_per_s), each.join(", "))));
    rows.push(("lines/s", number(report.lines_per_s)));
    rows.push(("characters/s", number(report.characters_per_s)));
    rows.extend(report.cpu_s_per_page.map(|cpu| ("CPU s a page", format!("{cpu:.4}"))));
    rows.extend(report.wall_per_cpu.map(|ratio| ("wall / CPU", number(ratio))));
    rows.extend(report.peak_bytes.map(|bytes| ("peak memory", memory(bytes))));
    rows.extend(report.cost_per_1000_pages.map(|cost| ("cost of 1,000 pages", format!("{cost:.4}"))));
    let mut text: String = rows.into_iter().map(|(name, value)| format!("{name:20}  {value}\n")).collect();
    text.push_str(&format!("\n{:20}  {:>9}  {:>9}  {:>9}  {:>6}\n", "ms a page", "p50", "p95", "p99", "pages"));
    let whole = [("all steps", &report.page_ms)].into_iter();
    for (step, ms) in whole.chain(report.steps_ms.iter().map(|(step, ms)| (step.as_str(), ms))) {
        text.push_str(&format!("{step:20}  {:>9.2}  {:>9.2}  {:>9.2}  {:>6}\n", ms.p50, ms.p95, ms.p99, ms.values));
    }
    text.push_str(&format!("\nread with\n{}", planned::table(&report.models)));
    if let Some(Comparison { command, ours, theirs, speed_ratio, cpu_ratio, memory_ratio, .. }) = &report.peer {
        text.push_str(&format!(
            "\npeer: {command}\n{:20}  {:>9}  {:>9}  {:>9}\n",
            "", "pagestream", "peer", "better by"
        ));
        let mut row = |name: &str, ours: String, theirs: String, ratio: f64| {
            text.push_str(&format!("{name:20}  {ours:>9}  {theirs:>9}  {:>9}\n", format!("{ratio:.2} x")));
        };
        row("pages/s", number(ours.pages_per_s), number(theirs.pages_per_s), *speed_ratio);
        if let (Some(a), Some(b), Some(ratio)) = (ours.cpu_s_per_page, theirs.cpu_s_per_page, cpu_ratio) {
            row("CPU s a page", number(a), number(b), *ratio);
        }
        if let (Some(a), Some(b), Some(ratio)) = (ours.peak_bytes, theirs.peak_bytes, memory_ratio) {
            row("largest process", memory(a), memory(b), *ratio);
        }
    }
    text
}
