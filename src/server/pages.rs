//! Pages: their records, and what they look like.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use pagestream_documents::{OpenOptions, PageNumber, PageRecord, Raster, Rect, RenderOptions, open};
use pagestream_models::ocr::pixels::{Sampled, resize};
use pagestream_store::{Cursor, Document, DocumentState, Store};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    access::Reading,
    app::{App, Shared, blocking, query},
    problem::{Code, Problem, Result},
    upload::{PASSWORD, text},
};

const LISTED: u32 = 20;
const MOST_LISTED: u32 = 200;

/// Pixels of an image's width, where nothing is asked for: what a large screen shows of a page.
const WIDTH: u32 = 1200;
const LARGEST_WIDTH: u32 = 6000;

/// Points an inch: what the size of a page without pixels is measured in.
const POINTS: f32 = 72.0;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PagesQuery {
    /// The first page that is wanted; 1 where nothing is said.
    #[param(minimum = 1, maximum = 4_294_967_295_u32, format = Int64)]
    from: Option<u32>,
    /// At most so many, 1 to 200; 20 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Some pages of a document.
#[derive(ToSchema)]
#[allow(dead_code, reason = "records are sent as they stand in the log; this says what they make together")]
pub struct PagesView {
    /// Always `pagestream.pages/1`.
    schema: String,
    document: String,
    pages: Vec<PageRecord>,
    /// Where the rest is; absent where the document has ended and there is none.
    next: Option<String>,
}

/// The pages that there are of a document, in order.
#[utoipa::path(get, path = "/v1/documents/{id}/pages", tag = "pages", params(("id" = String, Path, description = "The document's identity"), PagesQuery), responses(
    (status = 200, body = PagesView, description = "Their records"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn list(app: Shared, reading: Reading, request: HttpRequest, id: web::Path<String>) -> Result {
    // Looked at before the pages: of a document that had ended then there are no others.
    let document = app.document(&reading.0, &id).await?;
    let asked: PagesQuery = query(&request)?;
    let limit = asked.limit.unwrap_or(LISTED);
    let from = PageNumber::new(asked.from.unwrap_or(1)).ok_or_else(|| Problem::bad("pages are counted from 1"))?;
    if !(1..=MOST_LISTED).contains(&limit) {
        return Err(Problem::bad(format!("`limit` is 1 to {MOST_LISTED}")));
    }
    let id = document.id;
    let pages = app.ask(move |store| store.read(id, Cursor::Page(from), limit as usize)).await?;
    let mut body = format!("{{\"schema\":\"pagestream.pages/1\",\"document\":\"{id}\",\"pages\":[");
    for (i, page) in pages.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        let redacted = app.seen_json(&reading.0, &page.json).await?;
        body.push_str(redacted.as_deref().unwrap_or(&page.json));
    }
    body.push(']');
    if document.state == DocumentState::Open || pages.len() == limit as usize {
        let next = pages.last().map_or(from.get(), |last| last.page.get().saturating_add(1));
        body.push_str(&format!(",\"next\":\"/v1/documents/{id}/pages?from={next}&limit={limit}\""));
    }
    body.push('}');
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// The record of one page.
#[utoipa::path(get, path = "/v1/documents/{id}/pages/{page}", tag = "pages",
    params(("id" = String, Path, description = "The document's identity"), ("page" = u32, Path, description = "Counted from 1")), responses(
    (status = 200, body = PageRecord, description = "`pagestream.page/1`"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn show(app: Shared, reading: Reading, path: web::Path<(String, String)>) -> Result {
    let (id, number) = path.into_inner();
    let document = app.document(&reading.0, &id).await?;
    let number = page_number(&number)?;
    let record = app.ask(move |store| store.page(document.id, number)).await?;
    let record = record.ok_or_else(|| no_such_page(number))?;
    Ok(HttpResponse::Ok().json(app.seen(&reading.0, record).await?))
}

pub fn page_number(text: &str) -> Result<PageNumber> {
    text.parse().map_err(|error: String| Problem::new(Code::NoSuchPage, error))
}

fn no_such_page(number: PageNumber) -> Problem {
    Problem::new(Code::NoSuchPage, format!("the document has no page {number} that was read"))
        .with_hint("it may still come: `/events` tells when")
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImageQuery {
    /// Pixels of the image's width, 16 to 6000; 1200 where nothing is said. Pages that have pixels of their own are made smaller and
    /// never larger.
    #[param(minimum = 16, maximum = 6000)]
    width: Option<u32>,
}

/// What a page looks like, as it stands in the document: polygons of its record lie on it, scaled by its width.
#[utoipa::path(get, path = "/v1/documents/{id}/pages/{page}/image", tag = "pages",
    params(("id" = String, Path, description = "The document's identity"), ("page" = u32, Path, description = "Counted from 1"), ImageQuery,
        ("Pagestream-Password" = Option<String>, Header, description = "The password of an encrypted document")), responses(
    (status = 200, content_type = "image/png", body = Vec<u8>, description = "The image"),
    (status = 304, description = "It is as it was"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn image(app: Shared, reading: Reading, request: HttpRequest, path: web::Path<(String, String)>) -> Result {
    let (id, number) = path.into_inner();
    let document = app.document(&reading.0, &id).await?;
    let number = page_number(&number)?;
    let ImageQuery { width } = query(&request)?;
    let width = width.unwrap_or(WIDTH);
    if !(16..=LARGEST_WIDTH).contains(&width) {
        return Err(Problem::bad(format!("`width` is 16 to {LARGEST_WIDTH} pixels")));
    }
    let tag = format!("\"{}-{number}-{width}\"", document.sha256);
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish());
    }
    let password = text(request.headers(), PASSWORD)?.map(str::to_owned);
    let png = render(&app, document, number, width, password).await?;
    // The bytes of a document never change; whose it is may.
    let cached = (header::CACHE_CONTROL, "private, max-age=3600");
    Ok(HttpResponse::Ok().content_type("image/png").insert_header((header::ETAG, tag)).insert_header(cached).body(png))
}

async fn render(
    app: &App,
    document: Document,
    number: PageNumber,
    width: u32,
    password: Option<String>,
) -> Result<Vec<u8>> {
    let _turn = app.renders.acquire().await.map_err(Problem::internal)?;
    let (store, limits) = (app.pipeline.store().clone(), app.options.limits);
    blocking(move || {
        let options = OpenOptions { password, limits, ..OpenOptions::default() };
        let source = open(original(&store, &document)?, &options)?;
        if number.get() > source.page_count() {
            return Err(no_such_page(number));
        }
        let at = |dpi| RenderOptions { dpi, min_side: 0 };
        let points = source.page_info(number, &at(POINTS))?;
        let raster = source.render(number, &at(POINTS * width as f32 / points.width.max(1) as f32))?;
        smaller(raster, width).to_png().map_err(Problem::internal)
    })
    .await
}

/// The bytes of a document.
pub fn original(store: &Store, document: &Document) -> Result<pagestream_documents::DocumentData> {
    store
        .open_blob(document.sha256)
        .map_err(|error| Problem::new(Code::NoOriginal, format!("the document's bytes are not kept any more: {error}")))
}

/// No wider than `width`.
fn smaller(raster: Raster, width: u32) -> Raster {
    if raster.width <= width.max(1) {
        return raster;
    }
    let height = (u64::from(raster.height) * u64::from(width) / u64::from(raster.width)).max(1) as u32;
    let whole = Rect { left: 0.0, top: 0.0, right: raster.width as f32, bottom: raster.height as f32 };
    let Sampled { width, height, format, data } = resize(&raster, whole, width.max(1), height);
    Raster { width, height, format, data, dpi: raster.dpi * width as f32 / raster.width as f32 }
}

#[cfg(test)]
mod tests {
    use pagestream_documents::PixelFormat;

    use super::*;

    #[test]
    fn an_image_is_made_no_wider_than_asked_and_never_larger() {
        let raster = Raster {
            width: 6,
            height: 2,
            format: PixelFormat::Gray8,
            data: [vec![10; 6], vec![10; 6]].concat(),
            dpi: 200.0,
        };
        let half = smaller(raster.clone(), 3);
        assert_eq!((half.width, half.height, half.data, half.dpi), (3, 1, vec![10; 3], 100.0));
        assert_eq!(smaller(raster.clone(), 9), raster);
        let strip = Raster { width: 8, height: 1, data: vec![0; 8], ..raster };
        assert_eq!((smaller(strip.clone(), 2).height, smaller(strip, 0).width), (1, 1));
    }
}
