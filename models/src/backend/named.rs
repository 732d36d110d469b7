//! Models with several inputs and outputs, by their names: what a model with a state between its steps is made of.

use std::fmt;

use pagestream_documents::ByteSize;

use super::TensorView;
use crate::error::{Error, Result};

/// The numbers of an input, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    F32(&'a [f32]),
    I64(&'a [i64]),
    Bool(&'a [bool]),
}

impl Numbers<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::I64(numbers) => numbers.len(),
            Self::Bool(numbers) => numbers.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::I64(_) => Element::I64,
            Self::Bool(_) => Element::Bool,
        }
    }
}

/// One input of a run: borrowed, and of the size that its shape says.
#[derive(Clone, Copy, Debug)]
pub struct NamedInput<'a> {
    pub name: &'a str,
    pub shape: &'a [usize],
    pub numbers: Numbers<'a>,
}

/// What a tensor is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    F32,
    I64,
    Bool,
    /// By its name: nothing that is given or taken here.
    Other(String),
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::I64 => "int64",
            Self::Bool => "bool",
            Self::Other(name) => name,
        })
    }
}

/// An input or an output of a model, as the model declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub name: String,
    pub element: Element,
    /// `None` where a dimension is open.
    pub shape: Vec<Option<usize>>,
}

impl fmt::Display for Port {
    /// `past_key_values.0.key` float32 [?, 8, ?, 64]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |size: &Option<usize>| size.map_or("?".to_owned(), |size| size.to_string());
        let shape: Vec<String> = self.shape.iter().map(size).collect();
        write!(f, "`{}` {} [{}]", self.name, self.element, shape.join(", "))
    }
}

/// A loaded model of named inputs and outputs, on one thread of one device.
pub trait NamedSession: Send {
    fn inputs(&self) -> &[Port];

    fn outputs(&self) -> &[Port];

    /// Runs the model. The outputs that are `wanted`, all of f32, are lent to `read` in that order.
    ///
    /// # Errors
    /// [`crate::Error::Inference`] when the backend fails, also for inputs that do not fit; the session may be used again.
    fn run(
        &mut self,
        inputs: &[NamedInput<'_>],
        wanted: &[&str],
        read: &mut dyn FnMut(&[TensorView<'_>]),
    ) -> Result<()>;

    /// Bytes that the session holds between runs: an estimate.
    fn memory(&self) -> ByteSize;
}

/// Whether the inputs of a run have the sizes that their shapes say.
pub(super) fn check(model: &str, inputs: &[NamedInput<'_>]) -> Result<()> {
    let odd = inputs.iter().find(|input| {
        input.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size)) != Some(input.numbers.len())
    });
    let Some(odd) = odd else { return Ok(()) };
    let cause = format!("{} numbers are no tensor `{}` of shape {:?}", odd.numbers.len(), odd.name, odd.shape);
    Err(Error::Inference { model: model.to_owned(), cause })
}
