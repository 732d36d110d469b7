//! What is forgotten, and when: finished documents that are too old, then the oldest until the rest fits. Never one that
//! is still open.

use std::time::{Duration, SystemTime};

use pagestream_documents::{ByteSize, DocumentId};
use rusqlite::Connection;

use crate::{
    documents::overview,
    error::Result,
    rows::{millis, parsed},
};

/// `None` keeps for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// A document is kept for so long after it finished.
    pub max_age: Option<Duration>,
    /// Inputs and page records together may take so much; open documents count, and are kept whatever they take.
    pub max_size: Option<ByteSize>,
}

/// The finished documents whose time is over at `now`, the earliest finished first.
pub(crate) fn too_old(db: &Connection, retention: &Retention, now: SystemTime) -> Result<Vec<DocumentId>> {
    let Some(limit) = retention.max_age.and_then(|age| now.checked_sub(age)) else { return Ok(Vec::new()) };
    Ok(db
        .prepare_cached(
            "SELECT id FROM documents WHERE state <> 'open' AND finished_at < ?1 ORDER BY finished_at, key",
        )?
        .query_map([millis(limit)], |row| parsed(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// Whether the store is larger than it may be.
pub(crate) fn is_over_size(db: &Connection, retention: &Retention) -> Result<bool> {
    let Some(limit) = retention.max_size else { return Ok(false) };
    let overview = overview(db)?;
    Ok(overview.record_bytes + overview.spooled_bytes > limit.bytes())
}

/// Every finished document, the earliest finished first.
pub(crate) fn finished(db: &Connection) -> Result<Vec<DocumentId>> {
    Ok(db
        .prepare_cached("SELECT id FROM documents WHERE state <> 'open' ORDER BY finished_at, key")?
        .query_map([], |row| parsed(row, "id"))?
        .collect::<Result<_, _>>()?)
}
