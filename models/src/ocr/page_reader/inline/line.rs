//! Which lines may have formulas, and which of a line's characters are of one, by how sure a network is of each of its steps.

use std::ops::Range;

use pagestream_documents::{Polygon, Rect};

use crate::ocr::{
    InFormula,
    compact::recognizer::{self, STEP_WIDTH},
    recognizer::Character,
};

use super::{super::displays::is_sign, SURE_LETTER};

/// A formula is what the network is as sure of as this, character by character, and once as this.
const SURE: f32 = 0.25;
const SUREST: f32 = 0.5;
const OPENING: &str = "([{";
const CLOSING: &str = ")]}";
/// How far a formula may stand out of its line, in heights of it.
const OVERHANG: f32 = 0.35;

/// A line, and how sure the network is of where in it formulas stand.
#[derive(Debug)]
pub(super) struct Line {
    /// In pixels of the page.
    pub polygon: Polygon,
    pub characters: Vec<Character>,
    pub in_formula: InFormula,
}

impl Line {
    /// One that nothing is known of but where it is.
    pub(super) fn new(polygon: Polygon) -> Self {
        Self { polygon, characters: Vec::new(), in_formula: InFormula::default() }
    }

    /// How sure the network is of each character.
    fn sure(&self) -> Vec<f32> {
        let width = recognizer::content_width(&self.polygon);
        self.characters.iter().map(|character| self.in_formula.at(character.at, width)).collect()
    }

    /// Its formulas: characters that are of one without a break, but for blanks between them.
    pub(super) fn formulas(&self) -> Vec<Range<usize>> {
        let sure = self.sure();
        let is_blank = |at: usize| self.characters[at].character.is_whitespace();
        let mut found = Vec::new();
        let mut at = 0;
        while at < sure.len() {
            if is_blank(at) || sure[at] < SURE {
                at += 1;
                continue;
            }
            let mut end = at + 1;
            let mut next = end;
            while next < sure.len() && (is_blank(next) || sure[next] >= SURE) {
                next += 1;
                if !is_blank(next - 1) {
                    end = next;
                }
            }
            let range = trimmed(&self.characters, at..end);
            let is_surest = range.clone().any(|at| !is_blank(at) && sure[at] >= SUREST);
            if is_surest && !is_in_word(&self.characters, &range) {
                found.push(range);
            }
            at = end;
        }
        found
    }

    /// Around these characters.
    pub(super) fn rect(&self, characters: &Range<usize>) -> Rect {
        let count = self.characters.len().max(1) as f32;
        // Half of a letter.
        let half = 0.5 / count;
        let (first, last) = (self.characters[characters.start].at, self.characters[characters.end - 1].at);
        self.polygon.piece((first - half).max(0.0), (last + half).min(1.0)).bounds()
    }

    /// Where the ink of these characters is: from the step at which the network begins to see a formula to that at which it ends, and no more
    /// than half of the way to the middles of the characters beside them.
    pub(super) fn zone(&self, characters: &Range<usize>) -> Rect {
        let width = recognizer::content_width(&self.polygon);
        let step = |at: usize| self.in_formula.step(self.characters[at].at, width);
        let is_ink = |at: &usize| !self.characters[*at].character.is_whitespace();
        let steps = &self.in_formula.0;
        let (mut from, mut to) = (step(characters.start), step(characters.end - 1) + 1);
        let before = (0..characters.start).rev().find(is_ink).map(|at| (step(at) + from).div_ceil(2));
        let after = (characters.end..self.characters.len()).find(is_ink).map(|at| (to + step(at)) / 2);
        while from > before.unwrap_or(0) && steps[from - 1] >= SURE {
            from -= 1;
        }
        while to < after.unwrap_or(steps.len()) && steps[to] >= SURE {
            to += 1;
        }
        // A step is about as wide as a narrow letter's half.
        let part = |step: f32| (step * STEP_WIDTH / width.max(1) as f32).clamp(0.0, 1.0);
        let piece = self.polygon.piece(part(from as f32 - 0.5), part(to as f32 + 0.5)).bounds();
        let reach = OVERHANG * self.polygon.height();
        match piece.width() >= piece.height() || self.polygon.bounds().width() >= self.polygon.bounds().height() {
            true => Rect { top: piece.top - reach, bottom: piece.bottom + reach, ..piece },
            false => Rect { left: piece.left - reach, right: piece.right + reach, ..piece },
        }
    }
}

/// Whether a line has signs, letters that stand alone or beside digits, or short words that no language has or that were hard to read.
pub(super) fn may_have_formulas(characters: &[Character]) -> bool {
    characters.split(|c| c.character.is_whitespace()).any(|word| {
        let is_edge = |c: &Character| c.character.is_ascii_punctuation() && !is_sign(c.character);
        let first = word.iter().position(|c| !is_edge(c)).unwrap_or(word.len());
        let last = word.iter().rposition(|c| !is_edge(c)).map_or(first, |last| last + 1);
        let word = &word[first..last];
        let letters = word.iter().filter(|c| c.character.is_alphabetic()).count();
        match word {
            [] => false,
            // Words of one letter, in languages of this script.
            [one] if letters == 1 => !"aAIiyoeuàéèòóOÀÈEY".contains(one.character) || one.probability < SURE_LETTER,
            _ => {
                let is_mixed = letters > 0 && word.iter().any(|c| c.character.is_ascii_digit());
                let is_called = letters > 0 && word.iter().any(|c| "([".contains(c.character));
                let is_no_word = (2..=3).contains(&letters)
                    && letters == word.len()
                    && word.iter().any(|c| c.character.is_lowercase())
                    && !word.iter().any(|c| !c.character.is_ascii() || "aeiouyAEIOUY".contains(c.character));
                let is_doubtful = word.len() <= 4 && word.iter().any(|c| c.probability < SURE_LETTER);
                is_mixed || is_called || is_no_word || is_doubtful || word.iter().any(|c| is_sign(c.character))
            }
        }
    })
}

/// Without the punctuation behind a formula and without brackets that are the sentence's, but with those beside it that its own want.
fn trimmed(characters: &[Character], mut range: Range<usize>) -> Range<usize> {
    let is = |at: usize, all: &str| all.contains(characters[at].character);
    let open = |range: &Range<usize>| {
        range.clone().fold(0_i32, |open, at| open + i32::from(is(at, OPENING)) - i32::from(is(at, CLOSING)))
    };
    while let Some(last) = range.clone().next_back()
        && (is(last, ".,;:?! ") || is(last, CLOSING) && open(&range) < 0)
    {
        range.end -= 1;
    }
    while let Some(first) = range.clone().next()
        && (is(first, ",;:. ") || is(first, OPENING) && open(&range) > 0)
    {
        range.start += 1;
    }
    let is_ink = |at: &usize| !characters[*at].character.is_whitespace();
    while open(&range) > 0
        && let Some(next) = (range.end..characters.len()).find(is_ink)
        && is(next, CLOSING)
    {
        range.end = next + 1;
    }
    while open(&range) < 0
        && let Some(before) = (0..range.start).rev().find(is_ink)
        && is(before, OPENING)
    {
        range.start = before;
    }
    range
}

/// Whether letters go on at an end of it: it is a part of a word.
fn is_in_word(characters: &[Character], range: &Range<usize>) -> bool {
    let is_letter = |at: usize| characters.get(at).is_some_and(|c| c.character.is_alphabetic());
    let begins = range.start > 0 && is_letter(range.start - 1) && is_letter(range.start);
    begins || range.end > 0 && is_letter(range.end - 1) && is_letter(range.end)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A line 32 high, with four steps a character; characters between `«` and `»` are what the network takes for a formula.
    pub(in super::super) fn line(marked: &str) -> Line {
        let mut is_formula = false;
        let (mut characters, mut steps) = (Vec::new(), Vec::new());
        let all: Vec<char> = marked.chars().filter(|c| !"«»".contains(*c)).collect();
        for c in marked.chars() {
            match c {
                '«' => is_formula = true,
                '»' => is_formula = false,
                character => {
                    let at = (characters.len() as f32 + 0.5) / all.len() as f32;
                    characters.push(Character { character, at, probability: 0.9 });
                    steps.extend([if is_formula { 0.9 } else { 0.1 }; 4]);
                }
            }
        }
        let polygon =
            Polygon::from_rect(Rect { left: 100.0, top: 50.0, right: 100.0 + 16.0 * all.len() as f32, bottom: 82.0 });
        Line { polygon, characters, in_formula: InFormula(steps) }
    }

    fn formulas(marked: &str) -> Vec<String> {
        let line = line(marked);
        let said = |range: Range<usize>| line.characters[range].iter().map(|c| c.character).collect();
        line.formulas().into_iter().map(said).collect()
    }

    #[test]
    fn a_formula_goes_on_over_blanks_and_ends_before_the_sentences_punctuation_and_brackets() {
        for (marked, found) in [
            ("where «x» is small", &["x"][..]),
            ("where «x» «+» «y,» holds", &["x + y"]),
            ("see («n = 1)» and «m;»", &["n = 1", "m"]),
            ("of «f(x») for each «(a», b]", &["f(x)", "a"]),
            ("the pa«rt» of it", &[]),
            ("nothing here", &[]),
            ("«  »", &[]),
        ] {
            assert_eq!(formulas(marked), found, "{marked}");
        }
        let mut faint = line("where «x + y» holds");
        faint.in_formula.0.iter_mut().for_each(|p| *p = p.min(0.4));
        assert!(faint.formulas().is_empty(), "nowhere sure");
    }

    #[test]
    fn the_ink_of_a_formula_ends_half_of_the_way_to_its_neighbours() {
        let line = line("ab «x+y», c");
        let found = line.formulas();
        let zone = line.zone(&found[0]);
        // Characters are 16 wide; from the third blank's middle to the comma's edge, half a step more.
        assert_eq!((zone.left, zone.right), (146.0, 198.0));
        assert!(zone.top < 50.0 - 10.0 && zone.bottom > 82.0 + 10.0, "{zone:?}");
    }

    #[test]
    fn prose_is_not_looked_at() {
        for text in ["Nothing of the kind; he said, and I was there.", "a man, 12 years old", ""] {
            assert!(!may_have_formulas(&line(text).characters), "{text}");
        }
        for text in [
            "for each x in",
            "where x > y",
            "the rate \u{fffd} is",
            "of size n.",
            "with x1 and",
            "as f(x) is",
            "of fj in",
        ] {
            assert!(may_have_formulas(&line(text).characters), "{text}");
        }
        let mut doubtful = line("and xi is small");
        assert!(!may_have_formulas(&doubtful.characters));
        doubtful.characters[5].probability = 0.5;
        assert!(may_have_formulas(&doubtful.characters));
    }
}
