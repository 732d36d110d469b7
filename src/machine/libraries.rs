//! What runs models on a device: its library, loaded when something first needs it, or our own runtime.

use std::{fmt, path::PathBuf, sync::OnceLock};

use pagestream_models::{
    Backend, Error, ModelSource, Session,
    backend::{
        ModelContent,
        named::NamedSession,
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        openvino::{OpenVinoBackend, OpenVinoOptions},
        portable::PortableBackend,
    },
    device::{DeviceChoice, check_present},
    registry::{Fetching, Registry},
};
use serde::Serialize;

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Library {
    OnnxRuntime,
    OpenVino,
    /// Our own runtime, for the built-in networks and the model of texts.
    Own,
}

impl Library {
    /// The one that drives a device.
    pub fn of(device: &DeviceChoice) -> Self {
        match device {
            DeviceChoice::Onnx(_) => Self::OnnxRuntime,
            DeviceChoice::OpenVino { .. } => Self::OpenVino,
        }
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnnxRuntime => "ONNX Runtime",
            Self::OpenVino => "OpenVINO",
            Self::Own => "our own runtime",
        })
    }
}

/// Whether the library that drives a device is installed.
pub fn has_library(registry: &Registry, device: &DeviceChoice) -> bool {
    match device {
        DeviceChoice::Onnx(_) => registry.has_runtime(),
        DeviceChoice::OpenVino { .. } => registry.openvino_library().is_some(),
    }
}

/// Whether our own runtime reads formulas with the networks that the program carries: on a processor it is the quickest, and OpenVINO runs no
/// networks of several inputs here.
pub fn runs_formulas(device: &DeviceChoice) -> bool {
    device.is_cpu() || matches!(device, DeviceChoice::OpenVino { .. })
}

/// A device's library, and for the built-in models our own runtime where that library is not to run them.
pub struct Libraries {
    pub registry: Registry,
    pub device: DeviceChoice,
    /// Sessions that compute at once, for libraries that have threads of their own.
    pub streams: usize,
    /// Where models are kept as they were optimised on this machine.
    pub optimized_dir: Option<PathBuf>,
    /// Whether a library that is not there is fetched.
    pub fetching: Fetching,
    /// The built-in models run on the library too.
    pub built_in_on_library: bool,
    library: OnceLock<Box<dyn Backend>>,
}

impl Libraries {
    /// Loads nothing yet.
    pub fn new(
        registry: Registry,
        device: DeviceChoice,
        streams: usize,
        optimized_dir: Option<PathBuf>,
        fetching: Fetching,
        built_in_on_library: bool,
    ) -> Self {
        Self { registry, device, streams, optimized_dir, fetching, built_in_on_library, library: OnceLock::new() }
    }

    /// The library, fetched and loaded if it is not yet. Blocks.
    ///
    /// # Errors
    /// What is missing and where it goes; a library that cannot be used; a device that cannot start.
    pub fn library(&self) -> Result<&dyn Backend, Error> {
        if let Some(library) = self.library.get() {
            return Ok(&**library);
        }
        let loaded = self.load_library()?;
        Ok(&**self.library.get_or_init(|| loaded))
    }

    /// Whether the library is loaded, or need only be.
    fn is_at_hand(&self) -> bool {
        self.library.get().is_some() || has_library(&self.registry, &self.device)
    }

    fn load_library(&self) -> Result<Box<dyn Backend>, Error> {
        let Self { registry, device, fetching, .. } = self;
        // Where there is no such device nothing is fetched for it, and no library asked that would answer in its own words.
        check_present(device)?;
        Ok(match device {
            DeviceChoice::Onnx(provider) => {
                let library = registry.runtime(fetching)?;
                let runtime = OnnxRuntime::load(&library)?;
                let version = runtime.version();
                tracing::info!(library = %library.display(), version, %provider, "runtime is loaded");
                let optimized_dir = self.optimized_dir.clone();
                let options = OnnxOptions { provider: provider.clone(), optimized_dir, ..OnnxOptions::default() };
                Box::new(OnnxBackend::new(runtime, options))
            }
            DeviceChoice::OpenVino { device: name } => {
                let library = registry.openvino(fetching)?;
                let options = OpenVinoOptions { device: name.clone(), streams: self.streams };
                let backend = OpenVinoBackend::new(&library, options)?;
                tracing::info!(library = %library.display(), %device, "OpenVINO is loaded");
                Box::new(backend)
            }
        })
    }
}

impl Backend for Libraries {
    fn name(&self) -> &str {
        self.library.get().map_or_else(|| PortableBackend.name(), |library| library.name())
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>, Error> {
        match model.content {
            ModelContent::BuiltIn(_) if !self.built_in_on_library => PortableBackend.load(model),
            // What makes vectors of texts: no library is fetched for it.
            ModelContent::File(_) if !self.is_at_hand() && PortableBackend::runs(model)? => PortableBackend.load(model),
            ModelContent::BuiltIn(_) | ModelContent::File(_) => self.library()?.load(model),
        }
    }

    fn load_named(&self, model: &ModelSource) -> Result<Box<dyn NamedSession>, Error> {
        match model.content {
            ModelContent::BuiltIn(_) if runs_formulas(&self.device) => PortableBackend.load_named(model),
            ModelContent::BuiltIn(_) | ModelContent::File(_) => self.library()?.load_named(model),
        }
    }
}
