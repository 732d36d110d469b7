//! The text that a page holds: which glyphs stand where, and whether they are to be believed.

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
        InterpreterSettings, RenderContent, SoftMask, TransformExt,
        font::{Glyph as PdfGlyph, GlyphRun, PositionedGlyph},
        hayro_cmap::{BfString, WritingMode},
        interpret_page,
    },
    hayro_syntax::{
        object::{Dict, String as PdfString, dict::keys::ACTUAL_TEXT},
        page::Page,
    },
    kurbo::{Affine, BezPath, Point, Rect, Vec2},
};

use smol_str::SmolStr;

use super::{
    characters::{readable, text_string},
    evidence::{Evidence, Outlines},
    fields,
    glyph::Glyph,
    glyphs,
    layout::lines_of,
};
use crate::{
    page_text::{PageText, TextLayer},
    reading_order::order_as_drawn,
    record::TextLine,
};

/// Glyph space has 1,000 units to the em (PDF 32000-1, 9.2.4).
const UNITS_PER_EM: f64 = 1_000.0;
/// More glyphs than this are no page of text, but an attack or a drawing made of letters: 100 MB of them.
const MOST_GLYPHS: usize = 1_000_000;
/// Scans come in strips and tiles, of a few hundred at most.
const MOST_IMAGES: usize = 10_000;

/// Reads the page's text; the cache is for fonts, and belongs to the page's document. `None` when no text is drawn on the page.
pub(super) fn read<'a>(
    page: &'a Page<'a>,
    cache: &InterpreterCache<'a>,
    settings: &InterpreterSettings,
) -> Option<TextLayer> {
    let (width, height) = page.render_dimensions();
    let seen = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let transform = page.initial_transform(true).to_kurbo();
    let fields = fields::of_page(page);
    let mut collector = Collector {
        page: seen,
        glyphs: Vec::new(),
        marked: Vec::new(),
        images: Vec::new(),
        outlines: Outlines::default(),
    };
    let interpret = |render_content, collector: &mut Collector| {
        let settings = InterpreterSettings { render_content, ..settings.clone() };
        let mut context = Context::new(transform, seen, cache, page.xref(), settings);
        interpret_page(page, &mut context, collector);
    };
    let mut drawn = usize::MAX;
    if fields.iter().any(|field| field.is_drawn) {
        interpret(RenderContent::PAGE, &mut collector);
        drawn = collector.glyphs.len();
        interpret(RenderContent::ANNOTATIONS, &mut collector);
    } else {
        interpret(RenderContent::all(), &mut collector);
    }
    let Collector { mut glyphs, images, outlines, .. } = collector;
    fields::set(&fields, page, &mut glyphs, drawn);
    glyphs::drop_repeated(&mut glyphs);
    glyphs::compose_accents(&mut glyphs);
    if glyphs.iter().all(|glyph| glyph.is_space()) {
        return None;
    }
    let places = fields::places(page);
    let mut lines = lines_of(&glyphs);
    if !places.is_empty() {
        lines = fields::beside_labels(lines, &places);
    }
    let evidence = Evidence::of(&glyphs, &lines, &images, &outlines, seen);
    let doubt = evidence.doubt();
    // Text that is not believed is kept for those who ask, but not worth the search for columns.
    let blocks = if doubt.is_some() { vec![downwards(&lines)] } else { order_as_drawn(&lines) };
    let PageText { lines, blocks, text } = PageText::arrange(lines, &blocks);
    let (width, height) = (width.ceil() as u32, height.ceil() as u32);
    let stands = doubt.as_ref().is_none_or(|doubt| doubt.text_stands);
    let pictures = evidence.pictures() as f32;
    Some(TextLayer { width, height, lines, blocks, text, doubt: doubt.map(|doubt| doubt.reason), stands, pictures })
}

/// From top to bottom, then from left to right.
fn downwards(lines: &[TextLine]) -> Vec<usize> {
    let boxes: Vec<_> = lines.iter().map(|line| line.polygon.bounds()).collect();
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| boxes[a].top.total_cmp(&boxes[b].top).then(boxes[a].left.total_cmp(&boxes[b].left)));
    order
}

/// Takes note of glyphs and of how much of the page images cover; draws nothing.
struct Collector {
    page: Rect,
    glyphs: Vec<Glyph>,
    /// Marked content that has begun: of that with an `ActualText`, where in `glyphs` it begins, and the text.
    marked: Vec<Option<(usize, String)>>,
    /// Where images lie, as far as they are on the page.
    images: Vec<Rect>,
    /// Shapes that may be letters.
    outlines: Outlines,
}

impl Collector {
    fn glyph(
        &self,
        glyph: &PdfGlyph<'_>,
        transform: Affine,
        em: Option<f64>,
        vertical: bool,
        invisible: bool,
    ) -> Option<Glyph> {
        let [a, b, c, d, x, y] = transform.as_coeffs();
        let em = em.unwrap_or(UNITS_PER_EM);
        let along = Vec2::new(a, b) * em;
        let up = Vec2::new(c, d) * em;
        let (text, decoded) = text_of(glyph);
        let width = match glyph {
            PdfGlyph::Outline(outline) => outline.advance_width(),
            PdfGlyph::Type3(type3) => type3.advance_width(),
        };
        let width = f64::from(width.unwrap_or(500.0)) / em;
        let origin = Point::new(x, y);
        let glyph = if vertical {
            // The line runs down the page. Its baseline stands so that ascent and descent enclose the glyph, which is
            // given by its lower left corner.
            let origin = origin + up * 0.88 + along * 0.22;
            Glyph::new(text, decoded, invisible, origin, -up, along.hypot(), up.hypot())
        } else {
            let placed = Glyph::new(text, decoded, invisible, origin, along, up.hypot(), along.hypot() * width);
            // Seen with y down, the heads of letters lie to the left of their direction.
            if along.cross(up) > 0.0 { placed.map(Glyph::mirrored) } else { placed }
        }?;
        // What lies outside the page (or was moved there to hide it) is not seen.
        self.page.contains(glyph.middle()).then_some(glyph)
    }
}

/// The characters of a glyph, and whether the document says what they are.
fn text_of(glyph: &PdfGlyph<'_>) -> (SmolStr, bool) {
    match glyph.as_unicode() {
        Some(BfString::Char(c)) => readable(c.encode_utf8(&mut [0; 4])),
        Some(BfString::String(text)) => readable(&text),
        None => (SmolStr::new_static("\u{fffd}"), false),
    }
}

impl<'a> Device<'a> for Collector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        if self.glyphs.len() >= MOST_GLYPHS {
            return;
        }
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let invisible = matches!(mode, DrawMode::Invisible);
        let ems = em_of_type3(run.glyphs());
        for glyph in run.glyphs() {
            let placed = self.glyph(glyph, props.transform * glyph.transform(), ems, vertical, invisible);
            self.glyphs.extend(placed);
        }
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        let text = properties.and_then(|properties| properties.get::<PdfString<'_>>(ACTUAL_TEXT));
        self.marked.push(text.map(|text| (self.glyphs.len(), text_string(text.as_ref()))));
    }

    fn end_marked_content(&mut self) {
        if let Some(Some((start, text))) = self.marked.pop() {
            // What an outer sequence says of itself holds for all that is in it.
            if self.marked.iter().all(Option::is_none) {
                glyphs::replace(&mut self.glyphs, start, &readable(&text).0);
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        let covered = props.transform.transform_rect_bbox(pixels).intersect(self.page);
        if covered.area().is_finite() && covered.area() > 0.0 && self.images.len() < MOST_IMAGES {
            self.images.push(covered);
        }
    }

    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        if matches!(mode, DrawMode::Fill(_)) {
            self.outlines.add(path, props.transform);
        }
    }
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

/// Thousandths of the em that a Type 3 font's letters are really set in, which its matrix does not tell: print streams are converted
/// with matrices of 1 and sizes of a quarter point. Letters are half an em wide, more or less; `None` where the size can be
/// believed, and for all other fonts.
fn em_of_type3(glyphs: &[PositionedGlyph<'_>]) -> Option<f64> {
    let width = |glyph: &PositionedGlyph<'_>| match &**glyph {
        PdfGlyph::Type3(type3) => type3.advance_width().map(f64::from).filter(|width| *width > 0.0),
        PdfGlyph::Outline(_) => None,
    };
    let mut widths: Vec<f64> = glyphs.iter().filter_map(width).collect();
    widths.sort_by(f64::total_cmp);
    let em = 2.0 * widths.get(widths.len() / 2)?;
    (!(400.0..=2500.0).contains(&em)).then_some(em)
}
