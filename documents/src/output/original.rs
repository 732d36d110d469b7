//! Where a document is found again whose pages were read: a searchable PDF is made of the original and the records, and figures are cut
//! out of its pages.

use crate::{
    error::{Error, ErrorKind, Result},
    input::DocumentData,
    record::DocumentRef,
};

/// A document as it was read.
#[derive(Clone)]
pub struct Original {
    pub data: DocumentData,
    /// What opened it.
    pub password: Option<String>,
}

/// Finds documents by what their records say of them.
pub trait Originals: Send + Sync {
    /// # Errors
    /// One sentence when the document is not to be had any more, or is not what was read ([`DocumentRef::sha256`]).
    fn open(&self, document: &DocumentRef) -> Result<Original>;
}

/// There are records and nothing else.
pub struct NoOriginals;

impl Originals for NoOriginals {
    fn open(&self, _: &DocumentRef) -> Result<Original> {
        Err(Error::new(ErrorKind::Io, "the document itself is not at hand"))
    }
}
