//! A page whose letters are drawn as shapes.

use std::sync::Arc;

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

use crate::pdf::{Page, Standing, write};

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
    let pdf = Pdf::new(Arc::new(write(std::slice::from_ref(page), Standing::Plain))).unwrap();
    let first = &pdf.pages()[0];
    let cache = InterpreterCache::new();
    let seen = Rect::new(0.0, 0.0, page.size.0, page.size.1);
    let mut context = Context::new(Affine::IDENTITY, seen, &cache, first.xref(), InterpreterSettings::default());
    let mut shapes = Shapes::default();
    interpret_page(first, &mut context, &mut shapes);
    assert!(shapes.0.len() > 100, "letters were found");
    let mut outlined = page.clone();
    outlined.fonts.clear();
    outlined.pieces = match grouping {
        Grouping::Letters => shapes.0.iter().map(|shape| format!("{}f\n", operators(shape))).collect(),
        Grouping::Page => vec![format!("{}f\n", shapes.0.iter().map(operators).collect::<String>())],
    };
    outlined
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
