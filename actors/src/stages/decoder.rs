//! Decoder: from what the models said to text in reading order.
//!
//! Takes [`RecognizedPage`]s. The page's reader looks at the results and either wants more inferences (the lines that
//! were detected, a second look) and the page goes back to a device, or is done and the page goes to the deduper. The
//! work runs on the CPU pool; the actor holds nothing. A panic loses the ticket, so that the page is tried again.

use std::{mem, sync::Arc, time::Instant};

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};
use pagestream_documents::{
    Digest, Origin, PageRecord, PageStatus, PageText, Raster, Structure, TextLayer, structure::describe,
};
use pagestream_models::ocr::{Reading, Step};

use super::{StageRef, device_router::DeviceRouter, embedding_deduper::EmbeddingDeduper};
use crate::{
    caches::{Caches, line_key},
    engine::Engine,
    failpoints,
    guard::CpuPool,
    messages::{DecodedPage, PagePixels, PreparedPage, RecognizedPage},
    metrics::{Metrics, Stage},
    ticket::PageTicket,
};

#[derive(Clone)]
pub struct Decoder {
    pub pool: Arc<CpuPool>,
    pub metrics: Arc<Metrics>,
    pub devices: DeviceRouter,
    pub deduper: StageRef<EmbeddingDeduper>,
    pub caches: Arc<Caches>,
    /// How pages are read: see [`crate::ReadingOptions::key`].
    pub reading: Digest,
    pub structure: Structure,
}

impl Actor for Decoder {
    type Context = Context<Self>;
}

impl Handler<RecognizedPage> for Decoder {
    type Result = ();

    fn handle(&mut self, page: RecognizedPage, context: &mut Self::Context) {
        failpoints::hit(Stage::Decoder);
        if page.page.ticket.is_valid() {
            page.page.ticket.enter(Stage::Decoder);
            let this = self.clone();
            context.spawn(async move { this.decode(page).await }.into_actor(self));
        }
    }
}

impl Decoder {
    async fn decode(self, RecognizedPage { page, results }: RecognizedPage) {
        let PagePixels { ticket, memory, mut reader, raster, digest, layer, engine } = page;
        let width = raster.width;
        let (state, metrics, structure) = (ticket.state().clone(), self.metrics.clone(), self.structure);
        let advanced = self.pool.run(move || {
            let _span = state.span.enter();
            let since = Instant::now();
            let mut step = state.timed("decode", || reader.advance(results));
            let mut joined = false;
            if let Ok(Step::Done(reading)) = &mut step {
                joined = state.timed("structure", || complete(reading, layer.as_deref(), width, structure));
            }
            let line_keys: Vec<_> = match &step {
                Ok(Step::Infer(inferences)) => inferences.iter().map(line_key).collect(),
                Ok(Step::Done(_)) | Err(_) => Vec::new(),
            };
            let damage = if let Ok(Step::Done(_)) = step { state.source.damage(state.page) } else { None };
            metrics.stage(Stage::Decoder).busy.add(since.elapsed());
            (step, joined, damage, line_keys, reader, memory, layer)
        });
        let (step, joined, damage, line_keys, reader, memory, layer) = match advanced.await {
            Ok(advanced) => advanced,
            Err(panic) => return ticket.lose(panic),
        };
        if !ticket.is_valid() {
            return;
        }
        match step {
            Ok(Step::Infer(inferences)) => {
                let page = PagePixels { ticket, memory, reader, raster, digest, layer, engine };
                self.devices.send(PreparedPage { page, inferences, line_keys });
            }
            Ok(Step::Done(reading)) => {
                let origin = if joined { Origin::Mixed } else { Origin::Ocr };
                let record = record(&ticket, &raster, reading, origin, &engine);
                drop((reader, raster, memory));
                // Without what is lost of this document: the same pixels may be all there is of another.
                // Nor with what only this document says of it.
                if record.origin == Some(Origin::Ocr) {
                    self.caches.pages.insert((digest, self.reading), Arc::new(record.clone()));
                }
                let record = Box::new(record.with_damage(damage));
                drop(self.deduper.send(DecodedPage { ticket, record, raster: Some(digest) }));
            }
            Err(error) => ticket.lose(error.to_string()),
        }
    }
}

/// Joins what the document's own text says besides, and describes the page's blocks. `width` is the raster's, in pixels. Whether there was
/// anything to join.
fn complete(reading: &mut Reading, layer: Option<&TextLayer>, width: u32, structure: Structure) -> bool {
    let (lines, blocks) = (mem::take(&mut reading.lines), mem::take(&mut reading.blocks));
    let mut page = PageText { lines, blocks, text: mem::take(&mut reading.text) };
    let joined = layer.is_some_and(|layer| page.join(layer, width as f32 / layer.width.max(1) as f32));
    let PageText { lines, blocks, text } = describe(page, &mem::take(&mut reading.hints), structure);
    (reading.lines, reading.blocks, reading.text) = (lines, blocks, text);
    joined
}

fn record(ticket: &PageTicket, raster: &Raster, reading: Reading, origin: Origin, engine: &Engine) -> PageRecord {
    let Reading { lines, blocks, text, rotation, confidence, needs_review, tasks, hints: _ } = reading;
    PageRecord {
        width: raster.width,
        height: raster.height,
        dpi: raster.dpi,
        rotation,
        text,
        lines,
        blocks,
        confidence,
        needs_review,
        models: engine.model_refs(&tasks),
        ..ticket.record(PageStatus::Ok, None, Some(origin))
    }
}
