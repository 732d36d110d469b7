//! Whether a command may fetch what is missing, and what is shown of it: announced with its size before it begins, asked for once where
//! somebody can be asked, and ended by a signal.

#[cfg(unix)]
use std::time::{Duration, Instant};
use std::{
    io::{self, IsTerminal},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use indicatif::{ProgressBar, ProgressStyle};
use pagestream::{
    ByteSize, Settings,
    engine::{FetchProgress as Progress, FetchRequest, Fetching},
    settings::EmbeddingMode,
};
use pagestream_models::{backend::Provider, device::DeviceChoice, ocr::Quality};

use super::printer::Printer;

/// How long an answer is waited for: pages stand meanwhile, and have a time limit of two minutes.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a question looks whether the run is being stopped.
#[cfg(unix)]
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Nothing is fetched any more in this process.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// All that were handed out.
static HANDED_OUT: Mutex<Vec<Fetching>> = Mutex::new(Vec::new());

/// Ends what is being fetched and lets nothing more begin: at a signal.
pub fn stop() {
    STOPPED.store(true, Relaxed);
    HANDED_OUT.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Fetching::stop);
}

/// For commands that say themselves that something is fetched, such as `models pull`.
pub fn allowed(settings: &Settings, printer: &Printer) -> Fetching {
    hand_out(Fetching::allowed(), settings, printer)
}

/// For commands that read pages: asks once on a terminal. Elsewhere only what was named is fetched, by the quality `accurate` or a
/// device; that `balanced` would read doubtful pages better is told in one line.
pub fn asking(settings: &Settings, printer: &Printer) -> Fetching {
    let (asker, named) = (printer.clone(), is_named(settings));
    hand_out(Fetching::asking(move |request| ask(request, named, &asker)), settings, printer)
}

fn hand_out(fetching: Fetching, settings: &Settings, printer: &Printer) -> Fetching {
    let fetching = fetching.under(settings.models.fetch).with_progress(shown(printer));
    if STOPPED.load(Relaxed) {
        fetching.stop();
    }
    HANDED_OUT.lock().unwrap_or_else(PoisonError::into_inner).push(fetching.clone());
    fetching
}

/// Whether the settings name something that cannot be had without its files: none of it is the default.
fn is_named(settings: &Settings) -> bool {
    let cpu = DeviceChoice::Onnx(Provider::Cpu);
    settings.ocr.quality == Quality::Accurate
        || settings.device.devices.named().iter().any(|device| *device != cpu)
        || !settings.ort.runtime.is_empty()
        || settings.embeddings.mode == EmbeddingMode::Always
}

fn ask(request: &FetchRequest, named: bool, printer: &Printer) -> Result<(), String> {
    if io::stdin().is_terminal() && io::stderr().is_terminal() && printer.is_for_people() {
        // A whole line, because a bar may be drawn under it.
        printer.note(&format!("fetch {request}? y and Enter fetches, anything else goes on without [y/N]"));
        return match answer() {
            Some(answer) if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) => Ok(()),
            Some(_) => Err("the answer was not to fetch".to_owned()),
            None => {
                printer.note("no answer: nothing is fetched");
                Err("nobody answered whether to fetch".to_owned())
            }
        };
    }
    if named {
        return Ok(());
    }
    let why = "nothing is fetched unasked where nobody can be asked";
    printer.note(&format!(
        "pages in doubt would be read better with {request}, which `pagestream models pull` fetches: {why}"
    ));
    Err(why.to_owned())
}

/// A line from the terminal; `None` when none came in time, or the run is being stopped.
#[cfg(unix)]
fn answer() -> Option<String> {
    let asked = Instant::now();
    while !STOPPED.load(Relaxed) && asked.elapsed() < PATIENCE {
        let mut input = libc::pollfd { fd: libc::STDIN_FILENO, events: libc::POLLIN, revents: 0 };
        let wait = i32::try_from(LOOK_EVERY.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one valid entry, which the call writes to.
        if unsafe { libc::poll(&raw mut input, 1, wait) } > 0 {
            let mut line = String::new();
            return io::stdin().read_line(&mut line).ok().map(|_| line);
        }
    }
    None
}

#[cfg(not(unix))]
fn answer() -> Option<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).ok().map(|_| line)
}

/// What is shown of downloads: a bar on a terminal, a line each elsewhere.
fn shown(printer: &Printer) -> impl Fn(Progress<'_>) + Send + Sync + 'static {
    let printer = printer.clone();
    let bar: Arc<Mutex<Option<ProgressBar>>> = Arc::default();
    move |event| {
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Progress::Waiting { models_dir } => {
                printer.note(&format!("another process is installing into {}; waiting for it", models_dir.display()));
            }
            Progress::Started { what, bytes } => {
                printer.note(&format!("fetching {what} ({})", ByteSize(bytes)));
                if io::stderr().is_terminal() && printer.is_for_people() {
                    let new = ProgressBar::new(bytes);
                    if let Ok(style) = ProgressStyle::with_template("{bytes}/{total_bytes}  {bar:40}  {bytes_per_sec}")
                    {
                        new.set_style(style);
                    }
                    *bar = Some(new);
                }
            }
            Progress::Advanced { bytes, .. } => {
                if let Some(bar) = bar.as_ref() {
                    bar.set_position(bytes);
                }
            }
            Progress::Installed { id, path } => printer.note(&format!("installed {id}: {}", path.display())),
            Progress::Done { .. } => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
