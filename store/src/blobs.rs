//! Inputs, spooled and addressed by their content. The seam is [`BlobStore`]; behind it, by default, a folder.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pagestream_documents::{ByteSize, Digest, DocumentData};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, Result},
    private,
};

/// Bytes read, hashed and written at a time: large enough that system calls do not show, small enough for L2.
const CHUNK: usize = 256 << 10;

/// What a [`BlobStore`] gives for a stream. While any clone of it lives, the blob is not deleted, so that the time
/// between spooling an input and journaling the document that refers to it is covered.
#[derive(Clone, Debug)]
pub struct Blob {
    pub digest: Digest,
    pub size: ByteSize,
    _pin: Arc<Pin>,
}

/// Content-addressed bytes. Calls block; any number of threads may make them.
pub trait BlobStore: Send + Sync {
    /// Begins to take a stream that comes in pieces. Dropped before its end, it leaves nothing behind.
    fn begin(&self) -> Result<Box<dyn Incoming>>;

    /// Takes the whole stream: see [`Incoming`]. After an error nothing is left behind.
    fn put(&self, input: &mut dyn Read) -> Result<Blob> {
        let mut incoming = self.begin()?;
        let mut chunk = vec![0; CHUNK];
        loop {
            match input.read(&mut chunk) {
                Ok(0) => return incoming.finish(),
                Ok(n) => incoming.write(&chunk[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Input(error)),
            }
        }
    }

    /// All of a blob, mapped rather than read. The map stays good if the blob is deleted.
    fn open(&self, digest: Digest) -> Result<DocumentData>;

    /// Up to `length` bytes from `offset`; fewer where the blob ends earlier.
    fn read_range(&self, digest: Digest, offset: u64, length: usize) -> Result<Vec<u8>>;

    /// `None` where there is no such blob.
    fn size(&self, digest: Digest) -> Result<Option<ByteSize>>;

    /// Deletes a blob, unless a [`Blob`] of it is still held. Whether it is gone now; true as well if it never was.
    fn delete(&self, digest: Digest) -> Result<bool>;

    /// Every blob there is.
    fn list(&self) -> Result<Vec<Digest>>;
}

/// A stream on its way into a [`BlobStore`].
pub trait Incoming: Send {
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// When this returns, the bytes are durable under their SHA-256; the same bytes are held once however often they are put.
    fn finish(self: Box<Self>) -> Result<Blob>;
}

type Pins = Arc<Mutex<HashMap<Digest, usize>>>;

#[derive(Debug)]
struct Pin {
    digest: Digest,
    pins: Pins,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.digest) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.digest);
            }
        }
    }
}

/// Where a data directory has its inputs.
pub(crate) const SPOOL: &str = "spool";

/// A folder: `ab/cdef…` for each blob, named by its digest, and `incoming/` for what is being written.
#[derive(Clone)]
pub struct FolderBlobs {
    root: PathBuf,
    incoming: PathBuf,
    pins: Pins,
}

impl FolderBlobs {
    /// Opens or creates the folder, and clears what an earlier process was in the middle of writing. One process at a
    /// time may do this to a folder.
    pub fn open(root: &Path) -> Result<Self> {
        let incoming = root.join("incoming");
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("clearing", &incoming)(error));
            }
            _ => {}
        }
        private::create_folder(root)?;
        private::create_folder(&incoming)?;
        Ok(Self { root: root.to_owned(), incoming, pins: Pins::default() })
    }

    /// The folder of another store, to look at.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), incoming: root.join("incoming"), pins: Pins::default() }
    }

    pub(crate) fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(&name[2..])
    }

    fn lock_pins(&self) -> MutexGuard<'_, HashMap<Digest, usize>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A blob that is not deleted while this is held, whether it is there yet or not.
    pub(crate) fn pinned(&self, digest: Digest, size: ByteSize) -> Blob {
        *self.lock_pins().entry(digest).or_insert(0) += 1;
        Blob { digest, size, _pin: Arc::new(Pin { digest, pins: self.pins.clone() }) }
    }

    /// Whether somebody holds a [`Blob`] of these bytes.
    pub(crate) fn is_pinned(&self, digest: Digest) -> bool {
        self.lock_pins().contains_key(&digest)
    }

    fn open_file(&self, digest: Digest) -> Result<(File, PathBuf)> {
        let path = self.path(digest);
        match File::open(&path) {
            Ok(file) => Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::NoSuchBlob(digest)),
            Err(error) => Err(Error::io("opening", &path)(error)),
        }
    }
}

impl BlobStore for FolderBlobs {
    fn begin(&self) -> Result<Box<dyn Incoming>> {
        // Removed on drop, so an error on the way leaves nothing. Only we may read it (mode 0600): inputs are private.
        let file =
            tempfile::NamedTempFile::new_in(&self.incoming).map_err(Error::io("creating a file", &self.incoming))?;
        Ok(Box::new(IncomingFile { folder: self.clone(), file, hash: Sha256::new(), size: 0 }))
    }

    fn open(&self, digest: Digest) -> Result<DocumentData> {
        let (file, path) = self.open_file(digest)?;
        if file.metadata().map_err(Error::io("reading", &path))?.len() == 0 {
            return Ok(Arc::new([]));
        }
        // SAFETY: a map must not see its file change. The spool's files are written under another name and renamed when
        // complete, are never written again, and belong to the one process that holds the writer's lock; deleting
        // only unlinks the name. A user who truncates files in the spool by hand does so at their own risk.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(Error::io("mapping", &path))?;
        Ok(Arc::new(map))
    }

    fn read_range(&self, digest: Digest, offset: u64, length: usize) -> Result<Vec<u8>> {
        let (mut file, path) = self.open_file(digest)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(length as u64).read_to_end(&mut bytes))
            .map_err(Error::io("reading", &path))?;
        Ok(bytes)
    }

    fn size(&self, digest: Digest) -> Result<Option<ByteSize>> {
        let path = self.path(digest);
        match fs::metadata(&path) {
            Ok(found) => Ok(Some(ByteSize(found.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("reading", &path)(error)),
        }
    }

    fn delete(&self, digest: Digest) -> Result<bool> {
        // Held throughout, so that no `put` can pin, and count on, what is being unlinked.
        let pins = self.lock_pins();
        if pins.contains_key(&digest) {
            return Ok(false);
        }
        let path = self.path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("deleting", &path)(error)),
            _ => Ok(true),
        }
    }

    fn list(&self) -> Result<Vec<Digest>> {
        let entries = |folder: &Path| -> Result<Vec<fs::DirEntry>> {
            fs::read_dir(folder).and_then(Iterator::collect).map_err(Error::io("listing", folder))
        };
        let mut found = Vec::new();
        for folder in entries(&self.root)? {
            let name = folder.file_name();
            let Some(prefix) = name.to_str().filter(|name| name.len() == 2) else { continue };
            for file in entries(&folder.path())? {
                found.extend(
                    file.file_name().to_str().and_then(|rest| format!("{prefix}{rest}").parse::<Digest>().ok()),
                );
            }
        }
        Ok(found)
    }
}

struct IncomingFile {
    folder: FolderBlobs,
    file: tempfile::NamedTempFile,
    hash: Sha256,
    size: u64,
}

impl Incoming for IncomingFile {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(Error::io("writing", &self.folder.incoming))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        let Self { folder: FolderBlobs { root, incoming, .. }, file, size, .. } = &*self;
        let digest = Digest(self.hash.clone().finalize().into());
        // Pinned before looking: from here on a delete of the same bytes leaves them alone.
        let blob = self.folder.pinned(digest, ByteSize(*size));
        let path = self.folder.path(digest);
        // A file of another size under this name can only be damage; the sound copy in hand replaces it.
        if fs::metadata(&path).is_ok_and(|found| found.len() == *size) {
            return Ok(blob);
        }
        let folder = path.parent().expect("a blob's path is two levels below the root");
        file.as_file().sync_all().map_err(Error::io("syncing", incoming))?;
        private::create_folder(folder)?;
        let root = root.clone();
        self.file.persist(&path).map_err(|error| Error::io("renaming", &path)(error.error))?;
        sync_folder(folder)?;
        sync_folder(&root)?;
        Ok(blob)
    }
}

/// Makes a rename in `folder` durable. Only Unix can, and needs to.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("syncing", folder))?;
    }
    Ok(())
}
