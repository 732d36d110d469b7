//! What can go wrong in the store, decided where it is found. Callers ask two questions of an error: is it worth trying
//! again, and does it end the pipeline.

use std::{io, path::Path, path::PathBuf};

use pagestream_documents::{Digest, DocumentId, PageNumber};
use rusqlite::ErrorCode;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One sentence for the user; [`Error::hint`] says what there is to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("another pagestream{} is writing to {}", pid.map(|p| format!(" (process {p})")).unwrap_or_default(), dir.display())]
    WriterRunning { dir: PathBuf, pid: Option<u32> },
    #[error("there is no pagestream data in {}", dir.display())]
    NoStore { dir: PathBuf },
    #[error("the data in {} has schema {found}, and this pagestream knows {known}", dir.display())]
    NewerSchema { dir: PathBuf, found: u32, known: u32 },
    #[error("the data in {} has the old schema {found}, and only a writer can bring it to {known}", dir.display())]
    OlderSchema { dir: PathBuf, found: u32, known: u32 },
    /// Another process held the database for longer than the busy timeout.
    #[error("the database is locked by another process")]
    Locked(#[source] rusqlite::Error),
    /// The file system is full, or the configured size of the database is reached.
    #[error("no room is left for {what}")]
    DiskFull { what: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the database is damaged")]
    Damaged(#[source] rusqlite::Error),
    #[error("no document {0} is in the store")]
    NoSuchDocument(DocumentId),
    #[error("no input with SHA-256 {0} is in the spool")]
    NoSuchBlob(Digest),
    /// Removing is refused: a document that is open keeps its pages and its input.
    #[error("document {0} is still being processed")]
    StillOpen(DocumentId),
    /// The work was taken back, because its lease was returned or the document removed.
    #[error("the lease on document {0} is no longer held")]
    LeaseLost(DocumentId),
    #[error("{what} {} failed: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    /// The stream that was to be spooled could not be read: the submitter's side, not ours.
    #[error("the input could not be read to its end")]
    Input(#[source] io::Error),
    /// A row holds what this version cannot read: our fault, or a hand in the database.
    #[error("the database holds a value that cannot be read: {0}")]
    Unreadable(String),
    /// A file that is read where it is was written to meanwhile.
    #[error("{} was changed while it was read", path.display())]
    InputChanged { path: PathBuf },
    /// Nothing is overwritten by a backup.
    #[error("{} is there already", path.display())]
    AlreadyThere { path: PathBuf },
    /// What was asked for cannot be searched for; it says why.
    #[error("{0}")]
    Query(String),
    /// What an embedding model gave cannot be compared with anything.
    #[error("the vector of document {document}, page {page}, {why}")]
    BadVector { document: DocumentId, page: PageNumber, why: &'static str },
    /// A search by meaning without a meaning, or with one that cannot be compared.
    #[error("{0}")]
    QueryVector(String),
    #[error("the database cannot be written: it, its folder or its disk is read-only")]
    ReadOnly(#[source] rusqlite::Error),
    #[error("the database refused a statement")]
    Database(#[source] rusqlite::Error),
}

impl Error {
    /// Whether the same call may succeed later with nothing changed by hand.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Locked(_))
    }

    /// Whether the pipeline should stop: nothing more can be made durable until someone acts.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. }
                | Self::Damaged(_)
                | Self::Io { .. }
                | Self::Database(_)
                | Self::ReadOnly(_)
                | Self::WriterRunning { .. }
                | Self::NewerSchema { .. }
                | Self::OlderSchema { .. }
        )
    }

    /// Whether there is no room left: on the disk, in the quota, or by the limit that was set.
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, Self::DiskFull { .. })
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::WriterRunning { .. } => {
                "stop it first, or give this one another --data-dir; reading is always allowed"
            }
            Self::NoStore { .. } => "check --data-dir; the directory appears with the first document",
            Self::NewerSchema { .. } => "use the pagestream that wrote it, or another --data-dir",
            Self::OlderSchema { .. } => "run any command that processes documents on it once",
            Self::Locked(_) => "close the SQLite tool or backup that holds it, and try again",
            Self::DiskFull { .. } => {
                "free some space or raise the limit, then start again: it goes on where it stopped"
            }
            Self::Damaged(_) => "restore a copy, or move the directory away and start with an empty one",
            Self::StillOpen(_) => "cancel it first",
            Self::InputChanged { .. } => "read it again when nobody writes to it",
            Self::AlreadyThere { .. } => "give a name that is not taken; a backup overwrites nothing",
            Self::Query(_) => {
                "words must all occur; \"words in quotes\" stand beside each other; -word must not occur; word* is a beginning"
            }
            Self::QueryVector(_) => "let the model that embedded the pages embed the query too, or search by words",
            Self::ReadOnly(_) => "make it writable, or give another --data-dir",
            _ => return None,
        })
    }

    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { what: path.display().to_string(), source: source.into() }
            }
            _ => Self::Io { what, path: path.to_owned(), source },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(error),
            Some(ErrorCode::DiskFull) => Self::DiskFull { what: "the database".into(), source: error.into() },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            _ => match error {
                rusqlite::Error::FromSqlConversionFailure(_, _, cause) => Self::Unreadable(cause.to_string()),
                error => Self::Database(error),
            },
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
