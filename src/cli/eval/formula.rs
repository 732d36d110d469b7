//! `pagestream eval --formula`: reads pictures of formulas whose LaTeX is known, and says how well, by length.

use std::{
    fs,
    io::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use pagestream::{
    FormulaReader, ModelRef, Settings,
    evaluation::formula::{Evaluation, OfLength, Reading, Summary, canonical, evaluate, settable},
    machine::process_time,
};
use serde::Serialize;

use super::{EvalArgs, Sample, find, setting};
use crate::cli::{documents::Refusal, exit::Exit, fetching, printer::Printer, process::formula::exit_of};

#[derive(Args)]
pub struct FormulaArgs {
    /// Folder with pictures of one formula each, and beside each its LaTeX (a.tex beside a.png), instead of documents
    #[arg(long = "formula", value_name = "DIR", conflicts_with = "truth")]
    pub folder: Option<PathBuf>,
    /// With --formula: set both sides again and compare the pictures, with what is installed: latex (and dvipng)
    #[arg(long, value_name = "PROGRAM", requires = "folder")]
    set_with: Option<SetWith>,
    /// With --formula: hypotheses that are followed at a time, instead of those of the quality
    #[arg(long, value_name = "N", requires = "folder", conflicts_with = "texts")]
    beam: Option<NonZeroUsize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum SetWith {
    Latex,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    evaluation: Evaluation,
    /// What read; of texts of another program nobody knows.
    model: Option<ModelRef>,
    without_truth: Vec<String>,
}

pub fn run(args: &EvalArgs, folder: &Path, settings: &Settings, printer: &Printer) -> Exit {
    match report(args, folder, settings, printer) {
        Err(refusal) => refusal.tell(printer),
        Ok((report, exit)) => {
            let text = if args.json { json(&report) } else { table(&report) };
            // A pipe that closes early has seen enough.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            exit
        }
    }
}

fn report(args: &EvalArgs, folder: &Path, settings: &Settings, printer: &Printer) -> Result<(Report, Exit), Refusal> {
    let refused = |message: String, hint: &str, exit| Err(Refusal::new(message, hint, exit));
    if let Some(name) = args.reading.only_of_pages() {
        return refused(format!("{name} does not go with --formula"), "leave it out", Exit::Configuration);
    }
    let beside = |path: &Path| Some(path.with_extension("tex")).filter(|file| file.is_file());
    let (samples, without_truth) =
        find(folder, beside).map_err(|message| Refusal::plain(message, None, Exit::FileAccess))?;
    if samples.is_empty() {
        let message = format!("{}: there is no picture with its LaTeX beside it", folder.display());
        return refused(message, "put a.tex beside a.png", Exit::BadInput);
    }
    let (mut exit, mut model) = (Exit::Ok, None);
    let mut readings = match &args.texts {
        Some(texts) => samples.iter().map(|sample| of_text(sample, folder, texts)).collect(),
        None => {
            let reader = FormulaReader::with(settings, args.formula.beam, &fetching::asking(settings, printer));
            let mut reader = reader
                .map_err(|error| Refusal::plain(error.to_string(), error.hint().map(str::to_owned), exit_of(&error)))?;
            model = Some(reader.model().clone());
            read(&samples, &mut reader, args.reading.password.as_deref(), &mut exit)
        }
    };
    if let Some(SetWith::Latex) = args.formula.set_with {
        set(&mut readings).map_err(|message| {
            let hint = "install TeX with the packages preview and amsmath, and dvipng, or leave --set-with out";
            Refusal::new(message, hint, Exit::MissingDependency)
        })?;
    }
    for reading in &readings {
        if let Err(failure) = &reading.read {
            printer.error(&format!("{}: {failure}", super::evaluation::name(&reading.source, &reading.name)), None);
            exit = exit.and(Exit::PagesFailed);
        }
        if let Err(why) = canonical(&reading.truth) {
            let name = super::evaluation::name(&reading.source, &reading.name);
            printer.warning(&format!("{name}: its truth is no LaTeX that can be compared ({why}); it counts as wrong"));
        }
    }
    Ok((Report { evaluation: evaluate(readings), model, without_truth }, exit))
}

/// What another program has read: `a.tex` in the same folder below `texts`, or in `texts` itself.
fn of_text(sample: &Sample, folder: &Path, texts: &Path) -> Reading {
    let below = sample.path.strip_prefix(folder).unwrap_or(&sample.path).with_extension("tex");
    let places = [texts.join(&below), texts.join(below.file_name().unwrap_or_default())];
    let read = match places.iter().find(|path| path.is_file()) {
        None => Err("there is no LaTeX of it".to_owned()),
        Some(path) => fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| format!("{}: cannot be read: {error}", path.display())),
    };
    Reading { read, ..Reading::of(&sample.source, &sample.name, &sample.truth, "") }
}

/// Reads the first picture of each file.
fn read(samples: &[Sample], reader: &mut FormulaReader, password: Option<&str>, exit: &mut Exit) -> Vec<Reading> {
    // The first one finds nothing in the caches, and is read once more.
    if let Some(first) = samples.first().and_then(|sample| fs::read(&sample.path).ok()) {
        let _ = reader.read(first);
    }
    let mut one = |sample: &Sample| {
        let bytes = fs::read(&sample.path).map_err(|error| {
            *exit = exit.and(Exit::FileAccess);
            format!("cannot be read: {error}")
        })?;
        let since = process_time();
        let pictures = reader.open(bytes, password.map(str::to_owned));
        let reading = pictures.and_then(|pictures| reader.read_page(&pictures, pagestream::PageNumber::FIRST));
        let spent: Duration = process_time().saturating_sub(since);
        let reading = reading.map_err(|error| {
            *exit = exit.and(exit_of(&error));
            error.to_string()
        })?;
        Ok((reading.latex, 1e3 * spent.as_secs_f64()))
    };
    let mut read = |sample: &Sample| {
        let (read, cpu_ms) = match one(sample) {
            Ok((latex, cpu_ms)) => (Ok(latex), Some(cpu_ms)),
            Err(failure) => (Err(failure), None),
        };
        Reading { read, cpu_ms, ..Reading::of(&sample.source, &sample.name, &sample.truth, "") }
    };
    samples.iter().map(&mut read).collect()
}

/// Has both sides set. What cannot be set, or is not known to TeX, looks like nothing else.
fn set(readings: &mut [Reading]) -> Result<(), String> {
    let tokens = |latex: Option<&str>| latex.and_then(|latex| canonical(latex).ok()).map(|tokens| settable(&tokens));
    let sides = readings.iter().flat_map(|reading| [Some(&*reading.truth), reading.read.as_deref().ok()]);
    let sides: Vec<Option<String>> = sides.map(tokens).collect();
    let pictures = setting::pictures(&sides)?;
    for (reading, pair) in readings.iter_mut().zip(pictures.chunks(2)) {
        reading.set_same = Some(match pair {
            [Some(truth), Some(read)] => setting::is_same(truth, read),
            _ => false,
        });
    }
    Ok(())
}

fn json(report: &Report) -> String {
    match serde_json::to_string_pretty(report) {
        Ok(text) => text + "\n",
        Err(error) => format!("{{\"error\": \"{error}\"}}\n"),
    }
}

/// Of each source, and of all, a row a length and one of all lengths.
fn table(report: &Report) -> String {
    let Report { evaluation, without_truth, .. } = report;
    let all = ("all sources", &evaluation.overall, &evaluation.lengths);
    let sources = evaluation.sources.iter().map(|report| (&*report.source, &report.summary, &report.lengths));
    let rows: Vec<(&str, &Summary, &Vec<OfLength>)> = match evaluation.sources.len() {
        1 => sources.collect(),
        _ => sources.chain([all]).collect(),
    };
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).max("source".len());
    let set = if evaluation.overall.set_same.is_some() { "  set same" } else { "" };
    let cpu = if evaluation.overall.cpu_ms.is_some() { "   CPU ms" } else { "" };
    let head = "tokens  formulas   exact  same look";
    let mut text = format!("{:width$}  {head}{set}    edit    BLEU  parses{cpu}\n", "source");
    for (name, summary, lengths) in rows {
        let length = |part: &OfLength| match part.to {
            Some(to) => format!("{}-{to}", part.from),
            None => format!("{}-", part.from),
        };
        let parts = lengths.iter().map(|part| (length(part), &part.summary));
        for (length, summary) in parts.chain([("all".to_owned(), summary)]) {
            let Summary { formulas, exact, same_look, set_same, edit, bleu, parses, cpu_ms } = summary;
            let set = set_same.map_or_else(String::new, |share| format!("  {share:>8.3}"));
            let cpu = cpu_ms.map_or_else(String::new, |ms| format!("  {ms:>7.1}"));
            text.push_str(&format!(
                "{name:width$}  {length:>6}  {formulas:>8}  {exact:>6.3}  {same_look:>9.3}{set}  {edit:>6.3}  {bleu:>6.3}  {parses:>6.3}{cpu}\n"
            ));
        }
    }
    for name in without_truth {
        text.push_str(&format!("no truth: {name}\n"));
    }
    text
}
