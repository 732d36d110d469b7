//! Text layers: read in the process, page by page.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use pagestream_documents::{OpenOptions, PageNumber, open};

use crate::{
    builders::{direction, order, signs, tables, words as parted},
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

#[test]
fn text_layers_are_read_as_they_are_seen() {
    let all = [tables::KINDS, signs::KINDS, parted::KINDS, direction::KINDS, order::KINDS];
    let kinds: Vec<&Kind> = all.into_iter().flatten().collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(kind) = kinds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for case in kind.cases() {
                        let (text, doubt) = read(&case);
                        let is_right = doubt.is_none() && words(&text) == words(&case.expected);
                        if !is_right {
                            let read = format!("{text}\n{}", doubt.map_or(String::new(), |doubt| format!("[{doubt}]")));
                            keep(&case.name, "pdf", &case.bytes, &case.expected, &read);
                        }
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
