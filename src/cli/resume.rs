//! `pagestream resume`: goes on with the documents that an earlier run left open, and prints their pages as `process` does.

use std::path::Path;

use clap::Args;
use pagestream::{Settings, output::Expected};
use pagestream_actors::needs_password;

use super::{
    documents::{self, DataArgs, Refusal},
    exit::Exit,
    originals::Found,
    output::OutputArgs,
    printer::Printer,
    process::{self, AsArgs, ProcessArgs, Work},
    reading::ReadingArgs,
};

#[derive(Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    output: OutputArgs,
    /// Print pages as they become ready instead of document after document
    #[arg(long)]
    unordered: bool,
    #[command(flatten)]
    pub data: DataArgs,
    /// Make no vectors for search by meaning
    #[arg(long)]
    no_embeddings: bool,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl ResumeArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let embeddings = self.no_embeddings.then(|| ("embeddings.mode", "never".to_owned()));
        self.reading
            .settings()
            .into_iter()
            .chain(self.data.settings())
            .chain(embeddings)
            .chain(self.output.settings())
            .collect()
    }
}

pub fn run(args: ResumeArgs, settings: Settings, printer: &Printer) -> Exit {
    match open_documents(&settings, printer) {
        Ok(expected) if expected.is_empty() => {
            printer.note("there is nothing to go on with");
            Exit::Ok
        }
        Ok(expected) => {
            let work = Work::Resume { documents: expected.len() };
            match Found::new(&settings, args.reading.password.as_deref(), None, args.output.needs_original(), &[]) {
                Ok(originals) => process::run_with(args.into(), settings, work, &expected, originals, printer),
                Err(error) => {
                    printer.error(&error.to_string(), None);
                    Exit::FileAccess
                }
            }
        }
        Err(refusal) => refusal.tell(printer),
    }
}

/// The documents that can go on. Those that cannot are named.
fn open_documents(settings: &Settings, printer: &Printer) -> Result<Vec<Expected>, Refusal> {
    let reader = documents::open(settings)?;
    let open = reader.open_documents()?;
    let (waiting, ready): (Vec<_>, Vec<_>) = open.iter().partition(|document| needs_password(document));
    for document in waiting {
        let how = documents::how_to_go_on(document, reader.dir());
        printer.warning(&format!("{} needs its password, which is never kept; {how}", document.source));
    }
    Ok(ready.into_iter().map(|document| Expected::file(Path::new(&document.source))).collect())
}

impl From<ResumeArgs> for ProcessArgs {
    fn from(args: ResumeArgs) -> Self {
        let ResumeArgs { output, unordered, data, no_embeddings, reading } = args;
        Self {
            inputs: Vec::new(),
            what: AsArgs::default(),
            output,
            pages: None,
            unordered,
            report: None,
            force: false,
            data_dir: data.data_dir,
            tags: Vec::new(),
            duplicates: None,
            no_embeddings,
            reading,
        }
    }
}
