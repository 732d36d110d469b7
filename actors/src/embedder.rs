//! What makes the vectors of pages, for semantic search: behind the Sink, out of the log.
//!
//! A page is delivered before its vectors exist. What was missed (the process died, or did not wait for it) is made up by the next run,
//! because the log says which pages have none. A text that has its vectors already, in memory or in the log, is not embedded
//! again. Where no page is under way the devices are its own. While some are it waits; what has waited for long takes a [`SHARE`] of
//! the time, so that a pipeline that never rests gets its vectors too.
//!
//! A page whose text a model cannot embed is passed over until the next run. Two such in a row are no fault of theirs: then it is
//! given up for this run, is told once, and pages are read as before.

use std::{
    collections::HashSet,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use pagestream_documents::{Digest, DocumentId, PageNumber};
use pagestream_models::ocr::{Inference, Inferred, Task};
use pagestream_store::{
    Error as StoreError, Sequence, Store,
    similarity::PageKey,
    vectors::{Embedded, PassageVector},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    caches::{Caches, Embedding},
    engine::LazyEngine,
    guard::blocking,
    messages::BackgroundInferences,
    metrics::Metrics,
    query_encoder::passage_vector,
    stages::device_router::DeviceRouter,
    under_way::UnderWay,
};

/// One part in so many of the time while pages are under way: they may be slowed by two in a hundred, and a text computes on one thread of
/// several.
const SHARE: u32 = 50;

/// How long vectors wait for a moment without pages before they take their share beside them. Most runs are over by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// For so long no page is under way before the devices are taken to be free: between two documents there is a moment without.
const SETTLED: Duration = Duration::from_millis(200);

/// How often the log is looked at for pages without vectors: nobody searches by meaning what came half a second ago.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often, while it waits, it looks whether pages are still under way.
const REST: Duration = Duration::from_millis(20);

/// Pages that are taken out of the log at a time: a record is some kilobytes.
const PAGES_AT_ONCE: usize = 32;

/// Failures in a row after which it is given up.
const FAILURES: u32 = 2;

/// What has come of a wait for all vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddingReport {
    /// Pages that have their vectors, or in which there is nothing to embed, and of which that was not known when this run began.
    pub made: u64,
    /// Pages without.
    pub left: u64,
    /// Why the others have none; `None` where all have theirs.
    pub given_up: Option<String>,
}

/// Who waits until every page has its vectors.
pub type Waiting = oneshot::Sender<EmbeddingReport>;

/// See the module. Lives on the arbiter's thread.
pub struct Embedder {
    pub store: Store,
    pub devices: DeviceRouter,
    pub engine: LazyEngine,
    pub caches: Arc<Caches>,
    pub metrics: Arc<Metrics>,
    pub under_way: Arc<UnderWay>,
    /// Of the model whose vectors they are.
    pub model: Digest,
    /// Texts that are embedded at once: as many as the devices compute inferences.
    pub at_once: usize,
    pub waiting: mpsc::UnboundedReceiver<Waiting>,
}

/// How far it is.
#[derive(Default)]
struct Course {
    /// Pages up to here have been looked at.
    after: Sequence,
    /// Pages that were through when the run began.
    before: Option<u64>,
    failures: u32,
    given_up: Option<String>,
    turn: Turn,
}

/// When it may compute.
struct Turn {
    /// Pages were under way then, as far as was looked.
    busy: Instant,
    /// Since then there is something to do, and the devices were not free.
    waits_since: Option<Instant>,
    /// Not before, while pages are under way.
    share_from: Instant,
}

impl Default for Turn {
    fn default() -> Self {
        let now = Instant::now();
        Self { busy: now, waits_since: None, share_from: now }
    }
}

/// A page without vectors.
struct Page {
    seq: Sequence,
    key: PageKey,
    text: String,
    hash: Digest,
}

/// What is to be done for a page.
enum Asked {
    /// Its text has vectors, or there is nothing in it to embed.
    Known(Vec<PassageVector>),
    Compute {
        ranges: Vec<Range<usize>>,
        inferences: Vec<Inference>,
    },
}

impl Embedder {
    /// Goes on for as long as it is polled.
    pub async fn run(mut self) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut course = Course::default();
        let mut waiting: Vec<Waiting> = Vec::new();
        loop {
            tokio::select! {
                _ = look.tick(), if course.given_up.is_none() => {}
                Some(asker) = self.waiting.recv() => waiting.push(asker),
            }
            if course.before.is_none() {
                course.before = self.progress().await.map(|embedded| embedded.done);
            }
            self.catch_up(&mut course, &mut waiting).await;
            if !waiting.is_empty() {
                let report = self.report(&course).await;
                // Whoever asked may have gone.
                waiting.drain(..).for_each(|asker| drop(asker.send(report.clone())));
            }
        }
    }

    async fn progress(&self) -> Option<Embedded> {
        let model = self.model;
        self.blocking(move |store| store.embedded(model)).await
    }

    async fn report(&self, course: &Course) -> EmbeddingReport {
        let Embedded { done, waiting } = self.progress().await.unwrap_or_default();
        let made = done.saturating_sub(course.before.unwrap_or(done));
        EmbeddingReport { made, left: waiting, given_up: course.given_up.clone() }
    }

    /// Until every page of the log has been looked at.
    async fn catch_up(&mut self, course: &mut Course, waiting: &mut Vec<Waiting>) {
        while course.given_up.is_none() {
            let (model, after) = (self.model, course.after);
            let Some(pages) = self.blocking(move |store| missing(store, model, after)).await else { return };
            let Some(last) = pages.last().map(|page| page.seq) else { return };
            let mut pages = pages.into_iter().peekable();
            let mut under_way = FuturesUnordered::new();
            let mut texts = HashSet::new();
            loop {
                while under_way.len() < self.at_once
                    && course.given_up.is_none()
                    && (under_way.is_empty() || self.is_idle())
                    // The same text waits for its vectors to be there.
                    && let Some(page) = pages.next_if(|page| !texts.contains(&page.hash))
                {
                    texts.insert(page.hash);
                    if under_way.is_empty() {
                        self.wait_for(&mut course.turn).await;
                    }
                    under_way.push(self.embed(page));
                }
                match under_way.next().await {
                    Some((text, Ok(()))) => {
                        texts.remove(&text);
                        course.failures = 0;
                    }
                    Some((text, Err(cause))) => {
                        texts.remove(&text);
                        course.fail(&cause);
                    }
                    None => break,
                }
                course.turn.worked();
            }
            drop(under_way);
            course.after = last;
            while let Ok(asker) = self.waiting.try_recv() {
                waiting.push(asker);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.under_way.pages().is_empty()
    }

    /// The page has its vectors then, unless it is gone. With it comes which text it was.
    async fn embed(&self, page: Page) -> (Digest, Result<(), String>) {
        (page.hash, self.embed_text(page).await)
    }

    async fn embed_text(&self, page: Page) -> Result<(), String> {
        let Page { key, text, hash, .. } = page;
        let (model, caches, engine) = (self.model, self.caches.clone(), self.engine.clone());
        let metrics = self.metrics.clone();
        let look = move |store: &Store| Ok(ask(store, &caches, &engine, &metrics, (model, hash), &text));
        let asked = self.blocking(look).await.ok_or("the store cannot be read")??;
        let passages = match asked {
            Asked::Known(passages) => passages,
            Asked::Compute { ranges, inferences } => {
                let since = Instant::now();
                let vectors = self.compute(inferences).await?;
                self.metrics.embeddings.computed(vectors.len(), since.elapsed());
                ranges.into_iter().zip(vectors).map(|(range, vector)| passage_vector(range, vector)).collect()
            }
        };
        self.caches.embeddings.insert((model, hash), Arc::new(Embedding(passages.clone())));
        let put = self.blocking(move |store| store.vectors().put(model, key, hash, &passages)).await;
        put.ok_or_else(|| format!("the vectors of page {} of {} cannot be kept", key.page, key.document))?;
        self.metrics.embeddings.kept();
        Ok(())
    }

    async fn compute(&self, inferences: Vec<Inference>) -> Result<Vec<Vec<f32>>, String> {
        let (reply, answer) = oneshot::channel();
        self.devices.send_in_background(BackgroundInferences { inferences, reply });
        let results = answer.await.map_err(|_| "no device computes it".to_owned())??;
        let vectors = results.into_iter().map(|result| match result {
            Inferred::Vector(vector) => Ok(vector),
            _ => Err("the model's answer is no vector".to_owned()),
        });
        vectors.collect()
    }

    /// Until the devices are free, or it is time for a share of them.
    async fn wait_for(&self, turn: &mut Turn) {
        turn.waits_since.get_or_insert_with(Instant::now);
        while !turn.has_come(self.is_idle(), Instant::now()) {
            sleep(REST).await;
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        blocking(&self.store, "vectors of pages wait", call).await
    }
}

impl Turn {
    fn has_come(&mut self, is_idle: bool, now: Instant) -> bool {
        if !is_idle {
            self.busy = now;
        }
        let is_free = is_idle && now >= self.busy + SETTLED;
        if is_free {
            self.waits_since = None;
            self.share_from = now;
        }
        let has_share = now >= self.share_from && self.waits_since.is_some_and(|since| now >= since + PATIENCE);
        if has_share {
            self.share_from = now;
        }
        is_free || has_share
    }

    /// Something was computed since its turn came.
    fn worked(&mut self) {
        let now = Instant::now();
        self.share_from = now + (now - self.share_from.min(now)) * (SHARE - 1);
    }
}

impl Course {
    fn fail(&mut self, cause: &str) {
        tracing::info!(cause, "a page is left without vectors in this run");
        self.failures += 1;
        if self.failures >= FAILURES && self.given_up.is_none() {
            tracing::warn!(
                cause,
                "no more vectors are made in this run; pages are read and found by their words as before"
            );
            self.given_up = Some(cause.to_owned());
        }
    }
}

fn missing(store: &Store, model: Digest, after: Sequence) -> Result<Vec<Page>, StoreError> {
    let pages = store.vectors().missing(model, after, PAGES_AT_ONCE)?;
    let page = |stored: pagestream_store::StoredPage| {
        let text = stored.record()?.text;
        let key: (DocumentId, PageNumber) = (stored.document, stored.page);
        let hash = Digest::of(text.as_bytes());
        Ok(Page { seq: stored.seq, key: PageKey { document: key.0, page: key.1 }, text, hash })
    };
    pages.into_iter().map(page).collect()
}

/// What is to be done for a text. The model is loaded, and fetched where that is allowed, with the first that needs it.
fn ask(
    store: &Store,
    caches: &Caches,
    engine: &LazyEngine,
    metrics: &Metrics,
    (model, hash): (Digest, Digest),
    text: &str,
) -> Result<Asked, String> {
    if let Some(known) = caches.embeddings.get(&(model, hash)) {
        return Ok(Asked::Known(known.0.clone()));
    }
    // The log was asked for pages without vectors; another with this text may have got its own since.
    if let Some(known) = store.vectors().known(model, hash).map_err(|error| error.to_string())? {
        metrics.embeddings.found_in_log();
        return Ok(Asked::Known(known));
    }
    let tokenizer = engine.get().and_then(|engine| engine.tokenizer()).map_err(|error| error.to_string())?;
    let passages = tokenizer.passages(text);
    if passages.is_empty() {
        return Ok(Asked::Known(Vec::new()));
    }
    let (ranges, inputs): (Vec<_>, Vec<_>) = passages.into_iter().map(|passage| (passage.range, passage.input)).unzip();
    let inferences = inputs.into_iter().map(|input| Inference { task: Task::Embed, input }).collect();
    Ok(Asked::Compute { ranges, inferences })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_wait_for_a_moment_without_pages_and_in_the_end_take_their_share() {
        let start = Instant::now();
        let at = |seconds: f32| start + Duration::from_secs_f32(seconds);
        let mut turn = Turn { busy: start, waits_since: Some(start), share_from: start };
        assert!(!turn.has_come(true, at(0.1)), "it may be a moment between two documents");
        assert!(turn.has_come(true, at(0.25)));
        turn.waits_since = Some(at(1.0));
        assert!(!turn.has_come(false, at(1.0)) && !turn.has_come(false, at(30.0)));
        assert!(turn.has_come(false, at(31.5)), "it has waited for long");
        // What takes a second is paid for with fifty.
        turn.share_from = at(31.5) + Duration::from_secs(SHARE.into());
        assert!(!turn.has_come(false, at(60.0)) && !turn.has_come(true, at(60.1)));
        assert!(turn.has_come(false, at(81.6)));
        assert!(turn.has_come(true, at(82.0)));
    }
}
