//! Pages that repeat each other. Our own table is the truth; what is kept in memory, an exact scan or a graph of
//! neighbours, only proposes candidates and may be thrown away at any time.

mod exact;
#[cfg(feature = "similarity")]
mod graph;
#[cfg(not(feature = "similarity"))]
#[path = "graph_left_out.rs"]
mod graph;
mod index;
mod signature;
mod table;

pub use index::{Neighbour, PageKey, SimilarityIndex, SimilarityOptions, Verdict};
pub use signature::{DIMENSIONS, MIN_CHARACTERS, NEAR_DUPLICATE, cosine, normalise, signature};
