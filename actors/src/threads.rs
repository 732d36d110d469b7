//! Threads of our own that call foreign libraries, and the end of them.
//!
//! A thread that is inside such a library while the process ends meets the library's destructors: that was a crash in one run of
//! five. So each is owned, and whoever ends the pipeline waits for it. One that hangs cannot be killed: after a while it is left
//! behind, and [`pagestream_models::backend::foreign`] sees to it that the process ends without it.

use std::{
    convert::Infallible,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::{Builder, JoinHandle, current},
    time::{Duration, Instant},
};

/// A thread that is waited for.
#[derive(Debug)]
pub struct OwnedThread {
    handle: JoinHandle<()>,
    /// Nothing is ever sent: the sender is dropped when the thread's work ends.
    ended: Receiver<Infallible>,
}

impl OwnedThread {
    /// # Errors
    /// When the system refuses a thread.
    pub fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (running, ended) = sync_channel::<Infallible>(0);
        let handle = Builder::new().name(name).spawn(move || {
            let _running = running;
            work();
        })?;
        Ok(Self { handle, ended })
    }

    /// Waits until the thread is gone, no longer than `limit`. Whether it is; a thread never waits for itself.
    pub fn join_within(self, limit: Duration) -> bool {
        if self.handle.thread().id() == current().id() {
            return false;
        }
        match self.ended.recv_timeout(limit) {
            Err(RecvTimeoutError::Disconnected) => {
                // Its work has ended; what is left are destructors of its own. A panic has been told by its hook.
                let _ = self.handle.join();
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Ok(never) => match never {},
        }
    }

    fn is_running(&self) -> bool {
        !self.handle.is_finished()
    }
}

/// The threads of one engine.
#[derive(Debug, Default)]
pub struct Threads {
    threads: Mutex<Vec<OwnedThread>>,
    closing: AtomicBool,
}

impl Threads {
    /// Starts a thread that [`Threads::rest`] waits for.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn spawn(&self, name: String, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let mut threads = self.lock();
        threads.retain(OwnedThread::is_running);
        threads.push(OwnedThread::spawn(name, work)?);
        Ok(())
    }

    /// Whether the threads are asked to end: what they do beforehand, for later, need not be begun.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Asks the threads to end.
    pub fn close(&self) {
        self.closing.store(true, Relaxed);
    }

    /// Waits for the threads, no longer than `limit` for all of them. How many were left behind.
    pub fn rest(&self, limit: Duration) -> usize {
        self.close();
        let until = Instant::now() + limit;
        let threads = std::mem::take(&mut *self.lock());
        threads
            .into_iter()
            .map(|thread| thread.join_within(until.saturating_duration_since(Instant::now())))
            .filter(|ended| !ended)
            .count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OwnedThread>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn threads_that_end_are_waited_for_and_one_that_hangs_is_left_behind() {
        let threads = Threads::default();
        let (release, hang) = channel::<()>();
        let (done, worked) = channel();
        threads.spawn("hangs".to_owned(), move || hang.recv().unwrap_or_default()).unwrap();
        threads.spawn("works".to_owned(), move || done.send(7).unwrap()).unwrap();
        assert_eq!(threads.rest(Duration::from_millis(20)), 1);
        assert_eq!(worked.recv_timeout(LONG), Ok(7));
        assert!(threads.is_closing());
        drop(release);
        assert_eq!(threads.rest(LONG), 0, "what was left behind is not waited for again");
    }

    #[test]
    fn a_thread_that_panics_has_ended() {
        let threads = Threads::default();
        threads.spawn("panics".to_owned(), || panic!("on purpose")).unwrap();
        assert_eq!(threads.rest(LONG), 0);
    }

    #[test]
    fn a_thread_does_not_wait_for_itself() {
        let (give, take) = channel::<OwnedThread>();
        let (tell, told) = channel();
        let thread =
            OwnedThread::spawn("itself".to_owned(), move || tell.send(take.recv().unwrap().join_within(LONG)).unwrap());
        give.send(thread.unwrap()).unwrap();
        assert_eq!(told.recv_timeout(LONG), Ok(false));
    }
}
