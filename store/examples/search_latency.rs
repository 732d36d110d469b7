//! What a search computes in a store of many pages, at rest and while pages are committed at full speed, beside FTS5 alone over the
//! same text.
//!
//! `cargo run --release -p pagestream-store --example search_latency -- [PAGES] [DIR]` (100,000; some 2 GB of disk in the temporary
//! directory; in DIR, what an earlier run left there is used again). Words are made up, as frequent as in a language (Zipf), 400 a page in 40 lines; of 100 pages is a document.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use pagestream_documents::{
    Digest, DocumentId, DocumentRef, Origin, PageNumber, PageRecord, PageStatus, Point, Polygon, Rotation, TextLine,
    record::SCHEMA,
};
use pagestream_store::{Listing, NewDocument, Outcome, PageCommit, Priority, SearchQuery, Store, StoreOptions};

const VOCABULARY: f64 = 200_000.0;
const PAGES_OF_A_DOCUMENT: u32 = 100;
const PAGES_OF_A_COMMIT: usize = 50;
const QUERIES: usize = 300;

/// The same numbers for the same seed (PCG's multiplier).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) ^ (self.0 >> 17 & 0xffff)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() % (1 << 30)) as f64 / f64::from(1 << 30)
    }

    /// A word of this place in the order of frequency.
    fn rank(&mut self, from: f64, to: f64) -> u64 {
        (from.ln() + self.fraction() * (to / from).ln()).exp() as u64
    }
}

fn word(rank: u64) -> String {
    let mut numbers = Numbers(rank.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    numbers.next();
    let syllables = 1 + (rank > 50) as u64 + (rank > 2_000) as u64 + numbers.next() % 2;
    let syllable = |n: u64| {
        [b"bcdfghklmnprstvz"[(n % 16) as usize], b"aeiou"[(n / 16 % 5) as usize], b"nrstlm"[(n / 80 % 6) as usize]]
    };
    (0..syllables).flat_map(|_| syllable(numbers.next())).map(char::from).collect()
}

fn page(document: DocumentId, number: u32, numbers: &mut Numbers) -> PageRecord {
    let lines: Vec<TextLine> = (0..40)
        .map(|row| {
            let y = 50.0 * row as f32;
            let corners = [(100.0, y), (1500.0, y), (1500.0, y + 30.0), (100.0, y + 30.0)];
            TextLine {
                text: (0..10).map(|_| word(numbers.rank(1.0, VOCABULARY))).collect::<Vec<_>>().join(" "),
                polygon: Polygon(corners.map(|(x, y)| Point { x, y })),
                confidence: Some(0.9875),
                words: Vec::new(),
            }
        })
        .collect();
    let record = PageRecord::without_text(
        DocumentRef {
            id: document,
            source: "made-up.pdf".into(),
            sha256: Digest::of(b"made up"),
            pages: PAGES_OF_A_DOCUMENT,
        },
        PageNumber::new(number).expect("pages are counted from 1"),
        PageStatus::Ok,
        None,
    );
    PageRecord {
        schema: SCHEMA.into(),
        origin: Some(Origin::Ocr),
        width: 1654,
        height: 2339,
        dpi: 200.0,
        rotation: Rotation::default(),
        text: lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"),
        lines,
        ..record
    }
}

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

/// Queries of each kind, by name.
fn queries() -> Vec<(&'static str, Vec<String>)> {
    let mut numbers = Numbers(7);
    let mut make =
        |query: &dyn Fn(&mut Numbers) -> String| (0..QUERIES).map(|_| query(&mut numbers)).collect::<Vec<_>>();
    let rare = |n: &mut Numbers| word(n.rank(2_000.0, VOCABULARY));
    let usual = |n: &mut Numbers| word(n.rank(100.0, 2_000.0));
    let frequent = |n: &mut Numbers| word(n.rank(1.0, 100.0));
    vec![
        ("a rare word (on up to 1.6% of the pages)", make(&rare)),
        ("a usual word (1.6% to 28%)", make(&usual)),
        ("a frequent word (28% to all)", make(&frequent)),
        ("a rare and a usual word", make(&|n| format!("{} {}", rare(n), usual(n)))),
        ("three usual words", make(&|n| format!("{} {} {}", usual(n), usual(n), usual(n)))),
        ("a phrase of two usual words", make(&|n| format!("\"{} {}\"", usual(n), usual(n)))),
        ("a beginning of five letters", make(&|n| format!("{}*", &format!("{}aaaaa", rare(n))[..5]))),
        ("a rare word, one letter wrong", make(&|n| rare(n) + "q")),
    ]
}

/// What this thread has computed: other processes of a busy machine do not count.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a timespec, which `time` is.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Median and 99th percentile in milliseconds of CPU.
fn measure(queries: &[String], mut ask: impl FnMut(&str)) -> (f64, f64) {
    let mut times: Vec<Duration> = queries
        .iter()
        .map(|query| {
            let start = cpu_time();
            ask(query);
            cpu_time() - start
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
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
