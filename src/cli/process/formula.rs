//! `pagestream process --as formula`: pictures of one formula each in, LaTeX out, without a pipeline.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use pagestream::{
    FormulaReader, FormulaReading, ModelRef, PageNumber, Settings, Source,
    formula::{Ending, FormulaDisplay, FormulaError, formula_in_markdown, to_mathml, to_plain_text},
};
use serde::Serialize;

use super::ProcessArgs;
use crate::cli::{
    documents::Refusal, exit::Exit, fetching, inputs::STANDARD_INPUT, output::FormulaFormat, printer::Printer,
};

/// The schema of an object that `-f json` prints.
const SCHEMA: &str = "pagestream.formula/1";

/// What inputs are taken for.
#[derive(Args, Default)]
pub struct AsArgs {
    /// What each input is: a document of pages, or a formula alone, whose LaTeX is printed (-f latex, mathml, markdown, json)
    #[arg(long = "as", value_enum, value_name = "WHAT", default_value_t)]
    what: What,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum What {
    #[default]
    Document,
    Formula,
}

impl AsArgs {
    pub fn is_formula(&self) -> bool {
        self.what == What::Formula
    }
}

pub fn run(args: &ProcessArgs, sources: Vec<Source>, settings: &Settings, printer: &Printer) -> Exit {
    let format = match check(args) {
        Ok(format) => format,
        Err(refusal) => return refusal.tell(printer),
    };
    let reader = match FormulaReader::with(settings, None, &fetching::asking(settings, printer)) {
        Ok(reader) => reader,
        Err(error) => {
            printer.error(&error.to_string(), error.hint());
            return exit_of(&error);
        }
    };
    let mut run =
        Run { args, settings, printer, format, reader, out: io::stdout().lock(), exit: Exit::Ok, said: false };
    match sources.into_iter().try_for_each(|source| run.source(source)) {
        Ok(()) => run.exit,
        // Whoever read the results has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            printer.error(&format!("results cannot be written to standard output: {error}"), None);
            Exit::FileAccess
        }
    }
}

/// # Errors
/// What is about documents of pages, and would have no effect.
fn check(args: &ProcessArgs) -> Result<FormulaFormat, Refusal> {
    let flags = [
        (args.unordered, "--unordered"),
        (args.report.is_some(), "--report"),
        (args.force, "--force"),
        (args.data_dir.is_some(), "--data-dir"),
        (!args.tags.is_empty(), "--tag"),
        (args.duplicates.is_some(), "--duplicates"),
        (args.no_embeddings, "--no-embeddings"),
    ];
    let given = flags.into_iter().find_map(|(given, name)| given.then_some(name));
    match given.or_else(|| args.reading.only_of_pages()) {
        Some(name) => {
            let hint = "a formula alone is read and printed, and nothing is kept; leave it out";
            Err(Refusal::new(format!("{name} does not go with --as formula"), hint, Exit::Configuration))
        }
        None => args.output.of_formula(),
    }
}

struct Run<'a> {
    args: &'a ProcessArgs,
    settings: &'a Settings,
    printer: &'a Printer,
    format: FormulaFormat,
    reader: FormulaReader,
    out: io::StdoutLock<'a>,
    exit: Exit,
    /// Whether a formula has been printed.
    said: bool,
}

/// What `-f json` prints.
#[derive(Serialize)]
struct Object<'a> {
    schema: &'static str,
    source: &'a str,
    page: PageNumber,
    latex: &'a str,
    /// `None` where there is no formula, or none that can be written so.
    mathml: Option<String>,
    text: String,
    /// Expected share of right tokens.
    confidence: f32,
    needs_review: bool,
    ending: &'static str,
    model: &'a ModelRef,
}

impl Run<'_> {
    /// Reads the pictures of a file. What is wrong with one is told, and the next goes on.
    ///
    /// # Errors
    /// When results cannot be written.
    fn source(&mut self, source: Source) -> io::Result<()> {
        let name = source.name();
        let bytes = match source {
            Source::Bytes { bytes, .. } => bytes,
            Source::Path(path) => match contents(&path) {
                Ok(bytes) => bytes,
                Err(cause) => {
                    self.failed(&name, &cause, None, Exit::FileAccess);
                    return Ok(());
                }
            },
            _ => {
                self.failed(&name, "it is neither a file nor bytes", None, Exit::Other);
                return Ok(());
            }
        };
        let pictures = match self.reader.open(bytes, self.args.reading.password.clone()) {
            Ok(pictures) => pictures,
            Err(error) => {
                self.refused(&name, &error);
                return Ok(());
            }
        };
        let (count, pages) = (pictures.count(), self.args.pages.clone().unwrap_or_default());
        if let Some(page) = pages.first_beyond(count) {
            self.printer.warning(&format!("{name}: it has {count} pages, and none is page {page}"));
        }
        for page in pages.of(count) {
            match self.reader.read_page(&pictures, page) {
                Err(error) => self.refused(&name, &error),
                Ok(reading) => {
                    self.print(&name, page, &reading)?;
                    let place = if count > 1 { format!("{name}: page {page}") } else { name.clone() };
                    let damage = pictures.damage(page);
                    doubt(&reading).into_iter().chain(damage).for_each(|doubt| {
                        self.printer.warning(&format!("{place}: {doubt}"));
                    });
                }
            }
        }
        Ok(())
    }

    fn refused(&mut self, name: &str, error: &FormulaError) {
        self.failed(name, &error.to_string(), error.hint(), exit_of(error));
    }

    fn failed(&mut self, name: &str, cause: &str, hint: Option<&str>, exit: Exit) {
        self.printer.error(&format!("{name}: {cause}"), hint);
        self.exit = self.exit.and(exit);
    }

    fn print(&mut self, source: &str, page: PageNumber, reading: &FormulaReading) -> io::Result<()> {
        let FormulaReading { latex, confidence, needs_review, ending, .. } = reading;
        let mathml = || to_mathml(latex, FormulaDisplay::Block);
        let text = match self.format {
            FormulaFormat::Latex => latex.clone(),
            // The element alone, empty, where there is no formula.
            FormulaFormat::Mathml => mathml().unwrap_or_else(|| format!("<math xmlns=\"{MATHML}\"></math>")),
            FormulaFormat::Markdown if latex.is_empty() => return Ok(()),
            FormulaFormat::Markdown => {
                let between = if self.said { "\n" } else { "" };
                format!("{between}{}", formula_in_markdown(latex, self.settings.output.formulas))
            }
            FormulaFormat::Json => {
                let object = Object {
                    schema: SCHEMA,
                    source,
                    page,
                    latex,
                    mathml: mathml(),
                    text: to_plain_text(latex),
                    confidence: *confidence,
                    needs_review: *needs_review,
                    ending: ending.as_str(),
                    model: self.reader.model(),
                };
                serde_json::to_string(&object)?
            }
        };
        self.said = true;
        writeln!(self.out, "{text}")?;
        // Whoever waits for this one sees it before the next is read.
        self.out.flush()
    }
}

const MATHML: &str = "http://www.w3.org/1998/Math/MathML";

/// What is to be said of a reading that somebody should look at.
fn doubt(reading: &FormulaReading) -> Option<String> {
    let share = 100.0 * reading.confidence;
    match reading.ending {
        Ending::Empty => Some("there is no ink in it, and so no formula".to_owned()),
        Ending::TooLong => Some("the formula is longer than can be read, and was closed: look at it".to_owned()),
        Ending::Repetition => Some("the reading began to repeat itself, and was closed: look at it".to_owned()),
        Ending::Complete if reading.needs_review => {
            Some(format!("it was hard to read (about {share:.0}% of it right): look at it"))
        }
        Ending::Complete => None,
    }
}

fn contents(path: &Path) -> Result<Arc<[u8]>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(STANDARD_INPUT + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(read) if read as u64 > STANDARD_INPUT => {
            Err("it is longer than 1 GiB, and no picture of a formula".to_owned())
        }
        Ok(_) => Ok(bytes.into()),
    }
}

pub fn exit_of(error: &FormulaError) -> Exit {
    match error {
        FormulaError::Document(failure) => Exit::of_document(failure.kind),
        FormulaError::Plan(pagestream::plan::PlanError::Models(_)) => Exit::Configuration,
        _ => Exit::MissingDependency,
    }
}
