//! Decompressed TIFF samples to pixels: any depth, any of the meanings that paper is scanned in.

use crate::{
    input::pixels::{cmyk_to_rgb, lab_to_rgb, on_white, premultiplied_on_white, ycbcr_to_rgb},
    raster::PixelFormat,
};

/// What the first samples of a pixel say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Gray,
    Rgb,
    Cmyk,
    YCbCr,
    /// L* without a sign, a* and b* with one (TIFF 6.0, section 23).
    CieLab,
    /// The same with 128 added to a* and b* (TIFF technical note 4).
    IccLab,
    /// That of colour fax, whose a* and b* have other ranges (TIFF-FX, RFC 3949, 6.2.3).
    ItuLab,
    /// All red values, then all green, then all blue, 16 bits each (TIFF 6.0, ColorMap).
    Palette(Vec<u16>),
}

impl Meaning {
    /// Some old writers have values of 8 bits where 16 belong.
    pub(super) fn palette(mut map: Vec<u16>) -> Self {
        if map.iter().all(|&value| value < 256) {
            map.iter_mut().for_each(|value| *value *= 257);
        }
        Self::Palette(map)
    }

    /// How many samples have it.
    pub(super) fn channels(&self) -> usize {
        match self {
            Self::Gray | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr | Self::CieLab | Self::IccLab | Self::ItuLab => 3,
            Self::Cmyk => 4,
        }
    }

    pub(super) fn pixel_format(&self) -> PixelFormat {
        match self {
            Self::Gray => PixelFormat::Gray8,
            Self::Palette(map) if is_gray(map) => PixelFormat::Gray8,
            _ => PixelFormat::Rgb8,
        }
    }
}

fn is_gray(map: &[u16]) -> bool {
    let third = map.len() / 3;
    map[..third] == map[third..2 * third] && map[..third] == map[2 * third..3 * third]
}

/// Which sample is transparency, and whether the colours are multiplied by it already (ExtraSamples 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Alpha {
    pub(super) channel: usize,
    pub(super) premultiplied: bool,
}

impl Alpha {
    fn on_white(self, value: u8, alpha: u8) -> u8 {
        if self.premultiplied { premultiplied_on_white(value, alpha) } else { on_white(value, alpha) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ValueKind {
    Unsigned,
    Signed,
    /// By convention 0 is black and 1 is white.
    Float,
}

/// What a page's samples are.
pub(super) struct Samples {
    pub(super) channels: usize,
    /// Bits a sample; where they are not whole bytes they are packed from the high bit, and each row starts on a byte.
    pub(super) depth: u8,
    pub(super) kind: ValueKind,
    pub(super) meaning: Meaning,
    /// Gray values, but not transparency, are from white to black (photometric WhiteIsZero).
    pub(super) inverted: bool,
    pub(super) alpha: Option<Alpha>,
}

impl Samples {
    /// The common kinds in one step: one row straight to its pixels, which are white. `false` for all others, and nothing is done.
    pub(super) fn straight(&self, bytes: &[u8], pixels: &mut [u8]) -> bool {
        let is_plain = self.kind == ValueKind::Unsigned
            && self.channels == self.meaning.channels()
            && bytes.len() * 8 >= pixels.len() * usize::from(self.depth);
        match (&self.meaning, self.depth, self.inverted) {
            (Meaning::Gray, 1, _) if is_plain => {
                let turn = if self.inverted { 0xff } else { 0 };
                let (wide, rest) = pixels.as_chunks_mut::<64>();
                let (words, _) = bytes.as_chunks::<8>();
                for (pixels, word) in wide.iter_mut().zip(words) {
                    // Most of a page is white, and need not be written again.
                    if *word == [0xff ^ turn; 8] {
                        continue;
                    }
                    let (eights, _) = pixels.as_chunks_mut::<8>();
                    eights.iter_mut().zip(word).for_each(|(pixels, &byte)| *pixels = BITS[usize::from(byte ^ turn)]);
                }
                for (pixels, &byte) in rest.chunks_mut(8).zip(&bytes[wide.len() * 8..]) {
                    pixels.copy_from_slice(&BITS[usize::from(byte ^ turn)][..pixels.len()]);
                }
            }
            (Meaning::Gray | Meaning::Rgb, 8, false) if is_plain => pixels.copy_from_slice(&bytes[..pixels.len()]),
            _ => return false,
        }
        true
    }

    /// `count` samples of one row, the highest byte first, scaled to eight bits; palette indices are left as they are.
    pub(super) fn unpack(&self, bytes: &[u8], count: usize, row: &mut Vec<u8>) {
        let indexed = matches!(self.meaning, Meaning::Palette(_));
        match (self.kind, self.depth) {
            (ValueKind::Unsigned, 8) => row.extend(bytes.iter().take(count)),
            (ValueKind::Unsigned, 1) => unpack_bits(bytes, count, if indexed { 1 } else { 255 }, row),
            (ValueKind::Unsigned, depth @ (2 | 4)) => {
                let (per_byte, mask) = (8 / usize::from(depth), (1_u16 << depth) as u8 - 1);
                let scale = if indexed { 1 } else { 255 / mask };
                row.extend((0..count.min(bytes.len() * per_byte)).map(|i| {
                    let shift = 8 - usize::from(depth) * (i % per_byte + 1);
                    (bytes[i / per_byte] >> shift & mask) * scale
                }));
            }
            (ValueKind::Float, depth) => {
                let value = |float: f64| (float * 255.0).round() as u8;
                // `as` saturates and sends what is no number to black.
                row.extend(bytes.chunks_exact(usize::from(depth / 8)).take(count).map(|bytes| match *bytes {
                    [a, b] => value(half_to_f64(u16::from_be_bytes([a, b]))),
                    [a, b, c] => value(float24_to_f64(u32::from_be_bytes([0, a, b, c]))),
                    [a, b, c, d] => value(f64::from(f32::from_be_bytes([a, b, c, d]))),
                    [a, b, c, d, e, f, g, h] => value(f64::from_be_bytes([a, b, c, d, e, f, g, h])),
                    _ => 0,
                }));
            }
            (kind, depth) if depth.is_multiple_of(8) => {
                let sign = if kind == ValueKind::Signed { 0x80 } else { 0 };
                row.extend(bytes.chunks_exact(usize::from(depth / 8)).take(count).map(|value| value[0] ^ sign));
            }
            (kind, depth) => {
                let depth = usize::from(depth);
                let most = (1_u32 << depth) - 1;
                let sign = if kind == ValueKind::Signed { 1 << (depth - 1) } else { 0 };
                row.extend((0..count.min(bytes.len() * 8 / depth)).map(|i| {
                    let (first, last) = (i * depth / 8, (i * depth + depth - 1) / 8);
                    let gathered = bytes[first..=last].iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
                    let value = gathered >> (8 * (last + 1) - (i + 1) * depth) & most ^ sign;
                    if indexed { value as u8 } else { ((value * 255 + most / 2) / most) as u8 }
                }));
            }
        }
    }

    /// One row of pixels of samples in eight bits, one pixel's after the other's.
    pub(super) fn pixels(&self, row: &[u8], out: &mut Vec<u8>) {
        let pixels = row.chunks_exact(self.channels);
        // Inks that have been multiplied are as little ink on the paper as they are to be seen.
        let alpha = self.alpha.filter(|alpha| !(alpha.premultiplied && self.meaning == Meaning::Cmyk));
        let blend = |value: u8, pixel: &[u8]| alpha.map_or(value, |alpha| alpha.on_white(value, pixel[alpha.channel]));
        let rgb = |pixel: &[u8]| {
            let three = [pixel[0], pixel[1], pixel[2]];
            match self.meaning {
                Meaning::YCbCr => ycbcr_to_rgb(three),
                Meaning::Cmyk => cmyk_to_rgb([pixel[0], pixel[1], pixel[2], pixel[3]]),
                Meaning::CieLab => self.lab(three, |sample| f32::from(sample as i8), |sample| f32::from(sample as i8)),
                Meaning::IccLab => {
                    self.lab(three, |sample| f32::from(sample) - 128.0, |sample| f32::from(sample) - 128.0)
                }
                Meaning::ItuLab => self.lab(
                    three,
                    |sample| f32::from(sample) / 255.0 * 170.0 - 85.0,
                    |sample| f32::from(sample) / 255.0 * 200.0 - 75.0,
                ),
                _ => three,
            }
        };
        match &self.meaning {
            Meaning::Gray if self.alpha.is_none() && self.channels == 1 && !self.inverted => out.extend(row),
            Meaning::Gray if self.alpha.is_none() && self.channels == 1 => out.extend(row.iter().map(|value| !value)),
            Meaning::Gray => {
                let turn = if self.inverted { 0xff } else { 0 };
                out.extend(pixels.map(|pixel| blend(pixel[0] ^ turn, pixel)));
            }
            Meaning::Palette(map) => {
                let third = map.len() / 3;
                let channels = self.meaning.pixel_format().channels();
                let color = |index: u8, c: usize| map.get(usize::from(index) + c * third).map_or(0, |v| (v >> 8) as u8);
                out.extend(pixels.flat_map(|pixel| (0..channels).map(move |c| blend(color(pixel[0], c), pixel))));
            }
            Meaning::Rgb if self.alpha.is_none() && self.channels == 3 => out.extend(row),
            _ => out.extend(pixels.flat_map(|pixel| rgb(pixel).map(|value| blend(value, pixel)))),
        }
    }

    fn lab(&self, [light, a, b]: [u8; 3], a_of: impl Fn(u8) -> f32, b_of: impl Fn(u8) -> f32) -> [u8; 3] {
        // Samples that say that they have a sign have been moved to where black is 0.
        let turn = if self.kind == ValueKind::Signed { 0x80 } else { 0 };
        lab_to_rgb([f32::from(light ^ turn) / 2.55, a_of(a ^ turn), b_of(b ^ turn)])
    }
}

/// Of each byte its bits as bytes, the high bit first: 0 and 255.
static BITS: [[u8; 8]; 256] = {
    let mut all = [[0; 8]; 256];
    let mut i = 0;
    while i < 256 * 8 {
        all[i / 8][i % 8] = if (i / 8) & 0x80 >> (i % 8) == 0 { 0 } else { 255 };
        i += 1;
    }
    all
};

/// Eight pixels of each byte: 0 and `one`.
fn unpack_bits(bytes: &[u8], count: usize, one: u8, row: &mut Vec<u8>) {
    let start = row.len();
    let end = start + count.min(bytes.len() * 8);
    row.resize(end.next_multiple_of(8) + 8, 0);
    let (eights, _) = row[start..].as_chunks_mut::<8>();
    for (pixels, &byte) in eights.iter_mut().zip(&bytes[..count.div_ceil(8).min(bytes.len())]) {
        *pixels = BITS[usize::from(byte)].map(|bit| bit & one);
    }
    row.truncate(end);
}

/// IEEE 754 binary16.
fn half_to_f64(bits: u16) -> f64 {
    small_float(u32::from(bits), 5, 10)
}

/// A sign, seven bits of exponent and sixteen of fraction (TIFF technical note 3).
fn float24_to_f64(bits: u32) -> f64 {
    small_float(bits, 7, 16)
}

fn small_float(bits: u32, exponent_bits: u32, fraction_bits: u32) -> f64 {
    let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / f64::from(1_u32 << fraction_bits);
    let most = (1 << exponent_bits) - 1;
    let exponent = (bits >> fraction_bits & most) as i32;
    let bias = (1 << (exponent_bits - 1)) - 1;
    let size = match exponent {
        0 => fraction * 2_f64.powi(1 - bias),
        all if all == most as i32 => f64::INFINITY * (1.0 - fraction).floor(),
        some => (1.0 + fraction) * 2_f64.powi(some - bias),
    };
    if bits >> (exponent_bits + fraction_bits) & 1 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(kind: ValueKind, depth: u8, bytes: &[u8], count: usize) -> Vec<u8> {
        let samples = Samples { channels: 1, depth, kind, meaning: Meaning::Gray, inverted: false, alpha: None };
        let mut row = Vec::new();
        samples.unpack(bytes, count, &mut row);
        row
    }

    #[test]
    fn every_depth_is_scaled_to_eight_bits() {
        use ValueKind::{Float, Signed, Unsigned};
        assert_eq!(unpacked(Unsigned, 1, &[0b1010_0000, 0x80], 9), [255, 0, 255, 0, 0, 0, 0, 0, 255]);
        assert_eq!(unpacked(Unsigned, 2, &[0b0001_1011], 4), [0, 85, 170, 255]);
        assert_eq!(unpacked(Unsigned, 3, &[0b0001_1100, 0b1000_0000], 3), [0, 255, 36]);
        assert_eq!(unpacked(Unsigned, 4, &[0x0f, 0x80], 3), [0, 255, 136]);
        assert_eq!(unpacked(Unsigned, 12, &[0xff, 0xf8, 0x00], 2), [255, 128]);
        assert_eq!(unpacked(Unsigned, 16, &[0x80, 0x7f], 1), [0x80]);
        assert_eq!(unpacked(Unsigned, 24, &[9, 0, 0, 200, 0, 0], 2), [9, 200]);
        assert_eq!(unpacked(Signed, 8, &[0x80, 0x7f], 2), [0, 255]);
        assert_eq!(unpacked(Float, 16, &[0x3c, 0, 0x38, 0, 0xbc, 0, 0x7e, 0], 4), [255, 128, 0, 0]);
        assert_eq!(unpacked(Float, 24, &[0x3f, 0, 0, 0x3e, 0, 0], 2), [255, 128]);
        assert_eq!(unpacked(Float, 64, &0.5_f64.to_be_bytes(), 1), [128]);
    }
}
