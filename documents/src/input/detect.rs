//! Files are told apart by their first bytes, never by their name.

use super::{FileKind, jpeg2000, pnm, tiff};
use crate::error::{Error, ErrorKind, Result};

/// A PDF's header may stand behind other bytes, within the first 1,024 (PDF 32000-1, annex H.3, note 13).
pub(super) const PDF_HEADER_WITHIN: usize = 1_024;

/// The type that the bytes say they are.
pub fn detect(bytes: &[u8]) -> Result<FileKind> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    let kind = if starts(b"\x89PNG\r\n\x1a\n") {
        FileKind::Png
    } else if starts(b"\xff\xd8\xff") {
        FileKind::Jpeg
    } else if tiff::is_tiff(bytes) {
        FileKind::Tiff
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        FileKind::Gif
    } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        FileKind::WebP
    } else if jpeg2000::is_jpeg2000(bytes) {
        FileKind::Jpeg2000
    } else if pnm::is_pnm(bytes) {
        FileKind::Pnm
    } else if head.windows(5).any(|window| window == b"%PDF-") {
        FileKind::Pdf
    } else if starts(b"BM") && bytes.len() > 26 {
        // Two letters alone prove little, so BMP is asked last.
        FileKind::Bmp
    } else if looks_like_headless_pdf(bytes) {
        FileKind::Pdf
    } else if cfg!(feature = "heic") && is_heic(bytes) {
        FileKind::Heic
    } else {
        return Err(refusal(bytes));
    };
    Ok(kind)
}

/// The brand that a file of the MPEG family begins with (ISO/IEC 14496-12, 4.3).
fn brand(bytes: &[u8]) -> &[u8] {
    if bytes.get(4..8) == Some(b"ftyp") { bytes.get(8..12).unwrap_or_default() } else { b"" }
}

/// ISO/IEC 23008-12, annex B. The last two say nothing of the compression, which is mostly HEVC.
fn is_heic(bytes: &[u8]) -> bool {
    matches!(brand(bytes), b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1")
}

/// What the file is instead, as far as its first bytes say.
fn refusal(bytes: &[u8]) -> Error {
    let convert = format!("{}; convert it to one of them", FileKind::told());
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    if bytes.is_empty() {
        return Error::new(ErrorKind::Damaged, "it is empty");
    }
    if head.iter().all(|byte| *byte == 0) {
        return Error::new(ErrorKind::Damaged, "it begins with nothing but zeros: its content is lost")
            .with_hint("the file was not written or copied to its end; get it again");
    }
    let kind = match (brand(head), head) {
        (b"avif" | b"avis", _) => "an AVIF picture",
        _ if is_heic(head) => "a HEIC picture",
        (_, [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..]) => "a JPEG XL picture",
        (_, [b'A', b'T', b'&', b'T', b'F', b'O', b'R', b'M', ..]) => "a DjVu document",
        (_, [b'%', b'!', b'P', b'S', ..]) => "a PostScript document",
        (_, [b'P', b'K', 3, 4, ..]) => "an archive or an office document",
        _ => {
            return Error::new(ErrorKind::UnsupportedFormat, "the file is of no type that can be read")
                .with_hint(convert);
        }
    };
    Error::new(ErrorKind::UnsupportedFormat, format!("it is {kind}, which cannot be read")).with_hint(convert)
}

/// A PDF whose beginning is lost still has objects and an end; readers rebuild it from its objects.
fn looks_like_headless_pdf(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(PDF_HEADER_WITHIN)..];
    let has = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    has(tail, b"startxref") && has(bytes, b"endobj")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_by_its_name() {
        for (bytes, told) in [
            (&b"\0\0\0\x1cftypavif"[..], "an AVIF picture"),
            (b"\xff\x0a\xfa\x1f", "a JPEG XL picture"),
            (b"AT&TFORM\0\0\x01\0DJVU", "a DjVu document"),
            (b"PK\x03\x04", "an archive or an office document"),
            (&[0; 2_000], "nothing but zeros"),
            (b"", "it is empty"),
        ] {
            let error = detect(bytes).unwrap_err();
            assert!(error.message.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn types_are_told_by_content() {
        let late_pdf = [&[b'x'; 900][..], b"%PDF-1.4"].concat();
        let too_late_pdf = [&[b'x'; 1_024][..], b"%PDF-1.4"].concat();
        for (bytes, kind) in [
            (&b"%PDF-1.7"[..], Ok(FileKind::Pdf)),
            (&late_pdf, Ok(FileKind::Pdf)),
            (&too_late_pdf, Err(ErrorKind::UnsupportedFormat)),
            (b"II*\0\x08\0\0\0", Ok(FileKind::Tiff)),
            (b"MM\0+\0\x08\0\0", Ok(FileKind::Tiff)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Ok(FileKind::WebP)),
            (b"RIFF\0\0\0\0WAVEfmt ", Err(ErrorKind::UnsupportedFormat)),
            (b"GIF89a", Ok(FileKind::Gif)),
            (b"\0\0\0\x0cjP  \r\n\x87\n", Ok(FileKind::Jpeg2000)),
            (b"\xff\x4f\xff\x51\0\x2f", Ok(FileKind::Jpeg2000)),
            (b"P4\n8 1\n", Ok(FileKind::Pnm)),
            (b"P6#remark", Ok(FileKind::Pnm)),
            (b"P7\nWIDTH 1\n", Ok(FileKind::Pnm)),
            (b"P7 332\n", Err(ErrorKind::UnsupportedFormat)),
            (b"P8\n", Err(ErrorKind::UnsupportedFormat)),
            (b"P65 is a road", Err(ErrorKind::UnsupportedFormat)),
            (b"BM", Err(ErrorKind::UnsupportedFormat)),
            (b"", Err(ErrorKind::Damaged)),
            (b"<</Type/Page>> endobj trailer <<>> startxref 0 %%EOF", Ok(FileKind::Pdf)),
            (b"hello", Err(ErrorKind::UnsupportedFormat)),
        ] {
            assert_eq!(detect(bytes).map_err(|error| error.kind), kind, "{:?}", &bytes[..bytes.len().min(16)]);
        }
    }
}
