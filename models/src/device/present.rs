//! Whether a device can be there at all, before anything is fetched or loaded for it.

use std::{fs, path::Path};

use super::{DeviceChoice, Hardware};
use crate::{
    backend::Provider,
    error::{Error, Result},
};

/// Intel's number among the vendors of PCI devices.
const INTEL: &str = "0x8086";

/// Whether what drives the device is built in, and its hardware and driver are here, as far as that can be told without its library:
/// for CUDA and TensorRT by the driver, for OpenVINO's GPU and NPU by Linux's device nodes. It promises no more.
///
/// # Errors
/// [`Error::Device`] or [`Error::LeftOut`], one sentence.
pub fn check_present(device: &DeviceChoice) -> Result<()> {
    let absent = |cause: String| Err(Error::Device { device: device.to_string(), cause });
    match device {
        DeviceChoice::Onnx(_) if !cfg!(feature = "onnx") => {
            Err(Error::LeftOut { what: "ONNX Runtime", feature: "onnx" })
        }
        DeviceChoice::OpenVino { .. } if !cfg!(feature = "openvino") => {
            Err(Error::LeftOut { what: "OpenVINO", feature: "openvino" })
        }
        DeviceChoice::Onnx(Provider::Cuda { .. } | Provider::TensorRt { .. }) if !cfg!(feature = "cuda") => {
            Err(Error::LeftOut { what: "CUDA", feature: "cuda" })
        }
        DeviceChoice::Onnx(Provider::Cpu) => Ok(()),
        DeviceChoice::Onnx(Provider::Cuda { device } | Provider::TensorRt { device }) => {
            match nvidia(&Hardware::find(), *device) {
                Ok(()) => Ok(()),
                Err(cause) => absent(cause),
            }
        }
        DeviceChoice::Onnx(Provider::OpenVino { device }) | DeviceChoice::OpenVino { device } => {
            match intel(device, Path::new("/")) {
                Ok(()) => Ok(()),
                Err(cause) => absent(cause),
            }
        }
    }
}

fn nvidia(hardware: &Hardware, device: u32) -> Result<(), String> {
    let gpus = hardware.gpus.as_ref().map_err(Clone::clone)?;
    if gpus.iter().any(|gpu| gpu.ordinal == device) {
        return Ok(());
    }
    let known: Vec<String> = gpus.iter().map(|gpu| gpu.ordinal.to_string()).collect();
    Err(format!("the NVIDIA driver has no GPU {device}; it has: {}", known.join(", ")))
}

/// `root`: the root of the file system.
fn intel(device: &str, root: &Path) -> Result<(), String> {
    // Elsewhere OpenVINO itself must say.
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let nodes = |folder: &str, prefix: &str| -> Vec<_> {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)).collect()
    };
    match device.split('.').next() {
        Some("GPU") => {
            let is_intels = |vendor: &Path| fs::read_to_string(vendor).is_ok_and(|text| text.trim() == INTEL);
            let found =
                nodes("sys/class/drm", "renderD").iter().any(|gpu| is_intels(&gpu.path().join("device/vendor")));
            // Windows' subsystem for Linux passes its GPU by another way.
            if found || root.join("dev/dxg").exists() {
                return Ok(());
            }
            Err("there is no Intel GPU with a driver here (/sys/class/drm has none)".to_owned())
        }
        Some("NPU") if nodes("dev/accel", "accel").is_empty() => {
            Err("there is no Intel NPU with a driver here (/dev/accel has none)".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn an_intel_gpu_or_npu_is_there_when_linux_has_a_node_for_it() {
        let root = tempfile::tempdir().unwrap();
        let check = |device: &str, expected: bool| assert_eq!(intel(device, root.path()).is_ok(), expected, "{device}");
        (check("CPU", true), check("GPU", false), check("GPU.1", false), check("NPU", false));
        let node = root.path().join("sys/class/drm/renderD128/device");
        fs::create_dir_all(&node).unwrap();
        // NVIDIA's.
        fs::write(node.join("vendor"), "0x10de\n").unwrap();
        check("GPU", false);
        fs::write(node.join("vendor"), "0x8086\n").unwrap();
        fs::create_dir_all(root.path().join("dev/accel/accel0")).unwrap();
        (check("GPU", true), check("GPU.1", true), check("NPU", true));
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn a_gpu_that_is_not_there_is_said_in_one_sentence_before_anything_is_fetched() {
        // No driver has so many; where there is no driver, that is the reason.
        for device in ["cuda:999", "tensorrt:999"] {
            let error = check_present(&device.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains(device) && error.contains("NVIDIA driver") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_processor_is_always_there() {
        assert_eq!(check_present(&"cpu".parse().unwrap()).is_ok(), cfg!(feature = "onnx"));
        assert_eq!(check_present(&"openvino-native".parse().unwrap()).is_ok(), cfg!(feature = "openvino"));
    }
}
