//! From options to a folder that is watched: what is checked and locked before anything is read, and the pipeline that runs meanwhile.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, mpsc},
    time::{Duration, Instant, UNIX_EPOCH},
};

use pagestream_actors::{Error, Pipeline, SubmitOptions};
use pagestream_documents::{Digest, DocumentId};
use pagestream_store::{Document, Listing, Store};
use tokio::sync::{mpsc as channel, watch};

use super::{
    claiming::{Claim, Desk, HIDDEN, create_private, now_ms},
    crowd::Crowd,
    daemon::{Daemon, Message, Report, is_mount_point},
    delivering::{Form, Outputs},
    discovering::Rules,
    endings::Endings,
    faults::Backoff,
    hooks::Hook,
    lock::{self, Held},
    marks::Marks,
    noticing::{self, Notices, Noticing},
    passage::{Context, Live, Running},
    passwords::Passwords,
    paths,
    readiness::Patience,
    service::Service,
    state::{LastError, WatchState, folder_in},
    told::{Tell, Told},
};
use crate::settings::{WatchSettings, watch::After, watch::Notice};

/// What files on their way may take beyond the drain before the process ends without them: they go on at the next start.
const AFTER_DRAIN: Duration = Duration::from_secs(10);

/// Which folder is watched, and what becomes of its files.
#[derive(Clone)]
pub struct Options {
    pub input: PathBuf,
    /// Where results go, and how.
    pub form: Form,
    /// The pipeline's: what is kept of watched folders lies in it, too.
    pub data_dir: PathBuf,
    pub settings: WatchSettings,
    /// How documents are read; a password counts as the first of those that are tried.
    pub submit: SubmitOptions,
    /// Files on their way at once: as many as the pipeline has documents open.
    pub at_once: usize,
    /// Read what is there and end.
    pub once: bool,
}

/// Why a folder cannot be watched: one sentence, and what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub message: String,
    pub hint: Option<String>,
    /// Whether the options make no sense; else a folder cannot be used.
    pub is_configuration: bool,
}

impl Refused {
    fn options(message: String, hint: &str) -> Self {
        Self { message, hint: Some(hint.to_owned()), is_configuration: true }
    }

    fn folder(what: &str, folder: &Path, error: &io::Error) -> Self {
        Self { message: format!("{what} {}: {error}", folder.display()), hint: None, is_configuration: false }
    }
}

/// What a folder that is watched is told.
pub enum Order {
    /// Takes up what may change of the settings, and the passwords anew.
    Reload(Box<WatchSettings>),
    /// Takes nothing more, lets what is under way end for so long, and ends.
    Drain(Duration),
}

/// A folder that is about to be watched: checked, and locked.
pub struct Watch {
    options: Options,
    root: PathBuf,
    desk: Desk,
    outputs: Outputs,
    endings: Endings,
    marks: Option<Marks>,
    live: Arc<Live>,
    ours: Vec<PathBuf>,
    state_dir: PathBuf,
    /// Held as long as the folder is watched.
    lock: Option<Held>,
}

impl Watch {
    /// Looks whether all can be used, and takes the locks. Blocks.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn open(options: Options) -> Result<Self, Refused> {
        let settings = &options.settings;
        let failed = |what: &'static str, folder: &Path| {
            let folder = folder.to_owned();
            move |error: io::Error| Refused::folder(what, &folder, &error)
        };
        let root = fs::canonicalize(&options.input).map_err(failed("cannot watch", &options.input))?;
        if !root.is_dir() {
            let message = format!("{} is no folder", options.input.display());
            return Err(Refused::options(message, "to read files: pagestream process"));
        }
        fs::create_dir_all(&options.form.folder).map_err(failed("cannot create the folder", &options.form.folder))?;
        let canonical = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let output = canonical(&options.form.folder);
        if root.starts_with(&output) {
            let message = format!("results would be written into {}, where documents are looked for", root.display());
            return Err(Refused::options(message, "give a folder for them inside it, or elsewhere, with --out"));
        }
        let form = Form { folder: output.clone(), ..options.form.clone() };
        let outputs = Outputs::open(form).map_err(failed("cannot write into", &output))?;
        create_private(&options.data_dir).map_err(failed("cannot write into", &options.data_dir))?;
        let data_dir = canonical(&options.data_dir);
        if root.starts_with(&data_dir) {
            let message = format!("{} lies in the data directory", root.display());
            return Err(Refused::options(message, "give another --data-dir"));
        }
        let watched = folder_in(&data_dir);
        let state_dir = watched.join(&Digest::of(root.as_os_str().as_encoded_bytes()).to_string()[..16]);
        create_private(&state_dir).map_err(failed("cannot write into", &state_dir))?;
        let leaves = settings.after == After::Leave;
        let lock = lock::hold_folder(&root, !leaves).map_err(|lock::Taken| {
            let message = format!("another pagestream watches {}", root.display());
            Refused::options(
                message,
                "several share a folder only if none of them leaves files in place (`watch.after`)",
            )
        })?;
        let owner = owner(&watched).map_err(failed("cannot write into", &watched))?;
        let desk = Desk::open(&root, &owner, &state_dir, !leaves).map_err(|error| {
            let mut refused = Refused::folder("cannot claim files in", &root, &error);
            if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) {
                refused.hint = Some("for a folder that may only be read, set `watch.after = leave`".to_owned());
            }
            refused
        })?;
        let archive = root.join(&settings.archive);
        let failures = match leaves {
            // There is nothing to be written into the folder then.
            true if settings.failed.is_relative() => state_dir.join(&settings.failed),
            _ => root.join(&settings.failed),
        };
        let endings = Endings::new(settings.after, archive.clone(), failures.clone());
        let marks = leaves.then(|| Marks::open(&state_dir)).transpose().map_err(failed("cannot read", &state_dir))?;
        let live = live(settings, &options.submit).map_err(|error| Refused {
            message: error.to_string(),
            hint: None,
            is_configuration: true,
        })?;
        let ours = vec![output, data_dir.clone(), root.join(HIDDEN), canonical(&archive), canonical(&failures)];
        if ours.contains(&root) {
            let message = "`watch.archive` and `watch.failed` cannot be the watched folder itself".to_owned();
            return Err(Refused::options(message, "name folders inside it, or elsewhere"));
        }
        let options = Options { data_dir, ..options };
        Ok(Self { root, desk, outputs, endings, marks, live, ours, state_dir, lock, options })
    }

    /// Watches until it is told to stop, or, with `once`, until all that is there has been read. `start` starts the pipeline, and starts
    /// it anew when it has ended by itself (a full disk). Belongs on a tokio runtime.
    ///
    /// # Errors
    /// When the pipeline does not start at first.
    pub async fn run<F: Future<Output = Result<Pipeline, Error>>>(
        self,
        start: impl Fn() -> F,
        mut orders: channel::UnboundedReceiver<Order>,
        tell: impl Fn(Told) + Send + Sync + 'static,
    ) -> Result<Report, Error> {
        let first = start().await?;
        let (running, receiver) = watch::channel(Running { generation: 0, pipeline: Some(first.clone()) });
        let (broken, mut breaks) = channel::unbounded_channel();
        let (stop, stopping) = watch::channel(false);
        let (sender, inbox) = mpsc::channel();
        let last_error = Arc::new(Mutex::new(None));
        let tell = remembering(tell, last_error.clone());
        let Self { options, root, desk, outputs, endings, marks, live, ours, state_dir, lock } = self;
        let backlog = desk.left_behind().unwrap_or_else(|error| {
            tell(Told::Warning {
                file: None,
                message: format!("what an earlier run has claimed cannot be found: {error}"),
            });
            Vec::new()
        });
        let context = Arc::new(Context {
            root: root.clone(),
            data_dir: options.data_dir.clone(),
            desk,
            outputs,
            endings,
            marks: marks.map(Mutex::new),
            submit: SubmitOptions { password: None, ..options.submit.clone() },
            once: options.once,
            live: RwLock::new(live),
            running: receiver,
            broken,
            stopping,
            tell: tell.clone(),
        });
        let (store, of_backlog) = (first.store().clone(), context.clone());
        drop(first);
        let backlog =
            tokio::task::spawn_blocking(move || recognise(&store, backlog, &of_backlog)).await.unwrap_or_default();
        let (of_daemon, sender_of_daemon, settings) = (context.clone(), sender.clone(), options.settings.clone());
        let (runtime, at_once) = (tokio::runtime::Handle::current(), options.at_once);
        let mut daemon = tokio::task::spawn_blocking(move || {
            let service = Arc::new(Service::from_environment());
            let crowd = crowd(&of_daemon, &settings, ours, &sender_of_daemon, service.clone());
            let state = WatchState::new(&of_daemon.root, of_daemon.outputs.folder(), now_ms());
            let mut daemon = Daemon {
                was_mount_point: is_mount_point(&of_daemon.root),
                context: of_daemon,
                crowd,
                inbox,
                sender: sender_of_daemon,
                runtime,
                service,
                state_dir,
                room: at_once.max(1),
                poll: settings.poll,
                rescan: settings.rescan,
                backlog: VecDeque::new(),
                under_way: 0,
                report: Report::default(),
                state,
                last_error,
                stop: None,
                told: String::new(),
            };
            for claim in backlog {
                daemon.crowd.begun(&claim.path);
                daemon.backlog.push_back(claim);
            }
            daemon.run()
        });
        // Where files are left in place nothing else tells two daemons apart.
        let _held = lock;
        let mut backoff = Backoff::new(options.settings.retry_after);
        let mut restart_at: Option<tokio::time::Instant> = None;
        let mut restarts = 0;
        let mut gave_up = None;
        let report = loop {
            let restart = async {
                match restart_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                report = &mut daemon => break report.map_err(|_| Error::Fatal("the thread that watches has died".to_owned()))?,
                Some(order) = orders.recv() => match order {
                    Order::Reload(settings) => reload(*settings, &options.submit, &sender, &tell),
                    Order::Drain(deadline) => {
                        Service::from_environment().stopping();
                        restart_at = None;
                        // The thread that watches stops first: nothing more is sent on its way.
                        let _ = sender.send(Message::Stop(Instant::now() + deadline + AFTER_DRAIN));
                        let pipeline = running.borrow().pipeline.clone();
                        stop.send_replace(true);
                        if let Some(pipeline) = pipeline {
                            drain(&pipeline, deadline, &tell).await;
                        }
                    }
                },
                Some((generation, error)) = breaks.recv() => {
                    let now = running.borrow().clone();
                    if now.generation != generation || now.pipeline.is_none() || *stop.borrow() {
                        continue;
                    }
                    restarts += 1;
                    if options.once && restarts >= options.settings.attempts {
                        gave_up = Some(error.sentence());
                        stop.send_replace(true);
                        let _ = sender.send(Message::Stop(Instant::now() + AFTER_DRAIN));
                        continue;
                    }
                    let pause = backoff.pause();
                    let message = format!("{}; started anew in {pause:?}", error.sentence());
                    tell(Told::Warning { file: None, message });
                    running.send_replace(Running { generation, pipeline: None });
                    if let Some(pipeline) = now.pipeline {
                        pipeline.stop().await;
                    }
                    restart_at = Some(tokio::time::Instant::now() + pause);
                }
                () = restart => {
                    let generation = running.borrow().generation + 1;
                    match start().await {
                        Ok(pipeline) => {
                            restart_at = None;
                            running.send_replace(Running { generation, pipeline: Some(pipeline) });
                        }
                        Err(error) => {
                            let pause = backoff.pause();
                            tell(Told::Warning { file: None, message: format!("{}; tried again in {pause:?}", error.sentence()) });
                            restart_at = Some(tokio::time::Instant::now() + pause);
                        }
                    }
                }
            }
        };
        let pipeline = running.borrow().pipeline.clone();
        if let Some(pipeline) = pipeline {
            pipeline.stop().await;
        }
        Ok(Report { gave_up: gave_up.or(report.gave_up.clone()), ..report })
    }
}

/// Whatever is told, with what went wrong last remembered for `pagestream status`.
fn remembering(tell: impl Fn(Told) + Send + Sync + 'static, last: Arc<Mutex<Option<LastError>>>) -> Tell {
    Arc::new(move |told| {
        let error = match &told {
            Told::Warning { file, message } => Some((file.clone().unwrap_or_default(), message.clone())),
            Told::Retrying { file, reason, .. } => Some((file.clone(), reason.clone())),
            Told::Ended(ended) => {
                ended.outcome.failure.as_ref().map(|failure| (ended.source.clone(), failure.reason.clone()))
            }
            Told::PassedOver { .. } | Told::Note(_) => None,
        };
        if let Some((file, message)) = error {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(LastError { at_ms: now_ms(), file, message });
        }
        tell(told);
    })
}

async fn drain(pipeline: &Pipeline, deadline: Duration, tell: &Tell) {
    let report = pipeline.drain(deadline).await;
    for (_, source, committed) in &report.interrupted {
        tell(Told::Note(format!("{source}: {committed} pages are done; the rest follows at the next start")));
    }
}

fn reload(settings: WatchSettings, submit: &SubmitOptions, sender: &mpsc::Sender<Message>, tell: &Tell) {
    match live(&settings, submit) {
        Ok(live) => drop(sender.send(Message::Reload(Box::new(settings), live))),
        Err(error) => tell(Told::Warning { file: None, message: format!("settings stay as they were: {error}") }),
    }
}

fn live(settings: &WatchSettings, submit: &SubmitOptions) -> io::Result<Arc<Live>> {
    let passwords = Passwords::read(submit.password.as_deref(), settings.password_file.as_deref())?;
    Ok(Arc::new(Live {
        attempts: settings.attempts,
        retry_after: settings.retry_after,
        passwords,
        hook: Hook::new(settings.hook.clone(), settings.hook_time, settings.hooks_at_once),
    }))
}

/// What is needed to find files. A run that ends needs no events: it looks once.
fn crowd(
    context: &Arc<Context>,
    settings: &WatchSettings,
    ours: Vec<PathBuf>,
    sender: &mpsc::Sender<Message>,
    service: Arc<Service>,
) -> Crowd {
    let waker = Mutex::new(sender.clone());
    let notices = Notices::new(move || {
        // Nobody listens any more when it has ended.
        let _ = waker.lock().unwrap_or_else(PoisonError::into_inner).send(Message::Noticed);
    });
    let notice = if context.once { Notice::Polling } else { settings.notice };
    let mut noticing = match notice {
        Notice::Polling => Noticing::new(notice, Err(noticing::Blind::Other(String::new()))),
        _ => Noticing::new(notice, noticing::system(&notices)),
    };
    if context.marks.is_none() {
        noticing.probe(context.desk.dir(), &notices);
        notices.take();
    }
    let rules = Rules::new(&context.root, ours, settings.links);
    let patience = Patience { settle: settings.settle, incomplete: settings.incomplete };
    if let Some(marks) = context.marks.as_ref().filter(|_| !context.live().passwords.is_empty()) {
        marks.lock().unwrap_or_else(PoisonError::into_inner).forget_encrypted();
    }
    let of_marks = context.clone();
    let was_read = Arc::new(move |path: &Path, stamp| {
        let marks = of_marks.marks.as_ref().map(|marks| marks.lock().unwrap_or_else(PoisonError::into_inner));
        marks.is_some_and(|marks| marks.has(path, stamp))
    });
    Crowd::new(rules, patience, (noticing, notices), was_read, context.tell.clone(), move || service.alive())
}

/// Whose claims are whose: a name that belongs to the data directory and to no other, wherever that is.
fn owner(folder: &Path) -> io::Result<String> {
    let path = folder.join("owner");
    match fs::read_to_string(&path) {
        Ok(owner) if owner.trim().parse::<DocumentId>().is_ok() => Ok(owner.trim().to_owned()),
        Ok(_) => write_owner(folder, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => write_owner(folder, &path),
        Err(error) => Err(error),
    }
}

fn write_owner(folder: &Path, path: &Path) -> io::Result<String> {
    let owner = DocumentId::new().to_string();
    let mut file = tempfile::Builder::new().prefix(".owner-").tempfile_in(folder)?;
    io::Write::write_all(&mut file, format!("{owner}\n").as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(owner)
}

/// A crash may have come between the moment when a file was acknowledged by the store and the note of it: then its document is found by
/// its name, its bytes and the time, and not submitted again.
fn recognise(store: &Store, mut claims: Vec<Claim>, context: &Context) -> Vec<Claim> {
    if claims.iter().all(|claim| claim.document.is_some() || claim.ending.is_some()) {
        return claims;
    }
    let documents = store.documents(Listing::default()).unwrap_or_default();
    let by_source: HashMap<&str, &Document> =
        documents.iter().map(|document| (document.source.as_str(), document)).collect();
    for claim in &mut claims {
        if claim.document.is_some() || claim.ending.is_some() {
            continue;
        }
        let source = paths::unmistakable(&context.root.join(&claim.path));
        let Some(document) = by_source.get(source.as_str()) else { continue };
        let since = document.submitted_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let digest = || fs::read(&claim.file).map(|bytes| Digest::of(&bytes)).ok();
        let is_as_long = || fs::metadata(&claim.file).is_ok_and(|found| found.len() == document.size.bytes());
        if since.as_millis() >= u128::from(claim.at_ms) && is_as_long() && digest() == Some(document.sha256) {
            claim.document = Some(document.id);
        }
    }
    claims
}
