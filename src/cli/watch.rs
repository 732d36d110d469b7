//! `pagestream watch`: reads what falls into a folder, for as long as it runs.

use std::{
    io::IsTerminal as _,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use clap::Args;
use pagestream::{
    Fetching, Plan, Settings, SettingsError, SubmitOptions, harmless,
    output::{OutputFormat, PdfOptions},
    settings::{Layers, watch::CHANGE_WHILE_WATCHING},
    watch::{Ended, FailureKind, Form, Options, Order, Place, Refused, Report, Told, Watch},
};
use tokio::sync::mpsc;

use super::{
    exit::Exit,
    fetching,
    output::{DocumentArgs, format_parser},
    printer::Printer,
    reading::{self, ReadingArgs},
    signals::Signals,
    words::count,
};

/// Where the data directory lies in the folder of results if none is named.
const OWN_DATA: &str = ".pagestream";

#[derive(Args)]
pub struct WatchArgs {
    /// The folder whose documents are read
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Write results into this folder, as the documents stand in theirs
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// How results look; several, separated by commas or each with an -f
    #[arg(short, long, value_name = "FORMAT", value_parser = format_parser(), value_delimiter = ',', default_value = "text")]
    format: Vec<OutputFormat>,
    /// A file a page
    #[arg(long)]
    per_page: bool,
    /// Replace results that pagestream did not write, or that were changed since
    #[arg(long)]
    overwrite: bool,
    /// In PDFs: replace invisible text that an earlier OCR left on pages that are read again (with --ocr always: on all)
    #[arg(long)]
    redo_text: bool,
    /// In PDFs: write an encrypted document without its encryption
    #[arg(long)]
    decrypt: bool,
    #[command(flatten)]
    document: DocumentArgs,
    /// Read what is there, and end
    #[arg(long)]
    once: bool,
    /// What becomes of files that were read: archive (the default), delete, leave
    #[arg(long, value_name = "WHAT")]
    after: Option<String>,
    /// A file of passwords, one a line, which encrypted documents are tried with
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Keep documents and results here; otherwise the setting `store.data_dir`, or OUT/.pagestream
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Pages that repeat earlier ones: mark (the default), skip (their text is not delivered again), off
    #[arg(long, value_name = "HOW")]
    duplicates: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl WatchArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let own = [
            ("watch.after", self.after.clone()),
            ("watch.password_file", self.password_file.as_ref().map(path)),
            ("store.data_dir", self.data_dir.as_ref().map(path)),
            ("duplicates.mode", self.duplicates.clone()),
        ];
        let own = own.into_iter().filter_map(|(key, value)| Some((key, value?)));
        self.reading.settings().into_iter().chain(own).chain(self.document.settings()).collect()
    }

    fn options(&self, settings: &Settings) -> Options {
        let form = Form {
            folder: self.out.clone(),
            formats: self.format.clone(),
            per_page: self.per_page,
            overwrite: self.overwrite,
            pdf: PdfOptions { redo_text: self.redo_text, decrypt: self.decrypt },
            document: self.document.options(settings),
        };
        let password = self.reading.password.clone();
        Options {
            input: self.input.clone(),
            form,
            data_dir: settings.store.data_dir.clone().unwrap_or_else(|| self.out.join(OWN_DATA)),
            settings: settings.watch.clone(),
            submit: SubmitOptions { ocr: settings.ocr.mode, password, ..SubmitOptions::default() },
            at_once: settings.pipeline.open_documents.get(),
            once: self.once,
        }
    }
}

/// `again` reads the settings once more, as they were read at the start.
pub fn run(
    args: &WatchArgs,
    mut settings: Settings,
    layers: Layers,
    again: &dyn Fn() -> Result<Layers, SettingsError>,
    printer: &Printer,
) -> Exit {
    if let Err((message, hint)) = args.document.check(&args.format) {
        printer.error(&message, Some(hint));
        return Exit::Configuration;
    }
    let plan = match reading::check(&settings, printer) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let watch = match Watch::open(args.options(&settings)) {
        Ok(watch) => watch,
        Err(refused) => return tell_refusal(&refused, printer),
    };
    if settings.store.data_dir.is_none() {
        let own = args.out.join(OWN_DATA);
        printer.note(&format!("documents and results are kept in {} (--data-dir names another place)", own.display()));
        settings.store.data_dir = Some(own);
    }
    let runtime = match reading::runtime(printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let exit = runtime.block_on(watch_until_stopped(args, watch, (settings, plan), layers, again, printer));
    // A thread that hangs in a decoder must not keep the process.
    runtime.shutdown_background();
    exit
}

fn tell_refusal(refused: &Refused, printer: &Printer) -> Exit {
    printer.error(&refused.message, refused.hint.as_deref());
    if refused.is_configuration { Exit::Configuration } else { Exit::FileAccess }
}

async fn watch_until_stopped(
    args: &WatchArgs,
    watch: Watch,
    (settings, plan): (Settings, Plan),
    layers: Layers,
    again: &dyn Fn() -> Result<Layers, SettingsError>,
    printer: &Printer,
) -> Exit {
    let mut signals = match Signals::listen_or_tell(printer) {
        Ok(signals) => signals,
        Err(exit) => return exit,
    };
    let drain = settings.pipeline.drain;
    let fetching = fetching::asking(&settings, printer);
    let start = || start(settings.clone(), plan.clone(), fetching.clone());
    let (orders, receiver) = mpsc::unbounded_channel();
    let teller = Arc::new(Teller::new(printer.clone()));
    let told = teller.clone();
    let mut run = pin!(watch.run(start, receiver, move |event| told.tell(&event)));
    let mut in_force = layers;
    let mut stopped = None;
    let report = loop {
        tokio::select! {
            report = &mut run => break report,
            exit = signals.heard() => match (exit, stopped) {
                // Whoever closes a terminal wants its programs to end; a service has none, and is asked to read its settings.
                (Exit::HungUp, None) if !args.once && !std::io::stderr().is_terminal() => {
                    match again() {
                        Ok(layers) => reload(&mut in_force, layers, &orders, printer),
                        Err(error) => printer.error(&format!("settings stay as they were: {error}"), error.hint.as_deref()),
                    }
                }
                (exit, None) => {
                    stopped = Some(exit);
                    fetching::stop();
                    printer.note("stopping: pages under way are finished first; once more stops at once");
                    // It has ended already, then.
                    let _ = orders.send(Order::Drain(drain));
                }
                (exit, Some(_)) => std::process::exit(exit as i32),
            },
        }
    };
    match report {
        Ok(report) => teller.end(&report, args.once, stopped),
        Err(error) => {
            printer.error(&error.to_string(), error.hint());
            Exit::of_error(&error)
        }
    }
}

async fn start(settings: Settings, plan: Plan, fetching: Fetching) -> Result<pagestream::Pipeline, pagestream::Error> {
    pagestream::start_planned(settings, plan, fetching).await
}

/// Takes up what may change while files are read, and names what may not.
fn reload(in_force: &mut Layers, layers: Layers, orders: &mpsc::UnboundedSender<Order>, printer: &Printer) {
    let settings = match layers.settings() {
        Ok(settings) => settings,
        Err(error) => return printer.error(&format!("settings stay as they were: {error}"), error.hint.as_deref()),
    };
    let before = in_force.iter().map(|(key, value, _)| (key, value));
    let after = layers.iter().map(|(key, value, _)| (key, value));
    let changed = before.zip(after).filter(|((_, before), (_, after))| before != after).map(|(_, (key, _))| key);
    let (now, later): (Vec<&str>, Vec<&str>) = changed.partition(|key| CHANGE_WHILE_WATCHING.contains(key));
    if !later.is_empty() {
        printer.warning(&format!("changed, and in force from the next start on: {}", later.join(", ")));
    }
    let now = if now.is_empty() { "no setting has changed".to_owned() } else { format!("changed: {}", now.join(", ")) };
    printer.note(&format!("settings and passwords were read again; {now}; what waits for its password is tried again"));
    // It has ended already, then.
    let _ = orders.send(Order::Reload(Box::new(settings.watch)));
    *in_force = layers;
}

/// Prints what is told, and keeps what the exit code is made of.
struct Teller {
    printer: Printer,
    exit: Mutex<Exit>,
    pages: AtomicUsize,
}

impl Teller {
    fn new(printer: Printer) -> Self {
        Self { printer, exit: Mutex::new(Exit::Ok), pages: AtomicUsize::new(0) }
    }

    fn worsen(&self, exit: Exit) {
        let mut worst = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        *worst = worst.and(exit);
    }

    fn tell(&self, told: &Told) {
        match told {
            Told::Ended(ended) => self.ended(ended),
            Told::Retrying { file, reason, pause } => {
                self.printer.warning(&format!("{file}: {reason}; tried again in {pause:?}"));
            }
            Told::PassedOver { file, why } => tracing::info!(file, why, "passed over"),
            Told::Warning { file: Some(file), message } => self.printer.warning(&format!("{file}: {message}")),
            Told::Warning { file: None, message } => self.printer.warning(message),
            Told::Note(message) => self.printer.note(message),
            // Of what this program does not know nothing is said.
            _ => {}
        }
    }

    fn ended(&self, ended: &Ended) {
        let Ended { source, file, place, outcome, .. } = ended;
        self.pages.fetch_add(outcome.pages as usize, Relaxed);
        let at = file.as_ref().map(|file| file.display().to_string());
        let document = outcome.document.map(|id| id.to_string());
        tracing::info!(
            file = source,
            at,
            document,
            pages = outcome.pages,
            pages_failed = outcome.pages_failed,
            "file has ended"
        );
        match &outcome.failure {
            None => {
                let pages = count(outcome.pages as usize, "page");
                let failed = match outcome.pages_failed {
                    0 => String::new(),
                    failed => {
                        self.worsen(Exit::PagesFailed);
                        format!(", {failed} of them failed")
                    }
                };
                self.printer.note(&format!("{source}: {pages}{failed}"));
            }
            Some(failure) => {
                self.worsen(exit_of(failure.kind));
                let at = at.filter(|_| *place == Place::Failed).map(|at| format!(" (now {at})")).unwrap_or_default();
                self.printer.error(&format!("{source}: {}{at}", failure.reason), failure.hint.as_deref());
            }
        }
    }

    /// Says what came of it. A daemon that was told to stop has done so, whatever it has met; a run that was stopped by a signal says by
    /// which.
    fn end(&self, report: &Report, once: bool, stopped: Option<Exit>) -> Exit {
        let files = |n: usize| count(n, "file");
        let (done, failed) = (report.done as usize, report.failed as usize);
        let mut sentence = format!("{} read, {}", files(done), count(self.pages.load(Relaxed), "page"));
        for (n, what) in [
            (failed, "could not be read"),
            (report.refused, "could not be taken"),
            (report.unfinished, "still being written to"),
            (report.left, "to go on with at the next start"),
        ] {
            if n > 0 {
                sentence.push_str(&format!("; {} {what}", files(n)));
            }
        }
        self.printer.note(&sentence);
        if let Some(reason) = &report.gave_up {
            self.printer.error(&format!("ended early: {}", harmless(reason)), None);
            self.worsen(Exit::FileAccess);
        }
        if report.refused + report.unfinished > 0 {
            self.worsen(Exit::FileAccess);
        }
        match stopped {
            Some(_) if !once => return Exit::Ok,
            Some(exit) => return exit,
            None => {}
        }
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As `process` would end.
fn exit_of(kind: FailureKind) -> Exit {
    match kind {
        FailureKind::UnsupportedFormat | FailureKind::Damaged | FailureKind::TooLarge => Exit::BadInput,
        FailureKind::Encrypted => Exit::Encrypted,
        FailureKind::NoSuchPage => Exit::Configuration,
        FailureKind::Pages => Exit::PagesFailed,
        FailureKind::Io => Exit::FileAccess,
        FailureKind::Cancelled => Exit::Ok,
        _ => Exit::Other,
    }
}
