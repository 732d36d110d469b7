//! Formulas from where their symbols stand: fractions, roots, scripts, limits, matrices. Knows nothing of PDF, nor of pixels.
//!
//! Symbols with their places become placed `Item`s, and these, from the inside to the outside, one `Node`: what a bar has above and
//! below is a fraction, what stands between tall brackets in rows a matrix, what is smaller and raised a script. A node is written in LaTeX or in
//! plain characters.

mod alphabet;
mod bars;
mod delimiters;
mod items;
mod latex;
mod lines;
mod node;
mod plain;
mod row;
mod rows;
mod scripts;
mod stacks;

use std::cell::Cell;

use smol_str::SmolStr;

pub(crate) use self::alphabet::{is_function, is_sign};
use self::items::Item;
pub use self::{alphabet::Letters, items::AXIS};
use crate::geometry::Rect;

/// Symbols of one formula; more are no formula.
pub const MOST_SYMBOLS: usize = 600;
/// Formulas within formulas.
const DEEPEST: usize = 12;

/// One symbol of a formula, y down.
#[derive(Clone, Debug)]
pub struct Symbol {
    pub text: SmolStr,
    /// Around its ink, as far as that is known.
    pub rect: Rect,
    pub baseline: f32,
    /// Its em.
    pub size: f32,
    pub letters: Letters,
}

/// What a formula says.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub latex: String,
    pub text: String,
    /// 0 to 1: less for every symbol that could not be written or that stands where none should.
    pub confidence: f32,
}

/// Reads a formula from its symbols and the level lines among them. `None` where there are none, or too many.
pub fn read(symbols: &[Symbol], bars: &[Rect]) -> Option<Reading> {
    if symbols.is_empty() || symbols.len() > MOST_SYMBOLS {
        return None;
    }
    let items: Vec<Item> = symbols.iter().map(Item::of).collect();
    let doubts = Cell::new(0);
    let items = stacks::in_one(delimiters::in_one_piece(items));
    // Braces that lie are drawn in pieces with lines between them.
    let bars: Vec<Rect> = bars.iter().copied().filter(|bar| !delimiters::is_of_brace(bar, &items)).collect();
    let node = rows::read(items, &bars, DEEPEST, &doubts);
    let latex = latex::write(&node, &doubts);
    let text = plain::write(&node);
    if latex.trim().is_empty() {
        return None;
    }
    let confidence = 0.97 * (1.0 - doubts.get() as f32 / symbols.len() as f32).max(0.0);
    Some(Reading { latex, text, confidence })
}

/// A symbol's text as a plain letter, and what that is set in.
#[cfg(feature = "lab")]
pub(crate) fn plain(text: &str, letters: Letters) -> (String, Letters) {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(c), None) => {
            let (plain, letters) = alphabet::plain_in(c, letters);
            (plain.to_string(), letters)
        }
        _ => (text.to_owned(), letters),
    }
}

#[cfg(test)]
mod tests;
