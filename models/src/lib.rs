//! Models: where they come from (`registry`), what runs them (`backend`), what they are for (`ocr`, `formula`, `embedding`), and how one is
//! made of another (`convert`, `optimize`).
//!
//! Nothing here knows of actors. The scheduler owns sessions and calls them; the decoder drives an [`ocr::PageReader`].

pub mod backend;
#[cfg(feature = "built-in-models")]
pub mod built_in;
pub mod convert;
pub mod device;
pub mod embedding;
pub mod error;
pub mod formula;
pub mod instructions;
pub mod ocr;
pub mod optimize;
pub mod registry;
#[cfg(feature = "built-in-models")]
pub mod trial;

pub use backend::{Backend, ModelSource, Session, Tensor, TensorView};
pub use error::{Error, Result};
