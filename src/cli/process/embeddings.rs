//! The end of a run: every page is out, and what search by meaning needs is made before the program ends.

use std::{path::Path, time::Duration};

use pagestream::Pipeline;

use crate::cli::{printer::Printer, signals::Signals, words::count};

/// Nothing is said of a wait that is shorter.
const UNNOTICED: Duration = Duration::from_secs(2);

/// Waits until the pages have their vectors, where vectors are made. A signal ends it, and loses nothing: the next run goes on. Results
/// are out already, so that the run's exit code stands.
pub async fn wait(pipeline: &Pipeline, data_dir: Option<&Path>, signals: &mut Signals, printer: &Printer) {
    let mut told = false;
    let mut embedded = std::pin::pin!(pipeline.embedded());
    loop {
        tokio::select! {
            done = &mut embedded => {
                if let Ok(Some(report)) = done
                    && report.left > 0
                {
                    let cause = report.given_up.map(|cause| format!(": {cause}")).unwrap_or_default();
                    printer.warning(&format!("{} pages cannot be found by their meaning{cause}", report.left));
                }
                return;
            }
            _ = signals.next() => {
                let made = usize::try_from(pipeline.metrics().embeddings.pages).unwrap_or(usize::MAX);
                let dir = data_dir.map(|dir| format!(" --data-dir {}", dir.display())).unwrap_or_default();
                return printer.note(&format!(
                    "{} have got vectors; the others get theirs with the next run, or by `pagestream index update{dir}`",
                    count(made, "page")
                ));
            }
            () = tokio::time::sleep(UNNOTICED), if !told => {
                told = true;
                printer.note("every page is out; vectors for search by meaning are still being made, and a signal to stop ends that");
            }
        }
    }
}
