//! The documents: what was submitted, with which options, and how it ended.

use std::{collections::BTreeMap, fmt, str::FromStr, time::SystemTime};

use pagestream_documents::{ByteSize, Digest, DocumentId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    blobs::Blob,
    downloads::{self, DownloadedFrom},
    error::{Error, Result},
    rows::{now, parsed, time},
    search::index,
    tags::{self, Tag},
};

/// A submission, its bytes already in the spool.
#[derive(Clone, Debug)]
pub struct NewDocument {
    pub id: DocumentId,
    /// The path or name that it is submitted under.
    pub source: String,
    pub blob: Blob,
    /// All that decides what a page's text will be (models, OCR mode, resolution), and nothing that does not (output
    /// format, worker counts): its [`options_key`] is what "the same options" means.
    pub options: Value,
    /// The pages asked for, as the user wrote them; `None` for all.
    pub selection: Option<String>,
    pub priority: Priority,
    pub tags: Vec<Tag>,
}

#[derive(Clone, Debug)]
pub struct Document {
    pub id: DocumentId,
    pub source: String,
    pub sha256: Digest,
    pub size: ByteSize,
    pub options_key: Digest,
    pub options: Value,
    pub selection: Option<String>,
    pub priority: Priority,
    /// In alphabetical order.
    pub tags: Vec<Tag>,
    /// Where it was downloaded from, if it was.
    pub download: Option<DownloadedFrom>,
    pub submitted_at: SystemTime,
    /// Pages in the whole document, whichever were asked for; `None` until it was opened.
    pub pages: Option<u32>,
    pub state: DocumentState,
    /// Why it failed or was cancelled: one sentence.
    pub reason: Option<String>,
    pub finished_at: Option<SystemTime>,
    /// Pages in the log, the failed ones among them.
    pub committed: u32,
    pub failed: u32,
    /// What its page records take in the database.
    pub record_size: ByteSize,
}

impl Document {
    /// Whether it is filed under all of these.
    pub fn has_tags(&self, tags: &[Tag]) -> bool {
        tags.iter().all(|tag| self.tags.contains(tag))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    #[default]
    Interactive,
    Bulk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentState {
    /// Submitted, and not every page has its record yet.
    Open,
    /// Every page asked for has its record.
    Done,
    /// It could not be read as a document.
    Failed,
    Cancelled,
}

/// How a document ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
    Cancelled,
}

impl From<Outcome> for DocumentState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Failed => Self::Failed,
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}

macro_rules! text_form {
    ($type:ident { $($variant:ident = $text:literal),+ }) => {
        impl $type {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!(concat!("not one of", $(" ", $text),+))),
                }
            }
        }
    };
}

text_form!(Priority { Interactive = "interactive", Bulk = "bulk" });
text_form!(DocumentState { Open = "open", Done = "done", Failed = "failed", Cancelled = "cancelled" });

/// The digest of the canonical form of `options`: JSON without spaces, the keys of every object sorted. So two callers
/// who mean the same options get the same key, in whichever order they wrote them.
pub fn options_key(options: &Value) -> Digest {
    Digest::of(canonical(options).as_bytes())
}

fn canonical(value: &Value) -> String {
    // Sorted here rather than by serde_json's map, whose order depends on a feature that any dependency may switch on.
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            let fields: Vec<_> = sorted
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

const COLUMNS: &str = "id, source, sha256, size, options_key, options, selection, priority, submitted_at, pages, state, \
                       reason, finished_at, committed, failed, record_bytes";

fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS}, {}, {} FROM documents {rest}", tags::COLUMN, downloads::COLUMN)
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    let options: String = row.get("options")?;
    Ok(Document {
        id: parsed(row, "id")?,
        source: row.get("source")?,
        sha256: parsed(row, "sha256")?,
        size: size(row, "size")?,
        options_key: parsed(row, "options_key")?,
        options: options.parse().map_err(|error| crate::rows::unreadable(format!("options `{options}`: {error}")))?,
        selection: row.get("selection")?,
        priority: parsed(row, "priority")?,
        tags: tags::of_column(row.get("tags")?),
        download: downloads::of_column(row.get("download")?)?,
        submitted_at: time(row.get("submitted_at")?),
        pages: row.get("pages")?,
        state: parsed(row, "state")?,
        reason: row.get("reason")?,
        finished_at: row.get::<_, Option<i64>>("finished_at")?.map(time),
        committed: row.get("committed")?,
        failed: row.get("failed")?,
        record_size: size(row, "record_bytes")?,
    })
}

fn size(row: &Row<'_>, column: &str) -> rusqlite::Result<ByteSize> {
    row.get::<_, i64>(column).map(|bytes| ByteSize(bytes.max(0).unsigned_abs()))
}

pub(crate) fn insert(db: &Connection, new: &NewDocument) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO documents (id, source, sha256, size, options_key, options, selection, priority, submitted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        new.id.to_string(),
        new.source,
        new.blob.digest.to_string(),
        i64::try_from(new.blob.size.bytes()).unwrap_or(i64::MAX),
        options_key(&new.options).to_string(),
        canonical(&new.options),
        new.selection,
        new.priority.as_str(),
        now(),
    ])?;
    tags::add(db, new.id, &new.tags)
}

pub(crate) fn get(db: &Connection, id: DocumentId) -> Result<Option<Document>> {
    Ok(db.prepare_cached(&select("WHERE id = ?1"))?.query_row([id.to_string()], document).optional()?)
}

/// Which documents a listing takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listing {
    pub state: Option<DocumentState>,
    /// At most so many; the latest submitted.
    pub limit: Option<u32>,
}

/// In the order of submission.
pub(crate) fn list(db: &Connection, listing: Listing) -> Result<Vec<Document>> {
    let mut found: Vec<Document> = db
        .prepare_cached(&select("WHERE ?1 IS NULL OR state = ?1 ORDER BY key DESC LIMIT ?2"))?
        .query_map(params![listing.state.map(DocumentState::as_str), listing.limit.map_or(-1, i64::from)], document)?
        .collect::<Result<_, _>>()?;
    found.reverse();
    Ok(found)
}

/// A part of a listing, the latest submitted first.
#[derive(Clone, Debug, Default)]
pub struct ListingPart {
    /// Only documents that were submitted before this one, which need not be there any more.
    pub before: Option<DocumentId>,
    pub state: Option<DocumentState>,
    /// Only documents with this tag.
    pub tag: Option<Tag>,
    /// Only documents with this one as well.
    pub owner: Option<Tag>,
    /// At most so many.
    pub limit: u32,
}

/// The latest submitted first.
pub(crate) fn list_part(db: &Connection, part: &ListingPart) -> Result<Vec<Document>> {
    // Identities are in the order of submission, so that a listing goes on where it was whatever came or went meanwhile.
    const TAGGED: &str = "EXISTS (SELECT 1 FROM tags WHERE tags.document = documents.key AND tags.tag =";
    let rest = format!(
        "WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR {TAGGED} ?3))
         AND (?4 IS NULL OR {TAGGED} ?4)) ORDER BY id DESC LIMIT ?5"
    );
    let parameters = params![
        part.before.map(|id| id.to_string()),
        part.state.map(DocumentState::as_str),
        part.tag.as_ref().map(Tag::as_str),
        part.owner.as_ref().map(Tag::as_str),
        part.limit
    ];
    Ok(db.prepare_cached(&select(&rest))?.query_map(parameters, document)?.collect::<Result<_, _>>()?)
}

pub(crate) fn open(db: &Connection) -> Result<Vec<Document>> {
    Ok(db
        .prepare_cached(&select("WHERE state = 'open' ORDER BY key"))?
        .query_map([], document)?
        .collect::<Result<_, _>>()?)
}

/// The latest document with the same bytes, options and pages, all of whose pages were read. One with failed pages does
/// not answer for another: who submits it again wants it tried again.
pub(crate) fn find_finished(
    db: &Connection,
    source: &str,
    sha256: Digest,
    options_key: Digest,
    selection: Option<&str>,
) -> Result<Option<DocumentId>> {
    Ok(db
        .prepare_cached(
            "SELECT id FROM documents
             WHERE sha256 = ?1 AND options_key = ?2 AND selection IS ?3 AND state = 'done' AND failed = 0
             ORDER BY source = ?4 DESC, key DESC LIMIT 1",
        )?
        .query_row(params![sha256.to_string(), options_key.to_string(), selection, source], |row| parsed(row, "id"))
        .optional()?)
}

pub(crate) fn set_pages(db: &Connection, id: DocumentId, pages: u32) -> Result<()> {
    match db.prepare_cached("UPDATE documents SET pages = ?2 WHERE id = ?1")?.execute(params![id.to_string(), pages])? {
        0 => Err(Error::NoSuchDocument(id)),
        _ => Ok(()),
    }
}

/// Ends an open document, and with it its waiting work and the request to cancel it. `false` if it had ended before.
pub(crate) fn finish(db: &Connection, id: DocumentId, outcome: Outcome, reason: Option<&str>) -> Result<bool> {
    let state = DocumentState::from(outcome);
    let changed = db
        .prepare_cached(
            "UPDATE documents SET state = ?2, reason = ?3, finished_at = ?4 WHERE id = ?1 AND state = 'open'",
        )?
        .execute(params![id.to_string(), state.as_str(), reason, now()])?;
    if changed == 0 {
        return get(db, id)?.map(|_| false).ok_or(Error::NoSuchDocument(id));
    }
    for statement in [
        "DELETE FROM work WHERE document = (SELECT key FROM documents WHERE id = ?1)",
        "DELETE FROM requests WHERE kind = 'cancel' AND document = (SELECT key FROM documents WHERE id = ?1)",
    ] {
        db.prepare_cached(statement)?.execute([id.to_string()])?;
    }
    Ok(true)
}

/// Forgets up to `limit` pages of a document that has ended and has more than that; whether it was so. It is a cancelled one from then
/// on: a process that dies before [`remove`] leaves no document that answers for another or seems to be whole.
pub(crate) fn remove_some_pages(db: &Connection, id: DocumentId, limit: u32) -> Result<bool> {
    let found = get(db, id)?.ok_or(Error::NoSuchDocument(id))?;
    let pages: Vec<i64> = db
        .prepare_cached("SELECT seq FROM pages WHERE document = (SELECT key FROM documents WHERE id = ?1) LIMIT ?2")?
        .query_map(params![id.to_string(), limit + 1], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if found.state == DocumentState::Open || pages.len() <= limit as usize {
        return Ok(false);
    }
    db.prepare_cached("UPDATE documents SET state = 'cancelled', reason = 'it is being removed' WHERE id = ?1")?
        .execute([id.to_string()])?;
    index::forget(db, &pages[..limit as usize])?;
    Ok(true)
}

/// Forgets a document and its pages. Gives the blobs that it referred to and that nothing refers to any more.
pub(crate) fn remove(db: &Connection, id: DocumentId) -> Result<Vec<Digest>> {
    let found = get(db, id)?.ok_or(Error::NoSuchDocument(id))?;
    if found.state == DocumentState::Open {
        return Err(Error::StillOpen(id));
    }
    let mut digests: Vec<Digest> = db
        .prepare_cached("SELECT digest FROM kept WHERE document = (SELECT key FROM documents WHERE id = ?1)")?
        .query_map([id.to_string()], |row| parsed(row, "digest"))?
        .collect::<Result<_, _>>()?;
    digests.push(found.sha256);
    digests.sort_unstable();
    digests.dedup();
    let pages: Vec<i64> = db
        .prepare_cached("SELECT seq FROM pages WHERE document = (SELECT key FROM documents WHERE id = ?1)")?
        .query_map([id.to_string()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    index::forget(db, &pages)?;
    db.prepare_cached("DELETE FROM documents WHERE id = ?1")?.execute([id.to_string()])?;
    let mut unreferenced = Vec::new();
    for digest in digests {
        if !is_referenced(db, digest)? {
            unreferenced.push(digest);
        }
    }
    Ok(unreferenced)
}

pub(crate) fn is_referenced(db: &Connection, digest: Digest) -> Result<bool> {
    Ok(db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE sha256 = ?1) OR EXISTS (SELECT 1 FROM kept WHERE digest = ?1)",
        )?
        .query_row([digest.to_string()], |row| row.get(0))?)
}

/// The bytes of a document, unless one that is open has the same.
pub(crate) fn last_open_with_bytes_of(db: &Connection, id: DocumentId) -> Result<Option<Digest>> {
    Ok(db
        .prepare_cached(
            "SELECT sha256 FROM documents d WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM documents o WHERE o.sha256 = d.sha256 AND o.state = 'open')",
        )?
        .query_row([id.to_string()], |row| parsed(row, "sha256"))
        .optional()?)
}

/// The whole store in a few numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Overview {
    pub open: u64,
    pub done: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Pages in the log, the failed ones among them.
    pub pages: u64,
    pub failed_pages: u64,
    /// Bytes of page records.
    pub record_bytes: u64,
    /// Bytes of inputs, each counted once however many documents have it.
    pub spooled_bytes: u64,
}

pub(crate) fn overview(db: &Connection) -> Result<Overview> {
    let count = |row: &Row<'_>, column: &str| row.get::<_, i64>(column).map(|n| n.max(0).unsigned_abs());
    Ok(db
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 'open') AS open, count(*) FILTER (WHERE state = 'done') AS done,
                    count(*) FILTER (WHERE state = 'failed') AS failed,
                    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
                    coalesce(sum(committed), 0) AS pages, coalesce(sum(failed), 0) AS failed_pages,
                    coalesce(sum(record_bytes), 0) AS record_bytes,
                    (SELECT coalesce(sum(size), 0) FROM (SELECT DISTINCT sha256, size FROM documents)) AS spooled_bytes
             FROM documents",
        )?
        .query_row([], |row| {
            Ok(Overview {
                open: count(row, "open")?,
                done: count(row, "done")?,
                failed: count(row, "failed")?,
                cancelled: count(row, "cancelled")?,
                pages: count(row, "pages")?,
                failed_pages: count(row, "failed_pages")?,
                record_bytes: count(row, "record_bytes")?,
                spooled_bytes: count(row, "spooled_bytes")?,
            })
        })?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_options_does_not_matter_and_their_values_do() {
        let a: Value = r#"{"ocr":"auto","dpi":200,"models":{"rec":"x","det":"y"}}"#.parse().unwrap();
        let b: Value = r#"{"models":{"det":"y","rec":"x"},"dpi":200,"ocr":"auto"}"#.parse().unwrap();
        assert_eq!(options_key(&a), options_key(&b));
        assert_ne!(options_key(&a), options_key(&json!({"ocr": "always"})));
        assert_ne!(options_key(&json!([1, 2])), options_key(&json!([2, 1])));
        assert_eq!(canonical(&json!({"a\"b": [null, 1.5]})), r#"{"a\"b":[null,1.5]}"#);
    }
}
