//! Who may ask for what: keys, names of the server, pages of other origins, too many requests.

use std::{fs, path::PathBuf};

use pagestream::{
    Settings,
    server::{Server, ServerOptions, new_key},
};
use serde_json::json;

use crate::{
    common::{no_text, options, pipeline_on, temporary_store},
    documents::pdf,
    server,
};

/// A file of keys and the keys themselves.
fn keys(wanted: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<(String, String)> = wanted.iter().map(|(name, may)| new_key(name, may).unwrap()).collect();
    let file = folder.path().join("keys");
    fs::write(&file, made.iter().map(|(_, line)| format!("{line}\n")).collect::<String>()).unwrap();
    (folder, file, made.into_iter().map(|(key, _)| key).collect())
}

#[test]
fn documents_belong_to_a_key_and_no_other_sees_them() {
    let (_folder, file, made) =
        keys(&[("ann", "read,write"), ("bob", "read,write"), ("eve", "read"), ("root", "read,write,all,metrics")]);
    let server = server(|options| options.server.keys = Some(file));
    let [ann, bob, eve, root] = [0, 1, 2, 3].map(|n: usize| server.client.with_key(&made[n]));
    let text = pdf(
        "the same letter, word for word, long enough that it may be compared with another one of its kind in the store",
    );
    let of_ann = ann.submit("a.pdf", &text);
    assert_eq!(ann.follow(&of_ann, "").0, [1]);
    let of_bob = bob.submit("a.pdf", &text);
    assert_ne!(of_bob, of_ann, "nobody is given a document of somebody else, be it the same");
    assert_eq!(bob.follow(&of_bob, "").0, [1]);
    let page = bob.get(&format!("/v1/documents/{of_bob}/pages/1")).with_status(200).text();
    assert!(!page.contains(&of_ann), "what it repeats is not named: {page}");
    assert!(!bob.get(&format!("/v1/documents/{of_bob}/result.jsonl")).text().contains(&of_ann));
    assert!(root.get(&format!("/v1/documents/{of_bob}/pages/1")).text().contains(&of_ann));
    for path in ["", "/pages", "/pages/1", "/pages/1/image", "/events", "/result.txt"] {
        assert_eq!(bob.get(&format!("/v1/documents/{of_ann}{path}")).problem(404), "no-such-document", "{path}");
    }
    assert_eq!(bob.request("DELETE", &format!("/v1/documents/{of_ann}"), &[], &[]).problem(404), "no-such-document");
    for (client, count) in [(&ann, 1), (&bob, 1), (&eve, 0), (&root, 2)] {
        let counted = |answer: serde_json::Value, list: &str| answer[list].as_array().unwrap().len();
        assert_eq!(counted(client.get("/v1/documents").json(), "documents"), count);
        assert_eq!(counted(client.post("/v1/search", r#"{"query": "letter"}"#).json(), "hits"), count);
        assert!(!client.get("/v1/documents").text().contains("key:"), "whose it is is no tag for people");
    }
    let alike = bob.post("/v1/similar", &json!({ "document": of_bob }).to_string()).json();
    assert_eq!(alike["pages"], json!([]));
    assert_eq!(bob.post("/v1/duplicates", "{}").json()["total"], 0);
    assert_eq!(eve.request("POST", "/v1/documents", &[], &text).problem(403), "forbidden");
    assert_eq!(bob.get("/metrics").problem(403), "forbidden");
    root.get("/metrics").with_status(200);
    let skipping = bob.request("POST", "/v1/documents?duplicates=skip", &[], &text);
    assert_eq!(skipping.problem(403), "forbidden");
}

#[test]
fn without_a_key_that_is_known_nothing_is_told() {
    let (_folder, file, made) = keys(&[("ann", "read,write")]);
    let server = server(|options| options.server.keys = Some(file));
    for path in ["/v1/documents", "/v1/events", "/v1/capacity", "/metrics", "/v1/documents/x", "/nothing"] {
        let refused = server.client.get(path);
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
        assert_eq!(refused.problem(401), "unauthorized", "{path}");
    }
    for wrong in ["", "x", &made[0][1..], &made[0].to_uppercase()] {
        assert_eq!(server.client.with_key(wrong).get("/v1/documents").problem(401), "unauthorized");
    }
    server.client.request("GET", "/v1/documents", &[("X-Api-Key", &made[0])], &[]).with_status(200);
    for path in ["/", "/docs", "/livez", "/readyz", "/openapi.json"] {
        server.client.get(path).with_status(200);
    }
}

#[tokio::test]
async fn off_loopback_a_server_without_keys_does_not_start() {
    let pipeline = pipeline_on(temporary_store(), options(), 1, |input| Ok(no_text(input)));
    let mut options = ServerOptions::from(&Settings::defaults());
    options.server.bind = "0.0.0.0:0".parse().unwrap();
    let refused = Server::bind(pipeline, options).err().unwrap();
    assert!(refused.to_string().contains("no keys are asked for") && refused.hint().is_some(), "{refused}");
}

#[test]
fn pages_of_other_origins_reach_nothing() {
    let server = server(|options| options.server.hosts = vec!["pages.example.org".to_owned()]);
    let get = |headers: &[(&str, &str)]| server.client.request("GET", "/v1/documents", headers, &[]).status;
    let own = format!("http://{}", server.client.address);
    assert_eq!(get(&[("Origin", &own), ("Sec-Fetch-Site", "same-origin")]), 200);
    assert_eq!(get(&[("Host", "localhost:1")]), 200);
    assert_eq!(get(&[("Host", "pages.example.org")]), 200);
    assert_eq!(get(&[("Host", "evil.example.org")]), 403);
    assert_eq!(get(&[("Host", "127.0.0.1.evil.example.org:80")]), 403);
    assert_eq!(get(&[("Origin", "http://evil.example.org")]), 403);
    assert_eq!(get(&[("Origin", "null")]), 403);
    assert_eq!(get(&[("Sec-Fetch-Site", "cross-site")]), 403);
    let written = server.client.request(
        "POST",
        "/v1/documents",
        &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")],
        &pdf("x"),
    );
    assert_eq!(written.problem(403), "forbidden");
    // To follow a link is no harm.
    let followed =
        server.client.request("GET", "/", &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")], &[]);
    assert!(!followed.with_status(200).headers.contains_key("access-control-allow-origin"));
}

#[test]
fn too_many_requests_are_told_to_wait() {
    let server = server(|options| options.server.rate = 1);
    let refused = (0..10).map(|_| server.client.get("/livez")).find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.problem(429), "rate-limited");
}
