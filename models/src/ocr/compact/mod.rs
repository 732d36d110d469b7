//! Reading with our own networks for Latin print, which the program carries: a detector of 0.1 M parameters and recognisers
//! of 0.4 M (every line) and 2.7 M (in `balanced`, what is in doubt). What goes in and what comes out is agreed to the last bit with the lab that trained them (`models/training`), and
//! checked with its test vectors (`models/shipped/vectors`).

use std::sync::Arc;

use pagestream_documents::{PixelFormat, Raster, buffers};

pub mod crop;
pub mod detector;
mod fit;
pub mod gutter;
pub mod inline;
pub mod layout;
pub(super) mod reader;
pub mod recognizer;
pub mod resize;
mod script;

use resize::Plane;

/// The gray pixels of a page, which both networks read: a gray page's where they lie, a copy of a coloured one's.
#[derive(Clone, Debug)]
pub struct GrayPage {
    raster: Arc<Raster>,
    copy: Option<Vec<u8>>,
}

impl GrayPage {
    pub fn new(raster: Arc<Raster>) -> Self {
        let copy = (raster.format == PixelFormat::Rgb8).then(|| luma(&raster.data));
        Self { raster, copy }
    }

    pub fn plane(&self) -> Plane<'_> {
        let data = self.copy.as_deref().unwrap_or(&self.raster.data);
        Plane::new(data, self.raster.width as usize, self.raster.height as usize)
    }

    /// Bytes beside the raster's own.
    pub fn copied_bytes(&self) -> usize {
        self.copy.as_ref().map_or(0, Vec::len)
    }
}

impl Drop for GrayPage {
    fn drop(&mut self) {
        if let Some(copy) = self.copy.take() {
            buffers::give_back(copy);
        }
    }
}

/// Gray levels of red, green and blue pixels, in a buffer that may be given back: the luma of ITU-R BT.601 in 16-bit fixed point, as Pillow's `convert("L")` has it.
pub fn luma(pixels: &[u8]) -> Vec<u8> {
    let gray = |&[r, g, b]: &[u8; 3]| {
        ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
    };
    let (pixels, _) = pixels.as_chunks();
    let mut levels = buffers::take(pixels.len());
    levels.iter_mut().zip(pixels).for_each(|(level, pixel)| *level = gray(pixel));
    levels
}

#[cfg(test)]
pub(crate) mod tests;
