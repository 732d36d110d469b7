//! How it is noticed that something has changed: by events where the file system tells them, by looking where it does not, by both
//! where nobody knows. It is decided for each folder, since other file systems may be mounted below the watched one.
//!
//! Events are hints: whatever they name is looked at, and a look at everything now and then finds what they did not tell.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::AccessKind};

use super::file_system::{self, FileSystem};
use crate::settings::watch::Notice;

/// Paths that are kept until somebody looks; with more it is quicker to look at everything.
const MOST_PATHS: usize = 65_536;

/// How long an event may take to come, of a file that we made ourselves.
const PROBE: Duration = Duration::from_secs(2);

/// What was heard and not looked at yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub paths: HashSet<PathBuf>,
    /// Events were lost, or are too many.
    pub everything: bool,
}

/// Where events arrive.
#[derive(Clone)]
pub struct Notices {
    heard: Arc<(Mutex<Heard>, Condvar)>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Notices {
    /// `wake` is called, from another thread, when there is something new.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { heard: Arc::default(), wake: Arc::new(wake) }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn take(&self) -> Heard {
        std::mem::take(&mut *self.lock())
    }

    fn hear(&self, event: notify::Result<notify::Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::debug!(%error, "an event was lost");
                self.lock().everything = true;
                return (self.wake)();
            }
        };
        // That somebody, ourselves for one, reads a file is no change.
        if matches!(event.kind, EventKind::Access(kind) if !matches!(kind, AccessKind::Close(notify::event::AccessMode::Write)))
        {
            return;
        }
        let mut heard = self.lock();
        heard.everything |= event.need_rescan();
        heard.paths.extend(event.paths);
        if heard.paths.len() > MOST_PATHS {
            *heard = Heard { paths: HashSet::new(), everything: true };
        }
        drop(heard);
        self.heard.1.notify_all();
        (self.wake)();
    }

    /// Whether something is heard of this path before the time is over.
    fn hears_of(&self, path: &Path, patience: Duration) -> bool {
        let silent = |heard: &mut Heard| !heard.paths.contains(path) && !heard.everything;
        let waited = self.heard.1.wait_timeout_while(self.lock(), patience, silent);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// Why a folder's events cannot be had.
#[derive(Clone, Debug)]
pub enum Blind {
    /// The system gives no more (`fs.inotify.max_user_watches`, `max_user_instances`).
    Limit(String),
    Other(String),
}

/// Who gets a folder's events: the system, and in tests somebody else.
pub trait Eyes: Send {
    /// # Errors
    /// [`Blind`].
    fn watch(&mut self, folder: &Path) -> Result<(), Blind>;

    /// What cannot be forgotten is gone already.
    fn forget(&mut self, folder: &Path);
}

struct System(RecommendedWatcher);

impl Eyes for System {
    fn watch(&mut self, folder: &Path) -> Result<(), Blind> {
        self.0.watch(folder, RecursiveMode::NonRecursive).map_err(|error| blind(&error))
    }

    fn forget(&mut self, folder: &Path) {
        let _ = self.0.unwatch(folder);
    }
}

fn blind(error: &notify::Error) -> Blind {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => Blind::Limit("`fs.inotify.max_user_watches` is reached".to_owned()),
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(24) => {
            Blind::Limit("`fs.inotify.max_user_instances` or the limit of open files is reached".to_owned())
        }
        notify::ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            Blind::Limit("`fs.inotify.max_user_watches` is reached".to_owned())
        }
        _ => Blind::Other(error.to_string()),
    }
}

/// The system's own events.
///
/// # Errors
/// [`Blind`], where it gives none at all.
pub fn system(notices: &Notices) -> Result<Box<dyn Eyes>, Blind> {
    let notices = notices.clone();
    let watcher = notify::recommended_watcher(move |event| notices.hear(event)).map_err(|error| blind(&error))?;
    Ok(Box::new(System(watcher)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Means {
    events: bool,
    polling: bool,
}

const BOTH: Means = Means { events: true, polling: true };
const EVENTS: Means = Means { events: true, polling: false };
const POLLING: Means = Means { events: false, polling: true };

pub struct Noticing {
    asked: Notice,
    eyes: Option<Box<dyn Eyes>>,
    /// By device.
    known: HashMap<u64, Means>,
    /// That events arrive where we could try.
    probed: Option<bool>,
    watched: HashSet<PathBuf>,
    polled: BTreeSet<PathBuf>,
    /// Sentences for the user, not told yet.
    to_tell: Vec<String>,
    limit_was_told: bool,
}

impl Noticing {
    /// With `eyes` that see, or the reason why there are none.
    pub fn new(asked: Notice, eyes: Result<Box<dyn Eyes>, Blind>) -> Self {
        let (known, watched, polled) = (HashMap::new(), HashSet::new(), BTreeSet::new());
        let mut this = Self {
            asked,
            eyes: None,
            known,
            probed: None,
            watched,
            polled,
            to_tell: Vec::new(),
            limit_was_told: false,
        };
        match eyes {
            _ if asked == Notice::Polling => {}
            Ok(eyes) => this.eyes = Some(eyes),
            Err(blind) => this.tell_blindness(&blind, None),
        }
        this
    }

    /// Makes a file in a folder of ours, and looks whether it is told. Where no file can be made nothing is learnt.
    pub fn probe(&mut self, folder: &Path, notices: &Notices) {
        let Some(eyes) = self.eyes.as_mut().filter(|_| self.asked == Notice::Auto) else { return };
        if eyes.watch(folder).is_err() {
            return;
        }
        let name = format!(".probe-{}", std::process::id());
        let path = folder.join(name);
        if std::fs::write(&path, "").is_ok() {
            self.probed = Some(notices.hears_of(&path, PROBE));
            let _ = std::fs::remove_file(&path);
        }
        eyes.forget(folder);
        if self.probed == Some(false) {
            self.to_tell.push(
                "changes in the watched folder are not told here; it is looked at every so often, too".to_owned(),
            );
        }
    }

    /// From here on it is noticed when something changes in the folder itself, not below it.
    /// Whether it was not before.
    pub fn cover(&mut self, folder: &Path, device: u64) -> bool {
        if self.watched.contains(folder) || self.polled.contains(folder) {
            return false;
        }
        let means = match self.asked {
            Notice::Events => EVENTS,
            Notice::Polling => POLLING,
            Notice::Both => BOTH,
            Notice::Auto => match self.known.get(&device) {
                Some(means) => *means,
                None => {
                    let means = self.find_out(folder);
                    self.known.insert(device, means);
                    means
                }
            },
        };
        if means.polling {
            self.polled.insert(folder.to_owned());
        }
        if means.events {
            match self.eyes.as_mut().map(|eyes| eyes.watch(folder)) {
                Some(Ok(())) => drop(self.watched.insert(folder.to_owned())),
                Some(Err(blind)) => {
                    self.polled.insert(folder.to_owned());
                    self.tell_blindness(&blind, Some(folder));
                }
                None => drop(self.polled.insert(folder.to_owned())),
            }
        }
        true
    }

    fn find_out(&mut self, folder: &Path) -> Means {
        match file_system::of(folder) {
            FileSystem::Network(name) => {
                self.to_tell.push(format!(
                    "{} is on {name}, which does not tell what others change; it is looked at every so often",
                    folder.display()
                ));
                POLLING
            }
            FileSystem::Local if self.probed != Some(false) => EVENTS,
            FileSystem::Local | FileSystem::Doubtful => BOTH,
        }
    }

    fn tell_blindness(&mut self, blind: &Blind, folder: Option<&Path>) {
        let which = folder.map_or_else(|| "folders are".to_owned(), |folder| format!("{} is", folder.display()));
        match blind {
            // The same for every further folder.
            Blind::Limit(_) if self.limit_was_told => {}
            Blind::Limit(limit) => {
                self.limit_was_told = true;
                self.to_tell.push(format!(
                    "{limit}: from here on {which} looked at every so often instead of being told of (raise it with sysctl)"
                ));
            }
            Blind::Other(cause) => {
                self.to_tell.push(format!("{which} looked at every so often: no events can be had: {cause}"));
            }
        }
    }

    /// The folder is gone, with all that was in it.
    pub fn forget(&mut self, folder: &Path) {
        if !self.watched.contains(folder) && !self.polled.contains(folder) {
            return;
        }
        self.polled.retain(|polled| !polled.starts_with(folder));
        let gone: Vec<PathBuf> = self.watched.extract_if(|watched| watched.starts_with(folder)).collect();
        if let Some(eyes) = &mut self.eyes {
            gone.iter().for_each(|folder| eyes.forget(folder));
        }
    }

    /// Something was told of the folder itself: it may have gone, and another of its name have come, of which nothing is told before it is
    /// covered anew. The system's own record goes by names, too, and is put right only once it has told.
    pub fn doubt(&mut self, path: &Path) {
        if self.watched.contains(path) {
            self.forget(path);
        }
    }

    pub fn forget_all(&mut self) {
        let all: Vec<PathBuf> = self.watched.drain().collect();
        if let Some(eyes) = &mut self.eyes {
            all.iter().for_each(|folder| eyes.forget(folder));
        }
        self.polled.clear();
        self.known.clear();
    }

    /// The folders to look at every so often.
    pub fn polled(&self) -> impl Iterator<Item = &Path> {
        self.polled.iter().map(PathBuf::as_path)
    }

    /// How many folders are watched by events, and by looking.
    pub fn counts(&self) -> (usize, usize) {
        (self.watched.len(), self.polled.len())
    }

    pub fn take_sentences(&mut self) -> Vec<String> {
        std::mem::take(&mut self.to_tell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sees so many folders.
    struct Limited(usize);

    impl Eyes for Limited {
        fn watch(&mut self, _: &Path) -> Result<(), Blind> {
            self.0 =
                self.0.checked_sub(1).ok_or_else(|| blind(&notify::Error::new(notify::ErrorKind::MaxFilesWatch)))?;
            Ok(())
        }

        fn forget(&mut self, _: &Path) {}
    }

    #[test]
    fn when_the_limit_is_reached_it_says_so_and_polls() {
        let mut noticing = Noticing::new(Notice::Events, Ok(Box::new(Limited(2))));
        for n in 0..5 {
            noticing.cover(Path::new(&format!("/x/{n}")), 1);
        }
        assert_eq!(noticing.counts(), (2, 3));
        let told = noticing.take_sentences();
        assert_eq!(told.len(), 1, "once: {told:?}");
        assert!(told[0].contains("max_user_watches") && told[0].contains("looked at"), "{told:?}");
        let none = std::io::Error::from_raw_os_error(24);
        let mut noticing = Noticing::new(Notice::Auto, Err(blind(&notify::Error::io(none))));
        noticing.cover(Path::new("/x"), 1);
        assert_eq!(noticing.counts(), (0, 1));
        assert!(noticing.take_sentences()[0].contains("max_user_instances"));
    }

    #[test]
    fn what_is_asked_for_is_done() {
        for (asked, counts) in [(Notice::Events, (1, 0)), (Notice::Polling, (0, 1)), (Notice::Both, (1, 1))] {
            let mut noticing = Noticing::new(asked, Ok(Box::new(Limited(9))));
            noticing.cover(Path::new("/x"), 1);
            noticing.cover(Path::new("/x"), 1);
            assert_eq!(noticing.counts(), counts, "{asked:?}");
            noticing.forget(Path::new("/x"));
            assert_eq!(noticing.counts(), (0, 0));
        }
    }

    #[test]
    fn a_folder_that_something_is_told_of_is_covered_anew_with_what_is_below() {
        let mut noticing = Noticing::new(Notice::Events, Ok(Box::new(Limited(9))));
        for folder in ["/x", "/x/a", "/x/a/b", "/x/c"] {
            assert!(noticing.cover(Path::new(folder), 1));
        }
        noticing.doubt(Path::new("/x/a"));
        noticing.doubt(Path::new("/x/a/file.pdf"));
        let anew = ["/x", "/x/a", "/x/a/b", "/x/c"].map(|folder| noticing.cover(Path::new(folder), 1));
        assert_eq!(anew, [false, true, true, false]);
    }

    #[test]
    fn a_file_system_that_tells_nothing_is_found_out_by_a_probe() {
        let folder = tempfile::tempdir().unwrap();
        let notices = Notices::new(|| {});
        let mut told = Noticing::new(Notice::Auto, system(&notices));
        told.probe(folder.path(), &notices);
        assert_eq!(told.probed, Some(true));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // One that hears nothing.
        let mut deaf = Noticing::new(Notice::Auto, Ok(Box::new(Limited(9))));
        deaf.probed = Some(false);
        assert_eq!(deaf.find_out(folder.path()), BOTH);
    }

    #[test]
    fn too_many_events_are_a_reason_to_look_at_everything() {
        let notices = Notices::new(|| {});
        let event = |n: usize| notify::Event::new(EventKind::Any).add_path(format!("/{n}").into());
        (0..3).for_each(|n| notices.hear(Ok(event(n))));
        let few = notices.take();
        assert_eq!((few.paths.len(), few.everything), (3, false));
        (0..=MOST_PATHS).for_each(|n| notices.hear(Ok(event(n))));
        let heard = notices.take();
        assert!(heard.everything && heard.paths.len() < 3);
        assert_eq!(notices.take(), Heard::default());
    }
}
