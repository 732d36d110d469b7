//! What the lab of models asks of pages that are born digital: which symbols stand where. Not for users.

use serde::Serialize;

use crate::{error::Result, formula::plain, geometry::Rect, input::symbols_of_pages};

/// What stands on a page, in points, y down.
#[derive(Debug, Serialize)]
pub struct SymbolPage {
    pub symbols: Vec<PlacedSymbol>,
    /// Level lines, as `rect` of symbols.
    pub bars: Vec<[f32; 4]>,
}

/// A glyph, named as the reader of formulas names it.
#[derive(Debug, Serialize)]
pub struct PlacedSymbol {
    pub text: String,
    pub letters: String,
    /// Around its ink: left, top, right, bottom.
    pub rect: [f32; 4],
    pub baseline: f32,
    /// Its em.
    pub size: f32,
}

/// Of each page of a PDF.
///
/// # Errors
/// Where the file is no PDF that can be read.
pub fn symbols(pdf: Vec<u8>) -> Result<Vec<SymbolPage>> {
    let sides = |rect: Rect| [rect.left, rect.top, rect.right, rect.bottom];
    let page = |(symbols, bars): (Vec<crate::formula::Symbol>, Vec<Rect>)| {
        let symbols = symbols.into_iter().map(|symbol| {
            let (text, letters) = plain(&symbol.text, symbol.letters);
            PlacedSymbol {
                text,
                letters: format!("{letters:?}"),
                rect: sides(symbol.rect),
                baseline: symbol.baseline,
                size: symbol.size,
            }
        });
        SymbolPage { symbols: symbols.collect(), bars: bars.into_iter().map(sides).collect() }
    };
    Ok(symbols_of_pages(pdf)?.into_iter().map(page).collect())
}
