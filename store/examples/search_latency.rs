//! What a search computes in a store of many pages, at rest and while pages are committed at full speed, beside FTS5 alone over the
//! same text.
//!
//! `cargo run --release -p pagestream-store --example search_latency -- [PAGES] [DIR]` (100,000; some 2 GB of disk in the temporary
//! directory; in DIR, what an earlier run left there is used again). Words are made up, as frequent as in a language (Zipf), 400 a page in 40 lines; of 100 pages is a document.

mod made_up;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use made_up::{Numbers, PAGES_OF_A_DOCUMENT, cpu_time, measure, page, queries};
use pagestream_documents::DocumentId;
use pagestream_store::{Listing, NewDocument, Outcome, PageCommit, Priority, SearchQuery, Store, StoreOptions};

const PAGES_OF_A_COMMIT: usize = 50;

fn document(store: &Store, numbers: &mut Numbers, committed: &AtomicU64, stop: &AtomicBool) {
    let new = NewDocument {
        id: DocumentId::new(),
        source: format!("folder/made-up-{}.pdf", numbers.next()),
        blob: store.spool(&mut &b"made up"[..]).expect("spooled"),
        options: serde_json::json!({}),
        selection: None,
        priority: Priority::Bulk,
        tags: Vec::new(),
    };
    store.submit(&new).expect("submitted");
    let pages: Vec<_> = (1..=PAGES_OF_A_DOCUMENT)
        .map(|number| PageCommit { record: page(new.id, number, numbers).into(), raster: None })
        .collect();
    for pages in pages.chunks(PAGES_OF_A_COMMIT) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        store.commit(pages).expect("committed");
        committed.fetch_add(pages.len() as u64, Ordering::Relaxed);
    }
    store.finish(new.id, Outcome::Done, None).expect("finished");
}

fn main() {
    let pages: u64 = std::env::args().nth(1).map_or(100_000, |text| text.parse().expect("a number of pages"));
    let temporary = tempfile::tempdir().expect("a directory");
    let dir = std::env::args_os().nth(2).map_or(temporary.path().to_owned(), std::path::PathBuf::from);
    let store = Store::open(&dir, StoreOptions::default()).expect("opened");
    let there = store.status().expect("read").pages;
    let (committed, stop, mut numbers) = (AtomicU64::new(there), AtomicBool::new(false), Numbers(1 + there));
    let (start, cpu) = (Instant::now(), cpu_time());
    while committed.load(Ordering::Relaxed) < pages {
        document(&store, &mut numbers, &committed, &stop);
    }
    println!(
        "{} pages in {:.1} s, {:.1} CPU s",
        pages.saturating_sub(there),
        start.elapsed().as_secs_f64(),
        (cpu_time() - cpu).as_secs_f64()
    );
    let alone = fts5_alone(&store);
    let reader = Store::open_reader(&dir).expect("opened to read");
    let ask = |query: &str| drop(reader.search(&SearchQuery::new(query)).expect("searched"));

    println!("p50 / p99 in CPU ms:                        at rest        while writing    FTS5 alone");
    for (name, queries) in queries() {
        let rest = measure(&queries, ask);
        let writing = std::thread::scope(|scope| {
            stop.store(false, Ordering::Relaxed);
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    document(&store, &mut numbers, &committed, &stop);
                }
            });
            let writing = measure(&queries, ask);
            stop.store(true, Ordering::Relaxed);
            writing
        });
        let fts5 = measure(&queries, |query| {
            let mut select = alone
                .prepare_cached(
                    "SELECT rowid, snippet(t, 0, '[', ']', '…', 16) FROM t WHERE t MATCH ?1 ORDER BY rank LIMIT 10",
                )
                .expect("prepared");
            let found = select.query_map([query], |row| row.get::<_, i64>(0)).expect("asked");
            assert!(found.count() <= 10);
        });
        let [rest, writing, fts5] = [rest, writing, fts5].map(|(p50, p99)| format!("{p50:.2} / {p99:.2}"));
        println!("{name:42}  {rest:16} {writing:16} {fts5}");
    }
    drop(reader);
    let document = store.documents(Listing::default()).expect("listed").swap_remove(0).id;
    let (start, cpu) = (Instant::now(), cpu_time());
    store.remove(document).expect("removed");
    let (removed, removed_cpu) = (start.elapsed(), cpu_time() - cpu);
    store.give_back_space().expect("given back");
    println!(
        "to remove {PAGES_OF_A_DOCUMENT} pages: {:.2} s, {:.2} CPU s; to overwrite what is left of them: {:.2} s, {:.2} CPU s",
        removed.as_secs_f64(),
        removed_cpu.as_secs_f64(),
        (start.elapsed() - removed).as_secs_f64(),
        (cpu_time() - cpu - removed_cpu).as_secs_f64()
    );
}

/// The text in a table of FTS5 as it comes.
fn fts5_alone(store: &Store) -> rusqlite::Connection {
    let path = store.dir().join("alone.sqlite3");
    let is_there = path.exists();
    let mut connection = rusqlite::Connection::open(path).expect("opened");
    if is_there {
        return connection;
    }
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE VIRTUAL TABLE t USING fts5 (text)").expect("made");
    let (mut last, start) = (0, Instant::now());
    loop {
        let pages = store.changes_since(last, 500).expect("read");
        let Some(page) = pages.last() else { break };
        last = page.seq;
        let transaction = connection.transaction().expect("begun");
        for page in &pages {
            let text = page.record().expect("a record").text;
            transaction.execute("INSERT INTO t (rowid, text) VALUES (?1, ?2)", (page.seq, text)).expect("inserted");
        }
        transaction.commit().expect("committed");
    }
    println!("FTS5 alone: {:.1} s", start.elapsed().as_secs_f64());
    connection
}
