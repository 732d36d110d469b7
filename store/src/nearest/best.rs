//! The best so far, of what is offered one by one.

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
}
