//! Calls to others over HTTP: every client is made here, so that all of them have one TLS, rustls with ring and the roots
//! that are built in. The platform's own store is not asked: a minimal container has none.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// What is given is not PEM.
    #[error("the certificates are not in the form of PEM")]
    Unreadable(#[source] rustls::pki_types::pem::Error),
    /// There is none in what is given.
    #[error("there is no certificate in it")]
    Empty,
    /// They are refused.
    #[error("the certificates cannot be used")]
    Refused(#[source] rustls::Error),
}

/// A client that trusts the built-in roots, or the authorities given (PEM).
///
/// # Errors
/// When the authorities cannot be used.
pub fn client(authorities: Option<&[u8]>) -> Result<reqwest::ClientBuilder, TlsError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Refused)?
        .with_root_certificates(roots(authorities)?)
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(config))
}

fn roots(authorities: Option<&[u8]>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(TlsError::Unreadable)?;
                roots.add(certificate).map_err(TlsError::Refused)?;
            }
        }
    }
    if roots.is_empty() { Err(TlsError::Empty) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_needs_no_provider_of_the_process_and_some_root() {
        assert!(client(None).unwrap().build().is_ok());
        assert!(matches!(client(Some(b"")), Err(TlsError::Empty)));
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert!(client(Some(broken)).is_err());
    }
}
