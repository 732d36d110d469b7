//! What a glyph's characters are: as the document says, in the form in which people search and copy them.

use smol_str::SmolStr;
use unicode_normalization::{UnicodeNormalization, char::compose};

/// The characters that stand for those that the document gives, and whether they can be read at all.
pub(super) fn readable(text: &str) -> (SmolStr, bool) {
    // Most are one letter of ASCII, which stands for itself.
    if let &[byte @ b' '..=b'~'] = text.as_bytes() {
        return (SmolStr::from_iter([char::from(byte)]), true);
    }
    // Word's bullets live in the private area of the Symbol and Wingdings fonts.
    let text = match text {
        "\u{f0b7}" => "\u{2022}",
        "\u{f0a7}" => "\u{25aa}",
        _ => text,
    };
    if let Some(letter) = calligraphic(text) {
        return (SmolStr::from_iter([letter]), true);
    }
    let is_readable = |c: char| {
        (c.is_whitespace() || !c.is_control())
            && c != char::REPLACEMENT_CHARACTER
            && !matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
    };
    let decoded = !text.is_empty() && text.chars().all(is_readable);
    let kept = text.chars().filter(|c| !c.is_control() || c.is_whitespace());
    let text = if text.chars().any(is_form) {
        let plain = kept.fold(String::new(), |mut plain, c| {
            if is_form(c) {
                plain.extend(std::iter::once(c).nfkc())
            } else {
                plain.push(c)
            }
            plain
        });
        SmolStr::from(plain)
    } else {
        kept.collect()
    };
    (text, decoded)
}

/// The fonts of STIX 1 name their calligraphic capitals by places of their own in the private area.
fn calligraphic(text: &str) -> Option<char> {
    const FIRST: u32 = 0xe22d;
    let mut characters = text.chars();
    let place = u32::from(characters.next()?).checked_sub(FIRST)?;
    let letter = "𝒜ℬ𝒞𝒟ℰℱ𝒢ℋℐ𝒥𝒦ℒℳ𝒩𝒪𝒫𝒬ℛ𝒮𝒯𝒰𝒱𝒲𝒳𝒴𝒵".chars().nth(place as usize)?;
    characters.next().is_none().then_some(letter)
}

/// Whether it is a form of letters that only fonts and old encodings need: `ﬁ` for `fi`, and those of Arabic letters.
fn is_form(c: char) -> bool {
    matches!(c, '\u{fb00}'..='\u{fb06}' | '\u{fb50}'..='\u{fdfb}' | '\u{fe70}'..='\u{fefc}')
}

/// The mark that combines with a letter, for an accent that stands for itself, as TeX sets them over and under letters.
pub(super) fn combining(accent: &str) -> Option<char> {
    let mut chars = accent.chars();
    let mark = match chars.next()? {
        '`' | '\u{2cb}' => '\u{300}',
        '\u{b4}' | '\u{2ca}' => '\u{301}',
        '^' | '\u{2c6}' => '\u{302}',
        '~' | '\u{2dc}' => '\u{303}',
        '\u{af}' | '\u{2c9}' => '\u{304}',
        '\u{2d8}' => '\u{306}',
        '\u{2d9}' => '\u{307}',
        '\u{a8}' => '\u{308}',
        '\u{2da}' => '\u{30a}',
        '\u{2dd}' => '\u{30b}',
        '\u{2c7}' => '\u{30c}',
        '\u{b8}' => '\u{327}',
        '\u{2db}' => '\u{328}',
        mark @ '\u{300}'..='\u{36f}' => mark,
        _ => return None,
    };
    chars.next().is_none().then_some(mark)
}

/// A letter with a mark as one character; `None` where there is none.
pub(super) fn composed(letter: &str, mark: char) -> Option<char> {
    let mut chars = letter.chars();
    // The letters that lose their dot under an accent.
    let letter = match chars.next()? {
        '\u{131}' => 'i',
        '\u{237}' => 'j',
        letter => letter,
    };
    if chars.next().is_some() {
        return None;
    }
    compose(letter, mark)
}

/// A text string of PDF 32000-1, 7.9.2.2: UTF-16 or UTF-8 by their marks, else PDFDocEncoding.
pub(super) fn text_string(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|&pair| unit(pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|&byte| of_pdf_doc_encoding(byte)).collect(),
    }
}

/// Annex D.2: Latin-1, but for signs and letters in the places of control characters.
fn of_pdf_doc_encoding(byte: u8) -> char {
    const FROM_18: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
    const FROM_80: [char; 33] = [
        '•',
        '†',
        '‡',
        '…',
        '—',
        '–',
        'ƒ',
        '⁄',
        '‹',
        '›',
        '−',
        '‰',
        '„',
        '“',
        '”',
        '‘',
        '’',
        '‚',
        '™',
        'ﬁ',
        'ﬂ',
        'Ł',
        'Œ',
        'Š',
        'Ÿ',
        'Ž',
        'ı',
        'ł',
        'œ',
        'š',
        'ž',
        char::REPLACEMENT_CHARACTER,
        '€',
    ];
    match byte {
        0x18..=0x1f => FROM_18[usize::from(byte - 0x18)],
        0x80..=0xa0 => FROM_80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_fonts_become_the_letters_that_they_stand_for() {
        for (given, text, decoded) in [
            ("\u{fb01}", "fi", true),
            ("\u{fb03}", "ffi", true),
            ("\u{fedf}", "\u{644}", true),
            ("\u{f0b7}", "\u{2022}", true),
            ("\u{e001}", "\u{e001}", false),
            ("\u{e22d}", "𝒜", true),
            ("\u{e246}", "𝒵", true),
            ("\u{e247}", "\u{e247}", false),
            ("x\u{0}", "x", false),
            ("", "", false),
            ("½", "½", true),
        ] {
            assert_eq!(readable(given), (text.into(), decoded), "{given:?}");
        }
    }

    #[test]
    fn text_strings_are_in_one_of_four_encodings() {
        for (bytes, text) in [
            (&b"caf\xe9 \xa0 \x84 \x93\x95\x1f"[..], "café € — ﬁŁ˜"),
            (b"\xfe\xff\x20\xac", "€"),
            (b"\xff\xfe\xac\x20", "€"),
            (b"\xef\xbb\xbf\xe2\x82\xac", "€"),
        ] {
            assert_eq!(text_string(bytes), text, "{bytes:?}");
        }
    }

    #[test]
    fn an_accent_and_a_letter_are_one_character_where_there_is_one() {
        let join = |accent: &str, letter: &str| composed(letter, combining(accent)?);
        for (accent, letter, expected) in [
            ("\u{b4}", "e", Some('é')),
            ("\u{a8}", "\u{131}", Some('ï')),
            ("\u{b8}", "c", Some('ç')),
            ("\u{2c7}", "S", Some('Š')),
            ("\u{b4}", "+", None),
            ("\u{b4}", "ee", None),
            (",", "e", None),
        ] {
            assert_eq!(join(accent, letter), expected, "{accent}{letter}");
        }
    }
}
