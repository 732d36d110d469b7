//! Records that were committed a moment ago, for the readers of the documents' own streams: who reads along has them without asking the log,
//! which would read and parse what was written a moment before. Losing one costs nothing else.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pagestream_documents::{ByteSize, DocumentId, PageNumber, PageRecord};
use pagestream_store::MemorySize as _;

/// All of them together. Readers that keep up are a few dozen pages of text behind; for those that do not the log is there.
const MOST: ByteSize = ByteSize::mib(4);
/// And pages, since they are looked through.
const MOST_PAGES: usize = 128;

/// The oldest goes first when room is needed, read or not.
#[derive(Default)]
pub struct Fresh {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    records: VecDeque<Entry>,
    bytes: u64,
}

struct Entry {
    document: DocumentId,
    record: Arc<PageRecord>,
    bytes: u64,
}

impl Fresh {
    /// Of a page that is in the log now.
    pub fn keep(&self, document: DocumentId, record: Arc<PageRecord>) {
        let bytes = record.memory_size() as u64;
        if bytes > MOST.bytes() {
            return;
        }
        let mut kept = self.lock();
        kept.bytes += bytes;
        kept.records.push_back(Entry { document, record, bytes });
        while kept.bytes > MOST.bytes() || kept.records.len() > MOST_PAGES {
            let Some(oldest) = kept.records.pop_front() else { break };
            kept.bytes -= oldest.bytes;
        }
    }

    /// Takes a document's pages from this one on that follow each other, up to so many.
    pub fn take(&self, document: DocumentId, from: PageNumber, most: usize) -> Vec<PageRecord> {
        let mut taken = Vec::new();
        let mut kept = self.lock();
        for page in (from.index()..).map(PageNumber::from_index).take(most) {
            let is_it = |entry: &Entry| entry.document == document && entry.record.page == page;
            let found = kept.records.iter().position(is_it).and_then(|at| kept.records.remove(at));
            let Some(Entry { record, bytes, .. }) = found else { break };
            kept.bytes -= bytes;
            taken.push(record);
        }
        drop(kept);
        taken.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// What is left of a document's is of no more use: nobody reads its stream.
    pub fn forget(&self, document: DocumentId) {
        let mut kept = self.lock();
        kept.records.retain(|entry| entry.document != document);
        kept.bytes = kept.records.iter().map(|entry| entry.bytes).sum();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // What it says is true after every statement.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use pagestream_documents::{Digest, DocumentRef, PageStatus};

    use super::*;

    fn record(document: DocumentId, page: u32, text: usize) -> Arc<PageRecord> {
        let of = DocumentRef { id: document, source: "a.pdf".to_owned(), sha256: Digest::of(b"a"), pages: 9 };
        let page = PageRecord::without_text(of, PageNumber::new(page).unwrap(), PageStatus::Ok, None);
        Arc::new(PageRecord { text: "x".repeat(text), ..page })
    }

    fn numbers(pages: &[PageRecord]) -> Vec<u32> {
        pages.iter().map(|page| page.page.get()).collect()
    }

    #[test]
    fn pages_are_taken_in_order_up_to_a_gap_and_once() {
        let (fresh, one, other) = (Fresh::default(), DocumentId::new(), DocumentId::new());
        for (document, page) in [(one, 2), (one, 1), (other, 3), (one, 4)] {
            fresh.keep(document, record(document, page, 1));
        }
        let take = |from, most| numbers(&fresh.take(one, PageNumber::new(from).unwrap(), most));
        assert_eq!(take(1, 1), [1]);
        assert!(take(1, 9).is_empty());
        assert_eq!(take(2, 9), [2], "the third is another document's");
        fresh.forget(one);
        assert!(take(4, 9).is_empty());
        assert_eq!(numbers(&fresh.take(other, PageNumber::new(3).unwrap(), 9)), [3]);
        assert_eq!(fresh.lock().bytes, 0);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let (fresh, document) = (Fresh::default(), DocumentId::new());
        for page in 1..=9 {
            fresh.keep(document, record(document, page, 1 << 20));
        }
        assert!(fresh.lock().bytes <= MOST.bytes() && fresh.lock().records.len() == 3);
        assert_eq!(numbers(&fresh.take(document, PageNumber::new(7).unwrap(), 9)), [7, 8, 9]);
        for page in 1..=500 {
            fresh.keep(document, record(document, page, 1));
        }
        assert_eq!(fresh.lock().records.len(), MOST_PAGES);
        // What is larger than all of it takes nobody's room.
        fresh.keep(document, record(document, 501, 9 << 20));
        assert_eq!(fresh.lock().records.len(), MOST_PAGES);
    }
}
