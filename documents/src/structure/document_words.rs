//! The words of a document so far, and what they say of hyphens at the ends of lines, columns and pages.

use super::{
    hyphens::{self, Broken, Resolved, Vocabulary},
    shapes::is_hyphen,
};
use crate::{
    blocks::{Block, BlockKind, Hyphen, HyphenEvidence},
    record::PageRecord,
};

/// Words that are looked at to tell English from other languages.
const SAMPLE: u32 = 2_000;

#[derive(Debug, Default)]
pub(super) struct DocumentWords {
    words: Vocabulary,
    english: u32,
    sampled: u32,
}

impl DocumentWords {
    /// Takes the words of a page, but those that its lines break.
    pub(super) fn add(&mut self, page: &PageRecord) {
        let Self { words, english, sampled } = self;
        let mut is_broken = false;
        for line in &page.lines {
            is_broken = words.add_line(&line.text, is_broken, |word| {
                if *sampled < SAMPLE && word.len() >= 4 && word.bytes().all(|b| b.is_ascii_lowercase()) {
                    *sampled += 1;
                    *english += u32::from(super::words::is_word(word));
                }
            });
        }
    }

    fn is_english(&self) -> bool {
        self.english * 10 >= self.sampled * 7
    }

    /// Decides about the hyphen with which a block ends whose word goes on in `next`.
    pub(super) fn settle(&self, block: &mut Block, next: &str) {
        settle(block, next, |broken| hyphens::resolve(broken, &self.words, self.is_english()));
    }

    /// Decides again where only a list of words or nothing had told.
    pub(super) fn reconsider(&self, block: &mut Block) {
        if block.hyphens.is_empty() || block.kind == BlockKind::Code {
            return;
        }
        for at in 0..block.hyphens.len() {
            let hyphen = block.hyphens[at];
            if !matches!(hyphen.by, HyphenEvidence::WordList | HyphenEvidence::Default) {
                continue;
            }
            let chars: Vec<char> = block.text.chars().collect();
            let place = hyphen.at as usize;
            let after = place + usize::from(hyphen.kept);
            let Some(right) = chars.get(after..).filter(|right| !right.is_empty()) else { continue };
            let start = chars[..place].iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1);
            let before: String = chars[start.saturating_sub(4)..start].iter().collect();
            let left: String = chars[start..place].iter().collect();
            let right: String = right.iter().take_while(|c| !c.is_whitespace()).collect();
            let broken = Broken { left: &left, hyphen: '-', right: &right, is_first: hyphens::is_first(&before) };
            let resolved = hyphens::resolve(broken, &self.words, self.is_english());
            if resolved.by != HyphenEvidence::Document {
                continue;
            }
            block.hyphens[at] = Hyphen { kept: resolved.kept, by: HyphenEvidence::Document, ..hyphen };
            if resolved.kept != hyphen.kept {
                change(block, &chars, place, resolved.kept, at);
            }
        }
    }
}

/// Puts a hyphen into a text or takes it out, and moves what is said of places behind it.
fn change(block: &mut Block, chars: &[char], place: usize, kept: bool, number: usize) {
    let (before, after) = chars.split_at(place);
    let rest = if kept { after } else { &after[1..] };
    block.text = before.iter().chain(kept.then_some(&'-')).chain(rest).collect();
    let moved = |at: u32| match (at as usize > place, kept) {
        (true, true) => at + 1,
        (true, false) => at - 1,
        _ => at,
    };
    for mark in &mut block.marks {
        (mark.start, mark.end) = (moved(mark.start), moved(mark.end));
    }
    block.hyphens.iter_mut().skip(number + 1).for_each(|hyphen| hyphen.at = moved(hyphen.at));
}

/// Decides about the hyphen at the end of a block that goes on.
pub(super) fn settle(block: &mut Block, next: &str, resolve: impl Fn(Broken<'_>) -> Resolved) {
    let text = block.text.trim_end();
    let Some(hyphen) = text.chars().next_back().filter(|c| is_hyphen(*c)) else { return };
    let without = &text[..text.len() - hyphen.len_utf8()];
    let left = without.split_whitespace().next_back().unwrap_or_default();
    let right = next.split_whitespace().next().unwrap_or_default();
    if !left.chars().next_back().is_some_and(char::is_alphanumeric)
        || !right.chars().next().is_some_and(char::is_alphanumeric)
    {
        return;
    }
    let is_first = hyphens::is_first(without.strip_suffix(left).unwrap_or_default());
    let resolved = resolve(Broken { left, hyphen, right, is_first });
    if resolved.with_blank {
        return;
    }
    let length = without.chars().count() as u32;
    block.hyphens.push(Hyphen { at: length, kept: resolved.kept, by: resolved.by });
    if resolved.kept {
        block.text = text.to_owned();
    } else {
        block.text = without.to_owned();
        block.marks.iter_mut().for_each(|mark| mark.end = mark.end.min(length));
        block.marks.retain(|mark| mark.start < mark.end);
    }
}
