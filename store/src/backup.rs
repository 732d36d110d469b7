//! Copies of a data directory, made while a writer runs or none does. They overwrite nothing, and are under their name only when
//! they are whole.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use pagestream_documents::{ByteSize, Digest};
use rusqlite::{Connection, OpenFlags};

use crate::{
    blobs::{FolderBlobs, sync_folder},
    database::FILE_NAME,
    error::{Error, Result},
    private,
    reader::Reader,
    rows::parsed,
};

/// What a backup holds.
#[derive(Clone, Debug, Default)]
pub struct BackedUp {
    pub documents: u64,
    pub inputs: u64,
    /// Of the database and the inputs.
    pub size: ByteSize,
    /// Inputs whose documents were removed while the backup was made.
    pub missing: Vec<Digest>,
}

impl Reader {
    /// Copies the database and the inputs into a new folder, which is a data directory like this one.
    ///
    /// # Errors
    /// [`Error::AlreadyThere`] where something of that name is; whatever keeps it from being written.
    pub fn back_up(&self, to: &Path) -> Result<BackedUp> {
        refuse_if_there(to)?;
        let parent = parent_of(to);
        let draft = tempfile::Builder::new()
            .prefix(".pagestream-backup-")
            .tempdir_in(&parent)
            .map_err(Error::io("creating a directory in", &parent))?;
        private::close(draft.path());
        // The database first: an input is spooled before the row that refers to it is there.
        let database = draft.path().join(FILE_NAME);
        private::ensure_file(&database).map_err(Error::io("creating", &database))?;
        self.copy_database(&database)?;
        let mut done = BackedUp { size: size_of(&database)?, ..BackedUp::default() };
        let (from, into) =
            (FolderBlobs::at(&self.dir().join("spool")), FolderBlobs::open(&draft.path().join("spool"))?);
        let (documents, digests) = contents(&database)?;
        done.documents = documents;
        for digest in digests {
            let target = into.path(digest);
            let folder = target.parent().expect("a blob's path is two levels below the root");
            private::create_folder(folder)?;
            match fs::copy(from.path(digest), &target) {
                Ok(bytes) => {
                    private::close(&target);
                    sync(&target)?;
                    done.inputs += 1;
                    done.size = ByteSize(done.size.bytes() + bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => done.missing.push(digest),
                Err(error) => return Err(Error::io("copying to", &target)(error)),
            }
        }
        sync_folder(draft.path())?;
        // An empty folder that was made meanwhile is replaced, anything else is refused by the system.
        fs::rename(draft.path(), to).map_err(Error::io("renaming to", to))?;
        // It has another name now: nothing is left to be removed.
        let _ = draft.keep();
        sync_folder(&parent)?;
        Ok(done)
    }

    /// Copies the database alone, with all results, into a new file.
    ///
    /// # Errors
    /// As [`Reader::back_up`].
    pub fn back_up_database(&self, to: &Path) -> Result<BackedUp> {
        refuse_if_there(to)?;
        let parent = parent_of(to);
        let draft = tempfile::NamedTempFile::new_in(&parent).map_err(Error::io("creating a file in", &parent))?;
        self.copy_database(draft.path())?;
        let size = size_of(draft.path())?;
        let (documents, _) = contents(draft.path())?;
        draft.persist_noclobber(to).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => Error::AlreadyThere { path: to.to_owned() },
            _ => Error::io("renaming to", to)(error.error),
        })?;
        sync_folder(&parent)?;
        Ok(BackedUp { documents, size, ..BackedUp::default() })
    }

    /// One moment of the database, into an empty file.
    fn copy_database(&self, to: &Path) -> Result<()> {
        let to_text = to.to_str().ok_or_else(|| Error::io("naming", to)(io::ErrorKind::InvalidFilename.into()))?;
        self.connect()?.execute("VACUUM INTO ?1", [to_text])?;
        sync(to)
    }
}

fn contents(database: &Path) -> Result<(u64, Vec<Digest>)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(database, flags)?;
    let documents: i64 = db.query_row("SELECT count(*) FROM documents", [], |row| row.get(0))?;
    let digests = db
        .prepare("SELECT sha256 FROM documents UNION SELECT digest AS sha256 FROM kept")?
        .query_map([], |row| parsed(row, "sha256"))?
        .collect::<Result<_, _>>()?;
    Ok((documents.unsigned_abs(), digests))
}

/// An empty folder is as good as none.
fn refuse_if_there(path: &Path) -> Result<()> {
    let is_empty_folder = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    match fs::symlink_metadata(path) {
        Ok(_) if !is_empty_folder() => Err(Error::AlreadyThere { path: path.to_owned() }),
        _ => Ok(()),
    }
}

fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn size_of(path: &Path) -> Result<ByteSize> {
    fs::metadata(path).map(|found| ByteSize(found.len())).map_err(Error::io("reading", path))
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("syncing", path))
}
