//! Puts right over a document what a page alone cannot tell, one page behind.
//!
//! It reads records and nothing else, so that it says the same of a live run and of the log. What it holds is bounded however long the
//! document is: one page, the edges of the last few, the sizes of headings, and the hashes of the document's words.

use super::{
    classes::Levels,
    document_words::DocumentWords,
    going_on::{Indents, begins_flush},
    recurrence::Edges,
    shapes::{begins_small, ends_sentence, ends_with_hyphen},
    tables,
};
use crate::{
    blocks::{Block, BlockKind, GoesOn},
    record::PageRecord,
};

/// Takes the records of one document in the order of its pages and gives them back one page later, with their blocks put right by what the
/// pages around them say: running heads and page numbers by recurrence, levels of headings, paragraphs, list items and tables that go on
/// over the page, hyphens by the document's own words so far. Pages that failed or were skipped pass through in their place; so do pages
/// of which only lines are known.
#[derive(Debug, Default)]
pub struct Assembler {
    held: Option<PageRecord>,
    edges: Edges,
    levels: Levels,
    words: DocumentWords,
}

impl Assembler {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next page; gives back the page before.
    pub fn push(&mut self, mut page: PageRecord) -> Option<PageRecord> {
        self.words.add(&page);
        self.edges.set(self.held.as_mut(), &mut page);
        self.levels.set(&mut page);
        if let Some(held) = &mut self.held {
            // What is missing between two pages is not known.
            if held.page.index() + 1 == page.page.index() {
                go_on(held, &mut page, &self.words);
            }
        }
        let held = self.held.replace(page);
        held.map(|held| self.done(held))
    }

    /// The last page, when all have been pushed.
    pub fn finish(&mut self) -> Option<PageRecord> {
        let held = self.held.take();
        held.map(|held| self.done(held))
    }

    fn done(&self, mut page: PageRecord) -> PageRecord {
        page.blocks.iter_mut().for_each(|block| self.words.reconsider(block));
        page
    }
}

fn is_text(block: &Block) -> bool {
    matches!(block.kind, BlockKind::Paragraph | BlockKind::ListItem)
}

/// Neither about the page nor beside the text.
fn is_in_flow(block: &Block) -> bool {
    !block.kind.is_furniture() && !matches!(block.kind, BlockKind::Footnote | BlockKind::MarginalNote | BlockKind::Text)
}

/// Figures and tables are moved to heads and feet of pages; text goes on behind them.
fn floats(block: &Block) -> bool {
    matches!(block.kind, BlockKind::Figure | BlockKind::Table | BlockKind::Caption)
}

/// Marks what goes on from one page to the next.
fn go_on(before: &mut PageRecord, after: &mut PageRecord, words: &DocumentWords) {
    let last_flow = before.blocks.iter().rposition(is_in_flow);
    let first_flow = after.blocks.iter().position(is_in_flow);
    if let (Some(last), Some(first)) = (last_flow, first_flow) {
        let (a, b) = (&mut before.blocks[last], &mut after.blocks[first]);
        if a.kind == BlockKind::Table && b.kind == BlockKind::Table && tables::continues(a, b) {
            a.goes_on = Some(GoesOn::Page);
            if let Some(table) = &mut b.table {
                table.is_continued = true;
            }
            return;
        }
    }
    let last = before.blocks.iter().rposition(|block| is_in_flow(block) && !floats(block));
    let first = after.blocks.iter().position(|block| is_in_flow(block) && !floats(block));
    let (Some(last), Some(first)) = (last, first) else { return };
    let is_full = fills_its_last_line(before, last, first_word_width(after, first));
    let by_habit = is_full
        && before.blocks[last].kind == BlockKind::Paragraph
        && after.blocks[first].kind == BlockKind::Paragraph
        && begins_flush(after, &after.blocks[first])
        && Indents::of_pages(before, after).is_habit();
    let (a, b) = (&mut before.blocks[last], &mut after.blocks[first]);
    let may = is_text(a) && (b.kind == BlockKind::Paragraph || (b.kind == BlockKind::ListItem && b.marker.is_none()));
    if !may || a.text.is_empty() || b.text.is_empty() {
        return;
    }
    let is_hyphenated = ends_with_hyphen(&a.text);
    let runs_on = !ends_sentence(&a.text) && (begins_small(&b.text) || is_full && a.kind == BlockKind::Paragraph);
    if !(is_hyphenated && !b.text.starts_with(char::is_uppercase) || runs_on || by_habit) {
        return;
    }
    a.goes_on = Some(GoesOn::Page);
    if a.kind == BlockKind::ListItem && b.kind == BlockKind::Paragraph {
        (b.kind, b.level) = (BlockKind::ListItem, a.level);
    }
    if is_hyphenated {
        let right = b.text.clone();
        words.settle(a, &right);
    }
}

/// Of the first line of a block.
fn first_word_width(page: &PageRecord, block: usize) -> f32 {
    let line = page.lines.get(page.blocks[block].lines.start);
    line.and_then(|line| line.words.first()).map_or(0.0, |word| word.polygon.width())
}

/// Whether the last line of a block is as long as its longest, or has no room for the word that comes next, so that it may go on.
fn fills_its_last_line(page: &PageRecord, block: usize, next_word: f32) -> bool {
    let block = &page.blocks[block];
    let Some(lines) = page.lines.get(block.lines.clone()) else { return false };
    let longest = lines.iter().map(|line| line.polygon.width()).fold(0.0, f32::max);
    lines.len() > 1
        && lines.last().is_some_and(|line| line.polygon.width() > longest - next_word.max(2.0 * line.polygon.height()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        geometry::{Polygon, Rect},
        ids::{Digest, DocumentId, PageNumber},
        record::{DocumentRef, PageStatus, TextLine},
    };

    /// A page of blocks, one line each: kind, text, top, height, level.
    fn page(number: u32, blocks: &[(BlockKind, &str, f32, f32)]) -> PageRecord {
        let document = DocumentRef { id: DocumentId::new(), source: String::new(), sha256: Digest::of(b""), pages: 9 };
        let mut page = PageRecord::without_text(document, PageNumber::from_index(number), PageStatus::Ok, None);
        (page.width, page.height) = (600, 800);
        for (at, &(kind, text, top, height)) in blocks.iter().enumerate() {
            let polygon = Polygon::from_rect(Rect {
                left: 50.0,
                top,
                right: 50.0 + 5.0 * text.len() as f32,
                bottom: top + height,
            });
            page.lines.push(TextLine { text: text.to_owned(), polygon, confidence: None, words: Vec::new() });
            let mut block = Block::new(kind, polygon, at..at + 1);
            block.text = text.to_owned();
            block.level = matches!(kind, BlockKind::Heading | BlockKind::ListItem).then_some(1);
            block.confidence = Some(0.8);
            page.blocks.push(block);
        }
        page
    }

    fn assemble(pages: Vec<PageRecord>) -> Vec<PageRecord> {
        let mut assembler = Assembler::new();
        let mut out: Vec<PageRecord> = pages.into_iter().filter_map(|page| assembler.push(page)).collect();
        out.extend(assembler.finish());
        out
    }

    #[test]
    fn pages_come_back_in_order_one_page_later() {
        let mut assembler = Assembler::new();
        assert!(assembler.push(page(0, &[])).is_none());
        assert_eq!(assembler.push(page(1, &[])).map(|page| page.page.index()), Some(0));
        assert_eq!(assembler.finish().map(|page| page.page.index()), Some(1));
        assert!(assembler.finish().is_none());
    }

    #[test]
    fn what_stands_at_the_edge_of_pages_again_and_again_is_a_running_head() {
        use BlockKind::{PageHeader, PageNumber, Paragraph};
        let text = |n: u32| format!("{n} Tides and Harbours");
        let foot = |n: u32| n.to_string();
        let made = |n: u32| {
            page(
                n,
                &[
                    (Paragraph, &text(n + 7), 20.0, 10.0),
                    (Paragraph, "Some text of the page.", 300.0, 10.0),
                    (Paragraph, &foot(n + 7), 770.0, 10.0),
                ],
            )
        };
        let out = assemble((0..3).map(made).collect());
        for page in &out {
            let kinds: Vec<_> = page.blocks.iter().map(|block| block.kind).collect();
            assert_eq!(kinds, [PageHeader, Paragraph, PageNumber], "page {}", page.page);
        }
        // Once is no recurrence, and what stands in the text is none.
        let out = assemble(vec![
            made(0),
            page(1, &[(Paragraph, "Other", 20.0, 10.0), (Paragraph, "Some text of the page.", 300.0, 10.0)]),
        ]);
        assert!(out.iter().flat_map(|page| &page.blocks).all(|block| block.kind == Paragraph));
    }

    #[test]
    fn paragraphs_go_on_over_the_page() {
        use BlockKind::{Footnote, Heading, ListItem, Paragraph};
        let out = assemble(vec![
            page(0, &[(Paragraph, "The tide rises in the har-", 400.0, 10.0), (Footnote, "A note.", 700.0, 8.0)]),
            page(1, &[(Paragraph, "bour and falls.", 50.0, 10.0), (ListItem, "one and", 400.0, 10.0)]),
            page(2, &[(Paragraph, "two", 50.0, 10.0), (Paragraph, "It ends.", 400.0, 10.0)]),
            page(3, &[(Paragraph, "New words", 50.0, 10.0), (Heading, "Last", 400.0, 14.0)]),
        ]);
        assert_eq!(out[0].blocks[0].goes_on, Some(GoesOn::Page));
        assert_eq!(out[0].blocks[0].text, "The tide rises in the har");
        assert!(out[0].blocks[0].joins_without_blank(&out[1].blocks[0]));
        assert_eq!((out[1].blocks[0].goes_on, out[1].blocks[1].goes_on), (None, Some(GoesOn::Page)));
        assert_eq!(out[2].blocks[0].kind, ListItem);
        assert_eq!(out[2].blocks[1].goes_on, None);
    }

    #[test]
    fn headings_of_one_size_have_one_level() {
        use BlockKind::{Heading, Title};
        let mut first = page(
            0,
            &[(Title, "On tides", 50.0, 24.0), (Heading, "One", 200.0, 16.0), (Heading, "Below one", 300.0, 12.0)],
        );
        first.blocks[2].level = Some(2);
        // A page that has small headings only takes them for the first level.
        let out = assemble(vec![
            first,
            page(1, &[(Heading, "Below again", 200.0, 12.0)]),
            page(2, &[(Heading, "Two", 200.0, 16.0)]),
        ]);
        let levels: Vec<_> = out.iter().flat_map(|page| &page.blocks).map(|block| block.level).collect();
        assert_eq!(levels, [None, Some(1), Some(2), Some(2), Some(1)]);
    }

    #[test]
    fn pages_of_lines_pass_through() {
        let lines = page(0, &[(BlockKind::Text, "har-", 50.0, 10.0)]);
        let out = assemble(vec![lines.clone(), page(1, &[(BlockKind::Text, "bour", 50.0, 10.0)])]);
        assert_eq!(out[0].blocks, lines.blocks);
    }
}
