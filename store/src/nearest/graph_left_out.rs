//! In place of the graph of neighbours in a program that is built without the feature `similarity`: none can be made, and every
//! answer is an exact scan.

use std::convert::Infallible;

/// As with the feature.
pub const BATCH: usize = 50;

/// There is none.
pub struct Graph {
    never: Infallible,
    pub last_row: i64,
    pub len: usize,
    pub tombstones: usize,
}

/// Why there is none.
#[derive(Debug)]
pub struct Broken(pub String);

impl Graph {
    pub fn new(_: usize, _: usize) -> Result<Self, Broken> {
        Err(Broken("this program was built without it (feature `similarity`)".into()))
    }

    pub fn insert(&mut self, _: Vec<(i64, Vec<f32>)>) -> Result<(), Broken> {
        match self.never {}
    }

    pub fn remove(&mut self, _: i64) -> Result<(), Broken> {
        match self.never {}
    }

    pub fn candidates(&self, _: Vec<f32>, _: usize) -> Result<Vec<i64>, Broken> {
        match self.never {}
    }
}
