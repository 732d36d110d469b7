//! Which version of a document a server gives: what it calls it, and which part of it an answer has.

use hyper::{HeaderMap, header};

/// What a server calls the version that it gives, as it writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl Version {
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(|value| value.trim().to_owned());
        Self {
            etag: text(header::ETAG).filter(|etag| is_etag(etag)),
            last_modified: text(header::LAST_MODIFIED).filter(|date| httpdate::parse_http_date(date).is_ok()),
        }
    }

    /// What the rest may be asked for with (`If-Range`): a weak name says that two versions mean the same, not that their bytes are.
    pub fn of_bytes(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(if self.etag.is_none() { self.last_modified.as_deref() } else { None })
    }

    /// Whether an answer of this version goes on with one of ours, as far as it says.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        same(&self.etag, &other.etag) && (self.etag.is_some() || same(&self.last_modified, &other.last_modified))
    }
}

/// RFC 9110, 8.8.3.
fn is_etag(text: &str) -> bool {
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    quoted.len() >= 2
        && quoted.starts_with('"')
        && quoted.ends_with('"')
        && quoted[1..quoted.len() - 1].bytes().all(|b| b > b' ' && b != b'"' && b != 0x7f)
}

/// The part that an answer has: `bytes 100-199/200`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    pub first: u64,
    pub last: u64,
    /// Bytes of the whole, where the server knows it.
    pub whole: Option<u64>,
}

impl ContentRange {
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.trim();
        let (unit, rest) = text.split_once(' ')?;
        let (range, whole) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let whole = if whole == "*" { None } else { Some(number(whole)?) };
        let range = Self { first: number(first)?, last: number(last)?, whole };
        let is_sound = range.first <= range.last && range.whole.is_none_or(|whole| range.last < whole);
        (unit.eq_ignore_ascii_case("bytes") && is_sound).then_some(range)
    }

    /// Whether it goes on behind the first `had` bytes of a document of `whole`.
    pub fn goes_on(&self, had: u64, whole: Option<u64>) -> bool {
        let same_whole = match (self.whole, whole) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        };
        self.first == had && same_whole
    }
}

/// Digits alone: no sign, no space.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_a_strong_name_or_a_date_vouches_for_bytes() {
        const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        let of_bytes = |pairs: &[_]| Version::of(&headers(pairs)).of_bytes().map(str::to_owned);
        assert_eq!(of_bytes(&[(header::ETAG, "\"a\""), (header::LAST_MODIFIED, DATE)]), Some("\"a\"".to_owned()));
        assert_eq!(of_bytes(&[(header::ETAG, "W/\"a\""), (header::LAST_MODIFIED, DATE)]), None);
        assert_eq!(of_bytes(&[(header::LAST_MODIFIED, DATE)]), Some(DATE.to_owned()));
        for wrong in ["a", "\"a", "\"", "\"a\"b\"", "\"a b\"", "w/\"a\""] {
            assert_eq!(of_bytes(&[(header::ETAG, wrong), (header::LAST_MODIFIED, "yesterday")]), None, "{wrong}");
        }
        let version = |pairs: &[_]| Version::of(&headers(pairs));
        let ours = version(&[(header::ETAG, "\"a\"")]);
        assert!(ours.is_same(&ours) && ours.is_same(&Version::default()));
        assert!(!ours.is_same(&version(&[(header::ETAG, "\"b\"")])));
        let dated = version(&[(header::LAST_MODIFIED, DATE)]);
        assert!(!dated.is_same(&version(&[(header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:38 GMT")])));
    }

    #[test]
    fn a_part_is_believed_only_where_it_is_the_one_that_was_asked_for() {
        let range = |text: &str| ContentRange::of(&headers(&[(header::CONTENT_RANGE, text)]));
        let found = range("bytes 5-9/10").unwrap();
        assert_eq!(found, ContentRange { first: 5, last: 9, whole: Some(10) });
        assert!(found.goes_on(5, Some(10)) && found.goes_on(5, None));
        assert!(!found.goes_on(4, Some(10)) && !found.goes_on(6, Some(10)) && !found.goes_on(5, Some(11)));
        assert!(range("bytes 5-9/*").is_some_and(|range| range.goes_on(5, Some(10))));
        for wrong in [
            "bytes 9-5/10",
            "bytes 5-10/10",
            "bytes */10",
            "5-9/10",
            "items 5-9/10",
            "bytes 5-9",
            "bytes -9/10",
            "bytes +5-9/10",
            "bytes 5-99999999999999999999/*",
        ] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
