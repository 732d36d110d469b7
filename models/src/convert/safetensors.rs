//! Tensors out of a safetensors file: eight bytes that say how long the header is, the header in JSON, the data.
//!
//! Source: the format's description in the repository of Hugging Face's `safetensors`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Most that a header may take: the format's own limit.
const MOST_HEADER: u64 = 100_000_000;

/// A file, read as far as its header.
pub struct SafeTensors<'a> {
    entries: BTreeMap<String, Entry>,
    data: &'a [u8],
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// From and to, from the end of the header on.
    data_offsets: [usize; 2],
}

impl<'a> SafeTensors<'a> {
    /// # Errors
    /// What of the file is not as the format says.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let fail = |what: &str| format!("the weights are no safetensors file: {what}");
        let (length, rest) = bytes.split_first_chunk().ok_or_else(|| fail("it is shorter than its first number"))?;
        let length = u64::from_le_bytes(*length);
        let header = usize::try_from(length).ok().filter(|_| length <= MOST_HEADER);
        let (header, data) =
            header.and_then(|length| rest.split_at_checked(length)).ok_or_else(|| fail("its header is cut short"))?;
        let mut entries: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(header).map_err(|error| fail(&format!("its header: {error}")))?;
        entries.remove("__metadata__");
        let entry = |(name, value)| match serde_json::from_value(value) {
            Ok(entry) => Ok((name, entry)),
            Err(error) => Err(fail(&format!("`{name}` in its header: {error}"))),
        };
        let entries = entries.into_iter().map(entry).collect::<Result<_, String>>()?;
        Ok(Self { entries, data })
    }

    /// The numbers of a tensor of this shape, row-major.
    ///
    /// # Errors
    /// Where there is none of that name, type (f32) and shape.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let entry = self.entries.get(name).ok_or_else(|| format!("the weights have no `{name}`"))?;
        if entry.dtype != "F32" || entry.shape != shape {
            return Err(format!("`{name}` is {} {:?}, not F32 {shape:?}", entry.dtype, entry.shape));
        }
        let [from, to] = entry.data_offsets;
        let bytes = self.data.get(from..to).ok_or_else(|| format!("`{name}` lies beyond the end of the weights"))?;
        let expected = shape.iter().try_fold(size_of::<f32>(), |bytes, &size| bytes.checked_mul(size));
        if expected != Some(bytes.len()) {
            return Err(format!("`{name}` has {} bytes, which are not {shape:?}", bytes.len()));
        }
        let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect();
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(format!("`{name}` has numbers that are not finite")),
        }
    }
}

/// A file of these tensors, for tests.
#[cfg(test)]
fn file(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, values) in tensors {
        let from = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [from, data.len()]});
        header.insert((*name).to_owned(), entry);
    }
    header.insert("__metadata__".to_owned(), serde_json::json!({"format": "pt"}));
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_is_read_by_its_name_and_shape() {
        let bytes = file(&[("a", &[2, 1], &[1.0, -2.5]), ("b", &[1], &[3.0])]);
        let tensors = SafeTensors::parse(&bytes).unwrap();
        assert_eq!(tensors.f32("a", &[2, 1]).unwrap(), [1.0, -2.5]);
        assert_eq!(tensors.f32("b", &[1]).unwrap(), [3.0]);
        for (name, shape, expected) in [("c", [1], "no `c`"), ("b", [2], "not F32 [2]")] {
            let error = tensors.f32(name, &shape).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let not_finite = file(&[("a", &[1], &[f32::NAN])]);
        assert!(SafeTensors::parse(&not_finite).unwrap().f32("a", &[1]).is_err());
    }

    #[test]
    fn a_file_that_is_cut_short_or_lies_is_an_error_and_no_panic() {
        let whole = file(&[("a", &[2, 1], &[1.0, -2.5])]);
        for length in 0..whole.len() {
            let read = SafeTensors::parse(&whole[..length]).and_then(|tensors| tensors.f32("a", &[2, 1]));
            assert!(read.is_err(), "{length}");
        }
        let header = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &[0; 8]].concat();
        for lie in [
            r#"{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[8,0]}}"#,
            r#"{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,4]}}"#,
            r#"{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,18446744073709551615]}}"#,
            r#"{"a":{"dtype":"F32","shape":[18446744073709551615,4],"data_offsets":[0,8]}}"#,
            r#"{"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]}}"#,
            r#"{"a":[]}"#,
            "[]",
        ] {
            let bytes = header(lie);
            assert!(SafeTensors::parse(&bytes).and_then(|tensors| tensors.f32("a", &[2, 1])).is_err(), "{lie}");
        }
        assert!(SafeTensors::parse(&u64::MAX.to_le_bytes()).is_err());
    }
}
