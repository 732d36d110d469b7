//! How large the paper was: dots per inch as image files state them. A value that no scanner has is as good as none.

use super::{FileKind, proportions::Proportions};

/// What a header says of an image's dots.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Resolution {
    /// To the inch, once the pixels are in their proportions.
    pub(crate) dpi: Option<f32>,
    pub(crate) proportions: Proportions,
}

/// From PNG's `pHYs` (PNG 3rd ed., 11.3.4.3), JPEG's JFIF header (ITU-T T.871, 10.1) or BMP's info header.
pub(crate) fn of_image(kind: FileKind, bytes: &[u8]) -> Resolution {
    let stated = match kind {
        FileKind::Png => png(bytes),
        FileKind::Jpeg => jfif(bytes),
        FileKind::Bmp => bmp(bytes),
        _ => None,
    };
    let Some(Stated { across, down, to_the_inch }) = stated else { return Resolution::default() };
    let proportions = Proportions::of(across, down);
    let finer = if proportions.are_square() { across } else { across.max(down) };
    Resolution { dpi: to_the_inch.and_then(|scale| plausible((finer * scale).round())), proportions }
}

/// Dots across and down for some length, and that length's share of an inch inverted, where it is known.
struct Stated {
    across: f32,
    down: f32,
    to_the_inch: Option<f32>,
}

/// Between a poster seen from afar and the finest film scanner.
pub(crate) fn plausible(dpi: f32) -> Option<f32> {
    (30.0..=10_000.0).contains(&dpi).then_some(dpi)
}

const PER_METRE: f32 = 0.0254;

fn bmp(bytes: &[u8]) -> Option<Stated> {
    let dots = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as f32);
    Some(Stated { across: dots(38)?, down: dots(42)?, to_the_inch: Some(PER_METRE) })
}

fn png(bytes: &[u8]) -> Option<Stated> {
    let mut rest = bytes.get(8..)?;
    loop {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        match rest.get(4..8)? {
            b"pHYs" => {
                let dots = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?) as f32);
                let to_the_inch = (*rest.get(16)? == 1).then_some(PER_METRE);
                return Some(Stated { across: dots(8)?, down: dots(12)?, to_the_inch });
            }
            b"IDAT" => return None,
            _ => rest = rest.get(length.checked_add(12)?..)?,
        }
    }
}

fn jfif(bytes: &[u8]) -> Option<Stated> {
    let mut rest = bytes.get(2..)?;
    while let [0xff, marker, high, low, segment @ ..] = rest {
        if *marker == 0xe0 && segment.starts_with(b"JFIF\0") {
            let dots = |at: usize| Some(f32::from(u16::from_be_bytes(segment.get(at..at + 2)?.try_into().ok()?)));
            let to_the_inch = match segment.get(7)? {
                1 => Some(1.0),
                2 => Some(2.54),
                _ => None,
            };
            return Some(Stated { across: dots(8)?, down: dots(10)?, to_the_inch });
        }
        if *marker == 0xda {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = rest.get(2 + length.max(2)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_read_from_each_header() {
        let jpeg = |unit: u8, dots: u16| {
            let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01".to_vec();
            bytes.push(unit);
            bytes.extend([dots.to_be_bytes(), dots.to_be_bytes()].concat());
            bytes
        };
        let png = |per_metre: u32, unit: u8| {
            let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x02abcdxx\0\0\0\0\0\0\0\x09pHYs".to_vec();
            bytes.extend([per_metre.to_be_bytes(), per_metre.to_be_bytes()].concat());
            bytes.push(unit);
            bytes
        };
        for (kind, bytes, expected) in [
            (FileKind::Jpeg, jpeg(1, 300), Some(300.0)),
            (FileKind::Jpeg, jpeg(2, 118), Some(300.0)),
            (FileKind::Jpeg, jpeg(0, 300), None),
            (FileKind::Jpeg, jpeg(1, 1), None),
            (FileKind::Png, png(11_811, 1), Some(300.0)),
            (FileKind::Png, png(11_811, 0), None),
            (FileKind::Png, vec![], None),
        ] {
            assert_eq!(of_image(kind, &bytes).dpi, expected, "{kind:?}");
        }
    }
}
