//! Questions to the running instance.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use serde_json::Value;

use crate::{admin, config::HttpConfig, runtime::http as clients};

/// The longest that the running instance is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the instance at `http.listen`.
///
/// # Errors
/// When it does not answer, or refuses.
pub(super) async fn ask(http: &HttpConfig, path: &str) -> anyhow::Result<Value> {
    let (client, url) = client(http, path)?;
    Ok(client.get(url).send().await?.error_for_status()?.json().await?)
}

/// Tells it to do something; the answer is whether it will, and its words.
///
/// # Errors
/// When it does not answer.
pub(super) async fn tell(http: &HttpConfig, path: &str) -> anyhow::Result<(bool, Value)> {
    let (client, url) = client(http, path)?;
    let answer = client.post(url).send().await?;
    Ok((answer.status().is_success(), answer.json().await?))
}

fn client(http: &HttpConfig, path: &str) -> anyhow::Result<(reqwest::Client, String)> {
    anyhow::ensure!(!http.listen.is_empty(), "http is switched off");
    let mut client = clients::client(None)?.timeout(PATIENCE).no_proxy();
    let mut scheme = "http";
    if let Some(file) = &http.cert_file {
        client = client.tls_backend_preconfigured(only(file)?);
        scheme = "https";
    }
    if let Some(file) = &http.token_file {
        let token = format!("Bearer {}", admin::read_token(file)?.reveal());
        let mut token =
            HeaderValue::try_from(token).context("the token is no word for a header")?;
        token.set_sensitive(true);
        client = client.default_headers([(AUTHORIZATION, token)].into_iter().collect());
    }
    Ok((client.build()?, format!("{scheme}://{}{path}", http.listen)))
}

/// Trusts the one certificate of this file, whatever names it is made out to and whoever signed it.
fn only(file: &Path) -> anyhow::Result<ClientConfig> {
    let certificate = CertificateDer::from_pem_file(file)
        .with_context(|| format!("http.tls.cert_file {} holds no certificate", file.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Only { certificate, provider: Arc::clone(&provider) });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
