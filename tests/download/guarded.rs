//! Whom a downloader asks that others give URLs to: nobody on this machine or its networks, by whatever name, number or detour.

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use pagestream::{
    SubmitOptions,
    download::{DownloadOptions, Downloader, Failure, Guard, Resolve},
};

use super::{
    ETAG, downloader,
    origin::{Origin, Reply},
    pipeline, scan, settings,
};
use crate::download;

/// Names that a test makes up, and how often each was asked for.
#[derive(Default)]
struct Names {
    names: Vec<(&'static str, Vec<IpAddr>)>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn new(names: &[(&'static str, &[&str])]) -> Arc<Self> {
        let addresses = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        let names = names.iter().map(|(name, found)| (*name, addresses(found))).collect();
        Arc::new(Self { names, asked: Mutex::default() })
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let found = self.names.iter().find(|(name, _)| *name == host).map(|(_, addresses)| addresses.clone());
        futures::future::ready(found.ok_or_else(|| io::Error::other("there is no such name"))).boxed()
    }
}

fn guarded(allowed: &[&str], names: Arc<Names>) -> Downloader {
    let allowed = allowed.iter().map(|text| text.parse().unwrap()).collect();
    let mut options = DownloadOptions::guarded(settings(), Guard::public_and(allowed));
    options.resolver = names;
    Downloader::new(options)
}

async fn why(downloader: &Downloader, url: &str) -> Failure {
    let refused = downloader.try_submit(&pipeline(), url, SubmitOptions::default()).await;
    refused.err().unwrap_or_else(|| panic!("{url} was downloaded")).failure
}

#[tokio::test]
async fn no_spelling_of_an_address_of_this_machine_is_asked() {
    let origin = Origin::new(|_, _| panic!("somebody asked"));
    let port = origin.address.port();
    let names = Names::new(&[
        ("loopback.example", &["127.0.0.1"]),
        ("one-of-two.example", &["8.8.8.8", "127.0.0.1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
        ("localhost", &["::1", "127.0.0.1"]),
    ]);
    let downloader = guarded(&[], names);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "10.0.0.1",
        "loopback.example",
        "one-of-two.example",
        "mapped.example",
        "metadata.example",
        "LOCALHOST",
        "ann:secret@loopback.example",
    ] {
        let failure = why(&downloader, &format!("http://{host}:{port}/a.tif")).await;
        assert!(matches!(failure, Failure::NotPublic { .. }), "{host}: {failure}");
        let sentence = failure.to_string();
        assert!(
            !sentence.contains("secret") && (!host.ends_with(".example") || !sentence.contains("127.0.0.1")),
            "{sentence}"
        );
    }
    assert!(matches!(why(&downloader, "http://8.8.8.8:25/").await, Failure::Port { port: 25 }));
    assert!(matches!(why(&downloader, "http://nowhere.example/").await, Failure::NoSuchHost { .. }));
    for url in ["file:///etc/passwd", "ftp://8.8.8.8/a", "gopher://8.8.8.8/", "http:", "//a/b", "a.pdf"] {
        assert!(matches!(why(&downloader, url).await, Failure::Scheme(_) | Failure::NoAddress(_)), "{url}");
    }
}

#[tokio::test]
async fn a_redirect_is_looked_at_as_the_url_itself_was() {
    // Another address of loopback, which the guard does not name.
    let other = Origin::at("127.0.0.2:0", |_, _| panic!("somebody asked"));
    let target = other.url("/secret");
    let port = other.address.port();
    let origin = Origin::new(move |_, request| match request.path.as_str() {
        "/by-address" => Reply::redirect(&target),
        "/by-name" => Reply::redirect(&format!("http://inside.example:{port}/")),
        "/without-scheme" => Reply::redirect(&format!("//inside.example:{port}/")),
        "/round" => Reply::redirect("/round"),
        "/file" => Reply::redirect("file:///etc/passwd"),
        "/nowhere" => Reply::new("302 Found", &[], b""),
        path => panic!("{path}"),
    });
    let downloader = guarded(&["127.0.0.1"], Names::new(&[("inside.example", &["127.0.0.2"])]));
    for path in ["/by-address", "/by-name", "/without-scheme"] {
        let failure = why(&downloader, &origin.url(path)).await;
        assert!(matches!(failure, Failure::NotPublic { .. }), "{path}: {failure}");
    }
    assert!(matches!(why(&downloader, &origin.url("/file")).await, Failure::Scheme(_)));
    assert!(matches!(why(&downloader, &origin.url("/nowhere")).await, Failure::NoLocation));
    let before = origin.requests().len();
    assert!(matches!(why(&downloader, &origin.url("/round")).await, Failure::Redirects(5)));
    assert_eq!(origin.requests().len() - before, 6);
}

#[tokio::test]
async fn credentials_stay_at_their_origin() {
    let other = Origin::at("127.0.0.2:0", |_, _| Reply::new("200 OK", &[], &scan(1)));
    let there = other.url("/b.tif").replace("http://", "http://other:password@");
    let origin = Origin::new(move |_, request| match request.path.as_str() {
        "/a.tif" => Reply::redirect("/moved"),
        _ => Reply::redirect(&there),
    });
    let url = origin.url("/a.tif").replace("http://", "http://ann:secret@");
    download(&downloader(|_| {}), &pipeline(), &url).await.unwrap();
    let authorizations: Vec<_> =
        origin.requests().iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    let basic = Some("Basic YW5uOnNlY3JldA==".to_owned());
    assert_eq!(authorizations, [basic.clone(), basic]);
    assert_eq!(other.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_name_is_asked_for_once_a_connection_and_what_was_looked_at_is_connected_to() {
    let origin = Origin::new(|number, _| match number {
        0 => Reply::cut("200 OK", &[ETAG], &scan(3), 100_000),
        _ => Reply::rest(&[ETAG], &scan(3), 100_000),
    });
    let names = Names::new(&[("a.example", &["127.0.0.1"])]);
    let (downloader, pipeline) = (guarded(&["a.example"], names.clone()), pipeline());
    let url = format!("http://a.example:{}/a.tif", origin.address.port());
    downloader.submit(&pipeline, &*url, SubmitOptions::default()).await.unwrap();
    assert_eq!(*names.asked.lock().unwrap(), ["a.example", "a.example"]);
    assert_eq!(origin.requests()[1].header("host"), Some(&*format!("a.example:{}", origin.address.port())));
}
