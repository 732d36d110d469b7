//! API keys: who may do what. A file has a line for each: its name, what it may do, and the SHA-256 of the key.
//!
//! A key is 32 random bytes, so that its plain hash is as good as a slow one: nobody can go through 2^256 of them. The file is read
//! again when it has changed.

use std::{
    fmt::Write as _,
    fs, hint, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use pagestream_documents::Digest;
use pagestream_store::Tag;

/// What tells whose a document is: a tag that begins so, which nobody can give.
pub const OWNER: &str = "key:";

/// What every key begins with, so that scanners of leaked secrets may know it.
const PREFIX: &str = "ps_";

/// What a key may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Look at its documents, and search them.
    pub read: bool,
    /// Hand documents over, cancel and remove them.
    pub write: bool,
    /// Do so with the documents of every key, and of none.
    pub all: bool,
    /// See the metrics.
    pub metrics: bool,
}

impl Scopes {
    pub const EVERYTHING: Self = Self { read: true, write: true, all: true, metrics: true };
}

impl FromStr for Scopes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut scopes = Self::default();
        for scope in text.split(',') {
            match scope.trim() {
                "read" => scopes.read = true,
                "write" => scopes.write = true,
                "all" => scopes.all = true,
                "metrics" => scopes.metrics = true,
                other => {
                    return Err(format!("`{other}` is nothing that a key may do; there are read, write, all, metrics"));
                }
            }
        }
        Ok(scopes)
    }
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    pub scopes: Scopes,
    hash: Digest,
}

impl Key {
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let (Some(name), Some(scopes), Some(hash), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("a line has a name, what the key may do, and its SHA-256".to_owned());
        };
        owner(name)?;
        Ok(Self { name: name.to_owned(), scopes: scopes.parse()?, hash: hash.parse()? })
    }

    /// What its documents are filed under.
    pub fn owner(&self) -> Option<Tag> {
        owner(&self.name).ok()
    }
}

fn owner(name: &str) -> Result<Tag, String> {
    format!("{OWNER}{name}").parse().map_err(|_| {
        format!("`{}` is no name of a key: up to 60 letters, digits and -_.:/+", pagestream_documents::harmless(name))
    })
}

/// A new key and its line in the file. The key is shown once and kept nowhere.
///
/// # Errors
/// Where the name or what it may do makes no sense, or the system has no randomness.
pub fn new_key(name: &str, scopes: &str) -> Result<(String, String), String> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|error| format!("the system has no randomness: {error}"))?;
    let mut key = PREFIX.to_owned();
    for byte in random {
        // Writing into a String cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    let line = format!("{name} {scopes} {}", Digest::of(key.as_bytes()));
    Key::parse(&line)?;
    Ok((key, line))
}

/// The keys of a file, as the file is now.
pub struct Keys {
    file: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    changed: Option<SystemTime>,
    length: u64,
    keys: Arc<[Key]>,
}

impl Keys {
    /// # Errors
    /// One sentence that names the file, and the line at fault.
    pub fn open(file: &Path) -> Result<Self, String> {
        let known = Known::read(file)?;
        if known.keys.is_empty() {
            return Err(format!("{}: there is no key in it", file.display()));
        }
        Ok(Self { file: file.to_owned(), known: Mutex::new(known) })
    }

    /// Whose key it is. The whole list is gone through, whichever of them it is.
    pub fn find(&self, key: &str) -> Option<Key> {
        let (keys, hash) = (self.now(), Digest::of(key.as_bytes()));
        let mut found = None;
        for key in &*keys {
            if is_same(&key.hash, &hash) {
                found = Some(key);
            }
        }
        found.cloned()
    }

    fn now(&self) -> Arc<[Key]> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = stamp(&self.file).is_ok_and(|stamp| stamp != (known.changed, known.length));
        if changed {
            match Known::read(&self.file) {
                Ok(new) => *known = new,
                Err(error) => tracing::error!(error, "the keys stay as they were"),
            }
        }
        known.keys.clone()
    }
}

fn stamp(file: &Path) -> io::Result<(Option<SystemTime>, u64)> {
    let metadata = fs::metadata(file)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

impl Known {
    fn read(file: &Path) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: the keys cannot be read: {error}", file.display());
        // Looked at before it is read, so that what changes meanwhile is read again.
        let (changed, length) = stamp(file).map_err(failed)?;
        let text = fs::read_to_string(file).map_err(failed)?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let keys = lines.map(|(number, line)| {
            Key::parse(line).map_err(|error| format!("{}: line {}: {error}", file.display(), number + 1))
        });
        Ok(Self { changed, length, keys: keys.collect::<Result<_, _>>()? })
    }
}

/// Compares without stopping at the first difference, so that the time that it takes tells nothing.
fn is_same(a: &Digest, b: &Digest) -> bool {
    let different = a.0.iter().zip(&b.0).fold(0, |different, (a, b)| hint::black_box(different | (a ^ b)));
    different == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash_and_the_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        let (key, line) = new_key("ann", "read,write").unwrap();
        fs::write(&file, format!("# keys\n\n{line}\n")).unwrap();
        let keys = Keys::open(&file).unwrap();
        assert!(!line.contains(&key[PREFIX.len()..]), "the key itself is not in the file");
        let found = keys.find(&key).unwrap();
        assert_eq!((found.name.as_str(), found.scopes.write, found.scopes.all), ("ann", true, false));
        assert_eq!(found.owner().unwrap().as_str(), "key:ann");
        assert!(keys.find(&key[1..]).is_none() && keys.find("").is_none());
        let (other, line) = new_key("bob", "read").unwrap();
        fs::write(&file, line).unwrap();
        assert!(keys.find(&other).is_some() && keys.find(&key).is_none());
        // What makes no sense changes nothing.
        fs::write(&file, "bob").unwrap();
        assert!(keys.find(&other).is_some());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        let hash = Digest::of(b"");
        for (text, said) in [
            ("", "no key in it"),
            ("a read", "line 1: a line has a name"),
            (&format!("a read {hash}\nb fly {hash}"), "line 2: `fly` is nothing"),
            (&format!("-a read {hash}\nb' read {hash}"), "line 2: `b'` is no name"),
            ("a read 12", "is not a SHA-256"),
        ] {
            fs::write(&file, text).unwrap();
            let error = Keys::open(&file).err().unwrap();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(new_key("a b", "read").is_err() && new_key("a", "").is_err());
    }
}
