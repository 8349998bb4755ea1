//! The connection string: read anew whenever the target refuses the old one, so that a rotated password needs no
//! restart.

use std::{process::Stdio, time::Duration};

use mongodb::{error::ErrorKind, options::ClientOptions};
use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;

use super::errors::{Problem, SinkError};
use crate::config::Secret;

/// The longest that a program that prints the connection string takes.
const PROGRAM_LIMIT: Duration = Duration::from_secs(30);

/// The longest wait for a server to be found; the caller tries again by itself.
const SELECTION_LIMIT: Duration = Duration::from_secs(5);

/// Connections kept for writes side by side, the state, the heartbeat and what is asked besides.
const POOL: u32 = 16;

/// Reads the connection string from where the settings say.
pub(super) async fn read(secret: &Secret) -> Result<SecretString, SinkError> {
    let text = match secret {
        Secret::Inline(text) => return Ok(text.clone()),
        Secret::File(path) => tokio::fs::read_to_string(path).await.map_err(|source| {
            SinkError::Secret { reason: format!("file {}", path.display()), source: Some(source) }
        })?,
        Secret::Command(words) => from_program(words).await?,
    };
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r'])))
}

/// The program's words on standard error are not kept: they may hold the secret.
async fn from_program(words: &[String]) -> Result<String, SinkError> {
    let failed = |reason: String, source| Err(SinkError::Secret { reason, source });
    let Some((program, arguments)) = words.split_first() else {
        return failed("the command is empty".to_owned(), None);
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PROGRAM_LIMIT, command.output()).await {
        Err(_) => return failed(format!("{program} took longer than 30 seconds"), None),
        Ok(Err(source)) => return failed(format!("{program} cannot be run"), Some(source)),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return failed(format!("{program} ended with {}", output.status), None);
    }
    String::from_utf8(output.stdout)
        .or_else(|_| failed(format!("{program} printed something that is not UTF-8"), None))
}

/// Reads what the connection string says, and sets what it leaves open.
pub(super) async fn options(uri: &SecretString) -> Result<ClientOptions, SinkError> {
    let parsed = ClientOptions::parse(uri.expose_secret()).await;
    let mut options = parsed.map_err(|error| uri_error(&error, uri))?;
    options.app_name.get_or_insert_with(|| "binleaf".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION_LIMIT);
    options.max_pool_size = Some(options.max_pool_size.unwrap_or(POOL).max(POOL));
    // A write is repeated by the caller, who knows what became of the first one.
    options.retry_writes = Some(false);
    Ok(options)
}

/// The driver's text quotes the string where it cannot be read, so that it is told only where no password can be in it.
fn uri_error(error: &mongodb::error::Error, uri: &SecretString) -> SinkError {
    match error.kind.as_ref() {
        ErrorKind::DnsResolve { .. } | ErrorKind::Io(_) => {
            SinkError::Target { doing: "be found", problem: Problem::from(error) }
        }
        ErrorKind::InvalidArgument { message, .. } if !uri.expose_secret().contains('@') => {
            SinkError::Uri { reason: message.clone() }
        }
        _ => SinkError::Uri { reason: "it does not have the form of one".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(uri: &str) -> String {
        match options(&SecretString::from(uri)).await {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{uri} is taken"),
        }
    }

    #[tokio::test]
    async fn a_wrong_string_is_told_without_its_password() {
        let told = refused("mongodb://user:p@ss:w/rd@host/").await;
        assert!(!told.contains("p@ss") && !told.contains("rd@"), "{told}");
        assert!(refused("mysql://host").await.contains("not a usable connection string"));
    }

    #[tokio::test]
    async fn what_is_left_open_is_set() {
        let uri = SecretString::from("mongodb://127.0.0.1:1/?maxPoolSize=2");
        let options = options(&uri).await.unwrap();
        assert_eq!(options.max_pool_size, Some(POOL));
        assert_eq!(options.retry_writes, Some(false));
    }
}
