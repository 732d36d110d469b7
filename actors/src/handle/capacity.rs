//! What a running pipeline has room for: the permits that bound it, as whoever hands documents over sees them.

use std::time::Duration;

use pagestream_documents::ByteSize;
use serde::Serialize;

use super::Pipeline;
use crate::{budget::Capacity, metrics::Stage, options::Priority};

/// What is bounded, and what of it is free, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PipelineCapacity {
    /// Documents that may be open at once: `pipeline.open_documents`.
    pub documents: usize,
    /// Places that are free, for somebody who waits and for bulk work. A submission without a free place is told Busy.
    pub documents_free: usize,
    pub documents_free_for_bulk: usize,
    /// Pages that may be under way at once.
    pub pages: usize,
    pub pages_free: usize,
    /// Bytes of pixels and tensors that may be in memory at once.
    #[serde(serialize_with = "bytes")]
    pub memory: ByteSize,
    #[serde(serialize_with = "bytes")]
    pub memory_free: ByteSize,
    /// Pages that wait for their share of those.
    pub waiting: usize,
}

fn bytes<S: serde::Serializer>(size: &ByteSize, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(size.bytes())
}

impl Pipeline {
    /// The permits that bound the pipeline, and how many of them are free.
    pub fn capacity(&self) -> PipelineCapacity {
        let options = &self.shared.options;
        let (Capacity { pages, bytes }, waiting) = self.budget();
        PipelineCapacity {
            documents: options.open_documents.get(),
            documents_free: self.admission.free(Priority::Interactive),
            documents_free_for_bulk: self.admission.free(Priority::Bulk),
            pages: options.pages_in_flight.get(),
            pages_free: pages,
            memory: options.memory_budget,
            memory_free: bytes,
            waiting,
        }
    }

    /// When a document that is open now will probably have ended, so that its place is free: the fewest pages that one of them has
    /// left, at the mean time that the slowest stage works on a page, shared by as many as are under way at once. `None` where nothing
    /// is open, or nothing was read yet.
    pub fn next_place_in(&self) -> Option<Duration> {
        let left = |job: &crate::job::DocumentJob| {
            let progress = job.progress().borrow().clone();
            progress.selected.map(|selected| selected.saturating_sub(progress.committed).max(1))
        };
        let open = self.shared.jobs.all().into_iter().filter(|job| !job.is_ended());
        let left = open.map(|job| left(&job).unwrap_or(1)).min()?;
        let committed = self.shared.metrics.pages_committed.load(std::sync::atomic::Ordering::Relaxed);
        let busy = Stage::ALL.iter().map(|stage| self.shared.metrics.stage(*stage).busy.total()).max()?;
        let each = busy.checked_div(u32::try_from(committed).ok()?)?;
        let at_once = u32::try_from(self.shared.options.pages_in_flight.get()).unwrap_or(u32::MAX);
        each.saturating_mul(left).checked_div(at_once)
    }

    /// Documents that this process reads now, or whose handle somebody holds, and pages of them that have no record yet as far as is known.
    pub fn backlog(&self) -> (usize, u64) {
        let open = self.shared.jobs.all().into_iter().filter(|job| !job.is_ended());
        open.fold((0, 0), |(documents, pages), job| {
            let progress = job.progress().borrow().clone();
            let left = progress.selected.map_or(0, |selected| selected.saturating_sub(progress.committed));
            (documents + 1, pages + u64::from(left))
        })
    }
}
