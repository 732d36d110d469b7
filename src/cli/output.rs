//! In which formats results are written, and where: what `process`, `resume` and `convert` share.

use std::{
    io::{self, BufWriter, IsTerminal},
    path::PathBuf,
    sync::Arc,
};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use pagestream::output::{Expected, Files, Notice, OutputFormat, OutputOptions, PageWriter, PdfOptions, Text};

use super::{documents::Refusal, exit::Exit, originals::Found, printer::Printer};

#[derive(Args, Clone)]
pub struct OutputArgs {
    /// How results look; several, separated by commas or each with an -f, with --output
    #[arg(short = 'f', long = "format", value_name = "FORMAT", value_parser = format_parser(), value_delimiter = ',', default_value = "text")]
    formats: Vec<OutputFormat>,
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
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Headings {
    Auto,
    Always,
    Never,
}

/// Formats by their names.
pub fn format_parser() -> impl TypedValueParser<Value = OutputFormat> {
    PossibleValuesParser::new(OutputFormat::ALL.map(OutputFormat::name)).try_map(|name| name.parse::<OutputFormat>())
}

impl OutputArgs {
    /// Whether the documents themselves are wanted, and not their records alone.
    pub fn needs_original(&self) -> bool {
        self.formats.iter().any(|format| format.needs_original())
    }

    /// A format among them whose pages must come in their order.
    pub fn in_order_only(&self) -> Option<OutputFormat> {
        self.formats.iter().copied().find(|format| !format.takes_any_order())
    }

    /// Where results go, for a message.
    pub fn place(&self) -> String {
        self.folder.as_ref().map_or_else(|| "standard output".to_owned(), |folder| folder.display().to_string())
    }

    /// Who writes the results. Files that stand in the way are told before anything is read.
    ///
    /// # Errors
    /// What does not go together, and what stands in the way.
    pub fn writer(&self, expected: &[Expected], originals: Found) -> Result<Box<dyn PageWriter>, Refusal> {
        self.check(expected.len())?;
        let pdf = PdfOptions { redo_text: self.redo_text, decrypt: self.decrypt };
        let options = OutputOptions { originals: Arc::new(originals), pdf };
        if let Some(folder) = &self.folder {
            let files = match self.per_page {
                true => Files::per_page(folder, &self.formats),
                false => Files::per_document(folder, &self.formats),
            };
            let refused = |message: String| Refusal::plain(message, None, Exit::FileAccess);
            let files = files.map_err(|error| refused(error.to_string()))?;
            let mut files = files.overwriting(self.overwrite).with_options(options);
            files.expect(expected).map_err(|error| Refusal::plain(error.message, error.hint, Exit::FileAccess))?;
            return Ok(Box::new(files));
        }
        let out = BufWriter::new(io::stdout());
        let [format] = self.formats[..] else { return Ok(Box::new(Text::new(out))) };
        Ok(match (format, self.headings) {
            // Whoever asked for headings wants to find them, of one document or of many.
            (OutputFormat::Text, Headings::Always) => Box::new(Text::new(out).with_headings(true)),
            (OutputFormat::Text, Headings::Auto) if io::stdout().is_terminal() => {
                Box::new(Text::new(out).with_headings(expected.len() > 1))
            }
            (format, _) => format.writer(out, &options),
        })
    }

    fn check(&self, documents: usize) -> Result<(), Refusal> {
        let refused = |message: String, hint: &str| Err(Refusal::new(message, hint, Exit::Configuration));
        let folder = "write into a folder: --output DIR";
        let is_folder = self.folder.is_some();
        if (self.redo_text || self.decrypt) && !self.needs_original() {
            return refused("--redo-text and --decrypt are about PDFs".to_owned(), "ask for one: -f pdf");
        }
        if self.per_page
            && let Some(format) = self.formats.iter().find(|format| format.needs_original())
        {
            return refused(format!("{format} has a file a document, and none a page"), "leave --per-page out");
        }
        match self.formats[..] {
            _ if is_folder => Ok(()),
            [format] if self.headings != Headings::Auto && format != OutputFormat::Text => {
                refused(format!("--headings is about text, and the format is {format}"), "leave --headings out")
            }
            [format] if documents > 1 && !format.holds_several_documents() => {
                refused(format!("one {format} holds one document, and there are {documents}"), folder)
            }
            [OutputFormat::Pdf] if io::stdout().is_terminal() => {
                refused("a PDF is not for a terminal".to_owned(), folder)
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
