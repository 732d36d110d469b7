//! As much of Protocol Buffers as it takes to read an ONNX model's metadata without loading the model.
//!
//! Wire format: protobuf.dev/programming-guides/encoding. Field numbers: onnx.proto of ONNX 1.x.

/// `ModelProto.metadata_props`, a repeated `StringStringEntryProto`.
const METADATA_PROPS: u64 = 14;

/// The value under `key` in the model's metadata; `None` when there is none, or the bytes are no ONNX model.
pub fn onnx_metadata(model: &[u8], key: &str) -> Option<String> {
    fields(model).filter(|(number, _)| *number == METADATA_PROPS).find_map(|(_, entry)| {
        let text = |wanted| fields(entry).find(|(number, _)| *number == wanted).map(|(_, text)| text);
        (text(1)? == key.as_bytes()).then(|| String::from_utf8_lossy(text(2).unwrap_or_default()).into_owned())
    })
}

/// The length-delimited fields of a message with their numbers; others are stepped over. Ends where the bytes stop making
/// sense.
fn fields(message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = message;
    std::iter::from_fn(move || {
        loop {
            let tag = varint(&mut rest)?;
            let length = match tag & 7 {
                0 => {
                    varint(&mut rest)?;
                    continue;
                }
                1 => 8,
                2 => usize::try_from(varint(&mut rest)?).ok()?,
                5 => 4,
                _ => return None,
            };
            let (content, after) = rest.split_at_checked(length)?;
            rest = after;
            if tag & 7 == 2 {
                return Some((tag >> 3, content));
            }
        }
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A varint field, a fixed one of each size, and an entry whose value is longer than a one-byte length can say.
    fn model() -> Vec<u8> {
        let value = "x".repeat(300);
        let entry = [&[0x0a, 1, b'k', 0x12, 0xac, 0x02], value.as_bytes()].concat();
        let mut model = vec![0x08, 0x96, 0x01, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x1d, 0, 0, 0, 0];
        model.extend([0x72, 0xb2, 0x02]);
        model.extend(entry);
        model
    }

    #[test]
    fn fields_of_every_kind_are_stepped_over() {
        assert_eq!(onnx_metadata(&model(), "k").map(|value| value.len()), Some(300));
        assert_eq!(onnx_metadata(&model(), "other"), None);
    }

    #[test]
    fn bytes_that_are_cut_short_or_no_model_have_no_metadata() {
        let whole = model();
        for length in 0..whole.len() {
            assert_eq!(onnx_metadata(&whole[..length], "k"), None, "{length}");
        }
        for junk in [[0xff_u8; 40].as_slice(), b"not a model", &[0x0b; 9]] {
            assert_eq!(onnx_metadata(junk, "k"), None);
        }
    }
}
