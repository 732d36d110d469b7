//! Results: made from the page log when a document has ended, so that they are made again from it where a crash came between.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use pagestream_documents::{
    DocumentId, PageNumber,
    output::{Expected, Files, FilesFormat, PageWriter as _},
};
use pagestream_store::{Cursor, Store};

use super::faults::Fault;

/// Pages read from the log at a time.
const PAGES_AT_ONCE: usize = 32;

/// How results are written.
#[derive(Clone, Debug)]
pub struct Form {
    pub folder: PathBuf,
    /// One file a document, or a page, for each.
    pub formats: Vec<FilesFormat>,
    pub per_page: bool,
    /// Replace files that pagestream did not write, or that were changed since.
    pub overwrite: bool,
}

impl Form {
    /// The one place that knows how formats become writers.
    fn writers(&self) -> io::Result<Vec<Files>> {
        let writer = |format: &FilesFormat| {
            let files = match self.per_page {
                true => Files::per_page(&self.folder, *format),
                false => Files::per_document(&self.folder, *format),
            };
            Ok(files?.overwriting(self.overwrite))
        };
        self.formats.iter().map(writer).collect()
    }
}

pub struct Outputs {
    form: Form,
    writers: Mutex<Vec<Files>>,
}

impl Outputs {
    /// # Errors
    /// Where the folder cannot be made or written to.
    pub fn open(form: Form) -> io::Result<Self> {
        let writers = Mutex::new(form.writers()?);
        Ok(Self { form, writers })
    }

    pub fn folder(&self) -> &Path {
        &self.form.folder
    }

    /// Writes the pages of a document that has ended, in order, and gives the files their names. Blocks.
    ///
    /// # Errors
    /// What keeps them from being written; nothing with a final name is half written then.
    pub fn deliver(&self, store: &Store, document: DocumentId, expected: &Expected) -> Result<(), Fault> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: io::Error| Fault::of_io("", &error);
        match write(&mut writers, store, document, expected) {
            Err(Problem::Output(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Another process may have written it, of whom we know nothing yet.
                *writers = self.form.writers().map_err(failed)?;
                write(&mut writers, store, document, expected).map_err(Problem::fault)
            }
            // The folder may have gone and come back.
            Err(Problem::Output(error)) if error.kind() == io::ErrorKind::NotFound => {
                *writers = self.form.writers().map_err(failed)?;
                write(&mut writers, store, document, expected).map_err(Problem::fault)
            }
            written => written.map_err(Problem::fault),
        }
    }
}

enum Problem {
    Log(pagestream_store::Error),
    Output(io::Error),
}

impl Problem {
    fn fault(self) -> Fault {
        match self {
            Self::Log(error) => Fault::of_submission(pagestream_actors::error::store_error(error)),
            Self::Output(error) => Fault::of_io("", &error),
        }
    }
}

fn write(writers: &mut [Files], store: &Store, document: DocumentId, expected: &Expected) -> Result<(), Problem> {
    let written = write_pages(writers, store, document, expected);
    let whole = written.is_ok();
    let mut ended = written;
    for writer in writers {
        // What is not whole is let go of in all of them.
        let end = writer.end_document(document, whole && ended.is_ok()).map_err(Problem::Output);
        ended = ended.and(end);
    }
    ended
}

fn write_pages(writers: &mut [Files], store: &Store, document: DocumentId, expected: &Expected) -> Result<(), Problem> {
    for writer in &mut *writers {
        let refused = |error: pagestream_documents::Error| {
            Problem::Output(io::Error::new(io::ErrorKind::AlreadyExists, error.message))
        };
        writer.expect(std::slice::from_ref(expected)).map_err(refused)?;
    }
    let mut from = PageNumber::FIRST;
    loop {
        let pages = store.read(document, Cursor::Page(from), PAGES_AT_ONCE).map_err(Problem::Log)?;
        let Some(last) = pages.last() else { return Ok(()) };
        from = PageNumber::from_index(last.page.index() + 1);
        for page in &pages {
            let record = page.record().map_err(Problem::Log)?;
            for writer in &mut *writers {
                writer.write_page(&record).map_err(Problem::Output)?;
            }
        }
    }
}
