//! The bar for pages, on a terminal: documents done of all, pages, pages a second, and how long it may still take.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use pagestream::{Pipeline, Progress};

use super::{
    printer::Printer,
    words::{count, spoken},
};

/// How often the clock on the bar moves.
const REFRESH: Duration = Duration::from_millis(250);

/// Steps of the bar for each document: pages of one that is being read move it too.
const STEPS: u64 = 1000;

/// Less than this share done says nothing of the rest.
const LEAST_FOR_ETA: f64 = 0.02;

pub struct PageBar {
    bar: ProgressBar,
    printer: Printer,
    since: Instant,
    /// Documents to read.
    documents: usize,
    documents_done: usize,
    pages_done: usize,
}

impl PageBar {
    /// Hidden unless stderr is a terminal, and stdout, when it is one too, would be torn by it.
    pub fn new(printer: &Printer, documents: usize, results_on_screen: bool) -> Self {
        let visible = std::io::stderr().is_terminal() && !results_on_screen && !printer.is_quiet();
        let bar = if visible { ProgressBar::new(documents as u64 * STEPS) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}  {elapsed}") {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(REFRESH);
            printer.set_bar(Some(bar.clone()));
        }
        Self { bar, printer: printer.clone(), since: Instant::now(), documents, documents_done: 0, pages_done: 0 }
    }

    /// A page has been written; its document stands there.
    pub fn page_done(&mut self, pipeline: &Pipeline, document: &Progress) {
        self.pages_done += 1;
        if self.bar.is_hidden() {
            return;
        }
        let within = match document.selected {
            Some(selected) if selected > 0 => u64::from(document.committed) * STEPS / u64::from(selected),
            _ => 0,
        };
        let position = (self.documents_done as u64 * STEPS + within.min(STEPS)).max(self.bar.position());
        self.bar.set_position(position.min(self.documents as u64 * STEPS));
        let share = position as f64 / (self.documents.max(1) as u64 * STEPS) as f64;
        let (elapsed, waits) = (self.since.elapsed(), pipeline.metrics().bottleneck().map_or("", plain));
        self.bar.set_message(message(self.documents_done, self.documents, self.pages_done, elapsed, share, waits));
    }

    pub fn document_done(&mut self) {
        self.documents_done += 1;
        self.bar.set_position((self.documents_done as u64 * STEPS).max(self.bar.position()));
    }
}

fn message(done: usize, documents: usize, pages: usize, elapsed: Duration, share: f64, waits: &str) -> String {
    let rate = pages as f64 / elapsed.as_secs_f64().max(1e-3);
    let mut text = String::new();
    if documents > 1 {
        text += &format!("{done} of {}, ", count(documents, "document"));
    }
    text += &format!("{}, {rate:.1} pages/s", count(pages, "page"));
    if (LEAST_FOR_ETA..1.0).contains(&share) {
        let rest = elapsed.mul_f64((1.0 - share) / share);
        text += &format!(", about {} left", spoken(rest));
    }
    if !waits.is_empty() {
        text += &format!(" ({waits})");
    }
    text
}

/// What a stage does, for people who do not know the stages' names.
fn plain(stage: &str) -> &'static str {
    match stage {
        "ingest" => "taking documents in",
        "page_splitter" => "opening documents",
        "preprocessor" => "drawing pages",
        "gpu_scheduler" => "reading text",
        "decoder" => "putting text together",
        "embedding_deduper" => "comparing pages",
        "sink" => "keeping results",
        _ => "",
    }
}

impl Drop for PageBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.printer.set_bar(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_far_it_is_in_plain_words() {
        let minute = Duration::from_secs(60);
        assert_eq!(
            message(3, 12, 1240, minute, 0.25, plain("preprocessor")),
            "3 of 12 documents, 1,240 pages, 20.7 pages/s, about 3 min 0 s left (drawing pages)"
        );
        assert_eq!(message(0, 1, 1, minute, 0.0, ""), "1 page, 0.0 pages/s", "too early to say more");
    }
}
