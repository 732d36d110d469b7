//! Search in what was read: pages by their words.
//!
//! The text of a page is folded ([`folding`]) before it is indexed, and a query before it is asked, so that both mean the same by a
//! word: without ligatures, diacritics, case, soft hyphens and line ends. SQLite's FTS5 holds the index; where on the page
//! the words are is found again in the page's own record, for the few pages that are shown.

pub(crate) mod backlog;
mod evidence;
mod find;
pub mod folding;
pub(crate) mod index;
mod letters;
mod near;
mod query;
mod results;

pub(crate) use find::search;
pub use results::{Hit, HitLine, NearWord, SearchQuery, SearchResults};
