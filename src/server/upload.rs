//! Documents handed over: raw or in a form, into the spool as they come.

use actix_multipart::{Field, Multipart};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};
use futures::{Stream, StreamExt, TryStreamExt};
use pagestream_actors::{DuplicateMode, Error, OcrMode, PageSelection, SubmitOptions};
use pagestream_documents::{Digest, DocumentId, detect, harmless};
use pagestream_store::{Document, ListingPart, Tag};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::{io::Cursor, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt};
use utoipa::IntoParams;

use super::{
    access::Writing,
    app::{App, ONCE, Shared, is_reserved, json, query},
    body::{Fault, Terms, Upload, WINDOW},
    caller::Caller,
    problem::{Code, Problem, Result},
    urls,
    views::DocumentView,
};

/// What a document's kind is told from.
const HEAD: usize = 4096;

/// Bytes of a field that is no document.
const LARGEST_FIELD: usize = 4096;

/// Characters of a name.
const LONGEST_NAME: usize = 255;

/// What to say when it cannot be told how long a full system stays full.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where the password of a document stands, which belongs in no address.
pub const PASSWORD: &str = "pagestream-password";

/// How a document is read: as in `pagestream process`.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubmitQuery {
    /// What the document is called; else the file name of a form, or `document`.
    name: Option<String>,
    /// When pixels are read: auto, pictures, always, never.
    #[param(pattern = "^(auto|pictures|always|never)$")]
    ocr: Option<String>,
    /// Pages to read, such as `1-3,7` or `20-`.
    #[param(pattern = "^[1-9][0-9]{0,8}-?(,[1-9][0-9]{0,8}-?)*$")]
    pages: Option<String>,
    /// What it is filed under; several, separated by commas.
    #[param(pattern = "^(?!owner:|once:)[^\\W_][\\w.:/+-]{0,63}$")]
    tags: Option<String>,
    /// Pages that repeat earlier ones: mark, skip, off.
    #[param(pattern = "^(mark|skip|off)$")]
    duplicates: Option<String>,
    /// Whether it may wait for others.
    bulk: Option<bool>,
    /// Whether pages come as they are ready instead of in order.
    unordered: Option<bool>,
    /// Whether it is read again although it was read before.
    force: Option<bool>,
    /// In a form only, or as the header `Pagestream-Password`: an address is written into logs.
    #[serde(skip)]
    #[param(ignore)]
    password: Option<String>,
}

impl SubmitQuery {
    /// A field of a form; it goes before what stands in the address.
    fn set(&mut self, field: &str, value: String) -> Result<()> {
        let flag = |value: &str| match value {
            "true" | "1" | "on" => Ok(Some(true)),
            "false" | "0" | "off" => Ok(Some(false)),
            _ => Err(Problem::bad(format!("the field `{field}` is true or false"))),
        };
        match field {
            "name" => self.name = Some(value),
            "ocr" => self.ocr = Some(value),
            "pages" => self.pages = Some(value),
            "tags" => self.tags = Some(value),
            "duplicates" => self.duplicates = Some(value),
            "password" => self.password = Some(value),
            "bulk" => self.bulk = flag(&value)?,
            "unordered" => self.unordered = flag(&value)?,
            "force" => self.force = flag(&value)?,
            _ => {
                return Err(Problem::bad(format!(
                    "the form has a field `{}`, which means nothing here",
                    harmless(field)
                )));
            }
        }
        Ok(())
    }

    fn options(&self, app: &App, caller: &Caller) -> Result<SubmitOptions> {
        let tags = self.tags.iter().flat_map(|tags| tags.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
        let tags = tags.map(|tag| match tag.parse::<Tag>() {
            Ok(tag) if is_reserved(&tag) => Err(Problem::bad(format!("`{tag}` is a tag that only the server gives"))),
            Ok(tag) => Ok(tag),
            Err(error) => Err(Problem::bad(error)),
        });
        let tags = tags.collect::<Result<_>>()?;
        let duplicates = self.duplicates.as_deref().map(str::parse).transpose().map_err(Problem::bad)?;
        Ok(SubmitOptions {
            ocr: self.ocr.as_deref().map_or(Ok(app.options.ocr), str::parse::<OcrMode>).map_err(Problem::bad)?,
            pages: self.pages.as_deref().map_or(Ok(PageSelection::ALL), str::parse).map_err(Problem::bad)?,
            password: self.password.clone(),
            bulk: self.bulk.unwrap_or_default(),
            unordered: self.unordered.unwrap_or_default(),
            force: self.force.unwrap_or_default(),
            duplicates: self.duplicates_for(app, caller, duplicates)?,
            tags,
            owner: caller.owner().cloned(),
        })
    }

    /// A page that is skipped has its text elsewhere, in a document that may be somebody else's: then it is marked.
    fn duplicates_for(
        &self,
        app: &App,
        caller: &Caller,
        asked: Option<DuplicateMode>,
    ) -> Result<Option<DuplicateMode>> {
        match asked {
            Some(DuplicateMode::Skip) if !caller.sees_all() => Err(Problem::new(
                Code::Forbidden,
                "with `duplicates=skip` a page's text may be in a document of another key, which this one may not see",
            )),
            None if app.options.duplicates == DuplicateMode::Skip && !caller.sees_all() => {
                Ok(Some(DuplicateMode::Mark))
            }
            asked => Ok(asked),
        }
    }
}

/// Hands a document over, or names it by a URL. It is kept when this is answered, and read from then on: of one that is downloaded the answer
/// comes when it is there whole.
#[utoipa::path(post, path = "/v1/documents", tag = "documents", params(SubmitQuery,
    ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same document gives the same answer, also after a restart"),
    ("Pagestream-Password" = Option<String>, Header, description = "The password of an encrypted document"),
), request_body(content((Vec<u8> = "application/octet-stream"), (FormBody = "multipart/form-data"), (UrlBody = "application/json")),
    description = "The document itself, or a form whose last part is called `file`, or where it is to be downloaded from (`server.fetch_urls`)"),
responses(
    (status = 202, description = "It is kept", body = DocumentView,
        headers(("Location" = String, description = "Where it is"), ("Idempotency-Replayed" = Option<String>, description = "`true` for an earlier answer"))),
    (status = 403, content_type = "application/problem+json", description = "This server downloads nothing, or not from there", body = Problem),
    (status = 413, content_type = "application/problem+json", description = "It is too large", body = Problem),
    (status = 415, content_type = "application/problem+json", description = "It is of a kind that is not read", body = Problem),
    (status = 429, content_type = "application/problem+json", description = "The system is full, or there were too many requests", body = Problem,
        headers(("Retry-After" = u32, description = "Seconds"))),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
    (status = "5XX", content_type = "application/problem+json", body = Problem, description = "What is amiss here"),
))]
pub async fn submit(app: Shared, writing: Writing, request: HttpRequest, payload: web::Payload) -> Result {
    if *app.draining.borrow() {
        return Err(Error::Closed.into());
    }
    let settings = &app.options.server;
    let terms = Terms { most: settings.max_upload, rate: settings.upload_rate, window: WINDOW };
    if announced(request.headers()).is_some_and(|length| length > terms.most.bytes().saturating_add(HEAD as u64)) {
        return Err(terms.too_large());
    }
    let mut asked: SubmitQuery = query(&request)?;
    asked.password = text(request.headers(), PASSWORD)?.map(str::to_owned);
    let once = once(&writing.0, request.headers())?;
    let submission = Submission { app: &app, caller: &writing.0, terms, once };
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is = |wanted: &str| kind.trim_start().to_ascii_lowercase().starts_with(wanted);
    if is("application/json") {
        return submission.fetch(asked, json(&app, payload).await?).await;
    }
    if !is("multipart/") {
        let body = payload.map_err(|error| error.to_string()).boxed_local();
        return submission.take(asked, body).await;
    }
    let mut form = Multipart::new(request.headers(), payload);
    while let Some(field) = form.next().await {
        let field = field.map_err(|error| Problem::bad(format!("the form makes no sense: {error}")))?;
        let name = field.name().unwrap_or_default().to_owned();
        let file = field.content_disposition().and_then(|disposition| disposition.get_filename().map(str::to_owned));
        if name == "file" || file.is_some() {
            asked.name = asked.name.or(file);
            let answer = submission.take(asked, field.map_err(|error| error.to_string()).boxed_local()).await?;
            // What follows would have been ignored.
            return match form.next().await {
                None => Ok(answer),
                Some(_) => Err(Problem::bad("the document was taken, but the form goes on behind its `file`")
                    .with_hint("put options before the file, and send a request for each document")),
            };
        }
        let value = value(&app, field, &name).await?;
        asked.set(&name, value)?;
    }
    Err(Problem::bad("the form has no part called `file`"))
}

/// A document that is to be downloaded. Every option of the address may be a field as well.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UrlBody {
    /// By http or https. A name and a password before the host are used, and not kept.
    pub url: String,
    name: Option<String>,
    ocr: Option<String>,
    pages: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    duplicates: Option<String>,
    bulk: Option<bool>,
    unordered: Option<bool>,
    force: Option<bool>,
    /// The password of an encrypted document.
    password: Option<String>,
}

impl UrlBody {
    /// What it says goes before what stands in the address.
    fn over(self, asked: SubmitQuery) -> (String, SubmitQuery) {
        let tags = if self.tags.is_empty() { asked.tags } else { Some(self.tags.join(",")) };
        let asked = SubmitQuery {
            name: self.name.or(asked.name),
            ocr: self.ocr.or(asked.ocr),
            pages: self.pages.or(asked.pages),
            tags,
            duplicates: self.duplicates.or(asked.duplicates),
            bulk: self.bulk.or(asked.bulk),
            unordered: self.unordered.or(asked.unordered),
            force: self.force.or(asked.force),
            password: self.password.or(asked.password),
        };
        (self.url, asked)
    }
}

/// A form that hands a document over.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes the body for the documentation")]
pub struct FormBody {
    /// The document; the last part.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The password of an encrypted document. Any option of the address may be a field as well.
    password: Option<String>,
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A header's text.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>> {
    headers
        .get(name)
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| Problem::bad(format!("the header `{name}` is no text")))
}

/// What an idempotency key is kept as: whoever sees the store learns nothing of it.
fn once(caller: &Caller, headers: &HeaderMap) -> Result<Option<Tag>> {
    let Some(key) = text(headers, "idempotency-key")? else { return Ok(None) };
    if key.is_empty() || key.len() > LONGEST_NAME {
        return Err(Problem::bad(format!("an idempotency key has 1 to {LONGEST_NAME} characters")));
    }
    let owner = caller.owner().map_or("", Tag::as_str);
    let digest = Digest::of(format!("{owner}\n{key}").as_bytes()).to_string();
    // Half of it is unique enough.
    format!("{ONCE}{}", &digest[..32]).parse().map(Some).map_err(Problem::internal)
}

async fn value(app: &App, mut field: Field, name: &str) -> Result<String> {
    let all = async {
        let mut value = Vec::new();
        while let Some(bytes) = field.next().await {
            let bytes = bytes.map_err(|error| Problem::bad(format!("the form did not come whole: {error}")))?;
            if value.len() + bytes.len() > LARGEST_FIELD {
                let name = harmless(name);
                return Err(Problem::bad(format!(
                    "the field `{name}` is longer than {LARGEST_FIELD} bytes; the document's is called `file`"
                )));
            }
            value.extend_from_slice(&bytes);
        }
        String::from_utf8(value).map_err(|_| Problem::bad(format!("the field `{}` is no text", harmless(name))))
    };
    let limit = app.options.server.request_time;
    let value = tokio::time::timeout(limit, all).await;
    value.map_err(|_| Problem::new(Code::RequestTimeout, format!("a field did not come within {limit:?}")))?
}

/// What people see of a name: the last part of a path, nothing that a terminal or a page would obey.
fn name_of(given: Option<&str>) -> String {
    let last = given.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    match name.trim() {
        "" | "." | ".." => "document".to_owned(),
        name => harmless(name).into_owned(),
    }
}

struct Submission<'a> {
    app: &'a App,
    caller: &'a Caller,
    terms: Terms,
    once: Option<Tag>,
}

impl Submission<'_> {
    async fn take(
        &self,
        asked: SubmitQuery,
        body: impl Stream<Item = std::result::Result<bytes::Bytes, String>> + Unpin,
    ) -> Result {
        let mut options = asked.options(self.app, self.caller)?;
        let name = name_of(asked.name.as_deref());
        let fault = Fault::default();
        let mut upload = Upload::new(body, self.terms, fault.clone());
        let held = self.once.as_ref().map(|key| self.app.hold(key)).transpose()?;
        if let Some(key) = &self.once {
            if let Some(document) = self.answered_before(key).await? {
                let digest =
                    digest(&mut upload).await.map_err(|error| fault.take().unwrap_or_else(|| Problem::bad(error)))?;
                return match digest == document.sha256 {
                    true => Ok(accepted(&document, true)),
                    false => Err(Problem::new(
                        Code::IdempotencyMismatch,
                        "this idempotency key was used for a document of other bytes",
                    )),
                };
            }
            options.tags.push(key.clone());
        }
        let mut head = Vec::with_capacity(HEAD);
        let read = (&mut upload).take(HEAD as u64).read_to_end(&mut head).await;
        read.map_err(|error| fault.take().unwrap_or_else(|| Problem::bad(error.to_string())))?;
        if head.is_empty() {
            return Err(Problem::bad("the document is empty"));
        }
        // By its content: what it is called and said to be plays no part.
        detect(&head)?;
        let whole = Cursor::new(head).chain(upload);
        let id = self.submit(name, whole, options, &fault).await?;
        drop(held);
        let document = self.app.ask(move |store| store.document(id)).await?.ok_or_else(Problem::no_such_document)?;
        Ok(accepted(&document, false))
    }

    /// Downloads a document. It is submitted when it is there whole, and then this is answered.
    async fn fetch(&self, asked: SubmitQuery, body: UrlBody) -> Result {
        let Some(urls) = &self.app.urls else {
            return Err(Problem::new(Code::UrlsNotFetched, "documents are sent to this server; it downloads none")
                .with_hint("whoever runs it may allow it: the setting `server.fetch_urls`"));
        };
        let (url, asked) = body.over(asked);
        let mut options = asked.options(self.app, self.caller)?;
        let held = self.once.as_ref().map(|key| self.app.hold(key)).transpose()?;
        if let Some(key) = &self.once {
            if let Some(document) = self.answered_before(key).await? {
                let shown = urls::shown(&url);
                return match document.download.as_ref().is_some_and(|from| from.url == shown) {
                    true => Ok(accepted(&document, true)),
                    false => Err(Problem::new(
                        Code::IdempotencyMismatch,
                        "this idempotency key was used for a document that came from elsewhere",
                    )),
                };
            }
            options.tags.push(key.clone());
        }
        let name = asked.name.as_deref().map(|name| name_of(Some(name)));
        let id = urls.submit(&self.app.pipeline, url, name, options).await.map_err(|problem| match problem.code {
            Code::Busy => problem.retry_after(self.pause()),
            _ => problem,
        })?;
        drop(held);
        let document = self.app.ask(move |store| store.document(id)).await?.ok_or_else(Problem::no_such_document)?;
        Ok(accepted(&document, false))
    }

    /// When to come back to a full pipeline.
    fn pause(&self) -> Duration {
        self.app.pipeline.next_place_in().unwrap_or(PAUSE).min(LONGEST_PAUSE)
    }

    async fn answered_before(&self, key: &Tag) -> Result<Option<Document>> {
        let part = ListingPart { tag: Some(key.clone()), limit: 1, ..ListingPart::default() };
        Ok(self.app.ask(move |store| store.documents_part(&part)).await?.pop())
    }

    async fn submit(
        &self,
        name: String,
        whole: impl AsyncRead + Unpin,
        options: SubmitOptions,
        fault: &Fault,
    ) -> Result<DocumentId> {
        match self.app.pipeline.try_submit_reader(name, whole, options).await {
            Ok(document) => Ok(document.id()),
            Err(error @ Error::Busy { .. }) => Err(Problem::from(error).retry_after(self.pause())),
            Err(error) => Err(fault.take().unwrap_or_else(|| error.into())),
        }
    }
}

async fn digest(body: &mut (impl AsyncRead + Unpin)) -> std::result::Result<Digest, String> {
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        match body.read(&mut piece).await.map_err(|error| error.to_string())? {
            0 => return Ok(Digest(hasher.finalize().into())),
            read => hasher.update(&piece[..read]),
        }
    }
}

fn accepted(document: &Document, replayed: bool) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    response.insert_header((header::LOCATION, format!("/v1/documents/{}", document.id)));
    if replayed {
        response.insert_header(("idempotency-replayed", "true"));
    }
    response.json(DocumentView::of(document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_and_commands_nothing() {
        for (given, name) in [
            ("letter.pdf", "letter.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\scans\\a b.tif", "a b.tif"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
            ("..", "document"),
            ("", "document"),
            ("a/", "document"),
        ] {
            assert_eq!(name_of(Some(given)), name, "{given:?}");
        }
        assert_eq!(name_of(None), "document");
        assert_eq!(name_of(Some(&"x".repeat(1000))).len(), LONGEST_NAME);
    }
}
