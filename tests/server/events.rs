//! Streams of events: from any place, without a gap or a page twice, for any number of readers.

use pagestream_store::{Store, StoreOptions};

use crate::{
    Running,
    client::Client,
    common::{PLAIN, document, gated_pipeline, options, temporary_store},
    documents::{pages, pdf},
    gated, server,
};

#[test]
fn events_are_replayed_from_any_place_and_end() {
    let server = server(|_| {});
    let texts: Vec<String> = (1..=5).map(|n| format!("page {n}")).collect();
    let id = server.client.submit("a.pdf", &pages(&texts));
    assert_eq!(server.client.follow(&id, "").0, [1, 2, 3, 4, 5]);
    assert_eq!(server.client.follow(&id, "3"), (vec![4, 5], Some("done".to_owned())));
    assert_eq!(server.client.follow(&id, "5"), (vec![], Some("done".to_owned())));
    let path = format!("/v1/documents/{id}/events");
    server.client.request("GET", &path, &[("Last-Event-ID", "end")], &[]).with_status(204);
    assert_eq!(server.client.request("GET", &path, &[("Last-Event-ID", "x")], &[]).problem(400), "bad-request");
    let lines = server.client.request("GET", &format!("{path}?from=4"), &[("Accept", "application/x-ndjson")], &[]);
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    let lines: Vec<serde_json::Value> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["page"], &lines[2]["state"]), (3, &4.into(), &"done".into()));
    // All documents, in the order of commits.
    let other = server.client.submit("b.pdf", &pdf("another"));
    server.client.follow(&other, "");
    let all: Vec<_> = server.client.get("/v1/events?from=0").events().take(6).collect();
    let last: u64 = all[4].1.parse().unwrap();
    assert_eq!(all[5].2["document"]["id"], other);
    let next = server.client.get(&format!("/v1/events?from={last}")).events().next().unwrap();
    assert_eq!(next, all[5]);
}

#[test]
fn a_place_that_cannot_be_read_is_refused_instead_of_beginning_anew() {
    let server = server(|_| {});
    let id = server.client.submit("a.pdf", &pages(&["one".into()]));
    server.client.follow(&id, "");
    for (path, last) in [
        (format!("/v1/documents/{id}/events"), "\u{84}"),
        ("/v1/events".to_owned(), "end"),
        ("/v1/events".to_owned(), "\u{84}"),
    ] {
        assert_eq!(server.client.request("GET", &path, &[("Last-Event-ID", last)], &[]).problem(400), "bad-request");
    }
    assert_eq!(server.client.get(&format!("/v1/events?from={}", u64::MAX)).problem(400), "bad-request");
}

#[test]
fn many_readers_of_one_document_cost_one_read_of_the_log_a_page() {
    const READERS: usize = 60;
    const PAGES: usize = 6;
    let (server, gate) = gated(temporary_store(), options());
    let id = server.client.submit("a.tif", &document(&[PLAIN; PAGES]));
    let mut readers: Vec<_> =
        (0..READERS).map(|_| server.client.get(&format!("/v1/documents/{id}/events")).events()).collect();
    // All are there before the first page is.
    readers.iter_mut().for_each(|reader| assert_eq!(reader.next().unwrap().0, "document"));
    let reads = || -> u64 {
        let metrics = server.client.get("/metrics").text();
        metrics
            .lines()
            .find_map(|line| line.strip_prefix("pagestream_event_log_reads_total "))
            .unwrap()
            .parse()
            .unwrap()
    };
    let before = reads();
    for page in 1..=PAGES {
        gate.open(1);
        readers.iter_mut().for_each(|reader| assert_eq!(reader.next().unwrap().1, page.to_string()));
    }
    readers.iter_mut().for_each(|reader| assert_eq!(reader.next().unwrap().0, "end"));
    // A commit and what is noted beside it may be noticed one after the other.
    let reads = reads() - before;
    assert!(reads <= 6 * (PAGES as u64 + 1), "{reads} reads of {PAGES} pages by {READERS} readers");
}

#[test]
fn a_stream_on_which_nothing_happens_shows_that_it_is_there() {
    let store = temporary_store();
    let (pipeline, gate) = gated_pipeline(store, options(), 1);
    let server = Running::new(pipeline, |options| {
        options.server.heartbeat = std::time::Duration::from_millis(20);
        options.drain = std::time::Duration::ZERO;
    });
    let id = server.client.submit("a.tif", &document(&[PLAIN]));
    let mut answer = server.client.get(&format!("/v1/documents/{id}/events"));
    let (mut text, mut piece) = (String::new(), [0; 256]);
    while !text.contains(": still here\n\n: still here\n\n") {
        let read = std::io::Read::read(&mut answer, &mut piece).unwrap();
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    gate.open(usize::MAX);
}

#[test]
fn readers_that_go_away_leave_nothing_behind() {
    let (server, gate) = gated(temporary_store(), options());
    let id = server.client.submit("a.tif", &document(&[PLAIN; 3]));
    let streams = |client: &Client| client.get("/v1/capacity").json()["streams"].as_u64().unwrap();
    let readers: Vec<_> = (0..20).map(|_| server.client.get(&format!("/v1/documents/{id}/events"))).collect();
    while streams(&server.client) != 20 {}
    drop(readers);
    gate.open(usize::MAX);
    assert_eq!(server.client.follow(&id, "").0, [1, 2, 3]);
    while streams(&server.client) != 0 {}
}

#[test]
fn tails_go_on_after_a_restart_without_a_gap_or_a_page_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = || Store::open(folder.path(), StoreOptions::default()).unwrap();
    let (mut first, gate) = gated(store(), options());
    let id = first.client.submit("a.tif", &document(&[PLAIN; 5]));
    let mut events = first.client.get(&format!("/v1/documents/{id}/events")).events();
    assert_eq!(events.next().unwrap().0, "document");
    gate.open(2);
    let seen: Vec<String> = events.by_ref().take(2).map(|(_, id, _)| id).collect();
    assert_eq!(seen, ["1", "2"]);
    let report = first.stop();
    assert_eq!(report.interrupted.len(), 1);
    let rest: Vec<_> = events.collect();
    assert!(rest.is_empty(), "its end is not told, because it goes on: {rest:?}");
    gate.open(usize::MAX);
    stop(first);
    let (second, gate) = gated(store(), options());
    gate.open(usize::MAX);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(second.pipeline.resume()).unwrap().len(), 1);
    assert_eq!(second.client.follow(&id, "2"), (vec![3, 4, 5], Some("done".to_owned())));
}

/// Gives the data directory back.
fn stop(server: Running) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(server.pipeline.stop());
}
