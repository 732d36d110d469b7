//! Models that are made of models: cut and quantised, judged, and selected only when they were admitted.

mod shell;

use std::{collections::BTreeMap, fs, path::PathBuf};

use futures::StreamExt;
use pagestream::{
    DocumentState, OcrMode, Quality, Settings, Source, SubmitOptions,
    evaluation::{Reading, compare, evaluate, truth::truth_of},
};
use pagestream_models::{
    optimize::{CharacterSet, specialize},
    registry::{Fetching, RECOGNIZER, Registry},
};
use serde_json::Value;
use shell::{Home, Outcome};

/// A page of our own making with its text, and its text as the folder of truths has it.
const PAGE: &[u8] = include_bytes!("../examples/data/pages/digital.png");
const TEXT: &str = include_str!("../examples/data/pages/digital.truth.txt");

/// A home with models of its own (links to the user's, so that what is made stays here), and a page with its text.
fn home() -> Home {
    let mut home = Home::with_models();
    let registry = Registry::open(Settings::defaults().registry_options()).unwrap();
    let models = home.path("models");
    let library = registry.runtime(&Fetching::allowed()).unwrap();
    fs::create_dir(&models).unwrap();
    for status in registry.list().iter().filter(|status| status.role.is_some() && status.is_default) {
        fs::copy(&status.path, models.join(status.path.file_name().unwrap())).unwrap();
    }
    home.variables = vec![("PAGESTREAM_MODELS_DIR", models), ("PAGESTREAM_ORT_DYLIB", library)];
    home.write("truth/page.png", PAGE);
    home.write("truth/page.txt", TEXT);
    home
}

fn verdict(home: &Home, id: &str) -> Value {
    let path = home.path(&format!("models/derived/{id}/verdict.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn line<'a>(outcome: &'a Outcome, id: &str) -> Vec<&'a str> {
    let line = outcome.out.lines().find(|line| line.split_whitespace().next() == Some(id));
    line.unwrap_or_else(|| panic!("{id} in {}", outcome.out)).split_whitespace().collect()
}

#[test]
fn a_recogniser_cut_to_latin_is_admitted_and_reads() {
    let home = home();
    let id = "pp-ocrv6-rec-small-latin";
    let outcome = home.run(&["models", "specialize", "--alphabet", "latin", "--truth", "truth"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.err.contains(&format!("`{id}` is admitted")), "{}", outcome.err);
    let verdict = verdict(&home, id);
    assert_eq!(
        (&verdict["admitted"], &verdict["pages"], &verdict["pages_changed"]),
        (&true.into(), &1.into(), &0.into())
    );
    assert_eq!(verdict["original"]["model"]["id"], RECOGNIZER);
    assert!(verdict["derived"]["bytes"].as_u64() < verdict["original"]["bytes"].as_u64());
    let provenance = fs::read(home.path(&format!("models/derived/{id}/provenance.json"))).unwrap();
    let provenance: Value = serde_json::from_slice(&provenance).unwrap();
    assert_eq!(provenance["steps"][0]["command"], "pagestream models specialize --alphabet latin --truth truth");
    let listed = home.run(&["models", "list"]);
    assert_eq!(line(&listed, id)[1..4], ["recognize", "installed", "admitted"]);

    let setting = format!("models.recognizer={id}");
    let read = home.run(&["process", "-q", "-f", "jsonl", "--quality=accurate", "--set", &setting, "truth/page.png"]);
    assert_eq!(read.code, Some(0), "{}", read.err);
    let record = &read.records()[0];
    let models: Vec<&Value> = record["models"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert!(models.contains(&&Value::from(id)), "{models:?}");

    // Damage is found, and what is damaged is not read with.
    let file = home.path(&format!("models/derived/{id}/{id}.onnx"));
    fs::write(&file, b"another file").unwrap();
    let verified = home.run(&["models", "verify"]);
    assert_eq!(verified.code, Some(3), "{}", verified.err);
    assert!(verified.err.contains("is not what its provenance says"), "{}", verified.err);
    assert!(verified.err.contains("pagestream models specialize --alphabet latin"), "{}", verified.err);
    assert_eq!(home.run(&["process", "-q", "--set", &setting, "truth/page.png"]).code, Some(9));
}

#[test]
fn an_int8_model_of_another_processor_is_not_used_before_it_is_judged_here() {
    let home = home();
    let id = "pp-ocrv6-rec-small-latin";
    let outcome = home.run(&["models", "specialize", "--alphabet", "latin", "--truth", "truth"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    // As if it computed in int8 and had come from another machine.
    let change = |name: &str, key: &str, value: Value| {
        let path = home.path(&format!("models/derived/{id}/{name}.json"));
        let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        json[key] = value;
        fs::write(path, json.to_string()).unwrap();
    };
    let here = verdict(&home, id)["instructions"].clone();
    change("provenance", "is_int8", true.into());
    change("verdict", "instructions", Value::from(vec!["abacus"]));
    assert_eq!(line(&home.run(&["models", "list"]), id)[3], "unjudged");
    let setting = format!("models.recognizer={id}");
    let read = ["process", "-q", "--quality=accurate", "--set", &setting, "truth/page.png"];
    let refused = home.run(&read);
    assert_eq!((refused.code, refused.out.as_str()), (Some(9), ""), "{}", refused.err);
    assert!(refused.err.contains("judged on a processor with other instructions (abacus; "), "{}", refused.err);
    assert!(refused.err.contains(&format!("hint: judge it here: `pagestream models judge {id}`")), "{}", refused.err);

    let judged = home.run(&["models", "judge", id]);
    assert_eq!(judged.code, Some(0), "{}", judged.err);
    assert!(judged.err.contains(&format!("`{id}` is admitted")), "{}", judged.err);
    let verdict = verdict(&home, id);
    assert_eq!((&verdict["instructions"], &verdict["truth"]), (&here, &"truth".into()));
    assert_eq!(verdict["command"], format!("pagestream models judge {id}"));
    assert_eq!(line(&home.run(&["models", "list"]), id)[3], "admitted");
    assert_eq!(home.run(&read).code, Some(0));

    let unknown = home.run(&["models", "judge", "nothing"]);
    assert_eq!(unknown.code, Some(9), "{}", unknown.err);
    assert!(unknown.err.contains(&format!("made here: {id}")), "{}", unknown.err);
}

#[test]
fn a_model_that_reads_worse_is_refused_and_cannot_be_selected() {
    let home = home();
    home.write("figures.txt", "0123456789");
    let id = "pp-ocrv6-rec-small-figures";
    let outcome = home.run(&["models", "specialize", "--characters", "figures.txt", "--truth", "truth"]);
    assert_eq!(outcome.code, Some(4), "{}", outcome.err);
    assert!(outcome.err.contains(&format!("error: `{id}` is not admitted: all pages: ")), "{}", outcome.err);
    let verdict = verdict(&home, id);
    assert_eq!((&verdict["admitted"], &verdict["pages_changed"]), (&false.into(), &1.into()));
    let reason = verdict["reason"].as_str().unwrap();
    assert_eq!(line(&home.run(&["models", "list"]), id)[3], "refused");
    let file = format!("models/derived/{id}/{id}.onnx");
    for name in [id, &file] {
        let setting = format!("models.recognizer={name}");
        let read = home.run(&["process", "--set", &setting, "truth/page.png"]);
        assert_eq!((read.code, read.out.as_str()), (Some(9), ""), "{name}: {}", read.err);
        assert!(read.err.contains(reason) && read.err.contains("verdict.json"), "{name}: {}", read.err);
    }
}

#[test]
fn what_cannot_be_made_is_told_before_any_work_is_done() {
    let home = home();
    for (arguments, code, expected) in [
        (&["specialize", "--alphabet", "klingon"][..], 9, "there is no alphabet `klingon`"),
        (&["specialize", "pp-ocrv6-det-small", "--alphabet", "latin", "--truth", "truth"], 9, "no recogniser"),
        (&["specialize", "--alphabet", "latin", "--truth", "nowhere"], 5, "nowhere: is not a folder"),
        (&["specialize", "--alphabet", "latin", "--name", RECOGNIZER, "--truth", "truth"], 9, "manifest"),
        (&["specialize", "rec", "--alphabet", "latin", "--truth", "truth"], 9, "there is no model or runtime `rec`"),
        (&["quantize", "--mode", "static", "--truth", "truth"], 9, "--calibration"),
        (&["quantize", "--mode", "fp16", "--calibration", "truth", "--truth", "truth"], 9, "has no meaning"),
        (
            &["quantize", "--mode", "static", "--calibration", "truth", "--truth", "truth"],
            9,
            "page.png: is among the documents to calibrate on too",
        ),
        (&["quantize", "ppocr-v2-cls-mobile", "--mode", "fp16", "--truth", "truth"], 9, "cannot be quantised"),
        (&["quantize", "--mode", "fp16", "--max-loss", "much", "--truth", "truth"], 9, "percentage points"),
        (&["quantize", "--mode", "fp16", "--truth", "truth", "--offline"], 3, "nothing is fetched offline"),
        // This home has no Python.
        (&["quantize", "--mode", "fp16", "--truth", "truth"], 3, "`python3`: cannot be started"),
    ] {
        let outcome = home.run(&[&["models"], arguments].concat());
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(code), ""), "{arguments:?}: {}", outcome.err);
        assert!(outcome.err.contains(expected), "{arguments:?}: {}", outcome.err);
    }
    assert!(!home.path("models/derived").exists());
}

/// What the alphabet is for: text in Latin script the cut recogniser reads as well as the whole one. What is hardly text (stamps,
/// scrawls in a margin) may be read as something else, or be left out: one page in eight may differ at all, and the error
/// rate may rise by what any other model is allowed.
#[tokio::test(flavor = "multi_thread")]
async fn the_latin_recogniser_reads_the_corpora_as_well_as_the_whole_one() {
    let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) else {
        println!("PAGESTREAM_CORPORA is not set: nothing is read");
        return;
    };
    let registry = Registry::open(Settings::defaults().registry_options()).unwrap();
    let installed = registry.ensure(&[RECOGNIZER], &Fetching::allowed()).unwrap();
    let whole = fs::read(installed.path(RECOGNIZER).unwrap()).unwrap();
    let cut = specialize(&whole, &CharacterSet::built_in("latin").unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin.onnx");
    fs::write(&path, &cut.bytes).unwrap();

    let mut files = Vec::new();
    for source in ["old-books-dataset", "ehri-dataset", "test", "docling"] {
        for entry in fs::read_dir(corpora.join("ocr").join(source)).unwrap() {
            files.push(entry.unwrap().path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|e| ["tiff", "tif", "jpg", "png", "pdf"].iter().any(|k| e == *k)));
    files.sort();
    assert!(!files.is_empty(), "the corpora have pages");
    let mut texts: Vec<BTreeMap<PathBuf, String>> = Vec::new();
    for recognizer in [RECOGNIZER.to_owned(), path.to_str().unwrap().to_owned()] {
        let mut settings = Settings::defaults();
        settings.models.recognizer = recognizer;
        settings.ocr.quality = Quality::Accurate;
        let pipeline = pagestream::start_with(settings, Fetching::allowed()).await.unwrap();
        let mut documents = Vec::new();
        for file in &files {
            let options = SubmitOptions { ocr: OcrMode::Always, ..SubmitOptions::default() };
            documents.push((file, pipeline.submit(Source::Path(file.clone()), options).await.unwrap()));
        }
        let mut read = BTreeMap::new();
        for (file, document) in documents {
            let pages: Vec<_> = document.pages().map(|page| page.unwrap().text).collect().await;
            assert_eq!(document.progress().state, DocumentState::Done, "{}", file.display());
            read.insert(file.clone(), pages.join("\u{c}"));
        }
        pipeline.stop().await;
        texts.push(read);
    }
    let score = |texts: &BTreeMap<PathBuf, String>| {
        evaluate(texts.iter().map(|(file, text)| {
            let truth = fs::read(truth_of(file).unwrap()).unwrap();
            let folder = file.parent().unwrap().display().to_string();
            Reading::of(folder, file.display().to_string(), String::from_utf8_lossy(&truth), text)
        }))
    };
    let changed: Vec<_> = files.iter().filter(|file| texts[0][*file] != texts[1][*file]).collect();
    println!("{} of {} pages have another text: {changed:?}", changed.len(), files.len());
    // By a character or a speck each (five of 44 pages here); how many depends on the processor's arithmetic. The gate is the CER.
    assert!(changed.len() * 4 <= files.len(), "{changed:?}");
    let verdict = compare(&score(&texts[0]), &score(&texts[1]), 0.0005);
    assert!(verdict.admitted, "{verdict:?}");
}
