//! JPEG 2000 as a file: `.jp2` and bare codestreams (ISO/IEC 15444-1), as archives and libraries keep their scans.

use std::borrow::Cow;

use hayro_jpeg2000::{ColorSpace, DecodeError, DecodeSettings, DecoderContext, Image, ValidationError};

use super::{
    DocumentData, FileKind, Limits, PageInfo, PageSource, RenderOptions, TextLayer, get_it_again,
    guard::{check_cost, guarded, no_such_page, one_line},
    pixels::{cmyk_to_rgb, on_white},
    resolution::{self, boxes},
    stored::{StoredCoding, StoredColour, StoredImage, StoredPart},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::{PixelFormat, Raster},
};

/// Bytes that decoding holds at its peak, measured on 12 megapixels: for each pixel the coefficients of the component that is being
/// decoded, and for each sample what came of it, with room to spare.
const BYTES_A_PIXEL: u64 = 10;
const BYTES_A_SAMPLE: u64 = 5;

const BOX_SIGNATURE: &[u8] = b"\0\0\0\x0cjP  \r\n\x87\n";
const CODESTREAM_SIGNATURE: &[u8] = b"\xff\x4f\xff\x51";
/// The marker that ends a codestream (annex A.4.4).
const END_OF_CODESTREAM: [u8; 2] = [0xff, 0xd9];

pub(super) fn is_jpeg2000(bytes: &[u8]) -> bool {
    bytes.starts_with(BOX_SIGNATURE) || bytes.starts_with(CODESTREAM_SIGNATURE)
}

fn ends_early(bytes: &[u8]) -> bool {
    let codestream = if bytes.starts_with(CODESTREAM_SIGNATURE) {
        Some(bytes)
    } else {
        boxes(bytes).find(|(kind, _)| *kind == b"jp2c").map(|(_, content)| content)
    };
    // Some programs fill up the last block with zeros.
    let end = |stream: &[u8]| stream.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    codestream.is_none_or(|stream| !stream[..end(stream)].ends_with(&END_OF_CODESTREAM))
}

fn refusal(error: &DecodeError) -> Error {
    let cause = one_line(&error.to_string());
    match error {
        DecodeError::Validation(ValidationError::ImageTooLarge) => {
            Error::new(ErrorKind::TooLarge, format!("the JPEG 2000 picture is too large ({cause})"))
                .with_hint("scale it down first")
        }
        _ => Error::new(ErrorKind::Damaged, format!("the JPEG 2000 picture is damaged ({cause})"))
            .with_hint("get the file again, or try to open and save it with an image program"),
    }
}

fn channels_of(image: &Image<'_>) -> Result<usize> {
    match image.color_space().num_channels() {
        channels @ (1 | 3 | 4) => Ok(channels.into()),
        // Of two, one is taken for gray; no more is known of the other.
        2 => Ok(1),
        channels => Err(Error::new(
            ErrorKind::UnsupportedFormat,
            format!("a JPEG 2000 picture of {channels} colours is not supported"),
        )
        .with_hint("convert it to PNG or JPEG")),
    }
}

pub(super) struct Jpeg2000Source {
    data: DocumentData,
    info: PageInfo,
    dpi: f32,
}

impl Jpeg2000Source {
    /// Reads the headers. The dimensions are checked here, before anything is decoded.
    pub(super) fn open(data: DocumentData, limits: &Limits) -> Result<Self> {
        let bytes: &[u8] = (*data).as_ref();
        let image = Image::new(bytes, &DecodeSettings::default()).map_err(|error| refusal(&error))?;
        let (width, height) = (image.width(), image.height());
        if width == 0 || height == 0 {
            return Err(Error::new(ErrorKind::Damaged, "the JPEG 2000 picture has no pixels"));
        }
        let format = if channels_of(&image)? == 1 { PixelFormat::Gray8 } else { PixelFormat::Rgb8 };
        let samples = u64::from(image.color_space().num_channels()) + u64::from(image.has_alpha());
        let pixels = u64::from(width) * u64::from(height);
        let cost = pixels
            .saturating_mul(BYTES_A_PIXEL + samples * BYTES_A_SAMPLE + format.channels() as u64)
            .saturating_add(ByteSize::mib(1).bytes());
        check_cost(width.into(), height.into(), ByteSize(cost), limits)?;
        let dpi = resolution::of_image(FileKind::Jpeg2000, bytes).dpi.unwrap_or(72.0);
        Ok(Self { info: PageInfo { width, height, format, cost: ByteSize(cost) }, dpi, data: data.clone() })
    }

    fn check_page(page: PageNumber) -> Result<()> {
        if page == PageNumber::FIRST { Ok(()) } else { Err(no_such_page(page, 1)) }
    }
}

impl PageSource for Jpeg2000Source {
    fn kind(&self) -> FileKind {
        FileKind::Jpeg2000
    }

    fn page_count(&self) -> u32 {
        1
    }

    fn page_info(&self, page: PageNumber, _options: &RenderOptions) -> Result<PageInfo> {
        Self::check_page(page)?;
        Ok(self.info)
    }

    fn render(&self, page: PageNumber, _options: &RenderOptions) -> Result<Raster> {
        Self::check_page(page)?;
        guarded("the JPEG 2000 picture", Some(page), || {
            let image =
                Image::new((*self.data).as_ref(), &DecodeSettings::default()).map_err(|error| refusal(&error))?;
            let mut context = DecoderContext::default();
            let decoded = image.decode(&mut context).map_err(|error| refusal(&error))?;
            let samples = decoded.components().len();
            let pixels = decoded.data_u8();
            drop(context);
            let PageInfo { width, height, format, .. } = self.info;
            let colours = channels_of(&image)?;
            let is_ink = matches!(image.color_space(), ColorSpace::CMYK) || colours == 4;
            if samples < colours || pixels.len() as u64 != u64::from(width) * u64::from(height) * samples as u64 {
                return Err(Error::new(ErrorKind::Damaged, "the JPEG 2000 picture has fewer samples than it claims"));
            }
            let opacity = |pixel: &[u8]| if image.has_alpha() { pixel[samples - 1] } else { 255 };
            let data = match (format, is_ink) {
                (PixelFormat::Gray8, _) if samples == 1 => pixels,
                (PixelFormat::Gray8, _) => {
                    pixels.chunks_exact(samples).map(|pixel| on_white(pixel[0], opacity(pixel))).collect()
                }
                (PixelFormat::Rgb8, true) => {
                    let rgb = |pixel: &[u8]| cmyk_to_rgb([pixel[0], pixel[1], pixel[2], pixel[3]]);
                    pixels.chunks_exact(samples).flat_map(rgb).collect()
                }
                (PixelFormat::Rgb8, false) => pixels
                    .chunks_exact(samples)
                    .flat_map(|pixel| [0, 1, 2].map(|c| on_white(pixel[c], opacity(pixel))))
                    .collect(),
            };
            Ok(Raster { width, height, format, data, dpi: self.dpi })
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        Self::check_page(page)?;
        Ok(None)
    }

    /// The decoder takes what there is, and the picture grows blurred.
    fn stored_image(&self, page: PageNumber) -> Option<StoredImage<'_>> {
        Self::check_page(page).ok()?;
        let bytes: &[u8] = (*self.data).as_ref();
        // A bare codestream is no file, and some readers of PDFs ask for one.
        let is_file = bytes.starts_with(BOX_SIGNATURE);
        let image = Image::new(bytes, &DecodeSettings::default()).ok().filter(|image| is_file && !image.has_alpha())?;
        let (width, height) = (image.width(), image.height());
        Some(StoredImage {
            width,
            height,
            orientation: 1,
            dpi: self.dpi,
            colour: StoredColour::Own,
            bits: 8,
            coding: StoredCoding::Jpeg2000,
            parts: vec![StoredPart { rows: height, bytes: Cow::Borrowed(bytes) }],
        })
    }

    fn damage(&self, _page: PageNumber) -> Option<String> {
        ends_early((*self.data).as_ref())
            .then(|| get_it_again("the JPEG 2000 picture ends early, and what came last of it is lost"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::input::{OpenOptions, open};

    /// 48 x 32 pixels, near white, with a red box at 4, 4 to 20, 12 and a black one at 24, 16 to 44, 28; written by OpenJPEG.
    const SAMPLE: &[u8] = include_bytes!("sample.jp2");
    /// The same, with four transparent columns at the right.
    const TRANSPARENT: &[u8] = include_bytes!("transparent.jp2");
    /// The same in gray, as a bare codestream.
    const GRAY: &[u8] = include_bytes!("gray.j2k");

    fn rendered(bytes: &[u8]) -> Raster {
        let source = open(Arc::new(bytes.to_vec()), &OpenOptions::default()).unwrap();
        assert_eq!((source.kind(), source.page_count()), (FileKind::Jpeg2000, 1));
        assert_eq!(source.damage(PageNumber::FIRST), None);
        let raster = source.render(PageNumber::FIRST, &RenderOptions::default()).unwrap();
        let info = source.page_info(PageNumber::FIRST, &RenderOptions::default()).unwrap();
        assert_eq!((info.width, info.height, info.format), (raster.width, raster.height, raster.format));
        assert_eq!((raster.width, raster.height), (48, 32));
        raster
    }

    #[test]
    fn colours_gray_and_transparency_are_seen() {
        let bare = boxes(SAMPLE).find(|(kind, _)| *kind == b"jp2c").unwrap().1;
        for (bytes, right_edge) in [(SAMPLE, 250), (bare, 250), (TRANSPARENT, 255)] {
            let raster = rendered(bytes);
            for ((x, y), colour) in
                [((10, 8), [200, 30, 30]), ((30, 20), [20, 20, 20]), ((2, 30), [250; 3]), ((46, 2), [right_edge; 3])]
            {
                let at = (y * raster.width + x) as usize * 3;
                assert_eq!(raster.data[at..at + 3], colour, "{x}, {y}");
            }
        }
        let gray = rendered(GRAY);
        assert_eq!((gray.format, gray.data[20 * 48 + 30], gray.data[0]), (PixelFormat::Gray8, 20, 250));
    }

    #[test]
    fn what_is_cut_off_is_told_and_what_is_too_large_refused() {
        for whole in [SAMPLE, GRAY] {
            assert!(!ends_early(&[whole, &[0; 100]].concat()), "a block filled up with zeros");
            for percent in [40, 70, 95] {
                let cut = whole[..whole.len() * percent / 100].to_vec();
                let Ok(source) = open(Arc::new(cut), &OpenOptions::default()) else { continue };
                let rendered = source.render(PageNumber::FIRST, &RenderOptions::default());
                assert!(rendered.is_err() || source.damage(PageNumber::FIRST).is_some(), "{percent}%");
            }
        }
        let limits = Limits { page: ByteSize::kib(100) };
        let error = open(Arc::new(SAMPLE.to_vec()), &OpenOptions { limits, ..Default::default() }).err().unwrap();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        let mut vast = GRAY.to_vec();
        // The sides in the codestream's header.
        vast[8..16].fill(0x7f);
        let error = open(Arc::new(vast), &OpenOptions::default()).err().unwrap();
        assert!(matches!(error.kind, ErrorKind::TooLarge | ErrorKind::Damaged), "{error}");
    }
}
