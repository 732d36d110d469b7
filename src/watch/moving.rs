//! Moving files so that nothing is ever overwritten and nothing is ever in no place.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::paths;

/// Names that are tried for a file whose own is taken.
const NAMES: u32 = 10_000;

/// What a move came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Moved {
    Done,
    /// There is something under that name.
    Taken,
}

/// Moves a file to where nothing is, also to another file system.
///
/// # Errors
/// Where it cannot be moved; it is where it was then.
pub fn rename_to(from: &Path, to: &Path) -> io::Result<Moved> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match rename_noreplace(from, to) {
        Ok(()) => Ok(Moved::Done),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match is_same(from, to) {
            // A move that was interrupted between its two steps.
            true => fs::remove_file(from).map(|()| Moved::Done),
            false => Ok(Moved::Taken),
        },
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(from, to),
        Err(error) => Err(error),
    }
}

/// As [`rename_to`], under the first of `NAME`, `NAME-2` … that is free. Where it is then.
///
/// # Errors
/// As [`rename_to`].
pub fn rename_beside(from: &Path, to: &Path) -> io::Result<PathBuf> {
    for n in 1..NAMES {
        let to = nth(to, n);
        if rename_to(from, &to)? == Moved::Done {
            return Ok(to);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The `n`th name for a file: its own first.
pub fn nth(path: &Path, n: u32) -> PathBuf {
    match path.file_name() {
        Some(name) if n > 1 => path.with_file_name(paths::numbered(name, n)),
        _ => path.to_owned(),
    }
}

/// Moves a file within a file system, not over anything.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where there is something.
#[cfg(target_os = "linux")]
pub fn rename_noreplace(from: &Path, to: &Path) -> io::Result<()> {
    use std::{ffi::CString, os::unix::ffi::OsStrExt as _};
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput);
    let (old, new) = (text(from)?, text(to)?);
    let (here, flags) = (libc::AT_FDCWD, libc::RENAME_NOREPLACE);
    // SAFETY: both paths are valid and end in zero; the call keeps neither.
    let done = unsafe { libc::syscall(libc::SYS_renameat2, here, old.as_ptr(), here, new.as_ptr(), flags) };
    if done == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Older kernels, and file systems that do not know it (NFS).
        Some(libc::EINVAL | libc::ENOSYS | libc::ENOTSUP) => link_and_unlink(from, to),
        _ => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn rename_noreplace(from: &Path, to: &Path) -> io::Result<()> {
    link_and_unlink(from, to)
}

/// Where links cannot be made either (FAT, some shares) it is looked first and moved then.
fn link_and_unlink(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::CrossesDevices) => {
            Err(error)
        }
        Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Whether both are one file, or have the same bytes.
fn is_same(from: &Path, to: &Path) -> bool {
    let (Ok(a), Ok(b)) = (from.symlink_metadata(), to.symlink_metadata()) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (a, b);
        false
    }
}

/// To another file system: a copy that gets its name when it is whole, and then the original goes. A crash between the two leaves
/// both; the next attempt finds the copy by its bytes.
fn copy(from: &Path, to: &Path) -> io::Result<Moved> {
    if to.symlink_metadata().is_ok() {
        return match have_the_same_bytes(from, to)? {
            true => fs::remove_file(from).map(|()| Moved::Done),
            false => Ok(Moved::Taken),
        };
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    // Under the claim's own name: made again after a crash, it leaves nothing behind.
    let mut name = std::ffi::OsString::from(".pagestream-copy-");
    name.push(from.file_name().unwrap_or_default());
    let temporary = folder.join(name);
    let mut original = File::open(from)?;
    let mut copied = File::create(&temporary)?;
    let found = original.metadata()?;
    let written = io::copy(&mut original, &mut copied).and_then(|_| {
        let _ = copied.set_permissions(found.permissions());
        let _ = found.modified().and_then(|modified| copied.set_modified(modified));
        copied.sync_all()?;
        rename_noreplace(&temporary, to)
    });
    match written {
        Ok(()) => fs::remove_file(from).map(|()| Moved::Done),
        Err(error) => {
            let _ = fs::remove_file(&temporary);
            if error.kind() == io::ErrorKind::AlreadyExists { Ok(Moved::Taken) } else { Err(error) }
        }
    }
}

fn have_the_same_bytes(a: &Path, b: &Path) -> io::Result<bool> {
    use io::Read as _;
    if fs::metadata(a)?.len() != fs::metadata(b)?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        let read = (&mut a).take(64 << 10).read_to_end(&mut left)?;
        (&mut b).take(64 << 10).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_and_names_are_counted_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for round in ["1", "2", "3"] {
            fs::write(path("new"), round).unwrap();
            rename_beside(&path("new"), &path("old/a.pdf")).unwrap();
        }
        let content = |name: &str| fs::read_to_string(path(name)).unwrap();
        assert_eq!(["old/a.pdf", "old/a-2.pdf", "old/a-3.pdf"].map(content), ["1", "2", "3"]);
        assert!(!path("new").exists());
    }

    #[test]
    fn every_way_to_move_keeps_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (way, name) in [(rename_noreplace as fn(&Path, &Path) -> _, "a"), (link_and_unlink, "b")] {
            fs::write(path("from"), "1").unwrap();
            way(&path("from"), &path(name)).unwrap();
            fs::write(path("from"), "2").unwrap();
            assert_eq!(way(&path("from"), &path(name)).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!((fs::read_to_string(path(name)).unwrap().as_str(), path("from").exists()), ("1", true));
        }
        fs::write(path("from"), "2").unwrap();
        assert_eq!(copy(&path("from"), &path("c")).unwrap(), Moved::Done);
        assert!(!path("from").exists() && path("c").exists());
        fs::write(path("from"), "3").unwrap();
        assert_eq!(copy(&path("from"), &path("c")).unwrap(), Moved::Taken);
    }

    #[test]
    fn an_interrupted_move_is_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::write(&from, "1").unwrap();
        fs::hard_link(&from, &to).unwrap();
        assert_eq!(rename_to(&from, &to).unwrap(), Moved::Done);
        assert!(!from.exists() && to.exists());
    }
}
