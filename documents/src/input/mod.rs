//! Files in: a document is opened by its content, never by its name, and yields one page at a time.

mod animation;
mod detect;
mod guard;
#[cfg(feature = "heic")]
mod heic;
mod image;
mod jpeg;
mod jpeg2000;
mod kind;
mod pdf;
mod pixels;
mod pnm;
mod proportions;
mod resolution;
mod stored;
mod tiff;

use std::sync::Arc;

#[cfg(feature = "lab")]
pub(crate) use self::pdf::symbols::of_pages as symbols_of_pages;
pub(crate) use self::pdf::{decrypted as decrypted_pdf, mended as mended_pdf, uncounted_start as pdf_start};
use self::{
    animation::AnimationSource, guard::guarded, image::ImageSource, jpeg2000::Jpeg2000Source, pdf::PdfSource,
    pnm::PnmSource, tiff::TiffSource,
};
pub use self::{
    detect::detect,
    kind::FileKind,
    stored::{StoredCoding, StoredColour, StoredImage, StoredPart},
};
use crate::{
    error::Result,
    ids::{ByteSize, PageNumber},
    page_text::TextLayer,
    raster::{PixelFormat, Raster},
    structure::Structure,
};

/// A document's bytes: a memory map of the spooled file, or a buffer.
pub type DocumentData = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// How a document is to be opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    pub password: Option<String>,
    pub limits: Limits,
    /// How much of what the file tells of its structure is read with the text.
    pub structure: Structure,
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
    /// What `render` will give. For a PDF this is the worst case: a page found to have no colour comes as `Gray8`.
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

/// An open document. Any number of threads may ask it for pages at once.
pub trait PageSource: Send + Sync {
    fn kind(&self) -> FileKind;

    fn page_count(&self) -> u32;

    /// Reads headers only.
    fn page_info(&self, page: PageNumber, options: &RenderOptions) -> Result<PageInfo>;

    fn render(&self, page: PageNumber, options: &RenderOptions) -> Result<Raster>;

    /// `None` where the page has no text objects (every image; a bare scan).
    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>>;

    /// What of a page is lost although it could be rendered or its text be read: one sentence, for somebody who looks at
    /// the result. To be asked afterwards, because some of it shows only then. `None` where nothing is known to be lost.
    fn damage(&self, page: PageNumber) -> Option<String>;

    /// The page's picture as it lies in the file; `None` where the page is no picture, or one that can only be decoded.
    fn stored_image(&self, _page: PageNumber) -> Option<StoredImage<'_>> {
        None
    }
}

/// The sentence for what was cut off.
fn get_it_again(what: &str) -> String {
    format!("{what} (the file may be cut off; get it again)")
}

/// Opens a document by its content; its name plays no part.
///
/// # Errors
/// `UnsupportedFormat` for what none of the readers knows, `Encrypted` for a password that is missing or wrong,
/// `TooLarge` for an image beyond the limits, `Damaged` where not even the number of pages can be found.
pub fn open(data: DocumentData, options: &OpenOptions) -> Result<Box<dyn PageSource>> {
    let kind = guarded("the file", None, || detect((*data).as_ref()))?;
    guarded(&format!("the {} file", kind.name()), None, || {
        Ok(match kind {
            FileKind::Pdf => Box::new(PdfSource::open(data, options)?) as Box<dyn PageSource>,
            FileKind::Tiff => Box::new(TiffSource::open(data, &options.limits)?),
            #[cfg(feature = "heic")]
            FileKind::Heic => Box::new(heic::HeicSource::open(data, &options.limits)?),
            FileKind::Jpeg2000 => Box::new(Jpeg2000Source::open(data, &options.limits)?),
            FileKind::Pnm => Box::new(PnmSource::open(data, &options.limits)?),
            kind => match AnimationSource::open(&data, kind, &options.limits)? {
                Some(animation) => Box::new(animation) as Box<dyn PageSource>,
                None => Box::new(ImageSource::open(data, kind, &options.limits)?),
            },
        })
    })
}
