//! Stores that are gone with their process: a folder each in the system's temporary directory. A process that is killed cannot
//! remove its own; the next that makes one does.

use std::{fs, io, path::Path, time::Duration};

use tempfile::TempDir;

use crate::{
    error::{Error, Result},
    lock::{self, WriterLock},
    private,
};

/// How the folders are named.
const PREFIX: &str = "pagestream-";

/// In every folder that may be removed when nobody holds its lock. A data directory has no such file, wherever it lies and
/// whatever it is called.
const MARK: &str = "gone-with-its-process";

/// A marked folder without a lock file may be one that is just being made; after this long it is not.
const BEING_MADE: Duration = Duration::from_secs(600);

/// Others that sweep at the same moment may take a folder before its lock is held: then another is made.
const TRIES: u32 = 8;

/// Makes a folder and holds its lock.
pub fn create(parent: &Path) -> Result<(TempDir, WriterLock)> {
    let mut tries = 1;
    loop {
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)
            .map_err(Error::io("creating a directory in", parent))?;
        private::close(dir.path());
        let made = mark(dir.path()).and_then(|()| WriterLock::acquire(dir.path()));
        match made {
            // Whoever sweeps removes the lock while holding it: one that is still there is ours.
            Ok(lock) if dir.path().join(lock::FILE_NAME).is_file() => return Ok((dir, lock)),
            Err(error) if tries == TRIES => return Err(error),
            _ => tries += 1,
        }
    }
}

fn mark(dir: &Path) -> Result<()> {
    let path = dir.join(MARK);
    private::ensure_file(&path).map_err(Error::io("creating", &path))
}

/// Removes the folders of processes that were killed before they could. What cannot be removed is left alone, and so is what
/// belongs to another user.
pub fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
        let path = entry.path();
        // Not followed: a link may lead anywhere.
        let Ok(found) = entry.metadata() else { continue };
        let is_marked = fs::symlink_metadata(path.join(MARK)).is_ok_and(|mark| mark.is_file());
        if !found.is_dir() || !is_own(&found) || !is_marked {
            continue;
        }
        let age = found.modified().ok().and_then(|at| at.elapsed().ok());
        let has_lock = path.join(lock::FILE_NAME).is_file();
        if !has_lock && age.is_none_or(|age| age < BEING_MADE) {
            continue;
        }
        let Ok(_lock) = WriterLock::acquire(&path) else { continue };
        tracing::info!(path = %path.display(), "removing what a killed process left");
        if let Err(error) = remove(&path) {
            tracing::debug!(path = %path.display(), %error, "it cannot be removed");
        }
    }
}

/// The mark and the lock last: what is left of a folder when this is interrupted is found again.
fn remove(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == MARK || entry.file_name() == lock::FILE_NAME {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    fs::remove_dir_all(dir)
}

#[cfg(unix)]
fn is_own(found: &fs::Metadata) -> bool {
    // SAFETY: asks the kernel who runs this.
    std::os::unix::fs::MetadataExt::uid(found) == unsafe { libc::geteuid() }
}

#[cfg(not(unix))]
fn is_own(_: &fs::Metadata) -> bool {
    true
}
