//! The pipeline: one actor a stage, bounded from end to end.
//!
//! ```text
//! Ingest -> PageSplitter -> Preprocessor -> GpuScheduler (one per device) <-> Decoder -> EmbeddingDeduper -> Sink
//! ```
//! Each stage is a file in [`stages`], the wiring is one function in [`pipeline`], and applications hold a [`Pipeline`].
//! What makes it hold together: the byte and page [`budget`], the page's [`ticket`], and the guarded threads in
//! [`guard`] and [`device`].

pub mod admission;
pub mod batching;
pub mod budget;
pub mod caches;
pub mod device;
mod embedder;
pub mod engine;
pub mod error;
pub mod failpoints;
pub mod fresh;
pub mod guard;
pub mod handle;
mod housekeeping;
pub mod job;
pub mod jobs;
pub mod messages;
pub mod metrics;
pub mod options;
pub mod pipeline;
mod query_encoder;
mod runtime;
mod sessions;
pub mod stages;
pub mod tail;
pub mod threads;
pub mod ticket;
pub mod under_way;

pub use batching::BatchLimits;
pub use caches::CachesStats;
pub use device::Device;
pub use embedder::EmbeddingReport;
pub use engine::{Engine, EngineModel, LazyEngine};
pub use error::{Error, Result, StoreFailure, store_error};
pub use handle::{DocumentHandle, DrainReport, Pipeline, PipelineCapacity, Place, Spooling};
pub use housekeeping::end_at_rest;
pub use job::{DocumentFailure, DocumentState, Progress, QuarantinedPage, Source};
pub use jobs::needs_password;
pub use metrics::{EmbeddingSnapshot, MetricsSnapshot, TIME_CLASSES};
pub use options::{DuplicateMode, OcrMode, PageSelection, PipelineOptions, Priority, ReadingOptions, SubmitOptions};
pub use pipeline::start;
pub use query_encoder::QueryEncoder;
pub use sessions::{LoadedModels, LoadedTask};
pub use tail::{PageStream, Tail};
