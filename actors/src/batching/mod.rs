//! What a device runs next, and how much of it at once: the pure part of the scheduler.
//!
//! [`queue`] keeps what waits, by model and shape; [`controller`] finds the batch size at which a device does most in the
//! time that it may take. Neither knows of threads, actors or a clock: the scheduler tells them what time it is, and
//! `benches/batching.rs` runs them against simulated devices whose cost is known.

pub mod controller;
pub mod queue;

pub use controller::{BatchController, BatchLimits};
pub use queue::{Asker, Batch, InferenceQueue, Next, Position};
