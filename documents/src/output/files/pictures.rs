//! Pictures that stand in a folder beside a result: `r-images/r-p3-1.png` beside `r.md`.
//!
//! They are written into a folder of the run, under names that nobody looks for, and get their own when the result does; no list of
//! them is kept meanwhile, however many they are.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
};

use tempfile::TempDir;

use crate::output::images::{Image, ImageFolder};

/// What the folder's name adds to the result's.
pub(super) const SUFFIX: &str = "-images";

/// Where one result's pictures wait for it to be complete. Removed with what is in it when it is dropped.
pub(super) struct Pictures {
    /// The result's name, without folder and ending.
    stem: String,
    staged: Arc<TempDir>,
}

impl Pictures {
    pub(super) fn new(stem: &str, staged: Arc<TempDir>) -> Self {
        let stem = stem.rsplit('/').next().unwrap_or(stem).to_owned();
        Self { stem, staged }
    }
}

impl ImageFolder for Pictures {
    fn put(&mut self, image: &Image) -> io::Result<String> {
        let name = format!("{}-{}.png", self.stem, image.name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file = options.open(self.staged.path().join(&name))?;
        file.write_all(&image.png)?;
        Ok(encoded(&format!("{}{SUFFIX}/{name}", self.stem)))
    }
}

/// The pictures of a folder, by their names in it.
pub(super) fn staged(folder: &TempDir) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder.path())? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// A path as a URL's path: what is neither a letter or digit of ASCII nor one of a few signs is percent-encoded.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte.into()),
            // Writing into a string does not fail.
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}
