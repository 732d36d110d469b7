//! Who is inside a foreign library, and the end of that.
//!
//! When a process ends, the libraries that it has loaded take themselves apart, and a thread that is inside one at that moment (or comes
//! there) crashes it. So every call of ONNX Runtime and OpenVINO passes a gate: [`close`] lets nobody in any more and waits for who is
//! inside. It is called when the program ends, by itself too: once a library is loaded, as the first thing that the process
//! does at its end. Where a call hangs, the process ends without the libraries' destructors.

use std::{
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pagestream_documents::ByteSize;

use super::{
    Session, TensorView,
    named::{NamedInput, NamedSession, Port},
};
use crate::error::{Error, Result};

/// How long a process waits at its end for calls that are being done: most take a tenth of a second, and what takes longer than
/// this is taken to hang.
pub const PATIENCE: Duration = Duration::from_secs(2);

static GATE: Gate = Gate::new();

/// Counts who is inside.
#[derive(Debug)]
struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Debug)]
struct State {
    inside: usize,
    closed: bool,
}

/// Somebody is inside a foreign library, until it is dropped.
#[derive(Debug)]
pub struct Inside(&'static Gate);

/// Goes in; `None` when the process is ending, and nobody may.
pub fn enter() -> Option<Inside> {
    GATE.enter()
}

/// Lets nobody in any more, ever, and waits until those inside have come out, no longer than `limit`. Whether they have. Then the
/// process may end as usual; else it must end without destructors (`_exit`), as it does by itself under Linux with glibc.
pub fn close(limit: Duration) -> bool {
    GATE.close(limit)
}

impl Gate {
    const fn new() -> Self {
        Self { state: Mutex::new(State { inside: 0, closed: false }), left: Condvar::new() }
    }

    fn enter(&'static self) -> Option<Inside> {
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.inside += 1;
        Some(Inside(self))
    }

    fn close(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        state.closed = true;
        let waited = self.left.wait_timeout_while(state, limit, |state| state.inside > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.inside == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.inside -= 1;
        if state.closed && state.inside == 0 {
            self.0.left.notify_all();
        }
    }
}

/// A call that is not begun because the process is ending.
pub(super) fn ending(device: &str) -> Error {
    Error::Device { device: device.to_owned(), cause: "the program is ending".to_owned() }
}

/// Sees to it that the process, when it ends, closes the gate before the libraries' destructors run: what is registered last runs
/// first, so that this is called again after a library was loaded, and after its first model was.
pub(super) fn close_at_exit() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            // glibc's, since the status is needed to end with it: `man 3 on_exit`.
            fn on_exit(
                function: extern "C" fn(libc::c_int, *mut libc::c_void),
                argument: *mut libc::c_void,
            ) -> libc::c_int;
        }
        extern "C" fn at_exit(status: libc::c_int, _: *mut libc::c_void) {
            if !close(PATIENCE) {
                // SAFETY: ends the process, whatever its threads are at.
                unsafe { libc::_exit(status) }
            }
        }
        // SAFETY: the function has the signature that is asked for, lives as long as the process and does not unwind.
        let refused = unsafe { on_exit(at_exit, std::ptr::null_mut()) };
        if refused != 0 {
            tracing::debug!("the end of the process cannot be watched");
        }
    }
    #[cfg(all(unix, not(all(target_os = "linux", target_env = "gnu"))))]
    {
        extern "C" fn at_exit() {
            close(PATIENCE);
        }
        // SAFETY: as above.
        let refused = unsafe { libc::atexit(at_exit) };
        if refused != 0 {
            tracing::debug!("the end of the process cannot be watched");
        }
    }
}

/// Something whose destructor is in a foreign library. It is not run once the gate is closed: the process is ending anyway.
#[derive(Debug)]
pub struct Fenced<T> {
    value: ManuallyDrop<T>,
    gate: &'static Gate,
}

impl<T> Fenced<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: ManuallyDrop::new(value), gate: &GATE }
    }
}

impl<T> Deref for Fenced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Fenced<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Fenced<T> {
    fn drop(&mut self) {
        if let Some(_inside) = self.gate.enter() {
            // SAFETY: dropped here alone, once, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

impl<T: Session> Session for Fenced<T> {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        let _inside = self.gate.enter().ok_or_else(|| ending("the device"))?;
        self.value.run(input, read)
    }

    fn run_all(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        let _inside = self.gate.enter().ok_or_else(|| ending("the device"))?;
        self.value.run_all(input, read)
    }

    fn has_several_outputs(&self) -> bool {
        self.value.has_several_outputs()
    }

    fn peak_bytes(&self) -> Option<u64> {
        let _inside = self.gate.enter()?;
        self.value.peak_bytes()
    }

    fn memory(&self) -> ByteSize {
        self.value.memory()
    }
}

impl<T: NamedSession> NamedSession for Fenced<T> {
    fn inputs(&self) -> &[Port] {
        self.value.inputs()
    }

    fn outputs(&self) -> &[Port] {
        self.value.outputs()
    }

    fn run(
        &mut self,
        inputs: &[NamedInput<'_>],
        wanted: &[&str],
        read: &mut dyn FnMut(&[TensorView<'_>]),
    ) -> Result<()> {
        let _inside = self.gate.enter().ok_or_else(|| ending("the device"))?;
        self.value.run(inputs, wanted, read)
    }

    fn memory(&self) -> ByteSize {
        self.value.memory()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{TryRecvError, channel},
        thread,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// The process's own gate stays closed once it is.
    fn gate() -> &'static Gate {
        Box::leak(Box::new(Gate::new()))
    }

    #[test]
    fn who_is_inside_is_waited_for_and_nobody_comes_after() {
        let gate = gate();
        let (came, comes) = channel();
        let (leave, leaves) = channel::<()>();
        let caller = thread::spawn(move || {
            let _inside = gate.enter().unwrap();
            came.send(()).unwrap();
            leaves.recv().unwrap();
        });
        comes.recv().unwrap();
        assert!(!gate.close(Duration::ZERO), "somebody is inside");
        assert!(gate.enter().is_none(), "nobody comes after");
        leave.send(()).unwrap();
        assert!(gate.close(LONG));
        caller.join().unwrap();
    }

    #[test]
    fn a_destructor_in_a_library_runs_only_while_the_gate_is_open() {
        let fenced = |gate| {
            let (value, dropped) = channel::<()>();
            (Fenced { value: ManuallyDrop::new(value), gate }, dropped)
        };
        let (open, closed) = (gate(), gate());
        assert!(closed.close(LONG));
        let (value, dropped) = fenced(open);
        drop(value);
        assert_eq!(dropped.try_recv(), Err(TryRecvError::Disconnected));
        let (value, dropped) = fenced(closed);
        drop(value);
        assert_eq!(dropped.try_recv(), Err(TryRecvError::Empty));
    }

    #[test]
    fn a_session_is_not_run_while_the_process_ends() {
        struct Never;
        impl Session for Never {
            fn run(&mut self, _: TensorView<'_>, _: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
                panic!("it was run")
            }
            fn memory(&self) -> ByteSize {
                ByteSize::default()
            }
        }
        let gate = gate();
        assert!(gate.close(LONG));
        let mut session = Fenced { value: ManuallyDrop::new(Never), gate };
        let error = session.run(TensorView { shape: &[0], data: &[] }, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("the program is ending"), "{error}");
    }
}
