//! What a line says: our own networks, of 0.4 M parameters (half a millisecond a line) and of 2.7 M.
//!
//! The input is gray, 32 pixels high, with ink at -1 and paper at +1 whatever the scan made of them; the output are logits of
//! 341 classes, a step every four pixels. Every step here is that of `models/training/lab/preprocess.py`.

use pagestream_documents::{Polygon, buffers};

use super::{
    crop::{self, Pixels},
    resize::{self, Plane},
};
use crate::{
    backend::{Tensor, TensorView},
    error::Result,
    ocr::{
        Alphabet, Symbol,
        pixels::{histogram, set_levels},
        recognizer::{best, best_path},
    },
};

/// Height of a line as the recogniser was trained.
pub const LINE_HEIGHT: usize = 32;

/// Input pixels per output step.
pub const STEP_WIDTH: f32 = 4.0;

/// Widths come in multiples of this, with at least `TAIL` pixels of paper after the line: a bucket depends on the line alone.
const BUCKET: usize = 32;
const TAIL: usize = 8;

/// No line is given more pixels than this along its length, 128 times its height: what is longer is squeezed.
const MAX_WIDTH: usize = 4096;

/// Gray levels that differ by less are not stretched to the full range: an empty crop stays empty.
const LEAST_CONTRAST: usize = 32;

/// The recogniser's characters by class, from the list that is shipped with it: one a line. Class 1 is the space.
pub fn alphabet(characters: &str) -> Alphabet {
    Alphabet::of_characters([" "].into_iter().chain(characters.lines()))
}

/// Width in the recogniser's input of a crop of this size, before padding.
fn scaled_width(width: usize, height: usize) -> usize {
    ((2 * LINE_HEIGHT * width + height) / (2 * height.max(1))).clamp(8, MAX_WIDTH)
}

/// Width in the recogniser's input of a line given by its corners, before padding.
pub fn content_width(line: &Polygon) -> u32 {
    let (width, height) = crop::size(line);
    scaled_width(width, height) as u32
}

fn padded_width(width: usize) -> usize {
    (width + TAIL).next_multiple_of(BUCKET)
}

/// Bytes of a line's tensor.
pub fn tensor_bytes(line: &Polygon) -> usize {
    LINE_HEIGHT * padded_width(content_width(line) as usize) * size_of::<f32>()
}

/// The recogniser's input `[1, 1, 32, width]` for a line given by its corners in reading direction, in pixels of the page.
pub fn input(page: Plane<'_>, line: &Polygon) -> Tensor {
    match crop::upright(page, line) {
        Pixels::Lent(part) => tensor(part),
        Pixels::Made(made) => tensor(made.plane()),
    }
}

/// A crop of any size as the recogniser's input.
pub fn tensor(crop: Plane<'_>) -> Tensor {
    let width = scaled_width(crop.width, crop.height);
    let padded = padded_width(width);
    let mut line = Vec::with_capacity(LINE_HEIGHT * width);
    resize::resize(crop, width, LINE_HEIGHT, |_, row| line.extend_from_slice(row));
    let levels = Levels::of(&line);
    let mut data = buffers::take(LINE_HEIGHT * padded);
    for (out, row) in data.chunks_exact_mut(padded).zip(line.chunks_exact(width)) {
        let (line, paper) = out.split_at_mut(width);
        set_levels(line, row, |v| levels.at(v));
        paper.fill(1.0);
    }
    Tensor { shape: vec![1, 1, LINE_HEIGHT, padded], data }
}

/// What gray levels become: paper +1, ink about -1, whichever of the two is the lighter one.
struct Levels {
    /// Turns all bits of light print on dark.
    turned: u8,
    high: f32,
    step: f32,
}

impl Levels {
    fn of(pixels: &[u8]) -> Self {
        let mut passed = 0;
        let cumulated = histogram(pixels).map(|count| {
            passed += count as usize;
            passed
        });
        // The lowest level at which so many hundredths of the pixels are reached.
        let at = |share: usize| cumulated.partition_point(|&count| count * 100 < share * pixels.len());
        let (mut low, median, mut high) = (at(1), at(50), at(95));
        let light_on_dark = 2 * median < low + high;
        if light_on_dark {
            (low, high) = (255 - at(99), 255 - at(5));
        }
        let step = 2.0 / high.saturating_sub(low).max(LEAST_CONTRAST) as f32;
        Self { turned: if light_on_dark { u8::MAX } else { 0 }, high: high as f32, step }
    }

    /// Calculated, not looked up: several at a time.
    #[inline(always)]
    fn at(&self, v: u8) -> f32 {
        ((f32::from(v ^ self.turned) - self.high) * self.step + 1.0).clamp(-1.0, 1.0)
    }
}

/// What each gray level of these pixels becomes, as the recogniser's input has it.
#[cfg(test)]
pub fn level_table(pixels: &[u8]) -> [f32; 256] {
    let levels = Levels::of(pixels);
    std::array::from_fn(|v| levels.at(v as u8))
}

/// The best path through the model's output `[1, steps, classes]` of logits, reduced where it lies: the surest step of
/// each run, with its probability.
///
/// # Errors
/// [`crate::Error::Inference`] when the output has another shape.
pub fn reduce(output: TensorView<'_>) -> Result<Vec<Symbol>> {
    // Two of three steps are blanks, whose probability nobody asks for.
    best_path(output, best, softmax_of_best)
}

/// The softmax of the greatest logit.
fn softmax_of_best(logits: &[f32], greatest: f32) -> f32 {
    // exp(-20) times 341 classes is less than a confidence shows.
    const NOTHING: f32 = -20.0;
    1.0 / logits.iter().map(|&logit| logit - greatest).filter(|&d| d > NOTHING).map(f32::exp).sum::<f32>()
}
