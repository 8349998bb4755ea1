//! Passwords, asked for anew on every connect so that a rotation needs no restart.

use std::{path::Path, process::Stdio, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;

use super::error::SourceError;
use crate::config::Secret;

/// Reads a secret from where the settings say. A command that takes longer than `limit` is killed.
pub(super) async fn read(secret: &Secret, limit: Duration) -> Result<SecretString, SourceError> {
    match secret {
        Secret::Inline(text) => Ok(text.clone()),
        Secret::File(path) => from_file(path).await,
        Secret::Command(words) => from_command(words, limit).await,
    }
}

/// Whether two secrets are the same.
pub(super) fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

async fn from_file(path: &Path) -> Result<SecretString, SourceError> {
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Ok(without_line_break(text)),
        Err(cause) => {
            Err(SourceError::File { setting: "source.password_file", path: path.to_owned(), cause })
        }
    }
}

/// The program's words on standard error are not kept: they may hold the secret.
async fn from_command(words: &[String], limit: Duration) -> Result<SecretString, SourceError> {
    let failed = |reason: String| Err(SourceError::PasswordCommand(reason));
    let Some((program, arguments)) = words.split_first() else {
        return failed("it is empty".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(limit, command.output()).await {
        Err(_) => {
            let limit = humantime::format_duration(limit);
            return failed(format!("{program} took longer than {limit} (source.connect_timeout)"));
        }
        Ok(Err(cause)) => return failed(format!("{program} cannot be run: {cause}")),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return failed(format!("{program} ended with {}", output.status));
    }
    match String::from_utf8(output.stdout) {
        Ok(text) => Ok(without_line_break(text)),
        Err(_) => failed(format!("{program} printed something that is not UTF-8")),
    }
}

/// Without the one line break that editors and `echo` put at the end.
fn without_line_break(mut text: String) -> SecretString {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    SecretString::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn command(script: &str) -> Secret {
        Secret::Command(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()])
    }

    #[tokio::test]
    async fn only_the_last_line_break_is_cut() {
        let secret = read(&command("printf 'a b \\n\\n'"), LIMIT).await.unwrap();
        assert_eq!(secret.expose_secret(), "a b \n");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "pässword\r\n").unwrap();
        let secret = read(&Secret::File(path), LIMIT).await.unwrap();
        assert_eq!(secret.expose_secret(), "pässword");
    }

    #[tokio::test]
    async fn a_failing_command_tells_its_status_and_not_its_words() {
        let error = read(&command("echo hunter2; echo hunter2 >&2; exit 3"), LIMIT).await;
        let text = error.unwrap_err().to_string();
        assert!(text.contains("exit status: 3") && !text.contains("hunter2"), "{text}");
    }

    #[tokio::test]
    async fn a_hanging_command_is_given_up() {
        let error = read(&command("sleep 60"), Duration::from_millis(50)).await.unwrap_err();
        assert!(error.to_string().contains("took longer than 50ms"), "{error}");
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let error = read(&Secret::File("/nowhere/password".into()), LIMIT).await.unwrap_err();
        assert_eq!(error.to_string(), "source.password_file: cannot use file /nowhere/password");
    }
}
