//! How far a reading is from the truth, after one normalisation of both: compatibility forms, plain quotes and dashes,
//! words joined over line ends, white space as single spaces.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

pub struct Score {
    /// Character error rate: edits over the truth's characters.
    pub cer: f64,
    /// Share of the truth's words that were read, whatever their order.
    pub recall: f64,
}

impl Score {
    pub fn of(truth: &str, ours: &str) -> Self {
        let (truth, ours) = (normalise(truth), normalise(ours));
        let (a, b): (Vec<char>, Vec<char>) = (truth.chars().collect(), ours.chars().collect());
        let (wanted, found) = (words(&truth), words(&ours));
        let hits: usize = wanted.iter().map(|(word, n)| *n.min(found.get(word).unwrap_or(&0))).sum();
        Self {
            cer: edits(&a, &b) as f64 / a.len().max(1) as f64,
            recall: hits as f64 / wanted.values().sum::<usize>().max(1) as f64,
        }
    }
}

fn normalise(text: &str) -> String {
    let folded: String = text
        .nfkc()
        .map(|c| match c {
            '\u{201c}' | '\u{201d}' => '"',
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{2013}' | '\u{2014}' => '-',
            '\u{17f}' => 's',
            c => c,
        })
        .collect();
    // A hyphen at the end of a line, with whatever space is around the break, joins the halves of a word.
    let mut joined = String::new();
    let mut rest = folded.as_str();
    while let Some(at) = rest.find('-') {
        let after = &rest[at + 1..];
        let trimmed = after.trim_start();
        let broken = after[..after.len() - trimmed.len()].contains('\n');
        joined.push_str(&rest[..at]);
        if !broken {
            joined.push('-');
        }
        rest = if broken { trimmed } else { after };
    }
    joined.push_str(rest);
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()) {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// Levenshtein distance, one row at a time.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[test]
fn scores_are_those_of_the_definition() {
    let exact = Score::of("A “well-\nread” page — two", "A \"wellread\" page - two");
    assert_eq!((exact.cer, exact.recall), (0.0, 1.0));
    let wrong = Score::of("abcd efgh", "abxd efg");
    assert_eq!((wrong.cer, wrong.recall), (2.0 / 9.0, 0.0));
}
