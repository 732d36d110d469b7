//! `kill -9` at random moments of a real run (real models, a real data directory, the release binary), again and again
//! until the run comes to its end: nothing that was acknowledged is lost, no page is missing, none is there twice or is
//! read twice, and the database is intact after every single kill.
//!
//! As many kills as fit in `PAGESTREAM_CRASH_SECONDS` (100), or `PAGESTREAM_CRASH_KILLS` of them however long that takes;
//! `PAGESTREAM_CRASH_SEED` gives other moments, and `PAGESTREAM_CRASH_INPUT` another document to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use pagestream::{PageNumber, PageRecord};
use pagestream_documents::{OpenOptions, RenderOptions, open};
use pagestream_store::DATABASE_FILE;
use rusqlite::Connection;
use serde_json::Value;
use tiff::encoder::{TiffEncoder, colortype::Gray8};

/// Documents of one run, and pages in each: long enough that most kills fall into the reading, short enough that a
/// round, and with it the check of the whole result, is done every few seconds.
const DOCUMENTS: usize = 3;
const PAGES: usize = 12;

/// A run that nobody kills and that takes longer hangs: a hundred times what it takes on two cores.
const HANGS: Duration = Duration::from_secs(900);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn after_kill_9_no_page_is_lost_missing_or_there_twice() {
    let (kills_wanted, seconds) = (setting("PAGESTREAM_CRASH_KILLS"), setting("PAGESTREAM_CRASH_SECONDS"));
    let mut random = Random(setting("PAGESTREAM_CRASH_SEED").unwrap_or(7) ^ 0x9e37_79b9_7f4a_7c15);
    let folder = tempfile::tempdir().unwrap();
    let inputs = match std::env::var_os("PAGESTREAM_CRASH_INPUT") {
        Some(input) => vec![PathBuf::from(input)],
        None => inputs(folder.path()),
    };
    let since = Instant::now();
    let undisturbed = run(&folder.path().join("undisturbed"), &inputs, HANGS);
    assert_eq!(undisturbed.exit, Some(0), "{}", undisturbed.log);
    let expected: BTreeMap<_, _> = undisturbed.pages.iter().map(|page| (key(page), page.text.clone())).collect();
    assert!(expected.values().filter(|text| text.len() > 40).count() > expected.len() / 2, "the pages have text");
    // A run lives at most as long as it takes to its end, so that the kills fall anywhere in it.
    let longest_life = since.elapsed();
    let since = Instant::now();
    let (mut kills, mut rounds, mut while_reading) = (0, 0, 0);
    let time_is_over = |kills: u64| match kills_wanted {
        Some(wanted) => kills >= wanted,
        None => since.elapsed() > Duration::from_secs(seconds.unwrap_or(100)),
    };
    while !time_is_over(kills) {
        rounds += 1;
        let data = folder.path().join(format!("round-{rounds}"));
        let mut round = Round::default();
        loop {
            let is_last = time_is_over(kills);
            let run = run(&data, &inputs, if is_last { HANGS } else { random.below(longest_life) });
            round.check(&run, &data);
            if let Some(exit) = run.exit {
                assert_eq!(exit, 0, "{}", run.log);
                round.check_the_end(&run, &expected);
                break;
            }
            assert!(!is_last, "nobody killed it, and it did not end in {HANGS:?}: {}", run.log);
            kills += 1;
            while_reading += u64::from(!run.opened.is_empty());
        }
        std::fs::remove_dir_all(&data).unwrap();
    }
    println!(
        "{kills} kills in {rounds} rounds of {} pages, {while_reading} of them while pages were read, in {:.0} s",
        expected.len(),
        since.elapsed().as_secs_f32()
    );
    assert!(while_reading > 0, "no kill fell into the reading; the machine is too slow for these moments");
}

/// What is known of one data directory over all the runs on it.
#[derive(Default)]
struct Round {
    /// Documents whose submission was acknowledged.
    acknowledged: BTreeSet<String>,
    /// By document and page: place in the log and record.
    committed: BTreeMap<(String, u32), (i64, String)>,
}

impl Round {
    fn check(&mut self, run: &Run, data: &Path) {
        for (document, (total, pending)) in &run.opened {
            let done = self.committed.keys().filter(|(id, _)| id == document).count();
            assert_eq!(total - pending, done, "pages that were committed are not read again\n{}", run.log);
        }
        self.acknowledged.extend(run.acknowledged.iter().cloned());
        let Some(found) = Found::in_copy_of(data) else {
            assert!(self.acknowledged.is_empty(), "the database is gone");
            return;
        };
        assert_eq!(found.integrity, "ok");
        for id in &self.acknowledged {
            assert!(found.documents.contains_key(id), "document {id} was acknowledged and is lost\n{}", run.log);
        }
        for (page, there) in &self.committed {
            assert_eq!(found.pages.get(page), Some(there), "page {page:?} was committed before");
        }
        for page in &run.pages {
            let (_, json) = &found.pages[&(page.document.id.to_string(), page.page.get())];
            assert_eq!(&serde_json::from_str::<PageRecord>(json).unwrap(), page, "what was printed is in the log");
        }
        self.committed = found.pages;
        for (id, (state, committed)) in &found.documents {
            let pages = self.committed.keys().filter(|(document, _)| document == id).count();
            assert_eq!(pages, *committed, "document {id} ({state}) counts its pages");
        }
    }

    fn check_the_end(&self, run: &Run, expected: &BTreeMap<(String, PageNumber), String>) {
        let printed: Vec<_> = run.pages.iter().map(|page| (key(page), page.text.clone())).collect();
        let unique: BTreeMap<_, _> = printed.iter().cloned().collect();
        assert_eq!(printed.len(), unique.len(), "no page is printed twice");
        assert!(printed.is_sorted_by_key(|(key, _)| key), "pages are printed in order");
        assert_eq!(&unique, expected, "the same pages with the same text as in an undisturbed run");
        assert_eq!(self.committed.len(), expected.len(), "and no others are in the log");
    }
}

fn key(page: &PageRecord) -> (String, PageNumber) {
    (page.document.source.clone(), page.page)
}

/// What one run of the binary said.
struct Run {
    /// `None` when it was killed.
    exit: Option<i32>,
    pages: Vec<PageRecord>,
    acknowledged: Vec<String>,
    /// By document: its pages, and those still to be read.
    opened: BTreeMap<String, (usize, usize)>,
    log: String,
}

fn run(data: &Path, inputs: &[PathBuf], life: Duration) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagestream"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PAGESTREAM_CRASH")) {
        // This test's own; the binary would take them for settings.
        command.env_remove(name);
    }
    let mut child = command
        .args(["process", "--format", "jsonl", "--ocr", "always", "--quality", "accurate", "--log-format", "json"])
        .args(["--set", "log.level=pagestream_actors=debug", "--data-dir"])
        .arg(data)
        .args(inputs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    // A line that the kill cut off was not printed.
    let out = thread::spawn(move || {
        let lines = BufReader::new(out).split(b'\n').map(Result::unwrap);
        lines.filter_map(|line| serde_json::from_slice(&line).ok()).collect::<Vec<PageRecord>>()
    });
    // Its standard error closes when the binary ends: that is the event that is waited for.
    let (running, ended) = mpsc::channel::<()>();
    let err = thread::spawn(move || {
        let mut log = String::new();
        BufReader::new(err).read_to_string(&mut log).unwrap();
        drop(running);
        log
    });
    if ended.recv_timeout(life) == Err(mpsc::RecvTimeoutError::Timeout) {
        child.kill().unwrap();
    }
    // It may have ended in the very moment of the kill, with a result that counts.
    let status = child.wait().unwrap();
    let (pages, log) = (out.join().unwrap(), err.join().unwrap());
    let (mut acknowledged, mut opened) = (Vec::new(), BTreeMap::new());
    for event in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some(id) = event["span"]["id"].as_str().map(str::to_owned) else { continue };
        let number = |name: &str| event["fields"][name].as_u64().unwrap() as usize;
        match event["fields"]["message"].as_str() {
            Some("document is journaled") => acknowledged.push(id),
            Some("document is open") => drop(opened.insert(id, (number("total"), number("pending")))),
            _ => {}
        }
    }
    Run { exit: status.code(), pages, acknowledged, opened, log }
}

/// What is in the database, looked at in a copy: that a killed writer's log is taken up must be the next run's doing.
struct Found {
    integrity: String,
    /// By identity: state, and how many pages the document counts.
    documents: BTreeMap<String, (String, usize)>,
    pages: BTreeMap<(String, u32), (i64, String)>,
}

impl Found {
    fn in_copy_of(data: &Path) -> Option<Self> {
        let copy = tempfile::tempdir().unwrap();
        for name in [DATABASE_FILE.to_owned(), format!("{DATABASE_FILE}-wal")] {
            if data.join(&name).exists() {
                std::fs::copy(data.join(&name), copy.path().join(&name)).unwrap();
            }
        }
        let db = Connection::open(copy.path().join(DATABASE_FILE)).unwrap();
        let integrity = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let tables: i64 =
            db.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'pages'", [], |row| row.get(0)).unwrap();
        if tables == 0 {
            // Killed before the schema was there.
            return None;
        }
        let mut documents = db.prepare("SELECT id, state, committed FROM documents").unwrap();
        let documents = documents
            .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get::<_, i64>(2)? as usize))))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut pages = db
            .prepare("SELECT d.id, p.page, p.seq, p.record FROM pages p JOIN documents d ON d.key = p.document")
            .unwrap();
        let rows: Vec<((String, u32), (i64, String))> = pages
            .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let count = rows.len();
        let pages: BTreeMap<_, _> = rows.into_iter().collect();
        assert_eq!(pages.len(), count, "a page is in the log twice");
        Some(Self { integrity, documents, pages })
    }
}

/// Documents of a few lines a page, cut from the pages of the sample, so that a page is read in a fraction of a second.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let sample = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/sample.pdf")).unwrap();
    let sample = open(Arc::new(sample), &OpenOptions::default()).unwrap();
    let mut strips = Vec::new();
    for page in 0..sample.page_count() {
        let options = RenderOptions { dpi: 110.0, ..RenderOptions::default() };
        let raster = sample.render(PageNumber::from_index(page), &options).unwrap();
        let (width, channels) = (raster.width as usize, raster.format.channels());
        let gray: Vec<u8> = raster.data.chunks(channels).map(|pixel| pixel[0]).collect();
        strips.extend(gray.chunks_exact(width * 110).map(|strip| (width, strip.to_vec())));
    }
    // White strips are of no use: there is nothing to read on them.
    strips.retain(|(_, strip)| strip.iter().filter(|&&pixel| pixel < 100).count() > 400);
    assert!(strips.len() > PAGES);
    (0..DOCUMENTS)
        .map(|document| {
            let path = folder.join(format!("{document}.tif"));
            let mut encoder = TiffEncoder::new(File::create(&path).unwrap()).unwrap();
            for page in 0..PAGES {
                let n = document * PAGES + page;
                let (width, mut strip) = strips[n % strips.len()].clone();
                // No two pages are the same, pixel by pixel.
                strip[n * 3..n * 3 + 2].fill(0);
                encoder.write_image::<Gray8>(width as u32, 110, &strip).unwrap();
            }
            path
        })
        .collect()
}

/// Xorshift: the moments are the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        limit.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}
