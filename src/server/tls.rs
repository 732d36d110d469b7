//! TLS, by rustls: the certificate that the settings name, also after it was renewed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::Refused;
use crate::settings::ServerSettings;

/// How old the knowledge may be that the files are as they were.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(10);

/// What connections are made with; `None` where the settings name no certificate. Which version of HTTP is spoken is added by the server.
///
/// # Errors
/// When one of certificate and key is named without the other, or they cannot be read, or are not of each other.
pub fn config(settings: &ServerSettings) -> Result<Option<ServerConfig>, Refused> {
    let (certificate, key) = match (&settings.certificate, &settings.private_key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => return Ok(None),
        _ => {
            let message = "TLS wants a certificate and its private key, and one of them is not named";
            return Err(Refused::new(message, Some("set both `server.certificate` and `server.private_key`")));
        }
    };
    let hint = "both are PEM files, such as an ACME client writes them: the whole chain, and its private key";
    let provider = Arc::new(ring::default_provider());
    let renewed = Renewed::read(Files { certificate: certificate.clone(), key: key.clone() }, provider.clone())
        .map_err(|error| Refused::new(error, Some(hint)))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Refused::new(format!("TLS cannot be spoken: {error}"), None))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(renewed));
    Ok(Some(config))
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// When each of the files was written last.
type Written = [Option<SystemTime>; 2];

impl Files {
    fn written(&self) -> Written {
        [&self.certificate, &self.key].map(|path| fs::metadata(path).and_then(|data| data.modified()).ok())
    }

    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
        let unreadable = |what: &str, path: &Path, error: &dyn std::fmt::Display| {
            format!("{} cannot be read as {what}: {error}", path.display())
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable("certificates", &self.certificate, &error))?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unreadable("a private key", &self.key, &error))?;
        if chain.is_empty() {
            return Err(unreadable("certificates", &self.certificate, &"there is none in it"));
        }
        CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            let [certificate, key] = [&self.certificate, &self.key].map(|path| path.display());
            format!("{certificate} and {key} do not belong together: {error}")
        })
    }
}

/// The certificate as its files have it: whoever renews it does not start the server anew.
#[derive(Debug)]
struct Renewed {
    files: Files,
    provider: Arc<CryptoProvider>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    key: Arc<CertifiedKey>,
    written: Written,
    looked_at: Instant,
}

impl Renewed {
    fn read(files: Files, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        // Before the files: what is written meanwhile is read again.
        let written = files.written();
        let key = Arc::new(files.read(&provider)?);
        Ok(Self { files, provider, known: Mutex::new(Known { key, written, looked_at: Instant::now() }) })
    }

    /// The certificate at `now`. The old one stands where the new one cannot be read: files are written one after the other.
    fn at(&self, now: Instant) -> Arc<CertifiedKey> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(known.looked_at) >= LOOKED_AT_EVERY {
            known.looked_at = now;
            let written = self.files.written();
            if written != known.written {
                match self.files.read(&self.provider) {
                    Ok(key) => (known.key, known.written) = (Arc::new(key), written),
                    Err(error) => tracing::warn!(error, "the new certificate is not used yet"),
                }
            }
        }
        known.key.clone()
    }
}

impl ResolvesServerCert for Renewed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    use super::*;

    fn write(folder: &Path, at: u64) -> Files {
        let Made { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let files = Files { certificate: folder.join("chain.pem"), key: folder.join("key.pem") };
        fs::write(&files.certificate, cert.pem()).unwrap();
        fs::write(&files.key, signing_key.serialize_pem()).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
        for path in [&files.certificate, &files.key] {
            fs::File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
        }
        files
    }

    #[test]
    fn a_certificate_that_is_renewed_is_used_and_one_that_is_half_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let renewed = Renewed::read(write(folder.path(), 1), Arc::new(ring::default_provider())).unwrap();
        let (start, later) = (Instant::now(), |times| Instant::now() + LOOKED_AT_EVERY * times);
        let first = renewed.at(start);
        write(folder.path(), 2);
        assert!(Arc::ptr_eq(&first, &renewed.at(start)), "the files are looked at too often");
        let second = renewed.at(later(1));
        assert_ne!(first.cert, second.cert);
        let other = write(folder.path(), 3);
        fs::write(&other.certificate, "half of it").unwrap();
        assert!(Arc::ptr_eq(&second, &renewed.at(later(2))));
        write(folder.path(), 4);
        assert_ne!(second.cert, renewed.at(later(3)).cert);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mine, yours) = (write(one.path(), 1), write(other.path(), 1));
        let mixed = Files { certificate: mine.certificate, key: yours.key };
        let error = Renewed::read(mixed, Arc::new(ring::default_provider())).unwrap_err();
        assert!(error.contains("do not belong together"), "{error}");
    }
}
