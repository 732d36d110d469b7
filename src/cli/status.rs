//! `pagestream status`: what is in the data directory and how far it has come.

use std::{
    collections::HashSet,
    io::Write,
    path::Path,
    time::{Duration, SystemTime},
};

use clap::Args;
use pagestream::{
    ByteSize, DocumentId, PageNumber, PageStatus, Plan, Settings, Tag, harmless,
    machine::Measure,
    watch::{WatchState, states},
};
use pagestream_store::{Cursor, Document, DocumentState, Listing, Reader, Writer, vectors::Embedded};
use serde_json::{Value, json};

use super::{
    answer::Stopped,
    documents::{self, DataArgs, FilterArgs, Refusal},
    exit::Exit,
    printer::Printer,
    words::spoken,
};

/// Documents that have ended and are listed; those that are open all are.
const LISTED: usize = 20;

/// Failed pages of a document that are named.
const NAMED_PAGES: usize = 20;

#[derive(Args)]
pub struct StatusArgs {
    /// One document: its file name, or its identity, or as much of them as no other has
    #[arg(value_name = "DOCUMENT")]
    document: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &StatusArgs, settings: &Settings, printer: &Printer) -> Exit {
    match answer(args, settings) {
        Ok(text) => {
            let mut out = std::io::stdout().lock();
            match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                Ok(()) => Exit::Ok,
                Err(error) => Stopped::Output(error).tell("the status", printer),
            }
        }
        Err(refusal) => refusal.tell(printer),
    }
}

fn answer(args: &StatusArgs, settings: &Settings) -> Result<String, Refusal> {
    let reader = documents::open(settings)?;
    let now = Now { writer: reader.writer(), under_way: reader.under_way()?.into_iter().collect() };
    if let Some(text) = &args.document {
        let document = documents::find(&reader, text, &args.filter)?;
        let failed = failed_pages(&reader, &document)?;
        return Ok(match args.json {
            true => line(&details(&document, &now, &failed)),
            false => describe(&document, &now, &failed, reader.dir()),
        });
    }
    let overview = reader.status()?;
    let meaning = embedded(&reader, settings)?;
    let mut all = reader.documents(Listing::default())?;
    let moment = SystemTime::now();
    all.retain(|document| args.filter.takes(document, moment));
    let watched = states(reader.dir());
    if args.json {
        let documents: Vec<Value> = all.iter().map(|document| summary(document, &now)).collect();
        let writer = now.writer.map(|writer| json!({ "pid": writer.pid }));
        let embeddings = meaning.map(|Embedded { done, waiting }| json!({ "embedded": done, "waiting": waiting }));
        let watched: Vec<Value> = watched.iter().map(|state| watch_json(state, &now)).collect();
        return Ok(line(&json!({
            "store": overview,
            "writer": writer,
            "embeddings": embeddings,
            "watched": watched,
            "documents": documents,
        })));
    }
    let ended = all.iter().filter(|document| document.state != DocumentState::Open).count();
    // Who asks for some wants all of those.
    let mut passed_over = if args.filter.is_given() { 0 } else { ended.saturating_sub(LISTED) };
    let mut text = String::new();
    if passed_over > 0 {
        text.push_str(&format!("({passed_over} earlier documents have ended)\n"));
    }
    for document in &all {
        if document.state != DocumentState::Open && passed_over > 0 {
            passed_over -= 1;
            continue;
        }
        text.push_str(&format!(
            "{}  {:9}  {:>11}  {}\n",
            document.id,
            if now.is_abandoned(document) { "abandoned" } else { document.state.as_str() },
            pages(document),
            harmless(&document.source)
        ));
    }
    text.push_str(&format!(
        "{} open, {} done, {} failed, {} cancelled; {} pages, {} of them failed; {} of results, {} of inputs\n",
        overview.open,
        overview.done,
        overview.failed,
        overview.cancelled,
        overview.pages,
        overview.failed_pages,
        ByteSize(overview.record_bytes),
        ByteSize(overview.spooled_bytes),
    ));
    if let Some(Embedded { done, waiting }) = meaning {
        text.push_str(&format!("search by meaning: {done} pages have their vectors, {waiting} wait for theirs\n"));
    }
    text.push_str(&now.sentence());
    watched.iter().for_each(|state| text.push_str(&describe_watch(state, &now, moment)));
    let abandoned = all.iter().filter(|document| now.is_abandoned(document)).count();
    if abandoned > 0 {
        let (documents, them) = if abandoned == 1 { ("document is", "it") } else { ("documents are", "them") };
        text.push_str(&format!(
            "{abandoned} {documents} open and read by no process: `pagestream resume --data-dir {}` goes on with {them}, \
             `pagestream rm` forgets {them}; nothing else removes {them}\n",
            harmless(&reader.dir().to_string_lossy())
        ));
    }
    Ok(text)
}

/// How far the vectors of pages are that the settings' model makes; `None` where there are none.
fn embedded(reader: &Reader, settings: &Settings) -> Result<Option<Embedded>, Refusal> {
    // A setting that names no model is told where it is used.
    let Ok(plan) = Plan::resolve(settings, Measure::Never) else { return Ok(None) };
    let embedded = reader.embedded(plan.embedding_model())?;
    Ok((embedded.done > 0).then_some(embedded))
}

/// Who writes, and what is being read.
struct Now {
    writer: Option<Writer>,
    under_way: HashSet<DocumentId>,
}

impl Now {
    /// Open, and nobody reads it: an earlier run left it.
    fn is_abandoned(&self, document: &Document) -> bool {
        document.state == DocumentState::Open && !self.under_way.contains(&document.id)
    }

    /// Whether the process that wrote it still watches.
    fn is_watched(&self, state: &WatchState) -> bool {
        !state.ended && self.writer.is_some_and(|writer| writer.pid == Some(state.pid))
    }

    fn sentence(&self) -> String {
        match self.writer {
            None => "no process writes here\n".to_owned(),
            Some(Writer { pid: Some(pid) }) => format!("process {pid} writes here\n"),
            Some(Writer { pid: None }) => "a process writes here\n".to_owned(),
        }
    }
}

/// A folder that is watched, or was.
fn describe_watch(state: &WatchState, now: &Now, moment: SystemTime) -> String {
    let folder = harmless(&state.folder.to_string_lossy()).into_owned();
    let since = |ms: u64| moment.duration_since(SystemTime::UNIX_EPOCH + Duration::from_millis(ms)).unwrap_or_default();
    let mut text = match now.is_watched(state) {
        true => {
            let oldest =
                state.oldest_since_ms.map(|ms| format!(" (the oldest for {})", spoken(since(ms)))).unwrap_or_default();
            format!(
                "{folder} is watched: {} waiting{oldest}, {} under way, {} done and {} failed since its start\n",
                state.waiting, state.under_way, state.done, state.failed
            )
        }
        false if state.under_way > 0 => {
            // How many it was when this was written; a process that was killed has not told since.
            format!("{folder} is not watched now; files that were under way go on when it is watched again\n")
        }
        false => format!("{folder} is not watched now\n"),
    };
    if let Some(paused) = state.paused.as_ref().filter(|_| now.is_watched(state)) {
        text.push_str(&format!("  nothing is taken at present: {}\n", harmless(paused)));
    }
    if let Some(error) = &state.last_error {
        let about = if error.file.is_empty() { String::new() } else { format!("{}: ", error.file) };
        let ago = spoken(since(error.at_ms));
        text.push_str(&format!("  last error, {ago} ago: {}\n", harmless(&format!("{about}{}", error.message))));
    }
    text
}

fn watch_json(state: &WatchState, now: &Now) -> Value {
    let mut value = json!(state);
    value["watched"] = now.is_watched(state).into();
    value
}

/// Pages that have their record, of those in the document.
fn pages(document: &Document) -> String {
    let total = document.pages.map_or("?".to_owned(), |pages| pages.to_string());
    format!("{}/{total}", document.committed)
}

fn failed_pages(reader: &Reader, document: &Document) -> Result<Vec<(PageNumber, String)>, Refusal> {
    let mut failed = Vec::new();
    let mut from = PageNumber::FIRST;
    while failed.len() < NAMED_PAGES.min(document.failed as usize) {
        let read = reader.read(document.id, Cursor::Page(from), 256)?;
        let Some(last) = read.last() else { break };
        from = PageNumber::from_index(last.page.index() + 1);
        for page in read.iter().filter(|page| page.status == PageStatus::Failed) {
            failed.push((page.page, page.record()?.reason.unwrap_or_default()));
        }
    }
    failed.truncate(NAMED_PAGES);
    Ok(failed)
}

fn describe(document: &Document, now: &Now, failed: &[(PageNumber, String)], dir: &Path) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| text.push_str(&format!("{name:10} {}\n", harmless(value)));
    field("document", &document.id.to_string());
    field("source", &document.source);
    field("sha256", &document.sha256.to_string());
    field("size", &document.size.to_string());
    match &document.reason {
        None if now.is_abandoned(document) => {
            field("state", &format!("open, and no process reads it: {}", documents::how_to_go_on(document, dir)));
        }
        Some(reason) => field("state", &format!("{}: {reason}", document.state)),
        None => field("state", document.state.as_str()),
    }
    field("pages", &pages(document));
    if let Some(selection) = document.selection.as_deref().filter(|selection| *selection != "all") {
        field("selected", selection);
    }
    if !document.tags.is_empty() {
        let tags: Vec<_> = document.tags.iter().map(Tag::as_str).collect();
        field("tags", &tags.join(" "));
    }
    field("priority", document.priority.as_str());
    field("results", &document.record_size.to_string());
    if document.failed > 0 {
        field("failed", &document.failed.to_string());
    }
    for (page, reason) in failed {
        field("", &format!("page {page}: {reason}"));
    }
    text
}

fn details(document: &Document, now: &Now, failed: &[(PageNumber, String)]) -> Value {
    let mut value = summary(document, now);
    value["failed_pages"] = failed.iter().map(|(page, reason)| json!({ "page": page, "reason": reason })).collect();
    value
}

fn summary(document: &Document, now: &Now) -> Value {
    let milliseconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX))
    };
    json!({
        "id": document.id,
        "source": document.source,
        "sha256": document.sha256,
        "size": document.size.bytes(),
        "state": document.state,
        "reason": document.reason,
        "under_way": now.under_way.contains(&document.id),
        "pages": document.pages,
        "selection": document.selection,
        "committed": document.committed,
        "failed": document.failed,
        "priority": document.priority,
        "tags": document.tags,
        "submitted_at_ms": milliseconds(document.submitted_at),
        "finished_at_ms": document.finished_at.map(milliseconds),
        "record_bytes": document.record_size.bytes(),
    })
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
