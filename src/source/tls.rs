//! The five TLS modes in the driver's terms.
//!
//! The files are read on every connect, so that renewed certificates are taken without a restart.

use std::{io, path::Path};

use mysql_async::{ClientIdentity, SslOpts};

use super::error::SourceError;
use crate::config::{TlsConfig, TlsMode};

/// The name that `verify-ca` asks the certificate for, on purpose one that no certificate is made out to.
///
/// The driver (mysql_async 0.37) lets a certificate pass whose chain is good and whose name is not by looking for
/// `NotValidForName` in the error's text. That text has not held the word since rustls 0.23.20; it does hold the name that
/// was asked for. The chain is verified before the name, so nothing else gets past. A test pins both halves of this.
const ANY_NAME: &str = "NotValidForName";

/// The driver's options; `None` where nothing is to be encrypted.
pub(super) async fn options(config: &TlsConfig) -> Result<Option<SslOpts>, SourceError> {
    if config.mode == TlsMode::Disabled {
        return Ok(None);
    }
    let mut options = SslOpts::default().with_client_identity(identity(config).await?);
    if let Some(authorities) = authorities(config).await? {
        options =
            options.with_root_certs(vec![authorities.into()]).with_disable_built_in_roots(true);
    }
    Ok(Some(match config.mode {
        TlsMode::Disabled | TlsMode::VerifyIdentity => options,
        TlsMode::Preferred | TlsMode::Required => options.with_danger_accept_invalid_certs(true),
        TlsMode::VerifyCa => options
            .with_danger_skip_domain_validation(true)
            .with_danger_tls_hostname_override(Some(ANY_NAME)),
    }))
}

/// The certificates to trust, as PEM; `None` for the built-in ones.
pub(super) async fn authorities(config: &TlsConfig) -> Result<Option<Vec<u8>>, SourceError> {
    match &config.ca_file {
        None => Ok(None),
        Some(path) => pem("source.tls.ca_file", path, "CERTIFICATE-----").await.map(Some),
    }
}

async fn identity(config: &TlsConfig) -> Result<Option<ClientIdentity>, SourceError> {
    let files = identity_files(config).await?;
    Ok(files.map(|(chain, key)| ClientIdentity::new(chain.into(), key.into())))
}

/// The client's certificate and its key, as PEM, for servers that ask for one (`REQUIRE X509`).
pub(super) async fn identity_files(
    config: &TlsConfig,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, SourceError> {
    match (&config.cert_file, &config.key_file) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let chain = pem("source.tls.cert_file", certificate, "CERTIFICATE-----").await?;
            let key = pem("source.tls.key_file", key, "PRIVATE KEY-----").await?;
            Ok(Some((chain, key)))
        }
        _ => Err(SourceError::Setting(
            "source.tls: cert_file and key_file are only of use together".to_owned(),
        )),
    }
}

/// Reads a PEM file and sees that it holds a block of the kind asked for.
async fn pem(
    setting: &'static str,
    path: &Path,
    block: &'static str,
) -> Result<Vec<u8>, SourceError> {
    let failed = |cause| SourceError::File { setting, path: path.to_owned(), cause };
    let bytes = tokio::fs::read(path).await.map_err(failed)?;
    if String::from_utf8_lossy(&bytes).contains(block) {
        return Ok(bytes);
    }
    let reason = format!("it holds no PEM block '{}'", block.trim_end_matches('-'));
    Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_or_wrong_file_is_named() {
        let config = TlsConfig {
            mode: TlsMode::VerifyCa,
            ca_file: Some("/nowhere/ca.pem".into()),
            ..TlsConfig::default()
        };
        let error = options(&config).await.unwrap_err();
        assert_eq!(error.to_string(), "source.tls.ca_file: cannot use file /nowhere/ca.pem");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "hello").unwrap();
        let error = options(&TlsConfig { ca_file: Some(path), ..config }).await.unwrap_err();
        assert!(crate::model::fault::with_causes(&error).ends_with("no PEM block 'CERTIFICATE'"));
    }

    #[tokio::test]
    async fn half_an_identity_is_refused() {
        let config = TlsConfig { cert_file: Some("/nowhere".into()), ..TlsConfig::default() };
        assert!(matches!(options(&config).await, Err(SourceError::Setting(_))));
        let disabled = TlsConfig { mode: TlsMode::Disabled, ..config };
        assert!(options(&disabled).await.unwrap().is_none());
    }

    /// The error text that the driver's `skip_domain_validation` sees, as rustls writes it.
    #[test]
    fn a_certificate_for_another_name_is_told_by_the_name_asked_for() {
        let expected = rustls::pki_types::ServerName::try_from(ANY_NAME).unwrap();
        let error =
            rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext {
                expected,
                presented: Vec::new(),
            });
        assert!(error.to_string().contains("NotValidForName"));
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        assert!(!unknown.to_string().contains("NotValidForName"));
    }
}
