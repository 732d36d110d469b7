//! HEIC: what phones photograph in. One picture; of a sequence, the first. The container's own turn and crop are applied.

use heic_decoder::{HeifError, decode, probe};

use super::{
    DocumentData, FileKind, Limits, PageInfo, PageSource, RenderOptions, TextLayer,
    guard::{check_cost, guarded, no_such_page},
    pixels::on_white,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::{PixelFormat, Raster},
};

/// What decoding holds at its peak, a pixel: planes of two bytes as they were coded and as they are turned, and the colours
/// made of them with their transparency, twice.
const BYTES_A_PIXEL: u64 = 2 * 2 * 4 + 4 + 3;

pub(super) struct HeicSource {
    data: DocumentData,
    info: PageInfo,
}

fn refusal(error: &HeifError) -> Error {
    match error {
        HeifError::Unsupported(_) => {
            Error::new(ErrorKind::UnsupportedFormat, format!("this kind of HEIC is not supported ({error})"))
                .with_hint("convert it to JPEG or PNG")
        }
        HeifError::LimitExceeded(_) => {
            Error::new(ErrorKind::TooLarge, format!("the HEIC picture is too large ({error})"))
                .with_hint("scale it down first")
        }
        _ => Error::new(ErrorKind::Damaged, format!("the HEIC picture is damaged ({error})"))
            .with_hint("get the file again, or try to open and save it with an image program"),
    }
}

impl HeicSource {
    /// Reads the header. The dimensions are checked here, before anything is decoded.
    pub(super) fn open(data: DocumentData, limits: &Limits) -> Result<Self> {
        let found = probe((*data).as_ref()).map_err(|error| refusal(&error))?;
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (width, height) = (side(found.width), side(found.height));
        if width == 0 || height == 0 {
            return Err(Error::new(ErrorKind::Damaged, "the HEIC picture has no pixels"));
        }
        let coded = found.coded_width as u64 * found.coded_height as u64;
        let cost = ByteSize(coded.saturating_mul(BYTES_A_PIXEL).saturating_add(ByteSize::mib(1).bytes()));
        check_cost(width.into(), height.into(), cost, limits)?;
        Ok(Self { data, info: PageInfo { width, height, format: PixelFormat::Rgb8, cost } })
    }

    fn check_page(page: PageNumber) -> Result<()> {
        if page == PageNumber::FIRST { Ok(()) } else { Err(no_such_page(page, 1)) }
    }
}

impl PageSource for HeicSource {
    fn kind(&self) -> FileKind {
        FileKind::Heic
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
        guarded("the HEIC picture", Some(page), || {
            let decoded = decode((*self.data).as_ref()).map_err(|error| refusal(&error))?;
            let pixels = decoded.to_rgba8().map_err(|error| refusal(&error))?;
            drop(decoded);
            let (width, height) = (pixels.width as u32, pixels.height as u32);
            let (rgba, _) = pixels.data.as_chunks::<4>();
            let data =
                rgba.iter().flat_map(|&[r, g, b, alpha]| [r, g, b].map(|value| on_white(value, alpha))).collect();
            Ok(Raster { width, height, format: PixelFormat::Rgb8, data, dpi: 72.0 })
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        Self::check_page(page)?;
        Ok(None)
    }

    /// The decoder refuses what is cut off.
    fn damage(&self, _page: PageNumber) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::input::{OpenOptions, open};

    /// 96 x 64 pixels, near white, with a red box at 8, 8 to 40, 24 and a black one at 48, 32 to 88, 56; written by libheif.
    const SAMPLE: &[u8] = include_bytes!("sample.heic");
    /// The same, to be turned clockwise.
    const TURNED: &[u8] = include_bytes!("turned.heic");

    fn rendered(bytes: &[u8]) -> Raster {
        let source = open(Arc::new(bytes.to_vec()), &OpenOptions::default()).unwrap();
        assert_eq!((source.kind(), source.page_count()), (FileKind::Heic, 1));
        let raster = source.render(PageNumber::FIRST, &RenderOptions::default()).unwrap();
        let info = source.page_info(PageNumber::FIRST, &RenderOptions::default()).unwrap();
        assert_eq!((info.width, info.height, info.format), (raster.width, raster.height, raster.format));
        raster
    }

    #[test]
    fn a_photo_is_decoded_and_turned_as_it_says() {
        for (bytes, size, places) in [
            (SAMPLE, (96, 64), [(24, 16), (68, 44), (4, 60)]),
            // Clockwise: what is at the top goes to the right.
            (TURNED, (64, 96), [(47, 24), (19, 68), (3, 4)]),
        ] {
            let raster = rendered(bytes);
            assert_eq!((raster.width, raster.height), size);
            for ((x, y), colour) in places.into_iter().zip([[200, 30, 30], [20, 20, 20], [250, 250, 250]]) {
                let at = (y * raster.width + x) as usize * 3;
                let found = &raster.data[at..at + 3];
                assert!(found.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 12), "{x}, {y}: {found:?}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_too_large_is_refused() {
        for percent in [30, 60, 90] {
            let bytes = SAMPLE[..SAMPLE.len() * percent / 100].to_vec();
            let opened = open(Arc::new(bytes), &OpenOptions::default());
            let rendered = opened.and_then(|source| source.render(PageNumber::FIRST, &RenderOptions::default()));
            assert!(rendered.is_err(), "{percent}%");
        }
        let limits = Limits { page: ByteSize::kib(100) };
        let error = open(Arc::new(SAMPLE.to_vec()), &OpenOptions { limits, ..Default::default() }).err().unwrap();
        assert_eq!(error.kind, ErrorKind::TooLarge);
    }
}
