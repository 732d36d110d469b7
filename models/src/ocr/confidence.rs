//! What a reading is worth: from the recognisers' certainty to an expected share of right characters, and whether that is enough.
//!
//! A line's certainty (see [`Decoded::certainty`]) ranks lines by their errors, but is no share of anything. The curves
//! below turn it into one. Our own recogniser's was measured on the lines of the project's corpora.

use pagestream_documents::Polygon;

use super::recognizer::Decoded;

/// Which model read a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBy {
    Compact,
    Large,
}

/// Certainty of a line of our own recogniser, and the share of its characters that are right: between them straight lines.
const COMPACT: [(f32, f32); 9] = [
    (0.0, 0.3),
    (0.2, 0.465),
    (0.5, 0.755),
    (0.65, 0.947),
    (0.75, 0.974),
    (0.85, 0.977),
    (0.925, 0.983),
    (0.975, 0.997),
    (1.0, 0.999),
];

/// The same of PP-OCRv6: an estimate from how often its sure and its doubtful lines were wrong, not a fit.
const LARGE: [(f32, f32); 5] = [(0.0, 0.3), (0.4, 0.75), (0.6, 0.95), (0.9, 0.99), (1.0, 0.999)];

/// Pages that are expected to have more wrong characters than this want a second pair of eyes. Of pages of all kinds it marks nearly all
/// with more than 5% wrong and few with less than 1% (`pagestream eval` counts both).
const REVIEW_BELOW: f32 = 0.958;

/// What our own recogniser gives for characters of a script that it does not know: one for each run of them. That it is sure of
/// them does not make them read.
pub const UNKNOWN: char = char::REPLACEMENT_CHARACTER;

/// A run of unknown characters that is a word of its own counts for as many as this; within a word it is a letter or two.
const UNKNOWN_WORD: usize = 5;
const UNKNOWN_PART: usize = 2;

/// Words of a line that nobody has read, from which on it is lost when they are most of it.
const LOST_WORDS: usize = 3;

/// Whether some of the line is in a script that nobody has read yet.
pub fn has_unknown(line: &Decoded) -> bool {
    line.text.contains(UNKNOWN)
}

/// Whether another reading has a letter for every letter of this one and for every mark. PP-OCRv6 leaves out what it has no character
/// for, and is sure of the comma that is left.
pub fn says_as_much(other: &Decoded, line: &Decoded) -> bool {
    let letters = |line: &Decoded| line.text.chars().filter(|&c| c.is_alphanumeric() || c == UNKNOWN).count();
    !has_unknown(line) || letters(other) >= letters(line)
}

/// The line's certainty as far as it was read.
pub fn certainty_of(line: &Decoded) -> f32 {
    line.certainty * share_read(line)
}

/// Characters on the page, about.
fn characters(line: &Decoded) -> usize {
    let blanks = line.text.chars().filter(|c| c.is_whitespace()).count();
    let word = |word: &str| -> usize {
        let mark = if word.contains(char::is_alphanumeric) { UNKNOWN_PART } else { UNKNOWN_WORD };
        word.chars().map(|c| if c == UNKNOWN { mark } else { 1 }).sum()
    };
    line.text.split_whitespace().map(word).sum::<usize>() + blanks
}

/// Whether of this line little more was read than that it is there.
pub fn is_lost(line: &Decoded) -> bool {
    let words = line.text.split_whitespace().count();
    let lost =
        line.text.split_whitespace().filter(|w| w.contains(UNKNOWN) && !w.contains(char::is_alphanumeric)).count();
    lost >= LOST_WORDS && 2 * lost > words
}

fn share_read(line: &Decoded) -> f32 {
    let known = line.text.chars().filter(|&c| c != UNKNOWN).count();
    known as f32 / characters(line).max(1) as f32
}

/// Whether a line of our own recogniser is a speck, a stroke of a stamp or of a pen: one or two characters read without any
/// certainty. On real pages dropping them takes a quarter off the errors of typewritten pages and costs no page number
/// (`lab/confidence.py`, where the limits come from).
pub fn is_noise(line: &Decoded) -> bool {
    line.certainty < 0.6 && line.text.trim().chars().count() <= 2 && !has_unknown(line)
}

/// Expected share of right characters of one line.
pub fn of_line(line: &Decoded, read_by: ReadBy) -> f32 {
    let curve: &[(f32, f32)] = match read_by {
        ReadBy::Compact => &COMPACT,
        ReadBy::Large => &LARGE,
    };
    let above = curve.iter().position(|(certainty, _)| *certainty >= line.certainty).unwrap_or(curve.len() - 1).max(1);
    let ((x0, y0), (x1, y1)) = (curve[above - 1], curve[above]);
    (y0 + (y1 - y0) * ((line.certainty - x0) / (x1 - x0)).clamp(0.0, 1.0)) * share_read(line)
}

/// Expected share of right characters of a page, of which so many more (right ones, all) were seen and not read; `None` for
/// a page without any.
pub fn of_page<'a>(lines: impl Iterator<Item = (&'a Decoded, ReadBy)>, unread: (f32, usize)) -> Option<f32> {
    mean(lines.map(|(line, read_by)| (line, of_line(line, read_by))), unread)
}

/// Mean certainty of a page's lines.
pub fn certainty(lines: &[(Polygon, Decoded)]) -> Option<f32> {
    mean(lines.iter().map(|(_, line)| (line, certainty_of(line))), (0.0, 0))
}

/// The mean over lines, weighed by their characters.
fn mean<'a>(lines: impl Iterator<Item = (&'a Decoded, f32)>, more: (f32, usize)) -> Option<f32> {
    let (mut sum, mut total) = more;
    for (line, value) in lines {
        let count = characters(line);
        sum += value * count as f32;
        total += count;
    }
    (total > 0).then(|| sum / total as f32)
}

/// Whether a page of this confidence and with these lines should be looked at by somebody: a line that was lost is one however long the page.
pub fn needs_review<'a>(confidence: Option<f32>, mut lines: impl Iterator<Item = &'a Decoded>) -> bool {
    confidence.is_some_and(|confidence| confidence < REVIEW_BELOW) || lines.any(is_lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, certainty: f32) -> Decoded {
        Decoded { text: text.to_owned(), certainty, ..Decoded::default() }
    }

    #[test]
    fn confidence_rises_with_certainty_and_stays_a_share() {
        for read_by in [ReadBy::Compact, ReadBy::Large] {
            let values: Vec<f32> = (0..=100).map(|n| of_line(&line("x", n as f32 / 100.0), read_by)).collect();
            assert!(values.windows(2).all(|w| w[0] <= w[1] && (0.0..=1.0).contains(&w[1])), "{read_by:?}: {values:?}");
            assert!((of_line(&line("x", 1.5), read_by) - 0.999).abs() < 1e-6);
        }
        assert!((of_line(&line("x", 0.65), ReadBy::Compact) - 0.947).abs() < 1e-6);
    }

    #[test]
    fn short_lines_without_certainty_are_noise() {
        for (text, certainty, noise) in [("é", 0.5, true), (" i'", 0.59, true), ("12", 0.6, false), ("abc", 0.1, false)]
        {
            assert_eq!(is_noise(&line(text, certainty)), noise, "{text} at {certainty}");
        }
    }

    #[test]
    fn what_is_in_an_unknown_script_is_neither_read_nor_dropped() {
        let (latin, greek, mixed) = (line("abcde", 1.0), line("\u{fffd} \u{fffd}", 0.99), line("rate \u{fffd} =", 0.9));
        assert!(!is_noise(&line("\u{fffd}", 0.1)) && has_unknown(&mixed) && !has_unknown(&latin));
        assert!(certainty_of(&greek) < 0.1 && certainty_of(&latin) == 1.0);
        assert!(says_as_much(&line("αβ γδ", 0.9), &greek) && !says_as_much(&line(",", 0.9), &greek));
        assert!(says_as_much(&line(",", 0.9), &latin), "what was read is not held against them");
        let page = of_page([(&latin, ReadBy::Compact), (&greek, ReadBy::Compact)].into_iter(), (0.0, 0)).unwrap();
        // Five characters read, and two words and a space of which only the space was.
        assert!((page - (5.0 * 0.999 + of_line(&greek, ReadBy::Compact) * 11.0) / 16.0).abs() < 1e-5, "{page}");
        assert!(needs_review(Some(page), std::iter::empty()));
        let letter = line("Vi\u{fffd}t Nam", 1.0);
        assert!((share_read(&letter) - 7.0 / 9.0).abs() < 1e-6, "a letter is no word");
        let lost = line("\u{fffd} \u{fffd}, \u{fffd} 12", 1.0);
        assert!(needs_review(Some(0.999), [&lost].into_iter()) && !needs_review(Some(0.999), [&letter].into_iter()));
    }

    #[test]
    fn long_lines_count_for_more_and_a_page_without_text_has_no_confidence() {
        let (good, bad) = (line("a long line of text", 1.0), line("ab", 0.2));
        let page = of_page([(&good, ReadBy::Compact), (&bad, ReadBy::Compact)].into_iter(), (0.0, 0)).unwrap();
        assert!((page - (19.0 * 0.999 + 2.0 * 0.465) / 21.0).abs() < 1e-5, "{page}");
        let needs_review = |confidence| needs_review(confidence, std::iter::empty());
        assert!(needs_review(Some(page)) && !needs_review(Some(0.999)) && !needs_review(None));
        assert_eq!(of_page(std::iter::empty(), (0.0, 0)), None);
        assert_eq!(of_page(std::iter::empty(), (5.0, 10)), Some(0.5), "what nobody could read counts");
    }
}
