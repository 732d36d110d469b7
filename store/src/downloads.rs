//! Where documents were downloaded from, and what their servers call the version that was had: so that the same address is asked whether it
//! has changed, and nothing is transferred twice.

use pagestream_documents::DocumentId;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    rows::parsed,
    tags::Tag,
};

/// Where a document was downloaded from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadedFrom {
    /// As it was asked for, before redirects; without a user name and a password, which are never kept.
    pub url: String,
    /// The version's name, as the server wrote it: with its quotes, and `W/` before a weak one.
    pub etag: Option<String>,
    /// As the server wrote it.
    pub last_modified: Option<String>,
}

impl DownloadedFrom {
    /// Whether the server can be asked whether it has something newer.
    pub fn has_version(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

/// Notes where a document came from; what was noted of it before is forgotten.
pub(crate) fn note(db: &Connection, document: DocumentId, from: &DownloadedFrom) -> Result<()> {
    let noted = db
        .prepare_cached(
            "INSERT OR REPLACE INTO downloads (document, url, etag, last_modified)
             SELECT key, ?2, ?3, ?4 FROM documents WHERE id = ?1",
        )?
        .execute(params![document.to_string(), from.url, from.etag, from.last_modified])?;
    if noted == 0 { Err(Error::NoSuchDocument(document)) } else { Ok(()) }
}

/// The latest document that came from there, of `owner` where one is given.
pub(crate) fn latest(db: &Connection, url: &str, owner: Option<&Tag>) -> Result<Option<DocumentId>> {
    Ok(db
        .prepare_cached(
            "SELECT documents.id FROM downloads JOIN documents ON documents.key = downloads.document
             WHERE downloads.url = ?1
             AND (?2 IS NULL OR EXISTS (SELECT 1 FROM tags WHERE tags.document = documents.key AND tags.tag = ?2))
             ORDER BY documents.key DESC LIMIT 1",
        )?
        .query_row(params![url, owner.map(Tag::as_str)], |row| parsed(row, "id"))
        .optional()?)
}

/// A column of `documents`, for [`of_column`].
pub(crate) const COLUMN: &str = "(SELECT json_object('url', url, 'etag', etag, 'last_modified', last_modified) \
                                 FROM downloads WHERE downloads.document = documents.key) AS download";

pub(crate) fn of_column(text: Option<String>) -> rusqlite::Result<Option<DownloadedFrom>> {
    let parse = |text: String| {
        serde_json::from_str(&text).map_err(|error| crate::rows::unreadable(format!("download `{text}`: {error}")))
    };
    text.map(parse).transpose()
}
