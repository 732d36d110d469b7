//! In place of the NVIDIA driver in a program that is built without the feature `cuda`.

use super::DeviceReport;

/// There is none.
pub(super) struct Gpu {
    pub ordinal: u32,
    never: std::convert::Infallible,
}

impl Gpu {
    pub fn report(&self) -> DeviceReport {
        match self.never {}
    }
}

/// # Errors
/// That it was left out, always.
pub(super) fn find() -> Result<Vec<Gpu>, String> {
    Err("this program was built without CUDA (feature `cuda`)".into())
}
