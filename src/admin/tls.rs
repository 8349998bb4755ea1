//! HTTPS: the certificate, and that a renewed one is taken.

use std::{path::PathBuf, time::Duration};

use axum_server::tls_rustls::RustlsConfig;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    config::HttpConfig,
    model::fault::{Class, Fault, Stage},
    runtime::tasks,
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// A certificate that follows its files.
#[derive(Debug, Clone)]
pub struct Certificate {
    files: [PathBuf; 2],
    config: RustlsConfig,
}

impl Certificate {
    /// Reads the certificate; `None` where the settings name none.
    ///
    /// # Errors
    /// `Config` when the files cannot be read, or certificate and key do not belong together.
    pub async fn read(http: &HttpConfig) -> Result<Option<Self>, Fault> {
        let (Some(chain), Some(key)) = (&http.cert_file, &http.key_file) else { return Ok(None) };
        let config = RustlsConfig::from_pem_file(chain, key).await.map_err(|error| {
            let what = format!("http.tls: {} and {} are of no use", chain.display(), key.display());
            Fault::new(Class::Config, Stage::Config, what)
                .caused_by(error)
                .with_hint("both are PEM files, and the key is that of the first certificate")
        })?;
        Ok(Some(Self { files: [chain.clone(), key.clone()], config }))
    }

    /// What connections are accepted with, now and after a renewal.
    pub(super) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Takes a renewed certificate, until `stop`. One that is of no use leaves the old one in place.
    pub(super) fn follow(self, stop: CancellationToken) {
        drop(tasks::spawn(async move {
            let mut taken = self.contents().await;
            while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
                let found = self.contents().await;
                if found != taken {
                    self.take().await;
                    taken = found;
                }
            }
        }));
    }

    async fn contents(&self) -> [Option<Vec<u8>>; 2] {
        let [chain, key] = &self.files;
        [tokio::fs::read(chain).await.ok(), tokio::fs::read(key).await.ok()]
    }

    async fn take(&self) {
        let [chain, key] = &self.files;
        match self.config.reload_from_pem_file(chain, key).await {
            Ok(()) => info!("the renewed certificate of http is taken"),
            Err(error) => {
                warn!(%error, "the renewed certificate of http is of no use: the old one stays");
            }
        }
    }
}
