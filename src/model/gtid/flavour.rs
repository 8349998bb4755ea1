//! A transaction and a place in a history, in the form of whichever server they belong to.
//!
//! The two forms never mix: a place in MySQL's form covers nothing of MariaDB's, and the other way round.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{DomainGtid, DomainPosition, Gtid, GtidError, GtidSet};

/// The identifier of one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum TransactionId {
    /// `uuid:number` or `uuid:tag:number`.
    Mysql(Gtid),
    /// `domain-server-sequence`.
    Mariadb(DomainGtid),
}

/// All transactions up to a place in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum GtidPosition {
    /// A set of GTIDs, with its gaps.
    Mysql(GtidSet),
    /// The last transaction of each domain.
    Mariadb(DomainPosition),
}

/// How an empty position of MariaDB is kept: its own text, of no letters at all, is that of an empty set too.
const NOTHING_OF_MARIADB: &str = "0-0-0";

impl GtidPosition {
    /// Whether no transaction is covered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Mysql(set) => set.is_empty(),
            Self::Mariadb(position) => position.is_empty(),
        }
    }

    /// Whether the transaction is covered.
    #[must_use]
    pub fn contains(&self, id: &TransactionId) -> bool {
        match (self, id) {
            (Self::Mysql(set), TransactionId::Mysql(gtid)) => set.contains(gtid),
            (Self::Mariadb(position), TransactionId::Mariadb(gtid)) => position.contains(gtid),
            (Self::Mysql(_), TransactionId::Mariadb(_))
            | (Self::Mariadb(_), TransactionId::Mysql(_)) => false,
        }
    }

    /// Whether everything that the other covers is covered here too.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mysql(ours), Self::Mysql(theirs)) => ours.contains_set(theirs),
            (Self::Mariadb(ours), Self::Mariadb(theirs)) => ours.contains_all(theirs),
            (Self::Mysql(_), Self::Mariadb(_)) | (Self::Mariadb(_), Self::Mysql(_)) => false,
        }
    }

    /// Moves over a transaction; false for one of the other form, which moves nothing.
    pub fn advance(&mut self, id: &TransactionId) -> bool {
        match (self, id) {
            (Self::Mysql(set), TransactionId::Mysql(gtid)) => set.insert(gtid),
            (Self::Mariadb(position), TransactionId::Mariadb(gtid)) => position.advance(*gtid),
            (Self::Mysql(_), TransactionId::Mariadb(_))
            | (Self::Mariadb(_), TransactionId::Mysql(_)) => return false,
        }
        true
    }

    /// How many transactions are covered here that the other does not cover; `None` where they cannot be compared.
    #[must_use]
    pub fn ahead_of(&self, other: &Self) -> Option<u64> {
        match (self, other) {
            (Self::Mysql(ours), Self::Mysql(theirs)) => Some(ours.subtract(theirs).count()),
            (Self::Mariadb(ours), Self::Mariadb(theirs)) => Some(ours.ahead_of(theirs)),
            (Self::Mysql(_), Self::Mariadb(_)) | (Self::Mariadb(_), Self::Mysql(_)) => None,
        }
    }
}

impl FromStr for TransactionId {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.contains(':') {
            true => text.parse().map(Self::Mysql),
            false => text.parse().map(Self::Mariadb),
        }
    }
}

impl FromStr for GtidPosition {
    type Err = GtidError;

    /// Every part of a set has a colon, and none of a position of MariaDB's. Nothing at all is an empty set.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.contains(':') || text.trim().is_empty() {
            true => text.parse().map(Self::Mysql),
            false => text.parse().map(Self::Mariadb),
        }
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mysql(gtid) => gtid.fmt(formatter),
            Self::Mariadb(gtid) => gtid.fmt(formatter),
        }
    }
}

impl fmt::Display for GtidPosition {
    /// As the server prints it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mysql(set) => set.fmt(formatter),
            Self::Mariadb(position) => position.fmt(formatter),
        }
    }
}

impl From<TransactionId> for String {
    fn from(id: TransactionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TransactionId {
    type Error = GtidError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GtidPosition> for String {
    fn from(position: GtidPosition) -> Self {
        match position {
            GtidPosition::Mariadb(position) if position.is_empty() => NOTHING_OF_MARIADB.to_owned(),
            position => position.to_string(),
        }
    }
}

impl TryFrom<String> for GtidPosition {
    type Error = GtidError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Gtid> for TransactionId {
    fn from(gtid: Gtid) -> Self {
        Self::Mysql(gtid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5";

    fn position(text: &str) -> GtidPosition {
        text.parse().unwrap()
    }

    #[test]
    fn a_text_tells_its_flavour() {
        assert!(matches!(position(SET), GtidPosition::Mysql(_)));
        assert!(matches!(position(""), GtidPosition::Mysql(_)));
        assert!(matches!(position("0-1-42,1-7-3"), GtidPosition::Mariadb(_)));
        assert!("nonsense".parse::<GtidPosition>().is_err());
        let id: TransactionId = "0-1-42".parse().unwrap();
        assert!(matches!(id, TransactionId::Mariadb(_)));
        let id: TransactionId = "3e11fa47-71ca-11e1-9e33-c80aa9429562:5".parse().unwrap();
        assert!(matches!(id, TransactionId::Mysql(_)));
    }

    #[test]
    fn every_position_is_kept_as_its_text_and_read_back() {
        let nothing = GtidPosition::Mariadb(DomainPosition::default());
        assert_eq!(nothing.to_string(), "");
        for (position, kept) in [
            (position(SET), SET),
            (position(""), ""),
            (position("0-1-42"), "0-1-42"),
            (nothing, "0-0-0"),
        ] {
            let text = serde_json::to_string(&position).unwrap();
            assert_eq!(text, format!("\"{kept}\""));
            assert_eq!(serde_json::from_str::<GtidPosition>(&text).unwrap(), position);
        }
    }

    #[test]
    fn the_flavours_never_mix() {
        let (mut mysql, mut mariadb) = (position(SET), position("0-1-42"));
        let (uuid, domain) =
            (SET.replace("1-5", "9").parse().unwrap(), "0-1-43".parse::<TransactionId>().unwrap());
        assert!(!mysql.contains(&domain) && !mariadb.contains(&uuid));
        assert!(!mysql.contains_all(&mariadb) && !mariadb.contains_all(&mysql));
        assert_eq!(mysql.ahead_of(&mariadb), None);
        assert!(!mysql.advance(&domain) && !mariadb.advance(&uuid));
        assert!(mysql.advance(&uuid) && mariadb.advance(&domain));
        assert_eq!(mariadb.to_string(), "0-1-43");
        assert_eq!(mysql.ahead_of(&position(SET)), Some(1));
    }
}
