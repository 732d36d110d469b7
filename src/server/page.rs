//! The page for people: four files that the program carries, which ask what every other client may ask.

use actix_web::{HttpRequest, HttpResponse, http::header};
use pagestream_documents::Digest;

const PAGE: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/app.js");
const STYLE: &str = include_str!("page/app.css");
const ICON: &str = include_str!("page/icon.svg");

pub async fn page(request: HttpRequest) -> HttpResponse {
    file(&request, PAGE, "text/html; charset=utf-8")
}

pub async fn script(request: HttpRequest) -> HttpResponse {
    file(&request, SCRIPT, "text/javascript; charset=utf-8")
}

pub async fn style(request: HttpRequest) -> HttpResponse {
    file(&request, STYLE, "text/css; charset=utf-8")
}

pub async fn icon(request: HttpRequest) -> HttpResponse {
    file(&request, ICON, "image/svg+xml")
}

/// Asked for again every time, and sent only when it has changed: another version of the program has another page.
pub fn file(request: &HttpRequest, text: &'static str, kind: &'static str) -> HttpResponse {
    let tag = format!("\"{}\"", &Digest::of(text.as_bytes()).to_string()[..16]);
    let is_known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
    if is_known {
        return response.finish();
    }
    response.content_type(kind).body(text)
}
