//! One object a document, `pagestream.document/1`, written page by page.
//!
//! ```json
//! {"schema":"pagestream.document/1","document":{"id":"…","source":"…","sha256":"…","pages":2},
//! "pages":[
//! {"page":1,"status":"ok", …},
//! {"page":2, …}
//! ],"complete":true}
//! ```
//! Its pages are those of `pagestream.page/1` ([`crate::record`]) without what is the same for all of them. `complete` says whether
//! all pages that were asked for are there. Documents follow one another, each from a line of its own.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

use super::PageWriter;
use crate::{
    ids::{DocumentId, PageNumber},
    raster::Rotation,
    record::{Block, DuplicateOf, ModelRef, Origin, PageRecord, PageStatus, TextLine},
};

/// The schema of the object.
pub(super) const SCHEMA: &str = "pagestream.document/1";

pub struct Json<W> {
    out: W,
    open: Option<DocumentId>,
    /// One page, reused.
    line: Vec<u8>,
}

impl<W: Write> Json<W> {
    pub fn new(out: W) -> Self {
        Self { out, open: None, line: Vec::new() }
    }

    fn close(&mut self, complete: bool) -> io::Result<()> {
        if self.open.take().is_some() {
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
        output::testing::{document, letter, page, written},
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
    fn what_was_stopped_is_an_object_all_the_same_and_says_so() {
        let mut out = Vec::new();
        let mut writer = Json::new(&mut out);
        writer.write_page(&letter()).unwrap();
        writer.finish().unwrap();
        let object: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(object["complete"], false);
    }
}
