//! Reading a page's pixels: detection, orientation, recognition.
//!
//! [`PageReader`] is a state machine that performs no inference itself: it says which inferences it needs, is given
//! their results, and goes on, so that a scheduler may mix the work of many pages.

use pagestream_documents::{Rotation, TextLine};

use crate::backend::Tensor;

/// What a model is used for. One model serves each task at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// Page pixels -> probability that each pixel belongs to a text line.
    Detect,
    /// Line crop -> probability that it stands on its head.
    Orient,
    /// Line crop -> characters.
    Recognize,
}

/// One inference that a page needs. `input.shape[0]` is 1; a scheduler may stack inputs of equal shape and task.
#[derive(Clone, Debug)]
pub struct Inference {
    pub task: Task,
    pub input: Tensor,
}

/// What an inference came to, already reduced from the model's output.
#[derive(Clone, Debug, PartialEq)]
pub enum Inferred {
    Map(ProbabilityMap),
    /// Probability that the crop is upside down.
    UpsideDown(f32),
    Symbols(Vec<Symbol>),
}

/// Row-major probabilities of text, quantised to 0..=255, at the detector's input resolution.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilityMap {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
}

/// The best class of one CTC step that is not a blank, repeats collapsed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Symbol {
    /// Step of the output, 0-based; steps cover the crop's width evenly.
    pub step: u32,
    pub class: u32,
    pub probability: f32,
}

/// What reading a page came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// In reading order, in the coordinates of the raster as given.
    pub lines: Vec<TextLine>,
    /// The lines' text, blocks separated by a blank row.
    pub text: String,
    pub rotation: Rotation,
}
