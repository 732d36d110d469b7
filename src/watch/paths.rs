//! Names of files, which may be any bytes: as text that two never share, as JSON, and shortened to what a file system takes.

use std::{
    ffi::{OsStr, OsString},
    path::{Component, Path, PathBuf},
};

use pagestream_documents::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Bytes that a name may have on the usual file systems.
pub const LONGEST_NAME: usize = 255;

/// The path as text: what is no Unicode is followed by its digest, so that two different ones are never alike.
pub fn unmistakable(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => format!("{}#{}", path.to_string_lossy(), short_digest(path.as_os_str())),
    }
}

fn short_digest(name: &OsStr) -> String {
    Digest::of(name.as_encoded_bytes()).to_string()[..8].to_owned()
}

/// Whether a path leads to something below where it starts, and nowhere else.
pub fn leads_downwards(path: &Path) -> bool {
    path.components().next().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// As JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    /// In hexadecimal, where they are no Unicode.
    Bytes {
        bytes: String,
    },
}

/// For `#[serde(with = "paths")]`-like use: a path of any bytes.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let written = match path.to_str() {
        Some(text) => Written::Text(text.to_owned()),
        None => Written::Bytes {
            bytes: path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
        },
    };
    written.serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Text(text) => Ok(PathBuf::from(text)),
        Written::Bytes { bytes } => {
            let byte = |at: usize| bytes.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            let bytes: Option<Vec<u8>> = (0..bytes.len()).step_by(2).map(byte).collect();
            bytes.map(|bytes| PathBuf::from(name_of(bytes))).ok_or_else(|| D::Error::custom("not hexadecimal"))
        }
    }
}

#[cfg(unix)]
fn name_of(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn name_of(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// `name` with `suffix` behind it; where that would be too long, with a digest in the place of its end.
pub fn followed_by(name: &OsStr, suffix: &str) -> OsString {
    if name.len() + suffix.len() <= LONGEST_NAME {
        return [name, OsStr::new(suffix)].into_iter().collect();
    }
    let end = format!("~{}{suffix}", short_digest(name));
    let [kept, end] = [beginning(name, LONGEST_NAME - end.len()), end.into()];
    [kept, end].into_iter().collect()
}

/// `scan.pdf` as `scan-2.pdf`: the `n`th of a name that is taken.
pub fn numbered(name: &OsStr, n: u32) -> OsString {
    let path = Path::new(name);
    let (stem, ending) = match (path.file_stem(), path.extension()) {
        (Some(stem), Some(ending)) => (stem, [OsStr::new("."), ending].into_iter().collect()),
        _ => (name, OsString::new()),
    };
    let number = OsString::from(format!("-{n}"));
    // An ending that is no ending but half the name is cut with it.
    let room = LONGEST_NAME.saturating_sub(number.len() + ending.len());
    match room {
        0..32 => followed_by(name, &format!("-{n}")),
        room => [beginning(stem, room), number, ending].into_iter().collect(),
    }
}

/// As much of a name as `length` bytes hold, whole characters where it has any.
fn beginning(name: &OsStr, length: usize) -> OsString {
    if name.len() <= length {
        return name.to_owned();
    }
    match name.to_str() {
        Some(text) => {
            let mut end = length;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text[..end].into()
        }
        None => name_of(name.as_encoded_bytes()[..length].to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Line(#[serde(with = "super")] PathBuf);

    #[cfg(unix)]
    #[test]
    fn any_bytes_survive_json_and_two_names_never_become_one() {
        use std::os::unix::ffi::OsStrExt as _;
        let names: [&[u8]; 4] = [b"scan.pdf", b"a b\n\xff.pdf", b"a b\n\xfe.pdf", "ä/ö.pdf".as_bytes()];
        let paths = names.map(|name| PathBuf::from(OsStr::from_bytes(name)));
        for path in &paths {
            let json = serde_json::to_string(&Line(path.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Line>(&json).unwrap().0, *path, "{json}");
        }
        assert_ne!(unmistakable(&paths[1]), unmistakable(&paths[2]));
        assert!(serde_json::from_str::<Line>(r#"{"bytes":"6g"}"#).is_err());
    }

    #[test]
    fn names_stay_as_short_as_file_systems_take_them() {
        assert_eq!(numbered(OsStr::new("scan.pdf"), 2), "scan-2.pdf");
        assert_eq!(numbered(OsStr::new("scan"), 3), "scan-3");
        assert_eq!(followed_by(OsStr::new("scan.pdf"), ".reason.json"), "scan.pdf.reason.json");
        let long = OsString::from(format!("{}.pdf", "ä".repeat(125)));
        assert_eq!(long.len(), 254);
        for made in [numbered(&long, 10), followed_by(&long, ".reason.json")] {
            assert!(made.len() <= LONGEST_NAME && made.len() > 240 && made.to_str().is_some(), "{made:?}");
        }
        assert_ne!(followed_by(&long, ".reason.json"), followed_by(&numbered(&long, 2), ".reason.json"));
        let odd = OsString::from(format!("a.{}", "b".repeat(252)));
        assert!(numbered(&odd, 2).len() <= LONGEST_NAME);
    }

    #[test]
    fn only_what_leads_downwards_is_followed() {
        assert!(leads_downwards(Path::new("a/b.pdf")));
        for path in ["", "..", "a/../../b", "/etc/passwd"] {
            assert!(!leads_downwards(Path::new(path)), "{path}");
        }
    }
}
