//! The table of signatures, which is the truth about which page repeats which.

use pagestream_documents::{Digest, DocumentId, PageNumber};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{PageKey, signature::Compact};
use crate::{
    error::Result,
    rows::{parsed, unreadable},
};

pub struct Entry {
    pub row: i64,
    pub key: PageKey,
    pub text_hash: Digest,
    /// The page that this one repeats, and how closely.
    pub canonical: Option<(PageKey, f32)>,
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let canonical = match row.get::<_, Option<String>>("canonical_document")? {
        None => None,
        Some(_) => Some((key(row, "canonical_document", "canonical_page")?, row.get("similarity")?)),
    };
    Ok(Entry {
        row: row.get("id")?,
        key: key(row, "document", "page")?,
        text_hash: parsed(row, "text_hash")?,
        canonical,
    })
}

fn key(row: &Row<'_>, document: &str, page: &str) -> rusqlite::Result<PageKey> {
    let document: DocumentId = parsed(row, document)?;
    let page = PageNumber::new(row.get(page)?).ok_or_else(|| unreadable("page 0".into()))?;
    Ok(PageKey { document, page })
}

fn vector(row: &Row<'_>) -> rusqlite::Result<Option<Compact>> {
    Ok(row.get_ref("vector")?.as_blob_or_null()?.and_then(Compact::from_bytes))
}

const COLUMNS: &str = "id, document, page, text_hash, canonical_document, canonical_page, similarity";

pub fn get(db: &Connection, key: PageKey) -> Result<Option<Entry>> {
    Ok(db
        .prepare_cached(&format!("SELECT {COLUMNS} FROM signatures WHERE document = ?1 AND page = ?2"))?
        .query_row(params![key.document.to_string(), key.page.get()], entry)
        .optional()?)
}

/// The text of a page as the log has it; `None` where it has no such page.
pub fn text(db: &Connection, key: PageKey) -> Result<Option<String>> {
    Ok(db
        .prepare_cached(
            "SELECT json_extract(p.record, '$.text') FROM pages p JOIN documents d ON d.key = p.document
             WHERE d.id = ?1 AND p.page = ?2",
        )?
        .query_row(params![key.document.to_string(), key.page.get()], |row| row.get(0))
        .optional()?)
}

/// All pages with this text, the first one first.
pub fn with_text(db: &Connection, text_hash: Digest) -> Result<Vec<Entry>> {
    Ok(db
        .prepare_cached(&format!("SELECT {COLUMNS} FROM signatures WHERE text_hash = ?1 ORDER BY id"))?
        .query_map([text_hash.to_string()], entry)?
        .collect::<Result<_, _>>()?)
}

/// A canonical page by its row, with its signature; `None` where it is gone or repeats another.
pub fn canonical(db: &Connection, row: i64) -> Result<Option<(PageKey, Compact)>> {
    let found = db
        .prepare_cached("SELECT document, page, vector FROM signatures WHERE id = ?1 AND canonical_document IS NULL")?
        .query_row([row], |row| Ok((key(row, "document", "page")?, vector(row)?)))
        .optional()?;
    Ok(found.and_then(|(key, vector)| Some((key, vector?))))
}

/// Gives every canonical page after row `after` that has a signature, ascending.
pub fn each_canonical(db: &Connection, after: i64, mut give: impl FnMut(i64, Compact)) -> Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT id, vector FROM signatures WHERE id > ?1 AND canonical_document IS NULL AND vector IS NOT NULL ORDER BY id",
    )?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        if let Some(vector) = vector(row)? {
            give(row.get("id")?, vector);
        }
    }
    Ok(())
}

/// Gives every page that has a signature, ascending.
pub fn each(db: &Connection, mut give: impl FnMut(i64, Compact)) -> Result<()> {
    let mut statement = db.prepare_cached("SELECT id, vector FROM signatures WHERE vector IS NOT NULL ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(vector) = vector(row)? {
            give(row.get("id")?, vector);
        }
    }
    Ok(())
}

pub fn of_row(db: &Connection, row: i64) -> Result<Option<Entry>> {
    Ok(db
        .prepare_cached(&format!("SELECT {COLUMNS} FROM signatures WHERE id = ?1"))?
        .query_row([row], entry)
        .optional()?)
}

/// What is repeated: its row, its text and the name of its document.
pub struct Original {
    pub row: i64,
    pub text_hash: Digest,
    pub source: String,
}

/// Gives every page that repeats one that is there, with the name of its document, in the order in which they were read.
pub fn each_repeating(db: &Connection, mut give: impl FnMut(&Entry, &Original, &str)) -> Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT s.id, s.document, s.page, s.text_hash, s.canonical_document, s.canonical_page, s.similarity,
                sd.source AS source, o.id AS original, o.text_hash AS original_hash, od.source AS original_source
         FROM signatures s
         JOIN signatures o ON o.document = s.canonical_document AND o.page = s.canonical_page
         JOIN documents sd ON sd.id = s.document
         JOIN documents od ON od.id = o.document
         WHERE s.canonical_document IS NOT NULL ORDER BY s.id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let original = Original {
            row: row.get("original")?,
            text_hash: parsed(row, "original_hash")?,
            source: row.get("original_source")?,
        };
        give(&entry(row)?, &original, row.get_ref("source")?.as_str().map_err(|e| unreadable(e.to_string()))?);
    }
    Ok(())
}

pub fn count_canonical(db: &Connection) -> Result<usize> {
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM signatures WHERE canonical_document IS NULL AND vector IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

pub fn insert(
    db: &Connection,
    key: PageKey,
    text_hash: Digest,
    vector: Option<&Compact>,
    canonical: Option<(PageKey, f32)>,
) -> Result<i64> {
    db.prepare_cached(
        "INSERT INTO signatures (document, page, text_hash, vector, canonical_document, canonical_page, similarity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        key.document.to_string(),
        key.page.get(),
        text_hash.to_string(),
        vector.map(Compact::to_bytes),
        canonical.map(|(key, _)| key.document.to_string()),
        canonical.map(|(key, _)| key.page.get()),
        canonical.map(|(_, similarity)| similarity),
    ])?;
    Ok(db.last_insert_rowid())
}

pub fn delete(db: &Connection, row: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM signatures WHERE id = ?1")?.execute([row])?;
    Ok(())
}

pub fn set_canonical(db: &Connection, row: i64, canonical: Option<(PageKey, f32)>) -> Result<()> {
    db.prepare_cached(
        "UPDATE signatures SET canonical_document = ?2, canonical_page = ?3, similarity = ?4 WHERE id = ?1",
    )?
    .execute(params![
        row,
        canonical.map(|(key, _)| key.document.to_string()),
        canonical.map(|(key, _)| key.page.get()),
        canonical.map(|(_, similarity)| similarity),
    ])?;
    Ok(())
}

/// The rows of one document.
pub fn rows_of(db: &Connection, document: DocumentId) -> Result<Vec<i64>> {
    Ok(db
        .prepare_cached("SELECT id FROM signatures WHERE document = ?1")?
        .query_map([document.to_string()], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Pages that repeat one of this document, with their signatures, the first one first.
pub fn repeating(db: &Connection, document: DocumentId) -> Result<Vec<(Entry, Option<Compact>)>> {
    Ok(db
        .prepare_cached(&format!("SELECT {COLUMNS}, vector FROM signatures WHERE canonical_document = ?1 ORDER BY id"))?
        .query_map([document.to_string()], |row| Ok((entry(row)?, vector(row)?)))?
        .collect::<Result<_, _>>()?)
}

/// Forgets pages that were compared and never committed: the process died in between, and they will come again.
pub fn forget_uncommitted(db: &Connection) -> Result<usize> {
    Ok(db.execute(
        "DELETE FROM signatures WHERE NOT EXISTS (
             SELECT 1 FROM pages p JOIN documents d ON d.key = p.document
             WHERE d.id = signatures.document AND p.page = signatures.page)",
        [],
    )?)
}

/// As [`forget_uncommitted`], for one document. Gives the rows that are gone.
pub fn forget_uncommitted_of(db: &Connection, document: DocumentId) -> Result<Vec<i64>> {
    Ok(db
        .prepare_cached(
            "DELETE FROM signatures WHERE document = ?1 AND page NOT IN (
                 SELECT p.page FROM pages p JOIN documents d ON d.key = p.document WHERE d.id = ?1)
             RETURNING id",
        )?
        .query_map([document.to_string()], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}
