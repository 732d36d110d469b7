//! What is about the page and not the document's own text: running heads and feet, page numbers, stamps, watermarks.
//!
//! By what the file says, by what stands on the pages before and after, and else by place and shape: set apart at the very edge, short, and
//! with a page number, or in other type than the text.

use super::{
    shapes::{ends_sentence, masked, page_number},
    sheet::Sheet,
};
use crate::hints::{EdgeLine, TagRole};
use crate::{blocks::BlockKind, geometry::Rect};

/// Rows at each edge that are looked at.
const MOST_ROWS: usize = 4;
/// Part of the page's height at each edge that furniture stands in.
const EDGE: f32 = 0.14;
/// The same of a page number that stands alone beyond all text: margins may be wide.
const WIDE_EDGE: f32 = 0.25;
/// Characters of a running head at most.
const MOST_CHARACTERS: usize = 160;
/// Lines of pixels that are larger than the text by this, are titles rather than running heads.
const TITLE: f32 = 1.2;

/// What a line is, if it is furniture, and how sure that is; no confidence where the file says so.
pub(super) type Found = Option<(BlockKind, Option<f32>)>;

pub(super) fn find(sheet: &Sheet<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = vec![None; sheet.lines.len()];
    for (index, line) in sheet.lines.iter().enumerate() {
        found[index] = tagged(sheet, index).or_else(|| stamp(sheet, index)).filter(|_| !line.text.is_empty());
    }
    let is_tagged = sheet.lines.iter().any(|line| line.tag.is_some_and(|tag| !is_artifact(tag.role)));
    let rows = edge_rows(sheet, &found);
    for edge in [Edge::Top, Edge::Bottom] {
        look_at(sheet, &rows, edge, is_tagged, &mut found);
    }
    found
}

fn is_artifact(role: TagRole) -> bool {
    matches!(role, TagRole::Artifact | TagRole::ArtifactHeader | TagRole::ArtifactFooter | TagRole::Watermark)
}

fn tagged(sheet: &Sheet<'_>, index: usize) -> Found {
    let line = &sheet.lines[index];
    let role = line.tag?.role;
    let middle = (sheet.bounds.top + sheet.bounds.bottom) / 2.0;
    let kind = match role {
        TagRole::Watermark => BlockKind::Watermark,
        TagRole::ArtifactHeader | TagRole::ArtifactFooter | TagRole::Artifact if page_number(line.text).is_some() => {
            BlockKind::PageNumber
        }
        TagRole::ArtifactHeader => BlockKind::PageHeader,
        TagRole::ArtifactFooter => BlockKind::PageFooter,
        // Files call a page's whole text an artifact too; what stands at the edge is one.
        TagRole::Artifact if line.rect.bottom < sheet.bounds.top + EDGE * sheet.bounds.height() => {
            BlockKind::PageHeader
        }
        TagRole::Artifact if line.rect.top > sheet.bounds.bottom - EDGE * sheet.bounds.height() => {
            BlockKind::PageFooter
        }
        TagRole::Artifact if line.rect.center().y < middle && !line.is_level => BlockKind::Stamp,
        _ => return None,
    };
    Some((kind, None))
}

const NOTICES: [&str; 16] = [
    "downloaded from",
    "downloaded by",
    "downloaded on",
    "this content downloaded",
    "licensed to",
    "authorized licensed use",
    "all use subject to",
    "for personal use only",
    "reprinted with permission",
    "this copy is for",
    "digitized by",
    "brought to you by",
    "provided by",
    "access provided",
    "arxiv:",
    "generated for",
];

/// Notices that were put on the page later, and what runs across it.
fn stamp(sheet: &Sheet<'_>, index: usize) -> Found {
    let line = &sheet.lines[index];
    let page = sheet.bounds;
    if !line.is_level {
        let polygon = &sheet.page.lines[index].polygon;
        let height = polygon.height();
        let is_faint = line.style.is_some_and(|style| style.darkness > 0.0 && style.darkness < 0.45);
        if !sheet.view.is_across(polygon) {
            let is_large = height > 2.0 * sheet.body;
            return Some(if is_large || is_faint {
                (BlockKind::Watermark, Some(0.85))
            } else {
                (BlockKind::Stamp, Some(0.6))
            });
        }
        let at_side =
            line.rect.right < page.left + 0.1 * page.width() || line.rect.left > page.right - 0.1 * page.width();
        let is_notice = is_notice(line.text);
        return (at_side && (is_notice || line.rect.height() > 0.15 * page.height()))
            .then_some((BlockKind::Stamp, Some(if is_notice { 0.95 } else { 0.6 })));
    }
    let at_edge =
        line.rect.bottom < page.top + 0.1 * page.height() || line.rect.top > page.bottom - 0.1 * page.height();
    if at_edge && is_notice(line.text) {
        return Some((BlockKind::Stamp, Some(0.9)));
    }
    let is_faint = line.style.is_some_and(|style| style.darkness > 0.0 && style.darkness < 0.4);
    if is_faint && line.size > 2.5 * sheet.body && line.characters < 40 {
        return Some((BlockKind::Watermark, Some(0.8)));
    }
    // Numbers that scanning services stamp on: letters and six digits or so.
    let letters = line.text.chars().take_while(|c| c.is_ascii_uppercase()).count();
    let digits = line.text.chars().skip(letters).filter(|c| c.is_ascii_digit()).count();
    let is_bates = (2..=8).contains(&letters) && digits >= 5 && line.characters <= letters + digits + 2;
    (at_edge && is_bates).then_some((BlockKind::Stamp, Some(0.8)))
}

fn is_notice(text: &str) -> bool {
    let lower = text.to_lowercase();
    NOTICES.iter().any(|notice| lower.starts_with(notice) || (notice.len() > 12 && lower.contains(notice)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Top,
    Bottom,
}

/// What stands side by side over the whole page.
struct EdgeRow {
    lines: Vec<usize>,
    rect: Rect,
}

/// The first and last rows of the page, downwards, over all columns.
fn edge_rows(sheet: &Sheet<'_>, found: &[Found]) -> Vec<EdgeRow> {
    let mut order: Vec<usize> = (0..sheet.lines.len())
        .filter(|&index| found[index].is_none() && sheet.lines[index].is_level && !sheet.lines[index].text.is_empty())
        .collect();
    order.sort_by(|&a, &b| sheet.lines[a].rect.center().y.total_cmp(&sheet.lines[b].rect.center().y));
    let mut rows: Vec<EdgeRow> = Vec::new();
    for index in order {
        let rect = sheet.lines[index].rect;
        match rows.last_mut() {
            // What begins below the middle of a row is none of it.
            Some(row) if rect.top < row.rect.center().y && rect.center().y < row.rect.bottom => {
                row.lines.push(index);
                row.rect = row.rect.union(&rect);
            }
            _ => rows.push(EdgeRow { lines: vec![index], rect }),
        }
    }
    rows
}

fn look_at(sheet: &Sheet<'_>, rows: &[EdgeRow], edge: Edge, is_tagged: bool, found: &mut [Found]) {
    let count = rows.len().min(MOST_ROWS + 2);
    let from_edge: Vec<&EdgeRow> = match edge {
        Edge::Top => rows.iter().take(count).collect(),
        Edge::Bottom => rows.iter().rev().take(count).collect(),
    };
    // The innermost row that is certainly furniture: all beyond it is, too.
    let mut certain: Vec<Option<f32>> = Vec::new();
    for (at, row) in from_edge.iter().enumerate().take(MOST_ROWS) {
        let next = from_edge.get(at + 1).copied();
        // A head with its page number stands above tables of contents, too.
        let is_head = || recurs(sheet, row) && number_at_end(sheet, row);
        let is_cells = next
            .zip(from_edge.get(at + 2))
            .is_some_and(|(next, after)| is_of_table(sheet, [row, next, after]) && !is_head());
        let sure = (!is_cells).then(|| confidence(sheet, row, next, edge, at, rows.len(), is_tagged)).flatten();
        certain.push(sure);
    }
    let Some(last) = certain.iter().rposition(Option::is_some) else { return };
    // A page number may stand beyond a line that tells nothing, and no more than one.
    let kept = if certain[..=last].iter().filter(|c| c.is_none()).count() > 1 {
        certain.iter().take_while(|c| c.is_some()).count()
    } else {
        last + 1
    };
    for (row, confidence) in from_edge.iter().zip(certain).take(kept) {
        for &index in &row.lines {
            let line = &sheet.lines[index];
            let kind = match edge {
                _ if page_number(line.text).is_some() => BlockKind::PageNumber,
                Edge::Top => BlockKind::PageHeader,
                Edge::Bottom => BlockKind::PageFooter,
            };
            found[index] = Some((kind, Some(confidence.unwrap_or(0.5))));
        }
    }
}

/// Whether a row and the two within stand as rows of a table do: cells side by side in each, and as far from each other. A running head stands
/// further from what is below it than that does from what follows; the header that a table repeats on each page does not.
fn is_of_table(sheet: &Sheet<'_>, rows: [&EdgeRow; 3]) -> bool {
    let is_parted = |row: &&EdgeRow| row.lines.len() > 1 || row.lines.iter().any(|&index| has_gap(sheet, index));
    let pitch = |a: &EdgeRow, b: &EdgeRow| (a.rect.center().y - b.rect.center().y).abs();
    let (own, inner) = (pitch(rows[0], rows[1]), pitch(rows[1], rows[2]));
    rows.iter().all(is_parted) && own < 1.4 * inner && own < 4.0 * sheet.body && inner < 4.0 * sheet.body
}

/// Whether words of a line stand further apart than words do.
fn has_gap(sheet: &Sheet<'_>, index: usize) -> bool {
    let line = &sheet.page.lines[index];
    let apart = |pair: &[crate::record::Word]| {
        let (a, b) = (pair[0].polygon.bounds(), pair[1].polygon.bounds());
        b.left - a.right > 0.8 * line.polygon.height()
    };
    line.words.windows(2).any(apart)
}

/// How sure it is that a row is furniture; `at` rows stand between it and the edge, `next` is the row within.
fn confidence(
    sheet: &Sheet<'_>,
    row: &EdgeRow,
    next: Option<&EdgeRow>,
    edge: Edge,
    at: usize,
    all: usize,
    is_tagged: bool,
) -> Option<f32> {
    let page = sheet.bounds;
    let lines = || row.lines.iter().map(|&index| &sheet.lines[index]);
    let is_number = |line: &super::sheet::Line<'_>| page_number(line.text).is_some();
    let is_lone_number = row.lines.len() == 1 && lines().all(is_number);
    let reach = page.height() * if at == 0 && is_lone_number { WIDE_EDGE } else { EDGE };
    let inside = match edge {
        Edge::Top => row.rect.center().y < page.top + reach,
        Edge::Bottom => row.rect.center().y > page.bottom - reach,
    };
    let characters: usize = lines().map(|line| line.characters).sum();
    if !inside || characters > MOST_CHARACTERS {
        return None;
    }
    // What the file calls text is text, unless it tags all.
    if is_tagged
        && lines().all(|line| line.tag.is_some_and(|tag| !matches!(tag.role, TagRole::Other | TagRole::Paragraph)))
    {
        return None;
    }
    if recurs(sheet, row) {
        return Some(0.97);
    }
    let seen = |kinds: [BlockKind; 3]| {
        lines().map(|line| kinds.iter().map(|&kind| line.seen(kind)).fold(0.0, f32::max)).fold(1.0, f32::min)
    };
    let seen = seen([BlockKind::PageHeader, BlockKind::PageFooter, BlockKind::PageNumber]);
    let size = lines().map(|line| line.size).fold(0.0, f32::max);
    // A title may stand where running heads do; these are no larger than the text.
    let is_title = edge == Edge::Top && !sheet.is_styled && size > TITLE * sheet.body && !lines().any(is_number);
    if seen > 0.7 && !is_title {
        return Some(seen);
    }
    // A sentence is a footnote, or the text's own.
    let is_sentence = lines().any(|line| ends_sentence(line.text) && line.text.split_whitespace().count() >= 5);
    if all < 3 || is_sentence {
        return None;
    }
    // Of a text that stands below it as wide as the page.
    let is_above_text = next.is_some_and(|next| next.lines.len() == 1 && next.rect.width() > 0.9 * row.rect.width());
    let next = next.map(|next| next.rect);
    let gap = next.map_or(0.0, |next| match edge {
        Edge::Top => next.top - row.rect.bottom,
        Edge::Bottom => row.rect.top - next.bottom,
    });
    let smaller = if sheet.is_styled { 0.95 } else { 0.85 };
    let is_small = size < smaller * sheet.body;
    let is_large = size > if sheet.is_styled { 1.1 } else { 1.3 } * sheet.body;
    let has_own_gap = gap > 0.7 * sheet.body;
    // Above a short page's foot there may be nothing but white.
    let is_far = gap > 1.6 * sheet.body;
    if is_lone_number {
        let middle = page.center().x;
        let center = row.rect.center().x;
        let is_at_place =
            (center - middle).abs() < 0.06 * page.width() || (center - middle).abs() > 0.25 * page.width();
        return (has_own_gap && is_at_place && !is_large || is_far).then_some(if is_far { 0.9 } else { 0.8 });
    }
    if is_large && !lines().any(is_number) {
        return None;
    }
    let has_number = lines().any(is_number) || number_at_end(sheet, row);
    let is_alike =
        |look: fn(&super::sheet::Look) -> bool| lines().filter(|line| !is_number(line)).all(|line| look(&line.look));
    let other_type = is_small || is_alike(|look| look.italic) || is_alike(|look| look.capitals || look.small_capitals);
    let has_ruling = sheet.rulings.iter().any(|ruling| {
        let between = match edge {
            Edge::Top => ruling.top > row.rect.center().y && next.is_none_or(|next| ruling.bottom < next.center().y),
            Edge::Bottom => ruling.bottom < row.rect.center().y && next.is_none_or(|next| ruling.top > next.center().y),
        };
        between
            && ruling.height() < 0.3 * sheet.body
            && ruling.width() > 0.5 * (page.width() - 2.0 * (row.rect.left - page.left).max(0.0)).max(1.0)
    });
    // Boxes of OCR touch each other; the number at the side and the head in the middle tell.
    let is_head = edge == Edge::Top && at == 0 && row.lines.len() > 1 && number_at_end(sheet, row) && is_above_text;
    let points = [has_number, other_type, has_ruling, is_far, seen > 0.4, row.lines.len() > 1 && characters < 100];
    let points = points.iter().filter(|has| **has).count();
    let is_short = row.rect.width() < 0.55 * page.width() || row.lines.len() > 1 || has_number;
    let enough = match at {
        0 => 2,
        _ => 3,
    };
    ((has_own_gap || is_head) && is_short && points >= enough && (is_head || !(is_large && points < 3)))
        .then_some((0.5 + 0.12 * points as f32).min(0.92))
}

/// Whether a running head begins or ends with a page number: `400 BRITISH HUSBANDRY [Ch. XIX`.
fn number_at_end(sheet: &Sheet<'_>, row: &EdgeRow) -> bool {
    let mut lines: Vec<usize> = row.lines.clone();
    lines.sort_by(|&a, &b| sheet.lines[a].rect.left.total_cmp(&sheet.lines[b].rect.left));
    let words: Vec<&str> = lines.iter().flat_map(|&index| sheet.lines[index].text.split_whitespace()).collect();
    let is_number =
        |word: &&str| word.len() <= 6 && word.bytes().any(|b| b.is_ascii_digit()) && page_number(word).is_some();
    words.len() > 1 && (words.first().is_some_and(is_number) || words.last().is_some_and(is_number))
}

/// Whether the pages before or after have the same there.
fn recurs(sheet: &Sheet<'_>, row: &EdgeRow) -> bool {
    let neighbours = [&sheet.hints.neighbours.before, &sheet.hints.neighbours.after];
    let others = || neighbours.iter().filter_map(|edge| edge.as_ref()).flatten();
    let is_same = |line: &super::sheet::Line<'_>, other: &EdgeLine| {
        let place = sheet.view.rect(other.rect);
        let near = (place.center().y - line.rect.center().y).abs() < 1.5 * line.size;
        near && (masked(&other.text) == masked(line.text)
            || (page_number(&other.text).is_some() && page_number(line.text).is_some()))
    };
    // One of a row says it for all.
    row.lines.iter().any(|&index| others().any(|other| is_same(&sheet.lines[index], other)))
}
