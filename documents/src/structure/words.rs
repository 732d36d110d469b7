//! Words of English, to tell whether two halves make one. They are SCOWL's (`words/SCOWL.txt` has its notice, `words/make.py` makes the file).

use std::{io::Read, sync::OnceLock};

use flate2::read::ZlibDecoder;

/// 118,000 words, 192 kB; half a megabyte once it is looked at.
static PACKED: &[u8] = include_bytes!("words/words-en.zz");
/// Words from one whose letters are all written out to the next.
const STRIDE: usize = 64;

struct List {
    text: Vec<u8>,
    /// Where every [`STRIDE`]th word begins.
    heads: Vec<u32>,
}

fn list() -> &'static List {
    static LIST: OnceLock<List> = OnceLock::new();
    LIST.get_or_init(|| {
        let mut text = Vec::new();
        // It is our own; were it broken, there would be no words, and the test below would be red.
        if ZlibDecoder::new(PACKED).read_to_end(&mut text).is_err() {
            text.clear();
        }
        let begins =
            std::iter::once(0).chain(text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1));
        let heads = begins.step_by(STRIDE).map(|at| at as u32).collect();
        List { text, heads }
    })
}

/// Whether it is an English word, in small letters.
pub(super) fn is_word(word: &str) -> bool {
    if word.len() < 3 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return false;
    }
    let List { text, heads } = list();
    let word = word.as_bytes();
    let line = |at: u32| text[at as usize..].split(|b| *b == b'\n').next().unwrap_or_default();
    let head = heads.partition_point(|&at| line(at).get(1..).is_some_and(|first| first <= word));
    let Some(&start) = head.checked_sub(1).and_then(|head| heads.get(head)) else { return false };
    let mut current: Vec<u8> = Vec::with_capacity(32);
    for line in text[start as usize..].split(|b| *b == b'\n').take(STRIDE) {
        let Some((shared, rest)) = line.split_first() else { return false };
        current.truncate(usize::from(shared.saturating_sub(b'0')));
        current.extend_from_slice(rest);
        if current.as_slice() >= word {
            return current == word;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_and_others_are_not() {
        for (word, known) in [
            ("interpolation", true),
            ("neighbourhood", true),
            ("neighborhoods", true),
            ("well", true),
            ("aah", true),
            ("zymurgy", true),
            ("wellknown", false),
            ("inter", true),
            ("interpol", false),
            ("Well", false),
            ("", false),
            ("zzzz", false),
            ("aaa", false),
            ("naïve", false),
        ] {
            assert_eq!(is_word(word), known, "{word}");
        }
    }
}
