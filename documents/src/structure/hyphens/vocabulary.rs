//! The words of a page or a document, as evidence of how it writes them.

use std::collections::HashMap;

use super::super::{shapes::is_hyphen, words::is_word};

/// Different words that are remembered: those of a long book. Half a megabyte or so.
const MOST_WORDS: usize = 65_536;

/// Beginnings that one author joins with a hyphen and another without, and whether that goes also for words that a list has in one.
const HABITS: [(&str, bool); 10] = [
    ("non", true),
    ("semi", true),
    ("quasi", true),
    ("pseudo", true),
    ("meta", true),
    ("hyper", true),
    ("multi", false),
    ("micro", false),
    ("sub", false),
    ("co", false),
];

/// How often words stand within lines, with and without hyphens, in small letters, and how often a beginning is joined to others with a hyphen.
#[derive(Debug, Default)]
pub(in super::super) struct Vocabulary {
    counts: HashMap<u64, u8>,
}

/// A word's hash, the same in every process (FNV-1a of its small letters); hyphens of all kinds are one.
fn hash(pieces: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut buffer = [0; 4];
    for c in pieces.iter().flat_map(|piece| piece.chars()).flat_map(char::to_lowercase) {
        let c = if is_hyphen(c) { '-' } else { c };
        for byte in c.encode_utf8(&mut buffer).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// A word without the signs around it.
pub(in super::super) fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// What follows a beginning where it is joined without a hyphen, as `linear` in `nonlinear`.
fn rest<'a>(word: &'a str, beginning: &str) -> Option<&'a str> {
    let rest = word.strip_prefix(beginning)?;
    // `contest` is no `co-ntest`; what is left must be a word, and no short one.
    (rest.len() >= 4 + usize::from(beginning.len() == 2) && is_word(rest)).then_some(rest)
}

impl Vocabulary {
    /// Of lines that follow each other.
    pub(in super::super) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        lines.fold(false, |is_broken, line| all.add_line(line, is_broken, |_| {}));
        all
    }

    /// Takes the words of a line that stand whole in it: the last may be broken, and so the first, if the line before was. Returns whether the
    /// last is.
    pub(in super::super) fn add_line(&mut self, text: &str, is_first_broken: bool, mut each: impl FnMut(&str)) -> bool {
        let mut words = text.split_whitespace().skip(usize::from(is_first_broken)).peekable();
        while let Some(word) = words.next() {
            if words.peek().is_none() && word.chars().next_back().is_some_and(is_hyphen) {
                return true;
            }
            let word = bare(word);
            if word.len() >= 2 {
                self.add(word);
                each(word);
            }
        }
        false
    }

    fn add(&mut self, word: &str) {
        self.count_one(hash(&[word]));
        if let Some((beginning, _)) = word.split_once(is_hyphen) {
            if let Some((beginning, _)) = HABITS.iter().find(|(habit, _)| beginning.eq_ignore_ascii_case(habit)) {
                self.count_one(hash(&[beginning, "-*"]));
            }
        } else if let Some((beginning, _)) = HABITS.iter().find(|(habit, _)| rest(word, habit).is_some()) {
            self.count_one(hash(&[beginning, "*"]));
        }
    }

    fn count_one(&mut self, key: u64) {
        let is_full = self.counts.len() >= MOST_WORDS;
        match self.counts.get_mut(&key) {
            Some(count) => *count = count.saturating_add(1),
            None if is_full => {}
            None => {
                self.counts.insert(key, 1);
            }
        }
    }

    /// How often a word of these pieces was seen.
    pub(in super::super) fn count(&self, pieces: &[&str]) -> u32 {
        self.counts.get(&hash(pieces)).copied().map_or(0, u32::from)
    }

    /// Whether other words with this beginning (in small letters) have a hyphen here, by twice as many as have none; `None` where it is neither.
    pub(super) fn habit(&self, beginning: &str, is_listed_in_one: bool) -> Option<bool> {
        HABITS.iter().find(|(habit, whatever)| *habit == beginning && (*whatever || !is_listed_in_one))?;
        let (apart, together) = (self.count(&[beginning, "-*"]), self.count(&[beginning, "*"]));
        (apart.max(together) >= 2 && apart.max(together) > 2 * apart.min(together)).then_some(apart > together)
    }
}
