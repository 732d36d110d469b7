//! A folder whose documents are read as they come: [`Watch`].
//!
//! A file is found by a look at the folder or by an event (`noticing`), waited for until nobody writes to it (`readiness`,
//! `trailer`), claimed by moving it into a work folder (`claiming`), submitted, read, its results written from the page log
//! (`delivering`) and moved to its end (`endings`); `passage` has the order of the steps. After a crash at any moment each file
//! is in one place and each result there once. It speaks to the pipeline's handle alone.

mod claiming;
mod crowd;
mod daemon;
mod delivering;
mod discovering;
mod endings;
mod faults;
mod file_system;
mod hooks;
mod journal;
mod leftovers;
mod lock;
mod marks;
mod moving;
mod noticing;
mod opening;
mod passage;
mod passwords;
mod paths;
mod readiness;
mod service;
mod state;
mod told;
mod trailer;

pub use self::{
    daemon::Report,
    delivering::Form,
    faults::{Failure, FailureKind},
    journal::{Outcome, Place},
    opening::{Options, Order, Refused, Watch},
    state::{LastError, WatchState, states},
    told::{Ended, Told},
};
