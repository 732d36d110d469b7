//! Files in, results out: the part of pagestream that knows file formats.
//!
//! `input` opens a document by its content and yields one page at a time; `output` writes page records. Between them
//! stand the types that every other crate speaks: identities ([`ids`]), geometry, the [`raster::Raster`] of a page and
//! the [`record::PageRecord`] that a page ends as. This crate knows nothing of actors, models or storage.

pub mod blocks;
pub mod buffers;
pub mod error;
pub mod formula;
pub mod geometry;
pub mod harmless;
pub mod hints;
pub mod ids;
pub mod input;
#[cfg(feature = "lab")]
pub mod lab;
pub mod mathml;
pub mod output;
pub mod page_text;
pub mod raster;
pub mod reading_order;
pub mod record;
mod script;
pub mod structure;

pub use blocks::{Alignment, Block, BlockKind, Cell, GoesOn, Hyphen, HyphenEvidence, Mark, MarkKind, Table};
pub use error::{Error, ErrorKind, Result};
pub use geometry::{Point, Polygon, Rect};
pub use harmless::harmless;
pub use ids::{ByteSize, Digest, DocumentId, PageNumber};
pub use input::{DocumentData, FileKind, Limits, OpenOptions, PageInfo, PageSource, RenderOptions, detect, open};
pub use output::{Expected, Files, Jsonl, OutputFormat, OutputOptions, PageWriter, Text};
pub use page_text::{PageText, TextLayer};
pub use raster::{PixelFormat, Raster, Rotation};
pub use record::{
    Differences, DocumentRef, DuplicateOf, DuplicateTier, ModelRef, Origin, PageRecord, PageStatus, TextLine, Word,
};
pub use structure::{Hints, Structure};
