//! `pagestream status`: what is in the data directory and how far it has come.

use std::{io::Write, time::SystemTime};

use clap::Args;
use pagestream::{ByteSize, PageNumber, PageStatus, Settings};
use pagestream_store::{Cursor, Document, DocumentState, Listing, Reader};
use serde_json::{Value, json};

use super::{
    documents::{self, DataArgs, Refusal},
    exit::Exit,
    printer::Printer,
};

/// Documents that have ended and are listed; those that are open all are.
const LISTED: usize = 20;

/// Failed pages of a document that are named.
const NAMED_PAGES: usize = 20;

#[derive(Args)]
pub struct StatusArgs {
    /// One document: its identity, or as much of its beginning as no other has
    #[arg(value_name = "DOCUMENT")]
    document: Option<String>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &StatusArgs, settings: &Settings, printer: &Printer) -> Exit {
    match answer(args, settings) {
        Ok(text) => {
            // A pipe that closes early has seen enough.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            Exit::Ok
        }
        Err(refusal) => refusal.tell(printer),
    }
}

fn answer(args: &StatusArgs, settings: &Settings) -> Result<String, Refusal> {
    let reader = documents::open(settings)?;
    if let Some(text) = &args.document {
        let document = documents::find(&reader, text)?;
        let failed = failed_pages(&reader, &document)?;
        return Ok(if args.json { line(&details(&document, &failed)) } else { describe(&document, &failed) });
    }
    let overview = reader.status()?;
    let all = reader.documents(Listing::default())?;
    if args.json {
        let documents: Vec<Value> = all.iter().map(summary).collect();
        return Ok(line(&json!({ "store": overview, "documents": documents })));
    }
    let ended = all.iter().filter(|document| document.state != DocumentState::Open).count();
    let mut passed_over = ended.saturating_sub(LISTED);
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
            document.state,
            pages(document),
            document.source
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
    Ok(text)
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

fn describe(document: &Document, failed: &[(PageNumber, String)]) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| text.push_str(&format!("{name:10} {value}\n"));
    field("document", &document.id.to_string());
    field("source", &document.source);
    field("sha256", &document.sha256.to_string());
    field("size", &document.size.to_string());
    match &document.reason {
        Some(reason) => field("state", &format!("{}: {reason}", document.state)),
        None => field("state", document.state.as_str()),
    }
    field("pages", &pages(document));
    if let Some(selection) = document.selection.as_deref().filter(|selection| *selection != "all") {
        field("selected", selection);
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

fn details(document: &Document, failed: &[(PageNumber, String)]) -> Value {
    let mut value = summary(document);
    value["failed_pages"] = failed.iter().map(|(page, reason)| json!({ "page": page, "reason": reason })).collect();
    value
}

fn summary(document: &Document) -> Value {
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
        "pages": document.pages,
        "selection": document.selection,
        "committed": document.committed,
        "failed": document.failed,
        "priority": document.priority,
        "submitted_at_ms": milliseconds(document.submitted_at),
        "finished_at_ms": document.finished_at.map(milliseconds),
        "record_bytes": document.record_size.bytes(),
    })
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
