//! Two texts set side by side, word by word.
//!
//! The words are aligned by the algorithm of Myers ("An O(ND) Difference Algorithm and Its Variations", 1986), which works on
//! equal words; the gaps that it leaves are aligned word by word by edit distance. What was read in another order is looked
//! for among the words that are left over. All of it is bounded: see [`super::words::MAX_WORDS`] and [`MAX_CELLS`].

use std::{collections::HashMap, ops::Range};

use imara_diff::{Algorithm, Diff, Token};

use super::{
    alignment::Alignment,
    gap,
    words::{Word, words},
};

/// Pairs of words that are compared letter by letter for one pair of texts; some 40 ns each. A page of 800 words of which
/// every third is misread takes about 3,000, and one that is another page is refused before.
const MAX_CELLS: usize = 400_000;

/// Where fewer words than this share are found in the other text as they are, it is another text.
const MIN_SAME: f64 = 0.3;

/// Words of a run that is found elsewhere in the other text: fewer stand there by chance.
const MOVED_RUN: u32 = 4;

/// How often what is left over is searched for moved runs. A page has few columns.
const MOVED_PASSES: usize = 3;

/// Compares an earlier text with a later one, both normalised ([`super::normalise`]).
pub(super) fn align<'a>(earlier: &'a str, later: &'a str) -> Alignment {
    let [a, b] = [words(earlier), words(later)];
    let mut found = Alignment { words: a.len().max(b.len()) as u32, ..Alignment::default() };
    let mut ids: HashMap<&'a str, u32> = HashMap::new();
    let mut tokens = |words: &[Word<'a>]| -> Vec<Token> {
        words
            .iter()
            .map(|word| {
                let next = ids.len() as u32;
                Token(*ids.entry(word.core()).or_insert(next))
            })
            .collect()
    };
    let [ta, tb] = [tokens(&a), tokens(&b)];
    let distinct = ids.len() as u32;
    let mut diff = Diff::default();
    diff.compute_with(Algorithm::Myers, &ta, &tb, distinct);
    let (mut same_a, mut same_b) = (vec![false; a.len()], vec![false; b.len()]);
    (0..a.len()).for_each(|i| same_a[i] = !diff.is_removed(i as u32));
    (0..b.len()).for_each(|i| same_b[i] = !diff.is_added(i as u32));
    moved(&ta, &tb, &mut same_a, &mut same_b, distinct);

    let same = same_a.iter().filter(|same| **same).count();
    for (word, _) in a.iter().zip(&same_a).filter(|(_, same)| **same) {
        found.note_place(word);
    }
    if (same as f64) < MIN_SAME * f64::from(found.words) {
        found.unlike = true;
        return found;
    }
    let mut cells = MAX_CELLS;
    for hunk in diff.hunks() {
        let left = |words: &[Word<'_>], same: &[bool], range: Range<u32>| -> Vec<usize> {
            range.map(|i| i as usize).filter(|&i| i < words.len() && !same[i]).collect()
        };
        let before = left(&a, &same_a, hunk.before.clone());
        let after = left(&b, &same_b, hunk.after.clone());
        let before: Vec<_> = before.into_iter().map(|i| a[i]).collect();
        let after: Vec<_> = after.into_iter().map(|i| b[i]).collect();
        gap::align(&before, &after, &mut cells, &mut found);
    }
    found
}

/// Marks runs that stand elsewhere in the other text as the same.
fn moved(ta: &[Token], tb: &[Token], same_a: &mut [bool], same_b: &mut [bool], distinct: u32) {
    for _ in 0..MOVED_PASSES {
        let rest = |same: &[bool]| -> Vec<usize> { (0..same.len()).filter(|&i| !same[i]).collect() };
        let (ia, ib) = (rest(same_a), rest(same_b));
        if ia.len() < MOVED_RUN as usize || ib.len() < MOVED_RUN as usize {
            return;
        }
        let left = |tokens: &[Token], places: &[usize]| -> Vec<Token> { places.iter().map(|&i| tokens[i]).collect() };
        let (la, lb) = (left(ta, &ia), left(tb, &ib));
        let mut diff = Diff::default();
        diff.compute_with(Algorithm::Myers, &la, &lb, distinct);
        let mut found = false;
        // Between two hunks lie equal runs.
        let (mut at_a, mut at_b) = (0, 0);
        let ends = [(la.len() as u32, lb.len() as u32, la.len() as u32, lb.len() as u32)];
        let hunks = diff.hunks().map(|hunk| (hunk.before.start, hunk.after.start, hunk.before.end, hunk.after.end));
        for (a, b, a_end, b_end) in hunks.chain(ends) {
            if a - at_a >= MOVED_RUN {
                found = true;
                (at_a..a).for_each(|i| same_a[ia[i as usize]] = true);
                (at_b..b).for_each(|i| same_b[ib[i as usize]] = true);
            }
            (at_a, at_b) = (a_end, b_end);
        }
        if !found {
            return;
        }
    }
}
