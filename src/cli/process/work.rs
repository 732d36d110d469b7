//! Where a run's documents come from, and how they get into the pipeline.

use futures::{Stream, StreamExt, stream};
use pagestream::{DocumentHandle, Error, Pipeline, SubmitOptions, settings::DownloadSettings};
use tokio::sync::mpsc;

use crate::cli::{
    inputs::NamedInput,
    reading::{self, SUBMITTED_AHEAD},
    urls::Urls,
};

pub enum Work {
    Submit(Vec<NamedInput>),
    /// From what an earlier run left open in the data directory: so many.
    Resume {
        documents: usize,
    },
}

impl Work {
    pub fn documents(&self) -> usize {
        match self {
            Self::Submit(inputs) => inputs.len(),
            Self::Resume { documents } => *documents,
        }
    }

    /// What came of each, in the order in which they were named; in the order in which they are there where pages come unordered.
    pub fn begin(
        self,
        pipeline: Pipeline,
        options: SubmitOptions,
        downloads: &DownloadSettings,
    ) -> mpsc::Receiver<Result<DocumentHandle, Error>> {
        match self {
            Self::Submit(inputs) => submit_all(pipeline, inputs, options, downloads),
            Self::Resume { .. } => reading::resume_all(pipeline),
        }
    }
}

/// Submits document after document, waiting where the pipeline is full. While one is downloaded those behind it are begun, as many as
/// downloads may be in flight; of files alone one after the other is read.
fn submit_all(
    pipeline: Pipeline,
    inputs: Vec<NamedInput>,
    options: SubmitOptions,
    downloads: &DownloadSettings,
) -> mpsc::Receiver<Result<DocumentHandle, Error>> {
    let has_urls = inputs.iter().any(|input| matches!(input, NamedInput::Url(_)));
    let (urls, at_once) = (Urls::new(downloads), if has_urls { downloads.at_once.get() } else { 1 });
    let unordered = options.unordered;
    let (submitted, receiver) = mpsc::channel(SUBMITTED_AHEAD);
    tokio::spawn(async move {
        let submit = async |input| match input {
            NamedInput::Source(source) => pipeline.submit(source, options.clone()).await,
            NamedInput::Url(url) => urls.submit(&pipeline, url, options.clone()).await,
        };
        let documents = stream::iter(inputs).map(submit);
        match unordered {
            true => hand_on(documents.buffer_unordered(at_once), &submitted).await,
            false => hand_on(documents.buffered(at_once), &submitted).await,
        }
    });
    receiver
}

/// Until there are no more, or nobody takes them.
async fn hand_on(
    documents: impl Stream<Item = Result<DocumentHandle, Error>>,
    to: &mpsc::Sender<Result<DocumentHandle, Error>>,
) {
    let mut documents = std::pin::pin!(documents);
    while let Some(document) = documents.next().await {
        if to.send(document).await.is_err() {
            break;
        }
    }
}
