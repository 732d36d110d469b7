//! How the system's allocator treats the large blocks of inference.

/// Blocks from 1 MiB on are given back to the system when they are freed, and threads share two arenas.
///
/// Inference allocates and frees tensors of many megabytes on every device thread. glibc raises its own threshold as it
/// sees them freed, and then keeps them in the arena of each thread: over sixty scanned pages the peak grew from 620 to
/// 737 MiB. With this it stays flat, at 430, for about 3% of CPU time in page faults.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back_large_blocks() {
    const LARGE: i32 = 1 << 20;
    const ARENAS: i32 = 2;
    // SAFETY: mallopt takes two integers and touches nothing of ours; it is called before there are other threads.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Other allocators give large blocks back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back_large_blocks() {}
