//! A page's lines as they are looked at here: upright, with what is known of how each is set.

use super::{formulas::Formulas, view::View};
use crate::hints::{Hints, LineStyle, RegionScope, Tag, TagRole, VerticalShift};
use crate::{blocks::BlockKind, geometry::Rect, page_text::PageText};

/// Share of a page in letters of one width from which on they say nothing.
const MOST_MONOSPACE: f32 = 0.75;
/// Share of a line's letters from which on it is said to be set so.
const NEARLY_ALL: f32 = 0.9;
/// Strokes this much thicker than the page's text has them, for their size, are bold; a short line's are measured less well.
const BOLD: f32 = 1.22;
const BOLD_OF_SHORT: f32 = 1.37;
const SHORT: usize = 12;

pub(super) struct Sheet<'a> {
    pub(super) view: View,
    pub(super) page: &'a PageText,
    pub(super) hints: &'a Hints,
    /// One for each of the page's, in their order.
    pub(super) lines: Vec<Line<'a>>,
    /// The whole page, or what its lines cover.
    pub(super) bounds: Rect,
    /// The em of most text.
    pub(super) body: f32,
    /// Whether it is known how lines are set, and sizes are exact.
    pub(super) is_styled: bool,
    /// Whether lines were read by OCR: their boxes are rough, and signs may be missing.
    pub(super) is_read: bool,
    /// Whether most of the page is of one width of letters: it is typewritten, or a layer of OCR, and no program.
    pub(super) is_typewritten: bool,
    pub(super) rulings: Vec<Rect>,
    pub(super) formulas: Formulas<'a>,
}

/// What is looked at of a line.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) rect: Rect,
    /// Its em; of boxes alone their height.
    pub(super) size: f32,
    /// Which of the blocks of the reading order has it.
    pub(super) block: usize,
    /// Whether it runs as the page does.
    pub(super) is_level: bool,
    pub(super) characters: usize,
    pub(super) look: Look,
    pub(super) style: Option<&'a LineStyle>,
    pub(super) tag: Option<&'a Tag>,
    /// What the layout network takes it for.
    pub(super) seen_as: Option<(BlockKind, f32)>,
    /// Of a line of pixels the thickness of its strokes, for its size, as a multiple of what most of the page's text has; 1 where it is not known.
    pub(super) weight: f32,
}

/// How all of a line is set, or nearly all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) monospace: bool,
    pub(super) small_capitals: bool,
    pub(super) mathematics: bool,
    /// Of capital letters, whatever they are set in.
    pub(super) capitals: bool,
}

impl Look {
    fn of(text: &str, style: Option<&LineStyle>) -> Self {
        let (mut upper, mut lower) = (0_usize, 0_usize);
        for c in text.chars() {
            if c.is_uppercase() {
                upper += 1
            } else if c.is_lowercase() {
                lower += 1
            }
        }
        let capitals = upper >= 3 && lower * 8 <= upper;
        let Some(style) = style else { return Self { capitals, ..Self::default() } };
        let mut of = [0_u32; 5];
        let mut all = 0;
        let mut chars = text.chars();
        let mut at = 0;
        for run in &style.runs {
            let length = run.characters.end.saturating_sub(run.characters.start.max(at));
            at = at.max(run.characters.end);
            let inked = chars.by_ref().take(length as usize).filter(|c| !c.is_whitespace()).count() as u32;
            if run.shift != VerticalShift::None {
                continue;
            }
            all += inked;
            let face = &run.face;
            let faces = [face.bold, face.italic, face.monospace, face.small_capitals, face.mathematics];
            of.iter_mut().zip(faces).filter(|(_, has)| *has).for_each(|(count, _)| *count += inked);
        }
        let most = |count: u32| all > 0 && count as f32 >= NEARLY_ALL * all as f32;
        Self {
            bold: most(of[0]),
            italic: most(of[1]),
            monospace: most(of[2]),
            small_capitals: most(of[3]),
            mathematics: all > 0 && of[4] * 5 >= all * 2,
            capitals,
        }
    }
}

impl<'a> Sheet<'a> {
    pub(super) fn new(page: &'a PageText, hints: &'a Hints) -> Self {
        let view = View::of(page);
        let count = page.lines.len();
        let is_styled = hints.styles.len() == count && count > 0;
        let mut blocks = vec![0; count];
        for (number, block) in page.blocks.iter().enumerate() {
            blocks.iter_mut().take(block.lines.end).skip(block.lines.start).for_each(|of| *of = number);
        }
        let is_read = page.lines.iter().any(|line| line.confidence.is_some());
        let lines: Vec<Line<'a>> = page
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                let rect = view.rect_of(&line.polygon);
                let style = if is_styled { hints.styles.get(index) } else { None };
                let text = line.text.trim();
                let size = style.map(|style| style.size).filter(|size| size.is_finite() && *size > 0.0);
                // Boxes of OCR are as high whatever letters are in them, and lie more or less askew.
                let own =
                    if is_read && line.polygon.height().is_finite() { line.polygon.height() } else { rect.height() };
                Line {
                    text,
                    rect,
                    size: size.unwrap_or(own).max(0.1),
                    block: blocks[index],
                    is_level: view.is_level(&line.polygon),
                    characters: text.chars().count(),
                    look: Look::of(&line.text, style),
                    style,
                    tag: style.and_then(|style| style.tag.as_ref()),
                    seen_as: None,
                    weight: 1.0,
                }
            })
            .collect();
        let around = lines.iter().map(|line| line.rect).reduce(|a, b| a.union(&b)).unwrap_or_default();
        let is_known = hints.width > 0.0 && hints.height > 0.0 && hints.width.is_finite() && hints.height.is_finite();
        let whole = Rect { left: 0.0, top: 0.0, right: hints.width, bottom: hints.height };
        let bounds = if is_known { view.rect(whole) } else { around };
        let body = body_size(&lines, hints.body_size);
        let rulings = hints.rulings.iter().map(|ruling| view.rect(ruling.rect)).collect();
        let letters = |is_of: fn(&Line<'_>) -> bool| -> usize {
            lines.iter().filter(|line| is_of(line)).map(|line| line.characters).sum()
        };
        let is_typewritten = letters(|line| line.look.monospace) as f32 > MOST_MONOSPACE * letters(|_| true) as f32;
        let formulas = Formulas::of(page, hints);
        let mut sheet =
            Self { view, page, hints, lines, bounds, body, is_styled, is_read, is_typewritten, rulings, formulas };
        sheet.see();
        sheet
    }

    /// Gives lines what the layout network takes them for. Its regions of lines come in the order of the lines as they were read, which
    /// may have been joined by others since.
    fn see(&mut self) {
        let mut next = 0;
        let mut strokes: Vec<(usize, f32)> = Vec::new();
        for region in self.hints.regions.iter().filter(|region| region.scope == RegionScope::Line) {
            let center = self.view.rect(region.rect).center();
            let is_it = |line: &Line<'_>| {
                let r = line.rect;
                (r.left..=r.right).contains(&center.x) && (r.top..=r.bottom).contains(&center.y)
            };
            let found = (next..self.lines.len().min(next + 64)).find(|&at| is_it(&self.lines[at]));
            if let Some(found) = found {
                self.lines[found].seen_as = Some((region.kind, region.confidence));
                let stroke = region.stroke.filter(|stroke| stroke.is_finite() && *stroke > 0.0);
                strokes.extend(stroke.map(|stroke| (found, stroke / self.lines[found].size)));
                next = found + 1;
            }
        }
        if !self.is_styled {
            self.weigh(strokes);
        }
    }

    /// Tells bold lines by the thickness of their strokes, which are given for a size of 1.
    fn weigh(&mut self, mut strokes: Vec<(usize, f32)>) {
        strokes.sort_by(|a, b| a.1.total_cmp(&b.1));
        let half = strokes.iter().map(|(index, _)| self.lines[*index].characters).sum::<usize>() / 2;
        let mut passed = 0;
        let usual = strokes.iter().find(|(index, _)| {
            passed += self.lines[*index].characters;
            passed > half
        });
        let Some(usual) = usual.map(|(_, stroke)| *stroke) else { return };
        for (index, stroke) in strokes {
            let line = &mut self.lines[index];
            line.weight = stroke / usual;
            let least = if line.characters < SHORT { BOLD_OF_SHORT } else { BOLD };
            line.look.bold = line.weight > least && line.text.chars().any(char::is_alphabetic);
        }
    }

    /// Words of a line: where the first of them ends.
    pub(super) fn first_word_width(&self, index: usize) -> f32 {
        let line = &self.lines[index];
        let first = self.page.lines[index].words.first();
        let width = first.map(|word| self.view.rect_of(&word.polygon).width());
        let letters = line.text.split_whitespace().next().map_or(0, |word| word.chars().count());
        // Where words have no places: letters are equally wide.
        let guessed = line.rect.width() * letters as f32 / line.characters.max(1) as f32;
        width.filter(|width| *width > 0.0 && *width <= line.rect.width() + 0.1).unwrap_or(guessed)
    }
}

impl Line<'_> {
    pub(super) fn has_role(&self, role: TagRole) -> bool {
        self.tag.is_some_and(|tag| tag.role == role)
    }

    /// How sure the layout network is that the line is of a kind, 0 where it thinks otherwise.
    pub(super) fn seen(&self, kind: BlockKind) -> f32 {
        self.seen_as.filter(|(seen, _)| *seen == kind).map_or(0.0, |(_, confidence)| confidence)
    }
}

/// The size that most characters are set in, within a twentieth.
fn body_size(lines: &[Line<'_>], of_document: Option<f32>) -> f32 {
    let mut sizes: Vec<(f32, usize)> =
        lines.iter().filter(|line| line.is_level).map(|line| (line.size, line.characters)).collect();
    if sizes.is_empty() {
        return of_document.unwrap_or(10.0);
    }
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The heaviest window of sizes that are nearly the same.
    let (mut best, mut weight, mut from, mut sum) = (sizes[0].0, 0, 0, 0);
    for to in 0..sizes.len() {
        sum += sizes[to].1;
        while sizes[from].0 < sizes[to].0 * 0.93 {
            sum -= sizes[from].1;
            from += 1;
        }
        if sum > weight {
            weight = sum;
            let half = sum / 2;
            let mut passed = 0;
            let middle = sizes[from..=to].iter().find(|(_, characters)| {
                passed += characters;
                passed > half
            });
            best = middle.map_or(sizes[to].0, |(size, _)| *size);
        }
    }
    // A title page or one of notes has other type than the document.
    match of_document {
        Some(size) if size.is_finite() && size > 0.0 && (0.5..2.0).contains(&(best / size)) => size,
        _ => best,
    }
}
