//! The program as a shell sees it: exit code, standard output, standard error. Each test has a home of its own, and the
//! models, where a test needs them, come from where this user has them.

mod shell;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
};

use lopdf::{Document, EncryptionState, EncryptionVersion, Permissions};
use serde_json::Value;
use shell::{Home, SAMPLE, TRUTH};

/// The rows with words on them, page by page: how blocks are spaced is not what these tests are about.
fn rows(text: &str) -> Vec<Vec<String>> {
    let rows = |page: &str| page.lines().filter(|row| !row.is_empty()).map(str::to_owned).collect();
    text.split('\u{c}').map(rows).collect()
}

fn pages_of(records: &[Value]) -> Vec<(String, u64, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let page = |r: &Value| (text(&r["document"]["source"]), r["page"].as_u64().unwrap(), text(&r["status"]));
    records.iter().map(page).collect()
}

/// Another document with the same pages: bytes after the end are nobody's.
fn copy_of_sample(number: usize) -> Vec<u8> {
    [SAMPLE, format!("\n% copy {number}\n").as_bytes()].concat()
}

fn encrypted(user_password: &str) -> Vec<u8> {
    let mut document = Document::load_mem(SAMPLE).unwrap();
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "the owner's",
        user_password,
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn pages_with_text_are_printed_without_any_model() {
    let home = Home::new();
    let outcome = home.run(&["process", "sample.pdf", "--pages", "1-2"]);
    outcome.expect(0, "");
    assert_eq!(rows(&outcome.out), rows(TRUTH)[..2]);
    assert!(outcome.out.ends_with('\n') && !outcome.out.contains('\u{1b}'));
    home.assert_nothing_was_left_behind();
}

#[test]
fn scanned_pages_are_read_by_ocr_the_sideways_one_too() {
    let home = Home::with_models();
    let outcome = home.run(&["process", "sample.pdf"]);
    outcome.expect(0, "");
    // A library is installed, and not asked: nothing is kept of it.
    home.assert_nothing_was_left_behind();
    let (read, truth) = (rows(&outcome.out), rows(TRUTH));
    assert_eq!(read.len(), 4);
    assert_eq!(read[..2], truth[..2]);
    for page in [2, 3] {
        let words: BTreeSet<&str> = read[page].iter().flat_map(|row| row.split_whitespace()).collect();
        let true_words: Vec<&str> = truth[page].iter().flat_map(|row| row.split_whitespace()).collect();
        let found = true_words.iter().filter(|word| words.contains(*word)).count();
        // A word of these two clean pages may be misread by another model; a page on its side would lose nearly all.
        assert!(found * 100 >= true_words.len() * 97, "page {}: {found} of {}", page + 1, true_words.len());
        assert_eq!(read[page].len(), truth[page].len(), "page {}: lines", page + 1);
    }
}

/// What a block may be; the README's table names them.
const KINDS: [&str; 17] = [
    "text",
    "title",
    "heading",
    "paragraph",
    "list-item",
    "table",
    "figure",
    "caption",
    "formula",
    "code",
    "footnote",
    "page-header",
    "page-footer",
    "page-number",
    "marginal-note",
    "stamp",
    "watermark",
];

#[test]
fn records_have_the_documented_fields_and_no_others() {
    let home = Home::with_models();
    let outcome = home.run(&["process", "-f", "jsonl", "sample.pdf"]);
    outcome.expect(0, "");
    let records = outcome.records();
    assert_eq!(records.len(), 4);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let named = |names: &str| names.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let is_polygon = |value: &Value| {
        let points = value["polygon"].as_array().unwrap();
        points.len() == 4 && points.iter().all(|point| point.as_array().unwrap().iter().all(Value::is_number))
    };
    let is_digest = |value: &Value| value.as_str().unwrap().len() == 64;
    for (index, record) in records.iter().enumerate() {
        let ocr = index >= 2;
        let of_ocr = if ocr { " confidence" } else { "" };
        let fields = "schema document page status origin width height dpi rotation text lines blocks timings_ms models";
        assert_eq!(keys(record), named(&format!("{fields}{of_ocr}")));
        assert_eq!(record["schema"], "pagestream.page/1");
        assert_eq!(keys(&record["document"]), named("id source sha256 pages"));
        assert_eq!(record["document"]["id"], records[0]["document"]["id"]);
        assert_eq!(record["document"]["source"], "sample.pdf");
        assert_eq!(record["document"]["sha256"], pagestream::Digest::of(SAMPLE).to_string());
        assert_eq!(record["document"]["pages"], 4);
        assert_eq!((&record["page"], &record["status"]), (&(index + 1).into(), &"ok".into()));
        assert_eq!(record["origin"], if ocr { "ocr" } else { "text-layer" });
        assert_eq!(record["rotation"], if index == 3 { 90 } else { 0 });
        assert_eq!(record["dpi"], if ocr { 200.0 } else { 72.0 });
        assert!(record["width"].as_u64().unwrap() > 500 && record["height"].as_u64().unwrap() > 500);
        let timings = record["timings_ms"].as_object().unwrap();
        assert!(timings.contains_key(if ocr { "inference" } else { "text_layer" }), "{timings:?}");
        assert!(timings.values().all(|time| time.as_f64().unwrap() >= 0.0), "{timings:?}");
        let models = record["models"].as_array().unwrap();
        // Our own two, and others where they were in doubt.
        assert!(if ocr { models.len() >= 2 } else { models.is_empty() }, "{models:?}");
        assert!(models.iter().all(|model| keys(model) == named("id sha256") && is_digest(&model["sha256"])));
        let lines = record["lines"].as_array().unwrap();
        let texts: Vec<&str> = lines.iter().map(|line| line["text"].as_str().unwrap()).collect();
        let text = record["text"].as_str().unwrap();
        assert_eq!(texts, text.lines().filter(|row| !row.is_empty()).collect::<Vec<_>>());
        let blocks = record["blocks"].as_array().unwrap();
        let mut next = 0;
        for block in blocks {
            let optional = "confidence text marks hyphens level marker of goes_on table latex";
            let known = named("kind polygon lines").union(&named(optional)).cloned().collect();
            assert!(keys(block).is_subset(&known) && is_polygon(block), "{block}");
            assert!(KINDS.contains(&block["kind"].as_str().unwrap()), "{block}");
            assert_eq!(block["lines"]["start"], next, "blocks are of consecutive lines");
            next = block["lines"]["end"].as_u64().unwrap();
        }
        assert_eq!(next, lines.len() as u64, "and together they are all");
        for line in lines {
            let expected = if ocr { "text polygon confidence words" } else { "text polygon words" };
            assert_eq!(keys(line), named(expected));
            let words = line["words"].as_array().unwrap();
            assert!(is_polygon(line) && !words.is_empty() && words.iter().all(is_polygon), "{line}");
            let joined: Vec<&str> = words.iter().map(|word| word["text"].as_str().unwrap()).collect();
            assert_eq!(joined.join(" "), line["text"], "the words of a line");
            if ocr {
                assert!((0.5..=1.0).contains(&line["confidence"].as_f64().unwrap()), "{line}");
            }
        }
    }
}

#[test]
fn pages_that_are_not_read_say_why() {
    let home = Home::new();
    let outcome = home.run(&["process", "-f", "jsonl", "--ocr", "never", "sample.pdf"]);
    outcome.expect(0, "");
    let records = outcome.records();
    let statuses: Vec<_> = pages_of(&records).into_iter().map(|(_, _, status)| status).collect();
    assert_eq!(statuses, ["ok", "ok", "skipped", "skipped"]);
    assert!(records[2]["origin"].is_null() && records[2]["text"] == "");
    assert!(!records[2]["reason"].as_str().unwrap().is_empty());
    home.assert_nothing_was_left_behind();
}

#[test]
fn a_page_like_one_of_an_earlier_document_is_marked() {
    let home = Home::new();
    home.write("copy.pdf", copy_of_sample(1));
    // One after the other: of two documents read at once, either may be the first to have the page.
    let [first, second] = ["sample.pdf", "copy.pdf"].map(|name| {
        let outcome = home.run(&["process", "-f", "jsonl", "--data-dir", "data", "--pages", "1", name]);
        outcome.expect(0, "");
        outcome.records().remove(0)
    });
    assert_eq!((&first["status"], &second["status"]), (&"ok".into(), &"duplicate".into()));
    assert!(first["duplicate_of"].is_null());
    assert_eq!(second["duplicate_of"]["document"], first["document"]["id"]);
    assert_eq!(second["duplicate_of"]["page"], 1);
    assert_eq!(second["text"], first["text"]);
}

#[test]
fn failed_pages_give_1_and_are_listed_at_the_end() {
    let home = Home::new();
    let outcome = home.run(&["process", "-f", "jsonl", "-q", "--set", "limits.page=1MiB", "sample.pdf"]);
    let hint = "(raise the page limit, or scale the page down first)";
    outcome.expect(
        1,
        &format!(
            "error: sample.pdf: page 3: 1654 x 2339 pixels need 7.4 MiB to decode, and the limit is 1 MiB {hint}\n\
             error: sample.pdf: page 4: 2339 x 1654 pixels need 7.4 MiB to decode, and the limit is 1 MiB {hint}\n"
        ),
    );
    let records = outcome.records();
    let statuses: Vec<_> = pages_of(&records).into_iter().map(|(_, _, status)| status).collect();
    assert_eq!(statuses, ["ok", "ok", "failed", "failed"]);
    assert!(records[3]["reason"].as_str().unwrap().contains("limit"));
}

#[test]
fn pages_are_chosen_by_number() {
    let home = Home::new();
    for (pages, expected, told) in [
        ("2", &[2][..], ""),
        ("1-2", &[1, 2], ""),
        ("-2", &[1, 2], ""),
        ("2,1", &[1, 2], ""),
        ("1,99", &[1], "warning: sample.pdf: it has 4 pages, and none is page 99\n"),
    ] {
        let outcome = home.run(&["process", "-f", "jsonl", &format!("--pages={pages}"), "sample.pdf"]);
        outcome.expect(0, told);
        let numbers: Vec<_> = pages_of(&outcome.records()).into_iter().map(|(_, number, _)| number).collect();
        assert_eq!(numbers, expected, "{pages}");
    }
}

#[test]
fn results_become_files_when_a_folder_is_given() {
    let home = Home::new();
    home.write("other/sample.pdf", copy_of_sample(1));
    let arguments = ["process", "--pages", "1-2", "sample.pdf", "other/sample.pdf"];
    let printed = home.run(&["process", "--pages", "1-2", "sample.pdf"]).out;
    let run = |more: &[&str]| {
        let outcome = home.run(&[&arguments[..], more].concat());
        outcome.expect(0, "");
        assert_eq!(outcome.out, "", "results are in the folder");
    };
    run(&["-o", "out"]);
    assert_eq!(home.files("out"), [".pagestream-outputs.jsonl", "other", "sample.txt"]);
    assert_eq!(home.files("out/other"), ["sample.txt"]);
    assert_eq!(fs::read_to_string(home.path("out/sample.txt")).unwrap(), printed);
    run(&["-o", "lines", "-f", "jsonl"]);
    assert_eq!(home.files("lines"), [".pagestream-outputs.jsonl", "other", "sample.jsonl"]);
    assert_eq!(fs::read_to_string(home.path("lines/sample.jsonl")).unwrap().lines().count(), 2);
    run(&["-o", "pages", "--per-page"]);
    let names = [".pagestream-outputs.jsonl", "other", "sample-0001.txt", "sample-0002.txt"];
    assert_eq!(home.files("pages"), names);
    assert_eq!(home.files("pages/other"), names[2..]);
    let second = fs::read_to_string(home.path("pages/sample-0002.txt")).unwrap();
    assert_eq!(Some(second.as_str()), printed.split('\u{c}').nth(1));
}

#[test]
fn standard_input_is_a_document_too() {
    let home = Home::new();
    let mut child =
        home.command(&["process", "-f", "jsonl", "--pages", "1", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(SAMPLE).unwrap();
    let outcome = home.outcome(child);
    outcome.expect(0, "");
    assert_eq!(pages_of(&outcome.records()), [("-".to_owned(), 1, "ok".to_owned())]);
    assert_eq!(rows(outcome.records()[0]["text"].as_str().unwrap()), rows(TRUTH)[..1]);
}

#[test]
fn folders_patterns_and_several_documents_come_in_order() {
    let home = Home::new();
    home.write("in/b.pdf", copy_of_sample(1));
    home.write("in/a/c.data", copy_of_sample(2));
    home.write("in/notes.txt", "no document");
    home.write("in/.hidden.pdf", SAMPLE);
    let sources = |arguments: &[&str], err: &str| {
        let fixed = ["process", "-f", "jsonl", "--pages", "1", "--set", "duplicates.mode=off"];
        let outcome = home.run(&[&fixed[..], arguments].concat());
        outcome.expect(0, err);
        pages_of(&outcome.records()).into_iter().map(|(source, ..)| source.replace('\\', "/")).collect::<Vec<_>>()
    };
    let passed_over = "passed over: 1 file of other kinds\n";
    assert_eq!(sources(&["in"], passed_over), ["in/a/c.data", "in/b.pdf"]);
    assert_eq!(sources(&["in/*.pdf"], ""), ["in/b.pdf"]);
    assert_eq!(sources(&["sample.pdf", "in"], passed_over), ["sample.pdf", "in/a/c.data", "in/b.pdf"]);
    let mut unordered = sources(&["--unordered", "sample.pdf", "in"], passed_over);
    unordered.sort();
    assert_eq!(unordered, ["in/a/c.data", "in/b.pdf", "sample.pdf"]);
}

#[test]
fn unordered_gives_the_same_pages() {
    let home = Home::with_models();
    let outcome = home.run(&["process", "-f", "jsonl", "--unordered", "sample.pdf"]);
    outcome.expect(0, "");
    let numbers: BTreeSet<_> = pages_of(&outcome.records()).into_iter().map(|(_, number, _)| number).collect();
    assert_eq!((numbers.len(), outcome.records().len()), (4, 4));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let home = Home::new();
    // More than a megabyte of records: no pipe holds them, so that the program is still writing when its reader leaves.
    let names: Vec<String> = (0..40).map(|number| format!("{number}.pdf")).collect();
    for (number, name) in names.iter().enumerate() {
        home.write(name, copy_of_sample(number));
    }
    for format in ["jsonl", "text"] {
        let fixed = ["process", "-f", format, "--pages", "1-2"];
        // As text a page is small, so every document is read thirty times over.
        let times = if format == "text" { 30 } else { 1 };
        let inputs = names.iter().map(String::as_str).cycle().take(names.len() * times);
        let arguments: Vec<&str> = fixed.into_iter().chain(inputs).collect();
        let mut child = home.command(&arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("Reading Documents Within a Budget"), "{line}");
        home.outcome(child).expect(0, "");
    }
}

#[test]
fn what_is_no_document_gives_2() {
    let home = Home::new();
    home.write("text.pdf", "This is no PDF, whatever its name says.\n");
    let outcome = home.run(&["process", "-q", "text.pdf"]);
    let hint = format!("{}; convert it to one of them", pagestream::FileKind::told());
    outcome.expect(2, &format!("error: text.pdf: the file is of no type that can be read\n hint: {hint}\n"));
    assert_eq!(outcome.out, "");
    // The others are read all the same.
    let outcome = home.run(&["process", "-q", "--pages", "1", "text.pdf", "sample.pdf"]);
    assert_eq!((outcome.code, rows(&outcome.out).as_slice()), (Some(2), &rows(TRUTH)[..1]));
    home.write("empty/readme.txt", "nothing to read");
    assert_eq!(home.run(&["process", "empty"]).code, Some(2));
}

#[test]
fn missing_models_give_3_and_are_named_before_anything_starts() {
    let home = Home::new();
    let names = ["PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx"];
    let outcome = home.run(&["process", "--offline", "--ocr", "always", "--quality", "accurate", "sample.pdf"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(3), ""));
    for name in names {
        assert!(outcome.err.contains(&format!("belongs at ~/.cache/pagestream/models/{name}")), "{}", outcome.err);
    }
    for words in ["offline", "pagestream models pull", "PAGESTREAM_MODELS_DIR", "--models-dir", "SHA-256"] {
        assert!(outcome.err.contains(words), "{words}: {}", outcome.err);
    }
    // Without a network or Python the pages that need models fail, the others do not.
    let outcome = home.run(&["process", "-f", "jsonl", "-q", "--quality", "accurate", "sample.pdf"]);
    let statuses: Vec<_> = pages_of(&outcome.records()).into_iter().map(|(_, _, status)| status).collect();
    assert_eq!((outcome.code, statuses.join(" ").as_str()), (Some(3), "ok ok failed failed"));
    assert!(outcome.err.contains("onnxruntime"), "{}", outcome.err);
}

/// A page of English with lines of Russian and Greek.
#[cfg(feature = "built-in-models")]
const SCRIPTS: &[u8] = include_bytes!("../examples/data/scripts.png");
#[cfg(feature = "built-in-models")]
const SCRIPTS_TRUTH: &str = include_str!("../examples/data/scripts.truth.txt");

/// Whether a text comes of another by leaving something out.
#[cfg(feature = "built-in-models")]
fn is_part_of(text: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    text.chars().all(|c| whole.any(|other| other == c))
}

#[cfg(feature = "built-in-models")]
#[test]
fn other_scripts_are_marked_and_never_guessed() {
    let home = Home::new();
    home.write("scripts.png", SCRIPTS);
    for quality in ["fast", "balanced"] {
        let outcome = home.run(&["process", "-f", "jsonl", "-q", "--offline", "--quality", quality, "scripts.png"]);
        outcome.expect(0, "");
        let record = &outcome.records()[0];
        let lines: Vec<&str> = record["text"].as_str().unwrap().lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), SCRIPTS_TRUTH.lines().count(), "{quality}: {lines:#?}");
        for (line, truth) in lines.iter().zip(SCRIPTS_TRUTH.lines()) {
            let foreign = |c: char| c.is_alphabetic() && !c.is_ascii();
            if truth.chars().filter(|&c| foreign(c)).count() < 5 {
                let expected = truth.replace(foreign, "\u{fffd}");
                // The letter before a sign may be taken for a part of it: one is lost, none is guessed.
                assert!(line.chars().count() + 1 >= expected.chars().count(), "{quality}: {line}");
                assert!(is_part_of(line, &expected), "{quality}: {line}");
                continue;
            }
            let letters = line.chars().filter(|c| c.is_alphabetic()).count();
            let marks = line.matches('\u{fffd}').count();
            let words = truth.split_whitespace().count();
            assert!(letters == 0 && marks + 1 >= words && marks <= words + 1, "{quality}: {line} for {truth}");
        }
        assert_eq!(record["needs_review"], true, "{quality}");
    }
}

/// In an empty home, with neither Python nor a network: the networks in the program read the scans by themselves.
#[cfg(feature = "built-in-models")]
#[test]
fn pages_are_read_with_nothing_to_fetch_and_no_library() {
    for quality in ["fast", "balanced"] {
        let home = Home::new();
        let outcome =
            home.run(&["process", "-f", "jsonl", "-q", "--ocr", "always", "--quality", quality, "sample.pdf"]);
        assert_eq!(outcome.code, Some(0), "{quality}: {}", outcome.err);
        let records = outcome.records();
        assert_eq!(records.len(), 4);
        for (record, truth) in records.iter().zip(rows(TRUTH)) {
            let truth = truth.join(" ");
            let text = record["text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            let score = pagestream::evaluation::Score::of(&truth, &text);
            assert!(score.cer < 0.02, "{quality}: {text} is not {truth}");
            let models: Vec<&str> =
                record["models"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
            // In which precision is the runtime's to choose.
            let mut models: Vec<&str> = models.into_iter().map(|model| model.trim_end_matches("-int8")).collect();
            // Where the first recogniser is unsure of a line, `balanced` asks the larger one.
            models.retain(|model| quality == "fast" || *model != "recogniser-latin-large");
            assert_eq!(models, ["detector", "recogniser-latin-fast", "layout"], "{quality}");
            assert!(record["confidence"].as_f64().unwrap() > 0.95, "{quality}: {}", record["confidence"]);
        }
        assert!(!home.path(".cache").exists(), "nothing is installed");
    }
}

#[test]
fn files_that_cannot_be_read_or_written_give_5() {
    let home = Home::new();
    home.run(&["process", "-q", "nowhere.pdf"]).expect(5, "error: nowhere.pdf: cannot be read: no such file\n");
    home.run(&["process", "no*.pdf"]).expect(5, "error: no file matches `no*.pdf`\n");
    let outcome = home.run(&["process", "-o", "sample.pdf", "sample.pdf"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(5), ""));
    assert!(outcome.err.starts_with("error: cannot create the folder sample.pdf"), "{}", outcome.err);
}

#[test]
fn encrypted_documents_give_8_without_their_password() {
    let home = Home::new();
    home.write("secret.pdf", encrypted("sesame"));
    for password in [&[][..], &["--password", "wrong"]] {
        let outcome = home.run(&[&["process", "-q", "secret.pdf"], password].concat());
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(8), ""));
        assert!(outcome.err.starts_with("error: secret.pdf: ") && outcome.err.contains("password"), "{}", outcome.err);
    }
    for password in ["sesame", "the owner's"] {
        let outcome = home.run(&["process", "secret.pdf", "--pages", "1-2", "--password", password]);
        outcome.expect(0, "");
        assert_eq!(rows(&outcome.out), rows(TRUTH)[..2]);
    }
}

#[test]
fn what_makes_no_sense_gives_9() {
    let home = Home::new();
    home.run(&["process", "--set", "pipeline.memory_bugdet=1GiB", "sample.pdf"]).expect(
        9,
        "error: command line: `pipeline.memory_bugdet` is not a setting\n hint: did you mean `pipeline.memory_budget`?\n",
    );
    home.run(&["--profile", "huge", "config", "show"])
        .expect(9, "error: profile huge: there is no profile `huge`\n hint: the profiles are archive, small\n");
    for (arguments, words) in [
        (&["process", "--pages", "3-1", "sample.pdf"][..], "`3-1` does not name pages"),
        (&["process", "--pages", "0", "sample.pdf"], "`0` does not name pages"),
        (&["process", "--pages", "9", "sample.pdf"], "it has 4 pages, and `9` selects none of them"),
        (&["process", "--ocr", "sometimes", "sample.pdf"], "`ocr.mode`"),
        (&["process", "--ocrr", "never", "sample.pdf"], "unexpected argument '--ocrr'"),
        (&["process"], "<INPUT>"),
        (&["process", "--per-page", "sample.pdf"], "--output"),
        (&["proces", "sample.pdf"], "unrecognized subcommand 'proces'"),
        (&["models", "pull", "nonesuch"], "there is no model or runtime `nonesuch`"),
        (&["process", "--device", "openvino-nativ", "sample.pdf"], "openvino-native[:DEVICE]"),
    ] {
        let outcome = home.run(arguments);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(9), ""), "{arguments:?}: {}", outcome.err);
        assert!(outcome.err.contains(words), "{arguments:?}: {}", outcome.err);
    }
    home.write("pagestream.toml", "[ocr]\nmodes = 'auto'\n");
    home.run(&["process", "sample.pdf"])
        .expect(9, "error: pagestream.toml: `ocr.modes` is not a setting\n hint: did you mean `ocr.mode`?\n");
}

#[cfg(unix)]
#[test]
fn a_signal_lets_pages_under_way_end_and_gives_its_code() {
    let home = Home::with_models();
    let names: Vec<String> = (0..40).map(|number| format!("{number}.pdf")).collect();
    for (number, name) in names.iter().enumerate() {
        home.write(name, copy_of_sample(number));
    }
    let fixed = ["process", "-f", "jsonl", "--ocr", "always", "--quality", "accurate", "--set", "duplicates.mode=off"];
    let arguments: Vec<&str> = fixed.into_iter().chain(names.iter().map(String::as_str)).collect();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut child = home.command(&arguments).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut records = String::new();
        out.read_line(&mut records).unwrap();
        // 159 pages are to come, of which each takes hundreds of milliseconds.
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        out.read_to_string(&mut records).unwrap();
        let outcome = home.outcome(child);
        assert_eq!(outcome.code, Some(code), "{signal}: {}", outcome.err);
        assert!(outcome.err.starts_with("stopping: pages under way are finished first"), "{}", outcome.err);
        assert!(records.lines().count() < 100 && records.ends_with('\n'), "{} records", records.lines().count());
        assert!(records.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "no record is torn");
    }
}

#[test]
fn quiet_leaves_errors_alone_on_stderr() {
    let home = Home::new();
    home.write("in/a.pdf", SAMPLE);
    home.write("in/notes.txt", "no document");
    home.run(&["process", "--pages", "1", "in"]).expect(0, "passed over: 1 file of other kinds\n");
    home.run(&["process", "-q", "--pages", "1", "in"]).expect(0, "");
    home.run(&["process", "-q", "--pages", "1", "in", "nowhere.pdf"])
        .expect(5, "error: nowhere.pdf: cannot be read: no such file\n");
}

#[test]
fn logs_are_lines_of_json_and_results_stay_on_stdout() {
    let home = Home::new();
    home.write("in/a.pdf", SAMPLE);
    home.write("in/notes.txt", "no document");
    let outcome =
        home.run(&["process", "-v", "--log-format", "json", "-f", "jsonl", "--pages", "1", "in", "nowhere.pdf"]);
    assert_eq!(outcome.code, Some(5));
    assert_eq!(pages_of(&outcome.records()), [("in/a.pdf".to_owned(), 1, "ok".to_owned())]);
    let lines: Vec<Value> = outcome
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for field in ["timestamp", "level", "fields", "target"] {
            assert!(line.get(field).is_some(), "{field}: {line}");
        }
    }
    // Notes and errors for people are such lines too: one collector reads all.
    let told = |level: &str, words: &str| {
        lines.iter().any(|line| line["level"] == level && line["fields"]["message"].as_str().unwrap().contains(words))
    };
    assert!(told("INFO", "passed over: 1 file of other kinds"), "{}", outcome.err);
    assert!(told("ERROR", "nowhere.pdf: cannot be read"), "{}", outcome.err);
    // A page's span closes with its time.
    assert!(lines.iter().any(|line| line["span"]["name"] == "page" && line["span"]["page"] == 1), "{}", outcome.err);
}
