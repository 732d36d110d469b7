//! `pagestream dupes`: the pages in the data directory that repeat one another, and which of them to keep.
//!
//! It reads the store and nothing else, so that it may be asked while another process writes to it.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use glob::Pattern;
use pagestream::{
    DocumentId, Settings, Tag, harmless,
    repeats::{Cluster, PageKey, Repeat},
};
use pagestream_store::{Listing, Reader};
use serde_json::{Value, json};

use super::{
    answer::{Format, Stopped},
    documents::{self, DataArgs, Refusal},
    exit::Exit,
    inputs::AS_SHELLS,
    printer::Printer,
};

#[derive(Args)]
pub struct DupesArgs {
    /// Only pages of documents in this folder, or whose name fits this pattern, such as 'scans/*.pdf'
    #[arg(long, value_name = "DIR|GLOB")]
    within: Option<PathBuf>,
    /// Only pages of documents with this tag; several: with all of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// How the answer looks: text (the default) or jsonl, one group of pages a line
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &DupesArgs, settings: &Settings, printer: &Printer) -> Exit {
    let clusters = match dupes(args, settings) {
        Ok(clusters) => clusters,
        Err(stopped) => return stopped.tell("the answer", printer),
    };
    let repeats: usize = clusters.iter().map(|cluster| cluster.repeats.len()).sum();
    printer.note(&match clusters.len() {
        0 => "no page repeats another".to_owned(),
        groups => format!("{repeats} pages repeat {groups} others"),
    });
    Exit::Ok
}

fn dupes(args: &DupesArgs, settings: &Settings) -> Result<Vec<Cluster>, Stopped> {
    let within = within(args.within.as_deref())?;
    let reader = documents::open(settings)?;
    let tagged = match args.tags[..] {
        [] => None,
        _ => {
            let documents = reader.documents(Listing::default())?.into_iter();
            Some(documents.filter(|document| document.has_tags(&args.tags)).map(|d| d.id).collect::<HashSet<_>>())
        }
    };
    let wanted = |id, source: &str| within.takes(source) && tagged.as_ref().is_none_or(|tagged| tagged.contains(&id));
    let clusters = reader.duplicates(wanted)?;
    print(&reader, &clusters, args.format)?;
    Ok(clusters)
}

/// Which documents are looked at.
enum Within {
    All,
    Folder(PathBuf),
    Pattern(Pattern),
}

impl Within {
    fn takes(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::Folder(folder) => {
                Path::new(source).starts_with(folder) || absolute(source).starts_with(absolute(folder))
            }
            Self::Pattern(pattern) => pattern.matches_with(source.strip_prefix("./").unwrap_or(source), AS_SHELLS),
        }
    }
}

fn absolute(path: impl AsRef<Path>) -> PathBuf {
    std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned())
}

/// A pattern where there is something of one in it, else a folder, whether it is still there or not.
fn within(named: Option<&Path>) -> Result<Within, Refusal> {
    let Some(path) = named else { return Ok(Within::All) };
    let text = path.to_string_lossy();
    let text = text.strip_prefix("./").unwrap_or(&text);
    if path.is_dir() || !text.contains(['*', '?', '[']) {
        return Ok(Within::Folder(if text == "." { PathBuf::new() } else { text.into() }));
    }
    Pattern::new(text).map(Within::Pattern).map_err(|error| {
        let hint = "write for example --within 'scans/*.pdf'";
        Refusal::new(format!("`{}` is no pattern: {error}", harmless(text)), hint, Exit::Configuration)
    })
}

fn print(reader: &Reader, clusters: &[Cluster], format: Format) -> Result<(), Stopped> {
    let mut names = Names { reader, known: HashMap::new() };
    let mut out = io::stdout().lock();
    for cluster in clusters {
        match format {
            Format::Text => write!(out, "{}", names.lines(cluster)?)?,
            Format::Jsonl => writeln!(out, "{}", names.object(cluster)?)?,
        }
    }
    Ok(out.flush()?)
}

/// What documents are called, asked once each.
struct Names<'a> {
    reader: &'a Reader,
    known: HashMap<DocumentId, String>,
}

impl Names<'_> {
    fn of(&mut self, id: DocumentId) -> Result<String, Refusal> {
        if let Some(name) = self.known.get(&id) {
            return Ok(name.clone());
        }
        let name = self.reader.document(id)?.map(|document| document.source).unwrap_or_default();
        self.known.insert(id, name.clone());
        Ok(name)
    }

    fn lines(&mut self, cluster: &Cluster) -> Result<String, Refusal> {
        let PageKey { document, page } = cluster.keep;
        let mut text = format!("{}:{page}  keep  ({document})\n", harmless(&self.of(document)?));
        for Repeat { key, similarity, same } in &cluster.repeats {
            let how = if *same { "the same text".to_owned() } else { format!("near, {similarity:.3}") };
            text += &format!("  {}:{}  {how}  ({})\n", harmless(&self.of(key.document)?), key.page, key.document);
        }
        Ok(text)
    }

    fn object(&mut self, cluster: &Cluster) -> Result<Value, Refusal> {
        let page = |names: &mut Self, key: PageKey| -> Result<Value, Refusal> {
            Ok(json!({ "document": key.document, "source": names.of(key.document)?, "page": key.page }))
        };
        let keep = page(self, cluster.keep)?;
        let mut repeats = Vec::new();
        for Repeat { key, similarity, same } in &cluster.repeats {
            let mut object = page(self, *key)?;
            object["tier"] = json!(if *same { "exact" } else { "near" });
            object["similarity"] = json!(similarity);
            repeats.push(object);
        }
        Ok(json!({ "keep": keep, "repeats": repeats }))
    }
}
