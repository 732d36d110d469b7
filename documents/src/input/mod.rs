//! Files in: a document is opened by its content, never by its name, and yields one page at a time.

mod guard;
#[cfg(feature = "heic")]
mod heic;
mod image;
mod jpeg;
mod pdf;
mod pixels;
mod proportions;
mod resolution;
mod tiff;

use std::sync::Arc;

use self::{guard::guarded, image::ImageSource, pdf::PdfSource, tiff::TiffSource};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    page_text::TextLayer,
    raster::{PixelFormat, Raster},
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
    /// Only with the feature `heic`.
    Heic,
}

impl FileKind {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Tiff => "TIFF",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::Heic => "HEIC",
        }
    }
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
            kind => Box::new(ImageSource::open(data, kind, &options.limits)?),
        })
    })
}

/// A PDF's header may stand behind other bytes, within the first 1,024 (PDF 32000-1, annex H.3, note 13).
const PDF_HEADER_WITHIN: usize = 1_024;

/// The type that the bytes say they are.
pub fn detect(bytes: &[u8]) -> Result<FileKind> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    let kind = if starts(b"\x89PNG\r\n\x1a\n") {
        FileKind::Png
    } else if starts(b"\xff\xd8\xff") {
        FileKind::Jpeg
    } else if tiff::is_tiff(bytes) {
        FileKind::Tiff
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        FileKind::Gif
    } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        FileKind::WebP
    } else if head.windows(5).any(|window| window == b"%PDF-") {
        FileKind::Pdf
    } else if starts(b"BM") && bytes.len() > 26 {
        // Two letters alone prove little, so BMP is asked last.
        FileKind::Bmp
    } else if looks_like_headless_pdf(bytes) {
        FileKind::Pdf
    } else if cfg!(feature = "heic") && is_heic(bytes) {
        FileKind::Heic
    } else {
        return Err(refusal(bytes));
    };
    Ok(kind)
}

/// The brand that a file of the MPEG family begins with (ISO/IEC 14496-12, 4.3).
fn brand(bytes: &[u8]) -> &[u8] {
    if bytes.get(4..8) == Some(b"ftyp") { bytes.get(8..12).unwrap_or_default() } else { b"" }
}

/// ISO/IEC 23008-12, annex B. The last two say nothing of the compression, which is mostly HEVC.
fn is_heic(bytes: &[u8]) -> bool {
    matches!(brand(bytes), b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1")
}

/// What the file is instead, as far as its first bytes say.
fn refusal(bytes: &[u8]) -> Error {
    let convert = "PDF, TIFF, PNG, JPEG, WebP, BMP and GIF are read; convert it to one of them";
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    if bytes.is_empty() {
        return Error::new(ErrorKind::Damaged, "it is empty");
    }
    if head.iter().all(|byte| *byte == 0) {
        return Error::new(ErrorKind::Damaged, "it begins with nothing but zeros: its content is lost")
            .with_hint("the file was not written or copied to its end; get it again");
    }
    let kind = match (brand(head), head) {
        (b"avif" | b"avis", _) => "an AVIF picture",
        _ if is_heic(head) => "a HEIC picture",
        (_, [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..]) => "a JPEG XL picture",
        (_, [0xff, 0x4f, 0xff, 0x51, ..] | [0, 0, 0, 0x0c, b'j', b'P', b' ', b' ', ..]) => "a JPEG 2000 picture",
        (_, [b'A', b'T', b'&', b'T', b'F', b'O', b'R', b'M', ..]) => "a DjVu document",
        (_, [b'%', b'!', b'P', b'S', ..]) => "a PostScript document",
        (_, [b'P', b'K', 3, 4, ..]) => "an archive or an office document",
        _ => {
            return Error::new(ErrorKind::UnsupportedFormat, "the file is of no type that can be read")
                .with_hint(convert);
        }
    };
    Error::new(ErrorKind::UnsupportedFormat, format!("it is {kind}, which cannot be read")).with_hint(convert)
}

/// A PDF whose beginning is lost still has objects and an end; readers rebuild it from its objects.
fn looks_like_headless_pdf(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(PDF_HEADER_WITHIN)..];
    let has = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    has(tail, b"startxref") && has(bytes, b"endobj")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_by_its_name() {
        for (bytes, told) in [
            (&b"\0\0\0\x1cftypavif"[..], "an AVIF picture"),
            (b"\xff\x0a\xfa\x1f", "a JPEG XL picture"),
            (b"AT&TFORM\0\0\x01\0DJVU", "a DjVu document"),
            (b"PK\x03\x04", "an archive or an office document"),
            (&[0; 2_000], "nothing but zeros"),
            (b"", "it is empty"),
        ] {
            let error = detect(bytes).unwrap_err();
            assert!(error.message.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn types_are_told_by_content() {
        let late_pdf = [&[b'x'; 900][..], b"%PDF-1.4"].concat();
        let too_late_pdf = [&[b'x'; 1_024][..], b"%PDF-1.4"].concat();
        for (bytes, kind) in [
            (&b"%PDF-1.7"[..], Ok(FileKind::Pdf)),
            (&late_pdf, Ok(FileKind::Pdf)),
            (&too_late_pdf, Err(ErrorKind::UnsupportedFormat)),
            (b"II*\0\x08\0\0\0", Ok(FileKind::Tiff)),
            (b"MM\0+\0\x08\0\0", Ok(FileKind::Tiff)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Ok(FileKind::WebP)),
            (b"RIFF\0\0\0\0WAVEfmt ", Err(ErrorKind::UnsupportedFormat)),
            (b"GIF89a", Ok(FileKind::Gif)),
            (b"BM", Err(ErrorKind::UnsupportedFormat)),
            (b"", Err(ErrorKind::Damaged)),
            (b"<</Type/Page>> endobj trailer <<>> startxref 0 %%EOF", Ok(FileKind::Pdf)),
            (b"hello", Err(ErrorKind::UnsupportedFormat)),
        ] {
            assert_eq!(detect(bytes).map_err(|error| error.kind), kind, "{:?}", &bytes[..bytes.len().min(16)]);
        }
    }
}
