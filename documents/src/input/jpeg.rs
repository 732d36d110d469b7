//! Whether a JPEG is whole. Decoders fill what is missing with gray and say nothing.

/// Markers (ITU-T T.81, table B.1).
const RESTART: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const TEMPORARY: u8 = 0x01;

/// Whether the file ends, or turns into something else, before the mark that ends the picture. Follows the segments, so
/// that the preview within a photo's metadata is not taken for the photo.
pub(super) fn ends_early(bytes: &[u8]) -> bool {
    let mut at = 0;
    loop {
        // To the next marker; what stands before it is compressed data, or of no meaning.
        let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) else {
            return true;
        };
        at += found + 1;
        let Some(&marker) = bytes.get(at) else { return true };
        match marker {
            // Stuffed, or a fill byte: the next one may be the marker.
            0 => at += 1,
            0xff => {}
            END_OF_IMAGE => return false,
            START_OF_IMAGE | TEMPORARY => at += 1,
            _ if RESTART.contains(&marker) => at += 1,
            _ => {
                let Some(&[high, low]) = bytes.get(at + 1..at + 3) else { return true };
                at += 1 + usize::from(u16::from_be_bytes([high, low])).max(2);
                // Its data follow, up to the next marker.
                if marker == START_OF_SCAN && at >= bytes.len() {
                    return true;
                }
            }
        }
    }
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
}
