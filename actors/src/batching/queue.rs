//! Inferences of many pages and documents wait here, by model and shape.
//!
//! A batch holds inputs of one model and one shape (line widths are padded to buckets before they come here), so that a
//! batch never pads anything and its results do not depend on who shares it. Formulas go together whatever their shapes are: their model keeps
//! them apart itself. The oldest page goes first: what is
//! delivered next is computed next.

use std::collections::BTreeMap;

use pagestream_models::ocr::{Inference, Task};
use tokio::time::Instant;

use crate::budget::Priority;

/// Where an inference stands in the queue: pages before what no page waits for, interactive before bulk, what is easy before what is
/// hard where the order of pages does not matter, then who asked first, then the asker's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    background: bool,
    bulk: bool,
    deferred: bool,
    sequence: u64,
    index: usize,
}

impl Position {
    pub fn new(priority: Priority, sequence: u64, index: usize) -> Self {
        Self { background: false, bulk: priority == Priority::Bulk, deferred: false, sequence, index }
    }

    /// Behind every page. Askers that are no pages are counted by themselves.
    pub fn background(sequence: u64, index: usize) -> Self {
        Self { background: true, bulk: true, deferred: false, sequence, index }
    }

    pub fn asker(&self) -> Asker {
        if self.background { Asker::Other(self.sequence) } else { Asker::Page(self.sequence) }
    }

    /// Behind all that is not deferred, however old. Pages that wait so hold their slots, so that others do not go on before them
    /// for ever.
    pub fn deferred_if(self, deferred: bool) -> Self {
        Self { deferred, ..self }
    }

    /// Which of the asker's inferences it is.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// Who asked for an inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// A page, by its sequence.
    Page(u64),
    /// Somebody else, by a number of their own.
    Other(u64),
}

/// Inferences of one task, and of one shape unless the task mixes them.
#[derive(Clone, Debug)]
pub struct Batch {
    pub task: Task,
    pub items: Vec<(Position, Inference)>,
}

impl Batch {
    /// Numbers in the batch's input.
    pub fn elements(&self) -> usize {
        self.items.iter().map(|(_, inference)| inference.input.data.len()).sum()
    }
}

/// What is to be done now.
#[derive(Debug)]
pub enum Next {
    Run(Batch),
    /// Only batches that are not full wait, and they may wait until then for company.
    Wait(Instant),
    /// Nothing that may run now waits.
    Nothing,
}

/// How large a batch of one task and input size should be, and how long one that is smaller waits to become so.
pub trait BatchPolicy {
    /// Inputs of `elements` numbers each that should go together, at least 1.
    fn size(&self, task: Task, elements: usize) -> usize;

    /// Until when an inference that came at `since` may wait for others like it.
    fn patience(&self, since: Instant) -> Instant;
}

/// Inputs of one model that may go together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    task: Task,
    /// Empty where the task mixes shapes.
    shape: Vec<usize>,
}

#[derive(Debug)]
struct Waiting {
    inference: Inference,
    since: Instant,
}

#[derive(Debug, Default)]
pub struct InferenceQueue {
    kinds: BTreeMap<Kind, BTreeMap<Position, Waiting>>,
    order: BTreeMap<Position, Kind>,
}

impl InferenceQueue {
    pub fn push(&mut self, position: Position, inference: Inference, now: Instant) {
        let shape = if inference.task.mixes_shapes() { Vec::new() } else { inference.input.shape.clone() };
        let kind = Kind { task: inference.task, shape };
        self.order.insert(position, kind.clone());
        self.kinds.entry(kind).or_default().insert(position, Waiting { inference, since: now });
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Forgets what an asker still waits for.
    pub fn remove(&mut self, asker: Asker) {
        self.order.retain(|position, _| position.asker() != asker);
        self.kinds.retain(|_, waiting| {
            waiting.retain(|position, _| position.asker() != asker);
            !waiting.is_empty()
        });
    }

    /// The next batch: the first in line of a task that `may_run` and those behind it that are like it. A batch that is
    /// not full waits for company as long as `policy` allows, and meanwhile the next one that need not wait goes before.
    pub fn next(&mut self, now: Instant, policy: &impl BatchPolicy, may_run: impl Fn(Task) -> bool) -> Next {
        let mut wake: Option<Instant> = None;
        let mut passed: Vec<&Kind> = Vec::new();
        let mut chosen = None;
        for kind in self.order.values().filter(|kind| may_run(kind.task)) {
            if passed.contains(&kind) {
                continue;
            }
            let waiting = &self.kinds[kind];
            let elements = match kind.task.mixes_shapes() {
                true => waiting.values().map(|w| w.inference.input.data.len()).max().unwrap_or(1),
                false => kind.shape.iter().product(),
            };
            let size = policy.size(kind.task, elements).max(1);
            let oldest = waiting.values().map(|w| w.since).min().unwrap_or(now);
            let until = policy.patience(oldest);
            if waiting.len() >= size || until <= now {
                chosen = Some((kind.clone(), size));
                break;
            }
            wake = Some(wake.map_or(until, |wake| wake.min(until)));
            passed.push(kind);
        }
        match (chosen, wake) {
            (Some((kind, size)), _) => Next::Run(self.take(&kind, size)),
            (None, Some(wake)) => Next::Wait(wake),
            (None, None) => Next::Nothing,
        }
    }

    fn take(&mut self, kind: &Kind, size: usize) -> Batch {
        let mut items = Vec::new();
        if let Some(waiting) = self.kinds.get_mut(kind) {
            while items.len() < size
                && let Some((position, Waiting { inference, .. })) = waiting.pop_first()
            {
                self.order.remove(&position);
                items.push((position, inference));
            }
            if waiting.is_empty() {
                self.kinds.remove(kind);
            }
        }
        Batch { task: kind.task, items }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pagestream_models::Tensor;

    use super::*;

    fn line(width: usize) -> Inference {
        let shape = vec![1, 3, 48, width];
        Inference { task: Task::Recognize, input: Tensor { data: vec![0.0; 3 * 48 * width], shape } }
    }

    /// So many at once, and so long to wait for them.
    struct Fixed(usize, Duration);

    impl BatchPolicy for Fixed {
        fn size(&self, _: Task, _: usize) -> usize {
            self.0
        }

        fn patience(&self, since: Instant) -> Instant {
            since + self.1
        }
    }

    const EIGHT: Fixed = Fixed(8, Duration::ZERO);
    const WAITS: Fixed = Fixed(3, Duration::from_millis(2));

    fn queue(waiting: &[(Priority, u64, usize, usize)], now: Instant) -> InferenceQueue {
        let mut queue = InferenceQueue::default();
        for &(priority, sequence, index, width) in waiting {
            queue.push(Position::new(priority, sequence, index), line(width), now);
        }
        queue
    }

    fn indices(next: Next) -> Vec<(u64, usize)> {
        match next {
            Next::Run(batch) => batch.items.iter().map(|(p, _)| (p.sequence, p.index)).collect(),
            Next::Wait(_) | Next::Nothing => Vec::new(),
        }
    }

    use Priority::{Bulk, Interactive};

    #[test]
    fn what_is_deferred_goes_behind_younger_pages_of_its_class() {
        let now = Instant::now();
        let mut queue = queue(&[(Priority::Interactive, 2, 0, 64), (Priority::Bulk, 1, 0, 128)], now);
        queue.push(Position::new(Priority::Interactive, 1, 0).deferred_if(true), line(32), now);
        let mut order = || indices(queue.next(now, &EIGHT, |_| true))[0].0;
        assert_eq!([order(), order(), order()], [2, 1, 1]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_has_one_shape_and_takes_the_oldest_pages_first() {
        let now = Instant::now();
        let lines = [(2, 0, 320), (1, 0, 320), (1, 1, 64), (3, 0, 320)];
        let mut queue = queue(&lines.map(|(s, i, w)| (Interactive, s, i, w)), now);
        assert_eq!(indices(queue.next(now, &EIGHT, |_| true)), [(1, 0), (2, 0), (3, 0)]);
        assert_eq!(indices(queue.next(now, &EIGHT, |_| true)), [(1, 1)]);
        assert!(matches!(queue.next(now, &EIGHT, |_| true), Next::Nothing));
    }

    #[test]
    fn formulas_of_all_shapes_go_together() {
        let now = Instant::now();
        let mut queue = InferenceQueue::default();
        for (index, width) in [320, 64, 128].into_iter().enumerate() {
            queue.push(Position::new(Interactive, 1, index), Inference { task: Task::Formula, ..line(width) }, now);
        }
        assert_eq!(indices(queue.next(now, &EIGHT, |_| true)), [(1, 0), (1, 1), (1, 2)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_is_no_larger_than_the_policy_says_and_one_always_passes() {
        let now = Instant::now();
        let mut queue = queue(&[0, 1, 2, 3, 4, 5].map(|index| (Interactive, 0, index, 320)), now);
        assert_eq!(indices(queue.next(now, &Fixed(4, Duration::ZERO), |_| true)).len(), 4);
        assert_eq!(indices(queue.next(now, &Fixed(0, Duration::ZERO), |_| true)).len(), 1);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn bulk_waits_and_a_page_given_up_is_forgotten() {
        let now = Instant::now();
        let mut queue = queue(&[(Bulk, 1, 0, 64), (Interactive, 2, 0, 32), (Interactive, 3, 0, 32)], now);
        queue.remove(Asker::Page(3));
        assert_eq!(indices(queue.next(now, &EIGHT, |_| true)), [(2, 0)]);
        assert_eq!(indices(queue.next(now, &EIGHT, |_| true)), [(1, 0)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_no_page_waits_for_stands_behind_every_page_and_is_counted_by_itself() {
        let now = Instant::now();
        let mut queue = InferenceQueue::default();
        queue.push(Position::background(1, 0), line(32), now);
        queue.push(Position::background(2, 0), line(32), now);
        queue.push(Position::new(Bulk, 1, 0).deferred_if(true), line(64), now);
        queue.remove(Asker::Other(2));
        assert_eq!(indices(queue.next(now, &EIGHT, |_| true)), [(1, 0)]);
        queue.remove(Asker::Page(1));
        assert_eq!(queue.len(), 1, "another one's number is no page's");
    }

    #[test]
    fn a_task_that_may_not_run_lets_others_pass() {
        let now = Instant::now();
        let mut queue = InferenceQueue::default();
        let detect = Inference { task: Task::Detect, ..line(64) };
        queue.push(Position::new(Interactive, 1, 0), detect, now);
        queue.push(Position::new(Interactive, 2, 0), line(64), now);
        assert_eq!(indices(queue.next(now, &EIGHT, |task| task != Task::Detect)), [(2, 0)]);
        assert!(matches!(queue.next(now, &EIGHT, |task| task != Task::Detect), Next::Nothing));
        assert_eq!(indices(queue.next(now, &EIGHT, |_| true)), [(1, 0)]);
    }

    #[test]
    fn a_batch_that_is_not_full_waits_for_company_so_long_and_no_longer() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut queue = queue(&[(Interactive, 1, 0, 64), (Interactive, 1, 1, 64)], now);
        assert!(matches!(queue.next(now, &WAITS, |_| true), Next::Wait(until) if until == now + ms(2)));
        // A third that comes in time makes it full.
        queue.push(Position::new(Interactive, 2, 0), line(64), now + ms(1));
        assert_eq!(indices(queue.next(now + ms(1), &WAITS, |_| true)), [(1, 0), (1, 1), (2, 0)]);
        // Without a third the two of them go when the first has waited long enough.
        queue.push(Position::new(Interactive, 3, 0), line(64), now);
        queue.push(Position::new(Interactive, 3, 1), line(64), now + ms(1));
        assert_eq!(indices(queue.next(now + ms(2), &WAITS, |_| true)), [(3, 0), (3, 1)]);
    }

    #[test]
    fn a_full_batch_goes_before_an_older_one_that_may_still_wait() {
        let now = Instant::now();
        let lines = [(1, 0, 32), (2, 0, 64), (2, 1, 64), (2, 2, 64)];
        let mut queue = queue(&lines.map(|(s, i, w)| (Interactive, s, i, w)), now);
        assert_eq!(indices(queue.next(now, &WAITS, |_| true)), [(2, 0), (2, 1), (2, 2)]);
        assert!(matches!(queue.next(now, &WAITS, |_| true), Next::Wait(_)));
    }
}
