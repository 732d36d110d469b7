//! Commands that this program was built without: they are named, and say how a program with them is built.

use std::ffi::OsString;

use clap::Args;

use super::{exit::Exit, printer::Printer};

/// Whatever the command would have been told.
#[derive(Args)]
pub struct Anything {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
}

pub fn run(command: &str, feature: &str, printer: &Printer) -> Exit {
    let said =
        format!("`pagestream {command}` is not in this program, which was built without the feature `{feature}`");
    let hint =
        format!("build it with `cargo build --release --features {feature}`, or with everything: `--features full`");
    printer.error(&said, Some(&hint));
    Exit::Configuration
}
