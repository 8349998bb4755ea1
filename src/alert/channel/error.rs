//! Why a notice could not be delivered, and whether another try may help. No text holds an address or a secret.

use std::{io, path::PathBuf, time::Duration};

use crate::{model::fault::with_causes, runtime::http::TlsError};

/// The most letters of a server's own words.
const MOST_LETTERS: usize = 200;

/// Why a notice could not be delivered.
#[derive(Debug, thiserror::Error)]
pub(in crate::alert) enum SendError {
    /// A file of the settings cannot be read.
    #[error("{setting}: cannot use file {path}")]
    File {
        /// The key that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// What a file holds is of no use.
    #[error("{setting}: {reason}")]
    Setting {
        /// The key that names it.
        setting: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The certificates cannot be used.
    #[error("{setting}: the file cannot be used")]
    Tls {
        /// The key that names it.
        setting: &'static str,
        /// Why.
        #[source]
        cause: TlsError,
    },
    /// Nobody answered in time.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// There is no connection, or it broke.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The other side has answered that it does not take it.
    #[error("it was answered with {status}{}", said.as_deref().map(|said| format!(": {said}")).unwrap_or_default())]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// Its own words.
        said: Option<String>,
        /// When to try again, by its own words.
        after: Option<Duration>,
    },
    /// The mail server does not take it.
    #[error("the mail server has refused it: {said}")]
    Mail {
        /// Its own words.
        said: String,
        /// Whether it says that it may take it later.
        may_pass: bool,
    },
}

impl SendError {
    /// Whether another try may help.
    pub(in crate::alert) const fn may_pass(&self) -> bool {
        match self {
            // Whoever mends a file need not wait for the next notice.
            Self::File { .. } | Self::Timeout(_) | Self::Unreachable(_) => true,
            Self::Setting { .. } | Self::Tls { .. } => false,
            Self::Refused { status, .. } => matches!(*status, 408 | 425 | 429 | 500..),
            Self::Mail { may_pass, .. } => *may_pass,
        }
    }

    /// How long the other side asks to be left alone.
    pub(in crate::alert) const fn after(&self) -> Option<Duration> {
        match self {
            Self::Refused { after, .. } => *after,
            _ => None,
        }
    }

    /// An error of a call over HTTP, without the address: that may hold a token.
    pub(super) fn of_call(error: reqwest::Error, secrets: &[&str]) -> Self {
        Self::Unreachable(without(&with_causes(&error.without_url()), secrets))
    }

    /// The message with its causes.
    pub(in crate::alert) fn chain(&self) -> String {
        with_causes(self)
    }
}

/// A server's own words: one line of bearable length, and free of these secrets.
pub(super) fn without(text: &str, secrets: &[&str]) -> String {
    let mut text: String =
        text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "…");
    }
    text.chars().take(MOST_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_one_line_without_secrets() {
        let said = without("bad token 123:abc\r\nreally", &["123:abc", ""]);
        assert_eq!(said, "bad token …  really");
        assert_eq!(without(&"x".repeat(1000), &[]).len(), MOST_LETTERS);
    }

    #[test]
    fn what_is_refused_for_good_is_not_tried_again() {
        let refused = |status| SendError::Refused { status, said: None, after: None };
        for status in [408, 429, 500, 503] {
            assert!(refused(status).may_pass(), "{status}");
        }
        for status in [301, 400, 401, 404, 410] {
            assert!(!refused(status).may_pass(), "{status}");
        }
    }
}
