//! The command line: one file a command. Results go to stdout, everything else to stderr through the [`printer`].

use std::{ffi::OsString, io::Write, path::PathBuf, process::ExitCode};

use clap::{
    ArgAction, Args, CommandFactory, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use pagestream::{
    Settings, SettingsError,
    settings::{Layers, LogFormat, Origin},
};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::format::FmtSpan,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::{exit::Exit, printer::Printer};

mod answer;
mod backup;
mod bar;
mod bench;
mod cancel;
mod config;
mod convert;
mod doctor;
mod documents;
mod dupes;
mod eval;
mod exit;
mod fetching;
mod index;
mod inputs;
#[cfg(feature = "server")]
mod keys;
#[cfg(not(feature = "server"))]
mod left_out;
mod manual;
mod meaning;
mod models;
mod originals;
mod output;
mod planned;
mod printer;
mod process;
mod reading;
mod resume;
mod rm;
mod search;
#[cfg(feature = "server")]
mod serve;
mod signals;
mod similar;
mod status;
mod tail;
#[cfg_attr(not(feature = "url"), path = "urls_left_out.rs")]
mod urls;
mod watch;
mod words;

const ORT_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// Documents in, pages out, as they are read.
#[derive(Parser)]
#[command(name = "pagestream", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Args)]
pub struct Global {
    /// Say more on stderr; twice for debugging
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// How log lines look: text or json
    #[arg(long, value_name = "FORMAT", global = true)]
    log_format: Option<String>,
    /// Start from a built-in profile: small, archive
    #[arg(long, global = true)]
    profile: Option<String>,
    /// Read settings from this file too
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Set one setting, such as `pipeline.memory_budget=256MiB`
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    set: Vec<String>,
    /// Where models lie and are installed
    #[arg(long, value_name = "DIR", global = true)]
    models_dir: Option<PathBuf>,
    /// Fetch nothing (`models.fetch = never`): fail before starting when something that was named is missing
    #[arg(long, global = true)]
    offline: bool,
}

impl Global {
    /// The settings among them, as they would be given to another process of this program.
    fn flags(&self) -> Vec<OsString> {
        let mut flags = Vec::new();
        let mut add = |flag: &str, value: OsString| flags.extend([OsString::from(flag), value]);
        self.profile.iter().for_each(|profile| add("--profile", profile.into()));
        self.config.iter().for_each(|file| add("--config", file.into()));
        self.set.iter().for_each(|pair| add("--set", pair.into()));
        self.models_dir.iter().for_each(|dir| add("--models-dir", dir.into()));
        if self.offline {
            flags.push("--offline".into());
        }
        flags
    }
}

#[derive(Subcommand)]
enum Command {
    /// Read documents and print their pages as they come
    Process(process::ProcessArgs),
    /// Read what falls into a folder, for as long as it runs
    Watch(watch::WatchArgs),
    /// Offer all of it over HTTP, with a page for people
    #[cfg(feature = "server")]
    Serve(serve::ServeArgs),
    /// Offer all of it over HTTP (needs a program that was built with the feature `server`)
    #[cfg(not(feature = "server"))]
    Serve(left_out::Anything),
    /// Make, list and remove the keys that `serve` asks for
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make, list and remove the keys that `serve` asks for (as `serve`)
    #[cfg(not(feature = "server"))]
    Keys(left_out::Anything),
    /// Print the pages of a document as they are read, by this or another process
    Tail(tail::TailArgs),
    /// Find pages of the data directory by their words and their meaning
    Search(search::SearchArgs),
    /// Say what is in the data directory and how far it has come
    Status(status::StatusArgs),
    /// Write pages that were read before in any format, without reading them again
    Convert(convert::ConvertArgs),
    /// Stop reading documents; what has been read stays
    Cancel(cancel::CancelArgs),
    /// Forget documents, their pages and their input
    Rm(rm::RmArgs),
    /// Go on with what an earlier run left open in the data directory, and print the pages
    Resume(resume::ResumeArgs),
    /// Find the pages in the data directory that are most like one that was read, or like a new document's
    Similar(similar::SimilarArgs),
    /// List the pages in the data directory that repeat one another, and which to keep
    Dupes(dupes::DupesArgs),
    /// Make what search by meaning needs, or look whether it is whole
    #[command(subcommand)]
    Index(index::IndexCommand),
    /// Copy a data directory, also while another process writes to it
    Backup(backup::BackupArgs),
    /// Read documents whose text is known, and say how well they were read
    Eval(eval::EvalArgs),
    /// Measure what reading costs here: speed, CPU time, memory, where the time goes
    Bench(bench::BenchArgs),
    /// List, fetch or check the models
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Say what is installed, which devices work here, and why the others do not
    Doctor(doctor::DoctorArgs),
    /// Show the settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print a script that completes commands and options in a shell
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands into a folder
    Man(manual::ManArgs),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    pagestream::allocator::give_back_large_blocks();
    quiet_guarded_panics();
    // What is too large for a limit of the shell (`ulimit -f`) fails as it does on a full disk, and is told.
    #[cfg(unix)]
    // SAFETY: no handler is called.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
    // ONNX Runtime's published builds (1.31) make an identifier of this user in the cache directory and report to their
    // maker as soon as they are loaded, before the call that turns this off can be made. Only this variable stops it all.
    if std::env::var_os(ORT_TELEMETRY).is_none() {
        // SAFETY: no other thread runs yet that could read the environment meanwhile.
        unsafe { std::env::set_var(ORT_TELEMETRY, "1") };
    }
    let exit = run(std::env::args_os());
    leave(exit)
}

/// Ends the process. Where a thread hangs inside a foreign library, that library's destructors would crash: then without them.
fn leave(exit: Exit) -> ExitCode {
    if pagestream::close_foreign_libraries() {
        return exit.into();
    }
    // What is printed is flushed by whoever printed it; a line that is left in standard output's own buffer is not lost either.
    let _ = std::io::stdout().flush();
    #[cfg(unix)]
    // SAFETY: ends the process, whatever its threads are at; nothing of ours is left to do.
    unsafe {
        libc::_exit(exit as i32)
    }
    #[cfg(not(unix))]
    exit.into()
}

fn run(args: impl Iterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            if let Some(name) = document_without_command(&error) {
                let hint = format!("to read it: pagestream process {name}");
                Printer::new(false).error(&format!("`{name}` is a file and not a command"), Some(&hint));
                return Exit::Configuration;
            }
            // Help and version are answers, and go to stdout; a pipe that closes early does not make them errors.
            let _ = error.print();
            return if error.use_stderr() { Exit::Configuration } else { Exit::Ok };
        }
    };
    let printer = Printer::new(cli.global.quiet);
    let layers = match layers(&cli.global, &cli.command) {
        Ok(layers) => layers,
        Err(error) => return settings_failed(&printer, &error),
    };
    let settings = match layers.settings() {
        Ok(settings) => settings,
        Err(error) => return settings_failed(&printer, &error),
    };
    start_log(&settings, &printer);
    let printer = if settings.log.format == LogFormat::Json { printer.with_json() } else { printer };
    match cli.command {
        Command::Process(args) => process::run(args, settings, &printer),
        // It reads its settings again when it is asked to.
        ref command @ Command::Watch(ref args) => {
            let again = || self::layers(&cli.global, command);
            watch::run(args, settings, layers, &again, &printer)
        }
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(&args, settings, &printer),
        #[cfg(feature = "server")]
        Command::Keys(command) => keys::run(&command, &settings, &printer),
        #[cfg(not(feature = "server"))]
        Command::Serve(_) => left_out::run("serve", "server", &printer),
        #[cfg(not(feature = "server"))]
        Command::Keys(_) => left_out::run("keys", "server", &printer),
        Command::Tail(args) => tail::run(&args, &settings, &printer),
        Command::Search(args) => search::run(&args, settings, &printer),
        Command::Status(args) => status::run(&args, &settings, &printer),
        Command::Convert(args) => convert::run(&args, &settings, &printer),
        Command::Cancel(args) => cancel::run(&args, &settings, &printer),
        Command::Rm(args) => rm::run(&args, &settings, &printer),
        Command::Resume(args) => resume::run(args, settings, &printer),
        Command::Similar(args) => similar::run(&args, settings, &printer),
        Command::Dupes(args) => dupes::run(&args, &settings, &printer),
        Command::Index(command) => index::run(&command, settings, &printer),
        Command::Backup(args) => backup::run(&args, &settings, &printer),
        Command::Eval(args) => eval::run(&args, settings, &printer),
        Command::Bench(args) => bench::run(&args, settings, cli.global.flags(), &printer),
        Command::Models(command) => models::run(command, &settings, &printer),
        Command::Doctor(args) => doctor::run(&args, &settings, &printer),
        Command::Config(command) => config::run(command, &layers),
        Command::Completions(args) => manual::completions(&args, Cli::command(), &printer),
        Command::Man(args) => manual::man(&args, Cli::command(), &printer),
    }
}

/// A document in the place of a command, which is what people try first.
fn document_without_command(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) if std::path::Path::new(word).exists() => {
            Some(word.clone())
        }
        _ => None,
    }
}

/// A panic on the threads that work on pages is caught there and becomes the reason of that page: told in its record, not
/// as a trace in between. Any other is told as usual.
fn quiet_guarded_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let guarded = thread.name().is_some_and(|name| name.starts_with("pagestream-") || name.starts_with("pdf-"));
        match guarded {
            true => tracing::debug!(%panic, "a page's work panicked"),
            false => usual(panic),
        }
    }));
}

fn settings_failed(printer: &Printer, error: &SettingsError) -> Exit {
    printer.error(&error.to_string(), error.hint.as_deref());
    Exit::Configuration
}

/// Files and environment, then the flags.
fn layers(global: &Global, command: &Command) -> Result<Layers, SettingsError> {
    let mut layers = Layers::standard(global.profile.as_deref())?;
    if let Some(file) = &global.config {
        layers.add_file(file)?;
    }
    let mut set = |key: &str, value: &str| layers.set(key, value, Origin::CommandLine);
    if let Some(dir) = &global.models_dir {
        set("models.dir", &dir.to_string_lossy())?;
    }
    if global.offline {
        set("models.fetch", "never")?;
    }
    if let Some(format) = &global.log_format {
        set("log.format", format)?;
    }
    match (global.quiet, global.verbose) {
        (true, _) => set("log.level", "error")?,
        (_, 0) => {}
        (_, 1) => set("log.level", "info")?,
        (_, 2) => set("log.level", "debug")?,
        (_, _) => set("log.level", "trace")?,
    }
    let flags = match command {
        Command::Process(args) => args.settings(),
        Command::Watch(args) => args.settings(),
        #[cfg(feature = "server")]
        Command::Serve(args) => args.settings(),
        #[cfg(feature = "server")]
        Command::Keys(command) => command.settings(),
        Command::Eval(args) => args.reading.settings(),
        Command::Bench(args) => args.reading.settings(),
        Command::Tail(args) => args.data.settings(),
        Command::Search(args) => args.data.settings(),
        Command::Status(args) => args.data.settings(),
        Command::Convert(args) => args.settings(),
        Command::Cancel(args) => args.data.settings(),
        Command::Rm(args) => args.data.settings(),
        Command::Resume(args) => args.settings(),
        Command::Similar(args) => args.data.settings(),
        Command::Dupes(args) => args.data.settings(),
        Command::Index(command) => command.settings(),
        Command::Backup(args) => args.data.settings(),
        _ => Vec::new(),
    };
    for (key, value) in flags {
        set(key, &value)?;
    }
    for pair in &global.set {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(SettingsError {
                origin: Origin::CommandLine,
                message: format!("`--set {pair}` sets nothing"),
                hint: Some("write for example `--set pipeline.memory_budget=256MiB`".to_owned()),
            });
        };
        set(key.trim(), value.trim())?;
    }
    Ok(layers)
}

fn start_log(settings: &Settings, printer: &Printer) {
    let level = &settings.log.level;
    let targets = level.parse::<Targets>().unwrap_or_else(|error| {
        printer.warning(&format!("log.level `{level}` is not understood ({error}); warnings are shown"));
        Targets::new().with_default(LevelFilter::WARN)
    });
    // ONNX Runtime is chatty at `info`; its own warnings are enough unless it is asked for by name.
    let targets = if level.contains("ort") { targets } else { targets.with_target("ort", LevelFilter::WARN) };
    // To actix a request that is no HTTP is an error: anybody could fill the log with them.
    let targets = if level.contains("actix") { targets } else { targets.with_target("actix_http", LevelFilter::OFF) };
    let targets = targets.with_target(printer::TARGET, LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(targets);
    match settings.log.format {
        LogFormat::Json => registry.with(lines.json().with_span_events(FmtSpan::CLOSE)).init(),
        LogFormat::Text => registry.with(lines.with_ansi(printer.colours())).init(),
    }
}
