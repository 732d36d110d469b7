//! The files that were found and are not taken yet: from the first look at a folder to the moment when a file is ready.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    claiming::Wanted,
    discovering::{Found, Rules, is_document},
    noticing::{Notices, Noticing},
    readiness::{Candidate, Patience, Stamp, Verdict},
    told::{Tell, Told},
    trailer,
};

/// Files that are known at once; more are found when some of these are gone. Some 30 MB.
const MOST: usize = 65_536;

/// Names of files that are left alone and were told, or are no documents: beyond it they are looked at again.
const MOST_LEFT: usize = 65_536;

/// Whether a file was read already, where files are left in place.
pub type WasRead = Arc<dyn Fn(&Path, Stamp) -> bool + Send + Sync>;

pub struct Crowd {
    pub rules: Rules,
    pub patience: Patience,
    noticing: Noticing,
    notices: Notices,
    was_read: WasRead,
    tell: Tell,
    /// Called as folders are listed: a look at a large tree takes long, and is no sign of death.
    pulse: Box<dyn Fn() + Send>,
    /// By path below the watched folder.
    candidates: HashMap<PathBuf, Candidate>,
    ready: VecDeque<Ready>,
    /// The paths in `ready`, and those that are under way.
    busy: HashSet<PathBuf>,
    /// Left alone, as they are.
    left: HashMap<PathBuf, Option<Stamp>>,
    /// There are more files than fit.
    more: bool,
    /// When the next candidate is worth a look, or before.
    soonest: Option<Instant>,
}

/// What was found under a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A folder that was not known, and is covered now.
    NewFolder,
    Folder,
    Other,
}

struct Ready {
    path: PathBuf,
    stamp: Stamp,
    target: PathBuf,
    found: Instant,
}

impl Crowd {
    pub fn new(
        rules: Rules,
        patience: Patience,
        (noticing, notices): (Noticing, Notices),
        was_read: WasRead,
        tell: Tell,
        pulse: impl Fn() + Send + 'static,
    ) -> Self {
        Self {
            rules,
            patience,
            noticing,
            notices,
            was_read,
            tell,
            pulse: Box::new(pulse),
            candidates: HashMap::new(),
            ready: VecDeque::new(),
            busy: HashSet::new(),
            left: HashMap::new(),
            more: false,
            soonest: None,
        }
    }

    /// Files that were found and are not under way.
    pub fn waiting(&self) -> usize {
        self.candidates.len() + self.ready.len()
    }

    /// Since when the oldest of them waits.
    pub fn oldest(&self) -> Option<Instant> {
        let found = self.candidates.values().map(|candidate| candidate.found);
        found.chain(self.ready.iter().map(|ready| ready.found)).min()
    }

    pub fn counts(&self) -> (usize, usize) {
        self.noticing.counts()
    }

    /// Whether there are files that had no room, and whether there is room for them.
    pub fn has_more(&self) -> (bool, bool) {
        (self.more, self.more && self.waiting() < MOST / 2)
    }

    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The folder is gone, or another: nothing of what is known of it holds.
    pub fn forget(&mut self) {
        self.noticing.forget_all();
        for ready in self.ready.drain(..) {
            self.busy.remove(&ready.path);
        }
        self.candidates.clear();
        self.left.clear();
    }

    /// Looks at everything.
    ///
    /// # Errors
    /// Where the watched folder itself cannot be listed.
    pub fn scan(&mut self, now: Instant) -> io::Result<()> {
        self.more = false;
        let root = self.rules.root().to_owned();
        Rules::list(&root)?;
        self.look_at(&root, now);
        Ok(())
    }

    /// Looks at what was heard of.
    ///
    /// # Errors
    /// As [`Crowd::scan`].
    pub fn look_at_what_was_heard(&mut self, now: Instant) -> io::Result<()> {
        let heard = self.notices.take();
        if heard.everything {
            return self.scan(now);
        }
        let mut paths: Vec<PathBuf> = heard.paths.into_iter().collect();
        paths.sort();
        for path in paths {
            if !self.rules.is_out_of_bounds(&path) {
                self.noticing.doubt(&path);
                self.look_at(&path, now);
            }
        }
        Ok(())
    }

    /// Lists the folders that are not told of.
    pub fn poll(&mut self, now: Instant) {
        let folders: Vec<PathBuf> = self.noticing.polled().map(Path::to_owned).collect();
        for folder in folders {
            match Rules::list(&folder) {
                Ok(paths) => {
                    for path in paths {
                        // Folders that are covered are listed by themselves.
                        if self.look(&path, now) == Seen::NewFolder {
                            self.list(path, now, false);
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.noticing.forget(&folder),
                Err(error) => tracing::debug!(folder = %folder.display(), %error, "cannot be listed"),
            }
        }
    }

    /// Looks at a path, and, where it is a folder, at all that is in it.
    fn look_at(&mut self, path: &Path, now: Instant) {
        let all = path == self.rules.root();
        if self.look(path, now) != Seen::Other {
            self.list(path.to_owned(), now, all);
        }
    }

    /// Looks at what is in a folder and in those below it that are new, or in all of them.
    fn list(&mut self, folder: PathBuf, now: Instant, all: bool) {
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            (self.pulse)();
            match Rules::list(&folder) {
                Ok(paths) => {
                    for path in paths {
                        match self.look(&path, now) {
                            Seen::NewFolder => folders.push(path),
                            Seen::Folder if all => folders.push(path),
                            Seen::Folder | Seen::Other => {}
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.noticing.forget(&folder),
                Err(error) => self.cannot_list(&folder, &error),
            }
        }
    }

    fn cannot_list(&mut self, folder: &Path, error: &io::Error) {
        let Some(below) = self.below(folder) else { return };
        if self.left.insert(below, None).is_none() {
            let message = format!("the folder cannot be listed: {error}");
            (self.tell)(Told::Warning { file: Some(folder.display().to_string()), message });
        }
    }

    /// Looks at one path. A folder that is new is covered, before anybody lists it.
    fn look(&mut self, path: &Path, now: Instant) -> Seen {
        match self.rules.look(path) {
            Ok(Found::Folder { device }) => {
                let is_new = self.noticing.cover(path, device);
                for message in self.noticing.take_sentences() {
                    (self.tell)(Told::Warning { file: None, message });
                }
                return if is_new { Seen::NewFolder } else { Seen::Folder };
            }
            Ok(Found::File { stamp, .. }) => self.found(path, stamp, now),
            Ok(Found::Left(why)) => self.leave(path, None, Some(why)),
            Ok(Found::Nothing) => self.gone(path),
            Err(error) => tracing::debug!(path = %path.display(), %error, "cannot be looked at"),
        }
        Seen::Other
    }

    fn below(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(self.rules.root()).ok().map(Path::to_owned)
    }

    fn found(&mut self, path: &Path, stamp: Stamp, now: Instant) {
        let Some(below) = self.below(path) else { return };
        if self.candidates.contains_key(&below) || self.busy.contains(&below) {
            return;
        }
        let is_left = self.left.get(&below).is_some_and(|left| *left == Some(stamp));
        if is_left || (self.was_read)(&below, stamp) {
            return;
        }
        if self.candidates.len() + self.ready.len() >= MOST {
            self.more = true;
            return;
        }
        self.add(below, Candidate::new(stamp, now, self.patience));
    }

    fn add(&mut self, below: PathBuf, candidate: Candidate) {
        self.soonest = Some(self.soonest.map_or(candidate.due, |soonest| soonest.min(candidate.due)));
        self.candidates.insert(below, candidate);
    }

    fn gone(&mut self, path: &Path) {
        self.noticing.forget(path);
        if let Some(below) = self.below(path) {
            self.candidates.remove(&below);
            self.left.remove(&below);
        }
    }

    /// Tells once why a file is left alone.
    fn leave(&mut self, path: &Path, stamp: Option<Stamp>, why: Option<&'static str>) {
        let Some(below) = self.below(path) else { return };
        if self.left.len() >= MOST_LEFT {
            self.left.clear();
        }
        if self.left.insert(below, stamp).is_none()
            && let Some(why) = why
        {
            (self.tell)(Told::PassedOver { file: path.display().to_string(), why });
        }
    }

    /// When a file is worth another look.
    pub fn due(&self) -> Option<Instant> {
        self.soonest
    }

    /// Looks at the files that are due, and makes those ready that are.
    pub fn check(&mut self, now: Instant) {
        if self.soonest.is_none_or(|soonest| soonest > now) {
            return;
        }
        self.check_all(now);
        self.soonest = self.candidates.values().map(|candidate| candidate.due).min();
    }

    fn check_all(&mut self, now: Instant) {
        let due: Vec<PathBuf> = {
            let due = self.candidates.iter().filter(|(_, candidate)| candidate.due <= now);
            let mut due: Vec<PathBuf> = due.map(|(path, _)| path.clone()).collect();
            due.sort();
            due
        };
        for below in due {
            let path = self.rules.root().join(&below);
            let found = self.rules.look(&path);
            let Some(candidate) = self.candidates.get_mut(&below) else { continue };
            let (stamp, target) = match found {
                Ok(Found::File { stamp, target }) => (stamp, target),
                Ok(found) => {
                    self.candidates.remove(&below);
                    if let Found::Left(why) = found {
                        self.leave(&path, None, Some(why));
                    }
                    continue;
                }
                Err(_) => {
                    candidate.due = now + self.patience.settle.max(Duration::from_secs(1));
                    continue;
                }
            };
            let is_whole = || File::open(&path).and_then(|mut file| trailer::is_whole(&mut file)).unwrap_or(false);
            if candidate.look(stamp, now, self.patience, is_whole) == Verdict::Wait {
                continue;
            }
            let found = candidate.found;
            self.candidates.remove(&below);
            if is_document(&path) {
                self.busy.insert(below.clone());
                self.ready.push_back(Ready { path: below, stamp, target, found });
            } else {
                self.leave(&path, Some(stamp), Some("not a document"));
            }
        }
    }

    /// Files that do not become ready within twice the time for incomplete ones.
    pub fn give_up(&mut self, now: Instant) -> Vec<PathBuf> {
        let patience = (self.patience.settle + self.patience.incomplete) * 2;
        let late = self.candidates.iter().filter(|(_, candidate)| now.duration_since(candidate.found) > patience);
        let late: Vec<PathBuf> = late.map(|(path, _)| path.clone()).collect();
        for path in &late {
            self.candidates.remove(path);
        }
        late
    }

    /// Up to so many files that are ready. They are under way from here on, until [`Crowd::ended`] is told.
    pub fn take_ready(&mut self, most: usize) -> Vec<Wanted> {
        let taken = self.ready.drain(..most.min(self.ready.len()));
        let wanted = |Ready { path, stamp, target, .. }| Wanted {
            from: self.rules.root().join(&path),
            path,
            stamp,
            target,
            waited_at: PathBuf::new(),
        };
        taken.map(wanted).collect()
    }

    /// A file that was claimed by other ways is under way. Whether no other of its name is.
    pub fn begun(&mut self, path: &Path) -> bool {
        self.candidates.remove(path);
        self.busy.insert(path.to_owned())
    }

    pub fn is_under_way(&self, path: &Path) -> bool {
        self.busy.contains(path)
    }

    /// A file is not under way any more. There may be another under its name by now.
    pub fn ended(&mut self, path: &Path, now: Instant) {
        self.busy.remove(path);
        let path = self.rules.root().join(path);
        self.look(&path, now);
    }

    /// A file that could not be claimed is left to whoever comes next.
    pub fn forget_one(&mut self, path: &Path) {
        self.busy.remove(path);
    }

    /// A file that could not be claimed is tried again later.
    pub fn later(&mut self, wanted: &Wanted, due: Instant, now: Instant) {
        self.busy.remove(&wanted.path);
        let mut candidate = Candidate::new(wanted.stamp, now, self.patience);
        candidate.due = due;
        self.add(wanted.path.clone(), candidate);
    }
}
