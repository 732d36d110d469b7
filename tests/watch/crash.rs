//! `kill -9` at random moments, again and again, until a run comes to its end: each file is in exactly one place, each result is there
//! once, and the data directory has each document once.
//!
//! `PAGESTREAM_WATCH_KILLS` kills (20), `PAGESTREAM_WATCH_SEED` for other moments.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use pagestream_store::DATABASE_FILE;

use super::{
    documents::{encrypted, pages, pdf, text_of},
    folder::{Folder, HANGS},
};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A file that is dropped in, and what must come of it.
struct Dropped {
    name: String,
    content: Vec<u8>,
    /// Its text; none of one that fails.
    text: Option<String>,
}

fn files(round: usize) -> Vec<Dropped> {
    let dropped = |name: &str, content: Vec<u8>, text: Option<String>| Dropped { name: name.to_owned(), content, text };
    let mut files = Vec::new();
    for number in 0..12 {
        let text = text_of(round * 100 + number);
        files.push(dropped(&format!("sub {}/{number}.pdf", number % 3), pdf(&text), Some(text)));
    }
    let texts: Vec<String> = (20..60).map(|number| text_of(round * 100 + number)).collect();
    files.push(dropped("long.pdf", pages(&texts), Some(texts.join("\n"))));
    files.push(dropped("bad.pdf", format!("no document {round}").into_bytes(), None));
    files.push(dropped("cut.pdf", pdf(&text_of(round))[..70].to_vec(), None));
    files.push(dropped("locked.pdf", encrypted(&text_of(round), "secret"), None));
    files
}

#[test]
fn after_kill_9_each_file_is_in_one_place_and_each_result_there_once() {
    let wanted = setting("PAGESTREAM_WATCH_KILLS").unwrap_or(20);
    let mut random = setting("PAGESTREAM_WATCH_SEED").unwrap_or(7) ^ 0x9e37_79b9_7f4a_7c15;
    let mut below = |most: Duration| {
        // Xorshift (Marsaglia 2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        most.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    };
    let (mut kills, mut rounds, mut longest, mut with_claims) = (0, 0, None, 0);
    while kills < wanted || rounds == 0 {
        rounds += 1;
        let folder = Folder::new();
        let dropped = files(rounds);
        dropped.iter().for_each(|file| folder.drop_in(&file.name, &file.content));
        // Hooks and several formats are steps, too.
        let hook = format!(
            "watch.hook=[\"/bin/sh\", \"-c\", \"echo $PAGESTREAM_HOOK_PATH >> {}\"]",
            folder.path("log").display()
        );
        let arguments = ["--once", "-f", "text,jsonl", "--set", "watch.incomplete=60ms", "--set", &hook];
        loop {
            let since = Instant::now();
            let mut child = folder.command(&arguments).spawn().unwrap();
            // Its standard error closes when it ends: that is the event that is waited for.
            let (running, ended) = std::sync::mpsc::channel::<()>();
            let mut err = child.stderr.take().unwrap();
            let err = std::thread::spawn(move || {
                let mut text = String::new();
                let _ = std::io::Read::read_to_string(&mut err, &mut text);
                drop(running);
                text
            });
            // The first run shows how long one takes.
            let life = match longest {
                Some(longest) if kills < wanted => below(longest),
                _ => HANGS,
            };
            let in_time = ended.recv_timeout(life) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected);
            if !in_time {
                child.kill().unwrap();
            }
            let status = child.wait().unwrap();
            let err = err.join().unwrap();
            if let Some(code) = status.code() {
                // Of those that fail the first decides; a run that found nothing left to fail ends well.
                assert!([0, 2, 8].contains(&code), "{code}: {err}");
                longest.get_or_insert(since.elapsed());
                break;
            }
            assert!(life < HANGS, "nobody killed it, and it did not end: {err}");
            kills += 1;
            with_claims += usize::from(folder.claimed() > 0);
        }
        check(&folder, &dropped);
    }
    println!("{kills} kills in {rounds} rounds, {with_claims} of them while files were claimed");
    assert!(with_claims > 0 || wanted < 5, "no kill fell into the work");
}

fn check(folder: &Folder, dropped: &[Dropped]) {
    let mut expected: Vec<String> = Vec::new();
    for Dropped { name, content, text } in dropped {
        let place = if text.is_some() { "archive" } else { "failed" };
        assert_eq!(fs::read(folder.path(format!("in/{place}/{name}"))).unwrap(), *content, "{name}");
        expected.push(format!("{place}/{name}"));
        if text.is_none() {
            expected.push(format!("{place}/{name}.reason.json"));
        }
    }
    expected.sort();
    assert_eq!(folder.files("in"), expected, "each in one place, and nothing else");
    assert_eq!(folder.claimed(), 0);
    let mut results = Vec::new();
    for Dropped { name, text, .. } in dropped {
        let Some(text) = text else { continue };
        let stem = name.trim_end_matches(".pdf");
        let written = folder.text(&format!("out/{stem}.txt"));
        let lines = |text: &str| {
            text.split(['\n', '\x0c']).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(&written), lines(text), "{name}");
        results.extend([format!("{stem}.jsonl"), format!("{stem}.txt")]);
    }
    results.sort();
    assert_eq!(folder.files("out"), results, "each once, and nothing half written");
    let hidden = |below: &str| {
        let known = [".pagestream", ".pagestream-outputs.jsonl"];
        let is_left = |name: &String| name.starts_with('.') && !known.contains(&name.as_str());
        folder.home.files(below).into_iter().filter(is_left).collect::<Vec<_>>()
    };
    // A hook that was just being started when its parent was killed holds that one's locks for a moment, and what is locked is not swept:
    // the next start does it.
    if !hidden("out").is_empty() || !hidden("out/sub 0").is_empty() {
        folder.once(&[]);
    }
    for below in ["in", "in/archive", "in/archive/sub 0", "in/failed", "out", "out/sub 0"] {
        assert_eq!(hidden(below), [""; 0], "{below}");
    }
    // The hook has heard of each, of some twice.
    let log = folder.text("log");
    assert!(dropped.iter().all(|file| log.lines().any(|line| line == file.name)), "{log}");
    let database = rusqlite::Connection::open(folder.path("out/.pagestream").join(DATABASE_FILE)).unwrap();
    let mut documents = database.prepare("SELECT source, state FROM documents").unwrap();
    let rows = documents.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    let mut by_source: BTreeMap<String, Vec<String>> = BTreeMap::new();
    rows.map(Result::unwrap).for_each(|(source, state)| by_source.entry(source).or_default().push(state));
    assert_eq!(by_source.len(), dropped.len());
    for (source, states) in by_source {
        assert!(states.len() == 1 && states[0] != "open", "{source}: {states:?}");
    }
}
