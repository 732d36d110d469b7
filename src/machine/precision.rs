//! In which precision the built-in networks run on a device that has a library of its own: f32, which reads a little better, or int8 where that computes what it
//! should and makes the whole page much quicker.
//!
//! Both depend on the processor's instructions and on the library. So at the first start on a machine the lab's page is read in both
//! (see [`pagestream_models::trial`]), and what came of it is kept beside the optimised models. It is tried again when the
//! machine, its instructions, the library or the version changes. On our own runtime nothing is tried: there int8 comes to the same everywhere.

use std::{path::PathBuf, time::Duration};

use pagestream_models::{
    Backend, Error as ModelError, Session,
    backend::portable::PortableBackend,
    built_in::Network,
    device::DeviceChoice,
    ocr::{Quality, Task},
    trial::{self, Agreement, PageTrial, Sessions},
};
use serde::{Deserialize, Serialize};

use super::{Machine, Measure, measured};

/// A network, and the whole page with it, must be quicker by this in int8. It loses up to a tenth of a point of characters, and figures vary.
const GAIN: f64 = 1.25;

/// Most that may come out otherwise than in f32 for int8 to be used, as a share of a network's steps (of a detector, of the lines it
/// finds; of the layout network, cells), on the lab's page and vectors. With exact sums (AVX-512 VNNI) 1 line of 44 differs, 109 steps of 7,584 (`fast`) and 89 (`balanced`); with
/// sums that saturate (ONNX Runtime 1.31 on AVX2, `qemu-x86_64 -cpu Haswell`) 16 lines, 387 steps and 287. The gates lie between, nearer to what
/// is right; `models/examples/trial.rs` prints the figures.
const GATES: [(&str, f64); 4] =
    [("detector", 0.1), ("recogniser-latin-fast", 0.025), ("recogniser-latin-large", 0.025), ("layout", 0.03)];

type Clock<'a> = &'a dyn Fn() -> Duration;

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What is tried, and on what.
pub struct Trial<'a> {
    pub machine: &'a Machine,
    pub device: &'a DeviceChoice,
    pub quality: Quality,
    /// Changes with the library.
    pub library: String,
    /// The built-in networks of this quality.
    pub networks: &'a [(Task, Network)],
}

/// What came of trying the built-in networks on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Of the processor, as it was tried on.
    pub instructions: Vec<String>,
    pub networks: Vec<NetworkTrial>,
    /// `None` where the page could not be read so.
    pub f32_page: Option<PageCost>,
    /// Read by those networks in int8 that compute what they should and are much quicker in it; `None` where there are none.
    pub int8_page: Option<PageCost>,
}

/// One network in int8.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkTrial {
    /// Its id in f32.
    pub network: String,
    /// Milliseconds of its runs on the page.
    pub f32_ms: Option<f64>,
    pub int8_ms: Option<f64>,
    /// Steps, or lines of a detector, that come out otherwise in int8 than in f32.
    pub differ: usize,
    pub of: usize,
    /// Why it does not run in int8 here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the lab's page costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageCost {
    /// Our own networks' time, in milliseconds.
    pub own_ms: f64,
    pub lines: usize,
}

impl NetworkTrial {
    /// Whether it computes in int8 what it should.
    pub fn is_right(&self) -> bool {
        let gate = GATES.iter().find(|(network, _)| *network == self.network).map_or(0.0, |(_, gate)| *gate);
        self.int8_ms.is_some() && Agreement { differ: self.differ, of: self.of }.share() <= gate
    }

    fn is_worth_it(&self) -> bool {
        let is_quicker = |f32_ms| self.int8_ms.is_some_and(|int8_ms| f32_ms > GAIN * int8_ms);
        self.is_right() && self.f32_ms.is_none_or(is_quicker)
    }
}

impl Verdict {
    /// Whether a network, by its id in f32, runs in int8.
    pub fn is_int8(&self, network: &str) -> bool {
        let pays = match (&self.f32_page, &self.int8_page) {
            (Some(f32_page), Some(int8_page)) => f32_page.own_ms > GAIN * int8_page.own_ms,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        pays && self.networks.iter().any(|trial| trial.network == network && trial.is_worth_it())
    }

    /// Why a network runs as it does: one sentence, which names the instructions.
    pub fn why(&self, network: &str) -> String {
        let on = if self.instructions.is_empty() { "this processor".to_owned() } else { self.instructions.join(" ") };
        let Some(trial) = self.networks.iter().find(|trial| trial.network == network) else {
            return format!("it was not tried in int8 on {on}");
        };
        let NetworkTrial { differ, of, error, f32_ms, int8_ms, .. } = trial;
        let differs = format!("{differ} of {of} results differ from f32's on {on}");
        if let Some(error) = error {
            return format!("int8 does not run here: {error} (tried on {on})");
        }
        if !trial.is_right() {
            return format!("int8 does not compute here what it should: {differs}");
        }
        if let (false, Some(f32_ms), Some(int8_ms)) = (trial.is_worth_it(), f32_ms, int8_ms) {
            return format!(
                "int8 is not quicker by a quarter: {int8_ms:.1} ms a page against {f32_ms:.1} in f32; {differs}"
            );
        }
        match (&self.f32_page, &self.int8_page) {
            (Some(f32_page), Some(int8_page)) => {
                let most = if self.is_int8(network) { "" } else { ", and must be quicker by a quarter" };
                let (f32_ms, int8_ms) = (f32_page.own_ms, int8_page.own_ms);
                format!("int8 takes {int8_ms:.0} ms a page against {f32_ms:.0} in f32{most}; {differs}")
            }
            (None, _) => format!("f32 does not run here; {differs}"),
            (_, None) => format!("the page could not be read in int8; {differs}"),
        }
    }
}

impl Trial<'_> {
    /// What was found out before, if it still holds.
    pub fn kept(&self) -> Option<Verdict> {
        self.file().and_then(|file| measured::read(&file, &self.key()))
    }

    /// What was found out before, or is now, which takes a second.
    pub fn verdict(&self, library: &dyn Backend, when: Measure) -> Option<Verdict> {
        let kept = if when == Measure::Anew { None } else { self.kept() };
        if kept.is_some() || when == Measure::Never {
            return kept;
        }
        let verdict = self.run(library);
        tracing::info!(device = %self.device, ?verdict, "precisions of the built-in models are tried, once on this machine");
        if let Some(file) = self.file() {
            measured::write(&file, &self.key(), &verdict);
        }
        Some(verdict)
    }

    fn key(&self) -> String {
        let bytes = |(_, network): &(Task, Network)| format!("{} {}", network.f32.id, network.int8.source().sha256);
        let networks: Vec<String> = self.networks.iter().map(bytes).collect();
        measured::key(&[self.device.to_string(), self.library.clone(), networks.join(", ")])
    }

    /// One file a device and quality: they do not share figures.
    fn file(&self) -> Option<PathBuf> {
        let name: String =
            self.device.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        self.machine.file(&format!("precision-{name}-{}.json", self.quality))
    }

    fn run(&self, library: &dyn Backend) -> Verdict {
        // Libraries have threads of their own, and what a GPU does is no processor time at all.
        let now: Clock<'_> = &measured::wall_time;
        let (sessions, f32_trial) = self.read_in_f32(library, now).unzip();
        // Where f32 does not run on the library, int8 is held against our own runtime.
        let own = if f32_trial.is_some() { None } else { self.read_in_f32(&PortableBackend, now) };
        let mut verdict =
            Verdict { instructions: Machine::instructions(), networks: Vec::new(), f32_page: None, int8_page: None };
        let Some(right) = f32_trial.as_ref().or(own.as_ref().map(|(_, page)| page)) else { return verdict };
        let mut sessions: Sessions = sessions.unwrap_or_default();
        for (task, network) in self.networks {
            let f32_time = f32_trial.as_ref().map(|page| page.time_of(*task));
            let (found, session) = self.try_int8(library, *task, network, right, f32_time, now);
            if let (Some(session), true) = (session, found.is_worth_it()) {
                sessions.insert(*task, session);
            }
            verdict.networks.push(found);
        }
        let has_int8 = verdict.networks.iter().any(NetworkTrial::is_worth_it);
        let int8_trial = has_int8.then(|| trial::read_page(&mut sessions, self.quality, now));
        let int8_trial =
            int8_trial.and_then(|page| page.inspect_err(|error| self.tell("the page in int8", error)).ok());
        drop(sessions);
        let cost = |page: &PageTrial| PageCost { own_ms: ms(page.time()), lines: page.lines };
        Verdict { f32_page: f32_trial.as_ref().map(cost), int8_page: int8_trial.as_ref().map(cost), ..verdict }
    }

    /// The page, and the sessions that read it; `None` where that is not to be had.
    fn read_in_f32(&self, library: &dyn Backend, now: Clock<'_>) -> Option<(Sessions, PageTrial)> {
        let load = |(task, network): &(Task, Network)| Ok((*task, library.load(&network.f32.source())?));
        let read = || -> Result<(Sessions, PageTrial), ModelError> {
            let mut sessions = self.networks.iter().map(load).collect::<Result<Sessions, ModelError>>()?;
            let page = trial::read_page(&mut sessions, self.quality, now)?;
            Ok((sessions, page))
        };
        read().inspect_err(|error| self.tell(&format!("f32 on {}", library.name()), error)).ok()
    }

    /// One network in int8 on what the f32 ones were asked, and on the lab's vectors.
    fn try_int8(
        &self,
        library: &dyn Backend,
        task: Task,
        network: &Network,
        right: &PageTrial,
        f32_time: Option<Duration>,
        now: Clock<'_>,
    ) -> (NetworkTrial, Option<Box<dyn Session>>) {
        let (id, f32_ms) = (network.f32.id, f32_time.map(ms));
        let found = NetworkTrial { network: id.to_owned(), f32_ms, int8_ms: None, differ: 0, of: 0, error: None };
        let run = || -> Result<(Duration, Agreement, Box<dyn Session>), ModelError> {
            let mut session = library.load(&network.int8.source())?;
            let (time, agreement) = trial::run_again(&mut *session, task, &right.runs, now)?;
            Ok((time, agreement.and(trial::run_lines(&mut *session, id)?), session))
        };
        match run() {
            Ok((time, Agreement { differ, of }, session)) => {
                (NetworkTrial { int8_ms: Some(ms(time)), differ, of, ..found }, Some(session))
            }
            Err(error) => {
                self.tell(network.int8.id, &error);
                (NetworkTrial { error: Some(error.to_string()), ..found }, None)
            }
        }
    }

    fn tell(&self, what: &str, error: &ModelError) {
        tracing::info!(device = %self.device, what, %error, "a built-in model does not run in this precision");
    }
}

#[cfg(test)]
mod tests;
