//! What every request is answered from: the pipeline's handle, the settings, and what the server itself keeps.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpRequest, web};
use futures::StreamExt;
use pagestream_actors::{DuplicateMode, OcrMode, Pipeline};
use pagestream_documents::{DocumentId, Limits, PageRecord, PageStatus, output::FormulaDelimiters};
use pagestream_store::{Document, Error as StoreError, Store, Tag};
use serde::de::DeserializeOwned;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
};

use super::{
    caller::Caller,
    hub::Hub,
    keys::{Keys, OWNER},
    problem::{Code, Problem, Result},
    rate::RateLimit,
    urls::Urls,
};
use crate::settings::{DownloadSettings, ServerSettings, Settings};

/// Pages that are rendered at once for people who look at them, beside those that are read: two, so that one large page holds up
/// no other, and memory for no more than two.
const RENDERED_AT_ONCE: usize = 2;

/// Results that are written at once; each has a thread.
const RESULTS_AT_ONCE: usize = 8;

/// Bytes of a body that is no document.
const LARGEST_QUERY: usize = 64 << 10;

/// How the server is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    pub server: ServerSettings,
    pub download: DownloadSettings,
    pub ocr: OcrMode,
    pub duplicates: DuplicateMode,
    pub formulas: FormulaDelimiters,
    pub limits: Limits,
    /// How long pages under way may take when the server stops.
    pub drain: Duration,
    /// Where a person finds the data that the server keeps, for messages; `None` where it is gone with the run.
    pub data_dir: Option<PathBuf>,
}

impl From<&Settings> for ServerOptions {
    fn from(settings: &Settings) -> Self {
        Self {
            server: settings.server.clone(),
            download: settings.download.clone(),
            ocr: settings.ocr.mode,
            duplicates: settings.duplicates.mode,
            formulas: settings.output.formulas,
            limits: Limits { page: settings.limits.page },
            drain: settings.pipeline.drain,
            data_dir: settings.store.data_dir.clone(),
        }
    }
}

impl ServerOptions {
    /// Whether models are loaded before the first page asks for them: not where none is ever asked for.
    pub fn warms_up(&self) -> bool {
        self.server.warm_up && self.ocr != OcrMode::Never
    }
}

pub struct App {
    pub pipeline: Pipeline,
    pub options: ServerOptions,
    /// `None`: nobody is asked for a key.
    pub keys: Option<Keys>,
    pub rate: Option<RateLimit>,
    /// `None`: no documents are downloaded.
    pub urls: Option<Urls>,
    pub hub: Hub,
    pub renders: Semaphore,
    pub results: Arc<Semaphore>,
    /// Whether no more documents are taken.
    pub draining: watch::Sender<bool>,
    /// Whether streams of events should end.
    pub closing: watch::Sender<bool>,
    /// Idempotency keys whose requests are being answered.
    once: Mutex<HashSet<Tag>>,
    /// Whether somebody gives the room of removed documents back.
    giving_back: Arc<AtomicBool>,
    pub requests: AtomicU64,
    pub problems: AtomicU64,
    pub streams: AtomicU64,
}

pub type Shared = web::Data<App>;

impl App {
    pub fn new(pipeline: Pipeline, options: ServerOptions, keys: Option<Keys>, urls: Option<Urls>) -> Self {
        Self {
            urls,
            hub: Hub::new(pipeline.store().clone(), Handle::current()),
            rate: RateLimit::new(options.server.rate),
            pipeline,
            options,
            keys,
            renders: Semaphore::new(RENDERED_AT_ONCE),
            results: Arc::new(Semaphore::new(RESULTS_AT_ONCE)),
            draining: watch::Sender::new(false),
            closing: watch::Sender::new(false),
            once: Mutex::default(),
            giving_back: Arc::default(),
            requests: AtomicU64::new(0),
            problems: AtomicU64::new(0),
            streams: AtomicU64::new(0),
        }
    }

    /// Asks the store, on a thread for that.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> std::result::Result<T, StoreError> + Send + 'static,
    ) -> Result<T> {
        let store = self.pipeline.store().clone();
        blocking(move || question(&store).map_err(Problem::from)).await
    }

    /// A document that the caller may see.
    pub async fn document(&self, caller: &Caller, id: &str) -> Result<Document> {
        let id: DocumentId = id.parse().map_err(|_| Problem::no_such_document())?;
        let document = self.ask(move |store| store.document(id)).await?;
        document.filter(|document| caller.may_see(document)).ok_or_else(Problem::no_such_document)
    }

    /// A record as the caller may see it: a page of a document that is not his is not named.
    pub async fn seen(&self, caller: &Caller, mut record: PageRecord) -> Result<PageRecord> {
        if let (Some(of), false) = (&record.duplicate_of, caller.sees_all()) {
            let id = of.document;
            let other = self.ask(move |store| store.document(id)).await?;
            if !other.is_some_and(|other| caller.may_see(&other)) {
                conceal(&mut record);
            }
        }
        Ok(record)
    }

    /// As [`App::seen`], of a record as it stands in the log.
    pub async fn seen_json(&self, caller: &Caller, json: &str) -> Result<Option<String>> {
        if caller.sees_all() || !json.contains("\"duplicate_of\"") {
            return Ok(None);
        }
        let record = serde_json::from_str(json).map_err(Problem::internal)?;
        serde_json::to_string(&self.seen(caller, record).await?).map(Some).map_err(Problem::internal)
    }

    /// Holds an idempotency key for as long as its request is answered.
    pub fn hold(&self, key: &Tag) -> Result<Held<'_>> {
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        match once.insert(key.clone()) {
            true => Ok(Held { app: self, key: key.clone() }),
            false => Err(Problem::new(Code::InProgress, "a request with this idempotency key is being answered now")
                .retry_after(Duration::from_secs(1))),
        }
    }

    /// Gives the room of what was removed back, behind the answer: once for however many were removed meanwhile.
    pub fn give_back_space(&self) {
        if self.giving_back.swap(true, Ordering::AcqRel) {
            return;
        }
        let (store, giving_back) = (self.pipeline.store().clone(), self.giving_back.clone());
        // Nobody waits for it.
        drop(tokio::task::spawn_blocking(move || {
            // Whoever removes something from here on asks again.
            giving_back.store(false, Ordering::Release);
            if let Err(error) = store.give_back_space() {
                tracing::warn!(%error, "the room of removed documents is not given back yet");
            }
        }));
    }
}

/// Takes from a record what it says of a page that its reader may not see. Its text is there: for keys nothing is skipped.
pub fn conceal(record: &mut PageRecord) {
    record.duplicate_of = None;
    if record.status == PageStatus::Duplicate {
        (record.status, record.reason) = (PageStatus::Ok, None);
    }
}

pub struct Held<'a> {
    app: &'a App,
    key: Tag,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.app.once.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Does what blocks on a thread for that.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

/// What stands behind the question mark.
pub fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T> {
    web::Query::<T>::from_query(request.query_string()).map(web::Query::into_inner).map_err(|error| {
        Problem::bad(format!("the address makes no sense behind its `?`: {}", inner(&error.to_string())))
    })
}

/// What an error of actix says without its own preface.
fn inner(message: &str) -> &str {
    message.strip_prefix("Query deserialize error: ").unwrap_or(message)
}

/// A body of JSON, as large as a query may be and no slower than a request may be.
pub async fn json<T: DeserializeOwned>(app: &App, mut payload: web::Payload) -> Result<T> {
    let all = async {
        let mut body = Vec::new();
        while let Some(bytes) = payload.next().await {
            let bytes = bytes.map_err(|error| Problem::bad(format!("the body did not come whole: {error}")))?;
            if body.len() + bytes.len() > LARGEST_QUERY {
                return Err(Problem::new(Code::TooLarge, format!("a query has {LARGEST_QUERY} bytes at most")));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    };
    let limit = app.options.server.request_time;
    let body = tokio::time::timeout(limit, all).await;
    let body =
        body.map_err(|_| Problem::new(Code::RequestTimeout, format!("the body did not come within {limit:?}")))??;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::bad(format!("the body is not the JSON that is asked for: {error}")))
}

/// The tags of a document that people gave it.
pub fn own_tags(document: &Document) -> impl Iterator<Item = &Tag> {
    document.tags.iter().filter(|tag| !is_reserved(tag))
}

/// What an idempotency key is kept as.
pub const ONCE: &str = "once:";

/// Whether a tag means something to the server, so that nobody may give it.
pub fn is_reserved(tag: &Tag) -> bool {
    tag.as_str().starts_with(OWNER) || tag.as_str().starts_with(ONCE)
}
