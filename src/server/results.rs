//! Results: a document in any format that is written to files, as it is made.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, DispositionParam, DispositionType},
    web,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use pagestream_documents::{
    DocumentRef, PageNumber,
    output::{DocumentOptions, Notice, Original, Originals, OutputFormat, OutputOptions, PageWriter, PdfOptions},
};
use pagestream_store::{Cursor, Document, DocumentState, Store};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;

use super::{
    access::Reading,
    app::{App, Shared, conceal, query},
    caller::Caller,
    pages::page_number,
    problem::{Code, Problem, Result},
    upload::{PASSWORD, text},
};

/// Bytes of a result that are sent at a time, and how many such pieces wait for a reader who is slow.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// Pages read from the log at a time.
const PAGES_AT_ONCE: usize = 32;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ResultQuery {
    /// Only this page; the only way to page.xml of a document with several.
    #[param(pattern = "^[1-9][0-9]{0,8}$")]
    page: Option<String>,
    /// In html, docx and epub: whether figures are shown.
    images: Option<bool>,
    /// In md, html, docx and epub: whether it is marked where pages begin.
    page_marks: Option<bool>,
    /// In pdf: whether invisible text of an earlier OCR is replaced.
    redo_text: Option<bool>,
    /// In pdf: whether an encrypted document is written without its encryption.
    decrypt: Option<bool>,
}

/// A document that has been read, in another form.
#[utoipa::path(get, path = "/v1/documents/{id}/result.{format}", tag = "results",
    params(("id" = String, Path, description = "The document's identity"),
        ("format" = String, Path, description = "txt, jsonl, json, tsv, hocr, alto.xml, page.xml, pdf, md, html, docx, epub, csv"), ResultQuery,
        ("Pagestream-Password" = Option<String>, Header, description = "The password of an encrypted document, for pdf and images")), responses(
    (status = 200, content_type = "application/octet-stream", body = Vec<u8>, description = "The result, of the format's own type"),
    (status = 409, content_type = "application/problem+json", body = Problem, description = "It is not read to its end"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn result(app: Shared, reading: Reading, request: HttpRequest, path: web::Path<(String, String)>) -> Result {
    let (id, ending) = path.into_inner();
    let format = OutputFormat::ALL.into_iter().find(|format| format.extension() == ending).ok_or_else(|| {
        let endings: Vec<&str> = OutputFormat::ALL.map(OutputFormat::extension).into();
        Problem::new(Code::NoSuchPath, "there is no result with this ending")
            .with_hint(format!("there are {}", endings.join(", ")))
    })?;
    let asked: ResultQuery = query(&request)?;
    let document = app.document(&reading.0, &id).await?;
    let page = asked.page.as_deref().map(page_number).transpose()?;
    check(&asked, format, &document, page)?;
    let password = text(request.headers(), PASSWORD)?.map(str::to_owned);
    let name = file_name(&document, format, page);
    let pieces = make(&app, &reading.0, Making { document, format, page, password, asked }).await?;
    let disposition = header::ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, content_type(format))).insert_header(disposition);
    Ok(response.streaming(pieces))
}

fn check(asked: &ResultQuery, format: OutputFormat, document: &Document, page: Option<PageNumber>) -> Result<()> {
    let is_pdf = format == OutputFormat::Pdf;
    let only = |given: Option<bool>, means: bool, what: &str| match given {
        Some(_) if !means => Err(Problem::bad(format!("{what}, and this is {format}"))),
        _ => Ok(()),
    };
    let has_images_within = matches!(format, OutputFormat::Html | OutputFormat::Docx | OutputFormat::Epub);
    only(asked.images, has_images_within, "`images` is about html, docx and epub")?;
    only(asked.page_marks, format.is_document(), "`page_marks` is about md, html, docx and epub")?;
    only(asked.redo_text, is_pdf, "`redo_text` is about pdf")?;
    only(asked.decrypt, is_pdf, "`decrypt` is about pdf")?;
    if is_pdf && page.is_some() {
        return Err(Problem::bad("pdf is of the whole document: leave `page` out"));
    }
    if format.holds_one_page() && page.is_none() && document.committed != 1 {
        return Err(
            Problem::bad(format!("one {} holds one page", format.extension())).with_hint("say which: `?page=1`")
        );
    }
    let name = &document.source;
    match document.state {
        DocumentState::Done => Ok(()),
        DocumentState::Failed => Err(Problem::new(
            Code::Unreadable,
            document.reason.clone().unwrap_or_else(|| "it could not be read".to_owned()),
        )),
        // A page that is there is whole.
        _ if page.is_some() => Ok(()),
        DocumentState::Open => Err(Problem::new(Code::NotDone, format!("{name} is not read to its end yet"))
            .with_hint("`/events` gives its pages as they come, and tells the end")),
        DocumentState::Cancelled => Err(Problem::new(Code::NotDone, format!("{name} was cancelled before its end"))
            .with_hint("`/pages` has those that were read")),
    }
}

fn content_type(format: OutputFormat) -> &'static str {
    match format {
        OutputFormat::Text => "text/plain; charset=utf-8",
        OutputFormat::Jsonl => "application/x-ndjson",
        OutputFormat::Json => "application/json",
        OutputFormat::Tsv => "text/tab-separated-values; charset=utf-8",
        OutputFormat::Hocr => "application/xhtml+xml",
        OutputFormat::Alto | OutputFormat::Page => "application/xml",
        OutputFormat::Pdf => "application/pdf",
        OutputFormat::Markdown => "text/markdown; charset=utf-8",
        OutputFormat::Html => "text/html; charset=utf-8",
        OutputFormat::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        OutputFormat::Epub => "application/epub+zip",
        OutputFormat::Csv => "text/csv; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn file_name(document: &Document, format: OutputFormat, page: Option<PageNumber>) -> String {
    let stem = document.source.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    // A header has no letters beyond ASCII, and no quotes.
    let stem: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_. ".contains(c) { c } else { '_' }).collect();
    let page = page.map(|page| format!("-{page}")).unwrap_or_default();
    format!("{stem}{page}.{}", format.extension())
}

struct Making {
    document: Document,
    format: OutputFormat,
    page: Option<PageNumber>,
    password: Option<String>,
    asked: ResultQuery,
}

type Piece = std::result::Result<Bytes, io::Error>;

/// Makes a result on a thread of its own, a few pieces ahead of who reads it. What is refused before its first byte is a problem; what
/// goes wrong later cuts the answer off, so that nobody takes a part for the whole.
async fn make(app: &Shared, caller: &Caller, making: Making) -> Result<impl futures::Stream<Item = Piece> + use<>> {
    let others = others(app, caller);
    let (out, mut pieces) = mpsc::channel::<Piece>(PIECES);
    let refused: Arc<Mutex<Option<Problem>>> = Arc::default();
    let (told, app_of_thread) = (refused.clone(), app.clone());
    let place = app.results.clone().acquire_owned().await.map_err(Problem::internal)?;
    drop(tokio::task::spawn_blocking(move || {
        let _place = place;
        let ended = write(&app_of_thread, &making, &others, out.clone());
        if let Err(problem) = ended {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
            // Whoever read it may have gone.
            let _ = out.blocking_send(Err(io::Error::other("the result could not be made to its end")));
        }
    }));
    let first = pieces.recv().await;
    if let Some(Err(_)) = &first {
        let problem = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        return Err(problem.unwrap_or_else(|| Problem::internal("a result ended without a word")));
    }
    let rest = stream::unfold(pieces, |mut pieces| async { pieces.recv().await.map(|piece| (piece, pieces)) });
    Ok(stream::iter(first).chain(rest))
}

/// Whether records may name what they repeat, whatever it is.
fn others(app: &App, caller: &Caller) -> Others {
    if caller.sees_all() {
        return Others::All;
    }
    let owner = caller.narrowed_to();
    let store = app.pipeline.store().clone();
    Others::Of(Box::new(move |id| {
        let document = store.document(id).ok().flatten();
        document.is_some_and(|document| owner.as_ref().is_some_and(|owner| document.tags.contains(owner)))
    }))
}

enum Others {
    All,
    Of(Box<dyn Fn(pagestream_documents::DocumentId) -> bool + Send>),
}

fn write(app: &App, making: &Making, others: &Others, out: mpsc::Sender<Piece>) -> Result<()> {
    let Making { document, format, page, password, asked } = making;
    let store = app.pipeline.store();
    let options = OutputOptions {
        originals: Arc::new(Spool { store: store.clone(), password: password.clone() }),
        pdf: PdfOptions { redo_text: asked.redo_text.unwrap_or_default(), decrypt: asked.decrypt.unwrap_or_default() },
        document: DocumentOptions {
            images: asked.images.unwrap_or_default(),
            page_marks: asked.page_marks.unwrap_or_default(),
            formulas: app.options.formulas,
        },
    };
    let mut writer = format.writer(Pieces { out, piece: Vec::with_capacity(PIECE) }, &options);
    let mut next = page.unwrap_or(PageNumber::FIRST);
    let mut count = 0;
    loop {
        let at_once = if page.is_some() { 1 } else { PAGES_AT_ONCE };
        let pages = store.read(document.id, Cursor::Page(next), at_once)?;
        for stored in pages.iter().filter(|stored| page.is_none_or(|page| page == stored.page)) {
            let mut record = stored.record()?;
            if let (Some(of), Others::Of(may_see)) = (&record.duplicate_of, others)
                && !may_see(of.document)
            {
                conceal(&mut record);
            }
            writer.write_page(&record).map_err(Problem::internal)?;
            count += 1;
        }
        match pages.last() {
            Some(last) if page.is_none() => next = PageNumber::from_index(last.page.index() + 1),
            _ => break,
        }
    }
    if let (Some(page), 0) = (page, count) {
        return Err(Problem::new(Code::NoSuchPage, format!("the document has no page {page} that was read")));
    }
    writer.end_document(document.id, true).map_err(Problem::internal)?;
    refusal(writer.as_mut()).map_or(Ok(()), Err)?;
    writer.finish().map_err(Problem::internal)
}

/// That there is no such result of this document.
fn refusal(writer: &mut dyn PageWriter) -> Option<Problem> {
    let mut refused = None;
    for notice in writer.notices() {
        match notice {
            Notice::Remark { source, message } => tracing::info!(source, message, "a result has a remark"),
            Notice::Refused { error, .. } => refused = Some(error.into()),
        }
    }
    refused
}

/// Where the documents themselves are: in the spool, and nowhere else, whatever they are called.
struct Spool {
    store: Store,
    password: Option<String>,
}

impl Originals for Spool {
    fn open(&self, document: &DocumentRef) -> pagestream_documents::Result<Original> {
        let data = self.store.open_blob(document.sha256).map_err(|error| {
            let message = format!("the document itself is not to be had: {error}");
            pagestream_documents::Error::new(pagestream_documents::ErrorKind::Io, message)
        })?;
        Ok(Original { data, password: self.password.clone() })
    }
}

/// Hands a result on in pieces.
struct Pieces {
    out: mpsc::Sender<Piece>,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.out.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..length]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(length)
    }

    /// A page of a text is flushed by its writer, so that a pipe has it at once; a file that is fetched does better with whole pieces.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // Whoever read it may have gone.
        let _ = self.send();
    }
}
