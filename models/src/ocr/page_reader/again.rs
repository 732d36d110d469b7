//! Who reads lines again: a larger recogniser of ours what the first is unsure of; PP-OCRv6 what is in a script that none of ours knows, or the whole page; and our
//! own what PP-OCRv6 has read, for what it left out.

use std::collections::VecDeque;

use super::{Before, PageReader, State, Step, Unread, groups::group, inline::is_in_another_script};
use crate::{
    error::Result,
    ocr::{
        Alphabet, InFormula, Inference, Lines, Quality, Symbol, Task,
        compact::{GrayPage, reader, recognizer},
        confidence::{self, ReadBy},
        crop,
        large_reader::{self, LargeReader},
        recognizer::Decoded,
        results::out_of_step,
        second_opinion::{self, Settled},
    },
};

/// Lines whose certainty is lower are read again by the larger recogniser of ours in `balanced`, some 14 of 100: by `lab/evaluate_cascade.py` reading
/// more of them again takes no more errors away. PP-OCRv6 is not asked for what is in doubt still: on print and typewriting it takes nothing more away.
const DOUBTFUL_LINE: f32 = 0.85;

/// Pages whose mean certainty is lower are read again as a whole: script that our own networks do not know, damage.
const DOUBTFUL_PAGE: f32 = 0.65;

/// PP-OCRv6 must be as sure as this of what our own networks took for another script, to be believed.
const LEAST_FOR_UNKNOWN: f32 = 0.5;

#[derive(Debug)]
pub(super) struct Doubting {
    pub(super) lines: Lines,
    pub(super) page: GrayPage,
    pub(super) asked: Vec<usize>,
    pub(super) waiting: VecDeque<usize>,
}

#[derive(Debug)]
pub(super) struct Rereading {
    pub(super) lines: Lines,
    pub(super) read_by: Vec<ReadBy>,
    pub(super) alphabet: Alphabet,
    pub(super) asked: Vec<usize>,
    pub(super) waiting: VecDeque<usize>,
    pub(super) unread: Unread,
}

#[derive(Debug)]
pub(super) struct Sifting {
    pub(super) lines: Lines,
    pub(super) page: GrayPage,
    /// PP-OCRv6's.
    alphabet: Alphabet,
    pub(super) asked: Vec<usize>,
    waiting: VecDeque<usize>,
    /// Lines that are in another script.
    left: VecDeque<usize>,
}

#[derive(Debug)]
pub(super) struct Checking {
    pub(super) lines: Lines,
    pub(super) read_by: Vec<ReadBy>,
    /// What our own networks took for text on the page before.
    pub(super) unread: Unread,
    /// PP-OCRv6's.
    pub(super) alphabet: Alphabet,
    pub(super) page: GrayPage,
    pub(super) asked: Vec<usize>,
    pub(super) waiting: VecDeque<usize>,
}

/// The lines that somebody else is to read, in order.
fn those(lines: &Lines, is_one: impl Fn(&Decoded) -> bool) -> VecDeque<usize> {
    lines.lines.iter().enumerate().filter(|(_, (_, line))| is_one(line)).map(|(index, _)| index).collect()
}

/// What is asked of one of our own recognisers for these lines.
fn recognitions(task: Task, page: &GrayPage, lines: &Lines, asked: &[usize]) -> Vec<Inference> {
    let input = |&index: &usize| recognizer::input(page.plane(), &lines.lines[index].0);
    asked.iter().map(|index| Inference { task, input: input(index) }).collect()
}

fn is_doubtful(line: &Decoded) -> bool {
    (line.certainty < DOUBTFUL_LINE && !line.text.is_empty()) || confidence::has_unknown(line)
}

impl PageReader {
    /// Our own networks have read the page: is that enough?
    pub(super) fn compact_is_done(&mut self, mut lines: Lines, page: GrayPage) -> Result<Step> {
        let whole_page = confidence::certainty(&lines.lines).is_some_and(|certainty| certainty < DOUBTFUL_PAGE);
        // On a page that is in doubt as a whole they may be what is left of a script that nobody here can read.
        if !whole_page {
            let noise = lines.lines.extract_if(.., |(_, line)| confidence::is_noise(line));
            self.dropped.extend(noise.map(|(polygon, _)| polygon));
        }
        if !self.models.reread || self.options.quality != Quality::Balanced {
            return self.ask_large(lines);
        }
        let waiting = those(&lines, is_doubtful);
        self.doubt(Doubting { lines, page, asked: Vec::new(), waiting })
    }

    /// Asks our larger recogniser for the next group of doubtful lines, or goes on when there are none left.
    fn doubt(&mut self, mut doubting: Doubting) -> Result<Step> {
        let Doubting { lines, page, waiting, .. } = &mut doubting;
        let asked =
            group(waiting, self.options.crop_group_bytes, |&index| recognizer::tensor_bytes(&lines.lines[index].0));
        if asked.is_empty() {
            return self.ask_large(doubting.lines);
        }
        let wanted = recognitions(Task::CompactReread, page, lines, &asked);
        self.state = State::Doubting(Doubting { asked, ..doubting });
        Ok(Step::Infer(wanted))
    }

    pub(super) fn doubted(&mut self, mut doubting: Doubting, symbols: Vec<Vec<Symbol>>) -> Result<Step> {
        let alphabet = self.models.compact.clone().ok_or_else(|| out_of_step("nobody was asked"))?;
        if doubting.asked.len() != symbols.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        for (&index, symbols) in doubting.asked.iter().zip(&symbols) {
            let (polygon, before) = &mut doubting.lines.lines[index];
            let again = reader::read(polygon, symbols, &alphabet);
            if confidence::certainty_of(&again) > confidence::certainty_of(before) {
                *before = again;
            }
        }
        self.doubt(doubting)
    }

    /// Our own networks have read what they can: is PP-OCRv6 to be asked?
    fn ask_large(&mut self, lines: Lines) -> Result<Step> {
        let whole_page = confidence::certainty(&lines.lines).is_some_and(|certainty| certainty < DOUBTFUL_PAGE);
        let read_by = vec![ReadBy::Compact; lines.lines.len()];
        let waiting = those(&lines, confidence::has_unknown);
        if self.options.quality == Quality::Fast || (waiting.is_empty() && !whole_page) {
            return self.done(lines, &read_by, Unread::default());
        }
        // A line or two are not worth a download.
        let Some(alphabet) = self.models.large.alphabet(whole_page) else {
            return self.done(lines, &read_by, Unread::default());
        };
        if whole_page {
            let unread = Unread::of(&lines.lines);
            let before = Before { unread, lines: (!waiting.is_empty()).then_some(lines) };
            let (reader, wanted) = LargeReader::start(self.raster.clone(), &self.options, alphabet);
            self.state = State::Large(Box::new(reader), before);
            return Ok(Step::Infer(wanted));
        }
        if self.models.structure && self.models.formula.is_some() && self.models.inline_formulas {
            let page = GrayPage::new(self.raster.clone());
            return self.sift(Sifting { lines, page, alphabet, asked: Vec::new(), waiting, left: VecDeque::new() });
        }
        self.ask_again(Rereading { lines, read_by, alphabet, asked: Vec::new(), waiting, unread: Unread::default() })
    }

    /// Asks for the next group of lines with unknown letters whether those are a formula's, which PP-OCRv6 does not read either.
    fn sift(&mut self, mut sifting: Sifting) -> Result<Step> {
        let Sifting { lines, page, waiting, .. } = &mut sifting;
        let asked =
            group(waiting, self.options.crop_group_bytes, |&index| recognizer::tensor_bytes(&lines.lines[index].0));
        if asked.is_empty() {
            let Sifting { lines, alphabet, left, .. } = sifting;
            let read_by = vec![ReadBy::Compact; lines.lines.len()];
            let asked = Vec::new();
            return self.ask_again(Rereading {
                lines,
                read_by,
                alphabet,
                asked,
                waiting: left,
                unread: Unread::default(),
            });
        }
        let wanted = recognitions(Task::InlineFormulas, page, lines, &asked);
        self.state = State::Sifting(Sifting { asked, ..sifting });
        Ok(Step::Infer(wanted))
    }

    pub(super) fn sifted(&mut self, mut sifting: Sifting, seen: Vec<InFormula>) -> Result<Step> {
        if sifting.asked.len() != seen.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        for (&index, seen) in sifting.asked.iter().zip(seen) {
            let (polygon, line) = &sifting.lines.lines[index];
            if is_in_another_script(polygon, &line.characters, seen) {
                sifting.left.push_back(index);
            }
        }
        self.sift(sifting)
    }

    /// Asks PP-OCRv6 for the next group of lines in another script, or ends the page when there are none left.
    fn ask_again(&mut self, mut rereading: Rereading) -> Result<Step> {
        let Rereading { lines, waiting, .. } = &mut rereading;
        let asked = group(waiting, self.options.crop_group_bytes, |&index| crop::tensor_bytes(&lines.lines[index].0));
        if asked.is_empty() {
            return self.done(rereading.lines, &rereading.read_by, rereading.unread);
        }
        let recognition = |&index: &usize| Inference {
            task: Task::Recognize,
            input: crop::recognizer_input(&self.raster, &lines.lines[index].0).tensor,
        };
        let wanted = asked.iter().map(recognition).collect();
        self.state = State::Rereading(Rereading { asked, ..rereading });
        Ok(Step::Infer(wanted))
    }

    pub(super) fn reread(&mut self, mut rereading: Rereading, symbols: Vec<Vec<Symbol>>) -> Result<Step> {
        if rereading.asked.len() != symbols.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        for (&index, symbols) in rereading.asked.iter().zip(&symbols) {
            let (polygon, ours) = &mut rereading.lines.lines[index];
            let theirs = large_reader::decode(polygon, symbols, &rereading.alphabet);
            // They have a character for everything, and of a script that they do not know make something.
            if theirs.certainty > confidence::certainty_of(ours).max(LEAST_FOR_UNKNOWN)
                && confidence::says_as_much(&theirs, ours)
            {
                if 2 * theirs.text.chars().count() < ours.text.chars().count() {
                    rereading.unread = rereading.unread.and(ours);
                }
                match second_opinion::settle(&theirs, ours, |c| rereading.alphabet.knows(c)) {
                    Settled::Ours => continue,
                    Settled::Theirs => *ours = theirs,
                    Settled::Marked(marked) => *ours = marked,
                }
                rereading.read_by[index] = ReadBy::Large;
            }
        }
        self.ask_again(rereading)
    }

    /// PP-OCRv6 has read the page: what has it left out?
    pub(super) fn large_has_read(&mut self, lines: Lines, before: Before, alphabet: Alphabet) -> Result<Step> {
        let found: usize = lines.lines.iter().map(|(_, line)| line.text.chars().count()).sum();
        if 2 * found < before.unread.characters
            && let Some(ours) = before.lines
        {
            // They do not know this script either, and leave out what they do not know.
            let read_by = vec![ReadBy::Compact; ours.lines.len()];
            return self.done(ours, &read_by, Unread::default());
        }
        let is_checked = self.options.second_opinion && self.models.compact.is_some();
        let count = if is_checked { lines.lines.len() } else { 0 };
        self.check(Checking {
            read_by: vec![ReadBy::Large; lines.lines.len()],
            lines,
            unread: before.unread,
            alphabet,
            page: GrayPage::new(self.raster.clone()),
            asked: Vec::new(),
            waiting: (0..count).collect(),
        })
    }

    /// Asks our own recogniser for the next group of lines that PP-OCRv6 has read, or ends the page when there are none left.
    fn check(&mut self, mut checking: Checking) -> Result<Step> {
        let Checking { lines, page, waiting, .. } = &mut checking;
        let asked =
            group(waiting, self.options.crop_group_bytes, |&index| recognizer::tensor_bytes(&lines.lines[index].0));
        if asked.is_empty() {
            let Checking { lines, read_by, unread, .. } = checking;
            let found: usize = lines.lines.iter().map(|(_, line)| line.text.chars().count()).sum();
            let unread = if 2 * found < unread.characters { unread } else { Unread::default() };
            return self.done(lines, &read_by, unread);
        }
        let wanted = recognitions(Task::CompactRecognize, page, lines, &asked);
        self.state = State::Checking(Checking { asked, ..checking });
        Ok(Step::Infer(wanted))
    }

    pub(super) fn checked(&mut self, mut checking: Checking, symbols: Vec<Vec<Symbol>>) -> Result<Step> {
        let alphabet = self.models.compact.clone().ok_or_else(|| out_of_step("nobody was asked"))?;
        if checking.asked.len() != symbols.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        for (&index, symbols) in checking.asked.iter().zip(&symbols) {
            let (polygon, theirs) = &mut checking.lines.lines[index];
            let ours = reader::read(polygon, symbols, &alphabet);
            match second_opinion::settle(theirs, &ours, |c| checking.alphabet.knows(c)) {
                Settled::Theirs => {}
                Settled::Marked(marked) => *theirs = marked,
                Settled::Ours => {
                    *theirs = ours;
                    checking.read_by[index] = ReadBy::Compact;
                }
            }
        }
        self.check(checking)
    }
}
