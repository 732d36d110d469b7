//! Who may look: the user alone. What is kept here are other people's documents, so folders are 0700 and files 0600, whatever
//! the umask says and whoever made them before. Windows has its own rules for folders of a user, and is left to them.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

use crate::error::{Error, Result};

/// Creates the folder, or takes one that is there. A folder that holds nothing but what `is_ours` says is closed to others; one
/// that holds other things is somebody's working folder, and is left as it is: the files in it are private all the same.
pub fn open_folder(dir: &Path, is_ours: impl Fn(&OsStr) -> bool) -> Result<()> {
    if !dir.is_dir() {
        return create_folder(dir);
    }
    let mut entries = fs::read_dir(dir).map_err(Error::io("listing", dir))?;
    match entries.all(|entry| entry.is_ok_and(|entry| is_ours(&entry.file_name()))) {
        true => close(dir),
        false if is_open(dir) => tracing::warn!(
            dir = %dir.display(),
            "the data directory holds other files too, so others may still list it; what pagestream keeps in it only you can read"
        ),
        false => {}
    }
    Ok(())
}

/// Creates a folder, and those above it, for the user alone; closes one that is there.
pub fn create_folder(dir: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(Error::io("creating", dir))?;
    close(dir);
    Ok(())
}

/// Opens a file to read and write, creating it for the user alone; closes one that is there.
pub fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    close(path);
    Ok(file)
}

/// Makes an empty file for the user alone where there is none, and closes one that is there. That one is not opened: to close a
/// database's file again would end the locks that this process holds on it.
pub fn ensure_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => close(path),
    }
    Ok(())
}

/// Takes away what the group and others may do with a file or folder, if it is there. Where that is refused (it is another user's)
/// it is said, and nothing else: that user has made it so.
pub fn close(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let Ok(found) = fs::metadata(path) else { return };
        let own = if found.is_dir() { 0o700 } else { found.permissions().mode() & 0o700 | 0o600 };
        if found.permissions().mode() & 0o777 != own
            && let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(own))
        {
            tracing::warn!(path = %path.display(), %error, "others may be able to read this");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}
