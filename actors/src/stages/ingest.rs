//! Ingest: takes submissions in.
//!
//! Takes [`Submission`]s, sends [`OpenDocument`]s to the splitter. It spools the bytes (hashing them on the way; without a data
//! directory files are only hashed, and read where they are) and journals the document before it answers, so that what was
//! acknowledged survives the process. It holds nothing: the
//! admission permit lives in the document's job. A submission that fails is answered with the reason and leaves no
//! trace but an unreferenced blob, which the store collects.

use std::{fs::File, io, sync::Arc};

use actix::{Actor, Context, Handler, Message};
use pagestream_documents::{Digest, DocumentId, PageNumber, PageRecord, PageStatus};
use pagestream_store::{
    Blob, Cursor, Document, DocumentState as StoredState, Error as StoreError, NewDocument, Outcome, PageCommit,
    PageSet, Priority as StoredPriority, Store, Tag, options_key,
    similarity::{PageKey, Verdict, is_tiny},
};
use serde_json::Value;

use super::{StageRef, embedding_deduper::note, page_splitter::PageSplitter};
use crate::{
    error::{Error, Result, store_error},
    failpoints,
    guard::guarded,
    job::{DocumentJob, DocumentState, Source},
    jobs::{Jobs, job_of, keys_of_same_reading, stored_options},
    messages::{OpenDocument, Submission, SubmittedInput},
    metrics::{Metrics, Stage},
    options::{DuplicateMode, ReadingOptions, SubmitOptions},
};

impl Message for Submission {
    type Result = ();
}

#[derive(Clone)]
pub struct Ingest {
    pub store: Store,
    pub jobs: Arc<Jobs>,
    pub reading: Arc<ReadingOptions>,
    pub splitter: StageRef<PageSplitter>,
    pub metrics: Arc<Metrics>,
}

impl Actor for Ingest {
    type Context = Context<Self>;
}

impl Handler<Submission> for Ingest {
    type Result = ();

    fn handle(&mut self, submission: Submission, _: &mut Self::Context) {
        failpoints::hit(Stage::Ingest);
        let this = self.clone();
        self.metrics.stage(Stage::Ingest).enter();
        // A task of its own: what has been journaled is answered even if the actor is made anew meanwhile.
        actix::spawn(async move { this.admit(submission).await });
    }
}

impl Ingest {
    async fn admit(self, submission: Submission) {
        let Submission { input, options, admission, reply } = submission;
        let since = std::time::Instant::now();
        let (store, reading) = (self.store.clone(), self.reading.clone());
        let journaled = tokio::task::spawn_blocking({
            let options = options.clone();
            move || guarded(|| journal(&store, input, &options, &reading))
        })
        .await;
        self.metrics.stage(Stage::Ingest).busy.add(since.elapsed());
        self.metrics.stage(Stage::Ingest).leave();
        let journaled = match journaled {
            Ok(Ok(journaled)) => journaled,
            Ok(Err(panic)) => Err(Error::Fatal(format!("ingest {panic}"))),
            Err(_) => Err(Error::Closed),
        };
        let Journaled { document, committed } = match journaled {
            Ok(journaled) => journaled,
            Err(error) => return drop(reply.send(Err(error))),
        };
        // The same document may be under way in this process already: then both submitters follow the same job.
        if let Some(job) = self.jobs.get(document.id) {
            return drop(reply.send(Ok(job)));
        }
        let job = job_of(&document, options, Some(admission));
        self.jobs.insert(&job);
        let open = document.state == StoredState::Open;
        if !open {
            replay(&job, &document, &committed);
        }
        tracing::info!(parent: &job.span, "document is journaled");
        // A submitter that went away has not cancelled: what is journaled is done.
        drop(reply.send(Ok(job.clone())));
        if open && let Err(message) = self.splitter.send(OpenDocument { job, committed }) {
            message.job.finish(DocumentState::Interrupted);
        }
    }
}

/// Brings the job of a document that ended earlier to its end, so that its stream replays from the log.
fn replay(job: &DocumentJob, document: &Document, committed: &PageSet) {
    let committed = committed.len() as u32;
    job.opened(document.pages.unwrap_or(committed), committed, committed, document.failed);
    job.finish(match document.state {
        StoredState::Cancelled => DocumentState::Cancelled,
        _ => DocumentState::Done,
    });
}

/// Pages copied in one transaction.
const COPIED_AT_ONCE: usize = 64;

struct Journaled {
    document: Document,
    committed: PageSet,
}

/// Takes the bytes and journals. Where the same bytes were read the same way before, the pages come from the log; a document of
/// this name that is open, from a run that was interrupted, is gone on with.
fn journal(
    store: &Store,
    input: SubmittedInput,
    options: &SubmitOptions,
    reading: &ReadingOptions,
) -> Result<Journaled> {
    let (name, blob) = match input {
        SubmittedInput::Source(source) => {
            let name = source.name();
            let blob = take(store, &source).map_err(|error| not_taken(&name, error))?;
            (name, blob)
        }
        SubmittedInput::Spooled { name, blob } => (name, blob),
    };
    let stored_options = stored_options(options, reading);
    let selection = options.pages.to_string();
    let same = match options.force {
        true => None,
        false => find_same(store, &name, blob.digest, &stored_options, &selection, options.owner.as_ref())?,
    };
    let answer = match same {
        Some(same) if same.source == name && belongs_to(&same, options.owner.as_ref()) => {
            store.tag(same.id, &options.tags).map_err(store_error)?;
            return go_on(store, same.id);
        }
        other => other,
    };
    let duplicates = options.duplicates.unwrap_or(reading.duplicates);
    let skipped = duplicates == DuplicateMode::Skip && !options.force;
    // Where nothing is to be delivered twice, it does not matter how what is there already was treated.
    let answer = match answer {
        None if skipped => find_same_reading(store, &name, blob.digest, options, reading, &selection)?,
        other => other,
    };
    let new = NewDocument {
        id: DocumentId::new(),
        source: name,
        blob,
        options: stored_options,
        selection: Some(selection),
        priority: if options.bulk { StoredPriority::Bulk } else { StoredPriority::Interactive },
        tags: options.all_tags(),
    };
    store.submit(&new).map_err(store_error)?;
    if let Some(answer) = answer {
        copy_pages(store, &answer, &new, duplicates)?;
    }
    go_on(store, new.id)
}

/// Spools the bytes, or notes where they are; hashes them in any case.
fn take(store: &Store, source: &Source) -> Result<Blob, StoreError> {
    let path = match source {
        Source::Bytes { bytes, .. } => return store.spool(&mut &**bytes),
        Source::Path(path) | Source::Named { path, .. } => path,
    };
    // Looked at before it is opened: a device may never end, and a pipe waits for its writer.
    let kind = std::fs::metadata(path).map_err(StoreError::Input)?.file_type();
    if kind.is_dir() {
        return Err(StoreError::Input(io::ErrorKind::IsADirectory.into()));
    }
    if !kind.is_file() && !is_pipe(kind) {
        return Err(StoreError::Input(io::Error::other("it is neither a file nor a pipe")));
    }
    let mut file = File::open(path).map_err(StoreError::Input)?;
    if kind.is_file() { store.take_file(file, path) } else { store.spool(&mut file) }
}

/// Why a submission's bytes could not be taken: the submitter's fault, or the store's.
pub fn not_taken(name: &str, error: StoreError) -> Error {
    let read = |cause, kind| Error::Read { name: name.to_owned(), cause, kind };
    match error {
        StoreError::Input(error) => read(describe_io(&error), error.kind()),
        StoreError::InputChanged { .. } => read("it was changed while it was read".to_owned(), io::ErrorKind::Other),
        error => store_error(error),
    }
}

/// Gives a new document the pages of a finished one that has the same bytes and was read the same way: every submission
/// has an identity, a name and pages of its own, which say what they repeat as pages do that are read.
fn copy_pages(store: &Store, from: &Document, to: &NewDocument, duplicates: DuplicateMode) -> Result<()> {
    let mut cursor = Cursor::Page(PageNumber::FIRST);
    loop {
        let pages = store.read(from.id, cursor, COPIED_AT_ONCE).map_err(store_error)?;
        let Some(last) = pages.last() else { break };
        cursor = Cursor::Page(PageNumber::from_index(last.page.index() + 1));
        let copies = pages.iter().map(|page| {
            let mut record = page.record()?;
            if duplicates != DuplicateMode::Off {
                refer(store, &mut record, to.id, duplicates)?;
            }
            record.document.id = to.id;
            record.document.source.clone_from(&to.source);
            Ok(PageCommit { record: Arc::new(record), raster: None })
        });
        let copies = copies.collect::<std::result::Result<Vec<_>, _>>().map_err(store_error)?;
        store.commit(&copies).map_err(store_error)?;
    }
    store.set_pages(to.id, from.pages.unwrap_or_default()).map_err(store_error)?;
    store.finish(to.id, Outcome::Done, None).map_err(store_error)?;
    Ok(())
}

/// Makes of an earlier page's record one of a page of `document` that repeats it. A page without a text, or with next to none,
/// repeats nothing and stays as it is.
fn refer(
    store: &Store,
    record: &mut PageRecord,
    document: DocumentId,
    duplicates: DuplicateMode,
) -> Result<(), StoreError> {
    if !matches!(record.status, PageStatus::Ok | PageStatus::Duplicate) || record.text.is_empty() {
        // One that was skipped itself refers to the page that it repeats already.
        return Ok(());
    }
    let key = PageKey { document, page: record.page };
    match store.similarity().check_and_insert(key, &record.text)? {
        verdict @ Verdict::Duplicate { .. } => note(record, verdict, duplicates),
        // What it repeats was read without being compared, and is not known to the index.
        Verdict::Unique if !is_tiny(&record.text) => {
            let of = PageKey { document: record.document.id, page: record.page };
            note(record, Verdict::Duplicate { of, similarity: 1.0, differs: None }, duplicates);
            store.similarity().remove(key)?;
        }
        Verdict::Unique => {}
    }
    Ok(())
}

/// A finished document with the same bytes and pages that was read as this one would be, however its duplicates were treated.
fn find_same_reading(
    store: &Store,
    name: &str,
    sha256: Digest,
    options: &SubmitOptions,
    reading: &ReadingOptions,
    selection: &str,
) -> Result<Option<Document>> {
    let reader = store.reader();
    for key in keys_of_same_reading(options, reading) {
        if let Some(id) = reader.find_finished(name, sha256, key, Some(selection)).map_err(store_error)? {
            return reader.document(id).map_err(store_error);
        }
    }
    Ok(None)
}

/// A document with the same bytes, options and pages: one of this name that is open, or any that is finished.
fn find_same(
    store: &Store,
    name: &str,
    sha256: Digest,
    options: &Value,
    selection: &str,
    owner: Option<&Tag>,
) -> Result<Option<Document>> {
    let key = options_key(options);
    let reader = store.reader();
    let open = reader.open_documents().map_err(store_error)?.into_iter().find(|document| {
        document.sha256 == sha256
            && document.options_key == key
            && document.selection.as_deref() == Some(selection)
            && document.source == name
            && belongs_to(document, owner)
    });
    if open.is_some() {
        return Ok(open);
    }
    let finished = reader.find_finished(name, sha256, key, Some(selection)).map_err(store_error)?;
    finished.map_or(Ok(None), |id| reader.document(id).map_err(store_error))
}

/// Whether a document may answer for one that is submitted for `owner`, under its own name and identity.
fn belongs_to(document: &Document, owner: Option<&Tag>) -> bool {
    owner.is_none_or(|owner| document.tags.contains(owner))
}

fn go_on(store: &Store, id: DocumentId) -> Result<Journaled> {
    let reader = store.reader();
    let gone = || Error::Fatal(format!("document {id} was removed while it was submitted"));
    let document = reader.document(id).map_err(store_error)?.ok_or_else(gone)?;
    if document.state == StoredState::Open {
        store.take_up(id).map_err(store_error)?;
    }
    let committed = reader.committed_pages(id).map_err(store_error)?;
    Ok(Journaled { document, committed })
}

#[cfg(unix)]
fn is_pipe(kind: std::fs::FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: std::fs::FileType) -> bool {
    false
}

fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
