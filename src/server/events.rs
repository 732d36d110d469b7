//! Pages as they are read: Server-Sent Events, or lines of JSON for whoever asks for those.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::Bytes;
use futures::{Stream, stream};
use pagestream_documents::DocumentId;
use pagestream_store::Document;
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::IntoParams;

use super::{
    access::Reading,
    app::{App, Shared, query},
    caller::Caller,
    hub::{Event, Feed, Source, Step},
    problem::{Problem, Result},
    upload::text,
    views::DocumentView,
};

/// The id of the last event of a document: who comes back with it has everything.
const END: &str = "end";

/// Documents of which a stream remembers whether its reader may see them.
const REMEMBERED: usize = 1024;

/// Where a stream begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Of a document: the first page that is wanted, 1 where nothing is said. Of all: the place in the log behind which it begins, 0 for
    /// everything there is; what comes from now on where nothing is said. `Last-Event-ID` goes before it.
    #[param(maximum = 9_223_372_036_854_775_807_i64)]
    from: Option<u64>,
}

impl EventsQuery {
    /// Places in the log are counted as SQLite counts its rows.
    fn from(&self) -> Result<Option<u64>> {
        match self.from {
            Some(from) if i64::try_from(from).is_err() => Err(Problem::bad("`from` is no place in the log")),
            from => Ok(from),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Events,
    Lines,
}

/// The pages of a document as they are read, and its end.
#[utoipa::path(get, path = "/v1/documents/{id}/events", tag = "events", params(
    ("id" = String, Path, description = "The document's identity"), EventsQuery,
    ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received; it goes on behind it"),
), responses(
    (status = 200, content_type = "text/event-stream", description = "`document` (how it stands), then `page` for each page in order, \
        whose id is its number and whose data is its record, then `end`. With `Accept: application/x-ndjson` records alone, one a line, and the \
        document at the end", body = Object),
    (status = 204, description = "There is nothing behind that event"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn of_document(app: Shared, reading: Reading, request: HttpRequest, id: web::Path<String>) -> Result {
    let document = app.document(&reading.0, &id).await?;
    let from = query::<EventsQuery>(&request)?.from()?;
    let next = match last_event(&request)? {
        Some(END) => return Ok(HttpResponse::NoContent().finish()),
        Some(last) => number(last)?.saturating_add(1),
        None => from.unwrap_or(1).max(1),
    };
    let first = Some(DocumentView::of(&document));
    Ok(respond(app, reading.0, &request, Source::Document(document.id), next, first))
}

/// The pages of all documents as they are read, in the order in which they are kept.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventsQuery,
    ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received; it goes on behind it"),
), responses(
    (status = 200, content_type = "text/event-stream", description = "`page` for each page, whose id is its place in the log and whose data is \
        its record. It does not end. With `Accept: application/x-ndjson` records alone, one a line", body = Object),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn of_all(app: Shared, reading: Reading, request: HttpRequest) -> Result {
    let from = query::<EventsQuery>(&request)?.from()?;
    let after = match (last_event(&request)?, from) {
        (Some(last), _) => number(last)?,
        (None, Some(from)) => from,
        (None, None) => {
            let last = app.ask(|store| store.last_sequence()).await?;
            u64::try_from(last).unwrap_or(0)
        }
    };
    Ok(respond(app, reading.0, &request, Source::Everything, after.saturating_add(1), None))
}

/// One that cannot be read is refused: to begin anew would give pages twice.
fn last_event(request: &HttpRequest) -> Result<Option<&str>> {
    Ok(text(request.headers(), "last-event-id")?.filter(|id| !id.is_empty()))
}

fn number(id: &str) -> Result<u64> {
    id.parse().map_err(|_| Problem::bad("`Last-Event-ID` is the id of no event of this stream"))
}

fn respond(
    app: Shared,
    caller: Caller,
    request: &HttpRequest,
    source: Source,
    next: u64,
    first: Option<DocumentView>,
) -> HttpResponse {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let form = if accepts.contains("ndjson") || accepts.contains("jsonl") { Form::Lines } else { Form::Events };
    let (feed, changes) = app.hub.feed(source);
    let reader = EventReader {
        counted: Counted::new(app.clone()),
        closing: app.closing.subscribe(),
        heartbeat: app.options.server.heartbeat.max(Duration::from_millis(10)),
        caller,
        source,
        feed,
        changes,
        next,
        form,
        seen: HashMap::new(),
        is_over: false,
    };
    let mut response = HttpResponse::Ok();
    match form {
        Form::Events => response.insert_header((header::CONTENT_TYPE, "text/event-stream")),
        Form::Lines => response.insert_header((header::CONTENT_TYPE, "application/x-ndjson")),
    };
    // Proxies hand on what comes when it comes.
    response.insert_header(("x-accel-buffering", "no"));
    let preface = match (form, first) {
        (Form::Events, Some(first)) => {
            format!("retry: 1000\nevent: document\ndata: {}\n\n", serde_json::to_string(&first).unwrap_or_default())
        }
        (Form::Events, None) => "retry: 1000\n\n".to_owned(),
        (Form::Lines, _) => String::new(),
    };
    response.streaming(reader.stream(preface))
}

/// That a stream is open, for as long as it is.
struct Counted(Shared);

impl Counted {
    fn new(app: Shared) -> Self {
        app.streams.fetch_add(1, Relaxed);
        Self(app)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Relaxed);
    }
}

struct EventReader {
    counted: Counted,
    closing: watch::Receiver<bool>,
    heartbeat: Duration,
    caller: Caller,
    source: Source,
    feed: Arc<Feed>,
    changes: watch::Receiver<u64>,
    next: u64,
    form: Form,
    seen: HashMap<DocumentId, bool>,
    is_over: bool,
}

impl EventReader {
    fn stream(self, preface: String) -> impl Stream<Item = Result<Bytes>> {
        let first = stream::iter((!preface.is_empty()).then(|| Ok(Bytes::from(preface))));
        let rest = stream::unfold(self, |mut reader| async {
            if reader.is_over {
                return None;
            }
            let chunk = reader.more().await;
            reader.is_over |= chunk.is_err();
            chunk.transpose().map(|chunk| (chunk, reader))
        });
        futures::StreamExt::chain(first, rest)
    }

    fn app(&self) -> &App {
        &self.counted.0
    }

    /// What comes next, and `None` when nothing will.
    async fn more(&mut self) -> Result<Option<Bytes>> {
        loop {
            // Looked at before the log is read, so that what comes meanwhile wakes us, and what a drain let end is still told.
            let is_closing = *self.closing.borrow_and_update();
            let change = *self.changes.borrow_and_update();
            match self.feed.from(self.next, change).await? {
                Step::Events(events) => {
                    let chunk = self.write(&events).await?;
                    if !chunk.is_empty() {
                        return Ok(Some(chunk));
                    }
                }
                Step::End(document) => {
                    self.is_over = true;
                    return Ok(Some(self.end(document.as_deref())));
                }
                // The document goes on when it is resumed: its end is not told.
                Step::Nothing if is_closing => return Ok(None),
                Step::Nothing => {
                    tokio::select! {
                        changed = self.changes.changed() => if changed.is_err() { return Ok(None) },
                        closing = self.closing.changed() => if closing.is_err() { return Ok(None) },
                        () = tokio::time::sleep(self.heartbeat) => return Ok(Some(self.beat())),
                    }
                }
            }
        }
    }

    fn beat(&self) -> Bytes {
        Bytes::from_static(match self.form {
            Form::Events => b": still here\n\n",
            // A line of white space, which readers of JSON lines pass over.
            Form::Lines => b"\n",
        })
    }

    fn end(&self, document: Option<&Document>) -> Bytes {
        let view = document.map(DocumentView::of);
        let json = serde_json::to_string(&view).unwrap_or_default();
        Bytes::from(match self.form {
            Form::Events => format!("id: {END}\nevent: {END}\ndata: {json}\n\n"),
            Form::Lines => format!("{json}\n"),
        })
    }

    async fn write(&mut self, events: &[Arc<Event>]) -> Result<Bytes> {
        let mut chunk = Vec::with_capacity(events.iter().map(|event| event.json.len() + 48).sum());
        for event in events {
            self.next = event.position.saturating_add(1);
            if !self.may_see(event.document).await? {
                continue;
            }
            let json = std::str::from_utf8(&event.json).map_err(Problem::internal)?;
            let redacted = self.app().seen_json(&self.caller, json).await?;
            let json = redacted.as_deref().unwrap_or(json);
            if self.form == Form::Events {
                chunk.extend_from_slice(format!("id: {}\nevent: page\ndata: ", event.position).as_bytes());
            }
            chunk.extend_from_slice(json.as_bytes());
            chunk.extend_from_slice(if self.form == Form::Events { b"\n\n" } else { b"\n" });
        }
        Ok(Bytes::from(chunk))
    }

    async fn may_see(&mut self, document: DocumentId) -> Result<bool> {
        // Who reads a document was asked when he came.
        if self.caller.sees_all() || self.source != Source::Everything {
            return Ok(true);
        }
        if let Some(seen) = self.seen.get(&document) {
            return Ok(*seen);
        }
        let found = self.app().ask(move |store| store.document(document)).await?;
        let seen = found.is_some_and(|found| self.caller.may_see(&found));
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(document, seen);
        Ok(seen)
    }
}
