//! One object a document, `pagestream.document/1`, written page by page.
//!
//! ```json
//! {"schema":"pagestream.document/1","document":{"id":"…","source":"…","sha256":"…","pages":2},
//! "pages":[
//! {"page":1,"status":"ok", …},
//! {"page":2, …}
//! ],"content":[
//! {"type":"section", …}
//! ],"complete":true}
//! ```
//! Its pages are those of `pagestream.page/1` ([`crate::record`]) without what is the same for all of them. `complete` says whether
//! all pages that were asked for are there. `content` has the document's blocks as a tree ([`super::tree`]); it stands behind the pages, and
//! what is long waits for them in a file. Documents follow one another, each from a line of its own.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

use super::{
    PageWriter,
    flow::{Flow, Item},
    spool::Spool,
    tree::Tree,
};
use crate::{
    blocks::Block,
    ids::{DocumentId, PageNumber},
    raster::Rotation,
    record::{DuplicateOf, ModelRef, Origin, PageRecord, PageStatus, TextLine},
};

/// The schema of the object.
pub(super) const SCHEMA: &str = "pagestream.document/1";

pub struct Json<W> {
    out: W,
    open: Option<DocumentId>,
    flow: Flow,
    tree: Tree,
    content: Spool,
    /// One page, reused.
    line: Vec<u8>,
}

impl<W: Write> Json<W> {
    pub fn new(out: W) -> Self {
        let (flow, tree, content) = (Flow::new(None), Tree::default(), Spool::default());
        Self { out, open: None, flow, tree, content, line: Vec::new() }
    }

    fn keep(&mut self, items: &[Item]) -> io::Result<()> {
        items.iter().for_each(|item| self.tree.item(item));
        self.content.add(self.tree.out.as_bytes())?;
        self.tree.out.clear();
        Ok(())
    }

    fn close(&mut self, complete: bool) -> io::Result<()> {
        if self.open.take().is_some() {
            let items = std::mem::replace(&mut self.flow, Flow::new(None)).finish();
            self.keep(&items)?;
            self.tree.end();
            self.keep(&[])?;
            self.tree = Tree::default();
            write!(self.out, "\n],\"content\":[\n")?;
            self.content.pour(&mut self.out)?;
            writeln!(self.out, "\n],\"complete\":{complete}}}")?;
        }
        self.out.flush()
    }
}

/// A [`PageRecord`] without schema and document; the two change together.
#[derive(Serialize)]
struct Page<'a> {
    page: PageNumber,
    status: PageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    width: u32,
    height: u32,
    dpi: f32,
    rotation: Rotation,
    text: &'a str,
    lines: &'a [TextLine],
    #[serde(skip_serializing_if = "<[Block]>::is_empty")]
    blocks: &'a [Block],
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    needs_review: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<&'a DuplicateOf>,
    timings_ms: &'a BTreeMap<String, f64>,
    models: &'a [ModelRef],
}

impl<'a> Page<'a> {
    fn of(record: &'a PageRecord) -> Self {
        // Taken apart whole, so that a new field cannot be forgotten here.
        let PageRecord {
            schema: _,
            document: _,
            page,
            status,
            reason,
            origin,
            width,
            height,
            dpi,
            rotation,
            text,
            lines,
            blocks,
            confidence,
            needs_review,
            duplicate_of,
            timings_ms,
            models,
        } = record;
        Self {
            page: *page,
            status: *status,
            reason: reason.as_deref(),
            origin: *origin,
            width: *width,
            height: *height,
            dpi: *dpi,
            rotation: *rotation,
            text,
            lines,
            blocks,
            confidence: *confidence,
            needs_review: *needs_review,
            duplicate_of: duplicate_of.as_ref(),
            timings_ms,
            models,
        }
    }
}

impl<W: Write + Send> PageWriter for Json<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        let id = page.document.id;
        self.line.clear();
        if self.open != Some(id) {
            // Whoever did not say that a document ended did not say that it is complete.
            self.close(false)?;
            write!(self.line, "{{\"schema\":\"{SCHEMA}\",\"document\":")?;
            serde_json::to_writer(&mut self.line, &page.document)?;
            self.line.extend(b",\n\"pages\":[\n");
            self.open = Some(id);
        } else {
            self.line.extend(b",\n");
        }
        serde_json::to_writer(&mut self.line, &Page::of(page))?;
        self.out.write_all(&self.line)?;
        let items = self.flow.push(page);
        self.keep(&items)?;
        self.out.flush()
    }

    fn end_document(&mut self, document: DocumentId, complete: bool) -> io::Result<()> {
        if self.open == Some(document) { self.close(complete) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.close(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        output::testing::{document, formulas_everywhere, letter, page, written},
        record,
    };

    #[test]
    fn each_document_is_one_object_with_all_that_its_records_say() {
        let other = document("b \"quoted\".pdf", 2);
        let pages = [letter(), page(&other, 1, "x"), page(&other, 2, "y\u{2028}")];
        let text = written(|out| Box::new(Json::new(out)), &pages);
        let objects: Vec<serde_json::Value> =
            serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(objects.len(), 2);
        let mut back = Vec::new();
        for object in &objects {
            assert_eq!((&object["schema"], &object["complete"]), (&SCHEMA.into(), &true.into()));
            for page in object["pages"].as_array().unwrap() {
                let mut record = page.as_object().unwrap().clone();
                record.insert("schema".to_owned(), record::SCHEMA.into());
                record.insert("document".to_owned(), object["document"].clone());
                back.push(serde_json::from_value::<PageRecord>(record.into()).unwrap());
            }
        }
        assert_eq!(back, pages);
    }

    #[test]
    fn formulas_have_their_latex_and_mathml_in_the_tree() {
        let text = written(|out| Box::new(Json::new(out)), &[formulas_everywhere()]);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        let section = &object["content"][0];
        let marks = |node: &serde_json::Value| node["marks"].as_array().unwrap().clone();
        assert_eq!((&marks(section)[0]["kind"], &marks(section)[0]["latex"]), (&"formula".into(), &"a_1<b".into()));
        let nodes = section["content"].as_array().unwrap();
        let formulas: Vec<_> = nodes.iter().filter(|node| node["type"] == "formula").collect();
        let told = formulas.iter().map(|node| (node["marker"].as_str(), node["text"].as_str().unwrap()));
        assert_eq!(told.collect::<Vec<_>>(), [(Some("(12)"), "c = 1/2"), (None, "∑_i d"), (Some("(13)"), "broken")]);
        let is_mathml = |node: &serde_json::Value| node["mathml"].as_str().is_some_and(|text| text.contains("<mfrac>"));
        assert!(is_mathml(formulas[0]) && formulas[2]["mathml"].is_null(), "{formulas:?}");
        assert_eq!(formulas[2]["latex"], r"\frac{a");
        let table = nodes.iter().find(|node| node["type"] == "table").unwrap();
        assert_eq!(table["table"]["cells"][0]["marks"][0]["latex"], "a_1<b");
    }

    #[test]
    fn what_was_stopped_is_an_object_all_the_same_and_says_so() {
        let mut out = Vec::new();
        let mut writer = Json::new(&mut out);
        writer.write_page(&letter()).unwrap();
        writer.finish().unwrap();
        let object: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(object["complete"], false);
    }
}
