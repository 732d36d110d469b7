//! Why a document could not be downloaded: one sentence that names the address and the cause, and what to do about it.

use std::time::Duration;

use pagestream_actors::{DocumentFailure, Error};
use pagestream_documents::{ByteSize, ErrorKind, harmless};

/// Why a document could not be downloaded.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{url}: {failure}")]
pub struct DownloadError {
    /// Without a user name and a password.
    pub url: String,
    pub failure: Failure,
}

/// The cause, without the address.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    #[error("this is no address: {0}")]
    NoAddress(String),
    #[error("documents are downloaded by http and https, and not by {0}")]
    Scheme(String),
    #[error("{host} is not an address of the public network")]
    NotPublic { host: String },
    #[error("port {port} is not one of HTTP")]
    Port { port: u16 },
    #[error("the name {host} leads nowhere: {cause}")]
    NoSuchHost { host: String, cause: String },
    #[error("{host} cannot be connected to: {cause}")]
    NoConnection { host: String, cause: String },
    #[error("{host} does not prove who it is: {cause}")]
    NotTrusted { host: String, cause: String },
    /// `again_in`: when the server wants to be asked again.
    #[error("the server answers {status}{}", pause(*.again_in))]
    Status { status: u16, again_in: Option<Duration> },
    #[error("the server leads to another address more than {0} times in a row")]
    Redirects(u32),
    #[error("the server leads to another address and does not say to which")]
    NoLocation,
    #[error("the server leads from https to http, which others may read and change")]
    Downgrade,
    #[error("the document is encoded ({0}), though it was asked for as it is")]
    Encoded(String),
    #[error("the document has more than {0}")]
    TooLarge(ByteSize),
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    #[error("less than {rate} a second came, over {window:?}")]
    TooSlow { rate: ByteSize, window: Duration },
    #[error("it took more than {0:?}")]
    TooLong(Duration),
    #[error("the connection was cut: {0}")]
    Cut(String),
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(String),
    #[error("the document is empty")]
    Empty,
    /// What came is nothing that is read.
    #[error("{}", .0.message)]
    Document(DocumentFailure),
    #[error("as many documents are downloaded as may be at once ({0})")]
    Busy(usize),
    /// The pipeline does not take it.
    #[error("{0}")]
    Pipeline(Error),
}

fn pause(again_in: Option<Duration>) -> String {
    again_in.map_or_else(String::new, |pause| format!(", and to come again in {} s", pause.as_secs()))
}

impl Failure {
    pub(super) fn of(self, url: impl Into<String>) -> DownloadError {
        DownloadError { url: url.into(), failure: self }
    }

    /// Whether the same request may have another outcome in a moment.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Cut(_) | Self::Silent(_) | Self::Status { status: 429 | 503, .. })
    }

    /// As [`Failure::is_passing`], where the server has answered once already: it may be starting anew.
    pub(super) fn is_passing_under_way(&self) -> bool {
        self.is_passing() || matches!(self, Self::NoConnection { .. } | Self::NoSuchHost { .. })
    }

    /// What there is to do about it.
    pub fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::NoAddress(_) | Self::Scheme(_) => "write it as https://host/path",
            Self::NotPublic { .. } | Self::Port { .. } => {
                "`server.fetch_allow` names hosts and networks that may be asked all the same"
            }
            Self::NoSuchHost { .. } | Self::NoConnection { .. } => {
                "look whether the address is right, and the network there"
            }
            Self::NotTrusted { .. } => {
                "certificates are believed that this machine believes; SSL_CERT_FILE names a file with others"
            }
            Self::Status { status: 401 | 403 | 407, .. } => {
                "where it asks for a name and a password, they may stand in the address: https://name:password@host/path"
            }
            Self::Status { status: 404 | 410, .. } => "look whether the address is right",
            Self::Status { .. } | Self::Cut(_) | Self::Silent(_) | Self::Busy(_) => "try it again later",
            Self::TooLarge(_) => {
                "the settings `download.max_size` and, for the server, `server.max_upload` say how much it may be"
            }
            Self::TooSlow { .. } => "the setting `download.least_rate` says how slow it may be",
            Self::TooLong(_) => "the setting `download.time` says how long it may take",
            Self::Document(failure) => return failure.hint.as_deref(),
            Self::Pipeline(error) => return error.hint(),
            _ => return None,
        })
    }
}

impl DownloadError {
    /// What there is to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.failure.hint()
    }

    /// As the other errors of submissions: what is the pipeline's stays that, what is the document's is told with its address.
    pub fn into_error(self) -> Error {
        let kind = match &self.failure {
            Failure::Pipeline(error) => return error.clone(),
            Failure::Document(failure) => failure.kind,
            Failure::TooLarge(_) => ErrorKind::TooLarge,
            _ => ErrorKind::Io,
        };
        let hint = self.hint().map(str::to_owned);
        let message = harmless(&self.failure.to_string()).into_owned();
        Error::Document { name: self.url, failure: DocumentFailure::new(kind, message, hint) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Pipeline(error)
    }
}
