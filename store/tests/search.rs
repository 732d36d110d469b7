//! What search promises: what is found, what of it is shown, in which order, and that what is removed is gone.

mod common;

use std::{path::Path, time::Duration};

use common::{commit, new_document, page, record};
use pagestream_documents::{Digest, DocumentId, Origin, Point, Polygon, TextLine};
use pagestream_store::{
    Cursor, DATABASE_FILE, Error, NewDocument, Outcome, PageCommit, Retention, SearchQuery, SearchResults, Store,
    StoreOptions, Tag, similarity::PageKey, vectors::PassageVector,
};

fn store() -> Store {
    Store::temporary(StoreOptions::default()).unwrap()
}

fn submit_as(store: &Store, source: &str) -> DocumentId {
    let blob = store.spool(&mut source.as_bytes()).unwrap();
    let new = NewDocument { source: source.to_owned(), ..new_document(&blob) };
    store.submit(&new).unwrap();
    new.id
}

/// A document with these pages.
fn read(store: &Store, source: &str, pages: &[&str]) -> DocumentId {
    let id = submit_as(store, source);
    let pages: Vec<_> = pages.iter().zip(1..).map(|(text, number)| commit(id, number, text)).collect();
    store.commit(&pages).unwrap();
    store.finish(id, Outcome::Done, None).unwrap();
    id
}

fn search(store: &Store, text: &str) -> SearchResults {
    store.search(&SearchQuery::new(text)).unwrap()
}

/// The pages found of a store with one document, in their order.
fn pages(store: &Store, text: &str) -> Vec<u32> {
    let results = search(store, text);
    assert!(!results.approximate, "{text} is found as it is");
    let mut pages: Vec<_> = results.hits.iter().map(|hit| hit.page.get()).collect();
    pages.sort_unstable();
    pages
}

#[test]
fn where_no_words_are_kept_pages_are_read_and_not_found() {
    let store = Store::temporary(StoreOptions { words: false, ..StoreOptions::default() }).unwrap();
    let id = read(&store, "a.pdf", &["kumquat marmalade"]);
    let read = store.read(id, Cursor::After(0), 9).unwrap();
    assert_eq!(read[0].record().unwrap().text, "kumquat marmalade");
    assert!(search(&store, "kumquat").hits.is_empty());
}

/// Each query finds its page and no other.
#[test]
fn words_are_found_however_they_are_written_or_printed() {
    let store = store();
    let texts = [
        "a patient with a\u{fb01}b and an e\u{fb00}usion",
        "the exami-\nnation of the well-\nknown",
        "an in\u{ad}visible hyphen and a break at the doc\u{ad}\nument",
        "\u{141}\u{f3}d\u{17a} and \u{d8}rsted and Stra\u{df}e",
        "\u{6771}\u{4eac}\u{90fd}\u{306b}\u{884c}\u{304d}\u{307e}\u{3059}",
        "a sum of 1,234,567 and 2 500 in all",
        "\u{39b}\u{3cc}\u{3b3}\u{3bf}\u{3c2} \u{41c}\u{41e}\u{421}\u{41a}\u{412}\u{410}",
        "water is H\u{2082}O and E = mc\u{b2} is known\u{b9}",
        "the x-ray of U.S.A. and cafe\u{301}",
    ];
    read(&store, "a.pdf", &texts);
    for (number, queries) in [
        (1, &["afib", "AFIB", "effusion", "\u{fb01}b* -zebra a\u{fb01}b"][..1]),
        (1, &["AFIB", "effusion", "e\u{fb00}usion"]),
        (2, &["examination", "exami-nation", "exami nation", "\"the examination of\"", "well-known", "wellknown"]),
        (3, &["invisible", "document", "docu*"]),
        (4, &["lodz", "\u{141}\u{f3}d\u{17a}", "LODZ", "orsted", "strasse", "stra\u{df}e"]),
        (5, &["\u{6771}\u{4eac}", "\u{4eac}\u{90fd}", "\u{884c}"]),
        (6, &["1234567", "1,234,567", "1.234.567", "2500", "\"2 500\""]),
        (
            7,
            &[
                "\u{3bb}\u{3bf}\u{3b3}\u{3bf}\u{3c3}",
                "\u{39b}\u{39f}\u{393}\u{39f}\u{3a3}",
                "\u{43c}\u{43e}\u{441}\u{43a}\u{432}\u{430}",
            ],
        ),
        (8, &["h2o", "H\u{2082}O", "mc2", "mc^2", "mc\u{b2}", "known -well"]),
        (9, &["xray", "x-ray", "usa", "caf\u{e9}", "cafe"]),
    ] {
        for query in queries {
            assert_eq!(pages(&store, query), [number], "{query}");
        }
    }
    assert!(pages(&store, "\u{90fd}\u{6771}").is_empty(), "a run of characters is a phrase");
}

#[test]
fn words_phrases_exclusions_and_beginnings_mean_what_the_help_says() {
    let store = store();
    let texts = [
        "the quick brown fox jumps over the lazy dog",
        "a quick dog; \"quick\" AND easy NOT hard",
        "the brown quick fox",
    ];
    read(&store, "a.pdf", &texts);
    for (query, expected) in [
        ("quick", &[1, 2, 3][..]),
        ("quick fox", &[1, 3]),
        ("\"quick brown\"", &[1]),
        ("quick -fox", &[2]),
        ("quick -\"brown fox\"", &[2, 3]),
        ("bro* laz*", &[1]),
        ("\"brown qui*\"", &[3]),
        ("not", &[2]),
        ("quick NOT", &[2]),
        ("text:quick OR", &[]),
        ("NEAR(quick", &[]),
    ] {
        assert_eq!(pages(&store, query), expected, "{query}");
    }
    for query in ["", "  ", "-fox", "\"\"", "*", "-", "( )", "q*"] {
        assert!(matches!(store.search(&SearchQuery::new(query)), Err(Error::Query(_))), "{query}");
    }
    // Nothing that can be typed reaches SQLite as syntax.
    for c in (0..0x3100).filter_map(char::from_u32) {
        for query in [format!("fox{c}quick"), format!("{c}fox"), format!("fox {c}\"{c}*-")] {
            let answer = store.search(&SearchQuery { limit: 0, ..SearchQuery::new(query) });
            assert!(matches!(answer, Ok(_) | Err(Error::Query(_))), "{c:?}: {answer:?}");
        }
    }
}

#[test]
fn a_word_with_a_letter_wrong_is_found_where_nothing_else_is_and_the_answer_says_so() {
    let store = store();
    read(
        &store,
        "a.pdf",
        &["the modem patient had a str0ke", "a modern stroke unit on the fifth floor", "invoice 4711 of may"],
    );
    let near = |query: &str| {
        let results = search(&store, query);
        let pages: Vec<_> = results.hits.iter().map(|hit| hit.page.get()).collect();
        (results.approximate, pages)
    };
    assert_eq!(near("stroke"), (false, vec![2]), "what is there as it is asked for comes alone");
    assert_eq!(near("strokc"), (true, vec![2]));
    assert_eq!(near("floar"), (true, vec![2]));
    assert_eq!(near("pateint"), (true, vec![1]));
    assert_eq!(near("patient stroke"), (true, vec![1]), "OCR took the o for a nought");
    assert_eq!(near("4712"), (false, vec![]), "another number is another number");
    assert_eq!(near("zzzz"), (false, vec![]));
    assert_eq!(near("mat"), (false, vec![]), "of a short word every other is near");
    assert_eq!(near("\"modern strokc\""), (true, vec![2]), "of a phrase, too");
    assert_eq!(near("\"unit strokc\""), (false, vec![]), "whose words still stand in their order");
    let words: Vec<_> = search(&store, "modern floar").near.into_iter().map(|near| near.word).collect();
    assert_eq!(words, ["floar"], "a word that pages have is not doubted before one that none has");
    let results = search(&store, "floar");
    assert_eq!((results.near[0].word.as_str(), &results.near[0].instead[..]), ("floar", &["floor".to_owned()][..]));
    let hit = &results.hits[0];
    assert_eq!(&hit.snippet[hit.marks[0].clone()], "floor");
}

#[test]
fn pages_of_one_document_do_not_crowd_out_the_others() {
    let store = store();
    let long = read(&store, "long.pdf", &["kumquat kumquat kumquat"; 30]);
    let others: Vec<_> =
        (0..4).map(|n| read(&store, &format!("{n}.pdf"), &["a kumquat among many other words of a page"])).collect();
    let documents =
        |query: &SearchQuery| -> Vec<_> { store.search(query).unwrap().hits.iter().map(|hit| hit.document).collect() };
    let query = SearchQuery { limit: 6, ..SearchQuery::new("kumquat") };
    let found = documents(&query);
    assert_eq!(found[..2], [long, long]);
    assert_eq!(found[2..], others);
    let all = documents(&SearchQuery { limit: 9, ..query.clone() });
    assert_eq!(all[6..], [long; 3], "where the others have no more, its pages come");
    assert_eq!(documents(&SearchQuery { document: Some(long), ..query.clone() }), [long; 6]);
    let second = documents(&SearchQuery { offset: 4, limit: 3, ..query });
    assert_eq!(second, all[4..7], "a page of results goes on where the one before ended");
}

#[test]
fn a_search_is_narrowed_by_document_source_time_and_origin() {
    let store = store();
    let [a, b] = ["archive/2024/report.pdf", "letters/a.tif"].map(|source| read(&store, source, &["kumquat"]));
    let c = submit_as(&store, "notes.pdf");
    let layer = pagestream_documents::PageRecord { origin: Some(Origin::TextLayer), ..record(c, 1, "kumquat") };
    store.commit(&[PageCommit { record: layer.into(), raster: None }]).unwrap();
    let found =
        |query: SearchQuery| -> Vec<_> { store.search(&query).unwrap().hits.iter().map(|hit| hit.document).collect() };
    let query = || SearchQuery::new("kumquat");
    let of = |source: &str| found(SearchQuery { source: Some(source.to_owned()), ..query() });
    assert_eq!(found(query()), [a, b, c]);
    assert_eq!(found(SearchQuery { document: Some(b), ..query() }), [b]);
    assert_eq!(of("*.pdf"), [a, c]);
    assert_eq!(of("archive/*"), [a]);
    assert_eq!(of("report.pdf"), [a], "a file's name is the end of its path");
    assert_eq!(of("eport.pdf"), []);
    assert_eq!(found(SearchQuery { origin: Some(Origin::Ocr), ..query() }), [a, b]);
    assert_eq!(found(SearchQuery { origin: Some(Origin::TextLayer), ..query() }), [c]);
    let submitted = store.document(b).unwrap().unwrap().submitted_at;
    let hour = Duration::from_secs(3600);
    assert_eq!(
        found(SearchQuery { after: Some(submitted - hour), before: Some(submitted + hour), ..query() }),
        [a, b, c]
    );
    assert_eq!(found(SearchQuery { after: Some(submitted + hour), ..query() }), []);
    assert_eq!(found(SearchQuery { before: Some(submitted - hour), ..query() }), []);
}

#[test]
fn tags_stay_with_a_document_and_narrow_a_search() {
    let dir = tempfile::tempdir().unwrap();
    let tags = |text: &str| text.split_whitespace().map(|tag| tag.parse().unwrap()).collect::<Vec<Tag>>();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let [a, b] = [("a", "red blue"), ("b", "red")].map(|(source, of)| {
        let blob = store.spool(&mut source.as_bytes()).unwrap();
        let new = NewDocument { tags: tags(of), ..new_document(&blob) };
        store.submit(&new).unwrap();
        store.commit(&[commit(new.id, 1, "kumquat")]).unwrap();
        store.finish(new.id, Outcome::Done, None).unwrap();
        new.id
    });
    store.tag(b, &tags("green red")).unwrap();
    assert!(matches!(store.tag(DocumentId::new(), &tags("red")), Err(Error::NoSuchDocument(_))));
    drop(store);
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    assert_eq!(store.document(b).unwrap().unwrap().tags, tags("green red"));
    let found = |of: &str| -> Vec<DocumentId> {
        let query = SearchQuery { tags: tags(of), ..SearchQuery::new("kumquat") };
        store.search(&query).unwrap().hits.iter().map(|hit| hit.document).collect()
    };
    assert_eq!(
        (found("red"), found("red blue"), found("Red"), found("blue green")),
        (vec![a, b], vec![a], vec![], vec![])
    );
    store.remove(a).unwrap();
    assert_eq!((found("red"), found("blue")), (vec![b], vec![]));
}

/// The latest pages are compared; among those that a search is narrowed to, they are the latest of these.
#[test]
fn a_frequent_word_is_found_also_in_the_first_document() {
    let store = store();
    let first = read(&store, "first.pdf", &["kumquat", "kumquat kumquat"]);
    for n in 0..52 {
        let texts = vec!["kumquat and more"; 100];
        read(&store, &format!("{n}.pdf"), &texts);
    }
    let everywhere = SearchQuery { limit: 20_000, ..SearchQuery::new("kumquat") };
    assert!(store.search(&everywhere).unwrap().hits.iter().all(|hit| hit.document != first));
    for narrowed in [
        SearchQuery { document: Some(first), ..everywhere.clone() },
        SearchQuery { source: Some("first.pdf".to_owned()), ..everywhere.clone() },
    ] {
        let hits = store.search(&narrowed).unwrap().hits;
        assert_eq!(hits.iter().map(|hit| (hit.document, hit.page.get())).collect::<Vec<_>>(), [(first, 2), (first, 1)]);
    }
}

#[test]
fn a_hit_shows_the_pages_own_words_and_the_lines_that_have_them() {
    let store = store();
    let id = submit_as(&store, "a.pdf");
    let at = |y: f32| Polygon([(0.0, y), (90.0, y), (90.0, y + 9.0), (0.0, y + 9.0)].map(|(x, y)| Point { x, y }));
    let texts = ["The \u{fb01}nal report", "on the docu-", "ment of \u{141}\u{f3}d\u{17a}"];
    let lines = texts.iter().zip(0u8..).map(|(text, row)| TextLine {
        text: (*text).to_owned(),
        polygon: at(10.0 * f32::from(row)),
        confidence: None,
        words: Vec::new(),
    });
    let text = format!("{}\n\n{}\n{}", texts[0], texts[1], texts[2]);
    let page = pagestream_documents::PageRecord { lines: lines.collect(), ..record(id, 7, &text) };
    store.commit(&[PageCommit { record: page.into(), raster: None }]).unwrap();

    let hit = search(&store, "document lodz final").hits.remove(0);
    assert_eq!((hit.source.as_str(), hit.page, hit.width), ("a.pdf", common::page(7), 1654));
    assert_eq!(hit.snippet, "The \u{fb01}nal report on the docu- ment of \u{141}\u{f3}d\u{17a}");
    let marked: Vec<_> = hit.marks.iter().map(|mark| &hit.snippet[mark.clone()]).collect();
    assert_eq!(marked, ["\u{fb01}nal", "docu- ment", "\u{141}\u{f3}d\u{17a}"]);
    assert_eq!(hit.lines.iter().map(|line| line.index).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(
        hit.lines.iter().all(|line| line.polygon == at(10.0 * line.index as f32) && line.text == texts[line.index])
    );
    let hit = search(&store, "lodz").hits.remove(0);
    assert_eq!(hit.lines.iter().map(|line| line.index).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_reader_in_another_process_finds_what_a_writer_has_just_written() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let id = submit_as(&writer, "a.pdf");
    let reader = Store::open_reader(dir.path()).unwrap();
    for n in 1..=50 {
        writer.commit(&[commit(id, n, &format!("page word{n}"))]).unwrap();
        let found = reader.search(&SearchQuery::new(format!("word{n}"))).unwrap();
        assert_eq!((found.hits.len(), found.hits[0].page), (1, page(n)));
    }
}

/// The files of the directory, all of them, that hold this.
fn files_with(dir: &Path, secret: impl AsRef<[u8]> + Copy) -> Vec<String> {
    let bytes = secret.as_ref();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, secret));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|found| found == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Words that share nothing but their form.
fn secret(n: u32) -> String {
    let letters = (0..10u32).map(|at| (b'a' + (n.wrapping_mul(2_654_435_761).rotate_left(at * 3) % 26) as u8) as char);
    letters.collect::<String>() + &format!("{n:04}")
}

#[test]
fn what_is_removed_is_in_no_file_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    // Enough pages that the index has levels, so that words stand in more than one place of it.
    let mut documents = Vec::new();
    for n in 0..60u32 {
        let texts: Vec<String> = (0..5)
            .map(|page| {
                (0..40).map(|word| secret(n * 200 + page * 40 + word)).collect::<Vec<_>>().join(" ") + " common words"
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let id = read(&store, &format!("{n}.pdf"), &texts);
        for (number, text) in (1..).zip(&texts) {
            // Its direction is as secret as its words.
            let passage = PassageVector {
                range: 0..9,
                vector: Digest::of(text.as_bytes()).0.map(|b| f32::from(b) - 99.5).into(),
            };
            let key = PageKey { document: id, page: page(number) };
            assert!(store.vectors().put(Digest::of(b"model"), key, Digest::of(text.as_bytes()), &[passage]).unwrap());
        }
        documents.push(id);
    }
    store.checkpoint().unwrap();
    let vectors = |document: DocumentId| -> Vec<Vec<u8>> {
        let connection = rusqlite::Connection::open(dir.path().join(DATABASE_FILE)).unwrap();
        let mut select = connection
            .prepare(
                "SELECT vector FROM vectors WHERE page IN
                 (SELECT seq FROM pages WHERE document = (SELECT key FROM documents WHERE id = ?1))",
            )
            .unwrap();
        select.query_map([document.to_string()], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let vectors: Vec<Vec<u8>> = [0, 7, 31].iter().flat_map(|n: &usize| vectors(documents[*n])).collect();
    assert_eq!(vectors.len(), 15);
    assert!(vectors.iter().all(|vector| !files_with(dir.path(), vector).is_empty()), "they are there at first");
    let secrets = |n: u32| (n * 200..(n + 1) * 200).map(secret);
    assert!(secrets(7).all(|secret| !files_with(dir.path(), &secret).is_empty()), "they are there at first");
    let removed = [0, 7, 8, 31, 59];
    for n in removed {
        store.remove(documents[n as usize]).unwrap();
    }
    store.give_back_space().unwrap();
    for vector in &vectors {
        assert_eq!(files_with(dir.path(), vector), [""; 0]);
    }
    for secret in removed.into_iter().flat_map(secrets) {
        assert_eq!(files_with(dir.path(), &secret), [""; 0], "{secret}");
        assert!(search(&store, &secret).hits.is_empty());
    }
    assert_eq!(search(&store, &secret(1234)).hits.len(), 1, "the others are still found");
    // Nor is it found as a word near to another.
    assert!(!search(&store, &secret(7 * 200).replacen(|_: char| true, "x", 1)).approximate);

    let all = Retention { max_age: Some(Duration::ZERO), max_size: None };
    store.retain(&all, std::time::SystemTime::now() + Duration::from_secs(1)).unwrap();
    for secret in (0..60).flat_map(|n| secrets(n).step_by(10)) {
        assert_eq!(files_with(dir.path(), &secret), [""; 0], "{secret}");
    }
    drop(store);
    let connection = rusqlite::Connection::open(dir.path().join(DATABASE_FILE)).unwrap();
    let words: u32 = connection.query_row("SELECT count(*) FROM words", [], |row| row.get(0)).unwrap();
    assert_eq!(words, 0);
}

#[test]
fn a_long_document_is_removed_a_few_pages_at_a_time_and_wholly() {
    let store = store();
    let texts: Vec<String> = (0..100).map(|n| format!("kumquat word{n:03}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let [long, other] = ["long.pdf", "other.pdf"].map(|source| read(&store, source, &texts));
    store.remove(long).unwrap();
    assert!(store.document(long).unwrap().is_none());
    let found = store.search(&SearchQuery { limit: 300, ..SearchQuery::new("kumquat") }).unwrap();
    assert_eq!(found.hits.len(), 100);
    assert!(found.hits.iter().all(|hit| hit.document == other));
    assert!(search(&store, "wordo42").approximate, "words that another page has stay");
    store.remove(other).unwrap();
    assert!(!search(&store, "wordo42").approximate);
    let open = submit_as(&store, "open.pdf");
    store.commit(&(1..=50).map(|n| commit(open, n, "kumquat")).collect::<Vec<_>>()).unwrap();
    assert!(matches!(store.remove(open), Err(Error::StillOpen(_))));
    assert_eq!(search(&store, "kumquat").hits.len(), 10, "of an open document nothing goes");
}

/// A data directory as version 2 of the schema had it.
const VERSION_2: &str = include_str!("common/version_2.sql");

#[test]
fn a_data_directory_of_the_version_before_is_searched_once_a_writer_has_seen_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(DATABASE_FILE);
    let id = DocumentId::new();
    {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(VERSION_2).unwrap();
        connection
            .execute(
                "INSERT INTO documents (id, source, sha256, size, options_key, options, priority, submitted_at, state)
                 VALUES (?1, 'old.pdf', ?2, 1, ?2, '{}', 'bulk', 0, 'done')",
                rusqlite::params![id.to_string(), "0".repeat(64)],
            )
            .unwrap();
        for n in 1..=100 {
            let record = serde_json::to_string(&record(id, n, &format!("old \u{141}\u{f3}d\u{17a} word{n}"))).unwrap();
            connection
                .execute(
                    "INSERT INTO pages (document, page, status, committed_at, record) VALUES (1, ?1, 'ok', 0, ?2)",
                    rusqlite::params![n, record],
                )
                .unwrap();
        }
    }
    let Err(error) = Store::open_reader(dir.path()) else { panic!("a reader cannot bring it up to date") };
    assert!(matches!(error, Error::OlderSchema { found: 2, .. }), "{error}");
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let new = read(&store, "new.pdf", &["new lodz"]);
    assert_eq!(search(&store, "new").hits[0].document, new, "what is new is found at once");
    store.wait_for_index();
    let results = search(&store, "lodz word77");
    assert_eq!((results.hits.len(), results.hits[0].page, results.pages_not_indexed), (1, page(77), 0));
    store.remove(id).unwrap();
    assert_eq!(search(&store, "lodz").hits.len(), 1);
}

#[test]
fn indexing_older_pages_stops_with_the_store_and_goes_on_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let texts: Vec<String> = (0..300).map(|n| format!("word{n} kumquat")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let id = read(&store, "a.pdf", &texts);
    drop(store);
    // As if the migration had just been made.
    let connection = rusqlite::Connection::open(dir.path().join(DATABASE_FILE)).unwrap();
    connection
        .execute_batch(
            "DELETE FROM page_words; DELETE FROM searched; DELETE FROM words;
             UPDATE search_backlog SET last = (SELECT max(seq) FROM pages), done = 100;",
        )
        .unwrap();
    drop(connection);
    let results = Store::open_reader(dir.path()).unwrap().search(&SearchQuery::new("kumquat")).unwrap();
    assert_eq!((results.hits.len(), results.pages_not_indexed), (0, 200), "the answer says what is missing");
    drop(Store::open(dir.path(), StoreOptions::default()).unwrap());
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    store.wait_for_index();
    let found = store.search(&SearchQuery { limit: 300, ..SearchQuery::new("kumquat") }).unwrap();
    assert_eq!((found.hits.len(), found.pages_not_indexed), (200, 0));
    assert!(found.hits.iter().all(|hit| hit.document == id));
}
