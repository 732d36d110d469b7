//! A trial of the built-in networks on a machine: do they compute here what they computed in the lab, and what does a page cost?
//!
//! Sums of 8-bit products are exact on some processors and saturate on others, and one library rounds where another does not, so that
//! a network is tried where it is to be used. What it is tried on are the lab's own test vectors, which the program carries:
//! a page, and lines with the class that the network had for every step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use pagestream_documents::{OpenOptions, PageNumber, Raster, RenderOptions, open};
use serde::Deserialize;

use crate::{
    backend::{Session, Tensor, TensorView},
    built_in,
    error::{Error, Result},
    ocr::{
        Corners, Inference, Inferred, LargeModels, LayoutNetwork, OcrModels, OcrOptions, PageReader, Quality, Step,
        Task,
        compact::{recognizer, resize::Plane},
        recognizer::best,
        reduce,
    },
};

const PAGE: &[u8] = include_bytes!("../shipped/vectors/page.png");

/// By recogniser: its vectors.
const LINES: [(&str, &str); 2] = [
    ("recogniser-latin-fast", include_str!("../shipped/vectors/recogniser-latin-fast.json")),
    ("recogniser-latin-large", include_str!("../shipped/vectors/recogniser-latin-large.json")),
];

/// A line, and what the network made of it in the lab, in f32.
#[derive(Debug)]
pub struct Line {
    /// `[1, 1, 32, width]`
    pub input: Tensor,
    /// The best class of every step.
    pub classes: Vec<u32>,
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    crop_width: usize,
    crop_height: usize,
    /// Gray pixels in base64.
    crop: String,
    classes: Vec<u32>,
}

/// The lab's vectors of a built-in recogniser; of another network, none.
pub fn lines(network: &str) -> Vec<Line> {
    let text = LINES.iter().find(|(id, _)| *id == network).map_or(r#"{"cases": []}"#, |(_, text)| *text);
    let vectors: Vectors =
        serde_json::from_str(text).expect("the vectors are a part of the program; a test reads them");
    let line = |case: Case| {
        let pixels = base64(&case.crop);
        let input = recognizer::tensor(Plane::new(&pixels, case.crop_width, case.crop_height));
        Line { input, classes: case.classes }
    };
    vectors.cases.into_iter().map(line).collect()
}

/// The lab's page: 768 x 1056 pixels, 33 lines of an italic type with noise on them.
pub fn page() -> Arc<Raster> {
    let page = open(Arc::new(PAGE), &OpenOptions::default())
        .and_then(|file| file.render(PageNumber::FIRST, &RenderOptions::default()));
    Arc::new(page.expect("the page is a part of the program; a test reads it"))
}

/// The standard alphabet of RFC 4648; what is no digit of it is passed over.
fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    let group = |digits: &[u8]| {
        let bits = digits.iter().fold(0, |bits, &c| bits << 6 | u32::from(c)) << (6 * (4 - digits.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(digits.len() * 6 / 8)
    };
    digits.chunks(4).flat_map(group).collect()
}

/// What a network made of an input, as far as it can be compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The best class of every step, or of every cell of a map.
    Classes(Vec<u32>),
    /// Lines, in pixels of the input.
    Boxes(Vec<Corners>),
}

/// How much of a network's answers is as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Steps with another best class; lines that only one of the two answers has.
    pub differ: usize,
    /// Steps, or lines of the answer that is right.
    pub of: usize,
}

impl Agreement {
    pub fn and(self, other: Self) -> Self {
        Self { differ: self.differ + other.differ, of: self.of + other.of }
    }

    /// What differs, as a share; nothing to compare is no agreement.
    pub fn share(self) -> f64 {
        if self.of == 0 { 1.0 } else { self.differ as f64 / self.of as f64 }
    }
}

impl Answer {
    /// Of a task of our own networks.
    ///
    /// # Errors
    /// [`Error::Inference`] for an output of another shape, and for other tasks.
    fn of(task: Task, output: TensorView<'_>) -> Result<(Self, Inferred)> {
        let inferred = reduce(task, output)?;
        let answer = match (&inferred, output.shape.last()) {
            (Inferred::Boxes(boxes), _) => Self::Boxes(boxes.clone()),
            (Inferred::Layout(map), _) => Self::Classes(map.classes()),
            (Inferred::Symbols(_), Some(&classes)) => {
                Self::Classes(output.data.chunks_exact(classes.max(1)).map(|values| best(values).0).collect())
            }
            _ => return Err(failed(task, "it has no answer to compare")),
        };
        Ok((answer, inferred))
    }

    /// How this answer agrees with the one that is right.
    pub fn agreement(&self, right: &Self) -> Agreement {
        match (self, right) {
            (Self::Classes(ours), Self::Classes(right)) => {
                let differ = ours.iter().zip(right).filter(|(a, b)| a != b).count();
                Agreement { differ: differ + ours.len().abs_diff(right.len()), of: right.len() }
            }
            (Self::Boxes(ours), Self::Boxes(right)) => {
                let alone = |some: &[Corners], others: &[Corners]| {
                    some.iter().filter(|a| !others.iter().any(|b| overlap(a, b) > SAME_LINE)).count()
                };
                Agreement { differ: alone(ours, right) + alone(right, ours), of: right.len() }
            }
            _ => Agreement { differ: 1, of: 1 },
        }
    }
}

/// Boxes that overlap by more of what they cover together are of the same line.
const SAME_LINE: f64 = 0.7;

/// Intersection over union of the upright boxes around two polygons.
fn overlap(a: &Corners, b: &Corners) -> f64 {
    let bounds = |corners: &Corners, axis: usize| {
        let values = corners.map(|point| point[axis]);
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let area =
        |corners: &Corners| (0..2).map(|axis| bounds(corners, axis)).map(|(low, high)| high - low).product::<f64>();
    let common: f64 = (0..2)
        .map(|axis| {
            let ((a_low, a_high), (b_low, b_high)) = (bounds(a, axis), bounds(b, axis));
            (a_high.min(b_high) - a_low.max(b_low)).max(0.0)
        })
        .product();
    common / (area(a) + area(b) - common).max(f64::MIN_POSITIVE)
}

/// A network's sessions by task, as [`crate::ocr::Sessions`] has them.
pub type Sessions = BTreeMap<Task, Box<dyn Session>>;

/// One run of a network on the trial page.
#[derive(Debug)]
pub struct Run {
    pub task: Task,
    pub input: Tensor,
    pub answer: Answer,
    pub time: Duration,
}

/// What reading the trial page came to.
#[derive(Debug, Default)]
pub struct PageTrial {
    /// Of our own networks, in their order.
    pub runs: Vec<Run>,
    pub lines: usize,
}

impl PageTrial {
    /// Of all runs of our own networks.
    pub fn time(&self) -> Duration {
        self.runs.iter().map(|run| run.time).sum()
    }

    /// Of the runs of one of them.
    pub fn time_of(&self, task: Task) -> Duration {
        self.runs.iter().filter(|run| run.task == task).map(|run| run.time).sum()
    }
}

/// Reads the trial page by [`PageReader`] with these sessions of our own networks, with nothing in PP-OCRv6's stead. `now`
/// is the clock. The first run of each network is not timed: it allocates.
///
/// # Errors
/// What a session's run ends with.
pub fn read_page(sessions: &mut Sessions, quality: Quality, now: &dyn Fn() -> Duration) -> Result<PageTrial> {
    let options = OcrOptions { quality, ..OcrOptions::default() };
    let alphabet = built_in::alphabet();
    let layout = sessions.contains_key(&Task::Layout);
    let models = OcrModels {
        compact: Some(alphabet.clone()),
        reread: sessions.contains_key(&Task::CompactReread),
        large: LargeModels::Ready(alphabet),
        structure: layout,
        layout: layout.then_some(LayoutNetwork::Own),
        table: None,
        formula: None,
        inline_formulas: false,
    };
    let (mut reader, mut wanted) = PageReader::start(page(), &options, &models)?;
    let (mut trial, mut warm) = (PageTrial::default(), Vec::new());
    loop {
        let mut results = Vec::new();
        for Inference { task, input } in wanted {
            if task == Task::Recognize {
                // Nothing read leaves the line as it was.
                results.push(Inferred::Symbols(Vec::new()));
                continue;
            }
            if task.is_large() {
                let recognized = trial.runs.iter().filter(|run| run.task == Task::CompactRecognize).count();
                return Ok(PageTrial { lines: recognized, ..trial });
            }
            let session = sessions.get_mut(&task).ok_or_else(|| failed(task, "it is not at hand"))?;
            if !warm.contains(&task) {
                warm.push(task);
                run(&mut **session, task, &input)?;
            }
            let since = now();
            let (answer, inferred) = run(&mut **session, task, &input)?;
            let time = now().saturating_sub(since);
            results.push(inferred);
            trial.runs.push(Run { task, input, answer, time });
        }
        match reader.advance(results)? {
            Step::Infer(more) => wanted = more,
            Step::Done(reading) => return Ok(PageTrial { lines: reading.lines.len(), ..trial }),
        }
    }
}

/// The same inputs once more to another session of a task, say in another precision: what it took, and how far it agrees.
///
/// # Errors
/// What the session's run ends with.
pub fn run_again(
    session: &mut dyn Session,
    task: Task,
    runs: &[Run],
    now: &dyn Fn() -> Duration,
) -> Result<(Duration, Agreement)> {
    let (mut time, mut agreement) = (Duration::ZERO, Agreement::default());
    for (n, right) in runs.iter().filter(|run| run.task == task).enumerate() {
        if n == 0 {
            run(session, task, &right.input)?;
        }
        let since = now();
        let (answer, _) = run(session, task, &right.input)?;
        time += now().saturating_sub(since);
        agreement = agreement.and(answer.agreement(&right.answer));
    }
    Ok((time, agreement))
}

/// How a session of a built-in recogniser agrees with what the lab had of its vectors.
///
/// # Errors
/// What the session's run ends with.
pub fn run_lines(session: &mut dyn Session, network: &str) -> Result<Agreement> {
    lines(network).iter().try_fold(Agreement::default(), |sum, line| {
        let (answer, _) = run(session, Task::CompactRecognize, &line.input)?;
        Ok(sum.and(answer.agreement(&Answer::Classes(line.classes.clone()))))
    })
}

fn run(session: &mut dyn Session, task: Task, input: &Tensor) -> Result<(Answer, Inferred)> {
    let mut answer = None;
    session.run(input.view(), &mut |output| answer = Some(Answer::of(task, output)))?;
    answer.unwrap_or_else(|| Err(failed(task, "it has no output")))
}

fn failed(task: Task, cause: &str) -> Error {
    Error::Inference { model: format!("{task:?}"), cause: cause.to_owned() }
}

#[cfg(test)]
mod tests;
