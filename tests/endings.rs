//! How the program ends: whatever its threads are at, without a crash, and with the code that says what came of it.

mod shell;

use std::fs;

use serde_json::Value;
use shell::Home;

/// A page that needs no inference is done before the library is loaded for it, and the program then ended while a thread was inside
/// the library: in one run of four that was a crash.
#[test]
fn two_hundred_short_runs_end_without_a_signal() {
    const RUNS: usize = 200;
    let home = Home::with_models();
    let blank = short_pdf(&[""]);
    home.write("blank.pdf", &blank);
    home.write("text-then-blank.pdf", short_pdf(&["BT /F 12 Tf 72 720 Td (One line, and then nothing.) Tj ET", ""]));
    home.write("damaged.pdf", &blank[..blank.len() / 3]);
    home.write("empty.pdf", "");
    let documents = ["blank.pdf", "text-then-blank.pdf", "damaged.pdf", "empty.pdf"];
    // By our own networks alone, and by those that a library runs.
    let quality = |run: usize| if run % 8 < documents.len() { "balanced" } else { "accurate" };
    let ended = |run: usize| home.run(&["process", "--quality", quality(run), documents[run % documents.len()]]).code;
    // Two at a time: the cores are busy with each other, as they are for most people.
    let codes: Vec<Option<i32>> = std::thread::scope(|scope| {
        let half = |first: usize| scope.spawn(move || (first..RUNS).step_by(2).map(ended).collect::<Vec<_>>());
        let halves = [0, 1].map(half);
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    // A process that a signal ended has no code.
    let crashed = codes.iter().filter(|code| code.is_none()).count();
    assert_eq!(crashed, 0, "of {RUNS} runs: {codes:?}");
    assert!(codes.iter().flatten().all(|code| [0, 2].contains(code)), "{codes:?}");
    let half_made: Vec<_> =
        home.files(".cache/pagestream/optimised").into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(half_made, Vec::<String>::new(), "what a run began it also ended");
}

#[test]
fn a_run_says_what_came_of_it_and_writes_it_down() {
    let home = Home::new();
    home.write("in/a.pdf", short_pdf(&["BT /F 12 Tf 72 720 Td (First of all.) Tj ET"; 3]));
    home.write("in/b.pdf", short_pdf(&["BT /F 12 Tf 72 720 Td (Second to none.) Tj ET"]));
    home.write("c.pdf", "no PDF at all");
    let arguments = ["process", "--ocr", "never", "--report", "report.jsonl", "in", "c.pdf", "nowhere.pdf"];
    let outcome = home.run(&arguments);
    assert_eq!(outcome.code, Some(2), "{}", outcome.err);
    let summary = outcome.summary.unwrap();
    assert!(summary.starts_with("4 documents, 4 pages in "), "{summary}");
    assert!(summary.ends_with("; 2 documents could not be read"), "{summary}");
    let text = fs::read_to_string(home.path("report.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let says = |line: &Value| {
        (line["source"].as_str().unwrap().replace('\\', "/"), line["state"].clone(), line["read"].clone())
    };
    let expected =
        [("in/a.pdf", "done", 3), ("in/b.pdf", "done", 1), ("c.pdf", "failed", 0), ("nowhere.pdf", "failed", 0)];
    assert_eq!(lines.len(), 5);
    for (line, (source, state, read)) in lines.iter().zip(expected) {
        assert_eq!(says(line), (source.to_owned(), state.into(), read.into()), "{line}");
    }
    assert_eq!((&lines[0]["duplicates"], &lines[0]["failed"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(lines[4]["totals"]["documents_failed"], 2);
    assert_eq!(home.files("."), ["c.pdf", "in", "report.jsonl", "sample.pdf"], "nothing else is left");
    let unordered = home.run(&[&arguments[..], &["--unordered"]].concat());
    assert!(unordered.summary.unwrap().starts_with("4 documents, 4 pages in "));
    // Which of the two that could not be read was the first depends on the moment.
    assert!([Some(2), Some(5)].contains(&unordered.code), "{:?}", unordered.code);
}

#[test]
fn a_document_in_the_place_of_a_command_is_told_how_to_read_it() {
    let home = Home::new();
    home.run(&["sample.pdf"]).expect(
        9,
        "error: `sample.pdf` is a file and not a command\n hint: to read it: pagestream process sample.pdf\n",
    );
    assert!(home.run(&["nowhere.pdf"]).err.contains("unrecognized subcommand"));
}

#[test]
fn shells_and_man_know_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let outcome = home.run(&["completions", shell]);
        outcome.expect(0, "");
        assert!(["process", "tail", "report", "unordered"].iter().all(|word| outcome.out.contains(word)), "{shell}");
    }
    let help = home.run(&["help", "process"]);
    assert!(help.code == Some(0) && help.out.contains("--report"), "{}", help.out);
    assert!(home.run(&["man"]).out.contains(".TH pagestream 1"));
    home.run(&["man", "--output", "man1"]).expect(0, "");
    let pages = home.files("man1");
    assert!(
        ["pagestream.1", "pagestream-process.1", "pagestream-tail.1"]
            .iter()
            .all(|page| pages.iter().any(|p| p == page))
    );
}

/// A PDF whose pages have this content, and a font called F.
fn short_pdf(pages: &[&str]) -> Vec<u8> {
    let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
    objects.push(format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.join(" ")));
    objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned());
    for (page, content) in pages.iter().enumerate() {
        let resources = "/MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >>";
        objects.push(format!("<< /Type /Page /Parent 2 0 R {resources} /Contents {} 0 R >>", 5 + 2 * page));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    let mut file = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let at = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    offsets.iter().for_each(|offset| file += &format!("{offset:010} 00000 n \n"));
    file += &format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n", objects.len() + 1);
    file.into_bytes()
}
