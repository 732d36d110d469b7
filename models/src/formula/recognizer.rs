//! A formula recogniser as the pipeline has it: one [`Session`], which takes pictures and answers what it wrote. The state between the decoder's
//! steps never leaves it.

use std::fmt::Debug;

use pagestream_documents::ByteSize;

use super::{
    Ending, FormulaModel, FormulaOptions, FormulaReader, FormulaReading, GrayCrop, Picture, picture, search::Found,
};
use crate::{
    backend::{Backend, Session, Tensor, TensorView},
    error::{Error, Result},
};

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

/// What was written of a formula, in numbers of the recogniser's tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub tokens: Vec<u32>,
    /// Mean logarithm of the tokens' probabilities, the end's among them.
    pub score: f32,
    pub ending: Ending,
}

impl Written {
    /// `[1, 2 + tokens]`: the ending, the score, the tokens. Tokens are fewer than 2^24, so that an f32 holds them.
    pub fn output(&self) -> Tensor {
        let ending = match self.ending {
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
        let ending = match *ending {
            0.0 => Ending::Complete,
            1.0 => Ending::TooLong,
            2.0 => Ending::Repetition,
            3.0 => Ending::Empty,
            _ => return None,
        };
        Some(Self { tokens: tokens.iter().map(|&token| token as u32).collect(), score: *score, ending })
    }

    fn found(&self) -> Found {
        let tokens = self.tokens.iter().map(|&token| token as usize).collect();
        Found { tokens, score: self.score.into(), ending: self.ending }
    }
}

impl From<Found> for Written {
    fn from(Found { tokens, score, ending }: Found) -> Self {
        Self { tokens: tokens.into_iter().map(|token| token as u32).collect(), score: score as f32, ending }
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
        let Picture { height, width, data } = picture::prepare(crop)?;
        Some(Tensor { shape: vec![1, 1, height, width], data })
    }

    fn session(&self, backend: &dyn Backend) -> Result<Box<dyn Session>> {
        let reader = FormulaReader::load(backend, &self.model, self.options.clone())?;
        Ok(Box::new(FormulaSession { reader }))
    }

    fn reading(&self, written: &Written) -> FormulaReading {
        // Whatever wrote it: numbers beyond the vocabulary are nobody's tokens.
        let mut found = written.found();
        found.tokens.retain(|&token| token < self.model.language.vocabulary.len());
        self.model.reading(&found)
    }
}

struct FormulaSession {
    reader: FormulaReader,
}

impl FormulaSession {
    fn read_all(&mut self, inputs: &[TensorView<'_>], read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        let picture = |input: &TensorView<'_>| match *input.shape {
            [1, 1, height, width] if input.data.len() == height * width => {
                Some(Picture { height, width, data: input.data.to_vec() })
            }
            _ => None,
        };
        for found in self.reader.find(inputs.iter().map(picture).collect())? {
            read(&[Written::from(found).output().view()]);
        }
        Ok(())
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
        self.reader.memory()
    }
}
