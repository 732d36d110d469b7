//! How well formulas are read: exactly, as far as it shows, and by edits of tokens, by length.
//!
//! Both sides are brought into canonical tokens first ([`canonical()`]), one spelling for each look. The figures are those of the lab
//! (`models/training/lab/formula/evaluate.py`).
//!
//! ```
//! use pagestream::evaluation::formula::{Reading, evaluate};
//!
//! let readings = [("a.png", r"{a \over b}"), ("b.png", "x_1")].map(|(name, truth)| {
//!     Reading::of("papers", name, truth, r"\frac{a}{b}")
//! });
//! let evaluation = evaluate(readings);
//! assert_eq!((evaluation.overall.exact, evaluation.overall.formulas), (0.5, 2));
//! ```

use std::collections::BTreeMap;

use pagestream_documents::mathml::{FormulaDisplay, look, to_mathml};
use serde::Serialize;

mod canonical;
mod items;
mod names;
mod reader;
mod score;
#[cfg(test)]
mod tests;
mod write;

pub use canonical::{canonical, settable};
pub use score::bleu;

use score::edits;

/// The schema that an [`Evaluation`] is written in.
pub const SCHEMA: &str = "pagestream.formula-evaluation/1";

/// Lengths that are told apart, in canonical tokens of the truth: from, to.
pub const LENGTHS: [(usize, usize); 4] = [(1, 10), (11, 24), (25, 60), (61, usize::MAX)];

/// What was read of one formula, beside what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What the formula is counted under: a folder.
    pub source: String,
    pub name: String,
    /// LaTeX.
    pub truth: String,
    /// LaTeX, or why there is none.
    pub read: Result<String, String>,
    /// CPU milliseconds that reading took, if anybody measured them.
    pub cpu_ms: Option<f64>,
    /// Whether both look the same when TeX sets them, if anybody did ([`settable`]).
    pub set_same: Option<bool>,
}

impl Reading {
    pub fn of(source: &str, name: &str, truth: &str, read: &str) -> Self {
        Self {
            source: source.to_owned(),
            name: name.to_owned(),
            truth: truth.to_owned(),
            read: Ok(read.to_owned()),
            cpu_ms: None,
            set_same: None,
        }
    }
}

/// One formula against its truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    pub name: String,
    /// The canonical tokens are the same.
    pub exact: bool,
    /// The tokens or the Presentation MathML are the same, spaces and sizes of delimiters aside.
    pub same_look: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_same: Option<bool>,
    /// Edits of tokens over the tokens of the longer side; 1 where either side cannot be read.
    pub edit: f64,
    /// Whether the reading is LaTeX: it has canonical tokens, and MathML.
    pub parses: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<f64>,
    /// In canonical tokens, as the reading; empty where it cannot be read.
    pub truth: Vec<String>,
    pub read: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Of several formulas. All figures but `edit` and `cpu_ms` are the better the higher.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub formulas: usize,
    /// Shares of the formulas.
    pub exact: f64,
    pub same_look: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_same: Option<f64>,
    /// Mean.
    pub edit: f64,
    /// BLEU-4 of all formulas together, whose truth can be read.
    pub bleu: f64,
    pub parses: f64,
    /// Mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<f64>,
}

/// The formulas of one length.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfLength {
    /// Canonical tokens of the truth.
    pub from: usize,
    /// `None` without end.
    pub to: Option<usize>,
    #[serde(flatten)]
    pub summary: Summary,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceReport {
    pub source: String,
    #[serde(flatten)]
    pub summary: Summary,
    /// Lengths that occur.
    pub lengths: Vec<OfLength>,
    pub scores: Vec<Score>,
}

/// How well formulas were read, source by source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    pub schema: &'static str,
    pub overall: Summary,
    pub lengths: Vec<OfLength>,
    /// In the order of their names.
    pub sources: Vec<SourceReport>,
}

/// Scores readings, in the order of their sources' names.
pub fn evaluate(readings: impl IntoIterator<Item = Reading>) -> Evaluation {
    let mut sources: BTreeMap<String, Vec<Score>> = BTreeMap::new();
    for reading in readings {
        let scores = sources.entry(reading.source.clone()).or_default();
        scores.push(score(reading));
    }
    let all: Vec<&Score> = sources.values().flatten().collect();
    let (overall, lengths) = (summary(&all), lengths(&all));
    let report = |(source, scores): (String, Vec<Score>)| {
        let all: Vec<&Score> = scores.iter().collect();
        SourceReport { source, summary: summary(&all), lengths: self::lengths(&all), scores }
    };
    Evaluation { schema: SCHEMA, overall, lengths, sources: sources.into_iter().map(report).collect() }
}

fn score(reading: Reading) -> Score {
    let Reading { name, truth, read, cpu_ms, set_same, .. } = reading;
    let wanted = canonical(&truth).unwrap_or_default();
    let (latex, failure) = match read {
        Ok(latex) => (latex, None),
        Err(failure) => (String::new(), Some(failure)),
    };
    let found = canonical(&latex).unwrap_or_default();
    let exact = !wanted.is_empty() && wanted == found;
    let looks_same = |one: &str, other: &str| look(one).is_some_and(|one| look(other) == Some(one));
    let is_known = !wanted.is_empty() && !found.is_empty();
    let same_look =
        exact || is_known && (looks_same(&truth, &latex) || looks_same(&settable(&wanted), &settable(&found)));
    let edit = match is_known {
        true => edits(&wanted, &found) as f64 / wanted.len().max(found.len()) as f64,
        false => 1.0,
    };
    let parses = !found.is_empty() && to_mathml(&latex, FormulaDisplay::Block).is_some();
    Score { name, exact, same_look, set_same, edit, parses, cpu_ms, truth: wanted, read: found, failure }
}

fn summary(scores: &[&Score]) -> Summary {
    let count = scores.len().max(1) as f64;
    let share = |of: fn(&Score) -> bool| scores.iter().filter(|score| of(score)).count() as f64 / count;
    let was_set = scores.iter().any(|score| score.set_same.is_some());
    let measured: Vec<f64> = scores.iter().filter_map(|score| score.cpu_ms).collect();
    let pairs = scores.iter().filter(|score| !score.truth.is_empty());
    Summary {
        formulas: scores.len(),
        exact: share(|score| score.exact),
        same_look: share(|score| score.same_look),
        set_same: was_set.then(|| share(|score| score.set_same == Some(true))),
        edit: scores.iter().map(|score| score.edit).sum::<f64>() / count,
        bleu: bleu(pairs.map(|score| (&*score.read, &*score.truth))),
        parses: share(|score| score.parses),
        cpu_ms: (!measured.is_empty()).then(|| measured.iter().sum::<f64>() / measured.len() as f64),
    }
}

fn lengths(scores: &[&Score]) -> Vec<OfLength> {
    let of = |(from, to): (usize, usize)| {
        let part: Vec<&Score> =
            scores.iter().filter(|score| (from..=to).contains(&score.truth.len())).copied().collect();
        let to = (to < usize::MAX).then_some(to);
        (!part.is_empty()).then(|| OfLength { from, to, summary: summary(&part) })
    };
    LENGTHS.into_iter().filter_map(of).collect()
}
