//! What a command's exit code says. The numbers are stable; where OCRmyPDF has one for the case, it is the same.

use std::process::ExitCode;

use pagestream::{Error, ErrorKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every page was read.
    Ok = 0,
    /// Some pages failed; each has its record and is listed at the end.
    PagesFailed = 1,
    /// A document is damaged, or of a format that is not read.
    BadInput = 2,
    /// A model or library is missing and could not be fetched.
    MissingDependency = 3,
    /// A model was made and is not good enough to be used.
    Refused = 4,
    /// A file cannot be read, or results cannot be written.
    FileAccess = 5,
    /// A document is encrypted and the password is missing or wrong.
    Encrypted = 8,
    /// A setting, option or argument makes no sense.
    Configuration = 9,
    /// Something else went wrong: ours.
    Other = 15,
    /// The terminal was closed.
    HungUp = 129,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
    /// Stopped by a service manager.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Of `search`, as of grep: no page has what was asked for.
    pub const NOTHING_FOUND: Self = Self::PagesFailed;

    pub fn of_document(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::UnsupportedFormat | ErrorKind::Damaged | ErrorKind::TooLarge => Self::BadInput,
            ErrorKind::Encrypted => Self::Encrypted,
            ErrorKind::NoSuchPage => Self::Configuration,
            ErrorKind::Io => Self::FileAccess,
            ErrorKind::Internal => Self::Other,
        }
    }

    pub fn of_error(error: &Error) -> Self {
        match error {
            Error::Read { .. } | Error::Store { .. } => Self::FileAccess,
            Error::Query { .. } => Self::Configuration,
            Error::Model { .. } => Self::MissingDependency,
            Error::Document { failure, .. } => Self::of_document(failure.kind),
            // Of the pipeline itself, such as that it cannot start.
            _ => Self::Other,
        }
    }

    /// The worse of two: what went wrong first stands, and whole documents count for more than pages.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ok | Self::PagesFailed, Self::Ok) => self,
            (Self::Ok | Self::PagesFailed, other) => other,
            (first, _) => first,
        }
    }
}
