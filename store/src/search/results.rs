//! What is asked, and what is answered.

use std::{ops::Range, time::SystemTime};

use pagestream_documents::{Digest, DocumentId, Origin, PageNumber, Polygon};

use crate::tags::Tag;

/// What pages are searched by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchMode {
    /// By their words alone.
    Keyword,
    /// By what they mean alone. Whatever comes nearest is found, be it ever so far.
    Semantic,
    /// By both: what is found by both comes first. Without a [`SearchQuery::vector`] by words alone, and the results say so.
    #[default]
    Hybrid,
}

/// What a query means.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryVector {
    /// The model that made it, which must be the one that made those of the pages.
    pub model: Digest,
    /// As many values as the model's other vectors have; any length.
    pub vector: Vec<f32>,
}

/// A search for pages by their words, by what they mean, or by both.
///
/// In `text`, words must all occur on a page; `"words in quotes"` stand beside each other; `-word` and `-"a phrase"` must
/// not occur; `word*` is the beginning of a word. Nothing else is an operator. Case, diacritics, ligatures and hyphens at line ends
/// do not matter.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchQuery {
    pub text: String,
    pub mode: SearchMode,
    /// What `text` means, for the modes that ask for it.
    pub vector: Option<QueryVector>,
    /// Most hits that are given.
    pub limit: usize,
    /// Hits that are passed over: those of the pages of results before this one.
    pub offset: usize,
    /// Only pages of this document.
    pub document: Option<DocumentId>,
    /// Only documents that were submitted as this, or whose path ends so. `*` is any text, `?` any character, `[ab]` one of
    /// those.
    pub source: Option<String>,
    /// Only documents that were submitted at this time or later.
    pub after: Option<SystemTime>,
    /// Only documents that were submitted before this time.
    pub before: Option<SystemTime>,
    /// Only documents that were submitted with all of these tags ([`NewDocument::tags`](crate::NewDocument::tags)).
    pub tags: Vec<Tag>,
    /// Only pages whose text comes from there.
    pub origin: Option<Origin>,
    /// As long as other documents have hits, a document gives at most so many; one that is asked for by name gives all.
    pub pages_of_a_document: usize,
}

impl SearchQuery {
    /// The ten best pages, two of a document before others have had their turn.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            mode: SearchMode::default(),
            vector: None,
            limit: 10,
            offset: 0,
            document: None,
            source: None,
            after: None,
            before: None,
            tags: Vec::new(),
            origin: None,
            pages_of_a_document: 2,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SearchResults {
    /// How it was searched: [`SearchMode::Keyword`] where a hybrid search had no vector.
    pub mode: SearchMode,
    /// Best first. Of words that more than 5,000 pages have, the latest 5,000 are compared.
    pub hits: Vec<Hit>,
    /// Nothing has the words as they were asked for: the hits have words that differ from them by a letter, or by what OCR takes for
    /// another letter. Those are in `near`.
    pub approximate: bool,
    pub near: Vec<NearWord>,
    /// Pages that an older version wrote and that are not in the index yet. A writer adds them while it runs.
    pub pages_not_indexed: u64,
}

/// What was searched for in the place of a word that no page has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearWord {
    /// As it was asked for, folded.
    pub word: String,
    /// What was found instead, folded.
    pub instead: Vec<String>,
}

/// A page that was found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Hit {
    pub document: DocumentId,
    /// The path or name that the document was submitted under.
    pub source: String,
    pub page: PageNumber,
    /// Larger is better: BM25 by words, the cosine by meaning, and the sum of `1 / (10 + rank)` by both. It compares pages of one search only.
    pub score: f64,
    pub found_by: FoundBy,
    /// Cosine of the query and the nearest passage, where the page was found by its meaning.
    pub similarity: Option<f32>,
    /// The nearest passage, in bytes of the record's `text`.
    pub passage: Option<Range<usize>>,
    /// The place with the most of what was asked for, in the page's own words; `…` where it is cut out of a longer text. Of a page that was found by
    /// its meaning alone, the nearest passage.
    pub snippet: String,
    /// What was asked for, in bytes of `snippet`, in order and without overlaps.
    pub marks: Vec<Range<usize>>,
    /// The lines of the page with what was asked for, all of them, in reading order; or those of the nearest passage.
    pub lines: Vec<HitLine>,
    /// Size of the page, in the unit of the polygons: pixels, or points for a text layer.
    pub width: u32,
    pub height: u32,
}

/// What a page was found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    Keyword,
    Semantic,
    Both,
}

/// A line of a page that was found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HitLine {
    /// Its place in the record's `lines`, counted from 0.
    pub index: usize,
    /// Its four corners, as in the record.
    pub polygon: Polygon,
    pub text: String,
}
