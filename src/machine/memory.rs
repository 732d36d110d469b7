//! What memory each model takes, once it is loaded and while it runs.
//!
//! A model is loaded when the first page asks for it, so that a feature which nobody asks for takes nothing. What it takes else is measured once on
//! a machine and kept beside the other figures: one model after the other in this process, those before still loaded, so that none
//! moves into the memory of another.

use std::path::PathBuf;

use pagestream_models::{Error as ModelError, Session, Tensor, device::DeviceChoice};
use serde::{Deserialize, Serialize};

use super::{Machine, Measure, measured};

/// What one model takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelMemory {
    pub task: String,
    pub id: String,
    /// Bytes of a session between runs. The first of a library has with it what that keeps for all.
    pub loaded_bytes: u64,
    /// Bytes more while it reads a typical input; left out where no input is typical of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_bytes: Option<u64>,
    /// Whether the system tells no process's memory, so that this is the backend's estimate.
    pub is_estimate: bool,
}

/// A model that is at hand, to be measured.
pub struct Candidate<'a> {
    pub task: &'a str,
    pub id: &'a str,
    /// Of a typical input.
    pub shape: Option<[usize; 4]>,
    pub load: Box<dyn Fn() -> Result<Box<dyn Session>, ModelError> + 'a>,
}

/// What was measured, or is measured now. `key` has all that the figures depend on besides the machine. A model that cannot be loaded is
/// left out, and the log says why.
pub fn of_models(
    machine: &Machine,
    device: &DeviceChoice,
    key: &[String],
    candidates: &[Candidate<'_>],
    when: Measure,
) -> Vec<ModelMemory> {
    let file = file(machine, device);
    let key = measured::key(key);
    if when != Measure::Anew
        && let Some(kept) = file.as_deref().and_then(|file| measured::read(file, &key))
    {
        return kept;
    }
    if when == Measure::Never {
        return Vec::new();
    }
    let mut loaded = Vec::new();
    let mut all = Vec::new();
    for candidate in candidates {
        match measure(candidate) {
            Ok((memory, session)) => {
                all.push(memory);
                loaded.push(session);
            }
            Err(error) => tracing::warn!(%error, id = candidate.id, "what the model takes cannot be measured"),
        }
    }
    if let Some(file) = file {
        measured::write(&file, &key, &all);
    }
    all
}

fn file(machine: &Machine, device: &DeviceChoice) -> Option<PathBuf> {
    let device = device.to_string().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    machine.file(&format!("memory-{device}.json"))
}

fn measure(candidate: &Candidate<'_>) -> Result<(ModelMemory, Box<dyn Session>), ModelError> {
    let before = settled();
    let mut session = (candidate.load)()?;
    let after = settled();
    let grown = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
    let loaded = grown(before, after);
    let mut running = None;
    if let Some(shape) = candidate.shape {
        let input = Tensor { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] };
        let mut during = None;
        session.run(input.view(), &mut |_| during = settled())?;
        running = session.peak_bytes().or_else(|| grown(after, during));
    }
    let memory = ModelMemory {
        task: candidate.task.to_owned(),
        id: candidate.id.to_owned(),
        loaded_bytes: loaded.unwrap_or_else(|| session.memory().bytes()),
        running_bytes: running,
        is_estimate: loaded.is_none(),
    };
    Ok((memory, session))
}

/// Bytes of this process that are in memory, but for those that its allocator keeps of what was given back; `None` where the system does not
/// tell.
fn settled() -> Option<u64> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes no pointer, and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
    resident()
}

/// Bytes of this process that are in memory; `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use pagestream_documents::{ByteSize, Digest};
    use pagestream_models::{Backend, ModelSource, TensorView, backend::fake::FakeBackend};

    use super::*;

    /// A session with so many bytes of weights, which are written to.
    struct Heavy(Vec<u8>);

    impl Session for Heavy {
        fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<(), ModelError> {
            let scratch = vec![1_u8; self.0.len() / 2];
            assert_eq!(input.data.len(), 64);
            read(input);
            assert!(scratch.iter().all(|&byte| byte == 1));
            Ok(())
        }

        fn memory(&self) -> ByteSize {
            ByteSize(self.0.len() as u64)
        }
    }

    /// Other tests of a process take memory as well, so this one runs in a process of its own, which has it in its environment.
    const ALONE: &str = "PAGESTREAM_TEST_ALONE";

    #[test]
    fn what_a_model_takes_is_measured_once_and_kept() {
        const SIZE: u64 = 64 << 20;
        if std::env::var_os(ALONE).is_none() {
            let name = "machine::memory::tests::what_a_model_takes_is_measured_once_and_kept";
            let program = std::env::current_exe().unwrap();
            let output = std::process::Command::new(program).args([name, "--exact"]).env(ALONE, "1").output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::new(Some(dir.path().to_owned()));
        let loads = Cell::new(0);
        let candidates = [
            Candidate {
                task: "layout",
                id: "heavy",
                shape: Some([1, 1, 8, 8]),
                load: Box::new(|| {
                    loads.set(loads.get() + 1);
                    Ok(Box::new(Heavy(vec![1; SIZE as usize])))
                }),
            },
            Candidate {
                task: "table",
                id: "absent",
                shape: None,
                load: Box::new(|| Err(ModelError::Device { device: "none".into(), cause: "it is a test".into() })),
            },
            Candidate {
                task: "embed",
                id: "light",
                shape: None,
                load: Box::new(|| {
                    let source = ModelSource::built_in("light", b"", Digest::of(b""));
                    FakeBackend::new(|_| Ok(Tensor::default())).load(&source)
                }),
            },
        ];
        let device = "cpu".parse().unwrap();
        let of = |key: &str, when| of_models(&machine, &device, &[key.to_owned()], &candidates, when);
        assert!(of("one", Measure::Never).is_empty());
        let all = of("one", Measure::IfNeeded);
        let [heavy, light] = &all[..] else { panic!("{all:?}") };
        assert!(heavy.loaded_bytes >= SIZE && heavy.loaded_bytes < SIZE + SIZE / 4, "{heavy:?}");
        assert!(heavy.is_estimate || heavy.running_bytes.is_some_and(|bytes| bytes >= SIZE / 4), "{heavy:?}");
        assert!(light.loaded_bytes < SIZE / 4 && light.running_bytes.is_none(), "{light:?}");
        assert_eq!(of("one", Measure::Never), all, "it is kept");
        assert_eq!(loads.get(), 1);
        assert!(of("another library", Measure::Never).is_empty());
        of("one", Measure::Anew);
        assert_eq!(loads.get(), 2);
    }
}
