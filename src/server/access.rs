//! Who asks, and whether he may: keys, names of the server, where a browser's request comes from, how many requests. And what every
//! answer says to browsers.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::IpAddr,
    pin::Pin,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use bytes::Bytes;

use super::{
    app::{App, Shared},
    caller::Caller,
    keys::Scopes,
    problem::{Code, Problem, Result},
};

/// What browsers are told with every answer. The page uses its own script and style and nothing else; nothing of it may be framed, and
/// nothing is taken for what it is not called.
const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// What is answered to anybody: whether the server is there, the page for people, and what there is to ask.
const OPEN: [&str; 9] =
    ["/", "/app.js", "/app.css", "/icon.svg", "/docs", "/docs.css", "/livez", "/readyz", "/openapi.json"];

macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident needs $scope:ident, $what:literal;)+) => {$(
        $(#[$doc])*
        pub struct $name(pub Caller);

        impl FromRequest for $name {
            type Error = Problem;
            type Future = Ready<std::result::Result<Self, Problem>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(match request.extensions().get::<Caller>() {
                    Some(caller) if caller.scopes.$scope => Ok(Self(caller.clone())),
                    Some(_) => Err(Problem::new(Code::Forbidden, concat!("this key may not ", $what))),
                    None => Err(Problem::internal("a request came past the keys")),
                })
            }
        }
    )+};
}

callers! {
    /// Somebody who may look.
    Reading needs read, "look at documents: it lacks `read`";
    /// Somebody who may hand documents over and remove them.
    Writing needs write, "hand documents over, cancel or remove them: it lacks `write`";
}

/// Somebody who may see figures.
pub struct Measuring;

impl FromRequest for Measuring {
    type Error = Problem;
    type Future = Ready<std::result::Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let may = request.extensions().get::<Caller>().is_some_and(|caller| caller.scopes.metrics);
        let refused = || Problem::new(Code::Forbidden, "this key may not see the metrics: it lacks `metrics`");
        ready(if may { Ok(Self) } else { Err(refused()) })
    }
}

/// The body of an answer to HEAD: as long as the one that GET would bring, and never sent.
struct Unsent(BodySize);

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::result::Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Lets a request through to its handler, or answers it.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> std::result::Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    let Some(app) = request.app_data::<Shared>().cloned() else {
        return Err(Problem::internal("the server has nothing to answer from").into());
    };
    app.requests.fetch_add(1, Relaxed);
    let is_head = request.method() == Method::HEAD;
    let mut response = match admit(&app, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await?.map_into_left_body()
        }
        Err(problem) => request.into_response(problem.error_response()).map_into_right_body(),
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        app.problems.fetch_add(1, Relaxed);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_head {
        // Dropped here, a stream of events ends and a result is not written on.
        response = response.map_body(|_, body| EitherBody::right(BoxBody::new(Unsent(body.size()))));
    }
    Ok(response)
}

fn admit(app: &App, request: &ServiceRequest) -> Result<Caller> {
    let headers = request.headers();
    let host = asked_host(request)?;
    check_origin(headers, request.method(), host)?;
    let peer = request.peer_addr().map(|address| address.ip());
    let address = peer.map_or_else(|| "nowhere".to_owned(), |peer| peer.to_string());
    let Some(keys) = &app.keys else {
        check_host(app, host)?;
        take(app, &address)?;
        return Ok(Caller { owner: None, scopes: Scopes::EVERYTHING });
    };
    let key = presented(headers);
    if OPEN.contains(&request.path()) && key.is_none() {
        take(app, &address)?;
        return Ok(Caller { owner: None, scopes: Scopes::default() });
    }
    match key.and_then(|key| keys.find(key)) {
        Some(key) => {
            take(app, &key.name)?;
            Ok(Caller::of(&key))
        }
        None => {
            // Whoever tries keys is slowed down by his address.
            take(app, &format!("{address} without a key"))?;
            let hint = "send `Authorization: Bearer KEY`; `pagestream keys add NAME` makes one";
            Err(Problem::new(Code::Unauthorized, "the request has no key, or one that is not known").with_hint(hint))
        }
    }
}

/// The key that a request has: a bearer token, or `X-Api-Key`.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))
}

fn take(app: &App, whose: &str) -> Result<()> {
    app.rate.as_ref().map_or(Ok(()), |rate| rate.take(whose, Instant::now())).map_err(|pause: Duration| {
        let detail = format!("{} requests a second are allowed", app.options.server.rate);
        Problem::new(Code::RateLimited, detail).retry_after(pause)
    })
}

/// The name, and the port, that the server was asked under: HTTP/2 has it in the address and may have it in the header, too.
fn asked_host(request: &ServiceRequest) -> Result<Option<&str>> {
    let header = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let authority = request.uri().authority().map(|authority| authority.as_str());
    match (header, authority) {
        (Some(header), Some(authority)) if !header.eq_ignore_ascii_case(authority) => {
            Err(Problem::bad("the request names two hosts"))
        }
        _ => Ok(header.or(authority)),
    }
}

/// What a browser sends for a page of somebody else is refused, whatever it asks for: CORS is off, and a request that needs no leave of
/// its own must not write.
fn check_origin(headers: &HeaderMap, method: &Method, host: Option<&str>) -> Result<()> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let is_navigation = matches!(*method, Method::GET | Method::HEAD) && text("sec-fetch-mode") == Some("navigate");
    let is_foreign = text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let origin = text("origin").map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    let is_elsewhere = origin.is_some_and(|origin| Some(origin) != host);
    if (is_foreign && !is_navigation) || is_elsewhere {
        return Err(Problem::new(Code::Forbidden, "the request comes from a page of another origin"));
    }
    Ok(())
}

/// Without keys only those names are answered to that no page of somebody else can have made lead here.
fn check_host(app: &App, host: Option<&str>) -> Result<()> {
    let Some(host) = host else { return Ok(()) };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_known = bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok()
        || app.options.server.hosts.iter().any(|known| known.eq_ignore_ascii_case(bare));
    match is_known {
        true => Ok(()),
        false => Err(Problem::new(Code::Forbidden, "the server is not known by the name that it was asked under")
            .with_hint("name it in the setting `server.hosts`")),
    }
}
