//! Whose turn it is to read text with the document's own threads.
//!
//! Reading without their fonts costs three times as much, and of a page whose neighbours are looked at as well several times that.
//! So a page waits for the pages before it, the first of them first, since the page after is read with the page before. It does not wait long: a page that hangs,
//! or takes its time, holds up no other.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::reader::TextReader;
use crate::ids::PageNumber;

/// How long a page waits: some ten pages of print take that.
const PATIENCE: Duration = Duration::from_millis(50);

/// Readers of one document at most. Each keeps what it has decoded, and two are as fast as what becomes of the pages afterwards.
const MOST_READERS: usize = 2;
/// Pages from which on a document has more than one: opening it again and unpacking its fonts takes as long as some pages.
const PAGES_FOR_TWO: u32 = 16;

pub(super) struct Turns {
    state: Mutex<State>,
    given_back: Condvar,
    readers: usize,
}

#[derive(Default)]
struct State {
    /// Those that were started and that nobody has.
    idle: Vec<TextReader>,
    taken: usize,
    /// Who waits, by page; numbers tell those apart who want the same.
    waiting: BTreeSet<(PageNumber, u64)>,
    asked: u64,
}

/// A reader, for as long as it is one caller's.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    /// `None` where none was started yet, or its thread is gone.
    pub(super) reader: Option<TextReader>,
}

impl Turns {
    /// For a document of so many pages.
    pub(super) fn of(pages: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with(if pages < PAGES_FOR_TWO { 1 } else { cores.min(MOST_READERS) })
    }

    pub(super) fn with(readers: usize) -> Self {
        Self { state: Mutex::default(), given_back: Condvar::new(), readers }
    }

    /// Waits for a reader; `None` where others take too long.
    pub(super) fn take(&self, page: PageNumber) -> Option<Turn<'_>> {
        let mut state = self.lock();
        state.asked += 1;
        let me = (page, state.asked);
        state.waiting.insert(me);
        let is_anothers = |state: &mut State| state.taken == self.readers || state.waiting.first() != Some(&me);
        let waited = self.given_back.wait_timeout_while(state, PATIENCE, is_anothers);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting.remove(&me);
        if outcome.timed_out() {
            // Whoever is first now may have waited for this one.
            self.given_back.notify_all();
            return None;
        }
        state.taken += 1;
        let reader = state.idle.pop();
        if state.taken < self.readers {
            self.given_back.notify_all();
        }
        Some(Turn { turns: self, reader })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.idle.extend(self.reader.take());
        state.taken -= 1;
        self.turns.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, thread};

    use super::*;

    #[test]
    fn who_wants_the_first_page_is_next_and_nobody_waits_for_one_that_hangs() {
        let turns = Turns::with(1);
        let page = |number| PageNumber::new(number).unwrap();
        let (sender, order) = channel();
        let first = turns.take(page(1)).unwrap();
        assert!(turns.take(page(2)).is_none(), "the first page hangs");
        thread::scope(|scope| {
            for number in [4, 3, 5] {
                let (turns, sender) = (&turns, sender.clone());
                scope.spawn(move || {
                    let turn = turns.take(page(number));
                    sender.send((number, turn.is_some())).unwrap();
                });
            }
            // They may be told to go away in vain by a clock that is slow, but never out of order.
            while turns.lock().asked < 5 {
                thread::yield_now();
            }
            drop(first);
        });
        drop(sender);
        let got: Vec<_> = order.iter().filter(|(_, got)| *got).map(|(number, _)| number).collect();
        assert!(got.is_sorted(), "{got:?}");
        assert!(turns.take(page(9)).is_some() && turns.lock().waiting.is_empty());
    }

    #[test]
    fn as_many_read_at_once_as_there_are_readers() {
        let turns = Turns::with(2);
        let page = |number| PageNumber::new(number).unwrap();
        let (first, second) = (turns.take(page(1)), turns.take(page(2)));
        assert!(first.is_some() && second.is_some() && turns.take(page(3)).is_none());
        drop(second);
        assert!(turns.take(page(3)).is_some());
    }
}
