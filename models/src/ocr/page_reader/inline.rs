//! Formulas within a page's lines of text: which lines may have some, where in each they stand, and what was read of them.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use pagestream_documents::{
    Point, Polygon, Rect, TextLine, Word,
    mathml::to_plain_text,
    structure::{Formula, FormulaPlace},
};

use crate::{
    error::Result,
    formula::{Ending, FormulaReading, FormulaRecognizer, Written},
    ocr::{
        InFormula, Inference, Task,
        compact::{
            recognizer::{self, STEP_WIDTH},
            resize::Plane,
        },
        confidence::UNKNOWN,
        orientation::Upright,
        recognizer::{Character, Decoded},
        results::out_of_step,
    },
};

use super::{again::group, cut::cut, displays::is_sign};

/// Formulas of a page that are read: more are no formulas.
const MOST_FORMULAS: usize = 600;
/// A formula is what the network is as sure of as this, character by character, and once as this.
const SURE: f32 = 0.25;
const SUREST: f32 = 0.5;
/// How sure the recogniser must be, as a share of right tokens, where it reads something else than the line says.
const LEAST_READ: f32 = 0.35;
/// How sure a line must be of a letter for the recogniser, which does not see how large its neighbours are, to give way, and of all characters of a
/// formula for nobody to be asked about it.
const SURE_LETTER: f32 = 0.8;
const OPENING: &str = "([{";
const CLOSING: &str = ")]}";
/// How far a formula may stand out of its line, in heights of it.
const OVERHANG: f32 = 0.35;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Inline {
    recognizer: Option<Arc<dyn FormulaRecognizer>>,
    /// All of the page's; none where nobody is to look for formulas in them.
    lines: Vec<Line>,
    /// Lines that the network is still to see, and those that it sees now.
    waiting: VecDeque<usize>,
    asked: Vec<usize>,
    found: Vec<Found>,
    /// Those that the recogniser is asked about.
    asked_about: Vec<usize>,
}

#[derive(Debug)]
struct Line {
    /// In pixels of the page.
    polygon: Polygon,
    characters: Vec<Character>,
    in_formula: InFormula,
}

/// A formula of a line.
#[derive(Debug)]
struct Found {
    line: usize,
    /// Of the line's characters.
    characters: Range<usize>,
    rect: Rect,
    reading: Option<FormulaReading>,
}

impl Inline {
    /// `recognizer`: `None` where no formulas are to be found.
    pub(super) fn new(recognizer: Option<Arc<dyn FormulaRecognizer>>, lines: &[(Polygon, Decoded)]) -> Self {
        // Prose, which is most of what is read, costs nothing.
        if recognizer.is_none() || !lines.iter().any(|(_, line)| may_have_formulas(&line.characters)) {
            return Self::default();
        }
        let line = |(polygon, decoded): &(Polygon, Decoded)| Line {
            polygon: *polygon,
            characters: decoded.characters.clone(),
            in_formula: InFormula::default(),
        };
        let lines: Vec<Line> = lines.iter().map(line).collect();
        let waiting = (0..lines.len()).filter(|&at| may_have_formulas(&lines[at].characters)).collect();
        Self { recognizer, lines, waiting, ..Self::default() }
    }

    /// What is to be asked about the next lines, in tensors of so many bytes together; nothing when all were seen.
    pub(super) fn next_lines(&mut self, page: Plane<'_>, bytes: usize) -> Vec<Inference> {
        self.asked = group(&mut self.waiting, bytes, |at| recognizer::tensor_bytes(&self.lines[at].polygon));
        let input = |&at: &usize| recognizer::input(page, &self.lines[at].polygon);
        self.asked.iter().map(|at| Inference { task: Task::InlineFormulas, input: input(at) }).collect()
    }

    /// Takes what the network said of the lines that were asked about last.
    pub(super) fn take_lines(&mut self, seen: Vec<InFormula>) -> Result<()> {
        if seen.len() != self.asked.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        for (at, seen) in std::mem::take(&mut self.asked).into_iter().zip(seen) {
            self.lines[at].in_formula = seen;
        }
        Ok(())
    }

    /// What is to be asked about the formulas of lines for which `is_free`.
    pub(super) fn inferences(
        &mut self,
        page: Plane<'_>,
        upright: &Upright,
        is_free: impl Fn(&Polygon) -> bool,
    ) -> Vec<Inference> {
        let Some(recognizer) = self.recognizer.clone() else { return Vec::new() };
        let mut wanted = Vec::new();
        for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| is_free(&line.polygon)) {
            for characters in line.formulas() {
                if is_number(line.characters[characters.clone()].iter().map(|c| c.character)) {
                    continue;
                }
                if self.found.len() == MOST_FORMULAS {
                    return wanted;
                }
                if let Some(latex) = plainly_said(&line.characters[characters.clone()]) {
                    let rect = line.rect(&characters);
                    let confidence =
                        line.characters[characters.clone()].iter().map(|c| c.probability).fold(1.0, f32::min);
                    let reading = FormulaReading {
                        tokens: Vec::new(),
                        latex,
                        confidence,
                        needs_review: false,
                        ending: Ending::Complete,
                    };
                    self.found.push(Found { line: at, characters, rect, reading: Some(reading) });
                    continue;
                }
                let zone = line.zone(&characters);
                let is_others = |centre: Point| {
                    let in_it = |(other, line): (usize, &Line)| other != at && line.polygon.bounds().contains(centre);
                    !line.polygon.bounds().contains(centre) && self.lines.iter().enumerate().any(in_it)
                };
                let cut = cut(page, zone, |centre| zone.contains(centre) && !is_others(centre));
                let Some(cut) = cut else { continue };
                let rect = cut.rect;
                if let Some(input) = cut.input(&*recognizer, upright.rotation) {
                    self.asked_about.push(self.found.len());
                    self.found.push(Found { line: at, characters, rect, reading: None });
                    wanted.push(Inference { task: Task::Formula, input });
                }
            }
        }
        wanted
    }

    pub(super) fn asked_about(&self) -> usize {
        self.asked_about.len()
    }

    /// Takes what was written, in the order in which it was asked for.
    pub(super) fn take(&mut self, written: &[Written]) {
        let Some(recognizer) = &self.recognizer else { return };
        for (&found, written) in self.asked_about.iter().zip(written) {
            let found = &mut self.found[found];
            let characters = &self.lines[found.line].characters[found.characters.clone()];
            found.reading = believed(recognizer.reading(written), characters);
        }
    }

    /// Gives lines back what they said before single letters of formulas made them lines of another script: the lines that it was made with.
    pub(super) fn restore(&self, lines: &mut [(Polygon, Decoded)]) {
        for (at, line) in self.lines.iter().enumerate() {
            let Some((_, decoded)) = lines.get_mut(at).filter(|(_, decoded)| decoded.text.contains(UNKNOWN)) else {
                continue;
            };
            let is_formulas = |character: usize| {
                self.found.iter().any(|found| found.line == at && found.characters.contains(&character))
            };
            let unknown = |(character, c): (usize, &Character)| c.character == UNKNOWN && !is_formulas(character);
            if !line.characters.iter().enumerate().any(unknown) {
                restore(decoded);
            }
        }
    }

    /// What is left of lines without the formulas that were read in them, for those that have any.
    pub(super) fn without_formulas(&self, lines: &[(Polygon, Decoded)]) -> Vec<Option<Decoded>> {
        let mut left = vec![None; lines.len()];
        for (at, (line, (_, decoded))) in self.lines.iter().zip(lines).enumerate() {
            let own: Vec<&Range<usize>> = self
                .found
                .iter()
                .filter(|found| found.line == at && found.reading.is_some())
                .map(|found| &found.characters)
                .collect();
            if !own.is_empty() {
                let is_left = |at: &usize| !own.iter().any(|range| range.contains(at));
                let characters = (0..line.characters.len()).filter(is_left).map(|at| line.characters[at]);
                left[at] = Some(decoded.with(characters.collect()));
            }
        }
        left
    }

    /// Characters that formulas were read in the place of, and how many of them may be right.
    pub(super) fn read_characters(&self) -> (f32, usize) {
        let read = self.found.iter().filter_map(|found| Some((found.characters.len(), found.reading.as_ref()?)));
        read.fold((0.0, 0), |(right, all), (count, reading)| (right + reading.confidence * count as f32, all + count))
    }

    /// The formulas of the page's lines, which are in reading order now.
    pub(super) fn formulas(&self, lines: &[TextLine], place: impl Fn(Rect) -> Rect) -> Vec<Formula> {
        let formula = |found: &Found| {
            let reading = found.reading.as_ref()?;
            let own = &self.lines[found.line];
            let line = lines.iter().position(|line| line.polygon == own.polygon)?;
            let characters = in_text(&own.characters, &lines[line].text, &found.characters)?;
            Some(Formula {
                rect: place(found.rect),
                latex: reading.latex.clone(),
                text: to_plain_text(&reading.latex),
                confidence: reading.confidence,
                places: vec![FormulaPlace { line, characters }],
            })
        };
        self.found.iter().filter_map(formula).collect()
    }

    pub(super) fn held_bytes(&self) -> usize {
        let line =
            |line: &Line| size_of_val(line) + size_of_val(&line.characters[..]) + size_of_val(&line.in_formula.0[..]);
        let read = self.found.iter().filter_map(|found| found.reading.as_ref());
        self.lines.iter().map(line).sum::<usize>()
            + size_of_val(&self.found[..])
            + read.map(|reading| reading.latex.len() * 4).sum::<usize>()
    }
}

impl Line {
    /// How sure the network is of each character.
    fn sure(&self) -> Vec<f32> {
        let width = recognizer::content_width(&self.polygon);
        self.characters.iter().map(|character| self.in_formula.at(character.at, width)).collect()
    }

    /// Its formulas: characters that are of one without a break, but for blanks between them.
    fn formulas(&self) -> Vec<Range<usize>> {
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
    fn rect(&self, characters: &Range<usize>) -> Rect {
        let count = self.characters.len().max(1) as f32;
        // Half of a letter.
        let half = 0.5 / count;
        let (first, last) = (self.characters[characters.start].at, self.characters[characters.end - 1].at);
        self.polygon.piece((first - half).max(0.0), (last + half).min(1.0)).bounds()
    }

    /// Where the ink of these characters is: from the step at which the network begins to see a formula to that at which it ends, and no more
    /// than half of the way to the middles of the characters beside them.
    fn zone(&self, characters: &Range<usize>) -> Rect {
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
fn may_have_formulas(characters: &[Character]) -> bool {
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

/// A number is the same in a formula and beside it.
fn is_number(mut text: impl Iterator<Item = char>) -> bool {
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
fn believed(mut reading: FormulaReading, characters: &[Character]) -> Option<FormulaReading> {
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
fn plainly_said(characters: &[Character]) -> Option<String> {
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
fn in_text(characters: &[Character], text: &str, range: &Range<usize>) -> Option<Range<u32>> {
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
fn restore(line: &mut Decoded) {
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
    use super::*;

    /// A line 32 high, with four steps a character; characters between `«` and `»` are what the network takes for a formula.
    fn line(marked: &str) -> Line {
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
        assert_eq!(faint.formulas(), Vec::new(), "nowhere sure");
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

    #[test]
    fn a_line_of_letters_of_formulas_is_no_line_of_another_script() {
        let mut inline = Inline { lines: vec![line("if «\u{fffd}» and «\u{fffd}x» are")], ..Inline::default() };
        let said = |line: &Line| line.characters.iter().map(|c| c.character).collect::<String>();
        let text = said(&inline.lines[0]);
        let word = |text: &str| Word { text: text.to_owned(), polygon: inline.lines[0].polygon, confidence: None };
        let settled = Decoded {
            text: "\u{fffd} \u{fffd} \u{fffd} \u{fffd} \u{fffd}".to_owned(),
            words: vec![word("\u{fffd}"); 5],
            characters: inline.lines[0].characters.clone(),
            ..Decoded::default()
        };
        let found = |characters: Range<usize>| Found { line: 0, characters, rect: Rect::default(), reading: None };
        let restored = |inline: &Inline| {
            let mut lines = [(inline.lines[0].polygon, settled.clone())];
            inline.restore(&mut lines);
            let [(_, line)] = lines;
            assert_eq!(line.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "), line.text);
            line.text
        };
        inline.found = vec![found(3..4)];
        assert_eq!(restored(&inline), settled.text, "one of them is nobody's");
        inline.found.push(found(9..11));
        assert_eq!(restored(&inline), text);
    }
}
