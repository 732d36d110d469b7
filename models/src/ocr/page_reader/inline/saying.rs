//! What formulas of a line say: by the line's characters where those tell all, or by the recogniser where it is to be believed.

use std::ops::Range;

use pagestream_documents::Word;

use crate::{
    formula::{Ending, FormulaReading},
    ocr::recognizer::{Character, Decoded},
};

use super::SURE_LETTER;

/// How sure the recogniser must be, as a share of right tokens, where it reads something else than the line says.
const LEAST_READ: f32 = 0.35;

/// A number is the same in a formula and beside it.
pub(super) fn is_number(mut text: impl Iterator<Item = char>) -> bool {
    text.all(|c| c.is_ascii_digit() || c.is_whitespace() || ".,:()[]".contains(c))
}

/// LaTeX that is letters one after the other: those letters.
fn letters_alone(latex: &str) -> Option<String> {
    let mut rest = latex.to_owned();
    for font in [r"\mathrm", r"\mathbf", r"\mathsf", r"\mathcal"] {
        rest = rest.replace(font, "");
    }
    let letters: String = rest.chars().filter(|c| !matches!(c, '{' | '}' | ' ')).collect();
    (!letters.is_empty() && letters.chars().all(|c| c.is_ascii_alphabetic())).then_some(letters)
}

/// What the recogniser read, where that is to be believed more than the line's characters.
pub(super) fn believed(mut reading: FormulaReading, characters: &[Character]) -> Option<FormulaReading> {
    // The sentence's, as characters say; ink cannot be told apart as well.
    let kept = reading.latex.trim_end_matches([' ', '.', ',', ';']).len();
    reading.latex.truncate(kept);
    if reading.latex.is_empty() || reading.ending != Ending::Complete {
        return None;
    }
    let said: String = characters.iter().map(|c| c.character).filter(|c| !c.is_whitespace()).collect();
    let written: String = reading.latex.chars().filter(|c| !c.is_whitespace()).collect();
    let is_letter = |text: &str| text.len() == 1 && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    // Three letters that nothing stands at or between are a word.
    if is_number(written.chars()) || letters_alone(&reading.latex).is_some_and(|word| word.len() > 2) {
        return None;
    }
    if written == said {
        return Some(reading);
    }
    // A letter alone has no size: which of `c` and `C` it is, its neighbours in the line tell.
    if is_letter(&said) && is_letter(&written) && characters.iter().any(|c| c.probability >= SURE_LETTER) {
        return Some(FormulaReading { latex: said.clone(), tokens: vec![said], ..reading });
    }
    (reading.confidence >= LEAST_READ).then_some(reading)
}

/// LaTeX of what the line says as well as any recogniser would, and sees beside its neighbours: letters and numbers with signs between them, on one
/// line. What follows a letter or a number without a sign may be raised or lowered, or a sign that was taken for a letter.
pub(super) fn plainly_said(characters: &[Character]) -> Option<String> {
    let mut latex = String::new();
    let (mut before, mut is_apart) = (' ', false);
    for &Character { character, probability, .. } in characters {
        if character.is_whitespace() {
            is_apart = true;
            continue;
        }
        let is_operand = character.is_ascii_alphanumeric();
        let goes_on = before.is_ascii_digit() && character.is_ascii_digit() && !is_apart;
        if probability < SURE_LETTER || is_operand && before.is_ascii_alphanumeric() && !goes_on {
            return None;
        }
        let sign = match character {
            '=' | '<' | '>' | '+' => format!(" {character} "),
            ',' => ", ".to_owned(),
            '-' | '−' | '–' => " - ".to_owned(),
            '×' => r" \times ".to_owned(),
            '±' => r" \pm ".to_owned(),
            '≤' => r" \leq ".to_owned(),
            '≥' => r" \geq ".to_owned(),
            '(' | ')' => character.to_string(),
            _ if is_operand => character.to_string(),
            _ => return None,
        };
        latex.push_str(&sign);
        (before, is_apart) = (character, false);
    }
    Some(latex.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The place of characters in a line's text, in which blanks may have been added or left out.
pub(super) fn in_text(characters: &[Character], text: &str, range: &Range<usize>) -> Option<Range<u32>> {
    let inked = |at: &usize| !characters[*at].character.is_whitespace();
    let of_text: Vec<(usize, char)> = text.chars().enumerate().filter(|(_, c)| !c.is_whitespace()).collect();
    let own: Vec<char> = (0..characters.len()).filter(inked).map(|at| characters[at].character).collect();
    if own.len() != of_text.len() || !own.iter().zip(&of_text).all(|(a, (_, b))| a == b) {
        return None;
    }
    let count = |range: Range<usize>| range.filter(inked).count();
    let (first, length) = (count(0..range.start), count(range.clone()));
    let last = (first + length).checked_sub(1)?;
    Some(of_text.get(first)?.0 as u32..of_text.get(last)?.0 as u32 + 1)
}

/// What the characters of a line say, whatever became of its words.
pub(super) fn restore(line: &mut Decoded) {
    let words: Vec<String> = line
        .characters
        .split(|character| character.character.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| word.iter().map(|character| character.character).collect())
        .collect();
    if words.len() != line.words.len() {
        return;
    }
    line.text = words.join(" ");
    line.words.iter_mut().zip(words).for_each(|(word, text): (&mut Word, String)| word.text = text);
}

#[cfg(test)]
mod tests {
    use super::{super::line::tests::line, *};

    fn read(latex: &str, confidence: f32, said: &str) -> Option<String> {
        let character = |character| Character { character, at: 0.0, probability: 0.9 };
        let reading = FormulaReading {
            latex: latex.to_owned(),
            tokens: Vec::new(),
            confidence,
            needs_review: false,
            ending: Ending::Complete,
        };
        let characters: Vec<Character> = said.chars().map(character).collect();
        believed(reading, &characters).map(|reading| reading.latex)
    }

    #[test]
    fn numbers_and_words_are_no_formulas_and_a_letters_case_is_told_by_its_line() {
        let some = |latex: &str| Some(latex.to_owned());
        assert_eq!(read("x_{i}", 0.9, "xi"), some("x_{i}"));
        assert_eq!(read("x_{i}.", 0.9, "xi"), some("x_{i}"), "the point is the sentence's");
        assert_eq!(read("x_{i}", 0.3, "xi"), None, "too doubtful");
        assert_eq!(read("x + y", 0.3, "x+y"), some("x + y"), "two say the same");
        assert_eq!(read("1 2", 0.9, "12"), None);
        assert_eq!(read("w o r d", 0.9, "word"), None);
        assert_eq!(read(r"\mathbf{w} o r d", 0.9, "wovd"), None);
        assert_eq!(read("x, y, z", 0.9, "x,y,z"), some("x, y, z"));
        assert_eq!(read("C", 0.9, "c"), some("c"));
        assert_eq!(read(r"\alpha", 0.9, "a"), some(r"\alpha"));
    }

    #[test]
    fn letters_numbers_and_signs_are_taken_from_the_line_and_what_may_be_raised_is_not() {
        let said = |text: &str| plainly_said(&line(text).characters);
        for (text, latex) in [
            ("x", "x"),
            ("k <75", "k < 75"),
            ("a+b = −c", "a + b = - c"),
            ("f(x, y)", "f(x, y)"),
            ("9 ± 2", r"9 \pm 2"),
            ("12 × 30", r"12 \times 30"),
        ] {
            assert_eq!(said(text).as_deref(), Some(latex), "{text}");
        }
        for text in ["x2", "2n", "xi", "n e N", "1 2", "\u{fffd}", "x²", "a∈b"] {
            assert_eq!(said(text), None, "{text}");
        }
        let mut doubtful = line("x = y");
        doubtful.characters[0].probability = 0.7;
        assert_eq!(plainly_said(&doubtful.characters), None);
    }

    #[test]
    fn a_place_in_the_line_is_one_in_its_text_whatever_became_of_blanks() {
        let of = |marked: &str, text: &str| {
            let line = line(marked);
            in_text(&line.characters, text, &line.formulas()[0])
        };
        assert_eq!(of("if  «x + y» holds", "if x + y holds"), Some(3..8));
        assert_eq!(of("if «x» holds", "if � holds"), None);
    }
}
