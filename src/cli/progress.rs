//! What is shown while pages are read: a bar, only on a terminal.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use pagestream::Pipeline;

use super::printer::Printer;

/// How often the slowest stage is looked up.
const REFRESH: Duration = Duration::from_millis(250);

/// Pages done of those known so far, pages a second, and the stage where pages wait.
pub struct PageBar {
    bar: ProgressBar,
    printer: Printer,
    total: u64,
}

impl PageBar {
    /// Hidden unless stderr is a terminal, and stdout, when it is one too, would be torn by it.
    pub fn new(printer: &Printer, results_on_screen: bool) -> Self {
        let visible = std::io::stderr().is_terminal() && !results_on_screen && !printer.is_quiet();
        let bar = if visible { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} pages  {per_sec}  {bar:24}  {elapsed}  {msg}") {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(REFRESH);
            printer.set_bar(Some(bar.clone()));
        }
        Self { bar, printer: printer.clone(), total: 0 }
    }

    /// More pages have become known.
    pub fn add_pages(&mut self, pages: u32) {
        self.total += u64::from(pages);
        self.bar.set_length(self.total);
    }

    pub fn page_done(&self, pipeline: &Pipeline) {
        self.bar.inc(1);
        if !self.bar.is_hidden() {
            self.bar.set_message(pipeline.metrics().bottleneck().unwrap_or_default());
        }
    }
}

impl Drop for PageBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.printer.set_bar(None);
    }
}
