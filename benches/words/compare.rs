//! What `benches/words.sh` runs: three indexes of the same pages, one after the other on one thread.

#[path = "../../store/examples/made_up/mod.rs"]
mod made_up;

use std::{path::Path, sync::Arc};

use made_up::{Numbers, PAGES_OF_A_DOCUMENT, cpu_time, measure, page, queries};
use pagestream_documents::{DocumentId, PageNumber, PageRecord};
use pagestream_store::{NewDocument, Outcome, PageCommit, Priority, Reader, SearchQuery, Store, StoreOptions};
use rusqlite::Connection;
use tantivy::{
    Index, IndexReader, IndexWriter, TantivyDocument,
    collector::TopDocs,
    doc,
    query::{Query, QueryParser, RegexQuery},
    schema::{Field, STORED, Schema, TEXT},
    snippet::SnippetGenerator,
};

/// Pages of a transaction.
const AT_ONCE: usize = 50;

/// Hits that are asked for.
const HITS: usize = 10;

/// A search to be compared. `find` gives the pages found, best first, each with a snippet, counted from 0.
trait Engine {
    fn name(&self) -> &'static str;
    fn add(&mut self, pages: &[PageRecord]);
    /// After the last page.
    fn finish(&mut self);
    fn find(&self, query: &str) -> Vec<usize>;
    /// Bytes of the index alone, with the text that it keeps.
    fn size(&self) -> u64;
}

struct Ours {
    store: Option<Store>,
    reader: Reader,
    documents: Vec<DocumentId>,
    dir: std::path::PathBuf,
}

impl Ours {
    fn new(dir: &Path) -> Self {
        let dir = dir.join("ours");
        let store = Store::open(&dir, StoreOptions::default()).expect("opened");
        let reader = Store::open_reader(&dir).expect("opened to read");
        Self { store: Some(store), reader, documents: Vec::new(), dir }
    }
}

impl Engine for Ours {
    fn name(&self) -> &'static str {
        "pagestream"
    }

    fn add(&mut self, pages: &[PageRecord]) {
        let store = self.store.as_ref().expect("open");
        for pages in pages.chunk_by(|a, b| a.document.id == b.document.id) {
            let id = pages[0].document.id;
            if self.documents.last() != Some(&id) {
                let new = NewDocument {
                    id,
                    source: "made-up.pdf".to_owned(),
                    blob: store.spool(&mut &b"made up"[..]).expect("spooled"),
                    options: serde_json::json!({}),
                    selection: None,
                    priority: Priority::Bulk,
                    tags: Vec::new(),
                };
                store.submit(&new).expect("submitted");
                self.documents.push(id);
            }
            let commits: Vec<_> =
                pages.iter().map(|page| PageCommit { record: Arc::new(page.clone()), raster: None }).collect();
            store.commit(&commits).expect("committed");
            if pages.last().expect("a page").page.get() == PAGES_OF_A_DOCUMENT {
                store.finish(id, Outcome::Done, None).expect("finished");
            }
        }
    }

    fn finish(&mut self) {
        self.store = None;
    }

    fn find(&self, query: &str) -> Vec<usize> {
        let found = self.reader.search(&SearchQuery { limit: HITS, ..SearchQuery::new(query) }).expect("searched");
        let place = |id| self.documents.iter().position(|of| *of == id).expect("a document of this run");
        found
            .hits
            .iter()
            .map(|hit| place(hit.document) * PAGES_OF_A_DOCUMENT as usize + hit.page.index() as usize)
            .collect()
    }

    fn size(&self) -> u64 {
        let db = Connection::open(self.dir.join(pagestream_store::DATABASE_FILE)).expect("opened");
        db.query_row(
            "SELECT sum(pgsize) FROM dbstat WHERE aggregate = 1 AND (name GLOB 'page_words*' OR name GLOB 'words*' OR name = 'searched')",
            [],
            |row| row.get::<_, i64>(0),
        )
        .expect("counted")
        .unsigned_abs()
    }
}

/// FTS5 as it comes.
struct Fts5(Connection);

impl Fts5 {
    fn new(dir: &Path) -> Self {
        let db = Connection::open(dir.join("fts5.sqlite3")).expect("opened");
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE VIRTUAL TABLE t USING fts5 (text)").expect("made");
        Self(db)
    }
}

impl Engine for Fts5 {
    fn name(&self) -> &'static str {
        "SQLite FTS5"
    }

    fn add(&mut self, pages: &[PageRecord]) {
        let transaction = self.0.transaction().expect("begun");
        for page in pages {
            transaction.execute("INSERT INTO t (text) VALUES (?1)", [&page.text]).expect("inserted");
        }
        transaction.commit().expect("committed");
    }

    fn finish(&mut self) {
        self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("folded");
    }

    fn find(&self, query: &str) -> Vec<usize> {
        let sql = "SELECT rowid, snippet(t, 0, '[', ']', '…', 16) FROM t WHERE t MATCH ?1 ORDER BY rank LIMIT ?2";
        let mut select = self.0.prepare_cached(sql).expect("prepared");
        let mut find = |query: &str| {
            let found = select.query_map((query, HITS as i64), |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
            found.and_then(Iterator::collect::<rusqlite::Result<Vec<(i64, String)>>>)
        };
        // Punctuation is a syntax error to it unless it is quoted.
        let quoted = || query.split(' ').map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ");
        let found = find(query).or_else(|_| find(&quoted())).expect("searched");
        found.into_iter().map(|(row, _)| row as usize - 1).collect()
    }

    fn size(&self) -> u64 {
        let pragma = |name| self.0.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("asked");
        (pragma("page_count") * pragma("page_size")).unsigned_abs()
    }
}

/// tantivy with its default tokenizer, text and page number stored, all words wanted.
struct Tantivy {
    index: Index,
    writer: Option<IndexWriter>,
    reader: IndexReader,
    text: Field,
    number: Field,
    added: u64,
    dir: std::path::PathBuf,
}

impl Tantivy {
    /// Pages of a commit: each makes a segment, and that of 50 pages would measure little else.
    const COMMIT: u64 = 5_000;

    fn new(dir: &Path) -> Self {
        let dir = dir.join("tantivy");
        std::fs::create_dir(&dir).expect("a folder");
        let mut schema = Schema::builder();
        let text = schema.add_text_field("text", TEXT | STORED);
        let number = schema.add_u64_field("number", STORED);
        let index = Index::create_in_dir(&dir, schema.build()).expect("made");
        let writer = index.writer_with_num_threads(1, 50_000_000).expect("opened");
        let reader = index.reader().expect("opened to read");
        Self { index, writer: Some(writer), reader, text, number, added: 0, dir }
    }

    fn query(&self, text: &str) -> Option<Box<dyn Query>> {
        // Its query language has beginnings of phrases only.
        if let Some(begins) = text.strip_suffix('*') {
            return Some(Box::new(RegexQuery::from_pattern(&format!("{begins}.*"), self.text).ok()?));
        }
        let mut parser = QueryParser::for_index(&self.index, vec![self.text]);
        parser.set_conjunction_by_default();
        parser.parse_query(text).ok()
    }
}

impl Engine for Tantivy {
    fn name(&self) -> &'static str {
        "tantivy 0.27"
    }

    fn add(&mut self, pages: &[PageRecord]) {
        let writer = self.writer.as_mut().expect("open");
        for page in pages {
            writer.add_document(doc!(self.text => page.text.as_str(), self.number => self.added)).expect("added");
            self.added += 1;
            if self.added.is_multiple_of(Self::COMMIT) {
                writer.commit().expect("committed");
            }
        }
    }

    fn finish(&mut self) {
        let mut writer = self.writer.take().expect("open");
        writer.commit().expect("committed");
        writer.wait_merging_threads().expect("merged");
        self.reader.reload().expect("reloaded");
    }

    fn find(&self, query: &str) -> Vec<usize> {
        let Some(query) = self.query(query) else { return Vec::new() };
        let searcher = self.reader.searcher();
        let found = searcher.search(&*query, &TopDocs::with_limit(HITS).order_by_score()).expect("searched");
        let snippets = SnippetGenerator::create(&searcher, &*query, self.text).expect("made");
        found
            .into_iter()
            .map(|(_, address)| {
                let document: TantivyDocument = searcher.doc(address).expect("kept");
                assert!(snippets.snippet_from_doc(&document).fragment().len() < 1_000);
                let number = document.get_first(self.number).and_then(|value| tantivy::schema::Value::as_u64(&value));
                number.expect("kept") as usize
            })
            .collect()
    }

    fn size(&self) -> u64 {
        let files = std::fs::read_dir(&self.dir).expect("listed").flatten();
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    }
}

fn engines(dir: &Path) -> Vec<Box<dyn Engine>> {
    vec![Box::new(Ours::new(dir)), Box::new(Fts5::new(dir)), Box::new(Tantivy::new(dir))]
}

fn process_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a timespec, which `time` is.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) }, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Made-up pages, one document after the other.
fn made_up_pages(from: usize, count: usize, document: &mut DocumentId, numbers: &mut Numbers) -> Vec<PageRecord> {
    let pages = (from..from + count).map(|at| {
        let number = at as u32 % PAGES_OF_A_DOCUMENT + 1;
        if number == 1 {
            *document = DocumentId::new();
        }
        page(*document, number, numbers)
    });
    pages.collect()
}

fn main() {
    let pages: usize = std::env::args().nth(1).map_or(30_000, |text| text.parse().expect("a number of pages"));
    let dir = tempfile::tempdir().expect("a directory");
    println!("{pages} made-up pages of 400 words, commits of {AT_ONCE} ({} of tantivy)\n", Tantivy::COMMIT);
    println!("| | CPU s to index | MB |\n|---|---|---|");
    let mut engines = engines(dir.path());
    for engine in &mut engines {
        let (mut numbers, mut document) = (Numbers(1), DocumentId::new());
        let mut spent = 0.0;
        for from in (0..pages).step_by(AT_ONCE) {
            let made = made_up_pages(from, AT_ONCE.min(pages - from), &mut document, &mut numbers);
            let start = process_time();
            engine.add(&made);
            spent += process_time() - start;
        }
        let start = process_time();
        engine.finish();
        spent += process_time() - start;
        println!("| {} | {spent:.1} | {:.0} |", engine.name(), engine.size() as f64 / 1e6);
    }
    println!(
        "\n| CPU ms, p50 / p99, ten hits with snippets | {} |",
        engines.iter().map(|e| e.name()).collect::<Vec<_>>().join(" | ")
    );
    println!("|---{}|", "|---".repeat(engines.len()));
    for (name, queries) in queries() {
        let times = engines.iter().map(|engine| {
            let (p50, p99) = measure(&queries, |query| drop(engine.find(query)));
            format!("{p50:.2} / {p99:.2}")
        });
        println!("| {name} | {} |", times.collect::<Vec<_>>().join(" | "));
    }
    let _ = cpu_time();
    kinds();
}

/// What a page has as it was printed and read, what somebody types who looks for it, and of what kind that is. The first page has what it
/// must not be mistaken for.
const KINDS: [(&str, &[(&str, &str)]); 11] = [
    ("ligatures", &[("a\u{fb01}b and an e\u{fb00}usion", "afib"), ("the o\u{fb03}cial \u{fb02}oor", "official floor")]),
    (
        "a word broken at a line's end",
        &[("the exami-\nnation of", "examination"), ("the docu\u{ad}\nment ends", "document")],
    ),
    ("a soft hyphen", &[("an in\u{ad}visible sign", "invisible")]),
    (
        "diacritics",
        &[
            ("in \u{141}\u{f3}d\u{17a} and \u{d8}rsted", "lodz orsted"),
            ("cafe\u{301} d'\u{e9}t\u{e9}", "caf\u{e9}"),
            ("Stra\u{df}e", "strasse"),
        ],
    ),
    (
        "Chinese, Japanese, Korean, Thai",
        &[
            ("\u{6771}\u{4eac}\u{90fd}\u{306b}\u{884c}", "\u{4eac}\u{90fd}"),
            ("\u{4eba}\u{5de5}\u{667a}\u{80fd}\u{7684}\u{53d1}\u{5c55}", "\u{667a}\u{80fd}"),
            ("\u{d55c}\u{ad6d}\u{c5b4}\u{b97c}", "\u{d55c}\u{ad6d}\u{c5b4}"),
            ("\u{e20}\u{e32}\u{e29}\u{e32}\u{e44}\u{e17}\u{e22}", "\u{e44}\u{e17}\u{e22}"),
        ],
    ),
    (
        "numbers",
        &[("a sum of 1,234,567 in all", "1234567"), ("some 2 500 of them", "2,500"), ("about 3.14 or so", "3.14")],
    ),
    (
        "formula text",
        &[("H\u{2082}O is water", "h2o"), ("E = mc\u{b2} is known", "mc2"), ("of x^2 and \u{1d6fc}", "x2")],
    ),
    ("words with a hyphen", &[("a well-known x-ray", "wellknown xray"), ("a highlevel view", "high-level")]),
    ("a phrase", &[("the quick brown fox", "\"quick brown\"")]),
    ("one letter wrong in the query", &[("acute stroke care", "strpke"), ("the receiver is on", "reciever")]),
    ("one letter misread on the page", &[("a modem world of rnedicine", "medicine"), ("the rninute book", "minute")]),
];

fn kinds() {
    let dir = tempfile::tempdir().expect("a directory");
    let cases: Vec<_> = KINDS.iter().flat_map(|(kind, cases)| cases.iter().map(move |case| (kind, case))).collect();
    let document = DocumentId::new();
    let template = page(document, 1, &mut Numbers(1));
    let filler =
        PageRecord { text: "nothing that anybody looks for".to_owned(), lines: Vec::new(), ..template.clone() };
    let pages: Vec<_> = std::iter::once("nothing that anybody looks for")
        .chain(cases.iter().map(|(_, (text, _))| *text))
        .zip(1..)
        .map(|(text, number)| PageRecord {
            text: text.to_owned(),
            page: PageNumber::new(number).expect("counted from 1"),
            ..filler.clone()
        })
        .collect();
    let mut engines = engines(dir.path());
    println!("\n| found of | {} |", engines.iter().map(|e| e.name()).collect::<Vec<_>>().join(" | "));
    println!("|---{}|", "|---".repeat(engines.len()));
    for engine in &mut engines {
        engine.add(&pages);
        engine.finish();
    }
    for (kind, of_kind) in &KINDS {
        let found = engines.iter().map(|engine| {
            let found =
                cases.iter().enumerate().filter(|(at, (of, (_, query)))| *of == kind && engine.find(query) == [at + 1]);
            format!("{} of {}", found.count(), of_kind.len())
        });
        println!("| {kind} | {} |", found.collect::<Vec<_>>().join(" | "));
    }
}
