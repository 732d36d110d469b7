//! The store as its one writer sees it: the three seams over one data directory, and the documents between them.

use std::{
    fs,
    io::Read,
    ops::Deref,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use pagestream_documents::{ByteSize, Digest, DocumentData, DocumentId, PageNumber};
use rusqlite::params;

use crate::{
    blobs::{Blob, BlobStore, FolderBlobs},
    database::{Database, Durability},
    documents::{self, NewDocument, Outcome},
    error::{Error, Result},
    lock::WriterLock,
    page_log::{Committed, PageCommit, PageLog, SqlitePageLog},
    reader::Reader,
    requests::{self, Request, Requested},
    retention::{self, Retention},
    similarity::{SimilarityIndex, SimilarityOptions},
    work::{SqliteWork, WorkQueue},
};

#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub durability: Durability,
    /// How long a call waits for a database that another process holds, before it fails with [`Error::Locked`].
    pub busy_timeout: Duration,
    /// Most documents that may wait in the work queue before an offer is answered Busy.
    pub max_waiting: usize,
    /// The database may not grow beyond this; a commit that would fails as on a full disk. `None`: the disk decides.
    pub max_database: Option<ByteSize>,
    pub similarity: SimilarityOptions,
}

impl Default for StoreOptions {
    /// 5 s rides out a backup's lock and is shorter than a user's patience. 1,024 waiting documents: a row each, so
    /// memory is no concern; more than a day's work for one machine is better refused than promised.
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            busy_timeout: Duration::from_secs(5),
            max_waiting: 1_024,
            max_database: None,
            similarity: SimilarityOptions::default(),
        }
    }
}

/// The store, open for writing. Cheap to clone; the data directory is free for another writer when the last clone is
/// dropped. All that a [`Reader`] can be asked can be asked of it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// Fields are dropped in this order: connections, then the lock, then a temporary directory.
struct Inner {
    reader: Reader,
    db: Arc<Database>,
    blobs: FolderBlobs,
    pages: SqlitePageLog,
    work: SqliteWork,
    similarity: SimilarityIndex,
    _lock: WriterLock,
    _temporary: Option<tempfile::TempDir>,
}

impl Deref for Store {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.inner.reader
    }
}

/// How the directories of temporary stores are named.
const TEMPORARY_PREFIX: &str = "pagestream-";

/// A temporary store without its lock may be one that is just being made; after this long it is not.
const BEING_MADE: Duration = Duration::from_secs(600);

/// Removes temporary stores whose process was killed before it could: their lock is free. What cannot be removed (another
/// user's) is left alone.
fn sweep_temporaries(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()))
    {
        let path = entry.path();
        let is_store = path.join(crate::DATABASE_FILE).is_file();
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_store && age.is_some_and(|age| age > BEING_MADE) && WriterLock::acquire(&path).is_ok() {
            tracing::info!(path = %path.display(), "removing what a killed process left");
            drop(fs::remove_dir_all(&path));
        }
    }
}

impl Store {
    /// Opens the data directory for writing, creating it as needed: brings an older database up to date, returns the
    /// leases of a process that died, and clears what it was in the middle of spooling.
    ///
    /// # Errors
    /// [`Error::WriterRunning`] at once where another writer has it.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("creating", dir))?;
        Self::open_with(dir, &options, None)
    }

    /// A store of its own in the system's temporary directory, removed with the last clone.
    pub fn temporary(options: StoreOptions) -> Result<Self> {
        sweep_temporaries(&std::env::temp_dir());
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .tempdir()
            .map_err(Error::io("creating a directory in", &std::env::temp_dir()))?;
        let dir = temporary.path().to_owned();
        Self::open_with(&dir, &options, Some(temporary))
    }

    /// For `tail` and `status`: reads while another process writes, or none.
    pub fn open_reader(dir: &Path) -> Result<Reader> {
        Reader::open(dir, StoreOptions::default().busy_timeout)
    }

    fn open_with(dir: &Path, options: &StoreOptions, temporary: Option<tempfile::TempDir>) -> Result<Self> {
        let lock = WriterLock::acquire(dir)?;
        let db = Arc::new(Database::open(dir, options.busy_timeout, options.durability, options.max_database)?);
        let blobs = FolderBlobs::open(&dir.join("spool"))?;
        let store = Self {
            inner: Arc::new(Inner {
                reader: Reader { db: db.clone() },
                blobs,
                pages: SqlitePageLog { db: db.clone() },
                work: SqliteWork::open(db.clone(), options.max_waiting)?,
                similarity: SimilarityIndex::new(db.clone(), options.similarity.clone()),
                db,
                _lock: lock,
                _temporary: temporary,
            }),
        };
        store.sweep()?;
        Ok(store)
    }

    /// Deletes blobs that no document refers to: spooled by a process that died before it journaled.
    fn sweep(&self) -> Result<()> {
        for digest in self.inner.blobs.list()? {
            if !self.inner.db.read(|db| documents::is_referenced(db, digest))? {
                tracing::info!(%digest, "an input that was never submitted is deleted");
                self.inner.blobs.delete(digest)?;
            }
        }
        Ok(())
    }

    pub fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    pub fn blobs(&self) -> &dyn BlobStore {
        &self.inner.blobs
    }

    pub fn pages(&self) -> &dyn PageLog {
        &self.inner.pages
    }

    pub fn work(&self) -> &dyn WorkQueue {
        &self.inner.work
    }

    pub fn similarity(&self) -> &SimilarityIndex {
        &self.inner.similarity
    }

    /// Spools a stream: see [`BlobStore::put`].
    pub fn spool(&self, input: &mut dyn Read) -> Result<Blob> {
        self.inner.blobs.put(input)
    }

    /// The bytes of a spooled input.
    pub fn open_blob(&self, digest: Digest) -> Result<DocumentData> {
        self.inner.blobs.open(digest)
    }

    /// Journals a document. When this returns, neither `kill -9` nor a power loss takes it back.
    pub fn submit(&self, new: &NewDocument) -> Result<()> {
        // The blob is pinned by `new` until the row that refers to it is there.
        self.inner.db.write_through(|db| documents::insert(db, new))
    }

    /// Notes how many pages the document has, once it was opened.
    pub fn set_pages(&self, document: DocumentId, pages: u32) -> Result<()> {
        self.inner.db.write(|db| documents::set_pages(db, document, pages))
    }

    /// Commits pages: see [`PageLog::commit`].
    pub fn commit(&self, pages: &[PageCommit]) -> Result<Vec<Committed>> {
        self.inner.pages.commit(pages)
    }

    /// Ends an open document; `false` if it had ended before, which then stands. No page is taken after this.
    pub fn finish(&self, document: DocumentId, outcome: Outcome, reason: Option<&str>) -> Result<bool> {
        let ended = self.inner.db.write(|db| documents::finish(db, document, outcome, reason))?;
        if ended {
            self.inner.similarity.after_finish(document)?;
        }
        Ok(ended)
    }

    /// Forgets a finished document: its row, its pages, and its input if no other document has the same.
    pub fn remove(&self, document: DocumentId) -> Result<()> {
        let signatures = self.inner.similarity.rows_of(document)?;
        let unreferenced = self.inner.db.write(|db| documents::remove(db, document))?;
        self.inner.similarity.after_removal(document, &signatures)?;
        self.delete_blobs(&unreferenced)
    }

    /// Keeps an image (of a quarantined page) for inspection, for as long as its document.
    pub fn keep(&self, document: DocumentId, page: PageNumber, image: &Blob) -> Result<()> {
        let changed = self.inner.db.write(|db| {
            Ok(db.execute(
                "INSERT OR IGNORE INTO kept (document, page, digest) SELECT key, ?2, ?3 FROM documents WHERE id = ?1",
                params![document.to_string(), page.get(), image.digest.to_string()],
            )?)
        })?;
        if changed == 0 && self.document(document)?.is_none() {
            return Err(Error::NoSuchDocument(document));
        }
        Ok(())
    }

    /// Applies the policy as of `now`. Gives the documents that were removed.
    pub fn retain(&self, retention: &Retention, now: SystemTime) -> Result<Vec<DocumentId>> {
        self.retain_unless(retention, now, &|_| false)
    }

    /// As [`Store::retain`], but leaves alone what `in_use` says somebody still reads.
    pub fn retain_unless(
        &self,
        retention: &Retention,
        now: SystemTime,
        in_use: &dyn Fn(DocumentId) -> bool,
    ) -> Result<Vec<DocumentId>> {
        let mut removed = Vec::new();
        for document in self.inner.db.read(|db| retention::too_old(db, retention, now))? {
            if !in_use(document) {
                self.remove(document)?;
                removed.push(document);
            }
        }
        if self.inner.db.read(|db| retention::is_over_size(db, retention))? {
            for document in self.inner.db.read(retention::finished)? {
                if !in_use(document) {
                    self.remove(document)?;
                    removed.push(document);
                    if !self.inner.db.read(|db| retention::is_over_size(db, retention))? {
                        break;
                    }
                }
            }
        }
        if !removed.is_empty() {
            self.inner.db.maintain(|db| Ok(db.execute_batch("PRAGMA incremental_vacuum")?))?;
        }
        Ok(removed)
    }

    /// Asks that a document be cancelled or removed: from any process. Where a writer runs it finds the request in
    /// [`Store::pending_requests`]; where none runs it is applied here.
    pub fn request(dir: &Path, document: DocumentId, request: Request) -> Result<Requested> {
        let options = StoreOptions::default();
        // Asked first, so that a mistyped directory is not created.
        Self::open_reader(dir).map(drop).or_else(|error| match error {
            Error::OlderSchema { .. } => Ok(()),
            error => Err(error),
        })?;
        match Self::open(dir, options.clone()) {
            Ok(store) => store.apply(document, request),
            Err(Error::WriterRunning { .. }) => requests::leave(dir, options.busy_timeout, document, request),
            Err(error) => Err(error),
        }
    }

    /// As [`Store::request`] for [`Request::Cancel`].
    pub fn request_cancel(dir: &Path, document: DocumentId) -> Result<Requested> {
        Self::request(dir, document, Request::Cancel)
    }

    /// What other processes have asked and is not done yet; each stays until [`Store::finish`] or [`Store::remove`] of its
    /// document. Cheap: a writer asks every second or so.
    pub fn pending_requests(&self) -> Result<Vec<(DocumentId, Request)>> {
        self.inner.db.read(requests::pending)
    }

    fn apply(&self, document: DocumentId, request: Request) -> Result<Requested> {
        let cancelled = self.finish(document, Outcome::Cancelled, Some("cancelled by the user"))?;
        if request == Request::Remove {
            self.remove(document)?;
        } else if !cancelled && let Some(state) = self.state(document)? {
            return Ok(Requested::AlreadyFinished(state));
        }
        Ok(Requested::Applied)
    }

    fn delete_blobs(&self, digests: &[Digest]) -> Result<()> {
        for &digest in digests {
            // Looked at again under the writer's lock, which a submission of the same bytes must take: either its row is
            // there, or its pin still is.
            self.inner.db.write(|db| {
                if !documents::is_referenced(db, digest)? {
                    self.inner.blobs.delete(digest)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
