//! What durability and comparison cost a page. A page takes about a second to read, so 1% of that is 10 ms.
//!
//! `cargo bench -p pagestream-store`

use std::{sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pagestream_documents::{
    ByteSize, Digest, DocumentId, DocumentRef, Origin, PageNumber, PageRecord, PageStatus, Point, Polygon, Rotation,
    TextLine, Word, record::SCHEMA,
};
use pagestream_store::{
    CacheOptions, Cursor, Durability, NewDocument, PageCache, PageCommit, Priority, Store, StoreOptions,
    similarity::{PageKey, SimilarityOptions, signature},
};
use serde_json::json;

/// Words that share nothing but the alphabet, the same for the same seed.
fn words(seed: u64, count: usize) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..count).map(|_| (0..3 + next() % 6).map(|_| char::from(b'a' + next() % 26)).collect()).collect()
}

/// A full page: 40 lines of 10 words, about 2,600 characters, each word with its polygon.
fn record(document: DocumentId, number: u32) -> PageRecord {
    let polygon = |x: f32, y: f32| -> Polygon {
        Polygon([(x, y), (x + 90.5, y), (x + 90.5, y + 30.25), (x, y + 30.25)].map(|(x, y)| Point { x, y }))
    };
    let lines: Vec<TextLine> = words(number.into(), 400)
        .chunks(10)
        .enumerate()
        .map(|(row, line)| TextLine {
            text: line.join(" "),
            polygon: polygon(100.0, 50.5 * row as f32),
            confidence: Some(0.9875),
            words: line
                .iter()
                .enumerate()
                .map(|(column, word)| Word {
                    text: word.clone(),
                    polygon: polygon(100.0 + 95.0 * column as f32, 50.5 * row as f32),
                    confidence: Some(0.9875),
                })
                .collect(),
        })
        .collect();
    PageRecord {
        schema: SCHEMA.into(),
        document: DocumentRef { id: document, source: "bench.pdf".into(), sha256: Digest::of(b"bench"), pages: 1 },
        page: PageNumber::new(number).unwrap(),
        status: PageStatus::Ok,
        reason: None,
        origin: Some(Origin::Ocr),
        width: 1654,
        height: 2339,
        dpi: 200.0,
        rotation: Rotation::default(),
        text: lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"),
        lines,
        blocks: Vec::new(),
        confidence: None,
        needs_review: false,
        duplicate_of: None,
        timings_ms: [("recognise".to_owned(), 812.5)].into(),
        models: Vec::new(),
    }
}

fn submit(store: &Store) -> DocumentId {
    let new = NewDocument {
        id: DocumentId::new(),
        source: "bench.pdf".into(),
        blob: store.spool(&mut &b"bench"[..]).unwrap(),
        options: json!({}),
        selection: None,
        priority: Priority::Bulk,
        tags: Vec::new(),
    };
    store.submit(&new).unwrap();
    new.id
}

fn commits(c: &mut Criterion) {
    let mut group = c.benchmark_group("commit");
    for durability in [Durability::ProcessCrash, Durability::PowerLoss] {
        for pages in [1_u32, 16, 64] {
            let store = Store::temporary(StoreOptions { durability, ..StoreOptions::default() }).unwrap();
            let document = submit(&store);
            let template = record(document, 1);
            let mut next = 1;
            group.throughput(Throughput::Elements(pages.into()));
            group.bench_function(format!("{durability:?}/{pages} pages"), |b| {
                b.iter_batched(
                    || {
                        (0..pages)
                            .map(|_| {
                                let mut record = template.clone();
                                record.page = PageNumber::new(next).unwrap();
                                next += 1;
                                PageCommit { record: Arc::new(record), raster: None }
                            })
                            .collect::<Vec<_>>()
                    },
                    |commits| store.commit(&commits).unwrap(),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();

    let store = Store::temporary(StoreOptions::default()).unwrap();
    let document = submit(&store);
    let pages: Vec<_> = (1..=500).map(|n| PageCommit { record: Arc::new(record(document, n)), raster: None }).collect();
    store.commit(&pages).unwrap();
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(100));
    group.bench_function("100 pages", |b| {
        b.iter(|| store.read(document, Cursor::Page(PageNumber::new(200).unwrap()), 100).unwrap());
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("changed?", |b| {
        let mut watch = store.watch().unwrap();
        b.iter(|| watch.changed().unwrap());
    });
    group.bench_function("submit", |b| b.iter(|| submit(&store)));
}

fn caches(c: &mut Criterion) {
    let options = CacheOptions { max_size: ByteSize::mib(64), time_to_live: Duration::from_secs(3600) };
    let cache = PageCache::new(options);
    let document = DocumentId::new();
    let key = |n: u32| (Digest::of(&n.to_le_bytes()), Digest::of(b"options"));
    (1..=200).for_each(|n| cache.insert(key(n), Arc::new(record(document, n))));
    assert_eq!(cache.stats().entries, 200);
    let asked = key(100);
    c.bench_function("cache/hit", |b| b.iter(|| cache.get(&asked).unwrap()));
}

fn similarity(c: &mut Criterion) {
    let text = |seed: u64| words(seed, 400).join(" ");
    let mut group = c.benchmark_group("similarity");
    let page = text(1);
    group.bench_function("signature of 2,600 characters", |b| b.iter(|| signature(&page).unwrap()));
    for (name, exact_limit) in [("scan", 20_000), ("graph", 0)] {
        let similarity = SimilarityOptions { exact_limit, ..SimilarityOptions::default() };
        let store = Store::temporary(StoreOptions { similarity, ..StoreOptions::default() }).unwrap();
        let document = submit(&store);
        let mut number = 0;
        let mut insert = |seed| {
            number += 1;
            let key = PageKey { document, page: PageNumber::new(number).unwrap() };
            store.similarity().check_and_insert(key, &text(seed)).unwrap()
        };
        // While the first graph is being built, every insertion scans the table.
        insert(0);
        store.similarity().settle().unwrap();
        (1..5_000).for_each(|seed| {
            insert(seed);
        });
        group.bench_function(format!("similar among 5,000, {name}"), |b| {
            b.iter(|| store.similarity().similar(&page, 10).unwrap());
        });
        let mut seed = 1_000_000;
        group.bench_function(format!("check and insert among 5,000, {name}"), |b| {
            b.iter(|| {
                seed += 1;
                insert(seed)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = commits, caches, similarity
}
criterion_main!(benches);
