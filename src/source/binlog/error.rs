//! What can go wrong while the binlog is read, and what each means for the pipeline.
//!
//! Texts name tables, verbs and settings; never a row, never a statement's own words behind its verb.

use std::time::Duration;

use super::wire::Malformed;
use crate::{
    model::{
        fault::{Class, Fault, Stage},
        table::TableName,
    },
    source::error::{ServerAnswer, SourceError},
};

/// An error of the binlog.
#[derive(Debug, thiserror::Error)]
pub enum BinlogError {
    /// An event is not what the protocol says.
    #[error("an event of type {kind} cannot be read")]
    Malformed {
        /// Its type code.
        kind: u8,
        /// What is wrong.
        #[source]
        malformed: Malformed,
    },
    /// An event was changed on its way.
    #[error("the checksum of an event of type {0} is wrong")]
    Checksum(u8),
    /// A compressed transaction did not inflate to what it says.
    #[error("a compressed transaction holds {seen} bytes of events and not {declared}")]
    Payload {
        /// What its head says.
        declared: u64,
        /// What came.
        seen: u64,
    },
    /// The transport could not cope with what came.
    #[error("the transport failed on a packet of the binlog")]
    Transport,
    /// A transaction began before the one before it had ended.
    #[error("a transaction has no end")]
    Unfinished,
    /// Nothing was heard, not even a heartbeat.
    #[error("the source was silent for {}", humantime::format_duration(*.0))]
    Silent(Duration),
    /// The source closed the stream.
    #[error("the source ended the stream")]
    Ended,
    /// The source went on elsewhere while the stream said nothing.
    #[error("the stream stands still, and the source has gone on without it")]
    Stalled,
    /// The server refused to go on.
    #[error("the source refused the stream")]
    Refused(#[source] ServerAnswer),
    /// The connection failed, or could not be made.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An event of a type that this version does not know.
    #[error("the binlog has an event of the unknown type {0}")]
    UnknownEvent(u8),
    /// An event larger than `limits.event`.
    #[error("an event of {size} bytes is larger than limits.event ({limit} bytes)")]
    TooLarge {
        /// The table that it belongs to, where it is known.
        table: Option<TableName>,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A packet that the protocol's own bound forbids.
    #[error("an event is larger than 1 GiB")]
    PacketTooLarge,
    /// The server says that changes are missing from its binlog.
    #[error("the source says that its binlog lacks changes (incident event)")]
    Incident,
    /// MariaDB says that what follows is encrypted.
    #[error("the source sent its binlog encrypted")]
    Encrypted,
    /// MariaDB cut a rows event into pieces.
    #[error("the source sent a rows event in pieces (type 172)")]
    FragmentedRows,
    /// A transaction without a GTID where GTIDs are used.
    #[error("the source sent a transaction without a GTID")]
    Anonymous,
    /// The commit of an XA transaction whose rows were logged before the stream began and that no copy holds.
    #[error(
        "an XA transaction was committed that had been prepared before the copy began: its rows are missing"
    )]
    XaUnknown,
    /// Held rows of an XA transaction could not be written to a file or read back.
    #[error("rows of a prepared XA transaction could not be kept in a temporary file")]
    Spool(#[source] std::io::Error),
    /// A statement that changes rows, logged as its text.
    #[error("{verb} is logged as a statement and not as rows")]
    Statement {
        /// Its verb.
        verb: &'static str,
        /// Its table, where it could be told.
        table: Option<TableName>,
    },
    /// Rows of a transaction that was rolled back in part or in whole.
    #[error("rows were logged and then rolled back")]
    RolledBack,
    /// A schema change that is not followed.
    #[error("{verb} changed a copied table")]
    SchemaChange {
        /// Its verb.
        verb: &'static str,
        /// The table.
        table: TableName,
    },
    /// A schema change that could not be read.
    #[error("{0} names its tables in a form that this version does not read")]
    UnreadableStatement(&'static str),
    /// The rows' layout is not that of the known schema.
    #[error("the binlog's rows do not fit the table: {difference}")]
    Mismatch {
        /// The table.
        table: TableName,
        /// What differs.
        difference: String,
    },
    /// A column that this version does not map.
    #[error("column {column} has a type that this version does not map: {declared}")]
    Unsupported {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Its type.
        declared: String,
    },
}

impl BinlogError {
    /// Whether it may be the fault of the line or of a disk, so that reading the same bytes again may help.
    #[must_use]
    pub const fn is_corruption(&self) -> bool {
        matches!(
            self,
            Self::Checksum(_) | Self::Payload { .. } | Self::Transport | Self::Unfinished
        )
    }

    /// What the pipeline does about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Checksum(_)
            | Self::Payload { .. }
            | Self::Transport
            | Self::Unfinished
            | Self::Silent(_)
            | Self::Stalled
            | Self::Ended
            | Self::Spool(_) => Class::Transient,
            Self::Refused(answer) => class_of_refusal(answer),
            Self::Source(error) => error.class(),
            Self::Malformed { .. }
            | Self::UnknownEvent(_)
            | Self::TooLarge { .. }
            | Self::PacketTooLarge
            | Self::Incident
            | Self::Encrypted
            | Self::FragmentedRows
            | Self::Anonymous
            | Self::XaUnknown
            | Self::Statement { .. }
            | Self::RolledBack
            | Self::SchemaChange { .. }
            | Self::UnreadableStatement(_)
            | Self::Mismatch { .. }
            | Self::Unsupported { .. } => Class::Fatal,
        }
    }

    /// The table concerned.
    const fn table(&self) -> Option<&TableName> {
        match self {
            Self::TooLarge { table, .. } | Self::Statement { table, .. } => table.as_ref(),
            Self::SchemaChange { table, .. }
            | Self::Mismatch { table, .. }
            | Self::Unsupported { table, .. } => Some(table),
            _ => None,
        }
    }

    /// What the user can do.
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Refused(answer) => return hint_of_refusal(answer),
            Self::Checksum(_) | Self::Payload { .. } | Self::Transport | Self::Unfinished => {
                "if it comes back at the same place, the binlog file is damaged on the source: check it with `mysqlbinlog --verify-binlog-checksum`"
            }
            Self::Malformed { .. } | Self::UnknownEvent(_) => {
                "this version does not know what the server wrote: report it with the server's version"
            }
            Self::TooLarge { .. } => "raise limits.event, or write smaller rows",
            Self::PacketTooLarge => "no replica can read such an event; write smaller rows",
            Self::Incident => {
                "`binleaf checkpoint reset`, then `binleaf run`, copies all tables anew"
            }
            Self::Encrypted => {
                "a server decrypts its binlog for those who may read it; one that does not cannot be followed: SET GLOBAL encrypt_binlog cannot be changed while it runs, so take encrypt-binlog out of my.cnf, restart the server, and copy anew with `binleaf checkpoint reset`"
            }
            Self::FragmentedRows => {
                "this version cannot put such rows together: raise binlog_row_event_fragment_threshold on the source, then `binleaf checkpoint reset` and `binleaf run` copy the tables anew"
            }
            Self::Anonymous => {
                "SET GLOBAL gtid_mode = ON; -- all transactions need a GTID once the position is a GTID set"
            }
            Self::XaUnknown => {
                "`binleaf checkpoint reset`, then `binleaf run`, copies the tables anew; with the right XA_RECOVER_ADMIN the copy first waits for such transactions"
            }
            Self::Spool(_) => {
                "see that the folder for temporary files (TMPDIR) has room: it holds the rows of XA transactions until they are committed"
            }
            Self::Statement { table, .. } => return Some(statement_hint(table.as_ref())),
            Self::RolledBack => {
                "`binleaf checkpoint reset`, then `binleaf run`, copies the tables anew"
            }
            Self::SchemaChange { table, .. } => return Some(reset_hint(table)),
            Self::UnreadableStatement(_) => {
                "report the statement; `binleaf checkpoint reset`, then `binleaf run`, copies all tables anew"
            }
            Self::Mismatch { table, .. } => {
                return Some(format!(
                    "{}; with binlog_row_metadata = FULL set before a table is altered, the binlog itself tells the layout",
                    reset_hint(table)
                ));
            }
            Self::Unsupported { table, .. } => {
                return Some(format!("leave the table out: source.exclude_tables = [\"{table}\"]"));
            }
            Self::Silent(_) | Self::Stalled | Self::Ended | Self::Source(_) => return None,
        };
        Some(text.to_owned())
    }
}

fn reset_hint(table: &TableName) -> String {
    format!(
        "`binleaf checkpoint reset --tables {table}`, then `binleaf run`, copies the table anew"
    )
}

fn statement_hint(table: Option<&TableName>) -> String {
    let reset = table.map_or_else(
        || "`binleaf checkpoint reset`, then `binleaf run`, copies the tables anew".to_owned(),
        reset_hint,
    );
    format!("SET GLOBAL binlog_format=ROW; and let no session choose another; {reset}")
}

/// `ER_SOURCE_FATAL_ERROR_READING_BINLOG`: all refusals of the dump thread have this one number.
const DUMP_FAILED: u16 = 1236;

/// What a refusal of the dump thread is about (MySQL source, `sql/rpl_binlog_sender.cc`).
enum Refusal {
    Purged,
    Ahead,
    SameId,
    NoGtids,
    TooLarge,
    Other,
}

impl Refusal {
    fn of(answer: &ServerAnswer) -> Self {
        let text = answer.message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|part| text.contains(part));
        if says(&["purged", "could not find first log file", "could not find next log"]) {
            Self::Purged
        } else if says(&[
            "more gtids than",
            "impossible position",
            "position > file size",
            "not in the master's binlog",
            "diverged",
        ]) {
            Self::Ahead
        } else if says(&["same server_uuid", "same server_id"]) {
            Self::SameId
        } else if says(&["gtid_mode"]) {
            Self::NoGtids
        } else if says(&["max_allowed_packet"]) {
            Self::TooLarge
        } else {
            Self::Other
        }
    }
}

fn class_of_refusal(answer: &ServerAnswer) -> Class {
    if answer.code != DUMP_FAILED {
        return SourceError::Refused(answer.clone()).class();
    }
    match Refusal::of(answer) {
        Refusal::Purged | Refusal::Ahead => Class::PositionLost,
        Refusal::SameId | Refusal::NoGtids | Refusal::TooLarge | Refusal::Other => Class::Fatal,
    }
}

fn hint_of_refusal(answer: &ServerAnswer) -> Option<String> {
    let text = match Refusal::of(answer) {
        Refusal::Purged => {
            "the source no longer has the binlog that the copy needs: `binleaf checkpoint reset`, then `binleaf run`, makes a new copy; keep binlogs longer with binlog_expire_logs_seconds"
        }
        Refusal::Ahead => {
            "the source lacks changes that the copy has: it is another server, or its binlog was reset; `binleaf checkpoint reset`, then `binleaf run`, makes a new copy"
        }
        Refusal::SameId => {
            "another replica uses the same id: set source.server_id to a number of its own, and run one binleaf a pipeline"
        }
        Refusal::NoGtids => {
            "the saved position is a GTID set: SET GLOBAL gtid_mode = ON; or `binleaf checkpoint reset` for a new copy by file and offset"
        }
        Refusal::TooLarge => "SET GLOBAL max_allowed_packet = 1073741824; -- on the source",
        Refusal::Other if answer.code == DUMP_FAILED => {
            "the server's error log tells more; `binleaf check` looks at the settings"
        }
        Refusal::Other => return None,
    };
    Some(text.to_owned())
}

impl From<BinlogError> for Fault {
    fn from(error: BinlogError) -> Self {
        if let BinlogError::Source(error) = error {
            return error.into();
        }
        let mut fault = Self::new(error.class(), Stage::Binlog, error.to_string());
        if let Some(table) = error.table() {
            fault = fault.at_table(table);
        }
        if let Some(hint) = error.hint() {
            fault = fault.with_hint(hint);
        }
        match error {
            BinlogError::Malformed { malformed, .. } => fault.caused_by(malformed),
            BinlogError::Refused(answer) => fault.caused_by(answer),
            BinlogError::Spool(error) => fault.caused_by(error),
            _ => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> BinlogError {
        BinlogError::Refused(ServerAnswer { code: DUMP_FAILED, message: message.to_owned() })
    }

    #[test]
    fn the_dump_threads_words_say_what_is_lost() {
        for (message, class) in [
            (
                "Cannot replicate because the source purged required binary logs. Replicate the missing",
                Class::PositionLost,
            ),
            ("Could not find first log file name in binary log index file", Class::PositionLost),
            (
                "Client requested source to start replication from position > file size",
                Class::PositionLost,
            ),
            (
                "Replica has more GTIDs than the source has, using the source's SERVER_UUID",
                Class::PositionLost,
            ),
            (
                "A replica with the same server_uuid/server_id as this replica has connected to the source",
                Class::Fatal,
            ),
            (
                "The replication sender thread cannot start in AUTO_POSITION mode: this server has GTID_MODE = OFF instead of ON.",
                Class::Fatal,
            ),
            ("something else", Class::Fatal),
        ] {
            let fault = Fault::from(refused(message));
            assert_eq!(fault.class, class, "{message}");
            assert!(fault.hint.is_some(), "{message}");
        }
        let answer = ServerAnswer { code: 1053, message: "Server shutdown in progress".to_owned() };
        assert_eq!(BinlogError::Refused(answer).class(), Class::Transient);
    }

    #[test]
    fn a_statement_names_its_table_and_the_way_out() {
        let table = Some(TableName::new("shop", "orders"));
        let fault = Fault::from(BinlogError::Statement { verb: "UPDATE", table });
        assert_eq!(
            fault.to_string(),
            "table shop.orders: UPDATE is logged as a statement and not as rows"
        );
        let hint = fault.hint.unwrap();
        assert!(
            hint.contains("SET GLOBAL binlog_format=ROW") && hint.contains("--tables shop.orders")
        );
    }
}
