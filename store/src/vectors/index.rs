//! The seam behind which an index of vectors stands. What is in it is a copy of the table's rows and may be thrown away.

/// A vector as an index takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its row in the table: ascending, and never used twice.
    pub id: i64,
    /// The row of the page that it is of; more than 0.
    pub page: i64,
    /// Of any length; only its direction matters.
    pub vector: Vec<f32>,
}

/// A vector that may be among the nearest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub id: i64,
    pub page: i64,
    /// The cosine as the index knows it, rounded.
    pub similarity: f32,
}

/// What an index is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Nothing was asked of it in this process yet: it is read from the table by the first search.
    NotLoaded,
    /// It is being read from the table, and has so many vectors so far. A search by meaning waits for it; others do not.
    Loading { vectors: u64 },
    /// Vectors are compared one by one: nothing is to be built, for so many vectors none would be faster.
    NotNeeded { vectors: u64 },
    /// A graph of neighbours is being built; until it is ready vectors are compared one by one.
    Building { done: u64, of: u64 },
    /// The graph answers.
    Ready { vectors: u64 },
}

/// Finds vectors near to one. Where several threads ask at once they do not wait for each other.
///
/// What it gives is joined with the table by whoever asks: an index may miss the latest change, it must not invent anything.
pub trait VectorIndex: Send + Sync {
    /// Vectors in it.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds vectors, their ids ascending and higher than all before. Gives how many it refused: those that are not finite, have no direction or
    /// another length than the others.
    fn insert(&mut self, entries: &[Entry]) -> usize;

    /// Takes vectors out; ids that it does not have are passed over.
    fn remove(&mut self, ids: &[i64]);

    /// Whether a vector of this id is in it.
    fn contains(&self, id: i64) -> bool;

    /// Up to `k` vectors near to `query`, nearest first; only of pages that `filter` lets through. Nothing for a query that is not finite, has no direction
    /// or another length.
    fn nearest(&self, query: &[f32], k: usize, filter: Option<&PageFilter>) -> Vec<Candidate>;

    /// Takes over what is ready of what it does in the background, and starts what is due. Called before a search.
    fn tend(&mut self) {}

    /// Whether [`Self::tend`] has something to do.
    fn wants_tending(&self) -> bool {
        false
    }

    /// Waits until nothing is done in the background any more.
    fn settle(&mut self) {}

    fn state(&self) -> IndexState;
}

/// A set of pages, by their rows: one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFilter {
    words: Vec<u64>,
    len: usize,
}

impl PageFilter {
    /// `page` is not negative.
    pub fn insert(&mut self, page: i64) {
        let page = page.unsigned_abs() as usize;
        if self.words.len() <= page / 64 {
            self.words.resize(page / 64 + 1, 0);
        }
        let (word, bit) = (&mut self.words[page / 64], 1 << (page % 64));
        self.len += usize::from(*word & bit == 0);
        *word |= bit;
    }

    pub fn remove(&mut self, page: i64) {
        let page = page.unsigned_abs() as usize;
        if let Some(word) = self.words.get_mut(page / 64) {
            let bit = 1 << (page % 64);
            self.len -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    pub fn contains(&self, page: i64) -> bool {
        let page = page.unsigned_abs() as usize;
        self.words.get(page / 64).is_some_and(|word| word >> (page % 64) & 1 == 1)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl FromIterator<i64> for PageFilter {
    fn from_iter<T: IntoIterator<Item = i64>>(pages: T) -> Self {
        let mut filter = Self::default();
        pages.into_iter().for_each(|page| filter.insert(page));
        filter
    }
}
