//! Whether what is in memory is what the table has, and finds what an exact scan finds.

use std::collections::BTreeSet;

use pagestream_documents::Digest;
use rusqlite::Connection;

use super::{
    Memory,
    code::{cosine, scale_to_one},
    index::VectorIndex,
    table::{self, Model},
};
use crate::{database::Database, error::Result, nearest::Best};

/// Neighbours that are compared.
const NEIGHBOURS: usize = 10;

/// Recall below which the index is read anew.
const GOOD: f64 = 0.98;

/// What was found out about the vectors of a model.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// Vectors in the table.
    pub vectors: u64,
    /// Vectors whose neighbours were looked for.
    pub sampled: u64,
    /// Share of the ten nearest by an exact scan that the index finds, over the sample; 1 where there is nothing to find. Neighbours as near as
    /// the tenth count.
    pub recall_at_10: f64,
    /// Vectors of the table that the index in memory did not have.
    pub missing: u64,
    /// Vectors of the index that the table did not have.
    pub ghosts: u64,
    /// Rows that belonged to no page, or held no vector; they were removed.
    pub foreign: u64,
    /// Whether something was amiss and is mended.
    pub mended: bool,
    /// As `recall_at_10`, after mending.
    pub recall_after: f64,
}

pub fn verify(db: &Database, memory: &Memory, digest: Digest, sample: usize) -> Result<Verified> {
    let Some(model) = db.read(|db| table::model(db, digest))?.filter(|model| model.dimensions > 0) else {
        return Ok(Verified { recall_at_10: 1.0, recall_after: 1.0, ..Verified::default() });
    };
    let mut verified = db.read(|db| look(db, memory, model, sample))?;
    let foreign = db.read(|db| table::foreign(db, model))?;
    verified.foreign = foreign.len() as u64;
    if !foreign.is_empty() {
        db.write(|db| table::remove(db, &foreign))?;
    }
    let is_good = verified.missing + verified.ghosts == 0 && verified.recall_at_10 >= GOOD;
    if !is_good {
        memory.forget(model);
    }
    verified.mended = !is_good || !foreign.is_empty();
    verified.recall_after = match verified.mended {
        true => db.read(|db| look(db, memory, model, sample))?.recall_at_10,
        false => verified.recall_at_10,
    };
    Ok(verified)
}

fn look(db: &Connection, memory: &Memory, model: Model, sample: usize) -> Result<Verified> {
    let mut ids = BTreeSet::new();
    table::each_after(db, model, 0, |entry| {
        ids.insert(entry.id);
    })?;
    let step = (ids.len() / sample.max(1)).max(1);
    let sampled: BTreeSet<i64> = ids.iter().step_by(step).take(sample).copied().collect();
    let mut queries = Vec::with_capacity(sampled.len());
    table::each_after(db, model, 0, |entry| {
        if sampled.contains(&entry.id)
            && let Some(vector) = scale_to_one(&entry.vector)
        {
            queries.push((entry.id, vector, Best::new(NEIGHBOURS)));
        }
    })?;
    table::each_after(db, model, 0, |entry| {
        let Some(vector) = scale_to_one(&entry.vector) else { return };
        for (_, query, best) in &mut queries {
            best.offer(entry.id, cosine(query, &vector));
        }
    })?;
    memory.ask_settled(db, model, |index| {
        let missing = ids.iter().filter(|id| !index.contains(**id)).count();
        // Those that it has, less those that it should have.
        let ghosts = index.len() + missing - ids.len();
        let (mut found, mut wanted) = (0, 0);
        for (_, query, best) in &queries {
            let Some((_, least)) = best.found.last() else { continue };
            let nearest = found_by(index, query, db, model)?;
            wanted += best.found.len();
            found += nearest.iter().filter(|similarity| **similarity >= least - 1e-6).count().min(best.found.len());
        }
        Ok(Verified {
            vectors: ids.len() as u64,
            sampled: queries.len() as u64,
            recall_at_10: if wanted == 0 { 1.0 } else { found as f64 / wanted as f64 },
            missing: missing as u64,
            ghosts: ghosts as u64,
            ..Verified::default()
        })
    })?
}

/// The cosines of the ten nearest as a search finds them.
fn found_by(index: &dyn VectorIndex, query: &[f32], db: &Connection, model: Model) -> Result<Vec<f32>> {
    let mut best = Best::new(NEIGHBOURS);
    for candidate in index.nearest(query, 4 * NEIGHBOURS, None) {
        if let Some(found) = table::passage(db, model, candidate.id)? {
            best.offer(candidate.id, cosine(query, &found.vector));
        }
    }
    Ok(best.found.into_iter().map(|(_, similarity)| similarity).collect())
}
