//! `pagestream eval`: reads documents whose text is known, and says how well, source by source.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use futures::StreamExt;
use pagestream::{
    DocumentHandle, DocumentState, Error, ModelRef, PageStatus, Settings, Source, SubmitOptions,
    evaluation::{
        self, Evaluation, Marked, Reading, Reviews, Statistic, Summary, evaluate,
        truth::{self, PageRead, PagesRead},
    },
};
use serde::Serialize;

use self::formula::FormulaArgs;
use super::{
    bar::PageBar,
    exit::Exit,
    fetching, inputs,
    printer::Printer,
    reading::{self, ReadingArgs, submit_all},
    signals::stop_requested,
};

mod formula;
mod setting;

#[derive(Args)]
#[command(after_help = "\
Beside scan.tif its truth is scan.tif.truth.txt, scan.tif.gt.txt, scan.tif.txt, scan.truth.txt, scan.gt.txt or scan.txt,
and for scan.thresholded.tif also that of scan. Form feeds part the pages of a truth; without them, a document is scored
as one page. A source is a folder below DIR.

CER and WER are edits over the truth's characters and words, recall the share of its words that were read in whatever
order: after one normalisation of both texts (NFKC, plain quotes and dashes, words joined over line ends, white space).
A page that could not be read counts with CER 1. How far `needs_review` can be relied on is said of pages with more than
5% of their characters wrong, whatever the order of the words, and of those with less than 1%.

With --formula, beside a.png its LaTeX is a.tex, and so in --texts. Both sides are brought into one spelling first, whose
tokens are compared: exact, the same tokens; same look, these or the same MathML; edit, edits over the tokens of the longer
side; BLEU-4; parses, is LaTeX. CPU is of reading one formula.")]
pub struct EvalArgs {
    /// Folder with documents, and beside each the text that is on it
    #[arg(long, value_name = "DIR", required_unless_present = "folder")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    formula: FormulaArgs,
    /// Score the texts in this folder, which another program has read, instead of reading the documents: named as truth
    /// is, in the same folders or in none
    #[arg(long, value_name = "DIR")]
    texts: Option<PathBuf>,
    /// Print one JSON object, with every page's score
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// A document with its truth.
pub(super) struct Sample {
    pub(super) path: PathBuf,
    /// Its folder below the one that was given, with slashes; a dot for that one itself.
    pub(super) source: String,
    pub(super) name: String,
    pub(super) truth: String,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    evaluation: Evaluation,
    /// The models that read, as far as any page was read by one.
    models: Vec<ModelRef>,
    /// Documents of which nobody knows the text.
    without_truth: Vec<String>,
}

pub fn run(args: &EvalArgs, settings: Settings, printer: &Printer) -> Exit {
    let truth = match (&args.formula.folder, &args.truth) {
        (None, Some(truth)) => truth,
        (folder, _) => return formula::run(args, folder.as_deref().unwrap_or(Path::new(".")), &settings, printer),
    };
    let (samples, without_truth) = match find(truth, truth::truth_of) {
        Ok(found) => found,
        Err(message) => {
            printer.error(&message, None);
            return Exit::FileAccess;
        }
    };
    if samples.is_empty() {
        printer.error(
            &format!("{}: there is no document with its truth beside it", truth.display()),
            Some("put scan.truth.txt beside scan.tif; `pagestream eval --help` has the other names"),
        );
        return Exit::BadInput;
    }
    let mut scored = Scored::new(printer);
    match &args.texts {
        Some(texts) => {
            if let Err(message) = scored.score_texts(samples, truth, texts) {
                printer.error(&message, None);
                return Exit::FileAccess;
            }
        }
        None => {
            if let Err(exit) = reading::check(&settings, printer) {
                return exit;
            }
            match read(samples, settings, args.reading.password.clone(), printer) {
                Ok(read) => scored = read,
                Err(exit) => return exit,
            }
        }
    }
    let Scored { readings, models, exit, .. } = scored;
    let report = Report { evaluation: evaluate(readings), models, without_truth };
    for (name, reason) in failures(&report.evaluation) {
        printer.error(&format!("{name}: {reason}"), None);
    }
    let text = if args.json { json(&report) } else { table(&report) };
    // A pipe that closes early has seen enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    exit.and(if report.evaluation.overall.failed > 0 { Exit::PagesFailed } else { Exit::Ok })
}

/// Reads the documents, each page now, whatever an earlier run has kept.
///
/// # Errors
/// The exit code, when they cannot all be read.
pub(super) fn read(
    samples: Vec<Sample>,
    mut settings: Settings,
    password: Option<String>,
    printer: &Printer,
) -> Result<Scored, Exit> {
    let mut scored = Scored::new(printer);
    let runtime = reading::runtime(printer)?;
    settings.store.data_dir = None;
    let options = SubmitOptions { ocr: settings.ocr.mode, password, ..SubmitOptions::default() };
    let read = runtime.block_on(async {
        tokio::select! {
            read = scored.read(samples, settings, options) => read,
            exit = stop_requested() => Err(exit),
        }
    });
    runtime.shutdown_background();
    read.map(|()| scored)
}

/// Documents with their truth, which lies in the file that `truth_of` names, and the names of those without, in the order of their names.
pub(super) fn find(
    folder: &Path,
    truth_of: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<(Vec<Sample>, Vec<String>), String> {
    if !folder.is_dir() {
        return Err(format!("{}: is not a folder", folder.display()));
    }
    let (mut samples, mut without_truth) = (Vec::new(), Vec::new());
    for document in inputs::expand_files(&[folder.as_os_str().to_owned()])? {
        let Source::Path(path) = document else { continue };
        let below = path.strip_prefix(folder).unwrap_or(&path);
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        let (name, folders) = parts.split_last().map_or_else(Default::default, |(n, f)| (n.to_string(), f.join("/")));
        match truth_of(&path) {
            None => without_truth.push(parts.join("/")),
            Some(file) => {
                let bytes = fs::read(&file).map_err(|e| format!("{}: cannot be read: {e}", file.display()))?;
                let source = if folders.is_empty() { ".".to_owned() } else { folders };
                samples.push(Sample { truth: String::from_utf8_lossy(&bytes).into_owned(), source, name, path });
            }
        }
    }
    Ok((samples, without_truth))
}

/// What was read, ready to be scored.
pub(super) struct Scored {
    printer: Printer,
    pub(super) readings: Vec<Reading>,
    models: Vec<ModelRef>,
    pub(super) exit: Exit,
}

impl Scored {
    fn new(printer: &Printer) -> Self {
        Self { printer: printer.clone(), readings: Vec::new(), models: Vec::new(), exit: Exit::Ok }
    }

    fn add(&mut self, sample: &Sample, pages: PagesRead) {
        let pairs = truth::pair(&sample.source, &sample.name, &sample.truth, pages);
        if let Some((truth, pages)) = pairs.mismatch {
            let path = sample.path.display();
            self.printer.warning(&format!(
                "{path}: the truth has {truth} pages and the document {pages}; it is scored as one page"
            ));
        }
        self.readings.extend(pairs.readings);
    }

    /// # Errors
    /// One sentence, when a text is there and cannot be read.
    fn score_texts(&mut self, samples: Vec<Sample>, truths: &Path, texts: &Path) -> Result<(), String> {
        if !texts.is_dir() {
            return Err(format!("{}: is not a folder", texts.display()));
        }
        for sample in samples {
            let below =
                sample.path.parent().and_then(|folder| folder.strip_prefix(truths).ok()).unwrap_or(Path::new(""));
            let file = [texts.join(below), texts.to_owned()].iter().find_map(|t| truth::text_of(&sample.path, t));
            let pages = match file {
                None => Err("there is no text of it".to_owned()),
                Some(file) => {
                    let bytes = fs::read(&file).map_err(|e| format!("{}: cannot be read: {e}", file.display()))?;
                    let text = String::from_utf8_lossy(&bytes);
                    Ok(truth::split_pages(&text).into_iter().map(|page| Ok(page.into())).collect())
                }
            };
            self.add(&sample, pages);
        }
        Ok(())
    }

    /// Reads all documents as `process` does.
    ///
    /// # Errors
    /// The exit code, when the pipeline cannot go on.
    async fn read(&mut self, samples: Vec<Sample>, settings: Settings, options: SubmitOptions) -> Result<(), Exit> {
        let fetching = fetching::asking(&settings, &self.printer);
        let pipeline = pagestream::start_with(settings, fetching).await.map_err(|error| {
            self.printer.error(&error.to_string(), error.hint());
            Exit::of_error(&error)
        })?;
        let sources = samples.iter().map(|sample| Source::Path(sample.path.clone())).collect();
        let mut bar = PageBar::new(&self.printer, samples.len(), false);
        let mut submitted = submit_all(pipeline.clone(), sources, options);
        for sample in &samples {
            let Some(document) = submitted.recv().await else { break };
            let pages = match document {
                Ok(document) => self.pages(&document, || bar.page_done(&pipeline, &document.progress())).await,
                Err(error) => Err(self.document_failed(&error)),
            };
            bar.document_done();
            self.add(sample, pages);
        }
        drop(bar);
        if let Some(cause) = pipeline.fatal() {
            self.printer.error(&format!("not all pages were read: {cause}"), None);
            self.exit = self.exit.and(Exit::Other);
        }
        if pipeline.engine_failed() {
            self.exit = self.exit.and(Exit::MissingDependency);
        }
        pipeline.stop().await;
        Ok(())
    }

    async fn pages(&mut self, document: &DocumentHandle, mut page_done: impl FnMut()) -> PagesRead {
        let mut texts = Vec::new();
        let mut pages = document.pages();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => return Err(self.document_failed(&error)),
            };
            for model in page.models {
                if !self.models.contains(&model) {
                    self.models.push(model);
                }
            }
            texts.push(match page.status {
                PageStatus::Ok | PageStatus::Duplicate => {
                    Ok(PageRead { text: page.text, needs_review: Some(page.needs_review) })
                }
                status => Err(page.reason.unwrap_or_else(|| format!("the page is {}", status.as_str()))),
            });
            page_done();
        }
        if let DocumentState::Failed(failure) = document.progress().state {
            self.exit = self.exit.and(Exit::of_document(failure.kind));
            return Err(failure.message);
        }
        Ok(texts)
    }

    fn document_failed(&mut self, error: &Error) -> String {
        self.exit = self.exit.and(Exit::of_error(error));
        error.to_string()
    }
}

/// Name and reason of everything that could not be read.
fn failures(evaluation: &Evaluation) -> impl Iterator<Item = (String, &str)> {
    let pages = evaluation.sources.iter().flat_map(|report| report.pages.iter().map(move |page| (report, page)));
    pages.filter_map(|(report, page)| Some((evaluation::name(&report.source, &page.page), page.failure.as_deref()?)))
}

fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report has only text keys and no other errors");
    text.push('\n');
    text
}

/// A row a source, and one of all.
fn table(report: &Report) -> String {
    let Report { evaluation, without_truth, .. } = report;
    let overall = &evaluation.overall;
    let rows = evaluation.sources.iter().map(|s| (s.source.as_str(), &s.summary)).chain([("all sources", overall)]);
    let width = rows.clone().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let measures = ["character error rate", "word error rate", "word recall"].map(|name| format!("{name:23}"));
    let mut text = format!("{:width$}  {:13}   {}\n", "", "", measures.join("   ").trim_end());
    let statistics = ["median    mean   worst "; 3].join("   ");
    text.push_str(&format!("{:width$}  pages  failed   {statistics}   worst page\n", "source"));
    for (name, Summary { pages, failed, cer, wer, recall, .. }) in rows {
        let values = [cer, wer, recall]
            .map(|Statistic { median, mean, worst, .. }| format!("{median:>6.4}  {mean:>6.4}  {worst:>6.4} "));
        let worst = if cer.worst > 0.0 { cer.worst_page.as_str() } else { "" };
        let row = format!("{name:width$}  {pages:>5}  {failed:>6}   {}   {worst}", values.join("   "));
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text.push_str(&format!(
        "all pages as one: CER {:.4}, WER {:.4}, recall {:.4}, of {} characters\n",
        overall.cer.total, overall.wer.total, overall.recall.total, overall.characters,
    ));
    if let Some(Reviews { wrong, right }) = evaluation.reviews {
        let share = |Marked { pages, marked }: Marked| format!("{marked} of {pages} pages");
        text.push_str(&format!(
            "needs_review: {} with more than {}% of characters wrong, {} with less than {}%\n",
            share(wrong),
            100.0 * Reviews::WRONG,
            share(right),
            100.0 * Reviews::RIGHT,
        ));
    }
    for name in without_truth {
        text.push_str(&format!("no truth: {name}\n"));
    }
    text
}
