//! In place of ONNX Runtime in a program that is built without the feature `onnx`: the same names, of which no value can be made, and
//! one error that says so.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
};

use pagestream_documents::ByteSize;

pub use super::Provider;
use super::{Backend, ModelSource, Session, TensorView, foreign::Fenced};
use crate::error::{Error, Result};

/// There is none.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    never: Infallible,
}

impl OnnxRuntime {
    /// # Errors
    /// [`Error::LeftOut`], always.
    pub fn load(_: &Path) -> Result<Self> {
        Err(Error::LeftOut { what: "ONNX Runtime", feature: "onnx" })
    }

    pub fn path(&self) -> &Path {
        match self.never {}
    }

    pub fn version(&self) -> &str {
        match self.never {}
    }

    /// # Errors
    /// None: there is no runtime to ask.
    pub fn compiled_providers(&self) -> Result<Vec<String>> {
        match self.never {}
    }
}

/// As with the feature, of use to nobody.
#[derive(Clone, Debug, Default)]
pub struct OnnxOptions {
    pub provider: Provider,
    /// Every node must run on the provider.
    pub whole_graph: bool,
    /// Where models are kept as they were optimised.
    pub optimized_dir: Option<PathBuf>,
}

/// There is none.
#[derive(Clone, Debug)]
pub struct OnnxBackend {
    never: Infallible,
}

impl OnnxBackend {
    pub fn new(runtime: OnnxRuntime, _: OnnxOptions) -> Self {
        match runtime.never {}
    }

    /// # Errors
    /// None: there is no runtime to load it.
    pub fn load_bytes(&self, _: &str, _: &[u8]) -> Result<Fenced<Never>> {
        match self.never {}
    }
}

/// A session that there is none of.
pub struct Never {
    never: Infallible,
}

impl Session for Never {
    fn run(&mut self, _: TensorView<'_>, _: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        match self.never {}
    }

    fn memory(&self) -> ByteSize {
        match self.never {}
    }
}

impl Backend for OnnxBackend {
    fn name(&self) -> &str {
        match self.never {}
    }

    fn load(&self, _: &ModelSource) -> Result<Box<dyn Session>> {
        match self.never {}
    }
}
