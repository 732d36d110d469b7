//! Search in what was read: pages by their words, by what they mean (`fusion`: the vectors are searched elsewhere), or by both.
//!
//! The text of a page is folded ([`folding`]) before it is indexed, and a query before it is asked, so that both mean the same by a
//! word: without ligatures, diacritics, case, soft hyphens and line ends. SQLite's FTS5 holds the index; where on the page
//! the words are is found again in the page's own record, for the few pages that are shown.

pub(crate) mod backlog;
mod evidence;
mod find;
pub mod folding;
mod fusion;
pub(crate) mod index;
mod letters;
mod near;
mod query;
mod results;

pub(crate) use find::{pages_let_through, search};
pub(crate) use fusion::Meant;
pub use results::{FoundBy, Hit, HitLine, NearWord, QueryVector, SearchMode, SearchQuery, SearchResults};
