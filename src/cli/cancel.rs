//! `pagestream cancel`: stops reading documents; what has been read stays.

use clap::Args;
use pagestream::Settings;
use pagestream_actors::end_at_rest;
use pagestream_store::{DocumentState, Error as StoreError, Request, Requested, Store};

use super::{
    documents::{self, DataArgs, Refusal},
    exit::Exit,
    printer::Printer,
};

/// For `cancel` and `rm` alike.
#[derive(Args)]
pub struct RequestArgs {
    /// Documents: identities, or as much of their beginning as no other has
    #[arg(value_name = "DOCUMENT", required = true)]
    documents: Vec<String>,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &RequestArgs, settings: &Settings, printer: &Printer) -> Exit {
    request(args, settings, printer, Request::Cancel)
}

/// Asks it of each document, and goes on with the next where one is refused.
pub fn request(args: &RequestArgs, settings: &Settings, printer: &Printer, request: Request) -> Exit {
    let mut exit = Exit::Ok;
    for document in &args.documents {
        match ask(document, settings, request) {
            Ok(said) => printer.note(&said),
            Err(refusal) => exit = exit.and(refusal.tell(printer)),
        }
    }
    exit
}

fn ask(text: &str, settings: &Settings, request: Request) -> Result<String, Refusal> {
    let dir = documents::data_dir(settings)?;
    let document = documents::find(&Store::open_reader(&dir)?, text)?;
    // Where nobody writes, it is done here and now.
    let at_rest = match Store::open(&dir, settings.store_options()) {
        Ok(store) => {
            let ended = store.state(document.id)?.filter(|state| *state != DocumentState::Open);
            end_at_rest(&store, document.id, request)?;
            Some(ended.filter(|_| request == Request::Cancel).map_or(Requested::Applied, Requested::AlreadyFinished))
        }
        Err(StoreError::WriterRunning { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let requested = at_rest.map_or_else(|| Store::request(&dir, document.id, request), Ok)?;
    let name = format!("{} ({})", document.id, document.source);
    Ok(match (requested, request) {
        (Requested::Applied, Request::Cancel) => format!("{name} is cancelled"),
        (Requested::Applied, Request::Remove) => format!("{name} is removed"),
        (Requested::Pending, Request::Cancel) => format!("{name} will be cancelled by the pagestream that reads it"),
        (Requested::Pending, Request::Remove) => format!("{name} will be removed by the pagestream that runs there"),
        (Requested::AlreadyFinished(state), _) => format!("{name} had ended before: {state}"),
    })
}
