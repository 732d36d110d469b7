//! How well pages are read: character error rate, word error rate and word recall against texts that are known, page by
//! page, source by source, and whether one way of reading is as good as another.
//!
//! Nothing here reads a page; whoever has pairs of texts can have them scored.
//!
//! ```
//! use pagestream::evaluation::{Reading, compare, evaluate};
//!
//! let pages = [("letters", "1.png", "Dear Sir", "Dear 5ir"), ("letters", "2.png", "Yours", "Yours")];
//! let evaluation = evaluate(pages.map(|(source, page, truth, read)| Reading::of(source, page, truth, read)));
//! assert_eq!(evaluation.cer(), 1.0 / 13.0);
//! assert_eq!(evaluation.sources[0].summary.cer.worst_page, "1.png");
//! assert!(compare(&evaluation, &evaluation, 0.0005).admitted);
//! ```

use std::collections::BTreeMap;

use serde::Serialize;

pub mod formula;
mod score;
mod text;
pub mod truth;
mod verdict;

pub use score::Score;
pub use text::normalise;
pub use verdict::{Change, Verdict, compare};

use score::{error_rate, found_rate};

/// The schema that an [`Evaluation`] is written in.
pub const SCHEMA: &str = "pagestream.evaluation/1";

/// What was read of one page, beside what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What the page is counted under: a book, a scanner, a folder.
    pub source: String,
    /// What the page is called in the report.
    pub page: String,
    pub truth: String,
    /// The text, or why there is none.
    pub read: Result<String, String>,
    /// Whether the reader asks for a second pair of eyes; `None` where it does not say.
    pub needs_review: Option<bool>,
}

impl Reading {
    pub fn of(
        source: impl Into<String>,
        page: impl Into<String>,
        truth: impl Into<String>,
        read: impl Into<String>,
    ) -> Self {
        let (source, page, truth, read) = (source.into(), page.into(), truth.into(), Ok(read.into()));
        Self { source, page, truth, read, needs_review: None }
    }

    fn score(self) -> (String, PageScore) {
        let Self { source, page, truth, read, needs_review } = self;
        let (score, failure) = match read {
            Ok(read) => (Score::of(&truth, &read), None),
            Err(reason) => (Score::of_failure(&truth), Some(reason)),
        };
        (source, PageScore { page, failure, needs_review, score })
    }
}

/// One page's score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PageScore {
    pub page: String,
    /// Why nothing was read of the page, which counts as wholly wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether its reader asked for a second pair of eyes; absent where it did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_review: Option<bool>,
    #[serde(flatten)]
    pub score: Score,
}

/// How far `needs_review` can be relied on: it should be on all of the one and on none of the other. Counted are pages that were read, by
/// [`Score::wrong`], which no order of columns makes worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Reviews {
    /// With more than [`Reviews::WRONG`] of their characters wrong.
    pub wrong: Marked,
    /// With less than [`Reviews::RIGHT`].
    pub right: Marked,
}

/// Pages, and those among them that are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Marked {
    pub pages: usize,
    pub marked: usize,
}

impl Reviews {
    pub const WRONG: f64 = 0.05;
    pub const RIGHT: f64 = 0.01;

    fn add(&mut self, page: &PageScore) {
        let Some(needs_review) = page.needs_review else { return };
        let counted = match page.score.wrong() {
            wrong if wrong > Self::WRONG => &mut self.wrong,
            wrong if wrong < Self::RIGHT => &mut self.right,
            _ => return,
        };
        counted.pages += 1;
        counted.marked += usize::from(needs_review);
    }
}

/// One measure over several pages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistic {
    /// All pages as if they were one: all edits over all characters, say.
    pub total: f64,
    pub mean: f64,
    pub median: f64,
    pub worst: f64,
    pub worst_page: String,
}

/// All measures over several pages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub pages: usize,
    /// How many of them could not be read at all.
    pub failed: usize,
    /// Characters of the truth.
    pub characters: u64,
    pub cer: Statistic,
    pub wer: Statistic,
    pub recall: Statistic,
}

/// The pages of one source, in the order in which they were given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceReport {
    pub source: String,
    #[serde(flatten)]
    pub summary: Summary,
    #[serde(rename = "scores")]
    pub pages: Vec<PageScore>,
}

/// All pages, by source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Sources differ, so that figures over all of them mean little by themselves: they are there to be compared with
    /// those of another reading of the same pages.
    pub overall: Summary,
    /// Absent where no page says whether it wants a review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviews: Option<Reviews>,
    pub sources: Vec<SourceReport>,
}

impl Evaluation {
    /// Character error rate of all pages as if they were one; 1 when there are no pages.
    pub fn cer(&self) -> f64 {
        self.overall.cer.total
    }

    pub fn source(&self, name: &str) -> Option<&SourceReport> {
        self.sources.iter().find(|report| report.source == name)
    }
}

/// A page's name where it stands beside those of other sources; the source `.` is the folder that they are all in.
pub fn name(source: &str, page: &str) -> String {
    if source == "." { page.to_owned() } else { format!("{source}/{page}") }
}

/// Scores pages. Only one page's texts need to be in memory at a time.
pub fn evaluate(readings: impl IntoIterator<Item = Reading>) -> Evaluation {
    let mut sources: BTreeMap<String, Vec<PageScore>> = BTreeMap::new();
    for reading in readings {
        let (source, score) = reading.score();
        sources.entry(source).or_default().push(score);
    }
    let overall = summary(
        sources.iter().flat_map(|(source, pages)| pages.iter().map(move |page| (name(source, &page.page), page))),
    );
    let sources: Vec<SourceReport> = sources
        .into_iter()
        .map(|(source, pages)| {
            let summary = summary(pages.iter().map(|page| (page.page.clone(), page)));
            SourceReport { source, summary, pages }
        })
        .collect();
    let pages = || sources.iter().flat_map(|report: &SourceReport| &report.pages);
    let reviews = pages().any(|page| page.needs_review.is_some()).then(|| {
        let mut reviews = Reviews::default();
        pages().for_each(|page| reviews.add(page));
        reviews
    });
    Evaluation { schema: SCHEMA, overall, reviews, sources }
}

fn summary<'a>(pages: impl Iterator<Item = (String, &'a PageScore)>) -> Summary {
    let pages: Vec<_> = pages.collect();
    let scores = || pages.iter().map(|(_, page)| page.score);
    let sum = |count: fn(Score) -> u64| scores().map(count).sum::<u64>();
    let statistic = |total: f64, value: fn(Score) -> f64, higher_is_worse: bool| {
        let named = pages.iter().map(|(name, page)| (name.as_str(), value(page.score)));
        statistic(total, named.collect(), higher_is_worse)
    };
    let (characters, words, terms) = (sum(|s| s.characters), sum(|s| s.words), sum(|s| s.terms));
    Summary {
        pages: pages.len(),
        failed: pages.iter().filter(|(_, page)| page.failure.is_some()).count(),
        characters,
        cer: statistic(error_rate(sum(|s| s.character_edits), characters), |s| s.cer, true),
        wer: statistic(error_rate(sum(|s| s.word_edits), words), |s| s.wer, true),
        recall: statistic(found_rate(sum(|s| s.terms_found), terms), |s| s.recall, false),
    }
}

fn statistic(total: f64, mut values: Vec<(&str, f64)>, higher_is_worse: bool) -> Statistic {
    // Stable: of equally bad pages the first is named.
    values.sort_by(|(_, a), (_, b)| if higher_is_worse { b.total_cmp(a) } else { a.total_cmp(b) });
    let Some(&(worst_page, worst)) = values.first() else {
        // Nothing was read, and no gate shall open for that.
        let nothing = if higher_is_worse { 1.0 } else { 0.0 };
        return Statistic { total: nothing, mean: nothing, median: nothing, worst: nothing, worst_page: String::new() };
    };
    let middle = values.len() / 2;
    let median = match values.len() % 2 {
        1 => values[middle].1,
        _ => f64::midpoint(values[middle - 1].1, values[middle].1),
    };
    let mean = values.iter().map(|(_, value)| value).sum::<f64>() / values.len() as f64;
    Statistic { total, mean, median, worst, worst_page: worst_page.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Vec<Reading> {
        vec![
            Reading::of("b", "1", "abcd", "abcd"),
            Reading::of("a", "x", "ab", "ab"),
            Reading::of("b", "2", "abcdef ghi", "abcdef gxx"),
            Reading { read: Err("it is too large".to_owned()), ..Reading::of("b", "3", "abcdef", "") },
            Reading::of("b", "4", "abcd", "abce"),
        ]
    }

    #[test]
    fn pages_are_summed_up_by_source() {
        let evaluation = evaluate(pages());
        assert_eq!(evaluation.sources.iter().map(|s| s.source.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let b = &evaluation.source("b").unwrap().summary;
        assert_eq!((b.pages, b.failed, b.characters), (4, 1, 24));
        // Edits: 0, 2, 6, 1.
        let Statistic { total, mean, median, worst, worst_page } = &b.cer;
        assert_eq!((*total, *mean, *median, *worst), (9.0 / 24.0, (0.2 + 1.0 + 0.25) / 4.0, 0.225, 1.0));
        assert_eq!(worst_page, "3");
        // Of five words, one each on pages 2 to 4 is wrong; the same of the terms.
        assert_eq!((b.wer.total, b.recall.total, b.recall.worst), (0.6, 0.4, 0.0));
        assert_eq!((b.recall.worst_page.as_str(), b.wer.median), ("3", 0.75));
        assert_eq!((evaluation.cer(), evaluation.overall.pages), (9.0 / 26.0, 5));
        assert_eq!(evaluation.overall.cer.worst_page, "b/3");
    }

    #[test]
    fn pages_that_want_a_review_are_counted_beside_those_that_should() {
        let page = |read: &str, needs_review| Reading { needs_review, ..Reading::of("s", "p", "a".repeat(100), read) };
        let wrong = |count: usize| "b".repeat(count) + &"a".repeat(100 - count);
        let pages = [(9, true), (6, false), (3, true), (0, false), (0, true), (0, false)];
        let reviews = evaluate(pages.map(|(count, marked)| page(&wrong(count), Some(marked)))).reviews.unwrap();
        let expected = Reviews { wrong: Marked { pages: 2, marked: 1 }, right: Marked { pages: 3, marked: 1 } };
        assert_eq!(reviews, expected);
        assert_eq!(evaluate([page("", None)]).reviews, None);
        // Words in another order are not wrong.
        let turned = Reading { needs_review: Some(false), ..Reading::of("s", "p", "one two three", "three one two") };
        assert_eq!(evaluate([turned]).reviews.unwrap().right, Marked { pages: 1, marked: 0 });
    }

    #[test]
    fn the_folder_that_all_sources_are_in_has_no_name() {
        assert_eq!((name(".", "a.tif").as_str(), name("x/y", "a.tif").as_str()), ("a.tif", "x/y/a.tif"));
    }

    #[test]
    fn no_pages_are_nothing_read() {
        let evaluation = evaluate([]);
        assert_eq!((evaluation.cer(), evaluation.overall.recall.median, evaluation.overall.pages), (1.0, 0.0, 0));
    }

    #[test]
    fn a_report_is_written_with_its_schema_and_every_page() {
        let report = serde_json::to_value(evaluate(pages())).unwrap();
        assert_eq!(report["schema"], SCHEMA);
        assert_eq!(report["overall"]["cer"]["worst_page"], "b/3");
        let b = &report["sources"][1];
        assert_eq!((&b["source"], &b["pages"]), (&"b".into(), &4.into()));
        assert_eq!(b["scores"][2]["failure"], "it is too large");
        assert_eq!((&b["scores"][3]["cer"], &b["scores"][3]["character_edits"]), (&0.25.into(), &1.into()));
        assert_eq!(b["scores"][0].get("failure"), None);
    }
}
