//! What travels between the stages. The names say what state the page is in when the message arrives.
//!
//! ```text
//! Submission -> OpenDocument -> GrantedPage -> PreparedPage -> RecognizedPage -> DecodedPage -> CheckedPage
//! ```
//! Every page message owns the page's ticket, and, while it holds pixels or tensors, the permit for their bytes.

use std::sync::Arc;

use actix::Message;
use pagestream_documents::{Digest, PageRecord, Raster, TextLayer};
use pagestream_models::ocr::{Inference, Inferred, PageReader};
use pagestream_store::{Blob, PageSet};
use tokio::sync::oneshot;

use crate::{
    admission::Admitted,
    budget::Permit,
    engine::Engine,
    error::Error,
    job::{DocumentJob, Source},
    options::SubmitOptions,
    ticket::PageTicket,
};

/// A document that somebody submits. Answered when it is durable.
pub struct Submission {
    pub input: SubmittedInput,
    pub options: SubmitOptions,
    pub admission: Admitted,
    pub reply: oneshot::Sender<Result<Arc<DocumentJob>, Error>>,
}

/// The bytes of a submission.
pub enum SubmittedInput {
    /// Still to be taken.
    Source(Source),
    /// In the spool already, under a name for people.
    Spooled { name: String, blob: Blob },
}

/// A journaled document, to be opened and split.
#[derive(Message)]
#[rtype(result = "()")]
pub struct OpenDocument {
    pub job: Arc<DocumentJob>,
    /// Pages that have their record from an earlier run.
    pub committed: PageSet,
}

/// A page with leave to use memory, not decoded yet.
#[derive(Message)]
#[rtype(result = "()")]
pub struct GrantedPage {
    pub ticket: PageTicket,
    pub memory: Permit,
}

/// A page of which the pixels are at hand.
pub struct PagePixels {
    pub ticket: PageTicket,
    pub memory: Permit,
    pub reader: Box<PageReader>,
    pub raster: Arc<Raster>,
    pub digest: Digest,
    /// The document's own text that is true and not all that the page shows.
    pub layer: Option<Box<TextLayer>>,
    /// Knows what the page's models are called.
    pub engine: Arc<Engine>,
}

/// A page that waits for inferences: its pixels as tensors.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PreparedPage {
    pub page: PagePixels,
    pub inferences: Vec<Inference>,
    /// The lines among them, by what they are known under in the cache; as many as there are inferences.
    pub line_keys: Vec<Option<Digest>>,
}

/// Inferences that no page waits for: they run where a device has nothing else to do.
#[derive(Message)]
#[rtype(result = "()")]
pub struct BackgroundInferences {
    pub inferences: Vec<Inference>,
    /// The results in the order asked, or why there are none. Dropped where there is no device.
    pub reply: oneshot::Sender<Result<Vec<Inferred>, String>>,
}

/// A page whose inferences are done: model outputs, in the order asked.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RecognizedPage {
    pub page: PagePixels,
    pub results: Vec<Inferred>,
}

/// A page with its text, or with the reason why it has none. Pixels and tensors are gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DecodedPage {
    pub ticket: PageTicket,
    pub record: Box<PageRecord>,
    /// Digest of the pixels; `None` when the page was not rasterised.
    pub raster: Option<Digest>,
}

/// A page that has been compared with earlier ones: ready to be kept.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CheckedPage {
    pub ticket: PageTicket,
    pub record: Box<PageRecord>,
    pub raster: Option<Digest>,
}

/// Start nothing new; finish what is under way.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub struct Drain;

/// What the handle asks of the running system.
pub enum Control {
    /// Go on with a document of an earlier run.
    Resume(OpenDocument),
    /// Answered when nothing new is begun any more.
    Drain(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}
