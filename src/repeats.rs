//! Pages that are like each other, among all that a data directory holds. Nothing is written, so that this may be asked beside a
//! pipeline of this or another process that writes there. Calls block: from async code, call them on a blocking thread.
//!
//! ```no_run
//! # fn main() -> Result<(), pagestream::Error> {
//! let results = std::path::Path::new("results");
//! for cluster in pagestream::repeats::duplicates(results, |source| source.starts_with("scans/"))? {
//!     println!("{} pages repeat page {}", cluster.repeats.len(), cluster.keep.page);
//! }
//! # Ok(())
//! # }
//! ```

use std::path::Path;

use pagestream_actors::store_error;
use pagestream_store::{Reader, Store};

pub use pagestream_store::similarity::{Cluster, Comparison, PageKey, Relation, Repeat, Similar};

use crate::Error;

/// The `k` pages most like a text, nearest first, each with how it is alike and what differs. Nothing for a text with fewer than
/// 64 characters. `except`: a page that is not to be found, the one that the text is of.
///
/// # Errors
/// [`Error::Store`] where there is no data directory, or it cannot be read.
pub fn similar(data_dir: &Path, text: &str, k: usize, except: Option<PageKey>) -> Result<Vec<Similar>, Error> {
    open(data_dir)?.similar(text, k, except).map_err(store_error)
}

/// The pages that repeat one another, of the documents whose name `wanted` takes. [`Cluster::keep`] is the earliest of them: what the
/// records of the others refer to, and the one whose text is there whatever was skipped.
///
/// # Errors
/// As [`similar`].
pub fn duplicates(data_dir: &Path, mut wanted: impl FnMut(&str) -> bool) -> Result<Vec<Cluster>, Error> {
    open(data_dir)?.duplicates(|_, source| wanted(source)).map_err(store_error)
}

fn open(data_dir: &Path) -> Result<Reader, Error> {
    Store::open_reader(data_dir).map_err(store_error)
}
