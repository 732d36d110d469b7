//! What is installed, what is missing, and how the missing gets here.
//!
//! A caller says which models it needs ([`Registry::ensure`]) and gets paths to whole, verified files, or an error that
//! names each file and the place where it belongs. Nothing is fetched that was not asked for, and nothing without a permission
//! ([`Fetching`]).

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use pagestream_documents::Digest;

use crate::{
    backend::{ModelSource, onnx::OnnxRuntime},
    error::{Error, Result},
};

pub mod derived;
pub mod fetch;
pub mod fetching;
pub mod install;
pub mod location;
pub mod manifest;
mod pull;

pub use derived::{Derived, Provenance, Selected};
pub use fetching::{FetchPolicy, FetchRequest, Fetching};
pub use install::Depth;
use install::FileState;
pub use location::{MODELS_DIR_VARIABLE, ORT_DYLIB_VARIABLE, machine_dir};
use manifest::{FileEntry, Item, Kind, Manifest, Role, host_platform};

/// Finds text lines on a page.
pub const DETECTOR: &str = "pp-ocrv6-det-small";
/// Reads a text line.
pub const RECOGNIZER: &str = "pp-ocrv6-rec-small";
/// Says which way up a text line is.
pub const ORIENTER: &str = "ppocr-v2-cls-mobile";
/// Says what a text means. No page is read with it, so that it is fetched only for search by meaning.
pub const EMBEDDER: &str = "minilm-l6-v2";
/// Says what the parts of a page are, for those who name it.
pub const LAYOUT: &str = "pp-layout-cdla";
/// Says which cells a table has, for those who name it.
pub const TABLE: &str = "slanet-1m";
/// The models that reading a page takes.
pub const DEFAULT_MODELS: [&str; 3] = [DETECTOR, RECOGNIZER, ORIENTER];
/// ONNX Runtime with OpenVINO, whose libraries serve by themselves too.
pub const OPENVINO: &str = "onnxruntime-openvino";
/// ONNX Runtime for the CPU.
pub const DEFAULT_RUNTIME: &str = "onnxruntime";

#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    /// Where models lie and are installed. Default: `PAGESTREAM_MODELS_DIR`, else the user's cache directory.
    pub models_dir: Option<PathBuf>,
    /// An ONNX Runtime library of the user's own. Default: `PAGESTREAM_ORT_DYLIB`, else one that is fetched.
    pub ort_dylib: Option<PathBuf>,
    /// Which runtime of the manifest to use where the user has none of their own. Default: [`DEFAULT_RUNTIME`].
    pub runtime: Option<String>,
    /// The Python whose pip fetches. Default: `python3` of the search path, then `python`.
    pub python: Option<PathBuf>,
}

/// What happens while files are fetched, for a progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another process is installing into the same directory; its work will serve us too.
    Waiting { models_dir: &'a Path },
    /// A download begins. `bytes` is the size of the wheel.
    Started { what: &'a str, bytes: u64 },
    /// `bytes` have arrived so far. Sent a few times a second, and never promised to reach the whole.
    Advanced { what: &'a str, bytes: u64 },
    /// A file has been checked and stands in its place.
    Installed { id: &'a str, path: &'a Path },
    /// All files of this download are in place.
    Done { what: &'a str },
}

/// One line of `pagestream models list`.
#[derive(Clone, Debug)]
pub struct ModelStatus {
    pub id: String,
    pub kind: Kind,
    pub role: Option<Role>,
    /// `rapidocr 3.10.0`.
    pub source: String,
    pub licence: String,
    /// Of all its files together.
    pub bytes: u64,
    /// Needed for what pagestream does with no further configuration.
    pub is_default: bool,
    pub state: ModelState,
    /// Where its main file is, or belongs.
    pub path: PathBuf,
    /// SHA-256 that the main file must have.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelState {
    Installed,
    /// These files are not there.
    Missing(Vec<PathBuf>),
    /// These files are there but are not what the manifest says.
    Damaged(Vec<PathBuf>),
}

/// Models that are in place, as [`Registry::ensure`] found or made them.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    models: BTreeMap<String, (PathBuf, String)>,
}

impl Installed {
    /// The file to load.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] for an id that was not asked for.
    pub fn path(&self, id: &str) -> Result<&Path> {
        self.get(id).map(|(path, _)| path.as_path())
    }

    /// SHA-256 of that file, in lower-case hexadecimal.
    ///
    /// # Errors
    /// As [`Installed::path`].
    pub fn sha256(&self, id: &str) -> Result<&str> {
        self.get(id).map(|(_, sha256)| sha256.as_str())
    }

    /// The model, as a backend loads it.
    ///
    /// # Errors
    /// As [`Installed::path`]; [`Error::Manifest`] for a digest that is none.
    pub fn source(&self, id: &str) -> Result<ModelSource> {
        let (path, sha256) = self.get(id)?;
        Ok(ModelSource::file(id, path, sha256.parse().map_err(Error::Manifest)?))
    }

    /// Id, path and SHA-256 of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Path, &str)> {
        self.models.iter().map(|(id, (path, sha256))| (id.as_str(), path.as_path(), sha256.as_str()))
    }

    fn get(&self, id: &str) -> Result<&(PathBuf, String)> {
        self.models.get(id).ok_or_else(|| Error::UnknownModel {
            id: id.into(),
            hint: format!("asked for were: {}", self.models.keys().cloned().collect::<Vec<_>>().join(", ")),
        })
    }
}

/// The manifest, applied to one models directory. Cheap to open: it reads no model and starts nothing.
#[derive(Clone, Debug)]
pub struct Registry {
    manifest: Manifest,
    platform: String,
    /// `None` where the environment names no place: then nothing is installed, and nothing can be.
    models_dir: Option<PathBuf>,
    ort_dylib: Option<PathBuf>,
    runtime: String,
    python: Option<PathBuf>,
}

impl Registry {
    /// Where there is no place for models (no home, as under cron or in a container), nothing is installed.
    ///
    /// # Errors
    /// [`Error::Manifest`], a fault of ours.
    pub fn open(options: RegistryOptions) -> Result<Self> {
        Self::with_manifest(options, Manifest::built_in()?)
    }

    /// As [`Registry::open`], with a manifest other than the built-in one.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn with_manifest(options: RegistryOptions, manifest: Manifest) -> Result<Self> {
        Ok(Self::assemble(options, manifest, |name| std::env::var_os(name)))
    }

    fn assemble(options: RegistryOptions, manifest: Manifest, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        Self {
            manifest,
            platform: host_platform(),
            models_dir: location::models_dir(options.models_dir.as_deref(), &variable),
            ort_dylib: location::ort_dylib(options.ort_dylib.as_deref(), &variable),
            runtime: options.runtime.unwrap_or_else(|| DEFAULT_RUNTIME.into()),
            python: options.python,
        }
    }

    /// Where models lie and are installed.
    ///
    /// # Errors
    /// [`Error::Missing`], saying what to set, where the environment names no place.
    pub fn models_dir(&self) -> Result<&Path> {
        self.models_dir.as_deref().ok_or_else(location::no_place)
    }

    /// The user's own ONNX Runtime library, if they have named one.
    pub fn ort_dylib(&self) -> Option<&Path> {
        self.ort_dylib.as_deref()
    }

    /// Everything that can be installed on this platform, and whether it is. Hashes only what no stamp vouches for.
    pub fn list(&self) -> Vec<ModelStatus> {
        self.statuses(Depth::Quick)
    }

    /// As [`Registry::list`], hashing every file that is there.
    pub fn verify(&self) -> Vec<ModelStatus> {
        self.statuses(Depth::Full)
    }

    /// Installs what is missing or damaged of `ids` (models or runtimes); of the default ones if `ids` is empty.
    ///
    /// # Errors
    /// As [`Registry::ensure`].
    pub fn pull(&self, ids: &[&str], fetching: &Fetching) -> Result<Installed> {
        if !ids.is_empty() {
            return self.ensure(ids, fetching);
        }
        let defaults: Vec<&str> = DEFAULT_MODELS.into_iter().chain(self.runtime_id()).collect();
        self.ensure(&defaults, fetching)
    }

    /// The ONNX Runtime of the manifest that is to be used; `None` where the user has named a library of their own.
    pub fn runtime_id(&self) -> Option<&str> {
        self.ort_dylib.is_none().then_some(self.runtime.as_str())
    }

    /// Makes sure that `ids` are installed, whole and right, and says where they are.
    ///
    /// # Errors
    /// [`Error::UnknownModel`]; [`Error::Missing`], naming each file and where it belongs, where something is missing and
    /// cannot be fetched; [`Error::NotFetched`] where it must not be; [`Error::Digest`] where a damaged file may not be
    /// replaced or a fetched one is not what the manifest says; [`Error::Io`].
    pub fn ensure(&self, ids: &[&str], fetching: &Fetching) -> Result<Installed> {
        let items = ids.iter().map(|id| self.item(id)).collect::<Result<Vec<_>>>()?;
        if items.is_empty() {
            return Ok(Installed::default());
        }
        let no_place = |error| if fetching.is_never() { pull::not_fetched(error) } else { error };
        let models_dir = self.models_dir().map_err(no_place)?;
        let wanted = self.wanted(&items)?;
        if !wanted.is_empty() {
            fetching.permit(&pull::request(&wanted)).map_err(|why| self.refused(&why, &wanted))?;
            self.fetch(models_dir, &items, fetching)?;
        }
        let place = |item: &Item| (install::place(models_dir, item.main_file()), item.main_file().sha256.clone());
        Ok(Installed { models: items.iter().map(|item| (item.id.clone(), place(item))).collect() })
    }

    /// SHA-256 that the item's main file must have, installed or not.
    ///
    /// # Errors
    /// [`Error::UnknownModel`]; [`Error::Manifest`] for a digest that is none.
    pub fn sha256(&self, id: &str) -> Result<Digest> {
        self.item(id)?.main_file().sha256.parse().map_err(Error::Manifest)
    }

    /// The ONNX Runtime library to load: the user's own, else the manifest's, fetched if need be.
    ///
    /// # Errors
    /// [`Error::Missing`] where the user's own is not there; [`Error::LeftOut`]; otherwise as [`Registry::ensure`].
    pub fn runtime(&self, fetching: &Fetching) -> Result<PathBuf> {
        // Nothing is fetched for a library that could not be loaded.
        if !cfg!(feature = "onnx") {
            return Err(Error::LeftOut { what: "ONNX Runtime", feature: "onnx" });
        }
        let Some(dylib) = &self.ort_dylib else {
            return Ok(self.ensure(&[&self.runtime], fetching)?.path(&self.runtime)?.to_path_buf());
        };
        if dylib.is_file() {
            return Ok(dylib.clone());
        }
        Err(Error::Missing {
            what: "the ONNX Runtime library is".into(),
            why: format!("there is no file {}", dylib.display()),
            hint: format!("correct {ORT_DYLIB_VARIABLE}, or unset it to have the library fetched"),
        })
    }

    /// Whether an item is installed. Hashes only what no stamp vouches for.
    pub fn has(&self, id: &str) -> bool {
        let is_good = |file| matches!(self.state(file, Depth::Quick), Ok(FileState::Good));
        self.item(id).is_ok_and(|item| item.files.iter().all(is_good))
    }

    /// Whether there is an ONNX Runtime library to load without fetching, and ONNX Runtime is built in.
    pub fn has_runtime(&self) -> bool {
        cfg!(feature = "onnx")
            && self.ort_dylib.as_ref().map_or_else(|| self.has(&self.runtime), |dylib| dylib.is_file())
    }

    /// What the ONNX Runtime library in use was compiled for, as the manifest names it: `cpu`, `openvino`, `cuda`,
    /// `tensorrt`. The user's own library is loaded to know.
    ///
    /// # Errors
    /// As [`Registry::runtime`] for a library of the user's own, and [`Error::Runtime`] where it cannot be used.
    pub fn runtime_providers(&self) -> Result<Vec<String>> {
        if self.ort_dylib.is_none() {
            return Ok(self.item(&self.runtime)?.providers.clone());
        }
        let compiled = OnnxRuntime::load(&self.runtime(&Fetching::never())?)?.compiled_providers()?;
        // `CUDAExecutionProvider`
        let name = |provider: &String| provider.trim_end_matches("ExecutionProvider").to_ascii_lowercase();
        Ok(compiled.iter().map(name).collect())
    }

    /// Changes when another runtime library is used.
    pub fn runtime_identity(&self) -> String {
        let Some(dylib) = &self.ort_dylib else {
            return self.sha256(&self.runtime).map_or_else(|_| self.runtime.clone(), |digest| digest.to_string());
        };
        let metadata = fs::metadata(dylib).ok().map(|metadata| (metadata.len(), metadata.modified().ok()));
        format!("{} {metadata:?}", dylib.display())
    }

    /// OpenVINO's C library, fetched if need be.
    ///
    /// # Errors
    /// As [`Registry::ensure`].
    pub fn openvino(&self, fetching: &Fetching) -> Result<PathBuf> {
        if !cfg!(feature = "openvino") {
            return Err(Error::LeftOut { what: "OpenVINO", feature: "openvino" });
        }
        if let Some(library) = self.openvino_library() {
            return Ok(library);
        }
        self.ensure(&[OPENVINO], fetching)?;
        self.openvino_library().ok_or_else(|| Error::Manifest(format!("`{OPENVINO}` has no OpenVINO library")))
    }

    /// OpenVINO's C library out of the installed `onnxruntime-openvino`, if that is installed: for
    /// [`crate::device::probe`], which otherwise looks where OpenVINO's own installers put it.
    pub fn openvino_library(&self) -> Option<PathBuf> {
        let item = self.item(OPENVINO).ok()?;
        let is_library = |file: &&FileEntry| file.install.rsplit('/').next().is_some_and(|n| n.contains("openvino_c."));
        let library = install::place(self.models_dir.as_deref()?, item.files.iter().find(is_library)?);
        library.is_file().then_some(library)
    }

    fn item(&self, id: &str) -> Result<&Item> {
        self.manifest.on(&self.platform).find(|item| item.id == id).ok_or_else(|| {
            let known: Vec<_> = self.manifest.on(&self.platform).map(|item| item.id.as_str()).collect();
            // A runtime may well exist, but for other platforms: then the user must bring their own.
            let elsewhere = self.manifest.items.iter().any(|item| item.id == id);
            let hint = if elsewhere {
                format!("it is not to be had for {}; name a library of your own by {ORT_DYLIB_VARIABLE}", self.platform)
            } else {
                format!("known are: {}", known.join(", "))
            };
            Error::UnknownModel { id: id.into(), hint }
        })
    }

    fn statuses(&self, depth: Depth) -> Vec<ModelStatus> {
        let status = |item: &Item| {
            let (mut missing, mut damaged) = (Vec::new(), Vec::new());
            for file in &item.files {
                match self.state(file, depth) {
                    Ok(FileState::Good) => {}
                    Ok(FileState::Absent) => missing.push(self.place(file)),
                    Ok(FileState::Damaged { .. }) | Err(_) => damaged.push(self.place(file)),
                }
            }
            ModelStatus {
                id: item.id.clone(),
                kind: item.kind,
                role: item.role,
                source: format!("{} {}", item.package, item.version),
                licence: item.licence.clone(),
                bytes: item.files.iter().map(|file| file.bytes).sum(),
                is_default: DEFAULT_MODELS.contains(&item.id.as_str()) || item.id == self.runtime,
                state: match (missing.is_empty(), damaged.is_empty()) {
                    (_, false) => ModelState::Damaged(damaged),
                    (false, true) => ModelState::Missing(missing),
                    (true, true) => ModelState::Installed,
                },
                path: self.place(item.main_file()),
                sha256: item.main_file().sha256.clone(),
            }
        };
        self.manifest.on(&self.platform).map(status).collect()
    }

    fn state(&self, file: &FileEntry, depth: Depth) -> Result<FileState> {
        self.models_dir.as_deref().map_or(Ok(FileState::Absent), |dir| install::check(dir, file, depth))
    }

    /// Where a file belongs; below no directory in particular where there is none.
    fn place(&self, file: &FileEntry) -> PathBuf {
        install::place(self.models_dir.as_deref().unwrap_or(Path::new("")), file)
    }
}

#[cfg(test)]
mod derived_tests;
#[cfg(test)]
mod tests;
