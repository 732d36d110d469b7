//! Which forms results have, in one list: their names, and what their files end in.

use std::{fmt, str::FromStr};

/// How results look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OutputFormat {
    /// The pages' text, a form feed between pages.
    Text,
    /// One page a line: `pagestream.page/1`.
    Jsonl,
    /// One object a document: `pagestream.document/1`.
    Json,
    /// A row for each page, block, paragraph, line and word, in Tesseract's columns.
    Tsv,
    /// hOCR 1.2 in XHTML.
    Hocr,
    /// ALTO 4.4.
    Alto,
    /// PAGE-XML 2019-07-15, which holds one page a file.
    Page,
    /// The original as a PDF, with its text to be searched and copied.
    Pdf,
    /// CommonMark with GitHub's tables and footnotes.
    Markdown,
    /// One HTML file, with nothing beside it.
    Html,
    /// Office Open XML, as Word and LibreOffice write texts.
    Docx,
    /// EPUB 3.
    Epub,
    /// The tables alone, RFC 4180.
    Csv,
}

impl OutputFormat {
    pub const ALL: [Self; 13] = [
        Self::Text,
        Self::Jsonl,
        Self::Json,
        Self::Tsv,
        Self::Hocr,
        Self::Alto,
        Self::Page,
        Self::Pdf,
        Self::Markdown,
        Self::Html,
        Self::Docx,
        Self::Epub,
        Self::Csv,
    ];

    /// As it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Tsv => "tsv",
            Self::Hocr => "hocr",
            Self::Alto => "alto",
            Self::Page => "page",
            Self::Pdf => "pdf",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Docx => "docx",
            Self::Epub => "epub",
            Self::Csv => "csv",
        }
    }

    /// Another name that it may be asked for by.
    pub fn alias(self) -> Option<&'static str> {
        (self == Self::Markdown).then_some("md")
    }

    /// What its files end in, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Alto => "alto.xml",
            Self::Page => "page.xml",
            other => other.name(),
        }
    }

    /// Whether a file of it holds one page and no more, so that a document of several pages has several.
    pub fn holds_one_page(self) -> bool {
        self == Self::Page
    }

    /// Whether pages of several documents may follow each other in one stream, and be told apart.
    pub fn holds_several_documents(self) -> bool {
        matches!(self, Self::Text | Self::Jsonl | Self::Json)
    }

    /// Whether pages may come in another order than they are to be read in.
    pub fn takes_any_order(self) -> bool {
        matches!(self, Self::Text | Self::Jsonl | Self::Tsv | Self::Page | Self::Pdf)
    }

    /// Whether it is a text of its own, with headings, paragraphs, lists and tables, and not one of pages: [`super::DocumentOptions`].
    pub fn is_document(self) -> bool {
        matches!(self, Self::Markdown | Self::Html | Self::Docx | Self::Epub)
    }

    /// Whether its pictures are files of their own.
    pub(super) fn has_pictures_beside(self) -> bool {
        self == Self::Markdown
    }

    /// Whether its files are not for a terminal.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Pdf | Self::Docx | Self::Epub)
    }

    /// Whether it is made of the document itself, and not of its records alone.
    pub fn needs_original(self) -> bool {
        self == Self::Pdf
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.name() == text || format.alias() == Some(text)).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.map(Self::name).into();
            format!("`{text}` is no output format; there are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_found_by_its_name_and_no_two_share_a_file() {
        for format in OutputFormat::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert!(format.alias().is_none_or(|alias| alias.parse() == Ok(format)));
            let same = OutputFormat::ALL.iter().filter(|other| other.extension() == format.extension());
            assert_eq!(same.count(), 1, "{format}");
        }
        let error = "rtf".parse::<OutputFormat>().unwrap_err();
        assert!(error.contains("`rtf`") && error.contains("hocr"), "{error}");
    }
}
