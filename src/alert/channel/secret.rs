//! Secrets and certificates out of files, read anew for every delivery.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::SendError;
use crate::runtime::http;

/// The contents of a file without blanks around them.
pub(super) async fn read(setting: &'static str, path: &Path) -> Result<SecretString, SendError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|cause| SendError::File { setting, path: path.to_owned(), cause })?;
    match text.trim() {
        "" => Err(SendError::Setting { setting, reason: "the file is empty" }),
        text => Ok(SecretString::from(text)),
    }
}

/// The certificates of a file, where one is named.
pub(super) async fn authorities(
    setting: &'static str,
    path: Option<&PathBuf>,
) -> Result<Option<Vec<u8>>, SendError> {
    let Some(path) = path else { return Ok(None) };
    let read = tokio::fs::read(path).await;
    read.map(Some).map_err(|cause| SendError::File { setting, path: path.clone(), cause })
}

/// A client that trusts these certificates, or the built-in ones. It follows no redirects: they would take the notice, its
/// signature and its headers to somebody else.
pub(super) async fn client(
    setting: &'static str,
    authority: Option<&PathBuf>,
) -> Result<reqwest::Client, SendError> {
    let authorities = authorities(setting, authority).await?;
    let builder = http::client(authorities.as_deref())
        .map_err(|cause| SendError::Tls { setting, cause })?
        .user_agent(concat!("binleaf/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    builder.build().map_err(|error| SendError::of_call(error, &[]))
}
