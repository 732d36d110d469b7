//! Text layers: read in the process, page by page.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use pagestream_documents::{OpenOptions, PageNumber, open};

use crate::{
    assert_all_are_made,
    builders::{chance, direction, forms, order, overlaid, raised, signs, tables, words as parted},
    judge, keep,
    kinds::{Case, Kind},
    words,
};

/// Read wrongly to this day, and why. `KIND: *` stands for all variants of a kind.
const NOT_YET: &[(&str, &[&str])] = &[
    (
        "Signs set one by one downwards are taken for rows; pdftotext and MuPDF do so too.",
        &["chinese-vertical-sign-by-sign: *"],
    ),
    ("Whether letters are spaced out is asked of whole lines.", &["letters-spaced-in-line: *"]),
    ("Rows with an empty cell among them are taken for columns.", &["table-of-chance: 64", "table-of-chance: 118"]),
    ("A picture without any ink counts as a scan where text covers little of it.", &["text-on-picture: *"]),
];

/// What is read, and whether it is believed.
fn read(case: &Case) -> (String, Option<String>) {
    let source = match open(Arc::new(case.bytes.clone()), &OpenOptions::default()) {
        Ok(source) => source,
        Err(error) => return (String::new(), Some(error.to_string())),
    };
    match source.text_layer(PageNumber::FIRST) {
        Ok(Some(layer)) => (layer.text, layer.doubt),
        Ok(None) => (String::new(), Some("there is no text".to_owned())),
        Err(error) => (String::new(), Some(error.to_string())),
    }
}

/// Reads all cases of so many makers, and tells what is wrong.
fn check(makers: usize, make: impl Fn(usize) -> Vec<Case> + Sync) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let maker = next.fetch_add(1, Ordering::Relaxed);
                    if maker >= makers {
                        break;
                    }
                    for case in make(maker) {
                        let (text, doubt) = read(&case);
                        let is_right = doubt.is_none() && words(&text) == words(&case.expected);
                        let read = doubt.map_or(text.clone(), |doubt| format!("{text}\n[{doubt}]"));
                        keep(&case.name, is_right, ("pdf", &case.bytes), &case.expected, &read);
                        wrong.lock().unwrap().extend(judge(&case.name, is_right, NOT_YET));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
}

fn kinds() -> Vec<&'static Kind> {
    let all = [
        tables::KINDS,
        signs::KINDS,
        overlaid::KINDS,
        raised::KINDS,
        forms::KINDS,
        parted::KINDS,
        direction::KINDS,
        order::KINDS,
    ];
    all.into_iter().flatten().collect()
}

/// Tables and columns of chance, unless more are asked for.
const SEEDS: usize = 150;

#[test]
fn text_layers_are_read_as_they_are_seen() {
    let kinds = kinds();
    check(kinds.len(), |index| kinds[index].cases());
}

#[test]
fn tables_and_columns_of_chance_are_read_as_they_are_seen() {
    let seeds = std::env::var("CASES_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    check(seeds, |seed| vec![chance::table(seed as u64), chance::columns(seed as u64)]);
}

#[test]
fn what_is_listed_as_read_wrongly_is_made() {
    let named = kinds().into_iter().flat_map(|kind| kind.settings().into_iter().map(|setting| kind.name_of(&setting)));
    let by_chance = (0..SEEDS as u64).flat_map(|seed| [chance::table(seed).name, chance::columns(seed).name]);
    assert_all_are_made(NOT_YET, &named.chain(by_chance).collect::<Vec<_>>());
}
