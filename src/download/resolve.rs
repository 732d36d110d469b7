//! From names to addresses, once a connection: what was looked at is what is connected to.

use std::{io, net::IpAddr};

use futures::{FutureExt as _, future::BoxFuture};

/// Finds the addresses of a host.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of a name, best first.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// As the system does for every program: its name servers, `/etc/hosts` and the like.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let addresses = async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        };
        addresses.boxed()
    }
}
