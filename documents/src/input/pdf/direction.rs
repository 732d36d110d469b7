//! From the order in which a line is seen to the order in which it is read.
//!
//! PDF places glyphs; which of them is read first follows from their script. The Unicode bidirectional algorithm (UAX #9) says how a line
//! that is read from the right is shown; here it is used the other way round. A line that is read from the right is first taken from
//! the right as a whole, and what the algorithm then finds to run the other way (Latin words, numbers) is turned back.

use unicode_bidi::{BidiInfo, Level};

use crate::script::is_from_the_right;

/// Whether a line is read from the right: both its ends say so, or else most of its letters.
fn reads_from_the_right(seen: &[&str]) -> bool {
    let strong = || seen.iter().flat_map(|text| text.chars()).map(direction_of).filter(|&direction| direction != 0);
    match (strong().next(), strong().next_back()) {
        (Some(first), Some(last)) if first == last => first < 0,
        _ => strong().sum::<i32>() < 0,
    }
}

/// Indices of `seen`, the clusters of a line from left to right (a blank between words is one of them), in reading order, and whether each
/// stands among letters that are read from the right, so that its brackets are the mirrored ones.
pub(super) fn reading_order(seen: &[&str]) -> Vec<(usize, bool)> {
    let from_the_right = reads_from_the_right(seen);
    let mut order: Vec<usize> = (0..seen.len()).collect();
    if from_the_right {
        order.reverse();
    }
    // One character stands for a cluster: the one that decides its direction.
    let strongest = |text: &str| {
        let strong = text.chars().find(|&c| direction_of(c) != 0);
        strong.or_else(|| text.chars().next()).unwrap_or(' ')
    };
    let text: String = order.iter().map(|&index| strongest(seen[index])).collect();
    let base = if from_the_right { Level::rtl() } else { Level::ltr() };
    let levels_of_bytes = BidiInfo::new(&text, Some(base)).levels;
    let levels: Vec<u8> = text.char_indices().map(|(at, _)| levels_of_bytes[at].number()).collect();
    let mut read: Vec<(usize, bool)> =
        order.iter().zip(&levels).map(|(&index, &level)| (index, level % 2 == 1)).collect();
    let highest = levels.iter().copied().max().unwrap_or(0);
    let mut levels = levels;
    for level in (base.number() + 1..=highest).rev() {
        let mut at = 0;
        while at < levels.len() {
            let length = levels[at..].iter().take_while(|&&found| found >= level).count();
            read[at..at + length].reverse();
            levels[at..at + length].reverse();
            at += length.max(1);
        }
    }
    read
}

/// The bracket that is meant where this one is seen among letters that are read from the right.
pub(super) fn mirrored(c: char) -> char {
    const PAIRS: [(char, char); 6] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>'), ('«', '»'), ('‹', '›')];
    PAIRS
        .iter()
        .find_map(|&(open, close)| match c {
            c if c == open => Some(close),
            c if c == close => Some(open),
            _ => None,
        })
        .unwrap_or(c)
}

/// -1 for letters read from right to left, 1 for other letters, 0 for what
/// follows its neighbours: digits too, those of Arabic script among them.
fn direction_of(c: char) -> i32 {
    match c {
        '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => 0,
        c if is_from_the_right(c) => -1,
        c if c.is_alphabetic() => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `seen` from left to right, a cluster a character.
    fn read(seen: &str) -> String {
        let clusters: Vec<String> = seen.chars().map(String::from).collect();
        let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
        let order = reading_order(&clusters);
        order
            .into_iter()
            .map(|(index, from_the_right)| {
                let c = clusters[index].chars().next().unwrap();
                if from_the_right { mirrored(c) } else { c }
            })
            .collect()
    }

    #[test]
    fn what_is_seen_comes_in_the_order_in_which_it_is_read() {
        for (seen, expected) in [
            ("plain words, 12", "plain words, 12"),
            ("םכילע 12 םולש", "שלום 12 עליכם"),
            ("םכילע Rust-ב", "ב-Rust עליכם"),
            ("see םולש and הדות too", "see שלום and תודה too"),
            ("see םכילע םולש too", "see שלום עליכם too"),
            ("רואל אצי Linux Kernel Guide ךירדמה", "המדריך Linux Kernel Guide יצא לאור"),
            ("ינפל 12.50 USD ריחמה", "המחיר 12.50 USD לפני"),
            ("(םולש) רבד", "דבר (שלום)"),
            ("لاير ١٢٣٤ رعسلا", "السعر ١٢٣٤ ريال"),
            ("", ""),
        ] {
            assert_eq!(read(seen), expected);
        }
    }
}
