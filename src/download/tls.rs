//! Who a server is: rustls, with the certificates that this machine believes.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{net::TcpStream, sync::OnceCell};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::error::Failure;

/// Read when the first address asks for it: 300 KB from the disk.
#[derive(Default)]
pub struct Tls {
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// # Errors
    /// [`Failure::NotTrusted`] when the server does not prove that it is `host`, [`Failure::Cut`] when it goes away.
    pub async fn connect(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let not_trusted = |cause: String| Failure::NotTrusted { host: host.to_owned(), cause };
        let config = self.config.get_or_try_init(load).await.map_err(not_trusted)?;
        // Of an IPv6 address without its brackets.
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|error| not_trusted(error.to_string()))?;
        let connected = TlsConnector::from(config.clone()).connect(name, stream).await;
        connected.map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => not_trusted(told(error)),
            None => Failure::Cut(error.to_string()),
        })
    }
}

/// The usual ones in a person's words.
fn told(error: &rustls::Error) -> String {
    use rustls::{CertificateError as Certificate, Error};
    match error {
        Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "nobody whom this machine believes has signed its certificate".to_owned()
        }
        Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "its certificate has expired".to_owned()
        }
        Error::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }) => {
            "its certificate is for another name".to_owned()
        }
        other => other.to_string(),
    }
}

async fn load() -> Result<Arc<ClientConfig>, String> {
    let loaded =
        tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await.map_err(|e| e.to_string())?;
    let mut roots = RootCertStore::empty();
    // A machine has old ones that nobody reads any more; the others are as good.
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added == 0 {
        let cause = loaded.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(format!("this machine has no certificates to believe{cause}"));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
