use super::*;
use crate::{NewDocument, Priority, Store, StoreOptions};

/// A page of letters that share nothing but the alphabet.
fn page_text(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..100).map(|_| (0..3 + next() % 6).map(|_| char::from(b'a' + next() % 26)).collect::<String>() + " ").collect()
}

fn key(document: DocumentId, page: u32) -> PageKey {
    PageKey { document, page: pagestream_documents::PageNumber::new(page).unwrap() }
}

fn submit(store: &Store) -> DocumentId {
    let new = NewDocument {
        id: DocumentId::new(),
        source: "test".into(),
        blob: store.spool(&mut &b"test"[..]).unwrap(),
        options: serde_json::Value::Null,
        selection: None,
        priority: Priority::Bulk,
        tags: Vec::new(),
    };
    store.submit(&new).unwrap();
    new.id
}

fn store(exact_limit: usize) -> Store {
    let similarity = SimilarityOptions { exact_limit, ..SimilarityOptions::default() };
    Store::temporary(StoreOptions { similarity, ..StoreOptions::default() }).unwrap()
}

#[test]
fn the_graph_takes_over_beyond_the_limit_and_agrees_with_the_scan() {
    let (small, large) = (store(50), store(10_000));
    let documents = [submit(&small), submit(&large)];
    for n in 1..=300 {
        for (store, document) in [&small, &large].into_iter().zip(documents) {
            let verdict = store.similarity().check_and_insert(key(document, n), &page_text(n.into())).unwrap();
            assert_eq!(verdict, Verdict::Unique);
        }
    }
    small.similarity().settle().unwrap();
    {
        let guard = small.similarity().lock();
        let state = guard.as_ref().unwrap();
        assert!(state.exact.is_none() && state.graph.as_ref().is_some_and(|graph| graph.len == 300));
    }
    for n in (1..=300).step_by(7) {
        let misread = page_text(n.into()).replacen('e', "c", 9);
        let [small, large] = [&small, &large].map(|store| store.similarity().similar(&misread, 1).unwrap()[0]);
        assert_eq!((small.key.page, small.similarity), (large.key.page, large.similarity));
        assert_eq!(small.key, key(documents[0], n));
    }
}

#[test]
fn a_broken_graph_is_thrown_away_and_answers_stay_right() {
    let store = store(0);
    let document = submit(&store);
    let check = |n: u32, seed: u64| store.similarity().check_and_insert(key(document, n), &page_text(seed)).unwrap();
    assert_eq!(check(1, 1), Verdict::Unique);
    store.similarity().settle().unwrap();
    // A graph of another width refuses every vector of ours.
    let broken = |state: &mut State| state.graph.as_mut().unwrap().break_for_test();
    broken(store.similarity().lock().as_mut().unwrap());
    let near = page_text(1).replacen('a', "o", 5);
    let found = store.similarity().similar(&near, 1).unwrap();
    assert_eq!(found[0].key, key(document, 1), "the scan answers");
    assert!(store.similarity().lock().as_ref().unwrap().graph.is_none());
    store.similarity().settle().unwrap();
    assert!(store.similarity().lock().as_ref().unwrap().graph.is_some(), "and another is built");
    for _ in 0..MAX_FAILURES - 1 {
        store.similarity().settle().unwrap();
        broken(store.similarity().lock().as_mut().unwrap());
        store.similarity().similar(&near, 1).unwrap();
    }
    store.similarity().settle().unwrap();
    assert!(store.similarity().lock().as_ref().unwrap().graph.is_none(), "but not for ever");
    assert_eq!(store.similarity().similar(&near, 1).unwrap()[0].key, key(document, 1));
}

#[test]
fn many_removals_build_the_graph_again() {
    let store = store(0);
    let document = submit(&store);
    for n in 1..=40 {
        store.similarity().check_and_insert(key(document, n), &page_text(n.into())).unwrap();
    }
    store.similarity().settle().unwrap();
    for n in 1..=20 {
        store.similarity().remove(key(document, n)).unwrap();
        let found = store.similarity().similar(&page_text(n.into()), 3).unwrap();
        assert_eq!(found.len(), 3, "holes do not hide the others");
        assert!(found.iter().all(|near| near.key.page.get() > n));
    }
    store.similarity().settle().unwrap();
    let guard = store.similarity().lock();
    let graph = guard.as_ref().unwrap().graph.as_ref().unwrap();
    assert!(graph.len < 40 && graph.tombstones * TOMBSTONE_SHARE <= graph.len, "{} {}", graph.len, graph.tombstones);
}
