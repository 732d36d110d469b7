//! The one gate for what people read on stderr: results never pass here, and `--quiet` shuts it for all but errors.

use std::io::{IsTerminal, Write};

use indicatif::ProgressBar;
use pagestream::harmless;

/// Under this target the log has what would otherwise be printed. Its level is not that of other log lines.
pub const TARGET: &str = "pagestream::printer";

#[derive(Clone)]
pub struct Printer {
    quiet: bool,
    colours: bool,
    /// What is told goes into the log, whose lines are JSON.
    json: bool,
    /// A bar that is on the screen: lines go above it.
    bar: std::sync::Arc<std::sync::Mutex<Option<ProgressBar>>>,
}

impl Printer {
    pub fn new(quiet: bool) -> Self {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { quiet, colours, json: false, bar: Default::default() }
    }

    /// From here on every line on stderr is one of the log, so that a collector that reads JSON can read all of them.
    pub fn with_json(self) -> Self {
        Self { json: true, ..self }
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a person reads what is printed, and not a collector of logs.
    pub fn is_for_people(&self) -> bool {
        !self.quiet && !self.json
    }

    pub fn colours(&self) -> bool {
        self.colours
    }

    pub fn set_bar(&self, bar: Option<ProgressBar>) {
        *self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bar;
    }

    /// `error: message`, and a `hint:` line under it.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        if self.json {
            return tracing::error!(target: TARGET, hint, "{message}");
        }
        self.line("error", "31", message);
        if let Some(hint) = hint {
            self.line(" hint", "36", hint);
        }
    }

    pub fn warning(&self, message: &str) {
        if self.json && !self.quiet {
            tracing::warn!(target: TARGET, "{message}");
        } else if !self.quiet {
            self.line("warning", "33", message);
        }
    }

    pub fn note(&self, message: &str) {
        if self.json && !self.quiet {
            tracing::info!(target: TARGET, "{message}");
        } else if !self.quiet {
            self.write(&lines(message));
        }
    }

    fn line(&self, label: &str, colour: &str, message: &str) {
        let message = lines(message);
        match self.colours {
            true => self.write(&format!("\x1b[1;{colour}m{label}\x1b[0m: {message}")),
            false => self.write(&format!("{label}: {message}")),
        }
    }

    fn write(&self, line: &str) {
        let bar = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let write = || {
            // There is nowhere left to tell that stderr is closed.
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        };
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Messages name files and repeat reasons: nothing in them steers the terminal. Line breaks are ours.
fn lines(message: &str) -> String {
    message.split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}
