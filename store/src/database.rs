//! One SQLite file: a single connection that writes, and a few that read. WAL mode, so neither waits for the other.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pagestream_documents::ByteSize;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::{
    error::{Error, Result},
    private, ranking, schema,
};

/// The database's name within a data directory.
pub const FILE_NAME: &str = "pagestream.sqlite3";

/// Read connections kept for the next caller. More may be open at once, one for each thread that is reading.
const IDLE_READERS: usize = 8;

/// What a read connection keeps of the database, in KiB: the lengths and places of 100,000 pages, which a search looks up, take 3 MiB.
const READ_CACHE_KIB: i32 = 8 << 10;

/// Pages (of 4 KiB) in the write-ahead log before SQLite folds it into the file: 16 MiB, so that a group commit rarely
/// pays for a checkpoint; the log's file is cut back to this after one.
const WAL_PAGES: u32 = 4096;

/// The same of a database that is gone with its process: nobody copies its file, so that folding the log into it only bounds the disk that is
/// used, to 64 MiB beyond what is in it.
const WAL_PAGES_OF_TEMPORARY: u32 = 16_384;

/// What a committed page survives. A submission always survives a power loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous = NORMAL`: every crash of the process, `kill -9` included. After a power loss the last pages may
    /// have to be read again, never wrongly: the document itself was journaled with a full sync, and the log stays
    /// consistent. This is the default because a lost page costs a second of work and an fsync costs every page.
    #[default]
    ProcessCrash,
    /// `synchronous = FULL`: power loss too, for one fsync a group commit.
    PowerLoss,
    /// `synchronous = OFF`: nothing. For stores that are gone with their process, which have nothing to come back to.
    Nothing,
}

impl Durability {
    fn pragma(self) -> &'static str {
        match self {
            Self::ProcessCrash => "NORMAL",
            Self::PowerLoss => "FULL",
            Self::Nothing => "OFF",
        }
    }
}

/// Readers are closed first: the last connection to close folds the write-ahead log into the file, and one that only reads cannot.
pub struct Database {
    readers: Mutex<Vec<Connection>>,
    /// `None` in a process that only reads.
    writer: Option<Mutex<Connection>>,
    dir: PathBuf,
    busy_timeout: Duration,
    durability: Durability,
}

impl Database {
    /// Opens for writing, creating and migrating as needed. The caller holds the writer's lock.
    pub fn open(dir: &Path, busy_timeout: Duration, durability: Durability, max: Option<ByteSize>) -> Result<Self> {
        let mut writer = connect_to_write(dir, busy_timeout)?;
        writer.pragma_update(None, "synchronous", durability.pragma())?;
        if durability == Durability::Nothing {
            writer.pragma_update_and_check(None, "wal_autocheckpoint", WAL_PAGES_OF_TEMPORARY, |_| Ok(()))?;
            // Its files go as a whole.
            writer.pragma_update_and_check(None, "secure_delete", false, |_| Ok(()))?;
        }
        schema::migrate(&mut writer, dir)?;
        if let Some(max) = max {
            let page: u32 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = u32::try_from(max.bytes() / u64::from(page)).unwrap_or(u32::MAX).max(1);
            writer.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            busy_timeout,
            durability,
            writer: Some(Mutex::new(writer)),
            readers: Mutex::default(),
        })
    }

    /// Opens for reading only, beside a writer or without one.
    pub fn open_to_read(dir: &Path, busy_timeout: Duration) -> Result<Self> {
        let database = Self {
            dir: dir.to_owned(),
            busy_timeout,
            durability: Durability::default(),
            writer: None,
            readers: Mutex::default(),
        };
        let connection = database.connect_to_read()?;
        schema::check(&connection, dir)?;
        database.lock_readers().push(connection);
        Ok(database)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs `work` on a read connection, in one transaction, so that all its statements see the same moment.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.lock_readers().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect_to_read()?,
        };
        let transaction = connection.unchecked_transaction()?;
        let result = work(&transaction);
        drop(transaction);
        let mut readers = self.lock_readers();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Runs `work` in one write transaction, which is rolled back if it fails or panics.
    pub fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        transact(&mut self.lock_writer(), work)
    }

    /// As [`Self::write`], and what it wrote survives a power loss once this returns, with all that was written before.
    pub fn write_through<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = self.lock_writer();
        if self.durability != Durability::ProcessCrash {
            return transact(&mut writer, work);
        }
        writer.pragma_update(None, "synchronous", Durability::PowerLoss.pragma())?;
        let result = transact(&mut writer, work);
        writer.pragma_update(None, "synchronous", self.durability.pragma())?;
        result
    }

    /// Runs `work` on the writing connection outside a transaction (vacuum, checkpoint).
    pub fn maintain<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.lock_writer())
    }

    /// Gives free pages back to the disk: by writing a database of up to this size anew, else from its end, with what `otherwise`
    /// does in a transaction.
    pub fn shrink(&self, anew: ByteSize, otherwise: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        let is_small = self.maintain(|writer| {
            let pages: u64 = writer.pragma_query_value(None, "page_count", |row| row.get::<_, u32>(0))?.into();
            let size: u64 = writer.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?.into();
            Ok(pages * size <= anew.bytes())
        })?;
        if is_small {
            match self.maintain(|writer| Ok(writer.execute_batch("VACUUM")?)) {
                // On a full disk there is no room for a second copy; to remove is then all the more welcome.
                Err(error) if error.is_out_of_space() => tracing::warn!(%error, "the database is not written anew"),
                done => return done,
            }
        }
        self.write(|db| otherwise(db))?;
        self.maintain(|writer| Ok(writer.execute_batch("PRAGMA incremental_vacuum")?))
    }

    /// Folds the write-ahead log into the file, so that a copy of the file alone is whole. Waits for others' reads no longer than
    /// `patience`; whether all of it was folded.
    pub fn checkpoint(&self, patience: Duration) -> Result<bool> {
        if self.log_is_empty() {
            return Ok(true);
        }
        self.maintain(|writer| {
            writer.busy_timeout(patience)?;
            let busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
            writer.busy_timeout(self.busy_timeout)?;
            Ok(busy? == 0)
        })
    }

    /// A connection of the caller's own, for what SQLite remembers per connection.
    pub fn connect_to_read(&self) -> Result<Connection> {
        let path = self.dir.join(FILE_NAME);
        if !path.is_file() {
            return Err(Error::NoStore { dir: self.dir.clone() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.pragma_update(None, "cache_size", -READ_CACHE_KIB)?;
        ranking::register(&connection)?;
        let looked = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
        match looked.map_err(|error| error.sqlite_error_code()) {
            // Readers share a file beside the database, which on a read-only disk nobody can make. Nobody writes there either: when
            // the log is empty, the database is all there is, and will not change.
            Err(Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)) if self.log_is_empty() => {
                let uri = format!("file:{}?immutable=1", escaped(&path));
                let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
                ranking::register(&connection)?;
                Ok(connection)
            }
            _ => Ok(connection),
        }
    }

    fn log_is_empty(&self) -> bool {
        std::fs::metadata(self.dir.join(format!("{FILE_NAME}-wal"))).map_or(0, |found| found.len()) == 0
    }

    fn lock_readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic inside a transaction rolls it back on the way out, so a poisoned lock guards a sound connection.
    fn lock_writer(&self) -> MutexGuard<'_, Connection> {
        self.writer
            .as_ref()
            .expect("only a store that was opened for writing hands out its writing parts")
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn transact<T>(connection: &mut Connection, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
    // Immediate: the lock is taken, and waited for, at the start, never in the middle, where SQLite could only fail.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// A path as it stands in a URI.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// A read-write connection with our settings; creates the file, does not migrate it.
pub fn connect_to_write(dir: &Path, busy_timeout: Duration) -> Result<Connection> {
    // SQLite gives the files beside it the permissions of the database.
    let path = dir.join(FILE_NAME);
    private::ensure_file(&path).map_err(Error::io("opening", &path))?;
    for beside in ["-wal", "-shm"] {
        private::close(&dir.join(format!("{FILE_NAME}{beside}")));
    }
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(busy_timeout)?;
    // Takes effect only in an empty file, before WAL; lets retention give space back without rewriting the file.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is removed is overwritten, not only let go.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", WAL_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_PAGES * 4096, |_| Ok(()))?;
    Ok(connection)
}
