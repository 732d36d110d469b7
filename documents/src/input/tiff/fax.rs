//! Fax compression, the form that most scanned archives have: modified Huffman, Group 3 in one and two dimensions, and
//! Group 4 (TIFF 6.0, sections 10 and 11; ITU-T T.4 and T.6). A damaged strip keeps the rows before the damage, as a fax
//! machine prints them.

use hayro_ccitt::{DecodeSettings, Decoder as RowSink, DecoderContext, EncodingMode};

use super::{
    directory::Directory,
    header::{compression, tag},
};
use crate::error::{Error, ErrorKind, Result};

/// Bits of T4Options.
const TWO_DIMENSIONAL: u64 = 1;
const UNCOMPRESSED: u64 = 2;

/// How rows are coded.
pub(super) struct Kind {
    encoding: EncodingMode,
    rows_are_byte_aligned: bool,
}

impl Kind {
    pub(super) fn of(directory: &Directory<'_>, compression: u16) -> Result<Self> {
        // T4Options has the same meaning for Group 3 as T6Options has for Group 4, which knows only the second bit.
        let options = match compression {
            compression::GROUP_3 => directory.number(tag::T4_OPTIONS),
            compression::GROUP_4 => directory.number(tag::T6_OPTIONS),
            _ => None,
        }
        .unwrap_or(0);
        if options & UNCOMPRESSED != 0 {
            return Err(Error::new(ErrorKind::UnsupportedFormat, "fax with uncompressed passages is not supported"));
        }
        Ok(Self {
            encoding: match compression {
                compression::GROUP_4 => EncodingMode::Group4,
                compression::GROUP_3 if options & TWO_DIMENSIONAL != 0 => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            rows_are_byte_aligned: compression == compression::HUFFMAN,
        })
    }

    /// Rows of bits, 1 for black, each from a byte on: as many as could be decoded, and not more than `expected` bytes.
    pub(super) fn decode(&self, data: &[u8], width: u32, expected: usize) -> Vec<u8> {
        let stride = (width as usize).div_ceil(8);
        let settings = DecodeSettings {
            columns: width,
            rows: (expected / stride) as u32,
            end_of_block: true,
            end_of_line: false,
            rows_are_byte_aligned: self.rows_are_byte_aligned,
            encoding: self.encoding,
            strict: false,
        };
        let mut rows = Rows { bits: vec![0; expected], stride, complete: 0 };
        if let Err(error) = hayro_ccitt::decode(data, &mut rows, &mut DecoderContext::new(settings)) {
            tracing::debug!(%error, rows = rows.complete, of = settings.rows, "a fax strip is damaged");
        }
        rows.bits.truncate(rows.complete * stride);
        rows.bits
    }
}

/// Paints decoded rows.
struct Rows {
    bits: Vec<u8>,
    stride: usize,
    complete: usize,
}

impl RowSink for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.complete * self.stride;
        let Some(row) = self.bits.get_mut(start..start + self.stride) else { return };
        for pair in changes.chunks(2) {
            let end = pair.get(1).map_or(row.len() * 8, |&end| end as usize);
            paint(row, pair[0] as usize, end);
        }
        self.complete += 1;
    }
}

/// Sets the bits from `start` to before `end`, the high bit of a byte first.
fn paint(row: &mut [u8], start: usize, end: usize) {
    let end = end.min(row.len() * 8);
    if start >= end {
        return;
    }
    let (first, last) = (start / 8, (end - 1) / 8);
    let (from, to) = (0xff_u8 >> (start % 8), 0xff_u8 << (7 - (end - 1) % 8));
    if first == last {
        row[first] |= from & to;
    } else {
        row[first] |= from;
        row[first + 1..last].fill(0xff);
        row[last] |= to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_painted_from_their_first_bit_to_before_their_last() {
        for (start, end, expected) in [
            (0, 24, [0xff; 3]),
            (3, 3, [0; 3]),
            (3, 5, [0b0001_1000, 0, 0]),
            (7, 9, [1, 0x80, 0]),
            (6, 18, [3, 0xff, 0xc0]),
            (20, 99, [0, 0, 0x0f]),
        ] {
            let mut row = [0; 3];
            paint(&mut row, start, end);
            assert_eq!(row, expected, "{start} to {end}");
        }
    }
}
