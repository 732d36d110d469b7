//! What the tests of the program share: a home of its own to run it in, and how it ended.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use pagestream_models::registry::{DEFAULT_MODELS, Fetching, Registry, RegistryOptions};
use serde_json::Value;
use tempfile::TempDir;

/// Four pages: two born digital, one scanned, one scanned sideways.
pub const SAMPLE: &[u8] = include_bytes!("../../examples/data/sample.pdf");
pub const TRUTH: &str = include_str!("../../examples/data/sample.truth.txt");

/// A home of its own, which is the working directory too, with `sample.pdf` in it and nothing else.
pub struct Home {
    dir: TempDir,
    pub variables: Vec<(&'static str, PathBuf)>,
}

pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    /// The sentence that says what came of a run of several documents: apart, since it says how long that took.
    pub summary: Option<String>,
}

impl Home {
    /// Without models, and without Python to fetch any.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("sample.pdf"), SAMPLE).unwrap();
        Self { dir, variables: Vec::new() }
    }

    /// With the models of the user who runs the tests, fetched if they are not there yet.
    pub fn with_models() -> Self {
        static INSTALLED: OnceLock<Vec<(&'static str, PathBuf)>> = OnceLock::new();
        let variables = INSTALLED.get_or_init(|| {
            let registry = Registry::open(RegistryOptions::default()).unwrap();
            registry.ensure(&DEFAULT_MODELS, &Fetching::allowed()).unwrap();
            registry.runtime(&Fetching::allowed()).unwrap();
            let own = registry.ort_dylib().map(|library| ("PAGESTREAM_ORT_DYLIB", library.to_owned()));
            [("PAGESTREAM_MODELS_DIR", registry.models_dir().unwrap().to_owned())].into_iter().chain(own).collect()
        });
        Self { variables: variables.clone(), ..Self::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The program in a clean environment, not started yet. It finds no Python, and so fetches nothing.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pagestream"));
        command.args(arguments).current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        // Where there is no search path at all, systems look in places of their own.
        command.env("PATH", self.path("no-programs"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // Windows programs find their libraries and temporary folder by these.
        for name in ["SystemRoot", "TEMP", "LD_LIBRARY_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.outcome(self.command(arguments).spawn().unwrap())
    }

    pub fn outcome(&self, child: Child) -> Outcome {
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&*self.dir.path().to_string_lossy(), "~");
        let (mut err, mut summary) = (text(output.stderr), None);
        let is_summary = |line: &&str| {
            line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(" document") && line.contains(" in ")
        };
        if let Some(line) = err.lines().find(is_summary).map(str::to_owned) {
            err = err.replacen(&format!("{line}\n"), "", 1);
            summary = Some(line);
        }
        Outcome { code: output.status.code(), out: text(output.stdout), err, summary }
    }

    /// The names of all files in a folder, sorted; hidden ones too.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let names: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.into_iter().collect()
    }

    /// Nothing was fetched, no folder for it was made, and no library left anything of its own.
    #[track_caller]
    pub fn assert_nothing_was_left_behind(&self) {
        assert_eq!(self.files("."), ["sample.pdf"]);
    }
}

impl Outcome {
    #[track_caller]
    pub fn expect(&self, code: i32, err: &str) -> &Self {
        assert_eq!((self.code, self.err.as_str()), (Some(code), err), "stdout: {:.2000}", self.out);
        self
    }

    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
