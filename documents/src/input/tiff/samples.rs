//! Decoded TIFF samples to pixels: any depth, any arrangement, any of the meanings that paper is scanned in.

use tiff::decoder::DecodingSampleType;

use crate::{
    error::{Error, ErrorKind, Result},
    input::pixels::{cmyk_to_rgb, on_white, ycbcr_to_rgb},
    raster::PixelFormat,
};

/// What the first samples of a pixel say; further samples are ignored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Gray,
    GrayAlpha,
    Rgb,
    RgbAlpha,
    Cmyk,
    YCbCr,
    /// All red values, then all green, then all blue, 16 bits each (TIFF 6.0, ColorMap).
    Palette(Vec<u16>),
}

impl Meaning {
    pub(super) fn pixel_format(&self) -> PixelFormat {
        match self {
            Self::Gray | Self::GrayAlpha => PixelFormat::Gray8,
            Self::Palette(map) if is_gray(map) => PixelFormat::Gray8,
            _ => PixelFormat::Rgb8,
        }
    }
}

fn is_gray(map: &[u16]) -> bool {
    let third = map.len() / 3;
    map[..third] == map[third..2 * third] && map[..third] == map[2 * third..3 * third]
}

/// How the samples of one page lie in the decoder's buffer.
pub(super) struct Samples {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    /// Bits a sample; below 8 they are packed from the high bit, and each row starts on a byte.
    pub(super) depth: u8,
    pub(super) kind: Option<DecodingSampleType>,
    pub(super) row_stride: usize,
    /// Bytes from one channel's plane to the next, when each channel has its own.
    pub(super) plane_stride: Option<usize>,
    /// Length of the whole buffer.
    pub(super) bytes: usize,
    pub(super) meaning: Meaning,
}

impl Samples {
    /// The pixels of `buffer`, which the decoder has filled in the machine's own byte order.
    pub(super) fn convert(&self, buffer: &[u8]) -> Result<Vec<u8>> {
        let used = match self.meaning {
            Meaning::Gray | Meaning::Palette(_) => 1,
            Meaning::GrayAlpha => 2,
            Meaning::Rgb | Meaning::YCbCr => 3,
            Meaning::RgbAlpha | Meaning::Cmyk => 4,
        };
        let per_row = if self.plane_stride.is_some() { self.width } else { self.width * self.channels };
        let format = self.meaning.pixel_format();
        let mut out = Vec::with_capacity(self.width * self.height * format.channels());
        // One row of samples in eight bits; with separate planes, one such row a channel, one after the other.
        let mut row = Vec::with_capacity(per_row * used);
        for y in 0..self.height {
            row.clear();
            let planes = if self.plane_stride.is_some() { used } else { 1 };
            for plane in 0..planes {
                let start = plane * self.plane_stride.unwrap_or(0) + y * self.row_stride;
                let bytes = buffer
                    .get(start..start + self.row_stride)
                    .ok_or_else(|| Error::new(ErrorKind::Damaged, "the TIFF page has fewer rows than it claims"))?;
                self.unpack(bytes, per_row, &mut row)?;
            }
            let step = if self.plane_stride.is_some() { 1 } else { self.channels };
            let apart = if self.plane_stride.is_some() { self.width } else { 1 };
            self.push_pixels(&row, step, apart, format, &mut out);
        }
        Ok(out)
    }

    /// `count` samples of one row, scaled to eight bits; palette indices are left as they are.
    fn unpack(&self, bytes: &[u8], count: usize, row: &mut Vec<u8>) -> Result<()> {
        use DecodingSampleType as Type;
        let indexed = matches!(self.meaning, Meaning::Palette(_));
        match (self.kind, self.depth) {
            (Some(Type::U8), 8) => row.extend(bytes.iter().take(count)),
            (Some(Type::U8), depth @ (1 | 2 | 4)) => {
                let (per_byte, mask) = (8 / usize::from(depth), (1_u16 << depth) as u8 - 1);
                let scale = if indexed { 1 } else { 255 / mask };
                row.extend((0..count.min(bytes.len() * per_byte)).map(|i| {
                    let shift = 8 - usize::from(depth) * (i % per_byte + 1);
                    (bytes[i / per_byte] >> shift & mask) * scale
                }));
            }
            (Some(Type::U16), 16) => {
                let (pairs, _) = bytes.as_chunks::<2>();
                let value = |&pair: &[u8; 2]| u16::from_ne_bytes(pair);
                // A 16-bit palette would have 65,536 colours; nobody has seen one, and its low byte is no index.
                row.extend(pairs.iter().take(count).map(value).map(|v| (v >> 8) as u8));
            }
            (Some(Type::U32), 32) => {
                let (words, _) = bytes.as_chunks::<4>();
                row.extend(words.iter().take(count).map(|&word| (u32::from_ne_bytes(word) >> 24) as u8));
            }
            (Some(Type::I8), 8) => row.extend(bytes.iter().take(count).map(|v| v ^ 0x80)),
            (Some(Type::I16), 16) => {
                let (pairs, _) = bytes.as_chunks::<2>();
                row.extend(pairs.iter().take(count).map(|&pair| (u16::from_ne_bytes(pair) >> 8) as u8 ^ 0x80));
            }
            (Some(Type::F32), 32) => {
                let (words, _) = bytes.as_chunks::<4>();
                // By convention 0 is black and 1 is white; `as` saturates and sends NaN to black.
                row.extend(words.iter().take(count).map(|&word| (f32::from_ne_bytes(word) * 255.0).round() as u8));
            }
            (kind, depth) => {
                let kind = kind.map_or_else(|| "unknown".to_owned(), |kind| format!("{kind:?}"));
                return Err(Error::new(
                    ErrorKind::UnsupportedFormat,
                    format!("TIFF samples of {depth} bits ({kind}) are not supported"),
                )
                .with_hint("convert it to 8 bits a sample"));
            }
        }
        Ok(())
    }

    /// `step` samples from one pixel to the next, `apart` from one channel of a pixel to the next.
    fn push_pixels(&self, row: &[u8], step: usize, apart: usize, format: PixelFormat, out: &mut Vec<u8>) {
        let at = |x: usize, channel: usize| row.get(x * step + channel * apart).copied().unwrap_or(255);
        let pixels = 0..self.width;
        match &self.meaning {
            Meaning::Gray => out.extend(pixels.map(|x| at(x, 0))),
            Meaning::GrayAlpha => out.extend(pixels.map(|x| on_white(at(x, 0), at(x, 1)))),
            Meaning::Rgb => out.extend(pixels.flat_map(|x| [0, 1, 2].map(|c| at(x, c)))),
            Meaning::RgbAlpha => out.extend(pixels.flat_map(|x| [0, 1, 2].map(|c| on_white(at(x, c), at(x, 3))))),
            Meaning::Cmyk => out.extend(pixels.flat_map(|x| cmyk_to_rgb([0, 1, 2, 3].map(|c| at(x, c))))),
            Meaning::YCbCr => out.extend(pixels.flat_map(|x| ycbcr_to_rgb([0, 1, 2].map(|c| at(x, c))))),
            Meaning::Palette(map) => {
                let third = map.len() / 3;
                let channels = format.channels();
                let color =
                    |x: usize, c: usize| map.get(usize::from(at(x, 0)) + c * third).map_or(0, |v| (v >> 8) as u8);
                out.extend(pixels.flat_map(|x| (0..channels).map(move |c| color(x, c))));
            }
        }
    }
}
