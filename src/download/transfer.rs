//! A document on its way into the spool: interrupted, gone on with, begun anew, and never half.
//!
//! The bytes are written as they come. When the connection is cut, the rest is asked for by its range, under the condition that the version is
//! the same (`If-Range`); where the server cannot do that, gives another range or has another version, what was written is dropped and the
//! document is begun anew. How often is bounded: a try that comes further than any before begins the count again.

use std::time::Duration;

use hyper::{StatusCode, header};
use pagestream_actors::{DocumentFailure, Place};
use pagestream_documents::detect;
use pagestream_store::{Blob, DownloadedFrom};

use super::{
    error::Failure,
    exchange::{Answer, Asked, Client, get},
    name::name_of,
    target::Target,
    version::{ContentRange, Version},
};

/// What a document's kind is told from.
const HEAD: usize = 4096;

/// Bytes that a try must come further than those before to count as one that is worth going on with.
const PROGRESS: u64 = 64 << 10;

/// The pause between two tries does not grow beyond this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub enum Transferred {
    /// What is known is the newest there is.
    Unchanged,
    Document {
        blob: Blob,
        version: Version,
        name: String,
    },
}

pub struct Transfer<'a> {
    pub client: &'a Client,
    pub target: &'a Target,
    pub place: &'a Place,
    /// The version that is here already.
    pub known: Option<&'a DownloadedFrom>,
    patience: Patience,
}

/// How the rest is to be had.
enum Rest {
    Here(Answer),
    /// It begins with its first byte.
    Anew(Answer),
}

impl<'a> Transfer<'a> {
    pub fn new(client: &'a Client, target: &'a Target, place: &'a Place, known: Option<&'a DownloadedFrom>) -> Self {
        Self { client, target, place, known, patience: Patience::new(client) }
    }

    /// # Errors
    /// Why it is not to be had.
    pub async fn run(&mut self) -> Result<Transferred, Failure> {
        let mut answer = self.begin().await?;
        loop {
            if answer.status == StatusCode::NOT_MODIFIED && self.known.is_some() {
                return Ok(Transferred::Unchanged);
            }
            match self.take(answer).await? {
                Ok(document) => return Ok(document),
                Err(anew) => answer = anew,
            }
        }
    }

    /// The first answer that is one.
    async fn begin(&mut self) -> Result<Answer, Failure> {
        let mut asked = Asked::new();
        if let Some(known) = self.known {
            let etag = known.etag.clone().map(|etag| (header::IF_NONE_MATCH, etag));
            let date = known.last_modified.clone().map(|date| (header::IF_MODIFIED_SINCE, date));
            asked.extend(etag.into_iter().chain(date));
        }
        loop {
            let failure = match get(self.client, self.target, &asked).await {
                Ok(answer) => match answer.status.as_u16() {
                    200 | 203 => return Ok(answer),
                    304 if self.known.is_some() => return Ok(answer),
                    _ => answer.failure(),
                },
                Err(failure) => failure,
            };
            if !failure.is_passing() {
                return Err(failure);
            }
            self.patience.pause(failure).await?;
        }
    }

    /// Takes a document whole; the answer to begin anew with, where that must be.
    async fn take(&mut self, mut answer: Answer) -> Result<Result<Transferred, Answer>, Failure> {
        answer.check_encoding()?;
        let version = Version::of(&answer.headers);
        let disposition = answer.headers.get(header::CONTENT_DISPOSITION).map(|value| value.as_bytes());
        let name = name_of(disposition, &self.target.url);
        let whole = answer.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let most = self.client.options.limits().most;
        if whole.is_some_and(|whole: u64| whole > most.bytes()) {
            return Err(Failure::TooLarge(most));
        }
        let mut spooling = self.place.begin().await?;
        let mut kind = Kind::default();
        let mut had = 0;
        loop {
            let failure = match answer.next().await {
                Ok(Some(bytes)) => {
                    had += bytes.len() as u64;
                    if had > most.bytes() {
                        return Err(Failure::TooLarge(most));
                    }
                    if whole.is_some_and(|whole| had > whole) {
                        return Err(Failure::Nonsense("more comes than it said".to_owned()));
                    }
                    kind.look(&bytes)?;
                    spooling = spooling.write(&bytes).await?;
                    continue;
                }
                Ok(None) if whole.is_some_and(|whole| had < whole) => Failure::Cut("it ended too early".to_owned()),
                Ok(None) => break,
                Err(failure) if failure.is_passing() => failure,
                Err(failure) => return Err(failure),
            };
            self.patience.came(had);
            self.patience.pause(failure).await?;
            match self.rest(&version, had, whole).await? {
                Rest::Here(rest) => answer = rest,
                Rest::Anew(anew) => return Ok(Err(anew)),
            }
        }
        kind.decide()?;
        let blob = spooling.finish().await?;
        Ok(Ok(Transferred::Document { blob, version, name }))
    }

    /// Asks for what is missing behind the first `had` bytes.
    async fn rest(&mut self, version: &Version, had: u64, whole: Option<u64>) -> Result<Rest, Failure> {
        let mut asked = Asked::new();
        if let (Some(version), 1..) = (version.of_bytes(), had) {
            asked.push((header::RANGE, format!("bytes={had}-")));
            asked.push((header::IF_RANGE, version.to_owned()));
        }
        loop {
            let failure = match get(self.client, self.target, &asked).await {
                Ok(answer) => match answer.status.as_u16() {
                    200 | 203 => return Ok(Rest::Anew(answer)),
                    206 if !asked.is_empty() => match goes_on(&answer, version, had, whole) {
                        Ok(()) => return Ok(Rest::Here(answer)),
                        Err(failure) => {
                            // The whole is believed where a part is not.
                            asked.clear();
                            failure
                        }
                    },
                    416 if !asked.is_empty() => {
                        asked.clear();
                        Failure::Cut("the server does not have the rest".to_owned())
                    }
                    _ => answer.failure(),
                },
                Err(failure) => failure,
            };
            if !failure.is_passing_under_way() {
                return Err(failure);
            }
            self.patience.pause(failure).await?;
        }
    }
}

/// Whether an answer has the rest of what is here.
fn goes_on(answer: &Answer, version: &Version, had: u64, whole: Option<u64>) -> Result<(), Failure> {
    answer.check_encoding()?;
    if !version.is_same(&Version::of(&answer.headers)) {
        return Err(Failure::Cut("the document has changed meanwhile".to_owned()));
    }
    match ContentRange::of(&answer.headers) {
        Some(range) if range.goes_on(had, whole) => Ok(()),
        _ => Err(Failure::Cut("the server gives another part than the one that was asked for".to_owned())),
    }
}

/// The document's kind, by its first bytes: what its server says of it plays no part.
#[derive(Default)]
struct Kind {
    head: Vec<u8>,
    is_known: bool,
}

impl Kind {
    fn look(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.is_known {
            return Ok(());
        }
        let most = HEAD - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(most)]);
        if self.head.len() == HEAD { self.decide() } else { Ok(()) }
    }

    /// # Errors
    /// [`Failure::Empty`] and [`Failure::Document`].
    fn decide(&mut self) -> Result<(), Failure> {
        if self.is_known {
            return Ok(());
        }
        if self.head.is_empty() {
            return Err(Failure::Empty);
        }
        self.is_known = true;
        detect(&self.head).map(drop).map_err(|error| Failure::Document(DocumentFailure::from(error)))
    }
}

/// How often is tried, and when.
struct Patience {
    most: u32,
    tries: u32,
    pause: Duration,
    longest_asked_for: Duration,
    furthest: u64,
}

impl Patience {
    fn new(client: &Client) -> Self {
        let settings = &client.options.settings;
        let (pause, longest_asked_for) = (settings.retry_pause, settings.retry_after);
        Self { most: settings.attempts.max(1), tries: 1, pause, longest_asked_for, furthest: 0 }
    }

    /// A try came so far.
    fn came(&mut self, had: u64) {
        if had >= self.furthest + PROGRESS {
            (self.furthest, self.tries) = (had, 1);
        }
    }

    /// Waits before the next try, for as long as the server asks for.
    ///
    /// # Errors
    /// The failure, where it was the last try, or the server asks for too much.
    async fn pause(&mut self, failure: Failure) -> Result<(), Failure> {
        let asked_for = match &failure {
            Failure::Status { again_in, .. } => again_in.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        if self.tries >= self.most || asked_for > self.longest_asked_for {
            return Err(failure);
        }
        let pause = self.pause.saturating_mul(1 << (self.tries - 1).min(16)).min(LONGEST_PAUSE).max(asked_for);
        tracing::info!(%failure, ?pause, tries = self.tries, "a download is tried again");
        self.tries += 1;
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
