//! Signals to stop: Ctrl-C, a service manager's, and that of a terminal that was closed.

use super::{exit::Exit, fetching, printer::Printer};

/// Waits for the next signal to stop, and says with what the program then ends. Call it again for the one after that.
///
/// A command that has begun to listen goes on listening: a signal that comes between two calls is not lost, and does not end the process.
pub struct Signals {
    #[cfg(unix)]
    unix: [(tokio::signal::unix::Signal, Exit); 3],
}

impl Signals {
    /// Listens from here on. Belongs on a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                unix: [
                    (signal(SignalKind::interrupt())?, Exit::Interrupted),
                    (signal(SignalKind::terminate())?, Exit::Terminated),
                    (signal(SignalKind::hangup())?, Exit::HungUp),
                ],
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// As [`Signals::listen`]; a refusal is told.
    ///
    /// # Errors
    /// The exit code, when it has been told.
    pub fn listen_or_tell(printer: &Printer) -> Result<Self, Exit> {
        Self::listen().map_err(|error| {
            printer.error(&format!("signals cannot be listened for: {error}"), None);
            Exit::Other
        })
    }

    /// The next signal to stop. Nothing is fetched any more from then on.
    pub async fn next(&mut self) -> Exit {
        let exit = self.heard().await;
        fetching::stop();
        exit
    }

    /// As [`Signals::next`], where not every signal is one to stop: what is fetched goes on.
    pub async fn heard(&mut self) -> Exit {
        #[cfg(unix)]
        {
            let [(interrupt, interrupted), (terminate, terminated), (hang_up, hung_up)] = &mut self.unix;
            tokio::select! {
                Some(()) = interrupt.recv() => *interrupted,
                Some(()) = terminate.recv() => *terminated,
                Some(()) = hang_up.recv() => *hung_up,
                else => std::future::pending().await,
            }
        }
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Exit::Interrupted
        }
    }
}

/// The first signal to stop. Listens from the first poll on.
pub async fn stop_requested() -> Exit {
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
    }
}
