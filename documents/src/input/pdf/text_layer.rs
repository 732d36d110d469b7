//! The text that a page holds: which glyphs stand where, and whether they are to be believed.

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
        InterpreterSettings, SoftMask, TransformExt,
        font::{Glyph as PdfGlyph, GlyphRun},
        hayro_cmap::{BfString, WritingMode},
        interpret_page,
    },
    hayro_syntax::page::Page,
    kurbo::{Affine, BezPath, Point, Rect, Vec2},
};

use super::layout::{Glyph, lines_of};
use crate::{geometry, input::TextLayer, page_text::PageText, reading_order::order_lines};

/// Glyph space has 1,000 units to the em (PDF 32000-1, 9.2.4).
const UNITS_PER_EM: f64 = 1_000.0;
/// More glyphs than this are no page of text, but an attack or a drawing made of letters: 100 MB of them.
const MOST_GLYPHS: usize = 1_000_000;

/// Reads the page's text; the cache is for fonts, and belongs to the page's document. `None` when no text is drawn on the page.
pub(super) fn read<'a>(
    page: &'a Page<'a>,
    cache: &InterpreterCache<'a>,
    settings: &InterpreterSettings,
) -> Option<TextLayer> {
    let (width, height) = page.render_dimensions();
    let seen = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let transform = page.initial_transform(true).to_kurbo();
    let mut context = Context::new(transform, seen, cache, page.xref(), settings.clone());
    let mut collector = Collector { page: seen, glyphs: Vec::new(), last_run: None, image_area: 0.0 };
    interpret_page(page, &mut context, &mut collector);
    let Collector { glyphs, image_area, .. } = collector;
    if glyphs.iter().all(|glyph| glyph.is_space()) {
        return None;
    }
    let evidence = Evidence::of(&glyphs, image_area / seen.area().max(1.0), f64::from(height));
    let lines = lines_of(&glyphs);
    let boxes: Vec<_> = lines.iter().map(|line| line.polygon.bounds()).collect();
    let doubt = evidence.doubt();
    // Text that is not believed is kept for those who ask, but not worth the search for columns.
    let blocks = if doubt.is_some() { vec![downwards(&boxes)] } else { order_lines(&boxes) };
    let PageText { lines, blocks, text } = PageText::arrange(lines, &blocks);
    Some(TextLayer { width: width.ceil() as u32, height: height.ceil() as u32, lines, blocks, text, doubt })
}

/// From top to bottom, then from left to right.
fn downwards(boxes: &[geometry::Rect]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| boxes[a].top.total_cmp(&boxes[b].top).then(boxes[a].left.total_cmp(&boxes[b].left)));
    order
}

/// Takes note of glyphs and of how much of the page images cover; draws nothing.
struct Collector {
    page: Rect,
    glyphs: Vec<Glyph>,
    /// Range in `glyphs` of the run before: text that is filled and then stroked, or set twice for weight, counts once.
    last_run: Option<std::ops::Range<usize>>,
    /// The largest area of the page that one image covers, in square points.
    image_area: f64,
}

impl Collector {
    fn glyph(&self, glyph: &PdfGlyph<'_>, transform: Affine, vertical: bool, invisible: bool) -> Option<Glyph> {
        let [a, b, c, d, x, y] = transform.as_coeffs();
        let along = Vec2::new(a, b) * UNITS_PER_EM;
        let up = Vec2::new(c, d) * UNITS_PER_EM;
        let (text, decoded) = text_of(glyph);
        let width = match glyph {
            PdfGlyph::Outline(outline) => outline.advance_width(),
            PdfGlyph::Type3(type3) => type3.advance_width(),
        };
        let width = f64::from(width.unwrap_or(500.0)) / UNITS_PER_EM;
        let origin = Point::new(x, y);
        let glyph = if vertical {
            // The line runs down the page. Its baseline stands so that ascent and descent enclose the glyph, which is
            // given by its lower left corner.
            let origin = origin + up * 0.88 + along * 0.22;
            Glyph::new(text, decoded, invisible, origin, -up, along.hypot(), up.hypot())
        } else {
            Glyph::new(text, decoded, invisible, origin, along, up.hypot(), along.hypot() * width)
        }?;
        // What lies outside the page (or was moved there to hide it) is not seen.
        self.page.contains(glyph.middle()).then_some(glyph)
    }
}

/// The characters of a glyph, and whether the document says what they are.
fn text_of(glyph: &PdfGlyph<'_>) -> (String, bool) {
    let text = match glyph.as_unicode() {
        Some(BfString::Char(c)) => c.to_string(),
        Some(BfString::String(text)) => text,
        None => return (char::REPLACEMENT_CHARACTER.to_string(), false),
    };
    // Word's bullets live in the private area of the Symbol and Wingdings fonts.
    let text = match text.as_str() {
        "\u{f0b7}" => "\u{2022}".to_owned(),
        "\u{f0a7}" => "\u{25aa}".to_owned(),
        _ => text,
    };
    let readable = |c: char| {
        (c.is_whitespace() || !c.is_control())
            && c != char::REPLACEMENT_CHARACTER
            && !matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
    };
    let decoded = !text.is_empty() && text.chars().all(readable);
    let text = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    (text, decoded)
}

impl<'a> Device<'a> for Collector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let start = self.glyphs.len();
        if start >= MOST_GLYPHS {
            return;
        }
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let invisible = matches!(mode, DrawMode::Invisible);
        for glyph in run.glyphs() {
            let placed = self.glyph(glyph, props.transform * glyph.transform(), vertical, invisible);
            self.glyphs.extend(placed);
        }
        let run = start..self.glyphs.len();
        if self.last_run.clone().is_some_and(|last| repeats(&self.glyphs[last], &self.glyphs[run.clone()])) {
            self.glyphs.truncate(start);
        } else if !run.is_empty() {
            self.last_run = Some(run);
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        let covered = props.transform.transform_rect_bbox(pixels).intersect(self.page).area();
        if covered.is_finite() {
            self.image_area = self.image_area.max(covered);
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

/// The same glyphs in nearly the same places: within the offset that is used to imitate bold type.
fn repeats(before: &[Glyph], now: &[Glyph]) -> bool {
    !now.is_empty()
        && before.len() == now.len()
        && before
            .iter()
            .zip(now)
            .all(|(a, b)| a.text == b.text && a.origin.distance(b.origin) < 0.12 * a.size.min(b.size))
}

/// What speaks for and against a text layer.
struct Evidence {
    /// Characters other than white space, and those among them that the document does not explain.
    characters: usize,
    undecoded: usize,
    /// All but the outer strips of the page is without visible text.
    only_at_the_edge: bool,
    /// Share of the page that its largest image covers.
    image_share: f64,
}

/// A few letters are missing in honest documents (bullets, logos); with one in eight the words are gone.
const UNDECODED_SHARE: f64 = 0.125;
/// Scans leave margins, and letterheads or photographs do not reach this.
const SCAN_SHARE: f64 = 0.6;
/// A page number or "Page 3 of 12, received 2004-05-06" over a scan; the shortest page of prose has more.
const STAMP_CHARACTERS: usize = 64;
/// Licence notices at the foot of archived papers have up to about 300 characters.
const NOTICE_CHARACTERS: usize = 400;
/// Height of the strips at the head and the foot where stamps are put, as a share of the page.
const EDGE: f64 = 0.1;

impl Evidence {
    fn of(glyphs: &[Glyph], image_share: f64, height: f64) -> Self {
        let letters = || glyphs.iter().filter(|glyph| !glyph.is_space());
        let at_the_edge = |glyph: &Glyph| {
            let y = glyph.middle().y;
            y < EDGE * height || y > (1.0 - EDGE) * height
        };
        Self {
            characters: letters().count(),
            undecoded: letters().filter(|glyph| !glyph.decoded).count(),
            only_at_the_edge: letters().all(|glyph| !glyph.invisible && at_the_edge(glyph)),
            image_share,
        }
    }

    /// Why OCR should read the page instead. An invisible layer over a scan is what OCR programs leave, and is believed
    /// when there is enough of it.
    fn doubt(&self) -> Option<String> {
        let Self { characters, undecoded, only_at_the_edge, image_share } = *self;
        let percent = |share: f64| (share * 100.0).round();
        if undecoded as f64 >= UNDECODED_SHARE * characters as f64 {
            return (undecoded > 0).then(|| format!("{undecoded} of {characters} characters cannot be decoded"));
        }
        if image_share < SCAN_SHARE {
            return None;
        }
        let image = percent(image_share);
        if characters < STAMP_CHARACTERS {
            Some(format!("{characters} characters of text on a page that is {image}% image"))
        } else if only_at_the_edge && characters < NOTICE_CHARACTERS {
            Some(format!("text only at the edge of a page that is {image}% image"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_doubted_for_a_reason() {
        let check = |characters, undecoded, only_at_the_edge, image_share, doubted: bool| {
            let evidence = Evidence { characters, undecoded, only_at_the_edge, image_share };
            assert_eq!(
                evidence.doubt().is_some(),
                doubted,
                "{characters} {undecoded} {only_at_the_edge} {image_share}"
            );
        };
        check(2_000, 0, false, 0.0, false);
        check(2_000, 100, false, 0.0, false);
        check(2_000, 250, false, 0.0, true);
        check(5, 0, false, 0.0, false); // a chapter's title on a page of its own
        check(20, 0, false, 1.0, true); // a page number over a scan
        check(2_000, 0, false, 1.0, false); // an OCR layer, or a slide with a background
        check(300, 0, true, 0.9, true); // "downloaded from" over a scan
        check(300, 0, true, 0.1, false);
    }
}
