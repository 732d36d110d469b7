//! Results of published networks, as the reader that asked for them expects them.

use super::{picodet::Candidate, slanet::TableStep};
use crate::{
    error::Result,
    ocr::{Inferred, results::all},
};

pub fn candidates(results: Vec<Inferred>) -> Result<Vec<Vec<Candidate>>> {
    all(results, "boxes of a layout", |result| if let Inferred::Candidates(all) = result { Some(all) } else { None })
}

pub fn tables(results: Vec<Inferred>) -> Result<Vec<Vec<TableStep>>> {
    all(results, "a table", |result| if let Inferred::Table(steps) = result { Some(steps) } else { None })
}
