//! What `pagestream status` shows of a watched folder: one small file in the data directory, written anew as things change.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::paths;

const SCHEMA: &str = "pagestream.watch/1";
const FOLDER: &str = "watch";
const FILE_NAME: &str = "state.json";

/// How a watched folder stands. Times are milliseconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WatchState {
    pub schema: String,
    #[serde(with = "paths")]
    pub folder: PathBuf,
    #[serde(with = "paths")]
    pub output: PathBuf,
    /// The process that watches it; that it still does is known from the data directory's lock.
    pub pid: u32,
    pub started_at_ms: u64,
    pub updated_at_ms: u64,
    /// Files that were found and are not taken yet.
    pub waiting: usize,
    /// Since when the oldest of them waits.
    pub oldest_since_ms: Option<u64>,
    /// Files that are being read, or whose results are being written.
    pub under_way: usize,
    /// Since the start.
    pub done: u64,
    pub failed: u64,
    /// Why nothing is taken at present.
    pub paused: Option<String>,
    pub last_error: Option<LastError>,
    /// Folders whose changes are told, and those that are looked at every so often.
    pub folders_by_events: usize,
    pub folders_by_polling: usize,
    /// Whether it has ended as it should.
    pub ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    pub at_ms: u64,
    /// Empty where it is about no file.
    pub file: String,
    pub message: String,
}

impl WatchState {
    pub fn new(folder: &Path, output: &Path, now_ms: u64) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            folder: folder.to_owned(),
            output: output.to_owned(),
            pid: std::process::id(),
            started_at_ms: now_ms,
            updated_at_ms: now_ms,
            waiting: 0,
            oldest_since_ms: None,
            under_way: 0,
            done: 0,
            failed: 0,
            paused: None,
            last_error: None,
            folders_by_events: 0,
            folders_by_polling: 0,
            ended: false,
        }
    }

    /// Writes it; who reads meanwhile sees the one before.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let temporary = folder.join(".state-new");
        fs::write(&temporary, serde_json::to_vec(self)?)?;
        fs::rename(temporary, folder.join(FILE_NAME))
    }
}

/// Where what is kept of watched folders lies in a data directory.
pub fn folder_in(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// All folders that were watched with this data directory, by name.
pub fn states(data_dir: &Path) -> Vec<WatchState> {
    let entries = fs::read_dir(folder_in(data_dir)).into_iter().flatten().flatten();
    let read = |path: PathBuf| serde_json::from_slice::<WatchState>(&fs::read(path).ok()?).ok();
    let mut states: Vec<WatchState> = entries.filter_map(|entry| read(entry.path().join(FILE_NAME))).collect();
    states.retain(|state| state.schema == SCHEMA);
    states.sort_by(|a, b| a.folder.cmp(&b.folder));
    states
}
