//! Pictures, drawings and diagrams of a page, and the lines that stand in them.

use super::sheet::Sheet;
use crate::hints::RegionScope;
use crate::{blocks::BlockKind, geometry::Rect};

/// More than this are the pieces of one picture, or an attack.
const MOST_FIGURES: usize = 200;

#[derive(Clone, Debug)]
pub(super) struct FoundFigure {
    pub(super) rect: Rect,
    pub(super) kind: BlockKind,
    /// Indices of the page's lines.
    pub(super) lines: Vec<usize>,
    pub(super) confidence: Option<f32>,
}

/// Figures of the page beside what is known already, its tables and formulas; `is_free` says of each line whether nothing has claimed it.
pub(super) fn find(sheet: &Sheet<'_>, is_free: &[bool], known: &[Rect]) -> Vec<FoundFigure> {
    let em = sheet.body;
    let page = sheet.bounds;
    let mut areas: Vec<(Rect, BlockKind, Option<f32>)> = Vec::new();
    for rect in sheet.hints.pictures.iter().map(|rect| sheet.view.rect(*rect)) {
        let is_large = rect.width() > 2.0 * em && rect.height() > 2.0 * em && rect.area() < 0.85 * page.area();
        // A strip as thin as that is decoration.
        let is_strip = rect.width().max(rect.height()) > 14.0 * rect.width().min(rect.height());
        let is_taken = known.iter().any(|known| known.intersection(&rect).area() > 0.5 * rect.area().min(known.area()));
        if is_large && !is_strip && !is_taken && areas.len() < MOST_FIGURES {
            areas.push((rect, BlockKind::Figure, None));
        }
    }
    for region in sheet.hints.regions.iter().filter(|region| region.scope == RegionScope::Area) {
        let rect = sheet.view.rect(region.rect);
        let is_sure = matches!(region.kind, BlockKind::Figure | BlockKind::Formula) && region.confidence > 0.5;
        // A formula that reaches into what is known is of that; pictures stand close to each other.
        let most = if region.kind == BlockKind::Formula { 0.03 } else { 0.3 };
        let is_known = areas
            .iter()
            .map(|(area, ..)| area)
            .chain(known)
            .any(|area| area.intersection(&rect).area() > most * rect.area().min(area.area()));
        if is_sure && !is_known && rect.area() > em * em && areas.len() < MOST_FIGURES {
            areas.push((rect, region.kind, Some(region.confidence)));
        }
    }
    merge(&mut areas, em);
    let mut taken: Vec<bool> = is_free.iter().map(|free| !free).collect();
    let mut figures = Vec::new();
    for (rect, kind, confidence) in areas {
        let lines: Vec<usize> =
            (0..sheet.lines.len()).filter(|&index| !taken[index] && stands_in(sheet, index, rect)).collect();
        if kind == BlockKind::Figure && is_background(sheet, &lines, rect) {
            continue;
        }
        // A formula is where its lines are, if it has any.
        if kind == BlockKind::Formula && !lines.is_empty() {
            continue;
        }
        lines.iter().for_each(|&index| taken[index] = true);
        figures.push(FoundFigure { rect, kind, lines, confidence });
    }
    figures
}

fn merge(areas: &mut Vec<(Rect, BlockKind, Option<f32>)>, em: f32) {
    let mut at = 0;
    while at < areas.len() {
        let (rect, kind, _) = areas[at];
        let grown = Rect {
            left: rect.left - 0.2 * em,
            top: rect.top - 0.2 * em,
            right: rect.right + 0.2 * em,
            bottom: rect.bottom + 0.2 * em,
        };
        let other = (at + 1..areas.len()).find(|&other| {
            let shared = grown.intersection(&areas[other].0);
            areas[other].1 == kind && shared.width() > 0.0 && shared.height() > 0.0
        });
        match other {
            Some(other) => {
                areas[at].0 = rect.union(&areas[other].0);
                areas.swap_remove(other);
            }
            None => at += 1,
        }
    }
}

/// Whether a line belongs to the figure: it stands in it, or is a short label at its edge.
fn stands_in(sheet: &Sheet<'_>, index: usize, rect: Rect) -> bool {
    let line = &sheet.lines[index];
    let own = line.rect;
    let shared = own.intersection(&rect);
    let is_in = shared.width() > 0.6 * own.width() && shared.height() > 0.5 * own.height();
    if is_in {
        return true;
    }
    let em = sheet.body;
    let near = Rect {
        left: rect.left - 2.2 * em,
        top: rect.top - 1.2 * em,
        right: rect.right + 2.2 * em,
        bottom: rect.bottom + 1.6 * em,
    };
    let within = near.intersection(&own);
    let is_near = within.width() > 0.95 * own.width() && within.height() > 0.9 * own.height();
    let is_number = line.text.chars().filter(|c| c.is_alphabetic()).count() * 2 < line.characters;
    let is_label =
        line.characters <= 8 && (is_number || line.size < 0.85 * sheet.body) || !line.is_level && line.characters < 40;
    is_near && is_label
}

/// A picture with running text over it is a background.
fn is_background(sheet: &Sheet<'_>, lines: &[usize], rect: Rect) -> bool {
    let long = lines
        .iter()
        .filter(|&&index| {
            sheet.lines[index].is_level
                && sheet.lines[index].characters > 36
                && sheet.lines[index].rect.width() > 0.4 * rect.width()
        })
        .count();
    long >= 3 || (long >= 1 && long * 2 > lines.len())
}
