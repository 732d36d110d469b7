//! Running heads and page numbers: what stands at the edges of pages again and again, or counts on.

use std::collections::VecDeque;

use super::shapes::{masked, page_number};
use crate::{
    blocks::{Block, BlockKind},
    record::PageRecord,
};

/// Pages that are remembered: heads of left and right pages alternate, and plates and openings of chapters have none.
const MEMORY: usize = 6;
/// Blocks at each edge that are looked at.
const MOST_BLOCKS: usize = 3;
/// Part of the page's height at each edge that furniture stands in.
const EDGE: f32 = 0.16;
/// Part of the page's height that its place may differ by.
const NEAR: f32 = 0.015;
const MOST_CHARACTERS: usize = 160;

#[derive(Clone, Debug)]
struct Candidate {
    /// With digits masked.
    text: String,
    number: Option<u32>,
    /// Middle, as a part of the page's height.
    place: f32,
    page: u32,
}

#[derive(Debug, Default)]
pub(super) struct Edges {
    seen: VecDeque<Candidate>,
}

impl Edges {
    /// Finds in a page, and in the one before that is still held, what recurs.
    pub(super) fn set(&mut self, held: Option<&mut PageRecord>, page: &mut PageRecord) {
        let own = candidates(page);
        for (block, candidate) in &own {
            if self.seen.iter().any(|other| recurs(other, candidate)) {
                make(&mut page.blocks[*block], candidate);
            }
        }
        if let Some(held) = held {
            for (block, candidate) in candidates(held) {
                if own.iter().any(|(_, other)| recurs(&candidate, other)) {
                    make(&mut held.blocks[block], &candidate);
                }
            }
        }
        let oldest = page.page.index().saturating_sub(MEMORY as u32);
        self.seen.retain(|candidate| candidate.page >= oldest);
        self.seen.extend(own.into_iter().map(|(_, candidate)| candidate));
        while self.seen.len() > 2 * MOST_BLOCKS * MEMORY {
            self.seen.pop_front();
        }
    }
}

/// Whether one says the same as another, at the same place, on different pages.
fn recurs(before: &Candidate, after: &Candidate) -> bool {
    if (before.place - after.place).abs() > NEAR || before.page >= after.page {
        return false;
    }
    match (before.number, after.number) {
        // Numbers of pages count as pages do.
        (Some(a), Some(b)) => b.checked_sub(a) == Some(after.page - before.page),
        (None, None) => before.text == after.text && before.text.chars().any(char::is_alphabetic),
        _ => false,
    }
}

fn make(block: &mut Block, candidate: &Candidate) {
    if block.kind.is_furniture() {
        block.confidence = block.confidence.map(|confidence| confidence.max(0.97));
        return;
    }
    block.kind = match candidate.number {
        Some(_) => BlockKind::PageNumber,
        None if candidate.place < 0.5 => BlockKind::PageHeader,
        None => BlockKind::PageFooter,
    };
    (block.confidence, block.level, block.marker, block.goes_on) = (Some(0.97), None, None, None);
}

/// Short blocks at the edges of a page, with their indices.
fn candidates(page: &PageRecord) -> Vec<(usize, Candidate)> {
    let height = page.height as f32;
    if height <= 0.0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, block) in page.blocks.iter().enumerate() {
        let may = block.kind.is_furniture()
            || matches!(
                block.kind,
                BlockKind::Paragraph | BlockKind::Heading | BlockKind::Text | BlockKind::ListItem | BlockKind::Footnote
            );
        let rect = block.polygon.bounds();
        let place = rect.center().y / height;
        let is_at_edge = !(EDGE..=1.0 - EDGE).contains(&place);
        if !may || !is_at_edge || block.lines.len() > 3 || matches!(block.kind, BlockKind::Stamp | BlockKind::Watermark)
        {
            continue;
        }
        let Some(lines) = page.lines.get(block.lines.clone()) else { continue };
        let text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
        if text.trim().is_empty() || text.chars().count() > MOST_CHARACTERS {
            continue;
        }
        found.push((
            index,
            Candidate { text: masked(&text), number: page_number(&text), place, page: page.page.index() },
        ));
    }
    // The outermost at each edge.
    found.sort_by(|a, b| a.1.place.total_cmp(&b.1.place));
    let (top, bottom): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, candidate)| candidate.place < 0.5);
    let skipped = bottom.len().saturating_sub(MOST_BLOCKS);
    top.into_iter().take(MOST_BLOCKS).chain(bottom.into_iter().skip(skipped)).collect()
}
