//! Models as ONNX Runtime has optimised them on this machine: loaded in a third of the time, straight from a map.
//!
//! An entry is the model in ORT format, then eight bytes of length and four of CRC-32 over all before them. It is written
//! whole under another name and renamed into place; one that is damaged is removed and made anew. The format belongs to
//! one version of the library and one kind of CPU, which are therefore part of the name.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use memmap2::Mmap;
use pagestream_documents::Digest;

/// Raise it when entries are to be made anew although nothing else of their key has changed.
const FORMAT: u32 = 1;

/// Bytes after the model: its length and the CRC-32.
const TRAILER: usize = 12;

/// All entries together; the ones made first go. The four models of today take 40 MiB for each version of the library.
const MAX_BYTES: u64 = 512 << 20;

/// What a killed process left is cleared away after this long: nobody takes an hour to write an entry.
const STALE: Duration = Duration::from_secs(3600);

const EXTENSION: &str = "ort";
const TEMPORARY: &str = ".making-";

/// A folder of optimised models. Every failure of it means that a model is loaded as it came, and no more.
#[derive(Debug)]
pub struct OptimizedModels {
    dir: PathBuf,
    /// Maps that sessions hold, so that the threads of a device share one.
    maps: Mutex<BTreeMap<String, Weak<OptimizedModel>>>,
    /// Held while an entry is made: the threads of a device all want it at once.
    making: Mutex<()>,
}

/// One entry, mapped; dereferences to the model in ORT format.
#[derive(Debug)]
pub struct OptimizedModel(Mmap);

impl Deref for OptimizedModel {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[..self.0.len() - TRAILER]
    }
}

/// What came of [`OptimizedModels::make`].
#[derive(Debug)]
pub enum Made<T> {
    /// The writer's answer.
    Now(T),
    /// Another thread had made it.
    Before(Arc<OptimizedModel>),
}

/// The name of an entry: the model, then what else the optimised form depends on.
pub fn entry_name(model: Digest, library_version: &str, cpu_features: &[&str]) -> String {
    let arch = std::env::consts::ARCH;
    let rest = format!("{FORMAT}\n{library_version}\n{arch}\n{}", cpu_features.join(" "));
    let short = |digest: Digest| digest.to_string()[..16].to_owned();
    format!("{}-{}", short(model), short(Digest::of(rest.as_bytes())))
}

impl OptimizedModels {
    /// The folder is made when the first entry is.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, maps: Mutex::default(), making: Mutex::new(()) }
    }

    /// The entry, if there is a whole one.
    pub fn open(&self, name: &str) -> Option<Arc<OptimizedModel>> {
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = maps.get(name).and_then(Weak::upgrade) {
            return Some(map);
        }
        let path = self.path(name);
        let map = match map(&path) {
            Ok(map) => Arc::new(map),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "an optimised model is made anew");
                self.remove(name);
                return None;
            }
        };
        maps.insert(name.to_owned(), Arc::downgrade(&map));
        Some(map)
    }

    /// Has `write` write the model in ORT format to the path that it is given, and makes it the entry. When another
    /// thread has made it in the meantime, `write` is not called.
    ///
    /// # Errors
    /// What `write` answers. That there is no place for entries is no error: `None`.
    pub fn make<T, E>(&self, name: &str, write: impl FnOnce(&Path) -> Result<T, E>) -> Result<Option<Made<T>>, E> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = self.open(name) {
            return Ok(Some(Made::Before(model)));
        }
        let temporary = match self.begin() {
            Ok(temporary) => temporary,
            Err(error) => {
                tracing::debug!(dir = %self.dir.display(), %error, "no optimised models can be kept");
                return Ok(None);
            }
        };
        let written = write(temporary.path())?;
        if let Err(error) = self.keep(name, temporary) {
            tracing::debug!(dir = %self.dir.display(), %error, "an optimised model could not be kept");
        }
        Ok(Some(Made::Now(written)))
    }

    /// Forgets an entry that turned out to be of no use.
    pub fn remove(&self, name: &str) {
        // One that cannot be removed is found unfit again next time.
        let _ = fs::remove_file(self.path(name));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name).with_extension(EXTENSION)
    }

    fn begin(&self) -> io::Result<tempfile::NamedTempFile> {
        fs::create_dir_all(&self.dir)?;
        tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.dir)
    }

    fn keep(&self, name: &str, temporary: tempfile::NamedTempFile) -> io::Result<()> {
        let model = fs::read(temporary.path())?;
        let mut file = fs::OpenOptions::new().append(true).open(temporary.path())?;
        file.write_all(&trailer(&model))?;
        // Renamed before it was synced, it could be there and empty after a power cut: the trailer tells.
        temporary.persist(self.path(name)).map_err(|error| error.error)?;
        self.clear(name);
        Ok(())
    }

    /// Removes what killed processes left, and the oldest entries beyond the bound.
    fn clear(&self, newest: &str) {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let (name, made) = (entry.file_name(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
            if name.to_string_lossy().starts_with(TEMPORARY) {
                if made.elapsed().is_ok_and(|age| age > STALE) {
                    let _ = fs::remove_file(entry.path());
                }
            } else if entry.path() != self.path(newest) {
                entries.push((made, metadata.len(), entry.path()));
            }
        }
        entries.sort_unstable_by_key(|(made, ..)| std::cmp::Reverse(*made));
        let mut bytes = fs::metadata(self.path(newest)).map_or(0, |metadata| metadata.len());
        for (_, size, path) in entries {
            bytes += size;
            if bytes > MAX_BYTES {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn map(path: &Path) -> io::Result<OptimizedModel> {
    let file = File::open(path)?;
    // SAFETY: entries are renamed into place and never written afterwards; see `ModelSource::bytes`.
    let map = unsafe { Mmap::map(&file) }?;
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
    let (model, found) = map.split_at_checked(map.len().saturating_sub(TRAILER)).ok_or_else(damaged)?;
    if found != trailer(model) || model.is_empty() {
        return Err(damaged());
    }
    Ok(OptimizedModel(map))
}

fn trailer(model: &[u8]) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..8].copy_from_slice(&(model.len() as u64).to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(model);
    crc.update(&trailer[..8]);
    trailer[8..].copy_from_slice(&crc.finalize().to_le_bytes());
    trailer
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const NAME: &str = "model-key";

    fn make(models: &OptimizedModels) -> Arc<OptimizedModel> {
        let made = models.make(NAME, |path| fs::write(path, b"optimised")).unwrap();
        assert!(matches!(made, Some(Made::Now(()))));
        models.open(NAME).unwrap()
    }

    #[test]
    fn an_entry_is_made_once_and_then_shared() {
        let dir = tempfile::tempdir().unwrap();
        let models = OptimizedModels::new(dir.path().join("made"));
        assert!(models.open(NAME).is_none());
        let made = make(&models);
        assert_eq!(&**made, b"optimised");
        let again = models.make(NAME, |_| -> Result<(), Infallible> { panic!("it is there") }).unwrap();
        assert!(matches!(again, Some(Made::Before(again)) if Arc::ptr_eq(&made, &again)));
        let other_process = OptimizedModels::new(dir.path().join("made"));
        assert_eq!(&**other_process.open(NAME).unwrap(), b"optimised");
        assert_eq!(fs::read_dir(dir.path().join("made")).unwrap().count(), 1, "nothing temporary stays");
    }

    #[test]
    fn a_damaged_entry_is_removed_and_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let whole = {
            make(&OptimizedModels::new(dir.path().into()));
            fs::read(dir.path().join("model-key.ort")).unwrap()
        };
        let mut damages: Vec<Vec<u8>> = (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
        damages.extend((0..whole.len()).map(|at| {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            damaged
        }));
        for damaged in damages {
            fs::write(dir.path().join("model-key.ort"), &damaged).unwrap();
            let models = OptimizedModels::new(dir.path().into());
            assert!(models.open(NAME).is_none(), "{damaged:?}");
            assert!(!dir.path().join("model-key.ort").exists());
            assert_eq!(&**make(&models), b"optimised");
        }
    }

    #[test]
    fn where_nothing_can_be_kept_nothing_is_made() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let models = OptimizedModels::new(file.path().join("below a file"));
        assert!(models.make(NAME, |_| -> Result<(), Infallible> { panic!("there is no place") }).unwrap().is_none());
    }

    #[test]
    fn a_failing_writer_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let models = OptimizedModels::new(dir.path().into());
        assert_eq!(models.make(NAME, |_| Err::<(), _>("no")).unwrap_err(), "no");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_name_changes_with_the_model_the_library_and_the_cpu() {
        let model = Digest::of(b"model");
        let name = entry_name(model, "1.31.1", &["avx2"]);
        assert_eq!(name, entry_name(model, "1.31.1", &["avx2"]));
        for other in [
            entry_name(Digest::of(b"other"), "1.31.1", &["avx2"]),
            entry_name(model, "1.31.2", &["avx2"]),
            entry_name(model, "1.31.1", &["avx2", "avx512f"]),
        ] {
            assert_ne!(other, name);
        }
    }
}
