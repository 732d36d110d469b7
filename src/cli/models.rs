//! `pagestream models`: which models there are, fetching them, checking them.

use std::io::Write;

use clap::Subcommand;
use pagestream::{ByteSize, Settings};
use pagestream_models::registry::{ModelState, ModelStatus, Registry};

use super::{exit::Exit, printer::Printer, progress::downloads};

#[derive(Subcommand)]
pub enum ModelsCommand {
    /// What can be installed here, and whether it is
    List,
    /// Fetch what is missing: the named ones, or all that reading pages takes
    Pull {
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Compare every installed file with its digest
    Verify,
}

pub fn run(command: ModelsCommand, settings: &Settings, printer: &Printer) -> Exit {
    let registry = match Registry::open(settings.registry_options()) {
        Ok(registry) => registry,
        Err(error) => return failed(printer, &error),
    };
    match command {
        ModelsCommand::List => {
            print(&registry.list());
            Exit::Ok
        }
        ModelsCommand::Verify => verify(&registry, printer),
        ModelsCommand::Pull { ids } => {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let progress = downloads(printer);
            match registry.pull(&ids, &mut |event| progress(event)) {
                Ok(installed) => {
                    installed.iter().for_each(|(id, path, _)| printer.note(&format!("{id}: {}", path.display())));
                    Exit::Ok
                }
                Err(error) => failed(printer, &error),
            }
        }
    }
}

fn failed(printer: &Printer, error: &pagestream_models::Error) -> Exit {
    printer.error(&error.to_string(), error.hint());
    Exit::MissingDependency
}

fn verify(registry: &Registry, printer: &Printer) -> Exit {
    let statuses = registry.verify();
    print(&statuses);
    let mut exit = Exit::Ok;
    for status in &statuses {
        match &status.state {
            ModelState::Damaged(files) => {
                for file in files {
                    printer.error(
                        &format!("{}: is not what the manifest says", file.display()),
                        Some(&format!("run `pagestream models pull {}`", status.id)),
                    );
                }
                exit = Exit::MissingDependency;
            }
            ModelState::Missing(_) if status.is_default => exit = Exit::MissingDependency,
            ModelState::Missing(_) | ModelState::Installed => {}
        }
    }
    exit
}

fn print(statuses: &[ModelStatus]) {
    let width = statuses.iter().map(|status| status.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for status in statuses {
        let state = match &status.state {
            ModelState::Installed => "installed",
            ModelState::Missing(_) => "missing",
            ModelState::Damaged(_) => "damaged",
        };
        let role = status.role.map_or("runtime".to_owned(), |role| format!("{role:?}").to_lowercase());
        let size = ByteSize(status.bytes).to_string();
        let needed = if status.is_default { "default" } else { "" };
        text.push_str(&format!(
            "{:width$}  {role:9}  {state:9}  {needed:7}  {size:>9}  {:11}  {}  {}\n",
            status.id,
            status.licence,
            status.source,
            status.path.display(),
        ));
    }
    // A pipe that closes early has seen enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
