//! In which formats results are written, and where: what `process`, `resume` and `convert` share.

use std::{
    io::{self, BufWriter, IsTerminal},
    path::PathBuf,
    sync::Arc,
};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use pagestream::{
    Settings,
    output::{
        DocumentOptions, Expected, Files, FormulaDelimiters, Notice, OutputFormat, OutputOptions, PageWriter,
        PdfOptions, Text,
    },
};

use super::{documents::Refusal, exit::Exit, originals::Found, printer::Printer};

#[derive(Args, Clone)]
pub struct OutputArgs {
    /// How results look; several, separated by commas or each with an -f, with --output
    #[arg(short = 'f', long = "format", value_name = "FORMAT", value_parser = asked_parser(), value_delimiter = ',', default_value = "text")]
    formats: Vec<Asked>,
    /// Write a file a document and format into this folder instead of stdout
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// With --output: a file a page
    #[arg(long, requires = "folder")]
    per_page: bool,
    /// With --output: replace files that pagestream did not write, or that were changed since
    #[arg(long, requires = "folder")]
    overwrite: bool,
    /// Lines above documents and pages of printed text: always, never, or auto, on a terminal
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Headings::Auto, conflicts_with = "folder")]
    headings: Headings,
    /// In PDFs: replace invisible text that an earlier OCR left on pages that are read again (with --ocr always: on all)
    #[arg(long)]
    redo_text: bool,
    /// In PDFs: write an encrypted document without its encryption
    #[arg(long)]
    decrypt: bool,
    #[command(flatten)]
    document: DocumentArgs,
}

/// About formats that are documents: `watch` has them as well.
#[derive(Args, Clone, Copy)]
pub struct DocumentArgs {
    /// Show figures: cut out of the pages, in markdown as files of a folder beside it, in html, docx and epub within
    #[arg(long)]
    images: bool,
    /// In markdown, html, docx and epub: mark where pages begin
    #[arg(long)]
    page_marks: bool,
    /// In markdown: formulas in LaTeX between dollars or brackets, or off, in plain characters; otherwise the setting `output.formulas`
    #[arg(long, value_name = "HOW", value_parser = delimiters_parser())]
    formulas: Option<FormulaDelimiters>,
}

impl DocumentArgs {
    /// The flags that are settings.
    pub fn settings(self) -> Option<(&'static str, String)> {
        Some(("output.formulas", self.formulas?.name().to_owned()))
    }

    pub fn options(self, settings: &Settings) -> DocumentOptions {
        DocumentOptions { images: self.images, page_marks: self.page_marks, formulas: settings.output.formulas }
    }

    /// # Errors
    /// Where no format is meant by what was asked for: one sentence, and a hint.
    pub fn check(self, formats: &[OutputFormat]) -> Result<(), (String, &'static str)> {
        let asked = [(self.images, "--images"), (self.page_marks, "--page-marks")];
        let is_meant = formats.iter().any(|format| format.is_document());
        if self.formulas.is_some() && !formats.contains(&OutputFormat::Markdown) {
            let message = "--formulas is about Markdown, and none of the formats is it".to_owned();
            return Err((message, "ask for it: -f markdown"));
        }
        match asked.into_iter().find(|(asked, _)| *asked) {
            Some((_, name)) if !is_meant => Err((
                format!("{name} is about documents, and none of the formats is one"),
                "ask for one: -f markdown, html, docx or epub",
            )),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Headings {
    Auto,
    Always,
    Never,
}

/// What an `-f` names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Document(OutputFormat),
    /// Of a formula alone (`process --as formula`), and of nothing else.
    Formula(FormulaFormat),
}

/// How a formula alone is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormulaFormat {
    Latex,
    Mathml,
    Markdown,
    /// An object a line.
    Json,
}

/// Formats by their names, and those of formulas, which the help of `--as` tells.
fn asked_parser() -> impl TypedValueParser<Value = Asked> {
    let latex = FormulaFormat::Latex;
    let formulas = [("latex", latex), ("txt", latex), ("mathml", FormulaFormat::Mathml)];
    let of_formulas = formulas.map(|(name, _)| PossibleValue::new(name).hide(true));
    PossibleValuesParser::new(format_values().into_iter().chain(of_formulas)).try_map(move |name| {
        match formulas.into_iter().find(|(other, _)| *other == name) {
            Some((_, format)) => Ok(Asked::Formula(format)),
            None => name.parse::<OutputFormat>().map(Asked::Document),
        }
    })
}

fn format_values() -> Vec<PossibleValue> {
    OutputFormat::ALL.map(|format| PossibleValue::new(format.name()).aliases(format.alias())).to_vec()
}

/// Formats by their names.
pub fn format_parser() -> impl TypedValueParser<Value = OutputFormat> {
    PossibleValuesParser::new(format_values()).try_map(|name| name.parse::<OutputFormat>())
}

/// Delimiters by their names.
fn delimiters_parser() -> impl TypedValueParser<Value = FormulaDelimiters> {
    let values = FormulaDelimiters::ALL.map(|delimiters| PossibleValue::new(delimiters.name()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<FormulaDelimiters>())
}

impl OutputArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Option<(&'static str, String)> {
        self.document.settings()
    }

    /// Those of documents.
    fn documents(&self) -> impl Iterator<Item = OutputFormat> {
        self.formats.iter().filter_map(|asked| match asked {
            Asked::Document(format) => Some(*format),
            Asked::Formula(_) => None,
        })
    }

    /// Whether the documents themselves are wanted, and not their records alone.
    pub fn needs_original(&self) -> bool {
        self.document.images || self.documents().any(|format| format.needs_original())
    }

    /// A format among them whose pages must come in their order.
    pub fn in_order_only(&self) -> Option<OutputFormat> {
        self.documents().find(|format| !format.takes_any_order())
    }

    /// How a formula alone is printed.
    ///
    /// # Errors
    /// What makes no sense for one.
    pub fn of_formula(&self) -> Result<FormulaFormat, Refusal> {
        let refused = |message: String, hint: &str| Err(Refusal::new(message, hint, Exit::Configuration));
        let flags = [
            (self.folder.is_some(), "--output"),
            (self.headings != Headings::Auto, "--headings"),
            (self.redo_text, "--redo-text"),
            (self.decrypt, "--decrypt"),
            (self.document.images, "--images"),
            (self.document.page_marks, "--page-marks"),
        ];
        if let Some((_, name)) = flags.into_iter().find(|(asked, _)| *asked) {
            return refused(format!("{name} does not go with --as formula"), "formulas are printed to standard output");
        }
        let hint = "there are latex, mathml, markdown and json";
        let format = match self.formats[..] {
            [Asked::Formula(format)] => format,
            [Asked::Document(OutputFormat::Text)] => FormulaFormat::Latex,
            [Asked::Document(OutputFormat::Markdown)] => FormulaFormat::Markdown,
            [Asked::Document(OutputFormat::Json | OutputFormat::Jsonl)] => FormulaFormat::Json,
            [Asked::Document(format)] => return refused(format!("a formula alone is not printed as {format}"), hint),
            _ => return refused("a formula alone is printed in one format".to_owned(), hint),
        };
        if self.document.formulas.is_some() && format != FormulaFormat::Markdown {
            return refused(
                "--formulas is about Markdown, and the format is not it".to_owned(),
                "ask for it: -f markdown",
            );
        }
        Ok(format)
    }

    /// Where results go, for a message.
    pub fn place(&self) -> String {
        self.folder.as_ref().map_or_else(|| "standard output".to_owned(), |folder| folder.display().to_string())
    }

    /// Who writes the results. Files that stand in the way are told before anything is read.
    ///
    /// # Errors
    /// What does not go together, and what stands in the way.
    pub fn writer(
        &self,
        expected: &[Expected],
        originals: Found,
        settings: &Settings,
    ) -> Result<Box<dyn PageWriter>, Refusal> {
        let formats: Vec<OutputFormat> = self.documents().collect();
        if formats.len() < self.formats.len() {
            let (message, hint) =
                ("latex, txt and mathml are formats of a formula alone", "pagestream process --as formula");
            return Err(Refusal::new(message.to_owned(), hint, Exit::Configuration));
        }
        self.check(&formats, expected.len())?;
        let pdf = PdfOptions { redo_text: self.redo_text, decrypt: self.decrypt };
        let options = OutputOptions { originals: Arc::new(originals), pdf, document: self.document.options(settings) };
        if let Some(folder) = &self.folder {
            let files = match self.per_page {
                true => Files::per_page(folder, &formats),
                false => Files::per_document(folder, &formats),
            };
            let refused = |message: String| Refusal::plain(message, None, Exit::FileAccess);
            let files = files.map_err(|error| refused(error.to_string()))?;
            let mut files = files.overwriting(self.overwrite).with_options(options);
            files.expect(expected).map_err(|error| Refusal::plain(error.message, error.hint, Exit::FileAccess))?;
            return Ok(Box::new(files));
        }
        let out = BufWriter::new(io::stdout());
        let [format] = formats[..] else { return Ok(Box::new(Text::new(out))) };
        Ok(match (format, self.headings) {
            // Whoever asked for headings wants to find them, of one document or of many.
            (OutputFormat::Text, Headings::Always) => Box::new(Text::new(out).with_headings(true)),
            (OutputFormat::Text, Headings::Auto) if io::stdout().is_terminal() => {
                Box::new(Text::new(out).with_headings(expected.len() > 1))
            }
            (format, _) => format.writer(out, &options),
        })
    }

    fn check(&self, formats: &[OutputFormat], documents: usize) -> Result<(), Refusal> {
        let refused = |message: String, hint: &str| Err(Refusal::new(message, hint, Exit::Configuration));
        let folder = "write into a folder: --output DIR";
        let is_folder = self.folder.is_some();
        self.document.check(formats).or_else(|(message, hint)| refused(message, hint))?;
        if (self.redo_text || self.decrypt) && !formats.contains(&OutputFormat::Pdf) {
            return refused("--redo-text and --decrypt are about PDFs".to_owned(), "ask for one: -f pdf");
        }
        if self.per_page
            && let Some(format) = formats.iter().find(|format| format.needs_original())
        {
            return refused(format!("{format} has a file a document, and none a page"), "leave --per-page out");
        }
        match formats[..] {
            _ if is_folder => Ok(()),
            [format] if self.headings != Headings::Auto && format != OutputFormat::Text => {
                refused(format!("--headings is about text, and the format is {format}"), "leave --headings out")
            }
            [format] if documents > 1 && !format.holds_several_documents() => {
                refused(format!("one {format} holds one document, and there are {documents}"), folder)
            }
            [OutputFormat::Markdown] if self.document.images => refused(
                "Markdown has its images beside it, and standard output has nothing beside it".to_owned(),
                folder,
            ),
            [format] if format.is_binary() && io::stdout().is_terminal() => {
                refused(format!("{format} is not for a terminal"), folder)
            }
            [_] => Ok(()),
            _ => refused("standard output takes one format".to_owned(), folder),
        }
    }
}

/// Tells what is to be said of documents that have ended; the exit code of those of which there is no result.
pub fn tell(notices: Vec<Notice>, printer: &Printer) -> Option<Exit> {
    let mut exit = None;
    for notice in notices {
        match notice {
            Notice::Remark { source, message } => printer.warning(&format!("{source}: {message}")),
            Notice::Refused { source, format, error } => {
                printer.error(&format!("{source}: no {format} of it: {error}"), error.hint.as_deref());
                exit = Some(exit.unwrap_or(Exit::Ok).and(Exit::of_document(error.kind)));
            }
        }
    }
    exit
}
