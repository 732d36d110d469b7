//! What the commands that make a model share: what it is made of, and judging and installing what came out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use pagestream::{Digest, Settings};
use pagestream_models::registry::{
    Derived, Provenance, Registry,
    derived::{ModelId, Origin, Step, Verdict},
    manifest::Role,
};

use super::{
    date::now,
    gate::{Judge, Truth},
    list, not_made,
};
use crate::cli::{exit::Exit, fetching, printer::Printer};

/// Pages of our own making, in the project's folder.
pub const EXAMPLES: &str = "examples/data/pages";

/// How the new model is called and judged.
#[derive(Args)]
pub struct MakeArgs {
    /// What the new model is called
    #[arg(long, value_name = "ID")]
    name: Option<String>,
    /// Documents with their text beside them, by which it is judged (see `pagestream eval`); by default the project's
    /// example pages
    #[arg(long, value_name = "DIR")]
    truth: Option<PathBuf>,
}

/// What a model is made of.
pub struct Material {
    pub id: String,
    pub sha256: Digest,
    pub origin: Origin,
    pub path: PathBuf,
}

/// A model on its way: in a folder that is gone with it unless it is installed.
pub struct Workshop<'a> {
    pub registry: &'a Registry,
    pub settings: &'a Settings,
    pub printer: &'a Printer,
    pub material: Material,
    pub truth: Truth,
    /// Where the new model is to be written.
    pub target: PathBuf,
    /// For whatever else is needed on the way.
    pub scratch: PathBuf,
    id: String,
    _folder: tempfile::TempDir,
}

impl<'a> Workshop<'a> {
    /// Finds (and fetches) the model `source`, and the pages to judge by: what is wrong with the arguments is told before
    /// any work is done. The new model's name is the source's with `suffix`, unless another is given.
    ///
    /// # Errors
    /// The exit code, when it has been told.
    pub fn open(
        source: &str,
        suffix: &str,
        args: &MakeArgs,
        settings: &'a Settings,
        registry: &'a Registry,
        printer: &'a Printer,
    ) -> Result<Self, Exit> {
        let told = |error: &pagestream_models::Error| not_made(printer, error);
        let origin = registry.origin(source).map_err(|e| told(&e))?;
        let selected = registry.select(origin.role, source).map_err(|e| told(&e))?;
        let id = args.name.clone().unwrap_or_else(|| format!("{source}-{suffix}"));
        registry.check_new_id(&id).map_err(|e| told(&e))?;
        let truth = Truth::find(&args.truth.clone().unwrap_or_else(|| PathBuf::from(EXAMPLES)), printer)?;
        let fetching = fetching::allowed(settings, printer);
        let located = registry.locate(std::slice::from_ref(&selected), &fetching).map_err(|e| told(&e))?;
        let path = located.into_iter().find_map(|source| source.path().map(Path::to_path_buf)).ok_or_else(|| {
            printer.error(&format!("`{source}` is part of the program and has no file"), None);
            Exit::Configuration
        })?;
        // In the system's folder for such things, which clears away what a killed process left: a few hundred MiB.
        let unwritable = |cause| told(&pagestream_models::Error::Io { path: std::env::temp_dir(), cause });
        let folder = tempfile::Builder::new().prefix("pagestream-").tempdir().map_err(unwritable)?;
        let scratch = folder.path().join("scratch");
        fs::create_dir(&scratch).map_err(unwritable)?;
        let material = Material { id: source.to_owned(), sha256: selected.sha256, origin, path };
        let target = folder.path().join(format!("{id}.onnx"));
        Ok(Self { registry, settings, printer, material, truth, target, scratch, id, _folder: folder })
    }

    /// Judges what lies at `target`, installs it with its provenance and verdict, and says what came of it. `is_int8`: it was
    /// brought to compute in 8-bit integers.
    ///
    /// # Errors
    /// The exit code, when it has been told.
    pub fn finish(self, did: String, is_int8: bool, max_loss: f64) -> Result<Exit, Exit> {
        let Self { registry, settings, printer, material, truth, target, id, .. } = self;
        let told = |error: &pagestream_models::Error| not_made(printer, error);
        let model =
            fs::read(&target).map_err(|cause| told(&pagestream_models::Error::Io { path: target.clone(), cause }))?;
        let command = command();
        let judge = Judge { settings, registry, printer, truth, max_loss };
        let new = ModelId { id: id.clone(), sha256: Digest::of(&model) };
        let verdict = judge.judge(&material.origin, &target, new.clone(), &command)?;
        let step = Step { command, did, version: env!("CARGO_PKG_VERSION").to_owned(), at: now() };
        let provenance = Provenance {
            id: id.clone(),
            role: material.origin.role,
            from: ModelId { id: material.id, sha256: material.sha256 },
            original: material.origin.original,
            steps: material.origin.steps.into_iter().chain([step]).collect(),
            licence: material.origin.licence,
            is_int8: is_int8 || material.origin.is_int8,
            bytes: model.len() as u64,
            sha256: new.sha256,
        };
        let derived = registry.install_derived(&provenance, &model).map_err(|e| told(&e))?;
        registry.record_verdict(&derived, &verdict).map_err(|e| told(&e))?;
        Ok(conclude(&derived, &verdict, printer))
    }
}

/// Says what came of judging a model that lies in its place.
pub fn conclude(derived: &Derived, verdict: &Verdict, printer: &Printer) -> Exit {
    let id = &derived.provenance.id;
    printer.note(&format!("{id}: {}", list::summary(verdict)));
    printer.note(&format!("verdict: {}", derived.verdict_path().display()));
    if let Some(reason) = &verdict.reason {
        printer.error(&format!("`{id}` is not admitted: {reason}"), Some("it is kept, and no setting can name it"));
        return Exit::Refused;
    }
    let key = match derived.provenance.role {
        Role::Detect => "detector",
        _ => "recognizer",
    };
    printer.note(&format!("`{id}` is admitted; read with it by `--set models.{key}={id}`"));
    Exit::Ok
}

/// The command line as it was given.
pub fn command() -> String {
    let quoted = |word: String| if word.contains(char::is_whitespace) { format!("'{word}'") } else { word };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    ["pagestream".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
