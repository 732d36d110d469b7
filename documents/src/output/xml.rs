//! What the XML formats share: text and attributes with nothing in them that XML forbids.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use crate::ids::DocumentId;

/// A file of one element with the pages in it.
pub(super) struct Whole<W> {
    out: W,
    foot: &'static str,
    is_open: bool,
}

impl<W: Write> Whole<W> {
    /// `foot` ends what a page's `head` begins.
    pub(super) fn new(out: W, foot: &'static str) -> Self {
        Self { out, foot, is_open: false }
    }

    /// Writes a page, and before the first of a document its head.
    pub(super) fn page(&mut self, head: impl FnOnce() -> String, body: &str) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_open, true) {
            self.out.write_all(head().as_bytes())?;
        }
        self.out.write_all(body.as_bytes())?;
        self.out.flush()
    }

    pub(super) fn close(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_open) {
            self.out.write_all(self.foot.as_bytes())?;
        }
        self.out.flush()
    }
}

/// Whether XML 1.0 has the character (2.2, production 2).
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

/// The text as it may stand in an element, or between the double quotes of an attribute. What XML cannot hold in any form (control
/// characters, U+FFFE and U+FFFF) becomes U+FFFD; line ends and tabs are written as numbers, since a reader would make blanks of
/// them in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => drop(write!(out, "&#{};", u32::from(c))),
            c if is_allowed(c) => out.push(c),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
    out
}

/// When the document was submitted, as XML writes it: `2026-11-28T03:40:00Z`. It is in the identity (UUIDv7), so that the same
/// record gives the same file whenever it is written.
pub(super) fn submitted_at(document: DocumentId) -> String {
    let bytes = document.as_bytes();
    let version = bytes[6] >> 4;
    let millis = bytes[..6].iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
    let seconds = if version == 7 { millis / 1_000 } else { 0 };
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3_600, time / 60 % 60, time % 60)
}

/// Gregorian date of a day counted from 1970-01-01, in years that begin in March (Hinnant, "chrono-compatible low-level date
/// algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_xml_forbids() {
        assert_eq!(
            escaped("a<b> & \"c\"\n\u{0}\u{1f}\u{fffe}é\u{1f600}"),
            "a&lt;b&gt; &amp; &quot;c&quot;&#10;���é\u{1f600}"
        );
    }

    #[test]
    fn days_become_dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (20_785, (2026, 11, 28)),
            (47_540, (2100, 2, 28)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&1_795_836_000_000_u64.to_be_bytes()[2..]);
        bytes[6] = 0x70;
        assert_eq!(submitted_at(DocumentId::from_bytes(bytes)), "2026-11-28T03:20:00Z");
    }
}
