//! Whether two texts are two readings of one page: their words are set side by side, and what differs is weighed.
//!
//! The signature only proposes. Pages of one template (forms, letters, the pages of a manual) share most of their runs of
//! letters, and what tells them apart is little: a number, a name. Recognition errors look different: they fall on letters
//! everywhere, a few in a hundred, and leave words that can still be told. So the errors inside words are counted first, and
//! what differs otherwise is allowed as far as so many errors explain it, and no further. In a text without a misread letter
//! one other number decides.

use super::words::{SHORT_WORD, Word, allowed_errors, foreign_errors};

/// The words, in units of one, that may be missing on either side, or differ: a line that was cut off, a running head.
const MAX_DIFFERENT: f64 = 0.12;

/// What a number that is missing on one side counts, in words.
const NUMBER_WEIGHT: f64 = 3.0;

/// Pairs that are told of.
pub const MAX_PAIRS: usize = 8;

/// What differs between two texts that repeat each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Words that are not the same letter by letter, or are there on one side only.
    pub different: u32,
    /// Words of the longer text.
    pub words: u32,
    /// What stands in the earlier and in the later text, numbers first; at most [`MAX_PAIRS`]. Empty where there is nothing.
    pub pairs: Vec<[String; 2]>,
}

/// What an alignment found.
#[derive(Clone, Debug, Default)]
pub struct Alignment {
    /// Words of the longer text.
    pub words: u32,
    /// Words that are the same but for a few letters.
    pub misread: u32,
    /// Letters that differ in them, and single characters (of scripts without spaces between words) that differ.
    pub letter_errors: u32,
    /// Letters of all words but numbers.
    pub letters: u32,
    /// Words that are others altogether, or stand alone on one side.
    pub replaced: u32,
    /// Words of runs that are there on one side only, and short words.
    pub missing: u32,
    /// Of those, the numbers.
    pub missing_numbers: u32,
    /// Of the replaced words those that stand alone on one side.
    pub lone: Vec<String>,
    /// Numbers that are others, or stand alone on one side.
    pub other_numbers: u32,
    /// Of the numbers and words that are others, those that have next to nothing in common with what stands in their place.
    pub foreign: u32,
    /// How many characters the numbers have that have their place in both, and the words.
    pub number_lengths: Vec<u32>,
    pub word_lengths: Vec<u32>,
    pub pairs: Vec<(bool, [String; 2])>,
    /// Too little is the same for the rest to be looked at.
    pub unlike: bool,
}

impl Alignment {
    /// Notes a word that has its place in both texts.
    pub(super) fn note_place(&mut self, word: &Word<'_>) {
        if word.is_number() {
            self.number_lengths.push(word.len());
        } else {
            self.letters += word.len();
            self.word_lengths.push(word.len());
        }
    }

    /// Letters in a hundred that were read differently, as a share.
    pub fn error_rate(&self) -> f64 {
        f64::from(self.letter_errors) / f64::from(self.letters.max(1))
    }

    /// Whether what differs is what recognition errors leave.
    pub fn repeats(&self) -> bool {
        if self.unlike || self.words == 0 {
            return false;
        }
        let rate = self.error_rate();
        // Where the same word is misread the same way twice it is another word; a long text may have such a thing by chance.
        let told_twice = |at: usize| self.pairs[at + 1..].contains(&self.pairs[at]);
        if rate > MAX_ERROR_RATE || self.words < FEW_WORDS && (0..self.pairs.len()).any(told_twice) {
            return false;
        }
        // What a template has another name for is missing again and again; misread words seldom go twice.
        let times = if rate < CLEAN_RATE { 2 } else { 3 };
        let again = |word: &String| self.lone.iter().filter(|other| *other == word).count() >= times;
        if self.lone.iter().any(again) {
            return false;
        }
        let digit_rate = (NUMBER_ERRORS * rate).min(0.5);
        let numbers: f64 = self.number_lengths.iter().map(|&length| 1.0 - (1.0 - digit_rate).powi(length as i32)).sum();
        // Of short words nothing is counted that differs.
        let long_words = || self.word_lengths.iter().copied().filter(|length| *length > SHORT_WORD);
        let replaced: f64 = SPREAD
            * long_words().map(|length| beyond(length, allowed_errors(length), rate)).sum::<f64>()
            + JOINED * rate * f64::from(self.words);
        // One word may be another with no misread letter anywhere, a correction by hand; but not beside a number.
        let free = if self.other_numbers == 0 { FREE_WORDS } else { 0 };
        let words = self.replaced.saturating_sub(free);
        let chance = at_least(words, replaced).min(at_least(self.other_numbers + words, numbers + replaced));
        let numbers_by_chance = at_least(self.other_numbers, numbers);
        let lengths = long_words().chain(self.number_lengths.iter().copied().filter(|length| *length > 1));
        let foreign: f64 = SPREAD * lengths.map(|length| beyond(length, foreign_errors(length), rate)).sum::<f64>()
            + MISPAIRED * rate * f64::from(self.words);
        let nothing_in_common = at_least(self.foreign.saturating_sub(free), foreign);
        let different = f64::from(self.replaced)
            + f64::from(self.missing - self.missing_numbers)
            + NUMBER_WEIGHT * f64::from(self.missing_numbers);
        chance >= MIN_CHANCE
            && numbers_by_chance >= MIN_CHANCE_OF_NUMBERS
            && nothing_in_common >= MIN_CHANCE_OF_FOREIGN
            && numbers_by_chance * nothing_in_common >= MIN_CHANCE_OF_BOTH
            && different <= (MAX_DIFFERENT + rate) * f64::from(self.words)
    }

    pub(super) fn into_comparison(mut self) -> Comparison {
        self.pairs.sort_by_key(|(number, _)| !number);
        self.pairs.truncate(MAX_PAIRS);
        Comparison {
            different: self.misread + self.replaced + self.missing + self.other_numbers,
            words: self.words,
            pairs: self.pairs.into_iter().map(|(_, pair)| pair).collect(),
        }
    }
}

/// Letters that are misread at most. Beyond, nothing can be told: a page that is read so is not worth keeping either.
const MAX_ERROR_RATE: f64 = 0.12;

/// Below so many misread letters two lost words that are the same are no chance.
const CLEAN_RATE: f64 = 0.03;

/// Lone words that are kept: more are not needed to tell that a page is another.
pub(super) const MAX_LONE: usize = 64;

/// Words of a text in which nothing can be left to chance.
const FEW_WORDS: u32 = 24;

/// Digits taken for others, or lost, for each letter that is misread: less than one, since a digit that is taken for a letter is
/// seen to be misread.
const NUMBER_ERRORS: f64 = 1.0;

/// Errors do not fall one by one: a letter that is taken for two is two errors in one word.
const SPREAD: f64 = 1.5;

/// Words run together or parted beyond recognition, for each misread letter.
const JOINED: f64 = 0.08;

const FREE_WORDS: u32 = 1;

/// Words, and words and numbers together, that are others are chance down to this probability.
const MIN_CHANCE: f64 = 1e-4;

/// The same for numbers alone, which weigh more.
const MIN_CHANCE_OF_NUMBERS: f64 = 2e-3;

/// The same for those that have nothing in common. Misread words are seldom such, and the values of a form mostly are.
const MIN_CHANCE_OF_FOREIGN: f64 = 2e-3;

/// The same for the two together: in a text of three numbers and two names neither is much, and all of them are.
const MIN_CHANCE_OF_BOTH: f64 = 5e-4;

/// Words set beside another than their own where several side by side are misread, for each misread letter.
const MISPAIRED: f64 = 0.004;

/// The probability that more than `allowed` of `length` letters are misread (binomial).
fn beyond(length: u32, allowed: u32, rate: f64) -> f64 {
    if rate <= 0.0 || rate >= 1.0 {
        return 0.0;
    }
    let (mut term, mut within) = ((1.0 - rate).powi(length as i32), 0.0);
    for k in 0..=allowed.min(length) {
        within += term;
        term *= f64::from(length - k) / f64::from(k + 1) * rate / (1.0 - rate);
    }
    (1.0 - within).max(0.0)
}

/// The probability of `found` or more where `expected` are expected (Poisson).
fn at_least(found: u32, expected: f64) -> f64 {
    let (mut term, mut fewer) = ((-expected).exp(), 0.0);
    for k in 0..found {
        fewer += term;
        term *= expected / f64::from(k + 1);
    }
    (1.0 - fewer).max(0.0)
}
