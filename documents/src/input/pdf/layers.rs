//! Layers of pages that are being read, or were read before somebody asked for them: what the readers of one document share, so that each page
//! is read once, whoever asks for it or for the pages beside it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{ids::PageNumber, page_text::TextLayer};

/// How long a page that another reads is waited for: some ten pages of print take that.
const PATIENCE: Duration = Duration::from_millis(50);
/// Layers that are kept for whoever asks for them: two readers are never further ahead. Of a page of print one takes some 100 KB.
const MOST_KEPT: usize = 8;

#[derive(Clone, Default)]
pub(super) struct Layers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    pages: Mutex<BTreeMap<PageNumber, State>>,
    changed: Condvar,
}

#[expect(clippy::large_enum_variant, reason = "most states hold a page's text, and those that do not are few")]
enum State {
    IsRead,
    Kept(Option<TextLayer>),
}

/// What has become of a page.
#[expect(clippy::large_enum_variant, reason = "one lives for a moment, on the stack")]
pub(super) enum Claim {
    Kept(Option<TextLayer>),
    /// Whoever asks is to read it.
    Ours(Reading),
    /// Somebody reads it now.
    Anothers,
}

/// That a page is being read, for as long as it is held.
pub(super) struct Reading {
    layers: Layers,
    page: PageNumber,
}

impl Layers {
    pub(super) fn claim(&self, page: PageNumber) -> Claim {
        let mut pages = self.lock();
        match pages.remove(&page) {
            Some(State::Kept(layer)) => Claim::Kept(layer),
            before => {
                pages.insert(page, State::IsRead);
                if before.is_some() { Claim::Anothers } else { Claim::Ours(Reading { layers: self.clone(), page }) }
            }
        }
    }

    /// As [`Self::claim`], where nobody has read the page and nobody does.
    pub(super) fn claim_new(&self, page: PageNumber) -> Option<Reading> {
        let mut pages = self.lock();
        if pages.contains_key(&page) {
            return None;
        }
        pages.insert(page, State::IsRead);
        Some(Reading { layers: self.clone(), page })
    }

    /// Waits until nobody reads the page any more; whether that came about.
    pub(super) fn wait_for(&self, page: PageNumber) -> bool {
        let is_read = |pages: &mut BTreeMap<PageNumber, State>| matches!(pages.get(&page), Some(State::IsRead));
        let waited = self.0.changed.wait_timeout_while(self.lock(), PATIENCE, is_read);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PageNumber, State>> {
        self.0.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// Keeps what was read for whoever asks for the page.
    pub(super) fn keep(self, layer: Option<TextLayer>) {
        let mut pages = self.layers.lock();
        let kept = pages.iter().filter(|(_, state)| matches!(state, State::Kept(_))).map(|(&page, _)| page);
        let kept: Vec<PageNumber> = kept.collect();
        if kept.len() >= MOST_KEPT {
            // What is farthest from where is being read; it is read again if it is asked for.
            let farthest = kept.into_iter().max_by_key(|other| other.index().abs_diff(self.page.index()));
            farthest.into_iter().for_each(|farthest| drop(pages.remove(&farthest)));
        }
        pages.insert(self.page, State::Kept(layer));
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut pages = self.layers.lock();
        if matches!(pages.get(&self.page), Some(State::IsRead)) {
            pages.remove(&self.page);
        }
        drop(pages);
        self.layers.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u32) -> PageNumber {
        PageNumber::new(number).unwrap()
    }

    #[test]
    fn a_page_is_one_readers_and_what_was_read_ahead_is_given_once() {
        let layers = Layers::default();
        let Claim::Ours(reading) = layers.claim(page(1)) else { panic!("nobody reads it") };
        assert!(matches!(layers.claim(page(1)), Claim::Anothers) && layers.claim_new(page(1)).is_none());
        assert!(!layers.wait_for(page(1)), "nobody waits for ever");
        reading.keep(None);
        assert!(layers.wait_for(page(1)) && layers.claim_new(page(1)).is_none());
        assert!(matches!(layers.claim(page(1)), Claim::Kept(None)));
        // Dropped unkept, as after a panic, it is anybody's again.
        drop(layers.claim_new(page(1)));
        assert!(matches!(layers.claim(page(1)), Claim::Ours(_)));
    }

    #[test]
    fn no_more_is_kept_than_is_asked_for_soon() {
        let layers = Layers::default();
        (1..=40).for_each(|number| layers.claim_new(page(number)).unwrap().keep(None));
        let kept: Vec<u32> = layers.lock().keys().map(|page| page.get()).collect();
        assert_eq!(kept, (33..=40).collect::<Vec<_>>());
    }
}
