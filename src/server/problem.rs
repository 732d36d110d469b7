//! What a request is refused with: problem details (RFC 9457), each with a code that stays the same.

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use pagestream_actors::{Error, StoreFailure, store_error};
use pagestream_documents::ErrorKind;
use pagestream_store::Error as StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// A problem's name: programs match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "url"), allow(dead_code, reason = "some are of downloads alone"))]
pub enum Code {
    BadRequest,
    BadQuery,
    Unauthorized,
    Forbidden,
    UrlsNotFetched,
    AddressRefused,
    NoSuchPath,
    NoSuchDocument,
    NoSuchPage,
    MethodNotAllowed,
    RequestTimeout,
    InProgress,
    NotDone,
    NoOriginal,
    TooLarge,
    UnsupportedFormat,
    IdempotencyMismatch,
    Encrypted,
    Unreadable,
    Busy,
    RateLimited,
    Internal,
    NoModel,
    DownloadFailed,
    ShuttingDown,
    WarmingUp,
    OutOfSpace,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::BadQuery => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::UrlsNotFetched | Self::AddressRefused => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuchDocument | Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::InProgress | Self::NotDone | Self::NoOriginal | Self::NoModel => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedFormat => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::IdempotencyMismatch | Self::Encrypted | Self::Unreadable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ShuttingDown | Self::WarmingUp => StatusCode::SERVICE_UNAVAILABLE,
            Self::DownloadFailed => StatusCode::BAD_GATEWAY,
            Self::OutOfSpace => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request makes no sense",
            Self::BadQuery => "The query cannot be searched for",
            Self::Unauthorized => "A key is asked for",
            Self::Forbidden => "This is not allowed",
            Self::UrlsNotFetched => "This server downloads no documents",
            Self::AddressRefused => "This address is not asked",
            Self::NoSuchPath => "There is nothing here",
            Self::NoSuchDocument => "There is no such document",
            Self::NoSuchPage => "There is no such page",
            Self::MethodNotAllowed => "There is no such method here",
            Self::RequestTimeout => "The request came too slowly",
            Self::InProgress => "The same request is still being answered",
            Self::NotDone => "The document is not done",
            Self::NoOriginal => "The document itself is not to be had",
            Self::TooLarge => "The document is too large",
            Self::UnsupportedFormat => "The document is of a format that is not read",
            Self::IdempotencyMismatch => "The idempotency key was used for something else",
            Self::Encrypted => "The document is encrypted",
            Self::Unreadable => "The document cannot be read",
            Self::Busy => "The system is full",
            Self::RateLimited => "Too many requests",
            Self::Internal => "Something went wrong here",
            Self::NoModel => "A model is not to be had",
            Self::DownloadFailed => "The document could not be downloaded",
            Self::ShuttingDown => "The server is stopping",
            Self::WarmingUp => "The server is not ready yet",
            Self::OutOfSpace => "No room is left",
        }
    }
}

/// Problem details as RFC 9457 has them, with a code and a hint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:pagestream:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    pub code: Code,
    /// One sentence about this very case.
    detail: String,
    /// What there is to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Whole seconds: everything that can fail carries a problem, and it stays small.
    #[serde(skip)]
    retry_after: Option<u32>,
    /// The methods that there are instead.
    #[serde(skip)]
    allow: Option<&'static str>,
}

pub type Result<T = HttpResponse> = std::result::Result<T, Problem>;

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let name = serde_json::to_value(code).ok().and_then(|name| name.as_str().map(str::to_owned));
        Self {
            kind: format!("urn:pagestream:problem:{}", name.unwrap_or_default()),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: detail.into(),
            hint: None,
            retry_after: None,
            allow: None,
        }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Said in whole seconds, one at least.
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause.as_secs_f64().ceil().max(1.0) as u32);
        self
    }

    /// A method that does not do here, and those that do.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("this is asked with {allow}");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, detail) }
    }

    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    pub fn no_such_document() -> Self {
        Self::new(Code::NoSuchDocument, "no document with this identity is here, or none that this key may see")
    }

    /// Ours: logged whole, told in general.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "a request could not be answered");
        Self::new(Code::Internal, "the server could not do it; its log says why")
    }

    fn of_document(kind: ErrorKind, message: String) -> Self {
        let code = match kind {
            ErrorKind::UnsupportedFormat => Code::UnsupportedFormat,
            ErrorKind::TooLarge => Code::TooLarge,
            ErrorKind::Encrypted => Code::Encrypted,
            ErrorKind::NoSuchPage => Code::NoSuchPage,
            ErrorKind::Damaged => Code::Unreadable,
            ErrorKind::Io => Code::NoOriginal,
            ErrorKind::Internal => return Self::internal(message),
        };
        Self::new(code, message)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let hint = error.hint().map(str::to_owned);
        let problem = match error {
            Error::Busy { .. } => Self::new(Code::Busy, message),
            Error::Closed => Self::new(Code::ShuttingDown, "the server takes no documents any more"),
            Error::Read { .. } => Self::bad(message),
            Error::Document { failure, .. } => Self::of_document(failure.kind, message),
            Error::Query { .. } => Self::new(Code::BadQuery, message),
            Error::Model { .. } => Self::new(Code::NoModel, message),
            Error::Store { failure: StoreFailure::OutOfSpace, .. } => Self::new(Code::OutOfSpace, message),
            error => Self::internal(error),
        };
        Self { hint, ..problem }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchDocument(_) => Self::no_such_document(),
            error => store_error(error).into(),
        }
    }
}

impl From<pagestream_documents::Error> for Problem {
    fn from(error: pagestream_documents::Error) -> Self {
        let hint = error.hint.clone();
        Self { hint, ..Self::of_document(error.kind, error.to_string()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.code.status());
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(pause) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, pause));
        }
        if let Some(methods) = self.allow {
            response.insert_header((header::ALLOW, methods));
        }
        if self.code == Code::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(serde_json::to_vec(self).unwrap_or_default())
    }
}
