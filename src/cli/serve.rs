//! `pagestream serve`: the pipeline over HTTP, for as long as it runs.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use futures::StreamExt;
use pagestream::{
    Pipeline, Plan, Settings,
    server::{Server, ServerOptions},
};

use super::{
    exit::Exit,
    fetching,
    printer::Printer,
    reading::{self, ReadingArgs},
    signals::Signals,
    words::count,
};

/// How long the pipeline's threads may take to end.
const STOPPING_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct ServeArgs {
    /// Listen here, such as 127.0.0.1:8420; otherwise the setting `server.bind`. Port 0 is one that the system chooses
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// Ask for a key of this file; needed to listen off loopback. `pagestream keys add` writes it
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Keep documents and results here; otherwise the setting `store.data_dir`, or nowhere beyond the run
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Refuse longer documents, such as 512MiB
    #[arg(long, value_name = "SIZE")]
    max_upload: Option<String>,
    /// Pages that repeat earlier ones: mark (the default), skip (their text is not delivered again), off
    #[arg(long, value_name = "HOW")]
    duplicates: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl ServeArgs {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let own = [
            ("server.bind", self.bind.map(|address| address.to_string())),
            ("server.keys", self.keys.as_ref().map(path)),
            ("server.max_upload", self.max_upload.clone()),
            ("store.data_dir", self.data_dir.as_ref().map(path)),
            ("duplicates.mode", self.duplicates.clone()),
        ];
        let own = own.into_iter().filter_map(|(key, value)| Some((key, value?)));
        self.reading.settings().into_iter().chain(own).collect()
    }
}

pub fn run(args: &ServeArgs, settings: Settings, printer: &Printer) -> Exit {
    if args.reading.password.is_some() {
        let hint = "each document has its own: the field `password` of the form, or the header `Pagestream-Password`";
        printer.error("`serve` takes no password", Some(hint));
        return Exit::Configuration;
    }
    let plan = match reading::check(&settings, printer) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let runtime = match reading::runtime(printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let exit = runtime.block_on(serve((settings, plan), printer));
    // A thread that hangs in a decoder must not keep the process.
    runtime.shutdown_background();
    exit
}

async fn serve((settings, plan): (Settings, Plan), printer: &Printer) -> Exit {
    let mut signals = match Signals::listen_or_tell(printer) {
        Ok(signals) => signals,
        Err(exit) => return exit,
    };
    let options = ServerOptions::from(&settings);
    let fetching = fetching::asking(&settings, printer);
    let pipeline = match pagestream::start_planned(settings, plan, fetching).await {
        Ok(pipeline) => pipeline,
        Err(error) => {
            printer.error(&error.to_string(), error.hint());
            return Exit::of_error(&error);
        }
    };
    let data_dir = options.data_dir.clone();
    let server = match Server::bind(pipeline.clone(), options) {
        Ok(server) => server,
        Err(refused) => {
            printer.error(&refused.to_string(), refused.hint());
            return Exit::Configuration;
        }
    };
    let scheme = if server.is_encrypted() { "https" } else { "http" };
    for address in server.addresses() {
        printer.note(&format!("listening on {scheme}://{address}"));
        if !server.is_encrypted() && !address.ip().is_loopback() {
            printer.note("keys and documents cross the network as they are: set `server.certificate`, or put a proxy with TLS before it");
        }
    }
    if data_dir.is_none() {
        printer.note("documents and results are gone with this run (--data-dir keeps them)");
    }
    let going_on = tokio::spawn(go_on(pipeline.clone(), printer.clone()));
    let of_signals = printer.clone();
    let stop = async move {
        signals.next().await;
        of_signals.note("stopping: pages under way are finished first; once more stops at once");
        // Whoever asks twice does not wait.
        tokio::spawn(async move {
            let exit = signals.next().await;
            std::process::exit(exit as i32);
        });
    };
    let ended = server.run(stop).await;
    going_on.abort();
    let exit = match ended {
        Ok(report) => {
            for (_, source, committed) in &report.interrupted {
                printer.note(&format!(
                    "{source}: {} done, the rest is read after the next start",
                    count(*committed as usize, "page")
                ));
            }
            Exit::Ok
        }
        Err(error) => {
            printer.error(&format!("the server ended: {error}"), None);
            Exit::Other
        }
    };
    drop(tokio::time::timeout(STOPPING_PATIENCE, pipeline.stop()).await);
    exit
}

/// Goes on with what an earlier run left open.
async fn go_on(pipeline: Pipeline, printer: Printer) {
    let resumed = match pipeline.resuming().await {
        Ok(documents) => documents,
        Err(error) => return printer.error(&format!("open documents are not gone on with: {error}"), error.hint()),
    };
    let mut resumed = std::pin::pin!(resumed);
    let mut documents = 0;
    while let Some(document) = resumed.next().await {
        match document {
            Ok(_) => documents += 1,
            Err(error) => return printer.error(&format!("a document is not gone on with: {error}"), error.hint()),
        }
    }
    if documents > 0 {
        printer.note(&format!("goes on with {} of an earlier run", count(documents, "document")));
    }
}
