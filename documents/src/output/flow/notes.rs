//! Which footnote which mark stands for.

use super::inline::{Inline, What};
use crate::{
    blocks::{Block, BlockKind, MarkKind},
    record::PageRecord,
};

/// The footnotes of a page that something on it refers to.
pub(super) struct Notes {
    /// By the index of the footnote.
    numbers: Vec<Option<u32>>,
    /// The block, the mark among its marks, and the footnote's number.
    references: Vec<(usize, usize, u32)>,
}

impl Notes {
    /// Numbers go on from `last`, and are the document's: what is printed begins anew on every page of many books. Each footnote has one
    /// mark that leads to it; where the same mark stands again it is a superscript.
    pub(super) fn of(page: &PageRecord, last: &mut u32) -> Self {
        let mut notes = Self { numbers: vec![None; page.blocks.len()], references: Vec::new() };
        let footnotes = page.blocks.iter().enumerate().filter(|(_, block)| block.kind == BlockKind::Footnote);
        let marked: Vec<(usize, usize, String)> = references(page);
        for (index, block) in footnotes {
            let Some(marker) = block.marker.as_deref().map(plain).filter(|marker| !marker.is_empty()) else { continue };
            let is_free = |&&(at, mark, ref text): &&(usize, usize, String)| {
                at != index
                    && *text == marker
                    && !notes.references.iter().any(|&(other, taken, _)| (other, taken) == (at, mark))
            };
            let own = marked.iter().filter(is_free).find(|(at, ..)| block.of == Some(*at));
            let Some(&(at, mark, _)) = own.or_else(|| marked.iter().find(is_free)) else { continue };
            *last += 1;
            notes.numbers[index] = Some(*last);
            notes.references.push((at, mark, *last));
        }
        notes
    }

    /// Of the block of this index, when it is a footnote.
    pub(super) fn number(&self, index: usize) -> Option<u32> {
        self.numbers.get(index).copied().flatten()
    }

    /// The block's text, or that of its lines, with what stands out in it.
    pub(super) fn inline(&self, index: usize, block: &Block, lines: Option<String>) -> Inline {
        let Some(text) = lines else {
            let mut inline = Inline::marked(&block.text, &block.marks);
            for &(_, mark, number) in self.references.iter().filter(|(at, ..)| *at == index) {
                let only = Inline::marked(&block.text, &block.marks[mark..=mark]);
                let Some(found) = only.spans.first() else { continue };
                let same = inline.spans.iter_mut().find(|span| *span == found);
                same.into_iter().for_each(|span| span.what = What::Note(number));
            }
            return inline;
        };
        Inline::plain(text)
    }
}

fn references(page: &PageRecord) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    for (index, block) in page.blocks.iter().enumerate() {
        for (at, mark) in block.marks.iter().enumerate().filter(|(_, mark)| mark.kind == MarkKind::NoteReference) {
            let length = mark.end.saturating_sub(mark.start) as usize;
            let text: String = block.text.chars().skip(mark.start as usize).take(length).collect();
            found.push((index, at, plain(&text)));
        }
    }
    found
}

/// Without what stands around it in one place and not in another: `(1)`, `1.`, `¹`.
fn plain(marker: &str) -> String {
    let digit = |c: char| match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from_digit(u32::from(c) - u32::from('⁰'), 10).unwrap_or(c),
        c => c,
    };
    marker.trim().trim_matches(['(', ')', '[', ']', '.']).chars().map(digit).collect()
}
