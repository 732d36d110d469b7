//! Small documents, each with the trait of one fault that people report, and the right text of each. They stand beside the corpora, in
//! `cases`; where `PAGESTREAM_CORPORA` is not set this test says so and passes.

use std::{fs, path::Path};

use pagestream::evaluation::{Reading, evaluate};

use crate::shell::Home;

/// Characters of a page of pixels that may be read wrongly: no fault of the kind shown.
const OCR_ERRORS: f64 = 0.03;

#[test]
fn what_was_read_wrongly_once_is_read_right() {
    let Some(folder) = std::env::var_os("PAGESTREAM_CORPORA").map(|dir| Path::new(&dir).join("../cases")) else {
        return println!("passed over: PAGESTREAM_CORPORA is not set");
    };
    if !folder.is_dir() {
        return println!("passed over: there is no folder cases beside the corpora");
    }
    let home = Home::new();
    let mut wrong = Vec::new();
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".expected.txt") && !name.ends_with(".md"));
    names.sort();
    assert!(names.len() >= 30, "{names:?}");
    for name in names {
        let (stem, _) = name.rsplit_once('.').unwrap();
        let expected = fs::read_to_string(folder.join(format!("{stem}.expected.txt"))).unwrap();
        let document = folder.join(&name);
        let fixed = ["process", "--quality", "fast", "--offline", "-q"];
        let outcome = home.run(&[&fixed[..], &[document.to_str().unwrap()]].concat());
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (read, truth) = (words(&outcome.out), words(&expected));
        let cer = evaluate([Reading::of("cases", &name, &truth, &read)]).cer();
        // Text layers are not guessed; what has to be read from pixels is known by its origin.
        let lines = home.run(&[&fixed[..], &["-f", "jsonl", document.to_str().unwrap()]].concat());
        let guessed = lines.records().iter().any(|record| record["origin"] == "ocr" || record["origin"] == "mixed");
        let is_right = if guessed { cer <= OCR_ERRORS } else { read == truth };
        if outcome.code != Some(0) || !is_right {
            wrong.push(format!("{name}: CER {cer:.4}, right {is_right}, code {:?}", outcome.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
