//! What is promised of pages that repeat earlier ones: see ARCHITECTURE.md.

use std::{path::Path, process::Command};

use futures::StreamExt;
use pagestream::{
    DuplicateMode, DuplicateOf, DuplicateTier, PageRecord, PageStatus, Pipeline, Settings, Source, SubmitOptions,
    repeats,
};

const SAMPLE: &[u8] = include_bytes!("../examples/data/sample.pdf");

/// The sample in other bytes.
fn other_bytes() -> Vec<u8> {
    [SAMPLE, b"\n% the same pages\n"].concat()
}

async fn pipeline(dir: &Path) -> Pipeline {
    let mut settings = Settings::defaults();
    settings.store.data_dir = Some(dir.to_owned());
    "off".clone_into(&mut settings.models.cache);
    pagestream::start(settings).await.unwrap()
}

async fn read(pipeline: &Pipeline, name: &str, bytes: &[u8], duplicates: Option<DuplicateMode>) -> Vec<PageRecord> {
    let options = SubmitOptions { duplicates, ..SubmitOptions::default() };
    let source = Source::Bytes { name: name.to_owned(), bytes: bytes.into() };
    let document = pipeline.submit(source, options).await.unwrap();
    document.pages().map(Result::unwrap).collect().await
}

fn assert_refers(pages: &[PageRecord], first: &[PageRecord]) {
    assert_eq!(pages.len(), first.len());
    for (page, first) in pages.iter().zip(first) {
        assert_eq!((page.status, page.text.as_str(), page.lines.len()), (PageStatus::Duplicate, "", 0), "{page:?}");
        let of = page.duplicate_of.as_ref().unwrap();
        assert_eq!((of.document, of.page, of.tier), (first.document.id, first.page, Some(DuplicateTier::Exact)));
        assert_eq!((of.similarity, &of.differs), (1.0, &None));
        assert_eq!(page.reason, Some(format!("repeats page {} of {}", first.page, first.document.id)));
    }
}

#[cfg(feature = "built-in-models")]
#[tokio::test]
async fn a_copy_that_is_answered_from_the_log_is_marked_as_one_that_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let first = {
        let pipeline = pipeline(dir.path()).await;
        let first = read(&pipeline, "first.pdf", SAMPLE, None).await;
        pipeline.stop().await;
        first
    };
    let pipeline = pipeline(dir.path()).await;
    for name in ["copy.pdf", "another.pdf"] {
        let copy = read(&pipeline, name, SAMPLE, None).await;
        assert_eq!(*pipeline.pages_admitted().borrow(), 0, "nothing is read again");
        for (page, first) in copy.iter().zip(&first) {
            assert_eq!((page.status, &page.text), (PageStatus::Duplicate, &first.text), "{name}");
            let of = page.duplicate_of.as_ref().unwrap();
            assert_eq!((of.document, of.page, of.tier), (first.document.id, first.page, Some(DuplicateTier::Exact)));
        }
    }
    let off = read(&pipeline, "off.pdf", SAMPLE, Some(DuplicateMode::Off)).await;
    assert!(off.iter().all(|page| page.status == PageStatus::Ok && page.duplicate_of.is_none()), "{off:?}");
    pipeline.stop().await;
    let clusters = repeats::duplicates(dir.path(), |_| true).unwrap();
    assert_eq!(clusters.iter().map(|cluster| cluster.repeats.len()).sum::<usize>(), 2 * first.len());
}

#[cfg(feature = "built-in-models")]
#[tokio::test]
async fn skip_delivers_no_text_twice_and_computes_nothing_that_is_known_beforehand() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = pipeline(dir.path()).await;
    let first = read(&pipeline, "first.pdf", SAMPLE, None).await;
    assert!(first.iter().all(|page| page.status == PageStatus::Ok && !page.text.is_empty()), "{first:?}");
    let admitted = || *pipeline.pages_admitted().borrow();
    let before = admitted();
    // The same bytes: no page is let into the pipeline.
    let skipped = read(&pipeline, "copy.pdf", SAMPLE, Some(DuplicateMode::Skip)).await;
    assert_refers(&skipped, &first);
    assert_eq!(admitted(), before);
    // A copy of the copy refers to the page that has the text.
    assert_refers(&read(&pipeline, "copy2.pdf", SAMPLE, Some(DuplicateMode::Skip)).await, &first);
    assert_eq!(admitted(), before);
    // The same pixels in other bytes: no model runs.
    let skipped = read(&pipeline, "other.pdf", &other_bytes(), Some(DuplicateMode::Skip)).await;
    assert_refers(&skipped, &first);
    assert_eq!(admitted(), before + first.len() as u64);
    for page in &skipped {
        assert!(
            !page.timings_ms.contains_key("decode") && !page.timings_ms.contains_key("prepare"),
            "{:?}",
            page.timings_ms
        );
    }
    // What is submitted by its own name again is not a repetition: it is the document.
    let again = read(&pipeline, "first.pdf", SAMPLE, Some(DuplicateMode::Skip)).await;
    assert!(again.iter().all(|page| page.document.id != first[0].document.id || !page.text.is_empty()));
    pipeline.stop().await;
}

#[tokio::test]
async fn how_duplicates_are_treated_is_asked_of_each_submission() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = pipeline(dir.path()).await;
    let text_pages =
        |pages: Vec<PageRecord>| -> Vec<PageRecord> { pages.into_iter().filter(|page| page.page.get() <= 2).collect() };
    let first = text_pages(read(&pipeline, "a", SAMPLE, None).await);
    let marked = text_pages(read(&pipeline, "b", &other_bytes(), Some(DuplicateMode::Mark)).await);
    for (page, first) in marked.iter().zip(&first) {
        assert_eq!((page.status, &page.text), (PageStatus::Duplicate, &first.text));
    }
    let off = text_pages(read(&pipeline, "c", &[&other_bytes()[..], b"%\n"].concat(), Some(DuplicateMode::Off)).await);
    assert!(off.iter().all(|page| page.status == PageStatus::Ok && page.duplicate_of.is_none()));
    pipeline.stop().await;

    let clusters = repeats::duplicates(dir.path(), |_| true).unwrap();
    assert!(clusters.len() >= 2, "{clusters:?}");
    assert_eq!(
        (clusters[0].keep.document, clusters[0].repeats[0].key.document),
        (first[0].document.id, marked[0].document.id)
    );
    assert!(clusters[0].repeats[0].same);
    assert_eq!(repeats::duplicates(dir.path(), |source| source == "a").unwrap(), []);
    let found = repeats::similar(dir.path(), &first[0].text, 1, Some(clusters[0].keep)).unwrap();
    assert_eq!((found[0].key, found[0].relation), (clusters[0].repeats[0].key, repeats::Relation::Same));
}

#[test]
fn records_of_versions_that_did_not_say_how_are_read_as_before() {
    let old = r#"{"document":"01a21fb0-ec84-717c-b9f6-fc97e0e169c0","page":3,"similarity":0.91}"#;
    let of: DuplicateOf = serde_json::from_str(old).unwrap();
    assert_eq!((of.page.get(), of.similarity, of.tier, &of.differs), (3, 0.91, None, &None));
    assert_eq!(serde_json::to_string(&of).unwrap(), old);
}

#[test]
fn similar_and_dupes_answer_beside_a_writer() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_pagestream"))
            .args(arguments)
            .args(["--data-dir", "data"])
            .current_dir(&dir)
            .env("HOME", dir.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    std::fs::create_dir(dir.path().join("scans")).unwrap();
    std::fs::write(dir.path().join("first.pdf"), SAMPLE).unwrap();
    std::fs::write(dir.path().join("scans/copy.pdf"), other_bytes()).unwrap();
    for (name, duplicates) in [("first.pdf", "mark"), ("scans/copy.pdf", "skip")] {
        let (code, out, errors) = run(&["process", "--ocr", "never", "--duplicates", duplicates, name]);
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(out.trim().is_empty(), duplicates == "skip", "{out}");
    }
    // Held while the questions are asked.
    let writer = pagestream_store::Store::open(&dir.path().join("data"), Default::default()).unwrap();
    let (code, out, errors) = run(&["dupes"]);
    assert_eq!(code, Some(0), "{errors}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 4, "{out}");
    assert!(lines[0].starts_with("first.pdf:1  keep  ("), "{out}");
    assert!(lines[1].starts_with("  scans/copy.pdf:1  the same text  ("), "{out}");
    let (_, out, errors) = run(&["dupes", "--within", "scans"]);
    assert_eq!(out, "", "one page of each group is there");
    assert!(errors.contains("no page repeats another"), "{errors}");
    let (_, out, _) = run(&["dupes", "--within", "*.pdf", "-f", "jsonl"]);
    assert_eq!(out, "");

    // The copy has no text of its own, and is asked for all the same.
    for page in ["first.pdf:2", "copy.pdf:2"] {
        let (code, out, errors) = run(&["similar", page, "-k", "1", "-f", "jsonl"]);
        assert_eq!(code, Some(0), "{errors}");
        let found: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
        assert_eq!((&found["relation"], &found["page"]), (&"exact".into(), &2.into()), "{out}");
    }
    let (code, out, errors) = run(&["similar", "--file", "first.pdf", "-k", "1", "--set", "ocr.mode=never"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("page 1\n1.000  first.pdf:1  the same text"), "{out}");
    let (code, _, errors) = run(&["similar", "first.pdf:99"]);
    assert_eq!(code, Some(9));
    assert!(errors.contains("first.pdf has no page 99 that was read"), "{errors}");
    let (code, _, errors) = run(&["process", "--duplicates", "drop", "first.pdf"]);
    assert_eq!(code, Some(9), "{errors}");
    assert!(errors.contains("duplicates.mode"), "{errors}");
    drop(writer);
}
