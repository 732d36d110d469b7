//! Sentence embeddings: what a page or a question means, as a vector whose cosine with another says how near the two are.
//!
//! [`Tokenizer`] turns text into the inputs of the model, `[1, length]` word pieces; [`crate::ocr::Task::Embed`] runs it; its output is
//! one vector of [`DIMENSIONS`] numbers, of length one. Source of the model: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019, and
//! Wang et al., "MiniLM", NeurIPS 2020.

use crate::{
    backend::TensorView,
    error::{Error, Result},
};

mod passages;
mod tokenizer;
mod unicode;

pub use passages::Passage;
pub use tokenizer::{Tokenizer, VOCABULARY};

/// Numbers of a vector.
pub const DIMENSIONS: usize = 384;

/// Word pieces of the longest input, the two marks at its ends included: longer ones were not seen in training.
pub const MAX_PIECES: usize = 256;

/// Lengths that inputs are filled up to, so that few shapes occur and inputs of one shape can share a run.
pub const BUCKETS: [usize; 5] = [16, 32, 64, 128, MAX_PIECES];

/// Passages of one page at the most: about 12,000 words, ten times a full page of print. What lies beyond is found by its words only.
pub const MAX_PASSAGES: usize = 64;

/// The vector of one input out of the model's output `[1, DIMENSIONS]`.
///
/// # Errors
/// [`Error::Inference`] where the output has another shape, or numbers that are none.
pub fn reduce(output: TensorView<'_>) -> Result<Vec<f32>> {
    let fail = |cause: String| Error::Inference { model: "Embed".to_owned(), cause };
    if output.shape != [1, DIMENSIONS] || output.data.len() != DIMENSIONS {
        return Err(fail(format!("its output has shape {:?}, not [1, {DIMENSIONS}]", output.shape)));
    }
    if !output.data.iter().all(|number| number.is_finite()) {
        return Err(fail("its output is not finite".to_owned()));
    }
    Ok(output.data.to_vec())
}

#[cfg(test)]
mod tests;
