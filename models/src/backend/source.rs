//! Where a model comes from: a file, or bytes that are built into the program.

use std::{
    fmt,
    fs::File,
    ops::Deref,
    path::{Path, PathBuf},
};

use memmap2::Mmap;
use pagestream_documents::Digest;

use super::protobuf;
use crate::error::{Error, Result};

/// An ONNX model, found but not loaded. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSource {
    /// Names the model in logs, errors and records.
    pub id: String,
    /// SHA-256 of the model's bytes. Whoever installed a file has checked it.
    pub sha256: Digest,
    pub content: ModelContent,
}

#[derive(Clone, PartialEq, Eq)]
pub enum ModelContent {
    File(PathBuf),
    BuiltIn(&'static [u8]),
}

impl ModelSource {
    pub fn file(id: impl Into<String>, path: impl Into<PathBuf>, sha256: Digest) -> Self {
        Self { id: id.into(), sha256, content: ModelContent::File(path.into()) }
    }

    /// A model that is part of the program, or made by it.
    pub fn built_in(id: impl Into<String>, bytes: &'static [u8], sha256: Digest) -> Self {
        Self { id: id.into(), sha256, content: ModelContent::BuiltIn(bytes) }
    }

    /// A file of which nothing is known but its path: it is named after the file and hashed here.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn of_file(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let id = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let source = Self::file(id, path, Digest([0; 32]));
        let sha256 = Digest::of(&source.bytes()?);
        Ok(Self { sha256, ..source })
    }

    /// Its file; `None` for one that is part of the program.
    pub fn path(&self) -> Option<&Path> {
        match &self.content {
            ModelContent::File(path) => Some(path),
            ModelContent::BuiltIn(_) => None,
        }
    }

    /// The model's bytes: a file is mapped, not read.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened.
    pub fn bytes(&self) -> Result<ModelBytes> {
        match &self.content {
            ModelContent::BuiltIn(bytes) => Ok(ModelBytes::BuiltIn(bytes)),
            ModelContent::File(path) => {
                let fail = |cause| Error::Io { path: path.clone(), cause };
                let file = File::open(path).map_err(fail)?;
                // SAFETY: installed files are replaced by renaming, never written in place, so that what is mapped does
                // not change. Somebody who writes into one by hand may end the process, as with a library.
                unsafe { Mmap::map(&file) }.map(ModelBytes::Mapped).map_err(fail)
            }
        }
    }

    /// A value of the model's own metadata, such as a recogniser's `character` list. Loads nothing: the weights are
    /// stepped over.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened. What is no ONNX model has no metadata.
    pub fn metadata(&self, key: &str) -> Result<Option<String>> {
        Ok(protobuf::onnx_metadata(&self.bytes()?, key))
    }
}

impl fmt::Debug for ModelContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::BuiltIn(bytes) => write!(f, "BuiltIn({} bytes)", bytes.len()),
        }
    }
}

/// The bytes of a model, for as long as they are needed.
pub enum ModelBytes {
    Mapped(Mmap),
    BuiltIn(&'static [u8]),
}

impl Deref for ModelBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::BuiltIn(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_built_in_bytes_are_the_same_model() {
        let bytes: &'static [u8] = crate::backend::tiny::doubling_model(3).leak();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("doubling.onnx");
        std::fs::write(&path, bytes).unwrap();
        let (file, built_in) =
            (ModelSource::of_file(&path).unwrap(), ModelSource::built_in("b", bytes, Digest::of(bytes)));
        assert_eq!((file.id.as_str(), file.sha256), ("doubling", built_in.sha256));
        for source in [file, built_in] {
            assert_eq!(&*source.bytes().unwrap(), bytes);
            assert_eq!(source.metadata("made-by").unwrap().as_deref(), Some("pagestream"));
            assert_eq!(source.metadata("no such key").unwrap(), None);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_that_names_it() {
        let source = ModelSource::file("absent", Path::new("/nowhere/absent.onnx"), Digest([0; 32]));
        assert!(source.metadata("character").unwrap_err().to_string().contains("/nowhere/absent.onnx"));
    }
}
