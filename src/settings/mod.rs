//! Settings: what `config/default.toml` names, as types. [`layers`] finds the values; here they get their meaning.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use pagestream_actors::{BatchLimits, DuplicateMode, OcrMode, PipelineOptions, ReadingOptions};
use pagestream_documents::{ByteSize, Limits, RenderOptions, Structure, output::FormulaDelimiters};
use pagestream_models::{
    backend::Provider,
    device::DeviceChoice,
    ocr::{OcrOptions, Quality},
    registry::{FetchPolicy, RegistryOptions, machine_dir},
};
use pagestream_store::{CacheOptions, Durability, Retention, StoreOptions};
use serde::{Deserialize, Deserializer, de::Error as _};

pub mod download;
pub mod layers;
mod memory;
pub mod server;
pub mod watch;

pub use download::DownloadSettings;
pub use layers::{Layers, Origin, SettingsError};
pub use server::ServerSettings;
pub use watch::WatchSettings;

/// All settings, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    pub ocr: OcrSettings,
    pub render: RenderSettings,
    pub limits: LimitSettings,
    pub structure: StructureSettings,
    pub output: OutputSettings,
    pub duplicates: DuplicateSettings,
    pub embeddings: EmbeddingSettings,
    pub pipeline: PipelineSettings,
    pub device: DeviceSettings,
    pub models: ModelSettings,
    pub ort: OrtSettings,
    pub store: StoreSettings,
    pub cache: CacheSettings,
    pub download: DownloadSettings,
    pub watch: WatchSettings,
    pub server: ServerSettings,
    pub log: LogSettings,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OcrSettings {
    pub mode: OcrMode,
    #[serde(deserialize_with = "quality")]
    pub quality: Quality,
    pub detect_max_side: u32,
    pub min_confidence: f32,
    pub orient: bool,
    pub second_looks: bool,
    pub second_opinion: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RenderSettings {
    pub dpi: f32,
    pub min_side: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitSettings {
    #[serde(deserialize_with = "size")]
    pub page: ByteSize,
    #[serde(deserialize_with = "duration")]
    pub page_time: Duration,
    #[serde(deserialize_with = "unless_none")]
    pub document_time: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StructureSettings {
    pub mode: Structure,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OutputSettings {
    pub formulas: FormulaDelimiters,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DuplicateSettings {
    pub mode: DuplicateMode,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EmbeddingSettings {
    pub mode: EmbeddingMode,
}

/// Whether vectors are made of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbeddingMode {
    /// With a data directory, where the model is installed.
    Auto,
    /// The model is fetched if it is missing.
    Always,
    Never,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PipelineSettings {
    #[serde(deserialize_with = "auto_size")]
    pub memory_budget: Option<ByteSize>,
    pub pages_in_flight: usize,
    pub open_documents: NonZeroUsize,
    pub reader_window: NonZeroUsize,
    pub cpu_threads: usize,
    pub page_attempts: u32,
    #[serde(deserialize_with = "duration")]
    pub drain: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DeviceSettings {
    #[serde(rename = "use", deserialize_with = "device_use")]
    pub devices: DeviceUse,
    pub threads: usize,
    pub batch: usize,
    #[serde(deserialize_with = "size")]
    pub batch_memory: ByteSize,
    #[serde(deserialize_with = "duration")]
    pub max_queue_delay: Duration,
    #[serde(deserialize_with = "duration")]
    pub target_latency: Duration,
    #[serde(deserialize_with = "duration")]
    pub inference_time: Duration,
    pub losses: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelSettings {
    #[serde(deserialize_with = "path")]
    pub dir: Option<PathBuf>,
    pub detector: String,
    pub recognizer: String,
    pub embedder: String,
    /// An id or a path; `built-in` for our own.
    pub layout: String,
    /// An id or a path; `none` for geometry alone.
    pub table: String,
    /// `built-in`, `none`, or a folder with an encoder and a decoder.
    pub formula: String,
    /// Whether what is missing is fetched. This takes permissions away and gives none: see [`crate::engine::Fetching`].
    #[serde(deserialize_with = "fetch_policy")]
    pub fetch: FetchPolicy,
    #[serde(deserialize_with = "size")]
    pub memory: ByteSize,
    pub cache: String,
}

/// Which devices run the models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceUse {
    /// The quickest of those that are installed: see `machine::devices`.
    Auto,
    /// These, side by side.
    Named(Vec<DeviceChoice>),
}

impl DeviceUse {
    /// The devices that were asked for by name.
    pub fn named(&self) -> &[DeviceChoice] {
        match self {
            Self::Auto => &[],
            Self::Named(devices) => devices,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OrtSettings {
    #[serde(deserialize_with = "path")]
    pub dylib: Option<PathBuf>,
    pub runtime: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StoreSettings {
    #[serde(deserialize_with = "path")]
    pub data_dir: Option<PathBuf>,
    pub sync_pages: bool,
    #[serde(deserialize_with = "unless_forever")]
    pub keep_for: Option<Duration>,
    #[serde(deserialize_with = "unless_unlimited")]
    pub keep_size: Option<ByteSize>,
    /// Whether what is read can be searched for. No setting of people: commands that print what they read into no data directory do without.
    #[serde(skip, default = "by_words")]
    pub words: bool,
}

fn by_words() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheSettings {
    #[serde(deserialize_with = "size")]
    pub pages: ByteSize,
    #[serde(deserialize_with = "size")]
    pub lines: ByteSize,
    #[serde(deserialize_with = "size")]
    pub embeddings: ByteSize,
    #[serde(deserialize_with = "duration")]
    pub time: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogSettings {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Settings {
    /// The settings that hold for this user here: defaults, the user's file, the project's file, the environment.
    ///
    /// # Errors
    /// One sentence that names the key and where it was set.
    pub fn load() -> Result<Self, SettingsError> {
        Layers::standard(None)?.settings()
    }

    /// The built-in defaults, whatever the user has set.
    pub fn defaults() -> Self {
        Layers::built_in().settings().expect("the built-in defaults are valid; a test sees to it")
    }

    pub fn pipeline_options(&self) -> PipelineOptions {
        let defaults = PipelineOptions::default();
        let or = |n: usize, default: NonZeroUsize| NonZeroUsize::new(n).unwrap_or(default);
        PipelineOptions {
            reading: self.reading_options(),
            cpu_threads: or(self.pipeline.cpu_threads, defaults.cpu_threads),
            memory_budget: self.pipeline.memory_budget.unwrap_or_else(memory::default_budget),
            pages_in_flight: or(self.pipeline.pages_in_flight, defaults.pages_in_flight),
            open_documents: self.pipeline.open_documents,
            reader_window: self.pipeline.reader_window,
            page_time_limit: self.limits.page_time,
            document_time_limit: self.limits.document_time,
            inference_time_limit: self.device.inference_time,
            page_attempts: self.pipeline.page_attempts.max(1),
            device_losses: self.device.losses.max(1),
            page_cache: CacheOptions { max_size: self.cache.pages, time_to_live: self.cache.time },
            line_cache: CacheOptions { max_size: self.cache.lines, time_to_live: self.cache.time },
            embedding_cache: CacheOptions { max_size: self.cache.embeddings, time_to_live: self.cache.time },
            embeddings: None,
            retention: Retention { max_age: self.store.keep_for, max_size: self.store.keep_size },
        }
    }

    fn reading_options(&self) -> ReadingOptions {
        let OcrSettings { mode: _, quality, detect_max_side, min_confidence, orient, second_looks, second_opinion } =
            self.ocr;
        let ocr = OcrOptions {
            quality,
            detect_max_side,
            min_confidence,
            orient,
            second_looks,
            second_opinion,
            ..OcrOptions::default()
        };
        ReadingOptions {
            render: RenderOptions { dpi: self.render.dpi, min_side: self.render.min_side },
            ocr,
            limits: Limits { page: self.limits.page },
            duplicates: self.duplicates.mode,
            structure: self.structure.mode,
            models: None,
        }
    }

    pub fn registry_options(&self) -> RegistryOptions {
        RegistryOptions {
            models_dir: self.models.dir.clone(),
            ort_dylib: self.ort.dylib.clone(),
            runtime: self.runtime(),
            python: None,
        }
    }

    /// Where what is worked out on this machine is kept.
    pub fn machine_dir(&self) -> Option<PathBuf> {
        match self.models.cache.as_str() {
            "off" => None,
            "" => machine_dir(),
            dir => Some(PathBuf::from(dir)),
        }
    }

    /// Where models are kept as they were optimised on this machine.
    pub fn optimized_dir(&self) -> Option<PathBuf> {
        Some(self.machine_dir()?.join("optimised"))
    }

    /// The library of the manifest that has the providers asked for.
    fn runtime(&self) -> Option<String> {
        if !self.ort.runtime.is_empty() {
            return Some(self.ort.runtime.clone());
        }
        self.device.devices.named().iter().find_map(|device| match device {
            DeviceChoice::OpenVino { .. } | DeviceChoice::Onnx(Provider::Cpu) => None,
            DeviceChoice::Onnx(Provider::OpenVino { .. }) => Some("onnxruntime-openvino".to_owned()),
            DeviceChoice::Onnx(Provider::Cuda { .. } | Provider::TensorRt { .. }) => Some("onnxruntime-gpu".to_owned()),
        })
    }

    pub fn store_options(&self) -> StoreOptions {
        let durability = if self.store.sync_pages { Durability::PowerLoss } else { Durability::ProcessCrash };
        StoreOptions { durability, words: self.store.words, ..StoreOptions::default() }
    }

    /// Threads of one device: a CPU has one a core, a GPU one.
    pub fn device_threads(&self, device: &DeviceChoice) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match self.device.threads {
            0 if device.is_cpu() => cores,
            0 => 1,
            threads => threads,
        }
    }

    /// What one run of a model may take on a device.
    pub fn batch_limits(&self, device: &DeviceChoice) -> BatchLimits {
        let items = match self.device.batch {
            0 if device.is_cpu() => 1,
            // Beyond it a GPU gained nothing more in any published figure for models of this size.
            0 => 32,
            items => items,
        };
        let DeviceSettings { batch_memory, max_queue_delay, target_latency, .. } = self.device;
        BatchLimits { items, bytes: batch_memory.bytes(), max_queue_delay, target_latency }
    }
}

/// Reads `90s`, `1.5m`, `250ms`, `2h`, `1d`.
///
/// # Errors
/// One sentence with an example.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a length of time; write for example 30s, 10m or 500ms");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let seconds = match text[digits..].trim() {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn auto_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ByteSize>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "auto" => Ok(None),
        text => text.parse().map(Some).map_err(D::Error::custom),
    }
}

fn unless_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "none" => Ok(None),
        text => parse_duration(text).map(Some).map_err(D::Error::custom),
    }
}

fn unless_forever<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "forever" => Ok(None),
        text => parse_duration(text).map(Some).map_err(D::Error::custom),
    }
}

fn unless_unlimited<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ByteSize>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "unlimited" => Ok(None),
        text => text.parse().map(Some).map_err(D::Error::custom),
    }
}

fn quality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quality, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn fetch_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FetchPolicy, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

fn device_use<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeviceUse, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "auto" {
        return Ok(DeviceUse::Auto);
    }
    let devices = text.split(',').map(|name| name.trim().parse().map_err(|e| D::Error::custom(format!("{e}"))));
    devices.collect::<Result<_, _>>().map(DeviceUse::Named)
}

#[cfg(test)]
mod tests {
    use pagestream_models::registry::{DETECTOR, RECOGNIZER};

    use super::*;

    #[test]
    fn the_built_in_defaults_are_those_of_the_types() {
        let settings = Settings::defaults();
        let (ours, types) = (settings.pipeline_options(), PipelineOptions::default());
        assert_eq!(ours.reading.ocr, types.reading.ocr);
        assert_eq!(ours.reading.key(), types.reading.key());
        assert_eq!(ours.pages_in_flight, types.pages_in_flight);
        assert_eq!(ours.page_time_limit, types.page_time_limit);
        assert_eq!(ours.inference_time_limit, types.inference_time_limit);
        assert_eq!(ours.open_documents, types.open_documents);
        assert_eq!(ours.retention, types.retention);
        assert_eq!(settings.device.devices, DeviceUse::Named(vec![DeviceChoice::Onnx(Provider::Cpu)]));
        assert_eq!((&*settings.models.detector, &*settings.models.recognizer), (DETECTOR, RECOGNIZER));
    }

    #[test]
    fn lengths_of_time_have_units() {
        for (text, seconds) in [("90s", 90.0), ("1.5m", 90.0), ("250ms", 0.25), ("2h", 7200.0), ("1d", 86400.0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "90", "s", "1w", "-1s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
