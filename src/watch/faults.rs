//! What can go wrong with a file on its way, and what follows: another try, waiting, or its end in `failed`.

use std::{io, time::Duration};

use pagestream_actors::{DocumentFailure, Error, StoreFailure};
use pagestream_documents::ErrorKind;
use serde::{Deserialize, Serialize};

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a file ended in `failed`, as its `.reason.json` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    UnsupportedFormat,
    Damaged,
    /// A password is needed, or none of those given fits.
    Encrypted,
    TooLarge,
    NoSuchPage,
    /// No page of it could be read.
    Pages,
    /// Somebody cancelled it.
    Cancelled,
    /// It could not be read, or its results not be written, however often it was tried.
    Io,
    Internal,
}

impl From<ErrorKind> for FailureKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::UnsupportedFormat => Self::UnsupportedFormat,
            ErrorKind::Damaged => Self::Damaged,
            ErrorKind::Encrypted => Self::Encrypted,
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::NoSuchPage => Self::NoSuchPage,
            ErrorKind::Io => Self::Io,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

/// Why a file could not be read, in one sentence without its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), hint: None }
    }
}

impl From<&DocumentFailure> for Failure {
    fn from(failure: &DocumentFailure) -> Self {
        let mut hint = failure.hint.clone();
        if failure.kind == ErrorKind::Encrypted {
            hint = Some(
                "give its password with --password-file; it is tried again at the next start or SIGHUP".to_owned(),
            );
        }
        Self { kind: failure.kind.into(), reason: failure.message.clone(), hint }
    }
}

/// What keeps a file from going on.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The program is being stopped; the file goes on at the next start.
    Stopping,
    /// The pipeline has ended and must be started anew.
    Pipeline(Error),
    /// No room is left. Every other file would fare the same, so that nothing is counted against this one.
    Full(String),
    /// The folder that the file is in is not there.
    Vanished,
    /// May be gone the next time.
    Passing(Failure),
    /// Will not be.
    Lasting(Failure),
}

impl Fault {
    /// Of a file, or of the folder that results go to.
    pub fn of_io(what: &str, error: &io::Error) -> Self {
        let reason = if what.is_empty() { error.to_string() } else { format!("{what}: {error}") };
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(reason),
            // Somebody else's file stands in the way, and will tomorrow.
            io::ErrorKind::AlreadyExists => Self::Lasting(Failure::new(FailureKind::Io, reason)),
            _ => Self::Passing(Failure::new(FailureKind::Io, reason)),
        }
    }

    /// Of a submission.
    pub fn of_submission(error: Error) -> Self {
        match &error {
            Error::Closed => Self::Stopping,
            Error::Store { failure: StoreFailure::ThisOnce, message, .. } => {
                Self::Passing(Failure::new(FailureKind::Io, message.clone()))
            }
            Error::Store { .. } | Error::Fatal(_) | Error::Start(_) => Self::Pipeline(error),
            Error::Document { failure, .. } => Self::Lasting(failure.into()),
            Error::Read { cause, kind, .. } => match kind {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(cause.clone()),
                _ => Self::Passing(Failure::new(FailureKind::Io, format!("cannot be read: {cause}"))),
            },
            _ => Self::Passing(Failure::new(FailureKind::Internal, error.to_string())),
        }
    }
}

/// Pauses that double.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    pub fn new(first: Duration) -> Self {
        Self { next: first.min(LONGEST_PAUSE) }
    }

    pub fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_counts_against_nobody_and_a_bad_document_is_not_tried_again() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(Fault::of_io("", &full), Fault::Full(_)));
        let busy = io::Error::from_raw_os_error(5);
        assert!(matches!(Fault::of_io("", &busy), Fault::Passing(_)));
        let store = |failure| Error::Store { message: String::new(), hint: None, failure };
        assert!(matches!(Fault::of_submission(store(StoreFailure::ThisOnce)), Fault::Passing(_)));
        assert!(matches!(Fault::of_submission(store(StoreFailure::OutOfSpace)), Fault::Pipeline(_)));
        assert!(matches!(Fault::of_submission(Error::Closed), Fault::Stopping));
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let mut backoff = Backoff::new(Duration::from_secs(20));
        assert_eq!(
            [backoff.pause(), backoff.pause(), backoff.pause(), backoff.pause()].map(|p| p.as_secs()),
            [20, 40, 60, 60]
        );
    }
}
