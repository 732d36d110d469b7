//! What search promises when the writer is killed, fifty times over one data directory: nothing acknowledged is lost, and nothing is found that
//! cannot be opened.

mod common;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use common::{commit, page, submit};
use pagestream_documents::{Digest, DocumentId};
use pagestream_store::{
    Outcome, QueryVector, Reader, SearchMode, SearchQuery, Store, StoreOptions, similarity::PageKey,
    vectors::PassageVector,
};

const CHILD_DIR: &str = "PAGESTREAM_CRASH_TEST_DIR";
const CHILD_FIRST: &str = "PAGESTREAM_CRASH_TEST_FIRST";

const KILLS: u64 = 50;
const PAGES: u32 = 3;

/// Numbers that a child may use up.
const NUMBERS: u64 = 1_000;

fn model() -> Digest {
    Digest::of(b"a model")
}

fn word(number: u64, page: u32) -> String {
    format!("number{}", number * 10 + u64::from(page))
}

fn text(number: u64, page: u32) -> String {
    format!("{} and words that are on every page, enough of them for a page not to be tiny", word(number, page))
}

fn vector(number: u64, page: u32) -> Vec<f32> {
    Digest::of(word(number, page).as_bytes()).0.map(|byte| f32::from(byte) - 127.5).to_vec()
}

/// Not a check of its own: the process that the test below starts, and kills. Writes for as long as it lives, and says what was acknowledged.
#[test]
fn writing_child() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let first: u64 = std::env::var(CHILD_FIRST).unwrap().parse().unwrap();
    let store = Store::open(Path::new(&dir), StoreOptions::default()).unwrap();
    let mut before = None;
    for number in first.. {
        let id = submit(&store, word(number, 0).as_bytes());
        store.commit(&(1..=PAGES).map(|page| commit(id, page, &text(number, page))).collect::<Vec<_>>()).unwrap();
        println!("\ncommitted {id} {number}");
        for number_of_page in 1..=PAGES {
            let text = text(number, number_of_page);
            let passage = PassageVector { range: 0..text.len() as u32, vector: vector(number, number_of_page) };
            let key = PageKey { document: id, page: page(number_of_page) };
            assert!(store.vectors().put(model(), key, Digest::of(text.as_bytes()), &[passage]).unwrap());
            // An index in the process that is killed.
            store.related(model(), key, 3).unwrap();
        }
        println!("\nembedded {id} {number}");
        store.finish(id, Outcome::Done, None).unwrap();
        // Every other document goes again.
        if let Some((before, its_number)) = before.take() {
            println!("\nremoving {before} {its_number}");
            store.remove(before).unwrap();
            println!("\nremoved {before} {its_number}");
        } else {
            before = Some((id, number));
        }
    }
}

/// Starts [`writing_child`], kills it once `enough` lines came, and gives all that it has told: a pipe holds more than what was read.
fn killed_child(dir: &Path, first: u64, enough: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writing_child", "--nocapture"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let is_told =
        |line: &String| ["committed ", "embedded ", "removing ", "removed "].iter().any(|verb| line.starts_with(verb));
    let mut lines = output.lines().map(Result::unwrap).filter(is_told);
    let mut told: Vec<String> = lines.by_ref().take(enough).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    told.extend(lines);
    told
}

/// What a search finds, each of it opened.
fn search(reader: &Reader, mode: SearchMode, number: u64, page: u32) -> Vec<PageKey> {
    let vector = Some(QueryVector { model: model(), vector: vector(number, page) });
    let query = SearchQuery { mode, vector, ..SearchQuery::new(word(number, page)) };
    let hits = reader.search(&query).unwrap().hits.into_iter();
    hits.map(|hit| opened(reader, PageKey { document: hit.document, page: hit.page })).collect()
}

fn opened(reader: &Reader, key: PageKey) -> PageKey {
    assert!(reader.page(key.document, key.page).unwrap().is_some(), "what is found can be opened: {key:?}");
    key
}

/// A document as the child told of it last.
struct Told {
    id: DocumentId,
    number: u64,
    verb: String,
}

fn check(reader: &Reader, told: &Told) {
    for number in 1..=PAGES {
        let key = PageKey { document: told.id, page: page(number) };
        let by_words = search(reader, SearchMode::Keyword, told.number, number);
        let by_meaning = search(reader, SearchMode::Semantic, told.number, number);
        let related = reader.related(model(), key, 3).unwrap();
        for related in &related {
            opened(reader, related.key);
        }
        match told.verb.as_str() {
            "committed" => assert_eq!(by_words, [key]),
            "embedded" => {
                assert_eq!((by_words, by_meaning[0]), (vec![key], key));
                assert!(related.iter().all(|related| related.key != key));
            }
            "removed" => {
                assert!(!by_words.contains(&key) && !by_meaning.contains(&key));
                assert!(related.is_empty());
            }
            // It may have gone or not; what is found was opened.
            _ => {}
        }
    }
}

#[test]
fn fifty_kills_lose_nothing_and_leave_nothing_that_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let mut all: Vec<Told> = Vec::new();
    for kill in 0..KILLS {
        // At another moment each time.
        let lines = killed_child(dir.path(), kill * NUMBERS, 1 + (kill * 7 % 11) as usize);
        let before = all.len();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let (verb, id) = (words[0].to_owned(), words[1].parse().unwrap());
            match all[before..].iter_mut().find(|told| told.id == id) {
                Some(told) => told.verb = verb,
                None => all.push(Told { id, number: words[2].parse().unwrap(), verb }),
            }
        }
        let reader = Store::open_reader(dir.path()).unwrap();
        all[before..].iter().for_each(|told| check(&reader, told));
    }
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    all.iter().step_by(7).for_each(|told| check(&store, told));
    let verified = store.vectors().verify(model(), 50).unwrap();
    assert_eq!((verified.missing, verified.ghosts, verified.foreign, verified.mended), (0, 0, 0, false));
    assert!(all.len() > KILLS as usize && verified.vectors > KILLS && verified.recall_at_10 >= 0.98);
    // What was committed and not embedded is found to be missing, and nothing else is.
    for missing in store.vectors().missing(model(), 0, usize::MAX).unwrap() {
        let key = PageKey { document: missing.document, page: missing.page };
        assert!(store.vectors_of(model(), key).unwrap().is_empty());
        assert!(!all.iter().any(|told| told.id == key.document && told.verb == "embedded"));
    }
}
