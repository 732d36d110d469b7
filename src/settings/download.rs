//! Settings of downloads: the section `[download]`.

use std::{num::NonZeroUsize, time::Duration};

use pagestream_documents::ByteSize;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DownloadSettings {
    /// Downloads in flight at once.
    pub at_once: NonZeroUsize,
    #[serde(deserialize_with = "super::size")]
    pub max_size: ByteSize,
    #[serde(deserialize_with = "super::duration")]
    pub connect_time: Duration,
    /// How long nothing may come.
    #[serde(deserialize_with = "super::duration")]
    pub idle_time: Duration,
    /// What must come in a second at least, over half a minute.
    #[serde(deserialize_with = "super::size")]
    pub least_rate: ByteSize,
    /// How long the whole may take.
    #[serde(deserialize_with = "super::duration")]
    pub time: Duration,
    /// Tries of what is interrupted, or put off by the server, without coming further.
    pub attempts: u32,
    /// The pause before the second try; it doubles with each.
    #[serde(deserialize_with = "super::duration")]
    pub retry_pause: Duration,
    /// The longest that a server may ask to be left alone.
    #[serde(deserialize_with = "super::duration")]
    pub retry_after: Duration,
    /// Redirects in a row.
    pub redirects: u32,
}
