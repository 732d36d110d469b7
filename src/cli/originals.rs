//! Where a document is found again whose pages were read: in the spool of the data directory, or where it was.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use pagestream::{
    Digest, DocumentRef, ErrorKind, Settings, Source, harmless,
    output::{Original, Originals, is_url},
};
use pagestream_documents::{DocumentData, Error, Result};
use pagestream_store::{Input, Reader, Store};
use tempfile::NamedTempFile;

use super::inputs::NamedInput;

/// Finds documents for [`pagestream::output`]; nothing is looked for before somebody asks.
#[derive(Default)]
pub struct Found {
    spool: Option<Reader>,
    password: Option<String>,
    /// The one that was named: `--original`.
    given: Option<PathBuf>,
    /// What came from no file.
    kept: HashMap<String, NamedTempFile>,
    /// Where the run itself keeps what it was given: what was downloaded is nowhere else.
    running: Arc<OnceLock<Reader>>,
}

impl Found {
    /// For the documents of a run: its `sources` and those of its data directory. `is_needed`: whether anybody will ask.
    ///
    /// # Errors
    /// When a document that came through a pipe cannot be kept.
    pub fn new(
        settings: &Settings,
        password: Option<&str>,
        given: Option<PathBuf>,
        is_needed: bool,
        sources: &[NamedInput],
    ) -> io::Result<Self> {
        if !is_needed {
            return Ok(Self::default());
        }
        let mut kept = HashMap::new();
        for source in sources {
            if let NamedInput::Source(Source::Bytes { name, bytes }) = source {
                let mut file = NamedTempFile::new()?;
                file.write_all(bytes)?;
                kept.insert(name.clone(), file);
            }
        }
        Ok(Self { spool: spool(settings), password: password.map(str::to_owned), given, kept, running: Arc::default() })
    }

    /// To be filled when the run has its store.
    pub fn running(&self) -> Arc<OnceLock<Reader>> {
        self.running.clone()
    }

    fn data(&self, document: &DocumentRef) -> Result<DocumentData> {
        if let Some(given) = &self.given {
            return read(given, document);
        }
        // A data directory that a run has yet to make is opened by now.
        if let Some(data) = self.spool.as_ref().and_then(|spool| spool.open_blob(document.sha256).ok()) {
            return Ok(data);
        }
        if is_url(&document.source)
            && let Some(data) = self.running.get().and_then(|store| store.open_blob(document.sha256).ok())
        {
            return Ok(data);
        }
        let path = self.kept.get(&document.source).map_or(Path::new(&document.source), |file| file.path());
        read(path, document)
    }
}

fn spool(settings: &Settings) -> Option<Reader> {
    Store::open_reader(settings.store.data_dir.as_ref()?).ok()
}

fn read(path: &Path, document: &DocumentRef) -> Result<DocumentData> {
    let hint = "`pagestream convert --original FILE` takes it from where it is now";
    let data = Input::of_file(path).map(|input| input.data()).map_err(|error| {
        Error::new(ErrorKind::Io, format!("the document itself cannot be read: {error}")).with_hint(hint)
    })?;
    if Digest::of((*data).as_ref()) != document.sha256 {
        let path = path.display().to_string();
        let message = format!("{} is not what was read under this name, or was changed since", harmless(&path));
        return Err(Error::new(ErrorKind::Io, message).with_hint(hint));
    }
    Ok(data)
}

impl Originals for Found {
    fn open(&self, document: &DocumentRef) -> Result<Original> {
        Ok(Original { data: self.data(document)?, password: self.password.clone() })
    }
}
