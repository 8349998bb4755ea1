//! The HTTP window: health, status, metrics, and steering.
//!
//! It holds the pipeline's handle and the desk, so it cannot block what is applied. What it answers by the handle it
//! answers whatever the source and the target do; questions to them go to the desk, which has its own connections.
//!
//! Routes: `GET /health/live`, `GET /health/ready`, `GET /metrics`, and below `/api/sync` (also `/sync`): `GET status`,
//! `GET health`, `GET test-connection`, `GET tables`, `GET tables/{name}`, `GET dead-letters`, `GET schema-changes`,
//! `POST trigger`, `GET runs`, `GET runs/{run_id}`, `POST pause`, `POST resume`, `PUT interval`, `POST scheduler/start`,
//! `POST scheduler/stop`.

mod auth;
mod control;
mod health;
mod metrics;
mod questions;
mod routes;
mod runs;
pub mod status;
mod tables;

use std::{net::SocketAddr, path::Path, sync::Arc};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use auth::Token;
pub use metrics::MetricsPage;
pub use runs::run as run_json;

use crate::{
    model::fault::{Class, Fault, Stage},
    pipeline::{Handle, handle::desk::Desk},
};

/// What the window shows.
#[derive(Debug, Clone)]
pub struct Window {
    /// The pipeline.
    pub handle: Handle,
    /// The metrics page.
    pub metrics: MetricsPage,
    /// What callers must present; `None` on a loopback address without a token file.
    pub token: Option<Token>,
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
        Fault::new(
            Class::Config,
            Stage::Config,
            format!("http.listen = \"{listen}\" cannot be had"),
        )
        .caused_by(error)
        .with_hint("choose another address, or \"\" to switch HTTP off")
    })
}

/// Reads the token's file.
///
/// # Errors
/// `Config` when it cannot be read or is empty.
pub fn read_token(file: &Path) -> Result<Token, Fault> {
    let fault = || {
        Fault::new(
            Class::Config,
            Stage::Config,
            format!("http.token_file {} holds no token", file.display()),
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| fault().caused_by(error))?;
    Token::new(text.trim())
        .ok_or_else(|| fault().with_hint("write a random word of 16 characters or more into it"))
}

/// Answers until told to stop.
///
/// # Errors
/// `Fatal` when the port is lost.
pub async fn serve(
    listener: TcpListener,
    window: Window,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let address: Option<SocketAddr> = listener.local_addr().ok();
    if let Some(address) = address {
        info!(%address, "http is listening");
    }
    let served = axum::serve(listener, routes::router(window))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    served
        .map_err(|error| Fault::fatal(Stage::Runtime, "the http listener is lost").caused_by(error))
}
