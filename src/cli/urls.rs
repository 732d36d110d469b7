//! Documents that are named by a URL: downloaded beside the reading of others. Who names it is who runs the program, so that any address may be
//! asked.

use pagestream::{
    DocumentHandle, Error, Pipeline, SubmitOptions,
    download::{DocumentUrl, DownloadOptions, Downloader},
    settings::DownloadSettings,
};

pub use pagestream::download::shown;

pub struct Urls(Downloader);

impl Urls {
    pub fn new(settings: &DownloadSettings) -> Self {
        Self(Downloader::new(DownloadOptions::trusting(settings.clone())))
    }

    /// Submitted under the URL, as a file is under its path.
    pub async fn submit(
        &self,
        pipeline: &Pipeline,
        url: String,
        options: SubmitOptions,
    ) -> Result<DocumentHandle, Error> {
        let document = DocumentUrl { name: Some(shown(&url)), url };
        self.0.submit(pipeline, document, options).await.map_err(pagestream::download::DownloadError::into_error)
    }
}
