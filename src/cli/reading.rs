//! What the commands that read documents share: flags, what is looked at before anything starts, submitting, signals.

use clap::Args;
use pagestream::{DocumentHandle, Error, OcrMode, Pipeline, Settings, Source, SubmitOptions, engine};
use pagestream_models::{
    backend::onnx::Provider,
    device::DeviceChoice,
    ocr::{Quality, Task},
    registry::Registry,
};
use tokio::{runtime::Runtime, sync::mpsc};

use super::{exit::Exit, printer::Printer, progress::downloads};

/// Documents that are submitted ahead of the one whose pages are being written.
const SUBMITTED_AHEAD: usize = 64;

/// How documents are read.
#[derive(Args)]
pub struct ReadingArgs {
    /// When to read pixels: auto, always, never
    #[arg(long, value_name = "WHEN")]
    ocr: Option<String>,
    /// Which networks read: fast (built in), balanced (PP-OCRv6 where those are in doubt), accurate (PP-OCRv6)
    #[arg(long, value_name = "QUALITY")]
    quality: Option<String>,
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

/// Looks whether what was asked for can be had, before anything starts, and says what cannot.
///
/// # Errors
/// The exit code, when it has been told.
pub fn check(settings: &Settings, printer: &Printer) -> Result<(), Exit> {
    if settings.ocr.mode == OcrMode::Never {
        return Ok(());
    }
    // A model that cannot be had is a mistake in the settings, whether a page will need it or not.
    if let Err(error) = Registry::open(settings.registry_options()).and_then(|r| engine::models(settings, &r)) {
        printer.error(&error.to_string(), error.hint());
        return Err(Exit::Configuration);
    }
    // Offline, what is missing is told before anything starts, not when the first page needs it.
    if settings.models.offline
        && let Err(error) = check_models(settings)
    {
        printer.error(&error.to_string(), error.hint());
        return Err(Exit::MissingDependency);
    }
    if let Err(error) = check_devices(settings, printer) {
        printer.error(&error.to_string(), error.hint().or(Some("`pagestream doctor` says which devices work here")));
        return Err(Exit::MissingDependency);
    }
    Ok(())
}

fn check_models(settings: &Settings) -> Result<(), pagestream_models::Error> {
    // The built-in models need nothing; where they are in doubt and PP-OCRv6 is missing, the record says so.
    if settings.ocr.quality != Quality::Accurate {
        return Ok(());
    }
    let registry = Registry::open(settings.registry_options())?;
    let models: Vec<_> = engine::models(settings, &registry)?.into_iter().map(|(_, model)| model).collect();
    registry.locate(&models, &mut |_| {})?;
    let native = |device: &DeviceChoice| matches!(device, DeviceChoice::OpenVino { .. });
    let named = settings.device.devices.named();
    if named.iter().any(native) {
        registry.openvino(&mut |_| {})?;
    }
    if named.is_empty() || !named.iter().all(native) {
        registry.runtime(&mut |_| {})?;
    }
    Ok(())
}

/// A device or a library that was asked for by name must work, whether a page will need it or not; the default ones are
/// looked at when the first page needs them.
fn check_devices(settings: &Settings, printer: &Printer) -> Result<(), pagestream_models::Error> {
    let cpu = [DeviceChoice::Onnx(Provider::Cpu)];
    let devices = match settings.device.devices.named() {
        // A library that was named is tried even where no device was.
        [] => &cpu,
        named => named,
    };
    if settings.ort.dylib.is_none() && *devices == cpu {
        return Ok(());
    }
    let registry = Registry::open(settings.registry_options())?;
    let models = engine::models(settings, &registry)?;
    devices.iter().try_for_each(|device| {
        // That a provider is compiled in proves little: it must load a model.
        let quality = settings.ocr.quality;
        let task = if quality == Quality::Accurate { Task::Recognize } else { Task::CompactRecognize };
        engine::engine(settings, &registry, &models, device, &downloads(printer))?.session(task).map(drop)
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

/// The first signal to stop: Ctrl-C, or a service manager's.
pub async fn stop_requested() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
