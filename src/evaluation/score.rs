//! How far one reading is from its truth.

use std::collections::HashMap;

use rapidfuzz::distance::levenshtein;
use serde::Serialize;

use super::text::{normalise, terms};

/// One page, or one document, against its truth. Both are normalised first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Character error rate: edits over the truth's characters. Above 1 when much more was read than is there.
    pub cer: f64,
    /// Word error rate: edits over the truth's words, which are what white space parts.
    pub wer: f64,
    /// Share of the truth's terms that were read, whatever their order and case.
    pub recall: f64,
    /// The truth's characters.
    pub characters: u64,
    /// Characters to insert, delete or replace in what was read.
    pub character_edits: u64,
    /// The same whatever the order of the words: what is wrong with a page whose columns or letterhead have been put in another order.
    pub character_edits_in_any_order: u64,
    pub words: u64,
    pub word_edits: u64,
    pub terms: u64,
    pub terms_found: u64,
}

impl Score {
    /// Of a text that was read. A truth without text, such as a blank page's, is missed wholly (CER and WER 1) by any
    /// text at all, because there is nothing to divide by.
    pub fn of(truth: &str, read: &str) -> Self {
        let (truth, read) = (normalise(truth), normalise(read));
        let (wanted, found) = (terms(&truth), terms(&read));
        let (characters, words) = (truth.chars().count() as u64, truth.split_whitespace().count() as u64);
        let (wanted_terms, terms_found) = (
            wanted.values().sum(),
            wanted.iter().map(|(term, n)| (*n).min(found.get(term).copied().unwrap_or(0))).sum::<u64>(),
        );
        let (character_edits, word_edits) = (character_edits(&truth, &read), word_edits(&truth, &read));
        let character_edits_in_any_order = character_edits.min(edits_in_any_order(&truth, &read));
        Self {
            cer: error_rate(character_edits, characters),
            wer: error_rate(word_edits, words),
            recall: found_rate(terms_found, wanted_terms),
            characters,
            character_edits,
            character_edits_in_any_order,
            words,
            word_edits,
            terms: wanted_terms,
            terms_found,
        }
    }

    /// Share of the characters that are wrong whatever the order of the words, 0 to 1 and above as [`Score::cer`].
    pub fn wrong(&self) -> f64 {
        error_rate(self.character_edits_in_any_order, self.characters)
    }

    /// Of a page that could not be read at all: CER and WER 1, recall 0, whatever its truth.
    pub fn of_failure(truth: &str) -> Self {
        Self { cer: 1.0, wer: 1.0, recall: 0.0, ..Self::of(truth, "") }
    }
}

/// Edits over what is there; all or nothing where nothing is.
pub(super) fn error_rate(edits: u64, of: u64) -> f64 {
    match (edits, of) {
        (0, 0) => 0.0,
        (_, 0) => 1.0,
        (edits, of) => edits as f64 / of as f64,
    }
}

/// Nothing to find is everything found.
pub(super) fn found_rate(found: u64, of: u64) -> f64 {
    if of == 0 { 1.0 } else { found as f64 / of as f64 }
}

/// Levenshtein distance, by the bit-parallel algorithm of Hyyrö (2003).
fn character_edits(truth: &str, read: &str) -> u64 {
    levenshtein::distance(truth.chars(), read.chars()) as u64
}

/// Beyond so many words that are not read as they are, no two texts are of the same page.
const MOST_WORDS_TO_PAIR: usize = 1_500;

/// Edits between words that are paired as they are most alike, and the characters of those that have no counterpart.
fn edits_in_any_order(truth: &str, read: &str) -> u64 {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    truth.split_whitespace().for_each(|word| *counts.entry(word).or_default() += 1);
    read.split_whitespace().for_each(|word| *counts.entry(word).or_default() -= 1);
    let mut counts: Vec<(&str, i64)> = counts.into_iter().collect();
    counts.sort_unstable();
    let rest = |sign: i64| -> Vec<&str> {
        counts.iter().flat_map(|&(word, n)| std::iter::repeat_n(word, (sign * n).max(0) as usize)).collect()
    };
    let (wanted, found) = (rest(1), rest(-1));
    let length = |word: &str| word.chars().count() as u64;
    let sum = |words: &[&str]| words.iter().map(|word| length(word)).sum::<u64>();
    if wanted.len().max(found.len()) > MOST_WORDS_TO_PAIR {
        return u64::MAX;
    }
    let mut pairs: Vec<(u64, u64, usize, usize)> = Vec::new();
    for (i, wanted) in wanted.iter().enumerate() {
        for (j, found) in found.iter().enumerate() {
            let longer = length(wanted).max(length(found));
            let edits = character_edits(wanted, found);
            if edits < longer {
                // In thousandths, so that they can be sorted.
                pairs.push((1_000 * edits / longer, edits, i, j));
            }
        }
    }
    pairs.sort_unstable();
    let mut edits = sum(&wanted) + sum(&found);
    let (mut is_wanted, mut is_found) = (vec![true; wanted.len()], vec![true; found.len()]);
    for (_, between, i, j) in pairs {
        if is_wanted[i] && is_found[j] {
            (is_wanted[i], is_found[j]) = (false, false);
            edits = edits + between - length(wanted[i]) - length(found[j]);
        }
    }
    edits
}

fn word_edits(truth: &str, read: &str) -> u64 {
    // A number for each word, so that words are compared as fast as characters.
    let mut numbers = HashMap::new();
    let mut numbered = |text| -> Vec<u32> {
        str::split_whitespace(text)
            .map(|word| {
                let next = numbers.len() as u32;
                *numbers.entry(word.to_owned()).or_insert(next)
            })
            .collect()
    };
    let (truth, read) = (numbered(truth), numbered(read));
    levenshtein::distance(truth.iter().copied(), read.iter().copied()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_definition() {
        // Truth, reading, CER, WER, recall.
        for (truth, read, cer, wer, recall) in [
            ("A “well-\nread” page — two", "A \"wellread\" page - two", 0.0, 0.0, 1.0),
            ("abcd efgh", "abxd efg", 2.0 / 9.0, 1.0, 0.0),
            ("one two three", "three one two", 11.0 / 13.0, 2.0 / 3.0, 1.0),
            ("one two", "one two two", 4.0 / 7.0, 0.5, 1.0),
            ("two two", "two", 4.0 / 7.0, 0.5, 0.5),
            ("Case", "case", 0.25, 1.0, 1.0),
            ("ab", "abcdef", 2.0, 1.0, 0.0),
            ("text", "", 1.0, 1.0, 0.0),
            ("", "", 0.0, 0.0, 1.0),
            ("", "a stain", 1.0, 1.0, 1.0),
            ("***", "***", 0.0, 0.0, 1.0),
        ] {
            let score = Score::of(truth, read);
            assert_eq!((score.cer, score.wer, score.recall), (cer, wer, recall), "{truth:?} read as {read:?}");
        }
    }

    #[test]
    fn what_is_wrong_in_any_order_is_counted_by_words() {
        for (truth, read, edits) in [
            ("one two three", "three one two", 0),
            ("one two three", "three 0ne two", 1),
            ("one two", "one two stain", 5),
            ("Amount 12.50 due", "due Amount", 5),
            ("abcd", "wxyz", 4),
            ("", "a stain", 6),
        ] {
            assert_eq!(Score::of(truth, read).character_edits_in_any_order, edits, "{truth:?} read as {read:?}");
        }
        assert_eq!(Score::of("ab cd", "cd xb").wrong(), 0.2);
    }

    #[test]
    fn what_could_not_be_read_is_wholly_wrong_whatever_its_truth() {
        for truth in ["some text", ""] {
            let score = Score::of_failure(truth);
            assert_eq!((score.cer, score.wer, score.recall), (1.0, 1.0, 0.0), "{truth:?}");
            assert_eq!((score.character_edits, score.terms_found), (score.characters, 0), "{truth:?}");
        }
    }

    /// The textbook's table, cell by cell.
    fn by_definition<T: PartialEq>(a: &[T], b: &[T]) -> u64 {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = match (i, j) {
                    (0, n) | (n, 0) => n as u64,
                    _ => {
                        let replaced = table[i - 1][j - 1] + u64::from(a[i - 1] != b[j - 1]);
                        replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1)
                    }
                };
            }
        }
        table[a.len()][b.len()]
    }

    #[test]
    fn edits_are_counted_as_defined() {
        // A linear congruential generator (Knuth's MMIX constants): the same texts every time.
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let alphabet = ['a', 'b', 'c', ' ', 'é', 'ſ', '漢', '😀'];
        for round in 0..300 {
            // From nothing to several 64-bit words of the bit-parallel algorithm, alike and unlike.
            let length = random(if round < 200 { 40 } else { 300 });
            let truth: Vec<char> = (0..length).map(|_| alphabet[random(8) as usize]).collect();
            let mut read = truth.clone();
            for _ in 0..random(2 + length) {
                let at = random(1 + read.len() as u64) as usize;
                match random(3) {
                    0 => read.insert(at, alphabet[random(8) as usize]),
                    1 if at < read.len() => drop(read.remove(at)),
                    _ if at < read.len() => read[at] = alphabet[random(8) as usize],
                    _ => {}
                }
            }
            let (a, b): (String, String) = (truth.iter().collect(), read.iter().collect());
            assert_eq!(character_edits(&a, &b), by_definition(&truth, &read), "{a:?} and {b:?}");
            assert_eq!(character_edits(&a, &b), character_edits(&b, &a), "{a:?} and {b:?}");
            let words = |text| str::split_whitespace(text).collect::<Vec<_>>();
            assert_eq!(word_edits(&a, &b), by_definition(&words(&a), &words(&b)), "{a:?} and {b:?}");
        }
    }
}
