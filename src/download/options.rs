//! How documents are downloaded: bounds, and whom may be asked.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use pagestream_documents::ByteSize;

use super::{
    guard::Guard,
    resolve::{Resolve, SystemResolver},
};
use crate::settings::DownloadSettings;

/// How documents are downloaded.
#[derive(Clone)]
#[non_exhaustive]
pub struct DownloadOptions {
    pub settings: DownloadSettings,
    pub guard: Guard,
    /// What finds the addresses of names.
    pub resolver: Arc<dyn Resolve>,
}

impl DownloadOptions {
    /// For addresses that the user names himself: whatever they lead to may be asked.
    pub fn trusting(settings: DownloadSettings) -> Self {
        Self { settings, guard: Guard::open(), resolver: Arc::new(SystemResolver) }
    }

    /// For addresses that others name.
    pub fn guarded(settings: DownloadSettings, guard: Guard) -> Self {
        Self { settings, guard, resolver: Arc::new(SystemResolver) }
    }

    pub(super) fn limits(&self) -> Limits {
        let DownloadSettings { max_size, idle_time, least_rate, .. } = self.settings;
        Limits { most: max_size, idle: idle_time, rate: least_rate, window: WINDOW }
    }

    pub(super) fn at_once(&self) -> NonZeroUsize {
        self.settings.at_once
    }
}

/// Over which a download must bring what is asked of it.
const WINDOW: Duration = Duration::from_secs(30);

/// What a body may be.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub most: ByteSize,
    pub idle: Duration,
    /// Bytes a second, over the window.
    pub rate: ByteSize,
    pub window: Duration,
}
