//! The one place that knows actix's `System`. It cannot start inside a tokio runtime, so that it lives on a thread of
//! its own; everything else reaches it through channels, and an application embeds it in whatever runtime it has.

use std::{future::Future, pin::pin};

use actix::System;
use futures::{Stream, StreamExt};
use tokio::runtime::Handle;

use crate::threads::OwnedThread;

/// Starts a system on its own thread. `build` makes the actors there and returns what drives the system; the thread ends
/// when that is done.
///
/// # Errors
/// When there is no thread to be had, or when `build` fails.
pub fn spawn<D>(build: impl FnOnce() -> Result<D, String> + Send + 'static) -> Result<(OwnedThread, Handle), String>
where
    D: Future<Output = ()> + 'static,
{
    let (started, start) = std::sync::mpsc::sync_channel(1);
    let thread = OwnedThread::spawn("pagestream-system".to_owned(), move || {
        System::new().block_on(async move {
            match build() {
                Ok(drive) => {
                    if started.send(Ok(Handle::current())).is_ok() {
                        drive.await;
                    }
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
    })
    .map_err(|e| format!("no thread for the actor system: {e}"))?;
    match start.recv() {
        Ok(Ok(handle)) => Ok((thread, handle)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err("the actor system ended while it started".to_owned()),
    }
}

/// Hands whatever comes to `deliver`, on the system's thread, until there is no more.
pub fn forward<T: 'static>(items: impl Stream<Item = T> + 'static, deliver: impl Fn(T) + 'static) {
    actix::spawn(async move {
        let mut items = pin!(items);
        while let Some(item) = items.next().await {
            deliver(item);
        }
    });
}
