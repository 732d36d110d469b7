//! Who writes which format.

use std::{io::Write, sync::Arc};

use super::{
    PageWriter,
    alto::Alto,
    csv::Csv,
    document_options::DocumentOptions,
    docx::Docx,
    epub::Epub,
    format::OutputFormat,
    hocr::Hocr,
    html::Html,
    images::{ImageFolder, Images},
    json::Json,
    jsonl::Jsonl,
    markdown::Markdown,
    original::{NoOriginals, Originals},
    page_xml::PageXml,
    pdf::{Pdf, PdfOptions},
    text::Text,
    tsv::Tsv,
};

impl OutputFormat {
    /// Who writes it to `out`. Markdown has no pictures there: they are files beside it, which [`super::Files`] has.
    pub fn writer(self, out: impl Write + Send + 'static, options: &OutputOptions) -> Box<dyn PageWriter> {
        self.illustrated(out, options, options.images(), None)
    }

    /// The same, with pictures from `images` where they are asked for, and in `folder` where the format has them in files of their own.
    pub(super) fn illustrated(
        self,
        out: impl Write + Send + 'static,
        options: &OutputOptions,
        images: Option<Arc<Images>>,
        folder: Option<Box<dyn ImageFolder>>,
    ) -> Box<dyn PageWriter> {
        match self {
            Self::Text => Box::new(Text::new(out)),
            Self::Jsonl => Box::new(Jsonl::new(out)),
            Self::Json => Box::new(Json::new(out)),
            Self::Tsv => Box::new(Tsv::new(out)),
            Self::Hocr => Box::new(Hocr::new(out)),
            Self::Alto => Box::new(Alto::new(out)),
            Self::Page => Box::new(PageXml::new(out)),
            Self::Pdf => Box::new(Pdf::new(out, options.originals.clone(), options.pdf)),
            Self::Csv => Box::new(Csv::new(out)),
            Self::Html => Box::new(Html::new(out, options.document, images)),
            Self::Docx => Box::new(Docx::new(out, options.document, images)),
            Self::Epub => Box::new(Epub::new(out, options.document, images)),
            Self::Markdown => {
                let markdown = Markdown::new(out, options.document);
                match (images, folder) {
                    (Some(images), Some(folder)) => Box::new(markdown.with_images(images, folder)),
                    _ => Box::new(markdown),
                }
            }
        }
    }
}

/// What some formats need beside the records.
#[derive(Clone)]
pub struct OutputOptions {
    /// Where documents are found again: [`OutputFormat::needs_original`].
    pub originals: Arc<dyn Originals>,
    pub pdf: PdfOptions,
    pub document: DocumentOptions,
}

impl OutputOptions {
    /// Who cuts out figures, where they are asked for.
    pub(super) fn images(&self) -> Option<Arc<Images>> {
        self.document.images.then(|| Arc::new(Images::new(self.originals.clone())))
    }
}

impl Default for OutputOptions {
    /// Records alone.
    fn default() -> Self {
        Self { originals: Arc::new(NoOriginals), pdf: PdfOptions::default(), document: DocumentOptions::default() }
    }
}
