//! `pagestream config`: which settings hold, and why.

use std::io::Write;

use clap::Subcommand;
use pagestream::settings::Layers;

use super::exit::Exit;

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print every setting with its value and who set it
    Show,
}

pub fn run(command: ConfigCommand, layers: &Layers) -> Exit {
    let ConfigCommand::Show = command;
    let mut text = String::new();
    let width = layers.iter().map(|(key, value, _)| key.len() + value.to_string().len()).max().unwrap_or(0) + 3;
    for (key, value, origin) in layers.iter() {
        let setting = format!("{key} = {value}");
        text.push_str(&format!("{setting:<width$}  # {origin}\n"));
    }
    // A pipe that closes early has seen enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Exit::Ok
}
