//! Pages that repeat each other. Our own table is the truth; what is kept in memory, an exact scan or a graph of
//! neighbours, only proposes candidates and may be thrown away at any time.

mod alignment;
mod exact;
mod gap;
mod index;
mod queries;
mod side_by_side;
mod signature;
mod table;
mod texts;
mod words;

use pagestream_documents::{DocumentId, PageNumber};

pub use alignment::{Alignment, Comparison, MAX_PAIRS};
pub use index::{Neighbour, SimilarityIndex, SimilarityOptions, Verdict};
pub use queries::{Cluster, Relation, Repeat, Similar};
pub(crate) use queries::{clusters, similar};
pub use signature::{DIMENSIONS, MIN_CHARACTERS, NEAR_DUPLICATE, cosine, is_tiny, normalise, signature};

/// Names a page over all documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageKey {
    pub document: DocumentId,
    pub page: PageNumber,
}

/// Sets two texts side by side, an earlier and a later.
pub fn align_texts(a: &str, b: &str) -> Alignment {
    side_by_side::align(&normalise(a), &normalise(b))
}
