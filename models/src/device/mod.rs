//! What this machine can compute with, and whether it really does: each device is asked to run a model.
//!
//! A library that is installed, a driver that answers and a provider that is compiled in prove little. What counts is that
//! [`tiny::doubling_model`] comes out doubled, with no node given back to the CPU.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use pagestream_documents::ByteSize;

use crate::{
    backend::{
        Provider, Session, TensorView,
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        tiny,
    },
    error::{Error, Result},
};

mod choice;
pub(crate) mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(not(feature = "cuda"))]
#[path = "cuda_left_out.rs"]
mod cuda;
pub mod measure;
#[cfg(feature = "openvino")]
mod openvino;
#[cfg(not(feature = "openvino"))]
#[path = "openvino_left_out.rs"]
mod openvino;
mod present;

pub use choice::DeviceChoice;
pub use present::check_present;

/// The instructions that this processor has of those that our code and the libraries' look for, as the processor calls them in lower
/// case: `avx2`, `avx512vnni`, `neon`, `i8mm` …
pub fn instructions() -> Vec<&'static str> {
    crate::instructions::features()
}

/// Names a device together with what drives it, as configuration does: `cpu`, `cuda:0`, `tensorrt:0`, `openvino`,
/// `openvino-native:CPU`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(String);

impl DeviceId {
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    Cpu,
    Gpu,
    Npu,
}

impl DeviceKind {
    fn of_openvino(device: &str) -> Self {
        match device.split('.').next() {
            Some("GPU") => Self::Gpu,
            Some("NPU") => Self::Npu,
            _ => Self::Cpu,
        }
    }
}

/// One device as one backend sees it.
#[derive(Clone, Debug)]
pub struct DeviceReport {
    pub id: DeviceId,
    pub kind: DeviceKind,
    /// What drives it: `onnxruntime-cpu`, `onnxruntime-cuda:0`, `openvino`.
    pub backend: String,
    /// The hardware's own name, where it is known.
    pub name: Option<String>,
    /// It ran a model and the answer was right.
    pub works: bool,
    /// Why it does not, for a person to read. `None` exactly where it works.
    pub why_not: Option<String>,
    /// Of the device: its own memory for a GPU, the machine's for a CPU.
    pub memory: Option<ByteSize>,
    /// Further facts as name and value: cores, SIMD features, driver version, compute capability.
    pub details: Vec<(&'static str, String)>,
}

/// What is known of the ONNX Runtime library.
#[derive(Clone, Debug)]
pub struct RuntimeReport {
    pub path: PathBuf,
    /// `None` where it cannot be loaded.
    pub version: Option<String>,
    /// Providers that it was compiled with.
    pub providers: Vec<String>,
    pub why_not: Option<String>,
}

/// Everything that `pagestream doctor` says about devices.
#[derive(Clone, Debug)]
pub struct Probe {
    pub runtime: RuntimeReport,
    pub devices: Vec<DeviceReport>,
}

/// Tries every device. Loads `ort_dylib` into the process, and `openvino_c` if it is given or found, for good.
///
/// Takes about a second, most of it loading libraries. Never panics and never fails: what goes wrong is in the report. A
/// driver that hangs or kills the process does so here too.
pub fn probe(ort_dylib: &Path, openvino_c: Option<&Path>) -> Probe {
    let loaded = OnnxRuntime::load(ort_dylib);
    let providers = loaded.as_ref().ok().and_then(|runtime| runtime.compiled_providers().ok()).unwrap_or_default();
    let hardware = Hardware::find();
    let mut devices = vec![with_onnx(&loaded, Provider::Cpu, &hardware)];
    if providers.iter().any(|name| name == "OpenVINOExecutionProvider") {
        devices.push(with_onnx(&loaded, Provider::OpenVino { device: "CPU".into() }, &hardware));
    }
    match &hardware.gpus {
        Err(why) => devices.push(DeviceReport::absent("cuda:0", DeviceKind::Gpu, "onnxruntime-cuda:0", why)),
        Ok(gpus) => {
            for gpu in gpus {
                devices.push(with_onnx(&loaded, Provider::Cuda { device: gpu.ordinal }, &hardware));
                if providers.iter().any(|name| name == "TensorrtExecutionProvider") {
                    devices.push(with_onnx(&loaded, Provider::TensorRt { device: gpu.ordinal }, &hardware));
                }
            }
        }
    }
    devices.extend(openvino::probe(openvino_c, &hardware.cpu));
    let runtime = RuntimeReport {
        path: ort_dylib.to_path_buf(),
        version: loaded.as_ref().ok().map(|runtime| runtime.version().to_owned()),
        providers,
        why_not: loaded.err().map(|error| error.to_string()),
    };
    Probe { runtime, devices }
}

/// Whether `provider` computes, with this runtime, here.
///
/// # Errors
/// [`Error::Device`] saying why not.
pub fn check(runtime: &OnnxRuntime, provider: &Provider) -> Result<()> {
    let options = OnnxOptions { provider: provider.clone(), whole_graph: true, ..OnnxOptions::default() };
    let session: &mut dyn Session =
        &mut OnnxBackend::new(runtime.clone(), options).load_bytes("probe", &tiny::doubling_model(4))?;
    let input = [0.0, 1.5, -2.0, 1e20];
    let mut right = false;
    session.run(TensorView { shape: &[4], data: &input }, &mut |output| {
        right = output.data == input.map(|value| value + value);
    })?;
    if right {
        return Ok(());
    }
    Err(Error::Device { device: provider.to_string(), cause: "it computes wrong numbers".into() })
}

/// What this machine has, as far as it can be told without trying anything. Never panics.
pub struct Hardware {
    cpu: cpu::Cpu,
    gpus: std::result::Result<Vec<cuda::Gpu>, String>,
}

impl Hardware {
    pub fn find() -> Self {
        Self { cpu: cpu::Cpu::find(), gpus: guarded(cuda::find) }
    }

    /// What the NVIDIA driver lists, by CUDA's own numbers.
    pub fn gpus(&self) -> Vec<u32> {
        self.gpus.iter().flatten().map(|gpu| gpu.ordinal).collect()
    }

    /// Names, cores, instructions and drivers: a text that changes when what is measured here no longer holds.
    pub fn describe(&self) -> String {
        let gpus = self.gpus.iter().flatten().map(cuda::Gpu::report);
        let describe = |report: DeviceReport| {
            let details: Vec<_> = report.details.iter().map(|(name, value)| format!("{name} {value}")).collect();
            format!("{}, {}", report.name.as_deref().unwrap_or("unknown"), details.join(", "))
        };
        [self.cpu.report()].into_iter().chain(gpus).map(describe).collect::<Vec<_>>().join("; ")
    }
}

fn with_onnx(runtime: &Result<OnnxRuntime>, provider: Provider, hardware: &Hardware) -> DeviceReport {
    let outcome = guarded(|| {
        let runtime = runtime.as_ref().map_err(|_| "ONNX Runtime is not loaded".to_owned())?;
        check(runtime, &provider).map_err(|error| match error {
            Error::Device { cause, .. } => cause,
            error => error.to_string(),
        })
    });
    let mut report = match &provider {
        Provider::Cpu => hardware.cpu.report(),
        Provider::OpenVino { device } => {
            DeviceReport { kind: DeviceKind::of_openvino(device), ..hardware.cpu.report() }
        }
        Provider::Cuda { device } | Provider::TensorRt { device } => {
            match hardware.gpus.iter().flatten().find(|gpu| gpu.ordinal == *device) {
                Some(gpu) => gpu.report(),
                None => DeviceReport::absent("", DeviceKind::Gpu, "", ""),
            }
        }
    };
    report.id = DeviceId::new(provider.to_string());
    report.backend = format!("onnxruntime-{provider}");
    report.works = outcome.is_ok();
    report.why_not = outcome.err();
    report
}

impl DeviceReport {
    fn absent(id: &str, kind: DeviceKind, backend: &str, why: &str) -> Self {
        Self {
            id: DeviceId::new(id),
            kind,
            backend: backend.into(),
            name: None,
            works: false,
            why_not: Some(why.into()),
            memory: None,
            details: Vec::new(),
        }
    }
}

/// The bindings of drivers assert where they could answer: a report must survive that.
fn guarded<T>(probe: impl FnOnce() -> std::result::Result<T, String>) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(probe)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(format!("probing it failed: {}", message.unwrap_or("a panic without a message")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Fetching, Registry, RegistryOptions};

    #[test]
    fn the_cpu_works_and_every_other_device_works_or_says_why_not() {
        let registry = Registry::open(RegistryOptions::default()).unwrap();
        let probe = probe(&registry.runtime(&Fetching::allowed()).unwrap(), None);
        assert_eq!(probe.runtime.why_not, None);
        assert!(probe.runtime.version.is_some() && !probe.runtime.providers.is_empty(), "{:?}", probe.runtime);
        let cpu = &probe.devices[0];
        assert!(cpu.id.as_str() == "cpu" && cpu.works, "{cpu:?}");
        assert!(cpu.memory.unwrap() > ByteSize::mib(64), "{cpu:?}");
        for device in &probe.devices {
            assert_eq!(device.works, device.why_not.is_none(), "{device:?}");
            assert!(device.why_not.as_deref() != Some(""), "{device:?}");
        }
        // Whatever there is, each kind of device is spoken of.
        for prefix in ["cpu", "cuda", "openvino"] {
            assert!(probe.devices.iter().any(|device| device.id.as_str().starts_with(prefix)), "{prefix}");
        }
    }

    #[test]
    fn without_a_runtime_the_probe_still_reports() {
        let probe = probe(Path::new("/nowhere/libonnxruntime.so"), None);
        assert!(probe.runtime.why_not.unwrap().contains("/nowhere/libonnxruntime.so"));
        assert!(!probe.devices[0].works && probe.devices[0].why_not.is_some());
    }

    #[test]
    fn a_panicking_probe_is_a_reason_and_no_more() {
        assert!(guarded::<()>(|| panic!("no driver {}", 7)).unwrap_err().contains("no driver 7"));
    }
}
