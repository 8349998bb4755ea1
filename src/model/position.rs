//! Where in the source's binlog the copy stands.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::gtid::{DomainGtid, GtidPosition, GtidSet, TransactionId};

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
    /// them, and file and offset stay before the oldest, so that a restart receives them again. MariaDB's place in a
    /// domain cannot leave one out: it stays before the oldest there.
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
    /// On MariaDB the last transaction of each domain up to which all others are covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtid_set: Option<GtidPosition>,
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
    /// On MariaDB the last transaction of its domain before it; `None` where it is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<TransactionId>,
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
        match (self.covered(), &other.gtid_set) {
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
        let ours = self.covered()?;
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

    /// The GTIDs up to which everything is covered; MySQL's leave open XA transactions out, MariaDB's cannot.
    #[must_use]
    pub fn covered(&self) -> Option<&GtidPosition> {
        let reached = self.open_xa.as_ref().and_then(|open| open.gtid_set.as_ref());
        reached.or(self.gtid_set.as_ref())
    }

    /// The last transactions of those domains (MariaDB) whose place stays before an open XA transaction: up to them
    /// everything but what is open is known, and comes again.
    pub fn known_ahead(&self) -> impl Iterator<Item = DomainGtid> {
        let domains = match (&self.gtid_set, self.covered()) {
            (Some(GtidPosition::Mariadb(place)), Some(GtidPosition::Mariadb(reached))) => {
                Some((place, reached))
            }
            _ => None,
        };
        domains.into_iter().flat_map(|(place, reached)| {
            reached.iter().filter(|last| place.last(last.domain) != Some(**last)).copied()
        })
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
        if let Some(gtid) = &transaction.gtid
            && self.advance_gtids(gtid)
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

    /// Moves the GTIDs over a transaction. False where there are none, or where it is of the other flavour.
    pub fn advance_gtids(&mut self, gtid: &TransactionId) -> bool {
        let Some(set) = &mut self.gtid_set else { return false };
        if let Some(open) = &mut self.open_xa
            && let Some(reached) = &mut open.gtid_set
        {
            let is_held_back = open.prepared.iter().any(|one| one.is_of_domain_of(gtid));
            return reached.advance(gtid) && (is_held_back || set.advance(gtid));
        }
        set.advance(gtid)
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
            let one = Prepared::new(transaction, self.covered());
            let open = self.open_xa.get_or_insert_with(|| {
                (self.file, self.offset) = (one.file.clone(), one.offset);
                Box::new(OpenXa::before(&one, self.gtid_set.as_ref()))
            });
            open.prepared.push(one);
            if let (Some(reached), Some(gtid)) = (&mut open.gtid_set, &transaction.gtid) {
                reached.advance(gtid);
            }
        }
        self.pass(&transaction.file, end_offset);
    }

    /// Moves over the transaction that committed or rolled back a prepared one. Both are covered from here on: one of
    /// them alone never is, or a restart would receive a commit without its rows.
    pub fn settle(&mut self, prepared: &Transaction, transaction: &Transaction, end_offset: u64) {
        if let (Some(GtidPosition::Mysql(set)), Some(TransactionId::Mysql(gtid))) =
            (&mut self.gtid_set, &prepared.gtid)
        {
            set.insert(gtid);
        }
        if let Some(open) = &mut self.open_xa {
            open.prepared.retain(|one| !one.is(prepared));
            self.gtid_set = open.place().or(self.gtid_set.take());
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

impl OpenXa {
    /// None yet, right before the first one.
    fn before(first: &Prepared, gtid_set: Option<&GtidPosition>) -> Self {
        let is_mariadb = |set: &&GtidPosition| matches!(set, GtidPosition::Mariadb(_));
        let (file, offset) = (first.file.clone(), first.offset);
        Self { prepared: Vec::new(), file, offset, gtid_set: gtid_set.filter(is_mariadb).cloned() }
    }

    /// On MariaDB the place in each domain: right before the oldest open one, else where everything is covered.
    fn place(&self) -> Option<GtidPosition> {
        let Some(GtidPosition::Mariadb(mut place)) = self.gtid_set.clone() else { return None };
        for one in self.prepared.iter().rev() {
            if let Some(TransactionId::Mariadb(gtid)) = &one.gtid {
                let behind = match &one.behind {
                    Some(TransactionId::Mariadb(behind)) => Some(*behind),
                    _ => None,
                };
                place.go_to(gtid.domain, behind);
            }
        }
        Some(GtidPosition::Mariadb(place))
    }
}

impl Prepared {
    fn new(transaction: &Transaction, covered: Option<&GtidPosition>) -> Self {
        let Transaction { gtid, file, offset, .. } = transaction;
        let behind = match (covered, gtid) {
            (Some(GtidPosition::Mariadb(covered)), Some(TransactionId::Mariadb(gtid))) => {
                covered.last(gtid.domain).map(TransactionId::Mariadb)
            }
            _ => None,
        };
        Self { gtid: gtid.clone(), file: file.to_string(), offset: *offset, behind }
    }

    fn is_of_domain_of(&self, other: &TransactionId) -> bool {
        match (&self.gtid, other) {
            (Some(TransactionId::Mariadb(ours)), TransactionId::Mariadb(theirs)) => {
                ours.domain == theirs.domain
            }
            _ => false,
        }
    }

    /// Whether this is where the transaction was prepared; by its GTID also on another server.
    fn is(&self, transaction: &Transaction) -> bool {
        match (&self.gtid, &transaction.gtid) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.offset == transaction.offset && *self.file == *transaction.file,
        }
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
mod tests;
