//! What a line says: CTC steps in, text and words out.
//!
//! Greedy decoding of connectionist temporal classification (Graves et al. 2006): the best class of each step, repeats
//! collapsed, blanks dropped. Beam search with no language model gains nothing on a model as sure as this one.

use std::sync::Arc;

use pagestream_documents::{Point, Polygon, Word};

use super::Symbol;
use crate::{
    backend::{Session, TensorView},
    error::{Error, Result},
};

/// Class 0 of the model: no character here.
const BLANK: u32 = 0;

/// The characters of a recogniser's classes, blank left out: class `n` is the `n - 1`st. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alphabet(Arc<[Box<str>]>);

impl Alphabet {
    /// From the model's metadata key `character`: one a line, to which the space is added at the end.
    pub fn from_metadata(characters: &str) -> Self {
        let mut list: Vec<Box<str>> = characters.split('\n').map(|c| c.trim_end_matches('\r').into()).collect();
        if list.last().is_some_and(|last| last.is_empty()) {
            list.pop();
        }
        list.push(" ".into());
        Self(list.into())
    }

    /// # Errors
    /// [`Error::Load`] when the model's file does not say which characters its classes are.
    pub fn of_model(session: &dyn Session, model: &str) -> Result<Self> {
        session.metadata("character").as_deref().map(Self::from_metadata).ok_or_else(|| Error::Load {
            model: model.to_owned(),
            backend: "recogniser".to_owned(),
            cause: "its metadata has no key `character`".to_owned(),
        })
    }

    /// Classes of the model, blank included.
    pub fn classes(&self) -> usize {
        self.0.len() + 1
    }

    pub fn character(&self, class: u32) -> Option<&str> {
        self.0.get((class as usize).checked_sub(1)?).map(AsRef::as_ref)
    }
}

/// The model's output `[1, steps, classes]` of probabilities, reduced where it lies.
///
/// # Errors
/// [`Error::Inference`] when the output has another shape.
pub fn reduce(output: TensorView<'_>) -> Result<Vec<Symbol>> {
    let &[1, _, classes] = output.shape else {
        return Err(Error::Inference {
            model: "recogniser".to_owned(),
            cause: format!("its output has shape {:?}, not [1, steps, classes]", output.shape),
        });
    };
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut previous = BLANK;
    for (step, probabilities) in output.data.chunks_exact(classes.max(1)).enumerate() {
        let (class, probability) = best(probabilities);
        let symbol = Symbol { step: step as u32, class, probability };
        if class != BLANK && class != previous {
            symbols.push(symbol);
        } else if class != BLANK
            && let Some(last) = symbols.last_mut()
            && last.probability < probability
        {
            // The surest step of a run says best where the character stands and how sure the model is of it.
            *last = symbol;
        }
        previous = class;
    }
    Ok(symbols)
}

/// The first greatest value and its index. A row has 18,710 classes and a page thousands of rows, so the search goes
/// by blocks: the maximum of a block is found without branches, and only a block that raises it is searched.
fn best(probabilities: &[f32]) -> (u32, f32) {
    const BLOCK: usize = 256;
    const LANES: usize = 16;
    let mut greatest = f32::NEG_INFINITY;
    let mut at = 0;
    for (index, block) in probabilities.chunks(BLOCK).enumerate() {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let chunks = block.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (lane, &p) in lanes.iter_mut().zip(chunk) {
                *lane = if p > *lane { p } else { *lane };
            }
        }
        let top = lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |top, &p| if p > top { p } else { top });
        if top > greatest {
            greatest = top;
            at = index * BLOCK + block.iter().position(|&p| p == top).unwrap_or(0);
        }
    }
    (at as u32, greatest)
}

/// A line as decoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    pub text: String,
    /// Mean probability of the line's characters, spaces left out; 0 for no text.
    pub confidence: f32,
    pub words: Vec<Word>,
}

/// Where the steps of a line lie on the page.
#[derive(Clone, Copy, Debug)]
pub struct StepGeometry {
    /// The line's corners in reading direction.
    pub line: Polygon,
    /// Pixels of the crop that hold the line, and pixels of the crop with its padding; steps cover the latter evenly.
    pub content_width: u32,
    pub padded_width: u32,
    /// Crop pixels per step.
    pub step_width: f32,
}

impl StepGeometry {
    /// The piece of the line between two steps (fractions allowed), cut to the line.
    fn piece(&self, from: f32, to: f32) -> Polygon {
        let [a, b, c, d] = self.line.0;
        let part = |step: f32| (step * self.step_width / self.content_width.max(1) as f32).clamp(0.0, 1.0);
        let along = |p: Point, q: Point, t: f32| Point::new(p.x + t * (q.x - p.x), p.y + t * (q.y - p.y));
        let (from, to) = (part(from), part(to));
        Polygon([along(a, b, from), along(a, b, to), along(d, c, to), along(d, c, from)])
    }
}

/// The line's text, confidence and words.
pub fn decode(symbols: &[Symbol], alphabet: &Alphabet, geometry: &StepGeometry) -> Decoded {
    let mut decoded = Decoded::default();
    let (mut sum, mut count) = (0.0, 0_u32);
    let mut word: Vec<(&str, Symbol)> = Vec::new();
    let mut end_of_previous = 0.0_f32;
    for (index, symbol) in symbols.iter().enumerate() {
        let Some(character) = alphabet.character(symbol.class) else { continue };
        if character.trim().is_empty() {
            if !word.is_empty() {
                end_of_previous = symbol.step as f32 + 0.5;
                finish_word(&mut word, &mut decoded, geometry, index, symbols, end_of_previous);
            }
            continue;
        }
        sum += symbol.probability;
        count += 1;
        if word.is_empty() && !decoded.text.is_empty() {
            decoded.text.push(' ');
        }
        decoded.text.push_str(character);
        word.push((character, *symbol));
    }
    let _ = end_of_previous;
    finish_word(&mut word, &mut decoded, geometry, symbols.len(), symbols, f32::MAX);
    decoded.confidence = if count == 0 { 0.0 } else { sum / count as f32 };
    decoded
}

/// Steps stand at the middle of their characters: a word reaches half a character beyond its outer ones, but not into
/// the space beside it.
fn finish_word(
    word: &mut Vec<(&str, Symbol)>,
    decoded: &mut Decoded,
    geometry: &StepGeometry,
    next: usize,
    symbols: &[Symbol],
    limit: f32,
) {
    let (Some(first), Some(last)) = (word.first(), word.last()) else { return };
    let (from, to) = (first.1.step as f32 + 0.5, last.1.step as f32 + 0.5);
    let reach = if word.len() > 1 { (to - from) / (word.len() - 1) as f32 / 2.0 } else { 1.0 }.max(0.75);
    let before = symbols[..next].iter().rev().find(|s| s.step < first.1.step).map_or(0.0, |s| s.step as f32 + 0.5);
    let polygon = geometry.piece((from - reach).max(before), (to + reach).min(limit));
    let confidence = word.iter().map(|(_, s)| s.probability).sum::<f32>() / word.len() as f32;
    let text = word.iter().map(|(c, _)| *c).collect();
    decoded.words.push(Word { text, polygon, confidence: Some(confidence) });
    word.clear();
}
