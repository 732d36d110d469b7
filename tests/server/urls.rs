//! Documents that clients name by a URL: off unless it is allowed, from whom it is allowed, and otherwise as what is sent.

use std::sync::{Mutex, mpsc};

use pagestream::{ByteSize, PipelineOptions, server::ServerOptions};
use serde_json::json;

use crate::{
    Running,
    client::Answer,
    common::{PLAIN, count, document, options, temporary_store},
    documents::pdf,
    origin::{Origin, Reply},
    server,
};

const ETAG: (&str, &str) = ("ETag", "\"first\"");

fn allowed(options: &mut ServerOptions) {
    options.server.fetch_urls = true;
    options.server.fetch_allow = vec!["127.0.0.1".to_owned()];
}

fn post(server: &Running, url: &str) -> Answer {
    server.client.post("/v1/documents", &json!({ "url": url }).to_string())
}

#[test]
fn it_is_off_unless_it_is_allowed() {
    let origin = Origin::new(|_, _| panic!("somebody asked"));
    let off = server(|_| {});
    let refused = post(&off, &origin.url("/a.pdf")).with_status(403).json();
    assert_eq!(
        (&refused["code"], refused["hint"].as_str().unwrap().contains("server.fetch_urls")),
        (&json!("urls-not-fetched"), true)
    );
    let on = server(|options| options.server.fetch_urls = true);
    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/a.pdf", origin.address.port());
        assert_eq!(post(&on, &url).problem(403), "address-refused", "{host}");
    }
    for body in ["", "{}", "[]", "{\"url\": 1}", "{\"url\": \"http://a.example/\", \"colour\": \"red\"}"] {
        assert_eq!(on.client.post("/v1/documents", body).problem(400), "bad-request", "{body}");
    }
    for url in ["", "a.pdf", "file:///etc/passwd", "ftp://a.example/x"] {
        assert_eq!(post(&on, url).problem(400), "bad-request", "{url}");
    }
}

#[test]
fn a_document_is_downloaded_and_read_as_one_that_is_sent() {
    let origin = Origin::new(|number, request| match number {
        0 => Reply::new("200 OK", &[ETAG], &pdf("from elsewhere")),
        _ => {
            assert_eq!(request.header("if-none-match"), Some(ETAG.1));
            Reply::new("304 Not Modified", &[], b"")
        }
    });
    let server = server(allowed);
    let url = origin.url("/x/a%20b.pdf?t=1").replace("http://", "http://ann:secret@");
    let body = json!({ "url": url, "tags": ["letters", "old"], "pages": "1", "bulk": true }).to_string();
    let answer = server.client.post("/v1/documents?ocr=never&bulk=false", &body).with_status(202);
    let location = answer.headers["location"].clone();
    let taken = answer.json();
    assert_eq!((&taken["source"], &taken["tags"]), (&json!("a b.pdf"), &json!(["letters", "old"])));
    assert_eq!((&taken["priority"], &taken["url"]), (&json!("bulk"), &json!(origin.url("/x/a%20b.pdf?t=1"))));
    assert_eq!(taken["urls"]["self"], json!(location));
    let id = taken["id"].as_str().unwrap();
    assert_eq!(server.client.follow(id, ""), (vec![1], Some("done".to_owned())));
    let text = server.client.get(&format!("{location}/result.txt")).with_status(200).text();
    assert!(text.contains("from elsewhere"), "{text}");
    // Again, and it is the same.
    let again = server.client.post("/v1/documents?ocr=never", &body).with_status(202).json();
    assert_eq!(again["id"], taken["id"]);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn what_is_not_to_be_had_is_told_with_its_code() {
    let origin = Origin::new(|_, request| match request.path.as_str() {
        "/missing" => Reply::new("404 Not Found", &[], b""),
        "/gzip" => Reply::new("200 OK", &[("Content-Encoding", "gzip")], &pdf("x")),
        "/page" => Reply::new("200 OK", &[("Content-Type", "application/pdf")], b"<!doctype html>"),
        "/large" => Reply::chunked(&[], &document(&[PLAIN; 3])),
        "/inside" => Reply::redirect("http://127.0.0.2/"),
        path => panic!("{path}"),
    });
    let server = server(|options| {
        allowed(options);
        options.server.max_upload = ByteSize::kib(64);
    });
    for (path, status, code) in [
        ("/missing", 502, "download-failed"),
        ("/gzip", 502, "download-failed"),
        ("/page", 415, "unsupported-format"),
        ("/large", 413, "too-large"),
        ("/inside", 403, "address-refused"),
    ] {
        assert_eq!(post(&server, &origin.url(path)).problem(status), code, "{path}");
    }
    assert_eq!(server.client.get("/v1/documents").json()["documents"], json!([]));
}

#[test]
fn a_full_system_says_so_and_asks_nobody() {
    let origin = Origin::new(|_, _| panic!("somebody asked"));
    let one = PipelineOptions { open_documents: count(1), ..options() };
    let (pipeline, gate) = crate::common::gated_pipeline(temporary_store(), one, 1);
    let server = Running::new(pipeline, |options| {
        allowed(options);
        options.drain = std::time::Duration::ZERO;
    });
    server.client.submit("a.tif", &document(&[PLAIN; 2]));
    let answer = post(&server, &origin.url("/a.pdf"));
    assert!(answer.headers["retry-after"].parse::<u32>().unwrap() >= 1);
    assert_eq!(answer.problem(429), "busy");
    gate.open(usize::MAX);
}

#[test]
fn an_idempotency_key_gives_the_same_answer_for_the_same_url() {
    let origin = Origin::new(|_, _| Reply::new("200 OK", &[], &pdf("once")));
    let server = server(allowed);
    let post = |key: &str, path: &str| {
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
        server.client.request(
            "POST",
            "/v1/documents",
            &headers,
            json!({ "url": origin.url(path) }).to_string().as_bytes(),
        )
    };
    let first = post("k", "/a.pdf").with_status(202);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let id = first.json()["id"].clone();
    let again = post("k", "/a.pdf").with_status(202);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((again.json()["id"].clone(), origin.requests().len()), (id, 1));
    assert_eq!(post("k", "/b.pdf").problem(422), "idempotency-mismatch");
}

#[test]
fn a_server_that_stops_ends_its_downloads() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let origin = Origin::new(move |_, _| {
        tell.lock().unwrap().send(()).unwrap();
        Reply::cut("200 OK", &[ETAG], &document(&[PLAIN; 3]), 50_000).and_stays()
    });
    let mut server = server(allowed);
    let (client, body) = (server.client.clone(), json!({ "url": origin.url("/a.tif") }).to_string());
    let asking = std::thread::spawn(move || client.post("/v1/documents", &body).problem(503));
    told.recv().unwrap();
    server.stop();
    assert_eq!(asking.join().unwrap(), "shutting-down");
    assert!(server.pipeline.store().documents(Default::default()).unwrap().is_empty());
}
