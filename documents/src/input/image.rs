//! PNG, JPEG, WebP, BMP and GIF of one page. Of a PNG that is animated as well, the picture that is shown where it is not.

use std::{borrow::Cow, io::Cursor, sync::Arc};

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader};

use super::{
    DocumentData, FileKind, Limits, PageInfo, PageSource, RenderOptions, TextLayer, get_it_again,
    guard::{check_cost, guarded, no_such_page, one_line, too_large},
    jpeg::{self, Frame, in_eight_bits},
    pixels::{Orientation, cmyk_to_rgb, on_white},
    resolution::{self, Resolution},
    stored::{self, StoredCoding, StoredColour, StoredImage, StoredPart},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::{PixelFormat, Raster},
};

pub(crate) struct ImageSource {
    data: DocumentData,
    kind: FileKind,
    limits: Limits,
    info: PageInfo,
    orientation: Orientation,
    resolution: Resolution,
    /// Of a JPEG that the usual decoder refuses or gets wrong.
    unusual: Option<Frame>,
}

fn format_of(kind: FileKind) -> Result<image::ImageFormat> {
    match kind {
        FileKind::Png => Ok(image::ImageFormat::Png),
        FileKind::Jpeg => Ok(image::ImageFormat::Jpeg),
        FileKind::WebP => Ok(image::ImageFormat::WebP),
        FileKind::Bmp => Ok(image::ImageFormat::Bmp),
        FileKind::Gif => Ok(image::ImageFormat::Gif),
        _ => Err(Error::new(ErrorKind::Internal, "not a plain image")),
    }
}

fn decoder<'a>(bytes: &'a [u8], kind: FileKind, limits: &Limits) -> Result<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format_of(kind)?);
    reader.limits(decoder_limits(limits));
    reader.into_decoder().map_err(|error| refusal(kind, &error))
}

fn decoder_limits(limits: &Limits) -> image::Limits {
    let mut out = image::Limits::default();
    out.max_alloc = Some(limits.page.bytes());
    out
}

fn refusal(kind: FileKind, error: &ImageError) -> Error {
    let name = kind.name();
    match error {
        ImageError::Limits(_) => {
            Error::new(ErrorKind::TooLarge, format!("the {name} image is larger than the page limit"))
                .with_hint("raise the page limit, or scale the image down first")
        }
        ImageError::Unsupported(cause) => {
            Error::new(ErrorKind::UnsupportedFormat, format!("this kind of {name} is not supported ({})", brief(cause)))
                .with_hint("convert it to an ordinary PNG or JPEG")
        }
        cause => Error::new(ErrorKind::Damaged, format!("the {name} image is damaged ({})", brief(cause)))
            .with_hint("get the file again, or try to open and save it with an image program"),
    }
}

/// The cause without what the sentence around it has said already, and short enough for one line.
fn brief(cause: &dyn std::error::Error) -> String {
    let mut innermost = cause;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    // Parsers like to show the chunk that they stopped at.
    one_line(innermost.to_string().split(" while decoding ").next().unwrap_or_default())
}

impl ImageSource {
    /// Reads the header. The dimensions are checked here, before anything is decoded.
    pub(crate) fn open(data: DocumentData, kind: FileKind, limits: &Limits) -> Result<Self> {
        let frame = if kind == FileKind::Jpeg { Frame::of((*data).as_ref()) } else { None };
        if let Some(refusal) = frame.and_then(|frame| frame.refusal()) {
            return Err(refusal);
        }
        // Owned where the number of lines had to be found at the end.
        let patched = frame.and_then(|_| match jpeg::with_lines((*data).as_ref()) {
            Cow::Owned(patched) => Some(patched),
            Cow::Borrowed(_) => None,
        });
        let data = patched.map_or(data, |patched| Arc::new(patched));
        let bytes: &[u8] = (*data).as_ref();
        let unusual =
            frame.filter(|frame| frame.process == jpeg::LOSSLESS || !frame.is_usual).and_then(|_| Frame::of(bytes));
        let resolution = resolution::of_image(kind, bytes);
        if let Some(frame) = unusual {
            let (info, orientation) = guarded("the image header", None, || unusual_header(&frame, bytes, limits))?;
            let info = in_proportions(info, orientation, resolution, limits)?;
            return Ok(Self { data, kind, limits: *limits, info, orientation, resolution, unusual });
        }
        let (info, orientation) = guarded("the image header", None, || {
            let mut decoder = decoder(bytes, kind, limits)?;
            let (width, height) = decoder.dimensions();
            if width == 0 || height == 0 {
                return Err(Error::new(ErrorKind::Damaged, format!("the {} image has no pixels", kind.name())));
            }
            let format = if decoder.color_type().has_color() { PixelFormat::Rgb8 } else { PixelFormat::Gray8 };
            let orientation = Orientation::from_tag(decoder.orientation().map_or(1, |o| u16::from(o.to_exif())));
            // The decoded pixels and the raster made of them exist at once, and so do a raster and its turned copy;
            // a decoder keeps rows or, for progressive JPEG, two bytes a sample of its own.
            let raster = Raster::cost(width, height, format);
            let cost =
                ByteSize(decoder.total_bytes().saturating_mul(3).max(raster.bytes() * 2) + ByteSize::mib(1).bytes());
            check_cost(u64::from(width), u64::from(height), cost, limits)?;
            let (width, height) = if orientation.swaps_sides() { (height, width) } else { (width, height) };
            Ok((PageInfo { width, height, format, cost }, orientation))
        })?;
        let info = in_proportions(info, orientation, resolution, limits)?;
        Ok(Self { data, kind, limits: *limits, info, orientation, resolution, unusual })
    }

    /// Where the file does not say, that of screens.
    fn dpi(&self) -> f32 {
        self.resolution.dpi.unwrap_or(72.0)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Raster> {
        let mut decoder = decoder(bytes, self.kind, &self.limits)?;
        let (width, height) = decoder.dimensions();
        decoder
            .set_limits(decoder_limits(&self.limits))
            .map_err(|_| too_large(width.into(), height.into(), self.info.cost, &self.limits))?;
        let image = DynamicImage::from_decoder(decoder).map_err(|error| refusal(self.kind, &error))?;
        Ok(raster_of(image, self.dpi()))
    }

    fn check_page(&self, page: PageNumber) -> Result<()> {
        if page == PageNumber::FIRST { Ok(()) } else { Err(no_such_page(page, 1)) }
    }
}

/// The page once its pixels are in their proportions: one whose pixels are not square is enlarged, and a turned copy made of that.
fn in_proportions(
    info: PageInfo,
    orientation: Orientation,
    Resolution { proportions, .. }: Resolution,
    limits: &Limits,
) -> Result<PageInfo> {
    if proportions.are_square() {
        return Ok(info);
    }
    let turned = |(width, height)| if orientation.swaps_sides() { (height, width) } else { (width, height) };
    let (width, height) = turned((info.width, info.height));
    let (width, height) = proportions.size(width, height);
    let enlarged = Raster::cost(width, height, info.format).bytes().saturating_mul(2);
    let cost = ByteSize(info.cost.bytes().saturating_add(enlarged));
    check_cost(width.into(), height.into(), cost, limits)?;
    let (width, height) = turned((width, height));
    Ok(PageInfo { width, height, cost, ..info })
}

impl PageSource for ImageSource {
    fn kind(&self) -> FileKind {
        self.kind
    }

    fn page_count(&self) -> u32 {
        1
    }

    fn page_info(&self, page: PageNumber, _options: &RenderOptions) -> Result<PageInfo> {
        self.check_page(page)?;
        Ok(self.info)
    }

    fn render(&self, page: PageNumber, _options: &RenderOptions) -> Result<Raster> {
        self.check_page(page)?;
        guarded("the image", Some(page), || {
            let bytes: &[u8] = (*self.data).as_ref();
            let raster = match &self.unusual {
                Some(frame) => decode_unusual(frame, bytes, self.dpi())?,
                None => match self.decode(bytes) {
                    // The decoder may have stumbled over a mark that says again how many lines there are.
                    Err(error) if self.kind == FileKind::Jpeg => match jpeg::lines_first(bytes) {
                        Cow::Owned(patched) => self.decode(&patched)?,
                        Cow::Borrowed(_) => return Err(error),
                    },
                    decoded => decoded?,
                },
            };
            Ok(self.orientation.apply(self.resolution.proportions.apply(raster)))
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        self.check_page(page)?;
        Ok(None)
    }

    fn stored_image(&self, page: PageNumber) -> Option<StoredImage<'_>> {
        self.check_page(page).ok()?;
        let bytes: &[u8] = (*self.data).as_ref();
        let (dpi, orientation) = (self.dpi(), self.orientation.tag());
        match self.kind {
            FileKind::Png => stored::of_png(bytes, dpi).map(|image| StoredImage { orientation, ..image }),
            FileKind::Jpeg => {
                let frame = Frame::of(bytes).filter(|frame| frame.process <= 2 && frame.precision == 8)?;
                let colour = match frame.components {
                    1 => StoredColour::Gray,
                    3 => StoredColour::Rgb,
                    4 => StoredColour::Cmyk { inverted: true },
                    _ => return None,
                };
                let (width, height) = (frame.width.into(), frame.height.into());
                let parts = vec![StoredPart { rows: height, bytes: Cow::Borrowed(bytes) }];
                let coding = StoredCoding::Jpeg { is_ycc: None };
                Some(StoredImage { width, height, orientation, dpi, colour, bits: 8, coding, parts })
            }
            _ => None,
        }
    }

    fn damage(&self, _page: PageNumber) -> Option<String> {
        // Decoders of the other formats refuse what is cut off.
        let early = self.kind == FileKind::Jpeg && jpeg::ends_early((*self.data).as_ref());
        early.then(|| get_it_again("the JPEG ends before its picture does, and the rest of the page is gray"))
    }
}

/// What a sample of a lossless JPEG costs while it is decoded, which is the costliest: its difference, itself twice, and how it comes.
const BYTES_A_SAMPLE: u64 = 12;

fn unusual_header(frame: &Frame, bytes: &[u8], limits: &Limits) -> Result<(PageInfo, Orientation)> {
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    if width == 0 || height == 0 {
        return Err(Error::new(ErrorKind::Damaged, "the JPEG image has no pixels"));
    }
    let format = if frame.components == 1 { PixelFormat::Gray8 } else { PixelFormat::Rgb8 };
    let samples = u64::from(width) * u64::from(height) * u64::from(frame.components);
    let cost = ByteSize(samples * BYTES_A_SAMPLE + Raster::cost(width, height, format).bytes());
    check_cost(width.into(), height.into(), cost, limits)?;
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let exif = decoder.read_info().ok().and_then(|()| decoder.exif_data());
    let tag =
        exif.and_then(image::metadata::Orientation::from_exif_chunk).map_or(1, |found| u16::from(found.to_exif()));
    let orientation = Orientation::from_tag(tag);
    let (width, height) = if orientation.swaps_sides() { (height, width) } else { (width, height) };
    Ok((PageInfo { width, height, format, cost }, orientation))
}

fn decode_unusual(frame: &Frame, bytes: &[u8], dpi: f32) -> Result<Raster> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let samples = decoder.decode().map_err(|error| match error {
        jpeg_decoder::Error::Unsupported(what) => {
            Error::new(ErrorKind::UnsupportedFormat, format!("this kind of JPEG is not supported ({what:?})"))
                .with_hint("convert it to an ordinary PNG or JPEG")
        }
        cause => Error::new(ErrorKind::Damaged, format!("the JPEG image is damaged ({})", brief(&cause)))
            .with_hint("get the file again, or try to open and save it with an image program"),
    })?;
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let samples = if frame.precision == 8 { samples } else { in_eight_bits(&samples, frame.precision) };
    let (format, data) = match frame.components {
        1 => (PixelFormat::Gray8, samples),
        3 => (PixelFormat::Rgb8, samples),
        // As programs that know CMYK write it: inverted.
        _ => (
            PixelFormat::Rgb8,
            samples.chunks_exact(4).flat_map(|ink| cmyk_to_rgb([0, 1, 2, 3].map(|c| 255 - ink[c]))).collect(),
        ),
    };
    if data.len() as u64 != Raster::cost(width, height, format).bytes() {
        return Err(Error::new(ErrorKind::Damaged, "the JPEG image has fewer samples than it claims"));
    }
    Ok(Raster { width, height, format, data, dpi })
}

/// Eight bits a channel, on white.
fn raster_of(image: DynamicImage, dpi: f32) -> Raster {
    let (width, height) = (image.width(), image.height());
    let (format, data) = match image {
        DynamicImage::ImageLuma8(pixels) => (PixelFormat::Gray8, pixels.into_raw()),
        DynamicImage::ImageRgb8(pixels) => (PixelFormat::Rgb8, pixels.into_raw()),
        DynamicImage::ImageLuma16(_) => (PixelFormat::Gray8, image.into_luma8().into_raw()),
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageLumaA16(_) => {
            let pixels = image.into_luma_alpha8().into_raw();
            let (pixels, _) = pixels.as_chunks::<2>();
            (PixelFormat::Gray8, pixels.iter().map(|&[value, alpha]| on_white(value, alpha)).collect())
        }
        DynamicImage::ImageRgba8(_) | DynamicImage::ImageRgba16(_) | DynamicImage::ImageRgba32F(_) => {
            let pixels = image.into_rgba8().into_raw();
            let (pixels, _) = pixels.as_chunks::<4>();
            let blend = |&[r, g, b, alpha]: &[u8; 4]| [r, g, b].map(|value| on_white(value, alpha));
            (PixelFormat::Rgb8, pixels.iter().flat_map(blend).collect())
        }
        other => (PixelFormat::Rgb8, other.into_rgb8().into_raw()),
    };
    Raster { width, height, format, data, dpi }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use image::{ImageFormat, Luma, LumaA, Rgb, Rgba};

    use super::*;
    use crate::input::{OpenOptions, open};

    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image.into().write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    fn render(bytes: Vec<u8>) -> (FileKind, Raster) {
        let source = open(Arc::new(bytes), &OpenOptions::default()).unwrap();
        let options = RenderOptions::default();
        let info = source.page_info(PageNumber::FIRST, &options).unwrap();
        let raster = source.render(PageNumber::FIRST, &options).unwrap();
        assert_eq!((info.width, info.height, info.format), (raster.width, raster.height, raster.format));
        assert!(source.text_layer(PageNumber::FIRST).unwrap().is_none());
        (source.kind(), raster)
    }

    #[test]
    fn each_format_gives_its_pixels() {
        let rgb = image::RgbImage::from_pixel(4, 3, Rgb([10, 20, 30]));
        for (format, kind) in [
            (ImageFormat::Png, FileKind::Png),
            (ImageFormat::Jpeg, FileKind::Jpeg),
            (ImageFormat::WebP, FileKind::WebP),
            (ImageFormat::Bmp, FileKind::Bmp),
        ] {
            let (found, raster) = render(encoded(rgb.clone(), format));
            assert_eq!((found, raster.width, raster.height, raster.format), (kind, 4, 3, PixelFormat::Rgb8));
            assert!(raster.data[..3].iter().zip([10, 20, 30]).all(|(a, b)| a.abs_diff(b) <= 4), "{kind:?}");
        }
        let gif = encoded(image::RgbaImage::from_pixel(4, 3, Rgba([0, 0, 0, 255])), ImageFormat::Gif);
        let (kind, raster) = render(gif);
        assert_eq!((kind, &raster.data[..3]), (FileKind::Gif, &[0, 0, 0][..]));
    }

    #[test]
    fn pixels_that_are_not_square_are_brought_into_their_proportions() {
        let mut bmp = encoded(image::RgbImage::new(40, 20), ImageFormat::Bmp);
        let mut jpeg = encoded(image::GrayImage::new(40, 20), ImageFormat::Jpeg);
        let jfif = jpeg.windows(5).position(|window| window == b"JFIF\0").unwrap();
        // 204 x 98 to the inch; in metres for BMP.
        bmp[38..42].copy_from_slice(&8_031_u32.to_le_bytes());
        bmp[42..46].copy_from_slice(&3_858_u32.to_le_bytes());
        jpeg[jfif + 7..jfif + 12].copy_from_slice(&[1, 0, 204, 0, 98]);
        for bytes in [bmp, jpeg.clone()] {
            let (kind, raster) = render(bytes);
            assert_eq!((raster.width, raster.height, raster.dpi), (40, 42, 204.0), "{kind:?}");
        }
        // Proportions alone, of no known unit.
        jpeg[jfif + 7..jfif + 12].copy_from_slice(&[0, 0, 1, 0, 2]);
        let (_, raster) = render(jpeg);
        assert_eq!((raster.width, raster.height, raster.dpi), (80, 20, 72.0));
    }

    #[test]
    fn deep_and_transparent_pixels_become_eight_bits_on_white() {
        let check = |image: DynamicImage, format, expected: &[u8]| {
            let (_, raster) = render(encoded(image, ImageFormat::Png));
            assert_eq!((raster.format, &raster.data[..]), (format, expected));
        };
        check(image::ImageBuffer::from_pixel(1, 1, Luma([0x8080_u16])).into(), PixelFormat::Gray8, &[0x80]);
        check(image::ImageBuffer::from_pixel(1, 1, LumaA([0_u8, 0])).into(), PixelFormat::Gray8, &[255]);
        check(image::ImageBuffer::from_pixel(1, 1, Rgba([0_u8, 0, 0, 128])).into(), PixelFormat::Rgb8, &[127; 3]);
        check(
            image::ImageBuffer::from_pixel(1, 1, Rgba([0xffff_u16, 0, 0, 0xffff])).into(),
            PixelFormat::Rgb8,
            &[255, 0, 0],
        );
    }

    #[test]
    fn jpegs_that_decoders_stumble_over_are_read() {
        let gray = image::GrayImage::from_fn(40, 32, |x, y| Luma([(x * 5 + y) as u8]));
        let usual = encoded(gray, ImageFormat::Jpeg);
        let (_, expected) = render(usual.clone());
        let frame = usual.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
        let lines = &usual[frame + 5..frame + 7];
        // The number of lines after the scan; there alone, or once more.
        let ended = [&usual[..usual.len() - 2], &[0xff, 0xdc, 0, 4], lines, &[0xff, 0xd9]].concat();
        let mut late = ended.clone();
        late[frame + 5..frame + 7].fill(0);
        for bytes in [late.clone(), ended] {
            assert_eq!(render(bytes).1, expected);
        }
        // Three samples across where another component, of which there is none, would have one.
        let mut thirds = usual.clone();
        thirds[frame + 11] = 0x31;
        let (_, found) = render(thirds);
        assert!(found.data.iter().zip(&expected.data).all(|(a, b)| a.abs_diff(*b) <= 2));
        let refused = |bytes: Vec<u8>| {
            let opened = open(Arc::new(bytes), &OpenOptions::default());
            opened.and_then(|source| source.render(PageNumber::FIRST, &RenderOptions::default())).unwrap_err()
        };
        let mut arithmetic = usual.clone();
        arithmetic[frame + 1] = 0xc9;
        let error = refused(arithmetic);
        assert_eq!(error.kind, ErrorKind::UnsupportedFormat);
        assert!(error.message.contains("arithmetically"), "{error}");
        late.truncate(late.len() - 8);
        assert_eq!(refused(late).kind, ErrorKind::Damaged, "nobody says how many lines there are");
    }

    #[test]
    fn a_bomb_is_refused_from_its_header() {
        // A GIF of 44 bytes that claims 65,535 x 65,535 pixels.
        let mut gif = b"GIF89a\xff\xff\xff\xff\x80\0\0".to_vec();
        gif.extend(b"\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;");
        let error = open(Arc::new(gif), &OpenOptions::default()).err().unwrap();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        let png = encoded(image::GrayImage::new(2000, 2000), ImageFormat::Png);
        let options = OpenOptions { limits: Limits { page: ByteSize::mib(4) }, ..Default::default() };
        assert_eq!(open(Arc::new(png), &options).err().unwrap().kind, ErrorKind::TooLarge);
    }

    #[test]
    fn no_file_that_is_cut_off_passes_for_a_whole_one() {
        let pixels = image::RgbImage::from_fn(300, 200, |x, y| Rgb([(x * 7) as u8, (y * 13) as u8, (x * y) as u8]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif] {
            let whole = encoded(pixels.clone(), format);
            let opened = |bytes: &[u8]| open(Arc::new(bytes.to_vec()), &OpenOptions::default()).unwrap();
            let source = opened(&whole);
            source.render(PageNumber::FIRST, &RenderOptions::default()).unwrap();
            assert_eq!(source.damage(PageNumber::FIRST), None, "{format:?}");
            for percent in [40, 60, 90] {
                let source = opened(&whole[..whole.len() * percent / 100]);
                let rendered = source.render(PageNumber::FIRST, &RenderOptions::default());
                let damage = source.damage(PageNumber::FIRST);
                assert!(rendered.is_err() || damage.is_some(), "{format:?} at {percent}%");
            }
        }
    }

    #[test]
    fn a_cut_off_file_is_damaged_and_page_two_does_not_exist() {
        let png = encoded(image::GrayImage::new(200, 200), ImageFormat::Png);
        let source = open(Arc::new(png[..png.len() / 2].to_vec()), &OpenOptions::default()).unwrap();
        let options = RenderOptions::default();
        assert_eq!(source.render(PageNumber::FIRST, &options).unwrap_err().kind, ErrorKind::Damaged);
        let second = PageNumber::new(2).unwrap();
        assert_eq!(source.render(second, &options).unwrap_err().kind, ErrorKind::NoSuchPage);
    }
}
