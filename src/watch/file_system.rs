//! Whether a file system tells of its changes. What is changed over the network, on another machine, no kernel tells of.

use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// All changes are made on this machine, and told.
    Local,
    /// Others change it, too: they are not told.
    Network(&'static str),
    /// Nobody knows.
    Doubtful,
}

/// What lies under a folder.
pub fn of(folder: &Path) -> FileSystem {
    system::of(folder).unwrap_or(FileSystem::Doubtful)
}

/// What the system says of the file system; `None` where it says nothing.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn statfs(folder: &Path) -> Option<libc::statfs> {
    use std::{ffi::CString, mem::MaybeUninit, os::unix::ffi::OsStrExt as _};

    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut found = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path ends in zero, and the call fills the structure where it returns 0.
    unsafe { if libc::statfs(path.as_ptr(), found.as_mut_ptr()) == 0 { Some(found.assume_init()) } else { None } }
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;

    use super::FileSystem;

    /// From `linux/magic.h` and statfs(2).
    const NETWORK: [(i64, &str); 14] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xfe53_4d42, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0x00c3_6400, "Ceph"),
        (0x0102_1997, "9P"),
        (0x5346_414f, "AFS"),
        (0x6b41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x0116_1970, "GFS2"),
        (0x7461_636f, "OCFS2"),
        (0x0bd0_0bd0, "Lustre"),
        (0x786f_4256, "a VirtualBox shared folder"),
        (0xbacb_acbc, "a VMware shared folder"),
    ];
    /// ext2 to ext4, btrfs, XFS, tmpfs, ZFS, F2FS, JFS, ReiserFS, ramfs, bcachefs, NILFS, exFAT, FAT, NTFS, HFS+.
    const LOCAL: [i64; 15] = [
        0xef53,
        0x9123_683e,
        0x5846_5342,
        0x0102_1994,
        0x2fc1_2fc1,
        0xf2f5_2010,
        0x3153_464a,
        0x5265_4973,
        0x8584_58f6,
        0xca45_1a4e,
        0x3434,
        0x2011_bab0,
        0x4d44,
        0x5346_544e,
        0x482b,
    ];

    pub fn of(folder: &Path) -> Option<FileSystem> {
        let found = super::statfs(folder)?;
        // 32 bits whose sign differs between machines.
        #[allow(clippy::unnecessary_cast, reason = "its type is another on other machines")]
        let magic = found.f_type as i64 & 0xffff_ffff;
        Some(match NETWORK.iter().find(|(network, _)| *network == magic) {
            Some((_, name)) => FileSystem::Network(name),
            None if LOCAL.contains(&magic) => FileSystem::Local,
            None => FileSystem::Doubtful,
        })
    }
}

#[cfg(target_os = "macos")]
mod system {
    use std::path::Path;

    use super::FileSystem;

    pub fn of(folder: &Path) -> Option<FileSystem> {
        let found = super::statfs(folder)?;
        let is_local = found.f_flags & libc::MNT_LOCAL as u32 != 0;
        Some(if is_local { FileSystem::Local } else { FileSystem::Network("a network share") })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    use std::path::Path;

    use super::FileSystem;

    pub fn of(_: &Path) -> Option<FileSystem> {
        None
    }
}
