//! What one process asks of another that is writing: cancel a document, or remove it.

use std::{path::Path, time::Duration};

use pagestream_documents::DocumentId;
use rusqlite::{Connection, params};

use crate::{
    database::connect_to_write,
    documents::DocumentState,
    error::{Error, Result},
    page_log,
    rows::{now, parsed, unreadable},
    schema,
};

/// Something asked of the writer, by itself or by another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Cancel,
    /// Cancel if it is open, then forget it.
    Remove,
}

impl Request {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Remove => "remove",
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// No writer was running, so it is done.
    Applied,
    /// The running writer will see it.
    Pending,
    /// The document had ended before.
    AlreadyFinished(DocumentState),
}

/// Leaves a note for the writer. SQLite lets a second process write a row; the lock file forbids only a second pipeline.
pub(crate) fn leave(dir: &Path, timeout: Duration, document: DocumentId, request: Request) -> Result<Requested> {
    let db = connect_to_write(dir, timeout)?;
    schema::check(&db, dir)?;
    record(&db, document, request)
}

/// A request to remove replaces one to cancel, never the other way round.
pub(crate) fn record(db: &Connection, document: DocumentId, request: Request) -> Result<Requested> {
    match page_log::state(db, document)?.ok_or(Error::NoSuchDocument(document))? {
        DocumentState::Open => {}
        state if request == Request::Cancel => return Ok(Requested::AlreadyFinished(state)),
        _ => {}
    }
    db.execute(
        "INSERT INTO requests (document, kind, requested_at) SELECT key, ?2, ?3 FROM documents WHERE id = ?1
         ON CONFLICT (document) DO UPDATE SET kind = max(kind, excluded.kind)",
        params![document.to_string(), request.as_str(), now()],
    )?;
    Ok(Requested::Pending)
}

/// What has been asked and not been done, oldest first. A request to cancel vanishes when its document is finished, one
/// to remove when it is removed: so a writer that dies in between leaves it for the next.
pub(crate) fn pending(db: &Connection) -> Result<Vec<(DocumentId, Request)>> {
    Ok(db
        .prepare_cached(
            "SELECT d.id, r.kind FROM requests r JOIN documents d ON d.key = r.document ORDER BY r.requested_at, d.key",
        )?
        .query_map([], |row| {
            let kind: String = row.get("kind")?;
            let request = match kind.as_str() {
                "cancel" => Request::Cancel,
                "remove" => Request::Remove,
                other => return Err(unreadable(format!("request `{other}`"))),
            };
            Ok((parsed(row, "id")?, request))
        })?
        .collect::<Result<_, _>>()?)
}
