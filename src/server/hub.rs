//! Streams of events, for any number of readers: each knows its place in the log, and what one has read is there for all.
//!
//! A feed is the log of one document, in page order, or of all, in the order of commits. It keeps a window of what came last; whoever
//! reads on behind it takes from there, so that a thousand readers of one document cost one read of the log for each of its pages. Who
//! comes late, or is slow, reads the log for himself until he has caught up. Nobody is waited for, and nothing is kept for anybody but his
//! place: who goes away leaves nothing behind.
//!
//! A page that was asked for and is not there yet holds back those behind it for as long as the document is open in the store: also when
//! the server stops, so that who comes back after a restart with the place where he was has neither a gap nor a page twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use pagestream_actors::PageSelection;
use pagestream_documents::{DocumentId, PageNumber};
use pagestream_store::{Cursor, Document, DocumentState, Error, Sequence, Store, StoredPage};
use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, Semaphore, watch},
};

/// Pages read from the log at a time.
const AT_ONCE: usize = 32;

/// What a feed keeps of what came last: events, and bytes of them. Some pages are some 20 KiB; a reader who is so far behind reads the log.
const WINDOW: usize = 256;
const WINDOW_BYTES: usize = 4 << 20;

/// Feeds that read the log at once. All are woken by a change; each that reads beside others takes a connection of its own to the database,
/// and to open one costs more than to wait for one's turn.
const READ_AT_ONCE: usize = 2;

/// How often it is looked whether the log has changed, while somebody reads: a look costs a few microseconds.
const LOOK: Duration = Duration::from_millis(20);

/// One page, as everybody gets it.
#[derive(Debug)]
pub struct Event {
    /// The page's number in the feed of a document, its place in the log in the feed of all.
    pub position: u64,
    pub document: DocumentId,
    /// The record, as one line of JSON.
    pub json: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Document(DocumentId),
    Everything,
}

/// What a reader gets.
pub enum Step {
    /// Each behind the one before it.
    Events(Vec<Arc<Event>>),
    /// Nothing yet.
    Nothing,
    /// Nothing any more; `None` for a document that was removed.
    End(Option<Box<Document>>),
}

pub struct Hub {
    store: Store,
    feeds: Mutex<HashMap<Source, Weak<Feed>>>,
    /// Grows with every change of the log that was noticed.
    changes: watch::Sender<u64>,
    looking: Mutex<bool>,
    reads: Arc<AtomicU64>,
    turns: Arc<Semaphore>,
    /// That of the server, which outlives those of its threads.
    runtime: Handle,
}

impl Hub {
    pub fn new(store: Store, runtime: Handle) -> Self {
        Self {
            store,
            runtime,
            feeds: Mutex::default(),
            changes: watch::Sender::new(0),
            looking: Mutex::default(),
            reads: Arc::default(),
            turns: Arc::new(Semaphore::new(READ_AT_ONCE)),
        }
    }

    /// Times that the log was read for events.
    pub fn reads(&self) -> u64 {
        self.reads.load(Relaxed)
    }

    /// The feed of a source, and what wakes its readers.
    pub fn feed(&self, source: Source) -> (Arc<Feed>, watch::Receiver<u64>) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = feeds.get(&source).and_then(Weak::upgrade).unwrap_or_else(|| {
            let feed = Arc::new(Feed {
                source,
                store: self.store.clone(),
                window: AsyncMutex::default(),
                reads: self.reads.clone(),
                turns: self.turns.clone(),
            });
            feeds.insert(source, Arc::downgrade(&feed));
            feed
        });
        let changes = self.changes.subscribe();
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if !*looking {
            *looking = true;
            self.runtime.spawn(look(self.store.clone(), self.changes.clone()));
        }
        (feed, changes)
    }
}

/// Tells readers that the log has changed. Looks only while there are readers.
async fn look(store: Store, changes: watch::Sender<u64>) {
    let mut watch = None;
    loop {
        tokio::time::sleep(LOOK).await;
        if changes.receiver_count() == 0 {
            continue;
        }
        let store = store.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let mut watch = match watch {
                Some(watch) => watch,
                None => store.watch()?,
            };
            let changed = watch.changed()?;
            Ok::<_, Error>((watch, changed))
        });
        match looked.await {
            Ok(Ok((again, changed))) => {
                watch = Some(again);
                if changed {
                    changes.send_modify(|change| *change += 1);
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the log cannot be watched; readers look for themselves");
                watch = None;
                changes.send_modify(|change| *change += 1);
            }
            Err(_) => return,
        }
    }
}

pub struct Feed {
    source: Source,
    store: Store,
    window: AsyncMutex<Window>,
    reads: Arc<AtomicU64>,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct Window {
    /// Everything from `from` on and before `next`.
    events: VecDeque<Arc<Event>>,
    from: u64,
    next: u64,
    bytes: usize,
    /// The change of the log that was in force when it had nothing more, and whether it never will.
    empty_at: Option<(u64, Option<Option<Box<Document>>>)>,
    has_begun: bool,
}

impl Window {
    fn push(&mut self, event: Arc<Event>) {
        self.next = event.position + 1;
        self.bytes += event.json.len();
        self.events.push_back(event);
        while self.events.len() > WINDOW || (self.bytes > WINDOW_BYTES && self.events.len() > 1) {
            if let Some(gone) = self.events.pop_front() {
                self.bytes -= gone.json.len();
                self.from = gone.position + 1;
            }
        }
    }

    fn after(&self, next: u64) -> Vec<Arc<Event>> {
        let first = self.events.partition_point(|event| event.position < next);
        self.events.range(first..).take(AT_ONCE).cloned().collect()
    }
}

struct Read {
    events: Vec<Arc<Event>>,
    /// That the document had ended before its pages were read.
    ended: Option<Option<Box<Document>>>,
}

impl Feed {
    /// What comes from `next` on. `change` is what [`Hub::feed`]'s receiver said before it was asked.
    pub async fn from(&self, next: u64, change: u64) -> Result<Step, Error> {
        let mut window = self.window.lock().await;
        if !window.has_begun {
            (window.has_begun, window.from, window.next) = (true, next, next);
        }
        let is_behind = next < window.from;
        // Further on than the window has come: whoever wants only the end of a document.
        let is_ahead = next > window.next;
        if is_behind || is_ahead {
            drop(window);
            let Read { events, ended } = self.read(next).await?;
            return Ok(step(events, ended));
        }
        let events = window.after(next);
        if !events.is_empty() {
            return Ok(Step::Events(events));
        }
        if let Some((at, ended)) = &window.empty_at
            && (*at == change || ended.is_some())
        {
            return Ok(step(Vec::new(), ended.clone()));
        }
        // The others wait here, and find what this one reads.
        let Read { events, ended } = self.read(window.next).await?;
        // A part that is not full has come to the end of what there was: nobody has to ask again before something changes.
        if events.len() < AT_ONCE {
            window.empty_at = Some((change, ended.clone()));
        }
        events.iter().for_each(|event| window.push(event.clone()));
        Ok(step(events, ended))
    }

    async fn read(&self, next: u64) -> Result<Read, Error> {
        let turn = self.turns.clone().acquire_owned().await;
        let _turn = turn.map_err(|error| Error::Unreadable(error.to_string()))?;
        self.reads.fetch_add(1, Relaxed);
        let (store, source) = (self.store.clone(), self.source);
        let read = tokio::task::spawn_blocking(move || match source {
            Source::Everything => {
                let after = Sequence::try_from(next).unwrap_or(Sequence::MAX).saturating_sub(1);
                let events = store.changes_since(after, AT_ONCE)?.into_iter();
                let position = |page: &StoredPage| u64::try_from(page.seq).unwrap_or(0);
                let events = events.map(|page| event(position(&page), page)).collect();
                Ok(Read { events, ended: None })
            }
            Source::Document(id) => read_document(&store, id, next),
        });
        read.await.unwrap_or_else(|error| Err(Error::Unreadable(error.to_string())))
    }
}

fn step(events: Vec<Arc<Event>>, ended: Option<Option<Box<Document>>>) -> Step {
    match (events.is_empty(), ended) {
        (false, _) => Step::Events(events),
        (true, Some(ended)) => Step::End(ended),
        (true, None) => Step::Nothing,
    }
}

fn event(position: u64, page: StoredPage) -> Arc<Event> {
    Arc::new(Event { position, document: page.document, json: Bytes::from(page.json) })
}

/// Pages in their order, up to the first that was asked for and is not there yet.
fn read_document(store: &Store, id: DocumentId, next: u64) -> Result<Read, Error> {
    // Looked at before the pages: a document that had ended has no gap that is still to be filled.
    let Some(document) = store.document(id)? else { return Ok(Read { events: Vec::new(), ended: Some(None) }) };
    let is_open = document.state == DocumentState::Open;
    let selection = document.selection.clone().map(PageSelection::try_from).and_then(Result::ok).unwrap_or_default();
    let Some(mut next) = u32::try_from(next).ok().map(|next| PageNumber::new(next).unwrap_or(PageNumber::FIRST)) else {
        return Ok(Read { events: Vec::new(), ended: (!is_open).then(|| Some(Box::new(document))) });
    };
    let mut events = Vec::new();
    for page in store.read(id, Cursor::Page(next), AT_ONCE)? {
        let mut between = (next.get()..page.page.get()).filter_map(PageNumber::new);
        if is_open && between.any(|page| selection.contains(page)) {
            break;
        }
        next = PageNumber::from_index(page.page.index() + 1);
        events.push(event(page.page.get().into(), page));
    }
    Ok(Read { events, ended: (!is_open).then(|| Some(Box::new(document))) })
}
