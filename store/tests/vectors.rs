//! Search by what pages mean, as the store promises it.

mod common;

use std::path::Path;

use common::{new_document, page, record};
use pagestream_documents::{Digest, DocumentId, PageRecord, Point, Polygon, TextLine};
use pagestream_store::{
    Error, FoundBy, Outcome, PageCommit, QueryVector, SearchMode, SearchQuery, SearchResults, Store, StoreOptions,
    similarity::PageKey,
    vectors::{Embedded, IndexState, PassageVector, VectorOptions},
};

const DIMENSIONS: usize = 64;

fn model() -> Digest {
    Digest::of(b"a model")
}

/// What the test's model takes a text for: its words, each a direction.
fn meaning(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    for word in text.split_whitespace() {
        let digest = Digest::of(word.as_bytes()).0;
        for (at, value) in vector.iter_mut().enumerate() {
            *value += f32::from(digest[at % 32] >> (at / 32) & 1) - 0.5;
        }
    }
    vector
}

/// A passage for each line.
fn passages(text: &str) -> Vec<PassageVector> {
    let mut start = 0;
    let of = |line: &str| {
        let range = start..start + line.len() as u32;
        start = range.end + 1;
        PassageVector { range, vector: meaning(line) }
    };
    text.split('\n').map(of).collect()
}

fn page_with(document: DocumentId, number: u32, text: &str) -> PageCommit {
    let corner = |row: usize| Point { x: 0.0, y: row as f32 };
    let lines = text.split('\n').enumerate().map(|(row, line)| TextLine {
        text: line.into(),
        polygon: Polygon([corner(row); 4]),
        confidence: None,
        words: Vec::new(),
    });
    PageCommit { record: PageRecord { lines: lines.collect(), ..record(document, number, text) }.into(), raster: None }
}

fn submit_as(store: &Store, source: &str) -> DocumentId {
    let blob = store.spool(&mut source.as_bytes()).unwrap();
    let new = pagestream_store::NewDocument { source: source.into(), ..new_document(&blob) };
    store.submit(&new).unwrap();
    new.id
}

/// Reads a document whose pages have these texts, and embeds what is missing.
fn read(store: &Store, source: &str, texts: &[String]) -> DocumentId {
    let id = submit_as(store, source);
    let pages: Vec<_> = texts.iter().zip(1..).map(|(text, number)| page_with(id, number, text)).collect();
    store.commit(&pages).unwrap();
    store.finish(id, Outcome::Done, None).unwrap();
    embed(store);
    id
}

/// What was computed.
fn embed(store: &Store) -> usize {
    let missing = store.vectors().missing(model(), 0, usize::MAX).unwrap();
    for found in &missing {
        let text = found.record().unwrap().text;
        let key = PageKey { document: found.document, page: found.page };
        assert!(store.vectors().put(model(), key, Digest::of(text.as_bytes()), &passages(&text)).unwrap());
    }
    missing.len()
}

fn ask(text: &str, mode: SearchMode) -> SearchQuery {
    let vector = Some(QueryVector { model: model(), vector: meaning(text) });
    SearchQuery { mode, vector, ..SearchQuery::new(text) }
}

fn found(results: &SearchResults) -> Vec<(DocumentId, u32)> {
    results.hits.iter().map(|hit| (hit.document, hit.page.get())).collect()
}

fn store() -> Store {
    Store::temporary(StoreOptions::default()).unwrap()
}

fn text(words: &str) -> String {
    format!("{words}\nthis line is the same on all of the pages, and long enough for them not to be tiny")
}

#[test]
fn a_page_is_found_by_what_a_passage_of_it_means() {
    let store = store();
    let texts = ["stars and planets move", "bread rises in ovens", "ships cross the sea"].map(text);
    let id = read(&store, "a.pdf", &texts);
    // Words that no page has all of.
    let semantic = store.search(&ask("ovens bread dough", SearchMode::Semantic)).unwrap();
    assert_eq!((semantic.mode, semantic.hits.len()), (SearchMode::Semantic, 3));
    let hit = &semantic.hits[0];
    assert_eq!((hit.document, hit.page, hit.found_by), (id, page(2), FoundBy::Semantic));
    assert_eq!((hit.snippet.as_str(), hit.passage.clone()), ("bread rises in ovens…", Some(0..20)));
    assert_eq!(hit.marks.iter().map(|mark| &hit.snippet[mark.clone()]).collect::<Vec<_>>(), ["bread", "ovens"]);
    assert_eq!(hit.lines.iter().map(|line| line.index).collect::<Vec<_>>(), [0]);
    assert!(hit.similarity.is_some_and(|similarity| f64::from(similarity) == hit.score && similarity > 0.3));
    assert!(semantic.hits.is_sorted_by(|a, b| a.score >= b.score));

    let keyword = store.search(&ask("bread ovens", SearchMode::Keyword)).unwrap();
    assert_eq!((found(&keyword), keyword.hits[0].found_by), (vec![(id, 2)], FoundBy::Keyword));
    let hybrid = store.search(&ask("ships sea", SearchMode::Hybrid)).unwrap();
    assert_eq!((found(&hybrid)[0], hybrid.hits[0].found_by), ((id, 3), FoundBy::Both));
    assert_eq!(hybrid.hits.len(), 3);
    assert!(hybrid.hits[1..].iter().all(|hit| hit.found_by == FoundBy::Semantic));
    let without = store.search(&ask("ships -planets -ovens", SearchMode::Hybrid)).unwrap();
    assert_eq!(found(&without), [(id, 3)], "what must not occur does not, whatever a page means");
}

#[test]
fn a_search_by_meaning_needs_one_that_can_be_compared() {
    let store = store();
    read(&store, "a.pdf", &[text("stars")]);
    let plain = SearchQuery::new("stars");
    let results = store.search(&plain).unwrap();
    assert_eq!((results.mode, results.hits.len()), (SearchMode::Keyword, 1), "it says that it was by words alone");
    let query = |vector: Option<Vec<f32>>| {
        let vector = vector.map(|vector| QueryVector { model: model(), vector });
        store.search(&SearchQuery { mode: SearchMode::Semantic, vector, ..plain.clone() })
    };
    for bad in [None, Some(vec![f32::NAN; DIMENSIONS]), Some(vec![0.0; DIMENSIONS]), Some(vec![1.0; 3])] {
        let error = query(bad).unwrap_err();
        assert!(matches!(error, Error::QueryVector(_)) && error.hint().is_some() && !error.is_fatal(), "{error}");
    }
    let other = QueryVector { model: Digest::of(b"another model"), vector: vec![1.0; 5] };
    let other = SearchQuery { mode: SearchMode::Semantic, vector: Some(other), ..plain };
    assert!(store.search(&other).unwrap().hits.is_empty(), "vectors of two models never meet");
}

#[test]
fn filters_act_before_the_best_are_taken_and_documents_take_turns() {
    let store = store();
    let many: Vec<String> = (0..300).map(|n| text(&format!("stars and planets {n}"))).collect();
    read(&store, "folder/many.pdf", &many);
    let one = read(&store, "folder/one.pdf", &[text("planets or ovens")]);
    let by = |change: &dyn Fn(&mut SearchQuery)| {
        let mut query = ask("stars and planets", SearchMode::Semantic);
        change(&mut query);
        found(&store.search(&query).unwrap())
    };
    assert_eq!(by(&|query| query.document = Some(one)), [(one, 1)]);
    assert_eq!(by(&|query| query.source = Some("one.*".into())), [(one, 1)]);
    assert_eq!(by(&|query| query.before = Some(std::time::SystemTime::UNIX_EPOCH)), []);
    assert_eq!(by(&|query| query.after = Some(std::time::SystemTime::UNIX_EPOCH)).len(), 10);
    assert_eq!(by(&|query| query.origin = Some(pagestream_documents::Origin::TextLayer)), []);
    let all = by(&|query| query.limit = 1_000);
    assert_eq!(all.len(), 301, "as many as there are");
    assert_eq!(all[2].0, one, "two of a document, then others");
    let paged = by(&|query| query.offset = 4);
    assert_eq!(paged, by(&|query| query.limit = 14)[4..]);
}

#[test]
fn the_same_text_is_embedded_once_and_tiny_pages_never() {
    let store = store();
    let id = submit_as(&store, "a.pdf");
    let (same, other) = (text("one and the same"), text("another"));
    let pages = [&same, "tiny", "", &same, &other];
    store.commit(&pages.iter().zip(1..).map(|(text, number)| page_with(id, number, text)).collect::<Vec<_>>()).unwrap();
    assert_eq!(store.embedded(model()).unwrap(), Embedded { done: 0, waiting: 4 });
    let first = store.vectors().missing(model(), 0, 1).unwrap();
    assert_eq!(first[0].page, page(1));
    let key = PageKey { document: id, page: page(1) };
    let digest = Digest::of(same.as_bytes());
    assert_eq!(store.vectors().known(model(), digest).unwrap(), None);
    store.vectors().put(model(), key, digest, &passages(&same)).unwrap();
    assert_eq!(store.vectors().known(model(), digest).unwrap().unwrap().len(), 2);
    assert_eq!(store.vectors().known(Digest::of(b"another model"), digest).unwrap(), None);
    assert_eq!(embed(&store), 1, "the other text alone");
    assert_eq!(store.embedded(model()).unwrap(), Embedded { done: 4, waiting: 0 });
    let twin = PageKey { document: id, page: page(4) };
    assert_eq!(store.vectors_of(model(), twin).unwrap(), store.vectors_of(model(), key).unwrap());
    assert!(store.vectors_of(model(), PageKey { document: id, page: page(2) }).unwrap().is_empty());
    assert_eq!(embed(&store), 0);

    for bad in [vec![f32::NAN; DIMENSIONS], vec![0.0; DIMENSIONS], vec![1.0; 3]] {
        let error =
            store.vectors().put(model(), key, digest, &[PassageVector { range: 0..1, vector: bad }]).unwrap_err();
        assert!(matches!(error, Error::BadVector { .. }) && !error.is_fatal(), "{error}");
        assert!(error.to_string().contains(&id.to_string()) && error.to_string().contains("page 1"), "{error}");
    }
    assert_eq!(store.vectors_of(model(), key).unwrap().len(), 2, "what was there stays");
    let nobody = PageKey { document: DocumentId::new(), page: page(1) };
    assert!(!store.vectors().put(model(), nobody, digest, &passages(&same)).unwrap());
}

#[test]
fn what_is_removed_is_found_no_more_by_anybody() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let reader = Store::open_reader(dir.path()).unwrap();
    let query = ask("stars and planets", SearchMode::Semantic);
    assert!(reader.search(&query).unwrap().hits.is_empty());
    assert_eq!(reader.vector_index(model()).unwrap(), IndexState::NotLoaded);
    let a = read(&store, "a.pdf", &[text("stars"), text("planets")]);
    let b = read(&store, "b.pdf", &[text("stars and planets")]);
    for reader in [&reader, store.reader()] {
        assert_eq!(found(&reader.search(&query).unwrap())[0], (b, 1));
        assert_eq!(reader.vector_index(model()).unwrap(), IndexState::NotNeeded { vectors: 6 });
    }
    store.remove(b).unwrap();
    let c = read(&store, "c.pdf", &[text("planets and ovens")]);
    for reader in [&reader, store.reader()] {
        let documents: Vec<_> = found(&reader.search(&query).unwrap()).into_iter().map(|(id, _)| id).collect();
        assert!(documents.contains(&a) && documents.contains(&c) && !documents.contains(&b));
        assert_eq!(reader.vector_index(model()).unwrap(), IndexState::NotNeeded { vectors: 6 });
    }
    let left: i64 = raw(dir.path()).query_row("SELECT count(*) FROM vectors", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 6);
    assert_eq!(store.vectors().verify(model(), 10).unwrap().recall_at_10, 1.0);
}

fn raw(dir: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.join(pagestream_store::DATABASE_FILE)).unwrap()
}

#[test]
fn related_pages_are_near_as_wholes_and_never_the_page_itself() {
    let store = store();
    let texts = ["stars planets moons", "stars planets comets", "bread ovens dough", "ships sea"].map(text);
    let id = read(&store, "a.pdf", &texts);
    let key = |number| PageKey { document: id, page: page(number) };
    let related = store.related(model(), key(1), 2).unwrap();
    assert_eq!((related.len(), related[0].key, related[0].source.as_str()), (2, key(2), "a.pdf"));
    assert!(related[0].similarity > related[1].similarity && related[0].similarity <= 1.0);
    assert!(texts[1].contains(&related[0].text) && !related[0].text.is_empty());
    let back = store.related(model(), key(2), 1).unwrap();
    assert_eq!((back[0].key, back[0].similarity), (key(1), related[0].similarity), "both ways the same");
    let other = store.related_to(model(), &passages(&texts[0]), 1, None).unwrap();
    assert_eq!(other[0].key, key(1));
    assert!(store.related(model(), key(9), 2).unwrap().is_empty());
}

#[test]
fn verify_tells_what_is_amiss_and_mends_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let texts: Vec<String> = (0..40).map(|n| text(&format!("word{n} and word{}", n + 1))).collect();
    let id = read(&store, "a.pdf", &texts);
    let query = ask("word7 and word8", SearchMode::Semantic);
    assert_eq!(found(&store.search(&query).unwrap())[0], (id, 8));
    let verified = store.vectors().verify(model(), 20).unwrap();
    assert_eq!((verified.vectors, verified.sampled, verified.recall_at_10), (80, 20, 1.0));
    assert_eq!((verified.missing, verified.ghosts, verified.foreign, verified.mended), (0, 0, 0, false));

    // A hand in the database: SQLite's own tool knows of no foreign keys by itself, and no trigger tells of what is turned off.
    let other = raw(dir.path());
    other
        .execute_batch(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER vectors_forgotten;
         DELETE FROM vectors WHERE page = 8;
         UPDATE vectors SET page = 9999 WHERE page = 9;
         UPDATE vectors SET vector = x'00' WHERE page = 10 AND passage = 0;",
        )
        .unwrap();
    assert!(!found(&store.search(&query).unwrap()).contains(&(id, 8)), "a ghost is no hit");
    let verified = store.vectors().verify(model(), 20).unwrap();
    assert_eq!((verified.ghosts, verified.foreign, verified.mended), (3, 3, true));
    assert_eq!(verified.recall_after, 1.0);
    let verified = store.vectors().verify(model(), 20).unwrap();
    assert_eq!((verified.ghosts, verified.foreign, verified.mended, verified.vectors), (0, 0, false, 75));
    assert_eq!(store.vectors().verify(Digest::of(b"no model"), 5).unwrap().vectors, 0);
}

#[test]
fn a_graph_finds_what_the_scan_finds() {
    let graph = StoreOptions { vectors: VectorOptions { graph_from: 200 }, ..StoreOptions::default() };
    let [scan, graph] = [StoreOptions::default(), graph].map(|options| {
        let store = Store::temporary(options).unwrap();
        let texts: Vec<String> = (0..300).map(|n| text(&format!("word{n} word{} word{}", n / 2, n / 3))).collect();
        read(&store, "a.pdf", &texts);
        store
    });
    graph.vectors().verify(model(), 1).unwrap();
    let is_ready = matches!(graph.vector_index(model()).unwrap(), IndexState::Ready { .. });
    assert_eq!(is_ready, cfg!(feature = "similarity"));
    for n in (0..300).step_by(30) {
        let query = SearchQuery { limit: 5, ..ask(&format!("word{n} word{}", n / 2), SearchMode::Semantic) };
        let pages =
            |store: &Store| found(&store.search(&query).unwrap()).into_iter().map(|(_, page)| page).collect::<Vec<_>>();
        assert_eq!(pages(&graph), pages(&scan), "{n}");
    }
    assert!(graph.vectors().verify(model(), 50).unwrap().recall_at_10 >= 0.98);
}
