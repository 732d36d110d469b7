//! Pixels that are not square: a fax in standard resolution has 204 to the inch across and 98 down. The page is brought into its
//! proportions by enlarging its shorter side, since whoever reads it expects letters of their own shape.

use image::{ImageBuffer, Pixel, imageops};

use crate::raster::{PixelFormat, Raster};

/// Resolutions that differ by less are a scanner's tolerance.
const TOLERANCE: f32 = 1.2;
/// What differs by more is a mistake in the header. Fax has 204 x 98, and 204 x 391 (fine).
const MOST: f32 = 4.5;

/// By how much each side is enlarged; one of the two is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Proportions {
    across: f32,
    down: f32,
}

impl Default for Proportions {
    /// Square pixels.
    fn default() -> Self {
        Self { across: 1.0, down: 1.0 }
    }
}

impl Proportions {
    /// Of a page with so many dots an inch, or any other unit, across and down; 0 where the file does not say.
    pub(crate) fn of(across: f32, down: f32) -> Self {
        let square = Self::default();
        if !(across > 0.0 && down > 0.0) {
            return square;
        }
        match across / down {
            ratio if (TOLERANCE..=MOST).contains(&ratio) => Self { down: ratio, ..square },
            ratio if (TOLERANCE..=MOST).contains(&ratio.recip()) => Self { across: ratio.recip(), ..square },
            _ => square,
        }
    }

    pub(crate) fn are_square(self) -> bool {
        self.across == 1.0 && self.down == 1.0
    }

    /// Width and height in proportion. Beyond any limit of pixels for pages that are: see [`crate::Limits`].
    pub(crate) fn size(self, width: u32, height: u32) -> (u32, u32) {
        ((width as f32 * self.across).round() as u32, (height as f32 * self.down).round() as u32)
    }

    pub(crate) fn apply(self, raster: Raster) -> Raster {
        if self.are_square() {
            return raster;
        }
        let (width, height) = self.size(raster.width, raster.height);
        let Raster { format, dpi, .. } = raster;
        let data = match format {
            PixelFormat::Gray8 => enlarge::<image::Luma<u8>>(raster, width, height),
            PixelFormat::Rgb8 => enlarge::<image::Rgb<u8>>(raster, width, height),
        };
        Raster { width, height, format, data, dpi }
    }
}

fn enlarge<P: Pixel<Subpixel = u8> + 'static>(raster: Raster, width: u32, height: u32) -> Vec<u8> {
    // A raster's data fits its dimensions.
    ImageBuffer::<P, Vec<u8>>::from_raw(raster.width, raster.height, raster.data)
        .map(|page| imageops::resize(&page, width, height, imageops::FilterType::Triangle).into_raw())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_clearly_not_square_is_brought_into_its_proportions() {
        for (across, down, size) in [
            (204.0, 98.0, (1728, 2290)),
            (98.0, 204.0, (3597, 1100)),
            (204.0, 196.0, (1728, 1100)),
            (300.0, 300.0, (1728, 1100)),
            (300.0, 1.0, (1728, 1100)),
            (0.0, 98.0, (1728, 1100)),
        ] {
            assert_eq!(Proportions::of(across, down).size(1728, 1100), size, "{across} x {down}");
        }
    }

    #[test]
    fn a_page_is_enlarged_between_its_rows() {
        let raster = Raster { width: 2, height: 2, format: PixelFormat::Gray8, data: vec![0, 0, 200, 200], dpi: 204.0 };
        let tall = Proportions::of(204.0, 102.0).apply(raster);
        assert_eq!((tall.width, tall.height, tall.data.len()), (2, 4, 8));
        assert!(tall.data.is_sorted() && tall.data[2] > 0 && tall.data[5] < 200, "{:?}", tall.data);
    }
}
