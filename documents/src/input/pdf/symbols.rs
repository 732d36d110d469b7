//! Symbols of formulas as the lab of models learns them (feature `lab`): every glyph of a page with its ink, and the level lines.

use hayro::{
    hayro_interpret::{Context, RenderContent, TransformExt, interpret_page},
    hayro_syntax::{Pdf, PdfData},
    kurbo::Rect,
};

use super::{
    collector::Collector, damaged, faces::Faces, faces::KnownFonts, mathematics, settings as interpreter_settings,
    text_layer::Caches,
};
use crate::{error::Result, formula::Symbol, geometry};

/// What stands on each page, in points, y down.
pub(crate) fn of_pages(bytes: Vec<u8>) -> Result<Vec<(Vec<Symbol>, Vec<geometry::Rect>)>> {
    let pdf = Pdf::new(PdfData::from(bytes)).map_err(|_| damaged())?;
    let caches = Caches::default();
    let settings = interpreter_settings();
    let mut fonts = KnownFonts::default();
    let mut all = Vec::with_capacity(pdf.pages().len());
    for page in pdf.pages().iter() {
        let (width, height) = page.render_dimensions();
        let seen = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let faces = Faces::new(page, &mut fonts, &caches.compared, &settings);
        let mut collector = Collector::on(seen, Some(faces), None);
        collector.looks_at_all_ink = true;
        let transform = page.initial_transform(true).to_kurbo();
        let asked =
            hayro::hayro_interpret::InterpreterSettings { render_content: RenderContent::all(), ..settings.clone() };
        let mut context = Context::new(transform, seen, &caches.interpreter, page.xref(), asked);
        interpret_page(page, &mut context, &mut collector);
        let collected = collector.into_parts();
        let glyphs = collected.glyphs.iter().filter(|glyph| !glyph.is_space());
        let symbols = glyphs.map(|glyph| mathematics::symbol(glyph, &collected.settings)).collect();
        all.push((symbols, collected.drawings.bars()));
    }
    Ok(all)
}
