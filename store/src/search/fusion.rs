//! Two lists of pages, by words and by meaning, made one.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::Connection;

use super::{
    query::{Term, Terms},
    results::{FoundBy, SearchMode},
};
use crate::error::Result;

/// Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009): a page has `1 / (10 + rank)` of each list that it is in, so that what both have
/// comes first and neither's scores, which cannot be compared, matter. The paper's 60 finds less here (BENCHMARKS.md).
const RANK_OFFSET: f64 = 10.0;

/// A page with what was asked for.
pub(super) struct Ranked {
    pub seq: i64,
    pub score: f64,
}

/// A page that was found by its meaning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Meant {
    /// Its row.
    pub page: i64,
    /// Cosine of the query and the passage.
    pub similarity: f32,
    /// The nearest passage, in bytes of the text.
    pub range: Range<u32>,
}

/// What is known of the pages beside their score.
pub(super) struct Found {
    by_words: HashSet<i64>,
    meant: HashMap<i64, Meant>,
}

impl Found {
    /// How a page was found, and its passage if it was by that.
    pub fn of(&self, page: i64) -> (FoundBy, Option<&Meant>) {
        let meant = self.meant.get(&page);
        match (meant.is_some(), self.by_words.contains(&page)) {
            (true, true) => (FoundBy::Both, meant),
            (true, false) => (FoundBy::Semantic, meant),
            _ => (FoundBy::Keyword, None),
        }
    }
}

/// The pages of both lists, best first; each list is sorted so.
pub(super) fn fuse(
    db: &Connection,
    mode: SearchMode,
    words: Vec<Ranked>,
    meant: Vec<Meant>,
    terms: &Terms,
) -> Result<(Vec<Ranked>, Found)> {
    let meant = without(db, meant, &terms.unwanted)?;
    let mut pages = Vec::with_capacity(words.len() + meant.len());
    let mut places: HashMap<i64, usize> = HashMap::new();
    let share = |rank: usize| 1.0 / (RANK_OFFSET + 1.0 + rank as f64);
    let by_words = words.iter().map(|page| page.seq).collect();
    for (rank, page) in words.into_iter().enumerate() {
        places.insert(page.seq, pages.len());
        let score = if mode == SearchMode::Hybrid { share(rank) } else { page.score };
        pages.push(Ranked { seq: page.seq, score });
    }
    for (rank, found) in meant.iter().enumerate() {
        let score = if mode == SearchMode::Hybrid { share(rank) } else { found.similarity.into() };
        if let Some(&at) = places.get(&found.page) {
            pages[at].score += score;
        } else {
            pages.push(Ranked { seq: found.page, score });
        }
    }
    pages.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.seq.cmp(&b.seq)));
    let meant = meant.into_iter().map(|found| (found.page, found)).collect();
    Ok((pages, Found { by_words, meant }))
}

/// What must not occur must not occur in what is meant, either.
fn without(db: &Connection, meant: Vec<Meant>, unwanted: &[Term]) -> Result<Vec<Meant>> {
    if unwanted.is_empty() {
        return Ok(meant);
    }
    let mut has = db.prepare_cached("SELECT 1 FROM page_words WHERE page_words MATCH ?1 AND rowid = ?2")?;
    let expressions: Vec<String> =
        unwanted.iter().map(|term| Terms { wanted: vec![term.clone()], unwanted: Vec::new() }.expression()).collect();
    let mut kept = Vec::with_capacity(meant.len());
    for found in meant {
        let mut is_unwanted = false;
        for expression in &expressions {
            is_unwanted |= has.exists((expression, found.page))?;
        }
        if !is_unwanted {
            kept.push(found);
        }
    }
    Ok(kept)
}
