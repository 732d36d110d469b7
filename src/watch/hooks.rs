//! A program of the user's that is run for every document that has ended: its arguments as they are, without a shell, bounded in
//! number and time. What it does, and whether, changes nothing for the file.

use std::{ffi::OsString, process::Stdio, sync::Arc, time::Duration};

use tokio::{io::AsyncReadExt as _, process::Command, sync::Semaphore};

/// What of its complaints is kept for the log, bytes.
const COMPLAINTS: usize = 4 << 10;

#[derive(Clone)]
pub struct Hook {
    /// Empty: none is run.
    arguments: Vec<String>,
    time: Duration,
    permits: Arc<Semaphore>,
}

impl Hook {
    pub fn new(arguments: Vec<String>, time: Duration, at_once: u32) -> Self {
        Self { arguments, time, permits: Arc::new(Semaphore::new(at_once as usize)) }
    }

    /// Runs it to its end, when it is its turn; killed with all that it has started when its time is over.
    ///
    /// # Errors
    /// One sentence: that it could not be started, failed, or took too long.
    pub async fn run(&self, variables: &[(&'static str, OsString)]) -> Result<(), String> {
        let Some((program, arguments)) = self.arguments.split_first() else { return Ok(()) };
        // It is never closed.
        let Ok(_permit) = self.permits.acquire().await else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
        // What the service manager waits for is ours to say.
        command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC").env_remove("WATCHDOG_PID");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("the hook {program} cannot be started: {error}"))?;
        let process = child.id();
        let complaints = child.stderr.take();
        let end = async {
            let said = match complaints {
                Some(stderr) => read_some(stderr).await,
                None => String::new(),
            };
            (child.wait().await, said)
        };
        match tokio::time::timeout(self.time, end).await {
            Ok((Ok(status), _)) if status.success() => Ok(()),
            Ok((Ok(status), said)) => Err(format!("the hook {program} failed ({status}): {}", said.trim())),
            Ok((Err(error), _)) => Err(format!("the hook {program} cannot be waited for: {error}")),
            Err(_) => {
                kill(process);
                Err(format!("the hook {program} took longer than `watch.hook_time` ({:?}) and was killed", self.time))
            }
        }
    }
}

/// Reads to the end, so that nobody waits for room in a pipe, and keeps the beginning.
async fn read_some(mut stderr: tokio::process::ChildStderr) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 1_024]);
    while let Ok(read) = stderr.read(&mut piece).await {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&piece[..read.min(COMPLAINTS.saturating_sub(kept.len()))]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The program and what it has started: they are a group of their own.
fn kill(process: Option<u32>) {
    #[cfg(unix)]
    if let Some(group) = process.and_then(|process| i32::try_from(process).ok()) {
        // SAFETY: sends a signal; the group is that of a child that was not waited for, so that its number is nobody else's.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    #[cfg(not(unix))]
    let _ = process;
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn hook(arguments: &[&str], time: Duration) -> Hook {
        Hook::new(arguments.iter().map(|text| (*text).to_owned()).collect(), time, 1)
    }

    #[tokio::test]
    async fn a_hook_gets_its_variables_and_no_shell_touches_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a b;$(c)");
        let long = Duration::from_secs(600);
        let script = r#"printf '%s|%s' "$0" "$PAGESTREAM_HOOK_FILE" > "$1""#;
        let run = hook(&["/bin/sh", "-c", script, "$HOME; ls", out.to_str().unwrap()], long);
        run.run(&[("PAGESTREAM_HOOK_FILE", "x y".into())]).await.unwrap();
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "$HOME; ls|x y");
        let failed = hook(&["/bin/sh", "-c", "echo no >&2; exit 3"], long).run(&[]).await.unwrap_err();
        assert!(failed.contains("exit status: 3") && failed.ends_with("no"), "{failed}");
        let none = hook(&["/no/such/program"], long).run(&[]).await.unwrap_err();
        assert!(none.contains("cannot be started"), "{none}");
        hook(&[], long).run(&[]).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed_with_all_that_it_started() {
        // The shell and the sleeper hold the pipe; were one of them left, the pipe would stay open.
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = vec!["/bin/sh".to_owned(), "-c".to_owned()];
        use std::os::fd::AsRawFd as _;
        let inherited = writer.as_raw_fd();
        // SAFETY: lets the children of this test inherit the pipe, which stays open until they were started.
        unsafe { libc::fcntl(inherited, libc::F_SETFD, 0) };
        command.push("sleep 1000 & sleep 1000".to_owned());
        let error = Hook::new(command, Duration::from_millis(200), 1).run(&[]).await.unwrap_err();
        assert!(error.contains("took longer"), "{error}");
        drop(writer);
        let read = tokio::task::spawn_blocking(move || std::io::Read::read(&mut reader, &mut [0]).unwrap());
        assert_eq!(read.await.unwrap(), 0, "nobody holds it any more");
    }
}
