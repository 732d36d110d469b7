//! What was read of a folder whose files are left in place: kept in the data directory, one line a file, the latest line counts.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};

use super::{faults::FailureKind, paths, readiness::Stamp};

const FILE_NAME: &str = "marks.jsonl";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Below the watched folder.
    #[serde(with = "paths")]
    path: PathBuf,
    length: u64,
    modified_ns: u128,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureKind>,
}

pub struct Marks {
    file: File,
    read: HashMap<PathBuf, Mark>,
}

impl Marks {
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(folder.join(FILE_NAME))?;
        let text = io::read_to_string(&mut file)?;
        let marks = text.lines().filter_map(|line| serde_json::from_str::<Mark>(line).ok());
        let read = marks.map(|mark| (mark.path.clone(), mark)).collect();
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { file, read })
    }

    /// Whether the file was read as it is now.
    pub fn has(&self, path: &Path, stamp: Stamp) -> bool {
        self.read.get(path).is_some_and(|mark| (mark.length, mark.modified_ns) == (stamp.length, nanoseconds(stamp)))
    }

    /// The file was read as it was then; `failure` says why it could not be.
    pub fn add(&mut self, path: &Path, stamp: Stamp, failure: Option<FailureKind>) -> io::Result<()> {
        let mark = Mark { path: path.to_owned(), length: stamp.length, modified_ns: nanoseconds(stamp), failure };
        let mut line = serde_json::to_vec(&mark)?;
        line.push(b'\n');
        // First here: what cannot be written down must not be read again and again.
        self.read.insert(mark.path.clone(), mark);
        self.file.write_all(&line)?;
        self.file.sync_data()
    }

    /// What failed for want of its password is tried again.
    pub fn forget_encrypted(&mut self) {
        self.read.retain(|_, mark| mark.failure != Some(FailureKind::Encrypted));
    }
}

fn nanoseconds(stamp: Stamp) -> u128 {
    stamp.modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_file_is_read_again_only_when_it_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = |length, seconds| Stamp {
            length,
            modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            identity: (length, seconds),
        };
        let mut marks = Marks::open(folder.path()).unwrap();
        marks.add(Path::new("a.pdf"), stamp(1, 1), None).unwrap();
        marks.add(Path::new("b.pdf"), stamp(2, 2), Some(FailureKind::Encrypted)).unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(folder.path().join(FILE_NAME))
            .unwrap()
            .write_all(b"{\"pa")
            .unwrap();
        let mut marks = Marks::open(folder.path()).unwrap();
        marks.add(Path::new("c.pdf"), stamp(3, 3), None).unwrap();
        let mut marks = Marks::open(folder.path()).unwrap();
        let has = |marks: &Marks, path: &str, stamp| marks.has(Path::new(path), stamp);
        assert!(
            has(&marks, "a.pdf", stamp(1, 1)) && has(&marks, "b.pdf", stamp(2, 2)) && has(&marks, "c.pdf", stamp(3, 3))
        );
        assert!(!has(&marks, "a.pdf", stamp(1, 2)) && !has(&marks, "d.pdf", stamp(1, 1)));
        marks.forget_encrypted();
        assert!(!has(&marks, "b.pdf", stamp(2, 2)) && has(&marks, "a.pdf", stamp(1, 1)));
    }
}
