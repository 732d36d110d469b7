//! Documents that clients name by a URL: downloaded here, from public addresses and those that the settings allow.

use pagestream_actors::{Error, Pipeline, SubmitOptions};
use pagestream_documents::DocumentId;

pub use crate::download::shown;
use crate::{
    download::{Allowed, DocumentUrl, DownloadError, DownloadOptions, Downloader, Failure, Guard},
    server::problem::{Code, Problem},
    settings::{DownloadSettings, ServerSettings},
};

pub struct Urls(Downloader);

impl Urls {
    /// # Errors
    /// What of `server.fetch_allow` is neither a host nor a network.
    pub fn new(server: &ServerSettings, download: &DownloadSettings) -> Result<Self, String> {
        let allowed = server.fetch_allow.iter().map(|text| text.parse::<Allowed>());
        let allowed = allowed.collect::<Result<_, _>>().map_err(|error| format!("server.fetch_allow: {error}"))?;
        // No more than might be sent.
        let max_size = download.max_size.min(server.max_upload);
        let settings = DownloadSettings { max_size, ..download.clone() };
        Ok(Self(Downloader::new(DownloadOptions::guarded(settings, Guard::public_and(allowed)))))
    }

    pub async fn submit(
        &self,
        pipeline: &Pipeline,
        url: String,
        name: Option<String>,
        options: SubmitOptions,
    ) -> Result<DocumentId, Problem> {
        let submitted = self.0.try_submit(pipeline, DocumentUrl { url, name }, options).await;
        submitted.map(|document| document.id()).map_err(Problem::from)
    }
}

impl From<DownloadError> for Problem {
    fn from(error: DownloadError) -> Self {
        let code = match &error.failure {
            Failure::NoAddress(_) | Failure::Scheme(_) => Code::BadRequest,
            Failure::NotPublic { .. } | Failure::Port { .. } => Code::AddressRefused,
            Failure::Busy(_) => Code::Busy,
            // As of what is sent: each with its own code.
            Failure::Pipeline(_) | Failure::Document(_) | Failure::TooLarge(_) => {
                return Error::into(error.into_error());
            }
            _ => Code::DownloadFailed,
        };
        let hint = error.hint().map(str::to_owned);
        let problem = Self::new(code, pagestream_documents::harmless(&error.to_string()));
        match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}
