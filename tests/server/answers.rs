//! Pages, images, results, searches and figures; and that rubbish is told as such.

use std::{io::Write, net::TcpStream};

use pagestream_actors::{BatchLimits, Device, LazyEngine};
use pagestream_models::Error;
use serde_json::{Value, json};

use crate::{
    Running,
    client::Answer,
    common::{options, temporary_store},
    documents::{pages, pdf},
    server,
};

#[test]
fn pages_and_their_images_are_given() {
    let server = server(|_| {});
    let id = server.client.submit("a.pdf", &pages(&["one".into(), "two".into(), "three".into()]));
    server.client.follow(&id, "");
    let listed = server.client.get(&format!("/v1/documents/{id}/pages?limit=2")).with_status(200).json();
    assert_eq!((&listed["pages"][1]["text"], listed["pages"].as_array().unwrap().len()), (&json!("two"), 2));
    let rest = server.client.get(listed["next"].as_str().unwrap()).json();
    assert_eq!((&rest["pages"][0]["text"], &rest["next"]), (&json!("three"), &json!(null)));
    assert_eq!(server.client.get(&format!("/v1/documents/{id}/pages/2")).json()["text"], "two");
    for page in ["4", "0", "x", "99999999999"] {
        assert_eq!(server.client.get(&format!("/v1/documents/{id}/pages/{page}")).problem(404), "no-such-page");
        assert_eq!(server.client.get(&format!("/v1/documents/{id}/pages/{page}/image")).problem(404), "no-such-page");
    }
    let path = format!("/v1/documents/{id}/pages/1/image?width=300");
    let image = server.client.get(&path).with_status(200);
    let tag = image.headers["etag"].clone();
    let image = image::load_from_memory(&image.bytes()).unwrap();
    assert!((295..=305).contains(&image.width()) && image.height() > 400, "{} x {}", image.width(), image.height());
    server.client.request("GET", &path, &[("If-None-Match", &tag)], &[]).with_status(304);
    assert_eq!(server.client.get(&format!("/v1/documents/{id}/pages/1/image?width=7")).problem(400), "bad-request");
}

#[test]
fn every_format_that_process_writes_is_given() {
    let server = server(|_| {});
    let id = server.client.submit("a.pdf", &pages(&["one".into(), "two".into()]));
    server.client.follow(&id, "");
    let result = |ending: &str| server.client.get(&format!("/v1/documents/{id}/result.{ending}"));
    for (ending, begins) in [
        ("txt", "one"),
        ("jsonl", "{\"schema\":\"pagestream.page/1\""),
        ("json", "{\"schema\":\"pagestream.document/1\""),
        ("tsv", "level\t"),
        ("hocr", "<?xml"),
        ("alto.xml", "<?xml"),
        ("pdf", "%PDF-"),
        ("md", "one"),
        ("html", "<!DOCTYPE html>"),
        ("docx", "PK"),
        ("epub", "PK"),
        ("page.xml?page=2", "<?xml"),
        ("txt?page=2", "two"),
    ] {
        let bytes = result(ending).with_status(200).bytes();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).to_lowercase();
        assert!(text.starts_with(&begins.to_lowercase()), "{ending}: {text}");
    }
    assert!(result("csv").with_status(200).bytes().is_empty(), "there is no table");
    assert!(result("txt").headers["content-disposition"].contains("filename=\"a.txt\""));
    for (ending, status) in
        [("rtf", 404), ("page.xml", 400), ("txt?images=true", 400), ("pdf?page=1", 400), ("txt?page=3", 404)]
    {
        assert!(result(ending).status == status, "{ending}");
    }
}

#[test]
fn pages_are_found_by_words_by_likeness_and_as_duplicates() {
    let server = server(|_| {});
    let long = "the harvest of the northern valleys was larger than in any year since the old bridge over the river had been built";
    let first = server.client.submit("a.pdf", &pdf(long));
    server.client.follow(&first, "");
    let second = server.client.submit("b.pdf", &pdf(&format!("{long} ")));
    server.client.follow(&second, "");
    let found =
        server.client.post("/v1/search", r#"{"query": "harvest northern", "limit": 5}"#).with_status(200).json();
    let hits = found["hits"].as_array().unwrap();
    assert_eq!((hits.len(), &found["mode"], &hits[0]["page"]), (2, &json!("keyword"), &json!(1)));
    assert!(hits[0]["lines"][0]["polygon"].is_array());
    let within = json!({ "query": "harvest", "document": second }).to_string();
    assert_eq!(server.client.post("/v1/search", &within).json()["hits"].as_array().unwrap().len(), 1);
    let alike = server.client.post("/v1/similar", &json!({ "document": first }).to_string()).with_status(200).json();
    assert_eq!((&alike["pages"][0]["document"], &alike["pages"][0]["relation"]), (&json!(second), &json!("exact")));
    let text = json!({ "text": long, "k": 1 }).to_string();
    assert_eq!(server.client.post("/v1/similar", &text).json()["pages"].as_array().unwrap().len(), 1);
    let groups = server.client.post("/v1/duplicates", "{}").with_status(200).json();
    assert_eq!((&groups["total"], &groups["groups"][0]["keep"]["document"]), (&json!(1), &json!(first)));
}

#[test]
fn rubbish_is_refused_and_nothing_fails() {
    let server = server(|_| {});
    let id = server.client.submit("a.pdf", &pdf("a"));
    server.client.follow(&id, "");
    let bodies: &[&[u8]] = &[
        b"",
        b"{",
        b"null",
        b"[]",
        b"{\"query\": 1}",
        b"{\"query\": \"\"}",
        b"{\"query\": \"\\u0000\"}",
        b"{\"query\": \"\\\"\"}",
        b"\xff\xff",
        b"{\"query\": \"a\", \"limit\": -1}",
        b"{\"query\": \"a\", \"limit\": 1e99}",
        b"{\"query\": \"a\", \"limit\": 0}",
        b"{\"query\": \"a\", \"colour\": 1}",
        b"{\"query\": \"a\", \"mode\": \"x\"}",
        b"{\"query\": \"a\", \"after\": 1e300}",
        b"{\"query\": \"a\", \"tags\": [\"a b\"]}",
        b"{\"query\": \"a\", \"document\": \"x\"}",
        b"{\"query\": \"a\", \"source\": \"[\"}",
        b"{\"query\": \"a\", \"offset\": 18446744073709551615}",
        // Room for all that were passed over was asked of the system at once, which ended the server.
        b"{\"query\": \"a\", \"offset\": 27585808}",
        b"{\"k\": 0}",
        b"{\"page\": 1}",
        b"{\"text\": \"a\", \"document\": \"b\"}",
        b"{\"tags\": 1}",
        &[b'['; 60_000],
        &[b' '; 70_000],
    ];
    for path in ["/v1/search", "/v1/similar", "/v1/duplicates"] {
        for body in bodies {
            let answer = server.client.request("POST", path, &[], body);
            assert!(
                answer.status < 500,
                "{path}: {} of {}",
                answer.status,
                String::from_utf8_lossy(&body[..body.len().min(60)])
            );
        }
    }
    for path in [
        "/../../etc/passwd",
        "/v1/documents/../../x",
        "/v1/documents/x",
        "/v1/documents/%00",
        "/v1/documents/%ff%fe",
        "//",
        "/v1/documents?limit=0",
        "/v1/documents?state=x",
        "/v1/documents?before=x",
        "/v1/documents?limit=-1",
        "/v1/documents?%ff=%ff",
        "/v1/events?from=x",
        "/v1/events?from=-1",
        "/app.js/../livez",
        "/v1/documents/00000000-0000-0000-0000-000000000000/result.txt",
    ] {
        let answer = server.client.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    assert_eq!(server.client.request("PATCH", "/v1/documents", &[], b"").problem(405), "method-not-allowed");
    for raw in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /v1/search HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nA B: c\r\n\r\n",
    ] {
        server.client.vanish_after(raw.as_bytes());
    }
    assert_eq!(server.client.get("/livez").with_status(200).text(), "ok\n");
    assert!(!server.client.get("/metrics").text().contains("restarts_total{stage=\"ingest\"} 1"));
}

#[test]
fn a_method_that_does_not_do_is_told_those_that_do() {
    let server = server(|_| {});
    let described = server.client.get("/openapi.json").with_status(200).json();
    for (path, item) in described["paths"].as_object().unwrap() {
        let answer = server.client.request("TRACE", path, &[], b"");
        let mut allowed: Vec<String> = answer.headers["allow"].split(", ").map(str::to_lowercase).collect();
        allowed.sort();
        let mut methods: Vec<&String> = item.as_object().unwrap().keys().collect();
        methods.sort();
        // HEAD is there wherever GET is, and described nowhere.
        allowed.retain(|method| method != "head" || !methods.iter().any(|method| *method == "get"));
        assert!(allowed.iter().eq(methods), "{path}: {allowed:?}");
        assert_eq!(answer.problem(405), "method-not-allowed");
    }
}

#[test]
fn head_is_answered_as_get_without_a_body() {
    let server = server(|_| {});
    let id = server.client.submit("a.pdf", &pages(&["one".into()]));
    server.client.follow(&id, "");
    for path in [
        "/".to_owned(),
        "/readyz".to_owned(),
        "/openapi.json".to_owned(),
        format!("/v1/documents/{id}"),
        format!("/v1/documents/{id}/pages/1/image"),
        format!("/v1/documents/{id}/result.txt"),
        format!("/v1/documents/{id}/events"),
        "/v1/events".to_owned(),
        "/v1/documents/nothing".to_owned(),
    ] {
        // Two requests in one connection: a body after the first would be read as the second's answer.
        let mut stream = TcpStream::connect(server.client.address).unwrap();
        write!(stream, "HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let head = Answer::read_from(Box::new(stream.try_clone().unwrap()));
        let get = server.client.get(&path);
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "content-length", "transfer-encoding", "etag", "content-security-policy"] {
            assert_eq!(head.headers.get(name), get.headers.get(name), "{path}: {name}");
        }
        write!(stream, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(head.after_its_head().with_status(200).text(), "ok\n", "{path}");
    }
    assert_eq!(server.client.request("HEAD", "/v1/search", &[], &[]).status, 405);
}

#[test]
fn a_search_passes_over_no_more_pages_than_it_says() {
    let server = server(|_| {});
    let with = |offset: u64| server.client.post("/v1/search", &json!({ "query": "a", "offset": offset }).to_string());
    with(10_000).with_status(200);
    for offset in [10_001, 27_585_808, u64::from(u32::MAX), u64::MAX] {
        assert_eq!(with(offset).problem(400), "bad-request");
    }
}

#[test]
fn figures_are_as_prometheus_reads_them() {
    let server = server(|_| {});
    let id = server.client.submit("a.pdf", &pdf("a"));
    server.client.follow(&id, "");
    let text = server.client.get("/metrics").with_status(200).text();
    let mut known = std::collections::HashMap::new();
    for line in text.lines() {
        match line.strip_prefix("# ").map(|head| head.splitn(3, ' ').collect::<Vec<_>>()).as_deref() {
            Some(["HELP", name, help]) => {
                assert!(!help.is_empty() && known.insert((*name).to_owned(), "").is_none(), "{line}")
            }
            Some(["TYPE", name, kind]) => assert_eq!(known.insert((*name).to_owned(), kind), Some(""), "{line}"),
            Some(_) => panic!("{line}"),
            None => {
                let (name, value) = line.rsplit_once(' ').unwrap();
                let name = name.split('{').next().unwrap();
                let base = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end))
                    .filter(|base| known.contains_key(*base));
                let kind = known[base.unwrap_or(name)];
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(value.parse::<f64>().unwrap() >= 0.0, "{line}");
            }
        }
    }
    assert!(text.contains("pagestream_pages_total 1\n"), "{text}");
    assert!(text.contains("pagestream_device_threads{device=\"fake\"} 2\n"), "{text}");
    assert!(text.contains("pagestream_stage_oldest_seconds{stage=\"sink\"} 0\n"), "{text}");
    assert!(text.contains("pagestream_stage_seconds_bucket{stage=\"sink\",le=\"+Inf\"} 1\n"), "{text}");
    let board: Value = serde_json::from_str(include_str!("../../config/grafana/pagestream.json")).unwrap();
    let shown = board["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let shown: Vec<_> = shown.map(|target| target["expr"].as_str().unwrap()).collect();
    let names = |expression: &str| -> Vec<String> {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words
            .filter(|word| word.starts_with("pagestream_") || word.starts_with("process_"))
            .map(str::to_owned)
            .collect()
    };
    for name in shown.iter().flat_map(|expression| names(expression)) {
        assert!(text.contains(&format!("\n{name}")), "the dashboard shows {name}, which nobody gives");
    }
    assert!(shown.len() >= 12);
}

#[test]
fn it_is_ready_when_the_models_are_loaded() {
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let engine = LazyEngine::new(move || {
        gate.lock().unwrap().recv().unwrap();
        Err(Error::Device { device: "slow".to_owned(), cause: "it has no models".to_owned() })
    });
    let device = Device { name: "slow".to_owned(), engine, threads: 1, batch: BatchLimits::ONE };
    let pipeline = pagestream_actors::start(options(), temporary_store(), vec![device]).unwrap();
    let server = Running::new(pipeline.clone(), |options| options.server.warm_up = true);
    assert_eq!(server.client.get("/readyz").problem(503), "warming-up");
    server.client.get("/livez").with_status(200);
    open.send(()).unwrap();
    // A model that cannot be had is told by the pages that need it; those with text are read all the same.
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pipeline.warmed());
    server.client.get("/readyz").with_status(200);
}

#[test]
fn what_there_is_to_ask_is_described() {
    let server = server(|_| {});
    let described = server.client.get("/openapi.json").with_status(200).json();
    let paths = described["paths"].as_object().unwrap();
    assert!(paths["/v1/documents"]["post"]["responses"]["429"].is_object() && paths.len() >= 16, "{:?}", paths.keys());
    assert!(described["components"]["schemas"]["DocumentView"]["properties"]["pages_done"].is_object());
    let record = &described["components"]["schemas"]["PageRecord"]["properties"];
    assert!(record["lines"]["items"]["$ref"] == "#/components/schemas/TextLine", "{record}");
    let docs = server.client.get("/docs").text();
    let operations = paths.values().flat_map(|methods| methods.as_object().unwrap()).count();
    assert_eq!(docs.matches("<caption>Answers</caption>").count(), operations);
    for link in docs.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(docs.contains(&format!("id=\"{link}\"")), "{link} leads nowhere");
    }
    for path in ["/", "/app.js", "/app.css", "/icon.svg", "/docs", "/docs.css"] {
        let answer = server.client.get(path).with_status(200);
        assert!(answer.headers["content-security-policy"].contains("default-src 'none'"));
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        // The name of a namespace is no address.
        let text = answer.text().replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("style=\""), "{path}");
        assert!(
            path != "/" || !text.contains(" onclick") && !text.contains(" onload"),
            "what a policy forbids would do nothing"
        );
    }
}
