//! Search as users have it: from a shell, from a pipeline, from another program, beside a writer and without one.

mod common;

use std::{
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use common::{journaled, no_text, options, pipeline_on};
use pagestream::{
    DocumentId, Error, Origin, PageNumber, PageRecord, PageStatus, Point, Polygon, SearchQuery, TextLine,
};
use pagestream_store::{Outcome, PageCommit, Store, StoreOptions};

fn store(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).unwrap()
}

/// A document with a page of these lines.
fn read(store: &Store, source: &str, lines: &[&str]) -> DocumentId {
    let document = journaled(store, source, 1);
    let id = document.id;
    let line = |(text, row): (&&str, u8)| {
        let y = 10.0 * f32::from(row);
        let corners = [(0.0, y), (90.0, y), (90.0, y + 9.0), (0.0, y + 9.0)];
        TextLine {
            text: (*text).to_owned(),
            polygon: Polygon(corners.map(|(x, y)| Point { x, y })),
            confidence: None,
            words: Vec::new(),
        }
    };
    let record = PageRecord {
        text: lines.join("\n"),
        lines: lines.iter().zip(0..).map(line).collect(),
        origin: Some(Origin::Ocr),
        ..PageRecord::without_text(document, PageNumber::FIRST, PageStatus::Ok, None)
    };
    store.commit(&[PageCommit { record: Arc::new(record), raster: None }]).unwrap();
    store.finish(id, Outcome::Done, None).unwrap();
    id
}

/// Exit code, standard output, standard error.
fn pagestream(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagestream"));
    let (command_name, rest) = arguments.split_first().unwrap();
    command.arg(command_name).arg("--data-dir").arg(dir).args(rest).env_remove("PAGESTREAM_CONFIG").env("HOME", dir);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn search_finds_pages_beside_a_writer_and_says_how_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let writer = store(dir.path());
    let id = read(&writer, "scans/lodz.tif", &["A \u{fb01}ne day in \u{141}\u{f3}d\u{17a}, docu-", "ment of a stroke"]);
    read(&writer, "other.pdf", &["another day"]);

    let (exit, out, err) = pagestream(dir.path(), &["search", "lodz fine"]);
    assert_eq!((exit, err.as_str()), (0, ""));
    assert_eq!(out, "scans/lodz.tif:1: A \u{fb01}ne day in \u{141}\u{f3}d\u{17a}, docu- ment of a stroke\n");
    // Several arguments are one query.
    let (exit, out, _) = pagestream(dir.path(), &["search", "document", "-f", "jsonl", "-k", "1"]);
    assert_eq!(exit, 0);
    let hit: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(hit["schema"], "pagestream.hit/1");
    assert_eq!(
        (&hit["document"]["id"], &hit["page"], &hit["approximate"]),
        (&id.to_string().into(), &1.into(), &false.into())
    );
    let mark: Vec<usize> = serde_json::from_value(hit["marks"][0].clone()).unwrap();
    let marked: String = hit["snippet"].as_str().unwrap().chars().skip(mark[0]).take(mark[1] - mark[0]).collect();
    assert_eq!(marked, "docu- ment", "marks count characters");
    assert_eq!(hit["lines"].as_array().unwrap().len(), 2);
    assert_eq!(hit["lines"][1]["polygon"][0], serde_json::json!([0.0, 10.0]));

    let (exit, out, err) = pagestream(dir.path(), &["search", "strokc"]);
    assert!(
        exit == 0 && out.starts_with("scans/lodz.tif:1:") && err.contains("near to `strokc` is `stroke`"),
        "{out}{err}"
    );
    for (arguments, code, said) in [
        (&["search", "zebra"][..], 1, "no page has this"),
        (&["search", "day", "--source", "*.png"], 1, "no page has this"),
        (&["search", "day", "--after", "9999-01-01"], 1, "no page has this"),
        (&["search", "day", "--origin", "text-layer"], 1, "no page has this"),
        (&["search", "day", "--before", "soon"], 9, "write it as 2026-11-28"),
        (&["search", "day", "--document", "nobody"], 9, "no document is called `nobody`"),
        (&["search", "a*"], 9, "at least two letters"),
        (&["search", "("], 9, "the query has no words"),
        (&["search", "--", "-day"], 9, "only what must not occur"),
    ] {
        let (exit, out, err) = pagestream(dir.path(), arguments);
        assert_eq!((exit, out.as_str()), (code, ""), "{arguments:?} {err}");
        assert!(err.contains(said), "{arguments:?} {err}");
    }
    let (exit, out, _) = pagestream(dir.path(), &["search", "day", "--document", "other.pdf"]);
    assert_eq!((exit, out.as_str()), (0, "other.pdf:1: another day\n"));

    let nowhere = dir.path().join("nowhere");
    let (exit, _, err) = pagestream(&nowhere, &["search", "day"]);
    assert!(exit == 9 && err.contains("there is no pagestream data") && err.contains("hint"), "{err}");
    assert!(!nowhere.exists(), "a mistyped directory is not made");
}

#[test]
fn tags_are_given_when_a_document_is_read_and_narrow_what_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/sample.pdf");
    let process = |tags: &[&str]| {
        let tags = tags.iter().flat_map(|tag| ["--tag", tag]);
        let arguments: Vec<_> = ["process", "--ocr", "never", sample].into_iter().chain(tags).collect();
        pagestream(dir.path(), &arguments)
    };
    let tags = |arguments: &[&str]| {
        let (_, out, _) = pagestream(dir.path(), &[&["status", "--json"], arguments].concat());
        let status: serde_json::Value = serde_json::from_str(&out).unwrap();
        let documents = status["documents"].as_array().unwrap().iter();
        documents.map(|document| document["tags"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(process(&["client:acme", "2026"]).0, 0);
    // What is answered from the log gets the new ones too.
    assert_eq!(process(&["urgent"]).0, 0);
    assert_eq!(tags(&[]), [serde_json::json!(["2026", "client:acme", "urgent"])]);
    read(&store(dir.path()), "other.pdf", &["a day in fall"]);
    assert_eq!((tags(&["--tag", "urgent"]).len(), tags(&["--tag", "urgent", "--tag", "none"]).len()), (1, 0));
    let (_, out, _) = pagestream(dir.path(), &["status", "sample.pdf"]);
    assert!(out.contains("\ntags       2026 client:acme urgent\n"), "{out}");
    assert_eq!(pagestream(dir.path(), &["search", "day", "--tag", "urgent"]).0, 1);
    assert_eq!(pagestream(dir.path(), &["search", "day"]).0, 0);

    let (exit, _, err) = process(&["two words"]);
    assert!(exit == 9 && err.contains("`two words` is no tag: it has 1 to 64 letters"), "{exit} {err}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagestream"));
    let nowhere = command.args(["process", sample, "--tag", "a"]).env("HOME", dir.path()).output().unwrap();
    let err = String::from_utf8(nowhere.stderr).unwrap();
    assert!(nowhere.status.code() == Some(9) && err.contains("no data directory is named"), "{err}");

    let (exit, _, err) = pagestream(dir.path(), &["rm", "--all", "--tag", "urgent"]);
    assert_eq!((exit, tags(&[]).len()), (0, 1), "{err}");
    assert_eq!(pagestream(dir.path(), &["search", "day"]).0, 0);
}

#[test]
fn what_rm_removes_is_in_no_file_any_more() {
    fn holds(path: &Path, secret: &[u8]) -> bool {
        match path.is_dir() {
            true => std::fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), secret)),
            false => std::fs::read(path).unwrap().windows(secret.len()).any(|bytes| bytes == secret),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let writer = store(dir.path());
    for n in 0..40 {
        read(&writer, &format!("secret-{n}.pdf"), &[&format!("a page that says kumquat{n:02}of{n:02}trees and more")]);
    }
    drop(writer);
    assert!(holds(dir.path(), b"kumquat17of17trees"));
    let (exit, _, err) = pagestream(dir.path(), &["rm", "secret-17.pdf", "secret-23.pdf"]);
    assert_eq!(exit, 0, "{err}");
    for secret in ["kumquat17of17trees", "kumquat23of23trees", "secret-17.pdf"] {
        assert!(!holds(dir.path(), secret.as_bytes()), "{secret}");
    }
    assert_eq!(pagestream(dir.path(), &["search", "kumquat17of17trees"]).0, 1);
    assert_eq!(pagestream(dir.path(), &["search", "kumquat18of18trees"]).0, 0);
}

#[tokio::test]
async fn a_pipeline_and_another_program_search_the_same_pages() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let id = read(&store, "a.pdf", &["the quick fox"]);
    let pipeline = pipeline_on(store, options(), 1, |input| Ok(no_text(input)));
    let here = pipeline.search(SearchQuery::new("fox")).await.unwrap();
    assert_eq!((here.hits.len(), here.hits[0].document), (1, id));
    assert_eq!(pagestream::search(dir.path(), SearchQuery::new("fox")).await.unwrap(), here);
    assert!(matches!(pipeline.search(SearchQuery::new("-fox")).await, Err(Error::Query { .. })));
    let nowhere = pagestream::search(dir.path().join("nowhere"), SearchQuery::new("fox")).await;
    assert!(matches!(nowhere, Err(Error::Store { .. })));
    pipeline.stop().await;
}
