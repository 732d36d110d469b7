//! A folder to watch, with the program that watches it.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::shell::{Home, Outcome};

/// Whatever takes longer hangs: a hundred times what it takes on two busy cores.
pub const HANGS: Duration = Duration::from_secs(300);

/// Times so short that a test is quick, and pages that are read from their text alone.
const QUICK: [&str; 14] = [
    "--out",
    "out",
    "--ocr",
    "never",
    "--quality",
    "fast",
    "--offline",
    "--set",
    "watch.settle=40ms",
    "--set",
    "watch.poll=50ms",
    "--set",
    "watch.retry_after=20ms",
    "--set=pipeline.drain=20s",
];

/// A home with the folders `in` and `out`.
pub struct Folder {
    pub home: Home,
}

impl Folder {
    pub fn new() -> Self {
        let home = Home::new();
        fs::create_dir(home.path("in")).unwrap();
        Self { home }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.home.path(".").join(name)
    }

    /// Puts a file into the watched folder, whole from the first moment on.
    pub fn drop_in(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let to = self.path("in").join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let beside = to.parent().unwrap().join(".being-written");
        fs::write(&beside, content).unwrap();
        fs::rename(beside, to).unwrap();
    }

    pub fn command(&self, more: &[&str]) -> Command {
        let arguments: Vec<&str> = ["watch", "in"].into_iter().chain(QUICK).chain(more.iter().copied()).collect();
        self.home.command(&arguments)
    }

    /// A run that ends by itself.
    #[track_caller]
    pub fn once(&self, more: &[&str]) -> Outcome {
        let more: Vec<&str> =
            ["--once", "--set", "watch.incomplete=200ms"].into_iter().chain(more.iter().copied()).collect();
        self.home.outcome(self.command(&more).spawn().unwrap())
    }

    /// The program, watching, and ready.
    pub fn watch(&self, more: &[&str]) -> Watching {
        self.watch_with(self.command(more))
    }

    pub fn watch_with(&self, mut command: Command) -> Watching {
        let manager = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(manager.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(HANGS)).unwrap();
        let mut child = command.env("NOTIFY_SOCKET", manager.path().join("notify")).spawn().unwrap();
        let lines = lines_of(&mut child);
        let watching = Watching { child, lines, heard: Vec::new(), socket, _manager: manager };
        watching.hears("READY=1");
        watching
    }

    /// All files below, relative, sorted; hidden ones and those of the data directory not.
    #[track_caller]
    pub fn files(&self, below: &str) -> Vec<String> {
        let root = self.path(below);
        let mut files = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let entry = entry.unwrap();
                if entry.file_name().to_string_lossy().starts_with('.') {
                    continue;
                }
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => files.push(entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned()),
                }
            }
        }
        files.sort();
        files
    }

    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What is claimed and has not ended.
    pub fn claimed(&self) -> usize {
        let owners = fs::read_dir(self.path("in/.pagestream/work")).into_iter().flatten().flatten();
        let files = owners.flat_map(|owner| fs::read_dir(owner.path()).unwrap().flatten());
        files.filter(|file| file.file_name().len() == 36).count()
    }
}

fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let err = BufReader::new(child.stderr.take().unwrap());
    thread::spawn(move || {
        for line in err.split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    lines
}

pub struct Watching {
    pub child: Child,
    lines: mpsc::Receiver<String>,
    pub heard: Vec<String>,
    socket: UnixDatagram,
    _manager: tempfile::TempDir,
}

impl Watching {
    /// Waits until it has said something that has `text` in it.
    #[track_caller]
    pub fn says(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(HANGS) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("it never said `{text}` but:\n{}", self.heard.join("\n")),
            }
        }
    }

    /// What it says next, if it says something just now.
    #[track_caller]
    pub fn next(&mut self) -> Option<String> {
        let line = match self.lines.recv_timeout(Duration::from_millis(10)) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => return None,
            Err(mpsc::RecvTimeoutError::Disconnected) => panic!("it has ended:\n{}", self.heard.join("\n")),
        };
        self.heard.push(line.clone());
        Some(line)
    }

    /// Waits until the service manager has heard something that begins so.
    #[track_caller]
    pub fn hears(&self, text: &str) -> String {
        let mut buffer = [0; 4_096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap_or_else(|_| panic!("`{text}` was never told"));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.starts_with(text) {
                return message;
            }
        }
    }

    pub fn signal(&self, signal: libc::c_int) {
        let process = i32::try_from(self.child.id()).unwrap();
        // SAFETY: a signal to a child that was not waited for.
        assert_eq!(unsafe { libc::kill(process, signal) }, 0);
    }

    /// Ends it as a service manager does. What it has said.
    #[track_caller]
    pub fn stop(self) -> String {
        self.signal(libc::SIGTERM);
        self.end()
    }

    /// The end of one that was told to. What it has said.
    #[track_caller]
    pub fn end(mut self) -> String {
        let status = self.child.wait().unwrap();
        self.heard.extend(self.lines.iter());
        assert_eq!(status.code(), Some(0), "{}", self.heard.join("\n"));
        self.heard.join("\n")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // Where a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
