//! TLS, and the HTTP/2 that is agreed on by it.

use std::{fs, io::Write, net::TcpStream, sync::Arc};

use pagestream::{
    Settings,
    server::{Server, ServerOptions},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tokio_rustls::TlsConnector;

use crate::{
    Running,
    client::Answer,
    common::{no_text, options, pipeline_on, temporary_store},
    server,
};

/// A server with a certificate, and what a client must know that believes in it.
fn encrypted() -> (tempfile::TempDir, Running, ClientConfig) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, private_key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&private_key, made.signing_key.serialize_pem()).unwrap();
    let server = server(|options| {
        (options.server.certificate, options.server.private_key) = (Some(certificate), Some(private_key));
    });
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (folder, server, config)
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

#[test]
fn tls_is_spoken_and_nothing_else() {
    let (_folder, server, config) = encrypted();
    let mut stream = TcpStream::connect(server.client.address).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), localhost()).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    tls.write_all(&server.client.head("GET", "/livez", &[], 0)).unwrap();
    let answer = Answer::read_from(Box::new(rustls::StreamOwned::new(connection, stream)));
    assert_eq!(answer.with_status(200).text(), "ok\n");
    let mut plain = TcpStream::connect(server.client.address).unwrap();
    plain.write_all(&server.client.head("GET", "/livez", &[], 0)).unwrap();
    let mut answered = Vec::new();
    // Whether it is told of the mistake or cut off: it is not answered.
    drop(std::io::Read::read_to_end(&mut plain, &mut answered));
    assert!(!answered.starts_with(b"HTTP"), "{answered:?}");
}

#[test]
fn http_2_is_agreed_on_and_answers_many_at_once_on_one_connection() {
    let (_folder, server, mut config) = encrypted();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let address = server.client.address;
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(localhost(), stream).await.unwrap();
        let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut ask = |host: &str, path: &str| {
            let request = http::Request::get(format!("https://{host}{path}")).body(()).unwrap();
            requests.send_request(request, true).unwrap().0
        };
        let (live, foreign) = (ask("localhost", "/v1/capacity"), ask("elsewhere.example", "/v1/capacity"));
        let (live, foreign) = (live.await.unwrap(), foreign.await.unwrap());
        assert_eq!((live.status(), live.version()), (http::StatusCode::OK, http::Version::HTTP_2));
        assert_eq!(foreign.status(), http::StatusCode::FORBIDDEN, "the name that it is asked under is looked at");
        connection.abort();
    });
}

#[test]
fn a_certificate_that_is_none_is_refused_before_anything_listens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chain.pem");
    fs::write(&file, "no certificate").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = |certificate, private_key| {
        let mut options_of_server = ServerOptions::from(&Settings::defaults());
        options_of_server.server.bind = "127.0.0.1:0".parse().unwrap();
        (options_of_server.server.certificate, options_of_server.server.private_key) = (certificate, private_key);
        let pipeline = pipeline_on(temporary_store(), options(), 1, |input| Ok(no_text(input)));
        let refused = runtime.block_on(async { Server::bind(pipeline, options_of_server).err().unwrap() });
        assert!(refused.hint().is_some());
        refused.to_string()
    };
    assert!(refused(Some(file.clone()), None).contains("one of them is not named"));
    assert!(refused(Some(file.clone()), Some(file.clone())).contains("chain.pem cannot be read"));
    assert!(refused(Some(folder.path().join("none.pem")), Some(file)).contains("none.pem cannot be read"));
}
