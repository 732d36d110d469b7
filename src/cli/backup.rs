//! `pagestream backup`: copies a data directory, while a writer runs or none does.

use std::path::PathBuf;

use clap::Args;
use pagestream::Settings;
use pagestream_store::BackedUp;

use super::{
    documents::{self, DataArgs, Refusal},
    exit::Exit,
    printer::Printer,
};

#[derive(Args)]
pub struct BackupArgs {
    /// The folder to make, which is a data directory as well; nothing is overwritten
    #[arg(value_name = "DESTINATION")]
    destination: PathBuf,
    /// The database alone, with all results and without the inputs: DESTINATION is its file
    #[arg(long)]
    database: bool,
    #[command(flatten)]
    pub data: DataArgs,
}

pub fn run(args: &BackupArgs, settings: &Settings, printer: &Printer) -> Exit {
    match back_up(args, settings) {
        Ok(done) => {
            printer.note(&said(args, &done));
            if !done.missing.is_empty() {
                let inputs = if done.missing.len() == 1 { "input" } else { "inputs" };
                printer.warning(&format!(
                    "{} {inputs} were removed while the backup was made, or are missing from the spool",
                    done.missing.len()
                ));
            }
            Exit::Ok
        }
        Err(refusal) => refusal.tell(printer),
    }
}

fn back_up(args: &BackupArgs, settings: &Settings) -> Result<BackedUp, Refusal> {
    let reader = documents::open(settings)?;
    Ok(match args.database {
        true => reader.back_up_database(&args.destination)?,
        false => reader.back_up(&args.destination)?,
    })
}

fn said(args: &BackupArgs, done: &BackedUp) -> String {
    let documents = if done.documents == 1 { "document" } else { "documents" };
    let inputs = match args.database {
        true => "without their inputs".to_owned(),
        false => format!("with {} inputs", done.inputs),
    };
    format!("{} holds {} {documents} {inputs}, {}", args.destination.display(), done.documents, done.size)
}
