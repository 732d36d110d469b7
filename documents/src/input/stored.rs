//! A page's picture as it lies in its file, for formats that can carry it on without decoding and coding it again.

use std::borrow::Cow;

/// One picture that fills a page, from one part or from several that follow each other downwards.
#[derive(Debug)]
pub struct StoredImage<'a> {
    /// Pixels as they are stored, before they are turned.
    pub width: u32,
    pub height: u32,
    /// How they are to be turned and mirrored to be seen: EXIF and TIFF tag 274, values 1 to 8.
    pub orientation: u16,
    /// Dots per inch of the page as [`super::PageSource::render`] gives it; 72 where the file does not say.
    pub dpi: f32,
    pub colour: StoredColour,
    /// Bits of a sample.
    pub bits: u8,
    pub coding: StoredCoding,
    pub parts: Vec<StoredPart<'a>>,
}

#[derive(Debug)]
pub struct StoredPart<'a> {
    pub rows: u32,
    pub bytes: Cow<'a, [u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredColour {
    Gray,
    Rgb,
    Cmyk {
        /// 0 is full ink, as programs write CMYK into JPEGs.
        inverted: bool,
    },
    /// Red, green and blue of each value.
    Palette(Vec<u8>),
    /// The coded data says it.
    Own,
}

impl StoredColour {
    /// Samples a pixel; `None` where the coded data says it.
    pub fn channels(&self) -> Option<u8> {
        match self {
            Self::Gray | Self::Palette(_) => Some(1),
            Self::Rgb => Some(3),
            Self::Cmyk { .. } => Some(4),
            Self::Own => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredCoding {
    /// ITU-T T.81. `is_ycc` where the JPEG itself does not say whether its three components are YCbCr.
    Jpeg { is_ycc: Option<bool> },
    /// ISO/IEC 15444-1, as a file.
    Jpeg2000,
    /// ITU-T T.4 and T.6. `k` as PDF has it: below 0 Group 4, 0 Group 3 in one dimension, above 0 in two.
    Fax { k: i8, rows_are_byte_aligned: bool, black_is_one: bool },
    /// Zlib over rows that a PNG filter has gone over.
    Png,
}

/// The chunks of a PNG (3rd ed., 5.3) as (type, content), until one is cut off.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let kind = rest.get(4..8)?;
        let content = rest.get(8..8_usize.checked_add(length)?)?;
        rest = rest.get(length.checked_add(12)?..)?;
        Some((kind, content))
    })
}

/// Of a PNG whose rows follow each other and that nothing shines through.
pub(super) fn of_png(bytes: &[u8], dpi: f32) -> Option<StoredImage<'_>> {
    let (kind, head) = chunks(bytes).next()?;
    let &[a, b, c, d, e, f, g, h, bits, colour, 0, 0, 0] = (kind == b"IHDR").then_some(head)? else { return None };
    let is_see_through = chunks(bytes).any(|(kind, _)| kind == b"tRNS");
    let colour = match colour {
        _ if is_see_through => return None,
        0 => StoredColour::Gray,
        2 => StoredColour::Rgb,
        3 => {
            let palette = chunks(bytes).find(|(kind, _)| *kind == b"PLTE")?.1;
            StoredColour::Palette(palette.to_vec())
        }
        _ => return None,
    };
    let data: Vec<&[u8]> = chunks(bytes).filter(|(kind, _)| *kind == b"IDAT").map(|(_, content)| content).collect();
    let bytes = match data[..] {
        [] => return None,
        [one] => Cow::Borrowed(one),
        _ => Cow::Owned(data.concat()),
    };
    let (width, height) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    let parts = vec![StoredPart { rows: height, bytes }];
    Some(StoredImage { width, height, orientation: 1, dpi, colour, bits, coding: StoredCoding::Png, parts })
}
