//! `pagestream process`: documents in, their pages out on stdout or as files, as they are read.

use std::{
    collections::HashMap,
    ffi::OsString,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use clap::Args;
use futures::{
    StreamExt,
    future::{Either, select},
    stream::SelectAll,
};
use pagestream::{
    DocumentHandle, DocumentId, DocumentState, Error, FileKind, PageRecord, PageSelection, PageStatus, PageStream,
    Pipeline, Settings, SubmitOptions, Tag,
    output::{Expected, PageWriter},
    plan::Plan,
};
use pagestream_store::Reader;
use tokio::sync::mpsc;

use self::summary::Summary;
use super::{
    bar::PageBar,
    exit::Exit,
    fetching,
    inputs::{self, Inputs},
    originals::Found,
    output::{self, OutputArgs},
    printer::Printer,
    reading::{self, ReadingArgs},
    signals::Signals,
};

mod embeddings;
pub mod formula;
pub mod summary;
mod work;

pub use formula::AsArgs;
pub use work::Work;

/// Failed pages named at the end; the others are counted.
const LISTED_FAILURES: usize = 20;

/// How long the last pages may take to be written after a signal to stop: the reader of a pipe may be slow.
const WRITING_PATIENCE: Duration = Duration::from_secs(2);

/// How long the pipeline's threads may take to end.
const STOPPING_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct ProcessArgs {
    /// Files, folders, patterns such as 'scans/*.tif', URLs (https://…), or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<OsString>,
    #[command(flatten)]
    pub(super) what: AsArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Pages to read, such as 1-3,7 or 20-
    #[arg(long, value_name = "PAGES")]
    pub(super) pages: Option<PageSelection>,
    /// Print pages as they become ready instead of in order
    #[arg(long)]
    pub(super) unordered: bool,
    /// Write what came of every document into this file, as JSON lines; it is there when the run has ended
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Read again what the data directory has already
    #[arg(long)]
    pub(super) force: bool,
    /// Keep documents and results here; after a crash the same command goes on where it was
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// File the documents under this tag, for `search`, `status`, `dupes` and `rm`; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub(super) tags: Vec<Tag>,
    /// Pages that repeat earlier ones: mark (the default), skip (their text is not delivered again), off
    #[arg(long, value_name = "HOW")]
    pub(super) duplicates: Option<String>,
    /// Make no vectors for search by meaning
    #[arg(long)]
    pub(super) no_embeddings: bool,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

impl ProcessArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let data_dir = self.data_dir.as_ref().map(|dir| ("store.data_dir", dir.to_string_lossy().into_owned()));
        let duplicates = self.duplicates.as_ref().map(|how| ("duplicates.mode", how.clone()));
        let embeddings = self.no_embeddings.then(|| ("embeddings.mode", "never".to_owned()));
        let own = data_dir.into_iter().chain(duplicates).chain(embeddings).chain(self.output.settings());
        self.reading.settings().into_iter().chain(own).collect()
    }

    fn submit_options(&self, settings: &Settings) -> SubmitOptions {
        SubmitOptions {
            ocr: settings.ocr.mode,
            pages: self.pages.clone().unwrap_or_default(),
            password: self.reading.password.clone(),
            unordered: self.unordered,
            force: self.force,
            tags: self.tags.clone(),
            ..SubmitOptions::default()
        }
    }
}

pub fn run(args: ProcessArgs, settings: Settings, printer: &Printer) -> Exit {
    let inputs = match inputs::expand(&args.inputs) {
        Ok(inputs) => inputs,
        Err(message) => {
            printer.error(&message, None);
            return Exit::FileAccess;
        }
    };
    if !args.tags.is_empty() && settings.store.data_dir.is_none() {
        let hint = "give --data-dir DIR, or set `store.data_dir` once in your configuration";
        printer.error("tags are kept with the documents, and no data directory is named", Some(hint));
        return Exit::Configuration;
    }
    inputs.tell_passed_over(printer);
    if inputs.sources.is_empty() {
        printer.error("there are no documents to read", Some(&FileKind::told()));
        return Exit::BadInput;
    }
    if args.what.is_formula() {
        return match inputs.files() {
            Ok(sources) => formula::run(&args, sources, &settings, printer),
            Err(message) => {
                printer.error(&message, Some("a formula alone is read from a file, or from standard input"));
                Exit::Configuration
            }
        };
    }
    let password = args.reading.password.as_deref();
    let needed = args.output.needs_original();
    let originals = match Found::new(&settings, password, None, needed, &inputs.sources) {
        Ok(originals) => originals,
        Err(error) => {
            printer.error(&format!("standard input cannot be kept for what is made of it: {error}"), None);
            return Exit::FileAccess;
        }
    };
    let Inputs { sources, expected, .. } = inputs;
    run_with(args, settings, Work::Submit(sources), &expected, originals, printer)
}

/// `expected` has a document for each that the work brings.
pub fn run_with(
    args: ProcessArgs,
    mut settings: Settings,
    work: Work,
    expected: &[Expected],
    originals: Found,
    printer: &Printer,
) -> Exit {
    if args.unordered
        && let Some(format) = args.output.in_order_only()
    {
        printer.error(&format!("--unordered does not go with {format}, whose pages stand in their order"), None);
        return Exit::Configuration;
    }
    // Nobody can search what is gone with the run.
    settings.store.words = settings.store.data_dir.is_some();
    let plan = match reading::check(&settings, printer) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let running = originals.running();
    let writer = match args.output.writer(expected, originals, &settings) {
        Ok(writer) => writer,
        Err(refusal) => return refusal.tell(printer),
    };
    let runtime = match reading::runtime(printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let summary = match Summary::begin(args.report.as_deref()) {
        Ok(summary) => summary,
        Err(error) => {
            printer.error(&format!("the report cannot be written: {error}"), None);
            return Exit::FileAccess;
        }
    };
    let exit = runtime.block_on(process(args, (settings, plan), work, (writer, running), summary, printer.clone()));
    // A thread that hangs in a decoder must not keep the process: what it would read has its record already.
    runtime.shutdown_background();
    exit
}

async fn process(
    args: ProcessArgs,
    (settings, plan): (Settings, Plan),
    work: Work,
    (writer, running): (Box<dyn PageWriter>, Arc<OnceLock<Reader>>),
    summary: Summary,
    printer: Printer,
) -> Exit {
    let mut signals = match Signals::listen_or_tell(&printer) {
        Ok(signals) => signals,
        Err(exit) => return exit,
    };
    let (drain, downloads) = (settings.pipeline.drain, settings.download.clone());
    let data_dir = settings.store.data_dir.clone();
    let options = args.submit_options(&settings);
    let results_on_screen = args.output.folder.is_none() && io::stdout().is_terminal();
    let fetching = fetching::asking(&settings, &printer);
    let pipeline = match pagestream::start_planned(settings, plan, fetching).await {
        Ok(pipeline) => pipeline,
        Err(error) => {
            printer.error(&error.to_string(), error.hint());
            return Exit::of_error(&error);
        }
    };
    // A second time there is none.
    let _ = running.set(pipeline.store().reader().clone());
    let bar = PageBar::new(&printer, work.documents(), results_on_screen);
    let wanted = options.pages.clone();
    let (pipeline_of_run, printer_of_run, failures) = (pipeline.clone(), printer.clone(), Failures::default());
    let mut run =
        Run { pipeline: pipeline_of_run, writer, printer: printer_of_run, bar, wanted, summary, failures, stop: None };
    let submitted = work.begin(pipeline.clone(), options, &downloads);
    let mut signal = None;
    let written = {
        let mut done = pin!(async {
            match args.unordered {
                true => run.as_ready(submitted).await,
                false => run.in_order(submitted).await,
            }
        });
        let finished = tokio::select! {
            written = &mut done => Some(written),
            exit = signals.next() => {
                signal = Some(exit);
                None
            }
        };
        match finished {
            Some(written) => written,
            None => {
                let interrupted = interrupted(&pipeline, drain, data_dir.as_deref(), &mut signals, &printer);
                // The pages that the drain lets end are written too.
                match select(done, pin!(interrupted)).await {
                    Either::Left((written, draining)) => {
                        draining.await;
                        written
                    }
                    Either::Right(((), done)) => tokio::time::timeout(WRITING_PATIENCE, done).await.unwrap_or(Ok(())),
                }
            }
        }
    };
    // Whoever has seen enough of the results, and whoever stopped the run, waits for nothing more.
    let is_whole = written.is_ok() && signal.is_none();
    let exit = match written {
        Ok(()) => run.finish(),
        // Whoever read the results has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            printer.error(&format!("results cannot be written to {}: {error}", args.output.place()), None);
            Exit::FileAccess
        }
    };
    if is_whole && pipeline.fatal_error().is_none() {
        embeddings::wait(&pipeline, data_dir.as_deref(), &mut signals, &printer).await;
    }
    // Stopping waits for threads, and one of them may wait for a pipe that nobody writes to.
    drop(tokio::time::timeout(STOPPING_PATIENCE, pipeline.stop()).await);
    signal.unwrap_or(exit)
}

/// Lets the pages under way end, and says what is left; a second signal does not wait.
async fn interrupted(
    pipeline: &Pipeline,
    drain: Duration,
    data_dir: Option<&Path>,
    signals: &mut Signals,
    printer: &Printer,
) {
    printer.note("stopping: pages under way are finished first; once more stops at once");
    tokio::select! {
        report = pipeline.drain(drain) => {
            for (_, source, committed) in &report.interrupted {
                printer.note(&format!("{source}: {committed} pages are done, the rest is not"));
            }
            if let Some(dir) = data_dir.filter(|_| !report.interrupted.is_empty()) {
                let dir = dir.display();
                printer.note(&format!("the same command goes on from there, or `pagestream resume --data-dir {dir}`"));
            }
        }
        exit = signals.next() => std::process::exit(exit as i32),
    }
}

/// What went wrong, to be told at the end.
#[derive(Default)]
struct Failures {
    /// The first few pages.
    pages: Vec<(String, u32, String)>,
    exit: Option<Exit>,
}

impl Failures {
    fn worsen(&mut self, exit: Exit) {
        self.exit = Some(self.exit.unwrap_or(Exit::Ok).and(exit));
    }
}

struct Run {
    pipeline: Pipeline,
    writer: Box<dyn PageWriter>,
    printer: Printer,
    bar: PageBar,
    wanted: PageSelection,
    summary: Summary,
    failures: Failures,
    /// Why no more documents are taken: what keeps one from being kept keeps all.
    stop: Option<Error>,
}

impl Run {
    /// Document after document, each from its first page to its last.
    async fn in_order(&mut self, mut submitted: mpsc::Receiver<Result<DocumentHandle, Error>>) -> io::Result<()> {
        while let Some(document) = submitted.recv().await {
            let Some(document) = self.accepted(document)? else {
                if self.stop.is_some() {
                    break;
                }
                continue;
            };
            let mut pages = document.pages();
            while let Some(page) = pages.next().await {
                self.write(page, &document)?;
            }
            self.ended(&document)?;
            if self.stop.is_some() {
                break;
            }
        }
        self.writer.finish()
    }

    /// Pages of all documents, as they become ready.
    async fn as_ready(&mut self, mut submitted: mpsc::Receiver<Result<DocumentHandle, Error>>) -> io::Result<()> {
        let mut streams: SelectAll<PageStream> = SelectAll::new();
        let mut documents: HashMap<DocumentId, DocumentHandle> = HashMap::new();
        let mut more = true;
        while more || !streams.is_empty() {
            tokio::select! {
                document = submitted.recv(), if more => match document {
                    None => more = false,
                    Some(document) => match self.accepted(document)? {
                        Some(document) => {
                            streams.push(document.pages());
                            documents.insert(document.id(), document);
                        }
                        None => more = self.stop.is_none(),
                    },
                },
                // None when the last of them has ended: a pattern that refused it would leave nothing to wait for.
                page = streams.next(), if !streams.is_empty() => if let Some(page) = page {
                    let id = page.as_ref().ok().map(|page| page.document.id);
                    match id.and_then(|id| documents.get(&id)) {
                        Some(document) => {
                            self.write(page, document)?;
                            let progress = document.progress();
                            if progress.state != DocumentState::Open && self.summary.is_whole(document.id(), &progress) {
                                self.ended(document)?;
                                id.and_then(|id| documents.remove(&id));
                            }
                        }
                        None => page.map(drop).map_err(failed)?,
                    }
                },
            }
        }
        // Those of which no page came last: they failed, or were interrupted.
        documents.values().try_for_each(|document| self.ended(document))?;
        self.writer.finish()
    }

    fn accepted(&mut self, document: Result<DocumentHandle, Error>) -> io::Result<Option<DocumentHandle>> {
        let error = match document {
            Ok(document) => return Ok(Some(document)),
            // Not begun because of the signal to stop: that has been told.
            Err(Error::Closed) => return Ok(None),
            Err(error) => error,
        };
        if self.stop.is_none() {
            self.printer.error(&error.to_string(), error.hint());
        }
        self.failures.worsen(Exit::of_error(&error));
        match &error {
            Error::Read { name, cause, .. } => self.summary.refused(name, cause)?,
            Error::Document { name, failure } => self.summary.refused(name, &failure.message)?,
            // The next document would fare no better: a full disk is told once.
            _ => self.stop = Some(error),
        }
        self.bar.document_done();
        Ok(None)
    }

    fn write(&mut self, page: Result<PageRecord, Error>, document: &DocumentHandle) -> io::Result<()> {
        let page = page.map_err(failed)?;
        self.summary.page(&page);
        if page.status == PageStatus::Failed && self.failures.pages.len() < LISTED_FAILURES {
            let reason = page.reason.clone().unwrap_or_default();
            self.failures.pages.push((page.document.source.clone(), page.page.get(), reason));
        }
        self.writer.write_page(&page)?;
        self.bar.page_done(&self.pipeline, &document.progress());
        Ok(())
    }

    fn ended(&mut self, document: &DocumentHandle) -> io::Result<()> {
        self.bar.document_done();
        let progress = document.progress();
        self.writer.end_document(document.id(), progress.state == DocumentState::Done)?;
        if let Some(exit) = output::tell(self.writer.notices(), &self.printer) {
            self.failures.worsen(exit);
        }
        if let Some((pages, page)) = progress.pages.and_then(|pages| Some((pages, self.wanted.first_beyond(pages)?))) {
            self.printer.warning(&format!("{}: it has {pages} pages, and none is page {page}", document.source()));
        }
        match &progress.state {
            DocumentState::Failed(failure) => {
                self.printer.error(&format!("{}: {}", document.source(), failure.message), failure.hint.as_deref());
                self.failures.worsen(Exit::of_document(failure.kind));
            }
            DocumentState::Interrupted => match self.pipeline.fatal_error() {
                // What keeps the pages of one from being kept keeps those of all: told once.
                Some(error) => {
                    if let Some(cause) = self.pipeline.fatal().filter(|_| self.stop.is_none()) {
                        self.printer.error(&format!("{}: not all pages were read: {cause}", document.source()), None);
                    }
                    self.failures.worsen(Exit::of_error(&error));
                    self.stop = Some(error);
                }
                // Without a cause it was a signal, which has been told.
                None => self.failures.worsen(Exit::Other),
            },
            DocumentState::Open | DocumentState::Done | DocumentState::Cancelled => {}
        }
        self.summary.document(document.id(), document.source(), &progress)
    }

    /// Lists what failed, says what came of the run, and gives the exit code.
    fn finish(self) -> Exit {
        let Self { bar, printer, mut summary, failures, pipeline, .. } = self;
        drop(bar);
        for (source, page, reason) in &failures.pages {
            printer.error(&format!("{source}: page {page}: {reason}"), None);
        }
        let failed_pages = summary.totals().pages_failed;
        if failed_pages > failures.pages.len() {
            printer.error(&format!("and {} more failed pages", failed_pages - failures.pages.len()), None);
        }
        if let Some(sentence) = summary.sentence() {
            printer.note(&sentence);
        }
        if let Err(error) = summary.finish() {
            printer.error(&format!("the report cannot be written: {error}"), None);
            return Exit::FileAccess;
        }
        let pages = match failed_pages {
            0 => Exit::Ok,
            _ => Exit::PagesFailed,
        };
        // Models that could not be had are why pages failed: that is what a script must know.
        let pages = if pipeline.engine_failed() { Exit::MissingDependency } else { pages };
        failures.exit.unwrap_or(Exit::Ok).and(pages)
    }
}

/// The log could not be read.
fn failed(error: Error) -> io::Error {
    io::Error::other(error.to_string())
}
