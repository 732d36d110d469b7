//! What pages mean, as vectors: the search by meaning, and which pages are near to each other in it.
//!
//! Our own table is the truth (`table`); what is kept in memory ([`VectorIndex`]) only proposes candidates, is read from the table and may be
//! thrown away at any time. What it proposes is joined with the table and compared again, so that nothing is found that is not there.
//! Who makes the vectors is no matter here: a model is known by the digest of its file, and vectors of two models never meet.

mod code;
#[cfg(test)]
mod contract;
mod graph;
mod index;
mod memory;
mod queries;
mod scan;
mod table;
mod verify;
mod writer;

use std::ops::Range;

use crate::similarity::PageKey;

pub use graph::GraphIndex;
pub use index::{Candidate, Entry, IndexState, PageFilter, VectorIndex};
pub(crate) use memory::Memory;
pub use memory::VectorOptions;
pub(crate) use queries::{Near, nearest, of_page, related};
pub use scan::ScanIndex;
pub(crate) use table::embedded;
pub use verify::Verified;
pub use writer::Vectors;

/// A passage of a page and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct PassageVector {
    /// Where it is, in bytes of the record's text.
    pub range: Range<u32>,
    /// Its direction is the meaning; what is stored has length 1, and is rounded to 16 bits a value.
    pub vector: Vec<f32>,
}

/// How far a model has come through the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Embedded {
    /// Pages whose vectors are there, or that have nothing to embed.
    pub done: u64,
    /// Pages that it has not been asked about. Of blank and tiny ones it is seen when their turn comes that there is nothing to do.
    pub waiting: u64,
}

/// A page near in meaning to another: *related*. It says nothing about duplicates.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Related {
    pub key: PageKey,
    /// The path or name that its document was submitted under.
    pub source: String,
    /// Cosine of the pages' mean vectors, 1 at most.
    pub similarity: f32,
    /// Its nearest passage, in bytes of its record's text.
    pub passage: Range<u32>,
    /// The text of that passage.
    pub text: String,
}
