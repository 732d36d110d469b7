//! Features are loaded when a page asks for them, and others can be chosen: which networks say what the parts of a page are, and which cells its
//! tables have.

mod common;
mod shell;

use std::{collections::BTreeSet, io::Write};

use common::all;
use pagestream::{DocumentState, Fetching, OcrMode, Settings, Source, SubmitOptions};
use pagestream_documents::Structure;
use pagestream_models::registry::{Fetching as RegistryFetching, LAYOUT, Registry, RegistryOptions, TABLE};
use serde_json::Value;
use shell::Home;

/// Pages of Helvetica with these contents.
fn pdf(contents: &[String]) -> Vec<u8> {
    let kids: Vec<String> = (0..contents.len()).map(|at| format!("{} 0 R", 4 + 2 * at)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Count {}/Kids[{}]>>", contents.len(), kids.join(" ")),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    for (at, content) in contents.iter().enumerate() {
        let resources = "/Resources<</Font<</F 3 0 R>>>>";
        objects
            .push(format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]{resources}/Contents {} 0 R>>", 5 + 2 * at));
        objects.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    }
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(file.len());
        writeln!(file, "{} 0 obj\n{object}\nendobj", at + 1).unwrap();
    }
    let table = file.len();
    write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
    places.iter().for_each(|place| writeln!(file, "{place:010} 00000 n ").unwrap());
    write!(file, "trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", objects.len() + 1).unwrap();
    file
}

const CELLS: [[&str; 3]; 5] = [
    ["Article", "Pieces", "Price"],
    ["Copper wire", "12", "4.80"],
    ["Steel hinge", "40", "16.25"],
    ["Brass screw", "500", "21.00"],
    ["Oak board", "310", "57.90"],
];

/// A paragraph, a table that is drawn with all its lines, and another paragraph.
fn page_with_a_table() -> String {
    let paragraph = |y: usize| {
        let lines = [
            "The following articles were counted in the store on the last day of the month, and",
            "what they cost is what they were bought for. Whatever is missing here was counted by",
            "those who had it in hand on that day, and is listed at the end of the whole report.",
        ];
        let lines: Vec<String> =
            lines.iter().enumerate().map(|(at, line)| format!("1 0 0 1 70 {} Tm ({line}) Tj", y - 15 * at)).collect();
        format!("BT /F 11 Tf {} ET\n", lines.join(" "))
    };
    let (columns, top, height) = ([70, 270, 390, 525], 620, 26);
    let mut content = paragraph(740) + &paragraph(420) + ".8 w\n";
    for row in 0..=CELLS.len() {
        let y = top - height * row;
        content.push_str(&format!("{} {y} m {} {y} l S\n", columns[0], columns[3]));
    }
    for x in columns {
        content.push_str(&format!("{x} {top} m {x} {} l S\n", top - height * CELLS.len()));
    }
    for (row, cells) in CELLS.iter().enumerate() {
        for (cell, x) in cells.iter().zip(columns) {
            let y = top - height * row - 17;
            content.push_str(&format!("BT /F 11 Tf 1 0 0 1 {} {y} Tm ({cell}) Tj ET\n", x + 8));
        }
    }
    content
}

/// What was loaded to read a page.
async fn loaded(structure: Structure, ocr: OcrMode) -> BTreeSet<&'static str> {
    let mut settings = Settings::defaults();
    settings.structure.mode = structure;
    settings.ocr.quality = pagestream::Quality::Fast;
    let pipeline = pagestream::start_with(settings, Fetching::never()).await.unwrap();
    let source = Source::Bytes { name: "page.pdf".to_owned(), bytes: pdf(&[page_with_a_table()]).into() };
    let document = pipeline.submit(source, SubmitOptions { ocr, ..SubmitOptions::default() }).await.unwrap();
    let pages = all(&document).await;
    assert_eq!(document.finished().await.state, DocumentState::Done);
    assert!(pages[0].text.contains("Brass screw"), "{}", pages[0].text);
    let models = pipeline.metrics().models;
    pipeline.stop().await;
    let loads: u64 = models.tasks.values().map(|task| task.loads).sum();
    assert_eq!(loads, models.loads);
    models.tasks.into_iter().filter(|(_, task)| task.loads > 0).map(|(task, _)| task).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn features_that_nobody_asks_for_are_not_loaded() {
    for structure in [Structure::Off, Structure::Lines] {
        let loaded = loaded(structure, OcrMode::Always).await;
        assert_eq!(loaded, BTreeSet::from(["compact-detect", "compact-recognize"]), "{structure:?}");
    }
    let full = loaded(Structure::Full, OcrMode::Always).await;
    // Names of parts are letters and digits, as formulas are; but none of them is one, and what reads formulas is not loaded.
    assert_eq!(full, BTreeSet::from(["compact-detect", "compact-recognize", "inline-formulas", "layout"]));
    let born_digital = loaded(Structure::Full, OcrMode::Auto).await;
    assert_eq!(born_digital, BTreeSet::new(), "its text layer says everything");
}

/// With the models that can be chosen, fetched if they are not there yet.
fn home() -> (Home, Registry) {
    let registry = Registry::open(RegistryOptions::default()).unwrap();
    registry.ensure(&[LAYOUT, TABLE], &RegistryFetching::allowed()).unwrap();
    let home = Home::with_models();
    home.write("table.pdf", pdf(&[page_with_a_table()]));
    (home, registry)
}

const READ: [&str; 10] =
    ["process", "-q", "-f", "jsonl", "--quality", "fast", "--ocr", "always", "--offline", "table.pdf"];

fn record(home: &Home, set: &[&str]) -> Value {
    let outcome = home.run(&[&READ[..], set].concat());
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{set:?}");
    outcome.records().remove(0)
}

#[test]
fn other_networks_say_what_the_parts_of_a_page_are_and_which_cells_its_tables_have() {
    let (home, registry) = home();
    let status = registry.list().into_iter().find(|status| status.id == LAYOUT).unwrap();
    let file = format!("models.layout={}", status.path.display());
    let models = |record: &Value| -> Vec<String> {
        record["models"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    for (set, wanted, unwanted) in [
        (&[][..], &["layout"][..], &[LAYOUT, TABLE][..]),
        (&["--set", "models.layout=pp-layout-cdla"], &[LAYOUT], &[TABLE]),
        (&["--set", &file], &[LAYOUT], &[TABLE]),
        (&["--set", "models.table=slanet-1m"], &["layout", TABLE], &[LAYOUT]),
        (&["--set", "models.layout=pp-layout-cdla", "--set", "models.table=slanet-1m"], &[LAYOUT, TABLE], &[]),
    ] {
        let record = record(&home, set);
        let models = models(&record);
        let has = |id: &&str| models.iter().any(|model| model.trim_end_matches("-int8") == *id);
        assert!(wanted.iter().all(&has) && !unwanted.iter().any(has), "{set:?}: {models:?}");
        let blocks = record["blocks"].as_array().unwrap();
        let tables: Vec<&Value> = blocks.iter().filter(|block| block["kind"] == "table").collect();
        let [table] = tables[..] else { panic!("{set:?}: {blocks:?}") };
        let texts: Vec<&str> =
            table["table"]["cells"].as_array().unwrap().iter().map(|cell| cell["text"].as_str().unwrap()).collect();
        assert_eq!(texts, CELLS.concat(), "{set:?}");
    }
}

#[test]
fn a_network_of_another_family_is_refused_before_anything_starts() {
    let (home, registry) = home();
    let path = |id: &str| registry.list().into_iter().find(|status| status.id == id).unwrap().path;
    home.write("no-model.onnx", b"This is a letter.");
    for (set, said) in [
        (format!("models.table={}", path(LAYOUT).display()), "cannot serve `table`: "),
        (format!("models.layout={}", path(TABLE).display()), "cannot serve `layout`: "),
        ("models.layout=no-model.onnx".to_owned(), "it takes 0 inputs"),
        ("models.layout=slanet-1m".to_owned(), "it is for `table`"),
        ("models.table=nothing".to_owned(), "there is no model or runtime `nothing`"),
        ("models.table=nowhere.onnx".to_owned(), "there is no file nowhere.onnx"),
    ] {
        let outcome = home.run(&[&READ[..], &["--set", &set]].concat());
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(9), ""), "{set}: {}", outcome.err);
        assert!(outcome.err.contains(said), "{set}: {}", outcome.err);
    }
}
