//! A formula recogniser as the pipeline has it: one [`Session`], which takes pictures and answers what it wrote. The state between the decoder's
//! steps never leaves it.

use std::{borrow::Cow, fmt::Debug};

use pagestream_documents::ByteSize;

use super::{
    Ending, FormulaModel, FormulaOptions, FormulaReader, FormulaReading, GrayCrop, confidence, latex,
    picture::{self, Ink},
    search::Found,
    symbols::{
        SymbolReader, SymbolReading,
        parts::{Scaled, scaled},
    },
};
use crate::{
    backend::{Backend, Session, Tensor, TensorView},
    error::{Error, Result},
};

/// Expected share of right tokens from which on a formula that was read symbol by symbol needs no decoder.
const SURE: f32 = 0.97;
/// What is read with less and in more pieces of LaTeX is no formula, but a stamp, handwriting or typewriting; a decoder would take long over it and
/// make something up.
const HOPELESS: (f32, usize) = (0.3, 40);

/// What reads formulas, of whichever family.
pub trait FormulaRecognizer: Debug + Send + Sync {
    /// The input of [`crate::ocr::Task::Formula`] for a crop, `[1, channels, height, width]`; `None` where there is no ink in it.
    fn input(&self, crop: GrayCrop<'_>) -> Option<Tensor>;

    /// Loads its networks. The session's outputs are those of [`reduce`].
    ///
    /// # Errors
    /// [`Error::Load`], [`Error::Unsupported`].
    fn session(&self, backend: &dyn Backend) -> Result<Box<dyn Session>>;

    /// What it wrote, for people.
    fn reading(&self, written: &Written) -> FormulaReading;
}

/// What was written of a formula.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Numbers of the recogniser's tokens, or the characters of LaTeX.
    pub tokens: Vec<u32>,
    pub kind: WrittenAs,
    /// Mean logarithm of the tokens' probabilities, the end's among them.
    pub score: f32,
    pub ending: Ending,
}

/// What [`Written::tokens`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenAs {
    /// The decoder wrote it.
    Tokens,
    /// It was read symbol by symbol.
    Characters,
}

impl Written {
    /// Of a picture without ink.
    pub fn nothing() -> Self {
        Self { tokens: Vec::new(), kind: WrittenAs::Tokens, score: f32::NEG_INFINITY, ending: Ending::Empty }
    }

    /// `[1, 2 + tokens]`: the ending, the score, the tokens. Tokens are fewer than 2^24, so that an f32 holds them.
    pub fn output(&self) -> Tensor {
        let ending = match self.ending {
            Ending::Complete if self.kind == WrittenAs::Characters => 4.0,
            Ending::Complete => 0.0,
            Ending::TooLong => 1.0,
            Ending::Repetition => 2.0,
            Ending::Empty => 3.0,
        };
        let tokens = self.tokens.iter().map(|&token| token as f32);
        let data: Vec<f32> = [ending, self.score].into_iter().chain(tokens).collect();
        Tensor { shape: vec![1, data.len()], data }
    }

    fn of(output: TensorView<'_>) -> Option<Self> {
        let [ending, score, tokens @ ..] = output.data else { return None };
        let (ending, kind) = match *ending {
            0.0 => (Ending::Complete, WrittenAs::Tokens),
            1.0 => (Ending::TooLong, WrittenAs::Tokens),
            2.0 => (Ending::Repetition, WrittenAs::Tokens),
            3.0 => (Ending::Empty, WrittenAs::Tokens),
            4.0 => (Ending::Complete, WrittenAs::Characters),
            _ => return None,
        };
        Some(Self { tokens: tokens.iter().map(|&token| token as u32).collect(), kind, score: *score, ending })
    }

    fn found(&self) -> Found {
        let tokens = self.tokens.iter().map(|&token| token as usize).collect();
        Found { tokens, score: self.score.into(), ending: self.ending }
    }
}

impl From<Found> for Written {
    fn from(Found { tokens, score, ending }: Found) -> Self {
        let tokens = tokens.into_iter().map(|token| token as u32).collect();
        Self { tokens, kind: WrittenAs::Tokens, score: score as f32, ending }
    }
}

impl From<SymbolReading> for Written {
    fn from(SymbolReading { latex, score, .. }: SymbolReading) -> Self {
        let tokens = latex.chars().map(u32::from).collect();
        Self { tokens, kind: WrittenAs::Characters, score, ending: Ending::Complete }
    }
}

/// What a session of [`crate::ocr::Task::Formula`] answered for one picture.
///
/// # Errors
/// [`Error::Inference`] where that is nothing that one answers.
pub fn reduce(output: TensorView<'_>) -> Result<Written> {
    Written::of(output).ok_or_else(|| Error::Inference {
        model: "formula".to_owned(),
        cause: format!("its output of shape {:?} is no formula", output.shape),
    })
}

/// A recogniser of our own kind.
#[derive(Clone, Debug)]
pub struct OwnRecognizer {
    pub model: FormulaModel,
    pub options: FormulaOptions,
}

impl FormulaRecognizer for OwnRecognizer {
    fn input(&self, crop: GrayCrop<'_>) -> Option<Tensor> {
        let data = picture::ink(crop)?;
        // Those of a page wait together: what is scanned finer than it need be would take memory.
        let Scaled { ink, width, height, .. } = scaled(Ink { data: &data, width: crop.width, height: crop.height })?;
        let smaller = if let Cow::Owned(ink) = ink { Some(ink) } else { None };
        Some(Tensor { shape: vec![1, 1, height, width], data: smaller.unwrap_or(data) })
    }

    fn session(&self, backend: &dyn Backend) -> Result<Box<dyn Session>> {
        let reader = FormulaReader::load(backend, &self.model, self.options.clone())?;
        let symbols = self.model.symbols.as_ref().map(|symbols| SymbolReader::load(backend, symbols)).transpose()?;
        Ok(Box::new(FormulaSession { reader, symbols, model: self.model.clone() }))
    }

    fn reading(&self, written: &Written) -> FormulaReading {
        if written.kind == WrittenAs::Characters {
            let latex: String = written.tokens.iter().filter_map(|&c| char::from_u32(c)).collect();
            let confidence = self.model.symbols.as_ref().map_or(0.0, |symbols| symbols.share(written.score));
            return FormulaReading {
                tokens: latex::pieces(&latex),
                latex,
                confidence,
                needs_review: confidence::needs_review(confidence, written.ending),
                ending: written.ending,
            };
        }
        // Whatever wrote it: numbers beyond the vocabulary are nobody's tokens.
        let mut found = written.found();
        found.tokens.retain(|&token| token < self.model.language.vocabulary.len());
        self.model.reading(&found)
    }
}

/// Reads symbol by symbol first, and asks the decoder about what is not surely read so.
struct FormulaSession {
    model: FormulaModel,
    symbols: Option<SymbolReader>,
    reader: FormulaReader,
}

impl FormulaSession {
    fn read_all(&mut self, inputs: &[TensorView<'_>], read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        let mut by_symbols: Vec<Option<SymbolReading>> = Vec::with_capacity(inputs.len());
        let mut pictures = Vec::new();
        for input in inputs {
            let ink = ink_of(input);
            let reading = match (&mut self.symbols, ink) {
                (Some(symbols), Some(ink)) => symbols.read(ink)?,
                _ => None,
            };
            if reading.as_ref().is_none_or(needs_decoder) {
                pictures.push(ink.and_then(picture::of_ink));
            }
            by_symbols.push(reading);
        }
        let mut found = self.reader.find(pictures)?.into_iter();
        for reading in by_symbols {
            let written = match reading {
                Some(reading) if !needs_decoder(&reading) => reading.into(),
                reading => {
                    let found = found.next().ok_or_else(|| self.reader.lost())?;
                    let share = self.model.language.calibration.share(found.score);
                    let is_better = |reading: &SymbolReading| reading.confidence >= share;
                    reading.filter(is_better).map_or_else(|| found.into(), Written::from)
                }
            };
            read(&[written.output().view()]);
        }
        Ok(())
    }
}

fn needs_decoder(reading: &SymbolReading) -> bool {
    let (least, most) = HOPELESS;
    reading.confidence < SURE && (reading.confidence >= least || latex::pieces(&reading.latex).len() <= most)
}

fn ink_of<'a>(input: &TensorView<'a>) -> Option<Ink<'a>> {
    match *input.shape {
        [1, 1, height, width] if input.data.len() == height * width => Some(Ink { data: input.data, width, height }),
        _ => None,
    }
}

impl Session for FormulaSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        self.read_all(&[input], &mut |outputs| outputs.iter().for_each(|output| read(*output)))
    }

    fn run_each(&mut self, inputs: &[TensorView<'_>], read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        self.read_all(inputs, read)
    }

    fn memory(&self) -> ByteSize {
        let symbols = self.symbols.as_ref().map_or(0, |symbols| symbols.memory().0);
        ByteSize(self.reader.memory().0 + symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_is_asked_about_what_is_doubtful_and_not_about_what_is_no_formula() {
        let reading = |latex: &str, confidence| SymbolReading { latex: latex.to_owned(), score: 0.0, confidence };
        let long = "a_{i}^{2}+".repeat(20);
        assert!(!needs_decoder(&reading("a+b", 0.98)));
        assert!(needs_decoder(&reading("a+b", 0.8)));
        assert!(needs_decoder(&reading("a+b", 0.1)), "a short one costs little");
        assert!(needs_decoder(&reading(&long, 0.5)));
        assert!(!needs_decoder(&reading(&long, 0.1)));
    }
}
