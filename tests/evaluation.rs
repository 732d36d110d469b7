//! `pagestream eval` and `pagestream bench` as a shell sees them, on the pages of our own making in `examples/data`.

mod shell;

use std::{fs, path::Path};

use serde_json::Value;
use shell::{Home, SAMPLE, TRUTH};

/// Everything in `examples/data` that is a page or its truth, in a folder `truth` of this home.
fn with_example_pages(home: &Home) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    home.write("truth/sample.pdf", SAMPLE);
    home.write("truth/sample.truth.txt", TRUTH);
    for entry in fs::read_dir(data.join("pages")).unwrap() {
        let path = entry.unwrap().path();
        home.write(&format!("truth/pages/{}", path.file_name().unwrap().to_str().unwrap()), fs::read(&path).unwrap());
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn our_own_pages_are_read_as_well_as_stated() {
    let home = Home::with_models();
    with_example_pages(&home);
    home.write("truth/pages/unknown.png", fs::read(home.path("truth/pages/digital.png")).unwrap());
    let outcome = home.run(&["eval", "--truth", "truth", "--json"]);
    outcome.expect(0, "");
    let report = json(&outcome.out);
    assert_eq!(report["schema"], "pagestream.evaluation/1");
    assert_eq!(report["without_truth"], serde_json::json!(["pages/unknown.png"]));
    let models: Vec<_> = report["models"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert!(models.iter().any(|model| model.starts_with("recogniser-latin-fast")), "{models:?}");
    let sources = report["sources"].as_array().unwrap();
    assert_eq!(sources.iter().map(|s| s["source"].as_str().unwrap()).collect::<Vec<_>>(), [".", "pages"]);
    // What the defaults read them with, and a little more for another version of the runtime.
    let bounds = [
        ("sample.pdf page 1", 0.0),
        ("sample.pdf page 2", 0.0),
        ("sample.pdf page 3", 0.005),
        ("sample.pdf page 4", 0.005),
        ("book.png", 0.03),
        ("digital.png", 0.005),
        ("scanned.jpg", 0.005),
        ("two-columns.png", 0.005),
        ("typewriter.png", 0.01),
    ];
    let scores = sources.iter().flat_map(|source| source["scores"].as_array().unwrap());
    for (score, (page, bound)) in scores.zip(bounds) {
        assert_eq!(score["page"], page);
        assert!(score["cer"].as_f64().unwrap() <= bound, "{score}");
    }
    assert_eq!((&report["overall"]["pages"], &report["overall"]["failed"]), (&9.into(), &0.into()));
}

#[test]
fn pages_that_cannot_be_read_count_as_wholly_wrong() {
    let home = Home::new();
    home.write("truth/sample.pdf", SAMPLE);
    home.write("truth/sample.txt", TRUTH);
    home.write("truth/odd/damaged.pdf", "%PDF-1.4\n");
    home.write("truth/odd/damaged.gt.txt", "never mind");
    home.write("truth/odd/nobody-knows.pdf", SAMPLE);
    let skipped = "the page has no text layer, and OCR is switched off";
    let outcome = home.run(&["eval", "--truth", "truth", "--ocr", "never"]);
    // A document that cannot be read counts for more than pages.
    outcome.expect(
        2,
        &format!(
            "error: sample.pdf page 3: {skipped}\n\
             error: sample.pdf page 4: {skipped}\n\
             error: odd/damaged.pdf: the PDF is damaged beyond repair: no page can be found in it\n"
        ),
    );
    assert_eq!(
        outcome.out,
        "                             \
         character error rate      word error rate           word recall\n\
         source       pages  failed   median    mean   worst    median    mean   worst    median    mean   worst    worst page\n\
         .                4       2   0.5000  0.5000  1.0000    0.5000  0.5000  1.0000    0.5000  0.5000  0.0000    sample.pdf page 3\n\
         odd              1       1   1.0000  1.0000  1.0000    1.0000  1.0000  1.0000    0.0000  0.0000  0.0000    damaged.pdf\n\
         all sources      5       3   1.0000  0.6000  1.0000    1.0000  0.6000  1.0000    0.0000  0.4000  0.0000    sample.pdf page 3\n\
         all pages as one: CER 0.2809, WER 0.2871, recall 0.7107, of 3684 characters\n\
         needs_review: 0 of 0 pages with more than 5% of characters wrong, 0 of 2 pages with less than 1%\n\
         no truth: odd/nobody-knows.pdf\n"
    );
    home.write("readable/sample.pdf", SAMPLE);
    home.write("readable/sample.txt", TRUTH);
    home.run(&["eval", "-q", "--truth", "readable", "--ocr", "never"])
        .expect(1, &format!("error: sample.pdf page 3: {skipped}\nerror: sample.pdf page 4: {skipped}\n"));
}

#[test]
fn what_another_program_read_is_scored_the_same_way() {
    let home = Home::new();
    for (name, content) in [
        // A document by its first bytes; nothing of it is read here.
        ("truth/a.pdf", "%PDF-1.4\n"),
        ("truth/a.txt", "one two three four\u{c}five"),
        ("truth/deep/er/b.x.pdf", "%PDF-1.4\n"),
        ("truth/deep/er/b.txt", "six seven"),
        ("truth/deep/er/c.pdf", "%PDF-1.4\n"),
        ("truth/deep/er/c.txt", "eight"),
        ("texts/a.txt", "one two 3 four\u{c}five\u{c}"),
        ("texts/deep/er/b.x.txt", "seven six"),
    ] {
        home.write(name, content);
    }
    let outcome = home.run(&["eval", "--truth", "truth", "--texts", "texts", "--json"]);
    outcome.expect(1, "error: deep/er/c.pdf: there is no text of it\n");
    let report = json(&outcome.out);
    let scores: Vec<_> =
        report["sources"].as_array().unwrap().iter().flat_map(|s| s["scores"].as_array().unwrap()).collect();
    let numbers = |score: &Value| ["cer", "wer", "recall"].map(|measure| score[measure].as_f64().unwrap());
    let scores: Vec<_> = scores.iter().map(|score| (score["page"].as_str().unwrap(), numbers(score))).collect();
    assert_eq!(
        scores,
        [
            ("a.pdf page 1", [5.0 / 18.0, 0.25, 0.75]),
            ("a.pdf page 2", [0.0, 0.0, 1.0]),
            ("b.x.pdf", [8.0 / 9.0, 1.0, 1.0]),
            ("c.pdf", [1.0, 1.0, 0.0]),
        ]
    );
    assert_eq!(report["models"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_evaluated_is_said() {
    let home = Home::new();
    home.write("empty/notes.txt", "no document");
    home.run(&["eval", "--truth", "empty"]).expect(
        2,
        "error: empty: there is no document with its truth beside it\n hint: put scan.truth.txt beside scan.tif; \
         `pagestream eval --help` has the other names\n",
    );
    home.run(&["eval", "--truth", "nowhere"]).expect(5, "error: nowhere: is not a folder\n");
    home.write("truth/sample.pdf", SAMPLE);
    home.write("truth/sample.txt", TRUTH);
    home.run(&["eval", "--truth", "truth", "--texts", "nowhere"]).expect(5, "error: nowhere: is not a folder\n");
}

#[test]
fn every_round_of_a_bench_reads_every_page() {
    let home = Home::with_models();
    let outcome = home.run(&["bench", "--json", "--repeat", "2", "--warm-up", "1", "--price-per-hour", "3.6"]);
    outcome.expect(0, "");
    let report = json(&outcome.out);
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!((&report["schema"], &report["inputs"][0]), (&"pagestream.bench/1".into(), &"sample.pdf".into()));
    assert_eq!((&report["pages"], &report["failed"]), (&4.into(), &0.into()));
    let rounds = report["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 2);
    // One detection and some twenty lines on two scanned pages: neither a cache nor the log has answered.
    assert!(rounds.iter().all(|round| round["model_runs"].as_u64().unwrap() > 20), "{rounds:?}");
    assert_eq!(rounds[0]["model_runs"], rounds[1]["model_runs"]);
    assert!(rounds.iter().all(|round| number(&round["cpu_s"]) > 0.0 && number(&round["wall_s"]) > 0.0));
    assert_eq!(report["lines"].as_u64().unwrap(), rows_of_the_sample());
    assert_eq!(report["page_ms"]["values"], 8);
    assert_eq!(
        (&report["steps_ms"]["inference"]["values"], &report["steps_ms"]["render"]["values"]),
        (&4.into(), &4.into())
    );
    assert!(number(&report["page_ms"]["p50"]) <= number(&report["page_ms"]["p99"]));
    assert!(number(&report["peak_bytes"]) > 1e7);
    // At 3.6 an hour a second costs 0.001, and 1,000 pages what one page takes in seconds.
    let seconds_a_page = 1.0 / number(&report["pages_per_s"]);
    assert!((number(&report["cost_per_1000_pages"]) / seconds_a_page - 1.0).abs() < 1e-9);
    assert_eq!(report.get("peer"), None);
    home.assert_nothing_was_left_behind();
}

fn rows_of_the_sample() -> u64 {
    TRUTH.lines().filter(|row| !row.is_empty()).count() as u64
}

#[test]
#[cfg(unix)]
fn a_bench_runs_a_peer_on_the_same_documents() {
    let home = Home::new();
    home.write("it's.pdf", SAMPLE);
    // The shell's own commands only: there is no search path in these tests' environment.
    let peer = "echo {input} >> peer.log; test -s {input}";
    let arguments = ["bench", "--pages", "1-2", "--repeat", "2", "--warm-up", "0", "--json", "sample.pdf", "it's.pdf"];
    let outcome = home.run(&[&arguments[..], &["--peer", peer]].concat());
    outcome.expect(0, "");
    let report = json(&outcome.out);
    assert_eq!(fs::read_to_string(home.path("peer.log")).unwrap(), "sample.pdf\nit's.pdf\n".repeat(2));
    let peer = &report["peer"];
    for side in ["ours", "theirs"] {
        assert!(peer[side]["pages_per_s"].as_f64().unwrap() > 0.0, "{peer}");
        assert_eq!(peer[format!("{}_runs", if side == "ours" { "our" } else { "their" })].as_array().unwrap().len(), 2);
    }
    let speed = |side: &str| peer[side]["pages_per_s"].as_f64().unwrap();
    assert_eq!(peer["speed_ratio"].as_f64().unwrap(), speed("ours") / speed("theirs"));
    // The peer is a shell: it is smaller than we are, and its peak is not ours.
    assert!(peer["memory_ratio"].as_f64().unwrap() < 1.0, "{peer}");

    let outcome = home.run(&["bench", "--pages", "1-2", "sample.pdf", "--peer", "echo no {inputs} >&2; false"]);
    outcome.expect(15, "error: `echo no {inputs} >&2; false` failed with exit status: 1: no sample.pdf\n");
}

#[test]
fn a_bench_of_what_makes_no_sense_is_refused() {
    let home = Home::new();
    for (arguments, code, told) in [
        (&["bench", "--repeat", "0"][..], 9, "0 is not in 1.."),
        (&["bench", "--price-per-hour=-1"], 9, "`-1` is no price"),
        (&["bench", "--peer", "tesseract"], 9, "write {input} or {inputs}"),
        (&["bench", "--peer", "cat {input}", "-"], 9, "a peer cannot be given standard input too"),
        (&["bench", "missing.pdf"], 5, "missing.pdf"),
    ] {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {}", outcome.err);
        assert!(outcome.err.contains(told), "{arguments:?}: {}", outcome.err);
    }
}
