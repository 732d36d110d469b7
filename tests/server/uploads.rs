//! Documents handed over: kept when it is answered, refused when something is amiss, never whole in memory.

use std::{io::Write, net::TcpStream};

use pagestream::PipelineOptions;
use serde_json::json;

use crate::{
    FORM,
    common::{MARKED, PLAIN, count, document, options, temporary_store},
    documents::{pages, pdf},
    form, gated, server,
};

#[test]
fn a_document_is_taken_raw_and_in_a_form_and_read() {
    let server = server(|_| {});
    let raw = server.client.submit("raw.pdf", &pdf("first of all"));
    let body = form(&[("tags", "letters,old"), ("pages", "1")], Some(("../in a form.pdf", &pdf("second of all"))));
    let answer = server.client.request("POST", "/v1/documents?ocr=never", &[FORM], &body).with_status(202);
    let location = answer.headers["location"].clone();
    let taken = answer.json();
    assert_eq!((&taken["source"], &taken["tags"]), (&json!("in a form.pdf"), &json!(["letters", "old"])));
    assert_eq!(taken["urls"]["self"], json!(location));
    for id in [raw.as_str(), taken["id"].as_str().unwrap()] {
        assert_eq!(server.client.follow(id, ""), (vec![1], Some("done".to_owned())));
    }
    let listed = server.client.get("/v1/documents?limit=1").with_status(200).json();
    assert_eq!(listed["documents"][0]["source"], "in a form.pdf");
    let rest = server.client.get(listed["next"].as_str().unwrap()).with_status(200).json();
    assert_eq!((&rest["documents"][0]["source"], &rest["next"]), (&json!("raw.pdf"), &json!(null)));
    let tagged = server.client.get("/v1/documents?tag=letters").json();
    assert_eq!(tagged["documents"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_code() {
    let server = server(|options| options.server.max_upload = pagestream::ByteSize::kib(64));
    let post = |path: &str, headers: &[(&str, &str)], body: &[u8]| server.client.request("POST", path, headers, body);
    assert_eq!(post("/v1/documents", &[], b"").problem(400), "bad-request");
    assert_eq!(
        post("/v1/documents", &[("Content-Type", "application/pdf")], b"no PDF at all").problem(415),
        "unsupported-format"
    );
    let large = [pdf("x"), vec![b' '; 80 << 10]].concat();
    assert_eq!(post("/v1/documents", &[], &large).problem(413), "too-large");
    // Without its length being said beforehand.
    let mut chunked = format!(
        "POST /v1/documents HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        server.client.address,
        large.len()
    );
    chunked.push_str(&String::from_utf8_lossy(&large));
    chunked.push_str("\r\n0\r\n\r\n");
    assert_eq!(server.client.raw(chunked.as_bytes()).problem(413), "too-large");
    for path in [
        "?ocr=perhaps",
        "?pages=0",
        "?tags=a b",
        "?tags=key:ann",
        "?tags=once:1",
        "?duplicates=x",
        "?nonsense=1",
        "?password=x",
        "?bulk=yes",
    ] {
        let path = format!("/v1/documents{}", path.replace(' ', "%20"));
        assert_eq!(post(&path, &[], &pdf("x")).problem(400), "bad-request", "{path}");
    }
    let forms: [&[u8]; 8] = [
        b"",
        b"--frontier--\r\n",
        b"--frontier\r\n\r\n\r\n--frontier--\r\n",
        b"--frontier\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n%PDF-1.4 cut",
        b"--frontier\r\nContent-Disposition: form-data; name=\"colour\"\r\n\r\nred\r\n--frontier--\r\n",
        b"--frontier\r\nContent-Disposition: form-data; name=\"bulk\"\r\n\r\nperhaps\r\n--frontier--\r\n",
        b"--frontier\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n\xff\xfe\r\n--frontier--\r\n",
        &[0xff; 5000],
    ];
    for body in forms {
        let answer = post("/v1/documents", &[FORM], body);
        assert!((400..500).contains(&answer.status), "{} of {:?}", answer.status, String::from_utf8_lossy(body));
    }
    assert_eq!(post("/v1/documents", &[("Content-Type", "multipart/form-data")], b"x").problem(400), "bad-request");
    let listed = server.client.get("/v1/documents").json();
    let failed: Vec<_> = listed["documents"].as_array().unwrap().iter().filter(|d| d["state"] == "done").collect();
    assert!(failed.is_empty(), "nothing of it was taken for a document: {failed:?}");
}

#[test]
fn a_full_system_says_so_and_when_to_come_back() {
    let (server, gate) = gated(temporary_store(), PipelineOptions { open_documents: count(1), ..options() });
    let id = server.client.submit("a.tif", &document(&[PLAIN]));
    let refused = server.client.request("POST", "/v1/documents", &[], &document(&[MARKED]));
    let pause: u32 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&pause), "{pause}");
    assert_eq!(refused.problem(429), "busy");
    assert_eq!(server.client.get("/v1/capacity").json()["documents_free"], 0);
    gate.open(usize::MAX);
    assert_eq!(server.client.follow(&id, "").1.as_deref(), Some("done"));
    // The place is given back before the end is told.
    server.client.submit("b.tif", &document(&[MARKED]));
}

#[test]
fn an_idempotency_key_gives_the_same_answer_and_no_second_document() {
    let server = server(|_| {});
    let post = |key: &str, name: &str, body: &[u8]| {
        server.client.request("POST", &format!("/v1/documents?name={name}"), &[("Idempotency-Key", key)], body)
    };
    let first = post("one", "a.pdf", &pdf("a")).with_status(202).json();
    let again = post("one", "other name.pdf".replace(' ', "%20").as_str(), &pdf("a")).with_status(202);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let again = again.json();
    assert_eq!((&again["id"], &again["tags"]), (&first["id"], &json!([])));
    assert_eq!(post("one", "a.pdf", &pdf("b")).problem(422), "idempotency-mismatch");
    assert_ne!(post("two", "b.pdf", &pdf("b")).with_status(202).json()["id"], first["id"]);
    assert_eq!(server.client.get("/v1/documents").json()["documents"].as_array().unwrap().len(), 2);
}

#[test]
fn fifty_uploads_and_a_hundred_tails_lose_nothing() {
    let server = server(|_| {});
    let texts = |n: usize| -> Vec<String> { (1..=3).map(|page| format!("document {n} page {page}")).collect() };
    let client = server.client.clone();
    std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..50)
            .map(|n| {
                let client = client.clone();
                scope.spawn(move || {
                    let bytes = pages(&texts(n));
                    // A full system is asked again, as the README says.
                    loop {
                        let answer = client.request("POST", &format!("/v1/documents?name={n}.pdf"), &[], &bytes);
                        match answer.status {
                            202 => return answer.json()["id"].as_str().unwrap().to_owned(),
                            429 => continue,
                            other => panic!("{other}: {}", answer.text()),
                        }
                    }
                })
            })
            .collect();
        let ids: Vec<String> = uploads.into_iter().map(|upload| upload.join().unwrap()).collect();
        let tails: Vec<_> = (0..100)
            .map(|n| {
                let (client, id) = (client.clone(), ids[n % ids.len()].clone());
                scope.spawn(move || client.follow(&id, ""))
            })
            .collect();
        for tail in tails {
            assert_eq!(tail.join().unwrap(), (vec![1, 2, 3], Some("done".to_owned())));
        }
        for (n, id) in ids.iter().enumerate() {
            let text = client.get(&format!("/v1/documents/{id}/result.txt")).with_status(200).text();
            texts(n).iter().for_each(|line| assert!(text.contains(line), "{line} in {text}"));
        }
    });
}

#[test]
fn a_client_that_vanishes_in_the_midst_costs_nothing() {
    let (server, gate) = gated(temporary_store(), PipelineOptions { open_documents: count(1), ..options() });
    gate.open(usize::MAX);
    let bytes = document(&[PLAIN; 4]);
    let mut head = server.client.head("POST", "/v1/documents", &[], bytes.len());
    head.extend_from_slice(&bytes[..bytes.len() / 2]);
    let mut stream = TcpStream::connect(server.client.address).unwrap();
    stream.write_all(&head).unwrap();
    // It holds the only place until it goes.
    while server.client.get("/v1/capacity").json()["documents_free"] != 0 {}
    drop(stream);
    while server.client.get("/v1/capacity").json()["documents_free"] != 1 {}
    let listed = server.client.get("/v1/documents").json();
    assert_eq!(listed["documents"], json!([]));
    let id = server.client.submit("whole.tif", &bytes);
    assert_eq!(server.client.follow(&id, "").0, [1, 2, 3, 4]);
}

#[test]
fn a_document_is_cancelled_and_removed() {
    let (server, gate) = gated(temporary_store(), options());
    let id = server.client.submit("a.tif", &document(&[PLAIN; 5]));
    gate.open(1);
    let mut events = server.client.get(&format!("/v1/documents/{id}/events")).events();
    assert_eq!(events.nth(1).unwrap().1, "1");
    let cancelled =
        server.client.request("POST", &format!("/v1/documents/{id}/cancel"), &[], &[]).with_status(200).json();
    assert_eq!(cancelled["state"], "cancelled");
    let (kind, _, data) = events.last().unwrap();
    assert_eq!((kind.as_str(), &data["state"]), ("end", &json!("cancelled")));
    assert_eq!(server.client.get(&format!("/v1/documents/{id}/result.txt")).problem(409), "not-done");
    gate.open(usize::MAX);
    server.client.request("DELETE", &format!("/v1/documents/{id}"), &[], &[]).with_status(204);
    assert_eq!(server.client.get(&format!("/v1/documents/{id}")).problem(404), "no-such-document");
}
