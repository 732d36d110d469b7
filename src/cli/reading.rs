//! What the commands that read documents share: flags, what is looked at before anything starts, submitting, signals.

use clap::Args;
use futures::StreamExt;
use pagestream::{
    DocumentHandle, Error, Fetching, OcrMode, Pipeline, Plan, Settings, Source, SubmitOptions,
    engine::{self, FetchPolicy},
    machine::Measure,
    plan::{PlanError, tasks::Use},
};
use pagestream_models::{Error as ModelError, backend::Provider, device::DeviceChoice, ocr::Quality};
use tokio::{runtime::Runtime, sync::mpsc};

use super::{exit::Exit, fetching, printer::Printer};

/// Documents that are submitted ahead of the one whose pages are being written.
pub const SUBMITTED_AHEAD: usize = 64;

/// How documents are read.
#[derive(Args)]
pub struct ReadingArgs {
    /// When to read pixels: auto, pictures (also those on pages with text), always, never
    #[arg(long, value_name = "WHEN")]
    ocr: Option<String>,
    /// Which networks read: fast (built in), balanced (with a larger one for what is in doubt, PP-OCRv6 for what they cannot read), accurate (PP-OCRv6)
    #[arg(long, value_name = "QUALITY")]
    quality: Option<String>,
    /// What is made of a page's lines: full (headings, paragraphs, tables, …), lines (what belongs together), off
    #[arg(long, value_name = "HOW")]
    structure: Option<String>,
    /// Password of encrypted documents
    #[arg(long)]
    pub password: Option<String>,
    /// Bytes of pixels and tensors at once, such as 256MiB
    #[arg(long, value_name = "SIZE")]
    memory_budget: Option<String>,
    /// What runs the models: auto, cpu, openvino-native, cuda:0, …
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Threads, of the device and for the other work
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl ReadingArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let threads = self.threads.map(|n| n.to_string());
        [
            ("ocr.mode", self.ocr.clone()),
            ("ocr.quality", self.quality.clone()),
            ("structure.mode", self.structure.clone()),
            ("pipeline.memory_budget", self.memory_budget.clone()),
            ("device.use", self.device.clone()),
            ("device.threads", threads.clone()),
            ("pipeline.cpu_threads", threads),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}

impl ReadingArgs {
    /// A flag that was given and is about pages alone.
    pub fn only_of_pages(&self) -> Option<&'static str> {
        let flags = [
            (self.ocr.is_some(), "--ocr"),
            (self.structure.is_some(), "--structure"),
            (self.memory_budget.is_some(), "--memory-budget"),
            (self.threads.is_some(), "--threads"),
        ];
        flags.into_iter().find_map(|(given, name)| given.then_some(name))
    }
}

/// Resolves the settings, and looks whether what was asked for can be had, before anything starts; says what cannot.
///
/// # Errors
/// The exit code, when it has been told.
pub fn check(settings: &Settings, printer: &Printer) -> Result<Plan, Exit> {
    let told = |message: &str, hint: Option<&str>, exit: Exit| {
        printer.error(message, hint);
        exit
    };
    let doctor = Some("`pagestream doctor` says which devices work here");
    // A model that cannot be had is a mistake in the settings, whether a page will need it or not.
    let plan = Plan::resolve(settings, Measure::IfNeeded).map_err(|error| {
        let (exit, hint) = match error {
            PlanError::Models(_) => (Exit::Configuration, error.hint()),
            PlanError::Devices(_) => (Exit::MissingDependency, error.hint().or(doctor)),
        };
        told(&error.to_string(), hint, exit)
    })?;
    if settings.ocr.mode == OcrMode::Never {
        return Ok(plan);
    }
    // Where nothing is fetched, what is missing is told before anything starts, not when the first page needs it.
    if settings.models.fetch == FetchPolicy::Never {
        check_models(&plan).map_err(|error| told(&error.to_string(), error.hint(), Exit::MissingDependency))?;
    }
    check_devices(&plan, settings, printer)
        .map_err(|error| told(&error.to_string(), error.hint().or(doctor), Exit::MissingDependency))?;
    Ok(plan)
}

fn check_models(plan: &Plan) -> Result<(), ModelError> {
    if let Some(model) = plan.embedder() {
        plan.registry().locate(std::slice::from_ref(model), &Fetching::never_because("nothing is fetched offline"))?;
    }
    let never = Fetching::never_because("nothing is fetched offline");
    if let [_, ..] = plan.chosen() {
        let chosen: Vec<_> = plan.chosen().iter().map(|(_, model)| model.clone()).collect();
        plan.registry().locate(&chosen, &never)?;
        has_libraries(plan, &never)?;
    }
    // The built-in models need nothing; where they are in doubt and PP-OCRv6 is missing, the record says so.
    if plan.quality != Quality::Accurate {
        return Ok(());
    }
    let models: Vec<_> = plan.selected().iter().map(|(_, model)| model.clone()).collect();
    plan.registry().locate(&models, &never)?;
    has_libraries(plan, &never)
}

fn has_libraries(plan: &Plan, never: &Fetching) -> Result<(), ModelError> {
    for planned in &plan.devices {
        match planned.device {
            DeviceChoice::OpenVino { .. } => plan.registry().openvino(never)?,
            DeviceChoice::Onnx(_) => plan.registry().runtime(never)?,
        };
    }
    Ok(())
}

/// A device or a library that was asked for by name must work, whether a page will need it or not; the default ones are
/// looked at when the first page needs them.
fn check_devices(plan: &Plan, settings: &Settings, printer: &Printer) -> Result<(), ModelError> {
    let cpu = DeviceChoice::Onnx(Provider::Cpu);
    let named = settings.device.devices.named();
    // A library that was named is tried even where no device was.
    if settings.ort.dylib.is_none() && (named.is_empty() || *named == [cpu]) {
        return Ok(());
    }
    let fetching = fetching::asking(settings, printer);
    plan.devices.iter().try_for_each(|device| {
        // That a provider is compiled in proves little: it must load the model that reads lines.
        let last = device.models().into_iter().rfind(|model| model.used == Use::Always);
        let engine = engine::engine(device, &fetching)?;
        last.map_or(Ok(()), |model| engine.session(model.task).map(drop))
    })
}

/// Threads for what waits: the work is done on the pipeline's own.
///
/// # Errors
/// The exit code, when it has been told.
pub fn runtime(printer: &Printer) -> Result<Runtime, Exit> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| {
        printer.error(&format!("no threads to be had: {error}"), None);
        Exit::Other
    })
}

/// Submits one document after the other, waiting where the pipeline is full.
pub fn submit_all(
    pipeline: Pipeline,
    sources: Vec<Source>,
    options: SubmitOptions,
) -> mpsc::Receiver<Result<DocumentHandle, Error>> {
    let (submitted, receiver) = mpsc::channel(SUBMITTED_AHEAD);
    tokio::spawn(async move {
        for source in sources {
            let document = pipeline.submit(source, options.clone()).await;
            if submitted.send(document).await.is_err() {
                break;
            }
        }
    });
    receiver
}

/// Goes on with one open document after the other, waiting where the pipeline is full.
pub fn resume_all(pipeline: Pipeline) -> mpsc::Receiver<Result<DocumentHandle, Error>> {
    let (resumed, receiver) = mpsc::channel(SUBMITTED_AHEAD);
    tokio::spawn(async move {
        match pipeline.resuming().await {
            Ok(documents) => {
                let mut documents = std::pin::pin!(documents);
                while let Some(document) = documents.next().await {
                    if resumed.send(document).await.is_err() {
                        break;
                    }
                }
            }
            // Whoever read what came has gone.
            Err(error) => drop(resumed.send(Err(error)).await),
        }
    });
    receiver
}
