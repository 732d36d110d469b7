//! What `tail`, `status`, `cancel` and `rm` share: the data directory, and documents named on the command line.

use std::path::PathBuf;

use clap::Args;
use pagestream::{DocumentId, Settings};
use pagestream_store::{Document, Error as StoreError, Listing, Reader, Store};

use super::{exit::Exit, printer::Printer};

#[derive(Args)]
pub struct DataArgs {
    /// Where documents and results are kept; otherwise the setting `store.data_dir`
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl DataArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.data_dir.iter().map(|dir| ("store.data_dir", dir.to_string_lossy().into_owned())).collect()
    }
}

/// Why a command ends here: one sentence, what to do about it, and the exit code.
pub struct Refusal {
    message: String,
    hint: Option<String>,
    exit: Exit,
}

impl Refusal {
    pub fn new(message: String, hint: &str, exit: Exit) -> Self {
        Self { message, hint: Some(hint.to_owned()), exit }
    }

    pub fn tell(self, printer: &Printer) -> Exit {
        printer.error(&self.message, self.hint.as_deref());
        self.exit
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::NoStore { .. } | StoreError::NoSuchDocument(_) => Exit::Configuration,
            _ => Exit::FileAccess,
        };
        Self { message: error.to_string(), hint: error.hint().map(str::to_owned), exit }
    }
}

/// The data directory of the settings.
pub fn data_dir(settings: &Settings) -> Result<PathBuf, Refusal> {
    settings.store.data_dir.clone().ok_or_else(|| {
        let hint = "give --data-dir DIR, or set `store.data_dir` once in your configuration";
        Refusal::new("no data directory is named".to_owned(), hint, Exit::Configuration)
    })
}

pub fn open(settings: &Settings) -> Result<Reader, Refusal> {
    Ok(Store::open_reader(&data_dir(settings)?)?)
}

/// The document whose identity begins with `text`; there must be exactly one.
pub fn find(reader: &Reader, text: &str) -> Result<Document, Refusal> {
    if let Ok(id) = text.parse::<DocumentId>() {
        return reader.document(id)?.ok_or_else(|| StoreError::NoSuchDocument(id).into());
    }
    // Dashes are for the eye: the beginning of an identity is the same with and without them.
    let bare = |text: &str| text.to_ascii_lowercase().replace('-', "");
    let wanted = bare(text);
    let mut found: Vec<Document> = match wanted.is_empty() {
        true => Vec::new(),
        false => reader.documents(Listing::default())?,
    };
    found.retain(|document| bare(&document.id.to_string()).starts_with(&wanted));
    match (found.len(), found.pop()) {
        (1, Some(document)) => Ok(document),
        (0, _) | (_, None) => {
            let hint = "`pagestream status` lists the documents";
            Err(Refusal::new(format!("no document begins with `{text}`"), hint, Exit::Configuration))
        }
        (n, Some(_)) => {
            let hint = "write more of it; documents of the same minute begin alike";
            Err(Refusal::new(format!("{n} documents begin with `{text}`"), hint, Exit::Configuration))
        }
    }
}
