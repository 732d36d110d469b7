//! What a service manager is told: sd_notify(3), a datagram to the socket that `NOTIFY_SOCKET` names.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a manager that does not read may hold up what it must hear: that we are ready, or stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whom to tell, if anybody.
#[derive(Default)]
pub struct Service {
    #[cfg(unix)]
    manager: Option<Manager>,
    watchdog: Option<Duration>,
    /// When it was last told that we live.
    last: Mutex<Option<Instant>>,
}

#[cfg(unix)]
struct Manager {
    name: std::ffi::OsString,
    /// For what it must hear, and for what may be told later.
    patient: std::os::unix::net::UnixDatagram,
    quick: std::os::unix::net::UnixDatagram,
}

impl Service {
    /// As the environment says.
    pub fn from_environment() -> Self {
        #[cfg(unix)]
        {
            let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
            // The variable may be meant for the process that started us.
            let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
            let watchdog = number("WATCHDOG_USEC").filter(|_| ours).map(Duration::from_micros);
            match std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) {
                Some(name) => Self::to(name, watchdog),
                None => Self::default(),
            }
        }
        #[cfg(not(unix))]
        Self::default()
    }

    #[cfg(unix)]
    fn to(name: std::ffi::OsString, watchdog: Option<Duration>) -> Self {
        let unbound = std::os::unix::net::UnixDatagram::unbound;
        let manager = unbound().and_then(|patient| {
            let quick = unbound()?;
            patient.set_write_timeout(Some(PATIENCE))?;
            quick.set_nonblocking(true)?;
            Ok(Manager { name, patient, quick })
        });
        let manager = manager.ok();
        Self { watchdog: watchdog.filter(|_| manager.is_some()), manager, last: Mutex::new(None) }
    }

    /// How often it wants to hear that we live: half of what it waits.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog.map(|patience| patience / 2)
    }

    /// Files are taken; `status` is a line for people.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", line(status)), true);
    }

    /// Settings are read again; [`Service::ready`] ends that.
    pub fn reloading(&self) {
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()), true);
    }

    pub fn stopping(&self) {
        self.send("STOPPING=1", true);
    }

    /// Whether it was taken: not, where there is no room for it.
    pub fn status(&self, status: &str) -> bool {
        self.send(&format!("STATUS={}", line(status)), false)
    }

    /// Says that we live, twice as often as it is asked for at most.
    pub fn alive(&self) {
        let Some(every) = self.watchdog() else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= every / 2) {
            *last = Some(Instant::now());
            self.send("WATCHDOG=1", false);
        }
    }

    /// Whether somebody has taken it, or nobody is to.
    fn send(&self, message: &str, patiently: bool) -> bool {
        #[cfg(unix)]
        if let Some(Manager { name, patient, quick }) = &self.manager {
            let socket = if patiently { patient } else { quick };
            let sent = send_to(socket, name, message.as_bytes());
            if let Err(error) = &sent {
                tracing::debug!(%error, "the service manager does not listen");
            }
            return sent.is_ok();
        }
        let _ = (message, patiently);
        true
    }
}

/// A line break would begin another variable.
fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(unix)]
fn send_to(
    socket: &std::os::unix::net::UnixDatagram,
    name: &std::ffi::OsStr,
    message: &[u8],
) -> std::io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use std::os::{linux::net::SocketAddrExt as _, unix::ffi::OsStrExt as _};
        // A name in the abstract namespace is written with @.
        if let Some(name) = name.as_bytes().strip_prefix(b"@") {
            return socket.send_to_addr(message, &std::os::unix::net::SocketAddr::from_abstract_name(name)?);
        }
    }
    socket.send_to(message, name)
}

#[cfg(unix)]
fn monotonic_microseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure, and the clock exists everywhere.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    #[allow(clippy::unnecessary_cast, reason = "their types are others on other machines")]
    let (seconds, nanoseconds) = (now.tv_sec as u64, now.tv_nsec as u64);
    seconds * 1_000_000 + nanoseconds / 1_000
}

#[cfg(not(unix))]
fn monotonic_microseconds() -> u64 {
    0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    };

    use super::*;

    #[test]
    fn a_service_manager_hears_of_every_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("pagestream-test-{}", std::process::id());
        let by_name = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        for (manager, name) in [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (UnixDatagram::bind_addr(&by_name).unwrap(), format!("@{abstract_name}").into()),
        ] {
            let service = Service::to(name, Some(Duration::from_secs(10)));
            let heard = || {
                let mut buffer = [0; 256];
                let length = manager.recv(&mut buffer).unwrap();
                String::from_utf8(buffer[..length].to_vec()).unwrap()
            };
            service.ready("2 files\nwait");
            assert_eq!(heard(), "READY=1\nSTATUS=2 files wait");
            service.reloading();
            assert!(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
            service.alive();
            assert_eq!(heard(), "WATCHDOG=1");
            service.stopping();
            assert_eq!(heard(), "STOPPING=1");
            assert_eq!(service.watchdog(), Some(Duration::from_secs(5)));
            // Nobody reads: it says so, and goes on.
            while service.status("still here") {}
            (0..10_000).for_each(|_| service.alive());
        }
    }
}
