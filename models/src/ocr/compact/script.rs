//! Lines in a script that our own networks do not know.
//!
//! They give [`UNKNOWN`] for each run of characters that they have no class for. Among Cyrillic or Greek letters are some that look
//! exactly like Latin ones, and a short word may consist of them: what the other words of the line are decides.

use crate::ocr::{confidence::UNKNOWN, recognizer::Decoded};

/// Where one word in so many is of another script, short ones may be, too; and from one in `ALL` on every word is.
const SOME: usize = 3;
const ALL: usize = 2;

/// Letters of a short word.
const SHORT: usize = 3;

/// Puts the mark for another script in the place of letters that belong to it.
pub fn settle(line: &mut Decoded) {
    let letters = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count();
    let lettered = line.words.iter().filter(|word| word.text.contains(UNKNOWN) || letters(&word.text) > 0).count();
    let marked = line.words.iter().filter(|word| word.text.contains(UNKNOWN)).count();
    let longest = match marked {
        0 => return,
        _ if ALL * marked >= lettered => usize::MAX,
        _ if SOME * marked >= lettered => SHORT,
        _ => return,
    };
    for word in &mut line.words {
        if word.text.contains(UNKNOWN) || (1..=longest).contains(&letters(&word.text)) {
            word.text = marks(&word.text);
        }
    }
    line.text = line.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
}

/// The word with one mark for each run of letters and marks.
fn marks(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        let c = if c.is_alphabetic() { UNKNOWN } else { c };
        if c != UNKNOWN || !out.ends_with(UNKNOWN) {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use pagestream_documents::{Polygon, Rect, Word};

    use super::*;

    #[test]
    fn look_alikes_go_with_the_words_around_them() {
        let polygon = Polygon::from_rect(Rect { left: 0.0, top: 0.0, right: 9.0, bottom: 9.0 });
        for (read, settled) in [
            ("plain text", "plain text"),
            ("� � � ca, � X.", "� � � �, � �."),
            ("�M �-�OMy. �", "� �-�. �"),
            ("Bce CTI �M �X � H A, K", "� � � � � � �, �"),
            ("of � the � 12 river", "� � � � 12 river"),
            ("the rate � is given by", "the rate � is given by"),
            ("the rate �x is given by", "the rate �x is given by"),
            ("2� = 12", "2� = 12"),
        ] {
            let words = read.split(' ').map(|text| Word { text: text.to_owned(), polygon, confidence: None });
            let mut line = Decoded { text: read.to_owned(), words: words.collect(), ..Decoded::default() };
            settle(&mut line);
            assert_eq!(line.text, settled);
            assert_eq!(line.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" "), settled);
        }
    }
}
