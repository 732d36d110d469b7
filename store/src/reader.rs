//! Everything that can be asked of a store without writing: by the process that writes it, and by any other.

use std::{path::Path, sync::Arc, time::Duration};

use pagestream_documents::{Digest, DocumentData, DocumentId, PageNumber, PageRecord};
use rusqlite::Connection;

use crate::{
    blobs::{BlobStore as _, FolderBlobs, SPOOL},
    database::Database,
    documents::{self, Document, DocumentState, Listing, ListingPart, Overview},
    downloads,
    error::{Error, Result},
    lock::{self, Writer},
    page_log::{self, Cursor, Sequence, StoredPage},
    page_set::PageSet,
    search::{self, Meant, QueryVector, SearchMode, SearchQuery, SearchResults},
    similarity::{self, Cluster, PageKey, Similar},
    tags::Tag,
    vectors::{self, Embedded, IndexState, Memory, PageFilter, PassageVector, Related, VectorOptions},
    work,
};

/// A view of the store that never writes and is never in a writer's way. Cheap to clone.
///
/// To follow a document to its end: ask for its [`Reader::state`] first, then for its pages. If it had ended, those were
/// all; otherwise wait until [`Watch::changed`] and go on from the last place.
#[derive(Clone)]
pub struct Reader {
    pub(crate) db: Arc<Database>,
    pub(crate) memory: Arc<Memory>,
}

/// Pages near in meaning that are looked at for each one that is shown, for documents to take turns.
const MEANT_FOR_EACH: usize = 3;

impl Reader {
    pub(crate) fn open(dir: &Path, busy_timeout: Duration) -> Result<Self> {
        let db = Arc::new(Database::open_to_read(dir, busy_timeout)?);
        Ok(Self { db, memory: Arc::new(Memory::new(VectorOptions::default())) })
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.db.dir()
    }

    pub fn document(&self, id: DocumentId) -> Result<Option<Document>> {
        self.db.read(|db| documents::get(db, id))
    }

    pub fn state(&self, id: DocumentId) -> Result<Option<DocumentState>> {
        self.db.read(|db| page_log::state(db, id))
    }

    /// In the order of submission.
    pub fn documents(&self, listing: Listing) -> Result<Vec<Document>> {
        self.db.read(|db| documents::list(db, listing))
    }

    /// A part of the documents, the latest submitted first.
    pub fn documents_part(&self, part: &ListingPart) -> Result<Vec<Document>> {
        self.db.read(|db| documents::list_part(db, part))
    }

    /// The latest document that was downloaded from this address, of `owner` where one is given.
    pub fn downloaded_from(&self, url: &str, owner: Option<&Tag>) -> Result<Option<Document>> {
        self.db.read(|db| match downloads::latest(db, url, owner)? {
            Some(id) => documents::get(db, id),
            None => Ok(None),
        })
    }

    /// The documents to resume, in the order of submission.
    pub fn open_documents(&self) -> Result<Vec<Document>> {
        self.db.read(documents::open)
    }

    /// The process that writes to this directory now, if one does.
    pub fn writer(&self) -> Option<Writer> {
        lock::writer(self.dir())
    }

    /// The open documents that a process reads now. The others wait to be resumed; retention leaves them alone.
    pub fn under_way(&self) -> Result<Vec<DocumentId>> {
        match self.writer() {
            Some(_) => self.db.read(work::taken),
            None => Ok(Vec::new()),
        }
    }

    pub fn status(&self) -> Result<Overview> {
        self.db.read(documents::overview)
    }

    /// The latest document that has the same bytes, options ([`crate::options_key`]) and selection, is done, and has no
    /// failed page: its pages answer for a new submission. One that was submitted as `source` comes first.
    pub fn find_finished(
        &self,
        source: &str,
        sha256: Digest,
        options_key: Digest,
        selection: Option<&str>,
    ) -> Result<Option<DocumentId>> {
        self.db.read(|db| documents::find_finished(db, source, sha256, options_key, selection))
    }

    /// The record of the first page with these pixels that was read with these options, whichever document it is in.
    pub fn find_page_by_raster(&self, raster: Digest, options_key: Digest) -> Result<Option<PageRecord>> {
        self.db.read(|db| page_log::find_by_raster(db, raster, options_key))
    }

    /// The `k` pages most like a text, nearest first, but for the page `except`; each with how it is alike. Nothing for a text
    /// shorter than [`similarity::MIN_CHARACTERS`]. Every signature is looked at: some 3 ms for 10,000 pages.
    pub fn similar(&self, text: &str, k: usize, except: Option<PageKey>) -> Result<Vec<Similar>> {
        self.db.read(|db| similarity::similar(db, text, k, except))
    }

    /// The pages that repeat one another, of the documents that `wanted` takes by identity and name. The earliest of each cluster is the one
    /// to keep: it is what the records of the others refer to, and its text is there whatever was skipped.
    pub fn duplicates(&self, wanted: impl FnMut(DocumentId, &str) -> bool) -> Result<Vec<Cluster>> {
        self.db.read(|db| similarity::clusters(db, wanted))
    }

    /// The record of one page; `None` where there is none.
    pub fn page(&self, document: DocumentId, page: PageNumber) -> Result<Option<PageRecord>> {
        self.db.read(|db| page_log::record_of(db, document, page))
    }

    /// Up to `limit` pages of one document.
    pub fn read(&self, document: DocumentId, from: Cursor, limit: usize) -> Result<Vec<StoredPage>> {
        self.db.read(|db| page_log::read(db, document, from, limit))
    }

    /// The bytes of a document, by their digest, as long as the document is kept.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchBlob`].
    pub fn open_blob(&self, digest: Digest) -> Result<DocumentData> {
        FolderBlobs::at(&self.dir().join(SPOOL)).open(digest)
    }

    /// Up to `limit` pages of all documents in the order of commits, after `seq`.
    pub fn changes_since(&self, seq: Sequence, limit: usize) -> Result<Vec<StoredPage>> {
        self.db.read(|db| page_log::changes_since(db, seq, limit))
    }

    /// Where a reader starts that wants only what comes from now on.
    pub fn last_sequence(&self) -> Result<Sequence> {
        self.db.read(page_log::last_sequence)
    }

    /// Which pages need not be read again.
    pub fn committed_pages(&self, document: DocumentId) -> Result<PageSet> {
        self.db.read(|db| page_log::committed_pages(db, document))
    }

    /// Pages by their words, by what they mean, or by both, best first. The first search by meaning in a process reads all vectors of its model:
    /// some .4 s for 100,000.
    ///
    /// # Errors
    /// [`Error::Query`] for a query that asks for nothing; [`Error::QueryVector`] for one that asks for a meaning and has none,
    /// or one that cannot be compared.
    pub fn search(&self, query: &SearchQuery) -> Result<SearchResults> {
        self.db.read(|db| {
            let meant = match (query.mode, &query.vector) {
                (SearchMode::Keyword, _) | (SearchMode::Hybrid, None) => None,
                (_, Some(vector)) => Some(self.meant(db, query, vector)?),
                (SearchMode::Semantic, None) => {
                    return Err(Error::QueryVector("a search by meaning needs the query's vector".to_owned()));
                }
            };
            search::search(db, query, meant)
        })
    }

    /// The pages near to a query in meaning, of those that its conditions let through.
    fn meant(&self, db: &Connection, query: &SearchQuery, vector: &QueryVector) -> Result<Vec<Meant>> {
        let filter = search::pages_let_through(db, query)?.map(PageFilter::from_iter);
        let wanted = query.limit.saturating_add(query.offset).saturating_mul(MEANT_FOR_EACH);
        let near = vectors::nearest(db, &self.memory, vector.model, &vector.vector, wanted, filter.as_ref())?;
        let meant = |near: vectors::Near| Meant { page: near.page, similarity: near.similarity, range: near.range };
        Ok(near.into_iter().map(meant).collect())
    }

    /// The `k` pages nearest to a page in meaning, nearest first. Nothing for one that the model has not embedded.
    pub fn related(&self, model: Digest, page: PageKey, k: usize) -> Result<Vec<Related>> {
        self.db.read(|db| {
            let passages = vectors::of_page(db, model, page)?;
            vectors::related(db, &self.memory, model, &passages, k, Some(page))
        })
    }

    /// The `k` pages nearest in meaning to a text that is not in the store, by the vectors of its passages; their ranges do not matter. Not `except`.
    ///
    /// # Errors
    /// [`Error::QueryVector`] for vectors that cannot be compared.
    pub fn related_to(
        &self,
        model: Digest,
        passages: &[PassageVector],
        k: usize,
        except: Option<PageKey>,
    ) -> Result<Vec<Related>> {
        self.db.read(|db| vectors::related(db, &self.memory, model, passages, k, except))
    }

    /// The vectors of a page's passages, in their order; empty where the model has not been asked about it, or found nothing in it.
    pub fn vectors_of(&self, model: Digest, page: PageKey) -> Result<Vec<PassageVector>> {
        self.db.read(|db| vectors::of_page(db, model, page))
    }

    /// How far a model has come through the pages.
    pub fn embedded(&self, model: Digest) -> Result<Embedded> {
        self.db.read(|db| vectors::embedded(db, model))
    }

    /// What this process keeps in memory of a model's vectors, and whether it is still at work.
    pub fn vector_index(&self, model: Digest) -> Result<IndexState> {
        self.db.read(|db| self.memory.state(db, model))
    }

    /// A connection of the caller's own.
    pub(crate) fn connect(&self) -> Result<Connection> {
        self.db.connect_to_read()
    }

    pub fn watch(&self) -> Result<Watch> {
        Ok(Watch { connection: self.db.connect_to_read()?, seen: None })
    }
}

/// Tells whether anything was committed since it was last asked, by any process, for a few microseconds (SQLite's
/// `data_version`): what a tail in another process polls.
pub struct Watch {
    connection: Connection,
    seen: Option<i64>,
}

impl Watch {
    /// `true` the first time, so that a reader which asks before it reads misses nothing.
    pub fn changed(&mut self) -> Result<bool> {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        Ok(self.seen.replace(version) != Some(version))
    }
}
