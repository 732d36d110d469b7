//! The gate of every model that is made here: pages with known text are read with the original and with the new model, and
//! the new one is admitted if it loses no more than was allowed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use pagestream::{
    Digest, OcrMode, Quality, Settings,
    evaluation::{Evaluation, Reading, compare, evaluate, truth::truth_of},
    machine::Machine,
};
use pagestream_models::registry::{
    Fetching, Registry,
    derived::{Change, Figures, ModelId, Origin, Verdict},
    manifest::Role,
};

use super::date::now;
use crate::cli::{
    bench::usage,
    eval::{self, Sample},
    exit::Exit,
    printer::Printer,
};

/// How long a page may take that a model is judged by.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Points of a percentage to a fraction.
const POINT: f64 = 0.01;

/// Pages to judge by.
pub struct Truth {
    folder: PathBuf,
    /// Of each document's bytes.
    documents: Vec<(PathBuf, Digest)>,
    /// Of all documents and their texts.
    sha256: Digest,
}

impl Truth {
    /// # Errors
    /// The exit code, when it has been told.
    pub fn find(folder: &Path, printer: &Printer) -> Result<Self, Exit> {
        let hint = "--truth names a folder with documents and their texts, as `pagestream eval --help` describes";
        let samples = samples(folder, printer, hint)?;
        let mut documents = Vec::new();
        let mut all = String::new();
        for Sample { path, truth, .. } in &samples {
            let bytes = std::fs::read(path).map_err(|error| {
                printer.error(&format!("{}: cannot be read: {error}", path.display()), None);
                Exit::FileAccess
            })?;
            let digest = Digest::of(&bytes);
            all.push_str(&format!("{digest} {}\n", Digest::of(truth.as_bytes())));
            documents.push((path.clone(), digest));
        }
        Ok(Self { folder: folder.to_path_buf(), documents, sha256: Digest::of(all.as_bytes()) })
    }

    /// One of the documents, if it is among the pages to judge by: what a model was calibrated on proves nothing.
    pub fn overlap(&self, documents: &[(PathBuf, Digest)]) -> Option<&Path> {
        let same = |(_, digest): &&(PathBuf, Digest)| documents.iter().any(|(_, other)| other == digest);
        self.documents.iter().find(same).map(|(path, _)| path.as_path())
    }
}

fn samples(folder: &Path, printer: &Printer, hint: &str) -> Result<Vec<Sample>, Exit> {
    let (samples, _) = eval::find(folder, truth_of).map_err(|message| {
        printer.error(&message, Some(hint));
        Exit::FileAccess
    })?;
    if samples.is_empty() {
        printer.error(&format!("{}: there is no document with its text beside it", folder.display()), Some(hint));
        return Err(Exit::BadInput);
    }
    Ok(samples)
}

/// What a model is judged with.
pub struct Judge<'a> {
    pub settings: &'a Settings,
    pub registry: &'a Registry,
    pub printer: &'a Printer,
    pub truth: Truth,
    /// In percentage points of the character error rate.
    pub max_loss: f64,
}

struct Read {
    readings: Vec<Reading>,
    evaluation: Evaluation,
    cpu_seconds_per_page: Option<f64>,
}

impl Judge<'_> {
    /// Reads all pages twice, and compares. `new` lies at `path`; the original is the model that all began with, so that
    /// losses of one step after another add up.
    ///
    /// # Errors
    /// The exit code, when a page cannot be read for another reason than the model, and that has been told.
    pub fn judge(&self, origin: &Origin, path: &Path, new: ModelId, command: &str) -> Result<Verdict, Exit> {
        let before = self.read(origin.role, &origin.original.id, &origin.original.id)?;
        // By its path: by its name it can be had only once it is admitted.
        let after = self.read(origin.role, &path.to_string_lossy(), &new.id)?;
        let verdict = compare(&before.evaluation, &after.evaluation, self.max_loss * POINT);
        let pages_changed = before.readings.iter().zip(&after.readings).filter(|(a, b)| a.read != b.read).count();
        let original_path = self.registry.select(origin.role, &origin.original.id).and_then(|selected| {
            Ok(self
                .registry
                .locate(&[selected], &Fetching::never())?
                .into_iter()
                .find_map(|s| s.path().map(Path::to_path_buf)))
        });
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let original_bytes = original_path.ok().flatten().map_or(0, |path| bytes(&path));
        Ok(Verdict {
            admitted: verdict.admitted,
            reason: verdict.reason,
            max_loss: self.max_loss,
            loss: verdict.loss / POINT,
            pages: verdict.pages,
            pages_changed,
            truth: self.truth.folder.display().to_string(),
            truth_sha256: self.truth.sha256,
            original: figures(origin.original.clone(), original_bytes, &before),
            derived: figures(new, bytes(path), &after),
            changes: verdict
                .changes
                .into_iter()
                .map(|change| Change { of: change.of, before: change.before, after: change.after })
                .collect(),
            instructions: Machine::instructions(),
            command: command.to_owned(),
            at: now(),
        })
    }

    /// Reads the pages with `model` (a name, or a path) in place of the one that the settings name for its role.
    fn read(&self, role: Role, model: &str, name: &str) -> Result<Read, Exit> {
        let mut settings = self.settings.clone();
        match role {
            Role::Detect => settings.models.detector = model.to_owned(),
            Role::Recognize => settings.models.recognizer = model.to_owned(),
            Role::Orient | Role::Embed | Role::Layout | Role::Table => {
                let message = format!("the model for `{role}` is fixed; it can be neither cut nor quantised");
                self.printer.error(&message, None);
                return Err(Exit::Configuration);
            }
        }
        // Text layers are read without any model.
        settings.ocr.mode = OcrMode::Always;
        // In other qualities most pages would not meet the model.
        settings.ocr.quality = Quality::Accurate;
        // Nor is it to be judged by what ours reads in its stead.
        settings.ocr.second_opinion = false;
        // That the machine has other work is no fault of the model.
        settings.limits.page_time = PATIENCE;
        settings.limits.document_time = None;
        settings.device.inference_time = PATIENCE;
        self.printer.note(&format!("reading the pages of {} with {name}", self.truth.folder.display()));
        let samples = samples(&self.truth.folder, self.printer, "they were there a moment ago")?;
        let started = usage::of_this_process();
        let scored = eval::read(samples, settings, None, self.printer)?;
        let ended = usage::of_this_process();
        if scored.exit != Exit::Ok {
            return Err(scored.exit);
        }
        let evaluation = evaluate(scored.readings.iter().cloned());
        let cpu = started.zip(ended).map(|(started, ended)| ended.cpu.saturating_sub(started.cpu));
        let pages = evaluation.overall.pages.max(1) as f64;
        let cpu_seconds_per_page = cpu.map(|cpu| cpu.as_secs_f64() / pages);
        Ok(Read { readings: scored.readings, evaluation, cpu_seconds_per_page })
    }
}

fn figures(model: ModelId, bytes: u64, read: &Read) -> Figures {
    let overall = &read.evaluation.overall;
    Figures {
        model,
        bytes,
        cer: overall.cer.total,
        wer: overall.wer.total,
        recall: overall.recall.total,
        cpu_seconds_per_page: read.cpu_seconds_per_page,
    }
}
