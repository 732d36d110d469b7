//! How large the paper was: dots per inch as image files state them. A value that no scanner has is as good as none.

use super::FileKind;

/// From PNG's `pHYs` (PNG 3rd ed., 11.3.4.3), JPEG's JFIF header (ITU-T T.871, 10.1), BMP's info header, or JPEG 2000's
/// resolution box (ISO/IEC 15444-1, I.5.3.7).
pub(crate) fn of_image(kind: FileKind, bytes: &[u8]) -> Option<f32> {
    match kind {
        FileKind::Png => png(bytes),
        FileKind::Jpeg => jfif(bytes),
        FileKind::Bmp => per_metre(u32::from_le_bytes(bytes.get(38..42)?.try_into().ok()?)),
        FileKind::Jpeg2000 => jpeg2000(bytes),
        _ => None,
    }
    .and_then(plausible)
}

/// Between a poster seen from afar and the finest film scanner.
pub(crate) fn plausible(dpi: f32) -> Option<f32> {
    (30.0..=10_000.0).contains(&dpi).then_some(dpi)
}

fn per_metre(dots: u32) -> Option<f32> {
    Some((dots as f32 * 0.0254).round())
}

fn png(bytes: &[u8]) -> Option<f32> {
    let mut rest = bytes.get(8..)?;
    loop {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        match rest.get(4..8)? {
            b"pHYs" => {
                let metres = *rest.get(16)? == 1;
                return per_metre(u32::from_be_bytes(rest.get(8..12)?.try_into().ok()?)).filter(|_| metres);
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
fn jpeg2000(bytes: &[u8]) -> Option<f32> {
    let within = |all, wanted: &[u8]| boxes(all).find(|(kind, _)| *kind == wanted).map(|(_, content)| content);
    let resolution = within(within(bytes, b"jp2h")?, b"res ")?;
    let fields = within(resolution, b"resc").or_else(|| within(resolution, b"resd"))?;
    let &[a, b, c, d, .., exponent, _] = fields.get(..10)? else { return None };
    let (dots, metres) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let per_metre = f32::from(dots) / f32::from(metres) * 10_f32.powi((exponent as i8).into());
    Some((per_metre * 0.0254).round())
}

fn jfif(bytes: &[u8]) -> Option<f32> {
    let mut rest = bytes.get(2..)?;
    while let [0xff, marker, high, low, segment @ ..] = rest {
        if *marker == 0xe0 && segment.starts_with(b"JFIF\0") {
            let dots = f32::from(u16::from_be_bytes(segment.get(8..10)?.try_into().ok()?));
            return match segment.get(7)? {
                1 => Some(dots),
                2 => Some((dots * 2.54).round()),
                _ => None,
            };
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
            bytes.extend(dots.to_be_bytes());
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
            assert_eq!(of_image(kind, &bytes), expected, "{kind:?}");
        }
    }
}
