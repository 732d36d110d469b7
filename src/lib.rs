#![doc = include_str!("guide.md")]

pub use engine::Fetching;
pub use formula::{FormulaReader, FormulaReading};
use machine::Measure;
pub use pagestream_actors::{
    DocumentFailure, DocumentHandle, DocumentState, DrainReport, DuplicateMode, EmbeddingReport, Error,
    MetricsSnapshot, OcrMode, PageSelection, PageStream, Pipeline, PipelineOptions, Priority, Progress,
    QuarantinedPage, ReadingOptions, Source, StoreFailure, SubmitOptions, Tail,
};
pub use pagestream_documents::{
    Alignment, Block, BlockKind, ByteSize, Cell, Differences, Digest, DocumentId, DocumentRef, DuplicateOf,
    DuplicateTier, ErrorKind, FileKind, GoesOn, Hyphen, HyphenEvidence, Mark, MarkKind, ModelRef, Origin, PageNumber,
    PageRecord, PageStatus, Point, Polygon, Rotation, TextLine, Word, harmless, output,
};
pub use pagestream_models::ocr::Quality;
pub use pagestream_store::{FoundBy, Hit, HitLine, NearWord, SearchMode, SearchQuery, SearchResults, Tag};
pub use plan::Plan;
pub use searcher::Searcher;
pub use settings::{Settings, SettingsError};

pub mod allocator;
#[cfg(feature = "url")]
pub mod download;
pub mod engine;
#[cfg(feature = "evaluation")]
pub mod evaluation;
pub mod formula;
pub mod machine;
pub mod plan;
pub mod repeats;
mod searcher;
#[cfg(feature = "server")]
pub mod server;
pub mod settings;
#[cfg(feature = "watch")]
pub mod watch;

/// Starts a pipeline: with a data directory, if the settings name one, else with a store of its own that is gone with
/// it. Models are loaded when the first page needs them. Nothing is fetched: see [`start_with`].
///
/// # Errors
/// When the data directory cannot be used (another process writes to it, say) or there are no threads to be had.
pub async fn start(settings: Settings) -> Result<Pipeline, Error> {
    start_with(settings, Fetching::never()).await
}

/// As [`start`], fetching models and libraries when the first page needs them, if `fetching` allows it and `models.fetch` does not
/// forbid it.
///
/// # Errors
/// As [`start`].
pub async fn start_with(settings: Settings, fetching: Fetching) -> Result<Pipeline, Error> {
    let resolve = move || {
        let plan = Plan::resolve(&settings, Measure::IfNeeded).map_err(|e| match e.hint() {
            Some(hint) => Error::Start(format!("{e} ({hint})")),
            None => Error::Start(e.to_string()),
        })?;
        Ok((settings, plan))
    };
    let (settings, plan) = tokio::task::spawn_blocking(resolve).await.map_err(|e| Error::Start(e.to_string()))??;
    start_planned(settings, plan, fetching).await
}

/// As [`start_with`], with a plan that was resolved from the same settings before.
///
/// # Errors
/// As [`start`].
pub async fn start_planned(settings: Settings, plan: Plan, fetching: Fetching) -> Result<Pipeline, Error> {
    let started = tokio::task::spawn_blocking(move || {
        let store = engine::store(&settings)?;
        let mut options = settings.pipeline_options();
        options.reading.models = Some(plan.digest());
        options.embeddings = plan.embedder().map(|model| model.sha256);
        pagestream_actors::start(options, store, engine::devices(&plan, &fetching.under(settings.models.fetch)))
    });
    started.await.map_err(|e| Error::Start(e.to_string()))?
}

/// Pages of a data directory by their words, best first. It only reads, and works while another process writes there, or none. A
/// program that has a [`Pipeline`] asks that: [`Pipeline::search`]; one that searches by meaning, or often, keeps a [`Searcher`].
///
/// # Errors
/// [`Error::Query`] for a query that asks for nothing, [`Error::Store`] when there is no data directory or it cannot be read.
pub async fn search(data_dir: impl Into<std::path::PathBuf>, query: SearchQuery) -> Result<SearchResults, Error> {
    Searcher::of_words(data_dir).await?.search(query).await
}

/// Lets nobody call a foreign library (ONNX Runtime, OpenVINO) any more, and waits two seconds for calls that are being done. Whether
/// none is left; else one hangs, and the process should end by `_exit`: the library's destructors would crash it.
///
/// A process that ends as usual under Linux with glibc does the same by itself. Elsewhere, and to be quite sure, stop the
/// pipeline ([`Pipeline::stop`], or drop it) and call this last.
pub fn close_foreign_libraries() -> bool {
    pagestream_models::backend::foreign::close(pagestream_models::backend::foreign::PATIENCE)
}

/// Whether a file that begins with these bytes (a kilobyte is enough) is of a kind that is read.
pub fn is_supported(head: &[u8]) -> bool {
    pagestream_documents::detect(head).is_ok()
}
