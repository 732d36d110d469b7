//! What a folder of results looks like, whatever was in it, was read into it, or stopped on the way; and what is said of
//! documents that are only half there.

mod shell;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use serde_json::Value;
use shell::{Home, SAMPLE};

const MANIFEST: &str = ".pagestream-outputs.jsonl";

/// A document of one page with these words.
fn pdf(words: &str) -> Vec<u8> {
    pages(&[words])
}

fn pages(words: &[&str]) -> Vec<u8> {
    use lopdf::{Document, Object, Stream, dictionary};
    let mut document = Document::with_version("1.5");
    // First, so that it is not what a file that is cut off has lost.
    let catalog = document.new_object_id();
    let root = document.new_object_id();
    let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" });
    let kids: Vec<Object> = words
        .iter()
        .map(|words| {
            let content = format!("BT /F1 20 Tf 10 100 Td ({words}) Tj ET");
            let content = document.add_object(Stream::new(dictionary! {}, content.into_bytes()));
            let page = dictionary! {
                "Type" => "Page", "Parent" => root, "Contents" => content,
                "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
                "MediaBox" => vec![0.into(), 0.into(), 400.into(), 200.into()],
            };
            document.add_object(page).into()
        })
        .collect();
    let count = kids.len() as i64;
    document.objects.insert(root, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    document.objects.insert(catalog, dictionary! { "Type" => "Catalog", "Pages" => root }.into());
    document.trailer.set("Root", catalog);
    let mut out = Vec::new();
    document.save_to(&mut out).unwrap();
    out
}

/// The texts below a folder by their names, without what is hidden.
fn texts(home: &Home, folder: &str) -> Vec<(String, String)> {
    let (mut texts, mut folders) = (Vec::new(), vec![home.path(folder)]);
    while let Some(at) = folders.pop() {
        for path in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(home.path(folder)).unwrap().to_string_lossy().replace('\\', "/");
            match path.is_dir() {
                true => folders.push(path),
                false if name.starts_with(".pagestream") => {}
                false => texts.push((name, fs::read_to_string(path).unwrap().trim_end().to_owned())),
            }
        }
    }
    texts.sort();
    texts
}

fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn folders_are_mirrored_and_a_name_stays_when_others_come() {
    let home = Home::new();
    home.write("m/r.pdf", pdf("of m"));
    home.write("m/a/r.pdf", pdf("of a"));
    home.run(&["process", "m/", "-o", "out"]).expect(0, "");
    assert_eq!(texts(&home, "out"), owned(&[("a/r.txt", "of a"), ("r.txt", "of m")]));
    home.write("b/r.pdf", pdf("of b"));
    home.write("m/0.pdf", pdf("first of m"));
    home.run(&["process", "b", "m", "-o", "out"]).expect(0, "");
    let expected = [("a/r.txt", "of a"), ("b/r.txt", "of b"), ("m/0.txt", "first of m"), ("r.txt", "of m")];
    assert_eq!(texts(&home, "out"), owned(&expected));
    home.run(&["process", "b", "m", "-o", "new"]).expect(0, "");
    let expected = [("b/r.txt", "of b"), ("m/0.txt", "first of m"), ("m/a/r.txt", "of a"), ("m/r.txt", "of m")];
    assert_eq!(texts(&home, "new"), owned(&expected));
}

#[test]
fn documents_of_one_name_have_a_file_each_in_whatever_order_they_come() {
    let home = Home::new();
    for (name, words) in [("m/r.pdf", "of m"), ("n/r.pdf", "of n"), ("r.pdf", "above")] {
        home.write(name, pdf(words));
    }
    let [m, n, above] = ["m/r.pdf", "n/r.pdf", "r.pdf"].map(|name| home.path(name).to_str().unwrap().to_owned());
    home.run(&["process", "-o", "out", &n, &m]).expect(0, "");
    assert_eq!(texts(&home, "out"), owned(&[("m/r.txt", "of m"), ("n/r.txt", "of n")]));
    home.run(&["process", "-o", "out", &above, &m, "--unordered"]).expect(0, "");
    assert_eq!(texts(&home, "out"), owned(&[("m/r.txt", "of m"), ("n/r.txt", "of n"), ("r.txt", "above")]));
}

#[test]
fn what_pagestream_did_not_write_is_never_replaced_unless_that_is_asked_for() {
    let home = Home::new();
    home.write("in/report.pdf", pdf("first"));
    home.write("in/other.pdf", pdf("other"));
    home.write("out/report.txt", "the user's own");
    let arguments = ["process", "in", "-o", "out"];
    let outcome = home.run(&arguments);
    let path = Path::new("out").join("report.txt");
    let told = format!(
        "error: {} is there already, and is not as pagestream wrote it, if it did\n hint: give another folder with \
         --output, or replace what is there with --overwrite\n",
        path.display()
    );
    outcome.expect(5, &told);
    assert_eq!(texts(&home, "out"), owned(&[("report.txt", "the user's own")]), "nothing was read");
    home.run(&[&arguments[..], &["--overwrite"]].concat()).expect(0, "");
    // What is ours is replaced without a word, also when the document has changed.
    home.write("in/report.pdf", pdf("second"));
    home.run(&arguments).expect(0, "");
    assert_eq!(texts(&home, "out"), owned(&[("other.txt", "other"), ("report.txt", "second")]));
    home.write("out/report.txt", "second, corrected by hand");
    home.run(&arguments).expect(5, &told);
    assert_eq!(fs::read_to_string(home.path("out/report.txt")).unwrap(), "second, corrected by hand");
}

#[test]
fn a_document_that_was_stopped_leaves_no_file_of_its_name() {
    let home = Home::new();
    let words: Vec<String> = (0..400).map(|page| format!("page {page} of a long document")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    home.write("long.pdf", pages(&words));
    // What a run that was killed has left; the next one sweeps it.
    home.write("out/.pagestream-dead.lock", "");
    home.write("out/.pagestream-dead-1.tmp", "half");
    // The budget holds one page at a time, and OCR takes its time over each: there is time to stop.
    let fixed = ["process", "long.pdf", "-o", "out", "--ocr", "always", "--quality", "fast"];
    let mut child = home.command(&[&fixed[..], &["-vv"]].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("document is open") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended by itself");
    }
    stop(&child);
    std::io::copy(&mut log, &mut std::io::sink()).unwrap();
    assert_ne!(child.wait().unwrap().code(), Some(0));
    assert_eq!(home.files("out"), [MANIFEST], "neither half a text nor what is left of it");
    home.run(&["process", "long.pdf", "-o", "out"]).expect(0, "");
    let written = texts(&home, "out").remove(0).1;
    assert_eq!(written.split('\u{c}').count(), 400);
}

#[cfg(unix)]
fn stop(child: &std::process::Child) {
    // SAFETY: it is our own child, which has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
}

#[cfg(not(unix))]
fn stop(_: &std::process::Child) {}

#[test]
fn what_says_that_it_is_a_document_and_cannot_be_read_is_a_failure_with_its_name() {
    let home = Home::new();
    home.write("in/good.pdf", pdf("good"));
    home.write("in/photo.jpg", vec![0; 5_000]);
    home.write("in/scan.pdf", vec![0; 5_000]);
    home.write("in/empty.pdf", "");
    home.write("in/iphone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    home.write("in/notes.md", "no document");
    let outcome = home.run(&["process", "in", "-f", "jsonl"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.err);
    assert_eq!(outcome.records().len(), 1);
    let err = outcome.err.replace('\\', "/");
    for told in [
        "passed over: 1 file of other kinds",
        "error: in/photo.jpg: it begins with nothing but zeros: its content is lost",
        "error: in/scan.pdf: it begins with nothing but zeros: its content is lost",
        "error: in/empty.pdf: it is empty",
        "error: in/iphone.heic: ",
    ] {
        assert!(err.contains(told), "{told}: {err}");
    }
    assert!(!err.contains("notes.md"), "{err}");
    let verbose = home.run(&["process", "-v", "in"]).err;
    let listed = verbose.lines().find(|line| line.contains("notes.md")).unwrap();
    assert!(listed.contains("passed over") && listed.contains("not a document"), "{listed}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_passed_over_in_a_pattern_and_read_by_its_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let home = Home::new();
    home.write("in/a.pdf", pdf("a file"));
    let pipe = home.path("in/b.pdf");
    let path = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is a string that ends in a zero.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    for argument in ["in/*.pdf", "in"] {
        let outcome = home.run(&["process", argument]);
        outcome.expect(0, "passed over: 1 file of other kinds\n");
        assert_eq!(outcome.out, "a file\n");
    }
    let child = home.command(&["process", "in/b.pdf"]).spawn().unwrap();
    fs::write(&pipe, pdf("through the pipe")).unwrap();
    let outcome = home.outcome(child);
    outcome.expect(0, "");
    assert_eq!(outcome.out, "through the pipe\n");
}

#[test]
fn pages_of_which_a_part_is_lost_are_never_just_ok() {
    let home = Home::new();
    // Cut off within the second page's content.
    let whole = pages(&["the first page", "the second page"]);
    let end = whole.windows(16).position(|window| window == b"(the second page").unwrap();
    home.write("cut.pdf", &whole[..end]);
    let noise = image::GrayImage::from_fn(400, 300, |x, y| image::Luma([(x * x + y * 31) as u8]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::DynamicImage::from(noise).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    home.write("cut.jpg", &jpeg.get_ref()[..jpeg.get_ref().len() / 2]);
    let outcome = home.run(&["process", "-f", "jsonl", "--quality", "fast", "cut.pdf", "cut.jpg"]);
    for record in outcome.records() {
        let reason = record["reason"].as_str().unwrap_or_default();
        let (lost, page) = (reason.contains("get it again"), record["page"].as_u64().unwrap());
        if record["document"]["source"] == "cut.pdf" && page == 1 && record["document"]["pages"] == 2 {
            assert_eq!((&record["status"], lost), (&"ok".into(), false), "{record}");
            continue;
        }
        assert!(lost && record["confidence"].is_null(), "{record}");
        match record["text"].as_str().unwrap() {
            "" => assert_eq!(record["status"], "failed"),
            _ => assert_eq!((&record["status"], &record["needs_review"]), (&"ok".into(), &true.into())),
        }
    }
    let sources: Vec<Value> =
        outcome.records().into_iter().map(|record| record["document"]["source"].clone()).collect();
    assert!(sources.contains(&"cut.pdf".into()) && sources.contains(&"cut.jpg".into()), "{sources:?} {}", outcome.err);
}

#[test]
fn documents_in_one_pipe_are_told_apart_by_headings_if_that_is_asked_for() {
    let home = Home::new();
    home.write("a.pdf", pdf("of a"));
    home.write("b.pdf", pdf("of b"));
    let run = |more: &[&str]| home.run(&[&["process", "a.pdf", "b.pdf"], more].concat());
    assert_eq!(run(&["--headings", "always"]).out, "=== a.pdf ===\nof a\n\n=== b.pdf ===\nof b\n");
    for more in [&[][..], &["--headings", "auto"], &["--headings", "never"]] {
        assert_eq!(run(more).out, "of a\n\u{c}of b\n", "{more:?}");
    }
    let one = home.run(&["process", "sample.pdf", "--pages", "2", "--headings", "always"]);
    assert!(one.out.starts_with("=== sample.pdf ===\n--- page 2 of 4 ---\n"), "{}", one.out);
    assert_eq!(run(&["--headings", "always", "-f", "jsonl"]).code, Some(9));
    assert_eq!(run(&["--headings", "always", "-o", "out"]).code, Some(9));
    assert!(!home.path("out").exists() && SAMPLE.len() > 1_000);
}

const FORMATS: &str = "text,jsonl,json,tsv,hocr,alto,page,pdf,markdown,html,docx,epub";

#[test]
fn what_was_read_is_written_in_every_format_again_without_reading() {
    let home = Home::new();
    let read = ["process", "sample.pdf", "--quality", "fast", "--data-dir", "d", "-f", FORMATS, "-o", "out"];
    assert_eq!(home.run(&read).code, Some(0));
    let written = home.files("out");
    for name in [
        "sample.txt",
        "sample.json",
        "sample.tsv",
        "sample.hocr",
        "sample.alto.xml",
        "sample-0004.page.xml",
        "sample.pdf",
        "sample.md",
        "sample.html",
        "sample.docx",
        "sample.epub",
    ] {
        assert!(written.iter().any(|other| other == name), "{written:?}");
    }
    let original = fs::read(home.path("sample.pdf")).unwrap();
    let searchable = fs::read(home.path("out/sample.pdf")).unwrap();
    assert!(searchable.starts_with(&original) && searchable.len() > original.len(), "not a byte of it is changed");
    // The text that was read of the scans is in it, and in the order of the page.
    let again = home.run(&["process", "out/sample.pdf", "--ocr", "never", "-f", "jsonl", "--pages", "3-4"]).records();
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|page| page["status"] == "ok"), "{again:?}");

    // From the log, and from a file of records wherever that has come to lie.
    assert_eq!(home.run(&["convert", "sample.pdf", "--data-dir", "d", "-f", FORMATS, "-o", "log"]).code, Some(0));
    fs::create_dir(home.path("elsewhere")).unwrap();
    fs::copy(home.path("out/sample.jsonl"), home.path("elsewhere/records.jsonl")).unwrap();
    let from_lines = ["convert", "elsewhere/records.jsonl", "-f", FORMATS, "-o", "lines", "--original", "sample.pdf"];
    let outcome = home.run(&from_lines);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    for name in written.iter().filter(|name| !name.starts_with('.')) {
        let bytes = |folder: &str| fs::read(home.path(&format!("{folder}/{name}"))).unwrap();
        assert!(bytes("out") == bytes("log") && bytes("out") == bytes("lines"), "{name}");
    }
    let printed = home.run(&["convert", "sample.pdf", "--data-dir", "d", "-f", "hocr"]).out;
    assert_eq!(printed, fs::read_to_string(home.path("out/sample.hocr")).unwrap());
}

#[test]
fn formulas_stand_between_the_delimiters_that_are_asked_for() {
    let home = Home::new();
    home.write("sample.pdf", pdf("one x two"));
    let mut record = home.run(&["process", "sample.pdf", "-f", "jsonl"]).records().remove(0);
    let block = &mut record["blocks"][0];
    block["text"] = "one x two".into();
    block["marks"] = serde_json::json!([{"start": 4, "end": 5, "kind": "formula", "latex": "x^2"}]);
    home.write("records.jsonl", record.to_string().into_bytes());
    let written = |arguments: &[&str]| {
        let outcome = home.run(&[&["convert", "records.jsonl", "-f", "md"], arguments].concat());
        assert_eq!(outcome.code, Some(0), "{}", outcome.err);
        outcome.out.trim_start_matches(['#', ' ']).to_owned()
    };
    assert_eq!(written(&[]), "one $x^2$ two\n");
    assert_eq!(written(&["--formulas", "brackets"]), "one \\(x^2\\) two\n");
    assert_eq!(written(&["--formulas", "off"]), "one x two\n");
    assert_eq!(written(&["--set", "output.formulas=brackets"]), "one \\(x^2\\) two\n");
}

#[test]
fn formats_that_do_not_go_together_are_told_before_anything_is_read() {
    let home = Home::new();
    home.write("other.pdf", pdf("other"));
    for (arguments, said) in [
        (&["-f", "hocr,pdf"][..], "standard output takes one format"),
        (&["-f", "pdf", "--per-page", "-o", "out"], "pdf has a file a document"),
        (&["-f", "text", "--redo-text"], "are about PDFs"),
        (&["-f", "hocr", "--headings", "always"], "--headings is about text"),
        (&["-f", "alto", "other.pdf"], "one alto holds one document, and there are 2"),
        (&["-f", "docx", "other.pdf"], "one docx holds one document, and there are 2"),
        (&["-f", "text,json", "--images", "-o", "out"], "--images is about documents"),
        (&["-f", "jsonl", "--page-marks"], "--page-marks is about documents"),
        (&["-f", "html", "--formulas", "brackets"], "--formulas is about Markdown"),
        (&["-f", "md", "--formulas", "euros"], "possible values: dollars, brackets, off"),
        (&["-f", "md", "--images"], "Markdown has its images beside it"),
        (&["-f", "rtf"], "possible values: text, jsonl, json"),
    ] {
        let outcome = home.run(&[&["process", "sample.pdf"], arguments].concat());
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(9), ""), "{arguments:?} {}", outcome.err);
        assert!(outcome.err.contains(said), "{arguments:?} {}", outcome.err);
    }
    assert!(!home.path("out").exists());
    let outcome = home.run(&["convert", "nobody.pdf", "--data-dir", "d"]);
    assert_eq!(outcome.code, Some(9), "{}", outcome.err);
}
