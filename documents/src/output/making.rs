//! Who writes which format.

use std::{io::Write, sync::Arc};

use super::{
    PageWriter,
    alto::Alto,
    format::OutputFormat,
    hocr::Hocr,
    json::Json,
    jsonl::Jsonl,
    original::{NoOriginals, Originals},
    page_xml::PageXml,
    pdf::{Pdf, PdfOptions},
    text::Text,
    tsv::Tsv,
};

impl OutputFormat {
    /// Who writes it to `out`.
    pub fn writer(self, out: impl Write + Send + 'static, options: &OutputOptions) -> Box<dyn PageWriter> {
        match self {
            Self::Text => Box::new(Text::new(out)),
            Self::Jsonl => Box::new(Jsonl::new(out)),
            Self::Json => Box::new(Json::new(out)),
            Self::Tsv => Box::new(Tsv::new(out)),
            Self::Hocr => Box::new(Hocr::new(out)),
            Self::Alto => Box::new(Alto::new(out)),
            Self::Page => Box::new(PageXml::new(out)),
            Self::Pdf => Box::new(Pdf::new(out, options.originals.clone(), options.pdf)),
        }
    }
}

/// What some formats need beside the records.
#[derive(Clone)]
pub struct OutputOptions {
    /// Where documents are found again: [`OutputFormat::needs_original`].
    pub originals: Arc<dyn Originals>,
    pub pdf: PdfOptions,
}

impl Default for OutputOptions {
    /// Records alone.
    fn default() -> Self {
        Self { originals: Arc::new(NoOriginals), pdf: PdfOptions::default() }
    }
}
