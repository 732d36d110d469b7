//! All signatures side by side in memory, compared one by one: exact, and faster than any graph while they are few.

use super::signature::{Compact, DIMENSIONS, cosine_of, dot_i8};

/// 2 KiB a page.
#[derive(Default)]
pub struct Exact {
    /// Row numbers of the table, in the order of the vectors.
    rows: Vec<i64>,
    /// Squared lengths.
    squares: Vec<i32>,
    vectors: Vec<i8>,
}

impl Exact {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn insert(&mut self, row: i64, vector: &Compact) {
        self.rows.push(row);
        self.squares.push(dot_i8(vector.values(), vector.values()));
        self.vectors.extend_from_slice(vector.values());
    }

    pub fn remove(&mut self, row: i64) {
        let Some(at) = self.rows.iter().position(|found| *found == row) else { return };
        self.rows.remove(at);
        self.squares.remove(at);
        self.vectors.drain(at * DIMENSIONS..(at + 1) * DIMENSIONS);
    }

    /// The `k` nearest rows with their cosine, nearest first; of equals the oldest first.
    pub fn nearest(&self, query: &Compact, k: usize) -> Vec<(i64, f32)> {
        let square = dot_i8(query.values(), query.values());
        let mut best = Best::new(k);
        for ((row, own), vector) in self.rows.iter().zip(&self.squares).zip(self.vectors.chunks_exact(DIMENSIONS)) {
            best.offer(*row, cosine_of(dot_i8(query.values(), vector), square, *own));
        }
        best.found
    }
}

/// The best `k` so far, best first.
pub struct Best {
    k: usize,
    pub found: Vec<(i64, f32)>,
}

impl Best {
    pub fn new(k: usize) -> Self {
        Self { k, found: Vec::new() }
    }

    /// Of equals, what was offered first stays in front.
    pub fn offer(&mut self, row: i64, similarity: f32) {
        let full = self.found.len() == self.k;
        if !similarity.is_finite() || full && self.found.last().is_none_or(|(_, worst)| similarity <= *worst) {
            return;
        }
        let at = self.found.partition_point(|(_, found)| *found >= similarity);
        self.found.insert(at, (row, similarity));
        self.found.truncate(self.k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_in_order() {
        let mut best = Best::new(2);
        for (row, similarity) in [(1, 0.5), (2, f32::NAN), (3, 0.9), (4, 0.5), (5, 0.9), (6, 0.1)] {
            best.offer(row, similarity);
        }
        assert_eq!(best.found, [(3, 0.9), (5, 0.9)]);
        let mut none = Best::new(0);
        none.offer(1, 1.0);
        assert!(none.found.is_empty());
    }

    #[test]
    fn what_is_removed_is_not_found() {
        let vector = |seed: usize| {
            let values: Vec<f32> = (0..DIMENSIONS).map(|i| if i % 7 == seed { 1.0 } else { 0.0 }).collect();
            Compact::new(&values).unwrap()
        };
        let mut exact = Exact::default();
        (0..4).for_each(|seed| exact.insert(10 + seed as i64, &vector(seed)));
        assert_eq!(exact.nearest(&vector(2), 1), [(12, 1.0)]);
        exact.remove(12);
        exact.remove(99);
        assert_eq!((exact.len(), exact.nearest(&vector(2), 1)[0].1), (3, 0.0));
        assert_eq!(exact.nearest(&vector(3), 1), [(13, 1.0)]);
    }
}
