//! Where panics end: guarded calls, and the pool of threads that CPU work runs on.

use std::{
    any::Any,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use pagestream_store::{Error as StoreError, Store};
use tokio::sync::oneshot;

/// Runs `work`; a panic becomes its message.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_message(&*panic))
}

/// A call of the store on a thread for blocking work, which nobody waits for: what fails is told, as what comes of it (`then`), and left
/// to the next try.
pub async fn blocking<T: Send + 'static>(
    store: &Store,
    then: &'static str,
    call: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Option<T> {
    let store = store.clone();
    match tokio::task::spawn_blocking(move || guarded(|| call(&store))).await {
        Ok(Ok(Ok(done))) => return Some(done),
        Ok(Ok(Err(error))) => tracing::warn!(%error, then),
        Ok(Err(panic)) => tracing::error!(panic, then),
        Err(_) => {}
    }
    None
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("(no message)"))
}

/// Threads for rasterising, decoding and comparing pages.
///
/// A thread that hangs cannot be killed. [`CpuPool::replace`] puts a new pool in its place: what is queued in the old
/// one is still done by its other threads, and the hung thread keeps the memory permit that its work carries.
pub struct CpuPool {
    threads: NonZeroUsize,
    pool: Mutex<Arc<rayon::ThreadPool>>,
}

impl CpuPool {
    /// # Errors
    /// When the system refuses threads.
    pub fn new(threads: NonZeroUsize) -> Result<Self, String> {
        Ok(Self { threads, pool: Mutex::new(Arc::new(build(threads)?)) })
    }

    /// Runs `work` on the pool. A panic, and only that, is an error, and its message is the error's text.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, String>> + 'static {
        let (done, result) = oneshot::channel();
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        pool.spawn(move || {
            // Nobody waits any more when the page was given up; then its result is of no use.
            drop(done.send(guarded(work)));
        });
        async move { result.await.unwrap_or_else(|_| Err("the thread pool stopped".to_owned())) }
    }

    /// Blocks until the threads have done what they are at, but no longer than `limit`: one that hangs is not waited for.
    pub fn rest(&self, limit: Duration) {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (rests, resting) = std::sync::mpsc::channel();
        // Nobody listens any more once one of them has been given up.
        pool.spawn_broadcast(move |_| rests.send(()).unwrap_or_default());
        let until = Instant::now() + limit;
        let waited = (0..pool.current_num_threads())
            .try_for_each(|_| resting.recv_timeout(until.saturating_duration_since(Instant::now())));
        if waited.is_err() {
            tracing::warn!("a thread for CPU work hangs and is left behind");
        }
    }

    /// Puts new threads in the place of the present ones.
    pub fn replace(&self) {
        match build(self.threads) {
            Ok(pool) => *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(pool),
            Err(error) => tracing::error!(error, "no new threads in place of a hung one"),
        }
    }
}

fn build(threads: NonZeroUsize) -> Result<rayon::ThreadPool, String> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|i| format!("pagestream-cpu-{i}"))
        .build()
        .map_err(|e| format!("no threads for CPU work: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_result_and_the_pool_goes_on() {
        let pool = CpuPool::new(NonZeroUsize::MIN).unwrap();
        let panicked: Result<(), _> = pool.run(|| panic!("no such glyph")).await;
        assert_eq!(panicked, Err("panicked: no such glyph".to_owned()));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_replaced_pool_works_while_the_old_one_hangs() {
        let pool = CpuPool::new(NonZeroUsize::MIN).unwrap();
        let (release, hang) = std::sync::mpsc::channel::<()>();
        let hung = pool.run(move || hang.recv().is_ok());
        pool.replace();
        assert_eq!(pool.run(|| 7).await, Ok(7));
        release.send(()).unwrap();
        assert_eq!(hung.await, Ok(true));
    }
}
