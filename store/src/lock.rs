//! One writer for each data directory. The lock is the operating system's, on an open file, so it ends with the
//! process however the process ends; the file itself stays and means nothing.

use std::{
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
    thread,
    time::Duration,
};

use crate::{
    error::{Error, Result},
    private,
};

pub const FILE_NAME: &str = "writer.lock";

/// Who asks whether a writer runs holds the lock for microseconds itself: so a lock that is not free is tried again a few times
/// before it counts as a writer's.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(5);

/// Held for as long as this process may write.
pub struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    /// Closing alone is not enough: a child process that is just being started shares the open file until it runs.
    fn drop(&mut self) {
        // What cannot be unlocked ends with the process.
        let _ = self.file.unlock();
    }
}

impl WriterLock {
    /// Fails at once, with [`Error::WriterRunning`], where another has it: in this process or in another.
    pub fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE_NAME);
        let mut file = private::open_file(&path).map_err(Error::io("opening the writer's lock", &path))?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::WriterRunning { dir: dir.to_owned(), pid: process_in(&mut file) });
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("locking", &path)(error)),
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io("writing", &path))?;
        Ok(Self { file })
    }
}

/// A process that writes to a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// What it says of itself; `None` when it has not said so yet.
    pub pid: Option<u32>,
}

/// Who writes to this data directory now, if somebody does.
pub fn writer(dir: &Path) -> Option<Writer> {
    let mut file = File::open(dir.join(FILE_NAME)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(Writer { pid: process_in(&mut file) }),
        Ok(()) => {
            // It ends with the file, which is about to be closed.
            let _ = file.unlock();
            None
        }
        Err(TryLockError::Error(_)) => None,
    }
}

/// The number is a courtesy to the reader of a message; nothing is decided by it.
fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok())
}
