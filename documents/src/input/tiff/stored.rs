//! Pages that other formats can carry on as they lie in the file: fax and JPEG, in strips.

use std::borrow::Cow;

use super::{
    directory::Directory,
    header::{Header, compression, tag},
    jpegs,
    samples::Meaning,
};
use crate::input::stored::{StoredCoding, StoredColour, StoredImage, StoredPart};

/// A page of more strips is put together once, rather than drawn strip by strip in every viewer.
const MOST_STRIPS: u32 = 256;
/// T4Options: rows are coded in two dimensions.
const TWO_DIMENSIONAL: u64 = 1;
/// And passages that are not coded at all.
const UNCOMPRESSED: u64 = 2;

pub(super) fn of<'a>(directory: &Directory<'_>, header: &Header, file: &'a [u8]) -> Option<StoredImage<'a>> {
    let chunks = &header.chunks;
    let samples = &header.samples;
    let is_plain = chunks.across == 1
        && chunks.width == header.width
        && chunks.planes == 1
        && chunks.down <= MOST_STRIPS
        && samples.alpha.is_none()
        && samples.channels == samples.meaning.channels();
    is_plain.then_some(())?;
    let (colour, coding) = match header.compression {
        compression::HUFFMAN | compression::GROUP_3 | compression::GROUP_4 => {
            (StoredColour::Gray, fax(directory, header)?)
        }
        compression::JPEG if samples.depth == 8 => match samples.meaning {
            Meaning::Gray if !samples.inverted => (StoredColour::Gray, StoredCoding::Jpeg { is_ycc: None }),
            Meaning::Rgb => (StoredColour::Rgb, StoredCoding::Jpeg { is_ycc: Some(false) }),
            Meaning::YCbCr => (StoredColour::Rgb, StoredCoding::Jpeg { is_ycc: Some(true) }),
            _ => return None,
        },
        _ => return None,
    };
    let tables = directory.bytes(tag::JPEG_TABLES);
    let parts = (0..chunks.down).map(|index| {
        let bytes = chunks.bytes(file, 0, index).filter(|bytes| !bytes.is_empty())?;
        let bytes = match header.compression {
            compression::JPEG => jpegs::whole(bytes, tables)?,
            _ if header.low_bit_first => Cow::Owned(bytes.iter().map(|byte| byte.reverse_bits()).collect()),
            _ => Cow::Borrowed(bytes),
        };
        Some(StoredPart { rows: chunks.height.min(header.height - index * chunks.height), bytes })
    });
    Some(StoredImage {
        width: header.width,
        height: header.height,
        orientation: header.orientation.tag(),
        dpi: header.dpi,
        colour,
        bits: samples.depth,
        coding,
        parts: parts.collect::<Option<_>>()?,
    })
}

fn fax(directory: &Directory<'_>, header: &Header) -> Option<StoredCoding> {
    let options = |tag| directory.number(tag).unwrap_or(0);
    let (k, options) = match header.compression {
        compression::GROUP_4 => (-1, options(tag::T6_OPTIONS)),
        compression::GROUP_3 if options(tag::T4_OPTIONS) & TWO_DIMENSIONAL != 0 => (1, options(tag::T4_OPTIONS)),
        compression::GROUP_3 => (0, options(tag::T4_OPTIONS)),
        _ => (0, 0),
    };
    (options & UNCOMPRESSED == 0 && header.samples.meaning == Meaning::Gray).then_some(())?;
    Some(StoredCoding::Fax {
        k,
        rows_are_byte_aligned: header.compression == compression::HUFFMAN,
        // What fax calls black is white where 0 is.
        black_is_one: !header.samples.inverted,
    })
}
