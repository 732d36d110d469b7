//! A strip or tile as it is compressed to the bytes that it was made of. What cannot be decompressed to its end comes as far as it
//! goes: whoever counts the rows knows what is lost.

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress};
use weezl::{BitOrder, decode::Decoder as LzwDecoder};

use super::{
    fax,
    header::{Header, compression},
};
use crate::error::{Error, ErrorKind, Result};

/// Not more than `expected` bytes.
///
/// # Errors
/// `UnsupportedFormat` for a compression that nobody here knows.
pub(super) fn decompress<'a>(
    header: &Header,
    data: &'a [u8],
    expected: usize,
    fax: &fax::Kind,
) -> Result<Cow<'a, [u8]>> {
    let data = if header.low_bit_first {
        // As libtiff has it: of the compressed bytes, whatever the compression and the depth.
        Cow::Owned(data.iter().map(|byte| byte.reverse_bits()).collect())
    } else {
        Cow::Borrowed(data)
    };
    Ok(match header.compression {
        compression::NONE => match data {
            Cow::Borrowed(data) => Cow::Borrowed(&data[..data.len().min(expected)]),
            Cow::Owned(mut data) => {
                data.truncate(expected);
                Cow::Owned(data)
            }
        },
        compression::PACK_BITS => unpack_bits(&data, expected).into(),
        compression::LZW => lzw(&data, expected).into(),
        compression::DEFLATE | compression::OLD_DEFLATE => inflate(&data, expected).into(),
        compression::HUFFMAN | compression::GROUP_3 | compression::GROUP_4 => {
            fax.decode(&data, header.chunks.width, expected).into()
        }
        other => {
            let name = match other {
                32_771 => " (fax of whole words)",
                32_809 => " (ThunderScan)",
                34_661 | 34_663 => " (JBIG)",
                34_712 => " (JPEG 2000)",
                34_925 => " (LZMA)",
                50_000 => " (Zstandard)",
                50_002 => " (JPEG XL)",
                _ => "",
            };
            return Err(Error::new(
                ErrorKind::UnsupportedFormat,
                format!("TIFF compression {other}{name} is not supported"),
            )
            .with_hint("save it with LZW or deflate compression"));
        }
    })
}

/// PackBits (TIFF 6.0, section 9).
fn unpack_bits(mut data: &[u8], expected: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(expected);
    while let [head, rest @ ..] = data
        && out.len() < expected
    {
        data = rest;
        let count = match *head as i8 {
            -128 => continue,
            copied @ 0.. => {
                let count = (copied as usize + 1).min(data.len());
                out.extend_from_slice(&data[..count]);
                count
            }
            repeated => {
                out.extend(
                    data.first()
                        .into_iter()
                        .flat_map(|&byte| std::iter::repeat_n(byte, 1 - repeated as isize as usize)),
                );
                1
            }
        };
        data = &data[count.min(data.len())..];
    }
    out.truncate(expected);
    out
}

/// LZW (TIFF 6.0, section 13), and its form of before 1988, with the other order of bits, which begins otherwise.
fn lzw(data: &[u8], expected: usize) -> Vec<u8> {
    let is_old = matches!(data, [0, second, ..] if second & 1 == 1);
    let mut decoder =
        if is_old { LzwDecoder::new(BitOrder::Lsb, 8) } else { LzwDecoder::with_tiff_size_switch(BitOrder::Msb, 8) };
    let (mut read, mut out) = (0, vec![0; expected]);
    let mut filled = 0;
    while filled < expected {
        let result = decoder.decode_bytes(&data[read..], &mut out[filled..]);
        read += result.consumed_in;
        filled += result.consumed_out;
        let stuck = result.consumed_in == 0 && result.consumed_out == 0;
        if stuck || !matches!(result.status, Ok(weezl::LzwStatus::Ok)) {
            break;
        }
    }
    out.truncate(filled);
    out
}

/// Deflate with zlib's header (TIFF technical note 3).
fn inflate(data: &[u8], expected: usize) -> Vec<u8> {
    let mut inflater = Decompress::new(true);
    let mut out = vec![0; expected];
    // One call does as much as it can; what it made before it failed is good.
    let _ = inflater.decompress(data, &mut out, FlushDecompress::Finish);
    out.truncate(usize::try_from(inflater.total_out()).unwrap_or(0).min(expected));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bits_end_where_they_end() {
        // The example of TIFF 6.0, section 9, with an operation that does nothing.
        let packed = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0x80, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
        let whole = [
            0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22, 0xaa, 0xaa, 0xaa, 0xaa,
            0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
        ];
        assert_eq!(unpack_bits(&packed, 24), whole);
        assert_eq!(unpack_bits(&packed, 5), whole[..5]);
        assert_eq!(unpack_bits(&packed[..12], 24), whole[..12], "cut off within a run");
        assert!(unpack_bits(&[0xff], 24).is_empty());
    }

    #[test]
    fn what_is_cut_off_comes_as_far_as_it_goes() {
        let plain: Vec<u8> = (0..5_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 26) as u8).collect();
        let lzw_packed = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&plain).unwrap();
        let old = weezl::encode::Encoder::new(BitOrder::Lsb, 8).encode(&plain).unwrap();
        let mut deflated = Vec::new();
        flate2::Compress::new(flate2::Compression::default(), true)
            .compress_vec(
                &plain,
                {
                    deflated.reserve(10_000);
                    &mut deflated
                },
                flate2::FlushCompress::Finish,
            )
            .unwrap();
        for (packed, unpack) in [(&lzw_packed, lzw as fn(&[u8], usize) -> Vec<u8>), (&old, lzw), (&deflated, inflate)] {
            assert_eq!(unpack(packed, 5_000), plain);
            assert_eq!(unpack(packed, 900), plain[..900]);
            let half = unpack(&packed[..packed.len() / 2], 5_000);
            assert!(half.len() > 100 && half.len() < 5_000 && plain.starts_with(&half), "{}", half.len());
        }
    }
}
