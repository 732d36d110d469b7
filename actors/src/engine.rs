//! What reads pixels: the models and the backend that runs them, loaded when the first page needs them.
//!
//! A run that only reads text layers loads, and fetches, no model at all; and a model that no page asks for is neither
//! loaded nor fetched. To add a model, add a [`Task`] and give the engine an [`EngineModel`] for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use pagestream_documents::{ByteSize, ModelRef, Structure};
use pagestream_models::{
    Backend, Error, ModelSource, Session,
    embedding::Tokenizer,
    formula::FormulaRecognizer,
    ocr::{Alphabet, LargeModels, LayoutNetwork, OcrModels, OcrOptions, Quality, Task, published::slanet::SlaNet},
};

use tokio::sync::watch;

use crate::{
    sessions::{LoadedModels, SessionPool},
    threads::Threads,
};

type Find = dyn Fn() -> Result<ModelSource, Error> + Send + Sync;
type MakeFormula = dyn Fn() -> Result<Arc<dyn FormulaRecognizer>, Error> + Send + Sync;

/// One model of an engine.
pub struct EngineModel {
    model_ref: ModelRef,
    find: Box<Find>,
    /// Whether `find` would have nothing to fetch.
    at_hand: Box<dyn Fn() -> bool + Send + Sync>,
    source: OnceLock<ModelSource>,
    /// Held while the model is looked for, so that it is fetched once.
    finding: Mutex<()>,
    alphabet: OnceLock<Alphabet>,
    tokenizer: OnceLock<Arc<Tokenizer>>,
    /// Of the model of [`Task::Layout`], and of [`Task::Table`].
    layout: OnceLock<LayoutNetwork>,
    table: OnceLock<Arc<SlaNet>>,
    /// Of [`Task::Formula`], whose networks are more than one.
    formula: OnceLock<Arc<dyn FormulaRecognizer>>,
    make_formula: Option<Box<MakeFormula>>,
}

impl EngineModel {
    /// A model that is there: built in, or made by a test.
    pub fn new(source: ModelSource) -> Self {
        let model_ref = ModelRef { id: source.id.clone(), sha256: source.sha256 };
        Self::found_by(model_ref, move || Ok(source.clone()))
    }

    /// A model that `find` finds, and fetches if it has to, when it is first needed. `find` runs on a worker thread, and
    /// again if it failed.
    pub fn found_by(
        model_ref: ModelRef,
        find: impl Fn() -> Result<ModelSource, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            model_ref,
            find: Box::new(find),
            at_hand: Box::new(|| true),
            source: OnceLock::new(),
            finding: Mutex::new(()),
            alphabet: OnceLock::new(),
            tokenizer: OnceLock::new(),
            layout: OnceLock::new(),
            table: OnceLock::new(),
            formula: OnceLock::new(),
            make_formula: None,
        }
    }

    /// What reads formulas: networks that are there, asked by what `make` makes when a page first needs it.
    pub fn formula(
        model_ref: ModelRef,
        make: impl Fn() -> Result<Arc<dyn FormulaRecognizer>, Error> + Send + Sync + 'static,
    ) -> Self {
        let cause = "it is no model of one file";
        let model = model_ref.id.clone();
        let find = move || Err(Error::Unsupported { model: model.clone(), task: "formula", cause: cause.to_owned() });
        Self { make_formula: Some(Box::new(make)), ..Self::found_by(model_ref, find) }
    }

    /// What reads formulas, if it is that.
    fn recognizer(&self) -> Result<Option<Arc<dyn FormulaRecognizer>>, Error> {
        let Some(make) = &self.make_formula else { return Ok(None) };
        if let Some(recognizer) = self.formula.get() {
            return Ok(Some(recognizer.clone()));
        }
        let recognizer = make()?;
        Ok(Some(self.formula.get_or_init(|| recognizer).clone()))
    }

    /// For a model that may have to be fetched: whether it would not.
    pub fn at_hand_if(self, at_hand: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { at_hand: Box::new(at_hand), ..self }
    }

    fn is_at_hand(&self) -> bool {
        self.source.get().is_some() || (self.at_hand)()
    }

    /// For a recogniser whose file does not name its characters.
    pub fn with_alphabet(self, alphabet: Alphabet) -> Self {
        Self { alphabet: OnceLock::from(alphabet), ..self }
    }

    /// What a record says that was read with it.
    pub fn model_ref(&self) -> &ModelRef {
        &self.model_ref
    }

    fn source(&self) -> Result<&ModelSource, Error> {
        if let Some(source) = self.source.get() {
            return Ok(source);
        }
        let _one_at_a_time = self.finding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = self.source.get() {
            return Ok(source);
        }
        let source = (self.find)()?;
        Ok(self.source.get_or_init(|| source))
    }
}

/// The models of a pipeline and what runs them. One model a task; not every task needs one.
pub struct Engine {
    backend: Arc<dyn Backend>,
    models: BTreeMap<Task, EngineModel>,
    /// Whether PP-OCRv6 could be had when a page was first in doubt. It is not asked again: without a network every
    /// doubtful page would wait for it in vain.
    large: OnceLock<Option<Alphabet>>,
    /// Whether it was there already when a page first asked. Single lines are read again in all of a run or in none of it:
    /// what a page says must not depend on whether another had it fetched a moment before.
    large_was_at_hand: OnceLock<bool>,
    sessions: SessionPool,
}

impl Engine {
    /// Bytes that loaded models may take where nobody has said: see `models.memory` in `config/default.toml`.
    pub const MEMORY: ByteSize = ByteSize::mib(512);

    /// Finds and loads nothing yet.
    pub fn new(backend: Arc<dyn Backend>, models: BTreeMap<Task, EngineModel>) -> Self {
        Self {
            backend,
            models,
            large: OnceLock::new(),
            large_was_at_hand: OnceLock::new(),
            sessions: SessionPool::new(Self::MEMORY),
        }
    }

    /// Models that are loaded together take so much at most, but for those in use.
    pub fn with_memory(self, budget: ByteSize) -> Self {
        Self { sessions: SessionPool::new(budget), ..self }
    }

    /// Whether there is a model for the task; it may have to be fetched yet.
    pub fn has(&self, task: Task) -> bool {
        self.models.contains_key(&task)
    }

    /// Sees to it that the tasks' models are in place, without loading them. Blocks while one is fetched.
    ///
    /// # Errors
    /// When a task has no model, or its model is missing and cannot be fetched.
    pub fn ensure(&self, tasks: &[Task]) -> Result<(), Error> {
        tasks.iter().try_for_each(|&task| {
            let model = self.model(task)?;
            if model.recognizer()?.is_some() { Ok(()) } else { model.source().map(drop) }
        })
    }

    /// A session of the task's model, of the caller's own. Blocks while the model is fetched and loaded.
    ///
    /// # Errors
    /// As [`Engine::ensure`], and when the backend cannot load it.
    pub fn session(&self, task: Task) -> Result<Box<dyn Session>, Error> {
        let model = self.model(task)?;
        match model.recognizer()? {
            Some(recognizer) => recognizer.session(&*self.backend),
            None => self.backend.load(model.source()?),
        }
    }

    /// Runs `work` on a session of the task's model, loaded if none is idle. Threads may do so at the same time.
    ///
    /// # Errors
    /// As [`Engine::session`], and what `work` answers.
    pub fn with_session<T>(
        &self,
        task: Task,
        work: impl FnOnce(&mut dyn Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.sessions.with(task, || self.session(task), work)
    }

    /// What is loaded.
    pub fn loaded(&self) -> LoadedModels {
        self.sessions.loaded()
    }

    /// The characters of a recogniser's classes, without loading it.
    ///
    /// # Errors
    /// As [`Engine::ensure`], and when the model does not name its characters.
    pub fn alphabet(&self, task: Task) -> Result<Alphabet, Error> {
        let model = self.model(task)?;
        if let Some(alphabet) = model.alphabet.get() {
            return Ok(alphabet.clone());
        }
        let alphabet = Alphabet::of_model(model.source()?)?;
        Ok(model.alphabet.get_or_init(|| alphabet).clone())
    }

    /// What makes inputs of texts for the model of [`Task::Embed`], without loading that.
    ///
    /// # Errors
    /// As [`Engine::ensure`], and when the model does not say how.
    pub fn tokenizer(&self) -> Result<Arc<Tokenizer>, Error> {
        let model = self.model(Task::Embed)?;
        if let Some(tokenizer) = model.tokenizer.get() {
            return Ok(tokenizer.clone());
        }
        let tokenizer = Arc::new(Tokenizer::of_model(model.source()?)?);
        Ok(model.tokenizer.get_or_init(|| tokenizer).clone())
    }

    /// Which layout network there is, if there is one, without loading it.
    fn layout(&self) -> Result<Option<LayoutNetwork>, Error> {
        let Some(model) = self.models.get(&Task::Layout) else { return Ok(None) };
        if let Some(layout) = model.layout.get() {
            return Ok(Some(layout.clone()));
        }
        let layout = LayoutNetwork::of_model(model.source()?)?;
        Ok(Some(model.layout.get_or_init(|| layout).clone()))
    }

    /// The same of the network of tables.
    fn table(&self) -> Result<Option<Arc<SlaNet>>, Error> {
        let Some(model) = self.models.get(&Task::Table) else { return Ok(None) };
        if let Some(table) = model.table.get() {
            return Ok(Some(table.clone()));
        }
        let table = Arc::new(SlaNet::of_model(model.source()?)?);
        Ok(Some(model.table.get_or_init(|| table).clone()))
    }

    /// What a reader of pages needs to know of the models. PP-OCRv6 is looked for when a page first wants it, unless it reads
    /// every page; the networks of layout and tables, where full structure is asked for.
    ///
    /// # Errors
    /// As [`Engine::alphabet`]; [`Error::Unsupported`] for a network of layout or tables of another family.
    pub fn ocr_models(self: &Arc<Self>, options: &OcrOptions, structure: Structure) -> Result<OcrModels, Error> {
        let structure = structure == Structure::Full;
        let (layout, table) = if structure { (self.layout()?, self.table()?) } else { (None, None) };
        let formula = self.models.get(&Task::Formula).filter(|_| structure);
        let formula = formula.map(EngineModel::recognizer).transpose()?.flatten();
        let (large, compact) = self.readers(options)?;
        let reread = self.has(Task::CompactReread);
        let inline_formulas = structure && self.has(Task::InlineFormulas);
        Ok(OcrModels { compact, reread, large, structure, layout, table, formula, inline_formulas })
    }

    /// PP-OCRv6, and the characters of our own recogniser.
    fn readers(self: &Arc<Self>, options: &OcrOptions) -> Result<(LargeModels, Option<Alphabet>), Error> {
        let compact = || {
            if self.has(Task::CompactRecognize) { self.alphabet(Task::CompactRecognize).map(Some) } else { Ok(None) }
        };
        Ok(match options.quality {
            Quality::Fast => (LargeModels::None, compact()?),
            Quality::Balanced => {
                let (engine, tasks) = (self.clone(), options.large_tasks());
                let find = move |may_fetch| engine.large_alphabet(&tasks, may_fetch);
                (LargeModels::lazy(find), compact()?)
            }
            Quality::Accurate => (LargeModels::Ready(self.alphabet(Task::Recognize)?), compact()?),
        })
    }

    fn large_alphabet(&self, tasks: &[Task], may_fetch: bool) -> Option<Alphabet> {
        let at_hand = |task: &Task| self.models.get(task).is_some_and(EngineModel::is_at_hand);
        let was_at_hand = *self.large_was_at_hand.get_or_init(|| tasks.iter().all(at_hand));
        if may_fetch || was_at_hand { self.large.get_or_init(|| self.find_large(tasks)).clone() } else { None }
    }

    fn find_large(&self, tasks: &[Task]) -> Option<Alphabet> {
        let found = self.ensure(tasks).and_then(|()| self.alphabet(Task::Recognize));
        match &found {
            Ok(_) => {}
            // Whoever did not allow it knows, and has told whom it concerns.
            Err(error @ Error::NotFetched { .. }) => {
                tracing::info!(%error, "PP-OCRv6 is not fetched; pages that want it are marked as needing review");
            }
            Err(error) => {
                tracing::warn!(%error, "PP-OCRv6 is not at hand; pages that want it are marked as needing review");
            }
        }
        found.ok()
    }

    /// What a record says a page was read with that these tasks were done for.
    pub fn model_refs(&self, tasks: &[Task]) -> Vec<ModelRef> {
        tasks.iter().filter_map(|task| Some(self.models.get(task)?.model_ref.clone())).collect()
    }

    fn model(&self, task: Task) -> Result<&EngineModel, Error> {
        self.models.get(&task).ok_or_else(|| Error::Load {
            model: format!("{task:?}"),
            backend: self.backend.name().to_owned(),
            cause: "no model is configured for this task".to_owned(),
        })
    }
}

type Load = dyn Fn() -> Result<Engine, Error> + Send + Sync;

/// An [`Engine`] that is made at first use, once.
#[derive(Clone)]
pub struct LazyEngine {
    load: Arc<Load>,
    engine: Arc<OnceLock<Arc<Engine>>>,
    /// Held while loading, so that a second page waits for the first instead of loading again.
    loading: Arc<Mutex<()>>,
    failed: Arc<AtomicBool>,
    warm: Arc<AtomicBool>,
    /// Whether what was to be loaded beforehand is, or is known not to be had.
    warmed: watch::Sender<bool>,
    /// Whoever calls the backend's library from a thread of its own.
    threads: Arc<Threads>,
}

/// Tells that something is over, also where it panics or was never begun.
struct SetWhenDropped(watch::Sender<bool>);

impl Drop for SetWhenDropped {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl LazyEngine {
    /// `load` runs on a worker thread, may fetch files, and is tried again by the next page if it fails.
    pub fn new(load: impl Fn() -> Result<Engine, Error> + Send + Sync + 'static) -> Self {
        Self {
            load: Arc::new(load),
            engine: Arc::default(),
            loading: Arc::default(),
            failed: Arc::default(),
            warm: Arc::default(),
            warmed: watch::Sender::new(false),
            threads: Arc::default(),
        }
    }

    /// Of a pipeline without devices: every page that needs OCR fails and says so.
    pub fn none() -> Self {
        Self::new(|| {
            Err(Error::Device {
                device: "none".to_owned(),
                cause: "the pipeline was started without devices".to_owned(),
            })
        })
    }

    /// Whether the last attempt to have it with its models failed.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Loads, in the background and once, what the first page of pixels will need, in this order, while the page is being
    /// rasterised: the library, the models of `tasks`. What fails here is told by the page that needs it.
    pub fn warm(&self, tasks: &[Task]) {
        if self.warm.swap(true, Relaxed) {
            return;
        }
        // Which way up a page is, few pages ask.
        let tasks: Vec<Task> = tasks.iter().copied().filter(|&task| task != Task::Orient).collect();
        let (this, done) = (self.clone(), SetWhenDropped(self.warmed.clone()));
        let warm = move || {
            let _done = done;
            let Ok(engine) = this.get() else { return };
            for task in tasks {
                if this.threads.is_closing() {
                    return;
                }
                if let Err(error) = engine.sessions.warm(task, || engine.session(task)) {
                    return tracing::debug!(%error, "a model could not be loaded beforehand");
                }
            }
        };
        if let Err(error) = self.threads.spawn("pagestream-warm".to_owned(), warm) {
            tracing::debug!(%error, "no thread to load models beforehand");
        }
    }

    /// Whether [`LazyEngine::warm`] was asked for and has ended, whatever came of it.
    pub fn warmed(&self) -> watch::Receiver<bool> {
        self.warmed.subscribe()
    }

    /// The threads that run its models.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// What is loaded.
    pub fn loaded(&self) -> LoadedModels {
        self.engine.get().map(|engine| engine.loaded()).unwrap_or_default()
    }

    /// The engine, loaded if it is not yet. Blocks.
    ///
    /// # Errors
    /// Whatever `load` answers.
    pub fn get(&self) -> Result<Arc<Engine>, Error> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let engine = Arc::new((self.load)()?);
        Ok(self.engine.get_or_init(|| engine).clone())
    }

    /// The engine with the tasks' models in place, so that a page which is begun can be read. Blocks.
    ///
    /// # Errors
    /// As [`LazyEngine::get`] and [`Engine::ensure`].
    pub fn with_models(&self, tasks: &[Task]) -> Result<Arc<Engine>, Error> {
        let engine = self.get().and_then(|engine| engine.ensure(tasks).map(|()| engine));
        self.failed.store(engine.is_err(), Relaxed);
        engine
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use pagestream_documents::Digest;
    use pagestream_models::{Tensor, backend::fake::FakeBackend};

    use super::*;

    fn source(id: &str) -> ModelSource {
        ModelSource::built_in(id, b"", Digest::of(id.as_bytes()))
    }

    fn backend() -> Arc<dyn Backend> {
        Arc::new(FakeBackend::new(|_| Ok(Tensor::default())))
    }

    #[test]
    fn a_model_is_looked_for_when_it_is_first_needed_and_once() {
        let looked = Arc::new(AtomicUsize::new(0));
        let model = |id: &'static str| {
            let looked = looked.clone();
            let model_ref = ModelRef { id: id.to_owned(), sha256: Digest::of(id.as_bytes()) };
            EngineModel::found_by(model_ref, move || {
                looked.fetch_add(1, Relaxed);
                Ok(source(id))
            })
        };
        let engine = Engine::new(backend(), [(Task::Detect, model("d")), (Task::Recognize, model("r"))].into());
        assert_eq!(engine.model_refs(&[Task::Recognize, Task::Orient])[0].id, "r");
        assert_eq!(looked.load(Relaxed), 0);
        for _ in 0..2 {
            engine.session(Task::Detect).unwrap();
            engine.ensure(&[Task::Detect]).unwrap();
        }
        assert_eq!(looked.load(Relaxed), 1, "nobody has asked for the recogniser");
        assert!(engine.has(Task::Recognize) && !engine.has(Task::Orient));
        assert!(engine.session(Task::Orient).is_err());
    }

    #[test]
    fn a_model_that_was_not_found_is_looked_for_again() {
        let attempts = AtomicUsize::new(0);
        let model_ref = ModelRef { id: "d".to_owned(), sha256: Digest::of(b"d") };
        let model = EngineModel::found_by(model_ref, move || match attempts.fetch_add(1, Relaxed) {
            0 => Err(Error::Missing { what: "d is".into(), why: "no network".into(), hint: String::new() }),
            _ => Ok(source("d")),
        });
        let engine = Engine::new(backend(), [(Task::Detect, model)].into());
        assert!(engine.ensure(&[Task::Detect]).is_err());
        engine.ensure(&[Task::Detect]).unwrap();
    }

    #[test]
    fn what_one_page_has_fetched_changes_nothing_for_the_lines_of_another() {
        let engine_where = |at_hand: bool| {
            let model_ref = ModelRef { id: "r".to_owned(), sha256: Digest::of(b"r") };
            let model = EngineModel::found_by(model_ref, || Ok(source("r"))).at_hand_if(move || at_hand);
            let model = model.with_alphabet(Alphabet::from_metadata("a\n"));
            Engine::new(backend(), [(Task::Recognize, model)].into())
        };
        for at_hand in [false, true] {
            let engine = engine_where(at_hand);
            let asked =
                [false, true, false].map(|may_fetch| engine.large_alphabet(&[Task::Recognize], may_fetch).is_some());
            assert_eq!(asked, [at_hand, true, at_hand]);
        }
    }

    #[test]
    fn each_recogniser_has_its_own_alphabet() {
        let alphabet = Alphabet::from_metadata("a\nb\n");
        let models = [
            (Task::Recognize, EngineModel::new(source("r")).with_alphabet(alphabet.clone())),
            (Task::Orient, EngineModel::new(source("o"))),
        ];
        let engine = Engine::new(backend(), models.into());
        assert_eq!(engine.alphabet(Task::Recognize).unwrap(), alphabet);
        assert!(engine.alphabet(Task::Orient).unwrap_err().to_string().contains("character"));
    }
}
