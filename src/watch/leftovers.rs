//! Names that are never taken for documents: what is hidden, what another program is still writing, and what sync tools, editors
//! and systems leave about. One list, with the reason of each.

use std::{ffi::OsStr, path::Path};

/// How a name is told.
enum Mark {
    Begins(&'static str),
    Ends(&'static str),
    Has(&'static str),
    Is(&'static str),
}
use Mark::{Begins, Ends, Has, Is};

/// In small letters; names are compared so.
const LEFTOVERS: &[(Mark, &str)] = &[
    (Begins("~$"), "an Office program's note that the file is open"),
    (Begins("~syncthing~"), "Syncthing has not finished it"),
    (Begins("~wrl"), "Word's temporary file"),
    (Begins("~rf"), "a temporary file of Windows"),
    (Begins(".~lock."), "LibreOffice's note that the file is open"),
    (Ends(".part"), "a download or copy that has not finished"),
    (Ends(".partial"), "a download or copy that has not finished"),
    (Ends(".filepart"), "WinSCP has not finished it"),
    (Ends(".crdownload"), "a download of Chrome that has not finished"),
    (Ends(".download"), "a download of Safari that has not finished"),
    (Ends(".opdownload"), "a download of Opera that has not finished"),
    (Ends(".aria2"), "aria2's note of what is missing"),
    (Ends(".!ut"), "a download that has not finished"),
    (Ends(".!qb"), "a download that has not finished"),
    (Ends(".bc!"), "a download that has not finished"),
    (Ends(".uploading"), "an upload that has not finished"),
    (Ends(".incomplete"), "somebody says that it is incomplete"),
    (Ends(".tmp"), "a temporary file"),
    (Ends(".temp"), "a temporary file"),
    (Ends(".swp"), "an editor's temporary file"),
    (Ends(".lock"), "a lock"),
    (Ends(".lck"), "a lock"),
    (Ends("~"), "an editor's backup"),
    (Ends(".bak"), "a backup"),
    (Ends(".nextcloudsync.log"), "a sync tool's log"),
    (Ends(".owncloudsync.log"), "a sync tool's log"),
    (Ends(".icloud"), "iCloud has not fetched it"),
    (Has(".sb-"), "a safe save of macOS that has not finished"),
    (Is("thumbs.db"), "a folder's thumbnails"),
    (Is("desktop.ini"), "how Windows shows the folder"),
    (Is("icon\r"), "how macOS shows the folder"),
];

/// Folders whose contents are nobody's documents.
const FOLDERS: &[(&str, &str)] = &[
    ("$recycle.bin", "a bin"),
    ("#recycle", "a bin"),
    ("@recycle", "a bin"),
    ("@recently-snapshot", "snapshots of a NAS"),
    ("#snapshot", "snapshots of a NAS"),
    ("@eadir", "thumbnails of a NAS"),
    ("system volume information", "what Windows knows of the disk"),
    ("lost+found", "what a check of the disk has found"),
    ("__macosx", "what macOS adds to archives"),
];

/// Why a file or folder of this name is left alone; `None` where it is not. The data that syncs keep beside the files (`.stfolder`,
/// `.dropbox.cache`, rsync's `.NAME.Xy12ab`, `.nfs0123`, `._NAME`) is hidden, and told as that.
pub fn why_left(name: &OsStr, is_folder: bool) -> Option<&'static str> {
    let name = name.to_string_lossy().to_lowercase();
    if is_folder && let Some((_, why)) = FOLDERS.iter().find(|(folder, _)| *folder == name) {
        return Some(why);
    }
    let applies = |mark: &Mark| match mark {
        Begins(with) => name.starts_with(with),
        Ends(with) => name.ends_with(with) && name.len() > with.len(),
        Has(within) => name.contains(within),
        Is(whole) => name == *whole,
    };
    if !is_folder && let Some((_, why)) = LEFTOVERS.iter().find(|(mark, _)| applies(mark)) {
        return Some(why);
    }
    name.starts_with('.').then_some("hidden")
}

/// Whether another program notes beside the file that it is not finished: aria2 does under the file's own name.
pub fn is_noted_as_unfinished(path: &Path) -> bool {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".aria2");
    Path::new(&beside).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_told_and_documents_are_not() {
        for name in [
            "scan.pdf.part",
            "scan.pdf.crdownload",
            "~$letter.docx",
            ".~lock.letter.odt#",
            ".syncthing.scan.pdf.tmp",
            "~syncthing~scan.pdf.tmp",
            "scan.pdf~",
            ".scan.pdf.Xy12ab",
            ".nfs00000001",
            "._scan.pdf",
            "scan.pdf.sb-1a2b3c4d-Xyz",
            "Thumbs.db",
            "scan.pdf.aria2",
            ".hidden.pdf",
            "UPPER.PDF.TMP",
        ] {
            assert!(why_left(OsStr::new(name), false).is_some(), "{name}");
        }
        for name in
            ["scan.pdf", "a part.pdf", "~scan.pdf", "temp.pdf", "tmp", "scan.sync-conflict-20261128-1.pdf", "$1.pdf"]
        {
            assert_eq!(why_left(OsStr::new(name), false), None, "{name}");
        }
        assert!(["@eaDir", "$RECYCLE.BIN", ".stfolder"].iter().all(|name| why_left(OsStr::new(name), true).is_some()));
        assert_eq!(why_left(OsStr::new("backup~"), true), None, "what marks a file says nothing of a folder");
    }
}
