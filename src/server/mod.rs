//! The pipeline over HTTP: documents in, their pages out as they are read, for programs and for people. `pagestream serve` is this with
//! settings and signals.
//!
//! It speaks to the pipeline's handle and reads from the store, as the command line does. Uploads go to the spool as they come; a full
//! pipeline is told by the permits that bound it; streams of events are read from the log, by their places in it.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use pagestream::{Settings, server::{Server, ServerOptions}};
//!
//! let settings = Settings::load()?;
//! let options = ServerOptions::from(&settings);
//! let server = Server::bind(pagestream::start(settings).await?, options)?;
//! println!("{:?}", server.addresses());
//! server.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

mod access;
mod app;
mod body;
mod caller;
mod documents;
mod events;
mod exact;
mod health;
mod hub;
mod keys;
mod openapi;
mod page;
mod pages;
mod problem;
mod queries;
mod rate;
mod reference;
mod results;
mod tls;
mod upload;
#[cfg_attr(not(feature = "url"), path = "urls_left_out.rs")]
mod urls;
mod views;

use std::{io, net::SocketAddr, time::Duration};

use actix_web::{
    App as Application, HttpRequest, HttpServer,
    dev::ServerHandle,
    guard,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use pagestream_actors::{DrainReport, Pipeline};

pub use self::{
    app::ServerOptions,
    keys::{Keys, Scopes, new_key},
};
use self::{
    app::{App, Shared},
    problem::{Code, Problem},
    urls::Urls,
};

/// How long answers may take that are still being sent when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    message: String,
    hint: Option<&'static str>,
}

impl Refused {
    fn new(message: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self { message: message.into(), hint }
    }

    /// What there is to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint
    }
}

/// A server that listens.
pub struct Server {
    app: Shared,
    running: actix_web::dev::Server,
    addresses: Vec<SocketAddr>,
    is_encrypted: bool,
}

impl Server {
    /// Listens where the settings say. Belongs on a tokio runtime; answers from [`Server::run`] on.
    ///
    /// # Errors
    /// When the address cannot be had, when the keys or the certificate cannot be read, and when there are no keys off loopback.
    pub fn bind(pipeline: Pipeline, options: ServerOptions) -> Result<Self, Refused> {
        let address = options.server.bind;
        let keys = options.server.keys.as_deref().map(Keys::open).transpose();
        let keys = keys.map_err(|error| Refused::new(error, Some("`pagestream keys add NAME` writes such a file")))?;
        if keys.is_none() && !address.ip().is_loopback() {
            let message = format!("{address} can be reached from elsewhere, and no keys are asked for");
            let hint = "name a file of keys in `server.keys` (`--keys FILE`), or listen on 127.0.0.1";
            return Err(Refused::new(message, Some(hint)));
        }
        let settings = options.server.clone();
        let tls = tls::config(&settings)?;
        let is_encrypted = tls.is_some();
        let count = |n: u32| usize::try_from(n.max(1)).unwrap_or(usize::MAX);
        let workers = count(settings.threads);
        let urls = settings.fetch_urls.then(|| Urls::new(&settings, &options.download)).transpose();
        let urls = urls.map_err(|error| Refused::new(error, None))?;
        let app = Shared::new(App::new(pipeline, options, keys, urls));
        let of_workers = app.clone();
        let server = HttpServer::new(move || {
            Application::new().app_data(of_workers.clone()).wrap(from_fn(access::guard)).configure(routes)
        });
        let server = server
            .workers(workers)
            .max_connections(count(settings.connections).div_ceil(workers))
            .client_request_timeout(settings.request_time)
            .tls_handshake_timeout(settings.request_time)
            .client_disconnect_timeout(Duration::from_secs(1))
            .keep_alive(Duration::from_secs(75))
            .shutdown_timeout(LAST_ANSWERS.as_secs())
            .disable_signals();
        // HTTP/2 is agreed on by TLS. Without TLS a server must look for HTTP/2's preface first, and for that actix has no time limit: a
        // connection that says nothing would keep its place.
        let server = match tls {
            Some(tls) => server.bind_rustls_0_23(address, tls),
            None => server.bind(address),
        };
        let server = server.map_err(|error| Refused::new(format!("{address} cannot be listened on: {error}"), None))?;
        let addresses = server.addrs();
        Ok(Self { app, running: server.run(), addresses, is_encrypted })
    }

    /// Where it listens: the port is the system's choice where 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether it speaks TLS, and nothing else.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether a key is asked for.
    pub fn asks_for_keys(&self) -> bool {
        self.app.keys.is_some()
    }

    /// Answers until `stop` resolves. Then takes no more documents, lets the pages under way end, sends them to whoever follows, and closes
    /// the streams; what is left is read after the next start, from where it was. The pipeline itself is drained and not stopped.
    ///
    /// # Errors
    /// When the system takes the sockets away.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<DrainReport> {
        let Self { app, mut running, .. } = self;
        let handle = running.handle();
        if app.options.warms_up() {
            app.pipeline.warm_up();
        }
        tokio::select! {
            ended = &mut running => {
                ended?;
                return Ok(DrainReport::default());
            }
            () = stop => {}
        }
        app.draining.send_replace(true);
        let drained = drain(&app, &handle);
        let (report, ended) = tokio::join!(drained, running);
        ended.map(|()| report)
    }
}

async fn drain(app: &App, handle: &ServerHandle) -> DrainReport {
    let report = app.pipeline.drain(app.options.drain).await;
    app.closing.send_replace(true);
    handle.stop(true).await;
    report
}

/// What may be done at a path, for who tries something else; a test compares it with the description.
fn methods(path: &str) -> &'static str {
    match path {
        "/v1/documents" => "GET, HEAD, POST",
        "/v1/documents/{id}" => "GET, HEAD, DELETE",
        "/v1/search" | "/v1/similar" | "/v1/duplicates" | "/v1/documents/{id}/cancel" => "POST",
        _ => "GET, HEAD",
    }
}

fn routes(config: &mut ServiceConfig) {
    // Whoever asks with HEAD is answered as with GET; [`access::guard`] leaves the body out.
    let get = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let nothing_else = || {
        web::to(|request: HttpRequest| async move {
            let path = request.match_pattern();
            Err::<String, _>(Problem::method_not_allowed(methods(path.as_deref().unwrap_or_default())))
        })
    };
    let mut at = |path: &str, routes: Vec<actix_web::Route>| {
        let resource = web::resource(path).default_service(nothing_else());
        config.service(routes.into_iter().fold(resource, |resource, route| resource.route(route)));
    };
    at("/", vec![get().to(page::page)]);
    at("/app.js", vec![get().to(page::script)]);
    at("/app.css", vec![get().to(page::style)]);
    at("/icon.svg", vec![get().to(page::icon)]);
    at("/livez", vec![get().to(health::live)]);
    at("/readyz", vec![get().to(health::ready)]);
    at("/metrics", vec![get().to(health::metrics)]);
    at("/docs", vec![get().to(reference::page)]);
    at("/docs.css", vec![get().to(reference::style)]);
    at("/openapi.json", vec![get().to(openapi::describe)]);
    at("/v1/capacity", vec![get().to(health::capacity)]);
    at("/v1/events", vec![get().to(events::of_all)]);
    at("/v1/search", vec![web::post().to(queries::search)]);
    at("/v1/similar", vec![web::post().to(queries::similar)]);
    at("/v1/duplicates", vec![web::post().to(queries::duplicates)]);
    at("/v1/documents", vec![get().to(documents::list), web::post().to(upload::submit)]);
    at("/v1/documents/{id}", vec![get().to(documents::show), web::delete().to(documents::remove)]);
    at("/v1/documents/{id}/cancel", vec![web::post().to(documents::cancel)]);
    at("/v1/documents/{id}/events", vec![get().to(events::of_document)]);
    at("/v1/documents/{id}/pages", vec![get().to(pages::list)]);
    at("/v1/documents/{id}/pages/{page}", vec![get().to(pages::show)]);
    at("/v1/documents/{id}/pages/{page}/image", vec![get().to(pages::image)]);
    at("/v1/documents/{id}/result.{ending:.+}", vec![get().to(results::result)]);
    config.default_service(web::to(|| async {
        Err::<String, _>(
            Problem::new(Code::NoSuchPath, "there is nothing under this address")
                .with_hint("`/docs` and `/openapi.json` say what there is"),
        )
    }));
}
