//! From what decoders give to what a [`Raster`] is: eight bits, no transparency, the right way up.

use crate::raster::{PixelFormat, Raster, Rotation};

/// One channel with transparency, on white paper: `alpha` 0 is white, 255 is `value` itself.
pub(crate) fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// The same where the value has been multiplied by its transparency already.
pub(crate) fn premultiplied_on_white(value: u8, alpha: u8) -> u8 {
    value.saturating_add(255 - alpha)
}

/// CIE L*a*b* under the light of print (D50) to sRGB: L* from 0 to 100, a* and b* about -128 to 127 (CIE 15, 8.2.1; IEC
/// 61966-2-1, adapted from D50 as ICC profiles are).
pub(crate) fn lab_to_rgb([light, a, b]: [f32; 3]) -> [u8; 3] {
    let cube = |t: f32| if t > 6.0 / 29.0 { t * t * t } else { 3.0 * (6.0 / 29.0_f32).powi(2) * (t - 4.0 / 29.0) };
    let middle = (light + 16.0) / 116.0;
    let [x, y, z] = [0.9642 * cube(middle + a / 500.0), cube(middle), 0.8249 * cube(middle - b / 200.0)];
    let linear = [
        3.134_136 * x - 1.617_386 * y - 0.490_662 * z,
        -0.978_795 * x + 1.916_254 * y + 0.033_443 * z,
        0.071_955 * x - 0.228_977 * y + 1.405_386 * z,
    ];
    linear.map(|v| {
        let v = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        // `as` saturates.
        (v * 255.0).round() as u8
    })
}

/// Uncalibrated CMYK to RGB (PDF 32000-1, 10.3.5): ink takes away light, black takes away all of it.
pub(crate) fn cmyk_to_rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let light = u32::from(255 - k);
    [c, m, y].map(|ink| ((u32::from(255 - ink) * light + 127) / 255) as u8)
}

/// ITU-R BT.601 full range, as JFIF and TIFF have it by default.
pub(crate) fn ycbcr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|v| v.round().clamp(0.0, 255.0) as u8)
}

/// How the stored pixels are to be turned and mirrored to be seen: EXIF and TIFF tag 274, values 1 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Orientation {
    mirrored: bool,
    rotation: Rotation,
}

impl Orientation {
    /// Values outside 1 to 8 count as upright, as every viewer takes them.
    pub(crate) fn from_tag(tag: u16) -> Self {
        let (mirrored, rotation) = match tag {
            2 => (true, Rotation::None),
            3 => (false, Rotation::Half),
            4 => (true, Rotation::Half),
            5 => (true, Rotation::Clockwise270),
            6 => (false, Rotation::Clockwise90),
            7 => (true, Rotation::Clockwise90),
            8 => (false, Rotation::Clockwise270),
            _ => (false, Rotation::None),
        };
        Self { mirrored, rotation }
    }

    /// The tag's value.
    pub(crate) fn tag(self) -> u16 {
        match (self.mirrored, self.rotation) {
            (false, Rotation::None) => 1,
            (true, Rotation::None) => 2,
            (false, Rotation::Half) => 3,
            (true, Rotation::Half) => 4,
            (true, Rotation::Clockwise270) => 5,
            (false, Rotation::Clockwise90) => 6,
            (true, Rotation::Clockwise90) => 7,
            (false, Rotation::Clockwise270) => 8,
        }
    }

    pub(crate) fn is_upright(self) -> bool {
        !self.mirrored && self.rotation == Rotation::None
    }

    pub(crate) fn swaps_sides(self) -> bool {
        self.rotation.swaps_sides()
    }

    /// Mirrors left to right first, then turns.
    pub(crate) fn apply(self, mut raster: Raster) -> Raster {
        if self.mirrored {
            let channels = raster.format.channels();
            for row in raster.data.chunks_exact_mut(raster.width as usize * channels) {
                row.reverse();
                // Reversing bytes has reversed the channels of each pixel as well.
                row.chunks_exact_mut(channels).for_each(<[u8]>::reverse);
            }
        }
        if self.rotation == Rotation::None { raster } else { raster.rotated(self.rotation) }
    }
}

/// RGBA pixels without transparency, packed into the cheapest format that holds them: Gray8 if every pixel is gray.
pub(crate) fn pack_opaque_rgba(rgba: &[u8]) -> (PixelFormat, Vec<u8>) {
    let (pixels, _) = rgba.as_chunks::<4>();
    if pixels.iter().all(|[r, g, b, _]| r == g && g == b) {
        (PixelFormat::Gray8, pixels.iter().map(|pixel| pixel[0]).collect())
    } else {
        (PixelFormat::Rgb8, pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_shows_the_paper() {
        assert_eq!([on_white(0, 0), on_white(0, 255), on_white(77, 255), on_white(0, 128)], [255, 0, 77, 127]);
        assert_eq!(
            [premultiplied_on_white(0, 0), premultiplied_on_white(77, 255), premultiplied_on_white(50, 128)],
            [255, 77, 177]
        );
    }

    #[test]
    fn lab_is_seen_as_in_print() {
        let near = |lab, rgb: [u8; 3]| {
            let found = lab_to_rgb(lab);
            assert!(found.iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 2), "{lab:?}: {found:?}, not {rgb:?}");
        };
        near([100.0, 0.0, 0.0], [255; 3]);
        near([0.0, 0.0, 0.0], [0; 3]);
        near([53.39, 0.0, 0.0], [127; 3]);
        // sRGB red, adapted to D50.
        near([54.29, 80.81, 69.89], [255, 0, 0]);
    }

    #[test]
    fn inks_take_light_away() {
        assert_eq!(cmyk_to_rgb([0, 0, 0, 0]), [255; 3]);
        assert_eq!(cmyk_to_rgb([0, 0, 0, 255]), [0; 3]);
        assert_eq!(cmyk_to_rgb([255, 0, 0, 0]), [0, 255, 255]);
        assert_eq!(ycbcr_to_rgb([200, 128, 128]), [200; 3]);
    }

    /// Each of the eight stored forms of the letter-like pattern below must come out the same.
    #[test]
    fn all_eight_orientations_lead_to_the_same_page() {
        // Seen:  1 2 3
        //        4 5 6
        let seen = Raster { width: 3, height: 2, format: PixelFormat::Gray8, data: vec![1, 2, 3, 4, 5, 6], dpi: 72.0 };
        for (tag, width, stored) in [
            (1, 3, [1, 2, 3, 4, 5, 6]),
            (2, 3, [3, 2, 1, 6, 5, 4]),
            (3, 3, [6, 5, 4, 3, 2, 1]),
            (4, 3, [4, 5, 6, 1, 2, 3]),
            (5, 2, [1, 4, 2, 5, 3, 6]),
            (6, 2, [3, 6, 2, 5, 1, 4]),
            (7, 2, [6, 3, 5, 2, 4, 1]),
            (8, 2, [4, 1, 5, 2, 6, 3]),
        ] {
            let raster =
                Raster { width, height: 6 / width, format: PixelFormat::Gray8, data: stored.to_vec(), dpi: 72.0 };
            assert_eq!(Orientation::from_tag(tag).apply(raster), seen, "orientation {tag}");
        }
    }

    #[test]
    fn gray_pages_cost_one_byte_a_pixel() {
        assert_eq!(pack_opaque_rgba(&[9, 9, 9, 255, 0, 0, 0, 255]), (PixelFormat::Gray8, vec![9, 0]));
        assert_eq!(pack_opaque_rgba(&[9, 9, 8, 255]), (PixelFormat::Rgb8, vec![9, 9, 8]));
    }
}
