//! This machine: what it computes with, what was measured on it, and what follows from that for devices and precisions.
//!
//! Nothing here knows of settings or of a plan: [`crate::plan`] asks, and takes the answers.

use std::path::PathBuf;

pub use measured::process_time;
use pagestream_models::device;

pub mod devices;
pub mod libraries;
mod measured;
pub mod memory;
#[cfg(feature = "built-in-models")]
pub mod precision;

/// What was measured on this machine and kept, and where.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// `None` keeps nothing: every start measures again.
    cache: Option<PathBuf>,
}

/// Whether something may be measured, which takes a second or a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Where there is a choice and no figures for it.
    IfNeeded,
    Anew,
    Never,
}

impl Machine {
    /// With the directory that figures are kept in.
    pub fn new(cache: Option<PathBuf>) -> Self {
        Self { cache }
    }

    /// The instructions of its processor that decide how exactly and how fast our networks run: `avx2`, `avx512vnni`, `i8mm` …
    pub fn instructions() -> Vec<String> {
        device::instructions().into_iter().map(str::to_owned).collect()
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.cache.as_ref().map(|dir| dir.join(name))
    }
}
