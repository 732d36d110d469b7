//! `pagestream cancel`: stops reading documents; what has been read stays.

use std::path::{Path, PathBuf};

use clap::Args;
use pagestream::{Settings, harmless};
use pagestream_actors::end_at_rest;
use pagestream_store::{Document, DocumentState, Error as StoreError, Request, Requested, Store};

use super::{
    documents::{self, DataArgs, FilterArgs, Refusal},
    exit::Exit,
    printer::Printer,
};

#[derive(Args)]
pub struct CancelArgs {
    /// Documents: file names, or identities, or as much of them as no other has
    #[arg(value_name = "DOCUMENT", required = true)]
    documents: Vec<String>,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &CancelArgs, settings: &Settings, printer: &Printer) -> Exit {
    let mut asker = match Asker::new(settings, Request::Cancel) {
        Ok(asker) => asker,
        Err(refusal) => return refusal.tell(printer),
    };
    asker.ask_by_name(&args.documents, printer)
}

/// Asks for documents to be cancelled or removed. Where nobody writes it is done here and now, and nobody else may write meanwhile.
pub struct Asker<'a> {
    dir: PathBuf,
    settings: &'a Settings,
    request: Request,
    /// Opened when the first document is known.
    store: Option<Store>,
}

impl<'a> Asker<'a> {
    pub fn new(settings: &'a Settings, request: Request) -> Result<Self, Refusal> {
        Ok(Self { dir: documents::data_dir(settings)?, settings, request, store: None })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Asks it of each document, and goes on with the next where one is refused.
    pub fn ask_by_name(&mut self, names: &[String], printer: &Printer) -> Exit {
        let mut exit = Exit::Ok;
        for name in names {
            let asked = Store::open_reader(&self.dir)
                .map_err(Refusal::from)
                .and_then(|reader| documents::find(&reader, name, &FilterArgs::default()))
                .and_then(|document| self.ask(&document));
            match asked {
                Ok(said) => printer.note(&said),
                Err(refusal) => exit = exit.and(refusal.tell(printer)),
            }
        }
        exit
    }

    /// Gives what there is to say of it.
    pub fn ask(&mut self, document: &Document) -> Result<String, Refusal> {
        let request = self.request;
        let at_rest = match self.store() {
            Ok(store) => {
                let ended = store.state(document.id)?.filter(|state| *state != DocumentState::Open);
                end_at_rest(store, document.id, request)?;
                Some(ended.filter(|_| request == Request::Cancel))
            }
            Err(StoreError::WriterRunning { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let requested = match at_rest {
            Some(ended) => ended.map_or(Requested::Applied, Requested::AlreadyFinished),
            None => Store::request(&self.dir, document.id, self.request)?,
        };
        let name = format!("{} ({})", document.id, harmless(&document.source));
        Ok(match (requested, self.request) {
            (Requested::Applied, Request::Cancel) => format!("{name} is cancelled"),
            (Requested::Applied, Request::Remove) => format!("{name} is removed"),
            (Requested::Pending, Request::Cancel) => {
                format!("{name} will be cancelled by the pagestream that reads it")
            }
            (Requested::Pending, Request::Remove) => {
                format!("{name} will be removed by the pagestream that runs there")
            }
            (Requested::AlreadyFinished(state), _) => format!("{name} had ended before: {state}"),
        })
    }

    /// Gives the room of what was removed back, where that was done here.
    pub fn finish(self) -> Result<(), Refusal> {
        Ok(self.store.as_ref().map_or(Ok(()), Store::give_back_space)?)
    }

    fn store(&mut self) -> Result<&Store, StoreError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => Store::open(&self.dir, self.settings.store_options())?,
        };
        Ok(self.store.insert(store))
    }
}
