//! Formulas within lines, of a page of bars, each of which is read as one letter.

use pagestream_documents::{ByteSize, structure::FormulaPlace};

use super::*;
use crate::{
    backend::{Backend, Session, Tensor},
    formula::{Ending, FormulaReading, FormulaRecognizer, GrayCrop, Written, WrittenAs},
    ocr::{InFormula, page_reader::inline::is_in_another_script, recognizer::Character},
};

/// Takes every crop, and reads what it is told.
#[derive(Debug)]
struct Told;

impl FormulaRecognizer for Told {
    fn input(&self, crop: GrayCrop<'_>) -> Option<Tensor> {
        Some(Tensor { shape: vec![1, 1, crop.height, crop.width], data: vec![0.0; crop.height * crop.width] })
    }

    fn session(&self, _: &dyn Backend) -> crate::error::Result<Box<dyn Session>> {
        unreachable!("nothing is loaded here, and of memory it takes {}", ByteSize::mib(0))
    }

    fn reading(&self, written: &Written) -> FormulaReading {
        let latex = format!("x_{{{}}}", written.tokens[0]);
        FormulaReading { tokens: Vec::new(), latex, confidence: 0.9, needs_review: false, ending: Ending::Complete }
    }
}

/// Reads the page, whose last two letters are signs that the recogniser does not know; the network takes the lines of these letters for formulas.
/// What was asked for, by groups.
fn read(options: &OcrOptions, models: &OcrModels, formulas: &str) -> (Reading, Vec<Vec<Task>>) {
    read_with(options, models, formulas, 'l')
}

/// The same of a page whose letters from `foreign_from` on are such signs.
fn read_with(
    options: &OcrOptions,
    models: &OcrModels,
    formulas: &str,
    foreign_from: char,
) -> (Reading, Vec<Vec<Task>>) {
    let (mut reader, mut wanted) = PageReader::start(Arc::new(page(&two_columns())), options, models).unwrap();
    let mut asked = Vec::new();
    loop {
        asked.push(wanted.iter().map(|inference| inference.task).collect());
        let answer = |(at, inference): (usize, &Inference)| match inference.task {
            Task::InlineFormulas => {
                let letter = Inference { task: Task::CompactRecognize, ..inference.clone() };
                let Inferred::Symbols(symbols) = compact_answer(&letter, SURE_OF_ALL) else { unreachable!() };
                let letter = char::from(b'a' + symbols[0].class as u8 - 1);
                let sure = if formulas.contains(letter) { 0.9 } else { 0.1 };
                Inferred::InFormula(InFormula(vec![sure; inference.input.shape[3] / 4]))
            }
            Task::Formula => Inferred::Formula(Written {
                tokens: vec![at as u32],
                kind: WrittenAs::Tokens,
                score: 0.0,
                ending: Ending::Complete,
            }),
            _ => compact_answer(inference, Compact { foreign_from, ..SURE_OF_ALL }),
        };
        let results = wanted.iter().enumerate().map(answer).collect();
        match reader.advance(results).expect("the results are those asked for") {
            Step::Infer(more) => wanted = more,
            Step::Done(reading) => return (reading, asked),
        }
    }
}

fn with_formulas() -> OcrModels {
    OcrModels { structure: true, formula: Some(Arc::new(Told)), inline_formulas: true, ..all_models() }
}

fn count(asked: &[Vec<Task>], task: Task) -> usize {
    asked.iter().flatten().filter(|asked| **asked == task).count()
}

#[test]
fn formulas_of_lines_are_found_read_and_told_where_they_stand() {
    let (reading, asked) = read(&tier(Quality::Fast), &with_formulas(), "clm");
    assert_eq!(
        (count(&asked, Task::InlineFormulas), count(&asked, Task::Formula)),
        (10, 2),
        "`a`, `e` and `i` are words"
    );
    let [plain, first, second] = &reading.hints.formulas[..] else { panic!("{:?}", reading.hints.formulas) };
    for (formula, said, latex) in [(plain, "c", "c"), (first, "x₀", "x_{0}"), (second, "x₁", "x_{1}")] {
        let line = reading.lines.iter().position(|line| line.text == said).unwrap();
        assert_eq!(reading.lines[line].words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), [said]);
        assert!(reading.text.lines().any(|row| row.split(' ').any(|word| word == said)), "{}", reading.text);
        assert_eq!(formula.text, said);
        assert_eq!(formula.places, [FormulaPlace { line, characters: 0..said.chars().count() as u32 }]);
        assert_eq!(formula.latex, latex);
        let line = reading.lines[line].polygon.bounds();
        assert!(formula.rect.intersection(&line).area() > 0.5 * line.area(), "{formula:?} of {line:?}");
    }
}

#[test]
fn lines_are_asked_about_in_groups_and_only_where_somebody_reads_formulas() {
    let options = OcrOptions { crop_group_bytes: 1, ..tier(Quality::Fast) };
    let (reading, asked) = read(&options, &with_formulas(), "cl");
    assert_eq!(
        (count(&asked, Task::InlineFormulas), reading.hints.formulas.len()),
        (10, 2),
        "`a`, `e` and `i` are words"
    );
    let groups = asked.iter().filter(|group| group.contains(&Task::InlineFormulas));
    assert!(groups.clone().all(|group| group.len() == 1) && groups.count() == 10);
    let (reading, asked) = read(&options, &with_formulas(), "lm");
    assert_eq!(reading.hints.formulas.len(), 2);
    let groups: Vec<usize> = asked.iter().filter(|group| group.contains(&Task::Formula)).map(Vec::len).collect();
    assert_eq!(groups, [1, 1], "formulas likewise: a page may have many, and large ones");
    for models in [
        OcrModels { formula: None, ..with_formulas() },
        OcrModels { inline_formulas: false, ..with_formulas() },
        OcrModels { structure: false, ..with_formulas() },
    ] {
        let (reading, asked) = read(&tier(Quality::Fast), &models, "cf");
        assert_eq!((count(&asked, Task::InlineFormulas), reading.hints.formulas.len()), (0, 0));
    }
}

#[test]
fn what_a_formula_was_read_in_the_place_of_is_worth_what_that_is_worth() {
    let doubtful = |formulas: &str| read(&tier(Quality::Fast), &with_formulas(), formulas).0.confidence.unwrap();
    let (none, one, both) = (doubtful(""), doubtful("l"), doubtful("lm"));
    // Signs that nobody knows are not read; a formula that is one is .9 read.
    assert!(none + 0.05 < one && one + 0.05 < both, "{none} {one} {both}");
    assert!((both - (11.0 * 0.999 + 2.0 * 0.9) / 13.0).abs() < 0.01, "{both}");
}

#[test]
fn lines_whose_unknown_letters_are_a_formulas_are_in_no_other_script() {
    let polygon = Polygon::from_rect(Rect { left: 0.0, top: 0.0, right: 704.0, bottom: 32.0 });
    let asked = |text: &str, formula: &str| {
        let count = text.chars().count() as f32;
        let place = |at: usize| (at as f32 + 0.5) / count;
        let characters: Vec<Character> = text
            .chars()
            .enumerate()
            .map(|(at, character)| Character { character, probability: 0.9, at: place(at) })
            .collect();
        let at = text.find(formula).map(|byte| text[..byte].chars().count()).unwrap();
        let (from, to) = (at as f32 / count, (at + formula.chars().count()) as f32 / count);
        let steps = 704 / 4;
        let sure = |step: usize| if (from..to).contains(&(step as f32 / steps as f32)) { 0.9 } else { 0.0 };
        is_in_another_script(&polygon, &characters, InFormula((0..steps).map(sure).collect()))
    };
    assert!(!asked("the rate \u{fffd} = 2 of all", "\u{fffd} = 2"));
    assert!(asked("the rate \u{fffd} = 2 of \u{fffd}\u{fffd}\u{fffd}", "\u{fffd} = 2"), "another beside it");
    assert!(
        asked("\u{fffd}\u{fffd} \u{fffd}\u{fffd}\u{fffd} a", "\u{fffd}\u{fffd} \u{fffd}\u{fffd}\u{fffd}"),
        "all of it"
    );
}

#[test]
fn pp_ocrv6_is_asked_about_letters_that_nobody_knows_when_they_are_no_formulas() {
    let (_, asked) = read_with(&tier(Quality::Balanced), &with_formulas(), "m", 'm');
    let first = |task: Task| asked.iter().position(|group| group.contains(&task)).unwrap();
    assert!(first(Task::InlineFormulas) < first(Task::Recognize), "{asked:?}");
    assert_eq!(count(&asked[..first(Task::Recognize)], Task::InlineFormulas), 1, "only those with such letters");
    assert_eq!(count(&asked, Task::Recognize), 1, "nothing is known beside it");
    let models = OcrModels { inline_formulas: false, ..with_formulas() };
    let (_, without) = read_with(&tier(Quality::Balanced), &models, "m", 'm');
    assert_eq!((count(&without, Task::InlineFormulas), count(&without, Task::Recognize)), (0, 1));
}
