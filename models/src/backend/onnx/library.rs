//! The ONNX Runtime library: loaded once in a process, from a path, and never unloaded.

use std::{
    ffi::CStr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ort::{
    environment::Environment,
    logging::{LogLevel, LoggerFunction},
};

use crate::{
    backend::foreign,
    error::{Error, Result},
};

/// A process can hold one library only: ONNX Runtime keeps its environment in a static, and so does `ort`.
static LOADED: Mutex<Option<OnnxRuntime>> = Mutex::new(None);

/// ONNX Runtime, ready for sessions. Clones share it.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    pub(super) environment: Environment,
    path: Arc<PathBuf>,
    version: Arc<str>,
}

impl OnnxRuntime {
    /// Loads the library at `path`, or returns what is loaded if it came from there. Takes 60-170 ms the first time.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such file, [`Error::Runtime`] where it is not ONNX Runtime, is too old, or
    /// another library is loaded in this process already.
    pub fn load(path: &Path) -> Result<Self> {
        // An absolute path also keeps `ort` from looking beside the executable.
        let path = path.canonicalize().ok().filter(|path| path.is_file()).ok_or_else(|| Error::Missing {
            what: "the ONNX Runtime library is".into(),
            why: format!("there is no file {}", path.display()),
            hint: "run `pagestream models pull`, or name a library of your own by PAGESTREAM_ORT_DYLIB".into(),
        })?;
        let _inside = foreign::enter().ok_or_else(|| foreign::ending("onnxruntime"))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return if *runtime.path == path {
                Ok(runtime.clone())
            } else {
                let cause = format!("this process has already loaded {}", runtime.path.display());
                Err(Error::Runtime { path, cause })
            };
        }
        let fail = |cause: String| Error::Runtime { path: path.clone(), cause };
        // To set it here would be no use to who reads the environment at this moment, and no safe thing to do in a library.
        if std::env::var_os("ORT_DISABLE_TELEMETRY").is_none() {
            tracing::info!(
                "ORT_DISABLE_TELEMETRY is not set: ONNX Runtime may leave an identifier in the cache directory"
            );
        }
        let version = inspect(&path).map_err(fail)?;
        let environment = ort::init_from(&path)
            .map_err(|error| fail(error.to_string()))?
            .with_name("pagestream")
            .with_telemetry(false)
            .with_logger(logger())
            .build()
            .map_err(|error| fail(error.to_string()))?;
        foreign::close_at_exit();
        environment.set_log_level(LogLevel::Warning);
        tracing::debug!(path = %path.display(), %version, "onnx runtime loaded");
        let runtime = Self { environment, path: Arc::new(path), version: version.into() };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The library's own version, e.g. `1.31.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The providers that the library was compiled with, e.g. `CPUExecutionProvider`. That one is listed does not mean
    /// that it can start here.
    ///
    /// # Errors
    /// [`Error::Runtime`].
    pub fn compiled_providers(&self) -> Result<Vec<String>> {
        let _inside = foreign::enter().ok_or_else(|| foreign::ending("onnxruntime"))?;
        let mut names = std::ptr::null_mut();
        let mut count = 0;
        let api = ort::api();
        let fail = |error: ort::Error| Error::Runtime { path: self.path().to_path_buf(), cause: error.to_string() };
        // SAFETY: the two out-parameters are valid; on success `names` holds `count` C strings that stay ours until they
        // are released below.
        unsafe {
            ort::Error::result_from_status((api.GetAvailableProviders)(&mut names, &mut count)).map_err(fail)?;
            let list = std::slice::from_raw_parts(names, usize::try_from(count).unwrap_or(0));
            let list = list.iter().map(|name| CStr::from_ptr(*name).to_string_lossy().into_owned()).collect();
            ort::Error::result_from_status((api.ReleaseAvailableProviders)(names, count)).map_err(fail)?;
            Ok(list)
        }
    }
}

/// The version of the library at `path`, if `ort` can use it. `ort` asserts some of this and would panic.
pub(super) fn inspect(path: &Path) -> Result<String, String> {
    // SAFETY: loading runs the library's initialisers, as `ort` is about to do itself. `OrtGetApiBase` has this signature
    // in every release (onnxruntime_c_api.h), its result is static, and the strings it names are static too. The handle
    // is counted: dropping ours after `ort` took its own, or on an error, is sound.
    unsafe {
        let library = libloading::Library::new(path).map_err(|error| error.to_string())?;
        let base = library
            .get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0")
            .map_err(|_| "it does not export OrtGetApiBase".to_owned())?;
        let base = base().as_ref().ok_or("OrtGetApiBase answers nothing")?;
        let version = CStr::from_ptr((base.GetVersionString)()).to_string_lossy().into_owned();
        if (base.GetApi)(ort::MINOR_VERSION).is_null() {
            return Err(format!("it is version {version}, and 1.{} is the oldest that serves", ort::MINOR_VERSION));
        }
        // Kept open: unloading and loading again would run initialisers twice.
        std::mem::forget(library);
        Ok(version)
    }
}

/// Sends ONNX Runtime's messages where ours go. Failures come back as errors too, and its warnings are mostly about
/// optimisations that it could not make: hence one step quieter than it says.
fn logger() -> LoggerFunction {
    Arc::new(|level, category, _id, place, message| match level {
        LogLevel::Fatal | LogLevel::Error => tracing::warn!(target: "onnxruntime", category, place, "{message}"),
        LogLevel::Warning => tracing::debug!(target: "onnxruntime", category, place, "{message}"),
        LogLevel::Info | LogLevel::Verbose => tracing::trace!(target: "onnxruntime", category, place, "{message}"),
    })
}
