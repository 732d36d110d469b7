//! Which way letters are read: the one place that knows the scripts that are read from the right.

/// Whether the letter is read from right to left: Hebrew, Arabic, Syriac, Thaana and their presentation forms, but not the digits of
/// Arabic script, which are read from the left.
pub(crate) fn is_from_the_right(c: char) -> bool {
    !matches!(c, '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}')
        && matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
}

/// Whether any letter is.
pub(crate) fn has_letters_from_the_right(text: &str) -> bool {
    // All of these scripts lie beyond what UTF-8 writes with one byte.
    !text.is_ascii() && text.chars().any(is_from_the_right)
}

/// Whether most letters are.
pub(crate) fn is_mostly_from_the_right<'a>(texts: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut right, mut left) = (0_usize, 0_usize);
    for text in texts {
        if text.is_ascii() {
            left += text.bytes().filter(u8::is_ascii_alphabetic).count();
            continue;
        }
        for c in text.chars().filter(|c| c.is_alphabetic()) {
            if is_from_the_right(c) { right += 1 } else { left += 1 }
        }
    }
    right > left
}

/// Letters of scripts that are set without blanks between words.
pub(crate) fn is_without_blanks(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{2ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_are_read_from_the_right_are_told_from_others() {
        for (text, any, most) in [
            ("plain 12", false, false),
            ("שלום", true, true),
            ("see שלום and go on", true, false),
            ("السعر ١٢٣٤", true, true),
            ("١٢٣٤", false, false),
            ("ﻢﻜﻴﻠﻋ", true, true),
            ("日本語 ελ", false, false),
            ("", false, false),
        ] {
            assert_eq!((has_letters_from_the_right(text), is_mostly_from_the_right([text])), (any, most), "{text}");
        }
    }
}
