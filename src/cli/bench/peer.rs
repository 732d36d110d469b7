//! Another program on the same documents: run in turns with this one, each in a process of its own, so that what one of
//! them pays for starting the other pays too.

use std::{
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use serde::Serialize;

use super::{figures::median, usage};

/// Of what a program writes to stderr, so much is told when it fails.
const TOLD: usize = 2000;

/// One run over all documents.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    pub wall_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_s: Option<f64>,
    /// Of the largest process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
}

/// Medians over the runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    pub pages_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_s_per_page: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
}

/// Both programs. A ratio above 1 says that this one is that many times better.
#[derive(Debug, Serialize)]
pub struct Comparison {
    pub command: String,
    pub ours: Figures,
    pub theirs: Figures,
    pub speed_ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_ratio: Option<f64>,
    pub our_runs: Vec<Run>,
    pub their_runs: Vec<Run>,
}

/// What both did, in the order of the rounds.
pub struct Runs {
    command: String,
    ours: Vec<Run>,
    theirs: Vec<Run>,
}

/// Runs both in turns, `warm_up` times unmeasured and then `rounds` times; who begins changes from round to round.
///
/// To be called while this process is small: Linux counts to a child's peak what its parent had when it was started.
///
/// # Errors
/// One sentence, when a program cannot be started or fails.
pub fn run(
    command: &str,
    own_arguments: &[OsString],
    inputs: &[PathBuf],
    warm_up: usize,
    rounds: usize,
) -> Result<Runs, String> {
    let own = std::env::current_exe().map_err(|e| format!("this program cannot be found again: {e}"))?;
    let ours = || {
        let mut program = Command::new(&own);
        program.args(own_arguments).args(inputs);
        timed(vec![program], "pagestream")
    };
    let theirs = || timed(commands(command, inputs), command);
    let mut runs = Runs { command: command.to_owned(), ours: Vec::new(), theirs: Vec::new() };
    for round in 0..warm_up + rounds {
        let (ours, theirs) = if round % 2 == 0 {
            let ours = ours()?;
            (ours, theirs()?)
        } else {
            let theirs = theirs()?;
            (ours()?, theirs)
        };
        if round >= warm_up {
            runs.ours.push(ours);
            runs.theirs.push(theirs);
        }
    }
    Ok(runs)
}

impl Runs {
    /// As figures, when it is known how many pages there were.
    pub fn compared(self, pages: u64) -> Comparison {
        let (ours, theirs) = (figures(&self.ours, pages), figures(&self.theirs, pages));
        let ratio = |ours: Option<f64>, theirs: Option<f64>| Some(theirs? / ours?);
        let bytes = |figures: Figures| figures.peak_bytes.map(|bytes| bytes as f64);
        Comparison {
            command: self.command,
            speed_ratio: ours.pages_per_s / theirs.pages_per_s,
            cpu_ratio: ratio(ours.cpu_s_per_page, theirs.cpu_s_per_page),
            memory_ratio: ratio(bytes(ours), bytes(theirs)),
            ours,
            theirs,
            our_runs: self.ours,
            their_runs: self.theirs,
        }
    }
}

fn figures(runs: &[Run], pages: u64) -> Figures {
    let all = |value: fn(&Run) -> Option<f64>| runs.iter().map(value).collect::<Option<Vec<f64>>>();
    Figures {
        pages_per_s: pages as f64 / median(runs.iter().map(|run| run.wall_s)),
        cpu_s_per_page: all(|run| run.cpu_s).map(|values| median(values) / pages as f64),
        peak_bytes: all(|run| run.peak_bytes.map(|bytes| bytes as f64)).map(|values| median(values) as u64),
    }
}

/// The user's command for all documents at once (`{inputs}`), or for one after the other (`{input}`).
fn commands(command: &str, inputs: &[PathBuf]) -> Vec<Command> {
    let lines = match command.contains("{inputs}") {
        true => vec![command.replace("{inputs}", &inputs.iter().map(|i| quoted(i)).collect::<Vec<_>>().join(" "))],
        false => inputs.iter().map(|input| command.replace("{input}", &quoted(input))).collect(),
    };
    lines.iter().map(|line| shell(line)).collect()
}

#[cfg(not(windows))]
fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", line]);
    command
}

/// A path that a shell takes as one word, whatever is in it.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    match cfg!(windows) {
        true => format!("\"{path}\""),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// One process after the other, from the first one's start to the last one's end.
fn timed(programs: Vec<Command>, name: &str) -> Result<Run, String> {
    let since = Instant::now();
    let mut used = Some(usage::Usage::default());
    for mut program in programs {
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = program.spawn().map_err(|e| format!("`{name}` cannot be started: {e}"))?;
        let mut told = Vec::new();
        if let Some(mut stderr) = child.stderr.take() {
            // Read to its end, or the program would wait for ever when the pipe is full.
            let _ = stderr.read_to_end(&mut told);
        }
        let (status, usage) = usage::of_child(&mut child).map_err(|e| format!("`{name}` cannot be waited for: {e}"))?;
        if !status.success() {
            let told = String::from_utf8_lossy(&told[told.len().saturating_sub(TOLD)..]).trim().to_owned();
            return Err(format!("`{name}` failed with {status}: {told}"));
        }
        used = used
            .zip(usage)
            .map(|(sum, one)| usage::Usage { cpu: sum.cpu + one.cpu, peak_bytes: sum.peak_bytes.max(one.peak_bytes) });
    }
    Ok(Run {
        wall_s: since.elapsed().as_secs_f64(),
        cpu_s: used.map(|usage| usage.cpu.as_secs_f64()),
        peak_bytes: used.map(|usage| usage.peak_bytes),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_run_for_each_document_or_for_all() {
        let inputs = ["a.pdf", "it's b.pdf"].map(PathBuf::from);
        for (command, expected) in [
            ("echo {input} twice {input}", vec!["a.pdf twice a.pdf\n", "it's b.pdf twice it's b.pdf\n"]),
            ("printf %s, {inputs}", vec!["a.pdf,it's b.pdf,"]),
        ] {
            let outputs = commands(command, &inputs).into_iter().map(|mut command| command.output().unwrap().stdout);
            assert_eq!(outputs.map(|out| String::from_utf8(out).unwrap()).collect::<Vec<_>>(), expected, "{command}");
        }
    }

    #[test]
    fn a_command_that_fails_says_so() {
        let error = timed(commands("echo no such model >&2; exit 4", &["a".into()]), "peer").unwrap_err();
        assert_eq!(error, "`peer` failed with exit status: 4: no such model");
    }
}
