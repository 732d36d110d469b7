//! Results of inferences, as the reader that asked for them expects them.

use super::{Corners, InFormula, Inferred, LayoutMap, ProbabilityMap, Symbol};
use crate::{
    error::{Error, Result},
    formula::Written,
};

pub fn out_of_step(cause: &str) -> Error {
    Error::Inference { model: "page reader".to_owned(), cause: format!("results out of step: {cause}") }
}

pub fn one<T>(items: Vec<T>) -> Result<T> {
    let mut items = items.into_iter();
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item),
        _ => Err(out_of_step("one result was expected")),
    }
}

pub fn maps(results: Vec<Inferred>) -> Result<Vec<ProbabilityMap>> {
    all(results, "a map", |result| if let Inferred::Map(map) = result { Some(map) } else { None })
}

pub fn boxes(results: Vec<Inferred>) -> Result<Vec<Vec<Corners>>> {
    all(results, "boxes", |result| if let Inferred::Boxes(boxes) = result { Some(boxes) } else { None })
}

pub fn layouts(results: Vec<Inferred>) -> Result<Vec<LayoutMap>> {
    all(results, "a layout", |result| if let Inferred::Layout(map) = result { Some(map) } else { None })
}

pub fn symbols(results: Vec<Inferred>) -> Result<Vec<Vec<Symbol>>> {
    all(results, "symbols", |result| if let Inferred::Symbols(symbols) = result { Some(symbols) } else { None })
}

pub fn probabilities(results: Vec<Inferred>) -> Result<Vec<f32>> {
    all(results, "a probability", |result| if let Inferred::UpsideDown(p) = result { Some(p) } else { None })
}

pub fn in_formulas(results: Vec<Inferred>) -> Result<Vec<InFormula>> {
    all(
        results,
        "where formulas are",
        |result| if let Inferred::InFormula(found) = result { Some(found) } else { None },
    )
}

pub fn written(results: Vec<Inferred>) -> Result<Vec<Written>> {
    all(results, "a formula", |result| if let Inferred::Formula(written) = result { Some(written) } else { None })
}

/// What `pick` finds in each result; `what` says in an error what was expected.
pub fn all<T>(results: Vec<Inferred>, what: &str, pick: impl Fn(Inferred) -> Option<T>) -> Result<Vec<T>> {
    let picked = results.into_iter().map(|result| pick(result).ok_or_else(|| out_of_step(&format!("expected {what}"))));
    picked.collect()
}
