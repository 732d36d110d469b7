//! Documents that are named by a URL: downloaded into the spool as they come, beside the reading of others.
//!
//! A download has a place among the open documents before it begins, as an upload has, so that a full pipeline bounds it; several are in flight
//! at once (`download.at_once`). What is interrupted is gone on with by ranges; what a server calls the version that it gave (`ETag`,
//! `Last-Modified`) is kept with the document, and the same URL again transfers nothing where the server has nothing newer. Nothing is kept of a
//! download that fails, and nothing of a user name and a password in the URL.
//!
//! Who names the URL decides whom may be asked: [`DownloadOptions::trusting`] is for a program whose user does, [`DownloadOptions::guarded`]
//! for one that others send URLs to. The latter asks public addresses alone, looks at all that a name leads to, connects to no other than
//! those, and looks again at each redirect. No proxy is used.
//!
//! ```no_run
//! use pagestream::{Pipeline, Settings, SubmitOptions, download::{DownloadOptions, Downloader}};
//!
//! # async fn run(pipeline: Pipeline) -> Result<(), Box<dyn std::error::Error>> {
//! let downloader = Downloader::new(DownloadOptions::trusting(Settings::load()?.download));
//! let document = downloader.submit(&pipeline, "https://example.org/paper.pdf", SubmitOptions::default()).await?;
//! println!("{} is read", document.source());
//! # Ok(())
//! # }
//! ```

mod connection;
mod error;
mod exchange;
mod guard;
mod name;
mod options;
mod resolve;
mod target;
mod tls;
mod transfer;
mod version;

use std::sync::Arc;

use pagestream_actors::{DocumentHandle, Error, Pipeline, Place, SubmitOptions, store_error};
use pagestream_store::{Blob, DownloadedFrom, Store};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

pub use self::{
    error::{DownloadError, Failure},
    guard::{Allowed, Guard, is_public},
    options::DownloadOptions,
    resolve::{Resolve, SystemResolver},
};
use self::{
    exchange::Client,
    target::{Target, without_credentials},
    transfer::{Transfer, Transferred},
};

/// A URL as messages and the store have it: without a user name, a password and what stands behind `#`. What is no URL stays as it is but for
/// what might be a password.
pub fn shown(url: &str) -> String {
    Target::parse(url).map_or_else(|_| without_credentials(url), |target| target.shown().to_owned())
}

/// Downloads documents and submits them. Clones are the same downloader, with the same bound on what is in flight.
#[derive(Clone)]
pub struct Downloader {
    client: Arc<Client>,
    at_once: Arc<Semaphore>,
}

/// A document that is named by a URL.
#[derive(Clone, Debug)]
pub struct DocumentUrl {
    pub url: String,
    /// What it is called; else what its server calls it (`Content-Disposition`), or the last part of the URL's path.
    pub name: Option<String>,
}

impl From<&str> for DocumentUrl {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), name: None }
    }
}

impl Downloader {
    pub fn new(options: DownloadOptions) -> Self {
        let at_once = Arc::new(Semaphore::new(options.at_once().get()));
        Self { client: Arc::new(Client { options, tls: tls::Tls::default() }), at_once }
    }

    /// Downloads a document and submits it. Waits for its turn among the downloads, then for a place among the open documents; when it
    /// returns, the document is durable. Dropped before, it leaves nothing behind. Needs a tokio runtime with time and input/output.
    ///
    /// # Errors
    /// Why it is not to be had, or not taken: one sentence with the URL, and a hint.
    pub async fn submit(
        &self,
        pipeline: &Pipeline,
        document: impl Into<DocumentUrl>,
        options: SubmitOptions,
    ) -> Result<DocumentHandle, DownloadError> {
        let (document, target) = parsed(document)?;
        let places = async {
            let turn = self.at_once.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
            Ok((turn, pipeline.place(&options).await?))
        };
        let (turn, place) = tokio::select! {
            places = places => places.map_err(|error: Error| Failure::from(error).of(target.shown()))?,
            () = pipeline.closing() => return Err(Failure::Pipeline(Error::Closed).of(target.shown())),
        };
        self.download(pipeline, (turn, place), &target, document.name, options).await
    }

    /// As [`Downloader::submit`], but does not wait where it is not its turn or the pipeline is full: for a server that must say so.
    ///
    /// # Errors
    /// As [`Downloader::submit`]; [`Failure::Busy`], and [`Error::Busy`] in a [`Failure::Pipeline`].
    pub async fn try_submit(
        &self,
        pipeline: &Pipeline,
        document: impl Into<DocumentUrl>,
        options: SubmitOptions,
    ) -> Result<DocumentHandle, DownloadError> {
        let (document, target) = parsed(document)?;
        let busy = |_| Failure::Busy(self.client.options.at_once().get()).of(target.shown());
        let turn = self.at_once.clone().try_acquire_owned().map_err(busy)?;
        let place = pipeline.try_place(&options).map_err(|error| Failure::from(error).of(target.shown()))?;
        self.download(pipeline, (turn, place), &target, document.name, options).await
    }

    async fn download(
        &self,
        pipeline: &Pipeline,
        (turn, place): (OwnedSemaphorePermit, Place),
        target: &Target,
        name: Option<String>,
        options: SubmitOptions,
    ) -> Result<DocumentHandle, DownloadError> {
        let limit = self.client.options.settings.time;
        let downloaded = tokio::select! {
            downloaded = timeout(limit, self.transfer(pipeline, &place, target, &options)) => {
                downloaded.unwrap_or(Err(Failure::TooLong(limit)))
            }
            () = pipeline.closing() => Err(Failure::Pipeline(Error::Closed)),
        };
        let failed = |failure: Failure| failure.of(target.shown());
        let Downloaded { blob, from, name: told } = downloaded.map_err(failed)?;
        drop(turn);
        let document = place.submit(name.unwrap_or(told), blob, options).await.map_err(|error| failed(error.into()))?;
        let id = document.id();
        // What is not noted costs a download, and no document.
        if let Err(error) = ask(pipeline, move |store| store.note_download(id, &from)).await {
            tracing::warn!(%id, %error, "where a document came from is not noted");
        }
        Ok(document)
    }

    async fn transfer(
        &self,
        pipeline: &Pipeline,
        place: &Place,
        target: &Target,
        options: &SubmitOptions,
    ) -> Result<Downloaded, Failure> {
        let (url, owner) = (target.shown().to_owned(), options.owner.clone());
        // Held from here on, so that what the server calls unchanged is still there then.
        let known = ask(pipeline, move |store| {
            let Some(document) = store.downloaded_from(&url, owner.as_ref())? else { return Ok(None) };
            let Some(from) = document.download.filter(DownloadedFrom::has_version) else { return Ok(None) };
            Ok(store.hold(document.sha256)?.map(|blob| Downloaded { blob, from, name: document.source }))
        });
        let known = known.await?;
        let from = known.as_ref().map(|known| &known.from);
        match (Transfer::new(&self.client, target, place, from).run().await?, known) {
            (Transferred::Unchanged, Some(known)) => Ok(known),
            (Transferred::Unchanged, None) => Err(Failure::Nonsense("it is unchanged, and was not here".to_owned())),
            (Transferred::Document { blob, version, name }, _) => {
                let from = DownloadedFrom {
                    url: target.shown().to_owned(),
                    etag: version.etag,
                    last_modified: version.last_modified,
                };
                Ok(Downloaded { blob, from, name })
            }
        }
    }
}

/// A document that is in the spool and not submitted yet.
struct Downloaded {
    blob: Blob,
    from: DownloadedFrom,
    name: String,
}

fn parsed(document: impl Into<DocumentUrl>) -> Result<(DocumentUrl, Target), DownloadError> {
    let document = document.into();
    let target = Target::parse(&document.url)?;
    Ok((document, target))
}

/// Asks the store, on a thread for that.
async fn ask<T: Send + 'static>(
    pipeline: &Pipeline,
    question: impl FnOnce(&Store) -> Result<T, pagestream_store::Error> + Send + 'static,
) -> Result<T, Error> {
    let store = pipeline.store().clone();
    let answer = tokio::task::spawn_blocking(move || question(&store)).await;
    answer.map_err(|_| Error::Closed)?.map_err(store_error)
}
