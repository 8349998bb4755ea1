//! Where in the source's binlog the copy stands.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::gtid::{GtidPosition, TransactionId};

/// A place between two transactions of the source's binlog.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// All transactions up to here; `None` where the source has GTIDs off.
    pub gtid_set: Option<GtidPosition>,
    /// The binlog file.
    pub file: String,
    /// The offset in it, in bytes, of the event after the last one covered.
    pub offset: u64,
    /// The server that file and offset belong to: `@@server_uuid`, on MariaDB `@@server_id` and `@@server_uid`.
    pub server_uuid: String,
    /// The last transaction applied, to recognise a server whose history was reset and has grown past ours.
    pub anchor: Option<Anchor>,
}

/// A transaction that can be found again in the source's binlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Its GTID.
    pub gtid: TransactionId,
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
    /// GTIDs are compared where both have them, else file and offset of one and the same server. In a domain of
    /// MariaDB's a session may set a number below the last one; there file and offset count too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.gtid_set, &other.gtid_set) {
            (Some(ours @ GtidPosition::Mariadb(_)), Some(theirs @ GtidPosition::Mariadb(_))) => {
                ours.contains_all(theirs) || self.is_behind_on_one_server(other)
            }
            (Some(ours), Some(theirs)) => ours.contains_all(theirs),
            _ => self.is_behind_on_one_server(other),
        }
    }

    fn is_behind_on_one_server(&self, other: &Self) -> bool {
        self.server_uuid == other.server_uuid && self.compare_coordinates(other) != Ordering::Less
    }

    /// Orders two places of one server by file number and offset.
    #[must_use]
    pub fn compare_coordinates(&self, other: &Self) -> Ordering {
        file_number(&self.file).cmp(&file_number(&other.file)).then(self.offset.cmp(&other.offset))
    }

    /// Moves over one transaction.
    pub fn advance(&mut self, transaction: &Transaction, end_offset: u64) {
        if let (Some(set), Some(gtid)) = (&mut self.gtid_set, &transaction.gtid)
            && set.advance(gtid)
        {
            self.anchor = Some(Anchor {
                gtid: gtid.clone(),
                file: transaction.file.to_string(),
                offset: transaction.offset,
                committed_micros: transaction.committed_micros,
            });
        }
        self.pass(&transaction.file, end_offset);
    }

    /// Goes to another server of the same group, where the old file and offset mean nothing.
    pub fn move_to(&mut self, server_uuid: &str) {
        server_uuid.clone_into(&mut self.server_uuid);
        self.file.clear();
        self.offset = 0;
        self.anchor = None;
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
    pub gtid: Option<TransactionId>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn position(gtids: &str, server: &str, offset: u64) -> Position {
        Position {
            gtid_set: Some(gtids.parse().unwrap()),
            file: "binlog.000002".to_owned(),
            offset,
            server_uuid: server.to_owned(),
            anchor: None,
        }
    }

    fn transaction(id: &str, offset: u64) -> Transaction {
        Transaction {
            gtid: Some(id.parse().unwrap()),
            file: "binlog.000002".into(),
            offset,
            committed_micros: 7,
        }
    }

    #[test]
    fn a_domain_is_passed_by_its_number_or_by_its_place() {
        let end = position("0-1-10", "1/a", 500);
        let mut ours = position("0-1-9", "1/a", 400);
        assert!(!ours.covers(&end));
        ours.advance(&transaction("0-1-10", 400), 500);
        assert!(ours.covers(&end));
        // A session went back with its number.
        ours.advance(&transaction("0-1-5", 500), 600);
        assert!(ours.covers(&end));
        ours.move_to("2/b");
        assert!(!ours.covers(&end), "a place of another server proves nothing");
        assert_eq!((ours.anchor.as_ref(), ours.file.as_str()), (None, ""));
    }

    #[test]
    fn a_transaction_of_the_other_flavour_leaves_no_anchor() {
        let mut ours = position("0-1-9", "1/a", 400);
        ours.advance(&transaction("3e11fa47-71ca-11e1-9e33-c80aa9429562:7", 400), 500);
        assert_eq!((ours.to_string().as_str(), ours.anchor), ("0-1-9", None));
    }

    #[test]
    fn positions_saved_before_mariadb_was_known_are_read() {
        let saved = serde_json::json!({
            "gtid_set": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5",
            "file": "binlog.000002",
            "offset": 157,
            "server_uuid": "3e11fa47-71ca-11e1-9e33-c80aa9429562",
            "anchor": {
                "gtid": "3e11fa47-71ca-11e1-9e33-c80aa9429562:5",
                "file": "binlog.000002",
                "offset": 97,
                "committed_micros": 1,
            },
        });
        let read: Position = serde_json::from_value(saved.clone()).unwrap();
        assert!(matches!(read.gtid_set, Some(GtidPosition::Mysql(_))));
        assert_eq!(serde_json::to_value(&read).unwrap(), saved);
    }
}
