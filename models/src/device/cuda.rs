//! NVIDIA GPUs, as the driver lists them. Needs no CUDA toolkit, and no driver to be there.

use cudarc::driver::{DriverError, result, sys};
use pagestream_documents::ByteSize;

use super::{DeviceId, DeviceKind, DeviceReport};

pub(super) struct Gpu {
    /// As CUDA counts, from 0.
    pub ordinal: u32,
    name: String,
    memory: ByteSize,
    /// Of the driver, as `CUDA 12.8`: the newest CUDA that it serves.
    driver: String,
    /// Compute capability, e.g. `9.0`.
    capability: String,
}

impl Gpu {
    /// What is known before anything was tried.
    pub fn report(&self) -> DeviceReport {
        DeviceReport {
            id: DeviceId::new(format!("cuda:{}", self.ordinal)),
            kind: DeviceKind::Gpu,
            backend: String::new(),
            name: Some(self.name.clone()),
            works: false,
            why_not: None,
            memory: Some(self.memory),
            details: vec![("driver", self.driver.clone()), ("compute capability", self.capability.clone())],
        }
    }
}

/// All GPUs, or why there is none.
pub(super) fn find() -> Result<Vec<Gpu>, String> {
    // SAFETY: opens and closes the driver's library. Without this check the first call below would panic.
    if !unsafe { sys::is_culib_present() } {
        return Err("there is no NVIDIA driver: its library (libcuda) is not installed".into());
    }
    let gpus = list().map_err(|error| format!("the NVIDIA driver answers {}", text(error)))?;
    if gpus.is_empty() { Err("the NVIDIA driver knows no GPU".into()) } else { Ok(gpus) }
}

fn list() -> Result<Vec<Gpu>, DriverError> {
    result::init()?;
    let mut version = 0;
    // SAFETY: the out-parameter is valid.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result()?;
    // CUDA driver API: 1000 * major + 10 * minor.
    let driver = format!("CUDA {}.{}", version / 1000, version % 1000 / 10);
    (0..result::device::get_count()?)
        .map(|ordinal| {
            use sys::CUdevice_attribute_enum::{
                CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
                CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
            };
            let device = result::device::get(ordinal)?;
            // SAFETY: `device` comes from the driver.
            let (memory, major, minor) = unsafe {
                let attribute = |which| result::device::get_attribute(device, which);
                (result::device::total_mem(device)?, attribute(MAJOR)?, attribute(MINOR)?)
            };
            Ok(Gpu {
                ordinal: u32::try_from(ordinal).unwrap_or(0),
                name: result::device::get_name(device)?,
                memory: ByteSize(memory as u64),
                driver: driver.clone(),
                capability: format!("{major}.{minor}"),
            })
        })
        .collect()
}

fn text(error: DriverError) -> String {
    let name = error.error_name().map_or_else(|_| format!("{:?}", error.0), |name| name.to_string_lossy().into_owned());
    let words = error.error_string().map(|words| words.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{name}: {words}")
}
