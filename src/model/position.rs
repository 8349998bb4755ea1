//! Where in the source's binlog the copy stands.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::gtid::{GtidPosition, GtidSet, TransactionId};

/// A place between two transactions of the source's binlog.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// All transactions up to here but those of `open_xa`; `None` where the source has GTIDs off.
    pub gtid_set: Option<GtidPosition>,
    /// The binlog file.
    pub file: String,
    /// The offset in it, in bytes, of the event after the last one covered.
    pub offset: u64,
    /// The server that file and offset belong to: `@@server_uuid`, on MariaDB `@@server_id` and `@@server_uid`.
    pub server_uuid: String,
    /// The last transaction applied, to recognise a server whose history was reset and has grown past ours.
    pub anchor: Option<Anchor>,
    /// XA transactions that are prepared and not settled; `None` where there are none. While there are, `gtid_set` lacks
    /// them, and file and offset stay before the oldest, so that a restart receives them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_xa: Option<Box<OpenXa>>,
}

/// XA transactions that are prepared and neither committed nor rolled back: nobody sees their rows yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenXa {
    /// The transactions, in the order of the binlog; never empty.
    pub prepared: Vec<Prepared>,
    /// The binlog file up to which all others are covered.
    pub file: String,
    /// The offset in it, in bytes.
    pub offset: u64,
}

/// Where a transaction was prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The GTID of its XA PREPARE, where the source has them.
    pub gtid: Option<TransactionId>,
    /// The binlog file.
    pub file: String,
    /// Where it begins there.
    pub offset: u64,
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
    /// MariaDB's a session may set a number below the last one; there file and offset count too. An XA transaction that
    /// is known to be prepared counts as covered: as long as it is open its rows are not visible in the source either, so
    /// that source and target agree without it. It may stay open for days, and neither the first copy's consistency nor
    /// the lag waits for that.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.gtid_set, &other.gtid_set) {
            (Some(ours @ GtidPosition::Mariadb(_)), Some(theirs @ GtidPosition::Mariadb(_))) => {
                ours.contains_all(theirs) || self.is_behind_on_one_server(other)
            }
            (Some(ours), Some(theirs)) => {
                ours.contains_all(theirs) || self.open_xa.is_some() && self.lacks(theirs) == Some(0)
            }
            _ => self.is_behind_on_one_server(other),
        }
    }

    fn is_behind_on_one_server(&self, other: &Self) -> bool {
        self.server_uuid == other.server_uuid && self.compare_coordinates(other) != Ordering::Less
    }

    /// How many transactions are neither covered here nor known to be prepared; `None` where the two cannot be compared.
    #[must_use]
    pub fn lacks(&self, theirs: &GtidPosition) -> Option<u64> {
        let ours = self.gtid_set.as_ref()?;
        let (GtidPosition::Mysql(set), GtidPosition::Mysql(all)) = (ours, theirs) else {
            return theirs.ahead_of(ours);
        };
        let mut prepared = GtidSet::default();
        for one in self.prepared() {
            if let Some(TransactionId::Mysql(gtid)) = &one.gtid {
                prepared.insert(gtid);
            }
        }
        Some(all.subtract(set).subtract(&prepared).count())
    }

    /// Orders two places of one server by file number and offset, open XA transactions left aside.
    #[must_use]
    pub fn compare_coordinates(&self, other: &Self) -> Ordering {
        let number_and_offset = |position: &Self| {
            let (file, offset) = position.reached();
            (file_number(file), offset)
        };
        number_and_offset(self).cmp(&number_and_offset(other))
    }

    /// The file and offset up to which everything but open XA transactions is covered.
    #[must_use]
    pub fn reached(&self) -> (&str, u64) {
        match &self.open_xa {
            Some(open) => (&open.file, open.offset),
            None => (&self.file, self.offset),
        }
    }

    /// Whether the transaction is known to be prepared and not settled.
    #[must_use]
    pub fn is_prepared(&self, transaction: &Transaction) -> bool {
        self.prepared().any(|one| one.is(transaction))
    }

    fn prepared(&self) -> impl Iterator<Item = &Prepared> {
        self.open_xa.iter().flat_map(|open| open.prepared.iter())
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
        if let Some(open) = &mut self.open_xa {
            open.file.clear();
            open.offset = 0;
        }
    }

    /// Moves over an XA transaction that was prepared, and leaves it open.
    pub fn prepare(&mut self, transaction: &Transaction, end_offset: u64) {
        if !self.is_prepared(transaction) {
            let one = Prepared::from(transaction);
            match &mut self.open_xa {
                Some(open) => open.prepared.push(one),
                None => {
                    (self.file, self.offset) = (one.file.clone(), one.offset);
                    let (file, offset) = (one.file.clone(), one.offset);
                    self.open_xa = Some(Box::new(OpenXa { prepared: vec![one], file, offset }));
                }
            }
        }
        self.pass(&transaction.file, end_offset);
    }

    /// Moves over the transaction that committed or rolled back a prepared one. Both are covered from here on: one of
    /// them alone never is, or a restart would receive a commit without its rows.
    pub fn settle(&mut self, prepared: &Transaction, transaction: &Transaction, end_offset: u64) {
        if let (Some(set), Some(gtid)) = (&mut self.gtid_set, &prepared.gtid) {
            set.advance(gtid);
        }
        if let Some(open) = &mut self.open_xa {
            open.prepared.retain(|one| !one.is(prepared));
            match open.prepared.first() {
                Some(oldest) => (self.file, self.offset) = (oldest.file.clone(), oldest.offset),
                None => self.open_xa = None,
            }
        }
        self.advance(transaction, end_offset);
    }

    /// Moves file and offset on, over events that are no transaction.
    pub fn pass(&mut self, file: &str, offset: u64) {
        let (at_file, at_offset) = match &mut self.open_xa {
            Some(open) => (&mut open.file, &mut open.offset),
            None => (&mut self.file, &mut self.offset),
        };
        if at_file != file {
            file.clone_into(at_file);
        }
        *at_offset = offset;
    }
}

impl Prepared {
    /// Whether this is where the transaction was prepared; by its GTID also on another server.
    fn is(&self, transaction: &Transaction) -> bool {
        match (&self.gtid, &transaction.gtid) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.offset == transaction.offset && *self.file == *transaction.file,
        }
    }
}

impl From<&Transaction> for Prepared {
    fn from(transaction: &Transaction) -> Self {
        let Transaction { gtid, file, offset, .. } = transaction;
        Self { gtid: gtid.clone(), file: file.to_string(), offset: *offset }
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
            ..Position::default()
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

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    /// The transaction of this number, a hundred bytes long.
    fn numbered(number: u64, has_gtid: bool) -> Transaction {
        let gtid = has_gtid.then(|| format!("{UUID}:{number}").parse().unwrap());
        Transaction { gtid, file: "b.1".into(), offset: number * 100, committed_micros: number }
    }

    fn at(end: u64, has_gtids: bool) -> Position {
        let gtid_set = has_gtids.then(|| format!("{UUID}:1-{end}").parse().unwrap());
        let offset = (end + 1) * 100;
        Position { gtid_set, file: "b.1".to_owned(), offset, ..Position::default() }
    }

    /// A position behind transaction 1 that has taken 2 and 4 as prepared, and 3 and 5 as ordinary ones.
    fn with_two_open(has_gtids: bool) -> Position {
        let mut position = at(1, has_gtids);
        for number in 2..=5 {
            let (one, end) = (numbered(number, has_gtids), (number + 1) * 100);
            if number % 2 == 0 {
                position.prepare(&one, end);
            } else {
                position.advance(&one, end);
            }
        }
        position
    }

    #[test]
    fn what_is_prepared_is_left_out_of_the_set_until_it_is_settled() {
        let mut position = with_two_open(true);
        assert_eq!(position.to_string(), format!("{UUID}:1:3:5"));
        position.settle(&numbered(2, true), &numbered(6, true), 700);
        assert_eq!(position.to_string(), format!("{UUID}:1-3:5-6"));
        position.settle(&numbered(4, true), &numbered(7, true), 800);
        assert_eq!(position, Position { anchor: position.anchor.clone(), ..at(7, true) });
    }

    #[test]
    fn without_gtids_the_place_stays_before_the_oldest() {
        let mut position = with_two_open(false);
        assert_eq!((position.offset, position.reached()), (200, ("b.1", 600)));
        position.settle(&numbered(2, false), &numbered(6, false), 700);
        assert_eq!((position.offset, position.reached()), (400, ("b.1", 700)));
        position.pass("b.2", 4);
        assert_eq!((position.file.as_str(), position.reached()), ("b.1", ("b.2", 4)));
        position.settle(&numbered(4, false), &numbered(7, false), 800);
        assert_eq!(position, at(7, false));
    }

    #[test]
    fn an_open_one_is_covered_and_one_that_was_never_seen_is_not() {
        for has_gtids in [true, false] {
            let position = with_two_open(has_gtids);
            assert!(position.covers(&at(5, has_gtids)), "{position:?}");
            assert!(!position.covers(&at(6, has_gtids)), "{position:?}");
        }
        let theirs = at(7, true).gtid_set.unwrap();
        assert_eq!(with_two_open(true).lacks(&theirs), Some(2), "6 and 7");
    }

    #[test]
    fn what_comes_again_stays_one() {
        for has_gtids in [true, false] {
            let mut position = with_two_open(has_gtids);
            position.prepare(&numbered(2, has_gtids), 300);
            assert_eq!(position.open_xa.unwrap().prepared.len(), 2);
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

    #[test]
    fn what_an_earlier_version_saved_is_read() {
        let saved = r#"{"gtid_set":null,"file":"b.1","offset":4,"server_uuid":"","anchor":null}"#;
        let position: Position = serde_json::from_str(saved).unwrap();
        assert_eq!(serde_json::to_string(&position).unwrap(), saved);
        let open = with_two_open(true);
        let text = serde_json::to_string(&open).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), open);
    }
}
