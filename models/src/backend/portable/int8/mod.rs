//! Convolutions in 8 bits: activations are unsigned bytes, weights signed ones, sums 32-bit integers.
//!
//! Every processor comes to the same bytes: products and sums are exact, and what is rounded is rounded by the same operations of IEEE 754
//! in the same order, none of them fused. A value `v` stands for `scale * (v - zero)`; rounding is to the nearest whole number, of two as near to the
//! even one: ONNX's QuantizeLinear.

mod kernels;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pairs;
mod pixels;
mod weights;

pub use kernels::{convolve, multiply};
pub use pixels::{add, dequantise, quantise};
pub use weights::{Shape, Weights};

/// How bytes stand for numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    pub scale: f32,
    pub zero: u8,
}

/// How a convolution's bytes and those of another value come to bytes of their sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
    /// What the convolution's own bytes would be.
    pub own: Steps,
    pub other: Steps,
    pub sum: Steps,
}

impl Join {
    /// Steps of the sum in a step of each.
    fn ratios(&self) -> [f32; 2] {
        [self.own.scale / self.sum.scale, self.other.scale / self.sum.scale]
    }
}

#[cfg(test)]
mod tests;
