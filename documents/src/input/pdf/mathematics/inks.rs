//! Where the ink of glyphs of mathematics is: their fonts hang large signs from their baselines, or set them around nothing.

use std::collections::HashMap;

use hayro::{
    hayro_interpret::font::Glyph as PdfGlyph,
    kurbo::{Rect, Shape},
};

/// Glyphs that are remembered.
const MOST: usize = 4_096;

/// Bounds of glyphs in their own space, by face and code.
#[derive(Default)]
pub(in crate::input::pdf) struct Inks(HashMap<(u16, u32), Option<Rect>>);

impl Inks {
    /// `None` for what has none, and for letters of Type 3 fonts, which are drawings.
    pub(in crate::input::pdf) fn of(&mut self, face: u16, glyph: &PdfGlyph<'_>) -> Option<Rect> {
        let PdfGlyph::Outline(outline) = glyph else { return None };
        if self.0.len() > MOST {
            self.0.clear();
        }
        *self.0.entry((face, glyph.char_code())).or_insert_with(|| {
            let bounds = outline.outline().bounding_box();
            (bounds.is_finite() && bounds.area() > 0.0).then_some(bounds)
        })
    }
}
