//! What was measured on this machine, kept in its cache directory until what it depends on changes.

use std::{
    fs,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use pagestream_documents::Digest;
use pagestream_models::device::Hardware;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Machine;

/// Raise it when figures of earlier versions are of no use.
const SCHEMA: u32 = 2;

/// Figures as they are kept.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    schema: u32,
    /// A digest of everything that they depend on.
    key: String,
    measured: T,
}

/// One digest of all that figures depend on: the version of the program, this hardware with its processor's instructions, and
/// these parts.
pub fn key(parts: &[String]) -> String {
    key_on(&Hardware::find().describe(), &Machine::instructions(), parts)
}

fn key_on(hardware: &str, instructions: &[String], parts: &[String]) -> String {
    let common = [env!("CARGO_PKG_VERSION").to_owned(), hardware.to_owned(), instructions.join(" ")];
    Digest::of([&common, parts].concat().join("\n").as_bytes()).to_string()
}

/// The figures in a file, if they hold for this key.
pub fn read<T: DeserializeOwned>(file: &Path, key: &str) -> Option<T> {
    let kept: Kept<T> = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (kept.schema == SCHEMA && kept.key == key).then_some(kept.measured)
}

/// Keeps figures; says so where that cannot be done, which costs no more than measuring again.
pub fn write<T: Serialize>(file: &Path, key: &str, measured: &T) {
    if let Err(error) = try_write(file, key, measured) {
        tracing::warn!(%error, file = %file.display(), "what was measured cannot be kept; the next start measures again");
    }
}

fn try_write<T: Serialize>(file: &Path, key: &str, measured: &T) -> std::io::Result<()> {
    let kept = Kept { schema: SCHEMA, key: key.to_owned(), measured };
    let dir = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    // Renamed into place, so that no other process reads a half of it.
    let mut temporary = tempfile::NamedTempFile::new_in(dir)?;
    temporary.write_all(&serde_json::to_vec_pretty(&kept)?)?;
    temporary.persist(file).map(drop).map_err(|error| error.error)
}

/// Processor time of this process, on all its threads; elsewhere than on Unix, the wall's.
pub fn process_time() -> Duration {
    #[cfg(unix)]
    let time = clock(libc::CLOCK_PROCESS_CPUTIME_ID);
    #[cfg(not(unix))]
    let time = wall_time();
    time
}

#[cfg(unix)]
fn clock(id: libc::clockid_t) -> Duration {
    // SAFETY: all zeroes is a valid timespec, and the call fills it.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(id, &mut time);
        time
    };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Since some moment of this process.
pub fn wall_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_for_what_they_hold_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new").join("figures.json");
        let (here, there) = (key(&["here".to_owned()]), key(&["another machine".to_owned()]));
        let figures = vec![("cpu".to_owned(), 1500.0), ("cuda:0".to_owned(), 0.1 + 0.2)];
        let read = |key: &str| read::<Vec<(String, f64)>>(&file, key);
        assert_eq!(read(&here), None);
        write(&file, &here, &figures);
        assert_eq!((read(&here), read(&there)), (Some(figures), None));
        fs::write(&file, "{").unwrap();
        assert_eq!(read(&here), None, "damaged");
    }

    #[test]
    fn figures_of_other_instructions_do_not_hold() {
        let instructions = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let (avx2, vnni) = (instructions(&["avx2"]), instructions(&["avx2", "avx512vnni"]));
        let parts = ["cpu".to_owned()];
        assert_ne!(key_on("EPYC", &avx2, &parts), key_on("EPYC", &vnni, &parts));
        assert_ne!(key_on("EPYC", &avx2, &parts), key_on("Xeon", &avx2, &parts));
        assert_eq!(key_on("EPYC", &avx2, &parts), key_on("EPYC", &avx2, &parts));
    }

    #[test]
    fn where_nothing_can_be_kept_nothing_fails() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        fs::write(&blocked, "").unwrap();
        write(&blocked.join("figures.json"), "key", &1);
    }

    #[test]
    fn clocks_go_forwards() {
        let process = process_time();
        let sum: u64 = (0..100_000_u64).map(std::hint::black_box).sum();
        assert_eq!(std::hint::black_box(sum), 4_999_950_000);
        assert!(process_time() > process && wall_time() >= Duration::ZERO);
    }
}
