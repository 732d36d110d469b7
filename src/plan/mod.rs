//! What pages are read with here, and why: the settings, resolved once.
//!
//! A [`Plan`] is a value. The pipeline is started from it, and `doctor`, `models list`, `bench` and the records' `models` say what it says.
//! It is made of [`tasks::TASKS`], the settings, the registry, and what is known of the machine. Making it reads no model, loads no library
//! but one of the user's own, and fetches nothing; it may measure devices, once on a machine, if it is told to.

use std::{fmt, sync::Arc};

use pagestream_actors::{BatchLimits, OcrMode};
use pagestream_documents::{ByteSize, Digest, ModelRef, Structure};
use pagestream_models::{
    Error as ModelError, ModelSource,
    backend::Provider,
    device::DeviceChoice,
    ocr::{LayoutNetwork, Quality, Task, published::slanet::SlaNet},
    registry::{Fetching, Registry, Selected, manifest::Role},
};
use serde::Serialize;

use crate::{
    machine::{
        Machine, Measure,
        devices::{self, Contest},
    },
    settings::{DeviceUse, EmbeddingMode, Settings},
};

mod device;
mod formula;
pub mod tasks;

pub use device::DevicePlan;
use formula::FormulaNetworks;
use tasks::{ModelOf, TASKS, Use};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Plan {
    pub quality: Quality,
    /// What runs the models, side by side.
    pub devices: Vec<DevicePlan>,
    /// What `device.use = "auto"` came to; `None` for devices that were named.
    pub auto: Option<devices::Verdict>,
    common: Arc<Common>,
}

/// What the plans of all devices share.
struct Common {
    quality: Quality,
    registry: Registry,
    machine: Machine,
    settings: Settings,
    /// The models of the registry that read pages, in the order of the table.
    selected: Vec<(Task, Selected)>,
    /// Those that are named instead of, or beside, our own.
    chosen: Vec<(Task, Selected)>,
    /// What reads formulas.
    formula: Option<FormulaNetworks>,
    /// What makes vectors of what was read.
    embedder: Selected,
}

/// One model, where it comes from, what runs it, and why.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlannedModel {
    #[serde(skip)]
    pub task: Task,
    /// Of the task, as [`tasks`] has it.
    #[serde(rename = "task")]
    pub name: &'static str,
    pub id: String,
    #[serde(serialize_with = "as_text")]
    pub sha256: Digest,
    pub precision: Precision,
    pub from: ModelOrigin,
    pub library: crate::machine::libraries::Library,
    pub device: String,
    #[serde(rename = "used")]
    pub used: Use,
    /// One sentence.
    pub why: String,
}

/// The numbers that a model computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    F32,
    Int8,
    /// A model that was made here or is the user's own: whatever its file has.
    File,
}

/// Where a model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelOrigin {
    BuiltIn,
    /// The manifest; it may have to be fetched.
    Registry,
    /// Made here out of one of the manifest.
    Derived,
    /// A file of the user's own.
    File,
}

impl PlannedModel {
    /// As records name it.
    pub fn model_ref(&self) -> ModelRef {
        ModelRef { id: self.id.clone(), sha256: self.sha256 }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
            Self::File => "as made",
        })
    }
}

impl fmt::Display for ModelOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuiltIn => "built in",
            Self::Registry => "registry",
            Self::Derived => "made here",
            Self::File => "own file",
        })
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A model that the settings name and that cannot be used.
    #[error(transparent)]
    Models(ModelError),
    /// What makes reading pages impossible: an own ONNX Runtime library that cannot be loaded.
    #[error(transparent)]
    Devices(ModelError),
}

impl PlanError {
    pub fn hint(&self) -> Option<&str> {
        let (Self::Models(error) | Self::Devices(error)) = self;
        error.hint()
    }
}

impl Plan {
    /// Resolves the settings. `measure`: whether devices may be measured where `auto` has to choose one.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn resolve(settings: &Settings, measure: Measure) -> Result<Self, PlanError> {
        let registry = Registry::open(settings.registry_options()).map_err(PlanError::Models)?;
        let (mut selected, mut chosen) = (Vec::new(), Vec::new());
        for entry in TASKS {
            match entry.model {
                ModelOf::Registry { role: Role::Embed, .. } => {}
                ModelOf::Registry { role, name } => {
                    let model = registry.select(role, name(&settings.models)).map_err(PlanError::Models)?;
                    selected.push((entry.task, model));
                }
                ModelOf::Chosen { role, name, .. } => {
                    if let Some(name) = name(&settings.models) {
                        let model = registry.select(role, name).map_err(PlanError::Models)?;
                        check(role, &model).map_err(PlanError::Models)?;
                        chosen.push((entry.task, model));
                    }
                }
                ModelOf::Formula => {}
                #[cfg(feature = "built-in-models")]
                ModelOf::BuiltIn { .. } => {}
            }
        }
        let embedder = registry.select(Role::Embed, &settings.models.embedder).map_err(PlanError::Models)?;
        let formula = FormulaNetworks::of(&settings.models.formula).map_err(PlanError::Models)?;
        let common = Arc::new(Common {
            quality: settings.ocr.quality,
            machine: Machine::new(settings.machine_dir()),
            settings: settings.clone(),
            registry,
            selected,
            chosen,
            formula,
            embedder,
        });
        let plan = |device: DeviceChoice, why: String| DevicePlan::new(common.clone(), device, why);
        let cpu = DeviceChoice::Onnx(Provider::Cpu);
        let mut auto = None;
        let devices = match &settings.device.devices {
            DeviceUse::Named(named) => {
                let why = |device: &DeviceChoice| match *device == cpu {
                    true => "`device.use` names it, which it does by default".to_owned(),
                    false => "`device.use` names it".to_owned(),
                };
                named.iter().map(|device| plan(device.clone(), why(device))).collect()
            }
            DeviceUse::Auto if settings.ocr.mode == OcrMode::Never => {
                vec![plan(cpu, "no page is read from its pixels".to_owned())]
            }
            DeviceUse::Auto => {
                let verdict = automatic(&common, measure).map_err(PlanError::Devices)?;
                if measure != Measure::Never {
                    tracing::info!(device = %verdict.device, why = verdict.why, "device is chosen");
                }
                let device = plan(verdict.device.clone(), verdict.why.clone());
                auto = Some(verdict);
                vec![device]
            }
        };
        Ok(Self { quality: settings.ocr.quality, devices, auto, common })
    }

    /// The models that serve this plan's quality, on each device, as far as it is known without trying anything.
    pub fn models(&self) -> Vec<PlannedModel> {
        let makes_vectors = self.embedder().is_some();
        let used = |model: &PlannedModel| match model.used {
            Use::Always | Use::InDoubt => true,
            Use::ForStructure => self.common.wants_structure(),
            Use::ForSearch => makes_vectors,
            Use::Never => false,
        };
        self.devices.iter().flat_map(DevicePlan::models).filter(used).collect()
    }

    pub fn registry(&self) -> &Registry {
        &self.common.registry
    }

    /// The model that makes vectors of what was read; `None` where none are made (`embeddings.mode`). It may have to be fetched.
    pub fn embedder(&self) -> Option<&Selected> {
        let Common { settings, embedder, registry, .. } = &*self.common;
        let makes = match settings.embeddings.mode {
            EmbeddingMode::Always => true,
            EmbeddingMode::Auto => settings.store.data_dir.is_some() && registry.has_selected(embedder),
            EmbeddingMode::Never => false,
        };
        makes.then_some(embedder)
    }

    /// The digest of the model that the settings name for vectors of what was read, whether any are made or not.
    pub fn embedding_model(&self) -> Digest {
        self.common.embedder.sha256
    }

    /// The models of the registry that the settings name, but for that of [`Plan::embedder`].
    pub fn selected(&self) -> &[(Task, Selected)] {
        &self.common.selected
    }

    /// Models that the settings name instead of, or beside, our own, where pages of pixels meet them.
    pub fn chosen(&self) -> &[(Task, Selected)] {
        self.common.chosen()
    }

    /// What pages are read with, whatever the machine makes of it: records of one digest may stand for each other. Of the built-in
    /// networks the int8 models count, which are made of the f32 ones and a quarter of their size: this is asked at every start, and
    /// pages with a text layer need neither.
    pub fn digest(&self) -> Digest {
        let registry = self.common.selected.iter().map(|(_, model)| model.sha256);
        let asked = TASKS.iter().filter(|entry| self.common.asks(entry.task));
        let built_in = asked.filter_map(|entry| match entry.model {
            ModelOf::Registry { .. } => None,
            ModelOf::Formula => self.common.formula.as_ref().map(|networks| networks.sha256),
            ModelOf::Chosen { .. } if self.common.selected(entry.task).is_some() => {
                self.common.selected(entry.task).map(|model| model.sha256)
            }
            #[cfg(feature = "built-in-models")]
            ModelOf::BuiltIn { .. } | ModelOf::Chosen { .. } => {
                entry.own(self.common.quality).map(|network| network.int8.sha256())
            }
            #[cfg(not(feature = "built-in-models"))]
            ModelOf::Chosen { .. } => None,
        });
        let all: Vec<String> = registry.chain(built_in).map(|digest| digest.to_string()).collect();
        Digest::of(all.join(",").as_bytes())
    }
}

/// Whether a file of the user's own is a network of a family that can serve; what is of the manifest is.
fn check(role: Role, model: &Selected) -> Result<(), ModelError> {
    let Some(path) = model.path() else { return Ok(()) };
    let source = ModelSource::file(model.id.clone(), path, model.sha256);
    match role {
        Role::Layout => LayoutNetwork::of_model(&source).map(drop),
        Role::Table => SlaNet::of_model(&source).map(drop),
        Role::Detect | Role::Orient | Role::Recognize | Role::Embed => Ok(()),
    }
}

/// What `auto` comes to, by what a page asks of every device's models.
fn automatic(common: &Arc<Common>, when: Measure) -> Result<devices::Verdict, ModelError> {
    let Common { registry, machine, settings, selected, quality, .. } = &**common;
    let of_registry = TASKS.iter().any(|entry| {
        (entry.used)(*quality) == Use::Always && matches!(entry.model, ModelOf::Registry { .. }) && entry.load.is_some()
    });
    let models: Vec<Selected> = selected.iter().map(|(_, model)| model.clone()).collect();
    let has_models = || !of_registry || registry.locate(&models, &Fetching::never()).is_ok();
    let digests: Vec<String> = models.iter().map(|model| model.sha256.to_string()).collect();
    let contest = Contest {
        machine,
        registry,
        at_hand: registry.has_runtime() && has_models(),
        key: vec![quality.to_string(), digests.join(", ")],
        load: &|device| DevicePlan::new(common.clone(), device.clone(), String::new()).work(),
        threads: &|device| settings.device_threads(device),
        memory: settings.models.memory,
    };
    devices::automatic(&contest, when)
}

fn as_text<S: serde::Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Common {
    /// Whether pages of pixels are asked for what only full structure needs.
    fn wants_structure(&self) -> bool {
        self.settings.structure.mode == Structure::Full
    }

    /// Whether a task is anybody's here: formulas are looked for only where something reads them.
    fn asks(&self, task: Task) -> bool {
        task != Task::InlineFormulas || self.formula.is_some()
    }

    /// What is named instead of, or beside, our own, as far as pages meet it.
    fn chosen(&self) -> &[(Task, Selected)] {
        if self.wants_structure() { &self.chosen } else { &[] }
    }

    /// Whether every page of pixels meets a model that is used so.
    fn is_met_always(&self, used: Use) -> bool {
        match used {
            Use::Always => true,
            Use::ForStructure => self.wants_structure(),
            Use::InDoubt | Use::ForSearch | Use::Never => false,
        }
    }

    fn batch_limits(&self, device: &DeviceChoice) -> BatchLimits {
        self.settings.batch_limits(device)
    }

    fn memory(&self) -> ByteSize {
        self.settings.models.memory
    }
}

#[cfg(test)]
mod tests;
