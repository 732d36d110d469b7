use std::{fs, io::Write, path::Path};

use pagestream_documents::Digest;

use super::*;
use crate::backend::tiny;
use crate::registry::{DETECTOR, Fetching, RECOGNIZER, Registry, RegistryOptions};

/// The real library, from the user's own models directory: fetched the first time that the tests run on a machine.
fn runtime() -> OnnxRuntime {
    let registry = Registry::open(RegistryOptions::default()).unwrap();
    OnnxRuntime::load(&registry.runtime(&Fetching::allowed()).unwrap()).unwrap()
}

fn backend(options: OnnxOptions) -> OnnxBackend {
    OnnxBackend::new(runtime(), options)
}

fn run(session: &mut dyn Session, shape: &[usize], data: &[f32]) -> Result<(Vec<usize>, Vec<f32>)> {
    let mut answer = (Vec::new(), Vec::new());
    session.run(TensorView { shape, data }, &mut |output| answer = (output.shape.to_vec(), output.data.to_vec()))?;
    Ok(answer)
}

#[test]
fn a_provider_is_written_as_it_is_read() {
    for text in ["cpu", "openvino", "openvino:GPU.1", "cuda:0", "cuda:3", "tensorrt:1"] {
        assert_eq!(text.parse::<Provider>().unwrap().to_string(), text);
    }
    assert_eq!("cuda".parse::<Provider>().unwrap(), Provider::Cuda { device: 0 });
    for text in ["", "gpu", "cuda:x", "cpu:1", "tensorrt:-1"] {
        assert!(text.parse::<Provider>().is_err(), "{text}");
    }
}

#[test]
fn a_library_that_is_none_is_refused_before_it_is_used() {
    let absent = OnnxRuntime::load(Path::new("/nowhere/libonnxruntime.so")).unwrap_err();
    assert!(matches!(absent, Error::Missing { .. }), "{absent}");
    let mut text = tempfile::NamedTempFile::new().unwrap();
    text.write_all(b"not a library").unwrap();
    // What is loaded already is checked first: the answer names either fault, and neither is a panic.
    let refused = OnnxRuntime::load(text.path()).unwrap_err();
    assert!(matches!(refused, Error::Runtime { .. }), "{refused}");
    assert!(refused.hint().unwrap().contains("PAGESTREAM_ORT_DYLIB"));
    assert!(library::inspect(text.path()).is_err());
    let directory = tempfile::tempdir().unwrap();
    assert!(OnnxRuntime::load(directory.path()).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_without_the_entry_point_is_refused_with_the_reason() {
    let name = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = name.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("libc.so"));
    let why = library::inspect(Path::new(libc.unwrap())).unwrap_err();
    assert!(why.contains("OrtGetApiBase"), "{why}");
}

#[test]
fn the_runtime_loads_once_and_knows_itself() {
    let runtime = runtime();
    assert!(runtime.version().starts_with("1."), "{}", runtime.version());
    assert!(runtime.compiled_providers().unwrap().contains(&"CPUExecutionProvider".to_owned()));
    assert_eq!(OnnxRuntime::load(runtime.path()).unwrap().path(), runtime.path());
}

#[test]
fn every_memory_policy_computes_the_same_and_survives_an_error() {
    for memory in [MemoryPolicy::KeepArena, MemoryPolicy::ShrinkArena, MemoryPolicy::NoArena] {
        let backend = backend(OnnxOptions { memory, ..OnnxOptions::default() });
        let mut session = backend.load_bytes("doubling", &tiny::doubling_model(3)).unwrap();
        for wrong in [[2].as_slice(), &[3, 1]] {
            let error = run(&mut session, wrong, &vec![1.0; wrong.iter().product()]).unwrap_err();
            assert!(error.is_retryable(), "{error}");
        }
        assert!(run(&mut session, &[4], &[1.0; 3]).is_err(), "shape and data disagree");
        assert_eq!(run(&mut session, &[3], &[1.0, -2.0, 0.5]).unwrap(), (vec![3], vec![2.0, -4.0, 1.0]));
    }
}

#[test]
fn denormals_are_flushed_in_every_session_of_the_process() {
    for _ in 0..2 {
        let mut session = backend(OnnxOptions::default()).load_bytes("doubling", &tiny::doubling_model(1)).unwrap();
        assert_eq!(run(&mut session, &[1], &[f32::MIN_POSITIVE / 4.0]).unwrap().1, [0.0]);
    }
}

#[test]
fn a_provider_that_the_library_lacks_is_an_error_and_never_the_cpu() {
    let compiled = runtime().compiled_providers().unwrap();
    let cases = [
        ("CUDAExecutionProvider", Provider::Cuda { device: 0 }),
        ("TensorrtExecutionProvider", Provider::TensorRt { device: 0 }),
        ("OpenVINOExecutionProvider", Provider::OpenVino { device: "CPU".into() }),
    ];
    for (name, provider) in cases.into_iter().filter(|(name, _)| !compiled.iter().any(|have| have == name)) {
        let text = provider.to_string();
        let backend = backend(OnnxOptions { provider, ..OnnxOptions::default() });
        let error = backend.load_bytes("doubling", &tiny::doubling_model(1)).unwrap_err();
        assert!(matches!(&error, Error::Device { device, .. } if *device == text), "{name}: {error}");
    }
}

#[test]
fn a_model_that_is_none_is_a_load_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken.onnx");
    fs::write(&path, b"not a model").unwrap();
    for path in [path, dir.path().join("absent.onnx")] {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let source = ModelSource::file(name, &path, Digest([0; 32]));
        let error = backend(OnnxOptions::default()).load(&source).map(|_| ()).unwrap_err();
        assert!(matches!(&error, Error::Load { model, .. } if model == name), "{error}");
    }
}

#[test]
fn the_real_models_have_the_shapes_that_the_tasks_rely_on() {
    let registry = Registry::open(RegistryOptions::default()).unwrap();
    let installed = registry.ensure(&[DETECTOR, RECOGNIZER], &Fetching::allowed()).unwrap();
    let backend = backend(OnnxOptions::default());
    let recognizer = installed.source(RECOGNIZER).unwrap();
    let characters = recognizer.metadata("character").unwrap().unwrap();
    let mut recognizer = backend.load(&recognizer).unwrap();
    let width = 160;
    let (shape, _) = run(&mut *recognizer, &[1, 3, 48, width], &vec![0.0; 3 * 48 * width]).unwrap();
    // A class for blank, one a character, and one for space.
    assert_eq!(shape, [1, width / 8, characters.lines().count() + 2]);
    let mut detector = backend.load(&installed.source(DETECTOR).unwrap()).unwrap();
    let (shape, data) = run(&mut *detector, &[1, 3, 64, 96], &vec![0.0; 3 * 64 * 96]).unwrap();
    assert_eq!(shape, [1, 1, 64, 96]);
    assert!(data.iter().all(|value| (0.0..=1.0).contains(value)), "probabilities");
}

#[test]
fn a_session_tells_what_its_runs_have_taken() {
    let registry = Registry::open(RegistryOptions::default()).unwrap();
    let installed = registry.ensure(&[RECOGNIZER], &Fetching::allowed()).unwrap();
    let mut session = backend(OnnxOptions::default()).load(&installed.source(RECOGNIZER).unwrap()).unwrap();
    let mut peak_at = |width: usize| {
        let shape = [1, 3, 48, width];
        run(&mut *session, &shape, &vec![0.0; shape.iter().product()]).unwrap();
        session.peak_bytes().unwrap()
    };
    // A line 320 wide has 184,320 bytes, and its output 2,993,600; what lies between takes more. The peak is of all runs.
    let (short, long, short_again) = (peak_at(320), peak_at(640), peak_at(320));
    println!("bytes per number of input: {}, {}", short / (3 * 48 * 320), long / (3 * 48 * 640));
    assert!(short > 3 << 20 && short < 100 << 20, "{short}");
    assert!(long > short * 3 / 2 && long < short * 3, "{short}, {long}");
    assert_eq!(short_again, long);
}

#[test]
fn an_optimised_model_computes_the_same_and_a_damaged_one_is_replaced() {
    let registry = Registry::open(RegistryOptions::default()).unwrap();
    let source = registry.ensure(&[DETECTOR], &Fetching::allowed()).unwrap().source(DETECTOR).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let optimizing = || backend(OnnxOptions { optimized_dir: Some(dir.path().into()), ..OnnxOptions::default() });
    let input: Vec<f32> = (0..3 * 64 * 96).map(|i| (i * 37 % 255) as f32 / 127.0 - 1.0).collect();
    let answer = |session: &mut dyn Session| run(session, &[1, 3, 64, 96], &input).unwrap();
    let expected = answer(&mut *backend(OnnxOptions::default()).load(&source).unwrap());
    let entry = || fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).next();
    assert_eq!(answer(&mut *optimizing().load(&source).unwrap()), expected, "made");
    let path = entry().unwrap();
    let made = fs::read(&path).unwrap();
    let mut first = optimizing().load(&source).unwrap();
    assert_eq!((entry(), fs::read(&path).unwrap()), (Some(path.clone()), made.clone()), "used as it is");
    assert_eq!(answer(&mut *first), expected);
    // Whole, and no model: removed, and made anew by the next.
    let models = OptimizedModels::new(dir.path().into());
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    models.remove(&name);
    models.make(&name, |path| fs::write(path, b"no model at all")).unwrap();
    assert_eq!(answer(&mut *optimizing().load(&source).unwrap()), expected);
    assert_eq!(entry(), None);
    assert_eq!(answer(&mut *optimizing().load(&source).unwrap()), expected);
    // Cut short: made anew at once.
    fs::write(&path, &made[..made.len() / 2]).unwrap();
    assert_eq!(answer(&mut *optimizing().load(&source).unwrap()), expected);
    // Whole again; two that are made differ by some bytes.
    assert!(fs::read(&path).unwrap().len() > made.len() / 10 * 9);
    assert_eq!(answer(&mut *first), expected, "a session keeps the file that it was made from");
}

#[test]
fn what_the_library_says_of_a_provider_is_put_in_plain_words() {
    for (said, plain) in [
        (
            "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1992 onnxruntime::Provider& \
             onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
             libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file: No such file or \
             directory\n",
            "libcublasLt.so.12, a library that it needs, is not installed",
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 35: CUDA driver version is insufficient ; GPU=-1 ; hostname=a",
            "CUDA failure 35: CUDA driver version is insufficient",
        ),
        (
            "CUDA execution provider is not enabled in this build. ",
            "CUDA execution provider is not enabled in this build.",
        ),
    ] {
        assert_eq!(in_plain_words(said), plain);
    }
}
