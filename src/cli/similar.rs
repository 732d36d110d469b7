//! `pagestream similar`: the pages in the data directory that are most like a page, and how they are.
//!
//! It reads the store and nothing else, so that it may be asked while another process writes to it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use futures::StreamExt;
use pagestream::{
    DuplicateMode, Error, PageNumber, PageRecord, PageStatus, Settings, Source, SubmitOptions, harmless,
    repeats::{PageKey, Relation, Similar},
};
use pagestream_store::{Reader, vectors::Related};
use serde_json::json;

use super::{
    answer::{Format, Stopped},
    documents::{self, DataArgs, FilterArgs, Refusal},
    exit::Exit,
    fetching,
    meaning::Meaning,
    printer::Printer,
    reading,
};

/// Most pages that are asked for.
const MOST: u32 = 1000;

#[derive(Args)]
pub struct SimilarArgs {
    /// A page that was read: DOCUMENT:PAGE, the document as in `tail`; without a page its first
    #[arg(value_name = "DOCUMENT[:PAGE]", required_unless_present = "file", conflicts_with = "file")]
    page: Option<String>,
    /// A document that is read for this and not kept: every page of it is asked for
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// So many pages at most, for each page asked for
    #[arg(short, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    k: u32,
    /// How the answer looks: text (the default) or jsonl, one page a line
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pub data: DataArgs,
}

/// A page asked for: its number, its text, and who it is where it is in the store.
struct Asked {
    page: PageNumber,
    text: String,
    key: Option<PageKey>,
}

pub fn run(args: &SimilarArgs, settings: Settings, printer: &Printer) -> Exit {
    similar(args, settings, printer).unwrap_or_else(|stopped| stopped.tell("the answer", printer))
}

fn similar(args: &SimilarArgs, settings: Settings, printer: &Printer) -> Result<Exit, Stopped> {
    let reader = documents::open(&settings)?;
    let meaning = Meaning::of(&settings, printer);
    let (asked, exit) = match (&args.page, &args.file) {
        (Some(page), _) => (vec![stored(&reader, page)?], Exit::Ok),
        (None, Some(file)) => read(file, settings, printer).map_err(Stopped::Told)?,
        (None, None) => return Ok(Exit::Configuration),
    };
    let mut out = io::stdout().lock();
    let several = asked.len() > 1;
    for Asked { page, text, key } in asked {
        if pagestream_store::similarity::is_tiny(&text) {
            printer.note(&format!("page {page} has too little text to be compared"));
            continue;
        }
        if several && args.format == Format::Text {
            writeln!(out, "page {page}")?;
        }
        let alike = reader.similar(&text, args.k as usize, key)?;
        for found in &alike {
            let source = reader.document(found.key.document)?.map(|document| document.source).unwrap_or_default();
            match args.format {
                Format::Text => write!(out, "{}", line(found, &source))?,
                Format::Jsonl => writeln!(out, "{}", object(page, found, &source))?,
            }
        }
        // What is alike in its letters has been named.
        let is_named = |related: &Related| alike.iter().any(|found| found.key == related.key);
        let related = match &meaning {
            Some(meaning) => meaning.related(&reader, &text, key, args.k as usize + alike.len())?,
            None => Vec::new(),
        };
        for found in related.iter().filter(|related| !is_named(related)).take(args.k as usize) {
            match args.format {
                Format::Text => write!(out, "{}", related_line(found))?,
                Format::Jsonl => writeln!(out, "{}", related_object(page, found))?,
            }
        }
    }
    out.flush()?;
    Ok(exit)
}

/// The page that is named: what follows the last colon is its number, if that is one.
fn stored(reader: &Reader, text: &str) -> Result<Asked, Stopped> {
    let split =
        text.rsplit_once(':').and_then(|(name, page)| Some((name, page.parse().ok().and_then(PageNumber::new)?)));
    let (name, page) = split.unwrap_or((text, PageNumber::FIRST));
    let document = documents::find(reader, name, &FilterArgs::default())?;
    let Some(record) = reader.page(document.id, page)? else {
        let message = format!("{} has no page {page} that was read", harmless(&document.source));
        return Err(Refusal::new(message, "`pagestream status` says how far it has come", Exit::Configuration).into());
    };
    let key = PageKey { document: document.id, page };
    // A page that was delivered without its text has the text of the page that it repeats.
    let repeated = record.duplicate_of.as_ref().filter(|_| record.text.is_empty());
    let text = match repeated {
        Some(of) => reader.page(of.document, of.page)?.map(|record| record.text).unwrap_or_default(),
        None => record.text,
    };
    Ok(Asked { page, text, key: Some(key) })
}

/// Reads a document, and keeps nothing of it.
fn read(file: &Path, mut settings: Settings, printer: &Printer) -> Result<(Vec<Asked>, Exit), Exit> {
    settings.store.data_dir = None;
    settings.duplicates.mode = DuplicateMode::Off;
    let plan = reading::check(&settings, printer)?;
    let fetching = fetching::asking(&settings, printer);
    let options = SubmitOptions { ocr: settings.ocr.mode, ..SubmitOptions::default() };
    let runtime = reading::runtime(printer)?;
    let read = runtime.block_on(async {
        let pipeline = pagestream::start_planned(settings, plan, fetching).await?;
        let document = pipeline.submit(Source::Path(file.to_owned()), options).await?;
        let pages: Vec<Result<PageRecord, Error>> = document.pages().collect().await;
        pipeline.stop().await;
        pages.into_iter().collect::<Result<Vec<_>, _>>()
    });
    runtime.shutdown_background();
    let pages = read.map_err(|error| {
        printer.error(&error.to_string(), error.hint());
        Exit::of_error(&error)
    })?;
    let mut exit = Exit::Ok;
    for failed in pages.iter().filter(|page| page.status == PageStatus::Failed) {
        printer.error(&format!("page {}: {}", failed.page, failed.reason.as_deref().unwrap_or("it failed")), None);
        exit = Exit::PagesFailed;
    }
    Ok((pages.into_iter().map(|record| Asked { page: record.page, text: record.text, key: None }).collect(), exit))
}

fn line(found: &Similar, source: &str) -> String {
    let Similar { key, similarity, relation, differs } = found;
    let what = match relation {
        Relation::Same => "the same text".to_owned(),
        Relation::NearDuplicate => format!("a near-duplicate: {} of {} words differ", differs.different, differs.words),
        Relation::Alike => "alike".to_owned(),
    };
    let pairs: Vec<String> = match relation {
        Relation::NearDuplicate => differs.pairs.iter().map(|[a, b]| format!("{a} / {b}")).collect(),
        _ => Vec::new(),
    };
    let pairs = if pairs.is_empty() { String::new() } else { format!("       {}\n", harmless(&pairs.join(", "))) };
    format!("{similarity:.3}  {}:{}  {what}  ({})\n{pairs}", harmless(source), key.page, key.document)
}

fn related_line(found: &Related) -> String {
    let Related { key, source, similarity, .. } = found;
    format!("{similarity:.3}  {}:{}  related  ({})\n", harmless(source), key.page, key.document)
}

fn related_object(page: PageNumber, found: &Related) -> serde_json::Value {
    let Related { key, source, similarity, text, .. } = found;
    json!({
        "asked": page, "document": key.document, "source": source, "page": key.page, "similarity": similarity,
        "relation": "related", "passage": text,
    })
}

fn object(page: PageNumber, found: &Similar, source: &str) -> serde_json::Value {
    let Similar { key, similarity, relation, differs } = found;
    let relation = match relation {
        Relation::Same => "exact",
        Relation::NearDuplicate => "near",
        Relation::Alike => "alike",
    };
    json!({
        "asked": page, "document": key.document, "source": source, "page": key.page, "similarity": similarity, "relation": relation,
        "differs": { "words": differs.different, "of": differs.words, "pairs": differs.pairs },
    })
}
