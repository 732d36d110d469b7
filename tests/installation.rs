//! What a user finds on a machine: settings and who set them, models and their state, and what `doctor` says of both.

mod shell;

use std::{fs, path::Path};

use pagestream_models::registry::DEFAULT_MODELS;
use serde_json::Value;
use shell::Home;

#[test]
fn settings_show_who_set_them() {
    let home = Home::new();
    home.write(".config/pagestream/config.toml", "[render]\ndpi = 300\n[ocr]\nmode = 'always'\n");
    home.write("pagestream.toml", "[ocr]\nmode = 'never'\n[limits]\npage_time = '60s'\n");
    let mut command = home.command(&["--profile", "small", "--set", "log.level=info", "config", "show"]);
    let outcome = home.outcome(command.env("PAGESTREAM_LIMITS_PAGE_TIME", "90s").spawn().unwrap());
    outcome.expect(0, "");
    let lines: Vec<(&str, &str)> = outcome.out.lines().map(|line| line.split_once("  # ").unwrap()).collect();
    for (setting, origin) in [
        ("pipeline.drain = \"30s\"", "default"),
        ("pipeline.cpu_threads = 1", "profile small"),
        ("render.dpi = 300.0", "~/.config/pagestream/config.toml"),
        ("ocr.mode = \"never\"", "pagestream.toml"),
        ("limits.page_time = \"90s\"", "PAGESTREAM_LIMITS_PAGE_TIME"),
        ("log.level = \"info\"", "command line"),
    ] {
        let found = lines.iter().find(|(line, _)| line.trim_end() == setting);
        assert_eq!(found.map(|(_, origin)| *origin), Some(origin), "{setting} in\n{}", outcome.out);
    }
    // Every key of the default file is shown, once.
    let defaults: toml::Table = include_str!("../config/default.toml").parse().unwrap();
    assert_eq!(lines.len(), defaults.values().map(|section| section.as_table().unwrap().len()).sum::<usize>());
}

#[test]
fn models_are_listed_with_their_state_and_place() {
    let outcome = Home::new().run(&["models", "list"]);
    outcome.expect(0, "");
    for id in DEFAULT_MODELS {
        let line = outcome.out.lines().find(|line| line.starts_with(id)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[2..4], ["missing", "default"], "{line}");
        assert!(line.contains("Apache-2.0") && line.contains("~/.cache/pagestream/models/"), "{line}");
    }
    let outcome = Home::with_models().run(&["models", "list"]);
    assert!(outcome.out.lines().any(|line| line.starts_with(DEFAULT_MODELS[0]) && line.contains("installed")));
}

#[cfg(unix)]
#[test]
fn a_damaged_model_is_found_and_never_used() {
    let mut home = Home::with_models();
    home.run(&["models", "verify"]).expect(0, "");
    let real = home.variables[0].1.clone();
    let copy = home.path("models");
    link_all(&real, &copy);
    let damaged = copy.join("PP-OCRv6_det_small.onnx");
    // The right size, so that only the digest tells.
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[5_000_000] ^= 1;
    fs::remove_file(&damaged).unwrap();
    fs::write(&damaged, bytes).unwrap();
    home.variables[0].1 = copy;
    let outcome = home.run(&["models", "verify"]);
    outcome.expect(
        3,
        "error: ~/models/PP-OCRv6_det_small.onnx: is not what the manifest says\n \
         hint: run `pagestream models pull pp-ocrv6-det-small`\n",
    );
    let state = |id: &str| outcome.out.lines().find(|line| line.starts_with(id)).unwrap().split_whitespace().nth(2);
    assert_eq!((state(DEFAULT_MODELS[0]), state(DEFAULT_MODELS[1])), (Some("damaged"), Some("installed")));
    let outcome = home.run(&["process", "--offline", "--quality", "accurate", "sample.pdf"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(3), ""));
    assert!(outcome.err.contains("PP-OCRv6_det_small.onnx is damaged: its SHA-256 is "), "{}", outcome.err);
}

/// The same tree of folders, the files as links, without what was noted about them.
#[cfg(unix)]
fn link_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            _ if entry.file_name().to_string_lossy().starts_with('.') => {}
            kind if kind.is_dir() => link_all(&entry.path(), &target),
            _ => std::os::unix::fs::symlink(entry.path(), target).unwrap(),
        }
    }
}

#[test]
fn doctor_says_what_is_there_and_fetches_nothing() {
    let home = Home::with_models();
    let outcome = home.run(&["doctor", "--json"]);
    outcome.expect(0, "");
    let report: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!((&report["schema"], &report["ok"]), (&"pagestream.doctor/1".into(), &true.into()));
    assert_eq!(report["problems"], Value::Array(Vec::new()));
    let devices = report["devices"].as_array().unwrap();
    assert!(devices[0]["id"] == "cpu" && devices[0]["works"] == true && devices[0]["selected"] == true, "{devices:?}");
    for device in devices {
        assert_eq!(device["works"] == true, device["why_not"].is_null(), "{device}");
    }
    let needed: Vec<_> = report["models"].as_array().unwrap().iter().filter(|model| model["needed"] == true).collect();
    assert!(needed.len() >= 3 && needed.iter().all(|model| model["state"] == "installed"), "{needed:?}");
    assert!(report["machine"]["cores"].as_u64().unwrap() >= 1);
    assert!(report["machine"]["memory_budget_bytes"].as_u64().unwrap() >= 16 << 20);
    assert!(report["runtime"]["version"].is_string(), "{}", report["runtime"]);
    // There is no Python on the search path of this test.
    assert_eq!(report["fetch"]["possible"], false);
    let text = home.run(&["doctor"]);
    text.expect(0, "");
    assert!(text.out.ends_with("\npages can be read here\n"), "{}", text.out);
    home.assert_nothing_was_left_behind();
}

#[cfg(feature = "built-in-models")]
#[test]
fn doctor_and_the_records_name_the_models_that_read_and_why_they_do() {
    let home = Home::with_models();
    let fast = |arguments: &[&str]| home.run(&[&["--set", "ocr.quality=fast"], arguments].concat());
    let report: Value = serde_json::from_str(&fast(&["doctor", "--json"]).out).unwrap();
    let mut models = report["reads_with"].as_array().unwrap().clone();
    let read = fast(&["process", "-q", "-f", "jsonl", "--ocr", "always", "--pages", "1", "sample.pdf"]);
    assert_eq!(read.code, Some(0), "{}", read.err);
    let of = |models: &[Value]| -> Vec<(Value, Value)> {
        models.iter().map(|model| (model["id"].clone(), model["sha256"].clone())).collect()
    };
    // A page without formulas is not said to be read by what reads them.
    models.retain(|model| model["task"] != "formula" && model["task"] != "inline-formulas");
    assert_eq!(of(read.records()[0]["models"].as_array().unwrap()), of(&models));
    let listed = fast(&["models", "list"]).out;
    for model in &models {
        // ONNX Runtime is installed here, and is not what runs them.
        let why = model["why"].as_str().unwrap();
        assert!(why.contains("reads alike on every machine") && listed.contains(why), "{model}");
        assert!(model["from"] == "built-in" && model["library"] == "own" && model["precision"] == "int8", "{model}");
    }
    home.assert_nothing_was_left_behind();
}

#[test]
fn doctor_gives_3_where_pages_cannot_be_read() {
    let home = Home::new();
    let needed = "pp-ocrv6-det-small is missing, pp-ocrv6-rec-small is missing, ppocr-v2-cls-mobile is missing, \
                  onnxruntime is missing";
    // By themselves, the models in the program read Latin print.
    #[cfg(feature = "built-in-models")]
    {
        let outcome = home.run(&["doctor", "--offline"]);
        outcome.expect(0, "");
        assert!(
            outcome.out.ends_with("built-in models; those that they are unsure of are marked\n"),
            "{}",
            outcome.out
        );
    }
    let accurate = ["--set", "ocr.quality=accurate", "doctor"];
    let outcome = home.run(&[accurate.as_slice(), &["--offline"]].concat());
    outcome.expect(
        3,
        &format!(
            "error: {needed}; nothing can be fetched: `models.fetch` is `never`\n \
             hint: `pagestream models pull` in such a place names each file and where it belongs\n"
        ),
    );
    assert!(outcome.out.ends_with("\npages cannot be read from their pixels here\n"), "{}", outcome.out);
    let outcome = home.run(&accurate);
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.err.contains("there is no python3"), "{}", outcome.err);
    // A folder that cannot be made, because a file is in its place.
    let outcome = home.run(&[accurate.as_slice(), &["--json", "--models-dir", "sample.pdf/models"]].concat());
    let report: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!((outcome.code, &report["folders"][0]["writable"]), (Some(3), &false.into()));
    home.write("not-a-library.so", "text");
    let mut command = home.command(&["doctor", "--json"]);
    let outcome = home.outcome(command.env("PAGESTREAM_ORT_DYLIB", home.path("not-a-library.so")).spawn().unwrap());
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.err.contains("ONNX Runtime cannot be used: ~/not-a-library.so"), "{}", outcome.err);
    assert!(!home.path(".cache").exists());
    assert_eq!(
        home.files("."),
        [String::from("not-a-library.so"), String::from("sample.pdf")],
        "nothing is left behind"
    );
}

#[test]
fn doctor_names_the_configuration_files_that_are_used() {
    let home = Home::new();
    home.write(".config/pagestream/config.toml", "[render]\ndpi = 300\n");
    home.write("pagestream.toml", "[ocr]\nmode = 'never'\n");
    home.write("mine.toml", "[log]\nlevel = 'info'\n");
    let run = |arguments: &[&str]| {
        home.outcome(home.command(arguments).env("PAGESTREAM_CONFIG", "mine.toml").spawn().unwrap())
    };
    let report: Value = serde_json::from_str(&run(&["doctor", "--json"]).out).unwrap();
    let files: Vec<_> = report["config"].as_array().unwrap().iter().filter(|file| file["found"] == true).collect();
    let shown = run(&["config", "show"]).out;
    assert_eq!(files.len(), 3);
    for file in files {
        let path = file["path"].as_str().unwrap();
        assert!(shown.lines().any(|line| line.ends_with(&format!("  # {path}"))), "{path} in\n{shown}");
    }
}
