//! Vectors of what was read: made behind the pages, once for a text, whatever happens to the process or the model.

mod common;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use common::{Gate, all, count, document, journaled, no_text, options};
use pagestream::{
    Digest, DocumentId, Error, PageNumber, PageRecord, PageStatus, Pipeline, PipelineOptions, SearchMode, SearchQuery,
    Source, SubmitOptions,
};
use pagestream_actors::{BatchLimits, Device, Engine, EngineModel, LazyEngine};
use pagestream_models::{
    Error as ModelError, ModelSource, Tensor, TensorView,
    backend::fake::FakeBackend,
    embedding::DIMENSIONS,
    ocr::{Alphabet, Task},
};
use pagestream_store::{Outcome, PageCommit, Store, StoreOptions};

/// Words that the model of these tests knows, in pairs of the same meaning.
const WORDS: [&str; 10] =
    ["doctor", "physician", "car", "automobile", "cat", "feline", "house", "dwelling", "the", "and"];

/// A model's file, as far as its tokenizer reads it: the metadata of an ONNX model.
fn model() -> ModelSource {
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let (mut length, mut bytes) = (content.len(), vec![number << 3 | 2]);
        while length >= 128 {
            bytes.push((length & 127) as u8 | 128);
            length >>= 7;
        }
        bytes.push(length as u8);
        [bytes, content.to_vec()].concat()
    }
    let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].into_iter().chain(WORDS).collect::<Vec<_>>().join("\n");
    let entry = |key: &str, value: &str| field(14, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let bytes = [entry("vocabulary", &vocabulary), entry("architecture", "bert")].concat();
    let sha256 = Digest::of(&bytes);
    ModelSource::built_in("meanings", bytes.leak(), sha256)
}

/// The vectors of a batch of texts: a direction for each pair of words, and one for what is unknown.
fn vectors(input: TensorView<'_>) -> Tensor {
    let &[texts, length] = input.shape else { panic!("the model takes [N, L]") };
    let mut data = vec![0.0; texts * DIMENSIONS];
    for (ids, vector) in input.data.chunks_exact(length).zip(data.chunks_exact_mut(DIMENSIONS)) {
        for &id in ids {
            match id as usize {
                0 | 2 | 3 => {}
                1 => vector[0] += 0.1,
                word => vector[1 + (word - 4) / 2] += 1.0,
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.iter_mut().for_each(|x| *x /= length);
    }
    Tensor { shape: vec![texts, DIMENSIONS], data }
}

/// A device that finds no text on pages, and answers what `embed` does for texts.
fn device(embed: impl Fn(TensorView<'_>) -> Result<Tensor, ModelError> + Send + Sync + 'static) -> Device {
    let backend = Arc::new(FakeBackend::new(move |input| match input.shape.len() {
        2 => embed(input),
        _ => Ok(no_text(input)),
    }));
    let engine = LazyEngine::new(move || {
        let reads = [Task::Detect, Task::Orient, Task::Recognize].map(|task| {
            let source = ModelSource::built_in(format!("fake-{task:?}"), b"", Digest::of(b""));
            (task, EngineModel::new(source).with_alphabet(Alphabet::from_metadata("a\nb\n")))
        });
        let models = reads.into_iter().chain([(Task::Embed, EngineModel::new(model()))]).collect();
        Ok(Engine::new(backend.clone(), models))
    });
    Device { name: "fake".to_owned(), engine, threads: 1, batch: BatchLimits::ONE }
}

fn start(store: Store, device: Device) -> Pipeline {
    let options = PipelineOptions { embeddings: Some(model().sha256), ..options() };
    pagestream_actors::start(options, store, vec![device]).unwrap()
}

fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).unwrap()
}

/// A document that was read by a run without vectors, with a page of each of these texts.
fn read(store: &Store, source: &str, pages: &[&str]) -> DocumentId {
    let document = journaled(store, source, u32::try_from(pages.len()).unwrap());
    for (text, number) in pages.iter().zip(0..) {
        let page = PageNumber::from_index(number);
        let text = long(text);
        let record = PageRecord { text, ..PageRecord::without_text(document.clone(), page, PageStatus::Ok, None) };
        store.commit(&[PageCommit { record: Arc::new(record), raster: None }]).unwrap();
    }
    store.finish(document.id, Outcome::Done, None).unwrap();
    document.id
}

/// A text that is long enough to be worth a vector.
fn long(text: &str) -> String {
    format!("{text} {}", "and the ".repeat(12))
}

fn semantic(text: &str) -> SearchQuery {
    SearchQuery { mode: SearchMode::Semantic, ..SearchQuery::new(text) }
}

#[tokio::test]
async fn pages_are_found_by_their_meaning_and_by_both() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    read(&store, "a.pdf", &["the cat", "a physician"]);
    read(&store, "b.pdf", &["an automobile"]);
    let pipeline = start(store, device(|input| Ok(vectors(input))));
    let report = pipeline.embedded().await.unwrap().unwrap();
    assert_eq!((report.made, report.given_up), (3, None));
    for (query, source, page) in [("doctor", "a.pdf", 2), ("feline", "a.pdf", 1), ("car", "b.pdf", 1)] {
        let found = pipeline.search(semantic(query)).await.unwrap();
        let hit = &found.hits[0];
        assert_eq!((hit.source.as_str(), hit.page.get()), (source, page), "{query}");
        let both = pipeline.search(SearchQuery::new(query)).await.unwrap();
        assert_eq!((both.hits[0].source.as_str(), both.hits[0].page.get()), (source, page), "{query}");
        let words =
            pipeline.search(SearchQuery { mode: SearchMode::Keyword, ..SearchQuery::new(query) }).await.unwrap();
        assert!(words.hits.is_empty(), "no page has the word {query}");
    }
    pipeline.stop().await;
}

#[tokio::test]
async fn a_page_is_delivered_before_its_vector_exists() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let at_the_gate = gate.clone();
    let store = open(dir.path());
    read(&store, "a.pdf", &["the cat"]);
    let pipeline = start(
        store,
        device(move |input| {
            at_the_gate.pass();
            Ok(vectors(input))
        }),
    );
    // No vector can be made, and pages of the same device... come all the same, as soon as it has a thread for them.
    let embedded = tokio::spawn({
        let pipeline = pipeline.clone();
        async move { pipeline.embedded().await.unwrap().unwrap() }
    });
    let found = pipeline.search(SearchQuery { mode: SearchMode::Keyword, ..SearchQuery::new("cat") }).await.unwrap();
    assert_eq!(found.hits.len(), 1);
    assert!(!embedded.is_finished());
    gate.open(usize::MAX);
    assert_eq!(embedded.await.unwrap().made, 1);
    pipeline.stop().await;
}

#[tokio::test]
async fn the_same_text_is_embedded_once() {
    let dir = tempfile::tempdir().unwrap();
    let computed = Arc::new(AtomicUsize::new(0));
    let counting = || {
        let computed = computed.clone();
        device(move |input| {
            computed.fetch_add(1, SeqCst);
            Ok(vectors(input))
        })
    };
    let store = open(dir.path());
    read(&store, "a.pdf", &["the cat", "a car", "the cat"]);
    let pipeline = start(store.clone(), counting());
    assert_eq!(pipeline.embedded().await.unwrap().unwrap().made, 3);
    assert_eq!(computed.load(SeqCst), 2);
    let metrics = pipeline.metrics().embeddings;
    assert_eq!((metrics.pages, metrics.computed, metrics.cache_hits), (3, 2, 1));
    pipeline.stop().await;
    drop(pipeline);
    // Another run knows them from the log.
    read(&store, "b.pdf", &["a car", "the house"]);
    let pipeline = start(store, counting());
    assert_eq!(pipeline.embedded().await.unwrap().unwrap().made, 2);
    assert_eq!(computed.load(SeqCst), 3);
    pipeline.stop().await;
}

#[tokio::test]
async fn a_model_that_fails_costs_no_page_and_the_next_run_makes_up_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let failing = device(|_| Err(ModelError::Inference { model: "meanings".into(), cause: "no reason".into() }));
    let store = open(dir.path());
    read(&store, "a.pdf", &["the cat", "a car", "the house"]);
    let pipeline = start(store.clone(), failing);
    let report = pipeline.embedded().await.unwrap().unwrap();
    assert_eq!(report.made, 0);
    assert!(report.given_up.unwrap().contains("no reason"));
    // The device reads pages as before.
    let bytes = document(&[common::PLAIN, common::PLAIN]).into();
    let source = Source::Bytes { name: "scan.tif".to_owned(), bytes };
    let scan = pipeline.submit(source, SubmitOptions::default()).await.unwrap();
    let pages = all(&scan).await;
    assert!(pages.len() == 2 && pages.iter().all(|page| page.status == PageStatus::Ok), "{pages:?}");
    let found = pipeline.search(SearchQuery { mode: SearchMode::Keyword, ..SearchQuery::new("cat") }).await.unwrap();
    assert_eq!(found.hits.len(), 1);
    pipeline.stop().await;
    drop(pipeline);
    let pipeline = start(store, device(|input| Ok(vectors(input))));
    assert_eq!(pipeline.embedded().await.unwrap().unwrap().made, 3);
    pipeline.stop().await;
}

#[tokio::test]
async fn pages_go_before_vectors() {
    let dir = tempfile::tempdir().unwrap();
    let (gate, order) = (Gate::default(), Arc::new(Mutex::new(Vec::new())));
    let (at_the_gate, seen) = (gate.clone(), order.clone());
    let backend = Arc::new(FakeBackend::new(move |input: TensorView<'_>| {
        seen.lock().unwrap().push(input.shape.len());
        at_the_gate.pass();
        Ok(if input.shape.len() == 2 { vectors(input) } else { no_text(input) })
    }));
    let engine = LazyEngine::new(move || {
        let reads = [Task::Detect, Task::Orient, Task::Recognize].map(|task| {
            let source = ModelSource::built_in(format!("fake-{task:?}"), b"", Digest::of(b""));
            (task, EngineModel::new(source).with_alphabet(Alphabet::from_metadata("a\nb\n")))
        });
        let models = reads.into_iter().chain([(Task::Embed, EngineModel::new(model()))]).collect();
        Ok(Engine::new(backend.clone(), models))
    });
    let store = open(dir.path());
    read(&store, "a.pdf", &["the cat", "a car", "the house"]);
    let batch = BatchLimits::ONE;
    let options = PipelineOptions { embeddings: Some(model().sha256), pages_in_flight: count(4), ..options() };
    let device = Device { name: "fake".to_owned(), engine, threads: 1, batch };
    let pipeline = pagestream_actors::start(options, store, vec![device]).unwrap();
    // The first vector is being computed when a document comes.
    while order.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let source = Source::Bytes { name: "scan.tif".to_owned(), bytes: document(&[common::PLAIN; 3]).into() };
    let scan = pipeline.submit(source, SubmitOptions::default()).await.unwrap();
    let mut admitted = pipeline.pages_admitted();
    admitted.wait_for(|pages| *pages >= 1).await.unwrap();
    gate.open(usize::MAX);
    assert_eq!(all(&scan).await.len(), 3);
    let report = pipeline.embedded().await.unwrap().unwrap();
    assert_eq!(report.made, 3);
    let order = order.lock().unwrap().clone();
    let last_page = order.iter().rposition(|&rank| rank == 4).unwrap();
    let before = order[..last_page].iter().filter(|&&rank| rank == 2).count();
    assert!(before <= 2, "one that was computing, and one for the time that it took: {order:?}");
    pipeline.stop().await;
}

#[tokio::test]
async fn without_a_model_words_are_searched_and_meaning_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    read(&store, "a.pdf", &["the cat"]);
    let pipeline = common::pipeline_on(store, options(), 1, |input| Ok(no_text(input)));
    assert_eq!(pipeline.embedded().await.unwrap(), None);
    assert_eq!(pipeline.search(SearchQuery::new("cat")).await.unwrap().hits.len(), 1);
    assert!(matches!(pipeline.search(semantic("cat")).await, Err(Error::Query { .. })));
    pipeline.stop().await;
}
