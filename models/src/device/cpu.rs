//! The CPU: how many cores we may use, and what instructions it has that our code and the backends' look for.

use std::{fs, thread};

use pagestream_documents::ByteSize;

use super::{DeviceId, DeviceKind, DeviceReport};

pub(super) struct Cpu {
    name: Option<String>,
    /// Cores that this process may run on: its affinity and its cgroup's quota count.
    cores: usize,
    features: Vec<&'static str>,
    memory: Option<ByteSize>,
}

impl Cpu {
    pub fn find() -> Self {
        Self {
            name: name(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            features: features(),
            memory: memory(),
        }
    }

    /// What is known before anything was tried.
    pub fn report(&self) -> DeviceReport {
        DeviceReport {
            id: DeviceId::new("cpu"),
            kind: DeviceKind::Cpu,
            backend: String::new(),
            name: self.name.clone(),
            works: false,
            why_not: None,
            memory: self.memory,
            details: vec![("cores", self.cores.to_string()), ("simd", self.features.join(" "))],
        }
    }
}

/// The instructions that the CPU has of those that our code and the backends' look for.
#[cfg(target_arch = "x86_64")]
pub(crate) fn features() -> Vec<&'static str> {
    let all = [
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        // 8-bit sums without AVX-512.
        ("avxvnni", is_x86_feature_detected!("avxvnni")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
pub(crate) fn features() -> Vec<&'static str> {
    let all = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) fn features() -> Vec<&'static str> {
    Vec::new()
}

/// Linux tells; elsewhere the name is not worth a dependency.
fn name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(unix)]
fn memory() -> Option<ByteSize> {
    // SAFETY: sysconf only reads; an unknown name gives -1, which the conversion refuses.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    Some(ByteSize(u64::try_from(pages).ok()? * u64::try_from(size).ok()?))
}

#[cfg(not(unix))]
fn memory() -> Option<ByteSize> {
    None
}
