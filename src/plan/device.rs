//! The part of a plan that is about one device: its models in their precisions, and how they are loaded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pagestream_actors::{BatchLimits, EngineModel};
use pagestream_documents::{ByteSize, ModelRef};
use pagestream_models::{
    Backend, Error as ModelError, ModelSource,
    backend::Provider,
    device::{DeviceChoice, check_present},
    formula::FormulaRecognizer,
    ocr::{Quality, Task},
    registry::{Fetching, OPENVINO, Selected},
};

use super::{
    Common, ModelOrigin, PlannedModel, Precision,
    tasks::{self, ModelOf, TASKS, TaskEntry, Use},
};
#[cfg(feature = "built-in-models")]
use crate::machine::precision::{Trial, Verdict};
use crate::machine::{
    Measure,
    devices::Work,
    libraries::{Libraries, Library, has_library, runs_formulas},
    memory::{self, ModelMemory},
};

type Recognizer = Result<Arc<dyn FormulaRecognizer>, ModelError>;

/// What runs on one device. Cheap to clone.
#[derive(Clone)]
pub struct DevicePlan {
    pub device: DeviceChoice,
    /// Why it was chosen: one sentence.
    pub why: String,
    /// Sessions that compute at once.
    pub threads: usize,
    pub batch: BatchLimits,
    /// Bytes that loaded models may take.
    pub memory: ByteSize,
    common: Arc<Common>,
    /// The models as they were settled: what then runs, and what is said of it, is one value.
    settled: Arc<Mutex<Option<Vec<PlannedModel>>>>,
}

impl DevicePlan {
    pub(super) fn new(common: Arc<Common>, device: DeviceChoice, why: String) -> Self {
        let (threads, batch) = (common.settings.device_threads(&device), common.batch_limits(&device));
        let memory = common.memory();
        Self { device, why, threads, batch, memory, common, settled: Arc::default() }
    }

    /// Whether the built-in models run on the device's library. On the processor our own runtime is quicker at them than ONNX Runtime is, and
    /// comes to the same on every machine, whatever is installed there.
    pub fn built_in_on_library(&self) -> bool {
        self.device != DeviceChoice::Onnx(Provider::Cpu)
    }

    /// The device's library and our own runtime, as the models are to run on them. Loads nothing yet.
    pub fn libraries(&self, fetching: &Fetching) -> Libraries {
        let Common { registry, settings, .. } = &*self.common;
        Libraries::new(
            registry.clone(),
            self.device.clone(),
            self.threads,
            settings.optimized_dir(),
            fetching.clone(),
            self.built_in_on_library(),
        )
    }

    /// All models, in the order of the table, as they were settled, or as far as it is known without trying anything.
    pub fn models(&self) -> Vec<PlannedModel> {
        let settled = self.lock().clone();
        settled.unwrap_or_else(|| self.planned(None, Measure::Never))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<PlannedModel>>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same with the precisions of the built-in models settled, which may try them (see `machine::precision`).
    ///
    /// # Errors
    /// As [`Libraries::library`], where that is to run them.
    pub fn settled(&self, libraries: &Libraries, when: Measure) -> Result<Vec<PlannedModel>, ModelError> {
        // What reads every page is looked for before the first one.
        let needs_library = self.built_in_on_library() || self.common.quality == Quality::Accurate;
        let library = if needs_library { Some(libraries.library()?) } else { None };
        if let (Some(settled), Measure::IfNeeded) = (self.lock().clone(), when) {
            return Ok(settled);
        }
        let models = self.planned(library, when);
        *self.lock() = Some(models.clone());
        Ok(models)
    }

    fn planned(&self, library: Option<&dyn Backend>, when: Measure) -> Vec<PlannedModel> {
        #[cfg(not(feature = "built-in-models"))]
        let _ = (library, when);
        #[cfg(feature = "built-in-models")]
        let verdict = self.precisions(library, when);
        let plan = |entry: &TaskEntry| match entry.model {
            ModelOf::Registry { .. } => self.of_registry(entry),
            ModelOf::Formula => self.of_formulas(entry),
            ModelOf::Chosen { .. } if self.selected(entry.task).is_some() => self.of_registry(entry),
            _ if !self.common.asks(entry.task) => None,
            #[cfg(feature = "built-in-models")]
            ModelOf::BuiltIn { .. } | ModelOf::Chosen { .. } => {
                entry.own(self.common.quality).map(|network| self.built_in(entry, network, verdict.as_ref()))
            }
            #[cfg(not(feature = "built-in-models"))]
            ModelOf::Chosen { .. } => None,
        };
        TASKS.iter().filter_map(plan).collect()
    }

    fn of_registry(&self, entry: &TaskEntry) -> Option<PlannedModel> {
        let Common { registry, quality, .. } = &*self.common;
        let model = self.selected(entry.task)?;
        let used = (entry.used)(*quality);
        let from = match model.path() {
            None => ModelOrigin::Registry,
            Some(path) if registry.find_derived(&model.id).is_some_and(|derived| derived.path == path) => {
                ModelOrigin::Derived
            }
            Some(_) => ModelOrigin::File,
        };
        let why = match (used, from) {
            (Use::InDoubt, _) if !registry.has_selected(model) => {
                format!("`{quality}` fetches it for pages that the built-in models cannot read")
            }
            (Use::InDoubt, _) => {
                format!("`{quality}` asks it for other scripts, and for pages that the built-in models cannot read")
            }
            (Use::Never, _) => format!("`{quality}` does not ask it"),
            (Use::ForStructure, _) if entry.task == Task::Table => {
                "`models.table` names it; it says which cells the tables of a page of pixels have".to_owned()
            }
            (Use::ForStructure, _) => {
                "`models.layout` names it; it says what the parts of a page of pixels are".to_owned()
            }
            (Use::ForSearch, _) => "it makes vectors of what was read, for search by meaning".to_owned(),
            (Use::Always, ModelOrigin::Registry) => format!("`{quality}` reads every page with it"),
            (Use::Always, _) => format!("`{quality}` reads every page with it, and the settings name it"),
        };
        Some(PlannedModel {
            task: entry.task,
            name: entry.task.as_str(),
            id: model.id.clone(),
            sha256: model.sha256,
            precision: if from == ModelOrigin::Registry { Precision::F32 } else { Precision::File },
            from,
            library: if used == Use::ForSearch && !self.has_library() {
                Library::Own
            } else {
                Library::of(&self.device)
            },
            device: self.device.to_string(),
            used,
            why,
        })
    }

    fn of_formulas(&self, entry: &TaskEntry) -> Option<PlannedModel> {
        let networks = self.common.formula.as_ref()?;
        let is_own = networks.from == ModelOrigin::BuiltIn;
        let reads = "it reads the formulas that are found on a page of pixels";
        let why = match &networks.what {
            None => reads.to_owned(),
            Some(what) => format!("`models.formula` names it, {what}; {reads}"),
        };
        Some(PlannedModel {
            task: entry.task,
            name: entry.task.as_str(),
            id: networks.id.clone(),
            sha256: networks.sha256,
            precision: if is_own { Precision::Int8 } else { Precision::File },
            from: networks.from,
            library: if is_own && runs_formulas(&self.device) { Library::Own } else { Library::of(&self.device) },
            device: self.device.to_string(),
            used: (entry.used)(self.common.quality),
            why,
        })
    }

    /// What asks the networks of formulas here, for so many formulas at a time, with a beam that is told or the quality's, and which they are;
    /// `None` where nothing reads formulas.
    pub(crate) fn formula_recognizer(&self, beam: Option<usize>, rows: usize) -> Option<(Recognizer, ModelRef)> {
        let networks = self.common.formula.as_ref()?;
        let model = ModelRef { id: networks.id.clone(), sha256: networks.sha256 };
        Some((networks.recognizer(self.common.quality, beam, rows), model))
    }

    /// The same for pages, which have many.
    fn recognizer_of_pages(&self) -> Result<Arc<dyn FormulaRecognizer>, ModelError> {
        self.formula_recognizer(None, self.batch.items).ok_or_else(|| no_model(Task::Formula))?.0
    }

    fn selected(&self, task: Task) -> Option<&Selected> {
        self.common.selected(task)
    }

    /// Whether the device's library is at hand.
    fn has_library(&self) -> bool {
        has_library(&self.common.registry, &self.device)
    }

    /// Fetches what every page needs here and is not there, all at once: the question that may be asked names all of it.
    ///
    /// # Errors
    /// As [`pagestream_models::registry::Registry::ensure`], and when there is no such device.
    pub fn fetch_needed(&self, fetching: &Fetching) -> Result<(), ModelError> {
        let chosen = self.common.chosen().iter().map(|(_, model)| model);
        if self.common.quality == Quality::Accurate {
            return self.fetch(ids(self.common.selected.iter().map(|(_, model)| model).chain(chosen)), fetching);
        }
        let chosen: Vec<&Selected> = chosen.collect();
        if self.built_in_on_library() || !chosen.is_empty() {
            self.fetch(ids(chosen.into_iter()), fetching)
        } else {
            Ok(())
        }
    }

    /// Fetches the models of the registry and the library that runs them.
    fn fetch_all(&self, fetching: &Fetching) -> Result<(), ModelError> {
        self.fetch(ids(self.common.selected.iter().map(|(_, model)| model)), fetching)
    }

    /// Fetches the device's library and these models.
    fn fetch<'a>(&'a self, models: Vec<&'a str>, fetching: &Fetching) -> Result<(), ModelError> {
        // Where there is no such device nothing is fetched for it.
        check_present(&self.device)?;
        let registry = &self.common.registry;
        let library = match &self.device {
            DeviceChoice::Onnx(_) => registry.runtime_id(),
            DeviceChoice::OpenVino { .. } => registry.openvino_library().is_none().then_some(OPENVINO),
        };
        let ids: Vec<&str> = library.into_iter().chain(models).collect();
        registry.ensure(&ids, fetching).map(drop)
    }

    /// What the engine is given for a planned model: found, and fetched if it has to be, when a page first needs it.
    pub fn engine_model(&self, model: &PlannedModel, fetching: &Fetching) -> EngineModel {
        if model.task == Task::Formula {
            let this = self.clone();
            return EngineModel::formula(model.model_ref(), move || this.recognizer_of_pages());
        }
        #[cfg(feature = "built-in-models")]
        if let Some(source) = built_in_source(model) {
            let served = EngineModel::new(source);
            return match tasks::entry(model.task).map(|entry| &entry.model) {
                Some(ModelOf::BuiltIn { alphabet: Some(alphabet), .. }) => served.with_alphabet(alphabet()),
                _ => served,
            };
        }
        // What no page waits for comes alone, and runs on our own runtime where there is no library.
        if model.used == Use::ForSearch {
            let (common, fetching, task) = (self.common.clone(), fetching.clone(), model.task);
            let at_hand = self.common.clone();
            let model = EngineModel::found_by(model.model_ref(), move || common.locate(task, &fetching));
            return model.at_hand_if(move || at_hand.has(task));
        }
        // What was named for structure was fetched with what every page needs.
        if model.used == Use::ForStructure {
            let (common, fetching, task) = (self.common.clone(), fetching.clone(), model.task);
            return EngineModel::found_by(model.model_ref(), move || common.locate(task, &fetching));
        }
        // With it come the others of its kind, and the library that runs them.
        let needs_onnx = matches!(self.device, DeviceChoice::Onnx(_));
        let (common, fetching, task) = (self.common.clone(), fetching.clone(), model.task);
        let this = self.clone();
        let find = move || {
            this.fetch_all(&fetching)?;
            common.locate(task, &fetching)
        };
        let (common, task) = (self.common.clone(), model.task);
        let at_hand = move || (!needs_onnx || common.registry.has_runtime()) && common.has(task);
        EngineModel::found_by(model.model_ref(), find).at_hand_if(at_hand)
    }

    /// Sessions of what every page meets here, for measuring the device. The one with the most runs is last.
    ///
    /// # Errors
    /// What is missing; a library or a model that cannot be loaded.
    pub(super) fn work(&self) -> Result<Vec<Work>, ModelError> {
        // Nothing is fetched to be measured.
        let libraries = self.libraries(&Fetching::never());
        let mut work = Vec::new();
        for model in
            self.settled(&libraries, Measure::IfNeeded)?.iter().filter(|model| self.common.is_met_always(model.used))
        {
            if model.used == Use::ForStructure && model.from != ModelOrigin::BuiltIn {
                // Others than our own take inputs of their own shapes.
                continue;
            }
            let Some(load) = tasks::entry(model.task).and_then(|entry| entry.load.as_ref()) else { continue };
            let session = libraries.load(&self.source(model)?)?;
            work.push(Work { session, shape: load.shape, runs: load.runs });
        }
        work.sort_by_key(|work| work.runs);
        Ok(work)
    }

    /// What the models take that are at hand; see [`memory`]. `models` may be of plans for several qualities.
    pub fn memory_of(&self, models: &[PlannedModel], when: Measure) -> Vec<ModelMemory> {
        let libraries = self.libraries(&Fetching::never());
        let shape = |model: &PlannedModel| {
            let is_own = model.used != Use::ForStructure || model.from == ModelOrigin::BuiltIn;
            tasks::entry(model.task).and_then(|entry| entry.load.as_ref()).filter(|_| is_own).map(|load| load.shape)
        };
        let at_hand = |model: &&PlannedModel| {
            model.from == ModelOrigin::BuiltIn
                || (model.task == Task::Formula && self.has_library())
                || (self.common.has(model.task) && (model.used == Use::ForSearch || self.has_library()))
        };
        let candidates: Vec<memory::Candidate<'_>> = models
            .iter()
            .filter(at_hand)
            .map(|model| memory::Candidate {
                task: model.name,
                id: &model.id,
                shape: shape(model),
                load: Box::new(|| match model.task {
                    Task::Formula => self.recognizer_of_pages()?.session(&libraries),
                    _ => libraries.load(&self.source(model)?),
                }),
            })
            .collect();
        let Common { machine, registry, .. } = &*self.common;
        let models = models.iter().map(|model| format!("{} {}", model.id, model.sha256));
        let key: Vec<String> = models.chain([registry.runtime_identity(), self.has_library().to_string()]).collect();
        memory::of_models(machine, &self.device, &key, &candidates, when)
    }

    /// What loads a planned model that is there.
    fn source(&self, model: &PlannedModel) -> Result<ModelSource, ModelError> {
        #[cfg(feature = "built-in-models")]
        if let Some(source) = built_in_source(model) {
            return Ok(source);
        }
        self.common.locate(model.task, &Fetching::never())
    }
}

fn no_model(task: Task) -> ModelError {
    ModelError::Load {
        model: format!("{task:?}"),
        backend: "the registry".to_owned(),
        cause: "no model is configured for this task".to_owned(),
    }
}

/// Those of the manifest, which may have to be fetched.
fn ids<'a>(models: impl Iterator<Item = &'a Selected>) -> Vec<&'a str> {
    models.filter(|model| model.path().is_none()).map(|model| model.id.as_str()).collect()
}

impl Common {
    pub(super) fn selected(&self, task: Task) -> Option<&Selected> {
        if task == Task::Embed {
            return Some(&self.embedder);
        }
        self.selected.iter().chain(&self.chosen).find(|(other, _)| *other == task).map(|(_, model)| model)
    }

    /// A model of the registry, and with it what comes in the same wheel.
    fn locate(&self, task: Task, fetching: &Fetching) -> Result<ModelSource, ModelError> {
        if task == Task::Embed {
            return self.located(task, vec![(task, self.embedder.clone())], fetching);
        }
        if let Some(chosen) = self.chosen.iter().find(|(other, _)| *other == task) {
            return self.located(task, vec![chosen.clone()], fetching);
        }
        self.located(task, self.selected.clone(), fetching)
    }

    fn located(
        &self,
        task: Task,
        models: Vec<(Task, Selected)>,
        fetching: &Fetching,
    ) -> Result<ModelSource, ModelError> {
        let (tasks, all): (Vec<Task>, Vec<Selected>) = models.into_iter().unzip();
        let located = self.registry.locate(&all, fetching)?;
        let place = tasks.iter().position(|other| *other == task);
        place.and_then(|place| located.into_iter().nth(place)).ok_or_else(|| no_model(task))
    }

    fn has(&self, task: Task) -> bool {
        self.selected(task).is_some_and(|model| self.registry.has_selected(model))
    }
}

#[cfg(feature = "built-in-models")]
mod built_in {
    use pagestream_models::built_in::{self, Network};

    use super::*;

    pub(super) fn built_in_source(model: &PlannedModel) -> Option<ModelSource> {
        (model.from == ModelOrigin::BuiltIn)
            .then(|| built_in::model(&model.id))
            .flatten()
            .map(|carried| ModelSource::built_in(carried.id, carried.bytes, model.sha256))
    }

    impl DevicePlan {
        /// What is known of the precisions here; tried out if there is a library to try them on.
        pub(super) fn precisions(&self, library: Option<&dyn Backend>, when: Measure) -> Option<Verdict> {
            if !self.built_in_on_library() || self.common.quality == Quality::Accurate {
                // Nothing is to be tried, or nothing that a page would wait for.
                return None;
            }
            let Common { registry, machine, quality, .. } = &*self.common;
            // Whether structure is asked for or not, and of our own, so that one verdict serves all.
            // The trial page has no formulas.
            let is_met = |entry: &&TaskEntry| {
                let is_used = matches!((entry.used)(*quality), Use::Always | Use::InDoubt | Use::ForStructure);
                is_used && entry.task != Task::InlineFormulas
            };
            let network = |entry: &TaskEntry| Some((entry.task, entry.own(*quality)?));
            let networks: Vec<(Task, Network)> = TASKS.iter().filter(is_met).filter_map(network).collect();
            let trial = Trial {
                machine,
                device: &self.device,
                quality: *quality,
                library: registry.runtime_identity(),
                networks: &networks,
            };
            let Some(library) = library else { return trial.kept() };
            trial.verdict(library, when)
        }

        pub(super) fn built_in(&self, entry: &TaskEntry, network: Network, verdict: Option<&Verdict>) -> PlannedModel {
            let quality = self.common.quality;
            let used = (entry.used)(quality);
            let on_library = self.built_in_on_library() && used != Use::Never;
            // Nothing has to be tried on our own runtime: in int8 it comes to the same on every machine.
            let is_int8 = match verdict {
                Some(verdict) => verdict.is_int8(network.f32.id),
                None => !self.built_in_on_library() && used != Use::Never,
            };
            let model = if is_int8 { network.int8 } else { network.f32 };
            let why = match (used, verdict) {
                (Use::Never, _) => format!("`{quality}` does not ask it"),
                _ if entry.task == Task::InlineFormulas => {
                    "it finds formulas within lines of text, which `models.formula` then reads".to_owned()
                }
                (_, Some(verdict)) => verdict.why(network.f32.id),
                (_, None) if on_library => "int8 is tried when the first page of pixels is read".to_owned(),
                (Use::InDoubt, None) => format!("`{quality}` asks it for lines that the smaller one is unsure of"),
                (_, None) => "in int8 our own runtime is quickest, and reads alike on every machine".to_owned(),
            };
            PlannedModel {
                task: entry.task,
                name: entry.task.as_str(),
                id: model.id.to_owned(),
                sha256: model.source().sha256,
                precision: if is_int8 { Precision::Int8 } else { Precision::F32 },
                from: ModelOrigin::BuiltIn,
                library: if on_library { Library::of(&self.device) } else { Library::Own },
                device: self.device.to_string(),
                used,
                why,
            }
        }
    }
}

#[cfg(feature = "built-in-models")]
use built_in::built_in_source;
