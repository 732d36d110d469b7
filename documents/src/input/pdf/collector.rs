//! Takes note of what is drawn on a page: glyphs and how they are set, images, lines and shapes; draws nothing.

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
        font::{Glyph as PdfGlyph, GlyphRun, PositionedGlyph},
        hayro_cmap::{BfString, WritingMode},
    },
    hayro_syntax::object::{Dict, String as PdfString, dict::keys::ACTUAL_TEXT},
    kurbo::{Affine, BezPath, Point, Rect, Shape, Vec2},
};
use smol_str::SmolStr;

use super::{
    characters::{readable, text_string},
    drawings::Drawings,
    evidence::Outlines,
    faces::Faces,
    glyph::Glyph,
    glyphs,
    mathematics::Inks,
    settings::{LastShades, Setting, Settings},
    tags::{MarkedAs, PageTags},
};
use crate::structure::Face;

/// Glyph space has 1,000 units to the em (PDF 32000-1, 9.2.4).
const UNITS_PER_EM: f64 = 1_000.0;
/// More glyphs than this are no page of text, but an attack or a drawing made of letters: 100 MB of them.
const MOST_GLYPHS: usize = 1_000_000;
/// A page of print has some 3,000 glyphs.
const USUAL_GLYPHS: usize = 4_096;
/// Scans come in strips and tiles, of a few hundred at most.
const MOST_IMAGES: usize = 10_000;
/// Pieces of marked content on one page that are told apart.
const MOST_MARKS: usize = 100_000;

pub(super) struct Collector<'a, 'k> {
    page: Rect,
    pub(super) glyphs: Vec<Glyph>,
    pub(super) settings: Settings,
    /// `None` where nobody asks how letters are set.
    faces: Option<Faces<'a, 'k>>,
    /// Marked content that has begun.
    marked: Vec<Marked>,
    /// What the page's marks are; a glyph's [setting](Setting::mark) counts them from 1.
    pub(super) marks: Vec<MarkedAs>,
    tags: Option<PageTags<'a>>,
    /// Where images lie, as far as they are on the page.
    pub(super) images: Vec<Rect>,
    /// Shapes that may be letters.
    pub(super) outlines: Outlines,
    pub(super) drawings: Drawings,
    /// Of the transparency groups that have begun, all that are around included.
    opacities: Vec<f32>,
    shades: LastShades,
    inks: Inks,
    /// Also at that of letters of the text.
    pub(super) looks_at_all_ink: bool,
    letters: Letters,
}

/// A sequence of marked content that has begun.
struct Marked {
    /// Of one with an `ActualText`, where in `glyphs` it begins, and the text.
    text: Option<(usize, String)>,
    /// What its content is marked as, itself or by what is around it; 0 for nothing.
    mark: u32,
}

impl<'a, 'k> Collector<'a, 'k> {
    pub(super) fn on(page: Rect, faces: Option<Faces<'a, 'k>>, tags: Option<PageTags<'a>>) -> Self {
        Self {
            page,
            glyphs: Vec::with_capacity(USUAL_GLYPHS),
            settings: Settings::default(),
            faces,
            marked: Vec::new(),
            marks: Vec::new(),
            tags,
            images: Vec::new(),
            outlines: Outlines::default(),
            drawings: Drawings::on(page),
            opacities: Vec::new(),
            shades: LastShades::default(),
            inks: Inks::default(),
            looks_at_all_ink: false,
            letters: Letters::default(),
        }
    }

    /// Ends the collecting.
    pub(super) fn into_parts(self) -> Collected<'a> {
        let Self { glyphs, mut settings, faces, images, outlines, drawings, marks, tags, .. } = self;
        settings.faces = faces.map_or_else(|| vec![Face::default()], Faces::into_all);
        Collected { glyphs, settings, images, outlines, drawings, marks, tags }
    }

    fn glyph(
        &mut self,
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
        let Letter { text, decoded, width } = self.letters.get(glyph);
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

    fn opacity(&self) -> f32 {
        self.opacities.last().copied().unwrap_or(1.0)
    }
}

/// What was collected.
pub(super) struct Collected<'a> {
    pub(super) glyphs: Vec<Glyph>,
    pub(super) settings: Settings,
    pub(super) images: Vec<Rect>,
    pub(super) outlines: Outlines,
    pub(super) drawings: Drawings,
    pub(super) marks: Vec<MarkedAs>,
    pub(super) tags: Option<PageTags<'a>>,
}

/// What a code means and how wide it is, in one run: its glyphs are all of one font, and a line of print has each letter several times. A font
/// looks every letter up by its name.
#[derive(Default)]
struct Letters {
    /// By code, with the run that it was looked up in.
    known: Vec<Option<(u64, Letter)>>,
    run: u64,
}

#[derive(Clone)]
struct Letter {
    text: SmolStr,
    /// Whether the document says what it is.
    decoded: bool,
    width: Option<f32>,
}

impl Letters {
    /// Codes of fonts with one byte a letter.
    const CODES: usize = 256;

    fn begin_run(&mut self) {
        self.run += 1;
    }

    fn get(&mut self, glyph: &PdfGlyph<'_>) -> Letter {
        let code = glyph.char_code() as usize;
        if code >= Self::CODES {
            return Letter::of(glyph);
        }
        self.known.resize(Self::CODES, None);
        match &self.known[code] {
            Some((run, letter)) if *run == self.run => letter.clone(),
            _ => {
                let letter = Letter::of(glyph);
                self.known[code] = Some((self.run, letter.clone()));
                letter
            }
        }
    }
}

impl Letter {
    fn of(glyph: &PdfGlyph<'_>) -> Self {
        let (text, decoded) = text_of(glyph);
        let width = match glyph {
            PdfGlyph::Outline(outline) => outline.advance_width(),
            PdfGlyph::Type3(type3) => type3.advance_width(),
        };
        Self { text, decoded, width }
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

impl<'a> Device<'a> for Collector<'a, '_> {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        if self.glyphs.len() >= MOST_GLYPHS {
            return;
        }
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let invisible = matches!(mode, DrawMode::Invisible);
        let is_stroked = matches!(mode, DrawMode::Stroke(props) if props.line_width > 0.0);
        let ems = em_of_type3(run.glyphs());
        self.letters.begin_run();
        let set_as = run.glyphs().first().map_or(props.transform, |glyph| props.transform * glyph.transform());
        let setting = Setting {
            face: self.faces.as_mut().map_or(0, |faces| faces.of(run.glyphs())),
            darkness: self.opacity() * self.shades.darkness(&props.paint, set_as),
            mark: self.marked.last().map_or(0, |marked| marked.mark),
        };
        let is_of_mathematics = self.faces.as_ref().is_some_and(|faces| faces.is_of_mathematics(setting.face));
        let face = setting.face;
        let setting = self.settings.number(setting);
        for glyph in run.glyphs() {
            let transform = props.transform * glyph.transform();
            let placed = self.glyph(glyph, transform, ems, vertical, invisible);
            let Some(mut placed) = placed.map(|glyph| glyph.set_as(setting, is_stroked)) else { continue };
            if is_of_mathematics || self.looks_at_all_ink {
                placed.ink = self.inks.of(face, glyph).map(|ink| transform.transform_rect_bbox(ink));
                placed.settle();
            }
            self.glyphs.push(placed);
        }
    }

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        let text = properties.and_then(|properties| properties.get::<PdfString<'_>>(ACTUAL_TEXT));
        let mut text = text.map(|text| text_string(text.as_ref()));
        let mut mark = self.marked.last().map_or(0, |marked| marked.mark);
        let marked_as = MarkedAs::of(tag, properties);
        let is_artifact = |mark: u32| {
            let outer = (mark as usize).checked_sub(1).and_then(|at| self.marks.get(at));
            matches!(outer, Some(MarkedAs::Artifact(_)))
        };
        if let Some(marked_as) = marked_as.filter(|_| self.marks.len() < MOST_MARKS && !is_artifact(mark)) {
            if let (MarkedAs::Element(number), Some(tags)) = (marked_as, &mut self.tags) {
                text = text.or_else(|| tags.actual_text(number));
            }
            self.marks.push(marked_as);
            mark = self.marks.len() as u32;
        }
        self.marked.push(Marked { text: text.map(|text| (self.glyphs.len(), text)), mark });
    }

    fn end_marked_content(&mut self) {
        if let Some(Marked { text: Some((start, text)), .. }) = self.marked.pop() {
            // What an outer sequence says of itself holds for all that is in it.
            if self.marked.iter().all(|marked| marked.text.is_none()) {
                glyphs::replace(&mut self.glyphs, start, &readable(&text).0);
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        let place = props.transform.transform_rect_bbox(pixels);
        let covered = place.intersect(self.page);
        if covered.area().is_finite() && covered.area() > 0.0 && self.images.len() < MOST_IMAGES {
            self.images.push(covered);
        }
        self.drawings.add_image(place);
    }

    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        if matches!(mode, DrawMode::Fill(_)) {
            self.outlines.add(path, props.transform);
        }
        let darkness = self.opacity() * self.shades.darkness(&props.paint, props.transform);
        self.drawings.add_path(path, props.transform, mode, darkness);
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, mode: &DrawMode) {
        let darkness = self.opacity() * self.shades.darkness(&props.paint, props.transform);
        self.drawings.add_rect(*rect, props.transform, mode, darkness);
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.drawings.push_clip(clip.path.bounding_box());
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        self.drawings.push_clip(*rect);
    }

    fn pop_clip(&mut self) {
        self.drawings.pop_clip();
    }

    fn push_transparency_group(&mut self, opacity: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.opacities.push(self.opacity() * opacity);
    }

    fn pop_transparency_group(&mut self) {
        self.opacities.pop();
    }
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
