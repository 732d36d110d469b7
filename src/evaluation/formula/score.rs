//! Edits of tokens, and BLEU.

use std::collections::HashMap;

use rapidfuzz::distance::levenshtein;

/// Longest run of tokens that BLEU counts.
const LONGEST: usize = 4;

/// Insertions, deletions and replacements that make one of the other.
pub(super) fn edits(one: &[String], other: &[String]) -> usize {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    for token in one.iter().chain(other) {
        let next = numbers.len() as u32;
        numbers.entry(token).or_insert(next);
    }
    let numbered = |tokens: &[String]| -> Vec<u32> {
        tokens.iter().filter_map(|token| numbers.get(token.as_str()).copied()).collect()
    };
    levenshtein::distance(numbered(one), numbered(other))
}

/// BLEU-4 of a corpus (Papineni and others, 2002) with one truth each, of what was read and what is there: counts of all runs together, without
/// smoothing; 0 where no run of four tokens is right.
pub fn bleu<'a>(pairs: impl Iterator<Item = (&'a [String], &'a [String])>) -> f64 {
    let (mut matched, mut total, mut read, mut there) = ([0usize; LONGEST], [0usize; LONGEST], 0, 0);
    for (found, wanted) in pairs {
        read += found.len();
        there += wanted.len();
        for length in 1..=LONGEST {
            let (of_found, of_wanted) = (runs(found, length), runs(wanted, length));
            let both = of_found.iter().map(|(run, count)| *count.min(of_wanted.get(run).unwrap_or(&0)));
            matched[length - 1] += both.sum::<usize>();
            total[length - 1] += (found.len() + 1).saturating_sub(length);
        }
    }
    if matched.contains(&0) {
        return 0.0;
    }
    let brevity = (1.0 - there as f64 / read.max(1) as f64).min(0.0);
    let precision = matched.iter().zip(total).map(|(&matched, total)| (matched as f64 / total as f64).ln());
    (brevity + precision.sum::<f64>() / LONGEST as f64).exp()
}

fn runs(tokens: &[String], length: usize) -> HashMap<&[String], usize> {
    let mut counts = HashMap::new();
    tokens.windows(length).for_each(|run| *counts.entry(run).or_default() += 1);
    counts
}
