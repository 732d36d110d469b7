//! What the pipeline's tests share: documents made on the spot, and a pipeline over a device of which the test decides
//! what it answers.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    io::Cursor,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use futures::StreamExt;
use pagestream::{
    Digest, DocumentHandle, DocumentId, DocumentRef, PageRecord, Pipeline, PipelineOptions, Source, SubmitOptions,
};
use pagestream_actors::{BatchLimits, Device, Engine, EngineModel, LazyEngine};
use pagestream_models::{
    Error, ModelSource, Tensor, TensorView,
    backend::fake::FakeBackend,
    ocr::{Alphabet, Quality, Task},
};
use pagestream_store::{NewDocument, Priority, Store, StoreOptions};
use tiff::encoder::{TiffEncoder, colortype::Gray8};

/// Pages of this background are those that a test treats in its own way: see [`is_marked`].
pub const MARKED: u8 = 128;
pub const PLAIN: u8 = 255;

/// A TIFF with one page for each background. No two pages are the same, and none is blank.
pub fn document(backgrounds: &[u8]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    for (number, &background) in backgrounds.iter().enumerate() {
        let (width, height) = (320u32, 160u32);
        let mut pixels = vec![background; (width * height) as usize];
        // The page's number as a row of black and white squares.
        for bit in (0..16).filter(|bit| (number + 1) >> bit & 1 == 1) {
            for y in 40..56 {
                let start = y * width as usize + 20 + bit * 16;
                pixels[start..start + 12].fill(0);
            }
        }
        encoder.write_image::<Gray8>(width, height, &pixels).unwrap();
    }
    file.into_inner()
}

pub fn source(name: &str, backgrounds: &[u8]) -> Source {
    Source::Bytes { name: name.to_owned(), bytes: document(backgrounds).into() }
}

/// Whether a device is asked about a page of background [`MARKED`].
pub fn is_marked(input: TensorView<'_>) -> bool {
    // The detector's input is normalised: white lies above 2, middle grey near 0.
    input.data[0] < 1.0
}

/// A probability map without text.
pub fn no_text(input: TensorView<'_>) -> Tensor {
    let &[n, _, height, width] = input.shape else { panic!("the detector takes [N, 3, H, W]") };
    Tensor { shape: vec![n, 1, height, width], data: vec![0.0; n * height * width] }
}

/// A pipeline whose one device answers with `answer`.
pub fn pipeline_on(
    store: Store,
    options: PipelineOptions,
    threads: usize,
    answer: impl Fn(TensorView<'_>) -> Result<Tensor, Error> + Send + Sync + 'static,
) -> Pipeline {
    pagestream_actors::start(options, store, vec![device("fake", threads, answer)]).unwrap()
}

pub fn device(
    name: &str,
    threads: usize,
    answer: impl Fn(TensorView<'_>) -> Result<Tensor, Error> + Send + Sync + 'static,
) -> Device {
    let backend = Arc::new(FakeBackend::new(answer));
    let engine = LazyEngine::new(move || {
        let model = |task| {
            let source = ModelSource::built_in(format!("fake-{task:?}"), b"", Digest::of(b""));
            (task, EngineModel::new(source).with_alphabet(Alphabet::from_metadata("a\nb\n")))
        };
        Ok(Engine::new(backend.clone(), [Task::Detect, Task::Orient, Task::Recognize].map(model).into()))
    });
    Device { name: name.to_owned(), engine, threads, batch: BatchLimits::ONE }
}

pub fn temporary_store() -> Store {
    Store::temporary(StoreOptions::default()).unwrap()
}

/// A document that was journaled and not read.
pub fn journaled(store: &Store, source: &str, pages: u32) -> DocumentRef {
    let new = NewDocument {
        id: DocumentId::new(),
        source: source.to_owned(),
        blob: store.spool(&mut source.as_bytes()).unwrap(),
        options: serde_json::Value::Null,
        selection: None,
        priority: Priority::Interactive,
        tags: Vec::new(),
    };
    store.submit(&new).unwrap();
    DocumentRef { id: new.id, source: source.to_owned(), sha256: Digest::of(b""), pages }
}

pub fn options() -> PipelineOptions {
    let mut options = PipelineOptions { page_time_limit: Duration::from_secs(60), ..PipelineOptions::default() };
    // The devices of these tests answer as PP-OCRv6 does.
    options.reading.ocr.quality = Quality::Accurate;
    options
}

pub fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

pub async fn submit(pipeline: &Pipeline, name: &str, backgrounds: &[u8]) -> DocumentHandle {
    pipeline.submit(source(name, backgrounds), SubmitOptions::default()).await.unwrap()
}

/// All pages that come.
pub async fn all(document: &DocumentHandle) -> Vec<PageRecord> {
    document.pages().map(Result::unwrap).collect().await
}

pub fn numbers(pages: &[PageRecord]) -> Vec<u32> {
    pages.iter().map(|page| page.page.get()).collect()
}

/// A gate that a device waits at until the test opens it.
#[derive(Clone, Default)]
pub struct Gate {
    inner: Arc<(Mutex<usize>, Condvar)>,
}

impl Gate {
    /// Lets `n` more through.
    pub fn open(&self, n: usize) {
        let (passes, changed) = &*self.inner;
        let mut passes = passes.lock().unwrap();
        *passes = passes.saturating_add(n);
        changed.notify_all();
    }

    pub fn pass(&self) {
        let (passes, changed) = &*self.inner;
        let mut passes = changed.wait_while(passes.lock().unwrap(), |passes| *passes == 0).unwrap();
        if *passes != usize::MAX {
            *passes -= 1;
        }
    }
}

/// A pipeline whose device asks at a gate before every answer.
pub fn gated_pipeline(store: Store, options: PipelineOptions, threads: usize) -> (Pipeline, Gate) {
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let pipeline = pipeline_on(store, options, threads, move |input| {
        at_the_gate.pass();
        Ok(no_text(input))
    });
    (pipeline, gate)
}
