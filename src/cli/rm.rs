//! `pagestream rm`: forgets documents, their pages and their input. One that is being read is cancelled first.

use std::{io::Write, time::SystemTime};

use clap::Args;
use pagestream::{Settings, harmless};
use pagestream_store::{Document, DocumentState, Listing, Request, Store};

use super::{
    cancel::Asker,
    documents::{DataArgs, FilterArgs, Refusal},
    exit::Exit,
    printer::Printer,
};

#[derive(Args)]
pub struct RmArgs {
    /// Documents: file names, or identities, or as much of them as no other has
    #[arg(value_name = "DOCUMENT", required_unless_present = "all", conflicts_with = "all")]
    documents: Vec<String>,
    /// All documents that have ended, or those among them that the filters take; open ones only with --open
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: FilterArgs,
    /// Remove nothing: print what would be removed
    #[arg(long, requires = "all")]
    dry_run: bool,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &RmArgs, settings: &Settings, printer: &Printer) -> Exit {
    let removed = Asker::new(settings, Request::Remove).and_then(|asker| match args.all {
        true => remove_all(args, asker, printer),
        false => remove_named(args, asker, printer),
    });
    removed.unwrap_or_else(|refusal| refusal.tell(printer))
}

fn remove_named(args: &RmArgs, mut asker: Asker<'_>, printer: &Printer) -> Result<Exit, Refusal> {
    if args.filter.is_given() {
        let hint = "leave the name or the filters away";
        return Err(Refusal::new(
            "--failed, --open, --older-than and --tag go with --all".to_owned(),
            hint,
            Exit::Configuration,
        ));
    }
    let exit = asker.ask_by_name(&args.documents, printer);
    asker.finish()?;
    Ok(exit)
}

fn remove_all(args: &RmArgs, mut asker: Asker<'_>, printer: &Printer) -> Result<Exit, Refusal> {
    let documents = meant(args, Store::open_reader(asker.dir())?.documents(Listing::default())?);
    if documents.is_empty() {
        printer.note("there is nothing to remove");
    }
    if args.dry_run {
        let lines = documents.iter().map(|document| format!("{}  {}\n", document.id, harmless(&document.source)));
        // A pipe that closes early has seen enough.
        let _ = std::io::stdout().lock().write_all(lines.collect::<String>().as_bytes());
        return Ok(Exit::Ok);
    }
    let mut exit = Exit::Ok;
    for document in &documents {
        match asker.ask(document) {
            Ok(said) => printer.note(&said),
            Err(refusal) => exit = exit.and(refusal.tell(printer)),
        }
    }
    asker.finish()?;
    Ok(exit)
}

/// What is still being read, or waits to be, goes only when it is asked for.
fn meant(args: &RmArgs, mut documents: Vec<Document>) -> Vec<Document> {
    let now = SystemTime::now();
    documents.retain(|document| {
        args.filter.takes(document, now) && (document.state != DocumentState::Open || args.filter.wants_open())
    });
    documents
}
