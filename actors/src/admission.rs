//! How many documents are open at once.
//!
//! Bulk documents take seven of eight places at most, so that whoever waits for a document is let in at once however much
//! bulk work has been handed over.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::budget::Priority;

/// One place in so many is kept from bulk documents; none where there are fewer places than that.
const KEPT_FROM_BULK: usize = 8;

#[derive(Clone)]
pub struct Admission {
    places: Arc<Semaphore>,
    for_bulk: Arc<Semaphore>,
}

/// A place among the open documents, given back when it drops.
pub struct Admitted {
    _place: OwnedSemaphorePermit,
    _bulk: Option<OwnedSemaphorePermit>,
}

impl Admission {
    pub fn new(places: NonZeroUsize) -> Self {
        let places = places.get();
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { places: semaphore(places), for_bulk: semaphore(places - places / KEPT_FROM_BULK) }
    }

    /// Waits for a place, in the order of asking within a priority.
    pub async fn wait(&self, priority: Priority) -> Admitted {
        const OPEN: &str = "admission is never closed";
        let bulk = match priority {
            Priority::Bulk => Some(self.for_bulk.clone().acquire_owned().await.expect(OPEN)),
            Priority::Interactive => None,
        };
        Admitted { _place: self.places.clone().acquire_owned().await.expect(OPEN), _bulk: bulk }
    }

    /// A place if there is one now.
    pub fn try_now(&self, priority: Priority) -> Option<Admitted> {
        let bulk = match priority {
            Priority::Bulk => Some(self.for_bulk.clone().try_acquire_owned().ok()?),
            Priority::Interactive => None,
        };
        Some(Admitted { _place: self.places.clone().try_acquire_owned().ok()?, _bulk: bulk })
    }

    /// How many documents of this priority would be let in now, one after the other.
    pub fn free(&self, priority: Priority) -> usize {
        let places = self.places.available_permits();
        match priority {
            Priority::Bulk => places.min(self.for_bulk.available_permits()),
            Priority::Interactive => places,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_documents_leave_places_for_whoever_waits_for_one() {
        let admission = |places| Admission::new(NonZeroUsize::new(places).unwrap());
        let most =
            |admission: &Admission, priority| std::iter::from_fn(|| admission.try_now(priority)).collect::<Vec<_>>();
        let sixteen = admission(16);
        let bulk = most(&sixteen, Priority::Bulk);
        assert_eq!([Priority::Bulk, Priority::Interactive].map(|priority| sixteen.free(priority)), [0, 2]);
        let interactive = most(&sixteen, Priority::Interactive);
        assert_eq!((bulk.len(), interactive.len()), (14, 2));
        drop(bulk);
        assert_eq!(most(&sixteen, Priority::Interactive).len(), 14);
        drop(interactive);
        assert_eq!(most(&sixteen, Priority::Bulk).len(), 14, "what was given back is there again");
        assert_eq!(most(&admission(1), Priority::Bulk).len(), 1, "a single place is anybody's");
    }
}
