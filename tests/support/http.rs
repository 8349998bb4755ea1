//! Clients of the window.

use std::time::Duration;

/// A client to be; the driver that it encrypts with is the one that the process has.
pub fn client() -> reqwest::ClientBuilder {
    // Whoever comes second finds it there.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy()
}

/// A client that waits so long for an answer.
pub fn http_client(limit: Duration) -> reqwest::Client {
    client().timeout(limit).build().expect("a client")
}
