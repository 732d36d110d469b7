//! A folder that is watched, by the real program: what is taken and what is not, what becomes of it, and that nothing is lost or
//! doubled, whatever happens to the program, the folder or the disk.
//!
//! Nothing here sleeps: the program says what it has done, and its service manager's socket when it is ready.

#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../shell/mod.rs"]
mod shell;

mod crash;
mod documents;
mod faults;
mod folder;
mod many;
mod once;
mod running;
