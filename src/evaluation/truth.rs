//! Where truth lies, and which part of it belongs to which page.
//!
//! Beside `scan.tif` its truth is one of these, of which the first that is there is taken:
//!
//! - `scan.tif.truth.txt`, `scan.tif.gt.txt`, `scan.tif.txt`,
//! - `scan.truth.txt`, `scan.gt.txt`, `scan.txt`,
//! - and for `scan.thresholded.tif` also those of `scan`: several images of one page share its truth.
//!
//! Truth is UTF-8 (other bytes are replaced). A form feed parts one page from the next; without any, or with another number
//! of pages than the document has, the document is scored as one page.

use std::path::{Path, PathBuf};

use super::Reading;

const ENDINGS: [&str; 3] = [".truth.txt", ".gt.txt", ".txt"];

const FORM_FEED: char = '\u{c}';

/// The file that has the truth of a document, if there is one.
pub fn truth_of(document: &Path) -> Option<PathBuf> {
    let name = document.file_name()?.to_str()?;
    // The whole name, and then what is left of it before each dot, from the last to the first.
    let dots = name.rmatch_indices('.').map(|(at, _)| &name[..at]);
    [name].into_iter().chain(dots).find_map(|stem| beside(document, stem))
}

/// The file in `folder` that has what somebody else read of a document: named as its truth would be.
pub fn text_of(document: &Path, folder: &Path) -> Option<PathBuf> {
    let there = folder.join(document.file_name()?);
    [document.file_name()?.to_str()?, document.file_stem()?.to_str()?].into_iter().find_map(|stem| beside(&there, stem))
}

fn beside(document: &Path, stem: &str) -> Option<PathBuf> {
    let candidates = ENDINGS.iter().map(|ending| document.with_file_name(format!("{stem}{ending}")));
    candidates.into_iter().find(|path| !stem.is_empty() && path != document && path.is_file())
}

/// Text as pages: what form feeds part. One at the very end, which some programs write after every page, begins no page.
pub fn split_pages(text: &str) -> Vec<&str> {
    let mut pages: Vec<&str> = text.split(FORM_FEED).collect();
    if pages.len() > 1 && pages.last().is_some_and(|last| last.trim().is_empty()) {
        pages.pop();
    }
    pages
}

/// What was read of a document: a text, or why there is none, for every page; or why there are no pages.
pub type PagesRead = Result<Vec<Result<PageRead, String>>, String>;

/// What was read of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageRead {
    pub text: String,
    /// Whether the reader asks for a second pair of eyes; `None` where it does not say.
    pub needs_review: Option<bool>,
}

impl From<&str> for PageRead {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), needs_review: None }
    }
}

/// A document's pages beside their truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    pub readings: Vec<Reading>,
    /// The truth's pages and the document's, where these are not the same number: it was scored as one page.
    pub mismatch: Option<(usize, usize)>,
}

/// Puts what was read beside the truth, page by page where the truth has pages.
pub fn pair(source: &str, document: &str, truth: &str, read: PagesRead) -> Pairs {
    let truths = split_pages(truth);
    let reading = |page: String, truth: &str, read: Result<PageRead, String>| {
        let needs_review = read.as_ref().ok().and_then(|page| page.needs_review);
        let read = read.map(|page| page.text);
        Reading { source: source.to_owned(), page, truth: truth.to_owned(), read, needs_review }
    };
    let numbered = |index: usize| format!("{document} page {}", index + 1);
    let mut pages = match read {
        Ok(pages) if !pages.is_empty() => pages,
        lost => {
            let reason = lost.err().unwrap_or_else(|| "the document has no pages".to_owned());
            let name = |index| if truths.len() == 1 { document.to_owned() } else { numbered(index) };
            let lost = truths.iter().enumerate().map(|(i, truth)| reading(name(i), truth, Err(reason.clone())));
            return Pairs { readings: lost.collect(), mismatch: None };
        }
    };
    // With the last page blank, the truth ends on a form feed all the same.
    let with_blank: Vec<&str> = truth.split(FORM_FEED).collect();
    let by_page = [truths.clone(), with_blank].into_iter().find(|truths| truths.len() == pages.len());
    match by_page {
        Some(truths) if truths.len() > 1 => {
            let paired = truths.into_iter().zip(pages).enumerate();
            let readings = paired.map(|(index, (truth, read))| reading(numbered(index), truth, read)).collect();
            Pairs { readings, mismatch: None }
        }
        _ => {
            let mismatch = (truths.len() > 1).then_some((truths.len(), pages.len()));
            let read = match pages.iter().all(Result::is_err) {
                true => pages.swap_remove(0),
                // A page that failed is missing from the text, and counts with all its characters.
                false => {
                    let pages: Vec<PageRead> = pages.into_iter().flatten().collect();
                    let texts: Vec<&str> = pages.iter().map(|page| page.text.as_str()).collect();
                    let needs_review = pages.iter().filter_map(|page| page.needs_review).reduce(|a, b| a || b);
                    Ok(PageRead { text: texts.join("\n"), needs_review })
                }
            };
            Pairs { readings: vec![reading(document.to_owned(), truth, read)], mismatch }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_lies_beside_its_document() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (document, files, expected) in [
            ("a.pdf", vec!["a.txt"], Some("a.txt")),
            ("a.pdf", vec!["a.txt", "a.gt.txt"], Some("a.gt.txt")),
            ("a.pdf", vec!["a.txt", "a.gt.txt", "a.truth.txt"], Some("a.truth.txt")),
            ("a.tif", vec!["a.truth.txt", "a.tif.txt"], Some("a.tif.txt")),
            ("a.max.tif", vec!["a.txt"], Some("a.txt")),
            ("a.max.tif", vec!["a.txt", "a.max.txt"], Some("a.max.txt")),
            ("a.txt", vec!["a.txt"], None),
            ("a.pdf", vec!["b.txt", "ab.txt"], None),
            (".pdf", vec![".txt"], None),
            ("plain", vec!["plain.txt"], Some("plain.txt")),
        ] {
            for file in &files {
                std::fs::write(path(file), "").unwrap();
            }
            assert_eq!(truth_of(&path(document)), expected.map(path), "{document} among {files:?}");
            files.iter().for_each(|file| std::fs::remove_file(path(file)).unwrap());
        }
    }

    #[test]
    fn somebody_elses_texts_are_found_by_the_documents_own_name_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.max.txt"), "").unwrap();
        let text_of = |name: &str| text_of(Path::new(name), folder.path());
        assert_eq!(text_of("there/a.max.tif"), Some(folder.path().join("a.max.txt")));
        assert_eq!(text_of("there/a.max.b.tif"), None, "this is another image");
    }

    fn read(pages: &[&str]) -> PagesRead {
        let page =
            |text: &&str| text.strip_prefix('!').map_or(Ok(PageRead::from(*text)), |reason| Err(reason.to_owned()));
        Ok(pages.iter().map(page).collect())
    }

    #[test]
    fn a_document_that_is_scored_as_one_page_wants_a_review_if_one_of_its_pages_does() {
        let page = |needs_review| Ok(PageRead { text: "x".to_owned(), needs_review });
        for (pages, expected) in [
            (vec![page(Some(false)), page(Some(true))], Some(true)),
            (vec![page(Some(false)), page(Some(false))], Some(false)),
            (vec![page(None), page(None)], None),
        ] {
            let pairs = pair("s", "d", "a b", Ok(pages));
            assert_eq!(pairs.readings[0].needs_review, expected);
        }
    }

    #[test]
    fn pages_are_paired_with_theirs() {
        let err = |reason: &str| Err(reason.to_owned());
        // The truth, what was read; then name, truth and reading of each pair.
        type Row = (&'static str, &'static str, Result<&'static str, &'static str>);
        type Case = (&'static str, PagesRead, Vec<Row>, Option<(usize, usize)>);
        let cases: Vec<Case> = vec![
            ("a", read(&["x"]), vec![("d", "a", Ok("x"))], None),
            ("a\u{c}", read(&["x"]), vec![("d", "a\u{c}", Ok("x"))], None),
            ("a\u{c}b", read(&["x", "y"]), vec![("d page 1", "a", Ok("x")), ("d page 2", "b", Ok("y"))], None),
            (
                "a\u{c}b\n\u{c}\n",
                read(&["x", "y"]),
                vec![("d page 1", "a", Ok("x")), ("d page 2", "b\n", Ok("y"))],
                None,
            ),
            ("a\u{c}", read(&["x", ""]), vec![("d page 1", "a", Ok("x")), ("d page 2", "", Ok(""))], None),
            ("a\u{c}b", read(&["x", "!no"]), vec![("d page 1", "a", Ok("x")), ("d page 2", "b", Err("no"))], None),
            ("a\u{c}b", read(&["x", "y", "z"]), vec![("d", "a\u{c}b", Ok("x\ny\nz"))], Some((2, 3))),
            ("a b", read(&["a", "!no", "b"]), vec![("d", "a b", Ok("a\nb"))], None),
            ("a b", read(&["!one", "!two"]), vec![("d", "a b", Err("one"))], None),
            ("a", read(&[]), vec![("d", "a", Err("the document has no pages"))], None),
            ("a\u{c}b", err("gone"), vec![("d page 1", "a", Err("gone")), ("d page 2", "b", Err("gone"))], None),
        ];
        for (truth, read, expected, mismatch) in cases {
            let pairs = pair("s", "d", truth, read.clone());
            let rows: Vec<_> = pairs
                .readings
                .iter()
                .map(|r| (r.page.as_str(), r.truth.as_str(), r.read.as_deref().map_err(String::as_str)))
                .collect();
            assert_eq!(rows, expected, "{truth:?} and {read:?}");
            assert_eq!(pairs.mismatch, mismatch, "{truth:?} and {read:?}");
            assert!(pairs.readings.iter().all(|reading| reading.source == "s"));
        }
    }
}
