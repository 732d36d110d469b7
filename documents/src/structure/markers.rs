//! Markers of list items by their shape: bullets, numbers, letters. Knows nothing of places.

use super::shapes::roman;

/// What a list item begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// Bytes of the text that it takes, and with the blanks after it.
    pub(super) length: usize,
    pub(super) with_blanks: usize,
    pub(super) kind: MarkerKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkerKind {
    /// A sign that is nothing else.
    Bullet,
    /// A dash, an asterisk, a letter o: signs that are something else as well. A full stop is what OCR makes of bullets.
    Dash,
    Number(Counted),
    /// A letter, which may be a roman number too.
    Letter(Counted),
    Roman(Counted),
}

/// A number and how it is set: `1.`, `1)`, `(1)`, `[1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) value: u32,
    pub(super) before: Option<char>,
    pub(super) after: char,
    pub(super) is_upper: bool,
}

impl MarkerKind {
    pub(super) fn is_sure(self) -> bool {
        self == Self::Bullet
    }

    /// Whether `next` counts on from this.
    pub(super) fn leads_to(self, next: Self) -> bool {
        let counts = |a: Counted, b: Counted| {
            b.value == a.value + 1 && (a.before, a.after, a.is_upper) == (b.before, b.after, b.is_upper)
        };
        match (self, next) {
            (Self::Bullet | Self::Dash, Self::Bullet | Self::Dash) => true,
            (Self::Number(a), Self::Number(b))
            | (Self::Letter(a), Self::Letter(b))
            | (Self::Roman(a), Self::Roman(b)) => counts(a, b),
            (Self::Letter(a), Self::Roman(b)) => a.as_roman().is_some_and(|a| counts(a, b)),
            (Self::Roman(a), Self::Letter(b)) => b.as_roman().is_some_and(|b| counts(a, b)),
            _ => false,
        }
    }

    /// Whether a list begins with it.
    pub(super) fn is_first(self) -> bool {
        match self {
            Self::Bullet | Self::Dash => true,
            Self::Number(counted) | Self::Roman(counted) => counted.value == 1,
            Self::Letter(counted) => counted.value == 1 || counted.as_roman().is_some_and(|counted| counted.value == 1),
        }
    }
}

impl Counted {
    /// A letter's value as a roman number.
    fn as_roman(self) -> Option<Self> {
        let letter = char::from_u32('a' as u32 + self.value - 1)?;
        roman(letter.encode_utf8(&mut [0; 4])).map(|value| Self { value, ..self })
    }
}

const BULLETS: &str = "\u{2022}\u{25e6}\u{25aa}\u{25ab}\u{2023}\u{2043}\u{25cf}\u{25cb}\u{25a0}\u{25a1}\u{27a2}\u{2713}\u{2714}\u{2717}\u{25b6}\u{25ba}\u{25b8}\u{2756}\u{2666}\u{25c6}\u{25c7}\u{2605}\u{2606}\u{f0b7}\u{f0a7}\u{f0d8}\u{f076}\u{30fb}\u{2794}\u{27a4}\u{2610}\u{2611}\u{25fc}\u{25fe}\u{2219}\u{204c}\u{29bf}\u{f06c}\u{f0fc}\u{f071}";

/// The marker that a text begins with, if it is one by its shape.
pub(super) fn marker(text: &str) -> Option<Marker> {
    let first = text.chars().next()?;
    let blanks = |at: usize| at + (text[at..].len() - text[at..].trim_start().len());
    if BULLETS.contains(first) {
        let length = first.len_utf8();
        return Some(Marker { length, with_blanks: blanks(length), kind: MarkerKind::Bullet });
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = &text[..end];
    if matches!(word, "-" | "\u{2013}" | "\u{2014}" | "*" | "o" | "\u{b7}" | "+" | ">" | "\u{bb}" | "\u{2212}" | ".") {
        return (end < text.len()).then(|| Marker { length: end, with_blanks: blanks(end), kind: MarkerKind::Dash });
    }
    // `1.Word` has no blank, `1.5` is a number.
    let (before, inner) = match first {
        '(' | '[' => (Some(first), &text[1..]),
        _ => (None, text),
    };
    let stop = inner.find([')', ']', '.', ':'])?;
    let number = &inner[..stop];
    let after = inner[stop..].chars().next()?;
    let closes = match before {
        Some('(') => after == ')',
        Some(_) => after == ']',
        None => matches!(after, '.' | ')'),
    };
    let length = text.len() - inner.len() + stop + 1;
    let goes_on = text[length..].chars().next();
    if !closes
        || number.is_empty()
        || number.len() > 6
        || !goes_on
            .is_none_or(|c| c.is_whitespace() || (c.is_uppercase() && number.bytes().all(|b| b.is_ascii_digit())))
    {
        return None;
    }
    let is_upper = number.bytes().any(|b| b.is_ascii_uppercase());
    let counted = |value: u32| Counted { value, before, after, is_upper };
    let kind = if number.bytes().all(|b| b.is_ascii_digit()) {
        MarkerKind::Number(counted(number.parse().ok().filter(|_| number.len() <= 3)?))
    } else if number.len() == 1 && number.bytes().all(|b| b.is_ascii_alphabetic()) {
        MarkerKind::Letter(counted(u32::from(number.bytes().next()?.to_ascii_lowercase() - b'a' + 1)))
    } else {
        MarkerKind::Roman(counted(roman(number)?))
    };
    Some(Marker { length, with_blanks: blanks(length), kind })
}

/// The roman number that a text may begin with where OCR has read something else for `i`: `|v.`, `jii)`, `1i.`. As long as what was read.
pub(super) fn misread(text: &str) -> Option<Marker> {
    let end = text.find(['.', ')'])?;
    let number = &text[..end];
    let looks_roman = |c: char| "ivxIVX|jl1!J".contains(c);
    if number.is_empty() || number.len() > 5 || !number.chars().all(looks_roman) {
        return None;
    }
    let is_upper = number.contains(['I', 'V', 'X']);
    let meant = number.replace(['|', 'j', 'l', '1', '!', 'J'], if is_upper { "I" } else { "i" });
    (meant != number).then(|| marker(&format!("{meant}{}", &text[end..]))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_items_have_markers() {
        fn parts(text: &str) -> Option<(&str, &str)> {
            marker(text).map(|marker| (&text[..marker.length], &text[marker.with_blanks..]))
        }
        for (text, expected) in [
            ("\u{2022} One", Some(("\u{2022}", "One"))),
            ("\u{2022}One", Some(("\u{2022}", "One"))),
            ("1. One", Some(("1.", "One"))),
            ("12) One", Some(("12)", "One"))),
            ("(a) One", Some(("(a)", "One"))),
            ("[7] A. Author", Some(("[7]", "A. Author"))),
            ("iv. One", Some(("iv.", "One"))),
            ("- One", Some(("-", "One"))),
            ("1.Eins", Some(("1.", "Eins"))),
            ("1.5 mm", None),
            ("-1 degree", None),
            ("(see there)", None),
            ("e.g. this", None),
            ("1990. It", None),
            ("mix. It", None),
            ("", None),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
        let kind = |text: &str| marker(text).expect(text).kind;
        assert!(
            kind("h. x").leads_to(kind("i. x"))
                && kind("i. x").leads_to(kind("ii. x"))
                && kind("iv. x").leads_to(kind("v. x"))
        );
        assert!(
            !kind("1. x").leads_to(kind("2) x"))
                && !kind("1. x").leads_to(kind("3. x"))
                && !kind("a. x").leads_to(kind("B. x"))
        );
    }

    #[test]
    fn roman_numbers_are_known_also_where_an_i_was_misread() {
        for (text, value) in [
            ("|v. A", Some(4)),
            ("jii. A", Some(3)),
            ("1i) A", Some(2)),
            ("j. A", Some(1)),
            ("iv. A", None),
            ("Vl. A", Some(6)),
            ("12. A", None),
            ("all. A", None),
        ] {
            let found = misread(text).map(|marker| match marker.kind {
                MarkerKind::Roman(counted) => counted.value,
                MarkerKind::Letter(counted) => counted.as_roman().map_or(0, |counted| counted.value),
                other => panic!("{text}: {other:?}"),
            });
            assert_eq!(found, value, "{text}");
        }
    }
}
