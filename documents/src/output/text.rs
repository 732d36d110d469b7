//! Plain text. For a machine: the pages' text, a form feed between pages, as `pdftotext` and Tesseract write it. For a
//! person at a terminal: a heading over each page, and in brackets why a page has no text.

use std::io::{self, Write};

use super::PageWriter;
use crate::{
    harmless::harmless,
    ids::DocumentId,
    record::{PageRecord, PageStatus},
};

pub struct Text<W> {
    out: W,
    last: Option<DocumentId>,
    headings: bool,
    documents: bool,
}

impl<W: Write> Text<W> {
    /// Nothing but the pages' text, a form feed between pages.
    pub fn new(out: W) -> Self {
        Self { out, last: None, headings: false, documents: false }
    }

    /// For people: headings instead of form feeds. `documents` names each document above its first page, for output in
    /// which several follow each other.
    pub fn with_headings(self, documents: bool) -> Self {
        Self { headings: true, documents, ..self }
    }

    fn above(&self, page: &PageRecord) -> String {
        let mut above = String::new();
        if self.last.is_some() {
            above.push(if self.headings { '\n' } else { '\u{c}' });
        }
        if self.documents && self.last != Some(page.document.id) {
            // A name with a line break in it must not look like two lines of text.
            above.push_str(&format!("=== {} ===\n", harmless(&page.document.source)));
        }
        if self.headings && page.document.pages > 1 {
            above.push_str(&format!("--- page {} of {} ---\n", page.page, page.document.pages));
        }
        above
    }
}

/// The page's words. Form feeds within would end a page where none ends; every row ends with a newline, the last too.
fn body(page: &PageRecord) -> String {
    let text = page.text.replace('\u{c}', "\n");
    match text.trim_end() {
        "" => String::new(),
        text => format!("{text}\n"),
    }
}

/// In brackets, why the page has no text.
fn remark(page: &PageRecord) -> String {
    match page.status {
        PageStatus::Ok => "[no text on this page]\n".to_owned(),
        status => {
            let reason = page.reason.as_deref().unwrap_or("no reason given");
            format!("[page {}: {}]\n", status.as_str(), harmless(&reason.replace(['\n', '\r'], " ")))
        }
    }
}

impl<W: Write + Send> PageWriter for Text<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        let mut out = self.above(page);
        let body = body(page);
        match self.headings && body.is_empty() {
            true => out.push_str(&remark(page)),
            false => out.push_str(&body),
        }
        self.last = Some(page.document.id);
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

    fn written(pages: &[PageRecord], set_up: fn(Text<&mut Vec<u8>>) -> Text<&mut Vec<u8>>) -> String {
        let mut out = Vec::new();
        let mut writer = set_up(Text::new(&mut out));
        pages.iter().for_each(|page| writer.write_page(page).unwrap());
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn three_pages() -> [PageRecord; 3] {
        let document = document("three.pdf", 3);
        let mut failed = page(&document, 2, "");
        failed.status = PageStatus::Failed;
        failed.reason = Some("the image is\ndamaged".to_owned());
        [page(&document, 1, "a\u{c}b\n\n"), failed, page(&document, 3, "")]
    }

    #[test]
    fn for_machines_there_is_nothing_but_text_and_form_feeds() {
        let one = document("one.png", 1);
        assert_eq!(written(&[page(&one, 1, "hello\nworld")], |text| text), "hello\nworld\n");
        assert_eq!(written(&three_pages(), |text| text), "a\nb\n\u{c}\u{c}");
    }

    #[test]
    fn for_people_pages_are_headed_and_gaps_explained() {
        assert_eq!(
            written(&three_pages(), |text| text.with_headings(false)),
            "--- page 1 of 3 ---\na\nb\n\n--- page 2 of 3 ---\n[page failed: the image is damaged]\n\n\
             --- page 3 of 3 ---\n[no text on this page]\n"
        );
        let pages = [page(&document("one.png", 1), 1, "x"), page(&document("b\n.pdf", 1), 1, "y")];
        assert_eq!(written(&pages, |text| text.with_headings(true)), "=== one.png ===\nx\n\n=== b\\n.pdf ===\ny\n");
    }

    #[test]
    fn a_broken_pipe_is_told_as_such() {
        let error = Text::new(BrokenPipe).write_page(&page(&document("a", 1), 1, "x")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
