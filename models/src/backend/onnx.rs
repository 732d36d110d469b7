//! ONNX Runtime, loaded at run time.
//!
//! One session belongs to one thread: `intra_op` = 1, no spinning, one session per core. That beats one session with two
//! threads (1.1-1.3 s against 1.25-1.5, and 2.0-2.4 with spinning) and makes a result independent of what else runs.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Once},
    time::Instant,
};

use ort::{
    ep,
    session::{RunOptions, builder::GraphOptimizationLevel, builder::SessionBuilder},
    value::TensorRef,
};

use pagestream_documents::ByteSize;

pub use super::provider::Provider;
use super::{
    Backend, ModelContent, ModelSource, Session, TensorView, WEIGHTS_ONLY,
    foreign::{self, Fenced},
    named::NamedSession,
};
use crate::{
    error::{Error, Result},
    instructions::features,
};

pub mod denormals;
pub mod library;
mod named;
mod optimized;
mod usage;

use denormals::FlushToZero;
pub use library::OnnxRuntime;
use named::NamedOnnxSession;
use optimized::{Made, OptimizedModel, OptimizedModels};

/// What a session does with the memory of one run when the run is over.
///
/// Measured by `examples/session_memory.rs`: two threads, each with a detector at 960 x 416..=864 and a recogniser at widths
/// 160..=1600, sixteen pages of forty lines (CPU s; MiB resident afterwards and at the peak; 132 MiB when loaded):
/// keep 21.9, 590, 608; shrink 21.4, 248-306, 563-585; none 22.9, 320, 581. One arena shared by all sessions that is shrunk
/// too came to 21.6, 284, 552, and to 671 afterwards when it was not: no gain that would pay for a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryPolicy {
    /// Keeps it for the next run. It never shrinks: the peak of all shapes seen stays, in each session.
    KeepArena,
    /// Keeps an arena during the run and gives it back afterwards.
    #[default]
    ShrinkArena,
    /// No arena: each tensor is allocated and freed by the system's allocator.
    NoArena,
}

#[derive(Clone, Debug, Default)]
pub struct OnnxOptions {
    pub provider: Provider,
    pub memory: MemoryPolicy,
    /// Every node must run on the provider; otherwise loading fails. ONNX Runtime gives what a provider cannot do to the
    /// CPU, as it must for most real models on a GPU (shapes); for a test graph it would hide that nothing works.
    pub whole_graph: bool,
    /// Where models are kept as they were optimised, so that they load in a third of the time; `None`: nowhere. Only for
    /// the CPU: the other providers compile a model in their own way.
    pub optimized_dir: Option<PathBuf>,
}

/// Loads models into ONNX Runtime with one provider.
#[derive(Clone, Debug)]
pub struct OnnxBackend {
    runtime: OnnxRuntime,
    options: OnnxOptions,
    optimized: Option<Arc<OptimizedModels>>,
    name: String,
}

impl OnnxBackend {
    pub fn new(runtime: OnnxRuntime, options: OnnxOptions) -> Self {
        let name = format!("onnxruntime-{}", options.provider);
        let dir = options.optimized_dir.clone().filter(|_| options.provider == Provider::Cpu);
        let optimized = dir.map(|dir| Arc::new(OptimizedModels::new(dir)));
        Self { runtime, options, optimized, name }
    }

    /// Loads a model from memory: for small graphs that are made in code.
    ///
    /// # Errors
    /// [`Error::Device`] where the provider cannot start, [`Error::Load`] where the model cannot be used.
    pub fn load_bytes(&self, name: &str, model: &[u8]) -> Result<Fenced<OnnxSession>> {
        let _inside = foreign::enter().ok_or_else(|| foreign::ending(&self.name))?;
        self.session(name, None, |mut builder| builder.commit_from_memory(model)).map(Fenced::new)
    }

    /// The model as it was optimised here earlier, or now.
    fn optimized(&self, model: &ModelSource) -> Option<OnnxSession> {
        let models = self.optimized.as_ref()?;
        let name = optimized::entry_name(model.sha256, self.runtime.version(), &features());
        let entry = match models.open(&name) {
            Some(entry) => entry,
            // What is wrong with the model is told when it is loaded as it came.
            None => match models.make(&name, |path| self.optimize(model, path)).ok()?? {
                Made::Now(session) => return Some(session),
                Made::Before(entry) => entry,
            },
        };
        let bytes = entry.clone();
        let session = self.session(&model.id, Some(entry), |builder| {
            let builder = builder.with_config_entry("session.use_ort_model_bytes_directly", "1")?;
            builder.with_config_entry("session.use_ort_model_bytes_for_initializers", "1")?.commit_from_memory(&bytes)
        });
        session
            .inspect_err(|error| {
                tracing::warn!(%error, "an optimised model is of no use and is made anew");
                models.remove(&name);
            })
            .ok()
    }

    /// Loads the model, and writes it to `path` in ORT format, optimised for this CPU.
    fn optimize(&self, model: &ModelSource, path: &Path) -> Result<OnnxSession> {
        let started = Instant::now();
        let session = self.session(&model.id, None, |builder| {
            let builder = builder.with_config_entry("session.save_model_format", "ORT")?;
            commit(builder.with_optimized_model_path(path)?, model)
        });
        tracing::debug!(model = %model.id, elapsed_ms = started.elapsed().as_millis(), "model optimised");
        session
    }

    fn session(
        &self,
        model: &str,
        bytes: Option<Arc<OptimizedModel>>,
        commit: impl FnOnce(SessionBuilder) -> ort::Result<ort::session::Session>,
    ) -> Result<OnnxSession> {
        let (session, run_options) = self.loaded(model, commit)?;
        let usage = usage::Usage::of(&session, &self.options.provider);
        Ok(OnnxSession { usage, memory: ByteSize::default(), session, run_options, model: model.into(), _bytes: bytes })
    }

    fn loaded(
        &self,
        model: &str,
        commit: impl FnOnce(SessionBuilder) -> ort::Result<ort::session::Session>,
    ) -> Result<(ort::session::Session, RunOptions)> {
        let fail = |error: ort::Error| Error::Load {
            model: model.into(),
            backend: self.name.clone(),
            cause: error.message().to_owned(),
        };
        let mut builder = self.builder().map_err(fail)?;
        if let Some(provider) = self.dispatch() {
            builder = builder.with_execution_providers([provider]).map_err(|error| Error::Device {
                device: self.options.provider.to_string(),
                cause: in_plain_words(error.message()),
            })?;
        }
        let session = commit(builder).map_err(fail)?;
        let mut run_options = RunOptions::new().map_err(fail)?;
        if self.options.memory == MemoryPolicy::ShrinkArena {
            run_options.set("memory.enable_memory_arena_shrinkage", "cpu:0").map_err(fail)?;
        }
        Ok((session, run_options))
    }

    fn builder(&self) -> ort::Result<SessionBuilder> {
        let mut builder = SessionBuilder::new(&self.runtime.environment)?
            .with_no_environment_execution_providers()?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            // A pattern is remembered for every shape that was ever run, and used to reserve its peak in one piece: both
            // are for fixed shapes, and ours are line widths.
            .with_memory_pattern(false)?;
        if self.options.memory == MemoryPolicy::NoArena {
            builder = builder.with_execution_providers([ep::CPU::default().with_arena_allocator(false).build()])?;
        }
        if self.options.whole_graph && self.options.provider != Provider::Cpu {
            builder = builder.with_disable_cpu_fallback()?;
        }
        Ok(builder)
    }

    fn dispatch(&self) -> Option<ep::ExecutionProviderDispatch> {
        let device_id = |device: u32| i32::try_from(device).unwrap_or(i32::MAX);
        let provider = match &self.options.provider {
            Provider::Cpu => return None,
            // Without a precision OpenVINO chose bf16 where the CPU has it: slower here (3.4 s against 2.1) and less
            // exact everywhere. One thread and one stream, for the reason above.
            Provider::OpenVino { device } => ep::OpenVINO::default()
                .with_device_type(device)
                .with_precision("FP32")
                .with_num_threads(1)
                .with_num_streams(1)
                .build(),
            Provider::Cuda { device } => ep::CUDA::default()
                .with_device_id(device_id(*device))
                .with_arena_extend_strategy(ep::ArenaExtendStrategy::SameAsRequested)
                .build(),
            Provider::TensorRt { device } => ep::TensorRT::default().with_device_id(device_id(*device)).build(),
        };
        Some(provider.error_on_failure())
    }
}

impl Backend for OnnxBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>> {
        let _inside = foreign::enter().ok_or_else(|| foreign::ending(&self.name))?;
        let started = Instant::now();
        let (mut session, optimized) = match self.optimized(model) {
            Some(session) => (session, true),
            None => (self.session(&model.id, None, |builder| commit(builder, model))?, false),
        };
        let weights = model.bytes()?.len() as u64;
        session.memory = ByteSize(if session._bytes.is_some() { weights / 2 } else { weights * 2 });
        let elapsed_ms = started.elapsed().as_millis();
        tracing::debug!(model = %model.id, backend = %self.name, optimized, elapsed_ms, "model loaded");
        close_at_exit();
        Ok(Box::new(Fenced::new(session)))
    }

    fn load_named(&self, model: &ModelSource) -> Result<Box<dyn NamedSession>> {
        let _inside = foreign::enter().ok_or_else(|| foreign::ending(&self.name))?;
        // Weights that are kept in int8 and computed in f32 are made f32 once, not at every run.
        let expanded = model.metadata(WEIGHTS_ONLY)?.is_some();
        let (session, run_options) = self.loaded(&model.id, |builder| {
            let builder = if expanded { builder.with_config_entry("session.disable_quant_qdq", "1")? } else { builder };
            commit(builder, model)
        })?;
        let bytes = model.bytes()?.len() as u64;
        // As for `OnnxSession`, and four bytes for every one that is expanded.
        let memory = ByteSize(if expanded { bytes * 5 } else { bytes * 2 });
        close_at_exit();
        Ok(Box::new(Fenced::new(NamedOnnxSession::new(session, run_options, model.id.clone(), memory))))
    }
}

/// The first model makes what the library keeps for good, and takes apart at the process's end.
fn close_at_exit() {
    static FIRST: Once = Once::new();
    FIRST.call_once(foreign::close_at_exit);
}

/// Why a provider does not start, out of what the library says: without its source files, functions and error codes.
fn in_plain_words(message: &str) -> String {
    if let Some((before, _)) = message.split_once(": cannot open shared object file") {
        let library = before.rsplit([' ', ':']).next().unwrap_or(before);
        return format!("{library}, a library that it needs, is not installed");
    }
    let said = message.rsplit("FAIL : ").next().unwrap_or(message);
    said.lines().next().unwrap_or(said).split(" ; ").next().unwrap_or(said).trim().to_owned()
}

fn commit(mut builder: SessionBuilder, model: &ModelSource) -> ort::Result<ort::session::Session> {
    match &model.content {
        ModelContent::File(path) => builder.commit_from_file(path),
        ModelContent::BuiltIn(bytes) => builder.commit_from_memory(bytes),
    }
}

/// One model in ONNX Runtime. Its first input and its first output are what it is for.
pub struct OnnxSession {
    usage: Option<usage::Usage>,
    /// An estimate. With weights of its own a session was measured to take twice the model's size (the weights, and copies
    /// laid out for the CPU); with weights in a shared map, a half of it.
    memory: ByteSize,
    session: ort::session::Session,
    run_options: RunOptions,
    model: String,
    /// What the session's weights lie in. Declared after the session, and so dropped after it.
    _bytes: Option<Arc<OptimizedModel>>,
}

impl fmt::Debug for OnnxSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OnnxSession").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Session for OnnxSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        self.outputs(input, &mut |outputs| read(outputs[0]), 1)
    }

    fn run_all(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        self.outputs(input, read, usize::MAX)
    }

    fn has_several_outputs(&self) -> bool {
        self.session.outputs().len() > 1
    }

    fn peak_bytes(&self) -> Option<u64> {
        self.usage.as_ref()?.peak_bytes()
    }

    fn memory(&self) -> ByteSize {
        self.memory
    }
}

impl OnnxSession {
    /// Lends the first `count` outputs, or all there are.
    fn outputs(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(&[TensorView<'_>]), count: usize) -> Result<()> {
        let model = &self.model;
        let fail = |error: ort::Error| Error::Inference { model: model.clone(), cause: error.message().to_owned() };
        let input = TensorRef::from_array_view((input.shape, input.data)).map_err(fail)?;
        let outputs = {
            let _guard = FlushToZero::on_this_thread();
            self.session.run_with_options(ort::inputs![input], &self.run_options).map_err(fail)?
        };
        let mut lent = Vec::new();
        for at in 0..outputs.len().min(count) {
            let (shape, data) = outputs[at].try_extract_tensor::<f32>().map_err(fail)?;
            // Dimensions of a tensor that exists are never negative.
            lent.push((shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect::<Vec<_>>(), data));
        }
        let views: Vec<TensorView<'_>> = lent.iter().map(|(shape, data)| TensorView { shape, data }).collect();
        read(&views);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
