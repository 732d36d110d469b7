//! The store as its one writer sees it: the three seams over one data directory, and the documents between them.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    ops::Deref,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use pagestream_documents::{ByteSize, Digest, DocumentData, DocumentId, PageNumber};
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use crate::{
    blobs::{Blob, BlobStore, FolderBlobs, SPOOL},
    database::{Database, Durability, FILE_NAME as DATABASE_FILE},
    documents::{self, NewDocument, Outcome},
    downloads::{self, DownloadedFrom},
    error::{Error, Result},
    in_place::{InPlace, InPlaceFiles, Input, Stamp},
    lock::{self, Writer, WriterLock},
    page_log::{Committed, PageCommit, PageLog, SqlitePageLog},
    private,
    reader::Reader,
    requests::{self, Request, Requested},
    retention::{self, Retention},
    search::{backlog::Backlog, index},
    similarity::{SimilarityIndex, SimilarityOptions},
    tags::{self, Tag},
    temporary,
    vectors::{Memory, VectorOptions, Vectors},
    work::{self, SqliteWork, WorkQueue},
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
    /// Whether pages are put into the index of words, by which a search finds them. Who reads from a temporary store alone need not
    /// have it: it is a sixth of what a page of text costs.
    pub words: bool,
    pub similarity: SimilarityOptions,
    pub vectors: VectorOptions,
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
            words: true,
            similarity: SimilarityOptions::default(),
            vectors: VectorOptions::default(),
        }
    }
}

/// The store, open for writing. Cheap to clone; the data directory is free for another writer when the last clone is
/// dropped. All that a [`Reader`] can be asked can be asked of it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// Fields are dropped in this order: what runs by itself, connections, then the lock, then a temporary directory.
struct Inner {
    backlog: Backlog,
    reader: Reader,
    db: Arc<Database>,
    blobs: FolderBlobs,
    pages: SqlitePageLog,
    work: SqliteWork,
    similarity: SimilarityIndex,
    vectors: Vectors,
    /// Only of a temporary store.
    in_place: InPlaceFiles,
    _lock: WriterLock,
    temporary: Option<tempfile::TempDir>,
}

impl Deref for Store {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.inner.reader
    }
}

/// What a data directory holds, and nothing else does.
fn is_ours(name: &OsStr) -> bool {
    name == SPOOL
        || name == "watch"
        || name == lock::FILE_NAME
        || name.as_encoded_bytes().starts_with(DATABASE_FILE.as_bytes())
}

/// Large enough that system calls do not show.
const HASHED_AT_ONCE: usize = 256 << 10;

/// Pages that are removed in a transaction: 10 ms each, mostly to take their words out of the index, and others wait for as long.
const REMOVED_AT_ONCE: u32 = 32;

/// A database of this size is written anew in a second or two, for which a page that is committed meanwhile waits.
const REWRITTEN_UP_TO: ByteSize = ByteSize::mib(256);

/// How long the end of a writer waits for others' reads, so that the database's file alone is whole.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(1);

impl Drop for Inner {
    /// A copy of the database's file after a clean end has everything.
    fn drop(&mut self) {
        self.backlog.stop();
        if self.temporary.is_none()
            && let Err(error) = self.db.checkpoint(CHECKPOINT_PATIENCE)
        {
            tracing::debug!(%error, "the write-ahead log stays beside the database");
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
        private::open_folder(dir, is_ours)?;
        Self::open_with(dir, &options, WriterLock::acquire(dir)?, None)
    }

    /// A store of its own in the system's temporary directory, removed with the last clone. Files are not copied into it but
    /// read where they are: see [`Store::take_file`]. What processes left that were killed is removed first.
    pub fn temporary(options: StoreOptions) -> Result<Self> {
        Self::temporary_in(&std::env::temp_dir(), options)
    }

    /// As [`Store::temporary`], in another directory.
    pub fn temporary_in(parent: &Path, options: StoreOptions) -> Result<Self> {
        temporary::sweep(parent);
        let (dir, lock) = temporary::create(parent)?;
        let path = dir.path().to_owned();
        let options = StoreOptions { durability: Durability::Nothing, ..options };
        Self::open_with(&path, &options, lock, Some(dir))
    }

    /// Who writes to this data directory now, if somebody does: in this process or in another.
    pub fn writer(dir: &Path) -> Option<Writer> {
        lock::writer(dir)
    }

    /// For `tail` and `status`: reads while another process writes, or none.
    pub fn open_reader(dir: &Path) -> Result<Reader> {
        Reader::open(dir, StoreOptions::default().busy_timeout)
    }

    fn open_with(
        dir: &Path,
        options: &StoreOptions,
        lock: WriterLock,
        temporary: Option<tempfile::TempDir>,
    ) -> Result<Self> {
        let db = Arc::new(Database::open(dir, options.busy_timeout, options.durability, options.max_database)?);
        let blobs = FolderBlobs::open(&dir.join(SPOOL))?;
        let memory = Arc::new(Memory::new(options.vectors.clone()));
        let store = Self {
            inner: Arc::new(Inner {
                backlog: Backlog::start(&db)?,
                reader: Reader { db: db.clone(), memory: memory.clone() },
                blobs,
                pages: SqlitePageLog { db: db.clone(), words: options.words },
                work: SqliteWork::open(db.clone(), options.max_waiting)?,
                similarity: SimilarityIndex::new(db.clone(), options.similarity.clone()),
                vectors: Vectors::new(db.clone(), memory),
                db,
                in_place: InPlaceFiles::default(),
                _lock: lock,
                temporary,
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

    /// What pages mean: which have no vectors yet, and where those go.
    pub fn vectors(&self) -> &Vectors {
        &self.inner.vectors
    }

    /// Waits until the pages that an older version wrote are in the index of words; they are brought there while the store is open.
    pub fn wait_for_index(&self) {
        self.inner.backlog.wait();
    }

    /// Spools a stream: see [`BlobStore::put`].
    pub fn spool(&self, input: &mut dyn Read) -> Result<Blob> {
        self.inner.blobs.put(input)
    }

    /// What was spooled before, held so that it stays; `None` where it is not there any more.
    pub fn hold(&self, digest: Digest) -> Result<Option<Blob>> {
        // Pinned before looking, so that nobody deletes it in between.
        let _held = self.inner.blobs.pinned(digest, ByteSize(0));
        Ok(self.inner.blobs.size(digest)?.map(|size| self.inner.blobs.pinned(digest, size)))
    }

    /// Takes a file, from its beginning to its end. A store with a data directory spools it, because what it acknowledges must
    /// be there after a crash. A temporary one only hashes it and reads it where it is, as it is gone with the run anyway; the open
    /// file is held until the document has ended.
    ///
    /// # Errors
    /// As [`Store::spool`]; [`Error::InputChanged`] when somebody writes to the file meanwhile.
    pub fn take_file(&self, mut file: File, path: &Path) -> Result<Blob> {
        let stamp = Stamp::of(&file).map_err(Error::Input)?;
        // A file without a length may have bytes all the same (`/proc`): it is a stream.
        let in_place = self.inner.temporary.is_some() && stamp.length() > 0;
        let blob = match in_place {
            true => {
                let (digest, size) = hash(&mut file)?;
                self.inner.blobs.pinned(digest, size)
            }
            false => self.inner.blobs.put(&mut file)?,
        };
        if Stamp::of(&file).map_err(Error::Input)? != stamp {
            return Err(Error::InputChanged { path: path.to_owned() });
        }
        if in_place {
            self.inner.in_place.insert(blob.digest, InPlace::new(file, path, stamp));
        }
        Ok(blob)
    }

    /// The bytes of an input, spooled or in place.
    ///
    /// # Errors
    /// [`Error::NoSuchBlob`]; [`Error::InputChanged`] when a file that is read in place is not what it was.
    pub fn open_input(&self, digest: Digest) -> Result<Input> {
        match self.inner.in_place.get(digest) {
            Some(file) => Input::in_place(file),
            None => self.inner.blobs.open(digest).map(Input::spooled),
        }
    }

    /// The bytes of an input alone: see [`Store::open_input`].
    pub fn open_blob(&self, digest: Digest) -> Result<DocumentData> {
        self.open_input(digest).map(|input| input.data())
    }

    /// Notes that this process reads the document, for those who ask from outside ([`Reader::under_way`]). Holds until the
    /// document ends or this process does.
    pub fn take_up(&self, document: DocumentId) -> Result<()> {
        self.inner.db.write(|db| work::take_up(db, document))
    }

    /// Folds the write-ahead log into the database's file, so that a copy of that file alone has everything; happens by itself
    /// when the store is closed. Waits for others' reads no longer than a second. Whether all was folded.
    pub fn checkpoint(&self) -> Result<bool> {
        match self.inner.temporary {
            Some(_) => Ok(true),
            None => self.inner.db.checkpoint(CHECKPOINT_PATIENCE),
        }
    }

    /// Journals a document. When this returns, neither `kill -9` nor a power loss takes it back.
    pub fn submit(&self, new: &NewDocument) -> Result<()> {
        // The blob is pinned by `new` until the row that refers to it is there.
        self.inner.db.write_through(|db| documents::insert(db, new))
    }

    /// Files a document under more tags; those that it has stay. As durable as a submission.
    pub fn tag(&self, document: DocumentId, tags: &[Tag]) -> Result<()> {
        match tags {
            [] => Ok(()),
            _ => self.inner.db.write_through(|db| tags::add(db, document, tags)),
        }
    }

    /// Notes where a document was downloaded from, in the place of what was noted before. As durable as a submission.
    pub fn note_download(&self, document: DocumentId, from: &DownloadedFrom) -> Result<()> {
        self.inner.db.write_through(|db| downloads::note(db, document, from))
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
            self.let_go_of_file(document)?;
            self.inner.similarity.after_finish(document)?;
        }
        Ok(ended)
    }

    /// Closes the file that a document was read from in place, unless another that is open has the same bytes.
    fn let_go_of_file(&self, document: DocumentId) -> Result<()> {
        if self.inner.temporary.is_some()
            && let Some(digest) = self.inner.db.read(|db| documents::last_open_with_bytes_of(db, document))?
        {
            self.inner.in_place.remove_unless(digest, || self.inner.blobs.is_pinned(digest));
        }
        Ok(())
    }

    /// Forgets a finished document: its row, its pages with all that search knows of them, and its input if no other document has
    /// the same. What stood in the database is overwritten; of the write-ahead log that is so after [`Store::give_back_space`].
    pub fn remove(&self, document: DocumentId) -> Result<()> {
        let signatures = self.inner.similarity.rows_of(document)?;
        while self.inner.db.write(|db| documents::remove_some_pages(db, document, REMOVED_AT_ONCE))? {}
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
            self.give_back_space()?;
        }
        Ok(removed)
    }

    /// Gives the room of what was removed back to the disk, and overwrites what is left of its text: in the write-ahead log, and
    /// between the entries of pages that SQLite has rearranged. For the latter a database of up to 256 MiB is written anew; of a
    /// larger one only the list of words is, and fragments may stay where no statement finds them, until other rows overwrite them.
    pub fn give_back_space(&self) -> Result<()> {
        self.inner.db.shrink(REWRITTEN_UP_TO, index::rewrite_words)?;
        self.checkpoint().map(drop)
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
            self.give_back_space()?;
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

/// Reads a file to its end.
fn hash(file: &mut File) -> Result<(Digest, ByteSize)> {
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut chunk = vec![0; HASHED_AT_ONCE];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok((Digest(hash.finalize().into()), ByteSize(size))),
            Ok(n) => {
                hash.update(&chunk[..n]);
                size += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Input(error)),
        }
    }
}
