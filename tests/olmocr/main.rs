//! Unit tests of documents in the manner of olmOCR-bench: of a page's Markdown, whether a sentence is there, a running head is not, one thing
//! comes before another, and a cell has the right neighbours. The corpora take their place from `PAGESTREAM_CORPORA`; where it is not set
//! this says so and passes. Formulas are no part of it yet.

mod checks;
mod tables;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    process::Command,
};

use checks::{Check, normal};

/// Of all checks but those of formulas, and of what is written by hand.
const LEAST: f64 = 0.85;

/// Handwriting, which our models do not read: counted and printed, and not asked for.
const BY_HAND: [&str; 3] = ["buildingnotes.pdf", "lincoln_letter.pdf", "mattsnotes.pdf"];

/// The page's Markdown: ours, or what another program wrote into the folder that `OLMOCR_MARKDOWN` names, as `NAME-pN.md`
/// (`benches/olmocr.sh`).
fn markdown(pdf: &Path, page: u32) -> String {
    if let Some(folder) = std::env::var_os("OLMOCR_MARKDOWN") {
        let name = format!("{}-p{page}.md", pdf.file_stem().unwrap_or_default().display());
        return std::fs::read_to_string(Path::new(&folder).join(name)).unwrap_or_default();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_pagestream"))
        .args(["process", "-q", "-f", "markdown", "--pages", &page.to_string(), "--offline", "--quality", "fast"])
        .arg(pdf)
        .output()
        .expect("the program starts");
    String::from_utf8(output.stdout).expect("Markdown is UTF-8")
}

#[test]
fn documents_pass_the_unit_tests_of_olmocr_bench() {
    let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA") else {
        eprintln!("PAGESTREAM_CORPORA is not set: nothing was checked");
        return;
    };
    let folder = Path::new(&corpora).join("ocr/olmocr");
    let dataset = std::fs::read_to_string(folder.join("dataset.jsonl")).expect("the corpora have the list of checks");
    let mut pages: HashMap<(String, u32), String> = HashMap::new();
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut by_hand = (0, 0);
    let mut failed = Vec::new();
    let mut apply = |check: &Check, id: &str, pdf: &str, text: &str| {
        let passes = check.passes(text);
        let count = if BY_HAND.contains(&pdf) { &mut by_hand } else { counts.entry(check.name()).or_default() };
        *count = (count.0 + u32::from(passes), count.1 + 1);
        if !passes && !BY_HAND.contains(&pdf) {
            failed.push(format!("{id}: {check:?}"));
        }
    };
    for line in dataset.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("one check a line");
        let (pdf, page) = (entry["pdf"].as_str().unwrap_or_default(), entry["page"].as_u64().unwrap_or(1) as u32);
        let key = (pdf.to_owned(), page);
        if !pages.contains_key(&key) {
            let text = markdown(&folder.join("pdfs").join(pdf), page);
            apply(&Check::Baseline, &format!("{pdf}, page {page}"), pdf, &text);
            pages.insert(key.clone(), text);
        }
        if let Some(check) = Check::of(&entry) {
            apply(&check, entry["id"].as_str().unwrap_or_default(), pdf, &pages[&key]);
        }
    }
    let (passed, all) = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("{passed} of {all}: {counts:?}, by hand {by_hand:?}\n{}", failed.join("\n"));
    assert!(
        f64::from(passed) >= LEAST * f64::from(all),
        "{passed} of {all} checks passed: {counts:?}\n{}",
        failed.join("\n")
    );
}

#[test]
fn each_check_fails_where_it_should() {
    let page = "# Of *Tides*\n\nThe first “tide” – comes.\n\n| Year | Height | |\n|---|---:|---|\n| 1901 | 3.2 | low |\n| 1902 | 4.1 | \\| |\n\n\
                <table><tr><th rowspan=\"2\">Port</th><th colspan=\"2\">Depth</th></tr><tr><th>min</th><th>max</th></tr>\
                <tr><td>Hull</td><td>7</td><td>9 &amp; more</td></tr></table>\n\nThe end.";
    let check = |json: &str| Check::of(&serde_json::from_str(json).unwrap()).unwrap().passes(page);
    for (json, passes) in [
        (r#"{"type":"present","text":"the first \"tide\" - comes"}"#, false),
        (r#"{"type":"present","text":"the first \"tide\" - comes","case_sensitive":false}"#, true),
        (r#"{"type":"present","text":"The first tide","max_diffs":2}"#, true),
        (r#"{"type":"absent","text":"Of Tides"}"#, false),
        (r#"{"type":"absent","text":"of storms"}"#, true),
        (r#"{"type":"order","before":"Of Tides","after":"The end"}"#, true),
        (r#"{"type":"order","before":"The end","after":"Of Tides"}"#, false),
        (
            r#"{"type":"table","cell":"3.2","left":"1901","right":"low","down":"4.1","top_heading":"Height","left_heading":"1901"}"#,
            true,
        ),
        (r#"{"type":"table","cell":"3.2","up":"Year"}"#, false),
        (
            r#"{"type":"table","cell":"9 & more","up":"max","top_heading":"Depth","left":"7","left_heading":"Hull"}"#,
            true,
        ),
        (r#"{"type":"table","cell":"9 & more","top_heading":"Port"}"#, false),
        (r#"{"type":"table","cell":"|"}"#, true),
        (r#"{"type":"table","cell":"The end."}"#, false),
    ] {
        assert_eq!(check(json), passes, "{json}");
    }
    let baseline = |text: &str| Check::Baseline.passes(text);
    assert!(baseline(page) && !baseline(" # ") && !baseline("漢字") && !baseline(&"and so on ".repeat(31)));
    assert_eq!(normal("a  **b**\n_c_"), "a b c");
}
