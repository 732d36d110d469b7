//! Claims: a file is taken by moving it into a work folder on the same file system, under a short name of its own. Whoever's move
//! succeeds has it; so two daemons on one folder never read a file twice.
//!
//! The work folder is `.pagestream/work/OWNER` in the watched folder. OWNER belongs to a data directory and holds a lock; what the
//! dead have left is taken over, by themselves when they start again or by another daemon. Where files are left in place there
//! is nothing to move: the folder of claims lies in the data directory then, and a claim is a line in its journal.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use pagestream_documents::DocumentId;

use super::{
    journal::{self, Ending, Entry, Journal, Progress},
    lock::{self, Held},
    readiness::Stamp,
};

/// In the watched folder: hidden, and never looked into for documents.
pub const HIDDEN: &str = ".pagestream";
const WORK: &str = "work";
const LOCK: &str = "lock";

/// A file that is ours.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: String,
    /// Below the watched folder, where it was found.
    pub path: PathBuf,
    /// Where its bytes are now.
    pub file: PathBuf,
    /// What is moved when it ends: the same, or a link to it.
    pub moved: PathBuf,
    pub at_ms: u64,
    pub document: Option<DocumentId>,
    pub ending: Option<Ending>,
}

/// A file that is to be claimed.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Below the watched folder: what it is called from now on.
    pub path: PathBuf,
    /// Where it lies, absolute.
    pub from: PathBuf,
    /// As it was found ready; one that has changed since is not taken.
    pub stamp: Stamp,
    /// What the link leads to; empty for a file.
    pub target: PathBuf,
    /// The `.reason.json` beside which it waits in `failed`; empty for one that is new.
    pub waited_at: PathBuf,
}

/// Why a file was not claimed.
#[derive(Debug)]
pub enum Refusal {
    /// Another daemon, or its owner, was quicker.
    Gone,
    /// It is not as it was found any more.
    Changed,
    Io(io::Error),
}

pub struct Desk {
    /// The watched folder.
    root: PathBuf,
    dir: PathBuf,
    owner: String,
    /// Whether files are moved; else they stay where they are.
    moves: bool,
    open: Mutex<Open>,
}

struct Open {
    lock: Held,
    journal: Journal,
}

impl Desk {
    /// Begins in `root`. `state` is where claims are noted when files are left in place (`moves` is false).
    ///
    /// # Errors
    /// Where the folder cannot be made or written, or another process has the same owner's lock.
    pub fn open(root: &Path, owner: &str, state: &Path, moves: bool) -> io::Result<Self> {
        let dir = if moves { root.join(HIDDEN).join(WORK).join(owner) } else { state.to_owned() };
        let open = Mutex::new(begin(&dir)?);
        Ok(Self { root: root.to_owned(), dir, owner: owner.to_owned(), moves, open })
    }

    fn open_now(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the folder of claims is still there, and the same: the watched folder may vanish under us, with it or without.
    pub fn is_there(&self) -> bool {
        self.open_now().lock.is_still(&self.dir.join(LOCK))
    }

    /// Begins anew where the folder has come back without what was in it.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub fn begin_again(&self) -> io::Result<()> {
        let mut open = self.open_now();
        // Its own lock may be the one in the way.
        *open = begin(&self.dir)?;
        Ok(())
    }

    /// The files that an earlier run has claimed and that have not ended.
    pub fn left_behind(&self) -> io::Result<Vec<Claim>> {
        let mut open = self.open_now();
        let known: Vec<(String, Progress)> = open.journal.progress().clone().into_iter().collect();
        let mut claims = Vec::new();
        let mut over = Vec::new();
        for (id, progress) in known {
            let claim = self.claim_of(&id, &progress);
            match claim.moved.symlink_metadata() {
                Ok(_) => {
                    forget_reason(&progress);
                    claims.push(claim);
                }
                // Moved to its end already; what came after is still to be done.
                Err(_) if progress.ending.is_some() => claims.push(claim),
                // Never moved here, or moved on by hand.
                Err(_) => over.push(Entry::Ended { claim: id }),
            }
        }
        open.journal.add(&over, false)?;
        if self.moves {
            for id in strays(&self.dir, |id| open.journal.progress().contains_key(id)) {
                claims.push(self.take_stray(&mut open, id)?);
            }
        }
        Ok(claims)
    }

    /// A file whose line is lost, which takes somebody's hand in it: it is read under a name that says so.
    fn take_stray(&self, open: &mut Open, id: String) -> io::Result<Claim> {
        let empty = PathBuf::new;
        let path = PathBuf::from(format!("recovered-{id}"));
        let progress =
            Progress { path, at_ms: now_ms(), target: empty(), waited_at: empty(), document: None, ending: None };
        open.journal.add(&journal::entries(&id, &progress), true)?;
        Ok(self.claim_of(&id, &progress))
    }

    fn claim_of(&self, id: &str, progress: &Progress) -> Claim {
        let moved = if self.moves { self.dir.join(id) } else { self.root.join(&progress.path) };
        let file = if progress.target.as_os_str().is_empty() { moved.clone() } else { progress.target.clone() };
        let Progress { path, at_ms, document, ending, .. } = progress.clone();
        Claim { id: id.to_owned(), path, file, moved, at_ms, document, ending }
    }

    /// Claims files: notes all, syncs the note once, and moves one after the other.
    ///
    /// # Errors
    /// Where the claims cannot be noted; nothing is claimed then.
    pub fn claim(&self, wanted: Vec<Wanted>) -> io::Result<Vec<(Wanted, Result<Claim, Refusal>)>> {
        let mut open = self.open_now();
        let progress = |wanted: &Wanted| {
            let Wanted { path, target, waited_at, .. } = wanted.clone();
            Progress { path, at_ms: now_ms(), target, waited_at, document: None, ending: None }
        };
        let noted: Vec<(String, Progress)> =
            wanted.iter().map(|wanted| (DocumentId::new().to_string(), progress(wanted))).collect();
        let entries: Vec<Entry> = noted.iter().flat_map(|(id, progress)| journal::entries(id, progress)).collect();
        open.journal.add(&entries, true)?;
        let mut claims = Vec::new();
        let mut over = Vec::new();
        for (wanted, (id, progress)) in wanted.into_iter().zip(noted) {
            let claim = self.claim_of(&id, &progress);
            let taken = self.take(&wanted, &claim);
            match &taken {
                Ok(()) => forget_reason(&progress),
                Err(_) => over.push(Entry::Ended { claim: id }),
            }
            claims.push((wanted, taken.map(|()| claim)));
        }
        // A line that is missing says of a file that is not here that it was never claimed.
        let _ = open.journal.add(&over, false);
        Ok(claims)
    }

    fn take(&self, wanted: &Wanted, claim: &Claim) -> Result<(), Refusal> {
        if !self.moves {
            return match fs::metadata(&claim.file) {
                Ok(found) if Stamp::from(&found) == wanted.stamp => Ok(()),
                Ok(_) => Err(Refusal::Changed),
                Err(_) => Err(Refusal::Gone),
            };
        }
        match fs::rename(&wanted.from, &claim.moved) {
            Ok(()) => {}
            // Over NFS a move may be asked for twice and be told of as the second, which found nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                claim.moved.symlink_metadata().map_err(|_| Refusal::Gone)?;
            }
            Err(error) => return Err(Refusal::Io(error)),
        }
        let found = fs::metadata(&claim.file).map(|found| Stamp::from(&found));
        // The number of a file need not survive a move everywhere.
        let same = |found: &Stamp| (found.length, found.modified) == (wanted.stamp.length, wanted.stamp.modified);
        if found.as_ref().is_ok_and(same) {
            return Ok(());
        }
        // Somebody writes to it, or has put another in its place: back to where it was, and not over anything.
        match super::moving::rename_beside(&claim.moved, &wanted.from) {
            Ok(_) => Err(Refusal::Changed),
            // Then it stays with us, and is read as it is.
            Err(_) => Ok(()),
        }
    }

    /// Notes which document the file became.
    pub fn submitted(&self, claim: &Claim, document: DocumentId) {
        self.note(Entry::Submitted { claim: claim.id.clone(), document });
    }

    /// Notes that results are there, and where the file goes.
    pub fn ending(&self, claim: &Claim, ending: &Ending) {
        self.note(Entry::Ending { claim: claim.id.clone(), ending: ending.clone() });
    }

    /// Notes that nothing is left to do.
    pub fn ended(&self, claim: &Claim) {
        self.note(Entry::Ended { claim: claim.id.clone() });
    }

    /// What cannot be noted is found out again at the next start.
    fn note(&self, entry: Entry) {
        if let Err(error) = self.open_now().journal.add(&[entry], false) {
            tracing::warn!(dir = %self.dir.display(), %error, "the journal of claimed files cannot be written");
        }
    }

    /// Takes over what daemons have left that died: their files, under the names and as far as they had come.
    pub fn take_over(&self) -> Vec<Claim> {
        let mut claims = Vec::new();
        let Some(owners) = self.dir.parent().filter(|_| self.moves) else { return claims };
        for entry in fs::read_dir(owners).into_iter().flatten().flatten() {
            let dir = entry.path();
            if entry.file_name().to_str() == Some(&self.owner) || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            // Where the lock is held its owner lives; where it cannot be asked for nobody knows.
            let Ok(Some(lock)) = lock::hold(&dir.join(LOCK)) else { continue };
            match self.take_from(&dir) {
                Ok(taken) => claims.extend(taken),
                Err(error) => {
                    tracing::warn!(dir = %dir.display(), %error, "what a daemon left that died cannot be taken over")
                }
            }
            drop(lock);
        }
        claims
    }

    fn take_from(&self, dir: &Path) -> io::Result<Vec<Claim>> {
        let mut claims = Vec::new();
        let progress = journal::read(&dir.join(journal::FILE_NAME))?;
        let mut open = self.open_now();
        for (id, mut progress) in progress {
            // Which document it was is known to the other's data directory alone.
            (progress.document, progress.at_ms) = (None, now_ms());
            if dir.join(&id).symlink_metadata().is_err() {
                continue;
            }
            open.journal.add(&journal::entries(&id, &progress), true)?;
            fs::rename(dir.join(&id), self.dir.join(&id))?;
            claims.push(self.claim_of(&id, &progress));
        }
        for id in strays(dir, |_| false) {
            fs::rename(dir.join(&id), self.dir.join(&id))?;
            claims.push(self.take_stray(&mut open, id)?);
        }
        // Nothing of anybody's is in it any more.
        fs::remove_dir_all(dir)?;
        tracing::info!(dir = %dir.display(), files = claims.len(), "took over what a daemon left that died");
        Ok(claims)
    }
}

fn begin(dir: &Path) -> io::Result<Open> {
    create_private(dir)?;
    let lock = lock::hold(&dir.join(LOCK))?;
    let lock = lock.ok_or_else(|| {
        io::Error::new(io::ErrorKind::ResourceBusy, "another pagestream with this data directory watches the folder")
    })?;
    Ok(Open { lock, journal: Journal::open(dir)? })
}

/// Makes a folder, and those above it, for its user alone.
pub fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Files with the name of a claim that `is_known` does not know.
fn strays(dir: &Path, is_known: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.len() == 36 && journal::is_name(name) && !is_known(name)).collect()
}

/// The reason that a file waited for is no more when the file is not beside it.
fn forget_reason(progress: &Progress) {
    if !progress.waited_at.as_os_str().is_empty() && progress.waited_at.to_string_lossy().ends_with(".reason.json") {
        let _ = fs::remove_file(&progress.waited_at);
    }
}

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(root: &Path, name: &str) -> Wanted {
        let from = root.join(name);
        let stamp = Stamp::from(&fs::metadata(&from).unwrap());
        let empty = PathBuf::new;
        Wanted { path: name.into(), from, stamp, target: empty(), waited_at: empty() }
    }

    fn desk(root: &Path, owner: &str) -> Desk {
        Desk::open(root, owner, Path::new("unused"), true).unwrap()
    }

    #[test]
    fn a_file_is_claimed_once_and_found_again_by_its_owner() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a b.pdf"), "1").unwrap();
        let [first, second] = ["first", "second"].map(|owner| desk(root.path(), owner));
        let both = [wanted(root.path(), "a b.pdf"), wanted(root.path(), "a b.pdf")];
        let [ours, theirs] = [(&first, both[0].clone()), (&second, both[1].clone())]
            .map(|(desk, wanted)| desk.claim(vec![wanted]).unwrap().remove(0).1);
        let ours = ours.unwrap();
        assert!(matches!(theirs, Err(Refusal::Gone)));
        assert!(ours.file.exists() && !root.path().join("a b.pdf").exists());
        assert!(second.take_over().is_empty(), "whose owner lives is nobody else's");
        assert!(Desk::open(root.path(), "first", Path::new("unused"), true).is_err());
        drop(first);
        let again = desk(root.path(), "first").left_behind().unwrap();
        assert_eq!((again.len(), &again[0].path, &again[0].file), (1, &ours.path, &ours.file));
        assert!(second.left_behind().unwrap().is_empty());
    }

    #[test]
    fn what_the_dead_have_left_is_taken_over_also_without_its_line() {
        let root = tempfile::tempdir().unwrap();
        ["a.pdf", "b.pdf"].iter().for_each(|name| fs::write(root.path().join(name), name).unwrap());
        let dead = desk(root.path(), "dead");
        dead.claim(["a.pdf", "b.pdf"].map(|name| wanted(root.path(), name)).into()).unwrap();
        let stray = DocumentId::new().to_string();
        fs::write(dead.dir().join(&stray), "c").unwrap();
        let dir = dead.dir().to_owned();
        drop(dead);
        let heir = desk(root.path(), "heir");
        let mut taken: Vec<_> =
            heir.take_over().into_iter().map(|claim| (claim.path, fs::read(claim.file).unwrap())).collect();
        taken.sort();
        let expected = [("a.pdf", &b"a.pdf"[..]), ("b.pdf", b"b.pdf"), (&format!("recovered-{stray}"), b"c")];
        assert_eq!(taken, expected.map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())));
        assert!(!dir.exists());
        drop(heir);
        assert_eq!(desk(root.path(), "heir").left_behind().unwrap().len(), 3);
    }

    #[test]
    fn a_file_that_has_changed_is_put_back() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.pdf"), "1").unwrap();
        let desk = desk(root.path(), "owner");
        let early = wanted(root.path(), "a.pdf");
        fs::write(root.path().join("a.pdf"), "12").unwrap();
        assert!(matches!(desk.claim(vec![early]).unwrap().remove(0).1, Err(Refusal::Changed)));
        assert_eq!(fs::read(root.path().join("a.pdf")).unwrap(), b"12");
        assert!(desk.left_behind().unwrap().is_empty());
    }

    #[test]
    fn a_folder_that_came_back_empty_is_begun_again() {
        let root = tempfile::tempdir().unwrap();
        let desk = desk(root.path(), "owner");
        assert!(desk.is_there());
        fs::remove_dir_all(root.path().join(HIDDEN)).unwrap();
        assert!(!desk.is_there());
        desk.begin_again().unwrap();
        assert!(desk.is_there());
    }
}
