//! What is asked of the vectors: pages near to a question, and pages near to a page. What the index proposes is read from the table and
//! compared again there.

use std::{collections::HashMap, ops::Range};

use pagestream_documents::Digest;
use rusqlite::Connection;

use super::{
    Memory, PassageVector, Related,
    code::{cosine, scale_to_one},
    index::PageFilter,
    table::{self, Model},
};
use crate::{
    error::{Error, Result},
    similarity::PageKey,
};

/// Passages looked at for each page that is wanted, and at least: pages have several, and the index rounds. One costs some .01 ms.
const FOR_EACH: usize = 2;
const FEWEST: usize = 32;

/// Pages that are compared as wholes for each one that is given as related.
const RELATED_FOR_EACH: usize = 4;

/// A page by its nearest passage.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Its row.
    pub page: i64,
    pub similarity: f32,
    pub range: Range<u32>,
}

/// The `wanted` pages that have a passage nearest to a vector, nearest first, of those that `filter` lets through. Nothing where the model has embedded
/// nothing.
///
/// # Errors
/// [`Error::QueryVector`] for a vector that cannot be compared.
pub fn nearest(
    db: &Connection,
    memory: &Memory,
    digest: Digest,
    vector: &[f32],
    wanted: usize,
    filter: Option<&PageFilter>,
) -> Result<Vec<Near>> {
    let Some(vector) = scale_to_one(vector) else {
        return Err(Error::QueryVector("the query's vector is not finite or has no direction".to_owned()));
    };
    match table::model(db, digest)?.filter(|model| model.dimensions > 0) {
        None => Ok(Vec::new()),
        Some(model) if model.dimensions != vector.len() => Err(Error::QueryVector(format!(
            "the query's vector has {} values, and those of the pages have {}",
            vector.len(),
            model.dimensions
        ))),
        Some(model) => pages_near(db, memory, model, &vector, wanted, filter),
    }
}

fn pages_near(
    db: &Connection,
    memory: &Memory,
    model: Model,
    vector: &[f32],
    wanted: usize,
    filter: Option<&PageFilter>,
) -> Result<Vec<Near>> {
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let mut passages = wanted.saturating_mul(FOR_EACH).max(FEWEST);
    loop {
        let candidates = memory.ask(db, model, |index| index.nearest(vector, passages, filter))?;
        let mut best: HashMap<i64, Near> = HashMap::new();
        for candidate in &candidates {
            let Some(found) = table::passage(db, model, candidate.id)? else { continue };
            let near = Near { page: found.page, similarity: cosine(vector, &found.vector), range: found.range };
            let known = best.entry(found.page).or_insert_with(|| near.clone());
            if known.similarity < near.similarity {
                *known = near;
            }
        }
        // One page may have all of them: a book's index, or a filter that lets one document through.
        if best.len() < wanted && candidates.len() == passages {
            passages = passages.saturating_mul(4);
            continue;
        }
        let mut pages: Vec<Near> = best.into_values().collect();
        pages.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.page.cmp(&b.page)));
        pages.truncate(wanted);
        return Ok(pages);
    }
}

/// The vectors of a page; empty where the model has not been asked about it, or found nothing in it.
pub fn of_page(db: &Connection, digest: Digest, key: PageKey) -> Result<Vec<PassageVector>> {
    match (table::model(db, digest)?, table::row_of(db, key)?) {
        (Some(model), Some(page)) => table::of_page(db, model, page),
        _ => Ok(Vec::new()),
    }
}

/// The `k` pages nearest to one whose passages mean this, but for `except`; nearest first, by the cosine of the means.
pub fn related(
    db: &Connection,
    memory: &Memory,
    digest: Digest,
    vectors: &[PassageVector],
    k: usize,
    except: Option<PageKey>,
) -> Result<Vec<Related>> {
    let (Some(mean), Some(model)) = (mean(vectors), table::model(db, digest)?) else { return Ok(Vec::new()) };
    let except = except.map(|key| table::row_of(db, key)).transpose()?.flatten();
    let proposed = nearest(db, memory, digest, &mean, k.saturating_mul(RELATED_FOR_EACH).saturating_add(1), None)?;
    let mut found = Vec::with_capacity(proposed.len());
    for near in proposed.into_iter().filter(|near| Some(near.page) != except) {
        if let Some(other) = self::mean(&table::of_page(db, model, near.page)?) {
            found.push((cosine(&mean, &other).min(1.0), near));
        }
    }
    found.sort_by(|(a, near_a), (b, near_b)| b.total_cmp(a).then(near_a.page.cmp(&near_b.page)));
    let mut related = Vec::with_capacity(k.min(found.len()));
    for (similarity, Near { page, range, .. }) in found.into_iter().take(k) {
        let Some((key, source, text)) = table::described(db, page)? else { continue };
        let passage = text.get(range.start as usize..range.end as usize).unwrap_or_default().to_owned();
        related.push(Related { key, source, similarity, passage: range, text: passage });
    }
    Ok(related)
}

/// The direction of all together.
fn mean(passages: &[PassageVector]) -> Option<Vec<f32>> {
    let mut sum = vec![0.0; passages.first()?.vector.len()];
    for passage in passages {
        let vector = scale_to_one(&passage.vector).filter(|vector| vector.len() == sum.len())?;
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
    }
    scale_to_one(&sum)
}
