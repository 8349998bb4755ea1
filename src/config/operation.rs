//! Watching it and stopping it: `[http]`, `[shutdown]`, `[log]`.

use std::{path::PathBuf, time::Duration};

/// `[http]`.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Address and port; empty switches it off.
    pub listen: String,
    /// The file that holds the tokens; needed where the address is not a loopback one.
    pub token_file: Option<PathBuf>,
    /// The certificate's chain, as PEM; without it the window is not encrypted.
    pub cert_file: Option<PathBuf>,
    /// The certificate's key, as PEM.
    pub key_file: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            token_file: None,
            cert_file: None,
            key_file: None,
        }
    }
}

/// `[shutdown]`.
#[derive(Debug, Clone)]
pub struct ShutdownConfig {
    /// The longest that draining takes.
    pub grace: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { grace: Duration::from_secs(10) }
    }
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives as `binleaf=debug,mongodb=warn`.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
    /// Lines are written here too, into a file a day; `None` switches that off.
    pub file: Option<PathBuf>,
    /// How many days' files are kept; 0 keeps all.
    pub keep: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto, file: None, keep: 14 }
    }
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
}
