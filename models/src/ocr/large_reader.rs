//! The reading of one page with PP-OCRv6, as a state machine like [`super::PageReader`], which drives it. The steps are the
//! states of `State`, from top to bottom.

use std::{collections::VecDeque, sync::Arc};

use pagestream_documents::{Polygon, Raster, Rect, Rotation, buffers};

use super::{
    Alphabet, Inference, Inferred, Lines, LinesStep as Step, OcrOptions, ProbabilityMap, Symbol, Task,
    compact::gutter,
    content, crop,
    detector::{self, View},
    looks,
    orientation::{self, Upright},
    recognizer::{self, Decoded},
    results::{maps, one, out_of_step, probabilities, symbols},
};
use crate::error::Result;

/// Crop pixels per output step: the network shortens the line eight times.
const STEP_WIDTH: f32 = 8.0;

/// Reads one page; see the module. `Send`, and small beside its raster.
#[derive(Debug)]
pub struct LargeReader {
    raster: Arc<Raster>,
    /// Where anything is to be found.
    content: Rect,
    options: OcrOptions,
    alphabet: Alphabet,
    rotation: Rotation,
    /// Which way up the page is, is known.
    oriented: bool,
    /// The page was detected at a higher scale; that happens once.
    enlarged: bool,
    /// Raster pixels per pixel of the map that the lines were found in.
    scale: f32,
    lines: Vec<Line>,
    state: State,
}

#[derive(Clone, Debug)]
struct Line {
    /// Corners in reading direction, in pixels of the raster as given.
    polygon: Polygon,
    decoded: Option<Decoded>,
    /// Found by a second look at this line, which it may replace.
    part_of: Option<usize>,
}

impl Line {
    fn new(polygon: Polygon) -> Self {
        Self { polygon, decoded: None, part_of: None }
    }

    fn confidence(&self) -> f32 {
        self.decoded.as_ref().map_or(0.0, |decoded| decoded.confidence)
    }

    /// The confidence as far as the line was read.
    fn quality(&self) -> f32 {
        self.decoded
            .as_ref()
            .map_or(0.0, |decoded| decoded.confidence * orientation::share_read(&self.polygon, decoded))
    }
}

#[derive(Debug)]
enum State {
    /// The page's probability map was asked for.
    Detecting(View),
    /// A few lines are recognised as they stand, to see which way up the page is.
    Sampling(Vec<usize>),
    /// The classifier looks at the same lines.
    Voting(Vec<usize>),
    /// The same lines are recognised the other way up, and have to read better by this much.
    Confirming(Vec<usize>, f32),
    /// All other lines are recognised, a group at a time.
    Recognizing {
        asked: Vec<usize>,
        waiting: VecDeque<usize>,
    },
    /// Probability maps of suspicious lines, at a higher scale, were asked for.
    Looking(Vec<(usize, View)>),
    Done,
}

impl LargeReader {
    /// Begins to read a page. The inferences returned are never empty.
    pub fn start(raster: Arc<Raster>, options: &OcrOptions, alphabet: Alphabet) -> (Self, Vec<Inference>) {
        let whole = Rect { left: 0.0, top: 0.0, right: raster.width as f32, bottom: raster.height as f32 };
        let content = content::bounds(&raster).unwrap_or(whole);
        let view = View::content(&raster, content, Rotation::None, 1.0, options.detect_max_side);
        let wanted = vec![Inference { task: Task::Detect, input: detector::prepare(&raster, &view) }];
        let reader = Self {
            raster,
            content,
            options: options.clone(),
            alphabet,
            rotation: Rotation::None,
            oriented: !options.orient,
            enlarged: !options.second_looks,
            scale: view.scale(),
            lines: Vec::new(),
            state: State::Detecting(view),
        };
        (reader, wanted)
    }

    /// Goes on with the results of the inferences that were asked for last, in the order they were asked in.
    ///
    /// # Errors
    /// [`Error::Inference`] when the results are not those asked for. The page cannot be read any further.
    pub fn advance(&mut self, results: Vec<Inferred>) -> Result<Step> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Detecting(view) => self.detected(view, one(maps(results)?)?),
            State::Sampling(sample) => self.sampled(sample, symbols(results)?),
            State::Voting(sample) => self.voted(sample, probabilities(results)?),
            State::Confirming(sample, margin) => self.confirmed(sample, margin, symbols(results)?),
            State::Recognizing { asked, waiting } => {
                self.recognized(&asked, symbols(results)?)?;
                self.recognize(waiting)
            }
            State::Looking(views) => self.looked(views, maps(results)?),
            State::Done => Err(out_of_step("the page is done")),
        }
    }

    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// Bytes that this reader keeps between steps beside the raster. Bounded by `OcrOptions::max_lines`.
    pub fn held_bytes(&self) -> usize {
        let decoded = |line: &Line| line.decoded.as_ref().map_or(0, Decoded::memory_size);
        self.lines.iter().map(|line| size_of::<Line>() + decoded(line)).sum()
    }

    fn detected(&mut self, view: View, map: ProbabilityMap) -> Result<Step> {
        let found: Vec<Polygon> = detector::boxes(&map, &self.options).iter().map(|d| d.polygon).collect();
        buffers::give_back(map.data);
        if !self.oriented && view.rotation == Rotation::None && orientation::lies_on_its_side(&found) {
            // Which of the two quarters it is the sampled lines will tell.
            self.rotation = Rotation::Clockwise90;
            return Ok(self.detect(self.view(1.0, self.options.detect_max_side)));
        }
        if !self.enlarged
            && let Some(factor) = looks::enlargement_for_small_print(&found, view.scale())
        {
            return Ok(self.detect_enlarged(factor / view.scale()));
        }
        let lines = found.into_iter().map(orientation::along_the_text).map(|p| p.map(|point| view.to_raster(point)));
        let lines = gutter::cut_at_gutters(&self.raster, &lines.collect::<Vec<_>>(), &self.upright());
        self.lines = lines.into_iter().map(Line::new).collect();
        self.scale = view.scale();
        if self.oriented {
            return self.recognize(self.not_recognized());
        }
        let polygons: Vec<Polygon> = self.lines.iter().map(|line| line.polygon).collect();
        let sample = orientation::sample(&polygons);
        if sample.is_empty() {
            return self.recognize(VecDeque::new());
        }
        let wanted = sample.iter().map(|&index| self.recognition(&self.lines[index].polygon)).collect();
        self.state = State::Sampling(sample);
        Ok(Step::Infer(wanted))
    }

    fn sampled(&mut self, sample: Vec<usize>, symbols: Vec<Vec<Symbol>>) -> Result<Step> {
        self.recognized(&sample, symbols)?;
        if orientation::is_surely_upright(&self.confidences(&sample)) {
            self.oriented = true;
            return self.recognize(self.not_recognized());
        }
        if self.rotation != Rotation::None {
            return Ok(self.confirm(sample, orientation::MARGIN));
        }
        let wanted = sample
            .iter()
            .map(|&index| Inference {
                task: Task::Orient,
                input: crop::orient_input(&self.raster, &self.lines[index].polygon),
            })
            .collect();
        self.state = State::Voting(sample);
        Ok(Step::Infer(wanted))
    }

    fn voted(&mut self, sample: Vec<usize>, upside_down: Vec<f32>) -> Result<Step> {
        if orientation::votes_for_turn(&upside_down) {
            Ok(self.confirm(sample, orientation::MARGIN))
        } else if orientation::may_be_inverted(&self.confidences(&sample)) {
            Ok(self.confirm(sample, orientation::MARGIN_AGAINST_VOTE))
        } else {
            self.with_doubts(&sample)
        }
    }

    fn confirmed(&mut self, sample: Vec<usize>, margin: f32, symbols: Vec<Vec<Symbol>>) -> Result<Step> {
        if sample.len() != symbols.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        let turned: Vec<Line> = sample
            .iter()
            .zip(symbols)
            .map(|(&index, symbols)| {
                let polygon = orientation::turned_over(&self.lines[index].polygon);
                Line { decoded: Some(self.decode(&polygon, &symbols)), ..Line::new(polygon) }
            })
            .collect();
        let (as_is, turned_over) = (self.qualities(&sample), turned.iter().map(Line::quality).collect::<Vec<_>>());
        // On its side a page lies one way or the other. Upright it is until it can be read the other way up: a script that nobody here knows
        // reads a little better now this way, now that.
        let can_be_read = self.rotation != Rotation::None || orientation::can_be_read(&turned_over);
        if can_be_read && orientation::reads_better_turned(&as_is, &turned_over, margin) {
            self.rotation = self.rotation.then(Rotation::Half);
            for line in &mut self.lines {
                *line = Line::new(orientation::turned_over(&line.polygon));
            }
            for (&index, line) in sample.iter().zip(turned) {
                self.lines[index] = line;
            }
        }
        self.with_doubts(&sample)
    }

    /// The page stands as well as it can. If its lines are still hard to read, the detector may have seen too little
    /// of them: the lines of a newspaper page merge at its scale.
    fn with_doubts(&mut self, sample: &[usize]) -> Result<Step> {
        self.oriented = true;
        if !self.enlarged
            && !orientation::is_surely_upright(&self.confidences(sample))
            && self.scale > looks::WORTH_ENLARGING
        {
            return Ok(self.detect_enlarged(looks::ENLARGEMENT / self.scale));
        }
        self.recognize(self.not_recognized())
    }

    fn detect_enlarged(&mut self, scale: f32) -> Step {
        self.enlarged = true;
        let side = (self.options.detect_max_side as f32 * looks::ENLARGEMENT) as u32;
        self.detect(self.view(scale.min(looks::MAX_SCALE), side))
    }

    fn view(&self, scale: f32, max_side: u32) -> View {
        View::content(&self.raster, self.content, self.rotation, scale, max_side)
    }

    fn detect(&mut self, view: View) -> Step {
        let wanted = vec![Inference { task: Task::Detect, input: detector::prepare(&self.raster, &view) }];
        self.state = State::Detecting(view);
        Step::Infer(wanted)
    }

    fn confirm(&mut self, sample: Vec<usize>, margin: f32) -> Step {
        let turned = sample.iter().map(|&index| orientation::turned_over(&self.lines[index].polygon));
        let wanted = turned.map(|polygon| self.recognition(&polygon)).collect();
        self.state = State::Confirming(sample, margin);
        Step::Infer(wanted)
    }

    /// Asks for the next group of lines, or ends the page when there are none left.
    fn recognize(&mut self, mut waiting: VecDeque<usize>) -> Result<Step> {
        let mut asked = Vec::new();
        let mut bytes = 0;
        while let Some(&index) = waiting.front() {
            bytes += crop::tensor_bytes(&self.lines[index].polygon);
            // A line wider than the whole group passes alone.
            if bytes > self.options.crop_group_bytes && !asked.is_empty() {
                break;
            }
            asked.push(index);
            waiting.pop_front();
        }
        if asked.is_empty() {
            return Ok(self.look().unwrap_or_else(|| Step::Done(self.finish())));
        }
        let wanted = asked.iter().map(|&index| self.recognition(&self.lines[index].polygon)).collect();
        self.state = State::Recognizing { asked, waiting };
        Ok(Step::Infer(wanted))
    }

    /// Looks again at lines that may be several, once.
    fn look(&mut self) -> Option<Step> {
        if !self.options.second_looks || self.lines.iter().any(|line| line.part_of.is_some()) {
            return None;
        }
        let seen: Vec<(Polygon, f32)> = self.lines.iter().map(|line| (line.polygon, line.confidence())).collect();
        let views: Vec<(usize, View)> = looks::suspicious(&seen)
            .into_iter()
            .map(|index| (index, looks::view(&self.raster, &self.lines[index].polygon, self.rotation, self.scale)))
            .collect();
        if views.is_empty() {
            return None;
        }
        let wanted = views
            .iter()
            .map(|(_, view)| Inference { task: Task::Detect, input: detector::prepare(&self.raster, view) })
            .collect();
        self.state = State::Looking(views);
        Some(Step::Infer(wanted))
    }

    fn looked(&mut self, views: Vec<(usize, View)>, maps: Vec<ProbabilityMap>) -> Result<Step> {
        if views.len() != maps.len() {
            return Err(out_of_step("other maps were asked for"));
        }
        let first = self.lines.len();
        for ((index, view), map) in views.iter().zip(maps) {
            let found = detector::boxes(&map, &self.options);
            buffers::give_back(map.data);
            let found: Vec<Polygon> = found.iter().map(|d| d.polygon.map(|p| view.to_raster(p))).collect();
            let parts = looks::parts(&self.lines[*index].polygon, &found);
            self.lines.extend(parts.into_iter().map(|p| Line { part_of: Some(*index), ..Line::new(p) }));
        }
        if self.lines.len() == first {
            return Ok(Step::Done(self.finish()));
        }
        self.recognize((first..self.lines.len()).collect())
    }

    /// Puts the parts of a line in its place where they read better.
    fn settle_parts(&mut self) {
        let first = self.lines.iter().position(|line| line.part_of.is_some()).unwrap_or(self.lines.len());
        let parts = self.lines.split_off(first);
        for index in 0..first {
            let of_this: Vec<&Line> = parts.iter().filter(|part| part.part_of == Some(index)).collect();
            let read = |line: &Line| line.decoded.as_ref().map_or((0.0, 0), |d| (d.confidence, d.text.chars().count()));
            let whole = read(&self.lines[index]);
            if looks::parts_read_better(whole, &of_this.iter().map(|part| read(part)).collect::<Vec<_>>()) {
                self.lines[index].decoded = None;
                self.lines.extend(of_this.into_iter().cloned());
            }
        }
    }

    fn recognized(&mut self, asked: &[usize], symbols: Vec<Vec<Symbol>>) -> Result<()> {
        if asked.len() != symbols.len() {
            return Err(out_of_step("other lines were asked for"));
        }
        for (&index, symbols) in asked.iter().zip(&symbols) {
            self.lines[index].decoded = Some(self.decode(&self.lines[index].polygon, symbols));
        }
        Ok(())
    }

    fn recognition(&self, line: &Polygon) -> Inference {
        Inference { task: Task::Recognize, input: crop::recognizer_input(&self.raster, line).tensor }
    }

    fn decode(&self, line: &Polygon, symbols: &[Symbol]) -> Decoded {
        decode(line, symbols, &self.alphabet)
    }

    fn upright(&self) -> Upright {
        Upright { rotation: self.rotation, width: self.raster.width as f32, height: self.raster.height as f32 }
    }

    fn not_recognized(&self) -> VecDeque<usize> {
        (0..self.lines.len()).filter(|&index| self.lines[index].decoded.is_none()).collect()
    }

    fn confidences(&self, lines: &[usize]) -> Vec<f32> {
        lines.iter().map(|&index| self.lines[index].confidence()).collect()
    }

    fn qualities(&self, lines: &[usize]) -> Vec<f32> {
        lines.iter().map(|&index| self.lines[index].quality()).collect()
    }

    fn finish(&mut self) -> Lines {
        self.settle_parts();
        let lines = std::mem::take(&mut self.lines).into_iter();
        Lines { lines: lines.filter_map(|line| Some((line.polygon, line.decoded?))).collect(), rotation: self.rotation }
    }
}

/// What PP-OCRv6's recogniser said of a line, given by its corners in reading direction.
pub fn decode(line: &Polygon, symbols: &[Symbol], alphabet: &Alphabet) -> Decoded {
    let content_width = crop::content_width(line);
    let geometry = recognizer::StepGeometry { line: *line, content_width, step_width: STEP_WIDTH };
    let mut decoded = recognizer::decode(symbols, alphabet, &geometry);
    spell_out(&mut decoded);
    decoded
}

/// Degrees Celsius and Fahrenheit are two characters each in all but Chinese print, and PP-OCRv6 has one.
fn spell_out(line: &mut Decoded) {
    if !line.text.contains(['\u{2103}', '\u{2109}']) {
        return;
    }
    let plain = |text: &str| text.replace('\u{2103}', "°C").replace('\u{2109}', "°F");
    line.text = plain(&line.text);
    line.words.iter_mut().for_each(|word| word.text = plain(&word.text));
    let several = |c: recognizer::Character| {
        let letter = match c.character {
            '\u{2103}' => Some('C'),
            '\u{2109}' => Some('F'),
            _ => None,
        };
        let first = recognizer::Character { character: if letter.is_some() { '°' } else { c.character }, ..c };
        let second = letter.map(|character| recognizer::Character { character, ..c });
        std::iter::once(first).chain(second)
    };
    line.characters = std::mem::take(&mut line.characters).into_iter().flat_map(several).collect();
}

#[cfg(test)]
mod tests {
    use pagestream_documents::{PixelFormat, Rect};

    use super::*;

    #[test]
    fn a_line_that_reads_better_in_parts_is_replaced_by_them() {
        let raster = Raster { width: 1, height: 1, format: PixelFormat::Gray8, data: vec![255], dpi: 72.0 };
        let alphabet = Alphabet::from_metadata("a");
        let (mut reader, _) = LargeReader::start(Arc::new(raster), &OcrOptions::default(), alphabet);
        let decoded =
            |text: &str, confidence| Some(Decoded { text: text.to_owned(), confidence, ..Decoded::default() });
        let rect =
            |top: f32, height: f32| Polygon::from_rect(Rect { left: 0.0, top, right: 300.0, bottom: top + height });
        let line =
            |text, confidence, top, height| Line { decoded: decoded(text, confidence), ..Line::new(rect(top, height)) };
        let part = |of, text, confidence, top| Line { part_of: Some(of), ..line(text, confidence, top, 20.0) };
        reader.lines = vec![
            line("first", 0.99, 0.0, 20.0),
            line("xx", 0.5, 30.0, 44.0),
            line("kept", 0.8, 80.0, 44.0),
            part(1, "second", 0.98, 30.0),
            part(1, "third", 0.98, 54.0),
            part(2, "k", 0.99, 80.0),
        ];
        let texts: Vec<String> = reader.finish().lines.into_iter().map(|(_, decoded)| decoded.text).collect();
        assert_eq!(texts, ["first", "kept", "second", "third"]);
    }
}
