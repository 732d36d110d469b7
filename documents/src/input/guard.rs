//! The walls around other people's decoders: what they may allocate, and what becomes of their panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Limits;
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
};

/// Runs a decoder. A panic in it becomes [`ErrorKind::Internal`], so that it costs this page and nothing else; `what` is
/// the thing that was being read, as in "the TIFF directory".
pub(crate) fn guarded<T>(what: &str, page: Option<PageNumber>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let cause = panic.downcast_ref::<&str>().map(|s| s.to_string()).or_else(|| panic.downcast_ref().cloned());
        tracing::debug!(what, page = page.map(PageNumber::get), cause, "a decoder panicked");
        Err(Error::new(ErrorKind::Internal, format!("the decoder failed unexpectedly on {what}"))
            .with_hint("the file is probably damaged; if another program shows it, please report it to us"))
    });
    result.map_err(|mut error| {
        error.page = error.page.or(page);
        error
    })
}

/// A decoder's own words as a part of our sentence: one line, and not a long one.
pub(crate) fn one_line(words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ").trim_matches(['"', '.', ' ']).chars().take(120).collect()
}

/// The refusal of a page whose decoding would need more than the limit.
pub(crate) fn too_large(width: u64, height: u64, needs: ByteSize, limits: &Limits) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!("{width} x {height} pixels need {needs} to decode, and the limit is {}", limits.page),
    )
    .with_hint("raise the page limit, or scale the page down first")
}

/// Refuses what would go beyond the limit, before any of it is allocated.
pub(crate) fn check_cost(width: u64, height: u64, needs: ByteSize, limits: &Limits) -> Result<()> {
    if needs > limits.page { Err(too_large(width, height, needs, limits)) } else { Ok(()) }
}

/// The refusal of a page number that the document does not have.
pub(crate) fn no_such_page(page: PageNumber, count: u32) -> Error {
    let pages = if count == 1 { "page" } else { "pages" };
    Error::new(ErrorKind::NoSuchPage, format!("the document has {count} {pages}")).on_page(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_of_that_page() {
        let page = PageNumber::new(7);
        let error = guarded::<()>("a test", page, || panic!("decoder bug")).unwrap_err();
        assert_eq!((error.kind, error.page), (ErrorKind::Internal, page));
        let error = guarded::<()>("a test", page, || Err(Error::new(ErrorKind::Damaged, "cut off"))).unwrap_err();
        assert_eq!(error.to_string(), "page 7: cut off");
    }

    #[test]
    fn a_decoders_words_become_one_line() {
        assert_eq!(one_line("Found a marker\n\tof length 0.\n"), "Found a marker of length 0");
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), 120);
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_byte_more_is_not() {
        let limits = Limits { page: ByteSize(100) };
        assert!(check_cost(10, 10, ByteSize(100), &limits).is_ok());
        assert_eq!(check_cost(10, 10, ByteSize(101), &limits).unwrap_err().kind, ErrorKind::TooLarge);
    }
}
