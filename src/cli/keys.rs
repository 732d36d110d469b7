//! `pagestream keys`: who may ask the server for what.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::PathBuf,
};

use clap::{Args, Subcommand};
use pagestream::{
    Settings,
    server::{Keys, new_key},
};

use super::{exit::Exit, printer::Printer};

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make a key, print it once, and add its hash to the file
    Add(AddArgs),
    /// List the keys by their names, and what they may do
    List(FileArgs),
    /// Take a key out of the file; a server that runs knows it no more
    Remove(RemoveArgs),
}

#[derive(Args)]
pub struct FileArgs {
    /// The file; otherwise the setting `server.keys`
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

#[derive(Args)]
pub struct AddArgs {
    /// What the key is called; its documents belong to this name
    name: String,
    /// What it may do: read, write, all (documents of every key), metrics; several, separated by commas
    #[arg(long, value_name = "SCOPES", default_value = "read,write")]
    may: String,
    #[command(flatten)]
    file: FileArgs,
}

#[derive(Args)]
pub struct RemoveArgs {
    /// What the key is called
    name: String,
    #[command(flatten)]
    file: FileArgs,
}

impl KeysCommand {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let file = match self {
            Self::Add(args) => &args.file,
            Self::List(args) => args,
            Self::Remove(args) => &args.file,
        };
        file.keys.iter().map(|file| ("server.keys", file.to_string_lossy().into_owned())).collect()
    }
}

pub fn run(command: &KeysCommand, settings: &Settings, printer: &Printer) -> Exit {
    let Some(file) = settings.server.keys.clone() else {
        let hint = "give --keys FILE, or set `server.keys` once in your configuration";
        printer.error("no file of keys is named", Some(hint));
        return Exit::Configuration;
    };
    let done = match command {
        KeysCommand::Add(args) => add(args, &file),
        KeysCommand::List(_) => list(&file),
        KeysCommand::Remove(args) => remove(&args.name, &file),
    };
    match done {
        Ok(told) => {
            if let Some(told) = told {
                printer.note(&told);
            }
            Exit::Ok
        }
        Err((message, exit)) => {
            printer.error(&message, None);
            exit
        }
    }
}

type Done = Result<Option<String>, (String, Exit)>;

fn unusable(file: &std::path::Path, error: &std::io::Error) -> (String, Exit) {
    (format!("{}: {error}", file.display()), Exit::FileAccess)
}

fn lines(file: &std::path::Path) -> Result<Vec<String>, (String, Exit)> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(unusable(file, &error)),
    }
}

fn is_of(line: &str, name: &str) -> bool {
    line.split_whitespace().next() == Some(name)
}

fn add(args: &AddArgs, file: &std::path::Path) -> Done {
    if lines(file)?.iter().any(|line| is_of(line, &args.name)) {
        return Err((format!("{} has a key called `{}`", file.display(), args.name), Exit::Configuration));
    }
    let (key, line) = new_key(&args.name, &args.may).map_err(|error| (error, Exit::Configuration))?;
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file).map_err(|error| unusable(file, &error))?;
    writeln!(out, "{line}").map_err(|error| unusable(file, &error))?;
    let printed = writeln!(std::io::stdout().lock(), "{key}");
    printed.map_err(|error| (format!("the key cannot be printed: {error}"), Exit::FileAccess))?;
    Ok(Some(format!("this is shown once; {} has its hash", file.display())))
}

fn list(file: &std::path::Path) -> Done {
    Keys::open(file).map_err(|error| (error, Exit::Configuration))?;
    let mut out = std::io::stdout().lock();
    for line in lines(file)? {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(may), false) = (words.next(), words.next(), line.starts_with('#')) {
            // A pipe that closes early has seen enough.
            let _ = writeln!(out, "{name}  {may}");
        }
    }
    Ok(None)
}

fn remove(name: &str, file: &std::path::Path) -> Done {
    let all = lines(file)?;
    let kept: String = all.iter().filter(|line| !is_of(line, name)).map(|line| format!("{line}\n")).collect();
    if kept.lines().count() == all.len() {
        return Err((format!("{} has no key called `{name}`", file.display()), Exit::Configuration));
    }
    fs::write(file, kept).map_err(|error| unusable(file, &error))?;
    Ok(Some(format!("`{name}` is removed; its documents stay")))
}
