//! Results: made from the page log when a document has ended, so that they are made again from it where a crash came between.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use pagestream_documents::{
    DocumentId, DocumentRef, PageNumber,
    output::{
        DocumentOptions, Expected, Files, Notice, Original, Originals, OutputFormat, OutputOptions, PageWriter as _,
        PdfOptions,
    },
};
use pagestream_store::{Cursor, Store};

use super::{faults::Fault, passwords::Passwords};

/// Pages read from the log at a time.
const PAGES_AT_ONCE: usize = 32;

/// How results are written.
#[derive(Clone, Debug)]
pub struct Form {
    pub folder: PathBuf,
    /// One file a document, or a page, for each.
    pub formats: Vec<OutputFormat>,
    pub per_page: bool,
    /// Replace files that pagestream did not write, or that were changed since.
    pub overwrite: bool,
    /// Of [`OutputFormat::Pdf`].
    pub pdf: PdfOptions,
    /// Of formats that are documents.
    pub document: DocumentOptions,
}

impl Form {
    /// The one place that knows how formats become files.
    fn files(&self, originals: &Arc<Spooled>) -> io::Result<Files> {
        let files = match self.per_page {
            true => Files::per_page(&self.folder, &self.formats),
            false => Files::per_document(&self.folder, &self.formats),
        };
        let options = OutputOptions { originals: originals.clone(), pdf: self.pdf, document: self.document };
        Ok(files?.overwriting(self.overwrite).with_options(options))
    }
}

/// The documents themselves, as the store has them: of what was watched for nothing is left to rely on.
#[derive(Default)]
struct Spooled {
    /// Of the document that is being delivered.
    of: Mutex<Option<(Store, Passwords)>>,
}

impl Originals for Spooled {
    fn open(&self, document: &DocumentRef) -> pagestream_documents::Result<Original> {
        let gone = |cause: String| pagestream_documents::Error::new(pagestream_documents::ErrorKind::Io, cause);
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (store, passwords) = of.ok_or_else(|| gone("the document is not being delivered".to_owned()))?;
        let data = store.open_blob(document.sha256).map_err(|error| gone(error.to_string()))?;
        Ok(Original { password: passwords.opening(&data), data })
    }
}

pub struct Outputs {
    form: Form,
    originals: Arc<Spooled>,
    files: Mutex<Files>,
}

impl Outputs {
    /// # Errors
    /// Where the folder cannot be made or written to.
    pub fn open(form: Form) -> io::Result<Self> {
        let originals = Arc::<Spooled>::default();
        let files = Mutex::new(form.files(&originals)?);
        Ok(Self { form, originals, files })
    }

    pub fn folder(&self) -> &Path {
        &self.form.folder
    }

    /// Writes the pages of a document that has ended, in order, and gives the files their names. What is to be said of them, such as why
    /// there is no PDF of an encrypted one. Blocks.
    ///
    /// # Errors
    /// What keeps them from being written; nothing with a final name is half written then.
    pub fn deliver(
        &self,
        store: &Store,
        document: DocumentId,
        expected: &Expected,
        passwords: &Passwords,
    ) -> Result<Vec<String>, Fault> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        *self.originals.of.lock().unwrap_or_else(PoisonError::into_inner) = Some((store.clone(), passwords.clone()));
        let written = match write(&mut files, store, document, expected) {
            // Another process may have written it, of whom we know nothing yet; or the folder has gone and come back.
            Err(Problem::Output(error))
                if [io::ErrorKind::AlreadyExists, io::ErrorKind::NotFound].contains(&error.kind()) =>
            {
                *files = self.form.files(&self.originals).map_err(|error| Fault::of_io("", &error))?;
                write(&mut files, store, document, expected)
            }
            written => written,
        };
        // The store is not to be held by who may never deliver again.
        *self.originals.of.lock().unwrap_or_else(PoisonError::into_inner) = None;
        written.map_err(Problem::fault)?;
        let said = files.notices().into_iter().map(|notice| match notice {
            Notice::Remark { message, .. } => message,
            Notice::Refused { format, error, .. } => match &error.hint {
                Some(hint) => format!("no {format} of it: {error} ({hint})"),
                None => format!("no {format} of it: {error}"),
            },
        });
        Ok(said.collect())
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

fn write(files: &mut Files, store: &Store, document: DocumentId, expected: &Expected) -> Result<(), Problem> {
    let written = write_pages(files, store, document, expected);
    // What is not whole is let go of in all formats.
    let ended = files.end_document(document, written.is_ok()).map_err(Problem::Output);
    written.and(ended)
}

fn write_pages(files: &mut Files, store: &Store, document: DocumentId, expected: &Expected) -> Result<(), Problem> {
    files.expect(std::slice::from_ref(expected)).map_err(|error: pagestream_documents::Error| {
        Problem::Output(io::Error::new(io::ErrorKind::AlreadyExists, error.message))
    })?;
    let mut from = PageNumber::FIRST;
    loop {
        let pages = store.read(document, Cursor::Page(from), PAGES_AT_ONCE).map_err(Problem::Log)?;
        let Some(last) = pages.last() else { return Ok(()) };
        from = PageNumber::from_index(last.page.index() + 1);
        for page in &pages {
            files.write_page(&page.record().map_err(Problem::Log)?).map_err(Problem::Output)?;
        }
    }
}
