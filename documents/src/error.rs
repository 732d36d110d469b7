//! What can be wrong with a document, decided where it is found.

use crate::ids::PageNumber;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One sentence for the user: the cause, and a hint where there is something to do. The caller, who knows the file's
/// name, puts it in front.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", page.map(|p| format!("page {p}: ")).unwrap_or_default())]
pub struct Error {
    pub kind: ErrorKind,
    /// The page at fault; `None` when it is the document.
    pub page: Option<PageNumber>,
    /// Lowercase, no full stop, no file name, no page number.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
}

/// The one question that callers ask of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Not a format that we read.
    UnsupportedFormat,
    /// The bytes are damaged beyond reading.
    Damaged,
    /// A password is needed, or the one given is wrong.
    Encrypted,
    /// Larger than a limit allows.
    TooLarge,
    /// There is no such page.
    NoSuchPage,
    /// A decoder panicked or broke an invariant: our fault or a dependency's, not the user's.
    Internal,
    /// Reading or writing the file failed.
    Io,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, page: None, message: message.into(), hint: None }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The reason of a page's record: the cause and what to do about it. The record itself names document and page.
    pub fn sentence(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{} ({hint})", self.message),
            None => self.message.clone(),
        }
    }

    pub fn on_page(mut self, page: PageNumber) -> Self {
        self.page = Some(page);
        self
    }
}
