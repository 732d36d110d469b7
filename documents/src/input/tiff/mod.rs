//! TIFF: scans of many pages. Each page is decoded on its own, straight from its directory.

mod directory;
mod fax;
mod samples;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tiff::{
    ColorType, TiffError, TiffFormatError,
    decoder::{Decoder, ifd::Value},
    tags::Tag,
};

use self::{
    directory::{Layout, PageView},
    fax::Fax,
    samples::{Meaning, Samples},
};
use super::{
    DocumentData, FileKind, Limits, PageInfo, PageSource, RenderOptions, TextLayer, get_it_again,
    guard::{check_cost, guarded, no_such_page},
    jpeg,
    pixels::Orientation,
    proportions::Proportions,
    resolution,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::Raster,
};

/// Tag values (TIFF 6.0, section 8).
const PHOTOMETRIC_BLACK_IS_ZERO: u16 = 1;
const PHOTOMETRIC_PALETTE: u16 = 3;
const PHOTOMETRIC_MASK: u16 = 4;
const COMPRESSION_JPEG: u16 = 7;

/// One lost row of a fax in so many is nothing to look at: lines drop out when a fax is sent.
const UNNOTICED: usize = 50;

pub(super) fn is_tiff(bytes: &[u8]) -> bool {
    Layout::of(bytes).is_some()
}

pub(super) struct TiffSource {
    data: DocumentData,
    layout: Layout,
    pages: Vec<u64>,
    limits: Limits,
    /// By page, what was found to be lost when it was decoded.
    damage: Mutex<HashMap<PageNumber, String>>,
}

/// One page, with its header read and nothing decoded.
struct OpenPage {
    decoder: Decoder<PageView>,
    samples: Samples,
    /// Set for fax compression, which is decoded here and not by the decoder.
    fax: Option<Fax>,
    orientation: Orientation,
    proportions: Proportions,
    dpi: f32,
    info: PageInfo,
}

fn refusal(error: TiffError) -> Error {
    match error {
        TiffError::LimitsExceeded => Error::new(ErrorKind::TooLarge, "the TIFF page is larger than the page limit")
            .with_hint("raise the page limit, or scale the page down first"),
        TiffError::UnsupportedError(cause) => {
            Error::new(ErrorKind::UnsupportedFormat, format!("this kind of TIFF is not supported ({cause})"))
                .with_hint("convert it to an ordinary RGB or gray TIFF")
        }
        TiffError::FormatError(TiffFormatError::RequiredTagNotFound(tag)) => {
            Error::new(ErrorKind::Damaged, format!("the TIFF page lacks the tag {tag:?}"))
        }
        cause => Error::new(ErrorKind::Damaged, format!("the TIFF page is damaged ({cause})"))
            .with_hint("the file may be cut off; get it again"),
    }
}

impl TiffSource {
    pub(super) fn open(data: DocumentData, limits: &Limits) -> Result<Self> {
        let bytes: &[u8] = (*data).as_ref();
        let layout = Layout::of(bytes).ok_or_else(|| Error::new(ErrorKind::UnsupportedFormat, "not a TIFF"))?;
        let pages = layout.pages(bytes)?;
        Ok(Self { data, layout, pages, limits: *limits, damage: Mutex::default() })
    }

    fn note_damage(&self, page: PageNumber, what: String) {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).insert(page, get_it_again(&what));
    }

    fn open_page(&self, page: PageNumber) -> Result<OpenPage> {
        let count = self.page_count();
        let directory = *self.pages.get(page.index() as usize).ok_or_else(|| no_such_page(page, count))?;
        let view = || PageView::new(self.data.clone(), self.layout, directory);
        let open = |view| -> Result<Decoder<PageView>> {
            let mut limits = tiff::decoder::Limits::default();
            let most = usize::try_from(self.limits.page.bytes()).unwrap_or(usize::MAX);
            limits.decoding_buffer_size = most;
            limits.intermediate_buffer_size = most;
            // Offsets of a tall page with one row a strip, or a palette of 65,536 colours.
            limits.ifd_value_size = most.min(16 << 20);
            Ok(Decoder::new(view).map_err(refusal)?.with_limits(limits))
        };
        let mut decoder = open(view())?;
        let short = |decoder: &mut Decoder<PageView>, tag| -> Result<Option<u16>> {
            decoder.find_tag_unsigned(tag).map_err(refusal)
        };
        let photometric = short(&mut decoder, Tag::PhotometricInterpretation)?;
        let palette = if photometric == Some(PHOTOMETRIC_PALETTE) {
            Some(decoder.get_tag_u16_vec(Tag::ColorMap).map_err(refusal)?)
        } else {
            None
        };
        if matches!(photometric, Some(PHOTOMETRIC_PALETTE | PHOTOMETRIC_MASK)) {
            // The decoder refuses these meanings, but decodes the same samples as gray; we give them their meaning.
            let black_is_zero = u64::from(PHOTOMETRIC_BLACK_IS_ZERO);
            decoder =
                open(view().with_tag(self.layout, directory, Tag::PhotometricInterpretation.to_u16(), black_is_zero))?;
        }
        let (width, height) = decoder.dimensions().map_err(refusal)?;
        if width == 0 || height == 0 {
            return Err(Error::new(ErrorKind::Damaged, "the TIFF page has no pixels"));
        }
        let orientation = Orientation::from_tag(short(&mut decoder, Tag::Orientation).ok().flatten().unwrap_or(1));
        let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten().unwrap_or_default();
        let has_alpha = matches!(extra.first(), Some(1 | 2));
        let color = decoder.colortype().map_err(refusal)?;
        let (channels, meaning) = match color {
            ColorType::Gray(_) if palette.is_some() => (1, Meaning::Palette(palette.unwrap_or_default())),
            ColorType::Gray(_) => (1, Meaning::Gray),
            ColorType::GrayA(_) => (2, Meaning::GrayAlpha),
            ColorType::RGB(_) => (3, Meaning::Rgb),
            ColorType::RGBA(_) if has_alpha || extra.is_empty() => (4, Meaning::RgbAlpha),
            ColorType::RGBA(_) => (4, Meaning::Rgb),
            ColorType::CMYK(_) => (4, Meaning::Cmyk),
            ColorType::CMYKA(_) => (5, Meaning::Cmyk),
            ColorType::YCbCr(_) => (3, Meaning::YCbCr),
            ColorType::Multiband { num_samples, .. } if num_samples >= 2 && has_alpha => {
                (num_samples, Meaning::GrayAlpha)
            }
            ColorType::Multiband { num_samples, .. } => (num_samples, Meaning::Gray),
            other => {
                return Err(Error::new(
                    ErrorKind::UnsupportedFormat,
                    format!("TIFF colours {other:?} are not supported"),
                ));
            }
        };
        let format = meaning.pixel_format();
        let raster = Raster::cost(width, height, format);
        let layout = decoder.image_buffer_layout().map_err(refusal)?;
        let samples = Samples {
            width: width as usize,
            height: height as usize,
            channels: usize::from(channels),
            depth: color.bit_depth(),
            kind: layout.sample_type,
            row_stride: layout.row_stride.map_or(0, |n| n.get()),
            plane_stride: (layout.planes > 1).then(|| layout.plane_stride.map_or(0, |n| n.get())),
            bytes: layout.complete_len,
            meaning,
        };
        let fax = Fax::of(&mut decoder, &samples, photometric)?;
        // All samples, the raster made of them, and one strip with its compressed form; a turned page needs a second raster.
        let strip = layout.complete_len / (height as usize).max(1) * decoder.chunk_dimensions().1.min(height) as usize;
        let copies = if orientation.is_upright() { 1 } else { 2 };
        let [across, down] = dots_of(&mut decoder);
        let proportions = Proportions::of(across, down);
        let (width, height) = proportions.size(width, height);
        // And so does one whose pixels are not square.
        let enlarged = if proportions.are_square() { 0 } else { Raster::cost(width, height, format).bytes() * copies };
        let cost = ByteSize(
            (layout.complete_len as u64)
                .saturating_add(raster.bytes() * copies)
                .saturating_add(enlarged)
                .saturating_add(strip as u64 * 2),
        );
        check_cost(width.into(), height.into(), cost, &self.limits)?;
        let dpi = dpi_of(&mut decoder, across.max(down));
        let (width, height) = if orientation.swaps_sides() { (height, width) } else { (width, height) };
        let info = PageInfo { width, height, format, cost };
        Ok(OpenPage { decoder, samples, fax, orientation, proportions, dpi, info })
    }
}

/// Where one JPEG of those lies that a page is made of.
struct Span {
    offset: u64,
    length: u64,
}

impl Span {
    fn of<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(file.len());
        &file[place(self.offset)..place(self.offset.saturating_add(self.length))]
    }
}

/// The page's strips or tiles, if they are JPEGs: their decoder fills what is missing with gray.
fn jpegs(decoder: &mut Decoder<PageView>) -> Result<Vec<Span>> {
    if decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(refusal)? != Some(COMPRESSION_JPEG) {
        return Ok(Vec::new());
    }
    let mut list = |strips, tiles| -> Result<Vec<u64>> {
        let found = decoder.find_tag_unsigned_vec::<u64>(strips).map_err(refusal)?;
        let found = if found.is_some() { found } else { decoder.find_tag_unsigned_vec(tiles).map_err(refusal)? };
        Ok(found.unwrap_or_default())
    };
    let offsets = list(Tag::StripOffsets, Tag::TileOffsets)?;
    let lengths = list(Tag::StripByteCounts, Tag::TileByteCounts)?;
    Ok(offsets.into_iter().zip(lengths).map(|(offset, length)| Span { offset, length }).collect())
}

/// XResolution and YResolution, whatever their unit; 0 where the file does not say. They are rational numbers, which the decoder does not
/// convert.
fn dots_of(decoder: &mut Decoder<PageView>) -> [f32; 2] {
    [Tag::XResolution, Tag::YResolution].map(|tag| match decoder.find_tag(tag) {
        Ok(Some(Value::Rational(dots, units))) if units > 0 => dots as f32 / units as f32,
        Ok(Some(Value::Float(dots))) => dots,
        Ok(Some(Value::Double(dots))) => dots as f32,
        _ => 0.0,
    })
}

/// From the dots and ResolutionUnit. A page scanned at two resolutions (fax: 204 x 98) has the finer one, into which it is brought.
fn dpi_of(decoder: &mut Decoder<PageView>, dots: f32) -> f32 {
    let unit = decoder.find_tag_unsigned::<u16>(Tag::ResolutionUnit).ok().flatten().unwrap_or(2);
    match unit {
        2 => resolution::plausible(dots),
        3 => resolution::plausible((dots * 2.54).round()),
        _ => None,
    }
    .unwrap_or(72.0)
}

impl PageSource for TiffSource {
    fn kind(&self) -> FileKind {
        FileKind::Tiff
    }

    fn page_count(&self) -> u32 {
        self.pages.len() as u32
    }

    fn page_info(&self, page: PageNumber, _options: &RenderOptions) -> Result<PageInfo> {
        guarded("the TIFF directory", Some(page), || Ok(self.open_page(page)?.info))
    }

    fn render(&self, page: PageNumber, _options: &RenderOptions) -> Result<Raster> {
        guarded("the TIFF page", Some(page), || {
            let OpenPage { mut decoder, samples, fax, orientation, proportions, dpi, info: _ } =
                self.open_page(page)?;
            let (width, height) = (samples.width as u32, samples.height as u32);
            let data = match fax {
                Some(fax) => {
                    let (data, lost) = fax.decode((*self.data).as_ref())?;
                    if lost > samples.height / UNNOTICED {
                        self.note_damage(page, format!("{lost} of {height} rows of the fax cannot be decoded"));
                    }
                    data
                }
                None => {
                    let mut buffer = vec![0; samples.bytes];
                    let jpegs = jpegs(&mut decoder)?;
                    let early = jpegs.iter().filter(|strip| jpeg::ends_early(strip.of((*self.data).as_ref()))).count();
                    if early > 0 {
                        let parts = jpegs.len();
                        self.note_damage(page, format!("{early} of {parts} JPEGs that the page is made of end early"));
                    }
                    decoder.read_image_bytes(&mut buffer).map_err(refusal)?;
                    samples.convert(&buffer)?
                }
            };
            let raster = Raster { width, height, format: samples.meaning.pixel_format(), data, dpi };
            Ok(orientation.apply(proportions.apply(raster)))
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        if page.index() < self.page_count() { Ok(None) } else { Err(no_such_page(page, self.page_count())) }
    }

    fn damage(&self, page: PageNumber) -> Option<String> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).get(&page).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Cursor, sync::Arc};

    use tiff::encoder::{TiffEncoder, colortype};

    use super::*;
    use crate::{
        PixelFormat,
        input::{OpenOptions, open},
    };

    fn pages(bytes: Vec<u8>) -> Vec<Raster> {
        let source = open(Arc::new(bytes), &OpenOptions::default()).unwrap();
        assert_eq!(source.kind(), FileKind::Tiff);
        let options = RenderOptions::default();
        let page = |index| {
            let page = PageNumber::from_index(index);
            let info = source.page_info(page, &options).unwrap();
            let raster = source.render(page, &options).unwrap();
            assert_eq!((info.width, info.height, info.format), (raster.width, raster.height, raster.format));
            assert!(info.cost >= raster.byte_size());
            raster
        };
        (0..source.page_count()).map(page).collect()
    }

    #[test]
    fn pages_of_many_kinds_in_one_file_are_each_decoded_alone() {
        let mut out = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut out).unwrap();
        encoder.write_image::<colortype::Gray8>(2, 1, &[0, 255]).unwrap();
        encoder.write_image::<colortype::RGB8>(1, 2, &[1, 2, 3, 4, 5, 6]).unwrap();
        encoder.write_image::<colortype::RGBA8>(2, 1, &[9, 9, 9, 255, 9, 9, 9, 0]).unwrap();
        encoder.write_image::<colortype::Gray16>(1, 1, &[0x8000]).unwrap();
        encoder.write_image::<colortype::CMYK8>(1, 1, &[0, 0, 0, 255]).unwrap();
        encoder.write_image::<colortype::Gray32Float>(2, 1, &[0.0, 1.0]).unwrap();
        let pages = pages(out.into_inner());
        let data: Vec<&[u8]> = pages.iter().map(|page| &page.data[..]).collect();
        assert_eq!(
            data,
            [&[0, 255][..], &[1, 2, 3, 4, 5, 6], &[9, 9, 9, 255, 255, 255], &[0x80], &[0, 0, 0], &[0, 255]]
        );
    }

    /// A classic little-endian TIFF with one uncompressed strip; `tags` are (tag, type 3 or 4, values).
    fn handmade(tags: &[(u16, u16, &[u32])], strip: &[u8]) -> Vec<u8> {
        let mut all: Vec<(u16, u16, Vec<u32>)> = tags.iter().map(|(t, k, v)| (*t, *k, v.to_vec())).collect();
        let directory_length = 2 + 12 * (all.len() + 2) + 4;
        let long_values: usize = all.iter().map(|(_, _, v)| if v.len() > 1 { v.len() * 4 } else { 0 }).sum();
        all.push((273, 4, vec![(8 + directory_length + long_values) as u32]));
        all.push((279, 4, vec![strip.len() as u32]));
        all.sort();
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((all.len() as u16).to_le_bytes());
        let mut values = Vec::new();
        for (tag, kind, list) in &all {
            bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            bytes.extend((list.len() as u32).to_le_bytes());
            let encoded: Vec<u8> = list
                .iter()
                .flat_map(|v| if *kind == 3 { (*v as u16).to_le_bytes().to_vec() } else { v.to_le_bytes().to_vec() })
                .collect();
            if encoded.len() <= 4 {
                bytes.extend(encoded.iter().copied().chain([0; 4]).take(4));
            } else {
                bytes.extend(((8 + directory_length + values.len()) as u32).to_le_bytes());
                values.extend(encoded);
            }
        }
        bytes.extend([0; 4]);
        values.resize(long_values, 0);
        bytes.extend(values);
        bytes.extend(strip);
        bytes
    }

    #[test]
    fn bits_palettes_alpha_and_orientation_are_understood() {
        let one = |tags: &[(u16, u16, &[u32])], strip: &[u8]| {
            let mut pages = pages(handmade(tags, strip));
            let page = pages.remove(0);
            (page.format, page.data, page.width)
        };
        let size: [(u16, u16, &[u32]); 3] = [(256, 3, &[3]), (257, 3, &[1]), (278, 3, &[1])];
        let tags = |more: &[(u16, u16, &'static [u32])]| [&size[..], more].concat();
        // Fax: white is zero.
        let fax = tags(&[(258, 3, &[1]), (262, 3, &[0]), (277, 3, &[1])]);
        assert_eq!(one(&fax, &[0b0100_0000]), (PixelFormat::Gray8, vec![255, 0, 255], 3));
        let palette = tags(&[
            (258, 3, &[4]),
            (262, 3, &[3]),
            (277, 3, &[1]),
            (
                320,
                3,
                &[
                    0, 0xff00, 0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
                    0, 0xff00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
                    0, 0xff00, 0x1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
            ),
        ]);
        assert_eq!(one(&palette, &[0x01, 0x20]).1, [0, 0, 0, 255, 255, 255, 128, 0, 16]);
        let alpha = tags(&[(258, 3, &[8, 8]), (262, 3, &[1]), (277, 3, &[2]), (338, 3, &[2])]);
        assert_eq!(one(&alpha, &[0, 255, 0, 0, 50, 255]), (PixelFormat::Gray8, vec![0, 255, 50], 3));
        let turned = tags(&[(258, 3, &[8]), (262, 3, &[1]), (274, 3, &[6]), (277, 3, &[1])]);
        assert_eq!(one(&turned, &[1, 2, 3]), (PixelFormat::Gray8, vec![1, 2, 3], 1));
        let planes = tags(&[(258, 3, &[8, 8, 8]), (262, 3, &[2]), (277, 3, &[3]), (284, 3, &[1])]);
        assert_eq!(one(&planes, &[1, 2, 3, 4, 5, 6, 7, 8, 9]).1, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn dimensions_beyond_the_limit_are_refused_and_a_missing_strip_is_damage() {
        let tags: [(u16, u16, &[u32]); 6] = [
            (256, 4, &[60_000]),
            (257, 4, &[60_000]),
            (258, 3, &[8]),
            (262, 3, &[1]),
            (277, 3, &[1]),
            (278, 4, &[60_000]),
        ];
        let source = open(Arc::new(handmade(&tags, &[0])), &OpenOptions::default()).unwrap();
        let error = source.page_info(PageNumber::FIRST, &RenderOptions::default()).unwrap_err();
        assert_eq!((error.kind, error.page), (ErrorKind::TooLarge, Some(PageNumber::FIRST)));
        let tags: [(u16, u16, &[u32]); 6] =
            [(256, 4, &[600]), (257, 4, &[600]), (258, 3, &[8]), (262, 3, &[1]), (277, 3, &[1]), (278, 4, &[600])];
        let source = open(Arc::new(handmade(&tags, &[0])), &OpenOptions::default()).unwrap();
        let error = source.render(PageNumber::FIRST, &RenderOptions::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged);
    }
}
