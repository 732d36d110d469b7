//! Whether a file has its end: by its kind, from a few of its bytes. One that has not is still being written, or was cut off.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use pagestream_documents::FileKind;

/// What kinds are told by.
const HEAD: u64 = 1_024;

/// Where an end is looked for. A PDF's must be in the last 1,024 bytes (PDF 32000-1, annex H.3, note 18).
const TAIL: u64 = 1_024;

/// Zeros and white space that copies and mailers leave behind an end.
const PADDING: u64 = 64 << 10;

/// Directories of a TIFF and boxes of a JPEG 2000 that are followed: more than any document has.
const LINKS: usize = 100_000;

/// Whether the file is complete as far as its kind shows that. What is of no kind, or of one that has no end, is.
///
/// # Errors
/// Where it cannot be read.
pub fn is_whole(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(false);
    }
    let head = read_at(file, 0, HEAD)?;
    let Ok(kind) = pagestream_documents::detect(&head) else { return Ok(true) };
    Ok(match kind {
        FileKind::Pdf => {
            let linearized = number_behind(&head, b"/Linearized").and(number_behind(&head, b"/L "));
            linearized.is_none_or(|said| said <= length) && has(&tail(file, length)?, b"%%EOF")
        }
        FileKind::Png => has(&tail(file, length)?, b"IEND\xae\x42\x60\x82"),
        FileKind::Jpeg => has(&tail(file, length)?, b"\xff\xd9"),
        FileKind::Gif => tail(file, length)?.ends_with(b";"),
        FileKind::WebP => little(&head, 4, 4).is_none_or(|size| size + 8 <= length),
        FileKind::Bmp => little(&head, 2, 4).is_none_or(|size| size <= length),
        FileKind::Tiff => tiff_is_whole(file, &head, length)?,
        FileKind::Jpeg2000 if head.starts_with(b"\xff\x4f") => has(&tail(file, length)?, b"\xff\xd9"),
        FileKind::Jpeg2000 | FileKind::Heic => boxes_are_whole(file, length)?,
        // Its length follows from its header, and its reader tells what is missing.
        _ => true,
    })
}

fn read_at(file: &mut File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last bytes that are more than padding.
fn tail(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let looked_at = length.min(TAIL + PADDING);
    let mut bytes = read_at(file, length - looked_at, looked_at)?;
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n')).map_or(0, |at| at + 1);
    bytes.truncate(end);
    Ok(bytes.split_off(end.saturating_sub(TAIL as usize)))
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn number_behind(bytes: &[u8], key: &[u8]) -> Option<u64> {
    let at = bytes.windows(key.len()).position(|window| window == key)? + key.len();
    let text: Vec<u8> =
        bytes[at..].iter().copied().skip_while(u8::is_ascii_whitespace).take_while(u8::is_ascii_digit).collect();
    String::from_utf8(text).ok()?.parse().ok()
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Follows the directories (TIFF 6.0, section 2): each must lie within the file, and so must the strips and tiles that it names
/// itself. Lists of them lie elsewhere, and their last entry is looked at.
fn tiff_is_whole(file: &mut File, head: &[u8], length: u64) -> io::Result<bool> {
    let big_endian = head.starts_with(b"MM");
    let number = |bytes: &[u8]| {
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match big_endian {
            true => bytes.iter().fold(0, push),
            false => bytes.iter().rev().fold(0, push),
        }
    };
    let field = |bytes: &[u8], at: usize, length: usize| bytes.get(at..at + length).map(number);
    let big = field(head, 2, 2) == Some(43);
    // Lengths of: an offset, the number of entries, an entry.
    let (offset, count, entry) = if big { (8, 8, 20) } else { (4, 2, 12) };
    let Some(mut next) = field(head, if big { 8 } else { 4 }, offset) else { return Ok(false) };
    for _ in 0..LINKS {
        if next == 0 {
            return Ok(true);
        }
        let Some(entries) = field(&read_at(file, next, count as u64)?, 0, count) else { return Ok(false) };
        if entries > 65_536 {
            return Ok(false);
        }
        let directory = read_at(file, next + count as u64, entries * entry as u64 + offset as u64)?;
        let Some(following) = field(&directory, entries as usize * entry, offset) else { return Ok(false) };
        let (mut start, mut size) = (0, 0);
        for entry in directory.chunks_exact(entry).take(entries as usize) {
            let (tag, kind) = (field(entry, 0, 2).unwrap_or(0), field(entry, 2, 2).unwrap_or(0));
            let bytes: u64 = match kind {
                3 => 2,
                4 => 4,
                16 => 8,
                _ => continue,
            };
            let values = field(entry, 4, offset).unwrap_or(0);
            if !matches!(tag, 273 | 279 | 324 | 325) || values == 0 {
                continue;
            }
            let place = &entry[4 + offset..];
            let last = match values.saturating_mul(bytes) <= offset as u64 {
                true => field(place, ((values - 1) * bytes) as usize, bytes as usize),
                false => {
                    let at = number(place).saturating_add((values - 1).saturating_mul(bytes));
                    field(&read_at(file, at, bytes)?, 0, bytes as usize)
                }
            };
            let Some(last) = last else { return Ok(false) };
            *if matches!(tag, 273 | 324) { &mut start } else { &mut size } = last;
        }
        if start.saturating_add(size) > length {
            return Ok(false);
        }
        next = following;
    }
    Ok(true)
}

/// Follows the boxes of the highest level (ISO/IEC 15444-1, annex I.4): the last must end where the file does, or before.
fn boxes_are_whole(file: &mut File, length: u64) -> io::Result<bool> {
    let big = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let mut at = 0u64;
    for _ in 0..LINKS {
        if at == length {
            return Ok(true);
        }
        let header = read_at(file, at, 16)?;
        if header.len() < 8 {
            // A few bytes behind the last box are no box.
            return Ok(at > 0 && header.iter().all(|byte| *byte == 0));
        }
        let size = match big(&header[..4]) {
            // It goes on to the end, wherever that is.
            0 => return Ok(true),
            1 if header.len() == 16 => big(&header[8..]),
            size => size,
        };
        at = at.saturating_add(size.max(8));
        if at > length {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn whole(bytes: &[u8]) -> bool {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        is_whole(&mut file).unwrap()
    }

    fn encoded(format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let noise = |x, y| image::Rgb([(x * 37 % 251) as u8, (y * 91 % 241) as u8, (x * y % 239) as u8]);
        image::RgbImage::from_fn(60, 60, noise).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Every kind, cut off anywhere, is not whole; uncut, and with what is left behind ends, it is.
    #[test]
    fn what_was_cut_off_is_not_whole() {
        use image::ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
        let mut tiff = Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut tiff).unwrap();
        for _ in 0..3 {
            encoder.write_image::<tiff::encoder::colortype::Gray8>(64, 64, &[7; 64 * 64]).unwrap();
        }
        let pdf = include_bytes!("../../examples/data/sample.pdf").to_vec();
        let boxes = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x10mdat\x01\x02\x03\x04\x05\x06\x07\x08".to_vec();
        let kinds = [Bmp, Gif, Jpeg, Png, WebP].map(encoded).into_iter().chain([tiff.into_inner(), pdf, boxes]);
        for bytes in kinds {
            let head = String::from_utf8_lossy(&bytes[..8]).into_owned();
            assert!(whole(&bytes), "{head}");
            if cfg!(feature = "heic") || !head.contains("ftyp") {
                // From where its kind shows.
                for end in [bytes.len() / 2, bytes.len() * 3 / 4, bytes.len() - 7] {
                    assert!(!whole(&bytes[..end]), "{head}: {end} of {}", bytes.len());
                }
            }
        }
        let pdf = include_bytes!("../../examples/data/sample.pdf");
        assert!(whole(&[&pdf[..], &[0; 5_000]].concat()), "padded by a mailer");
        assert!(!whole(b""));
        assert!(whole(b"of no kind"));
        let linearized = b"%PDF-1.4\n1 0 obj<</Linearized 1/L 99999/H[1 2]>>endobj startxref 0 %%EOF";
        assert!(!whole(linearized), "its first part has an end of its own");
    }
}
