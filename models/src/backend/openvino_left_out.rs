//! In place of OpenVINO in a program that is built without the feature `openvino`: see `onnx_left_out.rs`.

use std::{convert::Infallible, path::Path};

use super::{Backend, ModelSource, Session};
use crate::error::{Error, Result};

/// As with the feature, of use to nobody.
#[derive(Clone, Debug)]
pub struct OpenVinoOptions {
    /// As OpenVINO names it.
    pub device: String,
    /// Sessions of one model that run at the same time.
    pub streams: usize,
}

/// There is none.
#[derive(Debug)]
pub struct OpenVinoBackend {
    never: Infallible,
}

impl OpenVinoBackend {
    /// # Errors
    /// [`Error::LeftOut`], always.
    pub fn new(_: &Path, _: OpenVinoOptions) -> Result<Self> {
        Err(Error::LeftOut { what: "OpenVINO", feature: "openvino" })
    }
}

impl Backend for OpenVinoBackend {
    fn name(&self) -> &str {
        match self.never {}
    }

    fn load(&self, _: &ModelSource) -> Result<Box<dyn Session>> {
        match self.never {}
    }
}
