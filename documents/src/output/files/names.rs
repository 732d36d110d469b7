//! What the files of results are called.
//!
//! A result stands where its document stands: `m/a/r.pdf`, read from the folder `m`, becomes `a/r.txt`. The name is remembered
//! ([`super::manifest`]), so that it is the same in every later run, whatever else is read then. Only documents that would
//! meet under one name are given longer ones, all of them alike: with the folder above in front, then with their whole
//! file name, then with a digest of where they come from.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

use crate::ids::Digest;

/// Longest part of a path in bytes: with page, ending and a digest it stays below the 255 of common file systems.
const LONGEST_PART: usize = 200;

/// A document whose result is to become a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What it is submitted under: [`crate::DocumentRef::source`].
    pub source: String,
    /// What makes it the same document in another run: its absolute path, or what else is known of it.
    pub origin: String,
    /// Where it stands, below what is mirrored; the last part is its own name with its ending.
    pub place: PathBuf,
}

impl Expected {
    /// A file that is read by its name: its folders are mirrored as far as the name has them and leads downwards; of any
    /// other path only the last part counts.
    ///
    /// What is the URL of a document that was downloaded is taken for that: only the last part of its path counts.
    pub fn file(path: &Path) -> Self {
        if let Some(url) = path.to_str().filter(|text| is_url(text)) {
            return Self { source: url.to_owned(), origin: url.to_owned(), place: last_of_url(url).into() };
        }
        let downwards = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let place = if downwards { path } else { Path::new(path.file_name().unwrap_or_default()) };
        Self::below(path, place.to_owned())
    }

    /// A file found in a folder that is read as a whole; `place` is its path below what is mirrored.
    pub fn below(path: &Path, place: PathBuf) -> Self {
        // Not resolved further: a link and what it leads to are two documents to those who name them.
        let origin = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { source: path.display().to_string(), origin: exact(&origin), place }
    }
}

/// Whether a document is named by a URL and not by a path.
pub fn is_url(text: &str) -> bool {
    let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

/// The last part of a URL's path, its escapes resolved, or its host.
fn last_of_url(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let (mut bytes, mut left) = (Vec::new(), last.as_bytes());
    while let [first, rest @ ..] = left {
        let digits = rest.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        left = if escaped.is_some() { &rest[2..] } else { rest };
    }
    // One part of a path, whatever was escaped.
    String::from_utf8_lossy(&bytes).replace(['/', '\\'], "_")
}

/// The path as text, two different ones never alike: what is no Unicode is followed by its digest.
fn exact(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => format!("{}#{}", path.to_string_lossy(), Digest::of(path.as_os_str().as_encoded_bytes())),
    }
}

/// Gives each document of `expected` a stem, a relative path with `/` and without the ending that the format adds.
/// `remembered` has stems by origin, from this run and from earlier ones; no two origins get one stem.
pub(super) fn assign(expected: &[Expected], remembered: &HashMap<String, String>) -> HashMap<String, String> {
    let mut taken: HashSet<String> = remembered.values().map(|stem| key(stem)).collect();
    let mut stems = HashMap::new();
    let mut open: HashMap<&str, [String; 4]> = HashMap::new();
    for document in expected {
        match remembered.get(&document.origin) {
            Some(stem) => drop(stems.insert(document.origin.clone(), stem.clone())),
            None => drop(open.entry(&document.origin).or_insert_with(|| candidates(document))),
        }
    }
    for choice in 0..4 {
        let mut wanted: HashMap<String, Vec<&str>> = HashMap::new();
        open.iter().for_each(|(origin, stems)| wanted.entry(key(&stems[choice])).or_default().push(origin));
        for (key, origins) in wanted {
            // The last names are made of what tells the documents apart.
            if choice < 3 && (origins.len() > 1 || taken.contains(&key)) {
                continue;
            }
            for origin in origins {
                let Some(mut candidates) = open.remove(origin) else { continue };
                stems.insert(origin.to_owned(), std::mem::take(&mut candidates[choice]));
            }
            taken.insert(key);
        }
    }
    stems
}

/// Some file systems do not tell cases apart.
fn key(stem: &str) -> String {
    stem.to_lowercase()
}

/// From the best to the last resort.
fn candidates(document: &Expected) -> [String; 4] {
    let parts: Vec<&OsStr> = document
        .place
        .components()
        .filter_map(|part| if let Component::Normal(part) = part { Some(part) } else { None })
        .collect();
    let (name, folders) = parts.split_last().map_or((OsStr::new(""), &parts[..]), |(name, folders)| (*name, folders));
    let folders: String = folders.iter().map(|part| format!("{}/", safe(part, part.len()))).collect();
    let stem = format!("{folders}{}", safe(name, stem_length(name)));
    let whole = format!("{folders}{}", safe(name, name.len()));
    let above = Path::new(&document.origin).ancestors().nth(parts.len()).and_then(Path::file_name);
    let with_folder = above.map_or_else(|| stem.clone(), |above| format!("{}/{stem}", safe(above, above.len())));
    let unmistakable = format!("{whole}-{}", short_digest(document.origin.as_bytes()));
    [stem, with_folder, whole, unmistakable]
}

/// Bytes of the name before its ending. What looks like an ending and has no letter is the number of a version.
fn stem_length(name: &OsStr) -> usize {
    let ending = Path::new(name).extension().map_or(&b""[..], OsStr::as_encoded_bytes);
    let is_one = (1..=5).contains(&ending.len())
        && ending.iter().all(u8::is_ascii_alphanumeric)
        && ending.iter().any(u8::is_ascii_alphabetic);
    name.len() - if is_one { ending.len() + 1 } else { 0 }
}

/// The first `length` bytes of one part of a path, without anything that a file system, a shell or a reader could mistake:
/// separators, control characters, leading dots and dashes, Windows' reserved names. What had to be changed is followed
/// by a digest, so that it meets nothing else.
fn safe(part: &OsStr, length: usize) -> String {
    let bytes = part.as_encoded_bytes();
    let given = String::from_utf8_lossy(&bytes[..length.min(bytes.len())]);
    let is_odd =
        |c: char| c.is_control() || is_invisible(c) || r#"<>:"/\|?*"#.contains(c) || c == char::REPLACEMENT_CHARACTER;
    let replaced: String = given.chars().map(|c| if is_odd(c) { '_' } else { c }).collect();
    let trimmed = replaced.trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
    let mut end = trimmed.len().min(LONGEST_PART);
    while !trimmed.is_char_boundary(end) {
        end -= 1;
    }
    let stem = &trimmed[..end];
    let device = stem.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let reserved = matches!(device.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (device.len() == 4
            && (device.starts_with("COM") || device.starts_with("LPT"))
            && device.ends_with(|c: char| c.is_ascii_digit()));
    match stem {
        "" => format!("document-{}", short_digest(bytes)),
        stem if reserved => format!("_{stem}-{}", short_digest(bytes)),
        stem if stem != given => format!("{stem}-{}", short_digest(bytes)),
        stem => stem.to_owned(),
    }
}

/// Marks that turn the direction of writing or take no room: a name must look like what it is.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn short_digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stems of files that are read by these names, in a folder where `remembered` were read before.
    fn stems(paths: &[&str], remembered: &HashMap<String, String>) -> Vec<String> {
        let expected: Vec<_> = paths.iter().map(|path| Expected::file(Path::new(path))).collect();
        let stems = assign(&expected, remembered);
        expected.iter().map(|document| stems[&document.origin].clone()).collect()
    }

    #[test]
    fn names_are_safe_whatever_they_are_made_of() {
        for (part, name) in
            [("scan.pdf", "scan"), ("Scan 1.PDF", "Scan 1"), ("version 1.2", "version 1.2"), ("no-ending", "no-ending")]
        {
            assert_eq!(safe(OsStr::new(part), stem_length(OsStr::new(part))), name);
        }
        for (part, beginning) in [
            ("..hidden.pdf", "hidden-"),
            ("a\nb?.pdf", "a_b_-"),
            (r"..\..\a.pdf", r"_.._a-"),
            ("con.pdf", "_con-"),
            ("LPT1.tiff", "_LPT1-"),
            ("", "document-"),
            ("..", "document-"),
            ("a\u{202e}fdp.exe", "a_fdp-"),
        ] {
            let name = safe(OsStr::new(part), stem_length(OsStr::new(part)));
            let digest = name.strip_prefix(beginning).unwrap_or_else(|| panic!("{part:?}: {name}"));
            assert!(digest.len() == 8 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
        }
        let [long, longer] = [300, 301].map(|length| safe(OsStr::new(&"ä".repeat(length)), 600));
        assert!(long.len() == 209 && longer.len() == 209 && long != longer, "{long} {longer}");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_unicode_stay_apart() {
        use std::os::unix::ffi::OsStrExt as _;
        let [a, b] = [&b"a\xff.pdf"[..], b"a\xfe.pdf"].map(|bytes| Expected::file(Path::new(OsStr::from_bytes(bytes))));
        assert_ne!(a.origin, b.origin);
        let stems = assign(&[a.clone(), b.clone()], &HashMap::new());
        assert_ne!(stems[&a.origin], stems[&b.origin]);
    }

    #[test]
    fn folders_are_mirrored_and_nothing_leads_out() {
        let none = HashMap::new();
        assert_eq!(stems(&["m/r.pdf", "./n/r.pdf", "r.pdf"], &none), ["m/r", "n/r", "r"]);
        assert_eq!(stems(&["../../etc/passwd.pdf", "/root/.ssh/id.pdf"], &none), ["passwd", "id"]);
        let found = Expected::below(Path::new("/x/m/a/r.pdf"), PathBuf::from("a/r.pdf"));
        assert_eq!(assign(std::slice::from_ref(&found), &none)[&found.origin], "a/r");
    }

    #[test]
    fn what_was_downloaded_is_called_as_its_url_ends() {
        for (url, place) in [
            ("https://a.example/x/a%20b.pdf?v=1/2#p", "a b.pdf"),
            ("HTTP://a.example/%2e%2e%2fc%2", ".._c%2"),
            ("https://b.example/?/d", "b.example"),
            ("https://b.example", "b.example"),
        ] {
            assert_eq!(Expected::file(Path::new(url)).place, Path::new(place), "{url}");
        }
        let same = ["https://a.example/x/r.pdf", "https://a.example/y/r.pdf", "r.pdf"];
        assert_eq!(stems(&same, &HashMap::new())[..2], ["x/r", "y/r"]);
    }

    #[test]
    fn documents_that_meet_get_longer_names_all_alike_and_in_any_order() {
        let none = HashMap::new();
        assert_eq!(stems(&["/x/m/r.pdf", "/x/n/r.pdf"], &none), ["m/r", "n/r"]);
        assert_eq!(stems(&["r.tif", "r.pdf", "s.pdf"], &none), ["r.tif", "r.pdf", "s"]);
        assert_eq!(stems(&["s.pdf", "r.pdf", "r.tif"], &none), ["s", "r.pdf", "r.tif"]);
        let same = stems(&["/x/m/r.pdf", "/y/m/r.pdf"], &none);
        assert!(same[0] != same[1] && same.iter().all(|stem| stem.starts_with("r.pdf-")), "{same:?}");
        assert_eq!(stems(&["R.pdf", "r.pdf"], &none).iter().map(|stem| key(stem)).collect::<HashSet<_>>().len(), 2);
    }

    #[test]
    fn a_name_once_given_stays_whatever_comes_later() {
        let origin = |path: &str| Expected::file(Path::new(path)).origin;
        let remembered = HashMap::from([(origin("/x/m/r.pdf"), "r".to_owned())]);
        assert_eq!(stems(&["/x/a/r.pdf", "/x/m/r.pdf"], &remembered), ["a/r", "r"]);
        assert_eq!(stems(&["/x/m/r.tif"], &remembered), ["m/r"], "r is another document's");
    }
}
