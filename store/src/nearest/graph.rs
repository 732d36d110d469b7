//! The graph of neighbours (HNSW, `ruvector-core`) that proposes candidates in a large store. A cache, and treated as
//! one that may be wrong: what it answers is joined with the table and compared again.
//!
//! It lives in memory and is built from the table. Keeping it in a file would save nothing, because the library builds
//! the graph anew at every opening, and would bring what its files bring: a panic where one is damaged, a second process
//! refused, an fsync for every page.
//!
//! Its known faults decide how it is used here: identical vectors cut the graph apart, so duplicates are never put in;
//! a vector that is not finite becomes everybody's neighbour, so none gets in; deleting hides a node and leaves a hole,
//! so many deletions mean building it again; a large batch stalls readers, so batches are small; it may panic, so every
//! call is guarded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ruvector_core::{
    VectorDB,
    types::{DbOptions, DistanceMetric, HnswConfig, SearchQuery, VectorEntry},
};

/// Vectors put in at a time: more would keep readers waiting for long.
pub const BATCH: usize = 50;

/// Width of the search: recall .970 at 200 and .995 at 400 among 10,000 clustered pages, for 0.5 to 0.8 ms.
const SEARCH_WIDTH: usize = 400;

pub struct Graph {
    db: VectorDB,
    /// Highest row of the table that was offered to it.
    pub last_row: i64,
    pub len: usize,
    /// Nodes that are hidden and still take part in the search.
    pub tombstones: usize,
}

/// The library failed or panicked: the graph is not to be used again.
#[derive(Debug)]
pub struct Broken(pub String);

impl Graph {
    /// `expected`: about how many vectors will come, all of this length.
    pub fn new(dimensions: usize, expected: usize) -> Result<Self, Broken> {
        let options = DbOptions {
            dimensions,
            distance_metric: DistanceMetric::Cosine,
            storage_path: "memory://".into(),
            hnsw_config: Some(HnswConfig {
                max_elements: expected.saturating_mul(2).max(10_000),
                ..HnswConfig::default()
            }),
            quantization: None,
        };
        let db = guarded(|| VectorDB::new(options))?;
        Ok(Self { db, last_row: 0, len: 0, tombstones: 0 })
    }

    /// Rows are ascending, and none is given twice; vectors are finite and have a direction.
    pub fn insert(&mut self, batch: Vec<(i64, Vec<f32>)>) -> Result<(), Broken> {
        let Some((last, _)) = batch.last() else { return Ok(()) };
        let (last, count) = (*last, batch.len());
        let entries: Vec<_> = batch
            .into_iter()
            .map(|(row, vector)| VectorEntry { id: Some(row.to_string()), vector, metadata: None })
            .collect();
        guarded(|| self.db.insert_batch(&entries))?;
        self.last_row = last;
        self.len += count;
        Ok(())
    }

    pub fn remove(&mut self, row: i64) -> Result<(), Broken> {
        if guarded(|| self.db.delete(&row.to_string()))? {
            self.tombstones += 1;
        }
        Ok(())
    }

    /// Rows that may be near `query`; some may not exist any more.
    pub fn candidates(&self, query: Vec<f32>, k: usize) -> Result<Vec<i64>, Broken> {
        let query = SearchQuery { vector: query, k, filter: None, ef_search: Some(SEARCH_WIDTH.max(k)) };
        let found = guarded(|| self.db.search(query))?;
        Ok(found.iter().filter_map(|result| result.id.parse().ok()).collect())
    }

    /// Puts another library database in its place, which refuses our vectors.
    #[cfg(test)]
    pub fn break_for_test(&mut self) {
        let options = DbOptions { dimensions: 3, storage_path: "memory://".into(), ..self.db.options().clone() };
        self.db = VectorDB::new(options).unwrap();
        let vector = vec![0.5; 3];
        self.db.insert(VectorEntry { id: Some("1".into()), vector, metadata: None }).unwrap();
    }
}

fn guarded<T>(call: impl FnOnce() -> ruvector_core::Result<T>) -> Result<T, Broken> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Broken(error.to_string())),
        Err(_) => Err(Broken("it panicked".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_the_graph_is_an_error() {
        assert!(guarded::<()>(|| panic!("as a damaged graph does")).is_err());
        let mut graph = Graph::new(8, 1).unwrap();
        assert!(graph.insert(vec![(1, vec![1.0; 3])]).is_err(), "a wrong length is refused");
    }
}
