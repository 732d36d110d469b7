//! Settings of the server: the section `[server]`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use pagestream_documents::ByteSize;
use serde::{Deserialize, Deserializer, de::Error as _};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerSettings {
    #[serde(deserialize_with = "address")]
    pub bind: SocketAddr,
    /// Names that a browser may know the server by, besides its addresses.
    pub hosts: Vec<String>,
    #[serde(deserialize_with = "super::path")]
    pub keys: Option<PathBuf>,
    /// The certificate and those that lead to its authority, PEM. With `private_key`: TLS.
    #[serde(deserialize_with = "super::path")]
    pub certificate: Option<PathBuf>,
    #[serde(deserialize_with = "super::path")]
    pub private_key: Option<PathBuf>,
    #[serde(deserialize_with = "super::size")]
    pub max_upload: ByteSize,
    /// What an upload must bring in a second at least.
    #[serde(deserialize_with = "super::size")]
    pub upload_rate: ByteSize,
    /// Whether documents are downloaded that a client names by a URL.
    pub fetch_urls: bool,
    /// Hosts and networks that may be asked although they are not public: [`crate::download::Allowed`].
    pub fetch_allow: Vec<String>,
    #[serde(deserialize_with = "super::duration")]
    pub request_time: Duration,
    #[serde(deserialize_with = "super::duration")]
    pub heartbeat: Duration,
    /// Requests a second of one key or address; 0 for no limit.
    pub rate: u32,
    pub connections: u32,
    /// Whether models are loaded when the server starts, and not by the first page of pixels.
    pub warm_up: bool,
    pub threads: u32,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "`{text}` is no address; write for example 127.0.0.1:8420, [::1]:8420 or 0.0.0.0:8420"
        ))
    })
}
