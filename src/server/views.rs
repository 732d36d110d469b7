//! What the server says of documents, as programs read it.

use std::time::{SystemTime, UNIX_EPOCH};

use pagestream_actors::needs_password;
use pagestream_store::{Document, DocumentState};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::own_tags;

/// The schema of a document: fields are added without notice and changed only with a new version.
pub const DOCUMENT: &str = "pagestream.document-state/1";

/// How a document stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DocumentView {
    /// Always `pagestream.document-state/1`.
    schema: &'static str,
    id: String,
    /// The name that it was submitted under.
    source: String,
    /// Where it was downloaded from, without a user name and a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Of its bytes.
    sha256: String,
    /// Bytes.
    size: u64,
    /// `open` (pages are to come), `done`, `failed` (it could not be read as a document) or `cancelled`.
    #[schema(value_type = String, example = "done")]
    state: &'static str,
    /// Why it failed or was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Pages in the whole document; absent until it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    /// The pages that were asked for, as `1-3,7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<String>,
    /// Pages that have their record, the failed ones among them.
    pages_done: u32,
    pages_failed: u32,
    tags: Vec<String>,
    /// `interactive` or `bulk`.
    #[schema(value_type = String, example = "interactive")]
    priority: &'static str,
    /// Whether it goes on only when it is submitted again with its password.
    waits_for_password: bool,
    /// Seconds since 1970, as the next one.
    submitted_at: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<f64>,
    urls: Urls,
}

/// Where the rest is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Urls {
    #[serde(rename = "self")]
    itself: String,
    pages: String,
    events: String,
    /// `{format}` stands for txt, jsonl, json, md, html, docx, epub, csv, tsv, hocr, alto.xml, page.xml or pdf.
    result: String,
}

impl DocumentView {
    pub fn of(document: &Document) -> Self {
        let itself = format!("/v1/documents/{}", document.id);
        Self {
            schema: DOCUMENT,
            id: document.id.to_string(),
            source: document.source.clone(),
            url: document.download.as_ref().map(|from| from.url.clone()),
            sha256: document.sha256.to_string(),
            size: document.size.bytes(),
            state: document.state.as_str(),
            reason: document.reason.clone(),
            pages: document.pages,
            selection: document.selection.clone().filter(|selection| selection != "all"),
            pages_done: document.committed,
            pages_failed: document.failed,
            tags: own_tags(document).map(|tag| tag.as_str().to_owned()).collect(),
            priority: document.priority.as_str(),
            waits_for_password: document.state == DocumentState::Open && needs_password(document),
            submitted_at: seconds(document.submitted_at),
            finished_at: document.finished_at.map(seconds),
            urls: Urls {
                pages: format!("{itself}/pages"),
                events: format!("{itself}/events"),
                result: format!("{itself}/result.{{format}}"),
                itself,
            },
        }
    }
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
