//! `pagestream models`: which models there are, fetching them, checking them, and making others out of them.

use clap::Subcommand;
use pagestream::Settings;
use pagestream_models::{Error, registry::Registry};

use super::{exit::Exit, fetching, printer::Printer};

mod date;
mod gate;
mod judge;
mod list;
mod make;
mod quantize;
mod specialize;

#[derive(Subcommand)]
pub enum ModelsCommand {
    /// What can be installed here and whether it is, and what was made here and whether it may be used
    List,
    /// Fetch what is missing: the named ones, or all that reading pages takes
    Pull {
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Compare every installed file with its digest
    Verify,
    /// The card of a built-in model: what it learnt from, how well it reads, its limits, notices
    #[cfg(feature = "built-in-models")]
    Card {
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Cut a recogniser to the characters of an alphabet: faster, and as good for text that has no others
    Specialize(specialize::SpecializeArgs),
    /// Make a model smaller and faster by rounding its numbers, and admit it if that costs no accuracy
    Quantize(quantize::QuantizeArgs),
    /// Judge a model that was made once more: on this processor, or by other pages
    Judge(judge::JudgeArgs),
}

pub fn run(command: ModelsCommand, settings: &Settings, printer: &Printer) -> Exit {
    let registry = match Registry::open(settings.registry_options()) {
        Ok(registry) => registry,
        Err(error) => return failed(printer, &error),
    };
    match command {
        #[cfg(feature = "built-in-models")]
        ModelsCommand::Card { id } => list::card(&id, printer),
        ModelsCommand::List => {
            #[cfg(feature = "built-in-models")]
            list::print_built_in();
            list::print(&registry.list(), &registry.derived());
            list::print_plan(settings, printer);
            Exit::Ok
        }
        ModelsCommand::Verify => list::verify(&registry, printer),
        ModelsCommand::Pull { ids } => {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            match registry.pull(&ids, &fetching::allowed(settings, printer)) {
                Ok(installed) => {
                    installed.iter().for_each(|(id, path, _)| printer.note(&format!("{id}: {}", path.display())));
                    Exit::Ok
                }
                Err(error) => failed(printer, &error),
            }
        }
        ModelsCommand::Specialize(args) => {
            specialize::run(&args, settings, &registry, printer).unwrap_or_else(|exit| exit)
        }
        ModelsCommand::Judge(args) => judge::run(&args, settings, &registry, printer).unwrap_or_else(|exit| exit),
        ModelsCommand::Quantize(args) => quantize::run(&args, settings, &registry, printer).unwrap_or_else(|exit| exit),
    }
}

/// Tells the error.
fn failed(printer: &Printer, error: &Error) -> Exit {
    printer.error(&error.to_string(), error.hint());
    match error {
        Error::UnknownModel { .. } => Exit::Configuration,
        _ => Exit::MissingDependency,
    }
}

/// Tells the error of a command that makes a model, where a name that is wrong is the user's and not a lack.
fn not_made(printer: &Printer, error: &Error) -> Exit {
    printer.error(&error.to_string(), error.hint());
    match error {
        Error::UnknownModel { .. } | Error::NotAdmitted { .. } => Exit::Configuration,
        Error::Optimize { .. } => Exit::BadInput,
        Error::Io { .. } => Exit::FileAccess,
        Error::Inference { .. } => Exit::Other,
        _ => Exit::MissingDependency,
    }
}
