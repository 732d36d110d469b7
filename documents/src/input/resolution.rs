//! How large the paper was: dots per inch as image files state them. A value that no scanner has is as good as none.

use super::{FileKind, proportions::Proportions};

/// What a header says of an image's dots.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Resolution {
    /// To the inch, once the pixels are in their proportions.
    pub(crate) dpi: Option<f32>,
    pub(crate) proportions: Proportions,
}

/// From PNG's `pHYs` (PNG 3rd ed., 11.3.4.3), JPEG's JFIF header (ITU-T T.871, 10.1), BMP's info header, or JPEG 2000's
/// resolution box (ISO/IEC 15444-1, I.5.3.7).
pub(crate) fn of_image(kind: FileKind, bytes: &[u8]) -> Resolution {
    let stated = match kind {
        FileKind::Png => png(bytes),
        FileKind::Jpeg => jfif(bytes),
        FileKind::Bmp => bmp(bytes),
        FileKind::Jpeg2000 => jpeg2000(bytes),
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

/// The boxes of a JPEG 2000 file (ISO/IEC 15444-1, annex I) that lie side by side in `bytes`, as (type, content); one that ends beyond them comes as far as it goes.
pub(crate) fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let kind = rest.get(4..8)?;
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let (start, end) = match length {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(rest.get(8..16)?.try_into().ok()?)).ok()?),
            length => (8, length),
        };
        let content = rest.get(start..end.min(rest.len()))?;
        rest = rest.get(end..).unwrap_or_default();
        Some((kind, content))
    })
}

/// As captured, or else as it is to be shown; the first of two fractions, with its power of ten, is down.
fn jpeg2000(bytes: &[u8]) -> Option<Stated> {
    let within = |all, wanted: &[u8]| boxes(all).find(|(kind, _)| *kind == wanted).map(|(_, content)| content);
    let resolution = within(within(bytes, b"jp2h")?, b"res ")?;
    let fields = within(resolution, b"resc").or_else(|| within(resolution, b"resd"))?;
    let &[a, b, c, d, e, f, g, h, down, across] = fields.get(..10)? else { return None };
    let dots = |numerator, denominator, exponent: u8| {
        let (dots, metres) = (u16::from_be_bytes(numerator), u16::from_be_bytes(denominator));
        f32::from(dots) / f32::from(metres) * 10_f32.powi((exponent as i8).into())
    };
    let (down, across) = (dots([a, b], [c, d], down), dots([e, f], [g, h], across));
    Some(Stated { across, down, to_the_inch: Some(PER_METRE) })
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
        let within =
            |kind: &[u8], content: &[u8]| [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat();
        // 11,811 dots a metre as 11811 / 10 * 10^1.
        let dots = [&11_811_u16.to_be_bytes()[..], &[0, 10], &11_811_u16.to_be_bytes(), &[0, 10, 1, 1]].concat();
        let header = [within(b"ihdr", &[0; 14]), within(b"res ", &within(b"resc", &dots))].concat();
        let jp2 = [within(b"jP  ", b"\r\n\x87\n"), within(b"jp2h", &header)].concat();
        for (kind, bytes, expected) in [
            (FileKind::Jpeg, jpeg(1, 300), Some(300.0)),
            (FileKind::Jpeg, jpeg(2, 118), Some(300.0)),
            (FileKind::Jpeg, jpeg(0, 300), None),
            (FileKind::Jpeg, jpeg(1, 1), None),
            (FileKind::Png, png(11_811, 1), Some(300.0)),
            (FileKind::Png, png(11_811, 0), None),
            (FileKind::Png, vec![], None),
            (FileKind::Jpeg2000, jp2.clone(), Some(300.0)),
            (FileKind::Jpeg2000, jp2[..40].to_vec(), None),
        ] {
            assert_eq!(of_image(kind, &bytes).dpi, expected, "{kind:?}");
        }
    }
}
