//! Words that differ from another by what is easily misread or mistyped.

use rusqlite::Connection;

use crate::error::Result;

use super::index::may_be_misread;

/// Words that are searched for in the place of one.
const MOST: usize = 8;

/// What OCR takes for each other.
const CONFUSIONS: &[(&str, &str)] = &[
    ("rn", "m"),
    ("cl", "d"),
    ("li", "h"),
    ("ii", "u"),
    ("vv", "w"),
    ("nn", "m"),
    ("in", "m"),
    ("ri", "n"),
    ("ni", "m"),
    ("lc", "k"),
    ("fi", "h"),
    ("tl", "d"),
    ("0", "o"),
    ("1", "l"),
    ("1", "i"),
    ("5", "s"),
    ("8", "b"),
    ("6", "b"),
    ("9", "g"),
    ("c", "e"),
    ("i", "l"),
    ("f", "t"),
    ("u", "v"),
    ("h", "b"),
    ("n", "u"),
    ("f", "s"),
];

/// The words of the index near to this one, the likeliest first; not itself.
pub fn near(db: &Connection, word: &str) -> Result<Vec<String>> {
    if !may_be_misread(word) {
        return Ok(Vec::new());
    }
    // What differs in one place, of two letters at most, has the first half or the second one of the word.
    let letters: Vec<char> = word.chars().collect();
    let half = (letters.len() - 1) / 2;
    let begins: String = letters[..half].iter().collect();
    let ends: String = letters[letters.len() - half..].iter().rev().collect();
    let mut found = Vec::new();
    for (column, start) in [("word", begins), ("backward", ends)] {
        let mut select = db.prepare_cached(&format!(
            "SELECT word FROM words WHERE {column} >= ?1 AND {column} < ?1 || char(0x10FFFF)"
        ))?;
        let mut rows = select.query([start])?;
        while let Some(row) = rows.next()? {
            let other = row.get_ref(0)?.as_str().unwrap_or_default();
            if let Some(distance) = distance(word, other) {
                found.push((distance, other.to_owned()));
            }
        }
    }
    found.sort();
    found.dedup();
    found.truncate(MOST);
    Ok(found.into_iter().map(|(_, word)| word).collect())
}

/// How unlikely it is that one was meant and the other written; `None` where they differ by more, or not at all.
fn distance(a: &str, b: &str) -> Option<u8> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 1 {
        return None;
    }
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    let same = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - same], &b[..b.len() - same]);
    let text = |letters: &[char]| letters.iter().collect::<String>();
    let (one, other) = (text(a), text(b));
    let is_confusion = |&(x, y): &(&str, &str)| (x == one && y == other) || (x == other && y == one);
    match (a.len(), b.len()) {
        (0, 0) => None,
        _ if CONFUSIONS.iter().any(is_confusion) => Some(0),
        (1, 1) => Some(1),
        (0, 1) | (1, 0) => Some(2),
        (2, 2) if a[0] == b[1] && a[1] == b[0] => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_one_letter_or_what_ocr_takes_for_another() {
        for (a, b, expected) in [
            ("modern", "modem", Some(0)),
            ("club", "dub", Some(0)),
            ("light", "hght", Some(0)),
            ("minute", "mmute", Some(0)),
            ("fl0or", "floor", Some(0)),
            ("recieve", "receive", Some(1)),
            ("stroke", "strope", Some(1)),
            ("stroke", "stoke", Some(2)),
            ("stroke", "strokee", Some(2)),
            ("stroke", "stroke", None),
            ("stroke", "strobed", None),
            ("aa", "a", Some(2)),
            ("łódź", "łodź", Some(1)),
            ("stroke", "smoked", None),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
