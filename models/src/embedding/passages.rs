//! A page's text cut into pieces that the model can take, at the best places there are.

use std::ops::Range;

use super::{MAX_PASSAGES, MAX_PIECES, Tokenizer, tokenizer::Word};
use crate::backend::Tensor;

/// A part of a page's text, and the model's input for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// Bytes of the text, from the first letter to the end of the last.
    pub range: Range<usize>,
    /// `[1, bucket]`: numbers of word pieces, zeros behind them.
    pub input: Tensor,
}

/// Word pieces of a passage, without the marks at its ends.
const ROOM: usize = MAX_PIECES - 2;

/// How good a place behind a word is to cut at, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    Word,
    Line,
    Sentence,
    Paragraph,
}

impl Tokenizer {
    /// A page's text as inputs, each with the bytes of the text that it is about, in order. None for a text without words.
    pub fn passages(&self, text: &str) -> Vec<Passage> {
        cut(self, text)
    }
}

/// Cuts `text`. Every word is in one passage and only one, up to [`MAX_PASSAGES`].
fn cut(tokenizer: &Tokenizer, text: &str) -> Vec<Passage> {
    let words = joined(tokenizer, text);
    let breaks = breaks(text, &words);
    let mut passages = Vec::new();
    let mut start = 0;
    while start < words.len() && passages.len() < MAX_PASSAGES {
        let end = end_of(&words, &breaks, start);
        let taken = &words[start..end];
        let pieces: Vec<u32> = taken.iter().flat_map(|word| &word.pieces).copied().collect();
        let range = taken[0].range.start..taken[taken.len() - 1].range.end;
        passages.push(Passage { range, input: tokenizer.input(&pieces) });
        start = end;
    }
    passages
}

/// Behind the last word of the passage that begins at `start`: the best place in the last eighth of what it may hold, and of equally
/// good ones the last.
fn end_of(words: &[Word], breaks: &[Break], start: usize) -> usize {
    let mut filled = 0;
    let mut best = (Break::Word, start + 1);
    for index in start..words.len() {
        filled += words[index].pieces.len();
        if filled > ROOM {
            return best.1;
        }
        if breaks[index] >= best.0 && filled >= ROOM * 7 / 8 || best.0 == Break::Word && breaks[index] == Break::Word {
            best = (breaks[index], index + 1);
        }
    }
    words.len()
}

/// The words of `text`, those that a line's end has broken whole again: `exam-` and `ple` are one word to the model.
fn joined(tokenizer: &Tokenizer, text: &str) -> Vec<Word> {
    let words = tokenizer.words(text);
    let mut all: Vec<Word> = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let is_broken = |before: &Word, hyphen: &Word, after: &Word| {
            let letter = |side: Option<char>| side.is_some_and(char::is_alphabetic);
            before.range.end == hyphen.range.start
                && matches!(&text[hyphen.range.clone()], "-" | "\u{2010}")
                && is_line_end(&text[hyphen.range.end..after.range.start])
                && letter(text[..hyphen.range.start].chars().next_back())
                && text[after.range.start..].chars().next().is_some_and(char::is_lowercase)
        };
        let soft = |before: &Word, after: &Word| {
            let between = &text[before.range.end..after.range.start];
            between.strip_prefix('\u{ad}').is_some_and(is_line_end)
        };
        let (whole, broken) = match (all.last(), words.peek()) {
            (Some(before), Some(after)) if is_broken(before, &word, after) => {
                (before.range.start..after.range.end, [before.range.clone(), after.range.clone()])
            }
            (Some(before), _) if soft(before, &word) => {
                (before.range.start..word.range.end, [before.range.clone(), word.range.clone()])
            }
            _ => {
                all.push(word);
                continue;
            }
        };
        let text_of = broken.clone().map(|range| text[range].to_owned()).concat();
        let pieces = tokenizer.words(&text_of).into_iter().flat_map(|word| word.pieces).collect();
        if broken[1] != word.range {
            words.next();
        }
        all.pop();
        all.push(Word { range: whole, pieces });
    }
    all
}

/// Blanks with one line's end among them.
fn is_line_end(between: &str) -> bool {
    between.chars().all(char::is_whitespace) && between.matches('\n').count() == 1
}

/// What stands behind each word.
fn breaks(text: &str, words: &[Word]) -> Vec<Break> {
    let after = |index: usize| {
        let word = &words[index].range;
        let next = words.get(index + 1).map_or(text.len(), |next| next.range.start);
        let between = &text[word.end..next.max(word.end)];
        match between.matches('\n').count() {
            2.. => return Break::Paragraph,
            1 if is_sentence_end(text, words, index) => return Break::Sentence,
            1 => return Break::Line,
            _ => {}
        }
        let parted = !between.is_empty() || text[word.clone()].starts_with(['。', '！', '？']);
        if parted && is_sentence_end(text, words, index) { Break::Sentence } else { Break::Word }
    };
    (0..words.len()).map(after).collect()
}

/// Whether a word, or the one before a closing quote or bracket, is a mark that ends sentences.
fn is_sentence_end(text: &str, words: &[Word], index: usize) -> bool {
    let of = |index: usize| &text[words[index].range.clone()];
    let closes = matches!(of(index), "\"" | "'" | ")" | "]" | "»" | "”" | "’");
    let last = if closes && index > 0 { of(index - 1) } else { of(index) };
    matches!(last, "." | "!" | "?" | "…" | "。" | "！" | "？" | ":" | ";")
}
