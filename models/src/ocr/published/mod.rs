//! Networks of others that the settings may name instead of our own. What a file is, is told by its inputs, outputs and metadata before it
//! runs, so that one of another family is refused in a sentence and not in the middle of a page.

use std::sync::Arc;

use pagestream_documents::{PixelFormat, Raster, Rect, Rotation, buffers};

use super::{compact::detector::View, pixels};
use crate::{
    backend::{ModelContent, ModelSource, Tensor},
    error::{Error, Result},
};

pub mod picodet;
pub mod results;
pub mod slanet;

use picodet::PicoDet;

/// Which network says what the parts of a page are.
#[derive(Clone, Debug)]
pub enum LayoutNetwork {
    /// Our own: [`super::compact::layout`].
    Own,
    PicoDet(Arc<PicoDet>),
}

impl LayoutNetwork {
    /// # Errors
    /// [`Error::Unsupported`] for a file of neither family; [`Error::Io`].
    pub fn of_model(source: &ModelSource) -> Result<Self> {
        // Files of our own have the shape of those that are built in.
        let is_own = || {
            let interface = source.interface()?;
            let kinds = interface.outputs.first().and_then(|output| output.shape.get(1).copied().flatten());
            Ok(interface.outputs.len() == 1 && kinds == Some(super::compact::layout::KINDS.len()))
        };
        if matches!(source.content, ModelContent::BuiltIn(_)) || is_own()? {
            return Ok(Self::Own);
        }
        PicoDet::of_model(source).map(|network| Self::PicoDet(Arc::new(network)))
    }
}

/// Means and deviations that networks are trained with on ImageNet, for red, green and blue from 0 to 1. The programs that these networks
/// come with have blue first and take them in this order all the same.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A part of the page as the view shows it, at the left and top of a tensor `[1, 3, height, width]`, blue first; what lies beside it is 0.
fn prepare(page: &Raster, part: &Rect, view: &View, height: usize, width: usize) -> Tensor {
    let (w, h) = if view.rotation.swaps_sides() { (view.height, view.width) } else { (view.width, view.height) };
    let sampled = pixels::resize(page, *part, w, h);
    let small = Raster { width: w, height: h, format: sampled.format, data: sampled.data, dpi: 72.0 };
    let small = if view.rotation == Rotation::None { small } else { small.rotated(view.rotation) };
    let mut data = buffers::take(3 * height * width);
    data.fill(0.0);
    let channels = small.format.channels();
    let row_length = (small.width as usize * channels).max(1);
    for (plane, data) in data.chunks_exact_mut((height * width).max(1)).enumerate() {
        let channel = if small.format == PixelFormat::Rgb8 { 2 - plane } else { 0 };
        let (mean, deviation) = (MEAN[plane], DEVIATION[plane]);
        for (out, row) in data.chunks_exact_mut(width.max(1)).zip(small.data.chunks_exact(row_length)) {
            for (out, pixel) in out.iter_mut().zip(row.chunks_exact(channels)) {
                *out = (f32::from(pixel[channel]) / 255.0 - mean) / deviation;
            }
        }
    }
    buffers::give_back(small.data);
    Tensor { shape: vec![1, 3, height, width], data }
}

fn unsupported(source: &ModelSource, task: &'static str, cause: String) -> Error {
    let model = source.path().map_or_else(|| source.id.clone(), |path| path.display().to_string());
    Error::Unsupported { model, task, cause }
}

#[cfg(test)]
mod tests;
