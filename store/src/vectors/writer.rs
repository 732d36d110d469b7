//! The writer's side: which pages have no vectors yet, and where those go.

use std::sync::Arc;

use pagestream_documents::Digest;
use rusqlite::Connection;

use super::{
    Memory, PassageVector,
    code::scale_to_one,
    table,
    verify::{self, Verified},
};
use crate::{
    database::Database,
    error::{Error, Result},
    page_log::{self, Sequence, StoredPage},
    similarity::{PageKey, is_tiny},
};

/// Pages that are looked at in a transaction: their records are read, a few ms.
const LOOKED_AT: usize = 64;

/// The vectors of one store, open for writing: see [`Store::vectors`](crate::Store::vectors). Calls block.
pub struct Vectors {
    db: Arc<Database>,
    memory: Arc<Memory>,
}

impl Vectors {
    pub(crate) fn new(db: Arc<Database>, memory: Arc<Memory>) -> Self {
        Self { db, memory }
    }

    /// Up to `limit` pages with a text that `model` has not been asked about, in the order of commits, after a place in it. What can be
    /// known without it is noted on the way and not given: pages whose text another page has take its vectors over, and blank and tiny
    /// pages have none.
    pub fn missing(&self, model: Digest, after: Sequence, limit: usize) -> Result<Vec<StoredPage>> {
        let mut missing: Vec<StoredPage> = Vec::new();
        let mut after = after;
        while missing.len() < limit {
            let rows = self.db.read(|db| table::missing(db, table::model(db, model)?, after, LOOKED_AT))?;
            let Some(&last) = rows.last() else { break };
            after = last;
            let pages = self
                .db
                .read(|db| rows.iter().filter_map(|row| page_at(db, *row).transpose()).collect::<Result<Vec<_>>>())?;
            let mut noted = Vec::new();
            for page in pages {
                let text = page.record()?.text;
                let digest = Digest::of(text.as_bytes());
                let known = match is_tiny(&text) {
                    true => Some(Vec::new()),
                    false => self.known(model, digest)?,
                };
                match known {
                    Some(passages) => noted.push((page.seq, digest, passages)),
                    None if missing.len() == limit => break,
                    None => missing.push(page),
                }
            }
            if !noted.is_empty() {
                self.db.write(|db| note(db, model, &noted))?;
            }
        }
        Ok(missing)
    }

    /// What came of a text when a page with it was put; `None` for one that is new.
    pub fn known(&self, model: Digest, text: Digest) -> Result<Option<Vec<PassageVector>>> {
        self.db.read(|db| {
            let Some(model) = table::model(db, model)? else { return Ok(None) };
            let page = table::with_text(db, model, text)?;
            page.map(|page| table::of_page(db, model, page)).transpose()
        })
    }

    /// Notes what a model made of a page's text (the digest of the record's `text`), in the place of what was there before. An empty slice notes that
    /// there is nothing to embed. `false`: the page is gone meanwhile.
    ///
    /// # Errors
    /// [`Error::BadVector`] for a vector that is not finite, has no direction, or has another length than the model's others.
    pub fn put(&self, model: Digest, page: PageKey, text: Digest, passages: &[PassageVector]) -> Result<bool> {
        let bad = |why| Error::BadVector { document: page.document, page: page.page, why };
        let scaled: Option<Vec<PassageVector>> = passages
            .iter()
            .map(|PassageVector { range, vector }| {
                Some(PassageVector { range: range.clone(), vector: scale_to_one(vector)? })
            })
            .collect();
        let scaled = scaled.ok_or_else(|| bad("is not finite or has no direction"))?;
        let dimensions = scaled.first().map_or(0, |passage| passage.vector.len());
        self.db.write(|db| {
            let model = table::model_or_new(db, model, dimensions)?;
            if scaled.iter().any(|passage| passage.vector.len() != model.dimensions) {
                return Err(bad("has another length than the others of its model"));
            }
            let Some(row) = table::row_of(db, page)? else { return Ok(false) };
            table::put(db, model, row, text, &scaled)?;
            Ok(true)
        })
    }

    /// Compares what is in memory with the table, and the index's answers with those of an exact scan for a sample of vectors; then mends: rows that
    /// belong to no page are removed, and an index that is not as the table is thrown away and read anew. Waits for a graph that is being built.
    pub fn verify(&self, model: Digest, sample: usize) -> Result<Verified> {
        verify::verify(&self.db, &self.memory, model, sample)
    }
}

fn page_at(db: &Connection, row: i64) -> Result<Option<StoredPage>> {
    Ok(page_log::changes_since(db, row - 1, 1)?.into_iter().find(|page| page.seq == row))
}

fn note(db: &Connection, model: Digest, pages: &[(i64, Digest, Vec<PassageVector>)]) -> Result<()> {
    for (row, text, passages) in pages {
        let dimensions = passages.first().map_or(0, |passage| passage.vector.len());
        let model = table::model_or_new(db, model, dimensions)?;
        // It may have been removed since it was read.
        if page_at(db, *row)?.is_some() {
            table::put(db, model, *row, *text, passages)?;
        }
    }
    Ok(())
}
