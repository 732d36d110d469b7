//! Fax compression, the form that most scanned archives have: modified Huffman, Group 3 in one and two dimensions, and
//! Group 4 (TIFF 6.0, sections 10 and 11; ITU-T T.4 and T.6). A damaged strip keeps the rows before the damage, as a fax
//! machine prints them, and the rest of it is white; how many rows that are is told.

use hayro_ccitt::{DecodeSettings, Decoder as RowSink, DecoderContext, EncodingMode};
use tiff::{decoder::Decoder, tags::Tag};

use super::{PageView, refusal, samples::Samples};
use crate::error::{Error, ErrorKind, Result};

const HUFFMAN: u16 = 2;
const GROUP_3: u16 = 3;
const GROUP_4: u16 = 4;
/// Bits of T4Options.
const TWO_DIMENSIONAL: u32 = 1;
const UNCOMPRESSED: u32 = 2;

/// Where a page's strips are, and how they are written.
pub(super) struct Fax {
    settings: DecodeSettings,
    height: usize,
    rows_per_strip: usize,
    /// (offset, bytes) of each strip.
    strips: Vec<(u64, u64)>,
    /// The first pixel of a byte is in its lowest bit (FillOrder 2).
    low_bit_first: bool,
    /// What the encoding calls white is black (photometric BlackIsZero).
    inverted: bool,
}

impl Fax {
    /// `None` for other compressions, and for arrangements that no fax has (tiles, several channels).
    pub(super) fn of(
        decoder: &mut Decoder<PageView>,
        samples: &Samples,
        photometric: Option<u16>,
    ) -> Result<Option<Self>> {
        let mut number = |tag| decoder.find_tag_unsigned::<u32>(tag).map_err(refusal);
        let compression = number(Tag::Compression)?.unwrap_or(1) as u16;
        let is_fax = matches!(compression, HUFFMAN | GROUP_3 | GROUP_4);
        if !is_fax || samples.depth != 1 || samples.channels != 1 || number(Tag::TileWidth)?.is_some() {
            return Ok(None);
        }
        // T4Options has the same meaning for Group 3 as T6Options has for Group 4, which knows only the second bit.
        let options = number(Tag::Unknown(if compression == GROUP_4 { 293 } else { 292 }))?.unwrap_or(0);
        if options & UNCOMPRESSED != 0 {
            return Err(Error::new(ErrorKind::UnsupportedFormat, "fax with uncompressed passages is not supported"));
        }
        let rows_per_strip = number(Tag::RowsPerStrip)?.unwrap_or(u32::MAX).clamp(1, samples.height as u32) as usize;
        let low_bit_first = number(Tag::FillOrder)?.unwrap_or(1) == 2;
        let mut list = |tag| decoder.find_tag_unsigned_vec::<u64>(tag).map_err(refusal);
        let offsets = list(Tag::StripOffsets)?.unwrap_or_default();
        let lengths = list(Tag::StripByteCounts)?;
        let strips = offsets.iter().enumerate().map(|(i, &offset)| {
            // Without a length, a strip reaches to the end of the file; its rows are counted.
            (offset, lengths.as_ref().and_then(|lengths| lengths.get(i).copied()).unwrap_or(u64::MAX))
        });
        let settings = DecodeSettings {
            columns: samples.width as u32,
            rows: 0,
            end_of_block: true,
            end_of_line: false,
            rows_are_byte_aligned: compression == HUFFMAN,
            encoding: match compression {
                GROUP_4 => EncodingMode::Group4,
                GROUP_3 if options & TWO_DIMENSIONAL != 0 => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            strict: false,
        };
        Ok(Some(Self {
            settings,
            height: samples.height,
            rows_per_strip,
            strips: strips.collect(),
            low_bit_first,
            inverted: photometric == Some(super::PHOTOMETRIC_BLACK_IS_ZERO),
        }))
    }

    /// Gray pixels, 0 and 255, and how many rows of them are lost.
    pub(super) fn decode(&self, file: &[u8]) -> Result<(Vec<u8>, usize)> {
        let width = self.settings.columns as usize;
        let (white, black) = if self.inverted { (0, 255) } else { (255, 0) };
        let mut pixels = vec![white; width * self.height];
        let mut complete = 0;
        for (strip, &(offset, length)) in pixels.chunks_mut(width * self.rows_per_strip).zip(&self.strips) {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
            let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(file.len());
            let rows = strip.len() / width;
            let mut context = DecoderContext::new(DecodeSettings { rows: rows as u32, ..self.settings });
            let mut sink = Rows { strip: strip.chunks_exact_mut(width), black, complete: 0 };
            let reversed: Vec<u8>;
            let data = if self.low_bit_first {
                reversed = file[start..end].iter().map(|byte| byte.reverse_bits()).collect();
                &reversed
            } else {
                &file[start..end]
            };
            if let Err(error) = hayro_ccitt::decode(data, &mut sink, &mut context) {
                tracing::debug!(%error, rows = sink.complete, of = rows, "a fax strip is damaged");
            }
            complete += sink.complete;
        }
        if complete == 0 {
            return Err(Error::new(ErrorKind::Damaged, "not one row of the fax can be decoded")
                .with_hint("the file may be cut off; get it again"));
        }
        Ok((pixels, self.height - complete.min(self.height)))
    }
}

/// Paints decoded rows into a strip that is white.
struct Rows<'a> {
    strip: std::slice::ChunksExactMut<'a, u8>,
    black: u8,
    complete: usize,
}

impl RowSink for Rows<'_> {
    fn push_row(&mut self, changes: &[u32]) {
        let Some(row) = self.strip.next() else { return };
        for pair in changes.chunks(2) {
            let start = row.len().min(pair[0] as usize);
            let end = pair.get(1).map_or(row.len(), |&end| row.len().min(end as usize));
            row[start..end.max(start)].fill(self.black);
        }
        self.complete += 1;
    }
}
