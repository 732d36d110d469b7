//! What a device runs next: the pure part of the scheduler.
//!
//! Inferences of many pages and documents wait here. A batch holds inputs of one model and one shape (line widths are
//! padded to buckets before they come here), so that a batch never pads anything and its results do not depend on who
//! shares it. The oldest page goes first: what is delivered next is computed next.

use std::collections::BTreeMap;

use pagestream_models::ocr::{Inference, Task};

use crate::budget::Priority;

/// Where an inference stands in the queue: interactive before bulk, then older pages, then the page's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    bulk: bool,
    sequence: u64,
    index: usize,
}

impl Position {
    pub fn new(priority: Priority, sequence: u64, index: usize) -> Self {
        Self { bulk: priority == Priority::Bulk, sequence, index }
    }

    /// The page that asked.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Which of the page's inferences it is.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// Inferences of one task and one shape.
#[derive(Clone, Debug)]
pub struct Batch {
    pub task: Task,
    pub items: Vec<(Position, Inference)>,
}

/// How many inputs a device takes at once.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Most inputs in a batch. 1 on a CPU, where larger ones were measured to be slower (2.38 s a page at 1, 2.79 at 6,
    /// 3.40 at 16) and where 1 makes results independent of the load by construction.
    pub items: usize,
    /// Most bytes of input tensors in a batch.
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub struct InferenceQueue {
    waiting: BTreeMap<Position, Inference>,
}

impl InferenceQueue {
    pub fn push(&mut self, position: Position, inference: Inference) {
        self.waiting.insert(position, inference);
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets what a page still waits for.
    pub fn remove_page(&mut self, sequence: u64) {
        self.waiting.retain(|position, _| position.sequence != sequence);
    }

    /// The next batch: the first in line of a task that `may_run`, and those behind it that fit it in task and shape,
    /// within `limits`.
    pub fn next(&mut self, limits: BatchLimits, may_run: impl Fn(Task) -> bool) -> Option<Batch> {
        let position = self.waiting.iter().find(|(_, inference)| may_run(inference.task)).map(|(p, _)| *p)?;
        let first = self.waiting.remove(&position)?;
        let (task, shape) = (first.task, first.input.shape.clone());
        let bytes = (first.input.data.len() * size_of::<f32>()) as u64;
        let most = limits.items.min((limits.bytes / bytes.max(1)) as usize).max(1);
        let mut items = vec![(position, first)];
        if most > 1 {
            let same = |i: &Inference| i.task == task && i.input.shape == shape;
            let others = self.waiting.iter().filter(|(_, i)| same(i)).map(|(p, _)| *p).take(most - 1);
            let others: Vec<_> = others.collect();
            items.extend(others.into_iter().filter_map(|p| Some((p, self.waiting.remove(&p)?))));
        }
        Some(Batch { task, items })
    }
}

#[cfg(test)]
mod tests {
    use pagestream_models::Tensor;

    use super::*;

    fn line(width: usize) -> Inference {
        let shape = vec![1, 3, 48, width];
        Inference { task: Task::Recognize, input: Tensor { data: vec![0.0; 3 * 48 * width], shape } }
    }

    const LARGE: BatchLimits = BatchLimits { items: 8, bytes: 1 << 30 };

    fn indices(batch: &Batch) -> Vec<(u64, usize)> {
        batch.items.iter().map(|(p, _)| (p.sequence, p.index)).collect()
    }

    #[test]
    fn a_batch_has_one_shape_and_takes_the_oldest_pages_first() {
        let mut queue = InferenceQueue::default();
        for (sequence, index, width) in [(2, 0, 320), (1, 0, 320), (1, 1, 64), (3, 0, 320)] {
            queue.push(Position::new(Priority::Interactive, sequence, index), line(width));
        }
        assert_eq!(indices(&queue.next(LARGE, |_| true).unwrap()), [(1, 0), (2, 0), (3, 0)]);
        assert_eq!(indices(&queue.next(LARGE, |_| true).unwrap()), [(1, 1)]);
        assert!(queue.next(LARGE, |_| true).is_none());
    }

    #[test]
    fn a_batch_is_bounded_in_items_and_bytes() {
        let mut queue = InferenceQueue::default();
        for index in 0..10 {
            queue.push(Position::new(Priority::Interactive, 0, index), line(320));
        }
        let one = (3 * 48 * 320 * 4) as u64;
        assert_eq!(queue.next(BatchLimits { items: 4, bytes: 1 << 30 }, |_| true).unwrap().items.len(), 4);
        assert_eq!(queue.next(BatchLimits { items: 4, bytes: 2 * one + 1 }, |_| true).unwrap().items.len(), 2);
        assert_eq!(
            queue.next(BatchLimits { items: 4, bytes: 1 }, |_| true).unwrap().items.len(),
            1,
            "one always passes"
        );
    }

    #[test]
    fn bulk_waits_and_a_page_given_up_is_forgotten() {
        let mut queue = InferenceQueue::default();
        queue.push(Position::new(Priority::Bulk, 1, 0), line(64));
        queue.push(Position::new(Priority::Interactive, 2, 0), line(32));
        queue.push(Position::new(Priority::Interactive, 3, 0), line(32));
        queue.remove_page(3);
        assert_eq!(indices(&queue.next(LARGE, |_| true).unwrap()), [(2, 0)]);
        assert_eq!(indices(&queue.next(LARGE, |_| true).unwrap()), [(1, 0)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_task_that_may_not_run_lets_others_pass() {
        let mut queue = InferenceQueue::default();
        let detect = Inference { task: Task::Detect, ..line(64) };
        queue.push(Position::new(Priority::Interactive, 1, 0), detect);
        queue.push(Position::new(Priority::Interactive, 2, 0), line(64));
        assert_eq!(indices(&queue.next(LARGE, |task| task != Task::Detect).unwrap()), [(2, 0)]);
        assert!(queue.next(LARGE, |task| task != Task::Detect).is_none());
        assert_eq!(indices(&queue.next(LARGE, |_| true).unwrap()), [(1, 0)]);
    }
}
