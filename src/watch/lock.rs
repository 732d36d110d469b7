//! Locks that end with their process, however it ends: whose lock is free, who held it is dead.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    thread,
    time::Duration,
};

/// A child that a process was just starting when it was killed holds its locks until it runs, for microseconds or as long as a busy machine
/// takes: a lock that is not free is tried again a few times before it counts as another's.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Held for as long as it lives.
#[derive(Debug)]
pub struct Held {
    file: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // A child that is just being started shares the open file; closing alone would not end the lock. What cannot be unlocked
        // ends with the process.
        let _ = self.file.unlock();
    }
}

/// Takes the lock of a file, which is made where it is not there. `None` where another process has it.
///
/// # Errors
/// Where the file cannot be made, or the file system knows no locks.
pub fn hold(path: &Path) -> io::Result<Option<Held>> {
    let mut tries = 0;
    loop {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if tries < TRIES => {
                tries += 1;
                thread::sleep(PAUSE);
                continue;
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Who swept the folder may have removed the file between the two: then it is nobody's lock.
        if is_still(&file, path) {
            return Ok(Some(Held { file }));
        }
    }
}

/// Locks a folder itself, which needs no right to write in it: `shared` by those who move what they take, alone by one that leaves files
/// where they are. `None` where another has it and does not share it, or where folders cannot be locked here.
pub fn hold_folder(folder: &Path, shared: bool) -> Result<Option<Held>, Taken> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    for _ in 0..TRIES {
        match if shared { file.try_lock_shared() } else { file.try_lock() } {
            Ok(()) => return Ok(Some(Held { file })),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            // Over NFS a folder that is open to be read cannot be locked alone.
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
    Err(Taken)
}

/// Another process has the lock.
#[derive(Debug)]
pub struct Taken;

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    let there = std::fs::metadata(path).map(identity);
    file.metadata().map(identity).is_ok_and(|held| there.is_ok_and(|there| held == there))
}

#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> bool {
    path.exists()
}

impl Held {
    /// Whether the file that is locked is still the one under its name.
    pub fn is_still(&self, path: &Path) -> bool {
        is_still(&self.file, path)
    }
}
