//! The inference seam: two small traits. A backend loads a model into a session; a session maps a tensor to a tensor.

use pagestream_documents::ByteSize;

use crate::error::{Error, Result};

pub mod fake;
#[cfg_attr(
    not(any(feature = "onnx", feature = "openvino")),
    expect(dead_code, reason = "no foreign library is built in")
)]
pub mod foreign;
mod interface;
pub mod named;
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

pub use interface::Interface;
use named::NamedSession;
pub use provider::Provider;
pub use source::{ModelBytes, ModelContent, ModelSource};

/// Metadata key of models whose weights are kept in int8 and computed in f32.
pub const WEIGHTS_ONLY: &str = "weights-only";

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

    /// Runs the model, and lends all its outputs to `read`, in the model's order.
    ///
    /// # Errors
    /// As [`Session::run`].
    fn run_all(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        self.run(input, &mut |output| read(&[output]))
    }

    /// Runs the model for several inputs, whose shapes may differ, and lends the outputs of each to `read` in turn. What has a state between
    /// its steps takes them together.
    ///
    /// # Errors
    /// As [`Session::run`].
    fn run_each(&mut self, inputs: &[TensorView<'_>], read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        inputs.iter().try_for_each(|input| self.run_all(*input, read))
    }

    /// Whether the model has several outputs: then inputs are not stacked for it.
    fn has_several_outputs(&self) -> bool {
        false
    }

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

    /// Loads a model of several inputs and outputs for use by one thread.
    ///
    /// # Errors
    /// As [`Backend::load`], also where the backend runs no such models.
    fn load_named(&self, model: &ModelSource) -> Result<Box<dyn NamedSession>> {
        let cause = "it runs only models of one input and one output".to_owned();
        Err(Error::Load { model: model.id.clone(), backend: self.name().to_owned(), cause })
    }
}
