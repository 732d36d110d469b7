//! HTML: one file with everything in it, readable on a phone and with the ears; HTML and XML at once.

mod body;
mod inline;
mod table;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use self::table::table_html;
pub(super) use self::{
    body::Body,
    inline::{LineEnds, attribute, push_text},
    table::table_with,
};
use super::{
    Notice, PageWriter,
    document_options::DocumentOptions,
    flow::{Flow, Item, ItemKind},
    images::Images,
};
use crate::{
    ids::DocumentId,
    record::{DocumentRef, PageRecord},
};

/// How it looks where nobody else says so.
pub(super) const STYLE: &str = include_str!("style.css");

/// Writes one document, or several files behind each other.
pub struct Html<W> {
    out: W,
    options: DocumentOptions,
    images: Option<Arc<Images>>,
    open: Option<Open>,
}

struct Open {
    document: DocumentRef,
    flow: Flow,
    body: Body,
    has_head: bool,
}

impl<W: Write> Html<W> {
    /// Pictures stand in the file itself.
    pub(super) fn new(out: W, options: DocumentOptions, images: Option<Arc<Images>>) -> Self {
        Self { out, options, images, open: None }
    }

    fn write(&mut self, items: &[Item], is_last: bool) -> io::Result<()> {
        let Some(Open { document, flow, body, has_head }) = &mut self.open else { return Ok(()) };
        if !*has_head && (!items.is_empty() || is_last) {
            *has_head = true;
            body.out.push_str(&head(&title(items, &document.source), flow.language()));
        }
        for item in items {
            let source = match &item.kind {
                ItemKind::Figure(Some(image)) => Some(format!("data:image/png;base64,{}", STANDARD.encode(&image.png))),
                _ => None,
            };
            body.item(item, source.as_deref())?;
            self.out.write_all(body.out.as_bytes())?;
            body.out.clear();
        }
        if is_last {
            body.end(&mut self.out)?;
            self.out.write_all(b"</main>\n</body>\n</html>\n")?;
        }
        self.out.write_all(body.out.as_bytes())?;
        body.out.clear();
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            let items = open.flow.finish();
            self.write(&items, true)?;
            self.open = None;
        }
        Ok(())
    }
}

impl<W: Write + Send> PageWriter for Html<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| open.document.id != page.document.id) {
            self.end()?;
        }
        let (images, page_marks) = (self.images.clone(), self.options.page_marks);
        let open = self.open.get_or_insert_with(|| Open {
            document: page.document.clone(),
            flow: Flow::new(images),
            body: Body::new(page_marks),
            has_head: false,
        });
        let items = open.flow.push(page);
        self.write(&items, false)
    }

    fn end_document(&mut self, _: DocumentId, _: bool) -> io::Result<()> {
        self.end()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.end()
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.images.as_ref().map(|images| images.notices()).unwrap_or_default()
    }
}

fn head(title: &str, language: Option<&str>) -> String {
    let language = language.map(|language| format!(" lang=\"{language}\"")).unwrap_or_default();
    format!(
        "<!DOCTYPE html>\n<html{language}>\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"generator\" content=\"pagestream {}\"/>\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n",
        env!("CARGO_PKG_VERSION"),
        attribute(title),
    )
}

/// What the first things of a document say that it is called; else the name of the file.
pub(super) fn title(items: &[Item], source: &str) -> String {
    let titled = items.iter().find(|item| matches!(item.kind, ItemKind::Heading { is_title: true, .. }));
    match titled {
        Some(item) => item.inline.text.split_whitespace().collect::<Vec<_>>().join(" "),
        None => source.rsplit(['/', '\\']).next().unwrap_or(source).to_owned(),
    }
}
