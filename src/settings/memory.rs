//! How much memory there is.

use pagestream_documents::ByteSize;

const LARGEST_DEFAULT: ByteSize = ByteSize::mib(1024);

/// A quarter of the memory that this process may use, at most 1 GiB. A control group's limit counts as the memory.
pub fn default_budget() -> ByteSize {
    let available = [total_memory(), control_group_limit()].into_iter().flatten().min();
    available.map_or(LARGEST_DEFAULT, |bytes| ByteSize((bytes / 4).min(LARGEST_DEFAULT.bytes())))
}

/// `MemTotal` of Linux's `/proc/meminfo`; elsewhere unknown, where 1 GiB is a modest assumption.
fn total_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Control groups, version 2. Absent, or `max`, where there is no limit.
fn control_group_limit() -> Option<u64> {
    std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}
