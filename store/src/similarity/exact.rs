//! All signatures side by side in memory, compared one by one: exact, and faster than any graph while they are few.

use super::signature::{Compact, DIMENSIONS};
use crate::nearest::{Best, cosine_of, dot_i8};

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

#[cfg(test)]
mod tests {
    use super::*;

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
