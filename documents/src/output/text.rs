//! Plain text for people: the pages' text, with a heading over each page where there is more than one.

use std::io::{self, Write};

use super::PageWriter;
use crate::{
    ids::{DocumentId, PageNumber},
    record::{PageRecord, PageStatus},
};

pub struct Text<W> {
    out: W,
    last: Option<(DocumentId, PageNumber)>,
    documents: bool,
}

impl<W: Write> Text<W> {
    pub fn new(out: W) -> Self {
        Self { out, last: None, documents: false }
    }

    /// Names the document above its first page: for output in which several follow each other.
    pub fn with_document_names(mut self) -> Self {
        self.documents = true;
        self
    }
}

/// What stands for the page in text: its words, or in brackets why there are none.
pub(super) fn body(page: &PageRecord) -> String {
    // Form feeds would end a page where none ends; every row ends with a newline, the last one too.
    let text = page.text.replace('\u{c}', "\n");
    let text = text.trim_end();
    match page.status {
        PageStatus::Ok | PageStatus::Duplicate if text.is_empty() => "[no text on this page]\n".to_owned(),
        PageStatus::Ok | PageStatus::Duplicate => format!("{text}\n"),
        status => {
            let reason = page.reason.as_deref().unwrap_or("no reason given");
            format!("[page {}: {}]\n", status.as_str(), reason.replace(['\n', '\r'], " "))
        }
    }
}

/// `--- page 3 of 12 ---`; for a document of one page, or none, there is nothing to tell apart.
pub(super) fn heading(page: &PageRecord) -> Option<String> {
    (page.document.pages > 1).then(|| format!("--- page {} of {} ---\n", page.page, page.document.pages))
}

impl<W: Write + Send> PageWriter for Text<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        let new_document = self.last.is_none_or(|(document, _)| document != page.document.id);
        let mut out = String::new();
        if self.last.is_some() {
            out.push('\n');
        }
        if self.documents && new_document {
            // A name with a line break in it must not look like two lines of text.
            let name: String = page.document.source.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            out.push_str(&format!("=== {name} ===\n"));
        }
        out.extend(heading(page));
        out.push_str(&body(page));
        self.last = Some((page.document.id, page.page));
        self.out.write_all(out.as_bytes())?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{BrokenPipe, document, page};

    fn written(pages: &[PageRecord], names: bool) -> String {
        let mut out = Vec::new();
        let writer = Text::new(&mut out);
        let mut writer = if names { writer.with_document_names() } else { writer };
        pages.iter().for_each(|page| writer.write_page(page).unwrap());
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_page_is_only_its_text_and_several_are_told_apart() {
        let one = document("one.png", 1);
        assert_eq!(written(&[page(&one, 1, "hello\nworld")], false), "hello\nworld\n");
        let two = document("two.pdf", 3);
        let mut failed = page(&two, 2, "");
        failed.status = PageStatus::Failed;
        failed.reason = Some("the image is\ndamaged".to_owned());
        let pages = [page(&two, 1, "a\u{c}b\n\n"), failed, page(&two, 3, "")];
        assert_eq!(
            written(&pages, false),
            "--- page 1 of 3 ---\na\nb\n\n--- page 2 of 3 ---\n[page failed: the image is damaged]\n\n\
             --- page 3 of 3 ---\n[no text on this page]\n"
        );
        assert_eq!(
            written(&[page(&one, 1, "x"), page(&document("b\n.pdf", 1), 1, "y")], true),
            "=== one.png ===\nx\n\n=== b?.pdf ===\ny\n"
        );
    }

    #[test]
    fn a_broken_pipe_is_told_as_such() {
        let error = Text::new(BrokenPipe).write_page(&page(&document("a", 1), 1, "x")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
