//! What can go wrong between us and the source, and what each means for the pipeline.
//!
//! The texts name hosts, users, files and statements' objects; never a password, never a value of a row. The driver's own
//! errors are taken apart here, because their texts repeat their causes and some keep whole packets.

use std::{error::Error as StdError, fmt, io, path::PathBuf, time::Duration};

use mysql_async::{DriverError, Error, IoError, TlsError};
use thiserror::Error as ThisError;

use crate::model::{
    fault::{Class, Fault, Stage, with_causes},
    table::TableName,
};

/// An error of the source.
#[derive(Debug, ThisError)]
pub enum SourceError {
    /// The server does not let this user in.
    #[error("access denied for user {user} at {address}")]
    Denied {
        /// The user of the settings.
        user: String,
        /// The server, `host:port`.
        address: String,
        /// What the server said.
        #[source]
        answer: ServerAnswer,
    },
    /// No connection came about.
    #[error("source {address} cannot be reached")]
    Unreachable {
        /// The server, `host:port`.
        address: String,
        /// Why not.
        #[source]
        cause: Box<Self>,
    },
    /// None of several hosts could be had.
    #[error("none of the {} hosts of the source could be had: {}", .0.len(), join(.0))]
    NoHost(Vec<Self>),
    /// Connecting took too long.
    #[error("no connection within {}", seconds(.0))]
    ConnectTimeout(Duration),
    /// A query took too long.
    #[error("the source gave no answer within {}", seconds(.0))]
    ReadTimeout(Duration),
    /// All connections of the pool are taken.
    #[error("no connection of the pool became free within {}", seconds(.0))]
    PoolExhausted(Duration),
    /// The connection broke.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// The driver gave up on the connection.
    #[error("the connection to the source failed: {0}")]
    Protocol(String),
    /// Encryption is asked for and not to be had.
    #[error("the server offers no TLS")]
    NoTls,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
    /// A file of the settings cannot be used.
    #[error("{setting}: cannot use file {}", path.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The server wants to be shown the password in a way that the driver does not have. MySQL also answers so, with a
    /// plugin by chance, for an account that does not exist, so that accounts cannot be guessed.
    #[error(
        "the source asks for the authentication plugin {0}: the account does not exist, or has a plugin that binleaf \
         does not know"
    )]
    AuthPlugin(String),
    /// The program that prints the password failed.
    #[error("source.password_command: {0}")]
    PasswordCommand(String),
    /// A setting that only the driver could check.
    #[error("{0}")]
    Setting(String),
    /// The server refused a statement.
    #[error("the source refused a statement")]
    Refused(#[source] ServerAnswer),
    /// A table was altered while it was being read.
    #[error("table {table} was changed while its description was read")]
    Changing {
        /// The table.
        table: TableName,
    },
    /// An answer has another form than this version of binleaf expects.
    #[error("the source answered in an unexpected form: {0}")]
    Unexpected(String),
}

/// The server's own words.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("ERROR {code}: {message}")]
pub struct ServerAnswer {
    /// The error number, as in the manual's list.
    pub code: u16,
    /// The text.
    pub message: String,
}

impl SourceError {
    /// The server's error number, where it spoke.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Denied { answer, .. } | Self::Refused(answer) => Some(answer.code),
            Self::Unreachable { cause, .. } => cause.code(),
            _ => None,
        }
    }

    /// The error itself, without the server that it happened with.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::Unreachable { cause, .. } => cause.root(),
            other => other,
        }
    }

    /// What the pipeline does about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::ConnectTimeout(_)
            | Self::ReadTimeout(_)
            | Self::PoolExhausted(_)
            | Self::Io(_)
            | Self::Protocol(_)
            | Self::Changing { .. } => Class::Transient,
            Self::Unreachable { cause, .. } => cause.class(),
            Self::NoHost(tried) if tried.iter().any(|error| error.class() == Class::Transient) => {
                Class::Transient
            }
            Self::NoHost(_)
            | Self::Denied { .. }
            | Self::AuthPlugin(_)
            | Self::NoTls
            | Self::Tls(_)
            | Self::File { .. }
            | Self::PasswordCommand(_)
            | Self::Setting(_) => Class::Config,
            Self::Refused(answer) => class_of(answer.code),
            Self::Unexpected(_) => Class::Fatal,
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.class() == Class::Transient
    }

    /// One error for all hosts that were tried.
    pub(super) fn of_hosts(mut tried: Vec<Self>) -> Self {
        match (tried.pop(), tried.is_empty()) {
            (Some(only), true) => only,
            (None, _) => Self::Setting("source.host: no host is named".to_owned()),
            (Some(last), false) => {
                tried.push(last);
                Self::NoHost(tried)
            }
        }
    }

    /// Says which server did not let us in, or was not there.
    pub(super) fn while_connecting(self, address: &str, user: &str) -> Self {
        let address = address.to_owned();
        match self {
            Self::Refused(answer) if is_denial(answer.code) => {
                Self::Denied { user: user.to_owned(), address, answer }
            }
            other => Self::Unreachable { address, cause: Box::new(other) },
        }
    }

    /// What the user can do.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Denied { user, answer, .. } => Some(denial_hint(user, answer.code)),
            Self::Unreachable { cause, .. } => cause.hint().or_else(|| {
                Some("check source.host and source.port, and that the server accepts connections from here".to_owned())
            }),
            Self::NoHost(tried) => tried.iter().find_map(Self::hint),
            Self::AuthPlugin(_) => Some(
                "CREATE USER '…'@'%' IDENTIFIED WITH caching_sha2_password BY '…'; or ALTER USER likewise; on MariaDB \
                 IDENTIFIED VIA mysql_native_password USING PASSWORD('…')"
                    .to_owned(),
            ),
            Self::NoTls => Some(
                "switch TLS on at the server, or set source.tls.mode to preferred or disabled".to_owned(),
            ),
            Self::Tls(_) => Some(
                "check source.tls: ca_file must hold the authority that signed the server's certificate, and \
                 verify-identity needs the host's name in it"
                    .to_owned(),
            ),
            Self::PoolExhausted(_) => Some("raise source.pool.max".to_owned()),
            Self::Refused(answer) => refusal_hint(answer.code),
            _ => None,
        }
    }
}

impl From<Error> for SourceError {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(answer) => {
                Self::Refused(ServerAnswer { code: answer.code, message: answer.message })
            }
            Error::Io(IoError::Io(cause)) => Self::of_io(cause),
            Error::Io(IoError::Tls(cause)) => Self::Tls(tls_cause(cause)),
            Error::Driver(DriverError::NoClientSslFlagFromServer) => Self::NoTls,
            // Their texts may hold a row or a packet.
            Error::Driver(DriverError::FromValue { .. } | DriverError::FromRow { .. }) => {
                Self::Unexpected("a value of another type".to_owned())
            }
            Error::Driver(DriverError::UnknownAuthPlugin { name }) => Self::AuthPlugin(name),
            Error::Driver(cause) => Self::Protocol(sentence(&cause.to_string())),
            Error::Url(_) | Error::Other(_) => {
                Self::Unexpected("an error inside the driver".to_owned())
            }
        }
    }
}

impl SourceError {
    /// A handshake that rustls refuses arrives as an input/output error with its own error inside.
    pub(super) fn of_io(error: io::Error) -> Self {
        let is_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        if !is_tls {
            return Self::Io(without_advice(error));
        }
        match error.into_inner().map(|inner| inner.downcast::<rustls::Error>()) {
            Some(Ok(inner)) => Self::Tls(inner),
            _ => Self::Protocol("the TLS handshake failed".to_owned()),
        }
    }
}

/// The error inside, since the driver's wrapper has no text of its own.
fn tls_cause(error: TlsError) -> Box<dyn StdError + Send + Sync> {
    match error {
        TlsError::Tls(cause) => Box::new(cause),
        TlsError::InvalidDnsName(cause) => Box::new(cause),
        TlsError::Pem(cause) => Box::new(cause),
        TlsError::VerifierBuilderError(cause) => Box::new(cause),
    }
}

/// The TLS library tells programmers at length what a connection that just ends means.
fn without_advice(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "the server closed it"),
        _ => error,
    }
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        let fault = Self::new(error.class(), Stage::Source, error.to_string());
        let fault = match error.hint() {
            Some(hint) => fault.with_hint(hint),
            None => fault,
        };
        if error.source().is_none() { fault } else { fault.caused_by(Cause(error)) }
    }
}

/// The causes behind an error whose own text the fault has taken over.
#[derive(Debug)]
struct Cause(SourceError);

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source().map_or(Ok(()), |cause| write!(formatter, "{cause}"))
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().and_then(StdError::source)
    }
}

/// Whether the number says that this user may not do this: wrong password, unknown host, locked, expired, no right.
#[must_use]
pub fn is_denial(code: u16) -> bool {
    matches!(
        code,
        1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1370 | 1698 | 1820 | 1862 | 3118 | 3879 | 4151
    )
}

/// The consequences of the server's error numbers (MySQL manual, "Server Error Message Reference").
fn class_of(code: u16) -> Class {
    match code {
        // Too many connections, shutting down, out of resources, killed, timed out, deadlocked, offline.
        1037 | 1038 | 1040 | 1041 | 1053 | 1077 | 1078 | 1079 | 1081 | 1094 | 1152 | 1153
        | 1158 | 1159 | 1160 | 1161 | 1184 | 1203 | 1205 | 1213 | 1226 | 1317 | 1614 | 1927
        | 1969 | 2006 | 2013 | 2055 | 3024 | 3032 | 3168 | 3169 | 3170 | 4031 => Class::Transient,
        1049 | 1129 => Class::Config,
        code if is_denial(code) => Class::Config,
        _ => Class::Fatal,
    }
}

fn denial_hint(user: &str, code: u16) -> String {
    match code {
        1130 => format!(
            "CREATE USER '{user}'@'%' IDENTIFIED BY '…'; -- the server knows no account for this host"
        ),
        1820 | 1862 => {
            format!("ALTER USER '{user}'@'%' IDENTIFIED BY '…'; -- the password has expired")
        }
        3118 | 4151 => format!("ALTER USER '{user}'@'%' ACCOUNT UNLOCK;"),
        1044 => format!("GRANT SELECT ON `…`.* TO '{user}'@'%';"),
        _ => format!(
            "check source.user and source.password; CREATE USER '{user}'@'%' IDENTIFIED BY '…'; or ALTER USER '{user}'@'%' IDENTIFIED BY '…';"
        ),
    }
}

fn refusal_hint(code: u16) -> Option<String> {
    match code {
        1129 => Some("FLUSH HOSTS; -- or TRUNCATE performance_schema.host_cache; the server blocks this host".to_owned()),
        1142 | 1143 | 1227 => {
            Some("run `binleaf check`: it names the missing GRANT statement".to_owned())
        }
        1146 => Some("the table is gone; run `binleaf check`".to_owned()),
        _ => None,
    }
}

/// The driver's sentences begin with a capital and end with a full stop; ours do not.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn seconds(duration: &Duration) -> String {
    humantime::format_duration(*duration).to_string()
}

fn join(errors: &[SourceError]) -> String {
    let texts: Vec<String> = errors.iter().map(|error| with_causes(error)).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16) -> SourceError {
        SourceError::Refused(ServerAnswer { code, message: "…".to_owned() })
    }

    #[test]
    fn classes_follow_the_consequence() {
        assert_eq!(refused(1040).class(), Class::Transient);
        assert_eq!(refused(1045).while_connecting("h:1", "u").class(), Class::Config);
        assert_eq!(refused(1064).class(), Class::Fatal);
        let away = SourceError::Io(io::ErrorKind::ConnectionRefused.into());
        let away = away.while_connecting("h:1", "u");
        assert!(away.is_transient());
        let hosts = SourceError::of_hosts(vec![away, refused(1045).while_connecting("h:2", "u")]);
        assert!(hosts.is_transient(), "one of them may come back");
    }

    #[test]
    fn one_host_is_told_as_such_and_the_chain_repeats_nothing() {
        let error = SourceError::Io(io::Error::other("reset by peer")).while_connecting("h:1", "u");
        let fault = Fault::from(SourceError::of_hosts(vec![error]));
        assert_eq!(
            fault.chain(),
            "source h:1 cannot be reached: the connection failed: reset by peer"
        );
    }
}
