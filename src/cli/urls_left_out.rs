//! In place of downloads in a program that is built without the feature `url`: a URL is told when its turn comes.

use std::io::ErrorKind;

use pagestream::{DocumentHandle, Error, Pipeline, SubmitOptions, settings::DownloadSettings};

/// Without what might be a password.
pub fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let begin = rest[..host].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[begin..])
}

pub struct Urls;

impl Urls {
    pub fn new(_: &DownloadSettings) -> Self {
        Self
    }

    /// # Errors
    /// That it was left out, always.
    #[allow(clippy::unused_async, reason = "as with the feature")]
    pub async fn submit(&self, _: &Pipeline, url: String, _: SubmitOptions) -> Result<DocumentHandle, Error> {
        let cause =
            "this program was built without downloads; `cargo build --release --features url` makes one with them"
                .to_owned();
        Err(Error::Read { name: shown(&url), cause, kind: ErrorKind::Unsupported })
    }
}
