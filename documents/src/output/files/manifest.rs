//! What pagestream has written into a folder: `.pagestream-outputs.jsonl`, one line a file, the latest line counts.
//!
//! It is how a later run knows which files are its own to replace, and which name a document has. A file counts as ours
//! as long as it is what was written: one that somebody has corrected by hand is theirs. The line is written before the
//! file gets its name, so that a crash between the two leaves no file of ours that we do not know; a line that a crash
//! has cut off is passed over.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Component, Path},
};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::ids::Digest;

pub(super) const NAME: &str = ".pagestream-outputs.jsonl";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Path below the folder, with `/`.
    pub(super) name: String,
    /// The document's name there, without page and ending.
    pub(super) stem: String,
    /// Where the document comes from: [`super::Expected::origin`].
    pub(super) origin: String,
    /// SHA-256 of the document.
    pub(super) sha256: Digest,
    /// SHA-256 of the file.
    pub(super) written: Digest,
}

pub(super) struct Manifest {
    file: File,
    /// By name, the latest; and every digest that the file of this name may have, because one of two may have been
    /// written when a run was killed.
    entries: HashMap<String, (Entry, Vec<Digest>)>,
    stems: HashMap<String, String>,
    /// A line was begun and not ended: the disk was full.
    is_torn: bool,
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// There is none.
    Nobody,
    /// Written here, for the document in question, and as it was written.
    Ours,
    /// Written here for another document.
    AnotherDocument,
    /// Not written here, or changed since.
    SomebodyElse,
}

impl Manifest {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(folder.join(NAME))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut manifest = Self { file, entries: HashMap::new(), stems: HashMap::new(), is_torn: false };
        // Line by line: one that is no entry costs what it says, and nothing else.
        for line in bytes.split(|&byte| byte == b'\n') {
            match serde_json::from_slice::<Entry>(line) {
                // A folder that came from elsewhere must not lead us out of it.
                Ok(entry) if stays_inside(&entry.name) && stays_inside(&entry.stem) => manifest.keep(entry),
                Ok(_) | Err(_) => {}
            }
        }
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            manifest.file.write_all(b"\n")?;
        }
        Ok(manifest)
    }

    fn keep(&mut self, entry: Entry) {
        self.stems.insert(entry.origin.clone(), entry.stem.clone());
        let known = self.entries.entry(entry.name.clone()).or_insert_with(|| (entry.clone(), Vec::new()));
        known.1.retain(|digest| *digest != entry.written);
        known.1.push(entry.written);
        known.0 = entry;
    }

    /// Stems by the documents' origins.
    pub(super) fn stems(&self) -> &HashMap<String, String> {
        &self.stems
    }

    pub(super) fn remember(&mut self, origin: &str, stem: &str) {
        self.stems.insert(origin.to_owned(), stem.to_owned());
    }

    /// Whose the file `path` is, which stands under `name`. It is read, where it may be ours.
    pub(super) fn owner(&self, name: &str, path: &Path, origin: &str) -> io::Result<Owner> {
        let found = match std::fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Owner::Nobody),
            Err(error) => return Err(error),
        };
        let Some((entry, digests)) = self.entries.get(name).filter(|_| found.is_file()) else {
            return Ok(Owner::SomebodyElse);
        };
        if !digests.contains(&digest_of(File::open(path)?)?) {
            return Ok(Owner::SomebodyElse);
        }
        Ok(if entry.origin == origin { Owner::Ours } else { Owner::AnotherDocument })
    }

    /// Writes the line of a file that is about to get its name. The same line twice is written once.
    pub(super) fn note(&mut self, entry: Entry) -> io::Result<()> {
        if self.entries.get(&entry.name).is_some_and(|(known, _)| *known == entry) {
            return Ok(());
        }
        // What was torn is ended before, so that it costs no line but its own.
        let mut line = if self.is_torn { b"\n".to_vec() } else { Vec::new() };
        serde_json::to_writer(&mut line, &entry)?;
        line.push(b'\n');
        self.is_torn = true;
        // In one write: two processes that write into the folder do not mix their lines.
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.is_torn = false;
        self.keep(entry);
        Ok(())
    }

    /// Runs `work` while no other process is in it, where the file system can see to that.
    pub(super) fn alone<T>(&self, work: impl FnOnce() -> T) -> T {
        let locked = self.file.lock().is_ok();
        let result = work();
        if locked {
            let _ = self.file.unlock();
        }
        result
    }
}

fn stays_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// SHA-256 of all that is left to read.
pub(super) fn digest_of(mut file: File) -> io::Result<Digest> {
    let (mut hasher, mut buffer) = (sha2::Sha256::new(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest(hasher.finalize().into())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, origin: &str, content: &str) -> Entry {
        let stem = name.trim_end_matches(".txt").to_owned();
        let sha256 = Digest::of(origin.as_bytes());
        Entry {
            name: name.to_owned(),
            stem,
            origin: origin.to_owned(),
            sha256,
            written: Digest::of(content.as_bytes()),
        }
    }

    #[test]
    fn a_file_is_ours_as_long_as_it_is_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.txt");
        let owner = |origin: &str| Manifest::open(folder.path()).unwrap().owner("r.txt", &path, origin).unwrap();
        assert_eq!(owner("/r.pdf"), Owner::Nobody);
        std::fs::write(&path, "first").unwrap();
        assert_eq!(owner("/r.pdf"), Owner::SomebodyElse);
        let mut manifest = Manifest::open(folder.path()).unwrap();
        manifest.note(entry("r.txt", "/r.pdf", "first")).unwrap();
        manifest.note(entry("r.txt", "/r.pdf", "second")).unwrap();
        assert_eq!((owner("/r.pdf"), owner("/other.pdf")), (Owner::Ours, Owner::AnotherDocument));
        std::fs::write(&path, "second").unwrap();
        assert_eq!(owner("/r.pdf"), Owner::Ours, "the run was killed before the file had its name");
        std::fs::write(&path, "corrected").unwrap();
        assert_eq!(owner("/r.pdf"), Owner::SomebodyElse);
    }

    #[test]
    fn a_line_that_a_full_disk_has_torn_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::open(folder.path()).unwrap();
        let append = manifest.file.try_clone().unwrap();
        // What cannot be written to stands for a disk without room.
        manifest.file = File::open(folder.path().join(NAME)).unwrap();
        assert!(manifest.note(entry("a.txt", "/a.pdf", "text")).is_err());
        manifest.file = append;
        manifest.file.write_all(b"{\"name\":\"a").unwrap();
        manifest.note(entry("b.txt", "/b.pdf", "text")).unwrap();
        drop(manifest);
        let known = Manifest::open(folder.path()).unwrap();
        assert_eq!(known.stems().keys().collect::<Vec<_>>(), ["/b.pdf"]);
    }

    #[test]
    fn lines_that_were_cut_off_are_passed_over_and_nothing_is_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let read = || std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        let mut manifest = Manifest::open(folder.path()).unwrap();
        manifest.note(entry("a.txt", "/a.pdf", "x")).unwrap();
        manifest.note(entry("a.txt", "/a.pdf", "x")).unwrap();
        assert_eq!(read().lines().count(), 1);
        let leads_out = serde_json::to_string(&entry("../b.txt", "/b.pdf", "x")).unwrap();
        std::fs::write(folder.path().join(NAME), format!("{}{leads_out}\n{{\"name\":\"b.t", read())).unwrap();
        let mut manifest = Manifest::open(folder.path()).unwrap();
        manifest.note(entry("c.txt", "/c.pdf", "y")).unwrap();
        let stems = Manifest::open(folder.path()).unwrap().stems;
        assert_eq!(stems, HashMap::from([("/a.pdf", "a"), ("/c.pdf", "c")].map(|(k, v)| (k.to_owned(), v.to_owned()))));
    }
}
