//! Reading a page's pixels: detection, orientation, recognition.
//!
//! [`PageReader`] is a state machine that performs no inference itself: it says which inferences it needs, is given
//! their results, and goes on, so that a scheduler may mix the work of many pages.

use std::{collections::BTreeMap, fmt, ops::Range, str::FromStr, sync::Arc};

use pagestream_documents::{Block, Hints, Polygon, Raster, Rotation, TextLine};

use crate::{
    backend::{Session, Tensor, TensorView},
    embedding,
    error::{Error, Result},
    formula::{self, FormulaRecognizer, Written},
};

pub mod compact;
pub mod confidence;
pub mod content;
pub mod crop;
pub mod deskew;
pub mod detector;
pub mod ink;
mod large_reader;
pub mod looks;
pub mod orientation;
pub mod page_reader;
mod paper;
pub mod pixels;
pub mod published;
pub mod recognizer;
mod results;
pub mod rulings;
mod second_opinion;
pub mod shades;
pub mod skew;
mod strokes;

pub use page_reader::{PageReader, Step};
pub use published::LayoutNetwork;
pub use recognizer::Alphabet;

/// What a model is used for. One model serves each task at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// Page pixels -> probability that each pixel belongs to a text line.
    Detect,
    /// Line crop -> probability that it stands on its head.
    Orient,
    /// Line crop -> characters.
    Recognize,
    /// Page pixels -> text lines, by our own network.
    CompactDetect,
    /// Line crop -> Latin characters, by our own network.
    CompactRecognize,
    /// The same by a larger one of ours, of lines that the first is unsure of.
    CompactReread,
    /// Page pixels -> which kind of block each part of it is, by our own network or by one that was chosen.
    Layout,
    /// Pixels of a table -> its cells, by a network that was chosen.
    Table,
    /// Line crop -> where formulas stand in it, by our own network.
    InlineFormulas,
    /// Pixels of a formula -> tokens, by our own networks or by those that were chosen: see [`crate::formula`].
    Formula,
    /// Word pieces -> what they mean, as a vector. No part of reading a page: see [`crate::embedding`].
    Embed,
}

impl Task {
    /// As plans and metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Orient => "orient",
            Self::Recognize => "recognize",
            Self::CompactDetect => "compact-detect",
            Self::CompactRecognize => "compact-recognize",
            Self::CompactReread => "compact-reread",
            Self::Layout => "layout",
            Self::Table => "table",
            Self::InlineFormulas => "inline-formulas",
            Self::Formula => "formula",
            Self::Embed => "embed",
        }
    }

    /// Whether its inputs go together whatever their shapes are ([`Session::run_each`]), and not only those of one shape, stacked.
    pub fn mixes_shapes(self) -> bool {
        self == Self::Formula
    }

    /// Whether PP-OCRv6 does it.
    pub fn is_large(self) -> bool {
        matches!(self, Self::Detect | Self::Orient | Self::Recognize)
    }
}

/// Which networks read a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Our own small networks, which the program carries.
    Fast,
    /// Our own, with a larger recogniser for the lines that the first is unsure of, and PP-OCRv6, where it is at hand, for what neither can read.
    #[default]
    Balanced,
    /// PP-OCRv6.
    Accurate,
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Accurate => "accurate",
        })
    }
}

impl FromStr for Quality {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fast" => Ok(Self::Fast),
            "balanced" => Ok(Self::Balanced),
            "accurate" => Ok(Self::Accurate),
            _ => Err(format!("`{text}` is not a quality; it is one of fast, balanced, accurate")),
        }
    }
}

/// One inference that a page needs. `input.shape[0]` is 1; a scheduler may stack inputs of equal shape and task.
#[derive(Clone, Debug)]
pub struct Inference {
    pub task: Task,
    pub input: Tensor,
}

/// A line as our own detector finds it: four corners, clockwise from the top left, in pixels of the detector's input.
pub type Corners = [[f64; 2]; 4];

/// What an inference came to, already reduced from the model's output.
#[derive(Clone, Debug, PartialEq)]
pub enum Inferred {
    Map(ProbabilityMap),
    /// Probability that the crop is upside down.
    UpsideDown(f32),
    Symbols(Vec<Symbol>),
    /// Text lines, in pixels of the detector's input.
    Boxes(Vec<Corners>),
    /// Kinds of blocks, by cells of the network's input.
    Layout(LayoutMap),
    /// The same of a network that finds boxes; [`published::PicoDet`](published::picodet::PicoDet) reads them.
    Candidates(Vec<published::picodet::Candidate>),
    /// A table, token by token; [`published::SlaNet`](published::slanet::SlaNet) reads them.
    Table(Vec<published::slanet::TableStep>),
    /// Where in a line formulas stand.
    InFormula(InFormula),
    /// What was written of a formula; the [`FormulaRecognizer`] that wrote it reads it.
    Formula(Written),
    /// [`embedding::DIMENSIONS`] numbers, of length one together.
    Vector(Vec<f32>),
}

/// Row-major probabilities of text, quantised to 0..=255, at the detector's input resolution.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilityMap {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
}

/// What the layout network says of a page, cell by cell; [`compact::layout`] reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayoutMap {
    pub rows: usize,
    pub columns: usize,
    /// `[kind][row][column]`: how far a kind lies behind the cell's likeliest, in sixteenths of a logit; 255 is any more than that.
    behind: Vec<u8>,
}

/// How sure a network is of each step of a line that it stands in a formula, 0 to 1; steps are those of our own recogniser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InFormula(pub Vec<f32>);

/// The best class of one CTC step that is not a blank, repeats collapsed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Symbol {
    /// Step of the output, 0-based; steps cover the crop's width evenly.
    pub step: u32,
    pub class: u32,
    pub probability: f32,
}

/// What reading a page came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// In reading order, in the coordinates of the raster as given.
    pub lines: Vec<TextLine>,
    pub blocks: Vec<Block>,
    /// The lines' text, blocks separated by a blank row.
    pub text: String,
    pub rotation: Rotation,
    /// Expected share of right characters, 0 to 1; `None` for a page without text.
    pub confidence: Option<f32>,
    /// Whether somebody should look at the page: it was read doubtfully by what was at hand.
    pub needs_review: bool,
    /// What was inferred for the page, each task once.
    pub tasks: Vec<Task>,
    /// What the pixels tell of the page's structure, in the coordinates of the raster as given.
    pub hints: Box<Hints>,
}

/// Lines that a reader has read, in no order, and how the page was turned.
#[derive(Clone, Debug, Default)]
struct Lines {
    lines: Vec<(Polygon, recognizer::Decoded)>,
    rotation: Rotation,
}

impl Lines {
    fn memory_size(&self) -> usize {
        self.lines.iter().map(|(polygon, decoded)| size_of_val(polygon) + decoded.memory_size()).sum()
    }
}

/// What a reader of lines wants next.
#[derive(Debug)]
enum LinesStep {
    Infer(Vec<Inference>),
    Done(Lines),
}

/// How a page is read. The defaults are those that the figures in BENCHMARKS.md were measured with.
#[derive(Clone, Debug, PartialEq)]
pub struct OcrOptions {
    pub quality: Quality,
    /// Longer side of the detector's input, in pixels. At 960 nothing visible is lost against full size; 736 or 640
    /// cost 0.1 to 0.2 points of CER.
    pub detect_max_side: u32,
    /// Probability from which on a pixel belongs to a line's kernel.
    pub threshold: f32,
    /// Least mean probability of a kernel.
    pub box_threshold: f32,
    /// Offset by which kernels grow back into lines, times area over perimeter.
    pub unclip_ratio: f32,
    /// Lines that the recogniser is less sure of are left out, 0 to 1: pictures, stains, handwriting.
    pub min_confidence: f32,
    /// Whether the page may be turned. When the file says how it stands, nothing need be guessed.
    pub orient: bool,
    /// Whether pages of small print and suspicious boxes (several lines in one) are looked at again at a higher scale.
    pub second_looks: bool,
    /// Whether our own recogniser looks at what PP-OCRv6 has read, for what it left out.
    pub second_opinion: bool,
    /// Bytes of line crops asked for at a time. 8 MiB are about twelve lines of a page: enough to keep two cores and
    /// a batch of eight busy, little beside the page itself.
    pub crop_group_bytes: usize,
    /// Lines read of one page; a newspaper page has about 1,500.
    pub max_lines: usize,
}

impl Default for OcrOptions {
    fn default() -> Self {
        Self {
            quality: Quality::default(),
            detect_max_side: 960,
            threshold: 0.3,
            box_threshold: 0.5,
            unclip_ratio: 1.6,
            min_confidence: 0.5,
            orient: true,
            second_looks: true,
            second_opinion: true,
            crop_group_bytes: 8 << 20,
            max_lines: 3000,
        }
    }
}

impl OcrOptions {
    /// The tasks without which no page can be read under these options.
    pub fn tasks(&self) -> Vec<Task> {
        match self.quality {
            Quality::Fast | Quality::Balanced => vec![Task::CompactDetect, Task::CompactRecognize],
            // Our own recogniser sees what PP-OCRv6 leaves out, but only where there is one.
            Quality::Accurate => self.large_tasks(),
        }
    }

    /// The tasks of PP-OCRv6.
    pub fn large_tasks(&self) -> Vec<Task> {
        let orient = self.orient.then_some(Task::Orient);
        [Some(Task::Detect), orient, Some(Task::Recognize)].into_iter().flatten().collect()
    }
}

/// What a page reader needs to know of the models, and all it does. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct OcrModels {
    /// The characters of our own recogniser; `None` where the program does not carry it.
    pub compact: Option<Alphabet>,
    /// Whether there is a larger recogniser of ours for the lines that the first is unsure of, with the same characters.
    pub reread: bool,
    pub large: LargeModels,
    /// Whether it is asked what the pixels tell of a page's structure: [`Reading::hints`] has the lines that are drawn on it then.
    pub structure: bool,
    /// The layout network, if there is one: where structure is asked for, [`Reading::hints`] has regions, too.
    pub layout: Option<LayoutNetwork>,
    /// What says which cells the tables have that the layout network sees; `None` where geometry alone does.
    pub table: Option<Arc<published::slanet::SlaNet>>,
    /// What reads the formulas that are found; `None` where they are left as lines.
    pub formula: Option<Arc<dyn FormulaRecognizer>>,
    /// Whether there is a network that finds them within lines of text.
    pub inline_formulas: bool,
}

/// Asked when a page wants PP-OCRv6: its characters, once its models are in place, or `None`. Fetches them only if told to.
type Find = dyn Fn(bool) -> Option<Alphabet> + Send + Sync;

/// Whether PP-OCRv6 is at hand.
#[derive(Clone, Default)]
pub enum LargeModels {
    #[default]
    None,
    /// With these characters.
    Ready(Alphabet),
    /// It has to be looked for, and perhaps fetched, which may take its time.
    Lazy(Arc<Find>),
}

impl LargeModels {
    pub fn lazy(find: impl Fn(bool) -> Option<Alphabet> + Send + Sync + 'static) -> Self {
        Self::Lazy(Arc::new(find))
    }

    /// The characters of its recogniser. Blocks while it is fetched, if it may be.
    fn alphabet(&self, may_fetch: bool) -> Option<Alphabet> {
        match self {
            Self::None => None,
            Self::Ready(alphabet) => Some(alphabet.clone()),
            Self::Lazy(find) => find(may_fetch),
        }
    }
}

impl fmt::Debug for LargeModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Ready(_) => "Ready",
            Self::Lazy(_) => "Lazy",
        })
    }
}

/// Reduces the output of a model for one input, `output.shape[0] == 1`. The device's thread calls this on the output
/// as it is lent, so that no large output is copied.
///
/// # Errors
/// [`Error::Inference`] when the output has not the shape that the task's models have.
pub fn reduce(task: Task, output: TensorView<'_>) -> Result<Inferred> {
    Ok(match task {
        Task::Detect => Inferred::Map(detector::reduce(output)?),
        Task::Orient => Inferred::UpsideDown(orientation::reduce(output)?),
        Task::Recognize => Inferred::Symbols(recognizer::reduce(output)?),
        Task::CompactDetect => Inferred::Boxes(compact::detector::reduce(output)?),
        Task::CompactRecognize | Task::CompactReread => Inferred::Symbols(compact::recognizer::reduce(output)?),
        Task::Layout => Inferred::Layout(compact::layout::reduce(output)?),
        Task::Table => Inferred::Table(published::slanet::reduce(&[output])?),
        Task::InlineFormulas => Inferred::InFormula(compact::inline::reduce(output)?),
        Task::Formula => Inferred::Formula(formula::reduce(output)?),
        Task::Embed => Inferred::Vector(embedding::reduce(output)?),
    })
}

/// [`reduce_batch`] for a model that may have several outputs; then they are of one input.
///
/// # Errors
/// As [`reduce`].
pub fn reduce_all(task: Task, outputs: &[TensorView<'_>]) -> Result<Vec<Inferred>> {
    match (task, outputs) {
        (_, [output]) => reduce_batch(task, *output),
        (Task::Layout, outputs) => Ok(vec![Inferred::Candidates(published::picodet::reduce(outputs)?)]),
        (Task::Table, outputs) => Ok(vec![Inferred::Table(published::slanet::reduce(outputs)?)]),
        (_, [output, ..]) => reduce_batch(task, *output),
        (_, []) => Err(Error::Inference { model: format!("{task:?}"), cause: "it has no output".to_owned() }),
    }
}

/// [`reduce`] for stacked inputs: one result per item of the first dimension.
///
/// # Errors
/// As [`reduce`].
pub fn reduce_batch(task: Task, output: TensorView<'_>) -> Result<Vec<Inferred>> {
    let Some((&count, item)) = output.shape.split_first() else {
        return Err(Error::Inference { model: format!("{task:?}"), cause: "its output is a scalar".to_owned() });
    };
    let shape: Vec<usize> = [1].into_iter().chain(item.iter().copied()).collect();
    let size = item.iter().product::<usize>();
    (0..count)
        .map(|index| {
            let range: Range<usize> = index * size..(index + 1) * size;
            reduce(task, TensorView { shape: &shape, data: &output.data[range] })
        })
        .collect()
}

/// A session per task: what one thread needs to read pages alone.
#[derive(Default)]
pub struct Sessions(pub BTreeMap<Task, Box<dyn Session>>);

impl Sessions {
    /// # Errors
    /// Whatever the session's inference ends with; [`Error::Inference`] where the task has none.
    pub fn run(&mut self, inference: &Inference) -> Result<Inferred> {
        let fail = |cause: &str| Error::Inference { model: format!("{:?}", inference.task), cause: cause.to_owned() };
        let session = self.0.get_mut(&inference.task).ok_or_else(|| fail("it is not at hand"))?;
        let mut inferred = Ok(Vec::new());
        session.run_all(inference.input.view(), &mut |outputs| inferred = reduce_all(inference.task, outputs))?;
        inferred?.into_iter().next().ok_or_else(|| fail("it has no output"))
    }
}

/// Reads one page on the calling thread. The pipeline drives a [`PageReader`] instead, so that pages share a device.
///
/// # Errors
/// Whatever the sessions' inferences end with.
pub fn read_page_with(
    sessions: &mut Sessions,
    raster: Arc<Raster>,
    options: &OcrOptions,
    models: &OcrModels,
) -> Result<Reading> {
    let (mut reader, mut wanted) = PageReader::start(raster, options, models)?;
    loop {
        let results = wanted.iter().map(|inference| sessions.run(inference)).collect::<Result<Vec<_>>>()?;
        match reader.advance(results)? {
            Step::Infer(more) => wanted = more,
            Step::Done(reading) => return Ok(reading),
        }
    }
}
