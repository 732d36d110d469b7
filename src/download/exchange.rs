//! One request and its answer, wherever the server leads: each address on the way is looked at as the first one was.

use std::{
    future::poll_fn,
    pin::Pin,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderName},
};
use tokio::time::{Instant, timeout, timeout_at};
use url::{Position, Url};

use super::{
    connection::{self, Driver},
    error::Failure,
    options::{DownloadOptions, Limits},
    target::{self, Target},
    tls::Tls,
};

const USER_AGENT: &str = concat!("pagestream/", env!("CARGO_PKG_VERSION"));

/// What requests are made with.
pub struct Client {
    pub options: DownloadOptions,
    pub tls: Tls,
}

/// Headers beside those that every request has.
pub type Asked = Vec<(HeaderName, String)>;

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    /// Drives the connection for as long as the body is read.
    _driver: Driver,
    pace: Pace,
}

impl Answer {
    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// [`Failure::Cut`] and [`Failure::Silent`], which may pass, and [`Failure::TooSlow`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let body = &mut self.body;
            let frame = self.pace.wait(poll_fn(|context| Pin::new(&mut *body).poll_frame(context))).await?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::Cut(cause_of(&error))),
                // Trailers say nothing that is asked for.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => {
                        self.pace.came(bytes.len());
                        return Ok(Some(bytes));
                    }
                    Err(_) => {}
                },
            }
        }
    }

    pub fn failure(&self) -> Failure {
        Failure::Status { status: self.status.as_u16(), again_in: self.again_in(SystemTime::now()) }
    }

    /// `Retry-After`: seconds, or a date.
    fn again_in(&self, now: SystemTime) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        match text.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
        }
    }

    /// # Errors
    /// [`Failure::Encoded`].
    pub fn check_encoding(&self) -> Result<(), Failure> {
        let mut encodings = self.headers.get_all(header::CONTENT_ENCODING).into_iter();
        let other = encodings.find(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"));
        other.map_or(Ok(()), |other| Err(Failure::Encoded(String::from_utf8_lossy(other.as_bytes()).into_owned())))
    }
}

/// Asks for a document.
///
/// # Errors
/// Why it cannot be asked for. What the server answers, whichever status it has, is an answer.
pub async fn get(client: &Client, target: &Target, asked: &Asked) -> Result<Answer, Failure> {
    let most = client.options.settings.redirects;
    let mut url = target.url.clone();
    for _ in 0..=most {
        let answer = once(client, &url, target.authorization(&url), asked).await?;
        if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(answer);
        }
        let location = answer.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        url = target::next(&url, location)?;
    }
    Err(Failure::Redirects(most))
}

async fn once(client: &Client, url: &Url, authorization: Option<&str>, asked: &Asked) -> Result<Answer, Failure> {
    let nonsense = |error: hyper::http::Error| Failure::NoAddress(error.to_string());
    let mut request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    for (name, value) in asked {
        request = request.header(name, value);
    }
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(String::new()).map_err(nonsense)?;
    let (mut sender, driver) = connection::open(url, &client.options, &client.tls).await?;
    let limits = client.options.limits();
    let answer = timeout(limits.idle, sender.send_request(request)).await;
    let answer = answer.map_err(|_| Failure::Silent(limits.idle))?.map_err(|error| match error.is_parse() {
        true => Failure::Nonsense(cause_of(&error)),
        false => Failure::Cut(cause_of(&error)),
    })?;
    let (head, body) = answer.into_parts();
    Ok(Answer { status: head.status, headers: head.headers, body, _driver: driver, pace: Pace::new(limits) })
}

/// The innermost cause, which says most.
fn cause_of(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause_of)
}

/// Whether bytes come, and quickly enough. Looked at only while they are waited for: what takes long here is no fault of the server's.
struct Pace {
    limits: Limits,
    in_window: u64,
    window_ends: Instant,
}

impl Pace {
    fn new(limits: Limits) -> Self {
        Self { limits, in_window: 0, window_ends: Instant::now() + limits.window }
    }

    fn came(&mut self, bytes: usize) {
        self.in_window += bytes as u64;
    }

    async fn wait<T>(&mut self, bytes: impl Future<Output = T>) -> Result<T, Failure> {
        let Limits { idle, rate, window, .. } = self.limits;
        let silent = Instant::now() + idle;
        let mut bytes = std::pin::pin!(bytes);
        loop {
            if let Ok(came) = timeout_at(silent.min(self.window_ends), &mut bytes).await {
                return Ok(came);
            }
            if self.window_ends <= Instant::now() {
                if self.in_window < rate.bytes().saturating_mul(window.as_secs().max(1)) {
                    return Err(Failure::TooSlow { rate, window });
                }
                (self.in_window, self.window_ends) = (0, Instant::now() + window);
            } else {
                return Err(Failure::Silent(idle));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use pagestream_documents::ByteSize;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);
    const SHORT: Duration = Duration::from_millis(5);

    fn pace(idle: Duration, window: Duration) -> Pace {
        Pace::new(Limits { most: ByteSize::mib(1), idle, rate: ByteSize(100), window })
    }

    #[tokio::test]
    async fn a_server_is_given_up_that_is_silent_or_too_slow() {
        assert!(matches!(pace(SHORT, LONG).wait(pending::<()>()).await, Err(Failure::Silent(SHORT))));
        let mut slow = pace(LONG, SHORT);
        slow.came(99);
        assert!(matches!(slow.wait(pending::<()>()).await, Err(Failure::TooSlow { .. })));
        assert_eq!(slow.in_window, 99, "the first window was too little");
        let mut slower = pace(LONG, SHORT);
        slower.came(100);
        assert!(matches!(slower.wait(pending::<()>()).await, Err(Failure::TooSlow { .. })));
        assert_eq!(slower.in_window, 0, "the first window was enough, the next was not");
        // What is there is taken, however long we were away.
        let mut away = pace(LONG, Duration::ZERO);
        away.wait(std::future::ready(())).await.unwrap();
    }
}
