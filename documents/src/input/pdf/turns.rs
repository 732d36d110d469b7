//! Whose turn it is to read text with the document's own thread.
//!
//! Reading without that thread's fonts costs three times as much, and of a page whose neighbours are looked at as well several times that.
//! So a page waits for the pages before it, the first of them first, since the page after is read with the page before. It does not wait long: a page that hangs,
//! or takes its time, holds up no other.

use std::{
    collections::BTreeSet,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::reader::TextReader;
use crate::ids::PageNumber;

/// How long a page waits: some ten pages of print take that.
const PATIENCE: Duration = Duration::from_millis(50);

#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Default)]
struct State {
    /// `None` until text is asked for, while somebody has it, and when its thread is gone.
    reader: Option<TextReader>,
    is_taken: bool,
    /// Who waits, by page; numbers tell those apart who want the same.
    waiting: BTreeSet<(PageNumber, u64)>,
    asked: u64,
}

/// The reader, for as long as it is one caller's.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    pub(super) reader: Option<TextReader>,
}

impl Turns {
    /// Waits for the reader; `None` where others take too long.
    pub(super) fn take(&self, page: PageNumber) -> Option<Turn<'_>> {
        let mut state = self.lock();
        state.asked += 1;
        let me = (page, state.asked);
        state.waiting.insert(me);
        let is_anothers = |state: &mut State| state.is_taken || state.waiting.first() != Some(&me);
        let waited = self.given_back.wait_timeout_while(state, PATIENCE, is_anothers);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting.remove(&me);
        if outcome.timed_out() {
            // Whoever is first now may have waited for this one.
            self.given_back.notify_all();
            return None;
        }
        state.is_taken = true;
        Some(Turn { turns: self, reader: state.reader.take() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.reader = self.reader.take();
        state.is_taken = false;
        self.turns.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, thread};

    use super::*;

    #[test]
    fn who_wants_the_first_page_is_next_and_nobody_waits_for_one_that_hangs() {
        let turns = Turns::default();
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
}
