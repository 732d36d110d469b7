//! What a session's runs take, as ONNX Runtime's own arena counts it.

use std::{ffi::CStr, fmt, ptr::null_mut};

use ort::{
    AsPointer,
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::Session,
};

use super::Provider;

/// The arena of one session. Must not outlive it: it is declared before the session where both are fields.
pub struct Usage {
    arena: Allocator,
    /// Bytes in use when the session was loaded: its weights.
    at_rest: u64,
}

impl Usage {
    /// `None` where the provider has no arena that could be asked.
    pub fn of(session: &Session, provider: &Provider) -> Option<Self> {
        let (device, number) = match provider {
            Provider::Cpu => (AllocationDevice::CPU, 0),
            Provider::Cuda { device } | Provider::TensorRt { device } => {
                (AllocationDevice::CUDA, i32::try_from(*device).ok()?)
            }
            // Allocates on its own.
            Provider::OpenVino { .. } => return None,
        };
        let kind = if *provider == Provider::Cpu { AllocatorType::Arena } else { AllocatorType::Device };
        let info = MemoryInfo::new(device, number, kind, MemoryType::Default).ok()?;
        let arena = Allocator::new(session, info).ok()?;
        let at_rest = statistic(&arena, c"InUse")?;
        Some(Self { arena, at_rest })
    }

    /// Most bytes that runs have taken at once since the session was loaded.
    pub fn peak_bytes(&self) -> Option<u64> {
        Some(statistic(&self.arena, c"MaxInUse")?.saturating_sub(self.at_rest))
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Usage").field("at_rest", &self.at_rest).finish_non_exhaustive()
    }
}

/// One of the numbers that the arena keeps; `None` for an allocator that keeps none (ONNX Runtime before 1.23).
fn statistic(arena: &Allocator, key: &CStr) -> Option<u64> {
    let mut pairs = null_mut();
    // SAFETY: the allocator is alive as long as we borrow it, and the API was loaded with it. On success `pairs` is ours and
    // is released below; the value belongs to it and is read before.
    unsafe {
        let status = (ort::api().AllocatorGetStats)(arena.ptr(), &raw mut pairs);
        if !status.0.is_null() {
            (ort::api().ReleaseStatus)(status.0);
            return None;
        }
        if pairs.is_null() {
            return None;
        }
        let value = (ort::api().GetKeyValue)(pairs, key.as_ptr());
        let number =
            if value.is_null() { None } else { CStr::from_ptr(value).to_str().ok().and_then(|v| v.parse().ok()) };
        (ort::api().ReleaseKeyValuePairs)(pairs);
        number
    }
}
