//! `pagestream models judge`: another verdict on a model that was made here, or on another machine.

use std::{fs, path::PathBuf};

use clap::Args;
use pagestream::Settings;
use pagestream_models::{
    Error,
    registry::{
        Depth, ModelState, Registry,
        derived::{ModelId, Verdict},
    },
};

use super::{
    gate::{Judge, Truth},
    make::{EXAMPLES, command, conclude},
    not_made,
    quantize::loss,
};
use crate::cli::{exit::Exit, printer::Printer};

#[derive(Args)]
#[command(after_help = "\
What an int8 model reads depends on the processor's instructions, and its verdict holds on the same only. The new verdict takes
the place of the old one.")]
pub struct JudgeArgs {
    /// A model that was made by `specialize` or `quantize`
    #[arg(value_name = "MODEL")]
    model: String,
    /// Documents with their text beside them [default: those of the verdict before]
    #[arg(long, value_name = "DIR")]
    truth: Option<PathBuf>,
    /// Most that the character error rate may rise, in percentage points [default: as before]
    #[arg(long, value_name = "POINTS", value_parser = loss)]
    max_loss: Option<f64>,
}

/// What was allowed where no verdict says it: as of `models quantize`.
const MAX_LOSS: f64 = 0.05;

/// # Errors
/// The exit code, when it has been told.
pub fn run(args: &JudgeArgs, settings: &Settings, registry: &Registry, printer: &Printer) -> Result<Exit, Exit> {
    let told = |error: &Error| not_made(printer, error);
    let derived = registry.find_derived(&args.model).ok_or_else(|| {
        let made: Vec<String> = registry.derived().into_iter().map(|model| model.provenance.id).collect();
        let known = if made.is_empty() { "nothing was made here yet".to_owned() } else { made.join(", ") };
        told(&Error::UnknownModel { id: args.model.clone(), hint: format!("made here: {known}") })
    })?;
    if derived.state(Depth::Full) != ModelState::Installed {
        let message = format!("{}: is not what its provenance says", derived.path.display());
        printer.error(&message, Some("make it again: `pagestream models verify` says how"));
        return Err(Exit::MissingDependency);
    }
    let before = derived.verdict.as_ref();
    let folder = args.truth.clone().or_else(|| before.map(|verdict: &Verdict| PathBuf::from(&verdict.truth)));
    let truth = Truth::find(&folder.unwrap_or_else(|| PathBuf::from(EXAMPLES)), printer)?;
    let max_loss = args.max_loss.or(before.map(|verdict| verdict.max_loss)).unwrap_or(MAX_LOSS);
    // Where it lies it cannot be had before it is admitted.
    let unwritable = |cause| told(&Error::Io { path: std::env::temp_dir(), cause });
    let scratch = tempfile::Builder::new().prefix("pagestream-").tempdir().map_err(unwritable)?;
    let copy = scratch.path().join(format!("{}.onnx", args.model));
    fs::copy(&derived.path, &copy).map_err(unwritable)?;
    let origin = registry.origin(&args.model).map_err(|e| told(&e))?;
    let model = ModelId { id: args.model.clone(), sha256: derived.provenance.sha256 };
    let judge = Judge { settings, registry, printer, truth, max_loss };
    let verdict = judge.judge(&origin, &copy, model, &command())?;
    registry.record_verdict(&derived, &verdict).map_err(|e| told(&e))?;
    Ok(conclude(&derived, &verdict, printer))
}
