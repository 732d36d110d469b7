//! In place of downloads in a program that is built without the feature `url`: there are none.

use std::convert::Infallible;

use pagestream_actors::{Pipeline, SubmitOptions};
use pagestream_documents::DocumentId;

use super::problem::Problem;
use crate::settings::{DownloadSettings, ServerSettings};

pub fn shown(url: &str) -> String {
    url.to_owned()
}

pub struct Urls {
    never: Infallible,
}

impl Urls {
    /// # Errors
    /// That it was left out, always.
    pub fn new(_: &ServerSettings, _: &DownloadSettings) -> Result<Self, String> {
        Err("server.fetch_urls: this program was built without downloads (feature `url`)".to_owned())
    }

    #[allow(clippy::unused_async, reason = "as with the feature")]
    pub async fn submit(
        &self,
        _: &Pipeline,
        _: String,
        _: Option<String>,
        _: SubmitOptions,
    ) -> Result<DocumentId, Problem> {
        match self.never {}
    }
}
