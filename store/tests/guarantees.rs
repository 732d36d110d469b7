//! What the store promises, each promise a test of that name.

mod common;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use common::{commit, failed, new_document, options, page, record, submit};
use pagestream_documents::{ByteSize, Digest, DocumentId};
use pagestream_store::{
    Committed, Cursor, DATABASE_FILE, DocumentState, Durability, Error, Listing, Outcome, PageCommit, Request,
    Requested, Retention, SearchQuery, Store, StoreOptions, options_key,
};
use serde_json::json;

const CHILD_DIR: &str = "PAGESTREAM_STORE_TEST_DIR";

fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).unwrap()
}

fn raw(dir: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.join(DATABASE_FILE)).unwrap()
}

fn assert_intact(dir: &Path) {
    let verdict: String = raw(dir).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    raw(dir).execute("INSERT INTO page_words (page_words, rank) VALUES ('integrity-check', 1)", []).unwrap();
}

/// Not a check of its own: the process that the tests below start, and kill. Writes for as long as it lives, and says
/// what was acknowledged.
#[test]
fn writing_child() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let store = open(Path::new(&dir));
    for n in 0u32.. {
        let id = submit(&store, format!("document {n}").as_bytes());
        println!("\nsubmitted {id}");
        for number in 1..=20 {
            let pages = [commit(id, 2 * number - 1, "some words"), commit(id, 2 * number, "more words")];
            store.commit(&pages).unwrap();
            println!("\ncommitted {id} {}", 2 * number);
        }
        store.finish(id, Outcome::Done, None).unwrap();
        println!("\nfinished {id}");
    }
}

/// Starts [`writing_child`] and gives what it acknowledged once `enough` lines came; it is still writing then.
fn start_child(dir: &Path, enough: usize) -> (Child, Vec<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writing_child", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .map(Result::unwrap)
        .filter(|line| ["submitted ", "committed ", "finished "].iter().any(|verb| line.starts_with(verb)))
        .take(enough)
        .collect();
    (child, lines)
}

#[test]
fn an_acknowledged_document_survives_kill_minus_nine() {
    let dir = tempfile::tempdir().unwrap();
    // At several moments: after a submission, in the middle of a document, after its end, and on top of what was left.
    for enough in [1, 12, 22, 23, 60] {
        let (mut child, acknowledged) = start_child(dir.path(), enough);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(acknowledged.len(), enough);

        let store = open(dir.path());
        for line in &acknowledged {
            let mut words = line.split(' ');
            let (verb, id) = (words.next().unwrap(), words.next().unwrap().parse::<DocumentId>().unwrap());
            let document = store.document(id).unwrap().expect("an acknowledged document is there");
            match verb {
                "submitted" => {
                    let data = store.open_blob(document.sha256).unwrap();
                    assert_eq!(Digest::of((*data).as_ref()), document.sha256, "its bytes are there");
                }
                "committed" => {
                    let last = page(words.next().unwrap().parse().unwrap());
                    let committed = store.committed_pages(id).unwrap();
                    assert!((1..=last.get()).all(|n| committed.contains(page(n))), "{line}");
                }
                _ => assert_eq!(document.state, DocumentState::Done),
            }
            // Commits of two pages are not torn apart.
            assert_eq!(store.committed_pages(id).unwrap().len() % 2, 0);
            assert_eq!(document.committed as usize, store.committed_pages(id).unwrap().len(), "the counter agrees");
        }
        let open_documents = store.open_documents().unwrap();
        assert!(open_documents.iter().all(|document| document.state == DocumentState::Open));
        drop(store);
        assert_intact(dir.path());
    }
}

#[test]
fn a_killed_writers_lock_is_free_and_its_unsubmitted_input_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let kept = submit(&store, b"submitted");
    let orphan = store.spool(&mut &b"spooled, never submitted"[..]).unwrap().digest;
    assert!(store.open_blob(orphan).is_ok());
    std::fs::write(dir.path().join("spool/incoming/half"), b"half").unwrap();
    drop(store);
    let store = open(dir.path());
    assert!(matches!(store.open_blob(orphan), Err(Error::NoSuchBlob(_))));
    assert!(store.open_blob(store.document(kept).unwrap().unwrap().sha256).is_ok());
    assert!(!dir.path().join("spool/incoming/half").exists());
}

#[test]
fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, _) = start_child(dir.path(), 1);
    let error = Store::open(dir.path(), StoreOptions::default()).err();
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    let error = error.expect("the child is writing");
    assert!(matches!(&error, Error::WriterRunning { pid: Some(found), .. } if *found == pid), "{error:?}");
    assert!(error.is_fatal() && !error.is_retryable() && error.hint().is_some());

    let first = open(dir.path());
    assert!(matches!(Store::open(dir.path(), StoreOptions::default()), Err(Error::WriterRunning { .. })));
    let clone = first.clone();
    drop(first);
    assert!(matches!(Store::open(dir.path(), StoreOptions::default()), Err(Error::WriterRunning { .. })));
    drop(clone);
    open(dir.path());
}

#[test]
fn readers_see_pages_while_the_writer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = submit(&store, b"read me");
    let reader = Store::open_reader(dir.path()).unwrap();
    let mut watch = reader.watch().unwrap();
    assert!(watch.changed().unwrap(), "the first look counts as a change");
    assert!(!watch.changed().unwrap());

    store.commit(&[commit(id, 1, "one")]).unwrap();
    assert!(watch.changed().unwrap());
    assert!(!watch.changed().unwrap());
    assert_eq!(reader.read(id, Cursor::Page(page(1)), 9).unwrap().len(), 1);

    // In the middle of somebody's write transaction the reader sees what is committed, at once.
    let other = raw(dir.path());
    other.execute_batch("BEGIN IMMEDIATE; UPDATE documents SET source = 'uncommitted'").unwrap();
    assert_eq!(reader.document(id).unwrap().unwrap().source, "test.pdf");
    assert!(!watch.changed().unwrap());
    other.execute_batch("ROLLBACK").unwrap();

    store.finish(id, Outcome::Done, None).unwrap();
    assert!(watch.changed().unwrap(), "the end of a document is a change");
    assert_eq!(reader.state(id).unwrap(), Some(DocumentState::Done));
    assert_eq!(reader.last_sequence().unwrap(), reader.changes_since(0, 9).unwrap()[0].seq);
}

#[test]
fn another_process_reads_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, acknowledged) = start_child(dir.path(), 5);
    let reader = Store::open_reader(dir.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let id = acknowledged[0].split(' ').nth(1).unwrap().parse().unwrap();
    assert!(reader.unwrap().committed_pages(id).unwrap().len() >= 8);
}

#[test]
fn a_reader_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no such directory");
    assert!(matches!(Store::open_reader(&missing), Err(Error::NoStore { .. })));
    assert!(matches!(Store::request_cancel(&missing, DocumentId::new()), Err(Error::NoStore { .. })));
    assert!(!missing.exists());
}

#[test]
fn a_locked_database_is_worth_another_try() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { busy_timeout: Duration::from_millis(20), ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).unwrap();
    let id = submit(&store, b"wait");
    let other = raw(dir.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.commit(&[commit(id, 1, "one")]).unwrap_err();
    assert!(matches!(error, Error::Locked(_)) && error.is_retryable() && !error.is_fatal(), "{error:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(store.commit(&[commit(id, 1, "one")]).unwrap()[..], [Committed::New(_)]));
}

#[test]
fn a_full_disk_is_a_clear_error_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { max_database: Some(ByteSize::kib(400)), ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).unwrap();
    let id = submit(&store, b"long");
    let mut stored = 0;
    let error = loop {
        let words = format!("page {} {}", stored + 1, "word ".repeat(2_000));
        match store.commit(&[commit(id, stored + 1, &words)]) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1_000, "400 KiB never hold so much");
    };
    assert!(matches!(error, Error::DiskFull { .. }) && error.is_fatal() && !error.is_retryable(), "{error:?}");
    assert_eq!(error.to_string(), "no room is left for the database");
    assert!(stored > 3);
    assert_eq!(store.committed_pages(id).unwrap().len(), stored as usize);
    drop(store);
    assert_intact(dir.path());
    // With room again, it goes on where it stopped.
    assert!(matches!(open(dir.path()).commit(&[commit(id, stored + 1, "on")]).unwrap()[..], [Committed::New(_)]));
}

#[test]
fn a_damaged_database_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    std::fs::write(dir.path().join(DATABASE_FILE), "this was a database once ".repeat(1_000)).unwrap();
    let error = Store::open(dir.path(), StoreOptions::default()).err().expect("damaged");
    assert!(matches!(error, Error::Damaged(_)) && error.is_fatal() && error.hint().is_some(), "{error:?}");
}

#[test]
fn the_same_bytes_with_the_same_options_are_answered_from_the_log() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let key = options_key(&options());
    let id = submit(&store, b"same");
    let document = store.document(id).unwrap().unwrap();
    assert_eq!(document.options_key, key);
    let find = |selection| store.find_finished("any", document.sha256, key, selection).unwrap();
    assert_eq!(find(None), None, "not while it is open");
    store.commit(&[commit(id, 1, "one")]).unwrap();
    store.finish(id, Outcome::Done, None).unwrap();
    assert_eq!(find(None), Some(id));
    assert_eq!(find(Some("1-3")), None, "other pages were asked for");
    assert_eq!(
        store.find_finished("any", document.sha256, options_key(&json!({"ocr": "always"})), None).unwrap(),
        None
    );
    assert_eq!(store.find_finished("any", Digest::of(b"other"), key, None).unwrap(), None);

    let bad = submit(&store, b"bad");
    store.commit(&[commit(bad, 1, "one"), failed(bad, 2)]).unwrap();
    store.finish(bad, Outcome::Done, None).unwrap();
    assert_eq!(
        store.find_finished("any", Digest::of(b"bad"), key, None).unwrap(),
        None,
        "a failed page is tried again"
    );
    assert_eq!(store.document(bad).unwrap().unwrap().failed, 1);
}

#[test]
fn a_scanned_page_is_found_by_its_pixels_in_another_file() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let (id, key, raster) = (submit(&store, b"scan"), options_key(&options()), Digest::of(b"pixels"));
    assert_eq!(store.find_page_by_raster(raster, key).unwrap(), None);
    let scanned = PageCommit { record: Arc::new(record(id, 7, "scanned")), raster: Some(raster) };
    let broken = PageCommit { raster: Some(Digest::of(b"broken")), ..failed(id, 8) };
    store.commit(&[scanned.clone(), broken]).unwrap();
    assert_eq!(store.find_page_by_raster(raster, key).unwrap().unwrap(), *scanned.record);
    assert_eq!(store.find_page_by_raster(raster, options_key(&json!({}))).unwrap(), None);
    assert_eq!(store.find_page_by_raster(Digest::of(b"broken"), key).unwrap(), None, "failures are not reused");
}

#[test]
fn a_finished_document_takes_no_more_pages() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let id = submit(&store, b"end");
    store.set_pages(id, 2).unwrap();
    store.commit(&[commit(id, 1, "one")]).unwrap();
    assert!(store.finish(id, Outcome::Cancelled, Some("cancelled by the user")).unwrap());
    assert!(!store.finish(id, Outcome::Done, None).unwrap(), "the first end stands");
    assert_eq!(store.commit(&[commit(id, 2, "late")]).unwrap(), [Committed::Closed]);
    let document = store.document(id).unwrap().unwrap();
    assert_eq!((document.state, document.pages, document.committed), (DocumentState::Cancelled, Some(2), 1));
    assert_eq!(document.reason.as_deref(), Some("cancelled by the user"));
    assert!(document.finished_at.unwrap() >= document.submitted_at);
    assert!(store.open_documents().unwrap().is_empty());
    assert!(matches!(store.finish(DocumentId::new(), Outcome::Done, None), Err(Error::NoSuchDocument(_))));
    assert!(matches!(store.set_pages(DocumentId::new(), 1), Err(Error::NoSuchDocument(_))));
}

#[test]
fn another_process_may_ask_for_a_cancel() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let [a, b, c] = [&b"a"[..], b"b", b"c"].map(|bytes| submit(&store, bytes));
    store.finish(c, Outcome::Done, None).unwrap();
    assert!(store.pending_requests().unwrap().is_empty());
    // A second opening of the lock file is refused within one process as between two.
    assert_eq!(Store::request_cancel(dir.path(), a).unwrap(), Requested::Pending);
    assert_eq!(Store::request_cancel(dir.path(), c).unwrap(), Requested::AlreadyFinished(DocumentState::Done));
    assert!(matches!(Store::request_cancel(dir.path(), DocumentId::new()), Err(Error::NoSuchDocument(_))));
    assert_eq!(store.pending_requests().unwrap(), [(a, Request::Cancel)]);
    assert_eq!(Store::request(dir.path(), a, Request::Remove).unwrap(), Requested::Pending);
    assert_eq!(Store::request_cancel(dir.path(), a).unwrap(), Requested::Pending);
    assert_eq!(store.pending_requests().unwrap(), [(a, Request::Remove)], "removing outranks cancelling");
    drop(store);

    let store = open(dir.path());
    assert_eq!(store.pending_requests().unwrap(), [(a, Request::Remove)], "a request outlives the writer");
    store.finish(a, Outcome::Cancelled, None).unwrap();
    store.remove(a).unwrap();
    assert!(store.pending_requests().unwrap().is_empty());
    drop(store);

    assert_eq!(Store::request_cancel(dir.path(), b).unwrap(), Requested::Applied, "nobody writes: applied at once");
    assert_eq!(Store::open_reader(dir.path()).unwrap().state(b).unwrap(), Some(DocumentState::Cancelled));
}

#[test]
fn an_input_goes_with_the_last_document_that_has_it() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let [a, b] = [submit(&store, b"shared"), submit(&store, b"shared")];
    let digest = Digest::of(b"shared");
    assert!(matches!(store.remove(a), Err(Error::StillOpen(_))));
    for id in [a, b] {
        store.commit(&[commit(id, 1, "kumquat")]).unwrap();
        store.finish(id, Outcome::Done, None).unwrap();
    }
    let image = store.spool(&mut &b"image"[..]).unwrap();
    store.keep(a, page(1), &image).unwrap();
    let image_digest = image.digest;
    drop(image);
    assert!(matches!(
        store.keep(DocumentId::new(), page(1), &store.spool(&mut &b"x"[..]).unwrap()),
        Err(Error::NoSuchDocument(_))
    ));

    store.remove(a).unwrap();
    assert!(store.open_blob(digest).is_ok() && store.open_blob(image_digest).is_err());
    assert_eq!(
        store.search(&SearchQuery::new("kumquat")).unwrap().hits.len(),
        1,
        "the text of what is removed is not found"
    );
    assert!(store.read(a, Cursor::After(0), 9).unwrap().is_empty());
    let again = store.spool(&mut &b"shared"[..]).unwrap();
    store.remove(b).unwrap();
    assert!(store.open_blob(digest).is_ok(), "someone is about to submit it");
    let new = new_document(&again);
    store.submit(&new).unwrap();
    drop((again, new));
    assert_intact(store.dir());
}

#[test]
fn retention_never_removes_an_open_document() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let ids: Vec<_> = (0..4u8).map(|n| submit(&store, &[n; 10_000])).collect();
    for &id in &ids[..3] {
        store.commit(&[commit(id, 1, "words")]).unwrap();
        store.finish(id, Outcome::Done, None).unwrap();
    }
    let now = SystemTime::now() + Duration::from_secs(1);
    let listed = || store.documents(Listing::default()).unwrap().iter().map(|document| document.id).collect::<Vec<_>>();

    let lenient = Retention { max_age: Some(Duration::from_secs(3600)), max_size: Some(ByteSize::mib(1)) };
    assert_eq!(store.retain(&lenient, now).unwrap(), []);
    // Room for three inputs: the one finished first goes.
    let by_size = Retention { max_age: None, max_size: Some(ByteSize(33_000)) };
    assert_eq!(store.retain(&by_size, now).unwrap(), ids[..1]);
    assert_eq!(listed(), ids[1..]);
    let by_age = Retention { max_age: Some(Duration::ZERO), max_size: None };
    assert_eq!(store.retain(&by_age, now).unwrap(), ids[1..3]);
    assert_eq!(listed(), ids[3..]);
    let nothing = Retention { max_age: Some(Duration::ZERO), max_size: Some(ByteSize(0)) };
    assert_eq!(store.retain(&nothing, now + Duration::from_secs(9)).unwrap(), []);
    assert_eq!(store.state(ids[3]).unwrap(), Some(DocumentState::Open));
    assert!(store.open_blob(Digest::of(&[3; 10_000])).is_ok());
    assert_eq!(store.blobs().list().unwrap().len(), 1);
}

#[test]
fn the_status_counts_what_is_there() {
    let store =
        Store::temporary(StoreOptions { durability: Durability::PowerLoss, ..StoreOptions::default() }).unwrap();
    let [a, b] = [submit(&store, b"12345"), submit(&store, b"12345")];
    store.commit(&[commit(a, 1, "one"), failed(a, 2), commit(b, 1, "one")]).unwrap();
    store.finish(a, Outcome::Failed, Some("damaged")).unwrap();
    let status = store.status().unwrap();
    assert_eq!((status.open, status.done, status.failed, status.cancelled), (1, 0, 1, 0));
    assert_eq!((status.pages, status.failed_pages, status.spooled_bytes), (3, 1, 5));
    let bytes: usize = store.changes_since(0, 9).unwrap().iter().map(|page| page.json.len()).sum();
    assert_eq!(status.record_bytes, bytes as u64);
    let failed = store.documents(Listing { state: Some(DocumentState::Failed), limit: None }).unwrap();
    assert_eq!(failed.iter().map(|document| document.id).collect::<Vec<_>>(), [a]);
    let latest = store.documents(Listing { state: None, limit: Some(1) }).unwrap();
    assert_eq!(latest.iter().map(|document| document.id).collect::<Vec<_>>(), [b]);
}

#[test]
fn a_temporary_store_is_gone_with_its_last_clone() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let dir = store.dir().to_owned();
    submit(&store, b"gone");
    let clone = store.clone();
    drop(store);
    assert!(dir.join(DATABASE_FILE).exists());
    drop(clone);
    assert!(!dir.exists());
}
