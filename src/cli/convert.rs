//! `pagestream convert`: pages that were read before, from a data directory or a file of JSON lines, in any format. Nothing is read
//! again.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use clap::Args;
use pagestream::{
    DocumentId, PageNumber, PageRecord, Settings, harmless,
    output::{Expected, PageWriter},
};
use pagestream_store::{Cursor, Document, DocumentState, Reader};

use super::{
    answer::Stopped,
    documents::{self, DataArgs, FilterArgs, Refusal},
    exit::Exit,
    originals::Found,
    output::{self, OutputArgs},
    printer::Printer,
};

/// Pages read from the log at a time.
const PAGES_AT_ONCE: usize = 64;

#[derive(Args)]
pub struct ConvertArgs {
    /// Documents of the data directory, by file name or identity, or files of JSON lines (*.jsonl, or - for standard input)
    #[arg(required = true, value_name = "DOCUMENT")]
    documents: Vec<String>,
    /// For PDFs and --images: where the document is now, when it is neither in the data directory nor where it was
    #[arg(long, value_name = "FILE")]
    original: Option<PathBuf>,
    /// For PDFs and --images: password of encrypted documents
    #[arg(long)]
    password: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    pub data: DataArgs,
}

impl ConvertArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.data.settings().into_iter().chain(self.output.settings()).collect()
    }
}

/// Where records come from.
enum Records {
    Lines(PathBuf),
    StandardInput,
    Log(Box<Document>),
}

pub fn run(args: &ConvertArgs, settings: &Settings, printer: &Printer) -> Exit {
    convert(args, settings, printer).unwrap_or_else(|stopped| stopped.tell("results", printer))
}

fn convert(args: &ConvertArgs, settings: &Settings, printer: &Printer) -> Result<Exit, Stopped> {
    let mut reader = None;
    let records: Vec<Records> =
        args.documents.iter().map(|name| find(name, settings, &mut reader)).collect::<Result<_, _>>()?;
    let expected: Vec<Expected> = records
        .iter()
        .filter_map(|records| if let Records::Log(document) = records { Some(document) } else { None })
        .map(|document| Expected::file(Path::new(&document.source)))
        .collect();
    let found =
        Found::new(settings, args.password.as_deref(), args.original.clone(), args.output.needs_original(), &[])?;
    let writer = args.output.writer(&expected, found, settings)?;
    let mut out = Out { writer, open: None, printer, exit: Exit::Ok };
    for records in &records {
        match records {
            Records::Log(document) => match &reader {
                Some(reader) => out.log(reader, document.id)?,
                None => continue,
            },
            Records::Lines(path) => {
                let file =
                    File::open(path).map_err(|error| unreadable(&path.display().to_string(), &error.to_string()))?;
                out.lines(&path.display().to_string(), BufReader::new(file))?;
            }
            Records::StandardInput => out.lines("standard input", io::stdin().lock())?,
        }
        out.end()?;
    }
    out.writer.finish()?;
    Ok(out.exit)
}

fn unreadable(name: &str, cause: &str) -> Refusal {
    Refusal::plain(format!("{}: {cause}", harmless(name)), None, Exit::FileAccess)
}

fn find(name: &str, settings: &Settings, reader: &mut Option<Reader>) -> Result<Records, Stopped> {
    let path = Path::new(name);
    if name == "-" {
        return Ok(Records::StandardInput);
    }
    if path.extension().is_some_and(|ending| ending == "jsonl") && path.is_file() {
        return Ok(Records::Lines(path.to_owned()));
    }
    let reader = match reader {
        Some(reader) => reader,
        None => reader.insert(documents::open(settings)?),
    };
    let document = documents::find(reader, name, &FilterArgs::default())?;
    let told = harmless(&document.source).into_owned();
    let refused = |message: String, hint: &str| Stopped::Refused(Refusal::new(message, hint, Exit::FileAccess));
    match document.state {
        DocumentState::Done => Ok(Records::Log(Box::new(document))),
        DocumentState::Open => {
            Err(refused(format!("{told} is not read to its end yet"), "`pagestream tail` follows it; convert it then"))
        }
        DocumentState::Failed => {
            let reason = document.reason.unwrap_or_default();
            Err(refused(format!("{told} could not be read: {reason}"), "there is nothing to convert"))
        }
        DocumentState::Cancelled => {
            let hint =
                "`pagestream tail -f jsonl` prints the pages that there are, and convert takes those from a file";
            Err(refused(format!("{told} was cancelled before its end"), hint))
        }
    }
}

struct Out<'a> {
    writer: Box<dyn PageWriter>,
    open: Option<DocumentId>,
    printer: &'a Printer,
    exit: Exit,
}

impl Out<'_> {
    fn log(&mut self, reader: &Reader, document: DocumentId) -> Result<(), Stopped> {
        let mut next = PageNumber::FIRST;
        loop {
            let pages = reader.read(document, Cursor::Page(next), PAGES_AT_ONCE)?;
            let Some(last) = pages.last() else { return Ok(()) };
            next = PageNumber::from_index(last.page.index() + 1);
            for page in &pages {
                self.page(&page.record()?)?;
            }
        }
    }

    fn lines(&mut self, name: &str, mut lines: impl BufRead) -> Result<(), Stopped> {
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            if lines.read_until(b'\n', &mut line).map_err(|error| unreadable(name, &error.to_string()))? == 0 {
                return Ok(());
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let page: PageRecord = serde_json::from_slice(&line).map_err(|error| {
                let message = format!("{}: line {number} is no page record: {error}", harmless(name));
                let hint = "`pagestream process -f jsonl` writes such lines";
                Refusal::plain(message, Some(hint.to_owned()), Exit::BadInput)
            })?;
            self.page(&page)?;
        }
    }

    fn page(&mut self, page: &PageRecord) -> Result<(), Stopped> {
        if self.open.is_some_and(|open| open != page.document.id) {
            self.end()?;
        }
        self.open = Some(page.document.id);
        Ok(self.writer.write_page(page)?)
    }

    /// The records that were given are all there are.
    fn end(&mut self) -> Result<(), Stopped> {
        if let Some(document) = self.open.take() {
            self.writer.end_document(document, true)?;
            self.exit = self.exit.and(output::tell(self.writer.notices(), self.printer).unwrap_or(Exit::Ok));
        }
        Ok(())
    }
}
