//! What becomes of the files that were claimed, line by line, in the folder that they lie in. Whoever finds that folder after its owner
//! has died knows from it what each file was called and how far it had come.
//!
//! A claim is written, and synced to the disk, before the file is moved: a file in the folder always has its line. The other lines save
//! work and lose nothing when they are missing; a line that a crash has cut off is passed over.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use pagestream_documents::DocumentId;
use serde::{Deserialize, Serialize};

use super::{faults::Failure, paths};

pub const FILE_NAME: &str = "journal.jsonl";

/// Lines of files that have ended, beyond which the journal is written anew.
const WORTH_REWRITING: usize = 4_096;

/// Where a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    Archive,
    Failed,
    Deleted,
    Left,
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub document: Option<DocumentId>,
    pub pages: u32,
    pub pages_failed: u32,
    pub failure: Option<Failure>,
}

/// That results are there, and where the file goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub place: Place,
    /// Absolute; empty where it goes nowhere.
    #[serde(with = "paths")]
    pub to: PathBuf,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Entry {
    Claimed {
        claim: String,
        /// Below the watched folder.
        #[serde(with = "paths")]
        path: PathBuf,
        at_ms: u64,
        /// What the link leads to that was claimed; empty for a file.
        #[serde(with = "paths")]
        target: PathBuf,
        /// The `.reason.json` beside which the file waited; empty for one that is new.
        #[serde(with = "paths")]
        waited_at: PathBuf,
    },
    Submitted {
        claim: String,
        document: DocumentId,
    },
    Ending {
        claim: String,
        ending: Ending,
    },
    Ended {
        claim: String,
    },
}

/// How far a file has come that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub path: PathBuf,
    pub at_ms: u64,
    pub target: PathBuf,
    pub waited_at: PathBuf,
    pub document: Option<DocumentId>,
    pub ending: Option<Ending>,
}

pub struct Journal {
    path: PathBuf,
    file: File,
    /// By claim.
    open: BTreeMap<String, Progress>,
    lines: usize,
    /// The last line may have been cut off.
    torn: bool,
}

impl Journal {
    /// Reads what is there, and writes it anew without what has ended.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE_NAME);
        let open = read(&path)?;
        let file = rewrite(&path, &open)?;
        Ok(Self { path, file, lines: open.len(), open, torn: false })
    }

    /// The files that have not ended.
    pub fn progress(&self) -> &BTreeMap<String, Progress> {
        &self.open
    }

    /// Adds lines in one write. `synced`: they are on the disk when this returns.
    pub fn add(&mut self, entries: &[Entry], synced: bool) -> io::Result<()> {
        let mut text = Vec::new();
        if self.torn {
            text.push(b'\n');
        }
        for entry in entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        self.torn = true;
        self.file.write_all(&text)?;
        if synced {
            self.file.sync_data()?;
        }
        self.torn = false;
        self.lines += entries.len();
        entries.iter().for_each(|entry| apply(&mut self.open, entry.clone()));
        if self.lines > WORTH_REWRITING + 8 * self.open.len() {
            self.file = rewrite(&self.path, &self.open)?;
            self.lines = self.open.len();
        }
        Ok(())
    }
}

/// The files that had not ended, of a journal that nobody writes to.
pub fn read(path: &Path) -> io::Result<BTreeMap<String, Progress>> {
    let mut open = BTreeMap::new();
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(open),
        text => text?,
    };
    for line in text.split(|&byte| byte == b'\n') {
        if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
            apply(&mut open, entry);
        }
    }
    Ok(open)
}

fn apply(open: &mut BTreeMap<String, Progress>, entry: Entry) {
    match entry {
        // Others may write into a shared folder: neither a path nor a name leads out of where it belongs.
        Entry::Claimed { claim, path, at_ms, target, waited_at } => {
            if paths::leads_downwards(&path) && is_name(&claim) {
                let progress = Progress { path, at_ms, target, waited_at, document: None, ending: None };
                open.insert(claim, progress);
            }
        }
        Entry::Submitted { claim, document } => {
            open.entry(claim).and_modify(|progress| progress.document = Some(document));
        }
        Entry::Ending { claim, ending } => {
            open.entry(claim).and_modify(|progress| progress.ending = Some(ending));
        }
        Entry::Ended { claim } => drop(open.remove(&claim)),
    }
}

/// Whether it can be the name of a claim: one part of a path, of the signs that identities have.
pub fn is_name(claim: &str) -> bool {
    (8..=64).contains(&claim.len()) && claim.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn rewrite(path: &Path, open: &BTreeMap<String, Progress>) -> io::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // The folder is its owner's alone, so that the name is nobody else's.
    let temporary = folder.join(".journal-new");
    let mut file = File::create(&temporary)?;
    let mut text = Vec::new();
    for (claim, progress) in open {
        for entry in entries(claim, progress) {
            serde_json::to_writer(&mut text, &entry)?;
            text.push(b'\n');
        }
    }
    file.write_all(&text)?;
    file.sync_data()?;
    std::fs::rename(temporary, path)?;
    OpenOptions::new().append(true).open(path)
}

/// The lines that say how far a file has come.
pub fn entries(claim: &str, progress: &Progress) -> Vec<Entry> {
    let Progress { path, at_ms, target, waited_at, document, ending } = progress.clone();
    let claim = claim.to_owned();
    let claimed = Entry::Claimed { claim: claim.clone(), path, at_ms, target, waited_at };
    let submitted = document.map(|document| Entry::Submitted { claim: claim.clone(), document });
    [Some(claimed), submitted, ending.map(|ending| Entry::Ending { claim, ending })].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(claim: &str, path: &str) -> Entry {
        let (claim, path) = (claim.to_owned(), PathBuf::from(path));
        Entry::Claimed { claim, path, at_ms: 7, target: PathBuf::new(), waited_at: PathBuf::new() }
    }

    #[test]
    fn what_had_not_ended_is_found_again_whatever_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let document = DocumentId::new();
        let mut journal = Journal::open(folder.path()).unwrap();
        journal.add(&[claimed("claim-aa", "a.pdf"), claimed("claim-bb", "b/c.pdf")], true).unwrap();
        journal.add(&[Entry::Submitted { claim: "claim-bb".to_owned(), document }], false).unwrap();
        journal.add(&[Entry::Ended { claim: "claim-aa".to_owned() }], false).unwrap();
        let path = folder.path().join(FILE_NAME);
        let cut_off = [std::fs::read(&path).unwrap(), b"{\"what\":\"ended\",\"claim\":\"cl".to_vec()].concat();
        std::fs::write(&path, cut_off).unwrap();
        for _ in 0..2 {
            let mut journal = Journal::open(folder.path()).unwrap();
            let [(claim, progress)] = &journal.open.iter().collect::<Vec<_>>()[..] else {
                panic!("{:?}", journal.open)
            };
            assert_eq!((claim.as_str(), &progress.path), ("claim-bb", &PathBuf::from("b/c.pdf")));
            assert_eq!(progress.document, Some(document));
            journal.torn = true;
            journal.add(&[], false).unwrap();
        }
    }

    #[test]
    fn nothing_in_a_journal_leads_out_of_the_folder() {
        let mut open = BTreeMap::new();
        apply(&mut open, claimed("claim-aa", "../../etc/passwd"));
        apply(&mut open, claimed("../../../a", "a.pdf"));
        apply(&mut open, claimed("claim-aa", "/a.pdf"));
        assert!(open.is_empty());
    }

    #[test]
    fn it_stays_short_however_many_files_come() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap();
        for n in 0..6_000 {
            let claim = format!("claim-{n:08}");
            journal.add(&[claimed(&claim, "a.pdf"), Entry::Ended { claim: claim.clone() }], false).unwrap();
        }
        assert!(journal.lines <= WORTH_REWRITING);
        let lines = std::fs::read_to_string(folder.path().join(FILE_NAME)).unwrap().lines().count();
        assert_eq!(lines, journal.lines);
    }
}
