//! The text that a page holds: which glyphs stand where, and whether they are to be believed.

use std::collections::{BTreeSet, HashMap};

use hayro::{
    hayro_interpret::{Context, InterpreterCache, InterpreterSettings, RenderContent, TransformExt, interpret_page},
    hayro_syntax::page::Page,
    kurbo::Rect,
};
use hayro_font::FontCache;

use super::{
    collector::{Collected, Collector},
    drawings::Drawings,
    evidence::Evidence,
    faces::{Faces, KnownFonts},
    fields, glyphs,
    layout::lines_of,
    links, mathematics,
    outline::Facts,
    styles::SetLine,
    tags::{MarkedAs, PageTags, are_believed},
};
use crate::{
    ids::PageNumber,
    page_text::{PageText, TextLayer},
    reading_order::order_as_drawn,
    record::TextLine,
    structure::{CellRun, Formula, Hints, LineStyle, Structure, Tag},
};

/// Lines that are less dark are looked at: white letters are not faint where their ground is dark.
const FAINT: f32 = 0.5;

/// What reading takes beside the page itself.
pub(super) struct Reading<'a, 'k> {
    pub(super) pages: &'a [Page<'a>],
    pub(super) caches: &'k Caches<'a>,
    pub(super) settings: &'k InterpreterSettings,
    pub(super) facts: &'k Facts,
    pub(super) structure: Structure,
}

/// What is kept from page to page; it belongs to the document as it was opened.
#[derive(Default)]
pub(super) struct Caches<'a> {
    /// What the interpreter keeps: its fonts.
    pub(super) interpreter: InterpreterCache<'a>,
    /// Fonts that are set beside the glyphs, since the interpreter shows its own to nobody.
    pub(super) compared: FontCache<'a>,
}

/// Reads the page's text. `None` when no text is drawn on the page.
pub(super) fn read<'a>(
    number: PageNumber,
    page: &'a Page<'a>,
    reading: &Reading<'a, '_>,
    fonts: &mut KnownFonts,
) -> Option<TextLayer> {
    let Reading { pages, caches, settings, facts, structure } = reading;
    let (width, height) = page.render_dimensions();
    let seen = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let transform = page.initial_transform(true).to_kurbo();
    let fields = fields::of_page(page);
    let is_described = *structure == Structure::Full;
    let tags = if is_described { PageTags::of(page) } else { None };
    let faces = is_described.then(|| Faces::new(page, fonts, &caches.compared, settings));
    let mut collector = Collector::on(seen, faces, tags);
    let interpret = |render_content, collector: &mut Collector<'a, '_>| {
        let settings = InterpreterSettings { render_content, ..(*settings).clone() };
        let mut context = Context::new(transform, seen, &caches.interpreter, page.xref(), settings);
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
    let Collected { mut glyphs, settings, images, outlines, drawings, marks, tags } = collector.into_parts();
    fields::set(&fields, page, &mut glyphs, drawn);
    glyphs::drop_repeated(&mut glyphs);
    glyphs::compose_accents(&mut glyphs);
    if glyphs.iter().all(|glyph| glyph.is_space()) {
        return None;
    }
    let places = fields::places(page);
    let mut set = lines_of(&glyphs, &settings);
    if !places.is_empty() {
        set = fields::beside_labels(set, &places);
    }
    let mut hints = Hints { width, height, ..Hints::default() };
    let formulas =
        if is_described { mathematics::find(&set, &glyphs, &settings, || drawings.bars()) } else { Vec::new() };
    let (lines, mut styles, of_lines) = parts(set);
    let evidence = Evidence::of(&glyphs, &lines, &images, &outlines, seen);
    let doubt = evidence.doubt();
    // Text that is not believed is kept for those who ask, but not worth the search for columns.
    let blocks = if doubt.is_some() { vec![downwards(&lines)] } else { order_as_drawn(&lines) };
    if is_described {
        see_drawings(drawings, &lines, &mut styles, &mut hints);
        if let Some(tags) = tags {
            see_tags(tags, &marks, &of_lines, &lines, &mut styles, &mut hints);
        }
        links::fill_in(&mut hints, pages, number, facts);
    }
    hints.formulas = in_order(formulas, &blocks);
    hints.styles = blocks.iter().flatten().filter_map(|&line| styles.get_mut(line).map(std::mem::take)).collect();
    let PageText { lines, blocks, text } = PageText::arrange(lines, &blocks);
    let (width, height) = (width.ceil() as u32, height.ceil() as u32);
    let stands = doubt.as_ref().is_none_or(|doubt| doubt.text_stands);
    let pictures = evidence.pictures() as f32;
    let doubt = doubt.map(|doubt| doubt.reason);
    Some(TextLayer { width, height, lines, blocks, text, doubt, stands, pictures, hints })
}

/// Formulas with their places among the lines as they are read.
fn in_order(mut formulas: Vec<Formula>, blocks: &[Vec<usize>]) -> Vec<Formula> {
    if formulas.is_empty() {
        return formulas;
    }
    let new: HashMap<usize, usize> = blocks.iter().flatten().enumerate().map(|(new, &old)| (old, new)).collect();
    for place in formulas.iter_mut().flat_map(|formula| &mut formula.places) {
        place.line = new.get(&place.line).copied().unwrap_or(usize::MAX);
    }
    formulas
}

/// The marked content that most of a line is in, and all of it with the ends of its characters.
type LineMarks = (u32, Vec<(u32, u32)>);

/// Lines, how they are set, and what they are marked as.
fn parts(set: Vec<SetLine>) -> (Vec<TextLine>, Vec<LineStyle>, Vec<LineMarks>) {
    let mut parts = (Vec::with_capacity(set.len()), Vec::with_capacity(set.len()), Vec::with_capacity(set.len()));
    for SetLine { line, style, mark, marks, .. } in set {
        parts.0.push(line);
        parts.1.push(style);
        parts.2.push((mark, marks));
    }
    parts
}

/// Says what the document's structure makes of the lines, if it can be believed.
fn see_tags(
    mut tags: PageTags<'_>,
    marks: &[MarkedAs],
    of_lines: &[LineMarks],
    lines: &[TextLine],
    styles: &mut [LineStyle],
    hints: &mut Hints,
) {
    let mark = |number: u32| (number as usize).checked_sub(1).and_then(|at| marks.get(at)).copied();
    let elements: BTreeSet<u32> = of_lines
        .iter()
        .flat_map(|(most, all)| all.iter().map(|(number, _)| *number).chain([*most]))
        .filter_map(|number| match mark(number)? {
            MarkedAs::Element(element) => Some(element),
            MarkedAs::Artifact(_) => None,
        })
        .collect();
    let said = tags.resolve(elements.into_iter());
    let mut languages: HashMap<&str, usize> = HashMap::new();
    for (at, style) in styles.iter_mut().enumerate() {
        let (most, all) = &of_lines[at];
        style.tag = match mark(*most) {
            Some(MarkedAs::Element(element)) => said.get(&element).map(|said| said.tag.clone()),
            Some(MarkedAs::Artifact(role)) => Some(Tag { role, element: 0, level: 0, cell: None }),
            None => None,
        };
        let cell = |number: u32| match mark(number)? {
            MarkedAs::Element(element) => said.get(&element)?.tag.cell,
            MarkedAs::Artifact(_) => None,
        };
        if all.len() > 1 {
            let mut start = 0;
            for &(number, end) in all {
                style.cells.extend(cell(number).map(|cell| CellRun { characters: start..end, cell }));
                start = end;
            }
        }
        if let Some(MarkedAs::Element(element)) = mark(*most)
            && let Some(language) = said.get(&element).and_then(|said| said.language.as_deref())
        {
            *languages.entry(language).or_default() += lines[at].text.len();
        }
    }
    if !are_believed(lines, styles) {
        for style in styles {
            style.tag = None;
            style.cells.clear();
        }
        return;
    }
    let all: usize = lines.iter().map(|line| line.text.len()).sum();
    let of_most = languages.into_iter().find(|(_, length)| 2 * length > all);
    hints.language = of_most.map(|(language, _)| language.to_owned());
}

/// Says what is drawn beside the lines, and how dark those are against their ground.
fn see_drawings(drawings: Drawings, lines: &[TextLine], styles: &mut [LineStyle], hints: &mut Hints) {
    let mut places = Vec::with_capacity(lines.len());
    for (line, style) in lines.iter().zip(styles).filter(|(_, style)| !style.is_invisible) {
        let place = line.polygon.bounds();
        if style.darkness < FAINT {
            // On a picture it is there to be read, as dark or as light as that takes.
            let against = |ground: f32| (style.darkness - ground).abs();
            style.darkness = drawings.ground(place).map_or(style.darkness.max(1.0 - style.darkness), against);
        }
        places.push(place);
    }
    drawings.into_hints(&places, hints);
}

/// From top to bottom, then from left to right.
fn downwards(lines: &[TextLine]) -> Vec<usize> {
    let boxes: Vec<_> = lines.iter().map(|line| line.polygon.bounds()).collect();
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| boxes[a].top.total_cmp(&boxes[b].top).then(boxes[a].left.total_cmp(&boxes[b].left)));
    order
}
