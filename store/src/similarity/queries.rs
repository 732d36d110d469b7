//! What a reader asks about pages that are like each other: nothing is written, and no index is loaded, so that it can be asked
//! beside a process that writes.

use std::collections::BTreeMap;

use pagestream_documents::{Digest, DocumentId};
use rusqlite::Connection;

use super::{
    PageKey,
    alignment::Comparison,
    side_by_side::align,
    signature::{Compact, normalise, of_normalised},
    table,
    words::words,
};
use crate::{error::Result, nearest::Best};

/// A page that is like another.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    pub key: PageKey,
    /// Cosine similarity of the signatures; 1 when the texts are the same.
    pub similarity: f32,
    pub relation: Relation,
    /// What differs; nothing where the texts are the same.
    pub differs: Comparison,
}

/// How much two pages have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The texts are the same once normalised.
    Same,
    /// Two readings of one page.
    NearDuplicate,
    /// They have words in common: another page of the same form, or of the same matter.
    Alike,
}

/// Pages that repeat one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The earliest, which the others refer to: the one to keep.
    pub keep: PageKey,
    /// The others, in the order in which they were read.
    pub repeats: Vec<Repeat>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeat {
    pub key: PageKey,
    /// Cosine similarity to [`Cluster::keep`]; 1 when the texts are the same.
    pub similarity: f32,
    /// Whether the texts are the same once normalised.
    pub same: bool,
}

/// The `k` pages most like a text, nearest first, but for `except`. Every signature in the table is looked at: 2 KiB a page.
pub fn similar(db: &Connection, text: &str, k: usize, except: Option<PageKey>) -> Result<Vec<Similar>> {
    let text = normalise(text);
    let Some(vector) = of_normalised(&text).and_then(|signature| Compact::new(&signature)) else {
        return Ok(Vec::new());
    };
    let excepted = except.map(|key| table::get(db, key)).transpose()?.flatten().map(|entry| entry.row);
    let mut best = Best::new(k);
    table::each(db, |row, found| {
        if Some(row) != excepted {
            best.offer(row, vector.cosine(&found));
        }
    })?;
    let hash = Digest::of(text.as_bytes());
    let mut answers = Vec::with_capacity(best.found.len());
    for (row, similarity) in best.found {
        let Some(entry) = table::of_row(db, row)? else { continue };
        if entry.text_hash == hash {
            let differs = Comparison { words: words(&text).len() as u32, ..Comparison::default() };
            answers.push(Similar { key: entry.key, similarity: 1.0, relation: Relation::Same, differs });
            continue;
        }
        // One that was delivered without its text is compared by the text of the page that it repeats.
        let mut earlier = table::text(db, entry.key)?.filter(|text| !text.is_empty());
        if let (None, Some((of, _))) = (&earlier, entry.canonical) {
            earlier = table::text(db, of)?;
        }
        let found = earlier.map(|earlier| align(&normalise(&earlier), &text)).unwrap_or_default();
        let relation = if found.repeats() { Relation::NearDuplicate } else { Relation::Alike };
        answers.push(Similar { key: entry.key, similarity, relation, differs: found.into_comparison() });
    }
    Ok(answers)
}

/// All pages that repeat one another, of the documents that `wanted` takes by identity and name, in the order of the first of each. Of a
/// cluster of which the earliest page is in none of these documents the earliest that is leads; one page makes no cluster.
pub fn clusters(db: &Connection, mut wanted: impl FnMut(DocumentId, &str) -> bool) -> Result<Vec<Cluster>> {
    let mut documents: BTreeMap<DocumentId, bool> = BTreeMap::new();
    let mut found: BTreeMap<PageKey, Vec<(i64, Repeat)>> = BTreeMap::new();
    table::each_repeating(db, |entry, original, source| {
        let Some((of, similarity)) = entry.canonical else { return };
        let members = found.entry(of).or_default();
        let mut takes =
            |key: PageKey, source: &str| *documents.entry(key.document).or_insert_with(|| wanted(key.document, source));
        if members.is_empty() && takes(of, &original.source) {
            members.push((original.row, Repeat { key: of, similarity: 1.0, same: true }));
        }
        if takes(entry.key, source) {
            let same = entry.text_hash == original.text_hash;
            let similarity = if same { 1.0 } else { similarity };
            members.push((entry.row, Repeat { key: entry.key, similarity, same }));
        }
    })?;
    let mut clusters: Vec<(i64, Cluster)> = found
        .into_values()
        .filter_map(|mut members| {
            members.sort_by_key(|(row, _)| *row);
            let mut members = members.into_iter();
            let (row, keep) = members.next()?;
            let repeats: Vec<Repeat> = members.map(|(_, repeat)| repeat).collect();
            (!repeats.is_empty()).then_some((row, Cluster { keep: keep.key, repeats }))
        })
        .collect();
    clusters.sort_by_key(|(row, _)| *row);
    Ok(clusters.into_iter().map(|(_, cluster)| cluster).collect())
}
