//! The pixels of one page.

use serde::{Deserialize, Serialize};

use crate::{ids::ByteSize, ids::Digest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// One byte a pixel, 0 black to 255 white.
    Gray8,
    /// Three bytes a pixel: red, green, blue.
    Rgb8,
}

impl PixelFormat {
    pub const fn channels(self) -> usize {
        match self {
            Self::Gray8 => 1,
            Self::Rgb8 => 3,
        }
    }
}

/// Page pixels, row by row from the top, without padding: `data.len() == width * height * channels`.
/// Transparency is already blended onto white.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    pub width: u32,
    pub height: u32,
    pub format: PixelFormat,
    pub data: Vec<u8>,
    /// Pixels per inch of paper; 72 when the file does not say.
    pub dpi: f32,
}

impl Raster {
    /// What a raster of these dimensions costs, before there is one.
    pub fn cost(width: u32, height: u32, format: PixelFormat) -> ByteSize {
        ByteSize(u64::from(width) * u64::from(height) * format.channels() as u64)
    }

    pub fn byte_size(&self) -> ByteSize {
        ByteSize(self.data.len() as u64)
    }

    /// Digest of dimensions, format and pixels: equal rasters, and only they, are the same page.
    pub fn digest(&self) -> Digest {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        hasher.update(self.width.to_le_bytes());
        hasher.update(self.height.to_le_bytes());
        hasher.update([self.format.channels() as u8]);
        hasher.update(&self.data);
        Digest(hasher.finalize().into())
    }

    /// The pixels as a PNG file.
    ///
    /// # Errors
    /// Why it cannot be encoded: the data does not fit the dimensions.
    pub fn to_png(&self) -> Result<Vec<u8>, String> {
        use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};
        let color = match self.format {
            PixelFormat::Gray8 => ExtendedColorType::L8,
            PixelFormat::Rgb8 => ExtendedColorType::Rgb8,
        };
        if self.data.len() as u64 != Self::cost(self.width, self.height, self.format).bytes() {
            return Err(format!("{} bytes are not {} x {} pixels", self.data.len(), self.width, self.height));
        }
        let mut png = Vec::new();
        let encoder = PngEncoder::new(&mut png);
        encoder.write_image(&self.data, self.width, self.height, color).map_err(|e| e.to_string())?;
        Ok(png)
    }

    /// Turned clockwise by `rotation`.
    pub fn rotated(&self, rotation: Rotation) -> Self {
        let (w, h, c) = (self.width as usize, self.height as usize, self.format.channels());
        let (width, height) = if rotation.swaps_sides() { (h, w) } else { (w, h) };
        let mut data = vec![0; self.data.len()];
        for (index, out) in data.chunks_exact_mut(c).enumerate() {
            let (x, y) = (index % width, index / width);
            // Where the pixel at (x, y) of the turned page was before.
            let (sx, sy) = match rotation {
                Rotation::None => (x, y),
                Rotation::Clockwise90 => (y, h - 1 - x),
                Rotation::Half => (w - 1 - x, h - 1 - y),
                Rotation::Clockwise270 => (w - 1 - y, x),
            };
            let from = (sy * w + sx) * c;
            out.copy_from_slice(&self.data[from..from + c]);
        }
        Self { width: width as u32, height: height as u32, format: self.format, data, dpi: self.dpi }
    }
}

/// A turn by whole quarters, clockwise; serialised in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Rotation {
    #[default]
    None,
    Clockwise90,
    Half,
    Clockwise270,
}

impl Rotation {
    pub fn degrees(self) -> u16 {
        self as u16 * 90
    }

    pub fn from_quarters(quarters: u32) -> Self {
        [Self::None, Self::Clockwise90, Self::Half, Self::Clockwise270][(quarters % 4) as usize]
    }

    /// This turn, then `other`.
    pub fn then(self, other: Self) -> Self {
        Self::from_quarters(self as u32 + other as u32)
    }

    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Clockwise90 | Self::Clockwise270)
    }
}

impl From<Rotation> for u16 {
    fn from(rotation: Rotation) -> Self {
        rotation.degrees()
    }
}

impl TryFrom<u16> for Rotation {
    type Error = String;

    fn try_from(degrees: u16) -> Result<Self, Self::Error> {
        if degrees.is_multiple_of(90) && degrees < 360 {
            Ok(Self::from_quarters(u32::from(degrees / 90)))
        } else {
            Err(format!("{degrees} is not 0, 90, 180 or 270 degrees"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_quarter_turns_are_none_and_each_moves_the_first_pixel_as_paper_turns() {
        let page = Raster { width: 3, height: 2, format: PixelFormat::Gray8, data: vec![1, 2, 3, 4, 5, 6], dpi: 72.0 };
        assert_eq!(page.rotated(Rotation::Clockwise90).data, [4, 1, 5, 2, 6, 3]);
        assert_eq!(page.rotated(Rotation::Half).data, [6, 5, 4, 3, 2, 1]);
        assert_eq!(page.rotated(Rotation::Clockwise270).data, [3, 6, 2, 5, 1, 4]);
        let around = (0..4).fold(page.clone(), |page, _| page.rotated(Rotation::Clockwise90));
        assert_eq!(around, page);
    }
}
