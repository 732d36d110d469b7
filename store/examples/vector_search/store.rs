//! The store as a whole.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use pagestream_documents::{Digest, DocumentId, DocumentRef, Origin, PageNumber, PageRecord, PageStatus};
use pagestream_store::{
    NewDocument, Outcome, PageCommit, Priority, QueryVector, Reader, SearchMode, SearchQuery, Store, StoreOptions,
    similarity::PageKey, vectors::PassageVector,
};

use super::{cpu_time, made_up::MadeUp, percentiles, process_cpu_time, resident};

const PAGES_OF_A_DOCUMENT: u32 = 100;
const PAGES_OF_A_COMMIT: usize = 50;
const QUERIES: u64 = 300;

fn model() -> Digest {
    Digest::of(b"made up")
}

/// Twenty words: here vectors are measured, and words elsewhere.
fn text(number: u64) -> String {
    (0..20).map(|at| format!("word{} ", number.wrapping_mul(31 + at) % 50_021)).collect()
}

/// A document from a number on; the first vectors are those of its pages.
fn document(store: &Store, made_up: &MadeUp, from: u64, stop: &AtomicBool) {
    let new = NewDocument {
        id: DocumentId::new(),
        source: format!("folder/made-up-{from}.pdf"),
        blob: store.spool(&mut &b"made up"[..]).expect("spooled"),
        options: serde_json::json!({}),
        selection: None,
        priority: Priority::Bulk,
        tags: Vec::new(),
    };
    store.submit(&new).expect("submitted");
    let named = DocumentRef {
        id: new.id,
        source: new.source.clone(),
        sha256: Digest::of(b"made up"),
        pages: PAGES_OF_A_DOCUMENT,
    };
    let number = |page: u32| PageNumber::new(page).expect("pages are counted from 1");
    let pages: Vec<PageCommit> = (1..=PAGES_OF_A_DOCUMENT)
        .map(|page| {
            let record = PageRecord::without_text(named.clone(), number(page), PageStatus::Ok, None);
            let text = text(from + u64::from(page));
            PageCommit { record: PageRecord { text, origin: Some(Origin::Ocr), ..record }.into(), raster: None }
        })
        .collect();
    for pages in pages.chunks(PAGES_OF_A_COMMIT) {
        if stop.load(Relaxed) {
            return;
        }
        store.commit(pages).expect("committed");
        for page in pages {
            let record = &page.record;
            let vector = made_up.vector(from + u64::from(record.page.get()));
            let passage = PassageVector { range: 0..record.text.len() as u32, vector };
            let key = PageKey { document: new.id, page: record.page };
            store.vectors().put(model(), key, Digest::of(record.text.as_bytes()), &[passage]).expect("put");
        }
    }
    store.finish(new.id, Outcome::Done, None).expect("finished");
}

fn ask(reader: &Reader, made_up: &MadeUp, number: u64, mode: SearchMode) -> usize {
    let vector = Some(QueryVector { model: model(), vector: made_up.query(number) });
    let query = SearchQuery { mode, vector, ..SearchQuery::new(format!("word{}", number % 50_021)) };
    reader.search(&query).expect("searched").hits.len()
}

fn times(reader: &Reader, made_up: &MadeUp, pages: u64, mode: SearchMode) -> (String, String) {
    let (mut cpu, mut wall): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for at in 0..QUERIES {
        let (start, begun) = (cpu_time(), Instant::now());
        let found = ask(reader, made_up, at * pages / QUERIES, mode);
        assert!(found == 10 || mode == SearchMode::Keyword);
        cpu.push(cpu_time() - start);
        wall.push(begun.elapsed());
    }
    let shown = |(p50, p99): (f64, f64)| format!("{p50:.2} / {p99:.2}");
    (shown(percentiles(cpu)), shown(percentiles(wall)))
}

pub fn measure(pages: u64) {
    let made_up = MadeUp::new(true);
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path(), StoreOptions::default()).expect("opened");
    let (stop, begun, cpu) = (AtomicBool::new(false), Instant::now(), process_cpu_time());
    for from in (0..pages).step_by(PAGES_OF_A_DOCUMENT as usize) {
        document(&store, &made_up, from, &stop);
    }
    println!(
        "{pages} pages: {:.1} s, {:.1} CPU s",
        begun.elapsed().as_secs_f64(),
        (process_cpu_time() - cpu).as_secs_f64()
    );
    drop(store);

    let begun = Instant::now();
    let store = Store::open(dir.path(), StoreOptions::default()).expect("opened");
    let reader = Store::open_reader(dir.path()).expect("opened to read");
    println!("to open: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let begun = Instant::now();
    let keyword = SearchQuery { mode: SearchMode::Keyword, ..SearchQuery::new("word7") };
    reader.search(&keyword).expect("searched");
    println!("first search by words: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let (before, begun) = (resident(), Instant::now());
    ask(&reader, &made_up, 7, SearchMode::Semantic);
    println!(
        "first search by meaning: {:.0} ms; {} MB",
        begun.elapsed().as_secs_f64() * 1e3,
        resident().saturating_sub(before) >> 20
    );
    let begun = Instant::now();
    let embedded = reader.embedded(model()).expect("counted");
    println!("status ({embedded:?}): {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);

    println!("p50 / p99 in ms:   CPU at rest, wall;   CPU while writing, wall");
    for mode in [SearchMode::Keyword, SearchMode::Semantic, SearchMode::Hybrid] {
        let rest = times(&reader, &made_up, pages, mode);
        let (stop, mut from) = (AtomicBool::new(false), pages);
        let writing = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    document(&store, &made_up, from, &stop);
                    from += u64::from(PAGES_OF_A_DOCUMENT);
                }
            });
            let writing = times(&reader, &made_up, pages, mode);
            stop.store(true, Relaxed);
            writing
        });
        println!("{mode:?}: {}, {}; {}, {}", rest.0, rest.1, writing.0, writing.1);
    }
    let verified = store.vectors().verify(model(), 100).expect("verified");
    println!("{verified:?}");
}
