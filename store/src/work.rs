//! The work that is waiting: documents that were accepted and that nobody processes yet. The seam is [`WorkQueue`].

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use pagestream_documents::DocumentId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    database::Database,
    documents::Priority,
    error::{Error, Result},
    rows::parsed,
};

/// One claim in so many takes the document that has waited longest, whatever its priority, so that a steady stream of
/// interactive documents slows bulk work to an eighth and never stops it.
const FAIR_CLAIM: u64 = 8;

/// The answer to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Accepted,
    /// So many are waiting already, which is the limit. Ask again later.
    Busy {
        waiting: usize,
    },
}

/// The seam behind which waiting work stands. Calls block; any number of threads may make them.
pub trait WorkQueue: Send + Sync {
    /// Puts a document that the store knows in the queue. Offering what is queued or leased already changes nothing and
    /// is accepted.
    fn offer(&self, document: DocumentId, priority: Priority) -> Result<Offer>;

    /// Takes the next document: interactive before bulk, first come first served within each, one claim in eight by
    /// age alone. `None` when nothing waits. No other claim gets it until it is returned.
    fn claim(&self) -> Result<Option<Lease>>;

    /// Documents waiting, without those on lease.
    fn waiting(&self) -> Result<usize>;
}

/// The right to process one document. Ends by [`Lease::done`] or [`Lease::retry`]; dropped without either it goes back to
/// the queue, and so do all leases of a process that died, when the next one opens the store.
#[must_use = "a dropped lease returns its document to the queue"]
pub struct Lease {
    pub document: DocumentId,
    pub priority: Priority,
    /// How often it was claimed, this time included.
    pub attempt: u32,
    /// What an earlier holder said with [`Lease::progress`]; 0 at first.
    pub progress: u32,
    /// Why the last holder returned it.
    pub last_reason: Option<String>,
    keeper: Option<Box<dyn LeaseKeeper>>,
}

/// What a queue does for the leases it gave.
pub trait LeaseKeeper: Send + Sync {
    fn progress(&self, pages: u32) -> Result<()>;
    fn done(&self) -> Result<()>;
    fn retry(&self, reason: Option<&str>) -> Result<()>;
}

impl Lease {
    /// Notes how many pages are done, for the status and for whoever goes on with it.
    pub fn progress(&mut self, pages: u32) -> Result<()> {
        self.progress = pages;
        self.keeper.as_ref().map_or(Ok(()), |keeper| keeper.progress(pages))
    }

    /// The document needs no more work.
    pub fn done(mut self) -> Result<()> {
        self.keeper.take().map_or(Ok(()), |keeper| keeper.done())
    }

    /// Puts it back in its place, at the end of its priority.
    pub fn retry(mut self, reason: &str) -> Result<()> {
        self.keeper.take().map_or(Ok(()), |keeper| keeper.retry(Some(reason)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take()
            && let Err(error) = keeper.retry(None)
        {
            // Not lost: the next open returns every lease.
            tracing::warn!(document = %self.document, %error, "a lease could not be returned");
        }
    }
}

/// The queue in the store's SQLite file.
pub struct SqliteWork {
    db: Arc<Database>,
    /// Most documents that may wait.
    limit: usize,
    claims: AtomicU64,
}

impl SqliteWork {
    /// Returns all leases: who held them is dead, or we would not have the writer's lock.
    pub(crate) fn open(db: Arc<Database>, limit: usize) -> Result<Self> {
        db.write(|db| Ok(db.execute("UPDATE work SET lease = NULL WHERE lease IS NOT NULL", [])?))?;
        Ok(Self { db, limit, claims: AtomicU64::new(0) })
    }
}

/// The token of a document that this process reads without having claimed it. Claims count from 1.
const TAKEN_UP: i64 = 0;

/// Notes that this process reads an open document, whether it was in the queue or not.
pub(crate) fn take_up(db: &Connection, document: DocumentId) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO work (document, priority, lease) SELECT key, priority, ?2 FROM documents WHERE id = ?1 AND state = 'open'
         ON CONFLICT (document) DO UPDATE SET lease = excluded.lease",
    )?
    .execute(params![document.to_string(), TAKEN_UP])?;
    Ok(())
}

/// The documents that somebody reads, or read when its process ended.
pub(crate) fn taken(db: &Connection) -> Result<Vec<DocumentId>> {
    Ok(db
        .prepare_cached(
            "SELECT id FROM work w JOIN documents d ON d.key = w.document WHERE lease IS NOT NULL AND state = 'open'",
        )?
        .query_map([], |row| parsed(row, "id"))?
        .collect::<Result<_, _>>()?)
}

fn waiting(db: &Connection) -> Result<usize> {
    let count: i64 =
        db.prepare_cached("SELECT count(*) FROM work WHERE lease IS NULL")?.query_row([], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

impl WorkQueue for SqliteWork {
    fn offer(&self, document: DocumentId, priority: Priority) -> Result<Offer> {
        self.db.write(|db| {
            let (key, queued): (i64, bool) = db
                .prepare_cached(
                    "SELECT key, EXISTS (SELECT 1 FROM work WHERE document = key) FROM documents WHERE id = ?1",
                )?
                .query_row([document.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?
                .ok_or(Error::NoSuchDocument(document))?;
            if queued {
                return Ok(Offer::Accepted);
            }
            let waiting = waiting(db)?;
            if waiting >= self.limit {
                return Ok(Offer::Busy { waiting });
            }
            db.prepare_cached("INSERT INTO work (document, priority) VALUES (?1, ?2)")?
                .execute(params![key, priority.as_str()])?;
            Ok(Offer::Accepted)
        })
    }

    fn claim(&self) -> Result<Option<Lease>> {
        let token = self.claims.fetch_add(1, Ordering::Relaxed) + 1;
        let order = if token.is_multiple_of(FAIR_CLAIM) { "ticket" } else { "w.priority DESC, ticket" };
        self.db.write(|db| {
            let found = db
                .prepare_cached(&format!(
                    "SELECT ticket, id, w.priority, attempts, progress, w.reason
                     FROM work w JOIN documents d ON d.key = w.document WHERE lease IS NULL ORDER BY {order} LIMIT 1"
                ))?
                .query_row([], |row| {
                    Ok((
                        row.get::<_, i64>("ticket")?,
                        parsed(row, "id")?,
                        parsed(row, "priority")?,
                        row.get::<_, u32>("attempts")?,
                        row.get("progress")?,
                        row.get("reason")?,
                    ))
                })
                .optional()?;
            let Some((ticket, document, priority, attempts, progress, last_reason)) = found else { return Ok(None) };
            let token = token as i64;
            db.prepare_cached("UPDATE work SET lease = ?2, attempts = attempts + 1 WHERE ticket = ?1")?
                .execute([ticket, token])?;
            let keeper = SqliteLease { db: self.db.clone(), document, ticket, token };
            Ok(Some(Lease {
                document,
                priority,
                attempt: attempts + 1,
                progress,
                last_reason,
                keeper: Some(Box::new(keeper)),
            }))
        })
    }

    fn waiting(&self) -> Result<usize> {
        self.db.read(waiting)
    }
}

struct SqliteLease {
    db: Arc<Database>,
    document: DocumentId,
    ticket: i64,
    token: i64,
}

impl SqliteLease {
    fn held(&self, changed: usize) -> Result<()> {
        if changed == 0 { Err(Error::LeaseLost(self.document)) } else { Ok(()) }
    }
}

impl LeaseKeeper for SqliteLease {
    fn progress(&self, pages: u32) -> Result<()> {
        self.db.write(|db| {
            let changed = db
                .prepare_cached("UPDATE work SET progress = ?3 WHERE ticket = ?1 AND lease = ?2")?
                .execute([self.ticket, self.token, pages.into()])?;
            self.held(changed)
        })
    }

    fn done(&self) -> Result<()> {
        // The row may be gone because the document was finished first, which says the same.
        self.db.write(|db| {
            db.prepare_cached("DELETE FROM work WHERE ticket = ?1 AND lease = ?2")?
                .execute([self.ticket, self.token])?;
            Ok(())
        })
    }

    fn retry(&self, reason: Option<&str>) -> Result<()> {
        // A new ticket, so that what keeps failing does not keep the others waiting.
        self.db.write(|db| {
            db.prepare_cached(
                "UPDATE work SET lease = NULL, reason = ?3,
                        ticket = (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'work')
                 WHERE ticket = ?1 AND lease = ?2",
            )?
            .execute(params![self.ticket, self.token, reason])?;
            db.execute(
                "UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(ticket), 0) FROM work))
                 WHERE name = 'work'",
                [],
            )?;
            Ok(())
        })
    }
}
