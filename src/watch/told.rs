//! What is told of files as they come: to the command line, or to whoever embeds the watched folder.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::journal::{Outcome, Place};

/// A file that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Where it was found, as text that no two files share.
    pub source: String,
    /// The same, below the watched folder.
    pub path: PathBuf,
    /// Where it is now; `None` where it was deleted.
    pub file: Option<PathBuf>,
    pub place: Place,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Told {
    Ended(Ended),
    /// A file is tried again after the pause.
    Retrying {
        file: String,
        reason: String,
        pause: Duration,
    },
    /// A file was found and is left alone.
    PassedOver {
        file: String,
        why: &'static str,
    },
    /// Something that somebody should look at.
    Warning {
        file: Option<String>,
        message: String,
    },
    Note(String),
}

pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;
