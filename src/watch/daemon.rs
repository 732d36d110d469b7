//! The thread that watches: it finds files, claims those that are ready as far as there is room, sends each on its way, and tells how
//! things stand. It alone touches the watched folder's tree; what hangs there hangs here, and the service manager's watchdog sees it.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use futures::FutureExt as _;

use super::{
    claiming::{Claim, Refusal, Wanted, now_ms},
    crowd::Crowd,
    faults::Backoff,
    passage::{self, Context, Left, Live},
    readiness::{Patience, Stamp},
    service::Service,
    state::{LastError, WatchState},
    told::{Ended, Told},
};
use crate::settings::WatchSettings;

/// How often what the dead have left is looked for.
const INHERIT_EVERY: Duration = Duration::from_secs(600);

/// How often the state is written at most, and how long nothing happens at most.
const STATE_EVERY: Duration = Duration::from_secs(1);
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The least pause after a claim that could not be made.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

pub enum Message {
    /// There is something new in the notices.
    Noticed,
    Passed(Box<Claim>, Box<Result<Ended, Left>>),
    Reload(Box<WatchSettings>, Arc<Live>),
    /// No more files are taken; it ends when those under way have, or at the moment given.
    Stop(Instant),
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    pub done: u64,
    pub failed: u64,
    /// Files that are claimed and go on at the next start.
    pub left: usize,
    /// Files that were still being written to when a run ended, which stay where they are.
    pub unfinished: usize,
    /// Files that could not be claimed, and stay where they are.
    pub refused: usize,
    /// Why the run ended early, if it did.
    pub gave_up: Option<String>,
}

pub struct Daemon {
    pub context: Arc<Context>,
    pub crowd: Crowd,
    pub inbox: mpsc::Receiver<Message>,
    pub sender: mpsc::Sender<Message>,
    pub runtime: tokio::runtime::Handle,
    pub service: Arc<Service>,
    /// Where its state is written.
    pub state_dir: PathBuf,
    /// Files on their way at once.
    pub room: usize,
    pub poll: Duration,
    pub rescan: Duration,
    pub was_mount_point: bool,
    /// Claimed, and not on their way yet.
    pub backlog: VecDeque<Claim>,
    pub under_way: usize,
    pub report: Report,
    pub state: WatchState,
    pub last_error: Arc<Mutex<Option<LastError>>>,
    pub stop: Option<Instant>,
    /// What the service manager was told last.
    pub told: String,
}

/// When what is done next.
struct Plan {
    poll: Instant,
    rescan: Instant,
    inherit: Instant,
    state: Instant,
    /// Nothing is claimed before.
    claim: Instant,
    backoff: Backoff,
    vanished: bool,
}

impl Daemon {
    /// Watches until it is told to stop, or, where the run is to end, until nothing is left to do.
    pub fn run(mut self) -> Report {
        let start = Instant::now();
        let mut plan = Plan {
            poll: start + self.poll,
            rescan: start + self.rescan,
            inherit: start + INHERIT_EVERY,
            state: start,
            claim: start,
            backoff: Backoff::new(self.context.live().retry_after),
            vanished: false,
        };
        self.inherit();
        self.take_up_what_waits_for_passwords();
        self.scan(&mut plan);
        self.service.ready(&self.sentence());
        loop {
            let now = Instant::now();
            self.crowd.check(now);
            self.claim(&mut plan, now);
            self.send_on();
            if now >= plan.state {
                self.write_state();
                self.tell_service();
                plan.state = now + STATE_EVERY;
            }
            self.service.alive();
            if self.is_over(now, &plan) {
                break;
            }
            match self.inbox.recv_timeout(self.sleep(now, &plan)) {
                Ok(message) => {
                    let mut all = vec![message];
                    all.extend(self.inbox.try_iter());
                    self.hear(all, &mut plan);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                // Never: it holds a sender itself.
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            if self.stop.is_none() {
                self.look_around(&mut plan, now);
            }
        }
        self.report.left += self.backlog.len() + self.under_way;
        self.state.ended = true;
        self.write_state();
        self.report
    }

    fn sleep(&self, now: Instant, plan: &Plan) -> Duration {
        let mut next = now + LONGEST_SLEEP;
        let mut sooner = |moment: Instant| next = next.min(moment);
        sooner(plan.poll);
        sooner(plan.rescan);
        self.crowd.due().into_iter().for_each(&mut sooner);
        self.stop.into_iter().for_each(&mut sooner);
        self.service.watchdog().into_iter().for_each(|every| sooner(now + every));
        if self.crowd.ready() > 0 && plan.claim > now {
            sooner(plan.claim);
        }
        next.saturating_duration_since(now).max(Duration::from_millis(5))
    }

    fn is_over(&mut self, now: Instant, plan: &Plan) -> bool {
        if let Some(deadline) = self.stop {
            return self.under_way == 0 || now >= deadline;
        }
        if !self.context.once {
            return false;
        }
        for path in self.crowd.give_up(now) {
            self.report.unfinished += 1;
            let message = "it is still being written to, and left for the next time".to_owned();
            self.tell(Told::Warning { file: Some(self.context.source_of(&path)), message });
        }
        if plan.vanished {
            self.report.gave_up = Some("the watched folder is gone".to_owned());
        }
        let idle = self.backlog.is_empty() && self.crowd.waiting() == 0 && !self.crowd.has_more().0;
        self.under_way == 0 && (idle || self.report.gave_up.is_some())
    }

    fn hear(&mut self, messages: Vec<Message>, plan: &mut Plan) {
        let now = Instant::now();
        let mut noticed = false;
        for message in messages {
            match message {
                Message::Noticed => noticed = true,
                Message::Passed(claim, passed) => self.passed(&claim, *passed, now),
                Message::Reload(settings, live) => self.reload(&settings, live, plan),
                Message::Stop(deadline) => self.stop = Some(deadline),
            }
        }
        if noticed && !plan.vanished && self.stop.is_none() && self.crowd.look_at_what_was_heard(now).is_err() {
            plan.poll = now;
        }
    }

    fn passed(&mut self, claim: &Claim, passed: Result<Ended, Left>, now: Instant) {
        self.under_way -= 1;
        match passed {
            Ok(ended) => {
                match &ended.outcome.failure {
                    None => self.report.done += 1,
                    Some(_) => self.report.failed += 1,
                }
                self.tell(Told::Ended(ended));
            }
            Err(Left::Stopping) => self.report.left += 1,
            Err(Left::GaveUp(reason)) => {
                self.report.left += 1;
                self.report.gave_up = Some(reason);
            }
        }
        // What lies in the work folder is another's to find.
        if self.stop.is_none() {
            self.crowd.ended(&claim.path, now);
        }
    }

    fn reload(&mut self, settings: &WatchSettings, live: Arc<Live>, plan: &mut Plan) {
        self.service.reloading();
        *self.context.live.write().unwrap_or_else(PoisonError::into_inner) = live;
        self.crowd.patience = Patience { settle: settings.settle, incomplete: settings.incomplete };
        self.crowd.rules.links = settings.links;
        (self.poll, self.rescan) = (settings.poll, settings.rescan);
        if let Some(marks) = self.context.marks.as_ref().filter(|_| !self.context.live().passwords.is_empty()) {
            marks.lock().unwrap_or_else(PoisonError::into_inner).forget_encrypted();
        }
        self.take_up_what_waits_for_passwords();
        plan.rescan = Instant::now();
        self.service.ready(&self.sentence());
    }

    /// Looks whether the folder is there, and at what is not told.
    fn look_around(&mut self, plan: &mut Plan, now: Instant) {
        if self.crowd.has_more().1 {
            plan.rescan = now;
        }
        if now < plan.poll && now < plan.rescan {
            return;
        }
        let is_there = self.is_there();
        match (plan.vanished, is_there) {
            (false, false) => {
                plan.vanished = true;
                self.crowd.forget();
                let message = format!("{} is gone; it is waited for", self.context.root.display());
                self.state.paused = Some(message.clone());
                self.tell(Told::Warning { file: None, message });
            }
            (true, true) => {
                plan.vanished = false;
                self.state.paused = None;
                self.tell(Told::Note(format!("{} is back", self.context.root.display())));
                plan.rescan = now;
            }
            _ => {}
        }
        plan.poll = now + self.poll;
        if plan.vanished {
            plan.rescan = now + self.rescan;
            return;
        }
        if now >= plan.rescan {
            self.scan(plan);
        } else if !self.context.once {
            self.crowd.poll(now);
        }
        if now >= plan.inherit {
            plan.inherit = now + INHERIT_EVERY;
            self.inherit();
        }
    }

    /// Whether the watched folder is there, with our folder in it; that is made anew where it is not.
    fn is_there(&mut self) -> bool {
        let root = &self.context.root;
        if !root.is_dir() || (self.was_mount_point && !is_mount_point(root)) {
            return false;
        }
        if self.context.desk.is_there() {
            return true;
        }
        match self.context.desk.begin_again() {
            Ok(()) => {
                self.take_up_left_behind();
                true
            }
            Err(error) => {
                tracing::debug!(%error, "the work folder cannot be made anew yet");
                false
            }
        }
    }

    /// What the folder that came back has of ours.
    fn take_up_left_behind(&mut self) {
        match self.context.desk.left_behind() {
            Ok(claims) => claims.into_iter().for_each(|claim| self.take_up(claim)),
            Err(error) => tracing::warn!(%error, "the work folder cannot be looked at"),
        }
    }

    fn take_up(&mut self, claim: Claim) {
        self.crowd.begun(&claim.path);
        self.backlog.push_back(claim);
    }

    fn inherit(&mut self) {
        let claims = self.context.desk.take_over();
        claims.into_iter().for_each(|claim| self.take_up(claim));
    }

    fn scan(&mut self, plan: &mut Plan) {
        let now = Instant::now();
        plan.rescan = now + self.rescan;
        if let Err(error) = self.crowd.scan(now) {
            let message = format!("{} cannot be listed: {error}", self.context.root.display());
            self.tell(Told::Warning { file: None, message });
            plan.poll = now;
        }
    }

    /// Files in `failed` that wait for a password are tried again where there is one to try.
    fn take_up_what_waits_for_passwords(&mut self) {
        if self.context.live().passwords.is_empty() || self.context.marks.is_some() {
            return;
        }
        let mut wanted = Vec::new();
        for (waited_at, reason) in self.context.endings.waiting_for_passwords() {
            let from = waited_at.with_file_name(&reason.file);
            if let Ok(found) = from.symlink_metadata()
                && !self.crowd.is_under_way(&reason.path)
            {
                let stamp = Stamp::from(&found);
                wanted.push(Wanted { path: reason.path, from, stamp, target: PathBuf::new(), waited_at });
            }
        }
        if wanted.is_empty() {
            return;
        }
        match self.context.desk.claim(wanted) {
            Ok(claims) => claims.into_iter().filter_map(|(_, claim)| claim.ok()).for_each(|claim| self.take_up(claim)),
            Err(error) => {
                let message = format!("what waits for its password cannot be taken up: {error}");
                self.tell(Told::Warning { file: None, message });
            }
        }
    }

    /// Claims what is ready, as far as there is room.
    fn claim(&mut self, plan: &mut Plan, now: Instant) {
        let room = self.room.saturating_sub(self.under_way + self.backlog.len());
        // Several at once where there are several: a claim costs a sync of the disk, whatever it is for.
        let is_worth_it = room >= self.crowd.ready().min(self.room.div_ceil(4));
        let is_over = self.stop.is_some() || self.report.gave_up.is_some();
        if room == 0 || !is_worth_it || is_over || plan.vanished || now < plan.claim || self.crowd.ready() == 0 {
            return;
        }
        let wanted = self.crowd.take_ready(room);
        let claims = match self.context.desk.claim(wanted.clone()) {
            Ok(claims) => claims,
            Err(error) => {
                let pause = plan.backoff.pause();
                plan.claim = now + pause;
                wanted.iter().for_each(|wanted| self.crowd.later(wanted, now, now));
                let message = format!("no files can be claimed: {error}");
                if self.context.once && pause >= 4 * AFTER_REFUSAL {
                    self.report.gave_up = Some(message.clone());
                }
                self.state.paused = Some(message.clone());
                return self.tell(Told::Warning { file: None, message });
            }
        };
        plan.backoff = Backoff::new(self.context.live().retry_after);
        self.state.paused = None;
        for (wanted, claim) in claims {
            match claim {
                Ok(claim) => self.backlog.push_back(claim),
                Err(Refusal::Gone) => self.crowd.ended(&wanted.path, now),
                Err(Refusal::Changed) => self.crowd.later(&wanted, now + self.crowd.patience.settle, now),
                Err(Refusal::Io(error)) => {
                    let source = self.context.source_of(&wanted.path);
                    let message = explain(&error);
                    if self.context.once {
                        self.crowd.forget_one(&wanted.path);
                        self.report.refused += 1;
                    } else {
                        self.crowd.later(&wanted, now + self.poll.max(AFTER_REFUSAL), now);
                    }
                    self.tell(Told::Warning { file: Some(source), message });
                }
            }
        }
    }

    /// Sends claimed files on their way.
    fn send_on(&mut self) {
        while self.under_way < self.room && self.stop.is_none() && self.report.gave_up.is_none() {
            let Some(claim) = self.backlog.pop_front() else { break };
            self.under_way += 1;
            let (context, sender) = (self.context.clone(), self.sender.clone());
            self.runtime.spawn(async move {
                let way = AssertUnwindSafe(passage::pass(context, claim.clone())).catch_unwind();
                let passed = way.await.unwrap_or_else(|_| {
                    tracing::error!(file = %claim.path.display(), "the file's way ended in a panic; it goes on at the next start");
                    Err(Left::Stopping)
                });
                // Nobody listens any more when the time is over.
                let _ = sender.send(Message::Passed(Box::new(claim), Box::new(passed)));
            });
        }
    }

    fn tell(&self, told: Told) {
        (self.context.tell)(told);
    }

    fn sentence(&self) -> String {
        format!(
            "{} waiting, {} under way, {} done, {} failed",
            self.crowd.waiting(),
            self.under_way + self.backlog.len(),
            self.report.done,
            self.report.failed
        )
    }

    fn write_state(&mut self) {
        let now = now_ms();
        let age = |since: Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (events, polling) = self.crowd.counts();
        let state = WatchState {
            updated_at_ms: self.state.updated_at_ms,
            waiting: self.crowd.waiting(),
            oldest_since_ms: self.crowd.oldest().map(|since| now.saturating_sub(age(since))),
            under_way: self.under_way + self.backlog.len(),
            done: self.report.done,
            failed: self.report.failed,
            folders_by_events: events,
            folders_by_polling: polling,
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..self.state.clone()
        };
        if state == self.state && state.updated_at_ms > state.started_at_ms {
            return;
        }
        self.state = WatchState { updated_at_ms: now.max(self.state.started_at_ms + 1), ..state };
        if let Err(error) = self.state.write(&self.state_dir) {
            tracing::debug!(%error, "the state cannot be written");
        }
    }

    /// What has no room now is told the next time.
    fn tell_service(&mut self) {
        let sentence = self.sentence();
        if sentence != self.told && self.service.status(&sentence) {
            self.told = sentence;
        }
    }
}

/// A file that cannot be moved, and what to do about it.
fn explain(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem};
    match error.kind() {
        CrossesDevices => {
            "it lies on another file system than the watched folder, and cannot be claimed from here; watch that one by itself"
                .to_owned()
        }
        PermissionDenied | ReadOnlyFilesystem => {
            format!("it cannot be claimed: {error}; files that may only be read want `watch.after = leave`")
        }
        _ => format!("it cannot be claimed: {error}"),
    }
}

/// Whether another file system is mounted there.
#[cfg(unix)]
pub fn is_mount_point(folder: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &std::path::Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    folder.parent().is_some_and(|above| device(above) != device(folder))
}

#[cfg(not(unix))]
pub fn is_mount_point(_: &std::path::Path) -> bool {
    false
}
