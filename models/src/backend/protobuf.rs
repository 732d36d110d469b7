//! As much of Protocol Buffers as it takes to read an ONNX model: its metadata without loading it, and small graphs as a whole.
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
pub fn fields(message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    values(message)
        .filter_map(|(number, value)| if let Value::Bytes(bytes) = value { Some((number, bytes)) } else { None })
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Number(u64),
    /// Four or eight bytes.
    Fixed(&'a [u8]),
    Bytes(&'a [u8]),
}

/// All fields of a message with their numbers. Ends where the bytes stop making sense.
pub fn values(message: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let tag = varint(&mut rest)?;
        let length = match tag & 7 {
            0 => return Some((tag >> 3, Value::Number(varint(&mut rest)?))),
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        rest = after;
        Some((tag >> 3, if tag & 7 == 2 { Value::Bytes(content) } else { Value::Fixed(content) }))
    })
}

/// A repeated integer, whether its items come one by one or packed.
pub fn integers(message: &[u8], field: u64) -> Vec<i64> {
    let mut found = Vec::new();
    for (_, value) in values(message).filter(|(number, _)| *number == field) {
        match value {
            Value::Number(number) => found.push(number.cast_signed()),
            Value::Bytes(mut packed) => {
                while let Some(number) = varint(&mut packed) {
                    found.push(number.cast_signed());
                }
            }
            Value::Fixed(_) => {}
        }
    }
    found
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
