//! The pages of an older version, which are not in the index: a thread brings them there while the store is open, a few in a
//! transaction, so that it is in nobody's way. What it has not done the next writer goes on with.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use pagestream_documents::Origin;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;

use crate::{
    database::Database,
    error::{Error, Result},
};

use super::index::{self, PageWords};

/// Pages in a transaction: about 30 ms, which is what a page that is committed meanwhile may have to wait.
const PAGES_AT_ONCE: usize = 32;

/// Pages that are not in the index yet.
pub(crate) fn waiting(db: &Connection) -> Result<u64> {
    Ok(db
        .prepare_cached(
            "SELECT count(*) FROM pages p, search_backlog b WHERE b.done < b.last AND p.seq > b.done AND p.seq <= b.last",
        )?
        .query_row([], |row| row.get::<_, i64>(0))?
        .unsigned_abs())
}

/// The thread, while it has something to do.
pub(crate) struct Backlog {
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Backlog {
    pub fn start(db: &Arc<Database>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let waiting = db.read(waiting)?;
        let thread = (waiting > 0).then(|| {
            tracing::info!(pages = waiting, "pages of an older version are being added to the index of words");
            let (db, stop) = (db.clone(), stop.clone());
            std::thread::Builder::new().name("pagestream-index".to_owned()).spawn(move || run(&db, &stop))
        });
        let thread = thread.transpose().map_err(|source| Error::Io {
            what: "starting a thread for",
            path: db.dir().to_owned(),
            source,
        })?;
        Ok(Self { stop, thread: Mutex::new(thread) })
    }

    /// Waits until all is done, or nothing more can be.
    pub fn wait(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            tracing::error!("the thread that indexes pages of an older version panicked");
        }
    }

    /// Waits for the transaction that is under way.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wait();
    }
}

fn run(db: &Database, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match add_some(db) {
            Ok(true) => {}
            Ok(false) => return tracing::info!("all pages are in the index of words"),
            Err(error) => {
                return tracing::warn!(%error, "the next run goes on adding older pages to the index of words");
            }
        }
    }
}

/// What the index takes from a record.
#[derive(Deserialize)]
struct Indexed {
    text: String,
    #[serde(default)]
    origin: Option<Origin>,
}

struct Older {
    seq: i64,
    document: i64,
    words: PageWords,
}

/// Whether there may be more.
fn add_some(db: &Database) -> Result<bool> {
    let pages = db.read(next)?;
    db.write(|db| {
        let Some(last) = pages.last().map(|page| page.seq) else {
            db.execute("UPDATE search_backlog SET done = last", [])?;
            return Ok(false);
        };
        let mut is_there = db.prepare_cached("SELECT 1 FROM pages WHERE seq = ?1")?;
        for page in &pages {
            // It may have been removed since it was read.
            if is_there.query_row([page.seq], |_| Ok(())).optional()?.is_some() {
                index::insert(db, page.seq, page.document, &page.words)?;
            }
        }
        db.prepare_cached("UPDATE search_backlog SET done = ?1")?.execute([last])?;
        Ok(true)
    })
}

fn next(db: &Connection) -> Result<Vec<Older>> {
    let mut select = db.prepare_cached(
        "SELECT p.seq, p.document, p.record FROM pages p, search_backlog b
         WHERE p.seq > b.done AND p.seq <= b.last ORDER BY p.seq LIMIT ?1",
    )?;
    let mut rows = select.query(params![PAGES_AT_ONCE as i64])?;
    let mut pages = Vec::new();
    while let Some(row) = rows.next()? {
        let record: Indexed = serde_json::from_str(row.get_ref(2)?.as_str().unwrap_or_default())?;
        let words = PageWords::of(&record.text, record.origin);
        pages.push(Older { seq: row.get(0)?, document: row.get(1)?, words });
    }
    Ok(pages)
}
