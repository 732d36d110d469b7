//! OpenVINO by itself, through its C library, loaded at run time.
//!
//! A model is compiled for a device with one thread for each session that may run at a time; its sessions share the
//! weights. With a shape left open, OpenVINO gives every tensor of the graph memory of its own and never takes any back: a
//! gigabyte for two threads that detect. So inputs of the size of a page are run by a model that is compiled for their
//! shape, in which tensors take turns in the same memory, and each session keeps few of those. Lines, which come in many
//! widths, are run with the width left open.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak},
    time::Instant,
};

use openvino::{
    CompiledModel, Core, DeviceType, Dimension, ElementType, InferRequest, InferenceError, PartialShape, RwPropertyKey,
    Shape, Tensor,
};
use pagestream_documents::{ByteSize, Digest};

use super::{
    Backend, ModelContent, ModelSource, Session, TensorView,
    foreign::{self, Fenced},
};
use crate::error::{Error, Result};

#[derive(Clone, Debug)]
pub struct OpenVinoOptions {
    /// As OpenVINO names it: `CPU`, `GPU`, `GPU.1`, `NPU`.
    pub device: String,
    /// Sessions of one model that run at the same time; each has one thread.
    pub streams: usize,
}

impl Default for OpenVinoOptions {
    fn default() -> Self {
        Self { device: "CPU".to_owned(), streams: 1 }
    }
}

/// Inputs from this many numbers on have models of their shape, unless they are lines: pages, and not the pieces of pages
/// that are looked at again, which come in every shape. 960 x 352 pixels.
const PAGE_NUMBERS: usize = 1_000_000;

/// The shorter side of a page has more pixels than this, and a line is lower.
const LINE_HEIGHT: usize = 128;

/// Shapes that a session keeps models for. A document has one or two sizes of page.
const FIXED_SHAPES: usize = 2;

/// One in this many sessions detects at a time, as the scheduler lets them.
const FIXED_SHARE: usize = 4;

/// OpenVINO's C library, which a process loads once.
static LOADED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Loads models into OpenVINO for one device.
#[derive(Debug)]
pub struct OpenVinoBackend(Arc<Inner>);

struct Inner {
    options: OpenVinoOptions,
    name: String,
    core: Mutex<Fenced<Core>>,
    /// What sessions hold.
    compiled: Mutex<BTreeMap<Compilation, Weak<Mutex<CompiledModel>>>>,
}

/// A model, and the shape that it is compiled for: `None` leaves it open.
type Compilation = (Digest, Option<Vec<usize>>);

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpenVino").field("options", &self.options).finish_non_exhaustive()
    }
}

impl OpenVinoBackend {
    /// Loads OpenVINO's C library from `library`, and sees whether the device is there.
    ///
    /// # Errors
    /// [`Error::Device`] when the library cannot be loaded, or OpenVINO does not know the device.
    pub fn new(library: &Path, options: OpenVinoOptions) -> Result<Self> {
        let name = format!("openvino-native:{}", options.device);
        let fail = |cause: String| Error::Device { device: name.clone(), cause };
        let _inside = foreign::enter().ok_or_else(|| foreign::ending(&name))?;
        load_library(library).map_err(fail)?;
        let core = Core::new().map_err(|error| fail(error.to_string()))?;
        let known: Vec<String> = {
            let devices = core.available_devices().map_err(|error| fail(text(error)))?;
            devices.iter().map(|device| device.as_ref().to_owned()).collect()
        };
        if !known.contains(&options.device) {
            return Err(fail(format!("OpenVINO finds no such device here; it finds: {}", known.join(", "))));
        }
        Ok(Self(Arc::new(Inner { options, name, core: Mutex::new(Fenced::new(core)), compiled: Mutex::default() })))
    }
}

impl Backend for OpenVinoBackend {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>> {
        let _inside = foreign::enter().ok_or_else(|| foreign::ending(&self.0.name))?;
        let open = self.0.request(model, None)?;
        let weights = model.bytes()?.len() as u64;
        let memory = ByteSize(weights * 2 / self.0.options.streams.max(1) as u64);
        // The first model makes what the library keeps for good, and takes apart at the process's end.
        static FIRST: Once = Once::new();
        FIRST.call_once(foreign::close_at_exit);
        let outputs = lock(&open.compiled).get_output_size().map_err(|error| Error::Load {
            model: model.id.clone(),
            backend: self.0.name.clone(),
            cause: text(error),
        })?;
        let (source, backend) = (model.clone(), self.0.clone());
        Ok(Box::new(Fenced::new(OpenVinoSession { open, fixed: Vec::new(), outputs, memory, source, backend })))
    }
}

impl Inner {
    fn request(&self, source: &ModelSource, shape: Option<&[usize]>) -> Result<Request> {
        let fail = |error: InferenceError| Error::Load {
            model: source.id.clone(),
            backend: self.name.clone(),
            cause: text(error),
        };
        let compiled = self.compiled(source, shape)?;
        let request = lock(&compiled).create_infer_request().map_err(fail)?;
        Ok(Request { request, compiled })
    }

    fn compiled(&self, source: &ModelSource, shape: Option<&[usize]>) -> Result<Arc<Mutex<CompiledModel>>> {
        let what = (source.sha256, shape.map(<[usize]>::to_vec));
        // Held throughout: threads that want the same model wait for it.
        let mut compiled = lock(&self.compiled);
        if let Some(model) = compiled.get(&what).and_then(Weak::upgrade) {
            return Ok(model);
        }
        let fail = |cause: String| Error::Load { model: source.id.clone(), backend: self.name.clone(), cause };
        if let ModelContent::File(path) = &source.content
            && path.to_str().is_none_or(|path| path.contains('\0'))
        {
            return Err(fail("OpenVINO takes paths in UTF-8 only".to_owned()));
        }
        let started = Instant::now();
        let model = compile(&mut lock(&self.core), source, shape, &self.options).map_err(|error| fail(text(error)))?;
        let elapsed_ms = started.elapsed().as_millis();
        tracing::debug!(model = %source.id, backend = %self.name, ?shape, elapsed_ms, "model compiled");
        let model = Arc::new(Mutex::new(model));
        compiled.retain(|_, model| model.strong_count() > 0);
        compiled.insert(what, Arc::downgrade(&model));
        Ok(model)
    }
}

fn compile(
    core: &mut Core,
    source: &ModelSource,
    shape: Option<&[usize]>,
    options: &OpenVinoOptions,
) -> Result<CompiledModel, InferenceError> {
    let mut model = match &source.content {
        ModelContent::File(path) => core.read_model_from_file(&path.to_string_lossy(), "")?,
        ModelContent::BuiltIn(bytes) => core.read_model_from_buffer(bytes, None)?,
    };
    let device = DeviceType::from(options.device.as_str()).to_owned();
    let streams = if shape.is_some() { options.streams / FIXED_SHARE } else { options.streams };
    for (key, value) in properties(&options.device, streams.max(1)) {
        core.set_property(&device, &key, &value)?;
    }
    if let Some(shape) = shape {
        // Sizes of a tensor that is in memory fit.
        let dimensions: Vec<Dimension> = shape.iter().map(|&size| Dimension::new(size as i64, size as i64)).collect();
        model.reshape_single_input(&PartialShape::new(shape.len() as i64, &dimensions)?)?;
    }
    core.compile_model(&model, device)
}

/// One stream of one thread a session. Without a precision it takes bf16 where the CPU has it (slower here, 3.4 s against
/// 2.1, and less exact everywhere), and unless pinning is off the threads of all models sit on the first cores.
fn properties(device: &str, streams: usize) -> Vec<(RwPropertyKey, String)> {
    let mut properties = vec![(RwPropertyKey::HintInferencePrecision, "f32".to_owned())];
    if device == "CPU" {
        properties.extend([
            (RwPropertyKey::InferenceNumThreads, streams.to_string()),
            (RwPropertyKey::NumStreams, streams.to_string()),
            (RwPropertyKey::HintEnableCpuPinning, "NO".to_owned()),
            (RwPropertyKey::Other("CPU_DENORMALS_OPTIMIZATION".into()), "YES".to_owned()),
        ]);
    }
    properties
}

/// A place to run a compiled model in.
struct Request {
    request: InferRequest,
    compiled: Arc<Mutex<CompiledModel>>,
}

/// One model in OpenVINO. Its only input and its outputs are what it is for.
struct OpenVinoSession {
    open: Request,
    /// For shapes of pages; the one used last is last.
    fixed: Vec<(Vec<usize>, Request)>,
    /// How many there are.
    outputs: usize,
    memory: ByteSize,
    source: ModelSource,
    backend: Arc<Inner>,
}

impl OpenVinoSession {
    fn request(&mut self, shape: &[usize]) -> Result<&mut Request> {
        let is_line = shape.iter().skip(2).any(|&size| size < LINE_HEIGHT);
        if is_line || shape.iter().product::<usize>() < PAGE_NUMBERS {
            return Ok(&mut self.open);
        }
        let request = match self.fixed.iter().position(|(known, _)| known == shape) {
            Some(at) => self.fixed.remove(at),
            None => {
                // The oldest goes first, so that there are never more than are kept.
                self.fixed.drain(..(self.fixed.len() + 1).saturating_sub(FIXED_SHAPES));
                (shape.to_vec(), self.backend.request(&self.source, Some(shape))?)
            }
        };
        self.fixed.push(request);
        let at = self.fixed.len() - 1;
        Ok(&mut self.fixed[at].1)
    }
}

impl OpenVinoSession {
    /// Lends the first `count` outputs.
    fn lend(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(&[TensorView<'_>]), count: usize) -> Result<()> {
        let model = self.source.id.clone();
        let fail = |cause: String| Error::Inference { model: model.clone(), cause };
        if input.data.len() != input.shape.iter().product::<usize>() {
            return Err(fail(format!("{} numbers are no tensor of shape {:?}", input.data.len(), input.shape)));
        }
        let request = &mut self.request(input.shape)?.request;
        let outputs = infer(request, input, count).map_err(|error| fail(text(error)))?;
        let data = outputs.iter().map(|(_, output)| output.get_data::<f32>()).collect::<Result<Vec<_>, _>>();
        let data = data.map_err(|error| fail(text(error)))?;
        let views: Vec<TensorView<'_>> =
            outputs.iter().zip(data).map(|((shape, _), data)| TensorView { shape, data }).collect();
        read(&views);
        Ok(())
    }
}

impl Session for OpenVinoSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        self.lend(input, &mut |outputs| read(outputs[0]), 1)
    }

    fn run_all(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        self.lend(input, read, self.outputs)
    }

    fn has_several_outputs(&self) -> bool {
        self.outputs > 1
    }

    fn memory(&self) -> ByteSize {
        self.memory
    }
}

/// The first `count` outputs with their shapes.
fn infer(
    request: &mut InferRequest,
    input: TensorView<'_>,
    count: usize,
) -> Result<Vec<(Vec<usize>, Tensor)>, InferenceError> {
    // Sizes of a tensor that is in memory fit.
    let shape: Vec<i64> = input.shape.iter().map(|&size| size as i64).collect();
    let mut tensor = Tensor::new(ElementType::F32, &Shape::new(&shape)?)?;
    tensor.get_data_mut::<f32>()?.copy_from_slice(input.data);
    request.set_input_tensor(&tensor)?;
    request.infer()?;
    let output = |at| {
        let output = request.get_output_tensor_by_index(at)?;
        let shape = output.get_shape()?;
        let shape = shape.get_dimensions().iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        Ok((shape, output))
    };
    (0..count).map(output).collect()
}

fn load_library(library: &Path) -> Result<(), String> {
    let mut loaded = lock(&LOADED);
    match loaded.as_deref() {
        Some(path) if path == library => return Ok(()),
        Some(path) => return Err(format!("this process has already loaded {}", path.display())),
        None => {}
    }
    if !library.is_file() {
        return Err(format!("there is no file {}", library.display()));
    }
    openvino_sys::library::load_from(library.to_path_buf())?;
    foreign::close_at_exit();
    *loaded = Some(library.to_path_buf());
    Ok(())
}

fn text(error: InferenceError) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::tiny,
        registry::{DETECTOR, Fetching, RECOGNIZER, Registry, RegistryOptions},
    };

    /// OpenVINO, where `pagestream models pull onnxruntime-openvino` has installed it.
    fn backend(device: &str) -> Option<Result<OpenVinoBackend>> {
        let registry = Registry::open(RegistryOptions::default()).unwrap();
        let Some(library) = registry.openvino_library() else {
            println!("passed over: OpenVINO is not installed");
            return None;
        };
        Some(OpenVinoBackend::new(&library, OpenVinoOptions { device: device.to_owned(), ..Default::default() }))
    }

    fn run(session: &mut dyn Session, shape: &[usize], data: &[f32]) -> Result<(Vec<usize>, Vec<f32>)> {
        let mut answer = (Vec::new(), Vec::new());
        session
            .run(TensorView { shape, data }, &mut |output| answer = (output.shape.to_vec(), output.data.to_vec()))?;
        Ok(answer)
    }

    #[test]
    fn a_library_that_is_not_there_is_a_device_error() {
        let error = OpenVinoBackend::new(Path::new("/nowhere/libopenvino_c.so"), Default::default()).unwrap_err();
        assert!(matches!(&error, Error::Device { device, .. } if device == "openvino-native:CPU"), "{error}");
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error_and_never_another() {
        let Some(backend) = backend("GPU.7") else { return };
        let error = backend.unwrap_err().to_string();
        assert!(error.contains("openvino-native:GPU.7") && error.contains("CPU"), "{error}");
    }

    #[test]
    fn it_computes_and_survives_an_error() {
        let Some(backend) = backend("CPU") else { return };
        let model = tiny::doubling_model(3).leak();
        let mut session = backend.unwrap().load(&ModelSource::built_in("doubling", model, Digest::of(model))).unwrap();
        assert!(run(&mut *session, &[4], &[1.0; 4]).unwrap_err().is_retryable());
        assert!(run(&mut *session, &[3], &[1.0; 4]).is_err(), "shape and data disagree");
        assert_eq!(run(&mut *session, &[3], &[1.0, -2.0, 0.5]).unwrap(), (vec![3], vec![2.0, -4.0, 1.0]));
    }

    #[test]
    fn a_model_that_is_none_is_a_load_error_that_names_it() {
        let Some(backend) = backend("CPU") else { return };
        let source = ModelSource::built_in("broken", b"not a model", Digest::of(b"broken"));
        let error = backend.unwrap().load(&source).map(drop).unwrap_err();
        assert!(matches!(&error, Error::Load { model, .. } if model == "broken"), "{error}");
    }

    #[test]
    fn the_real_models_take_every_shape_alone_and_in_batches() {
        let Some(backend) = backend("CPU") else { return };
        let backend = backend.unwrap();
        let registry = Registry::open(RegistryOptions::default()).unwrap();
        let installed = registry.ensure(&[DETECTOR, RECOGNIZER], &Fetching::allowed()).unwrap();
        let mut recognizer = backend.load(&installed.source(RECOGNIZER).unwrap()).unwrap();
        let line = |width: usize| (0..3 * 48 * width).map(|i| (i * 37 % 255) as f32 / 127.0 - 1.0).collect::<Vec<_>>();
        let (shape, alone) = run(&mut *recognizer, &[1, 3, 48, 160], &line(160)).unwrap();
        assert_eq!(shape[..2], [1, 20]);
        let two = [line(160), line(160)].concat();
        let (shape, both) = run(&mut *recognizer, &[2, 3, 48, 160], &two).unwrap();
        assert_eq!(shape[..2], [2, 20]);
        let (first, second) = both.split_at(alone.len());
        for part in [first, second] {
            assert!(part.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-4));
        }
        let mut detector = backend.load(&installed.source(DETECTOR).unwrap()).unwrap();
        // The last four have models of their own shape, of which two are kept.
        for (height, width) in [(64, 96), (96, 64), (608, 576), (640, 544), (672, 512), (608, 576)] {
            let (shape, data) = run(&mut *detector, &[1, 3, height, width], &vec![0.0; 3 * height * width]).unwrap();
            assert_eq!(shape, [1, 1, height, width]);
            assert!(data.iter().all(|value| (0.0..=1.0).contains(value)), "probabilities");
        }
    }
}
