//! The page log: each page of each document, committed once, read by anyone from anywhere. The seam is [`PageLog`].

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use pagestream_documents::{Digest, DocumentId, DuplicateTier, PageNumber, PageRecord, PageStatus};
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter, types::Value};

use crate::{
    database::Database,
    documents::DocumentState,
    error::Result,
    page_set::PageSet,
    rows::{now, parsed, time, unreadable},
    search::index::{self, PageWords},
};

/// A page to be committed. The record names its document and its number.
#[derive(Clone, Debug)]
pub struct PageCommit {
    pub record: Arc<PageRecord>,
    /// Digest of the page's pixels, where it was read from pixels; the same scan is found by it in another file.
    pub raster: Option<Digest>,
}

/// The place of a page in the log. Grows by at least one with every page that the store takes, over all documents; never
/// used twice, not even after pages are removed. 0 is before the first.
pub type Sequence = i64;

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    New(Sequence),
    /// The page has its record already; that one stands, and this one is dropped.
    AlreadyThere,
    /// The document was finished, cancelled or removed meanwhile: it takes no more pages.
    Closed,
}

/// Where a reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// In page order, from this page on. A page that is committed late appears in its place: a reader who wants order
    /// over a document still open stops at the first gap and asks again from there.
    Page(PageNumber),
    /// In the order of commits, after this place: as they become ready.
    After(Sequence),
}

/// A page as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPage {
    pub seq: Sequence,
    pub document: DocumentId,
    pub page: PageNumber,
    pub status: PageStatus,
    pub committed_at: SystemTime,
    /// The record, `pagestream.page/1`, as one line of JSON.
    pub json: String,
}

impl StoredPage {
    pub fn record(&self) -> Result<PageRecord> {
        Ok(serde_json::from_str(&self.json)?)
    }
}

/// The seam behind which the page log stands. Calls block; any number of threads may make them.
pub trait PageLog: Send + Sync {
    /// Commits all of `pages` or, on error, none; when it returns they are visible to every reader and durable as
    /// configured. One answer for each page, in order. Many pages in one call cost little more than one.
    fn commit(&self, pages: &[PageCommit]) -> Result<Vec<Committed>>;

    /// Up to `limit` pages of one document. Nothing for a document that is not there.
    fn read(&self, document: DocumentId, from: Cursor, limit: usize) -> Result<Vec<StoredPage>>;

    /// Up to `limit` pages of all documents, in the order of commits, after `seq`.
    fn changes_since(&self, seq: Sequence, limit: usize) -> Result<Vec<StoredPage>>;

    /// Which pages have their record.
    fn committed_pages(&self, document: DocumentId) -> Result<PageSet>;
}

/// The page log in the store's SQLite file.
pub struct SqlitePageLog {
    pub(crate) db: Arc<Database>,
    /// See [`StoreOptions::words`](crate::StoreOptions::words).
    pub(crate) words: bool,
}

impl PageLog for SqlitePageLog {
    fn commit(&self, pages: &[PageCommit]) -> Result<Vec<Committed>> {
        // Outside the transaction: the writer's lock is held for the inserts alone.
        let records: Vec<String> =
            pages.iter().map(|page| serde_json::to_string(&*page.record)).collect::<Result<_, _>>()?;
        let indexed = if self.words { pages } else { &[] };
        let words: Vec<PageWords> =
            indexed.iter().map(|page| PageWords::of(&page.record.text, page.record.origin)).collect();
        self.db.write(|db| commit(db, pages, &records, &words))
    }

    fn read(&self, document: DocumentId, from: Cursor, limit: usize) -> Result<Vec<StoredPage>> {
        self.db.read(|db| read(db, document, from, limit))
    }

    fn changes_since(&self, seq: Sequence, limit: usize) -> Result<Vec<StoredPage>> {
        self.db.read(|db| changes_since(db, seq, limit))
    }

    fn committed_pages(&self, document: DocumentId) -> Result<PageSet> {
        self.db.read(|db| committed_pages(db, document))
    }
}

/// What a batch adds to one document's counters.
#[derive(Default)]
struct Added {
    committed: i64,
    failed: i64,
    bytes: i64,
}

/// `words` are those of `pages`, or none where nobody searches.
fn commit(db: &Connection, pages: &[PageCommit], records: &[String], words: &[PageWords]) -> Result<Vec<Committed>> {
    let mut find = db.prepare_cached("SELECT key FROM documents WHERE id = ?1 AND state = 'open'")?;
    let mut insert = db.prepare_cached(
        "INSERT INTO pages (document, page, status, raster, committed_at, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (document, page) DO NOTHING",
    )?;
    let now = now();
    let mut keys: HashMap<DocumentId, Option<i64>> = HashMap::new();
    let mut added: HashMap<i64, Added> = HashMap::new();
    let mut answers = Vec::with_capacity(pages.len());
    for (at, (page, json)) in pages.iter().zip(records).enumerate() {
        let record = &*page.record;
        let id = record.document.id;
        let key = match keys.get(&id) {
            Some(key) => *key,
            None => {
                let key = find.query_row([id.to_string()], |row| row.get(0)).optional()?;
                keys.insert(id, key);
                key
            }
        };
        let Some(key) = key else {
            answers.push(Committed::Closed);
            continue;
        };
        let raster = page.raster.map(|digest| digest.to_string());
        let inserted = insert.execute(params![key, record.page.get(), record.status.as_str(), raster, now, json])?;
        answers.push(if inserted == 0 {
            Committed::AlreadyThere
        } else {
            let added = added.entry(key).or_default();
            added.committed += 1;
            added.failed += i64::from(record.status == PageStatus::Failed);
            added.bytes += json.len() as i64;
            let seq = db.last_insert_rowid();
            words.get(at).map(|words| index::insert(db, seq, key, words)).transpose()?;
            Committed::New(seq)
        });
    }
    let mut count = db.prepare_cached(
        "UPDATE documents SET committed = committed + ?2, failed = failed + ?3, record_bytes = record_bytes + ?4
         WHERE key = ?1",
    )?;
    for (key, Added { committed, failed, bytes }) in added {
        count.execute(params![key, committed, failed, bytes])?;
    }
    Ok(answers)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredPage> {
    let status: String = row.get("status")?;
    Ok(StoredPage {
        seq: row.get("seq")?,
        document: parsed(row, "id")?,
        page: page_number(row)?,
        status: status_from(&status).ok_or_else(|| unreadable(format!("status `{status}`")))?,
        committed_at: time(row.get("committed_at")?),
        json: row.get("record")?,
    })
}

fn page_number(row: &Row<'_>) -> rusqlite::Result<PageNumber> {
    PageNumber::new(row.get("page")?).ok_or_else(|| unreadable("page 0".into()))
}

fn status_from(text: &str) -> Option<PageStatus> {
    [PageStatus::Ok, PageStatus::Failed, PageStatus::Skipped, PageStatus::Duplicate]
        .into_iter()
        .find(|status| status.as_str() == text)
}

const COLUMNS: &str = "p.seq, d.id, p.page, p.status, p.committed_at, p.record";

fn select(db: &Connection, tail: &str, values: Vec<Value>) -> Result<Vec<StoredPage>> {
    Ok(db
        .prepare_cached(&format!("SELECT {COLUMNS} FROM pages p JOIN documents d ON d.key = p.document {tail}"))?
        .query_map(params_from_iter(values), stored)?
        .collect::<Result<_, _>>()?)
}

fn rows(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

pub(crate) fn read(db: &Connection, document: DocumentId, from: Cursor, limit: usize) -> Result<Vec<StoredPage>> {
    let id = Value::from(document.to_string());
    match from {
        Cursor::Page(page) => select(
            db,
            "WHERE d.id = ?1 AND p.page >= ?2 ORDER BY p.page LIMIT ?3",
            vec![id, i64::from(page.get()).into(), rows(limit)],
        ),
        Cursor::After(seq) => {
            select(db, "WHERE d.id = ?1 AND p.seq > ?2 ORDER BY p.seq LIMIT ?3", vec![id, seq.into(), rows(limit)])
        }
    }
}

pub(crate) fn changes_since(db: &Connection, seq: Sequence, limit: usize) -> Result<Vec<StoredPage>> {
    select(db, "WHERE p.seq > ?1 ORDER BY p.seq LIMIT ?2", vec![seq.into(), rows(limit)])
}

/// The place of the last page ever committed; 0 before the first.
pub(crate) fn last_sequence(db: &Connection) -> Result<Sequence> {
    Ok(db
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'pages'")?
        .query_row([], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

pub(crate) fn committed_pages(db: &Connection, document: DocumentId) -> Result<PageSet> {
    let mut statement = db.prepare_cached(
        "SELECT page FROM pages WHERE document = (SELECT key FROM documents WHERE id = ?1) ORDER BY page",
    )?;
    let mut pages = PageSet::default();
    let mut found = statement.query([document.to_string()])?;
    while let Some(row) = found.next()? {
        pages.insert(page_number(row)?);
    }
    Ok(pages)
}

pub(crate) fn state(db: &Connection, document: DocumentId) -> Result<Option<DocumentState>> {
    Ok(db
        .prepare_cached("SELECT state FROM documents WHERE id = ?1")?
        .query_row([document.to_string()], |row| parsed(row, "state"))
        .optional()?)
}

/// The record of a page with the same pixels, read with the same options; the first that was committed. A page that
/// failed or was skipped does not answer for another. For one that has no text because it repeats the same text elsewhere, the
/// page that has it answers.
pub(crate) fn find_by_raster(db: &Connection, raster: Digest, options_key: Digest) -> Result<Option<PageRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT p.record FROM pages p JOIN documents d ON d.key = p.document
         WHERE p.raster = ?1 AND d.options_key = ?2 AND p.status IN ('ok', 'duplicate') ORDER BY p.seq LIMIT 8",
    )?;
    let found = statement.query_map([raster.to_string(), options_key.to_string()], |row| row.get::<_, String>(0))?;
    for json in found {
        let record: PageRecord = serde_json::from_str(&json?)?;
        let Some(of) = record.duplicate_of.as_ref().filter(|_| record.text.is_empty()) else { return Ok(Some(record)) };
        if of.tier == Some(DuplicateTier::Exact)
            && let Some(answer) = record_of(db, of.document, of.page)?.filter(|answer| !answer.text.is_empty())
        {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// The record of one page.
pub(crate) fn record_of(db: &Connection, document: DocumentId, page: PageNumber) -> Result<Option<PageRecord>> {
    let json: Option<String> = db
        .prepare_cached(
            "SELECT p.record FROM pages p JOIN documents d ON d.key = p.document WHERE d.id = ?1 AND p.page = ?2",
        )?
        .query_row(params![document.to_string(), page.get()], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}
