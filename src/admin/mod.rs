//! The HTTP window: health, status, metrics, steering, and the dashboard that shows and does all of it.
//!
//! It holds the pipeline's handle and the desk, so it cannot block what is applied. What it answers by the handle it
//! answers whatever the source and the target do; questions to them go to the desk, which has its own connections.
//!
//! Every route is described where it is answered; `GET /openapi.json` is made of these descriptions, and the tests hold
//! what is answered against it.

mod auth;
mod caller;
mod control;
mod dashboard;
mod document;
mod form;
mod health;
mod levels;
mod metrics;
mod pages;
mod questions;
mod refusal;
mod replay;
mod routes;
mod runs;
mod status;
mod tables;
mod tls;
mod trigger;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum_server::{Handle, tls_rustls::RustlsAcceptor};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use auth::Tokens;
pub use metrics::MetricsPage;
pub use pages::Pages;
pub use runs::RunResult;
pub use status::Status;
pub use tls::Certificate;

use crate::{
    model::fault::{Class, Fault, Stage},
    pipeline::{Handle as PipelineHandle, handle::desk::Desk},
    runtime::tasks,
};

/// How long a new connection may take to ask its first question.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// How long answers may take to end when the window closes.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What the window shows.
#[derive(Debug, Clone)]
pub struct Window {
    /// The pipeline.
    pub handle: PipelineHandle,
    /// The metrics page.
    pub metrics: MetricsPage,
    /// Pages that were made a moment ago.
    pub pages: Pages,
    /// What callers must present; `None` on a loopback address without a token file.
    pub token: Option<Tokens>,
    /// Whoever asks the source and the target.
    pub desk: Arc<dyn Desk>,
    /// The source's database, or the patterns of several.
    pub database: String,
    /// The target's database, as the settings name it.
    pub target_database: String,
}

/// Opens the port.
///
/// # Errors
/// `Config` when the address cannot be had.
pub async fn bind(listen: &str) -> Result<TcpListener, Fault> {
    TcpListener::bind(listen).await.map_err(|error| {
        let what = format!("http.listen = \"{listen}\" cannot be had");
        Fault::new(Class::Config, Stage::Config, what)
            .caused_by(error)
            .with_hint("choose another address, or \"\" to switch HTTP off")
    })
}

/// Reads the tokens' file.
///
/// # Errors
/// `Config` when it cannot be read or is empty.
pub fn read_token(file: &Path) -> Result<Tokens, Fault> {
    let fault = || {
        Fault::new(
            Class::Config,
            Stage::Config,
            format!("http.token_file {} holds no token", file.display()),
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| fault().caused_by(error))?;
    Tokens::read(&text)
        .ok_or_else(|| fault().with_hint("write a random word of 16 characters or more into it"))
}

/// Answers until told to stop, by HTTPS where there is a certificate.
///
/// # Errors
/// `Fatal` when the port is lost.
pub async fn serve(
    listener: TcpListener,
    window: Window,
    certificate: Option<Certificate>,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let lost = |error| Fault::fatal(Stage::Runtime, "the http listener is lost").caused_by(error);
    let address = listener.local_addr().map_err(lost)?;
    info!(%address, tls = certificate.is_some(), "http is listening");
    let routes = routes::router(window).into_make_service();
    let handle = Handle::new();
    drop(tasks::spawn(close_gently(handle.clone(), stop.clone())));
    let server = axum_server::from_tcp(listener.into_std().map_err(lost)?).map_err(lost)?;
    let server = server.handle(handle).first_request_timeout(FIRST_REQUEST);
    match certificate {
        None => server.serve(routes).await,
        Some(certificate) => {
            let tls = RustlsAcceptor::new(certificate.config());
            certificate.follow(stop);
            server.acceptor(tls).serve(routes).await
        }
    }
    .map_err(lost)
}

/// Lets answers that are under way end.
async fn close_gently(handle: Handle<SocketAddr>, stop: CancellationToken) {
    stop.cancelled().await;
    handle.graceful_shutdown(Some(LAST_ANSWERS));
}
