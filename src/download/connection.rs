//! One connection for one request: to an address that was looked at.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    client::conn::http1::{Builder, SendRequest},
    rt::{Read, ReadBufCursor, Write},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use url::{Host, Url};

use super::{error::Failure, options::DownloadOptions, tls::Tls};

/// Bytes of a response's head, and of what is read ahead of its body.
const BUFFER: usize = 64 << 10;

/// Addresses of a name that are tried.
const TRIED: usize = 4;

/// What drives a connection; it ends when this is dropped.
pub struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// # Errors
/// Why the host may not be asked, or cannot be.
pub async fn open(url: &Url, options: &DownloadOptions, tls: &Tls) -> Result<(SendRequest<String>, Driver), Failure> {
    let limit = options.settings.connect_time;
    let host = url.host_str().unwrap_or_default();
    let no_connection = |cause: String| Failure::NoConnection { host: host.to_owned(), cause };
    let port = url.port_or_known_default().unwrap_or(80);
    let found = timeout(limit, addresses(url, options)).await;
    let addresses = found.map_err(|_| no_connection(format!("its name was not answered for within {limit:?}")))??;
    // Every one of them, and then no other: the name is not asked again.
    options.guard.check(host.trim_matches(['[', ']']), port, &addresses)?;
    let addresses = &addresses[..addresses.len().min(TRIED)];
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut why = no_connection("it has no address".to_owned());
    for &address in addresses {
        match timeout(share, TcpStream::connect(SocketAddr::new(address, port))).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return handshake(url, host, stream, options, tls).await;
            }
            Ok(Err(error)) => why = no_connection(error.to_string()),
            Err(_) => why = no_connection(format!("it did not answer within {share:?}")),
        }
    }
    Err(why)
}

async fn addresses(url: &Url, options: &DownloadOptions) -> Result<Vec<IpAddr>, Failure> {
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(vec![address.into()]),
        Some(Host::Ipv6(address)) => Ok(vec![address.into()]),
        Some(Host::Domain(host)) => options.resolver.resolve(host).await.map_err(|error| {
            let cause = error.to_string();
            Failure::NoSuchHost { host: host.to_owned(), cause }
        }),
        None => Err(Failure::NoAddress("it has no host".to_owned())),
    }
}

async fn handshake(
    url: &Url,
    host: &str,
    stream: TcpStream,
    options: &DownloadOptions,
    tls: &Tls,
) -> Result<(SendRequest<String>, Driver), Failure> {
    if url.scheme() == "http" {
        return speak(stream).await;
    }
    let limit = options.settings.connect_time;
    let stream = timeout(limit, tls.connect(host, stream)).await;
    let silent =
        |_| Failure::NoConnection { host: host.to_owned(), cause: format!("it did not answer within {limit:?}") };
    speak(stream.map_err(silent)??).await
}

async fn speak<S>(stream: S) -> Result<(SendRequest<String>, Driver), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let opened = Builder::new().max_buf_size(BUFFER).handshake(Socket(stream)).await;
    let (sender, connection) = opened.map_err(|error| Failure::Cut(error.to_string()))?;
    // How it ends is told by whoever reads the answer.
    Ok((sender, Driver(tokio::spawn(async move { drop(connection.await) }))))
}

/// A stream of tokio as hyper asks for one.
struct Socket<S>(S);

impl<S: AsyncRead + Unpin> Read for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, mut out: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        // By way of a buffer of our own, which costs a copy and no `unsafe`.
        let mut piece = [0; 16 << 10];
        let most = out.remaining().min(piece.len());
        let mut piece = ReadBuf::new(&mut piece[..most]);
        std::task::ready!(Pin::new(&mut self.get_mut().0).poll_read(context, &mut piece))?;
        out.put_slice(piece.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}
