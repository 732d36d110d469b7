//! Layout by a PicoDet, as PP-Structure has them: boxes of a few kinds, found at four scales.
//!
//! Yu et al., PP-PicoDet (2021), in the export that leaves what follows the network to its caller: of each scale an output of the kinds'
//! scores, then of each scale one of the distances to the four sides, as distributions over whole strides (Li et al., Generalized Focal
//! Loss, 2020). A kind's boxes that overlap are one.

use pagestream_documents::{BlockKind, Raster, Rect, Rotation};

use super::{prepare, unsupported};
use crate::{
    backend::{ModelSource, Tensor, TensorView},
    error::{Error, Result},
    ocr::{
        Corners,
        compact::{detector::View, layout::Area},
    },
};

/// Input pixels a cell, by scale.
const STRIDES: [usize; 4] = [8, 16, 32, 64];
/// What is less likely is no box, and boxes of a kind that share more are one, as the programs have it that such networks come with.
const LEAST_SCORE: f32 = 0.4;
const MOST_SHARED: f32 = 0.5;
/// Boxes that are looked at, and kept, of a page.
const MOST_CANDIDATES: usize = 1_000;
const MOST_BOXES: usize = 300;
/// The first dimensions of an input that may be: a network that takes larger ones would take seconds a page.
const LARGEST_SIDE: usize = 2_048;

/// One such network, as its file says.
#[derive(Clone, Debug, PartialEq)]
pub struct PicoDet {
    height: usize,
    width: usize,
    /// Of each class; `None` for what is no kind of block here.
    kinds: Vec<Option<BlockKind>>,
}

/// A cell that sees a box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    scale: usize,
    cell: usize,
    class: usize,
    score: f32,
    /// To the left, top, right and bottom, in strides.
    sides: [f32; 4],
}

/// A part of a page, left, top, right and bottom in pixels of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub kind: BlockKind,
    pub bounds: [f32; 4],
    pub score: f32,
}

impl PicoDet {
    /// # Errors
    /// [`Error::Unsupported`] for a file of another family or with classes that nobody names; [`Error::Io`].
    pub fn of_model(source: &ModelSource) -> Result<Self> {
        let refuse = |cause: String| unsupported(source, "layout", cause);
        let interface = source.interface()?;
        let [input] = &interface.inputs[..] else {
            return Err(refuse(format!("it takes {} inputs and not one image", interface.inputs.len())));
        };
        let (height, width) = match input.shape[..] {
            [_, Some(3), Some(height), Some(width)] if height.max(width) <= LARGEST_SIDE => (height, width),
            _ => {
                let shape = shown(&input.shape);
                return Err(refuse(format!(
                    "its input `{}` is {shape} and not [1, 3, height, width] of a fixed size",
                    input.name
                )));
            }
        };
        let outputs = &interface.outputs;
        let scales = outputs.len() / 2;
        if outputs.len() % 2 != 0 || scales == 0 || scales > STRIDES.len() {
            return Err(refuse(format!(
                "it has {} outputs, and a PicoDet without its last steps has scores and distances of up to {} scales",
                outputs.len(),
                STRIDES.len()
            )));
        }
        let classes = outputs[0].shape.last().copied().flatten().unwrap_or(0);
        for (at, output) in outputs.iter().enumerate() {
            let stride = STRIDES[at % scales];
            let cells = height.div_ceil(stride) * width.div_ceil(stride);
            let last = output.shape.last().copied().flatten();
            let is_right = output.shape.len() == 3
                && output.shape[1].is_none_or(|size| size == cells)
                && last.is_some_and(|last| if at < scales { last == classes } else { last % 4 == 0 && last >= 8 });
            if !is_right {
                let what = if at < scales { format!("{classes} scores") } else { "distances to four sides".to_owned() };
                let shape = shown(&output.shape);
                return Err(refuse(format!("its output `{}` is {shape} and not [1, {cells}, {what}]", output.name)));
            }
        }
        let named = source.metadata("character")?;
        let names: Vec<&str> = match &named {
            Some(names) => names.lines().collect(),
            // As PP-Structure's were trained, where the file does not say.
            None if classes == 5 => vec!["text", "title", "list", "table", "figure"],
            None if classes == 1 => vec!["table"],
            None => Vec::new(),
        };
        if names.len() != classes {
            return Err(refuse(format!(
                "it has {classes} classes, and its metadata `character` names {} of them",
                names.len()
            )));
        }
        let kinds: Vec<Option<BlockKind>> = names.into_iter().map(kind).collect();
        if kinds.iter().all(Option::is_none) {
            return Err(refuse("none of its classes is a kind of block".to_owned()));
        }
        Ok(Self { height, width, kinds })
    }

    /// How a page of this size is shown to it: upright, and as high and wide as its input, whatever becomes of its proportions.
    pub fn view(&self, width: u32, height: u32, rotation: Rotation) -> View {
        View::stretched((width, height), rotation, (self.width as u32, self.height as u32))
    }

    /// The network's input `[1, 3, H, W]` for a part of the page.
    pub fn prepare(&self, page: &Raster, part: &Rect, view: &View) -> Tensor {
        prepare(page, part, view, self.height, self.width)
    }

    /// The boxes of candidates, the likeliest of a kind first.
    pub fn boxes(&self, mut candidates: Vec<Candidate>) -> Vec<Found> {
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        candidates.truncate(MOST_CANDIDATES);
        let mut found: Vec<Found> = Vec::new();
        for candidate in candidates {
            let Some(kind) = self.kinds.get(candidate.class).copied().flatten() else { continue };
            let Some(&stride) = STRIDES.get(candidate.scale) else { continue };
            let columns = self.width.div_ceil(stride);
            let at = |cell: usize| (cell as f32 + 0.5) * stride as f32;
            let (x, y) = (at(candidate.cell % columns), at(candidate.cell / columns));
            let [left, top, right, bottom] = candidate.sides.map(|side| side * stride as f32);
            let (w, h) = (self.width as f32, self.height as f32);
            let bounds = [
                (x - left).clamp(0.0, w),
                (y - top).clamp(0.0, h),
                (x + right).clamp(0.0, w),
                (y + bottom).clamp(0.0, h),
            ];
            let is_known = found.iter().any(|other| other.kind == kind && shared(&other.bounds, &bounds) > MOST_SHARED);
            if !is_known && found.len() < MOST_BOXES {
                found.push(Found { kind, bounds, score: candidate.score });
            }
        }
        found
    }
}

/// The kind of block that a class is, by the names that published networks have for it.
fn kind(name: &str) -> Option<BlockKind> {
    Some(match name.trim().to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
        "text" | "plain_text" | "paragraph" | "reference" | "references" | "abstract" | "content" => {
            BlockKind::Paragraph
        }
        "doc_title" | "document_title" => BlockKind::Title,
        "title" | "paragraph_title" | "section_header" | "heading" => BlockKind::Heading,
        "list" | "list_item" => BlockKind::ListItem,
        "figure" | "image" | "picture" | "chart" => BlockKind::Figure,
        "table" => BlockKind::Table,
        "figure_caption" | "table_caption" | "caption" | "figure_title" | "table_title" => BlockKind::Caption,
        "header" | "page_header" => BlockKind::PageHeader,
        "footer" | "page_footer" => BlockKind::PageFooter,
        "number" | "page_number" => BlockKind::PageNumber,
        "footnote" => BlockKind::Footnote,
        "equation" | "formula" | "isolate_formula" => BlockKind::Formula,
        "algorithm" | "code" => BlockKind::Code,
        "seal" | "stamp" => BlockKind::Stamp,
        "aside_text" => BlockKind::MarginalNote,
        _ => return None,
    })
}

/// What of the outputs may be a box: scores `[1, cells, classes]` of each scale, then distances `[1, cells, 4 * steps]` of each.
///
/// # Errors
/// [`Error::Inference`] when the outputs have other shapes.
pub fn reduce(outputs: &[TensorView<'_>]) -> Result<Vec<Candidate>> {
    let scales = outputs.len() / 2;
    let mut candidates = Vec::new();
    for (scale, (scores, sides)) in outputs.iter().zip(&outputs[scales..]).enumerate() {
        let (&[1, cells, classes], &[1, same, numbers]) = (scores.shape, sides.shape) else {
            return Err(other_shape(scores.shape));
        };
        let is_whole = scores.data.len() == cells * classes && sides.data.len() == cells * numbers;
        if cells != same || classes == 0 || numbers < 8 || numbers % 4 != 0 || !is_whole {
            return Err(other_shape(sides.shape));
        }
        for (cell, scores) in scores.data.chunks_exact(classes).enumerate() {
            let sides = || {
                let sides = &sides.data[cell * numbers..][..numbers];
                std::array::from_fn(|side| expectation(&sides[side * numbers / 4..][..numbers / 4]))
            };
            let likely = scores.iter().enumerate().filter(|(_, score)| **score > LEAST_SCORE);
            candidates.extend(likely.map(|(class, &score)| Candidate { scale, cell, class, score, sides: sides() }));
        }
    }
    Ok(candidates)
}

fn other_shape(shape: &[usize]) -> Error {
    Error::Inference {
        model: "layout".to_owned(),
        cause: format!("an output has shape {shape:?}, as no PicoDet's without its last steps has"),
    }
}

/// The mean of a distribution that logits of 0, 1, 2, … tell.
fn expectation(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (sum, weighted) = logits.iter().enumerate().fold((0.0, 0.0), |(sum, weighted), (at, logit)| {
        let weight = (logit - most).exp();
        (sum + weight, weighted + weight * at as f32)
    });
    if sum > 0.0 { weighted / sum } else { 0.0 }
}

/// Area that two boxes share, over what they cover together.
fn shared(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |r: [f32; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let both = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    both / (area(*a) + area(*b) - both).max(1e-6)
}

/// What a line is, and how sure that is: what the smallest box says that its middle is in. Corners in pixels of the input.
pub fn kind_of_line(found: &[Found], corners: &Corners) -> (BlockKind, f64) {
    let middle: [f32; 2] =
        std::array::from_fn(|axis| corners.iter().map(|corner| corner[axis] as f32).sum::<f32>() / 4.0);
    let area = |found: &Found| (found.bounds[2] - found.bounds[0]) * (found.bounds[3] - found.bounds[1]);
    let holds = |found: &&Found| {
        let [left, top, right, bottom] = found.bounds;
        (left..right).contains(&middle[0]) && (top..bottom).contains(&middle[1])
    };
    let smallest = found.iter().filter(holds).min_by(|a, b| area(a).total_cmp(&area(b)));
    smallest.map_or((BlockKind::Text, 0.0), |found| (found.kind, f64::from(found.score)))
}

/// Boxes that are regions as a whole.
pub fn areas(found: &[Found]) -> Vec<Area> {
    let is_area = |kind| matches!(kind, BlockKind::Table | BlockKind::Figure | BlockKind::Formula | BlockKind::Code);
    let area = |found: &Found| Area {
        kind: found.kind,
        bounds: found.bounds.map(|side| side.round() as usize),
        confidence: f64::from(found.score),
    };
    found.iter().filter(|found| is_area(found.kind)).map(area).collect()
}

/// `[1, 3, ?, ?]`
fn shown(shape: &[Option<usize>]) -> String {
    let sizes: Vec<String> = shape.iter().map(|size| size.map_or("?".to_owned(), |size| size.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}
