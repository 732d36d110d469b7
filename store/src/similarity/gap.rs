//! The words between two runs that are equal, aligned by edit distance over words.

use rapidfuzz::distance::levenshtein;

use super::{
    alignment::{Alignment, MAX_LONE, MAX_PAIRS},
    words::{Likeness, Word, allowed_errors},
};

/// Costs, in fifths of a word that is missing.
const MISSING: u32 = 5;
const MISREAD: u32 = 2;
const OTHER: u32 = 6;

/// Words of a run that was lost as a whole.
const LOST_RUN: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    Pair(Likeness),
    /// Two words of the earlier text are one of the later.
    Joined,
    /// One word of the earlier text is two of the later.
    Split,
    OnlyBefore,
    OnlyAfter,
}

/// Adds what is found between two equal runs. `cells` is what is left of the pairs that may be compared; where it does not
/// suffice the words count as others.
pub fn align(before: &[Word<'_>], after: &[Word<'_>], cells: &mut usize, found: &mut Alignment) {
    let size = before.len() * after.len();
    if size > *cells {
        let pairs = before.len().min(after.len()) as u32;
        found.replaced += pairs;
        missing(&before[pairs as usize..], found);
        missing(&after[pairs as usize..], found);
        return;
    }
    *cells -= size;
    let width = after.len() + 1;
    let mut costs = vec![0_u32; (before.len() + 1) * width];
    let mut steps = vec![Step::Start; costs.len()];
    for i in 0..=before.len() {
        for j in 0..=after.len() {
            let mut best = (u32::MAX, Step::Start);
            let mut offer = |cost: u32, step: Step| {
                if cost < best.0 {
                    best = (cost, step);
                }
            };
            if i == 0 && j == 0 {
                continue;
            }
            if i > 0 && j > 0 {
                let (a, b) = (&before[i - 1], &after[j - 1]);
                let likeness = if a.core() == b.core() { Likeness::Misread(0) } else { a.likeness(b) };
                let cost = match likeness {
                    Likeness::Misread(0) => 0,
                    Likeness::Misread(_) => MISREAD,
                    Likeness::Other => OTHER,
                };
                offer(costs[(i - 1) * width + j - 1] + cost, Step::Pair(likeness));
            }
            if i > 1 && j > 0 && joined(&before[i - 2], &before[i - 1], &after[j - 1]) {
                offer(costs[(i - 2) * width + j - 1] + MISREAD, Step::Joined);
            }
            if i > 0 && j > 1 && joined(&after[j - 2], &after[j - 1], &before[i - 1]) {
                offer(costs[(i - 1) * width + j - 2] + MISREAD, Step::Split);
            }
            if i > 0 {
                offer(costs[(i - 1) * width + j] + MISSING, Step::OnlyBefore);
            }
            if j > 0 {
                offer(costs[i * width + j - 1] + MISSING, Step::OnlyAfter);
            }
            (costs[i * width + j], steps[i * width + j]) = best;
        }
    }
    trace(before, after, &steps, width, found);
}

/// Whether two words run together are a third, but for a few letters.
fn joined(first: &Word<'_>, second: &Word<'_>, whole: &Word<'_>) -> bool {
    let length = first.len() + second.len();
    let limit = allowed_errors(length) / 2;
    if length.abs_diff(whole.len()) > limit || first.is_number() || second.is_number() || whole.is_number() {
        return false;
    }
    let args = levenshtein::Args::default().score_cutoff(limit as usize);
    let parts = first.core().chars().chain(second.core().chars());
    levenshtein::distance_with_args(parts, whole.core().chars(), &args).is_some()
}

fn trace(before: &[Word<'_>], after: &[Word<'_>], steps: &[Step], width: usize, found: &mut Alignment) {
    let (mut i, mut j) = (before.len(), after.len());
    // Words that are there on one side only, one beside the other.
    let mut run: (Step, Vec<Word<'_>>) = (Step::Start, Vec::new());
    loop {
        let step = steps[i * width + j];
        if step != run.0 {
            missing(&std::mem::take(&mut run.1), found);
            run.0 = step;
        }
        match step {
            Step::Start => return,
            Step::Pair(likeness) => {
                (i, j) = (i - 1, j - 1);
                pair(&before[i], &after[j], likeness, found);
            }
            Step::Joined => {
                (i, j) = (i - 2, j - 1);
                found.misread += 1;
                found.letter_errors += 1;
                found.letters += after[j].len();
                tell(found, false, &format!("{} {}", before[i].core(), before[i + 1].core()), after[j].core());
            }
            Step::Split => {
                (i, j) = (i - 1, j - 2);
                found.misread += 1;
                found.letter_errors += 1;
                found.letters += before[i].len();
                tell(found, false, before[i].core(), &format!("{} {}", after[j].core(), after[j + 1].core()));
            }
            Step::OnlyBefore => {
                i -= 1;
                run.1.push(before[i]);
                tell(found, before[i].is_number(), before[i].core(), "");
            }
            Step::OnlyAfter => {
                j -= 1;
                run.1.push(after[j]);
                tell(found, after[j].is_number(), "", after[j].core());
            }
        }
    }
}

fn pair(a: &Word<'_>, b: &Word<'_>, likeness: Likeness, found: &mut Alignment) {
    let number = a.is_number() || b.is_number();
    found.note_place(if b.is_number() { b } else { a });
    match likeness {
        Likeness::Misread(0) => return,
        Likeness::Misread(_) if number => found.misread += 1,
        Likeness::Misread(errors) => {
            found.misread += 1;
            found.letter_errors += errors;
        }
        Likeness::Other if number => {
            found.other_numbers += 1;
            found.foreign += u32::from(a.is_foreign_to(b));
        }
        // Of short words a misread letter or two leave nothing to tell them by.
        Likeness::Other if a.is_short() && b.is_short() => found.missing += 1,
        Likeness::Other => {
            found.replaced += 1;
            found.foreign += u32::from(a.is_foreign_to(b));
        }
    }
    tell(found, number && likeness == Likeness::Other, a.core(), b.core());
}

/// Notes words that are there on one side only, one beside the other. A long run is a line that was cut off or passed over; what
/// is missing in between is a word or number that is another, with nothing in its place.
fn missing(words: &[Word<'_>], found: &mut Alignment) {
    for word in words {
        match (words.len() >= LOST_RUN, word.is_number()) {
            (true, number) => {
                found.missing += 1;
                found.missing_numbers += u32::from(number);
            }
            (false, true) => found.other_numbers += 1,
            (false, false) if word.is_short() => found.missing += 1,
            (false, false) => {
                found.replaced += 1;
                if found.lone.len() < MAX_LONE {
                    found.lone.push(word.core().to_owned());
                }
            }
        }
    }
}

/// Keeps a pair to tell of: as many as are told of each kind.
fn tell(found: &mut Alignment, number: bool, a: &str, b: &str) {
    let kept = found.pairs.iter().filter(|(of, _)| *of == number).count();
    if kept < MAX_PAIRS {
        // What was scanned may be one long word: a pair is there to be looked at.
        let short = |word: &str| word.chars().take(40).collect();
        found.pairs.push((number, [short(a), short(b)]));
    }
}
