//! What commands print to standard output: in which of two forms, and what ends it early.

use std::io;

use clap::ValueEnum;
use pagestream_store::Error as StoreError;

use super::{documents::Refusal, exit::Exit, printer::Printer};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Jsonl,
}

/// Why a command did not come to its end.
pub enum Stopped {
    Refused(Refusal),
    /// Its answer could not be written.
    Output(io::Error),
    /// The user has been told already.
    Told(Exit),
}

impl Stopped {
    /// Tells the user; `what` could not be written, such as `pages`.
    pub fn tell(self, what: &str, printer: &Printer) -> Exit {
        match self {
            Self::Refused(refusal) => refusal.tell(printer),
            // Whoever read it has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
            Self::Output(error) => {
                printer.error(&format!("{what} cannot be written: {error}"), None);
                Exit::FileAccess
            }
            Self::Told(exit) => exit,
        }
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
