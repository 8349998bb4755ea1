//! Where in the source's binlog the copy stands.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::gtid::{Gtid, GtidSet};

/// A place between two transactions of the source's binlog.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// All transactions up to here; `None` where the source has GTIDs off.
    pub gtid_set: Option<GtidSet>,
    /// The binlog file.
    pub file: String,
    /// The offset in it, in bytes, of the event after the last one covered.
    pub offset: u64,
    /// `@@server_uuid` of the server that file and offset belong to.
    pub server_uuid: String,
    /// The last transaction applied, to recognise a server whose history was reset and has grown past ours.
    pub anchor: Option<Anchor>,
}

/// A transaction that can be found again in the source's binlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Its GTID.
    pub gtid: Gtid,
    /// The binlog file that holds its GTID event.
    pub file: String,
    /// The offset of that event.
    pub offset: u64,
    /// When it was committed, in microseconds since the Unix epoch.
    pub committed_micros: u64,
}

impl Position {
    /// Whether every transaction up to `other` is covered here too.
    ///
    /// GTID sets are compared where both have them, else file and offset of one and the same server.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.gtid_set, &other.gtid_set) {
            (Some(ours), Some(theirs)) => ours.contains_set(theirs),
            _ => {
                self.server_uuid == other.server_uuid
                    && self.compare_coordinates(other) != Ordering::Less
            }
        }
    }

    /// Orders two places of one server by file number and offset.
    #[must_use]
    pub fn compare_coordinates(&self, other: &Self) -> Ordering {
        file_number(&self.file).cmp(&file_number(&other.file)).then(self.offset.cmp(&other.offset))
    }

    /// Moves over one transaction.
    pub fn advance(&mut self, transaction: &Transaction, end_offset: u64) {
        if let (Some(set), Some(gtid)) = (&mut self.gtid_set, &transaction.gtid) {
            set.insert(gtid);
            self.anchor = Some(Anchor {
                gtid: gtid.clone(),
                file: transaction.file.to_string(),
                offset: transaction.offset,
                committed_micros: transaction.committed_micros,
            });
        }
        self.pass(&transaction.file, end_offset);
    }

    /// Moves file and offset on, over events that are no transaction.
    pub fn pass(&mut self, file: &str, offset: u64) {
        if self.file != file {
            file.clone_into(&mut self.file);
        }
        self.offset = offset;
    }
}

impl std::fmt::Display for Position {
    /// The GTID set where there is one, else `file:offset`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.gtid_set {
            Some(set) => set.fmt(formatter),
            None => write!(formatter, "{}:{}", self.file, self.offset),
        }
    }
}

/// The number behind the last dot of a binlog's name: `binlog.000012` is 12.
#[must_use]
pub fn file_number(file: &str) -> u64 {
    file.rsplit('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The transaction that a change belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its GTID, where the source has them.
    pub gtid: Option<Gtid>,
    /// The binlog file that it begins in (no transaction spans two).
    pub file: std::sync::Arc<str>,
    /// Where it begins.
    pub offset: u64,
    /// When it was committed, in microseconds since the Unix epoch; to the second where the server tells no more.
    pub committed_micros: u64,
}

impl Transaction {
    /// How people name it: its GTID, else `file:offset`.
    #[must_use]
    pub fn describe(&self) -> String {
        self.gtid
            .as_ref()
            .map_or_else(|| format!("{}:{}", self.file, self.offset), ToString::to_string)
    }
}
