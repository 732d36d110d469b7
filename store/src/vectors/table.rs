//! The tables of vectors, which are the truth about what pages mean.

use std::ops::Range;

use pagestream_documents::{Digest, DocumentId, PageNumber};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Embedded, PassageVector,
    code::{decode, direction, encode},
    index::Entry,
};
use crate::{
    error::Result,
    rows::{parsed, unreadable},
    similarity::PageKey,
};

/// A model as the tables know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    pub key: i64,
    pub dimensions: usize,
}

pub fn model(db: &Connection, digest: Digest) -> Result<Option<Model>> {
    Ok(db
        .prepare_cached("SELECT key, dimensions FROM embedding_models WHERE digest = ?1")?
        .query_row([digest.to_string()], |row| {
            Ok(Model { key: row.get(0)?, dimensions: row.get::<_, u32>(1)? as usize })
        })
        .optional()?)
}

/// The model, which is noted if it is new; `dimensions` is 0 where nothing with a vector came yet.
pub fn model_or_new(db: &Connection, digest: Digest, dimensions: usize) -> Result<Model> {
    db.prepare_cached("INSERT OR IGNORE INTO embedding_models (digest, dimensions) VALUES (?1, 0)")?
        .execute([digest.to_string()])?;
    if dimensions > 0 {
        db.prepare_cached("UPDATE embedding_models SET dimensions = ?2 WHERE digest = ?1 AND dimensions = 0")?
            .execute(params![digest.to_string(), dimensions as i64])?;
    }
    Ok(model(db, digest)?.expect("it was just inserted"))
}

/// How far the vectors of the tables have come: what an index in memory compares itself with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The last id that was given to a vector.
    pub id: i64,
    /// The last removal.
    pub change: i64,
}

pub fn marks(db: &Connection) -> Result<Marks> {
    let mut select =
        db.prepare_cached("SELECT name, seq FROM sqlite_sequence WHERE name IN ('vectors', 'vectors_removed')")?;
    let mut rows = select.query([])?;
    let mut marks = Marks::default();
    while let Some(row) = rows.next()? {
        match row.get_ref(0)?.as_str().unwrap_or_default() {
            "vectors" => marks.id = row.get(1)?,
            _ => marks.change = row.get(1)?,
        }
    }
    Ok(marks)
}

/// The vectors that were removed after a change; `None` where that is no longer known.
pub fn removed_since(db: &Connection, change: i64) -> Result<Option<Vec<i64>>> {
    let mut select =
        db.prepare_cached("SELECT change, vector FROM vectors_removed WHERE change > ?1 ORDER BY change")?;
    let mut rows = select.query([change])?;
    let mut removed = Vec::new();
    while let Some(row) = rows.next()? {
        if removed.is_empty() && row.get::<_, i64>(0)? != change + 1 {
            return Ok(None);
        }
        removed.push(row.get(1)?);
    }
    Ok(Some(removed))
}

/// Gives the vectors of a model behind an id, ascending, of whatever length. Rows that hold no vector are passed over.
pub fn each_after(db: &Connection, model: Model, after: i64, mut give: impl FnMut(Entry)) -> Result<()> {
    let mut select = db.prepare_cached("SELECT id, page, model, vector FROM vectors WHERE id > ?1 ORDER BY id")?;
    let mut rows = select.query([after])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? == model.key
            && let Some(vector) = direction(row.get_ref(3)?.as_blob().unwrap_or_default(), model.dimensions)
        {
            give(Entry { id: row.get(0)?, page: row.get(1)?, vector });
        }
    }
    Ok(())
}

/// A passage as it stands in the table.
pub struct Passage {
    pub page: i64,
    pub range: Range<u32>,
    pub vector: Vec<f32>,
}

/// A vector by its id, if it and its page are there.
pub fn passage(db: &Connection, model: Model, id: i64) -> Result<Option<Passage>> {
    let mut select = db.prepare_cached(
        "SELECT page, start, end, vector FROM vectors
         WHERE id = ?1 AND model = ?2 AND EXISTS (SELECT 1 FROM pages WHERE seq = vectors.page)",
    )?;
    let mut rows = select.query([id, model.key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let vector = decode(row.get_ref(3)?.as_blob().unwrap_or_default(), model.dimensions);
    let (page, range) = (row.get(0)?, row.get(1)?..row.get(2)?);
    Ok(vector.map(|vector| Passage { page, range, vector }))
}

/// The vectors of a page, in the order of its passages.
pub fn of_page(db: &Connection, model: Model, page: i64) -> Result<Vec<PassageVector>> {
    let mut select =
        db.prepare_cached("SELECT start, end, vector FROM vectors WHERE page = ?1 AND model = ?2 ORDER BY passage")?;
    let mut rows = select.query([page, model.key])?;
    let mut passages = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(vector) = decode(row.get_ref(2)?.as_blob().unwrap_or_default(), model.dimensions) {
            passages.push(PassageVector { range: row.get(0)?..row.get(1)?, vector });
        }
    }
    Ok(passages)
}

/// The first page with this text that the model has been asked about.
pub fn with_text(db: &Connection, model: Model, text: Digest) -> Result<Option<i64>> {
    Ok(db
        .prepare_cached("SELECT page FROM embeddings WHERE text_hash = ?1 AND model = ?2 ORDER BY page LIMIT 1")?
        .query_row(params![text.to_string(), model.key], |row| row.get(0))
        .optional()?)
}

/// The row of a page; `None` where there is no such page.
pub fn row_of(db: &Connection, key: PageKey) -> Result<Option<i64>> {
    Ok(db
        .prepare_cached(
            "SELECT p.seq FROM pages p JOIN documents d ON d.key = p.document WHERE d.id = ?1 AND p.page = ?2",
        )?
        .query_row(params![key.document.to_string(), key.page.get()], |row| row.get(0))
        .optional()?)
}

/// The name of a page, the name of its document, and its text.
pub fn described(db: &Connection, page: i64) -> Result<Option<(PageKey, String, String)>> {
    let of = |row: &Row<'_>| {
        let document: DocumentId = parsed(row, "id")?;
        let page = PageNumber::new(row.get("page")?).ok_or_else(|| unreadable("page 0".into()))?;
        Ok((PageKey { document, page }, row.get("source")?, row.get::<_, Option<String>>("text")?.unwrap_or_default()))
    };
    Ok(db
        .prepare_cached(
            "SELECT d.id, d.source, p.page, json_extract(p.record, '$.text') AS text FROM pages p
             JOIN documents d ON d.key = p.document WHERE p.seq = ?1",
        )?
        .query_row([page], of)
        .optional()?)
}

/// Notes what came of a page, in the place of what was known of it. Vectors have length 1.
pub fn put(db: &Connection, model: Model, page: i64, text: Digest, passages: &[PassageVector]) -> Result<()> {
    db.prepare_cached("DELETE FROM vectors WHERE page = ?1 AND model = ?2")?.execute([page, model.key])?;
    db.prepare_cached(
        "INSERT INTO embeddings (model, page, text_hash) VALUES (?1, ?2, ?3)
         ON CONFLICT (model, page) DO UPDATE SET text_hash = excluded.text_hash",
    )?
    .execute(params![model.key, page, text.to_string()])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO vectors (page, model, passage, start, end, vector) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (number, PassageVector { range, vector }) in passages.iter().enumerate() {
        insert.execute(params![page, model.key, number as i64, range.start, range.end, encode(vector)])?;
    }
    Ok(())
}

/// The pages with words that the model has not been asked about, in the order of commits, after a place in it.
pub fn missing(db: &Connection, model: Option<Model>, after: i64, limit: usize) -> Result<Vec<i64>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(db
        .prepare_cached(
            "SELECT seq FROM searched WHERE seq > ?1
             AND NOT EXISTS (SELECT 1 FROM embeddings WHERE model = ?2 AND page = searched.seq) ORDER BY seq LIMIT ?3",
        )?
        .query_map([after, model.map_or(0, |model| model.key), limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

pub fn embedded(db: &Connection, digest: Digest) -> Result<Embedded> {
    let count = |sql: &str, key: i64| -> Result<u64> {
        Ok(db.prepare_cached(sql)?.query_row([key], |row| row.get::<_, i64>(0))?.unsigned_abs())
    };
    let with_words = count("SELECT count(*) FROM searched WHERE ?1 IS NOT NULL", 0)?;
    let done = match model(db, digest)? {
        Some(model) => count("SELECT count(*) FROM embeddings WHERE model = ?1", model.key)?,
        None => 0,
    };
    Ok(Embedded { done, waiting: with_words.saturating_sub(done) })
}

/// Vectors whose page is not there, or that are none: what a hand in the database leaves.
pub fn foreign(db: &Connection, model: Model) -> Result<Vec<i64>> {
    let mut select = db.prepare_cached(
        "SELECT id, vector, EXISTS (SELECT 1 FROM pages WHERE seq = vectors.page) FROM vectors WHERE model = ?1",
    )?;
    let mut rows = select.query([model.key])?;
    let mut foreign = Vec::new();
    while let Some(row) = rows.next()? {
        if !row.get::<_, bool>(2)? || decode(row.get_ref(1)?.as_blob().unwrap_or_default(), model.dimensions).is_none()
        {
            foreign.push(row.get(0)?);
        }
    }
    Ok(foreign)
}

/// Removes vectors, and forgets what was noted of pages that are not there.
pub fn remove(db: &Connection, ids: &[i64]) -> Result<()> {
    let mut delete = db.prepare_cached("DELETE FROM vectors WHERE id = ?1")?;
    for id in ids {
        delete.execute([id])?;
    }
    db.execute("DELETE FROM embeddings WHERE NOT EXISTS (SELECT 1 FROM pages WHERE seq = embeddings.page)", [])?;
    Ok(())
}
