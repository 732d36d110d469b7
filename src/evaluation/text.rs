//! What counts as the same text: one fixed normalisation, and what a word is.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// The text as it is compared: compatibility forms (NFKC), plain quotes and dashes, `s` for the long `ſ`, words joined over
/// line ends, white space as single spaces. Case and punctuation count.
pub fn normalise(text: &str) -> String {
    let folded: String = text
        .nfkc()
        .map(|c| match c {
            '\u{201c}' | '\u{201d}' => '"',
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{2013}' | '\u{2014}' => '-',
            c => c,
        })
        .collect();
    // A hyphen at the end of a line, with whatever space is around the break, joins the halves of a word.
    let mut joined = String::with_capacity(folded.len());
    let mut rest = folded.as_str();
    while let Some(at) = rest.find('-') {
        let after = &rest[at + 1..];
        let trimmed = after.trim_start();
        let broken = after[..after.len() - trimmed.len()].contains('\n');
        joined.push_str(&rest[..at]);
        if !broken {
            joined.push('-');
        }
        rest = if broken { trimmed } else { after };
    }
    joined.push_str(rest);
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The terms of a normalised text, each with how often it is there: lower case, without punctuation, whatever their order.
pub fn terms(normalised: &str) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    let lower = normalised.to_lowercase();
    for term in lower.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|term| !term.is_empty()) {
        *counts.entry(term.to_owned()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_text_is_normalised_to_the_same() {
        for (text, expected) in [
            ("A “well-\nread” page — two", "A \"wellread\" page - two"),
            ("‘it’s’ – 1915", "'it's' - 1915"),
            ("Paſſage ﬁnds ½", "Passage finds 1⁄2"),
            ("over -  \r\n\t the line", "over the line"),
            ("two\n\nblocks\u{c}and a page", "two blocks and a page"),
            ("well-read - and -5", "well-read - and -5"),
            ("a-\n-\nb", "ab"),
            ("ends on -", "ends on -"),
            (" \n ", ""),
        ] {
            assert_eq!(normalise(text), expected, "{text:?}");
            assert_eq!(normalise(expected), expected, "{expected:?} is normalised already");
        }
    }

    #[test]
    fn terms_have_no_case_and_no_punctuation() {
        let found = terms("The end, the END; snake_case 3.5 Ärger");
        let mut found: Vec<_> = found.iter().map(|(term, n)| (term.as_str(), *n)).collect();
        found.sort_unstable();
        assert_eq!(found, [("3", 1), ("5", 1), ("end", 2), ("snake_case", 1), ("the", 2), ("ärger", 1)]);
    }
}
