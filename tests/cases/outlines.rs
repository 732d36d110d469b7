//! A page whose letters are drawn as shapes.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
        InterpreterSettings, SoftMask,
        font::{Glyph, GlyphRun},
        interpret_page,
    },
    hayro_syntax::Pdf,
    kurbo::{Affine, BezPath, PathEl, Rect},
};

use crate::pdf::{Font, Letter, Manner, Page, Standing, write};

/// How shapes are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// A path a letter.
    Letters,
    /// One path for the whole page.
    Page,
}

/// The same page in shapes.
pub fn outlined(page: &Page, grouping: Grouping) -> Page {
    let shapes = shapes(page);
    assert!(shapes.len() > 100, "letters were found");
    let mut outlined = page.clone();
    outlined.fonts.clear();
    outlined.pieces = match grouping {
        Grouping::Letters => shapes.iter().map(|shape| format!("{}f\n", operators(shape))).collect(),
        Grouping::Page => vec![format!("{}f\n", shapes.iter().map(operators).collect::<String>())],
    };
    outlined
}

/// Its letters, in points.
fn shapes(page: &Page) -> Vec<BezPath> {
    let pdf = Pdf::new(Arc::new(write(std::slice::from_ref(page), Standing::Plain))).unwrap();
    let first = &pdf.pages()[0];
    let cache = InterpreterCache::new();
    let seen = Rect::new(0.0, 0.0, page.size.0, page.size.1);
    let mut context = Context::new(Affine::IDENTITY, seen, &cache, first.xref(), InterpreterSettings::default());
    let mut shapes = Shapes::default();
    interpret_page(first, &mut context, &mut shapes);
    shapes.0
}

fn operators(path: &BezPath) -> String {
    let mut at = hayro::kurbo::Point::ZERO;
    let mut all = String::new();
    for element in path.elements() {
        all.push_str(&match *element {
            PathEl::MoveTo(p) => format!("{:.2} {:.2} m\n", p.x, p.y),
            PathEl::LineTo(p) => format!("{:.2} {:.2} l\n", p.x, p.y),
            PathEl::QuadTo(q, p) => {
                // PDF has cubic curves alone.
                let (a, b) = (at.lerp(q, 2.0 / 3.0), p.lerp(q, 2.0 / 3.0));
                format!("{:.2} {:.2} {:.2} {:.2} {:.2} {:.2} c\n", a.x, a.y, b.x, b.y, p.x, p.y)
            }
            PathEl::CurveTo(a, b, p) => {
                format!("{:.2} {:.2} {:.2} {:.2} {:.2} {:.2} c\n", a.x, a.y, b.x, b.y, p.x, p.y)
            }
            PathEl::ClosePath => "h\n".to_owned(),
        });
        at = element.end_point().unwrap_or(at);
    }
    all
}

/// How a letter of Times looks, in straight lines.
pub fn letter_of_times(c: char) -> Letter {
    static LETTERS: OnceLock<BTreeMap<char, Letter>> = OnceLock::new();
    let letters = LETTERS.get_or_init(|| {
        let letter = |c: char| {
            let mut page = Page::new(Manner::Plain);
            let font = page.font(&Font::times());
            let width = (1_000.0 * page.width(&font, 1.0, &c.to_string())).round() as u16;
            page.text(&font, 1_000.0, 0.0, 0.0, &c.to_string());
            let contours = shapes(&page).first().map(contours).unwrap_or_default();
            (c, Letter { width, contours })
        };
        (' '..='~').map(letter).collect()
    });
    letters.get(&c).cloned().unwrap_or_default()
}

fn contours(path: &BezPath) -> Vec<Vec<(i16, i16)>> {
    let mut contours: Vec<Vec<(i16, i16)>> = Vec::new();
    hayro::kurbo::flatten(path, 2.0, |element| match element {
        PathEl::MoveTo(p) => contours.push(vec![(p.x.round() as i16, p.y.round() as i16)]),
        PathEl::LineTo(p) => contours.last_mut().unwrap().push((p.x.round() as i16, p.y.round() as i16)),
        _ => {}
    });
    contours
}

#[derive(Default)]
struct Shapes(Vec<BezPath>);

impl<'a> Device<'a> for Shapes {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            if let Glyph::Outline(outline) = &**glyph {
                let path = props.transform * glyph.transform() * outline.outline();
                if !path.elements().is_empty() {
                    self.0.push(path);
                }
            }
        }
    }
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
