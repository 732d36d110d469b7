//! Whether the server is there, what it has room for, and its figures as Prometheus reads them.

use std::{fmt::Write as _, sync::atomic::Ordering::Relaxed, time::Duration};

use actix_web::HttpResponse;
use pagestream_actors::{CachesStats, MetricsSnapshot, PipelineCapacity, TIME_CLASSES};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    access::{Measuring, Reading},
    app::{App, Shared},
    problem::{Code, Problem, Result},
};
use crate::machine::memory::resident;

/// Whether the process answers.
#[utoipa::path(get, path = "/livez", tag = "server", responses((status = 200, body = String, content_type = "text/plain", description = "It does")))]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// Whether documents are taken and read at once: not when the server is stopping, when the pipeline cannot go on, nor before the models
/// are loaded (where `server.warm_up` asks for that).
#[utoipa::path(get, path = "/readyz", tag = "server", responses(
    (status = 200, body = String, content_type = "text/plain", description = "They are"),
    (status = 503, content_type = "application/problem+json", body = Problem, description = "They are not"),
))]
pub async fn ready(app: Shared) -> Result {
    if *app.draining.borrow() {
        return Err(Problem::new(Code::ShuttingDown, "no more documents are taken"));
    }
    match app.pipeline.fatal() {
        Some(cause) => {
            tracing::error!(cause, "not ready");
            Err(Problem::new(Code::ShuttingDown, "the pipeline cannot go on; the log says why"))
        }
        None if app.options.warms_up() && !app.pipeline.is_warm() => {
            Err(Problem::new(Code::WarmingUp, "the models are being loaded; documents are taken and wait for them")
                .retry_after(Duration::from_secs(1)))
        }
        None => Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n")),
    }
}

/// What there is room for.
#[derive(Serialize, ToSchema)]
pub struct CapacityView {
    /// The permits that bound the pipeline: documents, pages, memory, each with what of it is free.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    permits: PipelineCapacity,
    /// Documents that are being read, and pages of them that are still to be read, as far as is known.
    documents_open: usize,
    pages_left: u64,
    /// Seconds after which a place is probably free; absent where one is, or nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_place_in: Option<f64>,
    streams: u64,
    /// What each stage has in it now, in the order a page passes them.
    stages: Vec<StageView>,
}

#[derive(Serialize, ToSchema)]
pub struct StageView {
    stage: &'static str,
    depth: u64,
}

/// What there is room for, from the permits that bound the pipeline.
#[utoipa::path(get, path = "/v1/capacity", tag = "server", responses(
    (status = 200, body = CapacityView, description = "The permits"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn capacity(app: Shared, _: Reading) -> HttpResponse {
    let permits = app.pipeline.capacity();
    let (documents_open, pages_left) = app.pipeline.backlog();
    let is_full = permits.documents_free == 0;
    let stages = app.pipeline.metrics().stages;
    HttpResponse::Ok().json(CapacityView {
        permits,
        documents_open,
        pages_left,
        next_place_in: app.pipeline.next_place_in().filter(|_| is_full).map(|pause| pause.as_secs_f64()),
        streams: app.streams.load(Relaxed),
        stages: stages.iter().map(|stage| StageView { stage: stage.stage, depth: stage.depth }).collect(),
    })
}

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, body = String, content_type = "text/plain", description = "Prometheus' text format 0.0.4"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn metrics(app: Shared, _: Measuring) -> HttpResponse {
    let text = Figures::of(&app).0;
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

/// Prometheus' text format 0.0.4. Writing into a String cannot fail.
struct Figures(String);

impl Figures {
    fn of(app: &App) -> Self {
        let mut figures = Self(String::with_capacity(16 << 10));
        let pipeline = &app.pipeline;
        figures.of_pipeline(&pipeline.metrics());
        figures.of_permits(&pipeline.capacity(), pipeline.backlog());
        figures.of_caches(&pipeline.cache_stats());
        figures.one("requests_total", "counter", "HTTP requests", app.requests.load(Relaxed));
        figures.one(
            "request_problems_total",
            "counter",
            "HTTP requests that were refused or failed",
            app.problems.load(Relaxed),
        );
        figures.one("event_streams", "gauge", "Streams of events that are open", app.streams.load(Relaxed));
        figures.one("event_log_reads_total", "counter", "Times that the page log was read for events", app.hub.reads());
        if let Some(bytes) = resident() {
            figures.head("process_resident_memory_bytes", "gauge", "Memory of the process that is in RAM");
            let _ = writeln!(figures.0, "process_resident_memory_bytes {bytes}");
        }
        figures
    }

    fn of_pipeline(&mut self, metrics: &MetricsSnapshot) {
        self.one("pages_total", "counter", "Pages that have their record", metrics.pages_committed);
        self.one("pages_retried_total", "counter", "Pages that were tried again", metrics.pages_retried);
        self.head("pagestream_stage_seconds", "histogram", "Time that a stage works on an item");
        for stage in &metrics.stages {
            let name = stage.stage;
            for (bound, count) in TIME_CLASSES.iter().zip(stage.up_to) {
                // The classes and the count are read one after the other: none may be more than all.
                let count = count.min(stage.items);
                let _ = writeln!(self.0, "pagestream_stage_seconds_bucket{{stage=\"{name}\",le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(self.0, "pagestream_stage_seconds_bucket{{stage=\"{name}\",le=\"+Inf\"}} {}", stage.items);
            let _ = writeln!(self.0, "pagestream_stage_seconds_sum{{stage=\"{name}\"}} {}", stage.busy_ms / 1e3);
            let _ = writeln!(self.0, "pagestream_stage_seconds_count{{stage=\"{name}\"}} {}", stage.items);
        }
        let stages = || metrics.stages.iter();
        self.each(
            "stage_depth",
            "gauge",
            "Items in a stage, waiting or worked on",
            "stage",
            stages().map(|s| (s.stage, s.depth)),
        );
        self.head(
            "pagestream_stage_oldest_seconds",
            "gauge",
            "How long the page that is in the stage for longest has been there",
        );
        for stage in stages() {
            let _ = writeln!(
                self.0,
                "pagestream_stage_oldest_seconds{{stage=\"{}\"}} {}",
                stage.stage,
                stage.oldest_ms / 1e3
            );
        }
        self.each(
            "stage_restarts_total",
            "counter",
            "Times that a stage or a thread of it was made anew",
            "stage",
            stages().map(|s| (s.stage, s.restarts)),
        );
        self.one(
            "budget_wait_seconds_total",
            "counter",
            "Time that documents waited for page slots and memory",
            metrics.budget_wait_ms / 1e3,
        );
        self.one(
            "budget_waits_total",
            "counter",
            "Times that documents waited for page slots and memory",
            metrics.budget_waits,
        );
        self.one("model_runs_total", "counter", "Runs of models", metrics.batches);
        self.one("inferences_total", "counter", "Inferences; by the runs it is the mean batch", metrics.inferences);
        self.one("embedded_pages_total", "counter", "Pages that got their vectors", metrics.embeddings.pages);
        self.one(
            "embedding_seconds_total",
            "counter",
            "Time from asking a device for vectors to its answer",
            metrics.embeddings.busy_ms / 1e3,
        );
        let devices = || metrics.devices.iter();
        self.each(
            "device_threads",
            "gauge",
            "Threads that may run models on the device",
            "device",
            devices().map(|(name, of)| (name.as_str(), of.threads as f64)),
        );
        self.each(
            "device_busy_seconds_total",
            "counter",
            "Time that the threads of the device ran models; its rate by its threads is how busy it is",
            "device",
            devices().map(|(name, of)| (name.as_str(), of.busy_ms / 1e3)),
        );
        self.each(
            "device_runs_total",
            "counter",
            "Runs of models on the device",
            "device",
            devices().map(|(name, of)| (name.as_str(), of.runs as f64)),
        );
        self.one("models_loaded", "gauge", "Sessions of models that are loaded", metrics.models.sessions);
        self.one(
            "models_loaded_bytes",
            "gauge",
            "Memory that they take, as their backends estimate",
            metrics.models.bytes,
        );
        self.one("model_loads_total", "counter", "Sessions that were ever loaded", metrics.models.loads);
    }

    fn of_permits(&mut self, permits: &PipelineCapacity, (documents, pages): (usize, u64)) {
        self.one("documents_limit", "gauge", "Documents that may be open at once", permits.documents);
        self.one("documents_places_free", "gauge", "Documents that may still be opened", permits.documents_free);
        self.one("pages_limit", "gauge", "Pages that may be under way at once", permits.pages);
        self.one("pages_slots_free", "gauge", "Pages that may still be let in", permits.pages_free);
        self.one(
            "memory_limit_bytes",
            "gauge",
            "Pixels and tensors that may be in memory at once",
            permits.memory.bytes(),
        );
        self.one("memory_free_bytes", "gauge", "What of it is free", permits.memory_free.bytes());
        self.one("budget_waiting", "gauge", "Pages that wait for a slot or memory", permits.waiting);
        self.one("documents_open", "gauge", "Documents that are being read", documents);
        self.one("pages_left", "gauge", "Pages of them that are still to be read", pages);
    }

    fn of_caches(&mut self, caches: &CachesStats) {
        let all = [("pages", caches.pages), ("lines", caches.lines), ("embeddings", caches.embeddings)];
        self.each(
            "cache_hits_total",
            "counter",
            "What was found in a cache",
            "cache",
            all.iter().map(|(name, cache)| (*name, cache.hits)),
        );
        self.each(
            "cache_misses_total",
            "counter",
            "What was not",
            "cache",
            all.iter().map(|(name, cache)| (*name, cache.misses)),
        );
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        let name = format!("pagestream_{name}");
        self.head(&name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn each<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, impl std::fmt::Display)>,
    ) {
        let name = format!("pagestream_{name}");
        self.head(&name, kind, help);
        for (of, value) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{of}\"}} {value}");
        }
    }
}
