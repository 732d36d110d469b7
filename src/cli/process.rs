//! `pagestream process`: documents in, their pages out on stdout or as files, as they are read.

use std::{
    ffi::OsString,
    io::{self, BufWriter, IsTerminal},
    path::PathBuf,
    pin::pin,
    time::Duration,
};

use clap::{Args, ValueEnum};
use futures::{
    StreamExt,
    future::{Either, select},
    stream::SelectAll,
};
use pagestream::{
    DocumentHandle, DocumentState, Error, PageRecord, PageSelection, PageStatus, PageStream, Pipeline, Settings,
    Source, SubmitOptions,
    output::{Files, FilesFormat, Jsonl, PageWriter, Text},
};
use tokio::sync::mpsc;

use super::{
    exit::Exit,
    fetching, inputs,
    printer::Printer,
    progress::PageBar,
    reading::{self, ReadingArgs, stop_requested, submit_all},
};

/// Failed pages named at the end; the others are counted.
const LISTED_FAILURES: usize = 20;

/// How long the last pages may take to be written after a signal to stop: the reader of a pipe may be slow.
const WRITING_PATIENCE: Duration = Duration::from_secs(2);

/// How long the pipeline's threads may take to end.
const STOPPING_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct ProcessArgs {
    /// Files, folders, patterns such as 'scans/*.tif', or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<OsString>,
    /// How results look: text (the default) or jsonl, one page a line
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write a file a document into this folder instead of stdout
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// With --output: a file a page
    #[arg(long, requires = "output")]
    per_page: bool,
    /// Pages to read, such as 1-3,7 or 20-
    #[arg(long, value_name = "PAGES")]
    pages: Option<PageSelection>,
    /// Print pages as they become ready instead of in order
    #[arg(long)]
    unordered: bool,
    /// Read again what the data directory has already
    #[arg(long)]
    force: bool,
    /// Keep documents and results here; after a crash the same command goes on where it was
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Jsonl,
}

impl ProcessArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let data_dir = self.data_dir.as_ref().map(|dir| ("store.data_dir", dir.to_string_lossy().into_owned()));
        self.reading.settings().into_iter().chain(data_dir).collect()
    }

    fn submit_options(&self, settings: &Settings) -> SubmitOptions {
        SubmitOptions {
            ocr: settings.ocr.mode,
            pages: self.pages.clone().unwrap_or_default(),
            password: self.reading.password.clone(),
            unordered: self.unordered,
            force: self.force,
            ..SubmitOptions::default()
        }
    }

    fn writer(&self, documents: usize) -> io::Result<Box<dyn PageWriter>> {
        if let Some(folder) = &self.output {
            let format = match self.format {
                Format::Text => FilesFormat::Text,
                Format::Jsonl => FilesFormat::Jsonl,
            };
            return Ok(match self.per_page {
                true => Box::new(Files::per_page(folder, format)?),
                false => Box::new(Files::per_document(folder, format)?),
            });
        }
        let out = BufWriter::new(io::stdout());
        Ok(match self.format {
            Format::Jsonl => Box::new(Jsonl::new(out)),
            Format::Text if io::stdout().is_terminal() => Box::new(Text::new(out).with_headings(documents > 1)),
            Format::Text => Box::new(Text::new(out)),
        })
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
    if inputs.passed_over > 0 {
        let files = if inputs.passed_over == 1 { "file" } else { "files" };
        printer.note(&format!("passed over: {} {files} of other kinds", inputs.passed_over));
    }
    if inputs.sources.is_empty() {
        printer.error("there are no documents to read", Some("PDF, TIFF, PNG, JPEG, WebP, BMP and GIF are read"));
        return Exit::BadInput;
    }
    if let Err(exit) = reading::check(&settings, printer) {
        return exit;
    }
    let writer = match args.writer(inputs.sources.len()) {
        Ok(writer) => writer,
        Err(error) => {
            printer.error(&error.to_string(), None);
            return Exit::FileAccess;
        }
    };
    let runtime = match reading::runtime(printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let exit = runtime.block_on(process(args, settings, inputs.sources, writer, printer.clone()));
    // A thread that hangs in a decoder must not keep the process: what it would read has its record already.
    runtime.shutdown_background();
    exit
}

async fn process(
    args: ProcessArgs,
    settings: Settings,
    sources: Vec<Source>,
    writer: Box<dyn PageWriter>,
    printer: Printer,
) -> Exit {
    let drain = settings.pipeline.drain;
    let resumable = settings.store.data_dir.is_some();
    let options = args.submit_options(&settings);
    let results_on_screen = args.output.is_none() && io::stdout().is_terminal();
    let fetching = fetching::asking(&settings, &printer);
    let pipeline = match pagestream::start_with(settings, fetching).await {
        Ok(pipeline) => pipeline,
        Err(error) => {
            printer.error(&error.to_string(), error.hint());
            return Exit::of_error(&error);
        }
    };
    let bar = PageBar::new(&printer, results_on_screen);
    let wanted = options.pages.clone();
    let mut run =
        Run { pipeline: pipeline.clone(), writer, printer: printer.clone(), bar, wanted, summary: Summary::default() };
    let submitted = submit_all(pipeline.clone(), sources, options);
    let mut was_interrupted = false;
    let written = {
        let mut done = pin!(async {
            match args.unordered {
                true => run.as_ready(submitted).await,
                false => run.in_order(submitted).await,
            }
        });
        let finished = tokio::select! {
            written = &mut done => Some(written),
            () = stop_requested() => None,
        };
        match finished {
            Some(written) => written,
            None => {
                was_interrupted = true;
                // The pages that the drain lets end are written too.
                match select(done, pin!(interrupted(&pipeline, drain, resumable, &printer))).await {
                    Either::Left((written, draining)) => {
                        draining.await;
                        written
                    }
                    Either::Right(((), done)) => tokio::time::timeout(WRITING_PATIENCE, done).await.unwrap_or(Ok(())),
                }
            }
        }
    };
    let exit = match written {
        Ok(()) => run.finish(),
        // Whoever read the results has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            let place =
                args.output.as_ref().map_or_else(|| "standard output".to_owned(), |dir| dir.display().to_string());
            printer.error(&format!("results cannot be written to {place}: {error}"), None);
            Exit::FileAccess
        }
    };
    // Stopping waits for threads, and one of them may wait for a pipe that nobody writes to.
    drop(tokio::time::timeout(STOPPING_PATIENCE, pipeline.stop()).await);
    if was_interrupted { Exit::Interrupted } else { exit }
}

/// Lets the pages under way end, and says what is left; a second signal does not wait.
async fn interrupted(pipeline: &Pipeline, drain: Duration, resumable: bool, printer: &Printer) {
    printer.note("stopping: pages under way are finished first; once more stops at once");
    tokio::select! {
        report = pipeline.drain(drain) => {
            for (_, source, committed) in &report.interrupted {
                printer.note(&format!("{source}: {committed} pages are done, the rest is not"));
            }
            if resumable && !report.interrupted.is_empty() {
                printer.note("the same command goes on from there");
            }
        }
        () = stop_requested() => std::process::exit(Exit::Interrupted as i32),
    }
}

/// What went wrong, to be told at the end.
#[derive(Default)]
struct Summary {
    failed: Vec<(String, u32, String)>,
    failed_pages: usize,
    exit: Option<Exit>,
}

impl Summary {
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
}

impl Run {
    /// Document after document, each from its first page to its last.
    async fn in_order(&mut self, mut submitted: mpsc::Receiver<Result<DocumentHandle, Error>>) -> io::Result<()> {
        while let Some(document) = submitted.recv().await {
            let Some(document) = self.accepted(document) else { continue };
            let mut pages = document.pages();
            let mut announced = false;
            while let Some(page) = pages.next().await {
                if !std::mem::replace(&mut announced, true) {
                    self.bar.add_pages(document.progress().selected.unwrap_or_default());
                }
                self.write(page)?;
            }
            self.ended(&document);
        }
        self.writer.finish()
    }

    /// Pages of all documents, as they become ready.
    async fn as_ready(&mut self, mut submitted: mpsc::Receiver<Result<DocumentHandle, Error>>) -> io::Result<()> {
        let mut streams: SelectAll<PageStream> = SelectAll::new();
        let mut documents = Vec::new();
        let mut more = true;
        while more || !streams.is_empty() {
            tokio::select! {
                document = submitted.recv(), if more => match document {
                    None => more = false,
                    Some(document) => if let Some(document) = self.accepted(document) {
                        streams.push(document.pages());
                        documents.push(document);
                    },
                },
                // None when the last of them has ended: a pattern that refused it would leave nothing to wait for.
                page = streams.next(), if !streams.is_empty() => if let Some(page) = page {
                    self.write(page)?;
                },
            }
        }
        documents.iter().for_each(|document| self.ended(document));
        self.writer.finish()
    }

    fn accepted(&mut self, document: Result<DocumentHandle, Error>) -> Option<DocumentHandle> {
        document
            .inspect_err(|error| {
                // Not begun because of the signal to stop: that has been told.
                if matches!(error, Error::Closed) {
                    return;
                }
                self.printer.error(&error.to_string(), error.hint());
                self.summary.worsen(Exit::of_error(error));
            })
            .ok()
    }

    fn write(&mut self, page: Result<PageRecord, Error>) -> io::Result<()> {
        let page = page.map_err(|error| io::Error::other(error.to_string()))?;
        if page.status == PageStatus::Failed {
            self.summary.failed_pages += 1;
            if self.summary.failed.len() < LISTED_FAILURES {
                let reason = page.reason.clone().unwrap_or_default();
                self.summary.failed.push((page.document.source.clone(), page.page.get(), reason));
            }
        }
        self.writer.write_page(&page)?;
        self.bar.page_done(&self.pipeline);
        Ok(())
    }

    fn ended(&mut self, document: &DocumentHandle) {
        let progress = document.progress();
        if let Some((pages, page)) = progress.pages.and_then(|pages| Some((pages, self.wanted.first_beyond(pages)?))) {
            self.printer.warning(&format!("{}: it has {pages} pages, and none is page {page}", document.source()));
        }
        match progress.state {
            DocumentState::Failed(failure) => {
                self.printer.error(&format!("{}: {}", document.source(), failure.message), failure.hint.as_deref());
                self.summary.worsen(Exit::of_document(failure.kind));
            }
            DocumentState::Interrupted => {
                // Without a cause it was a signal, which has been told.
                if let Some(cause) = self.pipeline.fatal() {
                    self.printer.error(&format!("{}: not all pages were read: {cause}", document.source()), None);
                }
                self.summary.worsen(Exit::Other);
            }
            DocumentState::Open | DocumentState::Done | DocumentState::Cancelled => {}
        }
    }

    /// Lists what failed, and gives the exit code.
    fn finish(self) -> Exit {
        let Self { bar, printer, summary, pipeline, .. } = self;
        drop(bar);
        for (source, page, reason) in &summary.failed {
            printer.error(&format!("{source}: page {page}: {reason}"), None);
        }
        if summary.failed_pages > summary.failed.len() {
            printer.error(&format!("and {} more failed pages", summary.failed_pages - summary.failed.len()), None);
        }
        let pages = match summary.failed_pages {
            0 => Exit::Ok,
            _ => Exit::PagesFailed,
        };
        // Models that could not be had are why pages failed: that is what a script must know.
        let pages = if pipeline.engine_failed() { Exit::MissingDependency } else { pages };
        summary.exit.unwrap_or(Exit::Ok).and(pages)
    }
}
