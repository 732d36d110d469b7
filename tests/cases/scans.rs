//! What has to be read from the pixels: by the program, all files in one run, in `fast`.

use std::collections::BTreeMap;

use pagestream::evaluation::{Reading, evaluate};
use serde_json::Value;

use crate::{
    assert_all_are_made,
    builders::{chance, false_layers, images, scans},
    judge, keep,
    shell::Home,
    words,
};

/// A file whose pixels are read.
pub struct Scan {
    pub name: String,
    pub extension: &'static str,
    pub bytes: Vec<u8>,
    pub expected: Expected,
}

pub enum Expected {
    /// This text; of its characters a few may be read wrongly.
    Text(String),
    /// Nothing that can be read here: it is marked and to be reviewed, and upright pages are not turned.
    Marked,
    /// This text, or else the page is to be reviewed.
    TextOrReview(String),
    /// Its words, among others.
    Words(String),
}

impl Scan {
    pub fn new(name: &str, extension: &'static str, bytes: Vec<u8>, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), extension, bytes, expected: Expected::Text(text.into()) }
    }
}

/// Read wrongly to this day, and why.
const NOT_YET: &[(&str, &[&str])] = &[
    (
        "A table's column of phrases, apart from its numbers, is taken for a column of text beside it.",
        &["table-scan-of-chance-8"],
    ),
    (
        "In f32 they are read rightly; in int8, which our own runtime computes with, a few characters are not.",
        &["table-assay-scan", "vietnamese"],
    ),
];

/// Share of a text's words that were read, 0 to 1.
fn recall(text: &str, read: &str) -> f64 {
    let mut rest: Vec<&str> = read.split_whitespace().collect();
    let all = text.split_whitespace().count();
    let found = text.split_whitespace().filter(|word| {
        let place = rest.iter().position(|other| other == word);
        place.map(|at| rest.swap_remove(at)).is_some()
    });
    found.count() as f64 / all as f64
}

/// Characters that may be read wrongly: no fault of the kind shown.
const ERRORS: f64 = 0.03;

#[test]
fn what_only_the_pixels_show_is_read() {
    let home = Home::new();
    let scans: Vec<Scan> =
        [scans::all(), images::all(), false_layers::all(), chance::scans(12)].into_iter().flatten().collect();
    assert_all_are_made(NOT_YET, &scans.iter().map(|scan| scan.name.clone()).collect::<Vec<_>>());
    let file = |scan: &Scan| format!("{}.{}", scan.name, scan.extension);
    scans.iter().for_each(|scan| home.write(&file(scan), &scan.bytes));
    let names: Vec<String> = scans.iter().map(file).collect();
    let mut arguments = vec!["process", "-f", "jsonl", "-q", "--quality", "fast", "--offline"];
    arguments.extend(names.iter().map(String::as_str));
    let outcome = home.run(&arguments);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    let records: BTreeMap<String, Value> = outcome
        .records()
        .into_iter()
        .map(|record| (record["document"]["source"].as_str().unwrap().to_owned(), record))
        .collect();
    let mut wrong = Vec::new();
    for scan in &scans {
        let record = &records[&file(scan)];
        let read = record["text"].as_str().unwrap_or_default();
        let cer = |text: &str| evaluate([Reading::of("cases", &scan.name, words(text), words(read))]).cer();
        let review = record["needs_review"] == true;
        let (is_right, expected) = match &scan.expected {
            Expected::Text(text) => (cer(text) <= ERRORS, text.as_str()),
            Expected::TextOrReview(text) => (review || cer(text) <= ERRORS, text.as_str()),
            Expected::Words(text) => (recall(text, read) >= 1.0 - ERRORS, text.as_str()),
            Expected::Marked => (review && read.contains('\u{fffd}') && record["rotation"] == 0, "marked"),
        };
        let told = ["status", "origin", "confidence", "needs_review", "reason", "rotation"];
        let told = told.map(|key| format!("{key} {}", record[key])).join(", ");
        let text = cer(expected);
        keep(
            &scan.name,
            is_right,
            (scan.extension, &scan.bytes),
            expected,
            &format!("{read}\n[CER {text:.4}, {told}]"),
        );
        wrong.extend(judge(&scan.name, is_right, NOT_YET));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
