//! What must not be lost: the documents that were accepted, their bytes, and the pages that were read.
//!
//! One data directory holds one SQLite file (WAL; any SQLite tool may look), a spool of the inputs beside it, and caches
//! that can be thrown away. One process writes, any number read. Three seams are small enough for another engine to
//! stand behind: [`BlobStore`], [`WorkQueue`] and [`PageLog`]. All calls block: callers in async code put them on a
//! thread for that.

mod backup;
mod blobs;
#[cfg(unix)]
mod bus_errors;
mod caches;
mod database;
mod documents;
mod downloads;
mod error;
mod in_place;
mod lock;
mod nearest;
mod page_log;
mod page_set;
mod private;
mod ranking;
mod reader;
mod requests;
mod retention;
mod rows;
mod schema;
mod script;
mod search;
pub mod similarity;
mod store;
mod tags;
mod temporary;
pub mod vectors;
mod work;

pub use backup::BackedUp;
pub use blobs::{Blob, BlobStore, FolderBlobs, Incoming};
pub use caches::{Cache, CacheOptions, CacheStats, LineCache, MemorySize, PageCache};
pub use database::{Durability, FILE_NAME as DATABASE_FILE};
pub use documents::{
    Document, DocumentState, Listing, ListingPart, NewDocument, Outcome, Overview, Priority, options_key,
};
pub use downloads::DownloadedFrom;
pub use error::{Error, Result};
pub use in_place::Input;
pub use lock::Writer;
pub use page_log::{Committed, Cursor, PageCommit, PageLog, Sequence, SqlitePageLog, StoredPage};
pub use page_set::PageSet;
pub use reader::{Reader, Watch};
pub use requests::{Request, Requested};
pub use retention::Retention;
pub use schema::VERSION as SCHEMA_VERSION;
pub use search::{FoundBy, Hit, HitLine, NearWord, QueryVector, SearchMode, SearchQuery, SearchResults};
pub use store::{Store, StoreOptions};
pub use tags::Tag;
pub use work::{Lease, LeaseKeeper, Offer, SqliteWork, WorkQueue};
