//! What can go wrong with a submission or with the pipeline itself. What goes wrong with a page is a page record.

use pagestream_documents::ErrorKind;

use crate::job::DocumentFailure;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// As many documents are open as the pipeline takes. Try again when one is done.
    #[error("busy: {open} documents are open, as many as `pipeline.open_documents` allows")]
    Busy { open: usize },
    /// The pipeline drains or has stopped.
    #[error("the pipeline is shutting down and takes no documents")]
    Closed,
    /// The document's bytes could not be read.
    #[error("{name}: cannot be read: {cause}")]
    Read { name: String, cause: String, kind: std::io::ErrorKind },
    /// The document cannot be opened.
    #[error("{name}: {}", failure.message)]
    Document { name: String, failure: DocumentFailure },
    /// The store refused, or pages that were read cannot be kept.
    #[error("{message}")]
    Store { message: String, hint: Option<String>, failure: StoreFailure },
    /// What was asked for cannot be searched for.
    #[error("{message}")]
    Query { message: String, hint: Option<String> },
    /// A model that was asked for cannot be had, or fails.
    #[error("{message}")]
    Model { message: String, hint: Option<String> },
    /// The pipeline could not start.
    #[error("the pipeline cannot start: {0}")]
    Start(String),
    /// The pipeline lost a part that it cannot do without.
    #[error("the pipeline failed: {0}")]
    Fatal(String),
}

/// What the store's refusal means for what comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFailure {
    /// The disk, the quota or the database's limit is full: nothing more can be kept until somebody makes room.
    OutOfSpace,
    /// The data directory cannot be used or written at all.
    Unusable,
    /// Only this call; the next may succeed.
    ThisOnce,
}

impl Error {
    /// Whether every further document would fare the same: the run should stop and tell it once.
    pub fn ends_the_run(&self) -> bool {
        match self {
            Self::Store { failure, .. } => *failure != StoreFailure::ThisOnce,
            Self::Closed | Self::Start(_) | Self::Fatal(_) => true,
            Self::Busy { .. } | Self::Read { .. } | Self::Document { .. } => false,
            Self::Query { .. } | Self::Model { .. } => false,
        }
    }

    /// Whether there is no room left to keep anything.
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, Self::Store { failure: StoreFailure::OutOfSpace, .. })
    }

    /// The sentence, and in brackets what to do about it.
    pub fn sentence(&self) -> String {
        self.hint().map_or_else(|| self.to_string(), |hint| format!("{self} ({hint})"))
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Document { failure, .. } => failure.hint.as_deref(),
            Self::Store { hint, .. } | Self::Query { hint, .. } | Self::Model { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }
}

/// What the store refused, as an error of the pipeline.
pub fn store_error(error: pagestream_store::Error) -> Error {
    let failure = match &error {
        error if error.is_out_of_space() => StoreFailure::OutOfSpace,
        error if error.is_fatal() => StoreFailure::Unusable,
        _ => StoreFailure::ThisOnce,
    };
    let (message, hint) = (error.to_string(), error.hint().map(str::to_owned));
    match error {
        pagestream_store::Error::Query(_) | pagestream_store::Error::QueryVector(_) => Error::Query { message, hint },
        _ => Error::Store { message, hint, failure },
    }
}

/// What a model refused, as an error of the pipeline.
pub fn model_error(error: pagestream_models::Error) -> Error {
    Error::Model { message: error.to_string(), hint: error.hint().map(str::to_owned) }
}

impl From<pagestream_documents::Error> for DocumentFailure {
    fn from(error: pagestream_documents::Error) -> Self {
        Self { kind: error.kind, message: error.to_string(), hint: error.hint }
    }
}

impl DocumentFailure {
    /// Why a document could not be had: one sentence, without its name.
    pub fn new(kind: ErrorKind, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { kind, message: message.into(), hint }
    }

    /// A failure of ours, not of the document.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Internal, message: message.into(), hint: None }
    }
}
