//! Text layers: read in the process, page by page.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use pagestream_documents::{OpenOptions, PageNumber, open};

use crate::{
    builders::{chance, direction, forms, order, overlaid, raised, signs, tables, words as parted},
    judge, keep,
    kinds::{Case, Kind},
    words,
};

/// Read wrongly to this day, and why. `KIND: *` stands for all variants of a kind.
const NOT_YET: &[(&str, &[&str])] = &[];

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

#[test]
fn text_layers_are_read_as_they_are_seen() {
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
    let kinds: Vec<&Kind> = all.into_iter().flatten().collect();
    check(kinds.len(), |index| kinds[index].cases());
}

#[test]
fn tables_and_columns_of_chance_are_read_as_they_are_seen() {
    check(150, |seed| vec![chance::table(seed as u64), chance::columns(seed as u64)]);
}
