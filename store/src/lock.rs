//! One writer for each data directory. The lock is the operating system's, on an open file, so it ends with the
//! process however the process ends; the file itself stays and means nothing.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use crate::error::{Error, Result};

const FILE_NAME: &str = "writer.lock";

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
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("opening the writer's lock", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // The number is a courtesy to the reader of the message; nothing is decided by it.
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(Error::WriterRunning { dir: dir.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io("writing", &path))?;
        Ok(Self { file })
    }
}
