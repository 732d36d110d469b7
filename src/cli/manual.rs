//! `pagestream completions` and `pagestream man`: what shells and `man` know of the program, made of its own description.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Command};
use clap_complete::Shell;

use super::{exit::Exit, printer::Printer};

#[derive(Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

#[derive(Args)]
pub struct ManArgs {
    /// Write a page for every command into this folder, such as ~/.local/share/man/man1
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub fn completions(args: &CompletionsArgs, mut program: Command, printer: &Printer) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "pagestream", &mut script);
    print(&script, printer)
}

pub fn man(args: &ManArgs, program: Command, printer: &Printer) -> Exit {
    let Some(folder) = &args.output else {
        let mut page = Vec::new();
        return match clap_mangen::Man::new(program).render(&mut page) {
            Ok(()) => print(&page, printer),
            Err(error) => failed(&error, printer),
        };
    };
    // Without it every command would have a page for its own `help`.
    let program = program.disable_help_subcommand(true);
    match std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(program, folder)) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            printer.error(&format!("{}: the manual cannot be written: {error}", folder.display()), None);
            Exit::FileAccess
        }
    }
}

fn print(bytes: &[u8], printer: &Printer) -> Exit {
    match io::stdout().lock().write_all(bytes) {
        // A reader that closes early has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => failed(&error, printer),
        _ => Exit::Ok,
    }
}

fn failed(error: &io::Error, printer: &Printer) -> Exit {
    printer.error(&format!("standard output cannot be written: {error}"), None);
    Exit::FileAccess
}
