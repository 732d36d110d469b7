//! One file's way, from its claim to its end: submitted, read, its results written, moved, its hook run.
//!
//! Every step may be the last before a crash. What was submitted is durable, and submitted once more it is answered from the store;
//! results are made from the log, and made again they are the same; a move that was made is not made again; and what is left to do
//! is known from the work folder and its journal.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use pagestream_actors::{
    DocumentFailure, DocumentHandle, DocumentState, Error, Pipeline, Source, SubmitOptions, error::store_error,
};
use pagestream_documents::{DocumentId, ErrorKind, OpenOptions, PageNumber, PageStatus, output::Expected};
use pagestream_store::{Cursor, Document, DocumentState as StoredState};
use tokio::sync::{mpsc, watch};

use super::{
    claiming::{Claim, Desk},
    delivering::Outputs,
    endings::Endings,
    faults::{Backoff, Failure, FailureKind, Fault},
    hooks::Hook,
    journal::{Ending, Outcome, Place},
    marks::Marks,
    passwords::Passwords,
    paths,
    readiness::Stamp,
    told::{Ended, Tell, Told},
};

/// What may change while files are on their way.
#[derive(Clone)]
pub struct Live {
    pub attempts: u32,
    pub retry_after: Duration,
    pub passwords: Passwords,
    pub hook: Hook,
}

/// The pipeline that runs now; `None` while it is started anew.
#[derive(Clone)]
pub struct Running {
    pub generation: u64,
    pub pipeline: Option<Pipeline>,
}

/// What all files on their way share.
pub struct Context {
    /// The watched folder.
    pub root: PathBuf,
    pub data_dir: PathBuf,
    pub desk: Desk,
    pub outputs: Outputs,
    pub endings: Endings,
    /// Where files are left in place.
    pub marks: Option<Mutex<Marks>>,
    pub submit: SubmitOptions,
    /// Whether it is a run that ends: what is waited for otherwise is given up after as many attempts as a file has.
    pub once: bool,
    pub live: RwLock<Arc<Live>>,
    pub running: watch::Receiver<Running>,
    /// Hears which pipeline has ended, and why.
    pub broken: mpsc::UnboundedSender<(u64, Error)>,
    pub stopping: watch::Receiver<bool>,
    pub tell: Tell,
}

impl Context {
    pub fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a file is called in the store, in messages and for hooks: where it was found.
    pub fn source_of(&self, path: &Path) -> String {
        paths::unmistakable(&self.root.join(path))
    }
}

/// Why a file has not ended, and stays claimed for the next start.
#[derive(Debug)]
pub enum Left {
    Stopping,
    /// It was waited for as long as a run may.
    GaveUp(String),
}

/// Sees a claimed file to its end.
///
/// # Errors
/// [`Left`].
pub async fn pass(context: Arc<Context>, claim: Claim) -> Result<Ended, Left> {
    let mut passage = Passage { document: claim.document, context, claim, generation: 0 };
    let noted = passage.claim.ending.take().filter(|ending| passage.context.endings.is_valid(ending));
    let ending = match noted {
        Some(ending) => ending,
        None => {
            let (outcome, stamp) = passage.read().await?;
            passage.mark(stamp, &outcome);
            passage.context.endings.plan(&passage.claim, outcome)
        }
    };
    let ending = passage.end(ending).await?;
    let ended = passage.ended(ending);
    passage.run_hook(&ended).await;
    passage.context.desk.ended(&passage.claim);
    Ok(ended)
}

struct Passage {
    context: Arc<Context>,
    claim: Claim,
    /// What it is in the store, when it is there.
    document: Option<DocumentId>,
    /// Of the pipeline that it was given to last.
    generation: u64,
}

impl Passage {
    /// Reads the file and writes its results, as often as may be. What came of it, and how the file was then.
    async fn read(&mut self) -> Result<(Outcome, Option<Stamp>), Left> {
        let live = self.context.live();
        let mut backoff = Backoff::new(live.retry_after);
        let (mut attempts, mut waited) = (0, 0);
        loop {
            let before = stamp_of(&self.claim.file);
            let failure = match self.attempt(before).await {
                Ok(outcome) => return Ok((outcome, before)),
                Err(Fault::Lasting(failure)) => return Ok((self.failed(failure), before)),
                Err(Fault::Stopping) => return Err(Left::Stopping),
                Err(Fault::Pipeline(error)) => {
                    self.wait_for_pipeline(error).await?;
                    continue;
                }
                Err(Fault::Full(reason)) => {
                    waited += 1;
                    self.wait_out(&reason, waited, &mut backoff).await?;
                    continue;
                }
                Err(Fault::Passing(_)) if !self.context.desk.is_there() => {
                    waited += 1;
                    self.wait_out("the folder is not there", waited, &mut backoff).await?;
                    continue;
                }
                Err(Fault::Vanished) => return Ok((self.failed(gone()), before)),
                Err(Fault::Passing(failure)) => failure,
            };
            attempts += 1;
            if attempts >= live.attempts {
                return Ok((self.failed(failure), before));
            }
            let pause = backoff.pause();
            self.tell_retrying(&failure.reason, pause);
            self.rest(pause).await?;
        }
    }

    /// What every other file would wait for, too.
    async fn wait_out(&self, reason: &str, waited: u32, backoff: &mut Backoff) -> Result<(), Left> {
        if self.context.once && waited >= self.context.live().attempts {
            return Err(Left::GaveUp(reason.to_owned()));
        }
        let pause = backoff.pause();
        self.tell_retrying(reason, pause);
        self.rest(pause).await
    }

    fn failed(&self, failure: Failure) -> Outcome {
        Outcome { document: self.document, pages: 0, pages_failed: 0, failure: Some(failure) }
    }

    async fn attempt(&mut self, before: Option<Stamp>) -> Result<Outcome, Fault> {
        let pipeline = self.pipeline().await?;
        let in_store = match self.document {
            Some(id) => look_up(&pipeline, id).await?,
            None => None,
        };
        let (committed, failed) = match in_store {
            // Read before a crash: its results are made without reading it again.
            Some(document) if document.state == StoredState::Done => (document.committed, document.failed),
            Some(document) if document.state == StoredState::Cancelled => return Err(Fault::Lasting(cancelled())),
            Some(document) if document.state == StoredState::Failed => {
                return Err(Fault::Lasting(self.why_failed(document.reason).await));
            }
            open => {
                let handle = self.document_of(&pipeline, open.is_some()).await?;
                self.document = Some(handle.id());
                self.context.desk.submitted(&self.claim, handle.id());
                let progress = handle.finished().await;
                match progress.state {
                    DocumentState::Done => {}
                    DocumentState::Failed(failure) if failure.kind == ErrorKind::Io => {
                        self.document = None;
                        return Err(Fault::Passing((&failure).into()));
                    }
                    DocumentState::Failed(failure) => {
                        self.see_to_it_that_it_is_the_same(before)?;
                        return Err(Fault::Lasting((&failure).into()));
                    }
                    DocumentState::Cancelled => return Err(Fault::Lasting(cancelled())),
                    _ => {
                        return Err(match pipeline.fatal_error() {
                            Some(error) => Fault::Pipeline(error),
                            None if *self.context.stopping.borrow() => Fault::Stopping,
                            // It was stopped because another file has met its end.
                            None => Fault::Pipeline(Error::Closed),
                        });
                    }
                }
                (progress.committed, progress.failed)
            }
        };
        self.see_to_it_that_it_is_the_same(before)?;
        self.deliver(&pipeline, committed, failed).await
    }

    /// The pipeline that runs, waited for where it is being started anew.
    async fn pipeline(&mut self) -> Result<Pipeline, Fault> {
        let mut running = self.context.running.clone();
        let mut stopping = self.context.stopping.clone();
        loop {
            let now = running.borrow_and_update().clone();
            if *stopping.borrow_and_update() {
                return Err(Fault::Stopping);
            }
            if let Some(pipeline) = now.pipeline {
                self.generation = now.generation;
                return Ok(pipeline);
            }
            tokio::select! {
                changed = running.changed() => changed.map_err(|_| Fault::Stopping)?,
                changed = stopping.changed() => changed.map_err(|_| Fault::Stopping)?,
            }
        }
    }

    /// The file as a document under way: gone on with, or submitted.
    async fn document_of(&mut self, pipeline: &Pipeline, is_open: bool) -> Result<DocumentHandle, Fault> {
        if let Some(id) = self.document.filter(|_| is_open) {
            if let Some(handle) = pipeline.document(id) {
                return Ok(handle);
            }
            if let Some(handle) = pipeline.resume_document(id).await.map_err(Fault::of_submission)? {
                return Ok(handle);
            }
        }
        let (passwords, file) = (self.context.live().passwords.clone(), self.claim.file.clone());
        let password = blocking(move || passwords.fitting(&file)).await?;
        let options = SubmitOptions { password, ..self.context.submit.clone() };
        let source = Source::Named { name: self.context.source_of(&self.claim.path), path: self.claim.file.clone() };
        pipeline.submit(source, options).await.map_err(|error| match &error {
            // Moved on by hand, or with its folder.
            Error::Read { kind: std::io::ErrorKind::NotFound, .. } if self.context.desk.is_there() => Fault::Vanished,
            _ => Fault::of_submission(error),
        })
    }

    /// Somebody who still had the file open may have written to it while it was read: then it is read again.
    fn see_to_it_that_it_is_the_same(&mut self, before: Option<Stamp>) -> Result<(), Fault> {
        let content = |stamp: Stamp| (stamp.length, stamp.modified);
        match (before, stamp_of(&self.claim.file)) {
            (Some(before), Some(now)) if content(before) != content(now) => {
                self.document = None;
                Err(Fault::Passing(Failure::new(FailureKind::Io, "it was changed while it was read")))
            }
            _ => Ok(()),
        }
    }

    async fn deliver(&self, pipeline: &Pipeline, committed: u32, failed: u32) -> Result<Outcome, Fault> {
        let Some(document) = self.document else { return Err(Fault::Vanished) };
        let (context, path, store) = (self.context.clone(), self.claim.path.clone(), pipeline.store().clone());
        let nothing_was_read = committed > 0 && failed == committed;
        blocking(move || {
            if nothing_was_read {
                let pages = store.read(document, Cursor::Page(PageNumber::FIRST), 1).unwrap_or_default();
                let first =
                    pages.iter().find(|page| page.status == PageStatus::Failed).and_then(|page| page.record().ok());
                let why = first.and_then(|record| record.reason).unwrap_or_else(|| "no page could be read".to_owned());
                let (number, are) = if failed == 1 { ("its page", "") } else { ("all its pages", ", the first: ") };
                let why = if are.is_empty() { why } else { format!("{number} failed{are}{why}") };
                return Err(Fault::Lasting(Failure::new(FailureKind::Pages, why)));
            }
            let source = context.source_of(&path);
            let expected = Expected { source: source.clone(), origin: source, place: path };
            let passwords = context.live().passwords.clone();
            for message in context.outputs.deliver(&store, document, &expected, &passwords)? {
                (context.tell)(Told::Warning { file: Some(expected.source.clone()), message });
            }
            Ok(())
        })
        .await??;
        Ok(Outcome { document: Some(document), pages: committed, pages_failed: failed, failure: None })
    }

    /// The store knows the sentence, and opening the file once more tells of what kind it is.
    async fn why_failed(&self, reason: Option<String>) -> Failure {
        let file = self.claim.file.clone();
        let failure = blocking(move || {
            let opened =
                fs::read(&file).map(|bytes| pagestream_documents::open(Arc::new(bytes), &OpenOptions::default()));
            match opened {
                Ok(Err(error)) => Some(Failure::from(&DocumentFailure::from(error))),
                _ => None,
            }
        });
        let reason = || reason.unwrap_or_else(|| "it could not be read".to_owned());
        failure.await.ok().flatten().unwrap_or_else(|| Failure::new(FailureKind::Internal, reason()))
    }

    async fn wait_for_pipeline(&self, error: Error) -> Result<(), Left> {
        let mut running = self.context.running.clone();
        let generation = self.generation;
        // Whoever hears it starts another, unless that has been done already.
        if self.context.broken.send((generation, error)).is_err() {
            return Err(Left::Stopping);
        }
        let mut stopping = self.context.stopping.clone();
        loop {
            if *stopping.borrow_and_update() {
                return Err(Left::Stopping);
            }
            let now = running.borrow_and_update().clone();
            if now.generation > generation && now.pipeline.is_some() {
                return Ok(());
            }
            tokio::select! {
                changed = running.changed() => changed.map_err(|_| Left::Stopping)?,
                changed = stopping.changed() => changed.map_err(|_| Left::Stopping)?,
            }
        }
    }

    /// Where files are left in place: that this one was read, as it was.
    fn mark(&self, stamp: Option<Stamp>, outcome: &Outcome) {
        let (Some(marks), Some(stamp)) = (&self.context.marks, stamp) else { return };
        let failure = outcome.failure.as_ref().map(|failure| failure.kind);
        let marked = marks.lock().unwrap_or_else(PoisonError::into_inner).add(&self.claim.path, stamp, failure);
        if let Err(error) = marked {
            tracing::warn!(file = %self.claim.path.display(), %error, "that it was read cannot be noted; it will be read again");
        }
    }

    /// Moves the file to its end, as often as it takes.
    async fn end(&mut self, ending: Ending) -> Result<Ending, Left> {
        let live = self.context.live();
        let mut backoff = Backoff::new(live.retry_after);
        let mut waited = 0;
        loop {
            let (context, claim, planned) = (self.context.clone(), self.claim.clone(), ending.clone());
            let moved = blocking(move || {
                let note = |ending: &Ending| context.desk.ending(&claim, ending);
                context.endings.carry_out(&claim, planned, &note)
            });
            let error = match moved.await.map_err(|_| Left::Stopping)? {
                Ok(ending) => return Ok(ending),
                Err(error) => error,
            };
            let is_gone = error.kind() == std::io::ErrorKind::NotFound && self.claim.moved.symlink_metadata().is_err();
            if is_gone && self.context.desk.is_there() {
                // Moved before a crash; or somebody has taken it out of our hands.
                return Ok(ending);
            }
            waited += 1;
            let reason = format!("{} cannot be moved: {error}", ending.to.display());
            self.wait_out(&reason, waited, &mut backoff).await?;
        }
    }

    fn ended(&self, ending: Ending) -> Ended {
        let Ending { place, to, outcome } = ending;
        let file = match place {
            Place::Archive | Place::Failed => Some(to),
            Place::Left => Some(self.context.root.join(&self.claim.path)),
            Place::Deleted => None,
        };
        Ended { source: self.context.source_of(&self.claim.path), path: self.claim.path.clone(), file, place, outcome }
    }

    async fn run_hook(&self, ended: &Ended) {
        let outcome = &ended.outcome;
        let failure = outcome.failure.as_ref();
        let text = |text: String| OsString::from(text);
        let variables: [(&'static str, OsString); 11] = [
            ("PAGESTREAM_HOOK_EVENT", text(if failure.is_some() { "failed" } else { "done" }.to_owned())),
            ("PAGESTREAM_HOOK_SOURCE", self.context.root.join(&ended.path).into()),
            ("PAGESTREAM_HOOK_PATH", ended.path.clone().into()),
            ("PAGESTREAM_HOOK_FILE", ended.file.clone().unwrap_or_default().into()),
            ("PAGESTREAM_HOOK_OUTPUT", self.context.outputs.folder().into()),
            ("PAGESTREAM_HOOK_DATA_DIR", self.context.data_dir.clone().into()),
            ("PAGESTREAM_HOOK_DOCUMENT", text(outcome.document.map(|id| id.to_string()).unwrap_or_default())),
            ("PAGESTREAM_HOOK_PAGES", text(outcome.pages.to_string())),
            ("PAGESTREAM_HOOK_PAGES_FAILED", text(outcome.pages_failed.to_string())),
            ("PAGESTREAM_HOOK_KIND", text(failure.map(|failure| kind_text(failure.kind)).unwrap_or_default())),
            ("PAGESTREAM_HOOK_REASON", text(failure.map(|failure| failure.reason.clone()).unwrap_or_default())),
        ];
        let hook = self.context.live().hook.clone();
        if let Err(message) = hook.run(&variables).await {
            (self.context.tell)(Told::Warning { file: Some(ended.source.clone()), message });
        }
    }

    fn tell_retrying(&self, reason: &str, pause: Duration) {
        let file = self.context.source_of(&self.claim.path);
        (self.context.tell)(Told::Retrying { file, reason: reason.to_owned(), pause });
    }

    async fn rest(&self, pause: Duration) -> Result<(), Left> {
        let mut stopping = self.context.stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            _ = stopping.wait_for(|stopping| *stopping) => Err(Left::Stopping),
        }
    }
}

fn kind_text(kind: FailureKind) -> String {
    serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default()
}

fn gone() -> Failure {
    Failure::new(FailureKind::Io, "the file is gone: somebody has moved it out of the work folder")
}

fn cancelled() -> Failure {
    Failure::new(FailureKind::Cancelled, "it was cancelled")
}

fn stamp_of(file: &Path) -> Option<Stamp> {
    fs::metadata(file).ok().map(|found| Stamp::from(&found))
}

async fn look_up(pipeline: &Pipeline, id: DocumentId) -> Result<Option<Document>, Fault> {
    let store = pipeline.store().clone();
    let found = blocking(move || store.document(id)).await?;
    found.map_err(|error| Fault::of_submission(store_error(error)))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Stopping)
}
