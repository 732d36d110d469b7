//! Quantising, by onnxruntime's own quantiser in a Python environment of ours.
//!
//! Why not by rewriting the graph here, as [`super::specialize`] does: which nodes a quantised pair may surround so that ONNX
//! Runtime fuses it, how batch norms are folded first, and how ranges are found (histograms, entropy) are knowledge of
//! thousands of lines that the runtime's makers keep in step with the runtime. It is needed once a model, by whoever makes
//! it, and never to read a page. So its versions are pinned (`models/tools/requirements.txt`), pip puts them into a virtual
//! environment beside the models at first use, and the script there does the rest.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::error::{Error, Result};

const SCRIPT: &str = include_str!("../../tools/quantize.py");
const REQUIREMENTS: &str = include_str!("../../tools/requirements.txt");

/// Below the models directory.
const FOLDER: &str = ".tools";
/// Says that the environment is whole, and of which requirements.
const COMPLETE: &str = "complete.txt";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// int8, at ranges found by calibration.
    Static,
    /// int8, at the range that each tensor turns out to have.
    Dynamic,
    /// 16-bit floating point.
    Fp16,
}

/// How the range of an activation is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calibration {
    /// Moving averages of minima and maxima: one outlier does not coarsen every step.
    MovingAverage,
    MinMax,
    /// So many per cent of the values lie inside.
    Percentile(f32),
    /// The range that loses least information (Kullback-Leibler divergence of the histograms).
    Entropy,
}

#[derive(Clone, Debug)]
pub struct QuantizeOptions {
    pub mode: Mode,
    pub calibration: Calibration,
    /// What stays in f32: `first:N` of the layers with weights, `last`, `depthwise`, or names of nodes.
    pub keep: Vec<String>,
}

/// What the quantiser did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Quantized {
    /// Layers with weights, and how many of them stayed in f32.
    pub layers: usize,
    pub kept_in_f32: usize,
    /// Tensors that it was calibrated on.
    pub samples: usize,
    /// Version of the quantiser.
    pub onnxruntime: String,
}

/// The Python environment that quantises.
#[derive(Clone, Debug)]
pub struct Quantizer {
    python: PathBuf,
    script: PathBuf,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
            Self::Fp16 => "fp16",
        }
    }
}

impl Quantizer {
    /// The environment below `models_dir`, made at first use: some 110 MB, through the user's own pip. `python` names the
    /// Python to make it with, by default the first of `python3` and `python`; `making` is called before anything is
    /// fetched.
    ///
    /// # Errors
    /// [`Error::Missing`], saying what of Python, pip or the network is not there; [`Error::Io`].
    pub fn ensure(models_dir: &Path, python: Option<&Path>, offline: bool, making: impl FnOnce()) -> Result<Self> {
        let folder = models_dir.join(FOLDER).join("quantize");
        let fail = |cause| Error::Io { path: folder.clone(), cause };
        let bin = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python3" };
        let quantizer = Self { python: folder.join(bin), script: folder.join("quantize.py") };
        let is_complete = || {
            let text = fs::read_to_string(folder.join(COMPLETE));
            text.is_ok_and(|text| text == REQUIREMENTS) && quantizer.python.is_file()
        };
        if !is_complete() {
            if offline {
                return Err(missing("nothing is fetched offline".to_owned()));
            }
            fs::create_dir_all(&folder).map_err(fail)?;
            // One at a time; whoever waited finds the work done.
            let lock = File::create(models_dir.join(FOLDER).join(".lock")).map_err(fail)?;
            lock.lock().map_err(fail)?;
            if !is_complete() {
                making();
                quantizer.make(&folder, python)?;
            }
        }
        // The script of this version of the program, whichever made the environment.
        fs::write(&quantizer.script, SCRIPT).map_err(fail)?;
        Ok(quantizer)
    }

    fn make(&self, folder: &Path, python: Option<&Path>) -> Result<()> {
        let fail = |cause| Error::Io { path: folder.to_path_buf(), cause };
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS).map_err(fail)?;
        // Windows installs Python as `python`; its `python3` is often a stub that opens a shop.
        let names: &[&str] = if cfg!(windows) { &["python", "python3"] } else { &["python3", "python"] };
        let candidates: Vec<PathBuf> = match python {
            Some(python) => vec![python.to_path_buf()],
            None => names.iter().map(PathBuf::from).collect(),
        };
        let mut failure = None;
        let made = candidates.iter().any(|candidate| {
            let mut command = Command::new(candidate);
            command.args(["-m", "venv", "--clear"]).arg(folder);
            run(command).map_err(|why| failure.get_or_insert(format!("`{}`: {why}", candidate.display()))).is_ok()
        });
        if !made {
            return Err(missing(failure.unwrap_or_default()));
        }
        // `--clear` took it away.
        fs::write(&requirements, REQUIREMENTS).map_err(fail)?;
        let mut pip = Command::new(&self.python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--only-binary=:all:",
        ]);
        pip.arg("--requirement").arg(&requirements);
        run(pip).map_err(|why| missing(format!("`pip install` failed: {why}")))?;
        fs::write(folder.join(COMPLETE), REQUIREMENTS).map_err(fail)
    }

    /// Writes `source`, quantised, to `target`. `tensors` is a folder of [`super::calibration::write_npy`]'s files, of which
    /// [`Mode::Static`] reads all.
    ///
    /// # Errors
    /// [`Error::Optimize`] with the quantiser's last words.
    pub fn quantize(
        &self,
        source: &Path,
        target: &Path,
        tensors: &Path,
        options: &QuantizeOptions,
    ) -> Result<Quantized> {
        let fail = |cause: String| Error::Optimize { cause: format!("the quantiser failed: {cause}"), hint: None };
        // Isolated (-I): neither the user's packages nor their variables play a part.
        let mut command = Command::new(&self.python);
        command.arg("-I").arg(&self.script).arg(source).arg(target).arg("--mode").arg(options.mode.name());
        command.arg("--tensors").arg(tensors).env("ORT_DISABLE_TELEMETRY", "1");
        command.arg("--method").arg(match options.calibration {
            Calibration::MovingAverage => "moving-average",
            Calibration::MinMax => "min-max",
            Calibration::Percentile(_) => "percentile",
            Calibration::Entropy => "entropy",
        });
        if let Calibration::Percentile(percentile) = options.calibration {
            command.arg("--percentile").arg(percentile.to_string());
        }
        // With `=`, a name that begins with a dash is no flag.
        command.args(options.keep.iter().map(|word| format!("--keep={word}")));
        let output = run(command).map_err(fail)?;
        let last = output.lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|_| fail(format!("it said `{last}`")))
    }
}

fn missing(why: String) -> Error {
    Error::Missing {
        what: "the quantiser's Python environment".to_owned(),
        why,
        hint: "it takes Python 3.11 or later with pip and venv, and a network at first use; set `models.dir` to share one \
               that was made before"
            .to_owned(),
    }
}

/// Standard output of a command that succeeds; else why it did not, in its own last words.
fn run(mut command: Command) -> Result<String, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    let stderr = child.stderr.take();
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut text = String::new();
    let read = child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut text));
    let status = child.wait().map_err(|error| error.to_string())?;
    let errors = errors.join().unwrap_or_default();
    read.map_err(|error| error.to_string())?;
    match status.success() {
        true => Ok(text),
        false => {
            let said = |text: &str| text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
            Err(said(&errors).or_else(|| said(&text)).unwrap_or_else(|| status.to_string()))
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A stand-in for Python that makes an environment whose Python is `inner`.
    fn python(dir: &Path, inner: &str) -> PathBuf {
        let path = dir.join("python3");
        let script = format!(
            "echo \"$@\" >> '{}'\nmkdir -p \"$4/bin\"\nprintf '#!/bin/sh\\n{inner}\\n' > \"$4/bin/python3\"\n\
             chmod +x \"$4/bin/python3\"\n",
            dir.join("calls").display()
        );
        // Written by another process: were it open for writing here while another test's thread forks, running it could
        // fail as "text file busy".
        let mut writer = Command::new("/bin/sh")
            .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut writer.stdin.take().unwrap(), format!("#!/bin/sh\n{script}").as_bytes())
            .unwrap();
        assert!(writer.wait().unwrap().success());
        path
    }

    const OPTIONS: QuantizeOptions =
        QuantizeOptions { mode: Mode::Static, calibration: Calibration::Percentile(99.9), keep: Vec::new() };

    #[test]
    fn the_environment_is_made_once_and_quantises() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        let answer = r#"{"layers": 3, "kept_in_f32": 1, "samples": 2, "onnxruntime": "1.31.1"}"#;
        let inner = format!("case \"$2\" in pip) exit 0;; esac; echo noise; echo \"$@\" >&2; echo \\047{answer}\\047");
        let python = python(dir.path(), &inner.replace('"', "\\042"));
        let mut made = 0;
        for _ in 0..2 {
            let quantizer = Quantizer::ensure(&models, Some(&python), false, || made += 1).unwrap();
            let keep = vec!["first".to_owned(), "-odd".to_owned()];
            let options = QuantizeOptions { keep, ..OPTIONS };
            let done = quantizer.quantize(Path::new("a"), Path::new("b"), dir.path(), &options).unwrap();
            assert_eq!((done.layers, done.kept_in_f32, done.samples), (3, 1, 2));
            assert_eq!(fs::read_to_string(&quantizer.script).unwrap(), SCRIPT);
        }
        assert_eq!(made, 1);
        let calls = fs::read_to_string(dir.path().join("calls")).unwrap();
        assert_eq!(calls.lines().count(), 1);
        assert!(calls.starts_with("-m venv --clear"), "{calls}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let check = |python: &Path, offline: bool, expected: &str| {
            let error = Quantizer::ensure(&dir.path().join("models"), Some(python), offline, || {}).unwrap_err();
            assert!(error.to_string().contains(expected), "{expected} in {error}");
            assert!(error.hint().unwrap().contains("Python 3.11"));
        };
        check(Path::new("/nowhere/python3"), false, "/nowhere/python3");
        check(Path::new("/nowhere/python3"), true, "offline");
        let no_network = python(dir.path(), "echo ERROR: no network >&2; exit 1");
        check(&no_network, false, "ERROR: no network");
    }

    #[test]
    fn a_quantiser_that_fails_is_told_in_its_own_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let inner = "case $2 in pip) exit 0;; esac; echo ValueError: no such node >&2; exit 3";
        let python = python(dir.path(), inner);
        let quantizer = Quantizer::ensure(&dir.path().join("models"), Some(&python), false, || {}).unwrap();
        let error = quantizer.quantize(Path::new("a"), Path::new("b"), dir.path(), &OPTIONS).unwrap_err();
        assert!(error.to_string().contains("ValueError: no such node"), "{error}");
    }
}
