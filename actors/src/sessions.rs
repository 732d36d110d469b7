//! The loaded models of an engine: sessions that device threads borrow for one batch, within a budget of bytes.
//!
//! A thread takes an idle session of the model it needs, or has one loaded, and gives it back after the batch. So there
//! are as many sessions of a model as ever ran at once, not one for each thread; and when all of them together take more
//! than the budget, idle ones are dropped, the one that was used least recently first.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use pagestream_documents::ByteSize;
use pagestream_models::{Error, Session, ocr::Task};
use serde::Serialize;

/// What is loaded, and what was, on one device or all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadedModels {
    /// Sessions that are loaded now.
    pub sessions: u64,
    /// Bytes that they take, as their backend estimates.
    pub bytes: u64,
    /// Sessions that were ever loaded.
    pub loads: u64,
    /// Sessions that were dropped to stay within the budget.
    pub drops: u64,
    /// The same by what models are used for; nothing of a task that nobody asked for.
    pub tasks: BTreeMap<&'static str, LoadedTask>,
}

/// What is loaded, and what was, for one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadedTask {
    pub sessions: u64,
    pub bytes: u64,
    pub loads: u64,
}

impl LoadedModels {
    pub fn and(mut self, other: Self) -> Self {
        for (task, LoadedTask { sessions, bytes, loads }) in other.tasks {
            let own = self.tasks.entry(task).or_default();
            (own.sessions, own.bytes, own.loads) = (own.sessions + sessions, own.bytes + bytes, own.loads + loads);
        }
        Self {
            sessions: self.sessions + other.sessions,
            bytes: self.bytes + other.bytes,
            loads: self.loads + other.loads,
            drops: self.drops + other.drops,
            tasks: self.tasks,
        }
    }
}

pub struct SessionPool {
    budget: ByteSize,
    state: Mutex<State>,
    warmed: Condvar,
}

#[derive(Default)]
struct State {
    /// The one used last is last.
    idle: Vec<Idle>,
    /// Tasks of which a session is being loaded before it is needed.
    warming: Vec<Task>,
    loaded: LoadedModels,
}

struct Idle {
    task: Task,
    session: Box<dyn Session>,
}

impl SessionPool {
    pub fn new(budget: ByteSize) -> Self {
        Self { budget, state: Mutex::default(), warmed: Condvar::new() }
    }

    /// Runs `work` on a session of the task, which `load` loads when none is idle.
    ///
    /// # Errors
    /// What `load` or `work` answers. When `work` panics, its session may be half changed and is dropped.
    pub fn with<T>(
        &self,
        task: Task,
        load: impl FnOnce() -> Result<Box<dyn Session>, Error>,
        work: impl FnOnce(&mut dyn Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut session = match self.take(task) {
            Some(session) => session,
            None => self.count(task, load()?),
        };
        let lost = Lost { pool: self, task, bytes: session.memory().bytes() };
        let result = work(&mut *session);
        std::mem::forget(lost);
        self.put(task, session);
        result
    }

    /// Loads a session before it is needed, unless there is one. Whoever needs it meanwhile waits for it.
    ///
    /// # Errors
    /// What `load` answers.
    pub fn warm(&self, task: Task, load: impl FnOnce() -> Result<Box<dyn Session>, Error>) -> Result<(), Error> {
        {
            let mut state = self.lock();
            if state.warming.contains(&task) || state.idle.iter().any(|idle| idle.task == task) {
                return Ok(());
            }
            state.warming.push(task);
        }
        // Dropped whatever happens, so that nobody waits for ever.
        let _warming = Warming { pool: self, task };
        let session = self.count(task, load()?);
        self.put(task, session);
        Ok(())
    }

    pub fn loaded(&self) -> LoadedModels {
        self.lock().loaded.clone()
    }

    fn take(&self, task: Task) -> Option<Box<dyn Session>> {
        let waiting =
            |state: &mut State| state.warming.contains(&task) && !state.idle.iter().any(|idle| idle.task == task);
        let mut state = self.warmed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        // The one used last has its memory in the caches.
        let at = state.idle.iter().rposition(|idle| idle.task == task)?;
        Some(state.idle.remove(at).session)
    }

    /// Counts a session that was loaded, and makes room for it.
    fn count(&self, task: Task, session: Box<dyn Session>) -> Box<dyn Session> {
        {
            let more = session.memory().bytes();
            let LoadedModels { sessions, bytes, loads, tasks, .. } = &mut self.lock().loaded;
            (*sessions, *bytes, *loads) = (*sessions + 1, *bytes + more, *loads + 1);
            let own = tasks.entry(task.as_str()).or_default();
            (own.sessions, own.bytes, own.loads) = (own.sessions + 1, own.bytes + more, own.loads + 1);
        }
        self.shrink(0);
        session
    }

    fn put(&self, task: Task, session: Box<dyn Session>) {
        self.lock().idle.push(Idle { task, session });
        self.warmed.notify_all();
        // The one just used stays: a budget that is too small for a single model must not have it loaded for every batch.
        self.shrink(1);
    }

    /// Drops idle sessions down to the budget, but for the `keep` used last.
    fn shrink(&self, keep: usize) {
        loop {
            let dropped = {
                let mut state = self.lock();
                if state.loaded.bytes <= self.budget.bytes() || state.idle.len() <= keep {
                    return;
                }
                let dropped = state.idle.remove(0);
                state.loaded.drops += 1;
                state.forget(dropped.task, dropped.session.memory().bytes());
                dropped
            };
            tracing::debug!(task = ?dropped.task, budget = %self.budget, "model dropped to stay within the budget");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, task: Task, bytes: u64) {
        self.loaded.sessions -= 1;
        self.loaded.bytes -= bytes;
        if let Some(own) = self.loaded.tasks.get_mut(task.as_str()) {
            (own.sessions, own.bytes) = (own.sessions - 1, own.bytes - bytes);
        }
    }
}

/// Dropped by a panic: the session on loan is gone.
struct Lost<'a> {
    pool: &'a SessionPool,
    task: Task,
    bytes: u64,
}

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        self.pool.lock().forget(self.task, self.bytes);
    }
}

struct Warming<'a> {
    pool: &'a SessionPool,
    task: Task,
}

impl Drop for Warming<'_> {
    fn drop(&mut self) {
        self.pool.lock().warming.retain(|task| *task != self.task);
        self.pool.warmed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::Barrier,
        thread,
    };

    use pagestream_documents::Digest;
    use pagestream_models::{Backend, ModelSource, Tensor, backend::fake::FakeBackend};

    use super::*;

    /// A session of a model that takes so many bytes.
    fn session(bytes: u64) -> Result<Box<dyn Session>, Error> {
        let backend = FakeBackend::new(|_| Ok(Tensor::default())).with_memory(ByteSize(bytes));
        backend.load(&ModelSource::built_in("fake", b"", Digest::of(b"")))
    }

    fn pool() -> SessionPool {
        SessionPool::new(ByteSize(100))
    }

    /// Uses a session of the task; whether it had to be loaded.
    fn uses(pool: &SessionPool, task: Task, bytes: u64) -> bool {
        let before = pool.loaded().loads;
        pool.with(task, || session(bytes), |_| Ok(())).unwrap();
        pool.loaded().loads > before
    }

    fn loaded(pool: &SessionPool) -> (u64, u64, u64) {
        let LoadedModels { sessions, bytes, drops, .. } = pool.loaded();
        (sessions, bytes, drops)
    }

    #[test]
    fn a_session_is_loaded_once_and_used_again() {
        let pool = pool();
        assert!(uses(&pool, Task::Detect, 40));
        assert!(!uses(&pool, Task::Detect, 40));
        assert!(uses(&pool, Task::Recognize, 40));
        assert_eq!(loaded(&pool), (2, 80, 0));
    }

    #[test]
    fn beyond_the_budget_the_session_used_least_recently_goes() {
        let pool = pool();
        uses(&pool, Task::Detect, 40);
        uses(&pool, Task::Orient, 40);
        uses(&pool, Task::Detect, 40);
        assert!(uses(&pool, Task::Recognize, 40));
        assert_eq!(loaded(&pool), (2, 80, 1));
        assert!(!uses(&pool, Task::Detect, 40), "it was used after the orienter");
        assert!(uses(&pool, Task::Orient, 40));
        assert!(uses(&pool, Task::Recognize, 40), "it was the oldest then");
        let LoadedModels { tasks, .. } = pool.loaded().and(pool.loaded());
        let of = |task: Task| tasks.get(task.as_str()).map(|own| (own.sessions, own.bytes, own.loads));
        assert_eq!(of(Task::Detect), Some((0, 0, 2)), "each counted twice");
        assert_eq!((of(Task::Recognize), of(Task::Layout)), (Some((2, 80, 4)), None));
    }

    #[test]
    fn a_session_larger_than_the_budget_stays_until_another_is_used() {
        let pool = pool();
        assert!(uses(&pool, Task::Detect, 1000));
        assert!(!uses(&pool, Task::Detect, 1000));
        assert!(uses(&pool, Task::Orient, 1));
        assert_eq!(loaded(&pool), (1, 1, 1));
    }

    #[test]
    fn sessions_on_loan_are_never_dropped_and_threads_do_not_wait_for_each_other() {
        let (pool, both) = (pool(), Barrier::new(2));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let work = |_: &mut dyn Session| {
                        both.wait();
                        Ok(())
                    };
                    pool.with(Task::Recognize, || session(80), work).unwrap();
                });
            }
        });
        // Two ran at once; one of them is kept.
        assert_eq!(loaded(&pool), (1, 80, 1));
    }

    #[test]
    fn a_session_that_panicked_or_failed_to_load_is_not_counted() {
        let pool = pool();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            pool.with(Task::Detect, || session(40), |_| -> Result<(), Error> { panic!("half changed") })
        }));
        assert!(panicked.is_err());
        assert_eq!(loaded(&pool), (0, 0, 0));
        let missing = || Err(Error::Device { device: "fake".into(), cause: "none".into() });
        assert!(pool.with(Task::Detect, missing, |_| Ok(())).is_err());
        assert!(pool.warm(Task::Detect, missing).is_err());
        assert_eq!(loaded(&pool), (0, 0, 0));
        assert!(uses(&pool, Task::Detect, 40), "nobody waits for a session that failed to load");
    }

    #[test]
    fn an_error_of_the_work_keeps_the_session() {
        let pool = pool();
        let error = Error::Inference { model: "fake".into(), cause: "no".into() };
        assert!(pool.with(Task::Detect, || session(40), |_| Err::<(), _>(error)).is_err());
        assert!(!uses(&pool, Task::Detect, 40));
    }

    #[test]
    fn what_is_being_warmed_is_waited_for_and_not_loaded_twice() {
        let pool = pool();
        let (began, go) = (Barrier::new(2), Barrier::new(2));
        let load = || {
            began.wait();
            go.wait();
            session(40)
        };
        thread::scope(|scope| {
            let warm = scope.spawn(|| pool.warm(Task::Detect, load));
            began.wait();
            let user = scope.spawn(|| uses(&pool, Task::Detect, 40));
            go.wait();
            warm.join().unwrap().unwrap();
            user.join().unwrap();
        });
        pool.warm(Task::Detect, || panic!("there is one")).unwrap();
        assert_eq!(pool.loaded().loads, 1);
    }
}
