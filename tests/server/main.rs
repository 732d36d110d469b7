//! The server over a real socket of loopback: what it promises to programs, and that nothing that a client does costs another one anything.
//!
//! Nothing here sleeps: a gate holds the device back, and streams of events say when something has happened.

#[path = "../common/mod.rs"]
mod common;
#[path = "../watch/documents.rs"]
#[allow(dead_code, reason = "the watched folder's tests use the rest")]
mod documents;

mod access;
mod answers;
mod client;
mod encrypted;
mod events;
#[path = "../download/origin.rs"]
mod origin;
#[cfg(unix)]
mod process;
mod uploads;
#[cfg(feature = "url")]
mod urls;

use std::thread::JoinHandle;

use common::{gated_pipeline, no_text, options, pipeline_on, temporary_store};
use pagestream::{
    DrainReport, Pipeline, PipelineOptions, Settings,
    server::{Server, ServerOptions},
};
use pagestream_store::Store;
use tokio::sync::oneshot;

use self::{client::Client, common::Gate};

/// A server that runs until it is dropped or stopped.
struct Running {
    client: Client,
    pipeline: Pipeline,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<DrainReport>>,
}

impl Running {
    fn new(pipeline: Pipeline, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let mut options = ServerOptions::from(&Settings::defaults());
        options.server.bind = "127.0.0.1:0".parse().unwrap();
        options.server.rate = 0;
        options.server.warm_up = false;
        change(&mut options);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let of_server = pipeline.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(of_server, options).unwrap();
                tell.send(server.addresses()[0]).unwrap();
                // Dropped, it stops as well.
                server.run(async { drop(stopped.await) }).await.unwrap()
            })
        });
        let client = Client::new(told.recv().unwrap());
        Self { client, pipeline, stop: Some(stop), thread: Some(thread) }
    }

    fn stop(&mut self) -> DrainReport {
        self.stop.take();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            self.stop();
        }
    }
}

/// A server whose device finds no text; documents with text of their own are read.
fn server(change: impl FnOnce(&mut ServerOptions)) -> Running {
    Running::new(pipeline_on(temporary_store(), options(), 2, |input| Ok(no_text(input))), change)
}

/// One whose device waits at a gate before every answer, page after page.
fn gated(store: Store, options: PipelineOptions) -> (Running, Gate) {
    let options = PipelineOptions { pages_in_flight: common::count(1), ..options };
    let (pipeline, gate) = gated_pipeline(store, options, 1);
    (Running::new(pipeline, |options| options.drain = std::time::Duration::ZERO), gate)
}

/// A form with these fields, the file last.
fn form(fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let field = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    if let Some((name, bytes)) = file {
        let head = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/pdf\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--frontier--\r\n");
    body
}

const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=frontier");
