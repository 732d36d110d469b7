//! Models made of other models: cut to an alphabet, quantised.
//!
//! Cutting is done here, on the file itself ([`wire`], [`graph`], [`specialize`]).

pub mod alphabet;
pub mod graph;
pub mod specialize;
pub mod wire;

pub use alphabet::CharacterSet;
pub use specialize::{Specialized, specialize};
