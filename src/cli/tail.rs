//! `pagestream tail`: the pages of a document, or of all, as they are read, by whichever process reads them.
//!
//! It reads the page log and nothing else, so that it may come at any time, as often as one likes, and be as slow as it
//! likes: whoever reads the document does not notice.

use std::{
    io::{self, BufWriter, IsTerminal},
    time::Duration,
};

use clap::Args;
use pagestream::{
    DocumentId, PageNumber, PageSelection, PageStatus, Settings, harmless,
    output::{Jsonl, PageWriter, Text},
};
use pagestream_store::{Cursor, Document, DocumentState, Error as StoreError, Reader, Sequence, StoredPage, Watch};

use super::{
    answer::{Format, Stopped},
    documents::{self, DataArgs, FilterArgs},
    exit::Exit,
    printer::Printer,
};

/// Pages read from the log at a time.
const PAGES_AT_ONCE: usize = 64;

/// Pauses between two looks at the log: short while pages come, so that a page is out a moment after it was committed,
/// doubling to one that nobody notices and that costs nothing.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// How often it is looked whether anybody reads the document: every second.
const PAUSES_BETWEEN_LOOKS: u32 = 5;

#[derive(Args)]
pub struct TailArgs {
    /// The document: its file name, or its identity, or as much of them as no other has
    #[arg(value_name = "DOCUMENT", required_unless_present = "all", conflicts_with = "all")]
    document: Option<String>,
    /// The pages of all documents in the order in which they were read, and those to come, until stopped
    #[arg(long)]
    all: bool,
    /// Start at this page instead of the first
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["live", "all"])]
    from: Option<PageNumber>,
    /// Only pages that are read from now on
    #[arg(long, conflicts_with = "once")]
    live: bool,
    /// Pages as they become ready instead of in order
    #[arg(long)]
    unordered: bool,
    /// Stop when all that is there has been printed
    #[arg(long)]
    once: bool,
    /// How pages look: text (the default) or jsonl, one page a line
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &TailArgs, settings: &Settings, printer: &Printer) -> Exit {
    tail(args, settings, printer).unwrap_or_else(|stopped| stopped.tell("pages", printer))
}

fn tail(args: &TailArgs, settings: &Settings, printer: &Printer) -> Result<Exit, Stopped> {
    let reader = documents::open(settings)?;
    let document =
        args.document.as_deref().map(|text| documents::find(&reader, text, &FilterArgs::default())).transpose()?;
    let mut out = Out { writer: args.writer(), failed: false };
    let mut pause = Pause::new(reader.watch()?);
    let mut source = Pages::new(args, &reader, document.as_ref())?;
    let mut told = false;
    loop {
        // Asked before the log is read: if it had ended then, what is read now is all there is.
        let state = document.as_ref().map(|document| reader.state(document.id)).transpose()?;
        let came = source.next(&reader, |page| out.write(page))?;
        match state {
            _ if came => pause.reset(),
            // Removed while it was read: nothing more can come.
            Some(None) => return Ok(removed(printer)),
            Some(Some(state)) if state != DocumentState::Open => break,
            _ if args.once => break,
            _ => pause.wait(|| watch_for_readers(&reader, document.as_ref(), &mut told, printer))?,
        }
    }
    out.writer.finish()?;
    Ok(match document {
        Some(document) => ended(&reader, document.id, &out, printer)?,
        None => out.exit(),
    })
}

/// Says once, when it is so, that nobody is there of whom pages could come: then this may wait for long.
fn watch_for_readers(
    reader: &Reader,
    document: Option<&Document>,
    told: &mut bool,
    printer: &Printer,
) -> Result<(), StoreError> {
    let (is_read, sentence) = match document {
        Some(document) => {
            let how = documents::how_to_go_on(document, reader.dir());
            let sentence = format!("{} is open, and no process reads it; {how}", harmless(&document.source));
            // It may have ended in this moment, which is told in its own way.
            let open = reader.state(document.id)? == Some(DocumentState::Open);
            (!open || reader.under_way()?.contains(&document.id), sentence)
        }
        None => (reader.writer().is_some(), format!("no process writes to {} now", reader.dir().display())),
    };
    if !is_read && !std::mem::replace(told, true) {
        printer.note(&format!("{sentence}; waiting"));
    }
    // Whoever comes and goes is told again.
    *told &= !is_read;
    Ok(())
}

fn removed(printer: &Printer) -> Exit {
    printer.error("the document was removed meanwhile", None);
    Exit::FileAccess
}

fn ended(reader: &Reader, id: DocumentId, out: &Out, printer: &Printer) -> Result<Exit, Stopped> {
    let Some(document) = reader.document(id)? else { return Ok(removed(printer)) };
    Ok(match document.state {
        DocumentState::Failed => {
            printer.error(&format!("{}: {}", document.source, document.reason.unwrap_or_default()), None);
            Exit::BadInput
        }
        DocumentState::Cancelled => {
            printer.note(&format!("{} was cancelled after {} pages", document.source, document.committed));
            out.exit()
        }
        DocumentState::Open | DocumentState::Done => out.exit(),
    })
}

impl TailArgs {
    fn writer(&self) -> Box<dyn PageWriter> {
        let out = BufWriter::new(io::stdout());
        match self.format {
            Format::Jsonl => Box::new(Jsonl::new(out)),
            Format::Text if io::stdout().is_terminal() => Box::new(Text::new(out).with_headings(self.all)),
            Format::Text => Box::new(Text::new(out)),
        }
    }
}

struct Out {
    writer: Box<dyn PageWriter>,
    failed: bool,
}

impl Out {
    fn write(&mut self, page: &StoredPage) -> Result<(), Stopped> {
        self.failed |= page.status == PageStatus::Failed;
        Ok(self.writer.write_page(&page.record()?)?)
    }

    fn exit(&self) -> Exit {
        if self.failed { Exit::PagesFailed } else { Exit::Ok }
    }
}

/// Where the tail has come to.
enum Pages {
    /// In page order: a page that was asked for and is not there yet holds back those behind it.
    InOrder {
        document: DocumentId,
        next: PageNumber,
        selection: PageSelection,
    },
    AsReady {
        document: DocumentId,
        after: Sequence,
        from: PageNumber,
    },
    Everything {
        after: Sequence,
    },
}

impl Pages {
    fn new(args: &TailArgs, reader: &Reader, document: Option<&Document>) -> Result<Self, Stopped> {
        let after = if args.live { reader.last_sequence()? } else { 0 };
        let from = args.from.unwrap_or(PageNumber::FIRST);
        Ok(match document {
            None => Self::Everything { after },
            Some(document) if args.unordered || args.live => Self::AsReady { document: document.id, after, from },
            Some(document) => {
                let selection = document.selection.clone().unwrap_or_else(|| "all".to_owned());
                // What cannot be read selects all: at worst the tail passes over gaps at the document's end.
                let selection = PageSelection::try_from(selection).unwrap_or_default();
                Self::InOrder { document: document.id, next: from, selection }
            }
        })
    }

    /// Gives what is there and due. Whether there was anything.
    fn next(
        &mut self,
        reader: &Reader,
        mut give: impl FnMut(&StoredPage) -> Result<(), Stopped>,
    ) -> Result<bool, Stopped> {
        let mut came = false;
        match self {
            Self::Everything { after } => {
                for page in reader.changes_since(*after, PAGES_AT_ONCE)? {
                    *after = page.seq;
                    came = true;
                    give(&page)?;
                }
            }
            Self::AsReady { document, after, from } => {
                for page in reader.read(*document, Cursor::After(*after), PAGES_AT_ONCE)? {
                    *after = page.seq;
                    came = true;
                    if page.page >= *from {
                        give(&page)?;
                    }
                }
            }
            Self::InOrder { document, next, selection } => {
                // Looked at before the pages: a document that had ended has no gap that is still to be filled.
                let open = reader.state(*document)? == Some(DocumentState::Open);
                for page in reader.read(*document, Cursor::Page(*next), PAGES_AT_ONCE)? {
                    let mut between = (next.get()..page.page.get()).filter_map(PageNumber::new);
                    if open && between.any(|page| selection.contains(page)) {
                        break;
                    }
                    *next = PageNumber::from_index(page.page.index() + 1);
                    came = true;
                    give(&page)?;
                }
            }
        }
        Ok(came)
    }
}

/// Waits for the log to change.
struct Pause {
    watch: Watch,
    pause: Duration,
}

impl Pause {
    fn new(watch: Watch) -> Self {
        Self { watch, pause: SHORTEST_PAUSE }
    }

    fn reset(&mut self) {
        self.pause = SHORTEST_PAUSE;
    }

    /// `meanwhile` is done now and then where the wait is long.
    fn wait(&mut self, mut meanwhile: impl FnMut() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut long_pauses = 0;
        // The first answer is always yes, which costs one look at the log more.
        while !self.watch.changed()? {
            std::thread::sleep(self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            if self.pause == LONGEST_PAUSE {
                if long_pauses % PAUSES_BETWEEN_LOOKS == 0 {
                    meanwhile()?;
                }
                long_pauses += 1;
            }
        }
        Ok(())
    }
}
