//! `pagestream doctor`: what is installed, what this machine has, and which devices really compute.
//!
//! Fetches nothing, and leaves nothing behind but the figures that `--measure` asks for. Exits with 0 when pages can be read here, or could be after a fetch, and
//! with 3 when not. `--json` prints one object, `pagestream.doctor/1`:
//!
//! ```text
//! schema    "pagestream.doctor/1"
//! version   of pagestream
//! ok        whether the exit code is 0
//! problems  [{message, hint?}]: why it is not; empty when it is
//! config    [{path, which, found}], weakest first; which: user, project, PAGESTREAM_CONFIG
//! folders   [{path, what, writable, why_not?}]; what: models, data
//! fetch     {possible, with?, why_not?}: whether what is missing could be fetched; with: the Python that would do it
//! models    [{id, kind, source, licence, bytes, path, sha256, state, needed, files?}]; kind: model, runtime;
//!           state: installed, missing, damaged; files: those that are not as they should be
//! runtime   {path, version?, providers, why_not?}, or null where there is none for this platform
//! machine   {cpu?, cores, simd, memory_bytes?, memory_budget_bytes}
//! devices   [{id, kind, backend, name?, works, selected, why_not?, hint?, memory_bytes?, details: {name: value}}]
//! reads_with [{task, id, sha256, precision, from, library, device, used, why}]: the plan; precision: f32, int8, file;
//!           from: built-in, registry, derived, file; used: always, in-doubt
//! auto      {device, why, measured: [{device, outcome}]}: what `device.use = "auto"` comes to; left out for other values;
//!           outcome: {measured: {page_ms, threads, batch, memory_bytes}} or {failed: {why}}
//! memory    [{task, id, loaded_bytes, running_bytes?, is_estimate}]: what each model that is installed takes, of all qualities, once a page asks
//!           for it, and more while it runs; empty until `--measure` has measured it
//! ```
//! Fields may be added within version 1; a field marked `?` is left out where it has nothing to say.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use pagestream::{
    ByteSize, Fetching, Plan, Settings,
    engine::FetchPolicy,
    machine::{
        Machine as ThisMachine, Measure,
        devices::{Measurement, Verdict},
        memory::ModelMemory,
    },
    plan::{DevicePlan, PlannedModel},
    settings::layers::{ConfigPlace, config_places},
};
use pagestream_models::{
    Error as ModelError,
    device::{DeviceKind, DeviceReport, Probe, probe},
    ocr::Quality,
    registry::{DEFAULT_RUNTIME, ModelState, ModelStatus, Registry, manifest::Kind},
};
use serde::Serialize;

use super::{exit::Exit, printer::Printer};

mod text;

#[derive(Args)]
pub struct DoctorArgs {
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Measure anew what is kept: the installed devices, for `device.use = "auto"`, and int8; takes a few seconds
    #[arg(long)]
    measure: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    version: &'static str,
    ok: bool,
    problems: Vec<Problem>,
    config: Vec<ConfigFile>,
    folders: Vec<Folder>,
    fetch: Fetch,
    /// The built-in models read pages where nothing else is at hand.
    #[serde(rename = "built_in")]
    alone: bool,
    models: Vec<Model>,
    runtime: Option<Runtime>,
    machine: Machine,
    devices: Vec<Device>,
    reads_with: Vec<PlannedModel>,
    memory: Vec<ModelMemory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto: Option<Auto>,
}

/// What `device.use = "auto"` comes to.
#[derive(Serialize)]
struct Auto {
    device: String,
    why: String,
    measured: Vec<Measurement>,
}

#[derive(Serialize)]
struct Problem {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
struct ConfigFile {
    path: PathBuf,
    which: &'static str,
    found: bool,
}

#[derive(Serialize)]
struct Folder {
    path: PathBuf,
    what: &'static str,
    writable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

#[derive(Default, Serialize)]
struct Fetch {
    possible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    kind: &'static str,
    source: String,
    licence: String,
    bytes: u64,
    path: PathBuf,
    sha256: String,
    state: &'static str,
    needed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Runtime {
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    providers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

#[derive(Serialize)]
struct Machine {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<String>,
    cores: usize,
    simd: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    memory_budget_bytes: u64,
}

#[derive(Serialize)]
struct Device {
    id: String,
    kind: &'static str,
    backend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    works: bool,
    /// `device.use` names it, or comes to it.
    selected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    details: BTreeMap<&'static str, String>,
}

pub fn run(args: &DoctorArgs, settings: &Settings, printer: &Printer) -> Exit {
    let report = examine(settings, args.measure, |report| {
        if !args.json {
            write(&report.installed_as_text());
        }
    });
    if args.json {
        // Serialising plain data to memory cannot fail.
        write(&serde_json::to_string_pretty(&report).map_or_else(|e| e.to_string(), |json| json + "\n"));
    } else {
        write(&report.devices_as_text());
    }
    for Problem { message, hint } in &report.problems {
        printer.error(message, hint.as_deref());
    }
    if report.ok { Exit::Ok } else { Exit::MissingDependency }
}

/// `before_devices` sees the report while devices are still untried: a driver that kills the process when it is touched
/// then leaves at least that much on the screen.
fn examine(settings: &Settings, measure: bool, before_devices: impl FnOnce(&Report)) -> Report {
    let mut report = Report {
        schema: "pagestream.doctor/1",
        version: env!("CARGO_PKG_VERSION"),
        ok: false,
        problems: Vec::new(),
        config: config_places()
            .into_iter()
            .map(|ConfigPlace { which, path }| ConfigFile { which, found: path.is_file(), path })
            .collect(),
        folders: Vec::new(),
        fetch: Fetch::default(),
        alone: cfg!(feature = "built-in-models") && settings.ocr.quality != Quality::Accurate,
        models: Vec::new(),
        runtime: None,
        machine: Machine {
            cpu: None,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            simd: ThisMachine::instructions(),
            memory_bytes: None,
            memory_budget_bytes: settings.pipeline_options().memory_budget.bytes(),
        },
        devices: Vec::new(),
        reads_with: Vec::new(),
        memory: Vec::new(),
        auto: None,
    };
    let registry = match Registry::open(settings.registry_options()) {
        Ok(registry) => registry,
        Err(error) => {
            report.problem(error.to_string(), error.hint().map(str::to_owned));
            before_devices(&report);
            return report;
        }
    };
    // Where there is no home, what is built in works all the same.
    let models = registry.models_dir().map(|dir| folder("models", dir));
    report.fetch = fetch(settings, models.as_ref());
    report.folders.extend(models);
    report.folders.extend(settings.store.data_dir.as_deref().map(|dir| folder("data", dir)));
    report.models = registry.verify().into_iter().map(|status| model(status, registry.ort_dylib().is_some())).collect();
    before_devices(&report);

    let library = registry.ort_dylib().map(Path::to_owned).or_else(|| report.default_runtime(settings));
    let probed = library.as_deref().map(|library| {
        // The probe promises not to panic; the libraries below it promise nothing.
        catch_unwind(AssertUnwindSafe(|| probe(library, registry.openvino_library().as_deref())))
            .map_err(|_| "trying the devices panicked".to_owned())
    });
    report.plan(settings, measure);
    match probed {
        None => {}
        Some(Ok(probed)) => report.add_probe(probed, settings),
        Some(Err(why)) => report.problem(why, None),
    }
    report.judge(settings, &registry);
    report
}

impl Report {
    fn problem(&mut self, message: String, hint: Option<String>) {
        self.problems.push(Problem { message, hint });
    }

    /// Where the library that would be fetched lies, or belongs.
    fn default_runtime(&self, settings: &Settings) -> Option<PathBuf> {
        let id = settings.registry_options().runtime.unwrap_or_else(|| DEFAULT_RUNTIME.to_owned());
        self.models.iter().find(|model| model.kind == "runtime" && model.id == id).map(|model| model.path.clone())
    }

    /// What pages are read with; that measures only where it was asked for.
    fn plan(&mut self, settings: &Settings, measure: bool) {
        let when = if measure { Measure::Anew } else { Measure::Never };
        let plan = match Plan::resolve(settings, when) {
            Ok(plan) => plan,
            Err(error) => return self.problem(error.to_string(), error.hint().map(str::to_owned)),
        };
        // Nothing is fetched to be measured.
        if measure && plan.registry().has_runtime() {
            for device in &plan.devices {
                let libraries = device.libraries(&Fetching::never());
                if let Err(error) = device.settled(&libraries, when) {
                    self.problem(error.to_string(), error.hint().map(str::to_owned));
                }
            }
        }
        self.reads_with = plan.models();
        self.memory = memory(settings, &plan, when);
        let auto = |Verdict { device, why, measured }| Auto { device: device.to_string(), why, measured };
        self.auto = plan.auto.map(auto);
    }

    fn add_probe(&mut self, probe: Probe, settings: &Settings) {
        if let Some(cpu) = probe.devices.first() {
            self.machine.cpu.clone_from(&cpu.name);
            self.machine.memory_bytes = cpu.memory.map(ByteSize::bytes);
        }
        let runtime = probe.runtime;
        let why_not = match runtime.path.exists() {
            true => runtime.why_not,
            false => Some("it is not installed".to_owned()),
        };
        let named = settings.device.devices.named().iter().map(ToString::to_string);
        let selected: Vec<String> = named.chain(self.auto.as_ref().map(|auto| auto.device.clone())).collect();
        self.devices = probe.devices.into_iter().map(|report| device(report, &runtime.providers, &selected)).collect();
        let Self { devices, runtime: found, .. } = self;
        *found = Some(Runtime { path: runtime.path, version: runtime.version, providers: runtime.providers, why_not });
        // What was asked for by name is spoken of even where nothing of the kind was found to try.
        for id in selected {
            if !devices.iter().any(|device| device.id == id) {
                devices.push(Device {
                    kind: if id.contains(':') { "gpu" } else { "cpu" },
                    backend: format!("onnxruntime-{id}"),
                    name: None,
                    works: false,
                    selected: true,
                    why_not: Some("there is no such device, or ONNX Runtime is not built for it".to_owned()),
                    hint: None,
                    memory_bytes: None,
                    details: BTreeMap::new(),
                    id,
                });
            }
        }
    }

    /// Whether pages can be read, or could be after a fetch; if not, why.
    fn judge(&mut self, settings: &Settings, registry: &Registry) {
        let wanting = self.models.iter().filter(|model| model.needed && model.state != "installed");
        let wanting: Vec<String> = wanting.map(|model| format!("{} is {}", model.id, model.state)).collect();
        if let (false, false, Some(why)) = (self.alone, wanting.is_empty(), &self.fetch.why_not) {
            let message = format!("{}; nothing can be fetched: {why}", wanting.join(", "));
            let hint = "`pagestream models pull` in such a place names each file and where it belongs";
            self.problem(message, Some(hint.to_owned()));
        }
        match &self.runtime {
            None if self.alone => {}
            None => self.problem(
                "there is no ONNX Runtime for this platform to fetch".to_owned(),
                Some("name a library of your own by PAGESTREAM_ORT_DYLIB".to_owned()),
            ),
            // One that is missing is fetched on first use, and that was judged above; one's own is not.
            Some(Runtime { path, why_not: Some(why), .. }) if registry.ort_dylib().is_some() || path.exists() => {
                let message = format!("ONNX Runtime cannot be used: {}: {why}", path.display());
                self.problem(message, Some("PAGESTREAM_ORT_DYLIB names the library".to_owned()));
            }
            Some(Runtime { why_not: Some(_), .. }) => {
                // Nothing could be tried yet. A GPU without a driver will not work whatever is fetched.
                let hopeless = |device: &&Device| device.selected && device.kind == "gpu" && device.name.is_none();
                for message in self.devices.iter().filter(hopeless).map(does_not_work).collect::<Vec<_>>() {
                    self.problem(message, None);
                }
            }
            Some(Runtime { why_not: None, .. }) => {
                let idle = self.devices.iter().filter(|device| device.selected && !device.works);
                for message in idle.map(does_not_work).collect::<Vec<_>>() {
                    self.problem(message, Some("`device.use` or `--device` chooses another".to_owned()));
                }
            }
        }
        if let Some(dir) = &settings.store.data_dir
            && let Some(Folder { why_not: Some(why), .. }) = self.folders.iter().find(|folder| folder.what == "data")
        {
            let message = format!("the data directory {} cannot be written: {why}", dir.display());
            self.problem(message, None);
        }
        self.ok = self.problems.is_empty();
    }
}

/// What the models of all qualities take on the first device.
fn memory(settings: &Settings, plan: &Plan, when: Measure) -> Vec<ModelMemory> {
    let Some(device) = plan.devices.first() else { return Vec::new() };
    let mut models: Vec<PlannedModel> = Vec::new();
    for quality in [Quality::Fast, Quality::Balanced, Quality::Accurate] {
        let mut settings = settings.clone();
        settings.ocr.quality = quality;
        let Ok(plan) = Plan::resolve(&settings, Measure::Never) else { continue };
        let of_quality = plan.devices.first().map(DevicePlan::models).unwrap_or_default();
        for model in of_quality {
            if !models.iter().any(|known| known.sha256 == model.sha256) {
                models.push(model);
            }
        }
    }
    device.memory_of(&models, when)
}

/// Whether files can be made there, or in the nearest folder above it that exists; found out by making one.
fn folder(what: &'static str, path: &Path) -> Folder {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let outcome =
        path.ancestors().find(|folder| folder.exists()).map_or(Err("there is no such root".to_owned()), |near| {
            let trial = near.join(format!(".pagestream-doctor-{}", std::process::id()));
            let made = OpenOptions::new().write(true).create_new(true).open(&trial);
            let removed = made.and_then(|_| std::fs::remove_file(&trial));
            removed.map_err(|error| format!("not writable: {}: {error}", near.display()))
        });
    Folder { path, what, writable: outcome.is_ok(), why_not: outcome.err() }
}

fn fetch(settings: &Settings, models: Result<&Folder, &ModelError>) -> Fetch {
    let with = pip();
    let why_not = match (&with, models) {
        _ if settings.models.fetch == FetchPolicy::Never => Some("`models.fetch` is `never`".to_owned()),
        (_, Err(error)) => Some(format!("{error} ({})", error.hint().unwrap_or_default())),
        (_, Ok(Folder { why_not: Some(why), .. })) => Some(why.clone()),
        (Err(why), _) => Some(why.clone()),
        (Ok(_), Ok(_)) => None,
    };
    Fetch { possible: why_not.is_none(), with: with.ok(), why_not }
}

/// `python3 (pip 26.0)`: the first Python that can be started, as when something is fetched, if it has pip.
fn pip() -> Result<String, String> {
    let programs = if cfg!(windows) { ["python", "python3"] } else { ["python3", "python"] };
    for program in programs {
        let answer = Command::new(program)
            .args(["-m", "pip", "--version", "--disable-pip-version-check"])
            .stdin(Stdio::null())
            .output();
        let Ok(answer) = answer else { continue };
        let words = String::from_utf8_lossy(&answer.stdout);
        let version = words.split_whitespace().nth(1);
        return match version.filter(|_| answer.status.success()) {
            Some(version) => Ok(format!("{program} (pip {version})")),
            None => Err(format!("`{program}` has no pip: install pip, or put the files in place by hand")),
        };
    }
    Err("there is no python3, whose pip would fetch: install it, or put the files in place by hand".to_owned())
}

/// `own_runtime`: the user has named a library, so that none of the manifest is needed.
fn model(status: ModelStatus, own_runtime: bool) -> Model {
    let (state, files) = match status.state {
        ModelState::Installed => ("installed", Vec::new()),
        ModelState::Missing(files) => ("missing", files),
        ModelState::Damaged(files) => ("damaged", files),
    };
    let is_runtime = status.kind == Kind::Runtime;
    Model {
        id: status.id,
        kind: if is_runtime { "runtime" } else { "model" },
        source: status.source,
        licence: status.licence,
        bytes: status.bytes,
        path: status.path,
        sha256: status.sha256,
        state,
        needed: status.is_default && !(is_runtime && own_runtime),
        files,
    }
}

fn device(report: DeviceReport, providers: &[String], selected: &[String]) -> Device {
    let id = report.id.to_string();
    let has = |provider: &str| providers.iter().any(|name| name == provider);
    let hint = match id.split(':').next() {
        _ if report.works => None,
        Some("cuda") if report.name.is_some() && !has("CUDAExecutionProvider") => {
            Some("`--device cuda:0` takes the library `onnxruntime-gpu`, and fetches it on first use")
        }
        Some("cuda" | "tensorrt") if report.name.is_some() => {
            Some("`onnxruntime-gpu` needs CUDA 12 with cuDNN 9 (and TensorRT 10) where the loader finds them")
        }
        Some("openvino-native") => Some("`pagestream models pull onnxruntime-openvino` brings OpenVINO"),
        _ => None,
    };
    Device {
        selected: selected.contains(&id),
        kind: match report.kind {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Gpu => "gpu",
            DeviceKind::Npu => "npu",
        },
        backend: report.backend,
        name: report.name,
        works: report.works,
        why_not: report.why_not,
        hint,
        memory_bytes: report.memory.map(ByteSize::bytes),
        details: report.details.into_iter().collect(),
        id,
    }
}

fn does_not_work(device: &Device) -> String {
    format!("device `{}` does not work: {}", device.id, device.why_not.as_deref().unwrap_or("no reason is known"))
}

fn write(text: &str) {
    // A pipe that closes early has seen enough.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
