//! The data directory and its commands as an operator meets them: who may look, what is left behind, what a copy holds, what
//! goes on after a crash, and what is said of documents that nobody reads.

mod common;
mod shell;

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use common::{MARKED, PLAIN, all, count, document, gated_pipeline, no_text, options, pipeline_on, submit};
use futures::StreamExt;
use pagestream::{
    ByteSize, DocumentId, DocumentState, Error, ErrorKind, PageStatus, PipelineOptions, Source, SubmitOptions,
};
use pagestream_store::{
    DATABASE_FILE, DocumentState as StoredState, Listing, NewDocument, Priority, Store, StoreOptions,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use shell::{Home, SAMPLE};
use tokio::io::{AsyncRead, ReadBuf};

/// It takes a second.
const HANGS: Duration = Duration::from_secs(100);

const READ: [&str; 6] = ["process", "--ocr", "never", "--data-dir", "work", "sample.pdf"];

fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).unwrap()
}

fn pages_in(database: &Path) -> i64 {
    let db = Connection::open(database).unwrap();
    db.query_row("SELECT count(*) FROM pages", [], |row| row.get(0)).unwrap()
}

/// Journals a document that nobody reads, as a run does that is killed in the next moment.
fn abandoned(store: &Store, source: &str, password: bool) -> DocumentId {
    let new = NewDocument {
        id: DocumentId::new(),
        source: source.to_owned(),
        blob: store.spool(&mut &*SAMPLE).unwrap(),
        options: json!({ "ocr": "never", "password": password, "reading": "" }),
        selection: Some("all".to_owned()),
        priority: Priority::Interactive,
        tags: Vec::new(),
    };
    store.submit(&new).unwrap();
    new.id
}

// ---- Who may look ----

#[cfg(unix)]
mod private {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn everything_below(folder: &Path, found: &mut Vec<(String, u32)>) {
        found.push((folder.display().to_string(), mode(folder)));
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => everything_below(&path, found),
                false => found.push((path.display().to_string(), mode(&path))),
            }
        }
    }

    #[track_caller]
    fn assert_private(folder: &Path) {
        let mut found = Vec::new();
        everything_below(folder, &mut found);
        assert!(found.len() > 3, "{found:?}");
        for (path, mode) in found {
            assert_eq!(mode & 0o077, 0, "{path} is {mode:o}");
        }
    }

    #[test]
    fn the_data_directory_is_the_users_alone_whatever_the_umask_and_whoever_made_it() {
        let home = Home::new();
        let run = || {
            let mut command = home.command(&READ);
            // SAFETY: umask may be called between fork and exec.
            unsafe {
                command.pre_exec(|| {
                    libc::umask(0);
                    Ok(())
                })
            };
            home.outcome(command.spawn().unwrap()).code
        };
        // Pages without a text layer are skipped: that is no failure.
        assert_eq!(run(), Some(0));
        assert_private(&home.path("work"));
        // As an earlier version left it.
        let mut found = Vec::new();
        everything_below(&home.path("work"), &mut found);
        for (path, mode) in found {
            fs::set_permissions(path, fs::Permissions::from_mode(mode | mode >> 3 | mode >> 6)).unwrap();
        }
        assert_eq!((mode(&home.path("work")), mode(&home.path("work").join(DATABASE_FILE))), (0o777, 0o666));
        assert_eq!(run(), Some(0));
        assert_eq!((mode(&home.path("work")), mode(&home.path("work").join(DATABASE_FILE))), (0o700, 0o600));
        assert_eq!(mode(&home.path("work/spool")), 0o700);
    }

    #[test]
    fn the_log_beside_the_database_is_private_too_and_a_folder_with_other_files_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("my notes"), "").unwrap();
        let store = open(folder.path());
        abandoned(&store, "a.pdf", false);
        for beside in ["", "-wal", "-shm"] {
            assert_eq!(mode(&folder.path().join(format!("{DATABASE_FILE}{beside}"))), 0o600, "{beside}");
        }
        assert_eq!((mode(folder.path()), mode(&folder.path().join("spool"))), (0o755, 0o700));
    }

    // ---- What is left behind ----

    /// A run without a data directory that has read `sample.pdf` and waits for somebody who writes to the pipe.
    struct Waiting {
        child: std::process::Child,
        pipe: fs::File,
    }

    impl Waiting {
        fn new(home: &Home, pipe: &str) -> Self {
            let path = home.path(pipe);
            let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
            // SAFETY: the name ends with a zero byte.
            assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
            let arguments = ["process", "--ocr", "never", "-f", "jsonl", "sample.pdf", pipe];
            let child = home.command(&arguments).env("TMPDIR", home.path("tmp")).spawn().unwrap();
            // Waits until the run has opened it, which it does after the file before it.
            let pipe = fs::OpenOptions::new().write(true).open(path).unwrap();
            Self { child, pipe }
        }
    }

    #[test]
    fn files_are_read_where_they_are_and_what_a_killed_run_left_is_swept_by_the_next() {
        let home = Home::new();
        fs::create_dir(home.path("tmp")).unwrap();
        let temporaries = || home.files("tmp").into_iter().filter(|name| name.starts_with("pagestream-")).collect();
        let mut killed = Waiting::new(&home, "first.pipe");
        let left: Vec<String> = temporaries();
        assert_eq!(left.len(), 1);
        let spool = home.path("tmp").join(&left[0]).join("spool");
        assert_private(&home.path("tmp").join(&left[0]));
        let mut spooled = Vec::new();
        everything_below(&spool, &mut spooled);
        let sizes: u64 =
            spooled.iter().map(|(path, _)| fs::metadata(path).unwrap()).filter(|m| m.is_file()).map(|m| m.len()).sum();
        assert_eq!(sizes, 0, "the PDF was copied: {spooled:?}");
        killed.child.kill().unwrap();
        killed.child.wait().unwrap();
        assert_eq!(temporaries(), left, "nobody was there to remove it");

        // Neither another's folder nor a data directory is taken for one, whatever it is called.
        fs::create_dir(home.path("tmp/pagestream-notes")).unwrap();
        let mut kept = home.command(&["process", "--ocr", "never", "--data-dir", "tmp/pagestream-mine", "sample.pdf"]);
        assert_eq!(home.outcome(kept.spawn().unwrap()).code, Some(0));
        let Waiting { child, pipe } = Waiting::new(&home, "second.pipe");
        let now: Vec<String> = temporaries();
        assert!(!now.contains(&left[0]) && now.len() == 3, "{now:?}");

        // A third run leaves the one alone that lives.
        let mut third = home.command(&["process", "--ocr", "never", "sample.pdf"]);
        assert_eq!(home.outcome(third.env("TMPDIR", home.path("tmp")).spawn().unwrap()).code, Some(0));
        assert_eq!(temporaries(), now);
        io::copy(&mut &*SAMPLE, &mut &pipe).unwrap();
        drop(pipe);
        let outcome = home.outcome(child);
        assert_eq!((outcome.code, outcome.records().len()), (Some(0), 8), "{}", outcome.err);
        assert_eq!(temporaries(), ["pagestream-mine", "pagestream-notes"]);
    }

    #[test]
    fn a_store_that_cannot_be_written_is_told_once_and_ends_the_run() {
        let home = Home::new();
        let names: Vec<String> = (0..20).map(|number| format!("{number}.bmp")).collect();
        for (number, name) in names.iter().enumerate() {
            home.write(name, [SAMPLE, &vec![number as u8; 4 << 20]].concat());
        }
        let fixed = ["process", "--ocr", "never", "--data-dir", "work"];
        let mut command = home.command(&fixed.into_iter().chain(names.iter().map(String::as_str)).collect::<Vec<_>>());
        // Every file of more than 3 MiB cannot be written to its end.
        // SAFETY: both may be called between fork and exec.
        unsafe {
            command.pre_exec(|| {
                let limit = libc::rlimit { rlim_cur: 3 << 20, rlim_max: 3 << 20 };
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                libc::setrlimit(libc::RLIMIT_FSIZE, &limit);
                Ok(())
            })
        };
        let outcome = home.outcome(command.spawn().unwrap());
        assert_eq!(outcome.code, Some(5), "{}", outcome.err);
        assert_eq!(outcome.err.matches("error: ").count(), 1, "{}", outcome.err);
        assert!(outcome.err.starts_with("error: writing work/spool/incoming failed: "), "{}", outcome.err);
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_in_place_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    fs::write(&path, document(&[PLAIN; 5])).unwrap();
    let one_page = PipelineOptions { pages_in_flight: count(1), ..options() };
    let (pipeline, gate) = gated_pipeline(Store::temporary(StoreOptions::default()).unwrap(), one_page, 1);
    let handle = pipeline.submit(Source::Path(path.clone()), SubmitOptions::default()).await.unwrap();
    let mut pages = handle.pages();
    gate.open(1);
    assert_eq!(pages.next().await.unwrap().unwrap().status, PageStatus::Ok);
    io::Write::write_all(&mut fs::OpenOptions::new().append(true).open(&path).unwrap(), b"more").unwrap();
    gate.open(usize::MAX);
    // The second page was prepared before, perhaps.
    let rest: Vec<_> = pages.map(Result::unwrap).collect().await;
    for page in &rest[1..] {
        assert_eq!(page.status, PageStatus::Failed, "page {}", page.page);
        assert!(page.reason.as_ref().unwrap().contains("a.tif was changed while it was read"), "{:?}", page.reason);
    }
    assert_eq!(rest.len(), 4);

    // A document that has changed before it is opened is not read at all; replaced or deleted, it is what was submitted.
    gate.open(usize::MAX);
    let again = pipeline.submit(Source::Path(path.clone()), SubmitOptions::default()).await.unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(all(&again).await.iter().filter(|page| page.status == PageStatus::Ok).count(), 5);
}

// ---- What a copy holds ----

#[test]
fn a_copy_of_the_database_after_a_clean_end_is_whole_also_beside_a_reader() {
    let home = Home::new();
    let copy = home.path("copy.sqlite3");
    assert_eq!(home.run(&READ).code, Some(0));
    fs::copy(home.path("work").join(DATABASE_FILE), &copy).unwrap();
    assert_eq!(pages_in(&copy), 4);
    let mut tail = home.command(&["tail", "--all", "--data-dir", "work"]).spawn().unwrap();
    let mut out = BufReader::new(tail.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    home.write("second.pdf", [SAMPLE, b"\n"].concat());
    assert_eq!(home.run(&[&READ[..5], &["second.pdf"]].concat()).code, Some(0));
    fs::copy(home.path("work").join(DATABASE_FILE), &copy).unwrap();
    assert_eq!(pages_in(&copy), 8);
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[tokio::test]
async fn a_copy_of_the_database_is_whole_when_there_is_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline_on(open(folder.path()), options(), 1, |input| Ok(no_text(input)));
    let document = submit(&pipeline, "a.tif", &[MARKED; 3]).await;
    document.finished().await;
    let log = folder.path().join(format!("{DATABASE_FILE}-wal"));
    let folded = async {
        while fs::metadata(&log).unwrap().len() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HANGS, folded).await.expect("the log is folded");
    let copy = folder.path().join("copy");
    // Not `fs::copy`: to close the file again in this process would end SQLite's locks on it.
    assert!(
        std::process::Command::new("cp").arg(folder.path().join(DATABASE_FILE)).arg(&copy).status().unwrap().success()
    );
    assert_eq!(pages_in(&copy), 3);
}

#[test]
fn a_backup_is_a_data_directory_is_made_beside_a_writer_and_overwrites_nothing() {
    let home = Home::new();
    assert_eq!(home.run(&READ).code, Some(0));
    let writer = open(&home.path("work"));
    let open_one = abandoned(&writer, "open.pdf", false);
    let outcome = home.run(&["backup", "copy", "--data-dir", "work"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.err.starts_with("copy holds 2 documents with 1 inputs, "), "{}", outcome.err);
    let outcome = home.run(&["backup", "copy", "--data-dir", "work"]);
    assert_eq!((outcome.code, outcome.err.lines().next()), (Some(5), Some("error: copy is there already")));
    let outcome = home.run(&["backup", "--database", "results.sqlite3", "--data-dir", "work"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert_eq!(pages_in(&home.path("results.sqlite3")), 4);
    let outcome = home.run(&["backup", "--database", "results.sqlite3", "--data-dir", "work"]);
    assert_eq!(outcome.code, Some(5));
    drop(writer);

    // It goes on where the other was.
    let outcome = home.run(&["resume", "-f", "jsonl", "--data-dir", "copy"]);
    assert_eq!((outcome.code, outcome.records().len()), (Some(0), 4), "{}", outcome.err);
    let copy = open(&home.path("copy"));
    assert_eq!(copy.state(open_one).unwrap(), Some(StoredState::Done));
    let documents = copy.documents(Listing::default()).unwrap();
    assert_eq!((*copy.open_blob(documents[0].sha256).unwrap()).as_ref(), SAMPLE);
    assert_eq!(open(&home.path("work")).state(open_one).unwrap(), Some(StoredState::Open), "and leaves that alone");
}

// ---- What goes on after a crash ----

#[test]
fn after_kill_9_a_document_is_called_abandoned_and_resume_goes_on_with_it() {
    const PAGES: usize = 150;
    let home = Home::new();
    home.write("long.tif", document(&[PLAIN; PAGES]));
    let reading = ["--quality", "fast", "--offline", "--data-dir", "work"];
    let mut child = home.command(&[&["process", "-f", "jsonl"], &reading[..], &["long.tif"]].concat()).spawn().unwrap();
    // Held until it is killed: a program whose reader goes away ends by itself.
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let pid = child.id();
    let status = home.run(&["status", "--data-dir", "work"]).out;
    assert!(status.contains(&format!("process {pid} writes here")) && !status.contains("abandoned"), "{status}");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(out);

    let status = home.run(&["status", "--data-dir", "work"]).out;
    for part in ["  abandoned  ", "no process writes here", "`pagestream resume --data-dir work` goes on with it"] {
        assert!(status.contains(part), "{part} in {status}");
    }
    let status: Value = home.run(&["status", "--json", "--data-dir", "work", "long.tif"]).records().remove(0);
    assert_eq!((&status["state"], &status["under_way"]), (&json!("open"), &json!(false)));

    let mut tail = home.command(&["tail", "-f", "jsonl", "long.tif", "--data-dir", "work"]).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(tail.stderr.take().unwrap()).read_line(&mut said).unwrap();
    let expected =
        "long.tif is open, and no process reads it; `pagestream resume --data-dir work` goes on with it; waiting\n";
    assert_eq!(said, expected);

    let outcome = home.run(&[&["resume", "-f", "jsonl"], &reading[..]].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let numbers =
        |records: Vec<Value>| records.iter().map(|r| r["page"].as_u64().unwrap() as usize).collect::<Vec<_>>();
    let whole: Vec<usize> = (1..=PAGES).collect();
    assert_eq!(numbers(outcome.records()), whole);
    let tailed = home.outcome(tail);
    assert_eq!((tailed.code, numbers(tailed.records())), (Some(0), whole));
    home.run(&["resume", "--data-dir", "work"]).expect(0, "there is nothing to go on with\n");
}

#[test]
fn resume_names_what_needs_its_password() {
    let home = Home::new();
    let store = open(&home.path("work"));
    abandoned(&store, "secret.pdf", true);
    abandoned(&store, "plain.pdf", false);
    drop(store);
    let outcome = home.run(&["resume", "-f", "jsonl", "--data-dir", "work"]);
    let sources: Vec<_> = outcome.records().iter().map(|record| record["document"]["source"].clone()).collect();
    assert_eq!((outcome.code, sources), (Some(0), vec![json!("plain.pdf"); 4]), "{}", outcome.err);
    assert!(
        outcome.err.starts_with(
            "warning: secret.pdf needs its password, which is never kept; submit it again with its password: \
             `pagestream process --password … --data-dir work secret.pdf`\n"
        ),
        "{}",
        outcome.err
    );
    let status = home.run(&["status", "--open", "--data-dir", "work"]).out;
    assert!(status.contains("secret.pdf") && !status.contains("plain.pdf"), "{status}");
}

// ---- Which documents ----

#[test]
fn documents_are_named_by_file_name_and_removed_by_kind() {
    let home = Home::new();
    home.write("m/broken.pdf", "%PDF-1.4\nno more");
    home.write("m/r.pdf", SAMPLE);
    home.write("n/r.pdf", SAMPLE);
    let with = |arguments: &[&str]| home.run(&[arguments, &["--data-dir", "work"]].concat());
    with(&["process", "--ocr", "never", "m/broken.pdf", "m/r.pdf", "n/r.pdf"]);
    assert!(with(&["status", "broken.pdf"]).out.contains("state      failed: "));
    let outcome = with(&["tail", "r.pdf"]);
    assert_eq!(
        (outcome.code, outcome.err.lines().next()),
        (Some(9), Some("error: `r.pdf` may mean any of 2 documents"))
    );
    assert!(
        outcome.err.contains("  done       m/r.pdf") && outcome.err.contains("  done       n/r.pdf"),
        "{}",
        outcome.err
    );
    assert_eq!(with(&["tail", "-f", "jsonl", "m/r.pdf"]).records().len(), 4);

    let failed = with(&["status", "--failed"]).out;
    assert!(failed.contains("m/broken.pdf") && !failed.contains("r.pdf\n0"), "{failed}");
    assert_eq!(failed.lines().filter(|line| line.contains("m/") || line.contains("n/")).count(), 1, "{failed}");
    with(&["rm", "--all", "--failed", "--older-than", "30d"]).expect(0, "there is nothing to remove\n");
    let dry = with(&["rm", "--all", "--failed", "--dry-run"]);
    assert!(dry.expect(0, "").out.ends_with("  m/broken.pdf\n"), "{}", dry.out);
    let removed = with(&["rm", "--all", "--failed"]);
    assert!(
        removed.err.ends_with(" (m/broken.pdf) is removed\n") && removed.err.lines().count() == 1,
        "{}",
        removed.err
    );
    assert_eq!(with(&["rm", "m/broken.pdf"]).code, Some(9));
    assert_eq!(with(&["rm", "--failed", "r.pdf"]).code, Some(9), "a filter beside a name is a mistake");

    // What is open goes only when it is asked for.
    abandoned(&open(&home.path("work")), "open.pdf", false);
    assert_eq!(with(&["rm", "--all"]).err.lines().count(), 2);
    assert!(with(&["status"]).out.contains("open.pdf"));
    assert!(with(&["rm", "--all", "--open"]).err.ends_with(" (open.pdf) is removed\n"));
    assert!(with(&["status"]).out.starts_with("0 open, 0 done, 0 failed, 0 cancelled; 0 pages"));
}

#[cfg(unix)]
#[test]
fn a_file_name_does_not_steer_the_terminal() {
    let home = Home::new();
    let name = "\x1b]0;owned\x07\u{9b}2Jbad.pdf";
    home.write(name, "%PDF-1.4\nno more");
    let with = |arguments: &[&str]| home.run(&[arguments, &["--data-dir", "work"]].concat());
    let shown = "\\x1b]0;owned\\x07\\x9b2Jbad.pdf";
    for arguments in
        [&["process", name][..], &["status"], &["status", name], &["tail", name], &["cancel", name], &["rm", name]]
    {
        let outcome = with(arguments);
        let said = outcome.out + &outcome.err;
        assert!(said.contains(shown), "{arguments:?}: {said:?}");
        assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{arguments:?}: {said:?}");
    }
}

// ---- Streams, and stores that are full ----

/// Gives so many bytes in small pieces, then the end or an error.
struct Stream {
    left: usize,
    breaks: bool,
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 && self.breaks {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let piece = self.left.min(buffer.remaining()).min(1_000);
        buffer.put_slice(&vec![7; piece]);
        self.left -= piece;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_reader_streams_into_the_spool_and_leaves_nothing_when_it_breaks_or_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = options();
    settings.reading.limits.page = ByteSize::mib(1);
    let pipeline = pipeline_on(open(folder.path()), settings, 1, |input| Ok(no_text(input)));
    let bytes = document(&[PLAIN; 6]);
    let handle = pipeline.submit_reader("stream", &bytes[..], SubmitOptions::default()).await.unwrap();
    assert_eq!((handle.source(), all(&handle).await.len()), ("stream", 6));
    let before = pipeline.store().blobs().list().unwrap();
    let submit = async |left, breaks| {
        pipeline.submit_reader("broken", Stream { left, breaks }, SubmitOptions::default()).await.err().unwrap()
    };
    let error = submit(700_000, true).await;
    assert!(
        matches!(&error, Error::Read { name, kind: io::ErrorKind::ConnectionReset, .. } if name == "broken"),
        "{error}"
    );
    // Eight times the page limit, and one byte.
    let error = submit((8 << 20) + 1, false).await;
    assert!(matches!(&error, Error::Read { kind: io::ErrorKind::FileTooLarge, .. }), "{error}");
    assert_eq!(pipeline.store().blobs().list().unwrap(), before);
    assert_eq!(fs::read_dir(folder.path().join("spool/incoming")).unwrap().count(), 0);
    // Right at the limit it is taken, and found to be no document.
    let whole =
        pipeline.submit_reader("whole", Stream { left: 8 << 20, breaks: false }, SubmitOptions::default()).await;
    let state = whole.unwrap().finished().await.state;
    assert!(
        matches!(&state, DocumentState::Failed(failure) if failure.kind == ErrorKind::UnsupportedFormat),
        "{state:?}"
    );
}

#[tokio::test]
async fn a_full_store_is_told_apart_from_what_is_wrong_with_a_document() {
    let folder = tempfile::tempdir().unwrap();
    let full = StoreOptions { max_database: Some(ByteSize::kib(256)), ..StoreOptions::default() };
    let store = Store::open(folder.path(), full).unwrap();
    let pipeline = pipeline_on(store, options(), 1, |input| Ok(no_text(input)));
    let document = submit(&pipeline, "a.tif", &[PLAIN; 1_000]).await;
    assert_eq!(document.finished().await.state, DocumentState::Interrupted);
    assert!(pipeline.fatal_error().unwrap().is_out_of_space());
    let bytes = Source::Bytes { name: "b.tif".to_owned(), bytes: Arc::from(common::document(&[PLAIN])) };
    let refused = pipeline.submit(bytes, SubmitOptions::default()).await.err().unwrap();
    assert!(refused.is_out_of_space() && refused.ends_the_run(), "{refused}");
    let missing = pipeline.submit(Source::Path("missing.pdf".into()), SubmitOptions::default()).await.err().unwrap();
    assert!(missing.ends_the_run(), "the pipeline takes nothing more, whatever it is");
}
