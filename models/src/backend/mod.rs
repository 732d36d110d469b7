//! The inference seam: two small traits. A backend loads a model into a session; a session maps a tensor to a tensor.

use pagestream_documents::ByteSize;

use crate::error::Result;

pub mod fake;
#[cfg_attr(
    not(any(feature = "onnx", feature = "openvino")),
    expect(dead_code, reason = "no foreign library is built in")
)]
pub mod foreign;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(not(feature = "onnx"))]
#[path = "onnx_left_out.rs"]
pub mod onnx;
#[cfg(feature = "openvino")]
pub mod openvino;
#[cfg(not(feature = "openvino"))]
#[path = "openvino_left_out.rs"]
pub mod openvino;
pub mod portable;
mod protobuf;
mod provider;
mod source;
pub mod tiny;

pub use provider::Provider;
pub use source::{ModelBytes, ModelContent, ModelSource};

/// An owned tensor of f32, row-major (the last dimension varies fastest): `data.len() == shape.iter().product()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// A borrowed tensor; the layout of [`Tensor`].
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    pub shape: &'a [usize],
    pub data: &'a [f32],
}

impl Tensor {
    pub fn view(&self) -> TensorView<'_> {
        TensorView { shape: &self.shape, data: &self.data }
    }
}

/// A loaded model on one thread of one device.
pub trait Session: Send {
    /// Runs the model. Its first output is lent to `read`, so that a large output (18,710 classes a step) is reduced
    /// where it lies and never copied.
    ///
    /// # Errors
    /// [`crate::Error::Inference`] when the backend fails; the session may be used again.
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()>;

    /// Most bytes that the session's runs have taken on its device so far, weights left out; `None` where the backend
    /// cannot tell.
    fn peak_bytes(&self) -> Option<u64> {
        None
    }

    /// Bytes that the session holds between runs: an estimate, for deciding how many may stay loaded.
    fn memory(&self) -> ByteSize;
}

/// Something that can run models on one device.
pub trait Backend: Send + Sync {
    /// For logs and reports, e.g. `onnxruntime-cpu`.
    fn name(&self) -> &str;

    /// Loads a model for use by one thread.
    ///
    /// # Errors
    /// [`crate::Error::Load`] naming the model and the cause.
    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>>;
}
