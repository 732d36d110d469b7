//! The reading of one page with our own networks, as a state machine like [`crate::ocr::PageReader`], which drives it.
//!
//! Detect, read a few lines, and if they read well, the rest. If they do not, or if there are none, the page may be
//! turned: the networks know only upright lines (on a page that lies on its side the detector finds next to nothing, on one
//! that stands on its head the recogniser is unsure), so the same lines are read the other way up and the page is
//! detected on its side as well. The turn that reads best is taken; an upright page pays nothing for it.

use std::{collections::VecDeque, sync::Arc};

use pagestream_documents::{Polygon, Raster, Rotation};

use super::{
    GrayPage,
    detector::{self, View},
    fit, gutter, recognizer, script,
};
use crate::{
    error::Result,
    ocr::{
        Alphabet, Corners, Inference, Inferred, Lines, LinesStep as Step, OcrOptions, Symbol, Task,
        confidence::certainty_of,
        orientation::{self, Upright},
        recognizer::{Decoded, StepGeometry, decode},
        results::{boxes, one, out_of_step, symbols},
    },
};

/// Median certainty of sampled lines from which on the page is the right way up, without further questions.
const SURE: f32 = 0.85;

/// A turn has to read so much better than the page as it stands: inverted and sidelong lines read at a third or less.
const CLEARLY: f32 = 1.25;

/// Mean certainty from which on lines are text that was read.
const READ: f32 = 0.5;

/// Lines are this much longer than high; and those of a page on its side, laid right, so much longer together than what was found across.
const LINE: f32 = 4.0;
const MUCH_LONGER: f32 = 1.5;

/// Height of lines in the detector's input, in pixels, below which they begin to be lost, and the height that they are brought to
/// in a second detection.
const SMALL_PRINT: f32 = 11.0;
const READABLE_PRINT: f32 = 18.0;

/// A second detection is worth its cost where it is at least so much larger, and never larger than this.
const WORTH_ENLARGING: f32 = 1.25;
const MOST_ENLARGED: f32 = 2.0;

#[derive(Debug)]
pub struct CompactReader {
    page: GrayPage,
    raster: Arc<Raster>,
    options: OcrOptions,
    alphabet: Alphabet,
    /// The page was detected at a higher scale; that happens once.
    enlarged: bool,
    lines: Vec<Line>,
    rotation: Rotation,
    state: State,
}

#[derive(Clone, Debug)]
struct Line {
    /// Corners in reading direction, in pixels of the raster as given.
    polygon: Polygon,
    decoded: Option<Decoded>,
}

/// One way that the page may be up.
#[derive(Debug)]
struct Candidate {
    rotation: Rotation,
    lines: Vec<Line>,
    /// Lines that are read to see how this way reads.
    sample: Vec<usize>,
}

impl Candidate {
    fn new(rotation: Rotation, polygons: Vec<Polygon>) -> Self {
        let sample = orientation::sample(&polygons);
        let lines = polygons.into_iter().map(|polygon| Line { polygon, decoded: None }).collect();
        Self { rotation, lines, sample }
    }

    /// The same lines read the other way up.
    fn turned_over(&self) -> Self {
        let over = |line: &Line| Line { polygon: orientation::turned_over(&line.polygon), decoded: None };
        Self {
            rotation: self.rotation.then(Rotation::Half),
            lines: self.lines.iter().map(over).collect(),
            sample: self.sample.clone(),
        }
    }

    fn certainties(&self) -> Vec<f32> {
        let certainty = |&index: &usize| self.lines[index].decoded.as_ref().map_or(0.0, certainty_of);
        self.sample.iter().map(certainty).collect()
    }

    /// Of all lines that are clearly longer than high together: the detector sees lines of any script, and next to none across them.
    fn length(&self) -> f32 {
        let long = self.lines.iter().map(|line| &line.polygon).filter(|line| line.width() > LINE * line.height());
        long.map(Polygon::width).sum()
    }

    fn mean_certainty(&self) -> f32 {
        let certainties = self.certainties();
        certainties.iter().sum::<f32>() / certainties.len().max(1) as f32
    }

    /// How much there is to read this way up, and how well it reads.
    fn score(&self) -> f32 {
        self.mean_certainty() * self.lines.iter().map(|line| line.polygon.width()).sum::<f32>()
    }
}

#[derive(Debug)]
enum State {
    Detecting(View),
    /// A few lines are read as they stand.
    Sampling(Candidate),
    /// They are read the other way up, and the page is detected on its side.
    Turning(Candidate, Candidate, View),
    /// Lines of the page on its side are read both ways.
    Comparing(Vec<Candidate>),
    Recognizing {
        asked: Vec<usize>,
        waiting: VecDeque<usize>,
    },
    Done,
}

impl CompactReader {
    /// Begins to read a page. The inferences returned are never empty.
    pub fn start(raster: Arc<Raster>, options: &OcrOptions, alphabet: Alphabet) -> (Self, Vec<Inference>) {
        let mut reader = Self {
            page: GrayPage::new(raster.clone()),
            raster,
            options: options.clone(),
            alphabet,
            enlarged: !options.second_looks,
            lines: Vec::new(),
            rotation: Rotation::None,
            state: State::Done,
        };
        let view = reader.view(Rotation::None);
        let wanted = vec![reader.detection(&view)];
        reader.state = State::Detecting(view);
        (reader, wanted)
    }

    /// Goes on with the results of the inferences that were asked for last, in the order they were asked in.
    ///
    /// # Errors
    /// [`crate::Error::Inference`] when the results are not those asked for. The page cannot be read any further.
    pub fn advance(&mut self, mut results: Vec<Inferred>) -> Result<Step> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Detecting(view) => {
                let found = one(boxes(results)?)?;
                self.detected(view, &found)
            }
            State::Sampling(mut candidate) => {
                self.read_sample(&mut candidate, symbols(results)?)?;
                self.sampled(candidate)
            }
            State::Turning(upright, mut over, view) => {
                let found = results.pop().ok_or_else(|| out_of_step("the page's other side was asked for"))?;
                self.read_sample(&mut over, symbols(results)?)?;
                let side = self.candidate(&view, &one(boxes(vec![found])?)?);
                Ok(self.compare(vec![upright, over], side))
            }
            State::Comparing(mut candidates) => {
                let mut results = symbols(results)?;
                let sides = candidates.len() - 2;
                for candidate in &mut candidates[sides..] {
                    let rest = results.split_off(candidate.sample.len().min(results.len()));
                    self.read_sample(candidate, std::mem::replace(&mut results, rest))?;
                }
                Ok(self.turned(candidates))
            }
            State::Recognizing { asked, waiting } => {
                let results = symbols(results)?;
                if asked.len() != results.len() {
                    return Err(out_of_step("other lines were asked for"));
                }
                for (index, symbols) in asked.into_iter().zip(results) {
                    self.lines[index].decoded = Some(self.decode(&self.lines[index].polygon, &symbols));
                }
                Ok(self.recognize(waiting))
            }
            State::Done => Err(out_of_step("the page is done")),
        }
    }

    /// Bytes that this reader keeps between steps beside the raster.
    pub fn held_bytes(&self) -> usize {
        let decoded = |line: &Line| line.decoded.as_ref().map_or(0, Decoded::memory_size);
        let lines: usize = self.lines.iter().map(|line| size_of::<Line>() + decoded(line)).sum();
        self.page.copied_bytes() + lines
    }

    /// The page's gray pixels, for who reads on.
    pub fn into_page(self) -> GrayPage {
        self.page
    }

    fn detected(&mut self, view: View, found: &[Corners]) -> Result<Step> {
        if !self.enlarged
            && let Some(scale) = scale_for_small_print(found, view.scale())
        {
            self.enlarged = true;
            let view = View::at(self.raster.width, self.raster.height, view.rotation, scale.into());
            let wanted = vec![self.detection(&view)];
            self.state = State::Detecting(view);
            return Ok(Step::Infer(wanted));
        }
        let candidate = self.candidate(&view, found);
        if !self.options.orient {
            return Ok(self.take(candidate));
        }
        let wanted = self.sample(&candidate);
        if wanted.is_empty() {
            return self.sampled(candidate);
        }
        self.state = State::Sampling(candidate);
        Ok(Step::Infer(wanted))
    }

    fn sampled(&mut self, candidate: Candidate) -> Result<Step> {
        let mut certainties = candidate.certainties();
        certainties.sort_by(f32::total_cmp);
        if certainties.get(certainties.len() / 2).is_some_and(|&median| median >= SURE) {
            return Ok(self.take(candidate));
        }
        let over = candidate.turned_over();
        let view = self.view(Rotation::Clockwise90);
        let mut wanted = self.sample(&over);
        wanted.push(self.detection(&view));
        self.state = State::Turning(candidate, over, view);
        Ok(Step::Infer(wanted))
    }

    fn compare(&mut self, mut candidates: Vec<Candidate>, side: Candidate) -> Step {
        let over = side.turned_over();
        let wanted: Vec<Inference> = [&side, &over].into_iter().flat_map(|c| self.sample(c)).collect();
        if wanted.is_empty() {
            return self.turned(candidates);
        }
        candidates.extend([side, over]);
        self.state = State::Comparing(candidates);
        Step::Infer(wanted)
    }

    /// Takes the way up that reads best. A script that they do not know reads a little better now this way, now that: so a page is turned
    /// over only to what can be read, and laid on its other side only where that can be read or its lines run that way.
    fn turned(&mut self, candidates: Vec<Candidate>) -> Step {
        let (as_it_stands, across) = candidates.first().map_or((0.0, 0.0), |c| (c.score(), c.length()));
        let may_be = |candidate: &Candidate| {
            let runs_that_way = candidate.rotation.swaps_sides() && candidate.length() > MUCH_LONGER * across;
            (runs_that_way || candidate.mean_certainty() >= READ) && candidate.score() > CLEARLY * as_it_stands
        };
        let turns = candidates.iter().enumerate().skip(1).filter(|(_, candidate)| may_be(candidate));
        let best = turns.map(|(index, candidate)| (index, candidate.score())).max_by(|a, b| a.1.total_cmp(&b.1));
        let chosen = best.map_or(0, |(index, _)| index);
        match candidates.into_iter().nth(chosen) {
            Some(candidate) => self.take(candidate),
            None => Step::Done(Lines::default()),
        }
    }

    /// Reads the rest of the page this way up.
    fn take(&mut self, candidate: Candidate) -> Step {
        self.rotation = candidate.rotation;
        self.lines = candidate.lines;
        self.recognize((0..self.lines.len()).filter(|&index| self.lines[index].decoded.is_none()).collect())
    }

    /// Asks for the next group of lines, or ends the page when there are none left.
    fn recognize(&mut self, mut waiting: VecDeque<usize>) -> Step {
        let mut asked = Vec::new();
        let mut bytes = 0;
        while let Some(&index) = waiting.front() {
            bytes += recognizer::tensor_bytes(&self.lines[index].polygon);
            // A line wider than the whole group passes alone.
            if bytes > self.options.crop_group_bytes && !asked.is_empty() {
                break;
            }
            asked.push(index);
            waiting.pop_front();
        }
        if asked.is_empty() {
            let lines = std::mem::take(&mut self.lines).into_iter();
            let lines = lines.filter_map(|line| Some((line.polygon, line.decoded?))).collect();
            return Step::Done(Lines { lines, rotation: self.rotation });
        }
        let wanted = asked.iter().map(|&index| self.recognition(&self.lines[index].polygon)).collect();
        self.state = State::Recognizing { asked, waiting };
        Step::Infer(wanted)
    }

    fn view(&self, rotation: Rotation) -> View {
        View::page(self.raster.width, self.raster.height, rotation, self.options.detect_max_side)
    }

    fn candidate(&self, view: &View, found: &[Corners]) -> Candidate {
        let lines: Vec<Polygon> =
            found.iter().take(self.options.max_lines).map(|b| fit::fit(self.page.plane(), &view.to_page(b))).collect();
        let (width, height) = (self.raster.width as f32, self.raster.height as f32);
        let upright = Upright { rotation: view.rotation, width, height };
        Candidate::new(view.rotation, gutter::cut_at_gutters(&self.raster, &lines, &upright))
    }

    fn sample(&self, candidate: &Candidate) -> Vec<Inference> {
        candidate.sample.iter().map(|&index| self.recognition(&candidate.lines[index].polygon)).collect()
    }

    fn read_sample(&self, candidate: &mut Candidate, symbols: Vec<Vec<Symbol>>) -> Result<()> {
        if candidate.sample.len() != symbols.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        for (&index, symbols) in candidate.sample.iter().zip(&symbols) {
            let line = &mut candidate.lines[index];
            line.decoded = Some(self.decode(&line.polygon, symbols));
        }
        Ok(())
    }

    fn detection(&self, view: &View) -> Inference {
        Inference { task: Task::CompactDetect, input: detector::prepare(self.page.plane(), view) }
    }

    fn recognition(&self, line: &Polygon) -> Inference {
        Inference { task: Task::CompactRecognize, input: recognizer::input(self.page.plane(), line) }
    }

    fn decode(&self, line: &Polygon, symbols: &[Symbol]) -> Decoded {
        read(line, symbols, &self.alphabet)
    }
}

/// What our own recogniser said of a line, given by its corners in reading direction.
pub fn read(line: &Polygon, symbols: &[Symbol], alphabet: &Alphabet) -> Decoded {
    let content_width = recognizer::content_width(line);
    let geometry = StepGeometry { line: *line, content_width, step_width: recognizer::STEP_WIDTH };
    let mut decoded = decode(symbols, alphabet, &geometry);
    script::settle(&mut decoded);
    decoded
}

/// The scale of a second detection where the print of the page is too small in the first one's input, which had `scale` page
/// pixels per input pixel.
fn scale_for_small_print(found: &[Corners], scale: f32) -> Option<f32> {
    let mut heights: Vec<f32> = found.iter().map(|[a, _, _, d]| (d[1] - a[1]) as f32).collect();
    heights.sort_by(f32::total_cmp);
    let median = *heights.get(heights.len() / 2)?;
    // A few captions in a figure are no page of small print.
    if heights.len() < 10 || median >= SMALL_PRINT {
        return None;
    }
    let larger = (READABLE_PRINT / median.max(1.0)).min(MOST_ENLARGED);
    // Beyond the page's own pixels there is little to see.
    let larger = larger.min(scale * WORTH_ENLARGING);
    (larger >= WORTH_ENLARGING).then(|| larger / scale)
}
