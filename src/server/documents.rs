//! Documents: listed, looked at, cancelled, removed.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use pagestream_actors::end_at_rest;
use pagestream_documents::DocumentId;
use pagestream_store::{Document, DocumentState, ListingPart, Request, Tag};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    access::{Reading, Writing},
    app::{App, Shared, is_reserved, query},
    problem::{Problem, Result},
    views::DocumentView,
};

const LISTED: u32 = 50;
const MOST_LISTED: u32 = 500;

/// How long a request waits for the pages under way of a document that is cancelled.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only documents that are open, done, failed or cancelled.
    #[param(pattern = "^(open|done|failed|cancelled)$")]
    state: Option<String>,
    /// Only documents with this tag.
    #[param(pattern = "^(?!owner:|once:)[^\\W_][\\w.:/+-]{0,63}$")]
    tag: Option<String>,
    /// At most so many, 1 to 500; 50 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only documents that were submitted before this one.
    #[param(pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    before: Option<String>,
}

/// A part of the documents, the latest first.
#[derive(Serialize, ToSchema)]
pub struct DocumentList {
    documents: Vec<DocumentView>,
    /// Where the rest is; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The documents, the latest submitted first.
#[utoipa::path(get, path = "/v1/documents", tag = "documents", params(ListQuery), responses(
    (status = 200, body = DocumentList, description = "A part of them"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn list(app: Shared, reading: Reading, request: HttpRequest) -> Result {
    let asked: ListQuery = query(&request)?;
    let limit = asked.limit.unwrap_or(LISTED);
    if !(1..=MOST_LISTED).contains(&limit) {
        return Err(Problem::bad(format!("`limit` is 1 to {MOST_LISTED}")));
    }
    let state = asked.state.as_deref().map(str::parse::<DocumentState>).transpose();
    let tag = asked.tag.as_deref().map(str::parse::<Tag>).transpose().map_err(Problem::bad)?;
    if tag.as_ref().is_some_and(is_reserved) {
        return Err(Problem::bad("this is a tag that only the server gives"));
    }
    let part = ListingPart {
        before: asked
            .before
            .as_deref()
            .map(str::parse::<DocumentId>)
            .transpose()
            .map_err(|_| Problem::bad("`before` is no identity"))?,
        state: state.map_err(|error| Problem::bad(format!("`state` is {error}")))?,
        tag,
        owner: reading.0.narrowed_to(),
        // One more tells whether there are any.
        limit: limit + 1,
    };
    let mut documents = app.ask(move |store| store.documents_part(&part)).await?;
    let more = documents.len() > limit as usize;
    documents.truncate(limit as usize);
    let next = documents.last().filter(|_| more).map(|last| {
        let state = asked.state.as_ref().map(|state| format!("&state={state}")).unwrap_or_default();
        let tag = asked.tag.as_ref().map(|tag| format!("&tag={}", escape(tag))).unwrap_or_default();
        format!("/v1/documents?before={}&limit={limit}{state}{tag}", last.id)
    });
    Ok(HttpResponse::Ok().json(DocumentList { documents: documents.iter().map(DocumentView::of).collect(), next }))
}

/// What an address cannot hold, as `%` and two digits.
fn escape(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}

/// How a document stands.
#[utoipa::path(get, path = "/v1/documents/{id}", tag = "documents", params(("id" = String, Path, description = "The document's identity")), responses(
    (status = 200, body = DocumentView, description = "How it stands"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn show(app: Shared, reading: Reading, id: web::Path<String>) -> Result {
    Ok(HttpResponse::Ok().json(DocumentView::of(&app.document(&reading.0, &id).await?)))
}

/// Stops reading a document. What has been read stays.
#[utoipa::path(post, path = "/v1/documents/{id}/cancel", tag = "documents", params(("id" = String, Path, description = "The document's identity")), responses(
    (status = 200, body = DocumentView, description = "It has ended"),
    (status = 202, body = DocumentView, description = "Pages of it are still under way, and end soon"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn cancel(app: Shared, writing: Writing, id: web::Path<String>) -> Result {
    let document = app.document(&writing.0, &id).await?;
    let ended = end(&app, &document).await;
    let id = document.id;
    if ended && document.state == DocumentState::Open {
        app.ask(move |store| end_at_rest(store, id, Request::Cancel)).await?;
    }
    let document = app.document(&writing.0, &id.to_string()).await?;
    let mut response = if ended { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    Ok(response.json(DocumentView::of(&document)))
}

/// Forgets a document, its pages and its bytes. One that is being read is cancelled first.
#[utoipa::path(delete, path = "/v1/documents/{id}", tag = "documents", params(("id" = String, Path, description = "The document's identity")), responses(
    (status = 204, description = "It is gone"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn remove(app: Shared, writing: Writing, id: web::Path<String>) -> Result {
    let document = app.document(&writing.0, &id).await?;
    if !end(&app, &document).await {
        return Err(Problem::new(super::problem::Code::InProgress, "pages of it are still under way")
            .retry_after(Duration::from_secs(1)));
    }
    let id = document.id;
    app.ask(move |store| end_at_rest(store, id, Request::Remove)).await?;
    app.give_back_space();
    Ok(HttpResponse::NoContent().finish())
}

/// Cancels a document that is under way here. Whether nothing more will come of it.
async fn end(app: &App, document: &Document) -> bool {
    let Some(handle) = app.pipeline.document(document.id) else { return true };
    handle.cancel();
    tokio::time::timeout(PATIENCE, handle.finished()).await.is_ok()
}
