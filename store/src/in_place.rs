//! Files of the user that are read where they are, because nothing is to outlive the run. They are not ours: somebody may
//! write to them meanwhile. An open file keeps what is replaced or deleted; what is written to is noticed by its size and its
//! time of modification, and told.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use memmap2::{Mmap, MmapOptions};
use pagestream_documents::{Digest, DocumentData};

#[cfg(unix)]
use crate::bus_errors::Guard;
use crate::error::{Error, Result};

/// Which state of a file was meant. A change within the clock's granularity (milliseconds) that keeps the size goes unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from(&file.metadata()?))
    }

    pub fn length(&self) -> u64 {
        self.length
    }
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Self {
        Self { length: found.len(), modified: found.modified().ok() }
    }
}

/// A file as it was when it was hashed.
pub struct InPlace {
    file: File,
    path: PathBuf,
    stamp: Stamp,
}

impl InPlace {
    pub fn new(file: File, path: &Path, stamp: Stamp) -> Self {
        Self { file, path: path.to_owned(), stamp }
    }

    fn check(&self) -> Result<()> {
        match Stamp::of(&self.file) {
            Ok(now) if now == self.stamp => Ok(()),
            Ok(_) => Err(Error::InputChanged { path: self.path.clone() }),
            Err(error) => Err(Error::io("reading", &self.path)(error)),
        }
    }
}

/// The files in place by their content, from the submission to the document's end.
#[derive(Default)]
pub struct InPlaceFiles {
    files: Mutex<HashMap<Digest, Arc<InPlace>>>,
}

impl InPlaceFiles {
    pub fn insert(&self, digest: Digest, file: InPlace) {
        self.lock().insert(digest, Arc::new(file));
    }

    pub fn get(&self, digest: Digest) -> Option<Arc<InPlace>> {
        self.lock().get(&digest).cloned()
    }

    /// Closes a file, unless it is `in_use`: another document with the same bytes may just have been hashed and not be journaled yet.
    pub fn remove_unless(&self, digest: Digest, in_use: impl FnOnce() -> bool) {
        let mut files = self.lock();
        // Asked under the lock: whoever uses it says so before it comes here.
        if !in_use() {
            files.remove(&digest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Arc<InPlace>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a document, and whether they are still what was submitted. Cheap to clone.
#[derive(Clone)]
pub struct Input {
    data: DocumentData,
    in_place: Option<Arc<Mapped>>,
}

impl Input {
    /// Bytes in the spool, which never change.
    pub(crate) fn spooled(data: DocumentData) -> Self {
        Self { data, in_place: None }
    }

    pub(crate) fn in_place(file: Arc<InPlace>) -> Result<Self> {
        file.check()?;
        let error = |error| Error::io("mapping", &file.path)(error);
        let length = usize::try_from(file.stamp.length).map_err(|_| error(io::ErrorKind::FileTooLarge.into()))?;
        // SAFETY: the file may change under the map, and then its bytes do: the readers of documents take any bytes, and what
        // they made of them is dropped after `Input::check`. Bytes that are gone become zeros, by the guard.
        let map = unsafe { MmapOptions::new().len(length).map(&file.file) }.map_err(error)?;
        #[cfg(unix)]
        let Some(guard) = Guard::new(&map) else {
            let mut bytes = Vec::with_capacity(length);
            let mut reading = &file.file;
            reading.seek(SeekFrom::Start(0)).and_then(|_| reading.read_to_end(&mut bytes)).map_err(error)?;
            file.check()?;
            return Ok(Self::spooled(Arc::new(bytes)));
        };
        let mapped = Arc::new(Mapped {
            #[cfg(unix)]
            guard,
            map,
            file,
        });
        Ok(Self { data: mapped.clone(), in_place: Some(mapped) })
    }

    /// A file of the user as it is now, read where it is.
    pub fn of_file(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("opening", path))?;
        let stamp = Stamp::of(&file).map_err(Error::io("reading", path))?;
        match stamp.length {
            0 => Ok(Self::spooled(Arc::new([]))),
            _ => Self::in_place(Arc::new(InPlace::new(file, path, stamp))),
        }
    }

    pub fn data(&self) -> DocumentData {
        self.data.clone()
    }

    /// Whether what has been read of it so far is what was submitted.
    ///
    /// # Errors
    /// [`Error::InputChanged`] when somebody has written to the file.
    pub fn check(&self) -> Result<()> {
        self.in_place.as_ref().map_or(Ok(()), |mapped| mapped.check())
    }
}

/// Fields are dropped in this order: the guard, then what it guards.
struct Mapped {
    #[cfg(unix)]
    guard: Guard,
    map: Mmap,
    file: Arc<InPlace>,
}

impl Mapped {
    fn check(&self) -> Result<()> {
        #[cfg(unix)]
        if self.guard.is_torn() {
            return Err(Error::InputChanged { path: self.file.path.clone() });
        }
        self.file.check()
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    fn input(content: &[u8]) -> (tempfile::NamedTempFile, Input) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let opened = File::open(file.path()).unwrap();
        let stamp = Stamp::of(&opened).unwrap();
        let input = Input::in_place(Arc::new(InPlace::new(opened, file.path(), stamp))).unwrap();
        (file, input)
    }

    #[test]
    fn a_file_that_is_replaced_or_deleted_stays_what_was_submitted() {
        let (file, input) = input(b"as submitted");
        file.close().unwrap();
        assert_eq!((*input.data()).as_ref(), b"as submitted");
        input.check().unwrap();
    }

    #[test]
    fn a_file_that_is_written_to_is_told() {
        let (file, input) = input(b"as submitted");
        fs::OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b", and more").unwrap();
        assert!(matches!(input.check(), Err(Error::InputChanged { path }) if path == file.path()));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_cut_short_reads_as_zeros_and_ends_nobody() {
        let (file, input) = input(&[7; 100_000]);
        let data = input.data();
        let bytes = (*data).as_ref();
        assert_eq!(bytes[99_999], 7);
        file.as_file().set_len(10).unwrap();
        // Volatile, so that what was read above is read again.
        // SAFETY: both are within the map.
        let (first, last) = unsafe { (bytes.as_ptr().read_volatile(), bytes.as_ptr().add(99_999).read_volatile()) };
        assert_eq!((first, last), (7, 0));
        assert!(input.in_place.as_ref().unwrap().guard.is_torn());
        assert!(matches!(input.check(), Err(Error::InputChanged { .. })));
    }
}
