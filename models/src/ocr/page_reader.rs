//! The reading of one page, as a state machine without input or output of its own.
//!
//! Takes a raster; asks for inferences; ends with a [`Reading`]. Which networks read the page is the [`Quality`] that is asked for:
//! our own small ones, PP-OCRv6, or our own first and PP-OCRv6 where they are in doubt. It never fails on a page's content: a
//! page without text is read as empty.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use pagestream_documents::{Point, Polygon, Raster, Rect, Rotation, page_text::PageText};

use super::{
    Inference, Inferred, Lines, LinesStep, OcrModels, OcrOptions, Quality, Reading, Task,
    compact::reader::CompactReader,
    confidence::{self, ReadBy},
    ink,
    large_reader::LargeReader,
    orientation::Upright,
    paper,
    recognizer::Decoded,
    results::{in_formulas, out_of_step, symbols},
    skew::{self, Straightened},
};
use crate::error::{Error, Result};

mod again;
mod cut;
mod displays;
mod formulas;
mod groups;
mod inline;
mod looks;
mod ordering;
mod parts;

use again::{Checking, Doubting, Rereading, Sifting};
use looks::Looks;
use ordering::in_reading_order;

/// What a page wants next.
#[derive(Clone, Debug)]
pub enum Step {
    /// The results of these, in this order, are the argument of the next [`PageReader::advance`]. Never empty.
    Infer(Vec<Inference>),
    Done(Reading),
}

/// Reads one page; see the module. `Send`, and small beside its raster.
#[derive(Debug)]
pub struct PageReader {
    /// The page as it is read: evenly lit, and set straight if it lay askew.
    page: Arc<Raster>,
    /// Width and height of the page as it was given.
    size: (u32, u32),
    /// What of it is being read: all, or one of its parts.
    raster: Arc<Raster>,
    /// Parts that are still to be read, the first of which is under way; none where the page is read at once.
    parts: VecDeque<Rect>,
    /// What of that was found and not read: specks, and short formulas.
    dropped: Vec<Polygon>,
    read: Read,
    straightened: Option<Box<Straightened>>,
    options: OcrOptions,
    models: OcrModels,
    tasks: BTreeSet<Task>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Our own networks read the page.
    Compact(Box<CompactReader>),
    /// Doubtful lines are read again by our larger recogniser, a group at a time.
    Doubting(Doubting),
    /// Of lines with letters that nobody knows those are set aside that are a formula's.
    Sifting(Sifting),
    /// What is in another script is read by PP-OCRv6, likewise.
    Rereading(Rereading),
    /// PP-OCRv6 reads the page.
    Large(Box<LargeReader>, Before),
    /// Our own recogniser looks at the lines that PP-OCRv6 has read, for what it left out.
    Checking(Checking),
    /// Everything is read, and the layout network looks at the page, which is known to be upright by now; then others at its tables and formulas.
    Looking(Box<Looks>),
    Done,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Read {
    /// In pixels of the page as it is read.
    lines: Vec<(Polygon, Decoded)>,
    read_by: Vec<ReadBy>,
    dropped: Vec<Polygon>,
    unread: Unread,
    rotation: Rotation,
}

/// What our own networks made of a page that PP-OCRv6 reads again.
#[derive(Debug, Default)]
struct Before {
    unread: Unread,
    /// Kept where some of it is marked as another script.
    lines: Option<Lines>,
}

/// What our own networks took for text and PP-OCRv6 did not: characters, and how many of them may be right. It is no text that
/// can be given, and the page is not read.
#[derive(Clone, Copy, Debug, Default)]
struct Unread {
    characters: usize,
    right: f32,
}

impl Unread {
    fn of(lines: &[(Polygon, Decoded)]) -> Self {
        lines.iter().fold(Self::default(), |sum, (_, line)| sum.and(line))
    }

    fn and(self, line: &Decoded) -> Self {
        let count = line.text.chars().count();
        let right = confidence::of_line(line, ReadBy::Compact) * count as f32;
        Self { characters: self.characters + count, right: self.right + right }
    }
}

impl PageReader {
    /// Begins to read a page. The inferences returned are never empty.
    ///
    /// # Errors
    /// [`Error::Missing`] when `models` has not what the quality asks for.
    pub fn start(raster: Arc<Raster>, options: &OcrOptions, models: &OcrModels) -> Result<(Self, Vec<Inference>)> {
        let size = (raster.width, raster.height);
        let page = paper::evened(&raster).map_or(raster, Arc::new);
        let angle = skew::of_page(&page);
        let (page, straightened) = if angle == 0.0 {
            (page, None)
        } else {
            tracing::debug!(degrees = angle.to_degrees(), "page lies askew");
            // Our own networks read gray.
            let mut straight = Straightened::new(&page, angle, options.quality != Quality::Accurate);
            let nothing = Raster { width: 0, height: 0, data: Vec::new(), ..straight.raster };
            let pixels = std::mem::replace(&mut straight.raster, nothing);
            (Arc::new(pixels), Some(Box::new(straight)))
        };
        let parts = VecDeque::from(parts::of(&page, options.detect_max_side));
        let mut reader = Self {
            raster: page.clone(),
            page,
            size,
            parts,
            dropped: Vec::new(),
            read: Read::default(),
            straightened,
            options: options.clone(),
            models: models.clone(),
            tasks: BTreeSet::new(),
            state: State::Done,
        };
        let wanted = reader.begin()?;
        Ok((reader, wanted))
    }

    /// Begins to read the page, or its next part.
    fn begin(&mut self) -> Result<Vec<Inference>> {
        let missing = |what: &str, hint: &str| Error::Missing {
            what: what.to_owned(),
            why: "this program does not have them".to_owned(),
            hint: hint.to_owned(),
        };
        if let Some(part) = self.parts.front() {
            self.raster = Arc::new(parts::crop(&self.page, part));
        }
        let (state, wanted) = if self.options.quality == Quality::Accurate {
            let alphabet = self.models.large.alphabet(true).ok_or_else(|| missing("the models of PP-OCRv6", ""))?;
            let (reader, wanted) = LargeReader::start(self.raster.clone(), &self.options, alphabet);
            (State::Large(Box::new(reader), Before::default()), wanted)
        } else {
            let alphabet = self.models.compact.clone().ok_or_else(|| {
                missing(
                    "the built-in models",
                    "ask for the quality `accurate`, or build with the feature `built-in-models`",
                )
            })?;
            let (reader, wanted) = CompactReader::start(self.raster.clone(), &self.options, alphabet);
            (State::Compact(Box::new(reader)), wanted)
        };
        self.state = state;
        self.note(&wanted);
        Ok(wanted)
    }

    /// Goes on with the results of the inferences that were asked for last, in the order they were asked in.
    ///
    /// # Errors
    /// [`Error::Inference`] when the results are not those asked for. The page cannot be read any further.
    pub fn advance(&mut self, results: Vec<Inferred>) -> Result<Step> {
        let step = match std::mem::replace(&mut self.state, State::Done) {
            State::Compact(mut reader) => match reader.advance(results)? {
                LinesStep::Infer(wanted) => {
                    self.state = State::Compact(reader);
                    Step::Infer(wanted)
                }
                LinesStep::Done(lines) => self.compact_is_done(lines, reader.into_page())?,
            },
            State::Doubting(doubting) => self.doubted(doubting, symbols(results)?)?,
            State::Sifting(sifting) => self.sifted(sifting, in_formulas(results)?)?,
            State::Rereading(rereading) => self.reread(rereading, symbols(results)?)?,
            State::Large(mut reader, before) => match reader.advance(results)? {
                LinesStep::Infer(wanted) => {
                    self.state = State::Large(reader, before);
                    Step::Infer(wanted)
                }
                LinesStep::Done(lines) => {
                    let alphabet = reader.alphabet().clone();
                    self.large_has_read(lines, before, alphabet)?
                }
            },
            State::Checking(checking) => self.checked(checking, symbols(results)?)?,
            State::Looking(mut looks) => {
                let wanted = looks.advance(results)?;
                if wanted.is_empty() {
                    self.finish(Some(*looks))
                } else {
                    self.state = State::Looking(looks);
                    Step::Infer(wanted)
                }
            }
            State::Done => return Err(out_of_step("the page is done")),
        };
        if let Step::Infer(wanted) = &step {
            self.note(wanted);
        }
        Ok(step)
    }

    /// Bytes that this reader keeps between steps, its raster included; the tensors that it hands out are their
    /// holder's. Bounded by `OcrOptions::max_lines` besides the raster and a gray copy of it.
    pub fn held_bytes(&self) -> usize {
        let held = match &self.state {
            State::Compact(reader) => reader.held_bytes(),
            State::Large(reader, before) => reader.held_bytes() + before.lines.as_ref().map_or(0, Lines::memory_size),
            State::Doubting(doubting) => doubting.lines.memory_size() + doubting.page.copied_bytes(),
            State::Sifting(sifting) => sifting.lines.memory_size() + sifting.page.copied_bytes(),
            State::Rereading(rereading) => rereading.lines.memory_size(),
            State::Checking(checking) => checking.lines.memory_size() + checking.page.copied_bytes(),
            State::Looking(looks) => looks.held_bytes(),
            State::Done => 0,
        };
        let dropped = size_of_val(&self.dropped[..]) + size_of_val(&self.read.dropped[..]);
        let part = if Arc::ptr_eq(&self.page, &self.raster) { 0 } else { self.raster.data.len() };
        let read: usize = self.read.lines.iter().map(|(_, line)| size_of::<Polygon>() + line.memory_size()).sum();
        self.page.data.len() + part + read + dropped + held
    }

    fn note(&mut self, wanted: &[Inference]) {
        self.tasks.extend(wanted.iter().map(|inference| inference.task));
    }

    /// The page, or this part of it, is read.
    fn done(&mut self, lines: Lines, read_by: &[ReadBy], unread: Unread) -> Result<Step> {
        let least = self.options.min_confidence;
        let (kept, dropped): (Vec<_>, Vec<_>) = lines
            .lines
            .into_iter()
            .zip(read_by.iter().copied())
            .partition(|((_, line), _)| !line.text.is_empty() && line.confidence >= least);
        let (mut kept, read_by): (Vec<(Polygon, Decoded)>, Vec<ReadBy>) = kept.into_iter().unzip();
        self.dropped.extend(dropped.into_iter().map(|((polygon, _), _)| polygon));
        let polygons: Vec<Polygon> = kept.iter().map(|(polygon, _)| *polygon).collect();
        let letters = ink::unread_letters(&self.raster, &polygons);
        if self.read.lines.is_empty() {
            self.read.rotation = lines.rotation;
        }
        if let Some(part) = self.parts.pop_front() {
            let place = |p: Point| Point::new(p.x + part.left, p.y + part.top);
            for (polygon, decoded) in &mut kept {
                *polygon = polygon.map(place);
                decoded.words.iter_mut().for_each(|word| word.polygon = word.polygon.map(place));
            }
            self.dropped.iter_mut().for_each(|polygon| *polygon = polygon.map(place));
        }
        self.read.dropped.append(&mut self.dropped);
        self.read.lines.append(&mut kept);
        self.read.read_by.extend(read_by);
        self.read.unread.characters += unread.characters + letters;
        self.read.unread.right += unread.right;
        if !self.parts.is_empty() {
            return Ok(Step::Infer(self.begin()?));
        }
        if !self.models.structure {
            return Ok(self.finish(None));
        }
        let parts = parts::of(&self.page, self.options.detect_max_side);
        let bytes = self.options.crop_group_bytes;
        let mut looks = Looks::new(&self.page, &parts, &self.models, &self.read, bytes);
        let wanted = looks.inferences();
        if wanted.is_empty() {
            return Ok(self.finish(Some(looks)));
        }
        self.state = State::Looking(Box::new(looks));
        Ok(Step::Infer(wanted))
    }

    fn finish(&mut self, mut looks: Option<Looks>) -> Step {
        let Read { mut lines, read_by, unread, rotation, .. } = std::mem::take(&mut self.read);
        if let Some(looks) = &mut looks {
            looks.settle(&mut lines);
        }
        let upright = Upright { rotation, width: self.page.width as f32, height: self.page.height as f32 };
        // What a formula was read in the place of is worth what that is worth.
        let (left, formulas) = looks.as_ref().map(|looks| looks.without_formulas(&lines)).unwrap_or_default();
        let text = |at: usize| left.get(at).and_then(Option::as_ref).unwrap_or(&lines[at].1);
        let confidence = confidence::of_page(
            (0..lines.len()).map(text).zip(read_by),
            (unread.right + formulas.0, unread.characters + formulas.1),
        );
        let needs_review = confidence::needs_review(confidence, (0..lines.len()).map(text))
            || looks.as_ref().is_some_and(Looks::needs_review);
        let mut page = in_reading_order(lines, &upright);
        let straightened = self.straightened.as_deref();
        let to_given = |point: Point| straightened.map_or(point, |straightened| straightened.to_given(point));
        let mut hints = looks.map(|looks| looks.hints(&page.lines, &to_given)).unwrap_or_default();
        if straightened.is_some() {
            page.move_points(to_given);
        }
        (hints.width, hints.height) = (self.size.0 as f32, self.size.1 as f32);
        let PageText { lines, blocks, text } = page;
        Step::Done(Reading {
            lines,
            blocks,
            text,
            rotation,
            confidence,
            needs_review,
            tasks: self.tasks.iter().copied().collect(),
            hints: Box::new(hints),
        })
    }
}

#[cfg(test)]
mod tests;
