//! Files that are being written, under names of their own until they are complete.
//!
//! All of a run begin with the name of its lock file, which it holds as long as it lives, however it ends; a run that
//! begins removes what those have left whose lock is free.

use std::{
    collections::HashSet,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempDir};

const PREFIX: &str = ".pagestream-";
const LOCK: &str = ".lock";
const TEMPORARY: &str = ".tmp";

pub(super) struct Staging {
    folder: PathBuf,
    /// Held, and removed when it is dropped.
    lock: NamedTempFile,
}

impl Staging {
    /// Sweeps the folder and begins. No other run may be in here at the same time.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        sweep(folder)?;
        let lock = tempfile::Builder::new().prefix(PREFIX).suffix(LOCK).tempfile_in(folder)?;
        // Where files cannot be locked nothing is swept either.
        let _ = lock.as_file().lock();
        Ok(Self { folder: folder.to_owned(), lock })
    }

    /// Removed when it is dropped without having got its name.
    pub(super) fn temporary(&self) -> io::Result<NamedTempFile> {
        let prefix = self.prefix();
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(TEMPORARY);
        // Like any new file, and not for its owner alone as temporary files are: the umask takes away from this.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(&self.folder)
    }

    /// The same for files whose number nobody knows.
    pub(super) fn temporary_folder(&self) -> io::Result<TempDir> {
        tempfile::Builder::new().prefix(&self.prefix()).suffix(TEMPORARY).tempdir_in(&self.folder)
    }

    fn prefix(&self) -> String {
        let lock = self.lock.path().file_name().unwrap_or_default().to_string_lossy();
        format!("{}-", lock.trim_end_matches(LOCK))
    }
}

fn sweep(folder: &Path) -> io::Result<()> {
    let (mut alive, mut temporary) = (HashSet::new(), Vec::new());
    for entry in std::fs::read_dir(folder)?.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if let Some(run) = rest.strip_suffix(LOCK) {
            let lock = File::open(entry.path());
            match lock.as_ref().map(File::try_lock) {
                // What cannot be removed is no reason not to begin.
                Ok(Ok(())) => drop(std::fs::remove_file(entry.path())),
                Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) | Err(_) => {
                    alive.insert(run.to_owned());
                }
            }
        } else if let Some(rest) = rest.strip_suffix(TEMPORARY) {
            temporary.push((rest.split('-').next().unwrap_or_default().to_owned(), entry.path()));
        }
    }
    for (run, path) in temporary {
        let remove = || std::fs::remove_file(&path).is_ok() || std::fs::remove_dir_all(&path).is_ok();
        if !alive.contains(&run) && remove() {
            tracing::debug!(path = %path.display(), "removed what a run that died has left");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_have_left_is_swept_and_what_the_living_write_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let living = Staging::begin(folder.path()).unwrap();
        let written = living.temporary().unwrap();
        for name in
            [".pagestream-dead.lock", ".pagestream-dead-1.tmp", ".pagestream-older.tmp", "mine.tmp", ".mine.tmp"]
        {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join(".pagestream-dead-2.tmp")).unwrap();
        std::fs::write(folder.path().join(".pagestream-dead-2.tmp/picture.png"), "").unwrap();
        let other = Staging::begin(folder.path()).unwrap();
        assert!(written.path().exists() && living.lock.path().exists());
        let left = |name: &str| folder.path().join(name).exists();
        let dead =
            [".pagestream-dead.lock", ".pagestream-dead-1.tmp", ".pagestream-dead-2.tmp", ".pagestream-older.tmp"];
        assert_eq!(dead.map(left), [false; 4]);
        assert_eq!(["mine.tmp", ".mine.tmp"].map(left), [true; 2]);
        drop((written, living, other));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "those that end leave nothing");
    }
}
