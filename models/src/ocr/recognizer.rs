//! What a line says: CTC steps in, text and words out.
//!
//! Greedy decoding of connectionist temporal classification (Graves et al. 2006): the best class of each step, repeats
//! collapsed, blanks dropped. Beam search with no language model gains nothing on a model as sure as this one.

use std::sync::Arc;

use pagestream_documents::{Polygon, Word};

use super::Symbol;
use crate::{
    backend::{ModelSource, TensorView},
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

    /// The characters of classes 1, 2, ….
    pub fn of_characters<'a>(characters: impl IntoIterator<Item = &'a str>) -> Self {
        Self(characters.into_iter().map(Box::from).collect())
    }

    /// # Errors
    /// [`Error::Load`] when the model does not say which characters its classes are, [`Error::Io`] when its file cannot be
    /// opened.
    pub fn of_model(model: &ModelSource) -> Result<Self> {
        model.metadata("character")?.as_deref().map(Self::from_metadata).ok_or_else(|| Error::Load {
            model: model.id.clone(),
            backend: "the recogniser".to_owned(),
            cause: "its metadata has no key `character`".to_owned(),
        })
    }

    /// Classes of the model, blank included.
    pub fn classes(&self) -> usize {
        self.0.len() + 1
    }

    /// Whether one of the classes is this character. Walks through them all.
    pub fn knows(&self, character: char) -> bool {
        let mut bytes = [0; 4];
        let text: &str = character.encode_utf8(&mut bytes);
        self.0.iter().any(|known| known.as_ref() == text)
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
    best_path(output, best, |_, probability| probability)
}

/// The best path through an output `[1, steps, classes]`, repeats collapsed and blanks dropped: the surest step of each run,
/// which says best where the character stands and how sure the model is of it. `best` finds a step's class and value, and
/// `probability` what that value means; it is not asked for blanks.
///
/// # Errors
/// [`Error::Inference`] when the output has another shape.
pub(super) fn best_path(
    output: TensorView<'_>,
    best: impl Fn(&[f32]) -> (u32, f32),
    probability: impl Fn(&[f32], f32) -> f32,
) -> Result<Vec<Symbol>> {
    let &[1, _, classes] = output.shape else {
        return Err(Error::Inference {
            model: "recogniser".to_owned(),
            cause: format!("its output has shape {:?}, not [1, steps, classes]", output.shape),
        });
    };
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut previous = BLANK;
    for (step, values) in output.data.chunks_exact(classes.max(1)).enumerate() {
        let (class, value) = best(values);
        if class != BLANK {
            let symbol = Symbol { step: step as u32, class, probability: probability(values, value) };
            match symbols.last_mut() {
                Some(last) if class == previous => {
                    if last.probability < symbol.probability {
                        *last = symbol;
                    }
                }
                _ => symbols.push(symbol),
            }
        }
        previous = class;
    }
    Ok(symbols)
}

/// The first greatest value and its index. A row has 18,710 classes and a page thousands of rows, so the search goes
/// by blocks: the maximum of a block is found without branches, and only a block that raises it is searched.
pub(crate) fn best(probabilities: &[f32]) -> (u32, f32) {
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
    /// Geometric mean of the probabilities of the three least sure characters, spaces included; 0 for no text. It tells
    /// lines with errors from those without better than the mean over all, the least, or any mean over steps (`lab/confidence.py`).
    pub certainty: f32,
    pub words: Vec<Word>,
    /// What was read and where, blanks included, from the left.
    pub characters: Vec<Character>,
}

/// One character of a line as it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Character {
    pub character: char,
    /// Its middle, as a part of the line's length: 0 where the line begins, 1 where it ends.
    pub at: f32,
    pub probability: f32,
}

impl Decoded {
    /// The same of other characters; without words.
    pub fn with(&self, characters: Vec<Character>) -> Self {
        let text: String = characters.iter().map(|character| character.character).collect();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let certainty = least_sure(characters.iter().map(|character| character.probability).collect());
        Self { text, certainty, words: Vec::new(), characters, confidence: self.confidence }
    }

    /// Bytes that it takes, about.
    pub fn memory_size(&self) -> usize {
        self.text.len() * 2 + self.words.len() * size_of::<Word>() + self.characters.len() * size_of::<Character>()
    }
}

/// Where the steps of a line lie on the page.
#[derive(Clone, Copy, Debug)]
pub struct StepGeometry {
    /// The line's corners in reading direction.
    pub line: Polygon,
    /// Pixels of the crop that hold the line; what lies beyond is padding.
    pub content_width: u32,
    /// Crop pixels per step.
    pub step_width: f32,
}

impl StepGeometry {
    /// The piece of the line between two steps (fractions allowed), cut to the line.
    fn piece(&self, from: f32, to: f32) -> Polygon {
        let part = |step: f32| (step * self.step_width / self.content_width.max(1) as f32).clamp(0.0, 1.0);
        self.line.piece(part(from), part(to))
    }
}

/// The line's text, confidence and words. Classes that the alphabet does not have are left out.
pub fn decode(symbols: &[Symbol], alphabet: &Alphabet, geometry: &StepGeometry) -> Decoded {
    let characters: Vec<(&str, &Symbol)> =
        symbols.iter().filter_map(|symbol| Some((alphabet.character(symbol.class)?, symbol))).collect();
    let words: Vec<Word> = characters
        .split(|(character, _)| character.trim().is_empty())
        .filter(|word| !word.is_empty())
        .map(|word| Word {
            text: word.iter().map(|(character, _)| *character).collect(),
            polygon: word_polygon(word, geometry),
            confidence: Some(mean(word)),
        })
        .collect();
    let placed = |(text, symbol): &(&str, &Symbol)| {
        let at = (symbol.step as f32 + 0.5) * geometry.step_width / geometry.content_width.max(1) as f32;
        Some(Character { character: text.chars().next()?, at, probability: symbol.probability })
    };
    let placed = characters.iter().filter_map(placed).collect();
    let inked: Vec<(&str, &Symbol)> = characters.into_iter().filter(|(c, _)| !c.trim().is_empty()).collect();
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    Decoded { text, confidence: mean(&inked), certainty: certainty(symbols), words, characters: placed }
}

fn certainty(symbols: &[Symbol]) -> f32 {
    least_sure(symbols.iter().map(|symbol| symbol.probability).collect())
}

/// The geometric mean of the least three.
fn least_sure(mut least: Vec<f32>) -> f32 {
    const LEAST: usize = 3;
    least.sort_by(f32::total_cmp);
    least.truncate(LEAST);
    match least.len() {
        0 => 0.0,
        count => (least.iter().map(|p| p.ln()).sum::<f32>() / count as f32).exp(),
    }
}

/// Steps stand at the middle of their characters: a word reaches half a character beyond its outer ones.
fn word_polygon(word: &[(&str, &Symbol)], geometry: &StepGeometry) -> Polygon {
    let middle = |(_, symbol): &(&str, &Symbol)| symbol.step as f32 + 0.5;
    let (from, to) = (middle(&word[0]), middle(&word[word.len() - 1]));
    // A character is one to four steps wide; one alone is taken for two.
    let pitch = if word.len() > 1 { (to - from) / (word.len() - 1) as f32 } else { 2.0 };
    let reach = pitch.clamp(1.5, 4.0) / 2.0;
    geometry.piece(from - reach, to + reach)
}

fn mean(characters: &[(&str, &Symbol)]) -> f32 {
    let sum: f32 = characters.iter().map(|(_, symbol)| symbol.probability).sum();
    if characters.is_empty() { 0.0 } else { sum / characters.len() as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pagestream_documents::Rect;

    /// Classes: blank, `a`, `b`, `c`, space.
    fn alphabet() -> Alphabet {
        Alphabet::from_metadata("a\nb\nc\n")
    }

    /// One step per class given, each with its probability.
    fn output(steps: &[(u32, f32)]) -> Vec<f32> {
        let classes = alphabet().classes();
        let row = |&(class, p): &(u32, f32)| {
            (0..classes).map(move |c| if c == class as usize { p } else { (1.0 - p) / (classes - 1) as f32 })
        };
        steps.iter().flat_map(row).collect()
    }

    fn read(steps: &[(u32, f32)]) -> Decoded {
        let shape = [1, steps.len(), alphabet().classes()];
        let symbols = reduce(TensorView { shape: &shape, data: &output(steps) }).expect("the shape is right");
        let line = Polygon::from_rect(Rect { left: 100.0, top: 10.0, right: 180.0, bottom: 34.0 });
        // 160 pixels of crop for 80 of the page.
        decode(&symbols, &alphabet(), &StepGeometry { line, content_width: 160, step_width: 8.0 })
    }

    #[test]
    fn ctc_collapses_repeats_and_drops_blanks() {
        let check = |classes: &[u32], expected: &str| {
            let steps: Vec<(u32, f32)> = classes.iter().map(|&c| (c, 0.9)).collect();
            assert_eq!(read(&steps).text, expected, "{classes:?}");
        };
        check(&[], "");
        check(&[0, 0, 0], "");
        check(&[1, 1, 0, 2], "ab");
        check(&[1, 0, 1], "aa");
        check(&[4, 1, 4, 4, 0, 4, 2, 4], "a b");
        check(&[3, 2, 1], "cba");
    }

    #[test]
    fn a_run_is_as_sure_as_its_surest_step_and_a_line_as_its_mean_character() {
        let decoded = read(&[(1, 0.5), (1, 0.9), (1, 0.6), (0, 0.9), (4, 0.3), (2, 0.7)]);
        assert_eq!(decoded.text, "a b");
        assert!((decoded.confidence - 0.8).abs() < 1e-6, "{}", decoded.confidence);
        let words: Vec<(&str, f32)> =
            decoded.words.iter().map(|w| (w.text.as_str(), w.confidence.unwrap_or_default())).collect();
        assert_eq!(words, [("a", 0.9), ("b", 0.7)]);
    }

    #[test]
    fn words_lie_where_their_steps_are() {
        let steps: Vec<(u32, f32)> = (0..20)
            .map(|step| match step {
                2 | 4 | 6 => (step / 2, 0.9),
                10 => (4, 0.9),
                15 | 17 => (step - 14, 0.9),
                _ => (0, 0.9),
            })
            .collect();
        let decoded = read(&steps);
        assert_eq!(decoded.text, "abc ac");
        let spans: Vec<(f32, f32)> = decoded
            .words
            .iter()
            .map(|w| {
                let b = w.polygon.bounds();
                (b.left, b.right)
            })
            .collect();
        // A step is 8 crop pixels, 4 page pixels; characters are two steps apart, so words reach one step further.
        assert_eq!(spans, [(106.0, 130.0), (158.0, 174.0)]);
    }

    #[test]
    fn the_greatest_of_many_classes_is_found_wherever_it_is() {
        for at in [0, 1, 15, 16, 255, 256, 300, 18_709] {
            let mut row = vec![0.1; 18_710];
            row[at] = 0.5;
            assert_eq!(best(&row), (at as u32, 0.5));
        }
    }

    #[test]
    fn an_output_of_another_shape_is_an_error() {
        assert!(reduce(TensorView { shape: &[2, 1, 5], data: &[0.0; 10] }).is_err());
    }

    #[test]
    fn the_alphabet_keeps_every_line_of_the_metadata_and_ends_with_the_space() {
        let alphabet = Alphabet::from_metadata("a\n\u{3000}\n#\n");
        assert_eq!(alphabet.classes(), 5);
        assert_eq!([1, 2, 3, 4].map(|c| alphabet.character(c).unwrap_or("?")), ["a", "\u{3000}", "#", " "]);
        assert_eq!((alphabet.character(0), alphabet.character(5)), (None, None));
    }
}
