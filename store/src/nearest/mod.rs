//! What every search for nearest vectors is made of, whatever the vectors mean: the kernel that compares two, the list of the best
//! so far, and the graph of neighbours.

mod best;
#[cfg(feature = "similarity")]
mod graph;
#[cfg(not(feature = "similarity"))]
#[path = "graph_left_out.rs"]
mod graph;
mod product;

pub(crate) use best::Best;
pub(crate) use graph::{BATCH, Broken, Graph};
pub(crate) use product::{cosine_of, dot_i8};
