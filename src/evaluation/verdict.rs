//! Whether another way of reading, such as a quantised model, is as good as the one before it.

use serde::Serialize;

use super::Evaluation;

/// Differences below this are those of adding in floating point, not of reading.
const ROUNDING: f64 = 1e-9;

/// How a character error rate changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The source, or `all pages`.
    pub of: String,
    pub before: f64,
    pub after: f64,
    /// `after - before`: below zero is a gain.
    pub loss: f64,
}

/// What [`compare`] found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub admitted: bool,
    /// Why it is refused: one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub max_loss: f64,
    /// The largest loss of those in `changes`.
    pub loss: f64,
    pub pages: usize,
    /// All pages as if they were one, and then the median page of every source.
    pub changes: Vec<Change>,
}

/// Admits `after` if neither all pages together nor the median page of any source lost more than `max_loss` of character
/// error rate (0.0005 is .05 points). Both are asked, because a median alone does not see what happens to the worse half of
/// the pages, and a total alone does not see a small source. Two evaluations of different pages cannot be compared, and
/// nothing is admitted for want of pages.
pub fn compare(before: &Evaluation, after: &Evaluation, max_loss: f64) -> Verdict {
    let change = |of: &str, before: f64, after: f64| Change { of: of.to_owned(), before, after, loss: after - before };
    let mut changes = vec![change("all pages", before.cer(), after.cer())];
    for earlier in &before.sources {
        if let Some(later) = after.source(&earlier.source) {
            changes.push(change(&earlier.source, earlier.summary.cer.median, later.summary.cer.median));
        }
    }
    // Of equal losses the first is named.
    let larger = |change: &Change, than: &Change| change.loss > than.loss + ROUNDING;
    let worst = changes.iter().fold(&changes[0], |worst, change| if larger(change, worst) { change } else { worst });
    let loss = worst.loss;
    let reason = if before.overall.pages == 0 {
        Some("there are no pages to judge by".to_owned())
    } else if !same_pages(before, after) {
        Some("the two evaluations are not of the same pages".to_owned())
    } else if loss > max_loss + ROUNDING {
        Some(format!(
            "{}: the character error rate goes from {:.4} to {:.4}, which is {loss:.4} more, and {max_loss:.4} is allowed",
            worst.of, worst.before, worst.after,
        ))
    } else {
        None
    };
    Verdict { admitted: reason.is_none(), reason, max_loss, loss, pages: after.overall.pages, changes }
}

/// By their names and the lengths of their truths, in any order.
fn same_pages(a: &Evaluation, b: &Evaluation) -> bool {
    let pages = |evaluation: &Evaluation| {
        let mut pages: Vec<_> = evaluation
            .sources
            .iter()
            .flat_map(|s| s.pages.iter().map(|page| (s.source.clone(), page.page.clone(), page.score.characters)))
            .collect();
        pages.sort_unstable();
        pages
    };
    pages(a) == pages(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Reading, evaluate};

    /// Pages of 100 characters with so many wrong.
    fn pages(wrong: &[(&str, usize)]) -> Evaluation {
        evaluate(wrong.iter().enumerate().map(|(number, (source, wrong))| {
            let read = format!("{}{}", "x".repeat(*wrong), "a".repeat(100 - wrong));
            Reading::of(*source, number.to_string(), "a".repeat(100), read)
        }))
    }

    #[test]
    fn a_loss_within_the_bound_is_admitted() {
        let before = pages(&[("books", 1), ("books", 1), ("books", 1), ("letters", 4)]);
        for (after, max_loss, refused_for) in [
            (vec![("books", 1), ("books", 1), ("books", 1), ("letters", 4)], 0.0, None),
            (vec![("books", 0), ("books", 0), ("books", 0), ("letters", 0)], 0.0, None),
            (vec![("books", 2), ("books", 2), ("books", 2), ("letters", 5)], 0.01, None),
            (vec![("books", 2), ("books", 2), ("books", 2), ("letters", 5)], 0.009, Some("all pages: ")),
            // What all pages together do not show.
            (vec![("books", 0), ("books", 0), ("books", 0), ("letters", 6)], 0.01, Some("letters: ")),
            // What the median does not show.
            (vec![("books", 1), ("books", 1), ("books", 9), ("letters", 4)], 0.01, Some("all pages: ")),
            (vec![("books", 1), ("books", 1), ("letters", 4)], 1.0, Some("the two evaluations are not of the same")),
            (vec![("books", 1), ("books", 1), ("books", 1), ("notes", 4)], 1.0, Some("the two evaluations are not")),
        ] {
            let verdict = compare(&before, &pages(&after), max_loss);
            assert_eq!(verdict.admitted, refused_for.is_none(), "{after:?}: {verdict:?}");
            let begins = |reason: &String| refused_for.is_some_and(|start| reason.starts_with(start));
            assert_eq!(verdict.reason.as_ref().map(begins), refused_for.map(|_| true), "{after:?}: {verdict:?}");
        }
        assert!(!compare(&pages(&[]), &pages(&[]), 1.0).admitted, "nothing proves nothing");
    }

    #[test]
    fn a_refusal_says_what_was_lost() {
        let verdict = compare(&pages(&[("books", 1)]), &pages(&[("books", 3)]), 0.005);
        let expected = "all pages: the character error rate goes from 0.0100 to 0.0300, which is 0.0200 more, and \
                        0.0050 is allowed";
        assert_eq!((verdict.reason.as_deref(), verdict.pages), (Some(expected), 1));
    }
}
