//! Flush-to-zero for the span of an inference.
//!
//! Denormal numbers slow PP-OCRv6 detection threefold (650 ms against 203-229 at 960x672, see BENCHMARKS.md), and ONNX
//! Runtime's own switch holds only for the first session of a process. With one intra-op thread all arithmetic happens
//! on the calling thread, so setting its control register around the call is enough.

/// Holds flush-to-zero on this thread until dropped, then restores what was set before.
pub struct FlushToZero {
    before: Control,
    /// The register belongs to the thread: the guard must not leave it.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl FlushToZero {
    pub fn on_this_thread() -> Self {
        let before = read();
        write(before | FLUSH);
        Self { before, _not_send: std::marker::PhantomData }
    }
}

impl Drop for FlushToZero {
    fn drop(&mut self) {
        write(self.before);
    }
}

/// FTZ (bit 15) and DAZ (bit 6) of MXCSR: Intel SDM volume 1, section 10.2.3.
#[cfg(target_arch = "x86_64")]
const FLUSH: Control = 0x8040;
#[cfg(target_arch = "x86_64")]
type Control = u32;

#[cfg(target_arch = "x86_64")]
fn read() -> Control {
    let mut control: Control = 0;
    // SAFETY: stores four bytes to a place that is ours.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "x86_64")]
fn write(control: Control) {
    // SAFETY: the value is one that was read, with at most FTZ and DAZ added, so no reserved bit is set. The register is
    // that of this thread alone and is restored before control returns to the caller's own arithmetic.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack, preserves_flags, readonly)) };
}

/// FZ (bit 24) of FPCR: Arm Architecture Reference Manual, section C5.2.8.
#[cfg(target_arch = "aarch64")]
const FLUSH: Control = 1 << 24;
#[cfg(target_arch = "aarch64")]
type Control = u64;

#[cfg(target_arch = "aarch64")]
fn read() -> Control {
    let control: Control;
    // SAFETY: FPCR can be read at any privilege level.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "aarch64")]
fn write(control: Control) {
    // SAFETY: as on x86-64: a value that was read, with at most FZ added, and restored before the caller goes on.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) control, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: Control = 0;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Control = u32;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn read() -> Control {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn write(_: Control) {}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn denormals_are_zero_inside_and_themselves_outside() {
        let half_of_smallest = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        assert!(half_of_smallest() > 0.0);
        {
            let _outer = FlushToZero::on_this_thread();
            {
                let _inner = FlushToZero::on_this_thread();
                assert_eq!(half_of_smallest(), 0.0);
            }
            assert_eq!(half_of_smallest(), 0.0, "the inner guard restores what the outer set");
        }
        assert!(half_of_smallest() > 0.0);
    }
}
