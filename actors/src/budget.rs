//! The two bounds on everything that is under way: how many pages, and how many bytes of pixels and tensors.
//!
//! actix bounds neither (`send().await` never waits for room), so the bound travels with the work: a page enters the
//! pipeline only with a [`Permit`], and gives its share back when the permit drops, wherever that happens.
//!
//! Requests are granted strictly in the order they were made within a priority. A request that does not fit holds back
//! those behind it: that is what keeps a large page from starving. A document asks for one page at a time and in page
//! order, hence (1) many documents take turns page by page, and (2) the page that is due next in a document was granted
//! before any later one, so that it never waits for memory which its successors hold. Only a page that is tried again
//! goes before all of these: it holds its slot, and whoever waits for a slot may be waiting for that one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use pagestream_documents::ByteSize;
use tokio::sync::oneshot;

use crate::metrics::Metrics;

/// How urgent a document is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Somebody waits for it: goes first wherever there is a queue.
    #[default]
    Interactive,
    /// Work that may wait. It still gets every fourth turn, so that it never stands still.
    Bulk,
}

/// One grant in this many goes to waiting bulk work although interactive work waits too: a quarter keeps bulk moving
/// and costs an interactive page at most one turn in four.
const BULK_TURN: u32 = 4;

/// What may be under way at once.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    pub pages: usize,
    pub bytes: ByteSize,
}

pub struct Budget {
    capacity: Capacity,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

struct State {
    free_pages: usize,
    free_bytes: u64,
    /// Pages that are tried again; never more than there are slots.
    again: VecDeque<Waiter>,
    interactive: VecDeque<Waiter>,
    bulk: VecDeque<Waiter>,
    grants_since_bulk: u32,
}

struct Waiter {
    pages: usize,
    bytes: u64,
    granted: oneshot::Sender<Permit>,
}

/// A share of the budget. Dropping it gives the share back.
pub struct Permit {
    budget: Arc<Budget>,
    pages: usize,
    bytes: u64,
}

impl Budget {
    pub fn new(capacity: Capacity, metrics: Arc<Metrics>) -> Arc<Self> {
        let state = State {
            free_pages: capacity.pages,
            free_bytes: capacity.bytes.bytes(),
            again: VecDeque::new(),
            interactive: VecDeque::new(),
            bulk: VecDeque::new(),
            grants_since_bulk: 0,
        };
        Arc::new(Self { capacity, state: Mutex::new(state), metrics })
    }

    /// Waits for one page slot and `bytes`. A page larger than the whole budget asks for all of it, and so passes alone.
    pub async fn acquire_page(self: &Arc<Self>, priority: Priority, bytes: ByteSize) -> (Permit, Permit) {
        let mut slot = self.acquire(priority, 1, bytes).await;
        let memory = Permit { budget: self.clone(), pages: 0, bytes: std::mem::take(&mut slot.bytes) };
        (slot, memory)
    }

    /// Waits for `bytes` only: for a page that is tried again and still holds its slot. It goes before those who wait for
    /// a slot, and it cannot deadlock: whoever holds bytes has its slot already and needs nothing more to finish.
    pub async fn acquire_memory(self: &Arc<Self>, priority: Priority, bytes: ByteSize) -> Permit {
        self.acquire(priority, 0, bytes).await
    }

    async fn acquire(self: &Arc<Self>, priority: Priority, pages: usize, bytes: ByteSize) -> Permit {
        let bytes = bytes.bytes().min(self.capacity.bytes.bytes());
        let waiting = {
            let mut state = self.lock();
            let nobody_is_before =
                state.again.is_empty() && (pages == 0 || state.interactive.is_empty() && state.bulk.is_empty());
            let left = if priority == Priority::Bulk && pages > 0 { self.kept_from_bulk(&state) } else { 0 };
            if nobody_is_before && state.fits(pages + left, bytes) {
                state.take(pages, bytes);
                return Permit { budget: self.clone(), pages, bytes };
            }
            let (granted, waiting) = oneshot::channel();
            let queue = match priority {
                _ if pages == 0 => &mut state.again,
                Priority::Interactive => &mut state.interactive,
                Priority::Bulk => &mut state.bulk,
            };
            queue.push_back(Waiter { pages, bytes, granted });
            waiting
        };
        // Whoever is ahead may have gone away in the meantime, and a bulk request may hold back a smaller one.
        self.grant();
        // The clock runs on the slow path only: who need not wait pays nothing for being measured.
        let since = Instant::now();
        let permit =
            waiting.await.expect("the budget outlives its waiters, who hold it, and never drops one ungranted");
        self.metrics.budget_wait.add(since.elapsed());
        permit
    }

    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// What is free now: page slots and bytes.
    pub fn free(&self) -> Capacity {
        let state = self.lock();
        Capacity { pages: state.free_pages, bytes: ByteSize(state.free_bytes) }
    }

    /// Requests that wait for room.
    pub fn waiting(&self) -> usize {
        let state = self.lock();
        state.again.len() + state.interactive.len() + state.bulk.len()
    }

    fn grant(self: &Arc<Self>) {
        // Permits are handed over outside the lock: one whose asker has gone drops, and dropping takes the lock.
        while let Some((waiter, permit)) = self.next_grant() {
            drop(waiter.granted.send(permit));
        }
    }

    fn next_grant(self: &Arc<Self>) -> Option<(Waiter, Permit)> {
        let mut state = self.lock();
        // Whoever has gone away (a cancelled document) holds nobody back.
        let State { again, interactive, bulk, .. } = &mut *state;
        for queue in [again, interactive, bulk] {
            while queue.front().is_some_and(|waiter| waiter.granted.is_closed()) {
                queue.pop_front();
            }
        }
        if let Some((pages, bytes)) = state.again.front().map(|w| (w.pages, w.bytes)) {
            if !state.fits(pages, bytes) {
                return None;
            }
            state.take(pages, bytes);
            return Some((state.again.pop_front()?, Permit { budget: self.clone(), pages, bytes }));
        }
        let bulk_is_due = state.interactive.is_empty() || state.grants_since_bulk + 1 >= BULK_TURN;
        let from_bulk = !state.bulk.is_empty() && bulk_is_due;
        let queue = if from_bulk { &state.bulk } else { &state.interactive };
        let (pages, bytes) = queue.front().map(|w| (w.pages, w.bytes))?;
        let left = if from_bulk { self.kept_from_bulk(&state) } else { 0 };
        if !state.fits(pages + left, bytes) {
            return None;
        }
        state.take(pages, bytes);
        state.grants_since_bulk = if from_bulk { 0 } else { state.grants_since_bulk.saturating_add(1) };
        let waiter = if from_bulk { state.bulk.pop_front() } else { state.interactive.pop_front() }?;
        Some((waiter, Permit { budget: self.clone(), pages, bytes }))
    }

    /// Page slots that bulk work leaves free while nobody else waits, so that whoever comes finds one: it would wait for a
    /// whole page otherwise. When somebody does wait, taking turns says who is next.
    fn kept_from_bulk(&self, state: &State) -> usize {
        usize::from(self.capacity.pages > 1 && state.interactive.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The counters are consistent after every statement, so that a poisoned lock is still a good one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fits(&self, pages: usize, bytes: u64) -> bool {
        pages <= self.free_pages && bytes <= self.free_bytes
    }

    fn take(&mut self, pages: usize, bytes: u64) {
        self.free_pages -= pages;
        self.free_bytes -= bytes;
    }
}

impl Permit {
    /// Bytes that this permit stands for.
    pub fn bytes(&self) -> ByteSize {
        ByteSize(self.bytes)
    }

    /// Gives back what is held above `bytes`.
    pub fn shrink_to(&mut self, bytes: ByteSize) {
        let excess = self.bytes.saturating_sub(bytes.bytes());
        self.bytes -= excess;
        drop(Permit { budget: self.budget.clone(), pages: 0, bytes: excess });
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.pages == 0 && self.bytes == 0 {
            return;
        }
        {
            let mut state = self.budget.lock();
            state.free_pages += self.pages;
            state.free_bytes += self.bytes;
        }
        self.budget.grant();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn budget(pages: usize, bytes: u64) -> Arc<Budget> {
        Budget::new(Capacity { pages, bytes: ByteSize(bytes) }, Arc::default())
    }

    /// Polls once: a grant that needs no waiting is there at the first poll.
    macro_rules! now {
        ($future:expr) => {
            $future.now_or_never()
        };
    }

    #[test]
    fn pages_and_bytes_are_both_bounds() {
        let budget = budget(2, 100);
        let first = now!(budget.acquire_page(Priority::Interactive, ByteSize(60))).unwrap();
        assert!(now!(budget.acquire_page(Priority::Interactive, ByteSize(60))).is_none(), "no bytes left");
        let second = now!(budget.acquire_page(Priority::Interactive, ByteSize(40))).unwrap();
        assert!(now!(budget.acquire_page(Priority::Interactive, ByteSize(0))).is_none(), "no slot left");
        drop((first, second));
        assert_eq!((budget.free().pages, budget.free().bytes), (2, ByteSize(100)));
    }

    #[test]
    fn an_oversized_page_passes_alone() {
        let budget = budget(4, 100);
        let small = now!(budget.acquire_page(Priority::Interactive, ByteSize(1))).unwrap();
        let mut large = Box::pin(budget.acquire_page(Priority::Interactive, ByteSize(10_000)));
        assert!(now!(&mut large).is_none());
        // What comes after it waits behind it, or the large one would starve.
        let mut next = Box::pin(budget.acquire_page(Priority::Interactive, ByteSize(1)));
        assert!(now!(&mut next).is_none());
        drop(small);
        let large = now!(large).expect("alone, it fits");
        assert!(now!(&mut next).is_none());
        drop(large);
        assert!(now!(next).is_some());
    }

    #[test]
    fn pages_that_are_tried_again_do_not_wait_for_those_who_wait_for_their_slots() {
        let budget = budget(1, 100);
        let (slot, memory) = now!(budget.acquire_page(Priority::Interactive, ByteSize(60))).unwrap();
        let mut next = Box::pin(budget.acquire_page(Priority::Interactive, ByteSize(60)));
        assert!(now!(&mut next).is_none());
        let mut again = Box::pin(budget.acquire_memory(Priority::Bulk, ByteSize(60)));
        assert!(now!(&mut again).is_none(), "the bytes are still in use");
        drop(memory);
        let again = now!(again).expect("it goes before the page that waits for its slot");
        assert!(now!(&mut next).is_none());
        drop((again, slot));
        assert!(now!(next).is_some());
    }

    #[test]
    fn a_waiter_that_goes_away_gives_its_grant_to_the_next() {
        let budget = budget(1, 100);
        let held = now!(budget.acquire_page(Priority::Interactive, ByteSize(1))).unwrap();
        let mut gone = Box::pin(budget.acquire_page(Priority::Interactive, ByteSize(1)));
        let mut next = Box::pin(budget.acquire_page(Priority::Interactive, ByteSize(1)));
        assert!(now!(&mut gone).is_none() && now!(&mut next).is_none());
        drop(gone);
        drop(held);
        assert!(now!(next).is_some());
        assert_eq!(budget.free().pages, 1);
    }

    #[test]
    fn bulk_work_waits_for_interactive_work_but_never_stands_still() {
        let budget = budget(1, 100);
        let mut held = now!(budget.acquire_page(Priority::Interactive, ByteSize(1)));
        assert!(held.is_some());
        let mut bulk: Vec<_> = (0..2).map(|_| Box::pin(budget.acquire_page(Priority::Bulk, ByteSize(1)))).collect();
        let mut urgent: Vec<_> =
            (0..8).map(|_| Box::pin(budget.acquire_page(Priority::Interactive, ByteSize(1)))).collect();
        for future in bulk.iter_mut().chain(&mut urgent) {
            assert!(now!(future).is_none());
        }
        let mut order = String::new();
        while bulk.len() + urgent.len() > 0 {
            held = None;
            assert!(held.is_none());
            if let Some(i) = (0..urgent.len()).find(|&i| {
                held = now!(&mut urgent[i]);
                held.is_some()
            }) {
                drop(urgent.remove(i));
                order.push('i');
            } else {
                held = now!(&mut bulk[0]);
                assert!(held.is_some());
                drop(bulk.remove(0));
                order.push('b');
            }
        }
        assert_eq!(order, "iiibiiibii");
    }

    #[test]
    fn bulk_work_leaves_a_slot_for_whoever_comes() {
        let budget = budget(3, 100);
        let page = |priority| budget.acquire_page(priority, ByteSize(1));
        let (first, _second) = (now!(page(Priority::Bulk)).unwrap(), now!(page(Priority::Bulk)).unwrap());
        let mut third = Box::pin(page(Priority::Bulk));
        assert!(now!(&mut third).is_none(), "the last slot is kept");
        let urgent = now!(page(Priority::Interactive)).expect("which is what it is kept for");
        drop(first);
        assert!(now!(&mut third).is_none(), "and kept again");
        drop(urgent);
        assert!(now!(&mut third).is_some());
    }

    #[test]
    fn shrinking_gives_bytes_back_at_once() {
        let budget = budget(4, 100);
        let (_slot, mut memory) = now!(budget.acquire_page(Priority::Interactive, ByteSize(90))).unwrap();
        memory.shrink_to(ByteSize(10));
        assert_eq!(budget.free().bytes, ByteSize(90));
        drop(memory);
        assert_eq!(budget.free().bytes, ByteSize(100));
    }
}
