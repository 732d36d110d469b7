//! `pagestream models quantize`: a model in fewer bits.

use std::{fs, path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};
use pagestream::{Digest, Plan, Settings, Source, engine::FetchPolicy, machine::Measure, plan::PlanError};
use pagestream_documents::{OpenOptions, PageNumber, PageSource, RenderOptions};
use pagestream_models::{
    Backend, Error,
    backend::onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
    ocr::{Alphabet, LargeModels, OcrModels, Sessions, Task},
    optimize::{
        Calibration, Mode, QuantizeOptions, Quantizer,
        calibration::{page_inputs, spread, write_npy},
    },
    registry::{RECOGNIZER, Registry, manifest::Role},
};

use super::{
    make::{MakeArgs, Workshop},
    not_made,
};
use crate::cli::{exit::Exit, fetching, inputs, printer::Printer};

/// Line crops that a recogniser is calibrated on, and pages that a detector is: beyond them ranges move no more.
const LINES: usize = 200;
const PAGES: usize = 32;

#[derive(Args)]
#[command(after_help = "\
The first use makes a Python environment with onnxruntime's quantiser beside the models (through your own pip). The model
that comes out is judged by reading the pages of --truth with it and with the original; it is admitted if the character
error rate, of all pages and of the median page of each folder, rises by no more than --max-loss. The verdict lies beside
it either way, and a model that is refused (exit code 4) cannot be selected. What an int8 model reads depends on the processor's
instructions: the verdict names them, and on a processor with others `pagestream models judge` is asked for another one.")]
pub struct QuantizeArgs {
    /// The model to quantise: of the manifest, or made here and admitted
    #[arg(value_name = "MODEL", default_value = RECOGNIZER)]
    model: String,
    /// static: int8 at calibrated ranges; dynamic: int8 at the ranges of each tensor; fp16
    #[arg(long, value_enum)]
    mode: QuantizeMode,
    /// With static: a folder of documents like those to be read, none of them of --truth
    #[arg(long, value_name = "DIR", required_if_eq("mode", "static"))]
    calibration: Option<PathBuf>,
    /// With static: inputs to calibrate on, taken evenly from all pages [default: 200 lines, or 32 pages for a detector]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
    /// With static: how the range of an activation is found
    #[arg(long, value_enum, default_value_t = Method::MovingAverage)]
    method: Method,
    /// With --method percentile: how many per cent of the values lie inside the range
    #[arg(long, value_name = "PER CENT", default_value_t = 99.99, value_parser = percentile)]
    percentile: f32,
    /// Layers that stay in f32: first:N, last, depthwise, or names of nodes, with commas between
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    keep: Vec<String>,
    /// Most that the character error rate may rise, in percentage points
    #[arg(long, value_name = "POINTS", default_value_t = 0.05, value_parser = loss)]
    max_loss: f64,
    #[command(flatten)]
    make: MakeArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum QuantizeMode {
    Static,
    Dynamic,
    Fp16,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    MovingAverage,
    MinMax,
    Percentile,
    Entropy,
}

/// Percentage points of the character error rate.
pub fn loss(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no number of percentage points; write for example 0.05");
    text.parse().ok().filter(|points: &f64| (0.0..=100.0).contains(points)).ok_or_else(wrong)
}

fn percentile(text: &str) -> Result<f32, String> {
    let wrong = || format!("`{text}` is no percentage above 50 and up to 100");
    text.parse().ok().filter(|percent: &f32| *percent > 50.0 && *percent <= 100.0).ok_or_else(wrong)
}

/// # Errors
/// The exit code, when it has been told.
pub fn run(args: &QuantizeArgs, settings: &Settings, registry: &Registry, printer: &Printer) -> Result<Exit, Exit> {
    let (mode, suffix) = match args.mode {
        QuantizeMode::Static => (Mode::Static, "int8"),
        QuantizeMode::Dynamic => (Mode::Dynamic, "int8-dynamic"),
        QuantizeMode::Fp16 => (Mode::Fp16, "fp16"),
    };
    if mode != Mode::Static {
        let static_only = [
            ("--calibration", args.calibration.is_some()),
            ("--samples", args.samples.is_some()),
            ("--method", args.method != Method::MovingAverage),
        ];
        if let Some((flag, _)) = static_only.iter().find(|(_, given)| *given) {
            printer.error(
                &format!("{flag} has no meaning for `--mode {}`, which needs no calibration", mode.name()),
                None,
            );
            return Err(Exit::Configuration);
        }
    }
    let workshop = Workshop::open(&args.model, suffix, &args.make, settings, registry, printer)?;
    if matches!(workshop.material.origin.role, Role::Orient | Role::Embed) {
        printer.error(&format!("`{}` cannot be quantised: no setting could name what came out", args.model), None);
        return Err(Exit::Configuration);
    }
    let told = |error: &Error| not_made(printer, error);
    let samples = match &args.calibration {
        Some(folder) => documents(folder, &workshop)?,
        None => Vec::new(),
    };
    let making = || printer.note("making the quantiser's Python environment, once (about 110 MB are fetched)");
    let offline = settings.models.fetch == FetchPolicy::Never;
    let quantizer = registry.models_dir().and_then(|dir| Quantizer::ensure(dir, None, offline, making));
    let quantizer = quantizer.map_err(|e| told(&e))?;
    if mode == Mode::Static {
        let most = args.samples.map(|n| n as usize);
        let written = write_inputs(&workshop, &samples, most).map_err(|failure| match failure {
            Failure::Model(error) => told(&error),
            Failure::Document(message) => {
                printer.error(&message, None);
                Exit::BadInput
            }
        })?;
        printer.note(&format!("calibrating on {written} inputs of {} documents", samples.len()));
    }
    let options = QuantizeOptions {
        mode,
        calibration: match args.method {
            Method::MovingAverage => Calibration::MovingAverage,
            Method::MinMax => Calibration::MinMax,
            Method::Percentile => Calibration::Percentile(args.percentile),
            Method::Entropy => Calibration::Entropy,
        },
        keep: args.keep.clone(),
    };
    let done = quantizer
        .quantize(&workshop.material.path, &workshop.target, &workshop.scratch, &options)
        .map_err(|e| told(&e))?;
    let did = format!(
        "{} by onnxruntime {}: {} of {} layers with weights stayed in f32, calibrated on {} inputs",
        mode.name(),
        done.onnxruntime,
        done.kept_in_f32,
        done.layers,
        done.samples
    );
    printer.note(&did);
    workshop.finish(did, mode != Mode::Fp16, args.max_loss)
}

/// A document to calibrate on.
struct Document {
    path: PathBuf,
    source: Box<dyn PageSource>,
}

enum Failure {
    Model(Error),
    Document(String),
}

/// What the folder has, opened; nothing of it may be among the pages that the model is judged by.
fn documents(folder: &std::path::Path, workshop: &Workshop<'_>) -> Result<Vec<Document>, Exit> {
    let refuse = |message: &str, hint: Option<&str>, exit: Exit| {
        workshop.printer.error(message, hint);
        exit
    };
    if !folder.is_dir() {
        let message = format!("{}: is not a folder", folder.display());
        return Err(refuse(&message, Some("--calibration names a folder of documents"), Exit::FileAccess));
    }
    let expanded = inputs::expand_files(&[folder.as_os_str().to_owned()]);
    let expanded = expanded.map_err(|message| refuse(&message, None, Exit::FileAccess))?;
    let (mut all, mut digests) = (Vec::new(), Vec::new());
    for source in expanded {
        let Source::Path(path) = source else { continue };
        let bytes = fs::read(&path)
            .map_err(|error| refuse(&format!("{}: cannot be read: {error}", path.display()), None, Exit::FileAccess))?;
        digests.push((path.clone(), Digest::of(&bytes)));
        match pagestream_documents::open(Arc::new(bytes), &OpenOptions::default()) {
            Ok(source) => all.push(Document { path, source }),
            Err(error) => workshop.printer.warning(&format!("{}: {error}; it is left out", path.display())),
        }
    }
    if all.is_empty() {
        return Err(refuse(&format!("{}: there are no documents", folder.display()), None, Exit::BadInput));
    }
    if let Some(path) = workshop.truth.overlap(&digests) {
        let message = format!("{}: is among the documents to calibrate on too", path.display());
        let hint = "what a model was calibrated on proves nothing about it: keep the folders apart";
        return Err(refuse(&message, Some(hint), Exit::Configuration));
    }
    Ok(all)
}

/// Reads pages as they are read always, and writes what reaches the model: so many inputs, evenly from all pages.
fn write_inputs(workshop: &Workshop<'_>, documents: &[Document], most: Option<usize>) -> Result<usize, Failure> {
    let Workshop { registry, settings, printer, material, .. } = workshop;
    let (role, task, most) = match material.origin.role {
        Role::Detect => (Role::Detect, Task::Detect, most.unwrap_or(PAGES)),
        _ => (Role::Recognize, Task::Recognize, most.unwrap_or(LINES)),
    };
    let mut settings = (*settings).clone();
    match role {
        Role::Detect => settings.models.detector.clone_from(&material.id),
        _ => settings.models.recognizer.clone_from(&material.id),
    }
    let (mut sessions, knowledge) = sessions(&settings, registry, printer).map_err(Failure::Model)?;
    let options = settings.pipeline_options().reading;
    let all: Vec<(&Document, PageNumber)> = documents
        .iter()
        .flat_map(|document| {
            (0..document.source.page_count()).map(move |index| (document, PageNumber::from_index(index)))
        })
        .collect();
    let pages = spread(all, most);
    let mut written = 0;
    for (place, (document, page)) in pages.iter().enumerate() {
        // What is still wanted, shared by the pages that are still to come.
        let quota = (most - written).div_ceil(pages.len() - place);
        let render = RenderOptions { ..options.render };
        let raster = document
            .source
            .render(*page, &render)
            .map_err(|error| Failure::Document(format!("{}, page {page}: {error}", document.path.display())))?;
        let inputs = page_inputs(&mut sessions, Arc::new(raster), &options.ocr, &knowledge, task);
        for input in spread(inputs.map_err(Failure::Model)?, quota) {
            let path = workshop.scratch.join(format!("{written:06}.npy"));
            write_npy(&path, input.view()).map_err(Failure::Model)?;
            written += 1;
        }
    }
    match written {
        0 => Err(Failure::Document("the documents to calibrate on have no text".to_owned())),
        _ => Ok(written),
    }
}

/// The models as the settings name them, on the CPU and this thread.
fn sessions(settings: &Settings, registry: &Registry, printer: &Printer) -> Result<(Sessions, OcrModels), Error> {
    let fetching = fetching::allowed(settings, printer);
    let runtime = OnnxRuntime::load(&registry.runtime(&fetching)?)?;
    let backend = OnnxBackend::new(runtime, OnnxOptions::default());
    let plan = Plan::resolve(settings, Measure::Never)
        .map_err(|(PlanError::Models(error) | PlanError::Devices(error))| error)?;
    let (tasks, selected): (Vec<Task>, Vec<_>) = plan.selected().iter().cloned().unzip();
    let sources = registry.locate(&selected, &fetching)?;
    let source = |task: Task| {
        let found = tasks.iter().zip(&sources).find(|(other, _)| **other == task);
        found.map(|(_, source)| source).ok_or_else(|| Error::Load {
            model: format!("{task:?}"),
            backend: backend.name().to_owned(),
            cause: "no model is configured for this task".to_owned(),
        })
    };
    let mut sessions = Sessions::default();
    for task in [Task::Detect, Task::Orient, Task::Recognize] {
        sessions.0.insert(task, backend.load(source(task)?)?);
    }
    let large = LargeModels::Ready(Alphabet::of_model(source(Task::Recognize)?)?);
    Ok((sessions, OcrModels { large, ..OcrModels::default() }))
}
