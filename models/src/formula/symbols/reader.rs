//! One network, and what is read with it.

use std::{collections::BTreeMap, sync::Arc};

use pagestream_documents::{
    ByteSize, formula,
    mathml::{FormulaDisplay, to_mathml},
};

use super::{
    classes::{self, Class},
    join::{NUMBERS, join, likeliest},
    number,
    parts::Parts,
};
use crate::{
    backend::{Backend, ModelSource, Session},
    error::{Error, Result},
    formula::{
        confidence::Calibration,
        picture::{Ink, parts::Traced},
    },
};

/// Metadata keys of the network.
const CLASSES: &str = "symbols";
const CALIBRATION: &str = "confidence";

/// What touches is parted so often, and nothing where more parts than this touch others.
const ROUNDS: usize = 3;
const MOST_SEVERAL: usize = 24;
/// How likely both halves must be right, and what a half counts that is still of several.
const LEAST_LIKELY: f32 = 0.2;
const STILL_SEVERAL: f32 = 0.5;

/// The network that names symbols, found but not loaded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SymbolModel {
    pub network: ModelSource,
    classes: Arc<[Class]>,
    calibration: Arc<Calibration>,
}

/// What was read of a formula.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolReading {
    pub latex: String,
    /// The mean logarithm of the symbols' probabilities, less where places are in doubt.
    pub score: f32,
    /// Expected share of right tokens, 0 to 1.
    pub confidence: f32,
}

impl SymbolModel {
    /// Its metadata is read, and no more.
    ///
    /// # Errors
    /// [`Error::Io`] where its file cannot be read, [`Error::Load`] where it does not say what it must.
    pub fn new(network: ModelSource) -> Result<Self> {
        let fail = |cause: String| Error::Load {
            model: network.id.clone(),
            backend: "the reader of symbols".to_owned(),
            cause,
        };
        let listed = network.metadata(CLASSES)?;
        let listed = listed.ok_or_else(|| fail("it does not say which symbols it knows".to_owned()))?;
        let classes = classes::parse(&listed).map_err(fail)?.into();
        let calibration = match network.metadata(CALIBRATION)? {
            Some(curve) => Calibration::parse(&curve).map_err(fail)?,
            None => Calibration::none(),
        };
        Ok(Self { network, classes, calibration: Arc::new(calibration) })
    }

    /// Expected share of right tokens.
    pub fn share(&self, score: f32) -> f32 {
        self.calibration.share(score.into())
    }
}

/// Reads formulas symbol by symbol on one thread of one device.
pub struct SymbolReader {
    model: SymbolModel,
    session: Box<dyn Session>,
}

impl SymbolReader {
    /// # Errors
    /// [`Error::Load`].
    pub fn load(backend: &dyn Backend, model: &SymbolModel) -> Result<Self> {
        Ok(Self { model: model.clone(), session: backend.load(&model.network)? })
    }

    /// `None` where there is no ink or too much, and where what the symbols say does not parse.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub fn read(&mut self, ink: Ink<'_>) -> Result<Option<SymbolReading>> {
        let Some((parts, rows)) = self.look(ink)? else { return Ok(None) };
        let seen = join(&parts, &rows, &self.model.classes);
        let read = seen.and_then(|mut seen| {
            let number = number::take(&mut seen.symbols);
            Some((seen.score, number, formula::read(&seen.symbols, &seen.bars)?))
        });
        // What comes out always parses.
        let read = read.filter(|(.., reading)| to_mathml(&reading.latex, FormulaDisplay::Block).is_some());
        Ok(read.map(|(score, number, reading)| {
            let score = (score + reading.confidence.max(1e-3).ln()).max(-9.0);
            let number = number.map(|number| format!(r"\tag{{{number}}}"));
            let latex = reading.latex + number.as_deref().unwrap_or_default();
            SymbolReading { latex, score, confidence: self.model.share(score) }
        }))
    }

    /// The parts of a picture, those of several symbols parted where that is possible, and what the network says of each.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub fn look(&mut self, ink: Ink<'_>) -> Result<Option<(Parts, Vec<Vec<f32>>)>> {
        let Some(mut parts) = Parts::of(ink) else { return Ok(None) };
        let mut rows = self.run(&parts, &parts.parts)?;
        for _ in 0..ROUNDS {
            let several: Vec<usize> = (0..rows.len()).filter(|&at| self.is_several(&rows[at])).collect();
            if several.is_empty() || several.len() > MOST_SEVERAL {
                break;
            }
            let halves = |&at: &usize| {
                let traced = &parts.parts[at];
                parts.cuts(traced).into_iter().filter_map(move |cut| Some((at, cut.of(traced)?)))
            };
            let tried: Vec<(usize, [Traced; 2])> = several.iter().flat_map(halves).collect();
            let all: Vec<Traced> = tried.iter().flat_map(|(_, halves)| halves.clone()).collect();
            if all.is_empty() {
                break;
            }
            let told = self.run(&parts, &all)?;
            let mut best: BTreeMap<usize, (f32, usize)> = BTreeMap::new();
            for (try_at, ((at, _), rows)) in tried.iter().zip(told.chunks_exact(2)).enumerate() {
                let likely: f32 = rows.iter().map(|row| self.likelihood(row)).product();
                if likely > best.get(at).map_or(LEAST_LIKELY, |(likely, _)| *likely) {
                    best.insert(*at, (likely, try_at));
                }
            }
            if best.is_empty() {
                break;
            }
            for (at, (_, try_at)) in best {
                let [first, second] = tried[try_at].1.clone();
                parts.parts[at] = first;
                parts.parts.push(second);
                rows[at].clone_from(&told[2 * try_at]);
                rows.push(told[2 * try_at + 1].clone());
            }
        }
        Ok(Some((parts, rows)))
    }

    fn is_several(&self, row: &[f32]) -> bool {
        likeliest(&row[..self.model.classes.len()], |_| true)
            .is_some_and(|(best, _)| self.model.classes[best] == Class::Several)
    }

    /// How likely a half is what the network takes it for; what is still of several counts less.
    fn likelihood(&self, row: &[f32]) -> f32 {
        let Some((best, probability)) = likeliest(&row[..self.model.classes.len()], |_| true) else { return 0.0 };
        if self.model.classes[best] == Class::Several { STILL_SEVERAL * probability } else { probability }
    }

    /// A row for each of these parts of a picture.
    fn run(&mut self, parts: &Parts, of: &[Traced]) -> Result<Vec<Vec<f32>>> {
        let tensor = parts.tensor(of);
        let columns = self.model.classes.len() + NUMBERS;
        let mut rows = Vec::new();
        let mut shape = Vec::new();
        self.session.run(tensor.view(), &mut |output| {
            shape = output.shape.to_vec();
            rows = output.data.chunks_exact(columns).map(<[f32]>::to_vec).collect();
        })?;
        if rows.len() == of.len() {
            return Ok(rows);
        }
        Err(Error::Inference {
            model: self.model.network.id.clone(),
            cause: format!("its output has shape {shape:?}, not [{}, 1, {columns}]", of.len()),
        })
    }

    /// Bytes that are held, weights among them: an estimate.
    pub fn memory(&self) -> ByteSize {
        self.session.memory()
    }
}
