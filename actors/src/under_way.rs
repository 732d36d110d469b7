//! The registry of pages under way: whoever must find them (time limits, cancellation, drain) looks here.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;

use crate::ticket::PageState;

/// The pages that were given a slot: at most as many as there are slots and the sink gathers, so that looking through them costs nothing.
#[derive(Default)]
pub struct UnderWay {
    pages: Mutex<Vec<Weak<PageState>>>,
    admitted: watch::Sender<u64>,
}

impl UnderWay {
    /// Makes a page known that has just been given its slot.
    pub fn insert(&self, page: &Arc<PageState>) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|page| page.upgrade().is_some_and(|page| !page.is_settled()));
        pages.push(Arc::downgrade(page));
    }

    /// Pages that were given a slot and have no record yet.
    pub fn pages(&self) -> Vec<Arc<PageState>> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.iter().filter_map(Weak::upgrade).filter(|page| !page.is_settled()).collect()
    }

    /// Pages that were ever let go.
    pub fn admitted(&self) -> watch::Receiver<u64> {
        self.admitted.subscribe()
    }

    /// The number of the next page, counted over all documents. The splitter alone lets pages go, one at a time.
    pub fn next_sequence(&self) -> u64 {
        *self.admitted.borrow()
    }

    /// One more page is under way: told when it can be found among [`UnderWay::pages`].
    pub fn admit(&self) {
        self.admitted.send_modify(|admitted| *admitted += 1);
    }
}
