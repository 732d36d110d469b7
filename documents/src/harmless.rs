//! Words of others (file names, reasons of libraries) where they stand on a terminal or in a line of text.

use std::{borrow::Cow, fmt::Write as _};

/// The text with everything written out that a terminal would obey rather than show: control characters, and with them all
/// escape sequences and line breaks; marks that turn the direction of writing; separators of lines. What is left is one line that
/// looks like what it is.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            // Writing into a string does not fail.
            c if c.is_control() => drop(write!(shown, "\\x{:02x}", u32::from(c))),
            c if is_obeyed(c) => drop(write!(shown, "\\u{{{:x}}}", u32::from(c))),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn is_obeyed(c: char) -> bool {
    // Bidirectional marks, embeddings, overrides and isolates (Unicode standard annex 9); line and paragraph separators.
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (text, expected) in [
            ("scan 1 (é, 日本, العربية).pdf", "scan 1 (é, 日本, العربية).pdf"),
            ("\x1b]0;title\x07\x1b[31mred.pdf", "\\x1b]0;title\\x07\\x1b[31mred.pdf"),
            ("a\nerror: b\t\r\x7f", "a\\nerror: b\\t\\r\\x7f"),
            ("c1 \u{9b}2J", "c1 \\x9b2J"),
            ("fdp\u{202e}exe.", "fdp\\u{202e}exe."),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }
}
