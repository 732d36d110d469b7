//! Figures as images: cut out of the page as it is seen.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Notice, original::Originals};
use crate::{
    error::Result,
    geometry::{Polygon, Rect},
    ids::{DocumentId, PageNumber},
    input::{OpenOptions, PageSource, RenderOptions, open},
    raster::{PixelFormat, Raster},
    record::PageRecord,
};

/// Resolution of what is cut out of pages that have no pixels of their own, in dots per inch; images keep theirs.
const DPI: f32 = 200.0;

/// Part of the page's longer side that is kept around a figure, since boxes are tight.
const MARGIN: f32 = 0.004;

/// Sides below which there is nothing to see, in pixels.
const SMALLEST: u32 = 8;

/// Where the pictures of a document become files that it shows.
pub(super) trait ImageFolder: Send {
    /// Keeps a picture; gives the link to it from the document, with what a URL cannot hold percent-encoded.
    fn put(&mut self, image: &Image) -> io::Result<String>;
}

/// A figure's picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Image {
    /// `p3-1`: the page, and which figure of it. Stable as long as the record is.
    pub(super) name: String,
    /// As a PNG file.
    pub(super) png: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pixels per inch of paper.
    pub(super) dpi: f32,
}

/// Cuts figures out of documents. Formats that are written at once share one, so that a page is rendered once for all of them: the open
/// document and one page's pixels are in memory.
pub(super) struct Images {
    originals: Arc<dyn Originals>,
    open: Mutex<Option<Open>>,
}

struct Open {
    document: DocumentId,
    /// `None` when it cannot be had; then that has been said.
    source: Option<Box<dyn PageSource>>,
    page: Option<(PageNumber, Option<Arc<Raster>>)>,
    /// Of the latest page.
    cut: Vec<(String, Option<Arc<Image>>)>,
    notice: Option<Notice>,
}

impl Images {
    pub(super) fn new(originals: Arc<dyn Originals>) -> Self {
        Self { originals, open: Mutex::new(None) }
    }

    /// The picture within `polygon`, turned as the page was turned to be read; `nth` counts the page's figures from 1. `None` where it
    /// cannot be had: [`Images::notices`] says why, once a document.
    pub(super) fn of(&self, page: &PageRecord, polygon: &Polygon, nth: u32) -> Option<Arc<Image>> {
        let name = format!("p{}-{nth}", page.page);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_none_or(|open| open.document != page.document.id) {
            *open = Some(self.begin(page));
        }
        let open = open.as_mut()?;
        let raster = open.raster(page)?;
        if let Some((_, image)) = open.cut.iter().find(|(cut, _)| *cut == name) {
            return image.clone();
        }
        let image = cut(&raster, page, polygon, &name).map(Arc::new);
        open.cut.push((name, image.clone()));
        image
    }

    fn begin(&self, page: &PageRecord) -> Open {
        let opened = || -> Result<Box<dyn PageSource>> {
            let original = self.originals.open(&page.document)?;
            open(original.data, &OpenOptions { password: original.password, ..OpenOptions::default() })
        };
        let source = opened().map_err(|error| Notice::Remark {
            source: page.document.source.clone(),
            message: format!("its figures are left out: {error}"),
        });
        let (source, notice) = match source {
            Ok(source) => (Some(source), None),
            Err(notice) => (None, Some(notice)),
        };
        Open { document: page.document.id, source, page: None, cut: Vec::new(), notice }
    }

    pub(super) fn notices(&self) -> Vec<Notice> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_mut().and_then(|open| open.notice.take()).into_iter().collect()
    }
}

impl Open {
    fn raster(&mut self, page: &PageRecord) -> Option<Arc<Raster>> {
        if self.page.as_ref().is_none_or(|(number, _)| *number != page.page) {
            self.cut.clear();
            // The page before is let go of first.
            self.page = None;
            let options = RenderOptions { dpi: DPI, min_side: 0 };
            let rendered = self.source.as_ref().and_then(|source| match source.render(page.page, &options) {
                Ok(raster) => Some(Arc::new(raster)),
                Err(error) => {
                    let message = format!("the figures of page {} are left out: {error}", page.page);
                    self.notice = Some(Notice::Remark { source: page.document.source.clone(), message });
                    None
                }
            });
            self.page = Some((page.page, rendered));
        }
        self.page.as_ref().and_then(|(_, raster)| raster.clone())
    }
}

fn cut(raster: &Raster, page: &PageRecord, polygon: &Polygon, name: &str) -> Option<Image> {
    if page.width == 0 || page.height == 0 {
        return None;
    }
    let (x, y) = (raster.width as f32 / page.width as f32, raster.height as f32 / page.height as f32);
    let Rect { left, top, right, bottom } = polygon.bounds();
    let margin = MARGIN * raster.width.max(raster.height) as f32;
    // What is no number becomes 0.
    let within = |value: f32, most: u32| value.clamp(0.0, most as f32) as u32;
    let (left, top) =
        (within((left * x - margin).floor(), raster.width), within((top * y - margin).floor(), raster.height));
    let right = within((right * x + margin).ceil(), raster.width);
    let bottom = within((bottom * y + margin).ceil(), raster.height);
    let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
    if width < SMALLEST || height < SMALLEST {
        return None;
    }
    let channels = raster.format.channels();
    let stride = raster.width as usize * channels;
    let mut data = Vec::with_capacity(width as usize * height as usize * channels);
    for row in top..bottom {
        let from = row as usize * stride + left as usize * channels;
        data.extend_from_slice(raster.data.get(from..from + width as usize * channels)?);
    }
    let piece = Raster { width, height, format: raster.format, data, dpi: raster.dpi };
    let piece = gray_where_it_is(piece).rotated(page.rotation);
    let png = piece.to_png().ok()?;
    Some(Image { name: name.to_owned(), png, width: piece.width, height: piece.height, dpi: raster.dpi.max(1.0) })
}

/// A third of the size where there is no colour.
fn gray_where_it_is(raster: Raster) -> Raster {
    let is_gray =
        raster.format == PixelFormat::Rgb8 && raster.data.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]);
    if !is_gray {
        return raster;
    }
    let data = raster.data.chunks_exact(3).map(|p| p[0]).collect();
    Raster { format: PixelFormat::Gray8, data, ..raster }
}
