//! Models made of other models: cut to an alphabet, quantised.
//!
//! Cutting is done here, on the file itself ([`wire`], [`graph`], [`specialize`]). Quantising is done by onnxruntime's own
//! quantiser ([`quantize`]), on inputs that our own reading of pages makes ([`calibration`]). Whether what came out may be
//! used is not decided here: the registry keeps it apart until it has a verdict.

pub mod alphabet;
pub mod calibration;
pub mod graph;
pub mod quantize;
mod specialize;
pub mod wire;

pub use alphabet::CharacterSet;
pub use quantize::{Calibration, Mode, QuantizeOptions, Quantized, Quantizer};
pub use specialize::{Specialized, specialize};
