//! Cutting a formula out of a page of pixels, without what stands around it.

use pagestream_documents::{PixelFormat, Point, Raster, Rect, Rotation};

use crate::{
    backend::Tensor,
    formula::{
        FormulaRecognizer, GrayCrop,
        picture::isolate::{Isolated, isolate},
    },
    ocr::compact::resize::Plane,
};

/// Largest side of what is cut out, in pixels: a formula over a page at 600 dpi.
const MOST_SIDE: f32 = 8_000.0;

/// The pixels of a formula, and where on the page they are.
#[derive(Debug)]
pub(super) struct Cut {
    data: Vec<u8>,
    pub rect: Rect,
}

/// What of the print in a window is kept, by the middle of each connected part of it; `None` where there is none.
pub(super) fn cut(page: Plane<'_>, window: Rect, keeps: impl Fn(Point) -> bool) -> Option<Cut> {
    let whole = Rect { left: 0.0, top: 0.0, right: page.width as f32, bottom: page.height as f32 };
    let window = Rect {
        left: window.left.floor(),
        top: window.top.floor(),
        right: window.right.ceil(),
        bottom: window.bottom.ceil(),
    };
    let window = window.intersection(&whole);
    let (width, height) = (window.width() as usize, window.height() as usize);
    if width == 0 || height == 0 || window.width().max(window.height()) > MOST_SIDE {
        return None;
    }
    let part = page.part(window.left as usize, window.top as usize, width, height);
    let crop = GrayCrop::part(part.data, part.stride, width, height)?;
    let Isolated { data, bounds } = isolate(crop, |part| {
        keeps(Point::new(
            window.left + (part.left + part.right) as f32 / 2.0,
            window.top + (part.top + part.bottom) as f32 / 2.0,
        ))
    })?;
    let rows = data.chunks_exact(width).skip(bounds.top).take(bounds.height());
    let data = rows.flat_map(|row| &row[bounds.left..bounds.right]).copied().collect();
    let (left, top) = (window.left + bounds.left as f32, window.top + bounds.top as f32);
    let (right, bottom) = (left + bounds.width() as f32, top + bounds.height() as f32);
    Some(Cut { data, rect: Rect { left, top, right, bottom } })
}

impl Cut {
    /// Bytes of its tensor at most.
    pub(super) fn tensor_bytes(&self) -> usize {
        self.data.len() * size_of::<f32>()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.data.len()
    }

    /// What the recogniser is given, of a page that stands upright once it is turned by `rotation`.
    pub(super) fn input(self, recognizer: &dyn FormulaRecognizer, rotation: Rotation) -> Option<Tensor> {
        let (width, height) = (self.rect.width() as u32, self.rect.height() as u32);
        let cut = Raster { width, height, format: PixelFormat::Gray8, data: self.data, dpi: 72.0 };
        let cut = if rotation == Rotation::None { cut } else { cut.rotated(rotation) };
        recognizer.input(GrayCrop::new(&cut.data, cut.width as usize, cut.height as usize)?)
    }
}
