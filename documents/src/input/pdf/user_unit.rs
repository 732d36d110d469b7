//! UserUnit (PDF 32000-1, table 30): how many points one unit of a page is. Drawings and posters larger than 200 inches have one, since
//! the numbers in a PDF end there. hayro measures pages without it.

use hayro::hayro_syntax::page::Page;

use super::{
    damaged,
    faces::KnownFonts,
    text_layer::{self, Reading},
};
use crate::{
    blocks::Block,
    error::Result,
    geometry::Point,
    ids::PageNumber,
    page_text::TextLayer,
    record::{TextLine, Word},
};

/// Points a unit; 1 where the page does not say, or says what cannot be.
pub(super) fn of(page: &Page<'_>) -> f64 {
    page.raw().get::<f64>("UserUnit").filter(|unit| unit.is_finite() && *unit > 0.0).unwrap_or(1.0)
}

/// The page's text, measured in points; see [`text_layer::read`].
pub(super) fn text_layer<'a>(
    number: PageNumber,
    reading: &Reading<'a, '_>,
    fonts: &mut KnownFonts,
) -> Result<Option<TextLayer>> {
    let page = reading.pages.get(number.index() as usize).ok_or_else(damaged)?;
    let Some(layer) = text_layer::read(number, page, reading, fonts) else { return Ok(None) };
    let unit = of(page) as f32;
    Ok(Some(if unit == 1.0 { layer } else { enlarged(layer, page, unit) }))
}

fn enlarged(layer: TextLayer, page: &Page<'_>, unit: f32) -> TextLayer {
    let place = |point: Point| Point::new(point.x * unit, point.y * unit);
    let word = |word: Word| Word { polygon: word.polygon.map(place), ..word };
    let line = |line: TextLine| TextLine {
        polygon: line.polygon.map(place),
        words: line.words.into_iter().map(word).collect(),
        ..line
    };
    let block = |block: Block| Block { polygon: block.polygon.map(place), ..block };
    let (width, height) = page.render_dimensions();
    TextLayer {
        width: (width * unit).ceil() as u32,
        height: (height * unit).ceil() as u32,
        lines: layer.lines.into_iter().map(line).collect(),
        blocks: layer.blocks.into_iter().map(block).collect(),
        hints: layer.hints.scaled(unit),
        ..layer
    }
}
