//! Formulas read symbol by symbol: a picture's connected parts, what a network says that each is of, and where they stand.
//!
//! Print whose symbols do not touch needs no decoder: the network of [`parts`] names symbols, how large they are set and where their lines are,
//! `join` makes symbols of parts, and [`pagestream_documents::formula`] reads them as it reads the glyphs of pages that are born digital.
//! Where symbols touch or are worn, what is said is worth little, and the decoder is asked.

pub mod classes;
mod join;
mod levels;
mod number;
pub mod parts;
mod reader;

pub use parts::Parts;
pub use reader::{SymbolModel, SymbolReader, SymbolReading};

#[cfg(test)]
mod tests;
