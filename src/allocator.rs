//! How the system's allocator treats the large blocks of inference: for programs that embed pagestream and want its memory
//! to stay flat. The command line does this too.

/// Blocks from 1 MiB on are given back to the system when they are freed, and threads share two arenas.
///
/// Inference allocates and frees tensors of many megabytes on every device thread. glibc raises its own threshold as it
/// sees them freed, and then keeps them in the arena of each thread: over sixty scanned pages the peak grew from 620 to
/// 737 MiB. With this it stays flat, at 430, for about 3% of CPU time in page faults.
///
/// Of what is smaller, an arena keeps 16 MiB at its end and takes a mebibyte at a time. Left to itself glibc gives back all beyond 128 KiB,
/// and has it again for the next page of text: four of five page faults of a run on text layers.
///
/// It holds for the whole process, not only for pagestream: call it first thing in `main`, before other threads are
/// started, and not from a library. Does nothing where the allocator is not glibc's.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back_large_blocks() {
    const LARGE: i32 = 1 << 20;
    const ARENAS: i32 = 2;
    const KEPT: i32 = 16 << 20;
    const TAKEN_AT_ONCE: i32 = 1 << 20;
    // SAFETY: mallopt takes two integers, touches nothing of ours and takes the allocator's own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_TOP_PAD, TAKEN_AT_ONCE);
    }
}

/// Other allocators give large blocks back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back_large_blocks() {}
