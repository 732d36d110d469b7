//! `pagestream models specialize`: a recogniser cut to an alphabet.

use std::{fs, path::PathBuf};

use clap::Args;
use pagestream::Settings;
use pagestream_models::{
    Error,
    optimize::{CharacterSet, specialize},
    registry::{RECOGNIZER, Registry, manifest::Role},
};

use super::{
    make::{MakeArgs, Workshop},
    not_made,
};
use crate::cli::{exit::Exit, printer::Printer};

#[derive(Args)]
#[command(after_help = "\
The cut model is judged: it is admitted if it reads the pages of --truth no worse than the whole one. Use it for documents
that you know: what is in another script it reads as nonsense, and cannot know it.")]
pub struct SpecializeArgs {
    /// The recogniser to cut
    #[arg(value_name = "MODEL", default_value = RECOGNIZER)]
    model: String,
    /// An alphabet that is built in: latin (with Greek letters and signs)
    #[arg(long, value_name = "NAME", required_unless_present = "characters", conflicts_with = "characters")]
    alphabet: Option<String>,
    /// A text file that has every character to keep
    #[arg(long, value_name = "FILE")]
    characters: Option<PathBuf>,
    /// Most that the character error rate may rise, in percentage points
    #[arg(long, value_name = "POINTS", default_value_t = 0.0, value_parser = super::quantize::loss)]
    max_loss: f64,
    #[command(flatten)]
    make: MakeArgs,
}

/// # Errors
/// The exit code, when it has been told.
pub fn run(args: &SpecializeArgs, settings: &Settings, registry: &Registry, printer: &Printer) -> Result<Exit, Exit> {
    let set = match (&args.alphabet, &args.characters) {
        (Some(name), _) => CharacterSet::built_in(name),
        (None, Some(file)) => CharacterSet::of_file(file),
        // clap asks for one of them.
        (None, None) => CharacterSet::built_in(""),
    };
    let set = set.map_err(|error| {
        printer.error(&error.to_string(), error.hint());
        if matches!(error, Error::Io { .. }) { Exit::FileAccess } else { Exit::Configuration }
    })?;
    let workshop = Workshop::open(&args.model, &set.name, &args.make, settings, registry, printer)?;
    if workshop.material.origin.role != Role::Recognize {
        printer.error(&format!("`{}` is no recogniser: it has no characters", args.model), None);
        return Err(Exit::Configuration);
    }
    let told = |error: &Error| not_made(printer, error);
    let path = &workshop.material.path;
    let model = fs::read(path).map_err(|cause| told(&Error::Io { path: path.clone(), cause }))?;
    let cut = specialize(&model, &set).map_err(|error| {
        let Error::Optimize { cause, hint } = error else { return told(&error) };
        told(&Error::Optimize { cause: format!("`{}` cannot be cut: {cause}", args.model), hint })
    })?;
    let target = &workshop.target;
    fs::write(target, &cut.bytes).map_err(|cause| told(&Error::Io { path: target.clone(), cause }))?;
    let did = format!("kept {} of {} classes, those of `{}`", cut.classes, cut.classes_before, set.name);
    printer.note(&did);
    workshop.finish(did, false, args.max_loss)
}
