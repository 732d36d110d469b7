//! Preprocessor: from a page to its text layer, or to tensors.
//!
//! Takes [`GrantedPage`]s. A page with a text layer that can be believed goes to the deduper as it is; any other is
//! rasterised and cut into the first tensors of a [`PageReader`], and goes to a device. All work runs on the CPU pool;
//! the actor holds nothing. What cannot be read becomes a `failed` record with the reason; a panic loses the ticket,
//! so that the page is tried again.

use std::{sync::Arc, time::Instant};

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};
use pagestream_documents::{
    Digest, Hints, Origin, PageRecord, PageStatus, PageText, Point, Polygon, Raster, Structure, TextLayer,
    structure::describe,
};
use pagestream_models::ocr::{Inference, PageReader, ink};
use pagestream_store::Store;

use super::{StageRef, device_router::DeviceRouter, embedding_deduper::EmbeddingDeduper};
use crate::{
    caches::{Caches, same_pixels},
    engine::{Engine, LazyEngine},
    failpoints,
    guard::CpuPool,
    jobs::keys_of_same_reading,
    messages::{DecodedPage, GrantedPage, PagePixels, PreparedPage},
    metrics::{Metrics, Stage},
    options::{DuplicateMode, OcrMode, ReadingOptions},
    ticket::{PageState, PageTicket},
};

/// Shares of a page that pictures must take, beside its text layer, for their text to be looked for: most of the page, or a line of text.
const LARGE_PICTURES: f32 = 0.3;
const SMALL_PICTURES: f32 = 0.002;
/// So many letters that no line has are worth reading; fewer are a logo, or what looks like letters in a photograph.
const UNREAD_LETTERS: usize = 25;

#[derive(Clone)]
pub struct Preprocessor {
    pub reading: Arc<ReadingOptions>,
    pub pool: Arc<CpuPool>,
    pub engine: LazyEngine,
    pub metrics: Arc<Metrics>,
    pub devices: DeviceRouter,
    pub deduper: StageRef<EmbeddingDeduper>,
    pub caches: Arc<Caches>,
    pub store: Store,
}

impl Actor for Preprocessor {
    type Context = Context<Self>;
}

impl Handler<GrantedPage> for Preprocessor {
    type Result = ();

    fn handle(&mut self, page: GrantedPage, context: &mut Self::Context) {
        failpoints::hit(Stage::Preprocessor);
        if page.ticket.is_valid() {
            page.ticket.enter(Stage::Preprocessor);
            let this = self.clone();
            context.spawn(async move { this.prepare(page).await }.into_actor(self));
        }
    }
}

impl Preprocessor {
    async fn prepare(self, GrantedPage { ticket, memory }: GrantedPage) {
        let (state, reading, engine) = (ticket.state().clone(), self.reading.clone(), self.engine.clone());
        let (metrics, caches, store) = (self.metrics.clone(), self.caches.clone(), self.store.clone());
        // The permit goes along: while a thread that was given up still works, its memory is still in use.
        let prepared = self.pool.run(move || {
            let since = Instant::now();
            let prepared = prepare(&state, &reading, &engine, &caches, &store);
            // Only now is it known whether all that was read is of the document that was submitted.
            let prepared = state.job.changed_meanwhile().map_or(prepared, Prepared::Failed);
            metrics.stage(Stage::Preprocessor).busy.add(since.elapsed());
            (prepared, memory)
        });
        let (prepared, memory) = match prepared.await {
            Ok(prepared) => prepared,
            Err(panic) => return ticket.lose(panic),
        };
        if !ticket.is_valid() {
            return;
        }
        let (record, raster) = match prepared {
            Prepared::Pixels { reader, raster, digest, inferences, layer, engine } => {
                let line_keys = vec![None; inferences.len()];
                let page = PagePixels { ticket, memory, reader, raster, digest, layer, engine };
                return self.devices.send(PreparedPage { page, inferences, line_keys });
            }
            Prepared::Blank { raster, digest, damage } => {
                (blank_record(&ticket, &raster).with_damage(damage), Some(digest))
            }
            Prepared::Known { record, digest, damage } => {
                let page = ticket.record(PageStatus::Ok, None, None);
                (same_pixels(&record, page).with_damage(damage), Some(digest))
            }
            Prepared::Text { layer, damage } => (text_record(&ticket, *layer).with_damage(damage), None),
            Prepared::Skipped(reason) => (ticket.record(PageStatus::Skipped, Some(reason), None), None),
            Prepared::Failed(reason) => (ticket.record(PageStatus::Failed, Some(reason), None), None),
        };
        drop(self.deduper.send(DecodedPage { ticket, record: Box::new(record), raster }));
    }
}

/// What a page turned out to be; `damage` is what of it is lost ([`pagestream_documents::PageSource::damage`]).
enum Prepared {
    Text {
        layer: Box<TextLayer>,
        damage: Option<String>,
    },
    Pixels {
        reader: Box<PageReader>,
        raster: Arc<Raster>,
        digest: Digest,
        inferences: Vec<Inference>,
        layer: Option<Box<TextLayer>>,
        engine: Arc<Engine>,
    },
    /// All of one colour: there is nothing to detect.
    Blank {
        raster: Arc<Raster>,
        digest: Digest,
        damage: Option<String>,
    },
    /// The same pixels were read before.
    Known {
        record: Arc<PageRecord>,
        digest: Digest,
        damage: Option<String>,
    },
    Skipped(String),
    Failed(String),
}

fn prepare(
    page: &PageState,
    reading: &ReadingOptions,
    engine: &LazyEngine,
    caches: &Caches,
    store: &Store,
) -> Prepared {
    let _span = page.span.enter();
    let mode = page.job.options.ocr;
    let layer = match mode {
        OcrMode::Always => None,
        OcrMode::Auto | OcrMode::Pictures | OcrMode::Never => {
            match page.timed("text_layer", || page.source.text_layer(page.page)) {
                Ok(layer) => layer,
                // The pixels may still be readable.
                Err(error) if mode != OcrMode::Never => {
                    tracing::debug!(%error, "text layer cannot be read");
                    None
                }
                Err(error) => return Prepared::Failed(error.sentence()),
            }
        }
    };
    let render = || page.timed("render", || page.source.render(page.page, &reading.render));
    let mut rendered = None;
    let layer = match layer {
        Some(layer) if layer.doubt.is_none() || mode == OcrMode::Never => {
            let least = match mode {
                OcrMode::Pictures => SMALL_PICTURES,
                OcrMode::Auto => LARGE_PICTURES,
                OcrMode::Always | OcrMode::Never => f32::INFINITY,
            };
            // A page that cannot be rendered has its text all the same.
            let raster = if layer.pictures >= least { render().ok() } else { None };
            match raster.filter(|raster| shows_more(raster, &layer)) {
                None => {
                    let layer = Box::new(page.timed("structure", || described(layer, reading.structure)));
                    return Prepared::Text { layer, damage: page.source.damage(page.page) };
                }
                Some(raster) => {
                    tracing::debug!(pictures = layer.pictures, "pictures show more than the text layer has");
                    rendered = Some(raster);
                    Some(Box::new(layer))
                }
            }
        }
        Some(layer) => {
            tracing::debug!(doubt = layer.doubt, layer.stands, "text layer is not believed to be all");
            layer.stands.then(|| Box::new(layer))
        }
        None if mode == OcrMode::Never => {
            if let Some(damage) = page.source.damage(page.page) {
                return Prepared::Failed(damage);
            }
            return Prepared::Skipped("the page has no text layer, and OCR is switched off".to_owned());
        }
        None => None,
    };
    engine.warm(&reading.ocr.tasks());
    let raster = match rendered.map_or_else(render, Ok) {
        Ok(raster) => Arc::new(raster),
        Err(error) => return Prepared::Failed(error.sentence()),
    };
    let digest = page.timed("hash", || raster.digest());
    if is_uniform(&raster) {
        return Prepared::Blank { raster, digest, damage: page.source.damage(page.page) };
    }
    if let Some(record) = known(page, reading, digest, caches, store) {
        return Prepared::Known { record, digest, damage: page.source.damage(page.page) };
    }
    let begun = engine.with_models(&reading.ocr.tasks()).and_then(|engine| {
        let models = engine.ocr_models(&reading.ocr, reading.structure)?;
        let begun = page.timed("prepare", || PageReader::start(raster.clone(), &reading.ocr, &models))?;
        Ok((begun, engine))
    });
    match begun {
        Ok(((reader, inferences), engine)) => {
            Prepared::Pixels { reader: Box::new(reader), raster, digest, inferences, layer, engine }
        }
        Err(error) => Prepared::Failed(one_line(&format!("the page needs OCR, which is not available: {error}"))),
    }
}

/// The record of these pixels, from the cache or from another document in the log.
fn known(
    page: &PageState,
    reading: &ReadingOptions,
    digest: Digest,
    caches: &Caches,
    store: &Store,
) -> Option<Arc<PageRecord>> {
    if page.job.options.force {
        return None;
    }
    if let Some(record) = caches.pages.get(&(digest, reading.key())) {
        return Some(record);
    }
    // What is skipped when it is there already is looked for however it was read then; its text is only compared.
    let duplicates = page.job.options.duplicates.unwrap_or(reading.duplicates);
    let found = match duplicates {
        DuplicateMode::Skip => keys_of_same_reading(&page.job.options, reading)
            .into_iter()
            .find_map(|key| store.find_page_by_raster(digest, key).transpose())
            .transpose(),
        _ => store.find_page_by_raster(digest, page.job.options_key),
    };
    match found {
        Ok(record) => record.filter(|record| record.origin == Some(Origin::Ocr)).map(Arc::new),
        Err(error) => {
            tracing::warn!(%error, "the log could not be asked for the same page");
            None
        }
    }
}

/// Whether the page's pixels show text that its layer does not have.
fn shows_more(raster: &Raster, layer: &TextLayer) -> bool {
    let scale = raster.dpi / 72.0;
    let place = |point: Point| Point::new(point.x * scale, point.y * scale);
    let lines: Vec<Polygon> = layer.lines.iter().map(|line| line.polygon.map(place)).collect();
    ink::unread_letters(raster, &lines) >= UNREAD_LETTERS
}

fn is_uniform(raster: &Raster) -> bool {
    raster.data.first().is_none_or(|first| raster.data.iter().all(|value| value == first))
}

/// Libraries put line breaks into their messages; a reason is one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// With its blocks described.
fn described(layer: TextLayer, structure: Structure) -> TextLayer {
    let TextLayer { lines, blocks, text, hints, .. } = layer;
    let PageText { lines, blocks, text } = describe(PageText { lines, blocks, text }, &hints, structure);
    TextLayer { lines, blocks, text, hints: Hints::default(), ..layer }
}

fn text_record(ticket: &PageTicket, layer: TextLayer) -> PageRecord {
    let TextLayer { width, height, lines, blocks, text, .. } = layer;
    let record = ticket.record(PageStatus::Ok, None, Some(Origin::TextLayer));
    PageRecord { width, height, dpi: 72.0, text, lines, blocks, ..record }
}

fn blank_record(ticket: &PageTicket, raster: &Raster) -> PageRecord {
    let record = ticket.record(PageStatus::Ok, None, Some(Origin::Ocr));
    PageRecord { width: raster.width, height: raster.height, dpi: raster.dpi, ..record }
}
