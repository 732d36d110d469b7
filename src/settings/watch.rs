//! Settings of a watched folder: the section `[watch]`.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WatchSettings {
    pub after: After,
    /// Below the watched folder, or absolute.
    pub archive: PathBuf,
    pub failed: PathBuf,
    #[serde(deserialize_with = "super::duration")]
    pub settle: Duration,
    #[serde(deserialize_with = "super::duration")]
    pub incomplete: Duration,
    pub notice: Notice,
    #[serde(deserialize_with = "pause")]
    pub poll: Duration,
    #[serde(deserialize_with = "pause")]
    pub rescan: Duration,
    pub links: bool,
    #[serde(deserialize_with = "at_least_one")]
    pub attempts: u32,
    #[serde(deserialize_with = "super::duration")]
    pub retry_after: Duration,
    #[serde(deserialize_with = "super::path")]
    pub password_file: Option<PathBuf>,
    pub hook: Vec<String>,
    #[serde(deserialize_with = "super::duration")]
    pub hook_time: Duration,
    #[serde(deserialize_with = "at_least_one")]
    pub hooks_at_once: u32,
}

/// What becomes of a file once its results are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    Archive,
    Delete,
    Leave,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notice {
    Auto,
    Events,
    Polling,
    Both,
}

/// The settings that take effect while a folder is watched; the others do at the next start.
pub const CHANGE_WHILE_WATCHING: [&str; 11] = [
    "watch.settle",
    "watch.incomplete",
    "watch.poll",
    "watch.rescan",
    "watch.links",
    "watch.attempts",
    "watch.retry_after",
    "watch.password_file",
    "watch.hook",
    "watch.hook_time",
    "watch.hooks_at_once",
];

/// A length of time that something is repeated after: not so short that nothing else is done.
fn pause<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Ok(super::duration(deserializer)?.max(Duration::from_millis(10)))
}

fn at_least_one<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(u32::deserialize(deserializer)?.max(1))
}
