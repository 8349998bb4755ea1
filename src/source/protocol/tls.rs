//! The five TLS modes for a connection of our own.
//!
//! What is asked of a certificate is asked by rustls' own verifier: `verify-ca` takes its judgement of the chain and
//! leaves the name aside, `preferred` and `required` take any certificate, and all of them see the server prove that it
//! has the certificate's key.

use std::{io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::packets::Socket;
use crate::{
    config::{TlsConfig, TlsMode},
    source::{error::SourceError, tls},
};

/// How connections are encrypted; `None` where nothing is to be.
pub(in crate::source) async fn client(
    config: &TlsConfig,
) -> Result<Option<Arc<ClientConfig>>, SourceError> {
    if config.mode == TlsMode::Disabled {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(config, &provider).await?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let client = match tls::identity_files(config).await? {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(unreadable)?;
            builder.with_client_auth_cert(certificates(&chain)?, key).map_err(refused)?
        }
    };
    Ok(Some(Arc::new(client)))
}

impl Socket for tokio_rustls::client::TlsStream<Box<dyn Socket>> {}

/// Encrypts a connection to this host.
pub(super) async fn secure(
    socket: Box<dyn Socket>,
    client: Arc<ClientConfig>,
    host: &str,
) -> io::Result<Box<dyn Socket>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let secured = tokio_rustls::TlsConnector::from(client).connect(name, socket).await?;
    Ok(Box::new(secured))
}

async fn verifier(
    config: &TlsConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, SourceError> {
    let mut roots = RootCertStore::empty();
    match tls::authorities(config).await? {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in certificates(&pem)? {
                roots.add(certificate).map_err(refused)?;
            }
        }
    }
    let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| SourceError::Tls(Box::new(error)))?;
    Ok(match config.mode {
        TlsMode::VerifyIdentity => strict,
        TlsMode::VerifyCa => Arc::new(AnyName { strict, needs_chain: true }),
        TlsMode::Disabled | TlsMode::Preferred | TlsMode::Required => {
            Arc::new(AnyName { strict, needs_chain: false })
        }
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SourceError> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(unreadable)
}

fn refused(error: Error) -> SourceError {
    SourceError::Tls(Box::new(error))
}

fn unreadable(error: rustls::pki_types::pem::Error) -> SourceError {
    SourceError::Tls(Box::new(error))
}

/// Takes certificates of any name: those with a good chain where that is demanded, else all.
#[derive(Debug)]
struct AnyName {
    strict: Arc<WebPkiServerVerifier>,
    needs_chain: bool,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.needs_chain {
            return Ok(ServerCertVerified::assertion());
        }
        let strict = &self.strict;
        // The chain is verified before the name.
        match strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            judgement => judgement,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}
