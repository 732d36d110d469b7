//! One file a stage, in the order a page passes them. What a stage shares with others stands here.
//!
//! Handlers are thin: they take a message, run the work elsewhere (CPU pool, device threads, blocking threads), and
//! forward the result. They run guarded, and the page's ticket sees to it that a page lost in one is tried again.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Addr, Context, Handler, Message, dev::ToEnvelope};

use tokio::sync::watch;

use crate::{
    error::Error,
    metrics::{Metrics, Stage},
};

pub mod decoder;
pub mod device_router;
pub mod embedding_deduper;
pub mod gpu_scheduler;
pub mod ingest;
pub mod page_splitter;
pub mod preprocessor;
pub mod sink;

/// How often a stage may be made anew before the pipeline gives up.
#[derive(Clone, Copy, Debug)]
pub struct RestartPolicy {
    pub restarts: usize,
    pub window: Duration,
}

impl Default for RestartPolicy {
    /// Eight in a minute: a page is quarantined after three attempts, so that two poison pages do not end a run, while
    /// a stage that fails at everything is seen within a minute.
    fn default() -> Self {
        Self { restarts: 8, window: Duration::from_secs(60) }
    }
}

/// A stage of which no more is known than that it takes `M`.
pub trait Takes<M> {
    /// As [`StageRef::send`].
    ///
    /// # Errors
    /// The message, when the stage is gone for good.
    fn send(&self, message: M) -> Result<(), M>;
}

impl<A, M> Takes<M> for StageRef<A>
where
    M: Message<Result = ()> + Send + 'static,
    A: Actor<Context = Context<A>> + Handler<M>,
    A::Context: ToEnvelope<A, M>,
{
    fn send(&self, message: M) -> Result<(), M> {
        StageRef::send(self, message)
    }
}

/// A stage as its neighbours see it: an address that survives the actor behind it.
///
/// actix's own supervisor restarts an actor that stops, not one that panics, so that the supervision is here: a send
/// that finds the actor gone makes a new one from the factory and sends again. It lives on the arbiter's thread.
pub struct StageRef<A: Actor> {
    inner: Rc<StageCell<A>>,
}

struct StageCell<A: Actor> {
    stage: Stage,
    factory: Box<dyn Fn() -> Addr<A>>,
    address: RefCell<Addr<A>>,
    restarts: RefCell<VecDeque<Instant>>,
    policy: RestartPolicy,
    metrics: Arc<Metrics>,
    /// Why the pipeline cannot go on; read by the handle.
    fatal: watch::Sender<Option<Error>>,
}

impl<A: Actor> Clone for StageRef<A> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<A: Actor<Context = Context<A>>> StageRef<A> {
    pub fn start(
        stage: Stage,
        metrics: Arc<Metrics>,
        policy: RestartPolicy,
        fatal: watch::Sender<Option<Error>>,
        factory: impl Fn() -> Addr<A> + 'static,
    ) -> Self {
        let address = RefCell::new(factory());
        let factory = Box::new(factory);
        let restarts = RefCell::default();
        Self { inner: Rc::new(StageCell { stage, factory, address, restarts, policy, metrics, fatal }) }
    }

    /// Hands a message over, without waiting: mailboxes have room for every page that may be under way.
    ///
    /// # Errors
    /// The message, when the stage is gone for good or its mailbox is full. Dropping it loses the page's ticket, which
    /// is how the page gets its record all the same.
    pub fn send<M>(&self, message: M) -> Result<(), M>
    where
        M: Message<Result = ()> + Send + 'static,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        use actix::prelude::SendError;
        let sent = self.inner.address.borrow().try_send(message);
        match sent {
            Ok(()) => Ok(()),
            Err(SendError::Full(message)) => {
                tracing::error!(stage = self.inner.stage.as_str(), "mailbox is full, which the page slots rule out");
                Err(message)
            }
            Err(SendError::Closed(message)) => {
                if !self.inner.restart() {
                    return Err(message);
                }
                self.inner.address.borrow().try_send(message).map_err(SendError::into_inner)
            }
        }
    }

    /// The present address, for messages that are answered.
    pub fn address(&self) -> Addr<A> {
        self.inner.address.borrow().clone()
    }
}

impl<A: Actor> StageCell<A> {
    fn restart(&self) -> bool {
        let now = Instant::now();
        let mut restarts = self.restarts.borrow_mut();
        while restarts.front().is_some_and(|&at| now.duration_since(at) > self.policy.window) {
            restarts.pop_front();
        }
        if restarts.len() >= self.policy.restarts {
            tracing::error!(stage = self.stage.as_str(), "stage keeps failing; it is not started again");
            self.fatal.send_replace(Some(Error::Fatal(format!(
                "the {} keeps failing: made anew {} times within {} s",
                self.stage.as_str(),
                self.policy.restarts,
                self.policy.window.as_secs()
            ))));
            return false;
        }
        restarts.push_back(now);
        self.metrics.stage(self.stage).restarted();
        tracing::warn!(stage = self.stage.as_str(), "stage is started again");
        *self.address.borrow_mut() = (self.factory)();
        true
    }
}
