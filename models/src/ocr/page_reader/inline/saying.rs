//! What formulas of a line say: by the line's characters where those tell all, or by the recogniser where it is to be believed.

use std::ops::Range;

use pagestream_documents::{Polygon, Word, mathml::to_plain_text};

use crate::{
    formula::{Ending, FormulaReading},
    ocr::recognizer::{Character, Decoded},
};

use super::SURE_LETTER;

/// How sure the recogniser must be, as a share of right tokens, where it reads something else than the line says.
const LEAST_READ: f32 = 0.35;

/// What a formula says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub latex: String,
    /// The same in plain characters.
    pub text: String,
    /// Expected share of right tokens.
    pub confidence: f32,
}

impl Said {
    fn new(latex: String, confidence: f32) -> Self {
        let text = to_plain_text(&latex).split_whitespace().collect::<Vec<_>>().join(" ");
        Self { latex, text, confidence }
    }
}

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
pub(super) fn believed(reading: FormulaReading, characters: &[Character]) -> Option<Said> {
    // The sentence's, as characters say; ink cannot be told apart as well.
    let latex = reading.latex.trim_end_matches([' ', '.', ',', ';']);
    if latex.is_empty() || reading.ending != Ending::Complete {
        return None;
    }
    let said: String = characters.iter().map(|c| c.character).filter(|c| !c.is_whitespace()).collect();
    let written: String = latex.chars().filter(|c| !c.is_whitespace()).collect();
    // Three letters that nothing stands at or between are a word.
    if is_number(written.chars()) || letters_alone(latex).is_some_and(|word| word.len() > 2) {
        return None;
    }
    let is_letter = |text: &str| text.len() == 1 && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    // A letter alone has no size: which of `c` and `C` it is, its neighbours in the line tell.
    let is_the_lines =
        is_letter(&said) && is_letter(&written) && characters.iter().any(|c| c.probability >= SURE_LETTER);
    let is_believed = written == said || is_the_lines || reading.confidence >= LEAST_READ;
    let latex = if is_the_lines { said } else { latex.to_owned() };
    is_believed.then(|| Said::new(latex, reading.confidence))
}

/// What the line says as well as any recogniser would, and sees beside its neighbours: letters and numbers with signs between them, on one
/// line. What follows a letter or a number without a sign may be raised or lowered, or a sign that was taken for a letter.
pub(super) fn plainly_said(characters: &[Character]) -> Option<Said> {
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
    let confidence = characters.iter().map(|character| character.probability).fold(1.0, f32::min);
    Some(Said::new(latex.split_whitespace().collect::<Vec<_>>().join(" "), confidence))
}

/// A formula among a line's characters.
pub(super) struct Placed {
    pub characters: Range<usize>,
    /// What is to stand there instead, and how sure that is.
    pub instead: Option<(String, f32)>,
}

/// A character of a line's text to be.
struct Item {
    character: char,
    /// Its middle, as a part of the line's length.
    at: f32,
    probability: f32,
    formula: Option<usize>,
    /// Which of the line's characters it is, unless a formula was read in its place.
    own: Option<usize>,
}

/// Puts what was read of formulas in the place of a line's characters, each with how sure that is, unless it is what they say already. The places of the
/// formulas in the line's text, in their order, which is the line's; `None` where the line's words are not those of its characters.
pub(super) fn say(line: &mut Decoded, polygon: &Polygon, formulas: &[Placed]) -> Option<Vec<Range<u32>>> {
    let characters = &line.characters;
    let runs: Vec<Range<usize>> = runs(characters);
    let is_word = |(run, word): (&Range<usize>, &Word)| {
        word.text.chars().eq(characters[run.clone()].iter().map(|character| character.character))
    };
    if runs.len() != line.words.len() || !runs.iter().zip(&line.words).all(is_word) {
        return None;
    }
    let items = items(characters, formulas);
    let mut places: Vec<Option<Range<u32>>> = vec![None; formulas.len()];
    let (mut words, mut text, mut length) = (Vec::new(), String::new(), 0);
    for said in items.split(|item| item.character.is_whitespace()).filter(|said| !said.is_empty()) {
        if !text.is_empty() {
            text.push(' ');
            length += 1;
        }
        for item in said {
            text.push(item.character);
            if let Some(formula) = item.formula {
                let place = places[formula].get_or_insert(length..length);
                place.end = length + 1;
            }
            length += 1;
        }
        let own = || {
            let (first, last) = (said.first()?.own?, said.last()?.own?);
            let run = runs.iter().position(|run| (run.start, run.end) == (first, last + 1))?;
            said.iter().all(|item| item.own.is_some()).then(|| line.words[run].clone())
        };
        words.push(own().unwrap_or_else(|| word(said, polygon, characters.len())));
    }
    (line.text, line.words) = (text, words);
    places.into_iter().collect()
}

fn items(characters: &[Character], formulas: &[Placed]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(&Character { character, at: middle, probability }) = characters.get(at) {
        let formula = formulas.iter().position(|placed| placed.characters.contains(&at));
        match formula.map(|formula| (formula, &formulas[formula])) {
            Some((formula, Placed { characters: range, instead: Some((said, sure)) })) => {
                let (first, last) = (middle, characters[range.end - 1].at);
                let count = said.chars().count().max(2) - 1;
                items.extend(said.chars().enumerate().map(|(nth, character)| Item {
                    character,
                    at: first + (last - first) * nth as f32 / count as f32,
                    probability: *sure,
                    formula: Some(formula),
                    own: None,
                }));
                at = range.end;
            }
            _ => {
                items.push(Item { character, at: middle, probability, formula, own: Some(at) });
                at += 1;
            }
        }
    }
    items
}

/// A word of a line that had so many characters.
fn word(said: &[Item], line: &Polygon, count: usize) -> Word {
    let half = 0.5 / count.max(1) as f32;
    let (first, last) = (said.first().map_or(0.0, |item| item.at), said.last().map_or(1.0, |item| item.at));
    let sure = said.iter().map(|item| item.probability).sum::<f32>() / said.len().max(1) as f32;
    Word {
        text: said.iter().map(|item| item.character).collect(),
        polygon: line.piece((first - half).max(0.0), (last + half).min(1.0)),
        confidence: Some(sure),
    }
}

/// Characters without a blank between them.
fn runs(characters: &[Character]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in characters.iter().enumerate().filter(|(_, c)| !c.character.is_whitespace()) {
        match runs.last_mut().filter(|run| run.end == at) {
            Some(run) => run.end = at + 1,
            None => runs.push(at..at + 1),
        }
    }
    runs
}

/// Gives a line the words that its characters say, whatever became of them.
pub(super) fn restore(line: &mut Decoded) {
    let said = |run: Range<usize>| line.characters[run].iter().map(|character| character.character).collect();
    let words: Vec<String> = runs(&line.characters).into_iter().map(said).collect();
    if words.len() == line.words.len() {
        line.text = words.join(" ");
        line.words.iter_mut().zip(words).for_each(|(word, text)| word.text = text);
    }
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
        believed(reading, &characters).map(|said| said.latex)
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
        let said = |text: &str| plainly_said(&line(text).characters).map(|said| said.latex);
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

    /// A line with its words, and where its formulas are.
    fn decoded(marked: &str) -> (Decoded, Polygon, Vec<Range<usize>>) {
        let line = line(marked);
        let mut decoded = Decoded { characters: line.characters.clone(), ..Decoded::default() };
        let word = |run: Range<usize>| Word {
            text: String::new(),
            polygon: Polygon::from_rect(line.rect(&run)),
            confidence: Some(0.5),
        };
        decoded.words = runs(&decoded.characters).into_iter().map(word).collect();
        restore(&mut decoded);
        (decoded, line.polygon, line.formulas())
    }

    #[test]
    fn what_was_read_of_formulas_stands_in_the_lines_text_and_its_words() {
        let (mut line, polygon, found) = decoded("if («Œ; € A»), then  «y» is");
        assert_eq!(line.text, "if (Œ; € A), then y is");
        let (formula, letter) = (found[0].clone(), found[1].clone());
        let placed = [
            Placed { characters: formula, instead: Some(("xᵢ ∈ A".to_owned(), 0.9)) },
            Placed { characters: letter, instead: None },
        ];
        let places = say(&mut line, &polygon, &placed);
        assert_eq!(line.text, "if (xᵢ ∈ A), then y is");
        assert_eq!(places, Some(vec![4..10, 18..19]));
        let words: Vec<(&str, f32)> =
            line.words.iter().map(|word| (word.text.as_str(), word.confidence.unwrap())).collect();
        let [("if", 0.5), ("(xᵢ", first), ("∈", 0.9), ("A),", _), ("then", 0.5), ("y", 0.5), ("is", 0.5)] = words[..]
        else {
            panic!("{words:?}")
        };
        assert!((first - 0.9).abs() < 1e-6);
        let lefts: Vec<f32> = line.words.iter().map(|word| word.polygon.bounds().left).collect();
        assert!(lefts.is_sorted() && lefts[1] >= 140.0, "{lefts:?}");
    }

    #[test]
    fn a_line_whose_words_are_not_its_characters_stays_as_it_is() {
        let (mut line, polygon, found) = decoded("if «x» holds");
        line.words[1].text = "\u{fffd}".to_owned();
        let before = line.clone();
        let placed = [Placed { characters: found[0].clone(), instead: Some(("y".to_owned(), 0.9)) }];
        assert_eq!(say(&mut line, &polygon, &placed), None);
        assert_eq!(line, before);
    }
}
