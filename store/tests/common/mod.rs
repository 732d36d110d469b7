//! Documents and pages for the tests.

#![allow(dead_code, reason = "each test target uses its own part")]

use std::sync::Arc;

use pagestream_documents::{
    Digest, DocumentId, DocumentRef, Origin, PageNumber, PageRecord, PageStatus, Rotation, record::SCHEMA,
};
use pagestream_store::{Blob, NewDocument, PageCommit, Priority, Store};
use serde_json::{Value, json};

pub fn page(number: u32) -> PageNumber {
    PageNumber::new(number).unwrap()
}

pub fn record(document: DocumentId, number: u32, text: &str) -> PageRecord {
    PageRecord {
        schema: SCHEMA.into(),
        document: DocumentRef { id: document, source: "test.pdf".into(), sha256: Digest::of(b"test"), pages: 9 },
        page: page(number),
        status: PageStatus::Ok,
        reason: None,
        origin: Some(Origin::Ocr),
        width: 1654,
        height: 2339,
        dpi: 200.0,
        rotation: Rotation::default(),
        text: text.into(),
        lines: Vec::new(),
        blocks: Vec::new(),
        confidence: None,
        needs_review: false,
        duplicate_of: None,
        timings_ms: [("recognise".to_owned(), 12.5)].into(),
        models: Vec::new(),
    }
}

pub fn commit(document: DocumentId, number: u32, text: &str) -> PageCommit {
    PageCommit { record: Arc::new(record(document, number, text)), raster: None }
}

pub fn failed(document: DocumentId, number: u32) -> PageCommit {
    let record = PageRecord {
        status: PageStatus::Failed,
        reason: Some("the decoder gave up".into()),
        ..record(document, number, "")
    };
    PageCommit { record: Arc::new(record), raster: None }
}

pub fn options() -> Value {
    json!({"ocr": "auto", "dpi": 200})
}

pub fn new_document(blob: &Blob) -> NewDocument {
    NewDocument {
        id: DocumentId::new(),
        source: "test.pdf".into(),
        blob: blob.clone(),
        options: options(),
        selection: None,
        priority: Priority::Interactive,
        tags: Vec::new(),
    }
}

/// Spools and journals a document.
pub fn submit(store: &Store, bytes: &[u8]) -> DocumentId {
    let blob = store.spool(&mut &*bytes).unwrap();
    let new = new_document(&blob);
    store.submit(&new).unwrap();
    new.id
}
