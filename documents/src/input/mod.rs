//! Files in: a document is opened by its content, never by its name, and yields one page at a time.

use std::sync::Arc;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::{PixelFormat, Raster},
    record::TextLine,
};

/// A document's bytes: a memory map of the spooled file, or a buffer.
pub type DocumentData = Arc<dyn AsRef<[u8]> + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Pdf,
    Tiff,
    Png,
    Jpeg,
    WebP,
    Bmp,
    Gif,
}

/// How a document is to be opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    pub password: Option<String>,
    pub limits: Limits,
}

/// What no page may exceed. Checked from the header, before anything is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Decoded size of one page, with all that its decoder needs at once.
    pub page: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { page: ByteSize::mib(512) }
    }
}

/// What is known of a page before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageInfo {
    /// Pixels of the raster that `render` will give with the same options.
    pub width: u32,
    pub height: u32,
    pub format: PixelFormat,
    /// Bytes that rendering holds at its peak: the raster and the decoder's own buffers.
    pub cost: ByteSize,
}

#[derive(Clone, Copy, Debug)]
pub struct RenderOptions {
    /// Resolution for pages without pixels of their own (PDF). Images keep theirs.
    pub dpi: f32,
    /// A page whose longer side would be shorter than this is rendered at a higher resolution.
    pub min_side: u32,
}

impl Default for RenderOptions {
    /// 200 dpi, the resolution at which the detector at 960 px loses nothing on A4; 1,000 px for small pages
    /// (a 180 x 300 pt page is hopeless at 150 dpi and perfect at 400).
    fn default() -> Self {
        Self { dpi: 200.0, min_side: 1_000 }
    }
}

/// The text that a document itself holds for a page, in reading order; coordinates in points (72 dpi), y down.
#[derive(Clone, Debug, Default)]
pub struct TextLayer {
    pub width: u32,
    pub height: u32,
    pub lines: Vec<TextLine>,
    /// Same text as the lines, blocks separated by a blank row.
    pub text: String,
    /// Why the layer should not be believed, when it should not (undecodable glyphs, a stamp over a scan).
    pub doubt: Option<String>,
}

/// An open document. Any number of threads may ask it for pages at once.
pub trait PageSource: Send + Sync {
    fn kind(&self) -> FileKind;

    fn page_count(&self) -> u32;

    /// Reads headers only.
    fn page_info(&self, page: PageNumber, options: &RenderOptions) -> Result<PageInfo>;

    fn render(&self, page: PageNumber, options: &RenderOptions) -> Result<Raster>;

    /// `None` where the page has no text objects (every image; a bare scan).
    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>>;
}

/// Opens a document by its content.
pub fn open(_data: DocumentData, _options: &OpenOptions) -> Result<Box<dyn PageSource>> {
    Err(Error::new(ErrorKind::UnsupportedFormat, "not written yet"))
}
