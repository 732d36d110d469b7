//! The program: URLs among files, in the order in which they are named; certificates; and an end in the midst.

#![cfg(unix)]

use std::{
    fs,
    io::{Read, Write},
    process::Child,
    sync::{Arc, Mutex, mpsc},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer};

use super::{
    ETAG,
    origin::{Origin, Reply},
    shell::Home,
};

/// The sample that every home has.
fn sample() -> Vec<u8> {
    fs::read(Home::new().path("sample.pdf")).unwrap()
}

fn pdf(number: usize, request: &super::origin::Request) -> Reply {
    match request.path.as_str() {
        "/missing.pdf" => Reply::new("404 Not Found", &[], b""),
        path if path.ends_with(".pdf") || path.contains('?') => Reply::new("200 OK", &[ETAG], &sample()),
        path => panic!("{number}: {path}"),
    }
}

#[test]
fn urls_stand_among_files_in_their_order() {
    let (origin, home) = (Origin::new(pdf), Home::new());
    let (a, b, missing) = (origin.url("/x/a%20b.pdf"), origin.url("/get?id=*"), origin.url("/missing.pdf"));
    let arguments = ["process", "-f", "jsonl", "--ocr", "never", "--pages", "1", &a, "sample.pdf", &missing, &b];
    let outcome = home.run(&arguments);
    assert_eq!(outcome.code, Some(5), "{}", outcome.err);
    let sources: Vec<_> =
        outcome.records().iter().map(|record| record["document"]["source"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sources, [&*a, "sample.pdf", &*b]);
    let told = format!("error: {missing}: the server answers 404\n hint: look whether the address is right\n");
    assert!(outcome.err.contains(&told), "{}", outcome.err);
    // As files, one of them made of the document itself, which is nowhere else than in the run's own store.
    let outcome =
        home.run(&["process", "-f", "text", "-f", "pdf", "-o", "out", "--ocr", "never", &a, &b, "sample.pdf"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let mut files = home.files("out");
    files.retain(|name| !name.starts_with('.'));
    assert_eq!(files, ["a b.pdf", "a b.txt", "get.pdf", "get.txt", "sample.pdf", "sample.txt"]);
    let text = |name: &str| fs::read_to_string(home.path(name)).unwrap();
    assert!(text("out/a b.txt").contains("Reading Documents") && text("out/a b.txt") == text("out/sample.txt"));
    let outcome = home.run(&["process", "-f", "jsonl", "--pages", "1", "--unordered", &a, "sample.pdf", &b]);
    assert_eq!((outcome.code, outcome.records().len()), (Some(0), 3), "{}", outcome.err);
    // What reads files alone says so.
    let outcome = home.run(&["process", "--as", "formula", &a]);
    assert_eq!(
        (outcome.code, outcome.err.contains("only `pagestream process` downloads documents")),
        (Some(9), true),
        "{}",
        outcome.err
    );
}

#[test]
fn a_password_is_shown_nowhere() {
    let (origin, home) = (Origin::new(pdf), Home::new());
    for path in ["/a.pdf", "/missing.pdf"] {
        let url = origin.url(path).replace("http://", "http://ann:secret@");
        let arguments =
            ["process", "-vv", "-f", "jsonl", "--ocr", "never", "--data-dir", "data", "--report", "report", &url];
        let outcome = home.run(&arguments);
        let report = fs::read_to_string(home.path("report")).unwrap();
        assert!(report.contains(path), "{report}");
        for said in [&outcome.err, &outcome.out, &report] {
            assert!(!said.contains("secret") && !said.contains("YW5uOnNlY3JldA"), "{said}");
        }
    }
    assert_eq!(origin.requests()[0].header("authorization"), Some("Basic YW5uOnNlY3JldA=="));
}

/// An origin whose certificate is of `localhost` and signed by nobody else, and that certificate.
fn tls_origin() -> (Origin, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    // One stream that is read and written by turns.
    struct Shared(Arc<Mutex<StreamOwned<ServerConnection, std::net::TcpStream>>>);
    impl Read for Shared {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().read(out)
        }
    }
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            let mut stream = self.0.lock().unwrap();
            stream.flush()?;
            stream.conn.send_close_notify();
            stream.flush()
        }
    }
    let streams = move |stream| {
        let stream = Arc::new(Mutex::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)));
        (Box::new(Shared(stream.clone())) as Box<dyn Read + Send>, Box::new(Shared(stream)) as Box<dyn Write + Send>)
    };
    let origin = Origin::speaking("127.0.0.1:0", streams, |number, request| match request.path.as_str() {
        "/down.pdf" => Reply::redirect("http://localhost:9/a.pdf"),
        _ => pdf(number, request),
    });
    (origin, made.cert.pem())
}

#[test]
fn a_certificate_is_believed_only_where_this_machine_believes_it() {
    let ((origin, certificate), home) = (tls_origin(), Home::new());
    home.write("ours.crt", certificate.as_bytes());
    let run = |host: &str, path: &str, certificates: Option<&str>| {
        let url = format!("https://{host}:{}/{path}", origin.address.port());
        let mut command = home.command(&["process", "--ocr", "never", "--pages", "1", &url]);
        command.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE");
        certificates.map(|file| command.env("SSL_CERT_FILE", home.path(file)));
        home.outcome(command.spawn().unwrap())
    };
    let outcome = run("localhost", "a.pdf", Some("ours.crt"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    // Where a machine has none it believes nobody either.
    let outcome = run("localhost", "a.pdf", None);
    assert_eq!(outcome.code, Some(5), "{}", outcome.err);
    assert!(outcome.err.contains("a.pdf: localhost does not prove who it is: "), "{}", outcome.err);
    assert!(outcome.err.contains(" hint: certificates are believed that this machine believes"), "{}", outcome.err);
    let outcome = run("127.0.0.1", "a.pdf", Some("ours.crt"));
    assert!(outcome.code == Some(5) && outcome.err.contains("its certificate is for another name"), "{}", outcome.err);
    let outcome = run("localhost", "down.pdf", Some("ours.crt"));
    assert!(outcome.code == Some(5) && outcome.err.contains("leads from https to http"), "{}", outcome.err);
}

/// An origin that sends half of a document to the first who asks, and says so.
fn half() -> (Origin, mpsc::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let origin = Origin::new(move |number, request| {
        if number > 0 {
            return pdf(number, request);
        }
        tell.lock().unwrap().send(()).unwrap();
        Reply::cut("200 OK", &[ETAG], &sample(), 5_000).and_stays()
    });
    (origin, told)
}

fn spawn(home: &Home, url: &str) -> Child {
    home.command(&["process", "-f", "jsonl", "--ocr", "never", "--data-dir", "data", url]).spawn().unwrap()
}

#[test]
fn a_kill_during_a_download_leaves_no_half_document_and_the_next_run_has_it_whole() {
    let ((origin, told), home) = (half(), Home::new());
    let url = origin.url("/a.pdf");
    let mut child = spawn(&home, &url);
    told.recv().unwrap();
    // It writes when it has something.
    let incoming = home.path("data/spool/incoming");
    while fs::read_dir(&incoming).map_or(0, Iterator::count) == 0 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let outcome = home.run(&["status", "--data-dir", "data", "--json"]);
    assert!(outcome.code == Some(0) && !outcome.out.contains("a.pdf"), "{}{}", outcome.out, outcome.err);
    let outcome = home.outcome(spawn(&home, &url));
    assert_eq!((outcome.code, outcome.records().is_empty()), (Some(0), false), "{}", outcome.err);
    assert_eq!(fs::read_dir(&incoming).unwrap().count(), 0);
    let original = home.run(&["process", "-f", "jsonl", "--ocr", "never", "sample.pdf"]);
    let texts = |outcome: &super::shell::Outcome| {
        outcome.records().iter().map(|record| record["text"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&outcome), texts(&original));
}

#[test]
fn a_signal_ends_a_download_that_hangs() {
    let ((origin, told), home) = (half(), Home::new());
    let child = spawn(&home, &origin.url("/a.pdf"));
    told.recv().unwrap();
    // SAFETY: a signal to a child that was not waited for.
    assert_eq!(unsafe { libc::kill(i32::try_from(child.id()).unwrap(), libc::SIGTERM) }, 0);
    let outcome = home.outcome(child);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(143), ""), "{}", outcome.err);
    assert!(!outcome.err.contains("error"), "{}", outcome.err);
}
