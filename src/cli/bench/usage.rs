//! What a process used, as the system tells it: CPU time of all its threads, peak resident memory.

use std::{
    io,
    process::{Child, ExitStatus},
    time::Duration,
};

/// CPU time, and the most memory that was resident at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu: Duration,
    pub peak_bytes: u64,
}

#[cfg(unix)]
mod unix {
    use std::{mem::MaybeUninit, os::unix::process::ExitStatusExt};

    use super::*;

    fn from(usage: &libc::rusage) -> Usage {
        let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
        // Kibibytes, but for Apple's systems, which give bytes.
        let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
        Usage { cpu: time(usage.ru_utime) + time(usage.ru_stime), peak_bytes: usage.ru_maxrss as u64 * unit }
    }

    pub fn of_this_process() -> Option<Usage> {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the call fills the place, which is ours, and all zeroes are a valid rusage.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
            usage.assume_init()
        };
        Some(from(&usage))
    }

    pub fn of_child(child: &mut Child) -> io::Result<(ExitStatus, Option<Usage>)> {
        let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
        loop {
            // SAFETY: the child is ours and not yet waited for; the call fills both places, and all zeroes are a valid
            // rusage.
            let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
            if waited >= 0 {
                break;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        // SAFETY: it was zeroed, and filled by the call.
        let usage = unsafe { usage.assume_init() };
        Ok((ExitStatus::from_raw(status), Some(from(&usage))))
    }
}

/// Of this process since it began; `None` where the system does not tell.
pub fn of_this_process() -> Option<Usage> {
    #[cfg(unix)]
    return unix::of_this_process();
    #[cfg(not(unix))]
    None
}

/// Waits for a child, and tells what it and the processes that it waited for used: their CPU times together, and the
/// largest of their peaks. The child must not have been waited for.
///
/// # Errors
/// When it cannot be waited for.
pub fn of_child(child: &mut Child) -> io::Result<(ExitStatus, Option<Usage>)> {
    #[cfg(unix)]
    return unix::of_child(child);
    #[cfg(not(unix))]
    Ok((child.wait()?, None))
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_childs_own_children_count() {
        // The shell itself does nothing; the inner one counts to 200,000.
        let count = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let mut child = Command::new("sh").args(["-c", &format!("sh -c '{count}'; exit 3")]).spawn().unwrap();
        let (status, usage) = of_child(&mut child).unwrap();
        let usage = usage.unwrap();
        assert_eq!(status.code(), Some(3));
        assert!(usage.cpu > Duration::from_millis(5), "{usage:?}");
        assert!(usage.peak_bytes > 100 << 10, "{usage:?}");
    }
}
