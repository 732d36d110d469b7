//! Passwords for encrypted documents. They are tried on the file itself before it is submitted, so that a list of them leaves no trace
//! of failed attempts in the data directory. They are never written down.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use pagestream_documents::{DocumentData, ErrorKind, OpenOptions};

/// A piece of a file that is looked through at once.
const PIECE: usize = 256 << 10;

/// What an encrypted PDF's trailer has, whether it stands by itself or in a stream (PDF 32000-1, 7.5.5 and 7.6.1).
const SIGN: &[u8] = b"/Encrypt";

#[derive(Clone, Default)]
pub struct Passwords(Vec<String>);

impl Passwords {
    /// One that was given, and those of a file, one a line.
    ///
    /// # Errors
    /// Where the file cannot be read; the error names it.
    pub fn read(given: Option<&str>, file: Option<&Path>) -> io::Result<Self> {
        let mut passwords: Vec<String> = given.map(str::to_owned).into_iter().collect();
        if let Some(path) = file {
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("the password file {} cannot be read: {error}", path.display()))
            };
            let text = fs::read_to_string(path).map_err(named)?;
            passwords.extend(
                text.lines().map(|line| line.trim_end_matches('\r').to_owned()).filter(|line| !line.is_empty()),
            );
            warn_if_open(path);
        }
        Ok(Self(passwords))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first that opens the file; `None` where none does, or none is needed. Blocks, and holds the file in memory if it is encrypted.
    pub fn fitting(&self, path: &Path) -> Option<String> {
        if self.0.is_empty() || !says_encrypted(path).unwrap_or(false) {
            return None;
        }
        let bytes: DocumentData = Arc::new(fs::read(path).ok()?);
        self.opening(&bytes)
    }

    /// The first that opens the document; `None` where none does, or none is needed.
    pub fn opening(&self, data: &DocumentData) -> Option<String> {
        let opens = |password: Option<String>| {
            let options = OpenOptions { password, ..OpenOptions::default() };
            !matches!(pagestream_documents::open(data.clone(), &options), Err(error) if error.kind == ErrorKind::Encrypted)
        };
        if self.0.is_empty() || opens(None) {
            return None;
        }
        self.0.iter().find(|password| opens(Some((*password).clone()))).cloned()
    }
}

fn says_encrypted(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut window = Vec::new();
    loop {
        let kept = window.len().min(SIGN.len() - 1);
        window.drain(..window.len() - kept);
        if (&mut file).take(PIECE as u64).read_to_end(&mut window)? == 0 {
            return Ok(false);
        }
        if window.windows(SIGN.len()).any(|bytes| bytes == SIGN) {
            return Ok(true);
        }
    }
}

fn warn_if_open(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
            tracing::warn!(path = %path.display(), "others may read the passwords in this file");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_found_wherever_pieces_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pdf");
        for at in [0, PIECE - 4, PIECE, 3 * PIECE - 1] {
            let mut bytes = vec![b'x'; 4 * PIECE];
            bytes[at..at + SIGN.len()].copy_from_slice(SIGN);
            fs::write(&path, &bytes).unwrap();
            assert!(says_encrypted(&path).unwrap(), "{at}");
        }
        fs::write(&path, vec![b'x'; 4 * PIECE]).unwrap();
        assert!(!says_encrypted(&path).unwrap());
    }

    #[test]
    fn passwords_are_lines_and_spaces_belong_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwords");
        fs::write(&path, "one\r\n\n two \n#3\n").unwrap();
        assert_eq!(Passwords::read(Some("zero"), Some(&path)).unwrap().0, ["zero", "one", " two ", "#3"]);
        let error = Passwords::read(None, Some(&folder.path().join("none"))).err().unwrap();
        assert!(error.to_string().contains("none cannot be read"), "{error}");
    }
}
