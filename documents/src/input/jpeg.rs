//! What a JPEG says of itself, which its decoders keep to themselves: whether it is whole, and how it is coded.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};

/// Markers (ITU-T T.81, table B.1).
const RESTART: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const LINES: u8 = 0xdc;
const TEMPORARY: u8 = 0x01;

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The number of its marker, SOF0 to SOF15 (table B.1).
    pub(super) process: u8,
    pub(super) precision: u8,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) components: u8,
    /// No component has more samples than the first, and the others one, a half or a quarter of them in each direction.
    pub(super) is_usual: bool,
    /// Where the segment begins: its length, and then the precision.
    at: usize,
}

/// SOF3: lossless, Huffman coded.
pub(super) const LOSSLESS: u8 = 3;

impl Frame {
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let found = segments(bytes)
            .find(|segment| matches!(segment.marker, 0xc0..=0xcf) && !matches!(segment.marker, 0xc4 | 0xc8 | 0xcc))?;
        let &[precision, high, low, wide, narrow, components] = bytes.get(found.at + 2..found.at + 8)? else {
            return None;
        };
        let described = bytes.get(found.at + 8..)?.chunks_exact(3).take(components.into());
        let mut factors = described.map(|component| [component[1] >> 4, component[1] & 15]);
        let first = factors.next().unwrap_or([1, 1]);
        let divides = |of: u8, by: u8| matches!((of, by), (_, 1) | (2, 2) | (4, 2 | 4));
        let is_usual = factors.all(|factor| (0..2).all(|i| divides(first[i], factor[i]))) && !first.contains(&3);
        Some(Self {
            process: found.marker - 0xc0,
            precision,
            width: u16::from_be_bytes([wide, narrow]),
            height: u16::from_be_bytes([high, low]),
            components,
            is_usual,
            at: found.at,
        })
    }

    /// Why none of the decoders reads it, if that is so.
    pub(super) fn refusal(&self) -> Option<Error> {
        let what = match (self.process, self.precision) {
            (0..=2, 8) | (LOSSLESS, _) => return None,
            (0..=2, precision) => format!("a JPEG of {precision} bits a sample is not supported"),
            (9..=11 | 13..=15, _) => "an arithmetically coded JPEG is not supported".to_owned(),
            _ => "a hierarchical JPEG is not supported".to_owned(),
        };
        let hint = "convert it to an ordinary JPEG or PNG";
        Some(Error::new(ErrorKind::UnsupportedFormat, what).with_hint(hint))
    }
}

/// The JPEG with its number of lines in the frame header, where its decoders look for it. A scanner that does not know how long the
/// sheet is writes 0 there, and the number after the first scan (DNL; ITU-T T.81, B.2.5).
pub(super) fn with_lines(bytes: &[u8]) -> Cow<'_, [u8]> {
    match Frame::of(bytes) {
        Some(frame) if frame.height == 0 => lines_first(bytes),
        _ => Cow::Borrowed(bytes),
    }
}

/// The same whether it is needed or not, which takes a look at every byte. There are decoders that refuse the mark itself.
pub(super) fn lines_first(bytes: &[u8]) -> Cow<'_, [u8]> {
    let patched = || {
        let frame = Frame::of(bytes)?;
        let lines = segments(bytes).find(|segment| segment.marker == LINES)?;
        let number = bytes.get(lines.at + 2..lines.at + 4)?;
        let mut all = [&bytes[..lines.at - 2], &bytes[lines.at + 4..]].concat();
        all.get_mut(frame.at + 3..frame.at + 5)?.copy_from_slice(number);
        Some(all)
    };
    patched().map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// Samples of two bytes in the machine's order, as a decoder of lossless JPEGs gives them, of so many bits each.
pub(super) fn in_eight_bits(samples: &[u8], precision: u8) -> Vec<u8> {
    let most = (1_u32 << precision.clamp(2, 16)) - 1;
    let scale = |&pair: &[u8; 2]| ((u32::from(u16::from_ne_bytes(pair)).min(most) * 255 + most / 2) / most) as u8;
    samples.as_chunks::<2>().0.iter().map(scale).collect()
}

/// All that stands before the data of the first scan, or `None` where there is no scan.
pub(super) fn headers(bytes: &[u8]) -> Option<&[u8]> {
    let scan = segments(bytes).find(|segment| segment.marker == START_OF_SCAN)?;
    let &[high, low] = bytes.get(scan.at..scan.at + 2)? else { return None };
    bytes.get(..scan.at + usize::from(u16::from_be_bytes([high, low])))
}

/// Headers with another number of lines.
pub(super) fn with_height(headers: &[u8], height: u16) -> Vec<u8> {
    let mut all = headers.to_vec();
    if let Some(place) = Frame::of(headers).and_then(|frame| all.get_mut(frame.at + 3..frame.at + 5)) {
        place.copy_from_slice(&height.to_be_bytes());
    }
    all
}

/// Whether the file ends, or turns into something else, before the mark that ends the picture. Follows the segments, so
/// that the preview within a photo's metadata is not taken for the photo.
pub(super) fn ends_early(bytes: &[u8]) -> bool {
    !segments(bytes).any(|segment| segment.marker == END_OF_IMAGE)
}

/// A marker that something follows, or that ends the picture.
struct Segment {
    marker: u8,
    /// After the marker: its length, if it has one.
    at: usize,
}

/// The segments of the picture; compressed data and what has no meaning is passed over. They end with the picture, or where the file
/// ends before it.
fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)? + 1;
            let marker = *bytes.get(at)?;
            match marker {
                // Stuffed, or a fill byte: the next one may be the marker.
                0 => at += 1,
                0xff => {}
                END_OF_IMAGE => return Some(Segment { marker, at: at + 1 }),
                START_OF_IMAGE | TEMPORARY => at += 1,
                _ if RESTART.contains(&marker) => at += 1,
                _ => {
                    let found = Segment { marker, at: at + 1 };
                    let &[high, low] = bytes.get(at + 1..at + 3)? else { return None };
                    at += 1 + usize::from(u16::from_be_bytes([high, low])).max(2);
                    return Some(found);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat};

    use super::*;

    fn jpeg() -> Vec<u8> {
        let pixels = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * 37 + y * 91) as u8]));
        let mut out = std::io::Cursor::new(Vec::new());
        DynamicImage::from(pixels).write_to(&mut out, ImageFormat::Jpeg).unwrap();
        out.into_inner()
    }

    #[test]
    fn a_jpeg_is_whole_to_its_last_byte_and_no_shorter() {
        let whole = jpeg();
        assert!(!ends_early(&whole));
        assert!(!ends_early(&[&whole[..], b"a camera's remarks"].concat()));
        for end in 0..whole.len() {
            assert!(ends_early(&whole[..end]), "{end} of {}", whole.len());
        }
        let zeros = [&whole[..whole.len() / 2], &vec![0; whole.len() / 2][..]].concat();
        assert!(ends_early(&zeros), "a download that was begun and not ended");
    }

    #[test]
    fn the_preview_of_a_photo_is_not_the_photo() {
        let whole = jpeg();
        let length = (whole.len() as u16 + 2).to_be_bytes();
        let preview = [&[0xff, 0xe1][..], &length, &whole].concat();
        let photo = [&whole[..2], &preview, &whole[2..]].concat();
        assert!(!ends_early(&photo));
        assert!(ends_early(&photo[..photo.len() - 20]));
    }

    /// As a scanner writes it that learns the length of the sheet at its end.
    #[test]
    fn lines_that_are_told_at_the_end_are_told_at_the_beginning() {
        let whole = jpeg();
        let frame = Frame::of(&whole).unwrap();
        assert_eq!((frame.process, frame.precision, frame.width, frame.height, frame.components), (0, 8, 64, 64, 1));
        let mut late = whole[..whole.len() - 2].to_vec();
        late[frame.at + 3..frame.at + 5].fill(0);
        late.extend([0xff, LINES, 0, 4, 0, 64, 0xff, END_OF_IMAGE]);
        assert_eq!(Frame::of(&late).unwrap().height, 0);
        assert_eq!(with_lines(&late), whole);
        assert!(matches!(with_lines(&whole), Cow::Borrowed(_)), "what is right is left alone");
    }

    #[test]
    fn what_no_decoder_reads_is_told_by_its_name() {
        for (process, precision, told) in [
            (0, 8, None),
            (2, 8, None),
            (LOSSLESS, 16, None),
            (1, 12, Some("12 bits")),
            (9, 8, Some("arithmetically")),
            (5, 8, Some("hierarchical")),
        ] {
            let mut bytes = jpeg();
            let at = Frame::of(&bytes).unwrap().at;
            bytes[at - 1] = 0xc0 + process;
            bytes[at + 2] = precision;
            let refusal = Frame::of(&bytes).unwrap().refusal().map(|error| error.message);
            assert_eq!(refusal.is_some(), told.is_some(), "{refusal:?}");
            assert!(refusal.unwrap_or_default().contains(told.unwrap_or_default()));
        }
    }
}
