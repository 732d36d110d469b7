//! Formulas within a page's lines of text: which lines may have some, where in each they stand, and what was read of them.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use pagestream_documents::{
    Polygon, Rect, TextLine,
    structure::{Formula, FormulaPlace},
};

use crate::{
    error::Result,
    formula::{FormulaRecognizer, Written},
    ocr::{
        InFormula, Inference, Task,
        compact::{recognizer, resize::Plane},
        confidence::UNKNOWN,
        recognizer::{Character, Decoded},
        results::out_of_step,
    },
};

use super::{
    cut::{Cut, cut},
    groups::group,
};

mod line;
mod saying;

use line::{Line, may_have_formulas};
use saying::{Placed, Said, believed, is_number, plainly_said, restore, say};

/// Formulas of a page that are read: more are no formulas.
const MOST_FORMULAS: usize = 600;
/// How sure a line must be of a letter for the recogniser, which does not see how large its neighbours are, to give way, and of all characters of a
/// formula for nobody to be asked about it.
const SURE_LETTER: f32 = 0.8;

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

/// A formula of a line.
#[derive(Debug)]
struct Found {
    line: usize,
    /// Of the line's characters.
    characters: Range<usize>,
    rect: Rect,
    said: Option<Said>,
    /// Whether that is what its line says already.
    is_the_lines: bool,
    /// In its line's text, once that has it.
    place: Option<Range<u32>>,
}

/// Whether a line has characters of another script beside its formulas, whose letters the recognisers do not know either: it is not, where
/// all that is unknown in it stands in formulas, and more letters are known beside them.
pub(super) fn is_in_another_script(polygon: &Polygon, characters: &[Character], in_formula: InFormula) -> bool {
    let line = Line { characters: characters.to_vec(), in_formula, ..Line::new(*polygon) };
    let formulas = line.formulas();
    let is_in = |at: usize| formulas.iter().any(|formula| formula.contains(&at));
    let unknown = (0..characters.len()).filter(|&at| characters[at].character == UNKNOWN);
    let (inside, beside): (Vec<usize>, Vec<usize>) = unknown.partition(|&at| is_in(at));
    let known = (0..characters.len()).filter(|&at| characters[at].character.is_alphabetic() && !is_in(at)).count();
    !beside.is_empty() || known <= inside.len()
}

impl Inline {
    /// `recognizer`: `None` where no formulas are to be found.
    pub(super) fn new(recognizer: Option<Arc<dyn FormulaRecognizer>>, lines: &[(Polygon, Decoded)]) -> Self {
        let may_have = |&at: &usize| recognizer.is_some() && may_have_formulas(&lines[at].1.characters);
        let waiting: VecDeque<usize> = (0..lines.len()).filter(may_have).collect();
        // Prose, which is most of what is read, costs nothing.
        if waiting.is_empty() {
            return Self::default();
        }
        let mut own: Vec<Line> = lines.iter().map(|(polygon, _)| Line::new(*polygon)).collect();
        waiting.iter().for_each(|&at| own[at].characters.clone_from(&lines[at].1.characters));
        Self { recognizer, lines: own, waiting, ..Self::default() }
    }

    /// What is to be asked about the next lines, in tensors of so many bytes together; nothing when all were seen.
    pub(super) fn next_lines(&mut self, page: Plane<'_>, bytes: usize) -> Vec<Inference> {
        self.asked = group(&mut self.waiting, bytes, |&at| recognizer::tensor_bytes(&self.lines[at].polygon));
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
    pub(super) fn cuts(&mut self, page: Plane<'_>, is_free: impl Fn(&Polygon) -> bool) -> Vec<Cut> {
        let mut wanted = Vec::new();
        if self.recognizer.is_none() {
            return wanted;
        }
        for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| is_free(&line.polygon)) {
            for characters in line.formulas() {
                let own = &line.characters[characters.clone()];
                if is_number(own.iter().map(|c| c.character)) {
                    continue;
                }
                if self.found.len() == MOST_FORMULAS {
                    return wanted;
                }
                let said = plainly_said(own);
                if said.is_some() {
                    let rect = line.rect(&characters);
                    self.found.push(Found { line: at, characters, rect, said, is_the_lines: true, place: None });
                    continue;
                }
                let Some(cut) = self.cut(page, at, &characters) else { continue };
                self.asked_about.push(self.found.len());
                self.found.push(Found { line: at, characters, rect: cut.rect, said, is_the_lines: false, place: None });
                wanted.push(cut);
            }
        }
        wanted
    }

    /// The pixels of a formula of a line, without those of its neighbours and of other lines.
    fn cut(&self, page: Plane<'_>, at: usize, characters: &Range<usize>) -> Option<Cut> {
        let (zone, own) = (self.lines[at].zone(characters), self.lines[at].polygon.bounds());
        let others = self.lines.iter().enumerate().filter(|(other, _)| *other != at);
        let others = others.map(|(_, line)| line.polygon.bounds());
        let others: Vec<Rect> = others.filter(|rect| rect.intersection(&zone).area() > 0.0).collect();
        cut(page, zone, |centre| {
            zone.contains(centre) && (own.contains(centre) || !others.iter().any(|line| line.contains(centre)))
        })
    }

    /// Takes what was written, in the order in which it was asked for.
    pub(super) fn take(&mut self, written: &[Written]) {
        let Some(recognizer) = &self.recognizer else { return };
        for (&found, written) in self.asked_about.iter().zip(written) {
            let found = &mut self.found[found];
            let characters = &self.lines[found.line].characters[found.characters.clone()];
            found.said = believed(recognizer.reading(written), characters);
        }
    }

    /// Puts what was read into the lines that it was made with.
    pub(super) fn settle(&mut self, lines: &mut [(Polygon, Decoded)]) {
        self.restore(lines);
        self.found.retain(|found| found.said.is_some());
        for own in self.found.chunk_by_mut(|a, b| a.line == b.line) {
            let Some((polygon, line)) = own.first().and_then(|found| lines.get_mut(found.line)) else { continue };
            let placed = |found: &Found| {
                let said = found.said.as_ref().filter(|said| !found.is_the_lines && !said.text.is_empty());
                let instead = said.map(|said| (said.text.clone(), said.confidence));
                Placed { characters: found.characters.clone(), instead }
            };
            let formulas: Vec<Placed> = own.iter().map(placed).collect();
            let Some(places) = say(line, polygon, &formulas) else { continue };
            own.iter_mut().zip(places).for_each(|(found, place)| found.place = Some(place));
        }
        // What has no place in its line is not told, and counts for nothing.
        self.found.retain(|found| found.place.is_some());
    }

    /// Gives lines back what they said before single letters of formulas made them lines of another script: the lines that it was made with.
    fn restore(&self, lines: &mut [(Polygon, Decoded)]) {
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
        for own in self.found.chunk_by(|a, b| a.line == b.line) {
            let at = own[0].line;
            let is_left = |at: &usize| !own.iter().any(|found| found.characters.contains(at));
            let all = &self.lines[at].characters;
            let characters = (0..all.len()).filter(is_left).map(|at| all[at]);
            left[at] = Some(lines[at].1.with(characters.collect()));
        }
        left
    }

    /// Characters that formulas were read in the place of, and how many of them may be right.
    pub(super) fn read_characters(&self) -> (f32, usize) {
        let read = self.found.iter().filter_map(|found| Some((found.characters.len(), found.said.as_ref()?)));
        read.fold((0.0, 0), |(right, all), (count, said)| (right + said.confidence * count as f32, all + count))
    }

    /// The formulas of the page's lines, which are in reading order now.
    pub(super) fn formulas(&self, lines: &[TextLine], place: impl Fn(Rect) -> Rect) -> Vec<Formula> {
        let formula = |found: &Found| {
            let own = &self.lines[found.line];
            let line = lines.iter().position(|line| line.polygon == own.polygon)?;
            let (Said { latex, text, confidence }, characters) = (found.said.clone()?, found.place.clone()?);
            Some(Formula {
                rect: place(found.rect),
                latex,
                text,
                confidence,
                places: vec![FormulaPlace { line, characters }],
            })
        };
        self.found.iter().filter_map(formula).collect()
    }

    pub(super) fn held_bytes(&self) -> usize {
        let line =
            |line: &Line| size_of_val(line) + size_of_val(&line.characters[..]) + size_of_val(&line.in_formula.0[..]);
        let read = self.found.iter().filter_map(|found| found.said.as_ref());
        self.lines.iter().map(line).sum::<usize>()
            + size_of_val(&self.found[..])
            + read.map(|said| said.latex.len() + said.text.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use pagestream_documents::Word;

    use super::{line::tests::line, *};

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
        let found = |characters: Range<usize>| Found {
            line: 0,
            characters,
            rect: Rect::default(),
            said: None,
            is_the_lines: false,
            place: None,
        };
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
