//! What `tail`, `status`, `cancel` and `rm` share: the data directory, and documents named on the command line.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::Args;
use pagestream::{DocumentId, Settings, Tag, harmless, settings::parse_duration};
use pagestream_actors::needs_password;
use pagestream_store::{Document, DocumentState, Error as StoreError, Listing, Reader, Store};

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

    pub fn plain(message: String, hint: Option<String>, exit: Exit) -> Self {
        Self { message, hint, exit }
    }

    pub fn tell(self, printer: &Printer) -> Exit {
        printer.error(&self.message, self.hint.as_deref());
        self.exit
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::NoStore { .. }
            | StoreError::NoSuchDocument(_)
            | StoreError::Query(_)
            | StoreError::QueryVector(_) => Exit::Configuration,
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

/// Which documents are meant, where several are.
#[derive(Args, Clone, Debug, Default)]
pub struct FilterArgs {
    /// Only documents that failed, or of which a page did
    #[arg(long)]
    failed: bool,
    /// Only documents that are open: being read, or left by a run that ended
    #[arg(long)]
    open: bool,
    /// Only documents that ended so long ago (those that are open: were submitted), such as 30d or 12h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    older_than: Option<Duration>,
    /// Only documents with this tag; several: with all of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
}

impl FilterArgs {
    pub fn is_given(&self) -> bool {
        self.failed || self.open || self.older_than.is_some() || !self.tags.is_empty()
    }

    /// Whether documents that are open are asked for by name.
    pub fn wants_open(&self) -> bool {
        self.open
    }

    /// With `--failed` and `--open`, documents of either kind.
    pub fn takes(&self, document: &Document, now: SystemTime) -> bool {
        let has_failed = document.state == DocumentState::Failed || document.failed > 0;
        let is_open = document.state == DocumentState::Open;
        let kind = (!self.failed && !self.open) || (self.failed && has_failed) || (self.open && is_open);
        let since = document.finished_at.unwrap_or(document.submitted_at);
        let age = now.duration_since(since).unwrap_or_default();
        kind && self.older_than.is_none_or(|limit| age >= limit) && document.has_tags(&self.tags)
    }
}

/// Candidates that are listed where a name is not of one document only.
const LISTED: usize = 10;

/// The document that is meant by `text`: its identity or the beginning of it, the name that it was submitted under, or the end
/// of that, such as its file name.
///
/// # Errors
/// Where none is meant, or several; those are listed.
pub fn find(reader: &Reader, text: &str, filter: &FilterArgs) -> Result<Document, Refusal> {
    if let Ok(id) = text.parse::<DocumentId>() {
        return reader.document(id)?.ok_or_else(|| StoreError::NoSuchDocument(id).into());
    }
    let now = SystemTime::now();
    let mut documents = reader.documents(Listing::default())?;
    documents.retain(|document| filter.takes(document, now));
    one_of(documents, text)
}

fn one_of(documents: Vec<Document>, text: &str) -> Result<Document, Refusal> {
    // The very name before a name that ends so, and that before the beginning of an identity.
    let name = Path::new(text.strip_prefix("./").unwrap_or(text));
    // Dashes are for the eye: the beginning of an identity is the same with and without them.
    let bare = |text: &str| text.to_ascii_lowercase().replace('-', "");
    let wanted = bare(text);
    let is_meant: [&dyn Fn(&Document) -> bool; 3] = [
        &|document| document.source == text || Path::new(&document.source) == name,
        &|document| Path::new(&document.source).ends_with(name),
        &|document| bare(&document.id.to_string()).starts_with(&wanted),
    ];
    let meant =
        is_meant.iter().filter(|_| !wanted.is_empty()).map(|meant| documents.iter().filter(|d| meant(d)).collect());
    let meant: Vec<&Document> = meant.into_iter().find(|found: &Vec<_>| !found.is_empty()).unwrap_or_default();
    match meant[..] {
        [document] => Ok(document.clone()),
        [] => {
            let hint = "`pagestream status` lists the documents";
            let message = format!("no document is called `{}`, or has an identity that begins so", harmless(text));
            Err(Refusal::new(message, hint, Exit::Configuration))
        }
        _ => {
            let mut hint = "name one by its identity, as far as no other begins alike:".to_owned();
            for document in meant.iter().rev().take(LISTED) {
                hint.push_str(&format!(
                    "\n  {}  {:9}  {}",
                    document.id,
                    document.state.as_str(),
                    harmless(&document.source)
                ));
            }
            if meant.len() > LISTED {
                hint.push_str(&format!("\n  and {} earlier ones", meant.len() - LISTED));
            }
            let message = format!("`{}` may mean any of {} documents", harmless(text), meant.len());
            Err(Refusal::new(message, &hint, Exit::Configuration))
        }
    }
}

/// What goes on with a document that no process reads.
pub fn how_to_go_on(document: &Document, dir: &Path) -> String {
    let dir = dir.display();
    match needs_password(document) {
        true => format!(
            "submit it again with its password: `pagestream process --password … --data-dir {dir} {}`",
            harmless(&document.source)
        ),
        false => format!("`pagestream resume --data-dir {dir}` goes on with it"),
    }
}

#[cfg(test)]
mod tests {
    use pagestream::{ByteSize, Digest};
    use pagestream_store::Priority;

    use super::*;

    fn document(source: &str, state: DocumentState, failed: u32, ended_days_ago: u64) -> Document {
        let ended = SystemTime::now() - Duration::from_secs(ended_days_ago * 86_400);
        Document {
            id: DocumentId::new(),
            source: source.to_owned(),
            sha256: Digest::of(b""),
            size: ByteSize(0),
            options_key: Digest::of(b""),
            options: serde_json::Value::Null,
            selection: None,
            tags: Vec::new(),
            priority: Priority::Interactive,
            download: None,
            submitted_at: ended,
            pages: Some(9),
            state,
            reason: None,
            finished_at: (state != DocumentState::Open).then_some(ended),
            committed: 9,
            failed,
            record_size: ByteSize(0),
        }
    }

    #[test]
    fn a_document_is_found_by_its_name_and_what_is_ambiguous_is_listed() {
        let documents: Vec<Document> = ["m/r.pdf", "n/r.pdf", "r.txt", "/a/r.txt", "x.pdf"]
            .map(|source| document(source, DocumentState::Done, 0, 0))
            .into();
        let found = |text: &str| one_of(documents.clone(), text).map(|document| document.source).ok();
        for (text, expected) in [
            ("m/r.pdf", Some("m/r.pdf")),
            ("./m/r.pdf", Some("m/r.pdf")),
            ("x.pdf", Some("x.pdf")),
            // The very name stands before one that ends so.
            ("r.txt", Some("r.txt")),
            ("a/r.txt", Some("/a/r.txt")),
            (&documents[3].id.to_string(), Some("/a/r.txt")),
            ("r.pdf", None),
            ("df", None),
            ("", None),
        ] {
            assert_eq!(found(text).as_deref(), expected, "{text}");
        }
        let Err(refusal) = one_of(documents.clone(), "r.pdf") else { panic!("two are called so") };
        let hint = refusal.hint.unwrap();
        assert!(refusal.message.contains("any of 2"), "{}", refusal.message);
        assert!(documents[..2].iter().all(|candidate| hint.contains(&candidate.id.to_string())), "{hint}");
    }

    #[test]
    fn filters_take_what_they_say() {
        let all = [
            document("open", DocumentState::Open, 0, 40),
            document("done", DocumentState::Done, 0, 40),
            document("partly", DocumentState::Done, 1, 3),
            document("failed", DocumentState::Failed, 0, 40),
        ];
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        for (failed, open, older_than, expected) in [
            (false, false, None, "open done partly failed"),
            (true, false, None, "partly failed"),
            (false, true, None, "open"),
            (true, true, None, "open partly failed"),
            (true, false, days(30), "failed"),
            (false, false, days(30), "open done failed"),
        ] {
            let filter = FilterArgs { failed, open, older_than, ..FilterArgs::default() };
            let taken = all.iter().filter(|document| filter.takes(document, SystemTime::now()));
            let taken: Vec<_> = taken.map(|document| document.source.as_str()).collect();
            assert_eq!(taken.join(" "), expected, "{filter:?}");
        }
    }
}
