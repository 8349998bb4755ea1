//! What goes wrong between us and the target, and the fault that it becomes.
//!
//! The driver's errors are not kept as sources, because their texts may quote documents, keys and addresses with
//! passwords. [`Problem`] holds what is left of one.

use std::{io, time::Duration};

use mongodb::error::{Error as DriverError, ErrorKind};

use super::{
    codes::{self, Consequence},
    redact,
};
use crate::model::{
    fault::{Class, Fault, Stage},
    write::Collection,
};

/// An error of the target or of the way to it, free of values and secrets.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct Problem {
    /// What it leads to.
    pub consequence: Consequence,
    /// The target's code; 0 where it is none of the target's.
    pub code: i32,
    /// What it says, cut down.
    pub text: String,
    /// What the user can do.
    pub hint: Option<&'static str>,
}

/// What a station that talks to the target fails with.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The connection string cannot be had.
    #[error("target.uri cannot be read: {reason}")]
    Secret {
        /// Why; no secret.
        reason: String,
        /// The cause.
        #[source]
        source: Option<io::Error>,
    },
    /// The connection string is not one.
    #[error("target.uri is not a usable connection string: {reason}")]
    Uri {
        /// Why; no part of the string that may hold a password.
        reason: String,
    },
    /// The target or the way to it said no.
    #[error("the target could not {doing}")]
    Target {
        /// What was asked of it, such as `write`.
        doing: &'static str,
        /// What it said.
        #[source]
        problem: Problem,
    },
    /// The target did not answer in time.
    #[error("the target did not {doing} within {} seconds", limit.as_secs())]
    TimedOut {
        /// What was asked of it.
        doing: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// A write of unknown outcome cannot be shown to have ended.
    #[error("an earlier write may still be running in the target")]
    StillRunning,
    /// The task that talks to the target ended without an answer.
    #[error("the task that should {doing} ended without an answer")]
    Lost {
        /// What was asked.
        doing: &'static str,
    },
    /// The answer is not what the protocol says.
    #[error("the target's answer to {doing} has no usable `{field}`")]
    Answer {
        /// What was asked of it.
        doing: &'static str,
        /// What is missing or of another type.
        field: &'static str,
    },
    /// The collection cannot be used as it is.
    #[error("collection {collection}: {reason}")]
    Collection {
        /// Which one.
        collection: Collection,
        /// Why.
        reason: String,
        /// What the user can do.
        hint: String,
    },
}

impl SinkError {
    /// What it leads to.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Secret { .. } | Self::Uri { .. } => Class::Config,
            Self::Target { problem, .. } => problem.class(),
            Self::TimedOut { .. } | Self::StillRunning | Self::Answer { .. } => Class::Transient,
            Self::Lost { .. } | Self::Collection { .. } => Class::Fatal,
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Secret { .. } => Some("set target.uri, or name a readable file with target.uri_file".to_owned()),
            Self::Uri { .. } => Some("the form is mongodb://USER:PASSWORD@HOST:27017/?authSource=admin (or mongodb+srv://…); @ : / % in user and password are written %40 %3A %2F %25".to_owned()),
            Self::Target { problem, .. } => problem.hint.map(str::to_owned),
            Self::Collection { hint, .. } => Some(hint.clone()),
            Self::TimedOut { .. } | Self::StillRunning | Self::Answer { .. } => None,
            Self::Lost { .. } => Some("this is a bug in binleaf: report what standard error says".to_owned()),
        }
    }

    /// The problem that the target told, if it told one.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Target { problem, .. } => Some(problem),
            Self::Secret { .. }
            | Self::Uri { .. }
            | Self::TimedOut { .. }
            | Self::StillRunning
            | Self::Lost { .. }
            | Self::Answer { .. }
            | Self::Collection { .. } => None,
        }
    }

    /// Whether the target answered with this code.
    #[must_use]
    pub fn has_code(&self, code: i32) -> bool {
        self.problem().is_some_and(|problem| problem.code == code)
    }

    /// The fault that it is at a station.
    #[must_use]
    pub fn into_fault(self, stage: Stage) -> Fault {
        let hint = self.hint();
        let fault = Fault::new(self.class(), stage, self.to_string());
        let fault = match self {
            Self::Target { problem, .. } => fault.caused_by(problem),
            Self::Secret { source: Some(source), .. } => fault.caused_by(source),
            Self::Secret { source: None, .. }
            | Self::Uri { .. }
            | Self::TimedOut { .. }
            | Self::StillRunning
            | Self::Lost { .. }
            | Self::Answer { .. }
            | Self::Collection { .. } => fault,
        };
        match hint {
            Some(hint) => fault.with_hint(hint),
            None => fault,
        }
    }
}

impl From<SinkError> for Fault {
    fn from(error: SinkError) -> Self {
        error.into_fault(Stage::Sink)
    }
}

impl Problem {
    /// What the whole pipeline does about it. A problem of one document that nothing can isolate stops it.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self.consequence {
            Consequence::Transient | Consequence::Uncertain => Class::Transient,
            Consequence::Fatal | Consequence::Record | Consequence::Suspect => Class::Fatal,
        }
    }

    /// What the target says of a command as a whole.
    #[must_use]
    pub fn of_command(code: i32, name: &str, text: &str) -> Self {
        let (consequence, hint) = codes::look_up(code, text);
        Self { consequence, code, text: told(code, name, &redact::command_text(text)), hint }
    }

    /// What the target says of one document.
    #[must_use]
    pub fn of_document(code: i32, text: &str) -> Self {
        let (consequence, hint) = codes::look_up(code, text);
        let text = redact::document_text(text);
        // A word or two before the first quotation say less than the code's name.
        let text = if text.split_whitespace().count() > 2 { text.as_str() } else { "" };
        Self { consequence, code, text: told(code, "", text), hint }
    }

    fn of_driver(consequence: Consequence, text: String, hint: Option<&'static str>) -> Self {
        Self { consequence, code: 0, text, hint }
    }
}

fn told(code: i32, name: &str, text: &str) -> String {
    let name = if name.is_empty() { codes::name(code).unwrap_or_default() } else { name };
    match (name.is_empty(), text.is_empty()) {
        (true, true) => format!("error {code}"),
        (true, false) => format!("{text} (error {code})"),
        (false, true) => format!("{name} (error {code})"),
        (false, false) => format!("{text} (error {code}, {name})"),
    }
}

const LOGIN: Option<&str> =
    Some("check user, password and authSource in target.uri (authSource is often admin)");
const REACH: Option<&str> = Some(
    "check that the target runs, that host and port of target.uri are right, and that no firewall (on Atlas: the IP access list) is in the way",
);
const TLS: Option<&str> = Some(
    "check the TLS settings of target.uri: tls=true, tlsCAFile=…, tlsCertificateKeyFile=…, and that the certificate is made out to the host's name",
);
const VERSION: Option<&str> = Some("binleaf needs MongoDB 4.4 or newer");

impl From<&DriverError> for Problem {
    /// Every kind of error that the driver has. `Uncertain` is the answer wherever the command may have left.
    fn from(error: &DriverError) -> Self {
        use Consequence::{Fatal, Suspect, Transient, Uncertain};
        let plain =
            |consequence, text: &str, hint| Self::of_driver(consequence, text.to_owned(), hint);
        match error.kind.as_ref() {
            ErrorKind::Command(command) => of_command_error(error, command),
            ErrorKind::Io(cause) => of_io(cause),
            ErrorKind::ServerSelection { message, .. } => of_selection(message),
            ErrorKind::ConnectionPoolCleared { .. } => {
                plain(Uncertain, "the connection was lost", REACH)
            }
            ErrorKind::DnsResolve { .. } => {
                plain(Transient, "its host name cannot be resolved", REACH)
            }
            ErrorKind::Authentication { message, .. } => {
                Self::of_driver(Fatal, redact::command_text(message), LOGIN)
            }
            ErrorKind::InvalidTlsConfig { message, .. } => {
                Self::of_driver(Fatal, redact::command_text(message), TLS)
            }
            ErrorKind::IncompatibleServer { message, .. } => {
                Self::of_driver(Fatal, redact::command_text(message), VERSION)
            }
            ErrorKind::InvalidArgument { .. } => {
                plain(Suspect, "the driver refuses the command", None)
            }
            ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. } => {
                plain(Uncertain, "its answer cannot be read", None)
            }
            ErrorKind::Internal { .. } => plain(Uncertain, "the driver failed inside", None),
            ErrorKind::Shutdown => plain(Transient, "the connection is being replaced", None),
            ErrorKind::SessionsNotSupported => plain(Fatal, "it has no sessions", VERSION),
            // Kinds of operations that are never asked for here, and those of later driver versions.
            _ => plain(Uncertain, "the driver failed in an unforeseen way", None),
        }
    }
}

fn of_command_error(error: &DriverError, command: &mongodb::error::CommandError) -> Problem {
    let mut problem = Problem::of_command(command.code, &command.code_name, &command.message);
    let retryable = ["RetryableWriteError", "TransientTransactionError", "RetryableError"]
        .iter()
        .any(|label| error.contains_label(label));
    if retryable && problem.consequence == Consequence::Suspect {
        problem.consequence = Consequence::Uncertain;
    }
    problem
}

fn of_io(cause: &io::Error) -> Problem {
    let text = redact::command_text(&cause.to_string());
    if is_about_tls(&text) {
        return Problem::of_driver(Consequence::Fatal, text, TLS);
    }
    Problem::of_driver(Consequence::Uncertain, text, REACH)
}

/// The driver's text holds the whole topology, with the reason of each server's failure inside.
fn of_selection(message: &str) -> Problem {
    let reason = selection_reason(message);
    let lower = message.to_ascii_lowercase();
    if lower.contains("wire version") {
        return Problem::of_driver(
            Consequence::Fatal,
            "its version is not supported".to_owned(),
            VERSION,
        );
    }
    if is_about_tls(&lower) {
        return Problem::of_driver(Consequence::Fatal, format!("TLS failed: {reason}"), TLS);
    }
    Problem::of_driver(Consequence::Transient, reason, REACH)
}

fn is_about_tls(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["certificate", "tls alert", "received fatal alert", "unknownissuer", "handshake failure"]
        .iter()
        .any(|words| text.contains(words))
}

/// What the first server that failed says, such as `connection refused`.
fn selection_reason(message: &str) -> String {
    let reason = ["I/O error: ", "Error: "]
        .iter()
        .find_map(|mark| message.split_once(mark))
        .and_then(|(_, rest)| rest.split([',', '}', '{']).next())
        .map(|reason| redact::command_text(reason.trim()));
    match reason {
        Some(reason) if !reason.is_empty() => format!("it cannot be reached ({reason})"),
        _ => "it cannot be reached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_tells_what_the_target_said_without_values() {
        let problem = Problem::of_document(121, "Document failed validation { _id: \"secret\" }");
        let error = SinkError::Target { doing: "write", problem };
        let fault = Fault::from(error);
        assert_eq!(
            fault.chain(),
            "the target could not write: Document failed validation (error 121, DocumentValidationFailure)"
        );
    }

    #[test]
    fn a_wrong_password_is_fatal_and_told_with_a_hint() {
        let problem = Problem::of_command(18, "AuthenticationFailed", "Authentication failed.");
        let error = SinkError::Target { doing: "connect", problem };
        assert_eq!(error.class(), Class::Fatal);
        assert!(error.hint().is_some_and(|hint| hint.contains("authSource")));
    }

    #[test]
    fn the_reason_is_found_in_the_topology() {
        let message = "Server selection timeout: No available servers. Topology: { Type: Single, Servers: [ { Address: 127.0.0.1:1, Type: Unknown, Error: Kind: I/O error: Connection refused (os error 111), labels: {} } ] }";
        let problem = of_selection(message);
        assert_eq!(problem.text, "it cannot be reached (Connection refused (os error 111))");
        assert_eq!(problem.consequence, Consequence::Transient);
        let expired = "… Error: Kind: I/O error: invalid peer certificate: Expired, labels: {} …";
        assert_eq!(of_selection(expired).consequence, Consequence::Fatal);
    }
}
