//! Where a file goes when it has been read, or cannot be: the archive, `failed` with the reason beside it, nowhere.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use pagestream_documents::DocumentId;
use serde::{Deserialize, Serialize};

use super::{
    claiming::{Claim, now_ms},
    faults::{Failure, FailureKind},
    journal::{Ending, Outcome, Place},
    moving::{self, Moved},
    paths,
};
use crate::settings::watch::After;

const SCHEMA: &str = "pagestream.reason/1";
const SUFFIX: &str = ".reason.json";

/// Names that are tried for a file whose own is taken.
const NAMES: u32 = 10_000;

/// What stands beside a file in `failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    schema: String,
    /// Whose it is: the file that was claimed so.
    claim: String,
    /// Where the file was found, below the watched folder.
    #[serde(with = "paths")]
    pub path: PathBuf,
    /// Its name beside this one.
    #[serde(with = "paths")]
    pub file: PathBuf,
    #[serde(flatten)]
    pub failure: Failure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<DocumentId>,
    /// Milliseconds since 1970, UTC.
    at_ms: u64,
}

pub struct Endings {
    after: After,
    archive: PathBuf,
    failed: PathBuf,
}

impl Endings {
    /// Both folders absolute.
    pub fn new(after: After, archive: PathBuf, failed: PathBuf) -> Self {
        Self { after, archive, failed }
    }

    /// Where a file goes of which this came.
    pub fn plan(&self, claim: &Claim, outcome: Outcome) -> Ending {
        let (place, to) = match (self.after, &outcome.failure) {
            (After::Leave, _) => (Place::Left, PathBuf::new()),
            (_, Some(_)) => (Place::Failed, self.failed.join(&claim.path)),
            (After::Archive, None) => (Place::Archive, self.archive.join(&claim.path)),
            (After::Delete, None) => (Place::Deleted, PathBuf::new()),
        };
        Ending { place, to, outcome }
    }

    /// Whether an ending that was noted before leads where files end now: settings may have changed since.
    pub fn is_valid(&self, ending: &Ending) -> bool {
        let leads_below = |folder: &Path| ending.to.strip_prefix(folder).is_ok_and(paths::leads_downwards);
        match ending.place {
            Place::Archive => leads_below(&self.archive),
            Place::Failed => leads_below(&self.failed) && ending.outcome.failure.is_some(),
            Place::Deleted => self.after == After::Delete,
            Place::Left => self.after == After::Leave,
        }
    }

    /// Brings the file to its end; `note` hears of it before the file is moved. Doing it again does nothing again. Blocks.
    ///
    /// # Errors
    /// Where it cannot be moved, [`io::ErrorKind::NotFound`] where it is gone; it is where it was then.
    pub fn carry_out(&self, claim: &Claim, ending: Ending, note: &dyn Fn(&Ending)) -> io::Result<Ending> {
        match ending.place {
            Place::Archive => self.archive(claim, ending, note),
            Place::Failed => self.fail(claim, ending, note),
            Place::Deleted => {
                note(&ending);
                fs::remove_file(&claim.moved).map(|()| ending)
            }
            Place::Left => {
                note(&ending);
                match &ending.outcome.failure {
                    Some(failure) => {
                        let to = self.failed.join(&claim.path);
                        let reason = reason(claim, &to, failure, ending.outcome.document);
                        write_reason(&reason_beside(&to), &reason, true)?;
                    }
                    // What failed before is read now.
                    None => drop(fs::remove_file(reason_beside(&self.failed.join(&claim.path)))),
                }
                Ok(ending)
            }
        }
    }

    fn archive(&self, claim: &Claim, mut ending: Ending, note: &dyn Fn(&Ending)) -> io::Result<Ending> {
        let own = self.archive.join(&claim.path);
        // One that was noted before a crash first: the move may have been half done.
        for to in [ending.to.clone()].into_iter().chain((1..NAMES).map(|n| moving::nth(&own, n))) {
            ending.to = to;
            note(&ending);
            if moving::rename_to(&claim.moved, &ending.to)? == Moved::Done {
                return Ok(ending);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// The reason gets its name first, and keeps the file's name for it: whoever sees the file sees the reason.
    fn fail(&self, claim: &Claim, mut ending: Ending, note: &dyn Fn(&Ending)) -> io::Result<Ending> {
        let own = self.failed.join(&claim.path);
        let Some(failure) = ending.outcome.failure.clone() else { return Err(io::ErrorKind::InvalidInput.into()) };
        // Never a reason for a file that is gone.
        claim.moved.symlink_metadata()?;
        for to in [ending.to.clone()].into_iter().chain((1..NAMES).map(|n| moving::nth(&own, n))) {
            let beside = reason_beside(&to);
            let is_ours = read_reason(&beside).is_some_and(|there| there.claim == claim.id);
            // Where it is ours a move may have been half done.
            if to.symlink_metadata().is_ok() && !is_ours {
                continue;
            }
            let reason = reason(claim, &to, &failure, ending.outcome.document);
            if !write_reason(&beside, &reason, is_ours)? {
                continue;
            }
            ending.to = to;
            note(&ending);
            match moving::rename_to(&claim.moved, &ending.to) {
                Ok(Moved::Done) => return Ok(ending),
                Ok(Moved::Taken) => drop(fs::remove_file(&beside)),
                Err(error) => {
                    let _ = fs::remove_file(&beside);
                    return Err(error);
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// The files in `failed` that wait for their password: the reason's path, and what it says.
    pub fn waiting_for_passwords(&self) -> Vec<(PathBuf, Reason)> {
        let mut waiting = Vec::new();
        let mut folders = vec![self.failed.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if entry.file_name().to_string_lossy().ends_with(SUFFIX)
                    && let Some(reason) = read_reason(&path)
                    && reason.failure.kind == FailureKind::Encrypted
                {
                    waiting.push((path, reason));
                }
            }
        }
        waiting.sort_by(|(a, _), (b, _)| a.cmp(b));
        waiting
    }
}

fn reason(claim: &Claim, to: &Path, failure: &Failure, document: Option<DocumentId>) -> Reason {
    Reason {
        schema: SCHEMA.to_owned(),
        claim: claim.id.clone(),
        path: claim.path.clone(),
        file: to.file_name().map(PathBuf::from).unwrap_or_default(),
        failure: failure.clone(),
        document,
        at_ms: now_ms(),
    }
}

fn reason_beside(file: &Path) -> PathBuf {
    file.with_file_name(paths::followed_by(file.file_name().unwrap_or_default(), SUFFIX))
}

/// One that was written here, and names a file beside it and a place below the watched folder.
fn read_reason(path: &Path) -> Option<Reason> {
    let reason: Reason = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let is_name = reason.file.components().count() == 1 && paths::leads_downwards(&reason.file);
    (reason.schema == SCHEMA && is_name && paths::leads_downwards(&reason.path)).then_some(reason)
}

/// Whether the reason has its name: not, where there is something under it and `replace` is false.
fn write_reason(path: &Path, reason: &Reason, replace: bool) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // A claim is its owner's alone, and done again after a crash: its name leaves nothing behind.
    let temporary = folder.join(format!(".pagestream-reason-{}", reason.claim));
    let mut text = serde_json::to_vec_pretty(reason)?;
    text.push(b'\n');
    let mut file = fs::File::create(&temporary)?;
    io::Write::write_all(&mut file, &text)?;
    file.sync_all()?;
    drop(file);
    let named = match replace {
        true => fs::rename(&temporary, path),
        false => moving::rename_noreplace(&temporary, path),
    };
    match named {
        Ok(()) => Ok(true),
        Err(error) => {
            let _ = fs::remove_file(&temporary);
            if error.kind() == io::ErrorKind::AlreadyExists { Ok(false) } else { Err(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn claim(&self, path: &str, content: &str) -> Claim {
            let id = DocumentId::new().to_string();
            let moved = self.path(&id);
            fs::write(&moved, content).unwrap();
            Claim { id, path: path.into(), file: moved.clone(), moved, at_ms: 0, document: None, ending: None }
        }

        fn endings(&self, after: After) -> Endings {
            Endings::new(after, self.path("archive"), self.path("failed"))
        }
    }

    fn outcome(failure: Option<FailureKind>) -> Outcome {
        let failure = failure.map(|kind| Failure::new(kind, "why"));
        Outcome { document: None, pages: 1, pages_failed: 0, failure }
    }

    #[test]
    fn the_archive_never_overwrites_and_an_interrupted_move_is_taken_up() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let endings = folder.endings(After::Archive);
        let noted = std::cell::RefCell::new(Vec::new());
        for content in ["1", "2"] {
            let claim = folder.claim("sub/a.pdf", content);
            let ending = endings.plan(&claim, outcome(None));
            assert!(endings.is_valid(&ending));
            let ending =
                endings.carry_out(&claim, ending, &|ending| noted.borrow_mut().push(ending.to.clone())).unwrap();
            assert_eq!(fs::read_to_string(&ending.to).unwrap(), content);
            assert_eq!(noted.borrow().last(), Some(&ending.to), "it is noted where it goes before it does");
            let again = endings.carry_out(&claim, ending, &|_| {}).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::NotFound, "and is not moved twice");
        }
        assert!(folder.path("archive/sub/a.pdf").exists() && folder.path("archive/sub/a-2.pdf").exists());
        let out = Ending { place: Place::Archive, to: folder.path("archive/../../x"), outcome: outcome(None) };
        assert!(!endings.is_valid(&out));
    }

    #[test]
    fn what_failed_has_its_reason_and_what_waits_for_a_password_is_found() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let endings = folder.endings(After::Delete);
        for kind in [FailureKind::Encrypted, FailureKind::Damaged] {
            let claim = folder.claim("sub/a.pdf", "1");
            let ending = endings.plan(&claim, outcome(Some(kind)));
            let ending = endings.carry_out(&claim, ending, &|_| {}).unwrap();
            assert!(ending.to.exists() && reason_beside(&ending.to).exists());
        }
        assert!(folder.path("failed/sub/a-2.pdf.reason.json").exists());
        let waiting = endings.waiting_for_passwords();
        let [(path, reason)] = &waiting[..] else { panic!("{waiting:?}") };
        assert_eq!((path, &reason.path), (&folder.path("failed/sub/a.pdf.reason.json"), &PathBuf::from("sub/a.pdf")));
        let claim = folder.claim("b.pdf", "1");
        endings.carry_out(&claim, endings.plan(&claim, outcome(None)), &|_| {}).unwrap();
        assert!(!claim.moved.exists(), "deleted when its results are there");
    }
}
