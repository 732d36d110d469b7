//! The registry of documents under way in this process, and what makes a job of a journaled document.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use pagestream_documents::{Digest, DocumentId};
use pagestream_store::{Document, Priority as StoredPriority, options_key};
use serde_json::{Value, json};

use crate::{
    admission::Admitted,
    job::DocumentJob,
    options::{DuplicateMode, PageSelection, ReadingOptions, SubmitOptions},
};

/// The documents that are under way in this process, by identity.
#[derive(Default)]
pub struct Jobs {
    jobs: Mutex<HashMap<DocumentId, Weak<DocumentJob>>>,
}

impl Jobs {
    pub fn get(&self, id: DocumentId) -> Option<Arc<DocumentJob>> {
        self.lock().get(&id).and_then(Weak::upgrade)
    }

    pub fn all(&self) -> Vec<Arc<DocumentJob>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// Makes a job known for as long as somebody holds it.
    pub fn insert(&self, job: &Arc<DocumentJob>) {
        let mut jobs = self.lock();
        jobs.retain(|_, job| job.strong_count() > 0);
        jobs.insert(job.id, Arc::downgrade(job));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DocumentId, Weak<DocumentJob>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The job of a journaled document.
pub fn job_of(document: &Document, options: SubmitOptions, admission: Option<Admitted>) -> Arc<DocumentJob> {
    DocumentJob::new(document.id, document.source.clone(), document.sha256, options, document.options_key, admission)
}

/// What "the same options" means: whatever decides a page's text, and nothing else. A password is never written down;
/// that there was one is, because a document that needs one is resumed only when it is submitted again with it.
pub fn stored_options(options: &SubmitOptions, reading: &ReadingOptions) -> Value {
    stored_options_with(options, reading, options.duplicates.unwrap_or(reading.duplicates))
}

/// As [`stored_options`], were duplicates treated so.
fn stored_options_with(options: &SubmitOptions, reading: &ReadingOptions, duplicates: DuplicateMode) -> Value {
    json!({ "ocr": options.ocr, "password": options.password.is_some(), "reading": reading.key_with(duplicates) })
}

/// The keys of documents whose pages were read as a submission's would be, however their duplicates were treated: what is
/// skipped when it is there already.
pub fn keys_of_same_reading(options: &SubmitOptions, reading: &ReadingOptions) -> [Digest; 3] {
    DuplicateMode::ALL.map(|duplicates| options_key(&stored_options_with(options, reading, duplicates)))
}

/// Whether a document was submitted with a password, and so can go on only when it is submitted again with it.
pub fn needs_password(document: &Document) -> bool {
    document.options.get("password").and_then(Value::as_bool).unwrap_or(false)
}

/// The submission of a journaled document, as far as it was written down; `None` when it needs its password again.
pub fn options_of(document: &Document, reading: &ReadingOptions) -> Option<SubmitOptions> {
    let key = document.options.get("reading").and_then(Value::as_str);
    let duplicates = DuplicateMode::ALL.into_iter().find(|mode| key == Some(&reading.key_with(*mode).to_string()));
    let ocr = serde_json::from_value(document.options.get("ocr")?.clone()).ok()?;
    let pages = document.selection.clone().map_or(Ok(PageSelection::ALL), PageSelection::try_from).ok()?;
    let bulk = document.priority == StoredPriority::Bulk;
    let tags = document.tags.clone();
    (!needs_password(document)).then(|| SubmitOptions {
        ocr,
        pages,
        bulk,
        duplicates,
        tags,
        ..SubmitOptions::default()
    })
}
