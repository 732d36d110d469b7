//! What is shown while something is fetched: a bar on a terminal, a line elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::{ProgressBar, ProgressStyle};
use pagestream::engine::ProgressSink;
use pagestream_models::registry::Progress;

use super::printer::Printer;

/// Shows downloads: a bar on a terminal, a line each elsewhere.
pub fn downloads(printer: &Printer) -> ProgressSink {
    let printer = printer.clone();
    let bar: Arc<Mutex<Option<ProgressBar>>> = Arc::default();
    Arc::new(move |event| {
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Progress::Waiting { models_dir } => {
                printer.note(&format!("another process is installing into {}; waiting for it", models_dir.display()));
            }
            Progress::Started { what, bytes } => {
                printer.note(&format!("fetching {what} ({})", pagestream::ByteSize(bytes)));
                if std::io::stderr().is_terminal() && !printer.is_quiet() {
                    let new = ProgressBar::new(bytes);
                    if let Ok(style) = ProgressStyle::with_template("{bytes}/{total_bytes}  {bar:40}  {bytes_per_sec}")
                    {
                        new.set_style(style);
                    }
                    *bar = Some(new);
                }
            }
            Progress::Advanced { bytes, .. } => {
                if let Some(bar) = bar.as_ref() {
                    bar.set_position(bytes);
                }
            }
            Progress::Installed { id, path } => printer.note(&format!("installed {id}: {}", path.display())),
            Progress::Done { .. } => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    })
}
